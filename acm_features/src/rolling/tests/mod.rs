//! Tests of every rolling kernel: against a naive oracle, by hand, at the edges, and of the rule that a result depends on
//! its window alone.

mod beyond;
mod edges;
mod frames;
mod moments;
pub(crate) mod naive;
mod pairs;
mod windows;

use acm_linalg::lanes::Element;
use ndarray::{Array2, ArrayView2, ArrayViewMut2};
use proptest::prelude::*;

use super::{
    Window, Windows, rolling_kurt, rolling_mad, rolling_max, rolling_mean, rolling_mean_std, rolling_median,
    rolling_min, rolling_quantile, rolling_skew, rolling_slope, rolling_std, rolling_sum, rolling_var,
};
use crate::Result;

/// Quantiles that every test of them asks for.
pub(crate) const QUANTILES: [f64; 5] = [0.0, 0.25, 0.5, 0.9, 1.0];

/// Every public rolling kernel.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Kernel {
    Sum,
    Mean,
    MeanStd,
    Var { ddof: usize },
    Std { ddof: usize },
    Skew,
    Kurt,
    Min,
    Max,
    Slope,
    Median,
    Mad,
    Quantile,
}

impl Kernel {
    pub(crate) const MOMENTS: [Self; 11] = [
        Self::Sum,
        Self::Mean,
        Self::MeanStd,
        Self::Var { ddof: 1 },
        Self::Std { ddof: 0 },
        Self::Std { ddof: 3 },
        Self::Skew,
        Self::Kurt,
        Self::Min,
        Self::Max,
        Self::Slope,
    ];
    pub(crate) const ORDER: [Self; 3] = [Self::Median, Self::Mad, Self::Quantile];

    pub(crate) fn all() -> impl Iterator<Item = Self> {
        Self::MOMENTS.into_iter().chain(Self::ORDER)
    }

    /// Results for a column.
    pub(crate) fn results(self) -> usize {
        match self {
            Self::MeanStd => 2,
            Self::Quantile => QUANTILES.len(),
            _ => 1,
        }
    }

    pub(crate) fn run<'w, T: Element>(
        self,
        x: ArrayView2<'_, T>,
        window: impl Into<Windows<'w>>,
        out: ArrayViewMut2<'_, T>,
    ) -> Result<()> {
        let window = window.into();
        match self {
            Self::Sum => rolling_sum(x, window, out),
            Self::Mean => rolling_mean(x, window, out),
            Self::MeanStd => rolling_mean_std(x, window, 1, out),
            Self::Var { ddof } => rolling_var(x, window, ddof, out),
            Self::Std { ddof } => rolling_std(x, window, ddof, out),
            Self::Skew => rolling_skew(x, window, out),
            Self::Kurt => rolling_kurt(x, window, out),
            Self::Min => rolling_min(x, window, out),
            Self::Max => rolling_max(x, window, out),
            Self::Slope => rolling_slope(x, window, out),
            Self::Median => rolling_median(x, window, out),
            Self::Mad => rolling_mad(x, window, 1.0, out),
            Self::Quantile => rolling_quantile(x, window, &QUANTILES, out),
        }
    }

    /// The results; what a kernel leaves unwritten is -7.
    pub(crate) fn compute<'w>(self, x: ArrayView2<'_, f64>, window: impl Into<Windows<'w>>) -> Array2<f64> {
        let window = window.into();
        let mut out = Array2::from_elem((window.kept(x.nrows()), x.ncols() * self.results()), -7.0);
        self.run(x, window, out.view_mut()).unwrap();
        out
    }

    /// The results of a single column.
    pub(crate) fn of(self, column: &[f64], window: Window) -> Array2<f64> {
        self.compute(ArrayView2::from_shape((column.len(), 1), column).unwrap(), window)
    }
}

pub(crate) fn window(rows: usize, min_periods: usize) -> Window {
    Window::new(rows, min_periods).unwrap()
}

/// Panics where two arrays differ in a bit.
#[track_caller]
pub(crate) fn assert_same_bytes(got: ArrayView2<'_, f64>, expected: ArrayView2<'_, f64>, case: &str) {
    assert_eq!(got.dim(), expected.dim(), "{case}");
    for ((at, got), expected) in got.indexed_iter().zip(expected) {
        assert!(
            got.to_bits() == expected.to_bits(),
            "{case}: at {at:?} got {got:e} ({:x}), expected {expected:e} ({:x})",
            got.to_bits(),
            expected.to_bits()
        );
    }
}

pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// In [0, 1): the generator of Marsaglia (2003), xorshift64.
    pub(crate) fn uniform(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Normal enough, of variance 1.
    pub(crate) fn noise(&mut self) -> f64 {
        (0..12).map(|_| self.uniform() - 0.5).sum()
    }
}

/// Columns of [`plant`].
pub(crate) const PLANT: usize = 12;

/// Columns of every kind that has broken a rolling kernel somewhere.
pub(crate) fn plant(rows: usize) -> Array2<f64> {
    let mut random = Random::new(1);
    let mut walk = 0.0;
    Array2::from_shape_fn((rows, PLANT), |(row, column)| {
        let noise = random.noise();
        walk += noise;
        let gap = random.uniform();
        match column {
            0 => noise,
            1 => 1e9 + 1e-3 * noise,
            2 if row % 97 == 13 => 1e15,
            2 => noise,
            3 => 1500.1,
            4 if gap < 0.05 => f64::NAN,
            4 => 1500.0 + 5.0 * noise,
            5 => walk,
            6 if gap < 0.6 => f64::INFINITY,
            6 => 1e9 + noise,
            7 => f64::NAN,
            8 if row % 50 < 20 => f64::NEG_INFINITY,
            8 => 7.0,
            9 => (row as f64 * 0.3).sin() + (noise * 4.0).round() / 4.0,
            10 if row < 40 => 1e6 * noise,
            10 => 1e-6 * noise,
            _ if row % 13 == 5 => -0.0,
            _ => noise.round(),
        }
    })
}

/// Values that meet in no healthy history, often equal, often missing.
pub(crate) fn wild() -> impl Strategy<Value = f64> {
    prop_oneof![
        6 => -1e3..1e3,
        3 => (-3..4_i32).prop_map(f64::from),
        2 => 1e9..1e9 + 1e-3,
        1 => Just(1e15),
        1 => Just(-1e15),
        1 => Just(-0.0),
        1 => Just(5e-324),
        2 => Just(f64::NAN),
        1 => Just(f64::INFINITY),
        1 => Just(f64::NEG_INFINITY),
    ]
}

/// A small matrix of such values.
pub(crate) fn wild_matrix(values: usize) -> impl Strategy<Value = Array2<f64>> {
    (proptest::collection::vec(wild(), 1..values), 1_usize..11).prop_map(|(values, columns)| {
        let columns = columns.min(values.len());
        let rows = values.len() / columns;
        Array2::from_shape_vec((rows, columns), values[..rows * columns].to_vec()).unwrap()
    })
}

pub(crate) fn config(cases: u32) -> ProptestConfig {
    ProptestConfig::with_cases(cases)
}
