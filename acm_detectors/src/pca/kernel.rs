//! Statistics and contributions of eight rows at a time, a lane for each row.

use acm_linalg::Result;
use acm_linalg::Samples;
use acm_linalg::lanes::{LANES, Row, V};
use acm_linalg::samples::room;
use fearless_simd::{Level, Simd, dispatch, f64x8, prelude::*};

use super::alone::Form;
use super::gaps::{Effect, Noise, Subspace};
use super::{Decomposition, FittedPca, Statistic};
use crate::alone::Noisy;
use crate::gaps::Gaps;
use crate::lagged::Lagged;
use crate::look::Suspects;
use crate::packed::{Packed, rows_of, squares};

/// What is wanted of each row.
#[derive(Debug, Clone, Copy)]
pub(super) enum Job {
    Statistic(Statistic),
    Contributions(Statistic, Decomposition),
    Residuals,
}

/// The components, and what T² weighs them by.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Directions {
    components: Packed,
    /// 1 / variance, 0 beyond the last.
    weights: Vec<f64>,
    pub(super) noise: Noise,
}

impl Directions {
    /// From row-major components and the variances along all of them, those of the kept ones first.
    pub(super) fn new(components: &[f64], variances: &[f64], width: usize) -> Result<Self> {
        let components = Packed::full(components, components.len() / width.max(1), width)?;
        let mut weights = room(components.padded(), 1, 0.0, "components")?;
        for (weight, variance) in weights.iter_mut().zip(&variances[..components.rows()]) {
            *weight = 1.0 / variance;
        }
        let noise = Noise::of(variances, components.rows(), width);
        Ok(Self {
            components,
            weights,
            noise,
        })
    }

    pub(super) fn count(&self) -> usize {
        self.components.rows()
    }

    /// Estimated time for a row, in nanoseconds: it goes to the components and back.
    pub(super) fn cost_ns(&self) -> f64 {
        2.0 * self.components.cost_ns()
    }
}

/// Where eight rows are worked on.
pub(super) struct Scratch {
    pub(super) raw: Vec<Row>,
    points: Vec<Row>,
    /// Projections, then what they are weighed to.
    pub(super) scores: Vec<Row>,
    weighed: Vec<Row>,
    pub(super) residual: Vec<Row>,
    pub(super) explained: Vec<Row>,
    pub(super) gaps: Gaps<Effect>,
    /// Sensors that are rounded by themselves.
    pub(super) noisy: Noisy,
}

impl Scratch {
    pub(super) fn new(lagged: &Lagged, directions: &Directions) -> Result<Self> {
        let (width, scores) = (lagged.width(), directions.components.padded());
        Ok(Self {
            raw: lagged.scratch()?,
            points: rows_of(width)?,
            scores: rows_of(scores)?,
            weighed: rows_of(scores)?,
            residual: rows_of(width)?,
            explained: rows_of(width)?,
            gaps: Gaps::new(width)?,
            noisy: Noisy::default(),
        })
    }
}

/// Does the job for the rows from `first` on, as many as `out` has room for, up to eight.
pub(super) fn eight(
    model: &FittedPca,
    x: &Samples<'_>,
    first: usize,
    job: Job,
    scratch: &mut Scratch,
    out: &mut [f64],
) -> Result<()> {
    dispatch!(Level::new(), simd => work(simd, model, x, first, job, scratch, out))
}

#[inline(always)]
fn work<S: Simd>(
    simd: S,
    model: &FittedPca,
    x: &Samples<'_>,
    first: usize,
    job: Job,
    scratch: &mut Scratch,
    out: &mut [f64],
) -> Result<()> {
    let Directions {
        components, weights, ..
    } = &model.directions;
    let incomplete = model.lagged.pack_gaps(simd, x, first, &mut scratch.raw, &mut scratch.points);
    model.states.settle(&mut scratch.points);
    if incomplete {
        let own = model.lagged.kept.len();
        scratch.gaps.fill(&Subspace::of(model), &mut scratch.points, own)?;
    }
    components.apply(simd, &scratch.points, &mut scratch.scores);
    let mut t2 = weighed_squares(simd, weights, &scratch.scores);
    let wanted = match job {
        Job::Statistic(which) | Job::Contributions(which, _) => which,
        Job::Residuals => Statistic::Spe,
    };
    let mut spe: V<S> = if wanted == Statistic::T2 {
        f64x8::splat(simd, 0.0)
    } else {
        scratch.residual.copy_from_slice(&scratch.points);
        components.subtract_rows(simd, &scratch.scores, &mut scratch.residual);
        squares(simd, &scratch.residual)
    };
    let mut judges = model.rounding.judges(simd, &model.lagged, x, first, &mut scratch.raw);
    let alone = if matches!(job, Job::Residuals) {
        Suspects::default()
    } else {
        model.alone.lanes(simd, judges, &scratch.raw, &model.lagged.kept)
    };
    let suspects = alone.each(judges);
    let (mut noisy, mut less) = ([false; LANES], [[0.0; LANES]; 2]);
    for lane in (0..LANES).filter(|&lane| suspects[lane].any()) {
        noisy[lane] = model.find_alone(lane, suspects[lane], scratch)?;
        if noisy[lane] {
            judges[lane] = 0;
            for (less, form) in less.iter_mut().zip([Form::Residual, Form::Explained]) {
                if wanted != Statistic::T2 || form == Form::Explained {
                    less[lane] = model.less(lane, form, scratch)?;
                }
            }
        }
    }
    let coarse = judges.iter().any(|&judge| judge > 0);
    let moved = incomplete || coarse;
    let one: V<S> = f64x8::splat(simd, 1.0);
    let (mut spe_factor, mut t2_factor) = (one, one);
    if incomplete {
        let factors = model.factors(&scratch.gaps, &stored(spe, t2));
        (spe_factor, t2_factor) = (factors[0].load(simd), factors[1].load(simd));
        spe *= spe_factor;
        t2 *= t2_factor;
    }
    if coarse {
        let factors = model.rounding_factors(judges, &stored(spe, t2));
        let (beside_spe, beside_t2): (V<S>, V<S>) = (factors[0].load(simd), factors[1].load(simd));
        (spe, t2) = (spe * beside_spe, t2 * beside_t2);
        (spe_factor, t2_factor) = (spe_factor * beside_spe, t2_factor * beside_t2);
    }
    if noisy.contains(&true) {
        let mut statistics = stored(spe, t2);
        for lane in (0..LANES).filter(|&lane| noisy[lane]) {
            for (statistic, less) in statistics.iter_mut().zip(&less) {
                statistic.0[lane] = (statistic.0[lane] - less[lane]).max(0.0);
            }
        }
        (spe, t2) = (statistics[0].load(simd), statistics[1].load(simd));
    }
    let spe_limit: V<S> = f64x8::splat(simd, model.spe_limit);
    let t2_limit: V<S> = f64x8::splat(simd, model.t2_limit);
    let (spe_share, t2_share) = (spe / spe_limit, t2 / t2_limit);
    match job {
        Job::Statistic(which) => {
            let value = match which {
                Statistic::Spe => spe,
                Statistic::T2 => t2,
                Statistic::Score => spe_share.max(t2_share),
            };
            let mut values = Row::default();
            values.store(value);
            out.copy_from_slice(&values.0[..out.len()]);
        }
        Job::Residuals => {
            let kept = &mut scratch.residual[..model.lagged.kept.len()];
            if incomplete {
                scratch.gaps.clear(kept);
            }
            model.lagged.fold(kept, out.len() / model.lagged.columns, out);
        }
        Job::Contributions(which, decomposition) => {
            if which != Statistic::Spe {
                let partial = decomposition == Decomposition::Partial;
                weigh(simd, weights, partial, &scratch.scores, &mut scratch.weighed);
                scratch.explained.fill(Row::default());
                components.add_rows(simd, &scratch.weighed, &mut scratch.explained);
            }
            if incomplete {
                model.hand_over(decomposition, scratch)?;
            }
            let statistics = stored(spe, t2);
            for lane in (0..LANES).filter(|&lane| noisy[lane]) {
                if model.find_alone(lane, suspects[lane], scratch)? {
                    model.hand_back(lane, decomposition, statistics.map(|row| row.0[lane]), scratch)?;
                }
            }
            let (spe_unit, t2_unit) = if which == Statistic::Score { (spe_limit, t2_limit) } else { (one, one) };
            let residual_wins = spe_share.simd_ge(t2_share);
            for place in 0..scratch.points.len() {
                let residual: V<S> = scratch.residual[place].load(simd);
                let explained: V<S> = scratch.explained[place].load(simd);
                let (beside_residual, beside_explained) = match decomposition {
                    Decomposition::Partial => {
                        let point: V<S> = scratch.points[place].load(simd);
                        (point, point)
                    }
                    Decomposition::Complete => (residual, explained),
                };
                let mut spe_part = residual * beside_residual / spe_unit;
                let mut t2_part = explained * beside_explained / t2_unit;
                if moved {
                    spe_part *= spe_factor;
                    t2_part *= t2_factor;
                }
                let part = match which {
                    Statistic::Spe => spe_part,
                    Statistic::T2 => t2_part,
                    Statistic::Score => residual_wins.select(spe_part, t2_part),
                };
                scratch.points[place].store(part);
            }
            if incomplete {
                scratch.gaps.clear(&mut scratch.points);
            }
            model.lagged.fold(&scratch.points, out.len() / model.lagged.columns, out);
        }
    }
    debug_assert!(out.len() <= LANES * model.lagged.columns.max(1));
    Ok(())
}

#[inline(always)]
fn stored<S: Simd>(spe: V<S>, t2: V<S>) -> [Row; 2] {
    let mut rows = [Row::default(); 2];
    rows[0].store(spe);
    rows[1].store(t2);
    rows
}

#[inline(always)]
fn weighed_squares<S: Simd>(simd: S, weights: &[f64], scores: &[Row]) -> V<S> {
    let mut sum: V<S> = f64x8::splat(simd, 0.0);
    for number in 0..weights.len() {
        let score: V<S> = scores[number].load(simd);
        sum += score * score * weights[number];
    }
    sum
}

/// The scores by their weights, or by the roots of them.
#[inline(always)]
fn weigh<S: Simd>(simd: S, weights: &[f64], whole: bool, scores: &[Row], weighed: &mut [Row]) {
    for number in 0..weights.len() {
        let weight = if whole { weights[number] } else { weights[number].sqrt() };
        let score: V<S> = scores[number].load(simd);
        weighed[number].store(score * weight);
    }
}
