//! Densities of rows that the components have not seen.

use std::ops::Range;

use acm_linalg::lanes::{LANES, Row};
use acm_linalg::memory::{Gather, reserved};
use acm_linalg::samples::room;
use acm_linalg::{Error, Result, Samples, parallel};
use fearless_simd::{Level, dispatch};

use super::covariance::{Covariance, Sharing};
use super::fitted::FittedGaussianMixture;
use super::gaussians::{DensityScratch, Gaussians};
use super::logsum::{exp_of, ln_of};
use super::sweep::{Pieces, Source};
use super::tiles::TILES;
use crate::folds::folds;
use crate::held_out::{HeldOut, complete, count};
use crate::lagged::Lagged;
use crate::wandering::{RATE, Wandering, comparable};

/// Rows for each coordinate of a component, below which the responsibilities are fitted to single rows, and steps without them.
const FEW: usize = 35;
const STEPS: usize = 10;

/// Rows for each coordinate of a component with a covariance of its own, below which the stretches are this many times as many, of
/// at most so many coordinates.
const THIN: usize = 3;
const FINER: usize = 4;
const MANY: usize = 200;

impl FittedGaussianMixture {
    /// The surprises of each stretch of the training rows `x`: each component is found from the rows of all other stretches,
    /// weighed by the responsibilities that it has in the whole mixture.
    ///
    /// Surprise: 2 (c - ln p), c what the logarithm of the density p is at most; of one component it is the squared distance.
    pub(super) fn hold_out(
        &self,
        x: Samples<'_>,
        densities: &[f64],
        running: Option<&[bool]>,
    ) -> Result<(HeldOut, Option<Wandering>)> {
        let (rows, width) = (x.rows(), self.frame.width());
        let most = self.most();
        let mut found = densities.iter().map(|density| 2.0 * (most - density)).gathered("the training scores")?;
        let mut halves = None;
        let mut counts = complete(&self.points()?, x)?;
        if let Some(running) = running {
            counts.iter_mut().zip(running).for_each(|(counts, running)| *counts &= running);
        }
        let (components, covariance) = (self.components(), self.parameters.covariance());
        // What a component of few rows lacks decides, and a tenth of the rows is much of that.
        let thin = covariance == Covariance::Full && rows < THIN * width * components && width <= MANY;
        let more = if thin { FINER } else { 1 };
        if let Some(stretches) = count(rows.div_ceil(LANES), 0, width.min(rows)) {
            let stretches = (stretches * more).min(rows.div_ceil(LANES));
            let tiles = self.frame.tiles(x)?;
            let stretches = folds(rows.div_ceil(LANES), stretches)?;
            let ranges = stretches.iter().cloned();
            let mut pieces = Pieces::of(&tiles, rows, width, covariance, components, ranges)?;
            pieces.gather(Source::Model(&self.model), &self.model.means, true)?;
            let mut judged = reserved(stretches.len(), "the training scores")?;
            let count = stretches.len();
            for number in 0..count {
                match self.component_of(&pieces, &stretches, rows, |part| part != number)? {
                    Some(model) => judged.push(model),
                    None => break,
                }
            }
            if judged.len() == count {
                if components > 1 && rows <= FEW * width * components {
                    self.alone(&mut pieces, &stretches, rows, &mut judged)?;
                    pieces.gather(Source::Model(&self.model), &self.model.means, true)?;
                }
                self.surprises(&tiles, judged.iter().zip(&stretches), &mut found)?;
                if comparable(rows, width) {
                    let half = count / 2;
                    let first = self.component_of(&pieces, &stretches, rows, |part| part < half)?;
                    let second = self.component_of(&pieces, &stretches, rows, |part| part >= half)?;
                    if let (Some(first), Some(second)) = (first, second) {
                        let middle = stretches[half].start;
                        let spans = [0..middle, middle..rows.div_ceil(LANES)];
                        let mut both = room(rows, 1, 0.0, "the training scores")?;
                        // Each half by the components of the other.
                        self.surprises(&tiles, [second, first].iter().zip(&spans), &mut both)?;
                        halves = Some(both);
                    }
                }
            }
        }
        let held_out = HeldOut::of(&mut found, &counts)?;
        let wandering = match halves {
            Some(halves) => Wandering::of(x, &self.frame.kept, &counts, &[halves], &[&held_out], RATE, running)?,
            None => None,
        };
        Ok((held_out, wandering))
    }

    /// Goes on with each stretch's components by the rows of all others alone: where rows are few, the responsibilities of those
    /// have been fitted to its own, too.
    fn alone(
        &self,
        pieces: &mut Pieces<'_>,
        stretches: &[Range<usize>],
        rows: usize,
        judged: &mut [Gaussians],
    ) -> Result<()> {
        let (covariance, reg) = (self.parameters.covariance(), self.parameters.reg());
        for (number, (model, own)) in judged.iter_mut().zip(stretches).enumerate() {
            let others = rows - (rows.min(own.end * LANES) - own.start * LANES);
            for _ in 0..STEPS {
                pieces.gather(Source::Model(model), &model.means, true)?;
                let sums = pieces.among(|part| part != number)?;
                match Gaussians::from_sums(&sums, &model.means, others, covariance, Sharing::None, reg) {
                    Err(Error::Singular { .. }) => break,
                    next => *model = next?,
                }
            }
        }
        Ok(())
    }

    /// The components by the rows of the stretches that are `inside`; `None` where those do not tell columns apart.
    fn component_of(
        &self,
        pieces: &Pieces<'_>,
        stretches: &[Range<usize>],
        rows: usize,
        inside: impl Fn(usize) -> bool,
    ) -> Result<Option<Gaussians>> {
        let part = stretches.iter().enumerate().filter(|(number, _)| inside(*number));
        let count = part.map(|(_, part)| rows.min(part.end * LANES) - part.start * LANES).sum();
        let (means, reg) = (&self.model.means, self.parameters.reg());
        let covariance = self.parameters.covariance();
        match Gaussians::from_sums(&pieces.among(inside)?, means, count, covariance, Sharing::None, reg) {
            // All rows together tell columns apart that fewer of them do not.
            Err(Error::Singular { .. }) => Ok(None),
            model => model.map(Some),
        }
    }

    /// The surprises of the rows of each span of tiles by its components.
    fn surprises<'a>(
        &self,
        tiles: &[Row],
        judges: impl ExactSizeIterator<Item = (&'a Gaussians, &'a Range<usize>)>,
        found: &mut [f64],
    ) -> Result<()> {
        let (rows, width, most, level) = (found.len(), self.frame.width(), self.most(), Level::new());
        let mut jobs = reserved(judges.len(), "the training scores")?;
        let mut rest = found;
        for (model, span) in judges {
            let end = rest.len().min(span.len() * LANES);
            let (out, behind) = rest.split_at_mut(end);
            jobs.push((model, span, out));
            rest = behind;
        }
        parallel::run(
            jobs,
            rows as f64 * self.model.cost_ns(),
            || DensityScratch::new(self.components(), width, false),
            |scratch, (model, span, out), stop| {
                for (first, out) in span.clone().step_by(TILES).zip(out.chunks_mut(TILES * LANES)) {
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
        )
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

#[cfg(test)]
mod tests {
    use std::f64::consts::TAU;

    use acm_linalg::seed::stream;
    use ndarray::Array2;
    use rand::RngExt;

    use super::super::{Components, GaussianMixture};
    use super::*;

    #[test]
    fn stretches_and_halves_are_judged_by_the_rows_of_the_others() {
        let mut draw = stream(51, 0);
        let steady = Array2::from_shape_simple_fn((400, 2), || draw.random::<f64>());
        let mixture = GaussianMixture::new(Components::Fixed(1), Covariance::Diag, 1, 1e-2, 1e-3, 100, 1).unwrap();
        let model = mixture.fit(steady.view().into()).unwrap();
        // The level of the second sensor is another one in the second half.
        let mut x = steady.clone();
        x.slice_mut(ndarray::s![200.., 1]).mapv_inplace(|value| value + 9.0);
        let (held, wandering) = model.hold_out(x.view().into(), &[0.0; 400], None).unwrap();
        let z = |row: usize, column: usize| model.scaling().scaled(x[[row, column]], column);
        // Mean and variance of each sensor in the rows but a stretch.
        let without = |stretch: Range<usize>| {
            let rows: Vec<usize> = (0..400).filter(|row| !stretch.contains(row)).collect();
            let count = rows.len() as f64;
            [0, 1].map(|column| {
                let mean = rows.iter().map(|&row| z(row, column)).sum::<f64>() / count;
                (mean, rows.iter().map(|&row| (z(row, column) - mean).powi(2)).sum::<f64>() / count + 1e-2)
            })
        };
        let most = -0.5 * model.covariances().iter().map(|variance| (TAU * variance).ln()).sum::<f64>();
        let surprise = |row: usize, of: &[(f64, f64); 2]| {
            let parts = [0, 1].map(|column| {
                let (mean, variance) = of[column];
                (TAU * variance).ln() + (z(row, column) - mean).powi(2) / variance
            });
            2.0 * most + parts.iter().sum::<f64>()
        };
        // Ten stretches of five eights of rows each.
        let stretches: Vec<_> = (0..10).map(|number| without(40 * number..40 * number + 40)).collect();
        let mut exact: Vec<f64> = (0..400).map(|row| surprise(row, &stretches[row / 40])).collect();
        let exact = HeldOut::of(&mut exact, &[true; 400]).unwrap();
        for alpha in [0.3, 0.05, 0.01, 1e-3] {
            assert!((held.limit(alpha) / exact.limit(alpha) - 1.0).abs() < 1e-9, "{alpha}");
        }
        let halves = [without(0..200), without(200..400)];
        let both: Vec<f64> = (0..400).map(|row| surprise(row, &halves[row / 200])).collect();
        let exact = Wandering::of(x.view().into(), &[0, 1], &[true; 400], &[both], &[&exact], RATE, None);
        let (found, exact) = (wandering.unwrap(), exact.unwrap().unwrap());
        assert_eq!((&found.columns[..], found.expected), (&[1][..], exact.expected));
        assert!((found.limit(0, 0.0, 0.01) / exact.limit(0, 0.0, 0.01) - 1.0).abs() < 1e-9);
        // A steady history has none.
        assert!(model.hold_out(steady.view().into(), &[0.0; 400], None).unwrap().1.is_none());
    }
}
