use acm_linalg::lanes::LANES;
use fearless_simd::{Level, dispatch};

use super::*;

/// Where the parts of a state stand in its memory, high before low.
const MEAN: usize = 0;
const LOSS: usize = 4;
const VARIANCE: usize = 6;
const KEEP: usize = 11;
const WHOLE: usize = 12;

fn power(exponent: i32) -> f64 {
    2.0_f64.powi(exponent)
}

/// A memory of eight lanes, tidied: `last` are their last values, lanes marked in `idle` have no column.
fn tidied<const STD: bool>(memory: &[Row], last: [f64; LANES], idle: [f64; LANES]) -> Vec<Row> {
    let mut out = vec![Row::default(); SIZE];
    dispatch!(Level::new(), simd => {
        let idle = Row(idle).load(simd).simd_gt(0.5);
        State::load(simd, memory).tidied::<STD>(simd, Row(last).load(simd), idle).save(&mut out);
    });
    out
}

#[test]
fn what_is_kept_is_what_was_not_lost_where_it_has_drifted() {
    // Lost in two numbers, kept, powers of DEEP; what is kept then.
    let lanes = [
        (0.5, 0.0, 0.5 * (1.0 + power(-41)), 0.0, 0.5),
        (0.5, 0.0, 0.5 * (1.0 - power(-41)), 0.0, 0.5),
        (0.5, 0.0, 0.5 * (1.0 + power(-43)), 0.0, 0.5 * (1.0 + power(-43))),
        (0.5, power(-40), 0.5, 0.0, 0.5 - power(-40)),
        // Of so little the sum tells nothing.
        (1.0 - power(-22), 0.0, 1e-7, 0.0, 1e-7),
        (1.0 - power(-20), 0.0, 1.5 * power(-20), 0.0, power(-20)),
        (0.5, 0.0, 0.75, 1.0, 0.75),
        (0.5, 0.25, 0.75, 1.0, 1.0),
    ];
    let mut memory = vec![Row::default(); SIZE];
    for (lane, (high, low, keep, deep, _)) in lanes.into_iter().enumerate() {
        memory[LOSS].0[lane] = high;
        memory[LOSS + 1].0[lane] = low;
        memory[KEEP].0[lane] = keep;
        memory[WHOLE].0[lane] = deep;
    }
    let idle = [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0];
    let found = tidied::<false>(&memory, [0.0; LANES], idle);
    assert_eq!(found[KEEP].0, lanes.map(|lane| lane.4));
    // Lanes without a column begin anew, the others have lost what they had.
    let of = |part: fn(&(f64, f64, f64, f64, f64)) -> f64| -> Vec<f64> { lanes[..7].iter().map(part).collect() };
    assert_eq!(found[LOSS].0[..7], of(|lane| lane.0));
    assert_eq!(found[LOSS + 1].0[..7], of(|lane| lane.1));
    assert_eq!(found[WHOLE].0[..7], of(|lane| lane.3));
    assert_eq!([LOSS, LOSS + 1, WHOLE].map(|place| found[place].0[7]), [0.0; 3]);
}

#[test]
fn what_has_faded_to_no_effect_is_nothing() {
    let tiny = f64::MIN_POSITIVE;
    // Mean in two numbers and the last value; the mean then, without and with deviations.
    let lanes = [
        (1.0, 0.5 * DEEP, 1.0, [1.0, 0.0], [1.0, 0.0]),
        (-1.0, 2.0 * DEEP, 1.0, [-1.0, 2.0 * DEEP], [-1.0, 2.0 * DEEP]),
        (0.5 * tiny, 0.0, 0.0, [0.0; 2], [0.0; 2]),
        (-0.5 * tiny, 0.0, 3.0, [-0.5 * tiny, 0.0], [-0.5 * tiny, 0.0]),
        (-2.0 * tiny, 0.0, 0.0, [-2.0 * tiny, 0.0], [0.0; 2]),
        // Its square is nothing from 2^-544 down.
        (power(-545), 0.0, 0.0, [power(-545), 0.0], [0.0; 2]),
        (power(-543), 0.0, 0.0, [power(-543), 0.0], [power(-543), 0.0]),
        (power(-545), 0.0, 1.0, [power(-545), 0.0], [power(-545), 0.0]),
    ];
    let mut memory = vec![Row::splat(1.0); SIZE];
    let last = lanes.map(|lane| lane.2);
    for (lane, (high, low, ..)) in lanes.into_iter().enumerate() {
        memory[MEAN].0[lane] = high;
        memory[MEAN + 1].0[lane] = low;
    }
    let (means, both) = (tidied::<false>(&memory, last, [0.0; LANES]), tidied::<true>(&memory, last, [0.0; LANES]));
    for (lane, (_, _, _, mean, beside)) in lanes.into_iter().enumerate() {
        assert_eq!([means[MEAN].0[lane], means[MEAN + 1].0[lane]], mean, "{lane}");
        assert_eq!([both[MEAN].0[lane], both[MEAN + 1].0[lane]], beside, "{lane}");
    }
    // A variance of nothing is none where the mean is the last value.
    let lanes = [
        (0.5 * tiny, 3.0, 0.0),
        (-0.5 * tiny, 3.0, 0.0),
        (2.0 * tiny, 3.0, 2.0 * tiny),
        (0.5 * tiny, 2.0, 0.5 * tiny),
    ];
    let (mut memory, mut last) = (vec![Row::splat(3.0); SIZE], [3.0; LANES]);
    for (lane, (variance, mean, _)) in lanes.into_iter().enumerate() {
        memory[VARIANCE].0[lane] = variance;
        last[lane] = mean;
    }
    let (means, both) = (tidied::<false>(&memory, last, [0.0; LANES]), tidied::<true>(&memory, last, [0.0; LANES]));
    for (lane, (variance, _, left)) in lanes.into_iter().enumerate() {
        assert_eq!((means[VARIANCE].0[lane], both[VARIANCE].0[lane]), (variance, left), "{lane}");
        assert_eq!(both[VARIANCE + 1].0[lane], if left == 0.0 { 0.0 } else { 3.0 });
    }
}
