//! Gaps of training rows: drawn from what the other sensors and the rows before let expect.
//!
//! Fits on rows that are so filled find the spread of readings as it is, where the likeliest ones would make it look too small.
//! Components tell of a reading too, as much as their variances say: what they explain of unrelated sensors is no more than
//! chance, and readings that only the residuals held would have more spread than sensors have.

use acm_linalg::dense::Rows;
use acm_linalg::memory::reserved;
use acm_linalg::parallel::Watch;
use acm_linalg::samples::room;
use acm_linalg::seed::stream;
use acm_linalg::{Error, Result};
use ndarray::ArrayView2;
use rand::RngExt;

use super::remember::products;
use super::residuals::Expecting;
use crate::gaps::{factorise, solve_lower, solve_upper};
use crate::lagged::MOST;

/// Seed of what is drawn.
const SEED: u64 = 17;

/// Uniform numbers whose sum is nearly normal.
const UNIFORMS: usize = 12;

const WHAT: &str = "training rows with missing values";

/// The precision of present readings, given what the rows before read.
pub(super) struct Drawn<'a> {
    of: &'a Expecting,
    /// For each sensor that was missing so far, its row of the points' precision.
    precision: Vec<Vec<f64>>,
    /// The latest pattern, and the Cholesky factor of its precision.
    pattern: Vec<usize>,
    factor: Vec<f64>,
}

impl<'a> Drawn<'a> {
    pub(super) fn new(of: &'a Expecting) -> Result<Self> {
        let sensors = of.lagged.kept.len();
        let mut precision = reserved(sensors, WHAT)?;
        precision.resize_with(sensors, Vec::new);
        Ok(Self {
            of,
            precision,
            pattern: reserved(sensors, WHAT)?,
            factor: room(sensors, sensors, 0.0, WHAT)?,
        })
    }

    /// Fills whole rows, one after the other; the same ones every time.
    pub(super) fn fill(&mut self, rows: &mut [f64]) -> Result<()> {
        let lagged = &self.of.lagged;
        let (columns, sensors) = (lagged.columns, lagged.kept.len());
        let count = rows.len() / columns;
        let (mut point, mut step) = (room(lagged.width(), 1, 0.0, WHAT)?, reserved(sensors, WHAT)?);
        let mut missing = reserved(sensors, WHAT)?;
        let mut watch = Watch::start();
        for row in 0..count {
            let values = &rows[row * columns..(row + 1) * columns];
            missing.clear();
            missing.extend((0..sensors).filter(|&place| !values[lagged.kept[place]].is_finite()));
            if missing.is_empty() {
                continue;
            }
            watch.after(missing.len() * (point.len() + missing.len()) / 4)?;
            self.turn_to(&missing)?;
            let table = ArrayView2::from_shape((count, columns), &*rows).map_err(|_| Error::Memory {
                what: WHAT,
                rows: count,
                columns,
            })?;
            lagged.points(table.into()).read(row..row + 1, &mut point);
            for &place in &missing {
                // The first row stands for its own past.
                let places = (place..point.len()).step_by(sensors);
                places.take(if row == 0 { usize::MAX } else { 1 }).for_each(|place| point[place] = 0.0);
            }
            step.clear();
            step.extend(missing.iter().map(|&place| -products(&self.precision[place], &point)));
            let factor = &self.factor[..missing.len() * missing.len()];
            solve_lower(factor, &mut step);
            let mut noise = stream(SEED, row as u64);
            for step in &mut step {
                let sum: f64 = (0..UNIFORMS).map(|_| noise.random::<f64>()).sum();
                *step += sum - UNIFORMS as f64 / 2.0;
            }
            solve_upper(factor, &mut step);
            let values = &mut rows[row * columns..(row + 1) * columns];
            for (&place, step) in missing.iter().zip(&step) {
                let scaled = (lagged.mean[place] + step).clamp(-MOST, MOST);
                let reading = lagged.scaling.center[place] + scaled * lagged.scaling.scale[place];
                let reading = if reading.is_finite() { reading } else { lagged.scaling.fill[place] };
                values[lagged.kept[place]] = reading;
            }
        }
        Ok(())
    }

    /// Makes the factor that of the missing sensors.
    fn turn_to(&mut self, missing: &[usize]) -> Result<()> {
        if self.pattern == missing {
            return Ok(());
        }
        let mut watch = Watch::start();
        for &place in missing {
            if self.precision[place].is_empty() {
                watch.look()?;
                self.precision[place] = self.of.precision(place)?;
            }
        }
        let count = missing.len();
        watch.after(count * count * count / 24)?;
        for (row, &place) in missing.iter().enumerate() {
            for (column, &other) in missing.iter().enumerate() {
                self.factor[row * count + column] = self.precision[place][other];
            }
        }
        factorise(&mut self.factor[..count * count], count);
        self.pattern.clear();
        self.pattern.extend(missing);
        Ok(())
    }
}
