//! All rows at once give the bits of rows that come one by one.

use fearless_simd::f64x8;
use ndarray::{Array2, Axis, s};

use super::state::Cut;
use super::*;
use crate::rolling::Times;
use crate::rolling::tests::Random;

/// All rows, one after the other.
fn one_by_one(x: &Array2<f64>, how: &Weighted, times: Option<&[i64]>) -> Array2<f64> {
    let columns = x.ncols();
    let mut walk = Walk::new(columns).unwrap();
    let mut out = Array2::zeros(x.dim());
    let groups = columns.div_ceil(LANES);
    let (mut values, mut results) = (vec![[0.0; LANES]; groups], vec![Row::default(); groups]);
    for (row, from) in x.rows().into_iter().enumerate() {
        for (column, value) in from.iter().enumerate() {
            values[column / LANES][column % LANES] = if value.is_finite() { value + 0.0 } else { f64::NAN };
        }
        let elapsed = match times {
            Some(times) if row > 0 => times[row].abs_diff(times[row - 1]),
            Some(_) => 0,
            None => 1,
        };
        walk.step(how, (row, elapsed), &values, &mut results);
        for column in 0..columns {
            out[[row, column]] = results[column / LANES].0[column % LANES];
        }
    }
    out
}

/// Holds mean and both deviations to what rows one by one give.
pub(super) fn held(x: &Array2<f64>, fading: Fading, weighing: Weighing, times: Option<&[i64]>, what: &str) {
    let decay = match (fading, times) {
        (Fading::Lasting(nanoseconds), Some(times)) => {
            Decay::half_life_in_time(nanoseconds, Times::new(times).unwrap()).unwrap()
        }
        _ => fading.decay().unwrap(),
    };
    let mut out = Array2::zeros(x.dim());
    let same = |out: &Array2<f64>, how: &Weighted| {
        let expected = one_by_one(x, how, times);
        for ((at, got), expected) in out.indexed_iter().zip(&expected) {
            let case = format!("{what} {fading:?} {weighing:?} {at:?}");
            assert_eq!(got.to_bits(), expected.to_bits(), "{case}: {got} is not {expected}");
        }
    };
    ewm_mean(x.view(), decay, weighing, out.view_mut()).unwrap();
    same(&out, &Weighted::mean(fading, weighing).unwrap());
    for bias in [true, false] {
        ewm_std(x.view(), decay, weighing, bias, out.view_mut()).unwrap();
        same(&out, &Weighted::deviation(fading, weighing, bias).unwrap());
    }
}

fn weighings(min_periods: usize) -> [Weighing; 2] {
    [true, false].map(|adjust| Weighing {
        adjust,
        min_periods,
        ..Weighing::default()
    })
}

/// Columns of which so much is missing, some of it for several rows.
pub(super) fn gappy(rows: usize, columns: usize, share: f64) -> Array2<f64> {
    let mut random = Random::new(11);
    let mut x = Array2::from_shape_simple_fn((rows, columns), || random.noise());
    for column in 0..columns {
        for row in 0..rows {
            if random.uniform() < share {
                let last = (row + 1 + column % 5).min(rows);
                x.slice_mut(s![row..last, column]).fill(f64::NAN);
            }
        }
    }
    x
}

/// Times of few different steps, or of almost as many as rows, more than are remembered; a long one now and then.
fn times(rows: usize, few: bool) -> Vec<i64> {
    let mut random = Random::new(3);
    let mut now = 0;
    let step = |row: usize| match (row % 97, few) {
        (0, _) => 900_000,
        (1, _) => 0,
        (_, true) => 20_000 + 1_000 * (random.uniform() * 20.0) as i64,
        (_, false) => (random.uniform() * 40_000.0) as i64,
    };
    let steps: Vec<i64> = (0..rows).map(step).collect();
    steps
        .into_iter()
        .map(|step| {
            now += step;
            now
        })
        .collect()
}

#[test]
fn steps_in_time_that_differ_give_the_bits_of_rows_one_by_one() {
    for few in [true, false] {
        let times = times(700, few);
        for (columns, share) in [(1, 0.0), (5, 0.0), (8, 0.001), (17, 0.0), (19, 0.03)] {
            let x = gappy(700, columns, share);
            for (half_life, min_periods) in [(1_000, 2), (20_000, 1), (300_000, 150), (i64::MAX, 1)] {
                for weighing in weighings(min_periods) {
                    let case = format!("{columns} columns, few: {few}");
                    held(&x, Fading::Lasting(half_life), weighing, Some(&times), &case);
                }
            }
        }
    }
}

/// A column at whose rows there is something to go wrong.
fn long(rows: usize, kind: &str) -> Array2<f64> {
    let mut random = Random::new(29);
    let mut x = Array2::from_shape_simple_fn((rows, 1), || random.noise());
    match kind {
        "offset" => x.mapv_inplace(|value| 1e9 + 1e-3 * value),
        "spikes" => x.slice_mut(s![..;613, 0]).mapv_inplace(|value| value * 1e15),
        "at rest" => {
            x.slice_mut(s![3000..6000, 0]).fill(1500.1);
            x.slice_mut(s![6000..9500, 0]).fill(0.0);
            x.slice_mut(s![9500..9502, 0]).fill(1e-300);
            x.slice_mut(s![9502..11_000, 0]).fill(-0.0);
        }
        "least" => x.mapv_inplace(|value| value.round() * 5e-324),
        "tiny" => x *= 1e-308,
        "huge" => x *= 3e307,
        "gaps" => {
            x.slice_mut(s![700..703, 0]).fill(f64::NAN);
            x.slice_mut(s![8000..8003, 0]).fill(f64::NAN);
            x[[rows - 9, 0]] = f64::INFINITY;
        }
        _ => {}
    }
    x
}

#[test]
fn a_long_column_gives_the_bits_of_rows_one_by_one() {
    for kind in ["noise", "offset", "spikes", "at rest", "least", "tiny", "huge", "gaps"] {
        let x = long(14_000, kind);
        for alpha in [0.03, 2.0 / 17.0, 0.3, 0.5, 0.6] {
            let ignoring = Weighing {
                ignore_na: true,
                ..weighings(2)[0]
            };
            for weighing in [weighings(300)[0], weighings(1)[1], ignoring] {
                held(&x, Fading::Alpha(alpha), weighing, None, kind);
            }
        }
    }
}

#[test]
fn a_long_column_gives_the_same_however_it_lies() {
    let x = long(9_000, "gaps");
    let (decay, weighing) = (Decay::alpha(0.1).unwrap(), weighings(2)[0]);
    let mut expected = Array2::zeros(x.dim());
    ewm_mean(x.view(), decay, weighing, expected.view_mut()).unwrap();
    let mut wide = Array2::from_elem((9_000, 3), f64::NAN);
    wide.column_mut(1).assign(&x.column(0));
    let mut out = Array2::zeros((9_000, 4));
    let one = wide.slice(s![.., 1..2]);
    ewm_mean(one, decay, weighing, out.slice_mut(s![.., 2..3])).unwrap();
    assert_eq!(out.slice(s![.., 2..3]).mapv(f64::to_bits), expected.mapv(f64::to_bits));
    assert_eq!(out.sum_axis(Axis(0))[3], 0.0);
    let single = x.mapv(|value| value as f32);
    let mut found = Array2::zeros(x.dim());
    ewm_mean(single.view(), decay, weighing, found.view_mut()).unwrap();
    ewm_mean(single.mapv(f64::from).view(), decay, weighing, expected.view_mut()).unwrap();
    assert_eq!(found.mapv(f32::to_bits), expected.mapv(|value| (value as f32).to_bits()));
}

#[test]
fn a_block_is_cut_where_its_rows_are_enough_for_guesses_to_fade() {
    let rows = |alpha: f64, rows: usize| {
        let plan = Plan {
            decay: Decay::alpha(alpha).unwrap(),
            weighing: weighings(1)[1],
            bias: false,
        };
        dispatch!(Level::new(), simd => {
            let one = f64x8::splat(simd, 1.0);
            let mut state = State::empty(simd);
            for _ in 0..20_000 {
                state = state.push::<false, true, true, false>(simd, one, plan.decay.step, &plan);
            }
            let by = state.steady::<false, true>(simd, &plan);
            by.and_then(|by| Cut::of(rows, by)).map(Cut::len)
        })
    };
    assert_eq!(rows(0.1, 500_000), Some(1 << 16));
    assert_eq!(rows(0.1, 14_000), Some(13_824));
    assert_eq!(rows(0.1, 1000), None);
    assert_eq!(rows(0.001, 500_000), None);
    // Beyond a half no guess is needed: a value has more than the past.
    assert_eq!(rows(0.6, 500_000), None);
}
