//! The residuals of rows that were predicted from others, their covariances, and the models that whiten them.

use std::ops::Range;

use acm_linalg::covariance::{Centered, Shrinkage, shrunk};
use acm_linalg::dense::{Rows, cholesky};
use acm_linalg::memory::{extend, reserved};
use acm_linalg::parallel::Watch;
use acm_linalg::samples::room;
use acm_linalg::{Error, Result, Samples};
use ndarray::ArrayView2;

use super::folds::{Outside, Subspace};
use super::parts::Norms;
use super::resolution::Telling;
use super::{FittedFused, Fused};
use crate::constants::Constants;
use crate::lagged::Lagged;
use crate::packed::Packed;
use crate::product::squared_lengths;
use crate::screen::LeftOut;
use crate::states::States;

/// The residuals of the good rows, fold after fold, and the model of those rows.
pub(super) struct Kept {
    values: Vec<f64>,
    pub(super) stretches: Vec<Range<usize>>,
    /// Rows that are left out.
    pub(super) upsets: usize,
    model: Subspace,
    pub(super) apart: Vec<Subspace>,
    /// What the noise of rounding adds to the residuals' covariance.
    pub(super) beside: Vec<f64>,
}

impl Kept {
    pub(super) fn of(outside: Outside, good: &[bool], folds: &[Range<usize>]) -> Result<Self> {
        let Outside {
            mut residuals,
            model,
            apart,
        } = outside;
        let sensors = model.lagged.kept.len();
        let (count, stretches) = close_up(&mut residuals, sensors, good, folds)?;
        residuals.truncate(count * sensors);
        Ok(Self {
            values: residuals,
            stretches,
            upsets: good.len() - count,
            beside: model.noise()?,
            model,
            apart,
        })
    }

    pub(super) fn count(&self) -> usize {
        self.values.len() / self.sensors()
    }

    pub(super) fn sensors(&self) -> usize {
        self.model.lagged.kept.len()
    }

    /// All but some.
    pub(super) fn rows(&self, without: Range<usize>) -> Residuals<'_> {
        Residuals {
            values: &self.values,
            sensors: self.sensors(),
            without,
        }
    }

    /// Other residuals of the same sensors.
    pub(super) fn those<'a>(&self, values: &'a [f64]) -> Residuals<'a> {
        Residuals {
            values,
            sensors: self.sensors(),
            without: 0..0,
        }
    }

    /// What lets missing readings be expected, where rows are too few for more: from the residuals of rows that were not seen, and
    /// from the components.
    pub(super) fn expecting(self) -> Result<Expecting> {
        let factor = self.rows(0..0).factor(&self.beside)?;
        let Subspace {
            lagged,
            residual: mut white,
            mut components,
            variances,
            ..
        } = self.model;
        let (sensors, width) = (lagged.kept.len(), lagged.width());
        divide(&factor, &mut white, sensors, width)?;
        for (component, variance) in components.chunks_exact_mut(width).zip(variances) {
            component.iter_mut().for_each(|value| *value /= variance.sqrt());
        }
        extend(&mut white, components, "what is expected of a sensor")?;
        Ok(Expecting {
            lagged,
            white,
            ahead: false,
        })
    }

    /// The model of all rows; its parts have no norms yet.
    pub(super) fn model(self, parameters: &Fused) -> Result<FittedFused> {
        let factor = self.rows(0..0).factor(&self.beside)?;
        self.model.whitened(parameters, factor, self.upsets)
    }

    /// The same, with the mean squared length of the rows by it where that is asked for.
    pub(super) fn known(self, parameters: &Fused, lengths: bool) -> Result<(Option<f64>, FittedFused)> {
        let factor = self.rows(0..0).factor(&self.beside)?;
        let mut known = None;
        if lengths {
            let (rows, sensors) = (self.count(), self.sensors());
            let mut inverse = identity(sensors)?;
            divide(&factor, &mut inverse, sensors, sensors)?;
            let mut lengths = room(rows, 1, 0.0, "squared lengths of residuals")?;
            let table = table_of(&self.values, rows, sensors)?;
            squared_lengths(&Packed::full(&inverse, sensors, sensors)?, table, 0..rows, &mut lengths)?;
            known = Some(lengths.iter().sum::<f64>() / rows.max(1) as f64);
        }
        Ok((known, self.model.whitened(parameters, factor, self.upsets)?))
    }
}

/// What lets the readings of a row be expected, from one another and from the rows around.
pub(super) struct Expecting {
    pub(super) lagged: Lagged,
    /// (rows, width): what is made of a point is normal, and independent.
    white: Vec<f64>,
    /// Whether it is how its present row differs from what the earlier ones let expect, so that each row is in several of them.
    ahead: bool,
}

impl Expecting {
    /// By how present rows differ from what is expected of them, whitened.
    pub(super) fn by(lagged: Lagged, transition: Vec<f64>) -> Self {
        Self {
            lagged,
            white: transition,
            ahead: true,
        }
    }

    /// Whether the rows that follow tell of a row too.
    pub(super) fn looks_ahead(&self) -> bool {
        self.ahead
    }

    /// What the readings of `ahead` next rows, of the row and of those before it weigh in the row of the precision that is this
    /// sensor's.
    pub(super) fn weights(&self, place: usize, ahead: usize) -> Result<Vec<f64>> {
        let (width, sensors) = (self.lagged.width(), self.lagged.kept.len());
        let mut found = room(width + ahead * sensors, 1, 0.0, "what is expected of a sensor")?;
        for later in 0..=ahead {
            // The row is so many rows earlier there.
            let found = &mut found[(ahead - later) * sensors..];
            for row in self.white.chunks_exact(width) {
                let weight = row[later * sensors + place];
                found.iter_mut().zip(row).for_each(|(found, value)| *found += weight * value);
            }
        }
        Ok(found)
    }
}

/// Values row after row as a table.
pub(super) fn table_of(values: &[f64], rows: usize, columns: usize) -> Result<Samples<'_>> {
    let table = ArrayView2::from_shape((rows, columns), values).map_err(|_| Error::Memory {
        what: "the training rows",
        rows,
        columns,
    })?;
    Ok(table.into())
}

/// Moves the residuals of the good rows together, without the last value of each row; how many they are, and where each
/// fold's now lie.
fn close_up(
    residuals: &mut [f64],
    sensors: usize,
    good: &[bool],
    folds: &[Range<usize>],
) -> Result<(usize, Vec<Range<usize>>)> {
    let mut kept = 0;
    let mut stretches = reserved(folds.len(), "the folds")?;
    for fold in folds {
        let first = kept;
        for row in fold.clone() {
            if good[row] {
                let from = row * (sensors + 1);
                residuals.copy_within(from..from + sensors, kept * sensors);
                kept += 1;
            }
        }
        stretches.push(first..kept);
    }
    Ok((kept, stretches))
}

/// Rows of residuals, but for some of them.
pub(super) struct Residuals<'a> {
    pub(super) values: &'a [f64],
    pub(super) sensors: usize,
    without: Range<usize>,
}

impl Rows for Residuals<'_> {
    fn rows(&self) -> usize {
        self.values.len() / self.sensors - self.without.len()
    }

    fn columns(&self) -> usize {
        self.sensors
    }

    fn read(&self, rows: Range<usize>, out: &mut [f64]) {
        for (row, out) in rows.zip(out.chunks_exact_mut(self.sensors)) {
            let row = if row < self.without.start { row } else { row + self.without.len() };
            out.copy_from_slice(&self.values[row * self.sensors..][..self.sensors]);
        }
    }
}

impl Residuals<'_> {
    /// The Cholesky factor of their covariance, shrunk, and of what is added to it, if anything.
    ///
    /// Where columns determine one another the residuals are rounding: a little is then added to each variance, so that the
    /// factor exists.
    pub(super) fn factor(&self, beside: &[f64]) -> Result<Vec<f64>> {
        let found = shrunk(&Centered::new(self)?, Shrinkage::LedoitWolf)?;
        let mut covariance = found.covariance;
        covariance.iter_mut().zip(beside).for_each(|(value, beside)| *value += beside);
        let diagonal = || (0..self.sensors).map(|place| place * (self.sensors + 1));
        let mean = diagonal().map(|place| covariance[place]).sum::<f64>() / self.sensors as f64;
        let least = 1e-16 + 1e-12 * mean;
        if found.shrinkage * mean < least {
            for place in diagonal() {
                covariance[place] += least;
            }
        }
        cholesky(&covariance, self.sensors, "x")
    }
}

pub(super) fn identity(size: usize) -> Result<Vec<f64>> {
    let mut matrix = room(size, size, 0.0, "a matrix")?;
    matrix.iter_mut().step_by(size + 1).for_each(|value| *value = 1.0);
    Ok(matrix)
}

/// `lower`⁻¹ times the (size, columns) matrix, in its place.
pub(super) fn divide(lower: &[f64], matrix: &mut [f64], size: usize, columns: usize) -> Result<()> {
    let mut watch = Watch::start();
    for row in 0..size {
        watch.after(row * columns / 4)?;
        let (above, current) = matrix.split_at_mut(row * columns);
        let current = &mut current[..columns];
        for (earlier, factor) in above.chunks_exact(columns).zip(&lower[row * size..]) {
            current.iter_mut().zip(earlier).for_each(|(value, earlier)| *value -= factor * earlier);
        }
        let pivot = lower[row * size + row];
        current.iter_mut().for_each(|value| *value /= pivot);
    }
    Ok(())
}

impl Subspace {
    /// The model that whitens the residuals, of which `factor` is the Cholesky factor of the covariance; its parts have no norms
    /// yet.
    pub(super) fn whitened(mut self, parameters: &Fused, factor: Vec<f64>, upsets: usize) -> Result<FittedFused> {
        let (sensors, width) = (self.lagged.kept.len(), self.lagged.width());
        divide(&factor, &mut self.residual, sensors, width)?;
        Ok(FittedFused {
            parameters: parameters.clone(),
            whitening: Packed::full(&self.residual, sensors, width)?,
            lagged: self.lagged,
            factor,
            norms: Norms::default(),
            usual: 0.0,
            marginal: true,
            components: self.kept,
            upsets,
            left_out: LeftOut::default(),
            wandering: None,
            states: States::default(),
            constants: Constants::default(),
            steps: Vec::new(),
            member_steps: Vec::new(),
            members: Vec::new(),
            telling: Telling::default(),
            whole: None,
        })
    }
}

#[cfg(test)]
mod tests;
