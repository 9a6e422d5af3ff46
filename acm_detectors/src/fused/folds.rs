//! The principal subspace of lagged rows, of all of them and of all but one stretch after another.

use std::ops::Range;

use acm_linalg::covariance::Centered;
use acm_linalg::dense::{Rows, symmetric_eigen};
use acm_linalg::memory::{copied, reserved};
use acm_linalg::pca::{Components, principal};
use acm_linalg::samples::room;
use acm_linalg::{Result, Samples, parallel};

use crate::folds::{Fold, joined, sums};
use crate::lagged::{Lagged, Points};
use crate::packed::Packed;
use crate::product::of_points;

/// Variances below this share of the greatest are rounding.
const NOTHING: f64 = 1e-12;

/// A model of the rows: where they are centred, the matrix that leaves of a point the residual of its present row, and the
/// components.
pub(super) struct Subspace {
    pub(super) lagged: Lagged,
    /// (d, width), row-major.
    pub(super) residual: Vec<f64>,
    /// (kept, width), and the variance of each.
    pub(super) components: Vec<f64>,
    pub(super) variances: Vec<f64>,
    pub(super) kept: usize,
    noise: Vec<f64>,
}

impl Subspace {
    /// The covariance (d, d) that the noise gives residuals; nothing without any.
    pub(super) fn noise(&self) -> Result<Vec<f64>> {
        let (sensors, width) = (self.noise.len(), self.lagged.width());
        let mut covariance = room(sensors, sensors, 0.0, "a matrix")?;
        let rows = || self.residual.chunks_exact(width).enumerate();
        for (row, one) in rows() {
            for (column, other) in rows().take(sensors) {
                let noise = self.noise.iter().cycle();
                covariance[row * sensors + column] =
                    one.iter().zip(other).zip(noise).map(|((one, other), noise)| one * noise * other).sum();
            }
        }
        Ok(covariance)
    }
}

/// Residuals of every row outside the fold that it was predicted from, and the model of all rows.
pub(super) struct Outside {
    /// d residuals and the squared length of the whole residual, row after row.
    pub(super) residuals: Vec<f64>,
    pub(super) model: Subspace,
    /// The models of all rows but those that each of them judges, without their components.
    pub(super) apart: Vec<Subspace>,
}

/// What the parameters ask for, and the rows that count.
pub(super) struct Task<'a, 'x> {
    pub(super) x: Samples<'x>,
    pub(super) good: &'a [bool],
    pub(super) folds: &'a [Range<usize>],
    /// The model that judges each fold: one of all folds that another one judges.
    pub(super) judges: &'a [usize],
    pub(super) keep: Components,
    /// A variance that each sensor has beside what its readings show, in its scale; nothing for none.
    pub(super) noise: &'a [f64],
}

impl Task<'_, '_> {
    /// Fits all but each judge's folds, and all; `lagged` has no means yet.
    ///
    /// The products of a fold's rows are summed once and shared by all models that contain the fold, so nothing is ever
    /// subtracted.
    pub(super) fn outside(&self, lagged: &Lagged) -> Result<Outside> {
        let (width, sensors) = (lagged.width(), lagged.kept.len());
        let count = self.judges.iter().max().map_or(0, |last| last + 1);
        let mut models = reserved(count + 1, "the folds")?;
        if self.few(lagged) {
            // The last is the model of all folds.
            for number in 0..=count {
                models.push(Some(self.thin(lagged, (number < count).then_some(number))));
            }
        } else {
            let parts = sums(lagged, self.x, self.good, self.folds)?;
            models.resize_with(count + 1, || None);
            let cost = (width * width * (count + 1)) as f64 * (2.0 * count as f64 + 3.0 * width as f64);
            parallel::run(
                models.iter_mut().enumerate(),
                cost,
                || Ok(()),
                |(), (number, model), stop| {
                    if !stop.requested() {
                        *model = Some(self.model(lagged, &parts, (number < count).then_some(number)));
                    }
                },
            )?;
        }
        let mut residuals = room(self.x.rows(), sensors + 1, 0.0, "residuals of the training rows")?;
        let mut last = None;
        let mut apart = reserved(count, "the folds")?;
        for (number, model) in models.into_iter().enumerate() {
            let Some(mut model) = model.transpose()? else { continue };
            if number < count {
                let residual = Packed::full(&model.residual, sensors, width)?;
                // Where there are no components, one of zeros explains nothing.
                let none = room(width, 1, 0.0, "a matrix")?;
                let components = if model.kept == 0 { &none } else { &model.components };
                let explained = Packed::full(components, model.kept.max(1), width)?;
                for (rows, _) in self.folds.iter().zip(self.judges).filter(|(_, judge)| **judge == number) {
                    let out = &mut residuals[rows.start * (sensors + 1)..rows.end * (sensors + 1)];
                    of_points(&model.lagged, &residual, Some(&explained), self.x, rows.clone(), out)?;
                }
                model.components = Vec::new();
                apart.push(model);
            } else {
                last = Some(model);
            }
        }
        match last {
            Some(model) => Ok(Outside {
                residuals,
                model,
                apart,
            }),
            None => Err(acm_linalg::Error::Interrupted),
        }
    }

    /// Whether there are so few rows that their products with each other are far fewer than those of the coordinates.
    pub(super) fn few(&self, lagged: &Lagged) -> bool {
        self.noise.is_empty() && few(self.x.rows(), lagged.width())
    }

    /// The same as [`Self::model`] from the rows themselves.
    fn thin(&self, lagged: &Lagged, out: Option<usize>) -> Result<Subspace> {
        let mut rows = reserved(self.x.rows(), "the rows of the folds")?;
        let inside = |number: usize| out != Some(self.judges[number]);
        for (number, fold) in self.folds.iter().enumerate().filter(|(number, _)| inside(*number)) {
            let whole = number == 0 || inside(number - 1);
            let first = if whole { fold.start } else { (fold.start + lagged.lags).min(fold.end) };
            rows.extend((first..fold.end).filter(|&row| self.good[row]));
        }
        let chosen = Chosen {
            points: lagged.points(self.x),
            rows: &rows,
        };
        if self.keep == Components::Count(0) {
            return self.subspace(lagged, Centered::new(&chosen)?.mean()?, Vec::new(), Vec::new(), 0);
        }
        let found = principal(&chosen, self.keep)?;
        let kept = count_kept(&found.variances, self.keep).min(found.kept);
        self.subspace(lagged, found.mean, found.components, found.variances, kept)
    }

    /// Without the folds of the judge `out` and the rows after them whose lags reach into them.
    fn model(&self, lagged: &Lagged, parts: &[Fold], out: Option<usize>) -> Result<Subspace> {
        let width = lagged.width();
        let (mean, mut covariance) = joined(parts, |number| out != Some(self.judges[number]))?.moments()?;
        for place in 0..width {
            if let Some(noise) = self.noise.get(place % lagged.kept.len()) {
                covariance[place * (width + 1)] += noise;
            }
        }
        let (mut kept, mut components, mut variances) = (0, Vec::new(), Vec::new());
        if self.keep != Components::Count(0) {
            (variances, components) = symmetric_eigen(&covariance, width, "x")?;
            kept = count_kept(&variances, self.keep);
        }
        self.subspace(lagged, mean, components, variances, kept)
    }

    /// What the first `kept` of `components` leave of each sensor.
    fn subspace(
        &self,
        lagged: &Lagged,
        mean: Vec<f64>,
        mut components: Vec<f64>,
        mut variances: Vec<f64>,
        kept: usize,
    ) -> Result<Subspace> {
        let (sensors, width) = (lagged.kept.len(), lagged.width());
        components.truncate(kept * width);
        variances.truncate(kept);
        let mut residual = room(sensors, width, 0.0, "a matrix")?;
        for sensor in 0..sensors {
            let row = &mut residual[sensor * width..(sensor + 1) * width];
            row[sensor] = 1.0;
            for component in components.chunks_exact(width) {
                let weight = component[sensor];
                row.iter_mut().zip(component).for_each(|(value, entry)| *value -= weight * entry);
            }
        }
        Ok(Subspace {
            lagged: lagged.about(mean)?,
            residual,
            components,
            variances,
            kept,
            noise: copied(self.noise, "noise of the sensors")?,
        })
    }
}

/// Whether `rows` are so few that a model of points of `width` coordinates comes from the rows themselves.
pub(super) fn few(rows: usize, width: usize) -> bool {
    2 * rows <= width
}

/// Some of the points.
struct Chosen<'a, 'b, 'x> {
    points: Points<'b, 'x>,
    rows: &'a [usize],
}

impl Rows for Chosen<'_, '_, '_> {
    fn rows(&self) -> usize {
        self.rows.len()
    }

    fn columns(&self) -> usize {
        self.points.columns()
    }

    fn read(&self, rows: Range<usize>, out: &mut [f64]) {
        let columns = self.columns();
        for (&row, out) in self.rows[rows].iter().zip(out.chunks_exact_mut(columns)) {
            self.points.read(row..row + 1, out);
        }
    }
}

/// How many components are kept: never all, or nothing would be left to watch.
fn count_kept(variances: &[f64], keep: Components) -> usize {
    let total: f64 = variances.iter().sum();
    let first = variances.first().copied().unwrap_or(0.0);
    let wanted = match keep {
        Components::Count(count) => count,
        Components::Share(share) => {
            let mut explained = 0.0;
            let enough = variances.iter().position(|variance| {
                explained += variance;
                explained / total >= share
            });
            enough.map_or(variances.len(), |last| last + 1)
        }
    };
    let large = variances.iter().take_while(|&&variance| variance > NOTHING * first).count();
    wanted.min(large).min(variances.len().saturating_sub(1))
}

#[cfg(test)]
mod tests;
