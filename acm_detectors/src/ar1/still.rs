//! Standstill: a value that sensors keep while the machine does not run, far from where they run.
//!
//! Levels and coefficients of such sensors are those of running rows, and a row is judged by the state it is in: which that is, the
//! sensors tell together, so that one that fails and reads the value of standstill is no standstill.

use acm_linalg::lanes::LANES;
use acm_linalg::memory::reserved;
use acm_linalg::samples::room;
use acm_linalg::scaling::{keep_known, median_mad};
use acm_linalg::{Result, Samples, parallel};

use super::{ENOUGH_ROWS, FittedAr1, LARGEST, NORMAL, WHAT};

/// A value that is repeated in a smaller share of the rows is no standstill.
const RARE: f64 = 0.05;

/// Standard deviations of running readings about their median that the value lies from it: nearer ones are readings like others.
const APART: f64 = 6.0;

/// In as large a share of the rows a sensor keeps its value exactly where the others do: it is none that opens and shuts by itself.
const AGREES: f64 = 0.95;

/// Estimated time for a value, in nanoseconds.
const VALUE_NS: f64 = 20.0;

/// The value of each sensor at standstill; NaN where it has none of its own.
#[derive(Debug, Clone, Default)]
pub(super) struct Still {
    pub(super) values: Vec<f64>,
    any: bool,
}

impl PartialEq for Still {
    fn eq(&self, other: &Self) -> bool {
        let bits = |still: &Self| still.values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
        bits(self) == bits(other)
    }
}

/// Whether a reading is a value, or its form in single precision.
#[inline(always)]
#[expect(clippy::cast_possible_truncation, reason = "the form in single precision")]
fn is(reading: f64, value: f64) -> bool {
    reading as f32 == value as f32
}

impl Still {
    pub(super) fn of(values: Vec<f64>) -> Self {
        Self {
            any: values.iter().any(|value| value.is_finite()),
            values,
        }
    }

    pub(super) fn any(&self) -> bool {
        self.any
    }

    /// Of the columns of `x`, and which of its rows stand still.
    pub(super) fn learn(x: Samples<'_>) -> Result<(Self, Vec<bool>)> {
        let (rows, columns) = (x.rows(), x.columns());
        let mut values = room(columns, 1, f64::NAN, WHAT)?;
        let group = columns.div_ceil(parallel::num_threads()).min(LANES);
        parallel::run(
            values.chunks_mut(group).enumerate(),
            VALUE_NS * (rows * columns) as f64,
            || Ok((room(group, rows, 0.0, "some columns")?, room(rows, 1, 0.0, "a column")?)),
            |(readings, spare), (number, values), stop| {
                let first = number * group;
                let readings = &mut readings[..values.len() * rows];
                x.read_columns(first..first + values.len(), readings);
                for (value, readings) in values.iter_mut().zip(readings.chunks_exact(rows)) {
                    if stop.requested() {
                        return;
                    }
                    *value = kept(readings, spare);
                }
            },
        )?;
        let mut still = Self::of(values);
        let mut marks = room(rows, 1, false, "marks of the training rows")?;
        let mut row_values = room(columns, 1, 0.0, "a row")?;
        while still.any {
            let mut agree = room(columns, 1, 0, WHAT)?;
            let mut known = room(columns, 1, 0, WHAT)?;
            for (row, mark) in marks.iter_mut().enumerate() {
                x.read(row..row + 1, &mut row_values);
                *mark = still.stands(&row_values);
                for column in (0..columns).filter(|&column| row_values[column].is_finite()) {
                    known[column] += 1;
                    agree[column] += usize::from(is(row_values[column], still.values[column]) == *mark);
                }
            }
            let mut found = reserved(columns, WHAT)?;
            for column in 0..columns {
                let agrees = agree[column] as f64 >= AGREES * known[column] as f64;
                found.push(if agrees { still.values[column] } else { f64::NAN });
            }
            let found = Self::of(found);
            if found == still {
                let running = marks.iter().filter(|still| !**still).count();
                if running >= ENOUGH_ROWS {
                    return Ok((still, marks));
                }
                break;
            }
            still = found;
        }
        marks.fill(false);
        Ok((Self::of(room(columns, 1, f64::NAN, WHAT)?), marks))
    }

    /// Whether the machine stands still in a row: half of the sensors that keep a value then read it.
    pub(super) fn stands(&self, row: &[f64]) -> bool {
        let (mut known, mut at) = (0, 0);
        for (&reading, &value) in row.iter().zip(&self.values) {
            if value.is_finite() && reading.is_finite() {
                known += 1;
                at += usize::from(is(reading, value));
            }
        }
        at > 0 && 2 * at >= known
    }
}

/// The value that a column repeats most, in many rows and far from all others; NaN where there is none.
fn kept(readings: &[f64], spare: &mut [f64]) -> f64 {
    let mut count = 0;
    for pair in readings.windows(2).filter(|pair| pair[0] == pair[1] && pair[0].is_finite()) {
        spare[count] = pair[0];
        count += 1;
    }
    let repeats = &mut spare[..count];
    if (count as f64) < RARE * readings.len() as f64 || count < ENOUGH_ROWS {
        return f64::NAN;
    }
    repeats.sort_unstable_by(f64::total_cmp);
    let longest = repeats.chunk_by(|one, next| one == next).max_by_key(|run| run.len());
    let Some(&[value, ..]) = longest.filter(|run| run.len() as f64 >= RARE * readings.len() as f64) else {
        return f64::NAN;
    };
    let mut others = 0;
    for &reading in readings.iter().filter(|reading| reading.is_finite() && !is(**reading, value)) {
        spare[others] = reading;
        others += 1;
    }
    let others = keep_known(&mut spare[..others]);
    if others < ENOUGH_ROWS {
        return f64::NAN;
    }
    let (median, mad) = median_mad(&mut spare[..others]);
    let apart = mad > 0.0 && (value - median).abs() > APART * NORMAL * mad;
    if apart { value } else { f64::NAN }
}

impl FittedAr1 {
    /// Judges the sensors that keep a value at standstill by the state of the row: at standstill by that value, in the first row after it by
    /// their level, about both with the scale that they have without a value before.
    #[inline(never)]
    pub(super) fn by_state(&self, last: &[f64], row: &[f64], z: &mut [f64]) {
        let still = self.still.stands(row);
        if !still && !self.still.stands(last) {
            return;
        }
        for column in 0..row.len() {
            let value = self.still.values[column];
            if !value.is_finite() || z[column].is_nan() {
                continue;
            }
            let (phi, reading) = (self.phi[column], row[column].clamp(-LARGEST, LARGEST));
            let away = match (still, is(reading, value)) {
                (true, true) => 0.0,
                (true, false) => reading - value,
                (false, _) => reading - self.mu[column],
            };
            z[column] = away.abs() / self.sd[column] * (1.0 - phi * phi).sqrt();
        }
    }
}

#[cfg(test)]
mod tests;
