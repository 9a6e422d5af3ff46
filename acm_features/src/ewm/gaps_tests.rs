//! Values missing here and there in many columns at once.

use ndarray::{Array2, s};

use super::rows_tests::{gappy, held};
use super::tests::{close, naive};
use super::*;

fn weighings(min_periods: usize) -> [Weighing; 4] {
    [(true, false), (true, true), (false, false), (false, true)].map(|(adjust, ignore_na)| Weighing {
        adjust,
        ignore_na,
        min_periods,
    })
}

/// With columns that never have a value, have none for long, have none any more, and a group whose only gap is long ago.
fn with_others(mut x: Array2<f64>) -> Array2<f64> {
    x.column_mut(1).fill(f64::NAN);
    x.slice_mut(s![..300, 2]).fill(f64::INFINITY);
    x.slice_mut(s![400.., 3]).fill(f64::NAN);
    x.slice_mut(s![90..450, 4]).fill(f64::NAN);
    x.slice_mut(s![.., 8..16]).mapv_inplace(|value| if value.is_nan() { -0.0 } else { value });
    x[[150, 9]] = f64::NAN;
    x
}

const FADINGS: [(Fading, usize); 7] = [
    (Fading::Alpha(0.004), 1),
    (Fading::Span(16.0), 2),
    (Fading::Alpha(0.2), 40),
    (Fading::Alpha(0.35), 2),
    (Fading::Alpha(0.5), 1),
    (Fading::HalfLife(0.7), 2),
    (Fading::Alpha(1.0), 2),
];

#[test]
fn gaps_here_and_there_give_the_bits_of_rows_one_by_one() {
    for (columns, share) in [(1, 0.05), (3, 0.1), (8, 0.02), (21, 0.02), (35, 0.2)] {
        let mut x = gappy(700, columns, share);
        if columns > 16 {
            x = with_others(x);
        }
        for (fading, min_periods) in FADINGS {
            for weighing in weighings(min_periods) {
                held(&x, fading, weighing, None, &format!("{columns} columns"));
            }
        }
    }
}

#[test]
fn gaps_here_and_there_leave_every_weight_what_it_is_by_itself() {
    let x = with_others(gappy(600, 19, 0.05));
    for (fading, _) in FADINGS {
        let decay = fading.decay().unwrap();
        for weighing in weighings(1) {
            let mut found = [(); 3].map(|()| Array2::zeros(x.dim()));
            ewm_mean(x.view(), decay, weighing, found[0].view_mut()).unwrap();
            ewm_std(x.view(), decay, weighing, true, found[1].view_mut()).unwrap();
            ewm_std(x.view(), decay, weighing, false, found[2].view_mut()).unwrap();
            for (column, values) in x.columns().into_iter().enumerate() {
                let values = values.to_vec();
                for row in (0..600).step_by(37).chain([1, 151, 449, 450, 599]) {
                    let alpha = Some(decay.step.loss);
                    let expected = naive(&values, row, |_| decay.step.keep, alpha, weighing);
                    for (found, expected) in found.iter().zip(expected) {
                        // All weight on one value leaves nothing to correct by.
                        if expected.is_finite() || decay.step.keep > 0.0 {
                            close(found[[row, column]], expected, &format!("{fading:?} {weighing:?} {row} {column}"));
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn groups_that_miss_whole_rows_have_weights_of_their_own() {
    // No row tells the columns of a group apart, and the groups differ.
    let mut x = gappy(700, 24, 0.0);
    x.slice_mut(s![100..103, 8..16]).fill(f64::NAN);
    x.slice_mut(s![330..331, 16..]).fill(f64::INFINITY);
    x.slice_mut(s![..1, 16..]).fill(f64::NAN);
    for (fading, min_periods) in FADINGS {
        for weighing in weighings(min_periods) {
            held(&x, fading, weighing, None, "groups as one");
        }
    }
}
