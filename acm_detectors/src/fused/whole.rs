//! The second edition: beside the residuals the readings themselves are watched, in all directions, so that a machine that
//! moves along its own correlations, only farther than it ever did, is found.
//!
//! It is the same detector without lags and components: what is whitened is the row.

use std::ops::Range;

use acm_linalg::memory::{Gather, copied, extend};
use acm_linalg::pca::Components;
use acm_linalg::samples::room;
use acm_linalg::{Result, Samples};
use fearless_simd::{Level, dispatch};

use super::gaps::Filled;
use super::memory::ResidualMeans;
use super::parts::{Norms, Part};
use super::remember::{PartInputs, Wanted};
use super::{FittedFused, Fused};

/// The share of the rate of false alarms that the readings have.
const WHOLE_RATE: f64 = 0.5;

const WHAT: &str = "the parts of all directions";

impl Fused {
    /// What watches the readings: no part for single rows, as the residuals tell more of them.
    pub(super) fn of_whole(&self) -> Result<Self> {
        let mut whole = Self {
            components: Components::Count(0),
            lags: 0,
            memories: self.slow().gathered(WHAT)?,
            folds: self.folds,
            false_alarm_rate: self.false_alarm_rate,
            trim: 0.0,
            whole: false,
            rounding: false,
            constants: false,
        };
        whole.false_alarm_rate *= WHOLE_RATE;
        Ok(whole)
    }
}

/// Makes the squared lengths of means of training rows, each less the mean of the other folds, as large as those of later rows.
///
/// A mean over several folds is smaller, as what a fold's rows are above the others' mean these are below it; that of later
/// rows is larger by the doubt in the mean of the training rows. Both ratios are those of independent rows.
pub(super) fn later(squares: &mut [f64], memory: f64, folds: &[Range<usize>]) -> Result<()> {
    let rows = squares.len() as f64;
    let mut weights = room(folds.len(), 1, 0.0, WHAT)?;
    let fresh = memory / (2.0 - memory) + 1.0 / rows;
    let mut own = 0.0;
    for (number, fold) in folds.iter().enumerate() {
        for square in &mut squares[fold.clone()] {
            weights.iter_mut().for_each(|weight| *weight *= 1.0 - memory);
            weights[number] += memory;
            own = own * (1.0 - memory) * (1.0 - memory) + memory * memory;
            // What the rows of a fold lose to the means that are taken from the others.
            let share = |(weight, fold): (&f64, &Range<usize>)| weight / (rows - fold.len() as f64);
            let all: f64 = weights.iter().zip(folds).map(share).sum();
            let mut variance = own;
            for (weight, fold) in weights.iter().zip(folds) {
                let lost = all - share((weight, fold));
                variance += lost * (fold.len() as f64 * lost - 2.0 * weight);
            }
            if variance > 0.0 {
                *square *= fresh / variance;
            }
        }
    }
    Ok(())
}

impl FittedFused {
    /// This model, and that of all directions.
    pub(super) fn models(&self) -> impl Iterator<Item = &Self> {
        std::iter::once(self).chain(self.whole.as_deref())
    }

    /// How many parts the score has.
    #[must_use]
    pub fn part_count(&self) -> usize {
        self.models().map(|model| model.norms.limit.len()).sum()
    }

    pub(super) fn norms_of(&self, values: impl Fn(&Norms) -> &Vec<f64>) -> Result<Vec<f64>> {
        let mut all = Vec::new();
        for model in self.models() {
            extend(&mut all, copied(values(&model.norms), WHAT)?, WHAT)?;
        }
        Ok(all)
    }
}

/// Scores the readings beside the residuals.
pub(super) struct Beside<'a, 'x> {
    filled: Filled<'a, 'x>,
    parts: Vec<Part>,
    slow: Vec<f64>,
    pub(super) found: PartInputs,
    out: Vec<f64>,
}

impl<'a, 'x> Beside<'a, 'x> {
    /// For stretches of up to `step` rows of which `width` values are wanted each, all parts together.
    pub(super) fn new(
        model: &'a FittedFused,
        x: Samples<'x>,
        step: usize,
        width: usize,
        wanted: Wanted,
    ) -> Result<Option<Self>> {
        let Some(whole) = model.whole.as_deref() else {
            return Ok(None);
        };
        let rows = if wanted == Wanted::Contributions { step } else { 1 };
        let width = if wanted == Wanted::Parts { whole.norms.limit.len() } else { width };
        Ok(Some(Self {
            filled: Filled::new(model, x, &[], true)?,
            parts: whole.parameters.parts()?,
            slow: whole.parameters.slow().gathered(WHAT)?,
            found: PartInputs::new(whole, rows, wanted)?,
            out: room(step, width, 0.0, WHAT)?,
        }))
    }

    /// Adds what is wanted of the rows `rows` to `out`, which has that of the residuals; `totals` is by how much those are above
    /// normal. The greatest part is the score.
    #[expect(
        clippy::too_many_arguments,
        reason = "what a stretch of rows is made of, and where it goes"
    )]
    pub(super) fn join(
        &mut self,
        (model, judge): (&FittedFused, usize),
        x: Samples<'_>,
        rows: Range<usize>,
        white: &mut [f64],
        state: &mut ResidualMeans,
        wanted: Wanted,
        totals: &[f64],
        out: &mut [f64],
    ) -> Result<()> {
        let Some(whole) = model.whole.as_deref() else {
            return Ok(());
        };
        let count = rows.len();
        let width = self.parts.len();
        let own = match wanted {
            Wanted::Score => &mut self.out[..count],
            Wanted::Parts => &mut self.out[..count * width],
            Wanted::Contributions => &mut self.out[..out.len()],
        };
        let present = self.filled.whiten(judge, rows.clone(), white)?;
        let (parts, slow, found) = (&self.parts, &self.slow, &mut self.found);
        dispatch!(Level::new(), simd => {
            let _ = simd;
            whole.scored().remember(parts, slow, white, &present, state, wanted, found, own);
        });
        match wanted {
            Wanted::Score => out.iter_mut().zip(&*own).for_each(|(out, own)| *out = out.max(*own)),
            Wanted::Parts => {
                let all = out.len() / count;
                for (out, own) in out.chunks_exact_mut(all).zip(own.chunks_exact(width)) {
                    out[all - width..].copy_from_slice(own);
                }
            }
            Wanted::Contributions => {
                whole.share(parts, white, x, rows.start, found, own)?;
                let columns = whole.columns();
                let both = totals.iter().zip(&found.totals);
                for ((out, own), (&total, &beside)) in
                    out.chunks_exact_mut(columns).zip(own.chunks_exact(columns)).zip(both)
                {
                    let sum = total + beside;
                    if sum > 0.0 {
                        out.iter_mut().zip(own).for_each(|(out, own)| *out = (*out * total + own * beside) / sum);
                    }
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_rows_lie_as_far_from_the_mean_as_their_variance_says() {
        // By the definition: the weight of each of 12 rows in each mean, less that in the means of the other folds.
        let folds = [0..3, 3..8, 8..12];
        let (memory, rows) = (0.3, 12_usize);
        let mut squares = vec![1.0; rows];
        later(&mut squares, memory, &folds).unwrap();
        for now in 0..rows {
            let mut weights = vec![0.0; rows];
            for past in 0..=now {
                let weight = memory * (1.0_f64 - memory).powi(i32::try_from(now - past).unwrap());
                weights[past] += weight;
                let own = folds.iter().find(|fold| fold.contains(&past)).unwrap();
                for row in (0..rows).filter(|row| !own.contains(row)) {
                    weights[row] -= weight / (rows - own.len()) as f64;
                }
            }
            let variance: f64 = weights.iter().map(|weight| weight * weight).sum();
            let exact = (memory / (2.0 - memory) + 1.0 / rows as f64) / variance;
            assert!((squares[now] / exact - 1.0).abs() < 1e-12, "{now}");
        }
    }
}
