//! Mean, standard deviation, slope, skewness and kurtosis from one summary: the bits of each alone, at less than their cost.

use acm_linalg::lanes::Row;
use fearless_simd::{Simd, prelude::*};

use super::exact::{Exact, Moves};
use super::moments::Powers;
use super::slope::{Line, moved};
use super::summary::{Sight, Statistic};
use super::sums::{Compensated, Sum};

/// The results of [`AllMoments`] that sums alone do not give.
#[derive(Clone, Copy)]
pub(crate) struct PowersAlone;

impl Statistic for PowersAlone {
    type State<S: Simd> = Powers<S, true>;
    const POWERS: &'static [Option<i32>] = AllMoments::POWERS;
    const COST_NS: f64 = AllMoments::COST_NS;

    #[inline(always)]
    fn finish<S: Simd>(&self, simd: S, powers: Powers<S, true>, window: Sight, results: &mut [Row]) {
        results[1].store(powers.spread.variance(simd, 1.0, window).sqrt());
        results[3].store(powers.skew(simd, window));
        results[4].store(powers.kurt(simd, window));
    }
}

impl Moves for AllMoments {
    const LINE: bool = true;
    type Rest = PowersAlone;

    fn rest(&self) -> Option<PowersAlone> {
        Some(PowersAlone)
    }

    #[inline(always)]
    fn write<S: Simd>(&self, simd: S, sums: Exact<S>, window: Sight, results: &mut [Row]) {
        Sum::<true>.write(simd, sums, window, results);
        results[2].store(moved(simd, sums.line, window));
    }
}

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
