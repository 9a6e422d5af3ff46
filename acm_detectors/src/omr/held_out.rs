//! Lengths of residuals of rows that the prediction was not found from.

use std::ops::Range;

use acm_linalg::dense::{Rows, cholesky};
use acm_linalg::memory::{Gather, copied};
use acm_linalg::samples::room;
use acm_linalg::{Error, Result, Samples};

use super::root::Root;
use super::{FittedOmr, Prediction};
use crate::folds::{FoldSums, folds, joined, sums};
use crate::held_out::{HeldOut, Without, count};
use crate::lagged::Lagged;

/// What the diagonal gains at first, as a share of its mean, where columns determine one another.
const FIRMNESS: f64 = 1e-12;

impl FittedOmr {
    /// Sets the squared lengths of the residuals of each stretch of the training rows by a prediction from all others, of the
    /// same kind; those of all rows by the model itself where there is none. `points` are the rows as the fit has them; rows
    /// that do not count are passed over.
    pub(super) fn hold_out(&mut self, x: Samples<'_>, points: &Lagged, counts: &[bool]) -> Result<()> {
        let rows = x.rows();
        let mut found = room(rows, 1, 0.0, "the training scores")?;
        let sensors = self.watched.len();
        let stretches = count(rows, 0, sensors.min(rows)).map_or(Ok(Vec::new()), |count| folds(rows, count))?;
        let (mut whole, mut about) = (None, None);
        let parts = if rows - rows.div_ceil(stretches.len().max(1)) > sensors {
            Some(sums(points, x, &room(rows, 1, true, "marks of the training rows")?, &stretches)?)
        } else {
            None
        };
        let mut sound = !stretches.is_empty();
        for (number, stretch) in stretches.iter().enumerate() {
            let (root, others, mean) = match &parts {
                Some(parts) => of_sums(joined(parts, |part| part != number)?)?,
                None => of_rows(x, points, stretch.clone())?,
            };
            let prediction = match self.parameters.prediction(self.chosen, root, others) {
                Ok(Prediction::Subspace(space)) if space.rank == 0 => None,
                // All rows together tell columns apart that fewer of them do not.
                Err(Error::Singular { .. }) => None,
                prediction => Some(prediction?),
            };
            let Some(prediction) = prediction else {
                sound = false;
                break;
            };
            let mean = points.mean.iter().zip(mean).map(|(all, mean)| all + mean).gathered("means of columns")?;
            let intercept = prediction.intercept(&mean)?;
            let (own, usual) = (
                std::mem::replace(&mut self.prediction, prediction),
                std::mem::replace(&mut self.intercept, intercept),
            );
            whole.get_or_insert(own);
            about.get_or_insert(usual);
            self.norms(x, stretch.start, &mut found[stretch.clone()])?;
        }
        if let (Some(whole), Some(about)) = (whole, about) {
            (self.prediction, self.intercept) = (whole, about);
        }
        if !sound {
            self.norms(x, 0, &mut found)?;
        }
        found.iter_mut().for_each(|norm| *norm *= *norm);
        let held_out = HeldOut::of(&mut found, counts)?;
        self.held_out = Some(held_out);
        Ok(())
    }
}

/// The root of rows about their mean, how many they are, and the mean.
fn of_sums(sums: FoldSums) -> Result<(Root, usize, Vec<f64>)> {
    let rows = sums.count;
    let (mean, mut products) = sums.moments()?;
    let size = mean.len();
    products.iter_mut().for_each(|product| *product *= (rows - 1) as f64);
    Ok((root_of(&products, size)?, rows, mean))
}

/// The root of products of all pairs of columns about their means.
pub(super) fn root_of(products: &[f64], size: usize) -> Result<Root> {
    let level = products.iter().step_by(size + 1).sum::<f64>() / size as f64;
    let mut firmness = 0.0;
    let mut factor = loop {
        let mut firm = copied(products, "products of columns")?;
        firm.iter_mut().step_by(size + 1).for_each(|value| *value += firmness * level);
        match cholesky(&firm, size, "x") {
            Err(Error::Singular { .. }) if firmness < 1.0 => firmness = (100.0 * firmness).max(FIRMNESS),
            factor => break factor?,
        }
    };
    for row in 0..size {
        for column in 0..row {
            factor.swap(row * size + column, column * size + row);
        }
    }
    Ok(Root {
        rows: size,
        columns: size,
        values: factor,
    })
}

/// The same of all rows but a stretch, where they are no more than the columns.
fn of_rows(x: Samples<'_>, points: &Lagged, stretch: Range<usize>) -> Result<(Root, usize, Vec<f64>)> {
    let table = points.points(x);
    let rest = Without { table: &table, stretch };
    let (rows, columns) = (rest.rows(), points.width());
    let mut values = room(rows, columns, 0.0, "scaled rows")?;
    rest.read(0..rows, &mut values);
    let mut mean = room(columns, 1, 0.0, "means of columns")?;
    for row in values.chunks_exact(columns) {
        mean.iter_mut().zip(row).for_each(|(mean, value)| *mean += value / rows as f64);
    }
    for row in values.chunks_exact_mut(columns) {
        row.iter_mut().zip(&mean).for_each(|(value, mean)| *value -= mean);
    }
    Ok((Root { rows, columns, values }, rows, mean))
}
