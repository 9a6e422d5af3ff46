//! The order of the feature matrix' columns, and what each of them is made of.

use acm_linalg::lanes::{Row, V};
use fearless_simd::{Simd, f64x8, prelude::*};

use super::Feature;
use crate::rolling::Wanted;

/// Farthest that a skewness, a kurtosis and a robust z may lie from 0.
const SKEW_CLIP: f64 = 100.0;
const KURT_CLIP: f64 = 1000.0;
const Z_CLIP: f64 = 100.0;

/// Makes the median absolute deviation of normal data its standard deviation.
const NORMAL: f64 = 1.4826;

/// Deviations from here on have no digit that the floor would change: 2^480.
const LARGE: f64 = f64::from_bits((1023 + 480) << 52);

/// Least deviation that a robust z divides by, and what is added to the divisor.
const FLOOR: f64 = 1e-9;

/// Which results a feature's columns are taken from.
#[derive(Clone, Copy)]
pub(super) enum Source {
    Order(usize),
    Moments { result: usize, clip: f64 },
    TimeSlope,
    Energy,
    RobustZ,
}

/// Results of the order statistics: median, deviation. Of the moments: as [`crate::rolling::AllMoments`] says.
pub(crate) const ORDER_RESULTS: usize = 2;
pub(crate) const MOMENT_RESULTS: usize = 5;

/// The order of the results, and what becomes of those that are not defined.
pub(crate) struct Assembly {
    pub(super) sources: Vec<Source>,
    /// Whether nothing is missing, and what is not defined is 0.
    pub(super) filled: bool,
    pub(super) bands: usize,
}

/// What results are taken from, a line for each row.
pub(crate) struct Found<'a> {
    /// Median and deviation.
    pub(crate) order: &'a [Row],
    /// As [`crate::rolling::AllMoments`] says.
    pub(crate) moments: &'a [Row],
    pub(crate) slope: &'a [Row],
    pub(crate) energy: &'a [Row],
}

impl Assembly {
    /// Of slopes over times where `timed`.
    pub(crate) fn new(features: &[Feature], bands: usize, (timed, filled): (bool, bool)) -> Self {
        let moment = |result, clip| Source::Moments { result, clip };
        let sources = features.iter().map(|feature| match feature {
            Feature::Median => Source::Order(0),
            Feature::Mad => Source::Order(1),
            Feature::Mean => moment(0, f64::INFINITY),
            Feature::Std => moment(1, f64::INFINITY),
            Feature::Slope if timed => Source::TimeSlope,
            Feature::Slope => moment(2, f64::INFINITY),
            Feature::Skew => moment(3, SKEW_CLIP),
            Feature::Kurt => moment(4, KURT_CLIP),
            Feature::Energy => Source::Energy,
            Feature::RobustZ => Source::RobustZ,
        });
        Self {
            sources: sources.collect(),
            filled,
            bands,
        }
    }

    pub(super) fn any(&self, wanted: fn(&Source) -> bool) -> bool {
        self.sources.iter().any(wanted)
    }

    /// The order statistics that are looked at.
    pub(crate) fn order(&self) -> Option<Wanted> {
        self.any(|source| matches!(source, Source::Order(_) | Source::RobustZ)).then(|| Wanted {
            median: true,
            mad: Some(1.0),
            ..Wanted::default()
        })
    }

    /// Whether moments are looked at.
    pub(crate) fn moments(&self) -> bool {
        self.any(|source| matches!(source, Source::Moments { .. }))
    }

    /// Whether energies are.
    pub(crate) fn energies(&self) -> bool {
        self.any(|source| matches!(source, Source::Energy))
    }

    /// Results of a column.
    pub(super) fn width_of(&self, source: &Source) -> usize {
        if matches!(source, Source::Energy) { self.bands } else { 1 }
    }

    pub(crate) fn blocks(&self) -> impl Iterator<Item = usize> {
        self.sources.iter().map(|source| self.width_of(source))
    }

    #[inline(always)]
    pub(crate) fn assemble<S: Simd>(&self, simd: S, found: &Found<'_>, x: &[Row], out: &mut [Row]) {
        let width: usize = self.blocks().sum();
        let mut first = 0;
        for source in &self.sources {
            let lines = out.chunks_exact_mut(width);
            match *source {
                Source::Order(result) => {
                    for (line, from) in lines.zip(found.order.chunks_exact(ORDER_RESULTS)) {
                        line[first].store(told(simd, self.filled, from[result].load(simd)));
                    }
                }
                Source::Moments { result, clip } => {
                    for (line, from) in lines.zip(found.moments.chunks_exact(MOMENT_RESULTS)) {
                        line[first].store(told(simd, self.filled, within(simd, from[result].load(simd), clip)));
                    }
                }
                Source::TimeSlope => {
                    for (line, from) in lines.zip(found.slope) {
                        line[first].store(told(simd, self.filled, from.load(simd)));
                    }
                }
                Source::Energy => {
                    for (line, from) in lines.zip(found.energy.chunks_exact(self.bands)) {
                        for (band, energy) in from.iter().enumerate() {
                            line[first + band].store(told(simd, self.filled, energy.load(simd)));
                        }
                    }
                }
                Source::RobustZ => {
                    let from = found.order.chunks_exact(ORDER_RESULTS);
                    for ((line, from), x) in lines.zip(from).zip(x) {
                        let deviation = from[1].load(simd).max(f64x8::splat(simd, FLOOR));
                        let mut z = (x.load(simd) - from[0].load(simd)) / (deviation * NORMAL + FLOOR);
                        let large = deviation.simd_ge(LARGE);
                        if large.any_true() {
                            // The difference or the scale may have left the range.
                            let apart = x.load(simd) * 0.25 - from[0].load(simd) * 0.25;
                            z = large.select(apart / (deviation * 0.25 * NORMAL), z);
                        }
                        // Processors disagree about the sign of a NaN that they make.
                        let z = z.simd_eq(z).select(within(simd, z, Z_CLIP), f64x8::splat(simd, f64::NAN));
                        line[first].store(told(simd, self.filled, z));
                    }
                }
            }
            first += self.width_of(source);
        }
    }
}

/// `value`; where gaps are filled, 0 for what is not defined or beyond float64.
#[inline(always)]
fn told<S: Simd>(simd: S, filled: bool, value: V<S>) -> V<S> {
    if filled {
        value.abs().simd_lt(f64::INFINITY).select(value, f64x8::splat(simd, 0.0))
    } else {
        value
    }
}

/// `value`, at most `clip` from 0; NaN stays.
#[inline(always)]
fn within<S: Simd>(simd: S, value: V<S>, clip: f64) -> V<S> {
    let clip = f64x8::splat(simd, clip);
    let above = value.simd_gt(clip).select(clip, value);
    above.simd_lt(-clip).select(-clip, above)
}
