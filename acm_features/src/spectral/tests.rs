use std::ops::Range;

use ndarray::{Array2, ArrayView2, s};
use proptest::prelude::*;

use super::{Bands, rolling_band_energy};
use crate::rolling::{Closed, Window, Windows};

const WINDOWS: [usize; 13] = [1, 2, 3, 4, 5, 15, 16, 17, 60, 64, 100, 257, 600];

/// High part of a sum and what its roundings lost.
#[derive(Clone, Copy, Default)]
struct Exact(f64, f64);

impl Exact {
    fn add(self, x: f64) -> Self {
        let high = self.0 + x;
        let part = high - self.0;
        Self(high, self.1 + ((self.0 - (high - part)) + (x - part)))
    }

    fn add_product(self, x: f64, y: f64) -> Self {
        let product = x * y;
        let sum = self.add(product);
        Self(sum.0, sum.1 + x.mul_add(y, -product))
    }

    fn value(self) -> f64 {
        self.0 + self.1
    }
}

/// Energies of one window as defined, in doubled precision; and the scale of their errors, the energy of all bins.
fn window_energies(x: &[f64], bands: &Bands) -> (Vec<f64>, f64) {
    let valid = || x.iter().copied().filter(|x| x.is_finite());
    let count = valid().count() as f64;
    let origin = valid().next().unwrap_or(0.0);
    let sum = valid().fold(Exact::default(), |sum, x| sum.add(x - origin));
    // The mean as a pair, so that deviations of 1e-3 about 1e9 keep their digits.
    let mean = sum.value() / count;
    let rest = (mean.mul_add(-count, sum.0) + sum.1) / count;
    let centred: Vec<f64> = x
        .iter()
        .map(|&x| if x.is_finite() { ((x - origin) - mean) - rest } else { 0.0 })
        .collect();
    let mut circle = vec![[0.0; 2]; x.len()];
    super::circle::fill(&mut circle);
    let power = |bin: usize| {
        let mut sums = [Exact::default(); 2];
        for (row, &x) in centred.iter().enumerate() {
            let point = circle[bin * row % circle.len()];
            sums = [sums[0].add_product(x, point[0]), sums[1].add_product(x, point[1])];
        }
        sums[0].value().powi(2) + sums[1].value().powi(2)
    };
    let energies = bands.bins(x.len()).map(|bins: Range<usize>| bins.map(power).sum()).collect();
    (energies, x.len() as f64 * centred.iter().map(|x| x * x).sum::<f64>())
}

fn compute(x: ArrayView2<'_, f64>, window: Window, bands: &Bands) -> Array2<f64> {
    let mut out = Array2::from_elem((x.nrows(), x.ncols() * bands.len()), -1.0);
    rolling_band_energy(x, window, bands, out.view_mut()).unwrap();
    out
}

/// Largest error relative to `max(1, energy of the window)`; the missing ones must agree.
fn worst_error(x: ArrayView2<'_, f64>, window: Window, bands: &Bands) -> f64 {
    let got = compute(x, window, bands);
    let mut worst = 0.0_f64;
    for (column, values) in x.columns().into_iter().enumerate() {
        let values = values.to_vec();
        for row in 0..values.len() {
            let seen = &values[(row + 1).saturating_sub(window.rows())..=row];
            let (energies, scale) = window_energies(seen, bands);
            let count = seen.iter().filter(|x| x.is_finite()).count();
            for (band, mut expected) in energies.into_iter().enumerate() {
                let got = got[[row, column * bands.len() + band]];
                if seen.len() < window.rows() / 2 {
                    expected = 0.0;
                } else if count < window.min_periods().max(1) {
                    expected = f64::NAN;
                }
                assert_eq!(got.is_nan(), expected.is_nan(), "row {row} band {band}: {got} for {expected}");
                if !got.is_nan() {
                    worst = worst.max((got - expected).abs() / scale.max(1.0));
                }
            }
        }
    }
    worst
}

fn standard() -> Bands {
    Bands::standard(1.0).unwrap()
}

struct Random(u64);

impl Random {
    fn uniform(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Normal enough.
    fn noise(&mut self) -> f64 {
        (0..4).map(|_| self.uniform() - 0.5).sum()
    }
}

/// Columns of every kind that has broken a rolling kernel somewhere.
fn plant(rows: usize) -> Array2<f64> {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let mut walk = 0.0;
    Array2::from_shape_fn((rows, 10), |(row, column)| {
        let noise = random.noise();
        walk += noise;
        let gap = random.uniform();
        match column {
            0 => noise,
            1 => 1e9 + 1e-3 * noise,
            2 if row % 97 == 13 => 1e15,
            2 => noise,
            3 => 1500.0,
            4 if gap < 0.05 => f64::NAN,
            4 => 1500.0 + 5.0 * noise,
            5 => walk,
            6 if gap < 0.6 => f64::INFINITY,
            6 => 1e9 + noise,
            7 => f64::NAN,
            8 if row % 50 < 20 => f64::NEG_INFINITY,
            8 => 7.0,
            _ => (row as f64 * 0.3).sin() + (noise * 4.0).round() / 4.0,
        }
    })
}

#[test]
fn energies_are_those_of_the_definition() {
    let x = plant(320);
    for rows in WINDOWS {
        let least = [rows / 2, 0, 1, rows];
        for &min_periods in if rows > 64 { &least[..1] } else { &least[..] } {
            let window = Window::new(rows, min_periods).unwrap();
            let worst = worst_error(x.view(), window, &standard());
            assert!(worst < 2e-14, "window {rows}, min_periods {min_periods}: {worst:e}");
        }
    }
}

#[test]
fn bands_may_overlap_leave_out_and_reach_beyond() {
    let x = plant(150);
    let bands = Bands::new(
        [
            (0.0, 1e3),
            (5.0, 20.0),
            (10.0, 25.0),
            (49.0, 51.0),
            (60.0, 70.0),
            (0.1, 0.2),
        ],
        100.0,
    )
    .unwrap();
    for rows in [2, 7, 16, 33, 64] {
        let worst = worst_error(x.view(), Window::new(rows, 1).unwrap(), &bands);
        assert!(worst < 2e-14, "window {rows}: {worst:e}");
    }
}

#[test]
fn windows_cut_by_the_start_of_a_long_history_use_the_fast_transform() {
    let mut x = plant(1100);
    x.slice_mut(s![..40, 4]).fill(f64::NAN);
    let window = Window::new(1090, 20).unwrap();
    let x = x.slice(s![.., 0..9;2]);
    let tail = compute(x, window, &standard());
    for row in [543, 544, 545, 600, 701, 1023, 1088, 1089, 1099] {
        for (column, values) in x.columns().into_iter().enumerate() {
            let values = values.to_vec();
            let (expected, scale) = window_energies(&values[(row + 1_usize).saturating_sub(1090)..=row], &standard());
            for (band, expected) in expected.into_iter().enumerate() {
                let expected = if row < 544 { 0.0 } else { expected };
                let error = (tail[[row, 3 * column + band]] - expected).abs() / scale.max(1.0);
                assert!(error < 2e-14, "row {row}: {error:e}");
            }
        }
    }
}

#[test]
fn a_sine_has_its_energy_in_its_bin() {
    // A sine of amplitude a on bin k of n has |X_k| = a n / 2.
    let x = Array2::from_shape_fn((96, 1), |(row, _)| 3.0 * (std::f64::consts::TAU * 5.0 * row as f64 / 32.0).sin());
    let out = compute(
        x.view(),
        Window::new(32, 1).unwrap(),
        &Bands::new([(0.0, 5.0), (5.0, 6.0), (6.0, 17.0)], 32.0).unwrap(),
    );
    for row in 31..96 {
        assert!(out[[row, 0]].abs() < 1e-24 && out[[row, 2]].abs() < 1e-24);
        assert!((out[[row, 1]] - 48.0 * 48.0).abs() < 1e-10);
    }
}

#[test]
fn the_last_bin_counts_only_below_the_upper_end() {
    let x = Array2::from_shape_fn((8, 1), |(row, _)| if row % 2 == 0 { 1.0 } else { -1.0 });
    let bands = Bands::new([(0.0, 0.5), (0.5, 0.6)], 1.0).unwrap();
    let out = compute(x.view(), Window::new(4, 1).unwrap(), &bands);
    assert_eq!(out.slice(s![3.., ..]), ndarray::arr2(&[[0.0, 16.0]; 5]));
}

#[test]
fn a_constant_has_no_energy_whatever_is_missing() {
    let x = plant(300);
    for rows in [2, 5, 16, 64, 100] {
        let out = compute(x.slice(s![.., 3..9;5]), Window::new(rows, 1).unwrap(), &standard());
        assert!(out.iter().all(|&energy| energy == 0.0 || energy.is_nan()));
        assert!(out.slice(s![.., ..3]).iter().all(|&energy| energy == 0.0));
    }
}

#[test]
fn energies_beyond_float64_are_infinite_and_pass() {
    let mut x = plant(200).slice_move(s![.., 0..1]);
    x[[50, 0]] = 1.7e308;
    x[[51, 0]] = -1.7e308;
    x[[120, 0]] = 1e160;
    x[[125, 0]] = f64::NAN;
    let calm = plant(200).slice_move(s![.., 0..1]);
    for rows in [8, 20] {
        let window = Window::new(rows, 1).unwrap();
        let (out, expected) = (compute(x.view(), window, &standard()), compute(calm.view(), window, &standard()));
        assert!(out.iter().all(|energy| !energy.is_nan()));
        assert!((50..51 + rows).chain(120..120 + rows).all(|row| out[[row, 2]] == f64::INFINITY));
        for row in (0..50).chain(51 + rows..120).chain(125 + rows..200) {
            assert_eq!(out.row(row), expected.row(row), "row {row}");
        }
    }
}

fn same_bytes(a: ArrayView2<'_, f64>, b: ArrayView2<'_, f64>) -> bool {
    a.dim() == b.dim() && a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan()))
}

#[test]
fn pieces_of_a_history_give_the_bytes_of_the_whole() {
    let x = plant(1500);
    for rows in [1, 2, 16, 45, 64, 300, 700] {
        let window = Window::new(rows, 1).unwrap();
        let whole = compute(x.view(), window, &standard());
        for cut in [1, 15, 16, 63, 100, 640, 699, 700, 701, 1024, 1499] {
            let halo = cut.min(rows - 1);
            let first = cut - halo;
            let piece = compute(x.slice(s![first.., ..]), window.starting_at(first), &standard());
            assert!(same_bytes(piece.slice(s![halo.., ..]), whole.slice(s![cut.., ..])), "window {rows}, cut at {cut}");
        }
    }
}

#[test]
fn a_column_has_the_same_bytes_whatever_stands_beside_it() {
    let x = plant(1300);
    for rows in [3, 16, 64, 600, 2000] {
        let window = Window::new(rows, 2).unwrap();
        let whole = compute(x.view(), window, &standard());
        for column in 0..x.ncols() {
            let alone = compute(x.slice(s![.., column..=column]), window, &standard());
            let expected = whole.slice(s![.., 3 * column..3 * column + 3]);
            assert!(same_bytes(alone.view(), expected), "window {rows}, column {column}");
        }
        let turned = compute(x.t().as_standard_layout().t(), window, &standard());
        assert!(same_bytes(turned.view(), whole.view()));
    }
}

#[test]
fn what_left_the_window_leaves_no_trace() {
    let calm = plant(400);
    let mut wild = calm.clone();
    wild.slice_mut(s![..150, ..])
        .mapv_inplace(|x| if x.is_nan() { 3.0 } else { -1e15 * (1.0 + x.abs()) });
    wild.slice_mut(s![..150;3, ..]).fill(f64::NAN);
    for rows in [2, 16, 60, 100] {
        let window = Window::new(rows, 1).unwrap();
        let (calm, wild) = (compute(calm.view(), window, &standard()), compute(wild.view(), window, &standard()));
        let after = s![150 + rows - 1.., ..];
        assert!(same_bytes(calm.slice(after), wild.slice(after)), "window {rows}");
    }
}

#[test]
fn float32_is_rounded_once() {
    let x = plant(200).mapv(|x| x as f32);
    let window = Window::new(16, 1).unwrap();
    let mut out = Array2::zeros((200, 30));
    rolling_band_energy(x.view(), window, &standard(), out.view_mut()).unwrap();
    let expected = compute(x.mapv(f64::from).view(), window, &standard()).mapv(|x| x as f32);
    assert!(
        out.iter()
            .zip(&expected)
            .all(|(a, b)| a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan()))
    );
}

#[test]
fn empty_and_single_rows() {
    let window = Window::new(4, 1).unwrap();
    assert_eq!(compute(Array2::zeros((0, 3)).view(), window, &standard()).dim(), (0, 9));
    assert_eq!(compute(Array2::zeros((3, 0)).view(), window, &standard()).dim(), (3, 0));
    let one = ndarray::arr2(&[[5.0, f64::NAN]]);
    assert!(compute(one.view(), window, &standard()).iter().all(|&energy| energy == 0.0));
    let out = compute(one.view(), Window::new(1, 1).unwrap(), &standard());
    assert!(out.slice(s![.., ..3]).iter().all(|&energy| energy == 0.0));
    assert!(out.slice(s![.., 3..]).iter().all(|energy| energy.is_nan()));
    let huge = compute(one.view(), Window::new(usize::MAX, 1).unwrap(), &standard());
    assert!(huge.iter().all(|&energy| energy == 0.0));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    #[test]
    fn any_history_gives_the_energies_of_the_definition(
        values in prop::collection::vec(
            prop_oneof![
                6 => -1e3..1e3,
                1 => Just(f64::NAN),
                1 => 1e8..1e9,
            ],
            1..160,
        ),
        rows in 1_usize..80,
        least in 0_usize..80,
        first_row in 0_usize..100,
        edge in 0.01..0.49,
    ) {
        let x = Array2::from_shape_vec((values.len(), 1), values).unwrap();
        let window = Window::new(rows, least.min(rows)).unwrap().starting_at(first_row);
        let bands = Bands::new([(0.0, edge), (edge, 0.5)], 1.0).unwrap();
        let worst = worst_error(x.view(), window, &bands);
        prop_assert!(worst < 2e-14, "{worst:e}");
    }
}

#[test]
fn windows_that_cannot_hold_what_they_need_are_missing() {
    let bands = standard();
    // With gaps and without, in one cut and in another.
    let gappy = plant(1300);
    let mut x = gappy.slice(s![.., ..4]).to_owned();
    x[[400, 1]] = f64::NAN;
    for x in [gappy.view(), x.view(), x.slice(s![..399, ..])] {
        for rows in [2, 3, 7, 16, 60, 257, 600] {
            let windows = Windows::from(Window::new(rows, rows).unwrap()).closed(Closed::Neither);
            let mut out = Array2::from_elem((x.nrows(), x.ncols() * bands.len()), -1.0);
            rolling_band_energy(x, windows, &bands, out.view_mut()).unwrap();
            for ((row, column), energy) in out.indexed_iter() {
                // Less than half of a window at the start has no energy, whatever it needs.
                let expected = if row.min(rows - 1) < (rows - 1) / 2 { 0.0 } else { f64::NAN };
                assert_eq!(energy.to_bits(), expected.to_bits(), "{rows} rows: {energy} at {row}, {column}");
            }
        }
    }
}
