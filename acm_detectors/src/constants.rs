//! Sensors that stood still in all of the training: a model of how sensors move knows nothing of them, but that one moves is
//! news of its own.

use acm_linalg::memory::{Gather, push};
use acm_linalg::samples::room;
use acm_linalg::scaling::{keep_known, quantile};
use acm_linalg::{Error, Reader, Result, Samples, Writer};

/// The float32 form of a number, and what arithmetic in that form adds, differ from it by less than this share.
const ROUNDING: f64 = 1.0 / (1 << 22) as f64;

/// A sensor that varied by more than this share of its value did not stand still.
const STILL: f64 = 1e-6;

/// Sensors that read one value.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Constants {
    columns: Vec<usize>,
    values: Vec<f64>,
    /// A reading that is further from the value has moved.
    tolerances: Vec<f64>,
}

impl Constants {
    /// The columns of the training rows that are not used and read the same wherever they read something, which must be in half
    /// of the rows.
    pub(crate) fn of(x: Samples<'_>, used: &[bool]) -> Result<Self> {
        let what = "the constant sensors";
        let mut found = Self::default();
        let mut column_values = Vec::new();
        for column in (0..x.columns()).filter(|&column| !used[column]) {
            if column_values.is_empty() {
                column_values = room(x.rows(), 1, 0.0, what)?;
            }
            x.read_column(column, &mut column_values);
            let known = keep_known(&mut column_values);
            if known == 0 || 2 * known < x.rows() {
                continue;
            }
            let value = quantile(&mut column_values[..known], 0.5);
            let spread = column_values[..known].iter().fold(0.0_f64, |most, other| most.max((other - value).abs()));
            if spread <= STILL * value.abs() {
                push(&mut found.columns, column, what)?;
                push(&mut found.values, value, what)?;
                push(&mut found.tolerances, (2.0 * spread).max(ROUNDING * value.abs()), what)?;
            }
        }
        Ok(found)
    }

    /// Whether no sensor stood still.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.columns.is_empty()
    }

    /// Their columns, rising.
    #[must_use]
    pub fn columns(&self) -> &[usize] {
        &self.columns
    }

    /// What each of them read.
    #[must_use]
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// By how much more than rounding the constant numbered `place` has moved in a row: 0 where it has not, or is missing.
    fn move_of(&self, x: &Samples<'_>, row: usize, place: usize) -> f64 {
        let value = x.value(row, self.columns[place]);
        let away = (value - self.values[place]).abs();
        let tolerance = self.tolerances[place];
        if value.is_finite() && away > tolerance {
            1.0 + (away.min(f64::MAX) / tolerance.max(f64::MIN_POSITIVE)).min(f64::MAX).ln_1p()
        } else {
            0.0
        }
    }

    /// (n, d), row after row: 1 where a constant has moved, else 0.
    ///
    /// # Errors
    /// [`Error::Length`] unless `out` has a place for each value.
    pub fn moved(&self, x: Samples<'_>, out: &mut [f64]) -> Result<()> {
        let (expected, got) = (x.rows() * x.columns(), out.len());
        if expected != got {
            let name = "out";
            return Err(Error::Length { name, expected, got });
        }
        out.fill(0.0);
        for row in 0..x.rows() {
            for (place, &column) in self.columns.iter().enumerate() {
                if self.move_of(&x, row, place) > 0.0 {
                    out[row * x.columns() + column] = 1.0;
                }
            }
        }
        Ok(())
    }

    /// Scores of rows in which one moves become so many times `limit`, a score that no healthy row has, the more the further
    /// it moves.
    pub(crate) fn raise(&self, x: Samples<'_>, limit: f64, scores: &mut [f64]) {
        for (row, score) in scores.iter_mut().enumerate() {
            let most = (0..self.columns.len()).fold(0.0_f64, |most, place| most.max(self.move_of(&x, row, place)));
            if most > 0.0 {
                *score = score.max(limit * most);
            }
        }
    }

    /// One that moves has twice the greatest share of its row at least.
    pub(crate) fn share(&self, x: Samples<'_>, shares: &mut [f64]) {
        if self.is_empty() {
            return;
        }
        for (row, shares) in shares.chunks_exact_mut(x.columns()).enumerate() {
            let others = shares.iter().fold(0.0_f64, |most, share| most.max(share.abs()));
            let unit = if others > 0.0 { others } else { 1.0 };
            for (place, &column) in self.columns.iter().enumerate() {
                let moved = self.move_of(&x, row, place);
                if moved > 0.0 {
                    shares[column] = (2.0 * unit * moved).min(f64::MAX);
                }
            }
        }
    }

    pub(crate) fn write(&self, to: &mut Writer) {
        if !self.is_empty() {
            to.counted("constants.columns", self.columns.iter().map(|&column| column as u64));
            to.reals("constants.values", &self.values);
            to.reals("constants.tolerances", &self.tolerances);
        }
    }

    /// Of a model of so many columns; none where a file has none.
    pub(crate) fn read(from: &Reader<'_>, columns: usize) -> Result<Self> {
        if !from.has("constants.columns") {
            return Ok(Self::default());
        }
        let count = from.length("constants.columns")?;
        let found = from.counts("constants.columns", count)?;
        let within = found.iter().all(|&column| column < columns as u64);
        from.require(within && found.is_sorted_by(|one, next| one < next), "constants.columns")?;
        let place = |column: u64| usize::try_from(column).unwrap_or_default();
        let values = from.reals("constants.values", count)?;
        let tolerances = from.reals("constants.tolerances", count)?;
        from.require(values.iter().all(|value| value.is_finite()), "constants.values")?;
        let sound = tolerances.iter().all(|&tolerance| tolerance >= 0.0 && tolerance.is_finite());
        from.require(sound, "constants.tolerances")?;
        Ok(Self {
            columns: found.into_iter().map(place).gathered("the constant sensors")?,
            values,
            tolerances,
        })
    }
}
