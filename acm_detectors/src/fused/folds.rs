//! The principal subspace of lagged rows, of all of them and of all but one stretch after another.

use std::ops::Range;

use acm_linalg::dense::symmetric_eigen;
use acm_linalg::memory::{copied, reserved};
use acm_linalg::pca::Components;
use acm_linalg::samples::room;
use acm_linalg::{Result, Samples, parallel};

use crate::folds::{Fold, joined, sums};
use crate::lagged::Lagged;
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
    components: Vec<f64>,
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
}

/// What the parameters ask for, and the rows that count.
pub(super) struct Task<'a, 'x> {
    pub(super) x: Samples<'x>,
    pub(super) good: &'a [bool],
    pub(super) folds: &'a [Range<usize>],
    pub(super) keep: Components,
    /// A variance that each sensor has beside what its readings show, in its scale; nothing for none.
    pub(super) noise: &'a [f64],
}

impl Task<'_, '_> {
    /// Fits all but each fold, and all; `lagged` has no means yet.
    ///
    /// The products of a fold's rows are summed once and shared by all models that contain the fold, so nothing is ever
    /// subtracted.
    pub(super) fn outside(&self, lagged: &Lagged) -> Result<Outside> {
        let (width, sensors) = (lagged.width(), lagged.kept.len());
        let parts = sums(lagged, self.x, self.good, self.folds)?;
        let count = self.folds.len();
        let mut models = reserved(count + 1, "the folds")?;
        models.resize_with(count + 1, || None);
        let cost = (width * width * (count + 1)) as f64 * (2.0 * count as f64 + 3.0 * width as f64);
        parallel::run(
            models.iter_mut().enumerate(),
            cost,
            || Ok(()),
            |(), (number, model), stop| {
                if !stop.requested() {
                    // The last is the model of all folds.
                    *model = Some(self.model(lagged, &parts, (number < count).then_some(number)));
                }
            },
        )?;
        drop(parts);
        let mut residuals = room(self.x.rows(), sensors + 1, 0.0, "residuals of the training rows")?;
        let mut last = None;
        for (number, model) in models.into_iter().enumerate() {
            let Some(model) = model.transpose()? else { continue };
            if let Some(rows) = self.folds.get(number) {
                let residual = Packed::full(&model.residual, sensors, width)?;
                // Where there are no components, one of zeros explains nothing.
                let none = room(width, 1, 0.0, "a matrix")?;
                let components = if model.kept == 0 { &none } else { &model.components };
                let explained = Packed::full(components, model.kept.max(1), width)?;
                let out = &mut residuals[rows.start * (sensors + 1)..rows.end * (sensors + 1)];
                of_points(&model.lagged, &residual, Some(&explained), self.x, rows.clone(), out)?;
            } else {
                last = Some(model);
            }
        }
        match last {
            Some(model) => Ok(Outside { residuals, model }),
            None => Err(acm_linalg::Error::Interrupted),
        }
    }

    /// Without the fold `out` and the rows after it whose lags reach into it.
    fn model(&self, lagged: &Lagged, parts: &[Fold], out: Option<usize>) -> Result<Subspace> {
        let width = lagged.width();
        let (mean, mut covariance) = joined(parts, |number| out != Some(number))?.moments()?;
        for place in 0..width {
            if let Some(noise) = self.noise.get(place % lagged.kept.len()) {
                covariance[place * (width + 1)] += noise;
            }
        }
        let (mut kept, mut components) = (0, Vec::new());
        if self.keep != Components::Count(0) {
            let (variances, found) = symmetric_eigen(&covariance, width, "x")?;
            (kept, components) = (count_kept(&variances, self.keep), found);
            components.truncate(kept * width);
        }
        let sensors = lagged.kept.len();
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
            kept,
            noise: copied(self.noise, "noise of the sensors")?,
        })
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
