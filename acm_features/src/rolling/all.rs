//! Mean, standard deviation, slope, skewness and kurtosis from one summary: the bits of each alone, at less than their cost.

use acm_linalg::lanes::Row;
use fearless_simd::{Simd, prelude::*};

use super::moments::Powers;
use super::slope::Line;
use super::summary::{Sight, Statistic};
use super::sums::Compensated;

/// Results, in this order: mean, standard deviation (ddof 1), slope, skewness, kurtosis.
#[derive(Clone, Copy)]
pub(crate) struct AllMoments;

impl Statistic for AllMoments {
    type State<S: Simd> = ((Powers<S, true>, Compensated<S>), Line<S>);
    const POWERS: &'static [Option<i32>] = &[Some(1), Some(1), Some(1), None, None];
    const COST_NS: f64 = 10.0;

    #[inline(always)]
    fn finish<S: Simd>(&self, simd: S, ((powers, sum), line): Self::State<S>, window: Sight, results: &mut [Row]) {
        let count = window.count(simd, powers.spread.count);
        results[0].store(window.of_enough(simd, count, 1.0, sum.mean(simd, count, window)));
        results[1].store(powers.spread.variance(simd, 1.0, window).sqrt());
        results[2].store(line.slope(simd, (count, sum), window));
        results[3].store(powers.skew(simd, window));
        results[4].store(powers.kurt(simd, window));
    }
}
