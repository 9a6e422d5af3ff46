use std::sync::atomic::Ordering;

use acm_linalg::columns::History;
use ndarray::{Array2, Axis, ShapeBuilder, s};
use proptest::prelude::*;

use super::*;
use crate::rolling::AllMoments;
use crate::rolling::slope::Slope;
use crate::rolling::sums::Sum;
use crate::rolling::tests::{Kernel, Random, assert_same_bytes, config, plant, window};

const WINDOWS: [usize; 9] = [1, 2, 3, 16, 100, 255, 257, 512, 1000];

fn computed<L: Leaf>(leaf: &L, x: &Array2<f64>, first_row: usize) -> Array2<f64> {
    let width: usize = leaf.blocks().iter().sum();
    let mut out = Array2::from_elem((x.nrows(), width * x.ncols()), -7.0);
    let history = History {
        first_row,
        ..History::default()
    };
    columns::run(leaf, Table::from(x.view()), history, out.view_mut()).unwrap();
    out
}

/// Tiles whose sums were moved on, and all; panics where bytes are not those of blocks alone.
#[track_caller]
fn compared<K: Moves>(statistic: K, x: &Array2<f64>, rows: usize, first_row: usize, case: &str) -> (usize, usize) {
    let window = window(rows, 1.max(rows / 2));
    let leaf = SumsOrBlocks::new(statistic, window).unwrap();
    let got = computed(&leaf, x, first_row);
    let expected = computed(&Blocks::new(statistic, window).unwrap(), x, first_row);
    let case = format!("{case}: {}, window {rows}", std::any::type_name::<K>());
    assert_same_bytes(got.view(), expected.view(), &case);
    let [moved, all] = leaf.tiles.map(|count| count.load(Ordering::Relaxed));
    (moved, all)
}

#[track_caller]
fn assert_as_by_blocks(x: &Array2<f64>, rows: usize, first_row: usize, case: &str) {
    compared(Sum::<false>, x, rows, first_row, case);
    compared(Sum::<true>, x, rows, first_row, case);
    compared(Slope, x, rows, first_row, case);
    compared(AllMoments, x, rows, first_row, case);
}

/// Noise whose sizes are spread over so many powers of two, from `least` on.
fn spread(shape: (usize, usize), least: i64, powers: u32, seed: u64) -> Array2<f64> {
    let mut random = Random::new(seed);
    Array2::from_shape_simple_fn(shape, || {
        let exponent = least + (random.uniform() * f64::from(powers)) as i64;
        let sign = if random.uniform() < 0.5 { -1.0 } else { 1.0 };
        sign * power(exponent) * (1.0 + random.uniform())
    })
}

/// Powers of two that the sizes of values may be apart for sums, or for lines, over so many rows to be exact.
fn room(rows: usize, line: bool) -> i64 {
    let bits = i64::from(usize::BITS - rows.leading_zeros());
    50 - 2 * if line { 2 * bits } else { bits }
}

#[test]
fn the_bytes_are_those_of_blocks_however_far_apart_values_are() {
    fn at_the_edge<K: Moves>(statistic: K, rows: usize) {
        for more in [-20, -2, -1, 0, 1, 2, 4, 8, 40, 80] {
            let Ok(powers) = u32::try_from(room(rows, K::LINE) + more + 1) else {
                continue;
            };
            let x = spread((2100, 16), -30, powers, u64::from(powers) + rows as u64);
            let (moved, all) = compared(statistic, &x, rows, 5, &format!("{powers} powers of two"));
            // A short tile may hold none of the least values: few are where windows fill tiles.
            if 512 % rows == 0 {
                assert_eq!(moved * 2 >= all, more <= 0, "{powers} powers of two, window {rows}: {moved} of {all}");
            }
        }
    }
    for rows in WINDOWS {
        at_the_edge(Sum::<false>, rows);
        at_the_edge(Sum::<true>, rows);
        at_the_edge(Slope, rows);
        at_the_edge(AllMoments, rows);
    }
}

/// Rows in threes, a small one and two large ones that cancel, so many powers of two above it: small ones are all that remains
/// of a whole number of threes, and each lost bit of a low part shows. All but the last bits are set.
fn cancelling(rows: usize, powers: i64) -> Array2<f64> {
    let mut random = Random::new(7);
    let mut x = Array2::from_shape_simple_fn((rows, 8), || 2.0 - random.uniform() * power(-30));
    for row in (2..rows).step_by(3) {
        for column in 0..8 {
            x[[row - 1, column]] *= power(powers);
            x[[row, column]] = -x[[row - 1, column]];
        }
    }
    x
}

#[test]
fn what_large_values_leave_when_they_cancel_has_the_bytes_of_blocks() {
    for rows in [3, 6, 48, 99, 255, 513] {
        for more in -3..16 {
            for line in [false, true] {
                let powers = room(rows, line) + more;
                assert_as_by_blocks(&cancelling(1600, powers), rows, 0, &format!("{powers} powers of two"));
            }
        }
    }
}

#[test]
fn new_cuts_leave_no_trace() {
    // Values grow every other tile, up to where sums are exact no more, and are small again at the end.
    for rows in [3, 48, 99, 255] {
        for line in [false, true] {
            let room = room(rows, line);
            let cancel = cancelling(30_000, 0);
            let x = Array2::from_shape_fn((30_000, 8), |(row, column)| {
                let grown = (row / 1024) as i64 * room / 26;
                cancel[[row, column]] * power(if row < 28_000 { grown } else { 0 })
            });
            let moved = if line {
                compared(Slope, &x, rows, 0, "new cuts").0
            } else {
                compared(Sum::<false>, &x, rows, 0, "new cuts").0
            };
            assert!(moved > 0, "window {rows}");
            assert_as_by_blocks(&x, rows, 0, "new cuts");
        }
    }
}

#[test]
fn sums_move_on_as_soon_as_bad_rows_have_left() {
    let mut random = Random::new(8);
    let mut x = Array2::from_shape_simple_fn((40_000, 8), || 60.0 + random.noise());
    for row in (500..40_000).step_by(3024) {
        x[[row, 2]] = f64::NAN;
    }
    // Two thirds of the rows see none; of the tiles of 512 rows in between, the first and the last may.
    let (moved, all) = compared(Sum::<true>, &x, 1000, 0, "bad rows");
    assert!(moved * 10 >= all * 4, "{moved} of {all}");
}

#[test]
fn a_sum_is_the_exact_one_rounded_once() {
    let mut random = Random::new(3);
    let unit = power(-40);
    let whole = Array2::from_shape_simple_fn((1500, 8), || ((random.uniform() - 0.5) * 1e17).round() as i128);
    let x = whole.mapv(|value| value as f64 * unit);
    for rows in WINDOWS {
        assert!(compared(Sum::<false>, &x, rows, 0, "whole numbers").0 > 0, "window {rows}");
        let got = Kernel::Sum.compute(x.view(), window(rows, 1));
        for ((row, column), got) in got.indexed_iter() {
            let seen = whole.slice(s![(row + 1).saturating_sub(rows)..=row, column]);
            assert_eq!(*got, seen.sum() as f64 * unit, "window {rows}, row {row}");
        }
    }
}

#[test]
fn a_slope_is_the_exact_one_rounded_twice() {
    let mut random = Random::new(6);
    let whole = Array2::from_shape_simple_fn((1500, 8), || ((1.0 + random.uniform()) * 1e12).round() as i128);
    let x = whole.mapv(|value| value as f64);
    for rows in [2, 3, 16, 255, 600] {
        assert!(compared(Slope, &x, rows, 0, "whole numbers").0 > 0, "window {rows}");
        let got = Kernel::Slope.compute(x.view(), window(rows, 1));
        let n = rows as i128;
        for row in rows - 1..1500 {
            let seen = whole.slice(s![row + 1 - rows..=row, 4]);
            let line: i128 = (0..n).zip(seen).map(|(place, value)| (2 * place - (n - 1)) * value).sum();
            // Half a row: both sides of the fraction are doubled.
            let expected = (n * line) as f64 / (n * n * (n * n - 1) / 6) as f64;
            assert_eq!(got[[row, 4]], expected, "window {rows}, row {row}");
        }
    }
}

#[test]
fn sums_move_on_where_nothing_is_in_the_way() {
    let mut random = Random::new(4);
    let noise = Array2::from_shape_simple_fn((20_000, 8), || random.noise());
    for rows in [2, 16, 300, 2000] {
        let (moved, all) = compared(Sum::<true>, &noise, rows, 0, "noise");
        assert!(moved * 100 >= all * (if rows == 2000 { 80 } else { 95 }), "window {rows}: {moved} of {all}");
    }
    let warm = noise.mapv(|value| 60.0 + value);
    for rows in [2, 16, 300] {
        let (moved, all) = compared(AllMoments, &warm, rows, 0, "warm");
        assert!(moved * 100 >= all * 95, "window {rows}: {moved} of {all}");
    }
    // What left them out ends with its window.
    for bad in [f64::NAN, f64::INFINITY, 1e200, 1e-25] {
        let mut x = noise.clone();
        x[[9000, 3]] = bad;
        let (moved, all) = compared(Sum::<true>, &x, 16, 0, "one bad value");
        // The first tile begins the history, of the others a few see it.
        assert!((2..6).contains(&(all - moved)), "{bad}: {moved} of {all}");
        assert_as_by_blocks(&x, 16, 0, "one bad value");
        assert_as_by_blocks(&x, 300, 0, "one bad value");
    }
    let mut x = noise;
    x.column_mut(2).fill(f64::NAN);
    assert_eq!(compared(Sum::<true>, &x, 16, 0, "a dead column").0, 0);
}

#[test]
fn growing_and_shrinking_values_give_the_bytes_of_blocks() {
    // Each tile needs another cut, of some lanes, upward for a while and then down.
    let mut random = Random::new(5);
    let x = Array2::from_shape_fn((6000, 8), |(row, column)| {
        let way = if row < 3000 { row } else { 6000 - row };
        random.noise() * power((way * column / 500) as i64 - 20)
    });
    for rows in WINDOWS {
        assert!(compared(Sum::<true>, &x, rows, 0, "growing").0 > 0, "window {rows}");
        assert_as_by_blocks(&x, rows, 0, "growing");
    }
}

#[test]
fn layouts_pieces_steps_and_centred_windows_give_the_bytes_of_rows_alone() {
    let x = plant(1300).select(Axis(1), &[0, 3, 5, 9, 11, 0, 3, 5, 9]);
    let mut fortran = Array2::zeros(x.dim().f());
    fortran.assign(&x);
    for kernel in [Kernel::Sum, Kernel::Mean, Kernel::Slope] {
        for rows in [1, 2, 16, 300, 700] {
            let shape = window(rows, 1);
            let whole = kernel.compute(x.view(), shape);
            let case = format!("{kernel:?}, window {rows}");
            assert_same_bytes(kernel.compute(fortran.view(), shape).view(), whole.view(), &case);
            let centred = kernel.compute(x.view(), Windows::from(shape).centred(true));
            let ahead = (rows - 1) / 2;
            assert_same_bytes(centred.slice(s![..1300 - ahead, ..]), whole.slice(s![ahead.., ..]), &case);
            let some = kernel.compute(x.view(), Windows::from(shape).every(3).unwrap());
            assert_same_bytes(some.view(), whole.slice(s![..;3, ..]), &case);
            for row in (rows..1300).step_by(131) {
                let alone = kernel.compute(x.slice(s![row + 1 - rows..=row, ..]), shape.starting_at(row + 1 - rows));
                assert_same_bytes(alone.slice(s![-1.., ..]), whole.slice(s![row..=row, ..]), &case);
            }
        }
    }
}

#[test]
fn where_to_cut_leaves_room_for_the_sums() {
    let of = |largest: f64, least: f64| Sizes {
        largest: Row::splat(largest),
        least: Row::splat(least),
    };
    // Windows of 16 rows: 5 bits, a cut of 1.5 times 2 to the power of 1 + 5 + 1 for values below 2.
    assert_eq!(of(1.0, 1.0).cut(5), Some(Row::splat(1.5 * power(7))));
    assert_eq!(of(power(-1030), power(-1030)).cut(5), Some(Row::splat(1.5 * power(-1022 + 7))));
    // The unit of the least value may be 2^(106 - 2 - 2 * 5 - 2) below.
    assert!(of(1.0, power(-40)).cut(5).is_some());
    assert!(of(1.0, power(-41)).cut(5).is_none());
    // None has more digits than the least number.
    assert!(of(power(-1000), power(-1074)).cut(5).is_some());
    assert_eq!(Sizes::NONE.cut(5), Some(Row::splat(1.5)));
}

proptest! {
    #![proptest_config(config(60))]

    #[test]
    fn any_sizes_give_the_bytes_of_blocks(
        seed in any::<u64>(),
        columns in 1_usize..18,
        rows in 1_usize..1500,
        window in prop_oneof![Just(1_usize), 2_usize..40, 40_usize..700],
        least in -1074_i64..400,
        powers in prop_oneof![1_u32..60, 60_u32..120],
        first_row in 0_usize..100,
        zeros in 0.0..0.5,
    ) {
        let mut x = spread((rows, columns), least, powers, seed);
        let mut random = Random::new(seed ^ 7);
        x.mapv_inplace(|value| if random.uniform() < zeros { 0.0 } else { value });
        assert_as_by_blocks(&x, window, first_row, "spread");
    }
}
