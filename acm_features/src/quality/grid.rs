//! The coarsest grid that a sensor's readings lie on.

use super::STOP_ROWS;
use acm_linalg::parallel::Stop;

/// How far off the grid a reading may be, in steps.
const TOLERANCE: f64 = 1e-6;

/// What rounding takes from a reading that was written in decimals, in units of its last place.
const ROUNDED: f64 = 4.0;

/// Units in the last place of the greatest reading that a step must have, for a grid to be more than the numbers' own.
const FINEST: f64 = 64.0;

/// Whether every reading is one of single precision, as many historians keep them.
fn is_single(column: &[f64]) -> bool {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "whether it loses something is the question"
    )]
    column.iter().all(|&value| value.is_nan() || f64::from(value as f32) == value)
}

/// The coarsest of {1, 2, 5} times a power of ten that divides every reading, NaN where there is none or no two readings
/// differ: a reading may be off by 1e-6 of a step, or by four units of its last place in double precision; where nothing
/// divides them so and all are of single precision, in that.
pub(super) fn resolution(column: &[f64], stop: &Stop) -> f64 {
    let found = coarsest(column, f64::EPSILON, stop);
    if found.is_nan() && is_single(column) {
        coarsest(column, f64::from(f32::EPSILON), stop)
    } else {
        found
    }
}

/// A grid that a coarser one is part of need not be tried on what was found to lie on the latter, so that all candidates
/// together look at each reading a few times.
fn coarsest(column: &[f64], epsilon: f64, stop: &Stop) -> f64 {
    let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
    for &value in column {
        (low, high) = (low.min(value), high.max(value));
    }
    // Two readings on a grid are a step apart or more. A coarser one would have the tolerance to take them for one.
    let range = high - low;
    if range.is_nan() || range <= 0.0 || range == f64::INFINITY {
        return f64::NAN;
    }
    let most = low.abs().max(high.abs());
    let finest = most * epsilon * FINEST;
    #[expect(clippy::cast_possible_truncation, reason = "the exponent of a finite number")]
    let top = (range * (1.0 + TOLERANCE)).log10().floor() as i32;
    // How far the readings were found to lie on the grid of 10 times the decade.
    let mut decade_reached = 0;
    for exponent in (top - 17..=top).rev() {
        let mut reached = [decade_reached; 3];
        for (place, factor) in [5.0, 2.0, 1.0].into_iter().enumerate() {
            let step = Step::new(factor, exponent);
            if step.size() > range * (1.0 + TOLERANCE) {
                continue;
            }
            if step.size() < finest {
                return f64::NAN;
            }
            // The grid of one decade holds those of twice and five times it.
            let from = if place == 2 { reached[0].max(reached[1]) } else { decade_reached };
            reached[place] = on_grid(column, from, step, epsilon, stop);
            // What was taken from coarser grids had their tolerance.
            if reached[place] == column.len() && on_grid(column, 0, step, epsilon, stop) == column.len() {
                return if stop.requested() { f64::NAN } else { step.size() };
            }
        }
        decade_reached = reached[2].min(column.len() - 1);
    }
    f64::NAN
}

/// A factor times a power of ten, kept so that both are exact.
#[derive(Clone, Copy)]
struct Step {
    factor: f64,
    power: f64,
    /// Whether the power divides.
    below: bool,
}

impl Step {
    fn new(factor: f64, exponent: i32) -> Self {
        Self {
            factor,
            power: 10.0_f64.powi(exponent.abs()),
            below: exponent < 0,
        }
    }

    fn size(self) -> f64 {
        if self.below { self.factor / self.power } else { self.factor * self.power }
    }

    /// How many steps a reading is.
    #[inline(always)]
    fn steps(self, value: f64) -> f64 {
        if self.below {
            value * self.power / self.factor
        } else {
            value / self.power / self.factor
        }
    }
}

/// The first row from `from` on that lies off the grid; the count of rows where there is none.
fn on_grid(column: &[f64], from: usize, step: Step, epsilon: f64, stop: &Stop) -> usize {
    let size = step.size();
    for (number, part) in column[from..].chunks(STOP_ROWS).enumerate() {
        if stop.requested() {
            return column.len();
        }
        let off = part.iter().position(|&value| {
            let steps = step.steps(value);
            let off = (steps - steps.round()).abs();
            // False for what is missing.
            off > TOLERANCE && off * size > ROUNDED * epsilon * value.abs()
        });
        if let Some(off) = off {
            return from + number * STOP_ROWS + off;
        }
    }
    column.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_reading_off_a_grid_is_found_however_far_it_is() {
        let mut column = vec![7.0; 3 * STOP_ROWS];
        let off = [2, STOP_ROWS + 9, 2 * STOP_ROWS + 70];
        for row in off {
            column[row] = 7.5;
        }
        for from in [
            0,
            1,
            2,
            3,
            60,
            STOP_ROWS - 1,
            STOP_ROWS + 9,
            STOP_ROWS + 10,
            2 * STOP_ROWS,
            3 * STOP_ROWS - 1,
        ] {
            let exact = off.into_iter().find(|&row| row >= from).unwrap_or(column.len());
            assert_eq!(on_grid(&column, from, Step::new(1.0, 0), f64::EPSILON, &Stop::default()), exact, "{from}");
        }
    }
}
