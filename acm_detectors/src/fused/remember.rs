//! The memories taken from row to row, and the parts of the score that they make.

use acm_linalg::Result;
use acm_linalg::samples::room;

use super::memory::{Release, ResidualMeans};
use super::parts::{Kind, Norms, Part, full_scale};
use super::{FittedFused, MOST_MEMORIES};
use crate::standing::{Standing, share_present};

/// For the memories a row counts at most as this many usual ones: a spike, or a past fault, is forgotten in bounded time.
const CAP: f64 = 5.0;

/// What is wanted of the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    Score,
    Parts,
    Contributions,
}

/// How many sensors there are, the power of usual rows, and the norms of the parts.
pub(super) struct Scored<'a> {
    pub(super) sensors: usize,
    pub(super) usual: f64,
    pub(super) norms: &'a Norms,
    /// Whether shifts of some sensors are brought to where they stand among those of all; else they are scaled.
    pub(super) marginal: bool,
}

/// Which sensors each row has.
pub(super) struct Present<'a> {
    /// How many.
    pub(super) counts: &'a [usize],
    /// (n, d): which; nothing where all have all.
    pub(super) marks: &'a [bool],
}

impl Scored<'_> {
    /// Takes the memories from row to row; what is wanted of the parts goes to `out`, or to `found` for contributions.
    #[inline(always)]
    #[expect(
        clippy::too_many_arguments,
        reason = "what a stretch of rows is made of, and where it goes"
    )]
    pub(super) fn remember(
        &self,
        parts: &[Part],
        slow: &[f64],
        white: &[f64],
        present: &Present<'_>,
        state: &mut ResidualMeans,
        wanted: Wanted,
        found: &mut PartInputs,
        out: &mut [f64],
    ) {
        let sensors = self.sensors;
        let cap = CAP * self.usual;
        let width = parts.len();
        let release = Release::new(slow, self.usual, sensors);
        let whole = present.marks.is_empty() && state.present.iter().all(|&share| share == 1.0);
        let partly = self.marginal && !whole;
        let mut standings = [Standing::default(); MOST_MEMORIES];
        if partly {
            let shifts = (0..width).filter(|&number| parts[number].kind == Kind::Shift);
            for (standing, number) in standings.iter_mut().zip(shifts) {
                *standing = Standing::new(self.norms.mean[number], self.norms.spread[number], self.usual, sensors);
            }
        }
        for (row, (residual, &here)) in white.chunks_exact(sensors).zip(present.counts).enumerate() {
            let own = squares(residual);
            let power = match here {
                0 => self.usual,
                _ if here < sensors => full_scale(own, here, sensors, self.usual),
                _ => own,
            };
            let share = if power > cap { cap / power } else { 1.0 };
            let weight = share.sqrt();
            // Without any sensor nothing is learned and nothing forgotten.
            if here > 0 {
                let means = state.shift.chunks_exact_mut(sensors);
                for ((&memory, mean), level) in slow.iter().zip(means).zip(&mut state.power) {
                    for place in 0..sensors {
                        mean[place] += memory * (weight * residual[place] - mean[place]);
                    }
                    *level += memory * (power.min(cap) - *level);
                }
                if partly {
                    let marks = present.marks.get(row * sensors..(row + 1) * sensors).unwrap_or_default();
                    for (&memory, shares) in slow.iter().zip(state.present.chunks_exact_mut(sensors)) {
                        share_present(shares, marks, memory);
                    }
                } else if !self.marginal {
                    for (&memory, counted) in slow.iter().zip(&mut state.present) {
                        *counted += memory * (here as f64 - *counted);
                    }
                }
            }
            let place = if wanted == Wanted::Contributions { row } else { 0 };
            let released = &mut found.released[place * slow.len()..(place + 1) * slow.len()];
            release.apply(slow, state, released);
            let values = &mut found.values[place * width..(place + 1) * width];
            let mut shifts = 0;
            for number in 0..width {
                let Part { kind, memory } = parts[number];
                values[number] = if kind == Kind::Shift {
                    let mean = &state.shift[shifts * sensors..(shifts + 1) * sensors];
                    let mut unit = (2.0 - memory) / memory;
                    let own = squares(mean);
                    let mut value = own * unit;
                    if partly {
                        let shares = &state.present[shifts * sensors..(shifts + 1) * sensors];
                        value = standings[shifts].of(value, shares.iter().sum(), squares(shares));
                        unit = if own > 0.0 { value / own } else { 0.0 };
                    } else if !self.marginal {
                        let counted = state.present[shifts];
                        unit *= sensors as f64 / counted;
                        value *= sensors as f64 / counted;
                    }
                    if wanted == Wanted::Contributions {
                        found.units[2 * row * slow.len() + shifts] = unit;
                    }
                    shifts += 1;
                    value
                } else if memory < 1.0 {
                    let place = slow.iter().position(|&own| own == memory).unwrap_or(0);
                    let own = state.power[place];
                    let mut value = own;
                    if partly {
                        let present = state.present[place * sensors..(place + 1) * sensors].iter().sum();
                        let norms = (self.norms.mean[number], self.norms.spread[number]);
                        value = standings[place].of_power(own, present, norms, memory);
                    }
                    if wanted == Wanted::Contributions {
                        let unit = if own > 0.0 { value / own } else { 1.0 };
                        found.units[(2 * row + 1) * slow.len() + place] = unit;
                    }
                    value
                } else {
                    power
                };
            }
            match wanted {
                Wanted::Score => {
                    let mut greatest = f64::NEG_INFINITY;
                    for number in 0..width {
                        greatest = greatest.max(self.norms.score(number, values[number]));
                    }
                    out[row] = greatest;
                }
                Wanted::Parts => {
                    let all = out.len() / present.counts.len();
                    for number in 0..width {
                        out[row * all + number] = self.norms.score(number, values[number]);
                    }
                }
                Wanted::Contributions => {
                    found.capped[row] = share;
                    found.scale[row] = if here == 0 || own == 0.0 { 0.0 } else { power / own };
                    found.here[row] = here;
                    let length = state.shift.len();
                    found.shifts[row * length..(row + 1) * length].copy_from_slice(&state.shift);
                }
            }
        }
    }
}

/// What the parts of the latest rows were made from.
pub(super) struct PartInputs {
    /// The statistics of the parts.
    pub(super) values: Vec<f64>,
    /// The share that a row's power counts with.
    pub(super) capped: Vec<f64>,
    /// What makes the power of a row's present sensors that of all.
    pub(super) scale: Vec<f64>,
    /// How many sensors a row has.
    pub(super) here: Vec<usize>,
    /// What the release left of the mean powers.
    pub(super) released: Vec<f64>,
    /// The means of the whitened residuals.
    pub(super) shifts: Vec<f64>,
    /// What the squares of the means, and the mean powers, are multiplied by.
    pub(super) units: Vec<f64>,
    /// What each sensor adds to a row's power and to the squares of the means.
    pub(super) own: Vec<f64>,
    /// Means of the sensors' shares of the power, at each memory.
    pub(super) running: Vec<f64>,
    /// By how much the parts of a row are above normal together.
    pub(super) totals: Vec<f64>,
}

impl PartInputs {
    pub(super) fn new(model: &FittedFused, rows: usize, wanted: Wanted) -> Result<Self> {
        Self::sized(model.scored(), model.parameters.slow().count(), rows, wanted)
    }

    pub(super) fn sized(of: Scored<'_>, memories: usize, rows: usize, wanted: Wanted) -> Result<Self> {
        let slow = memories * of.sensors;
        let what = "shares of the sensors";
        let rows_beside = if wanted == Wanted::Contributions { rows } else { 0 };
        Ok(Self {
            values: room(rows, of.norms.limit.len(), 0.0, what)?,
            capped: room(rows_beside, 1, 0.0, what)?,
            scale: room(rows_beside, 1, 0.0, what)?,
            here: room(rows_beside, 1, 0, what)?,
            released: room(rows, memories, 1.0, what)?,
            units: room(rows_beside, 2 * memories, 0.0, what)?,
            shifts: room(rows_beside, slow, 0.0, what)?,
            own: room(rows_beside, slow + of.sensors, 0.0, what)?,
            running: room(slow, 1, 0.0, what)?,
            totals: room(rows_beside, 1, 0.0, what)?,
        })
    }
}

/// Sum of the squares, in eight sums that are added in their order.
#[inline(always)]
pub(super) fn squares(values: &[f64]) -> f64 {
    products(values, values)
}

#[inline(always)]
pub(super) fn products(one: &[f64], other: &[f64]) -> f64 {
    let other = &other[..one.len()];
    let mut sums = [0.0; 8];
    let whole = one.len() / 8 * 8;
    let mut place = 0;
    while place < whole {
        for lane in 0..8 {
            sums[lane] += one[place + lane] * other[place + lane];
        }
        place += 8;
    }
    for lane in 0..one.len() - whole {
        sums[lane] += one[whole + lane] * other[whole + lane];
    }
    ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]))
}

#[cfg(test)]
mod tests;
