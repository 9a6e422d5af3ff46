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
use crate::wandering::{RATE, Wandering, comparable};

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
        let parts = if rows - rows.div_ceil(stretches.len().max(1)) > sensors {
            Some(sums(points, x, &room(rows, 1, true, "marks of the training rows")?, &stretches)?)
        } else {
            None
        };
        let mut sound = !stretches.is_empty();
        let (own, about) = (self.prediction.clone(), std::mem::take(&mut self.intercept));
        for (number, stretch) in stretches.iter().enumerate() {
            let moments = match &parts {
                Some(parts) => joined(parts, |part| part != number).and_then(of_sums),
                None => of_rows(x, points, stretch.clone()),
            };
            sound &= self.turn_to_rows(moments, points)?;
            if !sound {
                break;
            }
            self.norms(x, stretch.start, &mut found[stretch.clone()])?;
        }
        let mut halves = None;
        if let Some(parts) = parts.filter(|_| sound && comparable(rows, sensors)) {
            let half = stretches.len() / 2;
            let middle = stretches[half].start;
            let mut judged = room(rows, 1, 0.0, "the training scores")?;
            // Each half by the prediction from the other.
            let second = self.turn_to_rows(joined(&parts, |part| part >= half).and_then(of_sums), points)?;
            self.norms(x, 0, &mut judged[..middle])?;
            let first = self.turn_to_rows(joined(&parts, |part| part < half).and_then(of_sums), points)?;
            self.norms(x, middle, &mut judged[middle..])?;
            judged.iter_mut().for_each(|norm| *norm *= *norm);
            halves = Some(judged).filter(|_| first && second);
        }
        (self.prediction, self.intercept) = (own, about);
        if !sound {
            self.norms(x, 0, &mut found)?;
        }
        found.iter_mut().for_each(|norm| *norm *= *norm);
        let held_out = HeldOut::of(&mut found, counts)?;
        if let Some(halves) = halves {
            self.wandering = Wandering::of(x, &self.watched, counts, &[halves], &[&held_out], RATE, None)?;
        }
        self.held_out = Some(held_out);
        Ok(())
    }

    /// Predicts from these rows, of the same kind; whether they tell the columns apart.
    fn turn_to_rows(&mut self, moments: Result<(Root, usize, Vec<f64>)>, points: &Lagged) -> Result<bool> {
        // All rows together tell columns apart that fewer of them do not; in some rows nothing may move.
        let (root, rows, mean) = match moments {
            Err(Error::Singular { .. }) => return Ok(false),
            moments => moments?,
        };
        let prediction = match self.parameters.prediction(self.chosen, root, rows) {
            Ok(Prediction::Subspace(space)) if space.rank == 0 => return Ok(false),
            Err(Error::Singular { .. }) => return Ok(false),
            prediction => prediction?,
        };
        let mean = points.mean.iter().zip(mean).map(|(all, mean)| all + mean).gathered("means of columns")?;
        self.intercept = prediction.intercept(&mean)?;
        self.prediction = prediction;
        Ok(true)
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
