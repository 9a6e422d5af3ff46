//! Every kernel at 10,000 rows of 50 columns, by the window's length, and the feature matrix.

use acm_features::matrix::{Feature, Gaps, feature_matrix};
use acm_features::rolling::{
    Window, rolling_kurt, rolling_mad, rolling_max, rolling_mean, rolling_mean_std, rolling_median, rolling_min,
    rolling_quantile, rolling_skew, rolling_slope, rolling_std, rolling_sum, rolling_var,
};
use acm_features::spectral::{Bands, rolling_band_energy};
use divan::Bencher;
use divan::counter::ItemsCount;
use ndarray::{Array2, ArrayView2, ArrayViewMut2};

const ROWS: usize = 10_000;
const COLUMNS: usize = 50;

fn main() {
    divan::main();
}

/// Noise that has no ties: a linear congruential generator (Knuth, MMIX).
fn noise(rows: usize, columns: usize) -> Array2<f64> {
    let mut state = 1_u64;
    Array2::from_shape_fn((rows, columns), |_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1_u64 << 53) as f64
    })
}

fn window(rows: usize) -> Window {
    Window::new(rows, 1).unwrap_or_else(|error| panic!("{error}"))
}

fn bands() -> Bands {
    Bands::standard(1.0).unwrap_or_else(|error| panic!("{error}"))
}

/// Times `kernel`, which gives `width` results a column.
fn time(
    bencher: Bencher<'_, '_>,
    width: usize,
    kernel: impl Fn(ArrayView2<'_, f64>, ArrayViewMut2<'_, f64>) -> acm_features::Result<()> + Sync,
) {
    let x = noise(ROWS, COLUMNS);
    let mut out = Array2::zeros((ROWS, COLUMNS * width));
    bencher
        .counter(ItemsCount::new(x.len()))
        .bench_local(|| kernel(divan::black_box(x.view()), out.view_mut()));
}

macro_rules! kernels {
    ($($name:ident, $width:literal, $windows:expr, |$window:ident| $kernel:expr;)*) => {$(
        #[divan::bench(args = $windows)]
        fn $name(bencher: Bencher<'_, '_>, rows: usize) {
            let $window = window(rows);
            time(bencher, $width, $kernel);
        }
    )*};
}

kernels! {
    sum, 1, [16], |window| |x, out| rolling_sum(x, window, out);
    mean, 1, [16], |window| |x, out| rolling_mean(x, window, out);
    mean_std, 2, [16, 64, 256, 2048], |window| |x, out| rolling_mean_std(x, window, 1, out);
    var, 1, [16], |window| |x, out| rolling_var(x, window, 1, out);
    std, 1, [16], |window| |x, out| rolling_std(x, window, 1, out);
    skew, 1, [16], |window| |x, out| rolling_skew(x, window, out);
    kurt, 1, [16], |window| |x, out| rolling_kurt(x, window, out);
    min, 1, [16], |window| |x, out| rolling_min(x, window, out);
    max, 1, [16], |window| |x, out| rolling_max(x, window, out);
    slope, 1, [16], |window| |x, out| rolling_slope(x, window, out);
    median, 1, [16, 64, 256, 2048], |window| |x, out| rolling_median(x, window, out);
    mad, 1, [16], |window| |x, out| rolling_mad(x, window, 1.4826, out);
    quantile, 2, [16], |window| |x, out| rolling_quantile(x, window, &[0.1, 0.9], out);
    energy, 3, [16, 64], |window| |x, out| rolling_band_energy(x, window, &bands(), out);
}

#[divan::bench]
fn features(bencher: Bencher<'_, '_>) {
    let x = noise(10_770, 9);
    let bands = bands();
    let mut out = Array2::zeros((x.nrows(), x.ncols() * (Feature::ALL.len() - 1 + bands.len())));
    bencher.counter(ItemsCount::new(x.len())).bench_local(|| {
        feature_matrix(divan::black_box(x.view()), window(16), &Feature::ALL, &bands, Gaps::Kept, out.view_mut())
    });
}
