//! Statistics and contributions of eight rows at a time, a lane for each row.

use acm_linalg::Result;
use acm_linalg::Samples;
use acm_linalg::lanes::{LANES, Row, V};
use acm_linalg::samples::room;
use fearless_simd::{Level, Simd, dispatch, f64x8, prelude::*};

use super::{Decomposition, FittedPca, Statistic};
use crate::lagged::Lagged;

/// Components that are projected on at once.
const GROUP: usize = 4;

/// What is wanted of each row.
#[derive(Debug, Clone, Copy)]
pub(super) enum Job {
    Statistic(Statistic),
    Contributions(Statistic, Decomposition),
    Residuals,
}

/// The components in groups of four, coordinate by coordinate, and what T² weighs them by.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Directions {
    count: usize,
    width: usize,
    entries: Vec<[f64; GROUP]>,
    /// 1 / variance, 0 beyond the last.
    weights: Vec<f64>,
}

impl Directions {
    /// From row-major components and their variances.
    pub(super) fn new(components: &[f64], variances: &[f64], width: usize) -> Result<Self> {
        let count = components.len() / width.max(1);
        let groups = count.div_ceil(GROUP);
        let mut entries = room(groups, width, [0.0; GROUP], "components")?;
        for (number, component) in components.chunks_exact(width).enumerate() {
            let group = &mut entries[number / GROUP * width..][..width];
            group.iter_mut().zip(component).for_each(|(entry, value)| entry[number % GROUP] = *value);
        }
        let mut weights = room(groups, GROUP, 0.0, "components")?;
        weights
            .iter_mut()
            .zip(&variances[..count])
            .for_each(|(weight, variance)| *weight = 1.0 / variance);
        Ok(Self {
            count,
            width,
            entries,
            weights,
        })
    }

    pub(super) fn count(&self) -> usize {
        self.count
    }

    pub(super) fn groups(&self) -> usize {
        self.weights.len() / GROUP
    }
}

/// Where eight rows are worked on.
pub(super) struct Scratch {
    raw: Vec<Row>,
    points: Vec<Row>,
    /// Projections, then what they are weighed to.
    scores: Vec<Row>,
    weighed: Vec<Row>,
    residual: Vec<Row>,
    explained: Vec<Row>,
}

impl Scratch {
    pub(super) fn new(lagged: &Lagged, directions: &Directions) -> Result<Self> {
        let rows = |count| room(count, 1, Row::default(), "eight rows");
        let (width, scores) = (lagged.width(), directions.weights.len());
        Ok(Self {
            raw: lagged.scratch()?,
            points: rows(width)?,
            scores: rows(scores)?,
            weighed: rows(scores)?,
            residual: rows(width)?,
            explained: rows(width)?,
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
) {
    dispatch!(Level::new(), simd => work(simd, model, x, first, job, scratch, out));
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
) {
    let directions = &model.directions;
    model.lagged.pack(simd, x, first, &mut scratch.raw, &mut scratch.points);
    project(simd, directions, &scratch.points, &mut scratch.scores);
    let t2 = weighed_squares(simd, directions, &scratch.scores);
    let wanted = match job {
        Job::Statistic(which) | Job::Contributions(which, _) => which,
        Job::Residuals => Statistic::Spe,
    };
    let spe: V<S> = if wanted == Statistic::T2 {
        f64x8::splat(simd, 0.0)
    } else {
        subtract(simd, directions, &scratch.scores, Some(&scratch.points), &mut scratch.residual)
    };
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
            let kept = &scratch.residual[..model.lagged.kept.len()];
            model.lagged.fold(kept, out.len() / model.lagged.columns, out);
        }
        Job::Contributions(which, decomposition) => {
            if which != Statistic::Spe {
                let partial = decomposition == Decomposition::Partial;
                weigh(simd, directions, partial, &scratch.scores, &mut scratch.weighed);
                subtract(simd, directions, &scratch.weighed, None, &mut scratch.explained);
            }
            let one: V<S> = f64x8::splat(simd, 1.0);
            let (spe_unit, t2_unit) = if which == Statistic::Score { (spe_limit, t2_limit) } else { (one, one) };
            let residual_wins = spe_share.simd_ge(t2_share);
            for place in 0..directions.width {
                let residual: V<S> = scratch.residual[place].load(simd);
                let explained: V<S> = scratch.explained[place].load(simd);
                let (beside_residual, beside_explained) = match decomposition {
                    Decomposition::Partial => {
                        let point: V<S> = scratch.points[place].load(simd);
                        (point, point)
                    }
                    Decomposition::Complete => (residual, explained),
                };
                let spe_part = residual * beside_residual / spe_unit;
                let t2_part = explained * beside_explained / t2_unit;
                let part = match which {
                    Statistic::Spe => spe_part,
                    Statistic::T2 => t2_part,
                    Statistic::Score => residual_wins.select(spe_part, t2_part),
                };
                scratch.points[place].store(part);
            }
            model.lagged.fold(&scratch.points, out.len() / model.lagged.columns, out);
        }
    }
    debug_assert!(out.len() <= LANES * model.lagged.columns.max(1));
}

/// Scores of the points along each component.
#[inline(always)]
fn project<S: Simd>(simd: S, directions: &Directions, points: &[Row], scores: &mut [Row]) {
    let width = directions.width;
    for group in 0..directions.groups() {
        let entries = &directions.entries[group * width..][..width];
        let points = &points[..width];
        let zero: V<S> = f64x8::splat(simd, 0.0);
        let (mut a, mut b, mut c, mut d) = (zero, zero, zero, zero);
        for place in 0..width {
            let point: V<S> = points[place].load(simd);
            let [p, q, r, s] = entries[place];
            a += point * p;
            b += point * q;
            c += point * r;
            d += point * s;
        }
        let scores = &mut scores[group * GROUP..][..GROUP];
        scores[0].store(a);
        scores[1].store(b);
        scores[2].store(c);
        scores[3].store(d);
    }
}

#[inline(always)]
fn weighed_squares<S: Simd>(simd: S, directions: &Directions, scores: &[Row]) -> V<S> {
    let mut sum: V<S> = f64x8::splat(simd, 0.0);
    for number in 0..directions.weights.len() {
        let score: V<S> = scores[number].load(simd);
        sum += score * score * directions.weights[number];
    }
    sum
}

/// Minus the scores by their weights, or by the roots of them.
#[inline(always)]
fn weigh<S: Simd>(simd: S, directions: &Directions, whole: bool, scores: &[Row], weighed: &mut [Row]) {
    for number in 0..directions.weights.len() {
        let weight = directions.weights[number];
        let weight = if whole { weight } else { weight.sqrt() };
        let score: V<S> = scores[number].load(simd);
        weighed[number].store(score * -weight);
    }
}

/// `from` (zeros without) less the components by their scores, into `rest`; the sum of its squares.
#[inline(always)]
fn subtract<S: Simd>(simd: S, directions: &Directions, scores: &[Row], from: Option<&[Row]>, rest: &mut [Row]) -> V<S> {
    let width = directions.width;
    let rest = &mut rest[..width];
    match from {
        Some(from) => rest.copy_from_slice(&from[..width]),
        None => rest.fill(Row::default()),
    }
    for group in 0..directions.groups() {
        let entries = &directions.entries[group * width..][..width];
        let scores = &scores[group * GROUP..][..GROUP];
        let a: V<S> = scores[0].load(simd);
        let b: V<S> = scores[1].load(simd);
        let c: V<S> = scores[2].load(simd);
        let d: V<S> = scores[3].load(simd);
        for place in 0..width {
            let value: V<S> = rest[place].load(simd);
            let [p, q, r, s] = entries[place];
            rest[place].store(value - ((a * p + b * q) + (c * r + d * s)));
        }
    }
    let mut sum: V<S> = f64x8::splat(simd, 0.0);
    for place in 0..width {
        let value: V<S> = rest[place].load(simd);
        sum += value * value;
    }
    sum
}
