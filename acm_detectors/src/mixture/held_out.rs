//! Densities of rows that the components have not seen.

use acm_linalg::lanes::LANES;
use acm_linalg::memory::{Gather, reserved};
use acm_linalg::samples::room;
use acm_linalg::{Error, Result, Samples, parallel};
use fearless_simd::{Level, dispatch};

use super::covariance::Sharing;
use super::fitted::FittedGaussianMixture;
use super::gaussians::{DensityScratch, Gaussians};
use super::logsum::{exp_of, ln_of};
use super::sweep::{Pieces, Source};
use super::tiles::TILES;
use crate::folds::folds;
use crate::held_out::{HeldOut, complete, count};
use crate::lagged::Lagged;

impl FittedGaussianMixture {
    /// The surprises of each stretch of the training rows `x`: each component is found from the rows of all other stretches,
    /// weighed by the responsibilities that it has in the whole mixture.
    ///
    /// Surprise: 2 (c - ln p), c what the logarithm of the density p is at most; of one component it is the squared distance.
    pub(super) fn hold_out(&self, x: Samples<'_>, densities: &[f64], running: Option<&[bool]>) -> Result<HeldOut> {
        let (rows, width) = (x.rows(), self.frame.width());
        let most = self.most();
        let mut found = densities.iter().map(|density| 2.0 * (most - density)).gathered("the training scores")?;
        let mut counts = complete(&self.points()?, x)?;
        if let Some(running) = running {
            counts.iter_mut().zip(running).for_each(|(counts, running)| *counts &= running);
        }
        if let Some(stretches) = count(rows.div_ceil(LANES), 0, width.min(rows)) {
            let tiles = self.frame.tiles(x)?;
            let (components, covariance) = (self.components(), self.parameters.covariance());
            let stretches = folds(rows.div_ceil(LANES), stretches)?;
            let ranges = stretches.iter().cloned();
            let mut pieces = Pieces::of(&tiles, rows, width, covariance, components, ranges)?;
            pieces.gather(Source::Model(&self.model), &self.model.means, true)?;
            let mut judged = reserved(stretches.len(), "the training scores")?;
            for (number, stretch) in stretches.iter().enumerate() {
                let others = pieces.without(number)?;
                let left = rows - (rows.min(stretch.end * LANES) - stretch.start * LANES);
                let (means, reg) = (&self.model.means, self.parameters.reg());
                match Gaussians::from_sums(&others, means, left, covariance, Sharing::None, reg) {
                    // All rows together tell columns apart that fewer of them do not.
                    Err(Error::Singular { .. }) => break,
                    model => judged.push(model?),
                }
            }
            if judged.len() == stretches.len() {
                let level = Level::new();
                let mut outs = reserved(stretches.len(), "the training scores")?;
                let mut rest = &mut found[..];
                for stretch in &stretches {
                    let end = rest.len().min(stretch.len() * LANES);
                    let (out, behind) = rest.split_at_mut(end);
                    outs.push(out);
                    rest = behind;
                }
                parallel::run(
                    judged.iter().zip(&stretches).zip(outs),
                    rows as f64 * self.model.cost_ns(),
                    || DensityScratch::new(components, width, false),
                    |scratch, ((model, stretch), out), stop| {
                        for (first, out) in stretch.clone().step_by(TILES).zip(out.chunks_mut(TILES * LANES)) {
                            if stop.requested() {
                                return;
                            }
                            let count = out.len().div_ceil(LANES);
                            let block = &tiles[first * width..(first + count) * width];
                            dispatch!(level, simd => model.share(simd, block, count, scratch));
                            for (row, out) in out.iter_mut().enumerate() {
                                *out = 2.0 * (most - scratch.totals[row / LANES].0[row % LANES]);
                            }
                        }
                    },
                )?;
            }
        }
        HeldOut::of(&mut found, &counts)
    }

    /// What the logarithm of the density is at most.
    pub(super) fn most(&self) -> f64 {
        let offsets = &self.model.offsets;
        let most = offsets.iter().fold(f64::NEG_INFINITY, |most, &offset| most.max(offset));
        most + ln_of(offsets.iter().map(|offset| exp_of(offset - most)).sum())
    }

    fn points(&self) -> Result<Lagged> {
        let kept = self.frame.kept.iter().copied().gathered("the columns that change")?;
        Ok(Lagged {
            columns: self.columns(),
            scaling: self.frame.scaling.select(&kept)?,
            mean: room(kept.len(), 1, 0.0, "the columns that change")?,
            lags: 0,
            kept,
        })
    }
}
