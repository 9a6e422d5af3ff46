use ndarray::{Array2, ArrayView2, array, s};

use super::*;
use crate::rolling::Times;
use crate::rolling::tests::Random;

fn mean(x: ArrayView2<'_, f64>, decay: Decay<'_>, weighing: Weighing) -> Array2<f64> {
    let mut out = Array2::zeros(x.dim());
    ewm_mean(x, decay, weighing, out.view_mut()).unwrap();
    out
}

fn std(x: ArrayView2<'_, f64>, decay: Decay<'_>, weighing: Weighing, bias: bool) -> Array2<f64> {
    let mut out = Array2::zeros(x.dim());
    ewm_std(x, decay, weighing, bias, out.view_mut()).unwrap();
    out
}

fn weighings() -> impl Iterator<Item = Weighing> {
    [(true, false), (true, true), (false, false), (false, true)]
        .into_iter()
        .map(|(adjust, ignore_na)| Weighing {
            adjust,
            ignore_na,
            min_periods: 1,
        })
}

/// Weighted mean and biased and unbiased deviations at `row`, from every weight by itself.
pub(super) fn naive(
    x: &[f64],
    row: usize,
    fade: impl Fn(usize) -> f64,
    alpha: Option<f64>,
    weighing: Weighing,
) -> [f64; 3] {
    let mut weights: Vec<(f64, f64)> = Vec::new();
    let mut past = 1.0;
    for t in 0..=row {
        let known = x[t].is_finite();
        // Without an alpha it is time that fades, with and without values.
        if !weights.is_empty() && (known || !weighing.ignore_na || alpha.is_none()) {
            past *= fade(t);
        }
        if known {
            // Unadjusted weights are kept at sum 1.
            let (old, new) = if weighing.adjust || weights.is_empty() {
                (past, 1.0)
            } else {
                (past, alpha.unwrap_or(1.0 - past))
            };
            let sum = if weighing.adjust || weights.is_empty() { 1.0 } else { old + new };
            for (weight, _) in &mut weights {
                *weight *= old / sum;
            }
            weights.push((new / sum, x[t]));
            past = 1.0;
        }
    }
    let sum: f64 = weights.iter().map(|(w, _)| w).sum();
    let mean = weights.iter().map(|(w, x)| w * x).sum::<f64>() / sum;
    let variance = weights.iter().map(|(w, x)| w * (x - mean).powi(2)).sum::<f64>() / sum;
    // 1 less the sum of the squares, without the difference: twice the sum over all pairs.
    let (mut before, mut pairs) = (0.0, 0.0);
    for (weight, _) in &weights {
        pairs += before * weight;
        before += weight;
    }
    let left = 2.0 * pairs / (sum * sum);
    let unbiased = if weights.len() > 1 { (variance / left).sqrt() } else { f64::NAN };
    if weights.is_empty() {
        [f64::NAN; 3]
    } else {
        [mean, variance.sqrt(), unbiased]
    }
}

fn wild(rows: usize) -> Array2<f64> {
    let mut state = 7_u64;
    Array2::from_shape_fn((rows, 10), |(row, column)| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let value = (state >> 11) as f64 / (1_u64 << 53) as f64 * 4.0 - 2.0;
        match (column, row % 13) {
            (1, 3 | 4) | (2, 0..=9) => f64::NAN,
            (3, 5) => f64::INFINITY,
            (4, _) if row < 20 => f64::NEG_INFINITY,
            (5, _) => f64::NAN,
            _ => value,
        }
    })
}

pub(super) fn close(got: f64, expected: f64, what: &str) {
    let same = (got - expected).abs() <= 1e-12 * expected.abs().max(1.0) || (got.is_nan() && expected.is_nan());
    assert!(same, "{what}: {got} is not {expected}");
}

#[test]
fn by_hand() {
    let x = array![[1.0], [f64::NAN], [4.0]];
    let half = Decay::alpha(0.5).unwrap();
    let plain = |adjust, ignore_na| {
        mean(
            x.view(),
            half,
            Weighing {
                adjust,
                ignore_na,
                min_periods: 1,
            },
        )[[2, 0]]
    };
    assert_eq!(plain(true, true), 3.0);
    assert_eq!(plain(true, false), 17.0 / 5.0);
    assert_eq!(plain(false, true), 2.5);
    assert_eq!(plain(false, false), 3.0);
    let needed = mean(
        x.view(),
        half,
        Weighing {
            min_periods: 2,
            ..Weighing::default()
        },
    );
    assert!(needed[[1, 0]].is_nan() && needed[[2, 0]] == 3.4);
}

#[test]
fn an_outage_of_any_length_leaves_the_ratio_of_weights() {
    // Half of the variance before and of the squared distance from the mean before, whose weights were 0.9 and 1.
    let expected = (f64::midpoint(0.9 / (1.9 * 1.9), (12.0 - 20.0_f64 / 1.9).powi(2))).sqrt();
    for gap in [2400, 7400, 20_000, 100_000] {
        let mut x = Array2::from_elem((gap + 3, 1), f64::NAN);
        (x[[0, 0]], x[[1, 0]], x[[gap + 2, 0]]) = (10.0, 11.0, 12.0);
        let found = std(x.view(), Decay::alpha(0.1).unwrap(), Weighing::default(), false);
        close(found[[gap + 2, 0]], expected, &format!("a gap of {gap} rows"));
    }
}

#[test]
fn a_gap_of_a_million_rows_leaves_what_its_length_does() {
    let rows = 1 << 20;
    let mut x = Array2::from_elem((rows + 1, 1), f64::NAN);
    (x[[0, 0]], x[[rows, 0]]) = (1.0, 0.0);
    for alpha in [3e-7_f64, 1.1e-6, 2.3e-6] {
        // A product of as many factors, each of them rounded, is off in the eleventh digit.
        let kept = (rows as f64 * (-alpha).ln_1p()).exp();
        let found = mean(x.view(), Decay::alpha(alpha).unwrap(), Weighing::default());
        close(found[[rows, 0]], kept / (1.0 + kept), &format!("alpha {alpha}"));
    }
}

#[test]
fn every_weight_by_itself_gives_the_same() {
    let x = wild(600);
    let times: Vec<i64> = (0..600)
        .map(|row: i64| row * 60 + (row * row) % 47 + if row > 300 { 5000 } else { 0 })
        .collect();
    let decays = [0.001, 0.1, 0.5, 0.9, 0.9999, 1.0].map(|alpha| Decay::alpha(alpha).unwrap());
    let others = [
        Decay::span(20.0).unwrap(),
        Decay::half_life(3.3).unwrap(),
        Decay::half_life_in_time(300, Times::new(&times).unwrap()).unwrap(),
    ];
    for decay in decays.into_iter().chain(others) {
        for weighing in weighings() {
            let fade = |row: usize| match decay.in_time {
                Some((half_life, _)) => (-((times[row] - times[row - 1]) as f64) / half_life).exp2(),
                None => decay.step.keep,
            };
            let alpha = decay.in_time.is_none().then_some(decay.step.loss);
            let found = [
                mean(x.view(), decay, weighing),
                std(x.view(), decay, weighing, true),
                std(x.view(), decay, weighing, false),
            ];
            for column in 0..x.ncols() {
                let values = x.column(column).to_vec();
                for row in (0..600).step_by(23).chain([0, 1, 2, 21, 599]) {
                    let expected = naive(&values, row, fade, alpha, weighing);
                    for (found, expected) in found.iter().zip(expected) {
                        // All weight on one value leaves nothing to correct by.
                        if expected.is_finite() || decay.step.keep > 0.0 {
                            close(found[[row, column]], expected, &format!("{decay:?} {weighing:?} {row} {column}"));
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn a_constant_and_an_offset_keep_their_digits() {
    let x = Array2::from_elem((3000, 1), 1500.1);
    let offset = Array2::from_shape_fn((3000, 1), |(row, _)| 1e9 + if row % 2 == 0 { 0.125 } else { -0.125 });
    for weighing in weighings() {
        let decay = Decay::alpha(0.05).unwrap();
        assert!(mean(x.view(), decay, weighing).iter().all(|&y| y == 1500.1));
        assert!(std(x.view(), decay, weighing, true).iter().all(|&y| y == 0.0));
        let around = offset.mapv(|value| value - 1e9);
        let (far, near) = (std(offset.view(), decay, weighing, false), std(around.view(), decay, weighing, false));
        for (far, near) in far.iter().zip(&near).skip(1) {
            close(*far, *near, "offset");
        }
    }
}

#[test]
fn a_spike_fades_to_its_last_digit() {
    for (alpha, rows) in [(0.002_f64, 20_003), (0.03, 1336), (0.4, 103), (0.7, 60), (0.9999, 43)] {
        let mut x = Array2::zeros((rows, 1));
        x[[0, 0]] = 1e15;
        let weighing = Weighing {
            adjust: false,
            ..Weighing::default()
        };
        let found = mean(x.view(), Decay::alpha(alpha).unwrap(), weighing);
        // The logarithm of the exact remainder: alpha is a float64, and so is its complement here.
        let keep = (-alpha).ln_1p();
        for row in (1..rows).step_by(rows / 40 + 1) {
            let expected = 1e15 * (keep * row as f64).exp();
            assert!((found[[row, 0]] - expected).abs() <= 3e-12 * expected.max(1.0), "{alpha} {row}");
        }
    }
}

#[test]
fn the_largest_numbers_do_not_overflow_and_constants_stay() {
    let x = Array2::from_shape_fn((40, 2), |(row, column)| match column {
        0 if row % 2 == 0 => 1.7e308,
        0 => -1.7e308,
        _ => 5e-324,
    });
    for weighing in weighings() {
        let found = mean(x.view(), Decay::alpha(0.3).unwrap(), weighing);
        assert!(found.column(0).iter().all(|y| y.is_finite()) && found.column(1).iter().all(|&y| y == 5e-324));
        let found = std(x.view(), Decay::alpha(0.3).unwrap(), weighing, false);
        assert!(found.slice(s![1.., 0]).iter().all(|&y| y == f64::INFINITY));
    }
}

#[test]
fn layout_and_neighbours_do_not_matter() {
    let x = wild(700);
    let decay = Decay::half_life(7.0).unwrap();
    let bits = |x: Array2<f64>| x.iter().map(|y| y.to_bits()).collect::<Vec<_>>();
    for weighing in weighings() {
        let expected = std(x.view(), decay, weighing, false);
        let turned = x.t().as_standard_layout().into_owned();
        assert_eq!(bits(std(turned.t(), decay, weighing, false)), bits(expected.clone()));
        for column in 0..x.ncols() {
            let part = s![.., column..=column];
            let alone = std(x.slice(part), decay, weighing, false);
            assert_eq!(bits(alone), bits(expected.slice(part).to_owned()));
        }
    }
}

#[test]
fn parameters_are_checked() {
    for alpha in [0.0, -0.1, 1.1, f64::NAN] {
        assert!(Decay::alpha(alpha).is_err());
    }
    assert!(Decay::span(0.9).is_err() && Decay::span(f64::INFINITY).is_err());
    assert!(Decay::half_life(0.0).is_err() && Decay::half_life_in_time(0, Times::new(&[]).unwrap()).is_err());
    let x = Array2::<f64>::zeros((3, 2));
    let decay = Decay::half_life_in_time(5, Times::new(&[1, 2]).unwrap()).unwrap();
    let mut out = Array2::zeros((3, 2));
    assert!(ewm_mean(x.view(), decay, Weighing::default(), out.view_mut()).is_err());
    let decay = Decay::alpha(0.5).unwrap();
    assert!(ewm_mean(x.view(), decay, Weighing::default(), Array2::zeros((2, 2)).view_mut()).is_err());
    let empty = Array2::<f64>::zeros((0, 2));
    ewm_mean(empty.view(), decay, Weighing::default(), Array2::zeros((0, 2)).view_mut()).unwrap();
}

/// A history of many columns, none of which misses a value.
fn whole(rows: usize, columns: usize) -> Array2<f64> {
    Array2::from_shape_fn((rows, columns), |(row, column)| {
        let value = ((row * 37 + column * 101) % 997) as f64;
        value.sin() * 1e3_f64.powi(column as i32 % 4 - 1) + if column % 5 == 0 { 1e9 } else { 0.0 }
    })
}

#[test]
fn columns_in_step_are_what_each_is_beside_one_that_began_later() {
    for columns in [1, 8, 9, 23, 33, 70] {
        let x = whole(700, columns);
        for (alpha, weighing) in [0.003, 0.1, 0.45, 0.7, 1.0].into_iter().flat_map(|a| weighings().map(move |w| (a, w)))
        {
            let weighing = Weighing {
                min_periods: 5,
                ..weighing
            };
            let decay = Decay::alpha(alpha).unwrap();
            let together = mean(x.view(), decay, weighing);
            let spread = [true, false].map(|bias| std(x.view(), decay, weighing, bias));
            for column in [0, columns / 2, columns - 1] {
                // Another column's gap makes the weights of the two differ: each has its own, step by step.
                let mut pair = Array2::from_elem((700, 2), 1.0);
                pair.column_mut(0).assign(&x.column(column));
                pair[[0, 1]] = f64::NAN;
                let bits = |of: &Array2<f64>, column| of.column(column).map(|value| value.to_bits());
                let alone = mean(pair.view(), decay, weighing);
                assert_eq!(bits(&together, column), bits(&alone, 0), "{alpha} {weighing:?}");
                for (bias, spread) in [true, false].into_iter().zip(&spread) {
                    let alone = std(pair.view(), decay, weighing, bias);
                    assert_eq!(bits(spread, column), bits(&alone, 0), "{alpha} {weighing:?} {bias}");
                }
            }
        }
    }
}

#[expect(clippy::cast_sign_loss, reason = "chances are no less than 0")]
fn whole_part(number: f64) -> usize {
    number as usize
}

/// Readings far apart: of a weight that many halvings are left where the next one comes.
fn seldom(seed: u64, alpha: f64) -> Array2<f64> {
    let mut random = Random::new(seed);
    let halvings = -(1.0 - alpha).log2();
    let rows = 300 + whole_part(random.uniform() * 1500.0);
    let mut x = Array2::from_elem((rows, 3), f64::NAN);
    for column in 0..3 {
        let mut row = whole_part(random.uniform() * 50.0);
        (x[[row, column]], x[[row + 1, column]]) = (random.noise() + 1.0, random.noise());
        while {
            row += 2 + whole_part((60.0 + 500.0 * random.uniform()) / halvings);
            row < rows
        } {
            x[[row, column]] = if random.uniform() < 0.7 { 0.0 } else { 1e-200 };
        }
    }
    x
}

#[test]
fn rows_to_come_do_not_matter_however_little_is_left() {
    for seed in 0..60 {
        let alpha = 0.3 + 0.65 * (seed as f64 / 60.0);
        let (x, decay) = (seldom(seed, alpha), Decay::alpha(alpha).unwrap());
        for weighing in weighings() {
            let whole = [true, false].map(|bias| std(x.view(), decay, weighing, bias));
            let known = (0..x.nrows()).filter(|&row| x.row(row).iter().any(|value| value.is_finite()));
            for end in known.map(|row| (row + 1 + row % 8).min(x.nrows())) {
                let first = s![..end, ..];
                for (bias, whole) in [true, false].into_iter().zip(&whole) {
                    let part = std(x.slice(first), decay, weighing, bias);
                    let same =
                        part.iter().zip(whole.slice(first)).all(|(part, whole)| part.to_bits() == whole.to_bits());
                    assert!(same, "seed {seed} {weighing:?} bias {bias}: {end} of {} rows", x.nrows());
                }
            }
        }
    }
}

#[test]
fn however_little_is_left_of_a_deviation_it_is_the_exact_one() {
    // By rational arithmetic of 4,000 bits, from the definition, at every value from the second on.
    let near = 0.892_126_708_734_572_1;
    let near_values = [
        (970, 0.130_742_663_678_881_6),
        (971, 0.377_405_991_467_075_15),
        (1119, 0.0),
        (1255, 0.0),
        (1369, 0.0),
    ];
    let far = 0.770_333_800_603_923_8;
    let far_values = [(24, 1.0), (25, 0.3), (229, 0.0), (289, 0.0), (392, 0.0), (546, 0.0)];
    let exact: [(bool, bool, [f64; 4], [f64; 5]); 4] = [
        (
            false,
            true,
            [
                0.076_519_975_427_601_26,
                1.036_496_886_943_181_4e-72,
                1.898_899_302_410_244_3e-138,
                1.511_411_226_360_957_6e-193,
            ],
            [
                0.294_432_711_774_708_6,
                4.230_541_050_150_875e-66,
                3.280_718_322_046_159e-85,
                4.667_983_064_961_111e-118,
                3.390_511_572_446_301e-167,
            ],
        ),
        (
            false,
            false,
            [
                0.174_417_311_749_071_82,
                0.253_884_094_953_157_7,
                7.329_139_774_362_698e-73,
                1.342_724_573_524_688_3e-138,
            ],
            [
                0.494_974_746_830_583_3,
                0.386_649_868_388_979,
                2.991_444_264_649_741_5e-66,
                2.319_818_172_681_790_4e-85,
                3.300_762_479_697_966e-118,
            ],
        ),
        (
            true,
            true,
            [
                0.073_125_939_468_050_56,
                1.035_696_928_986_146e-72,
                1.792_172_843_248_694e-138,
                1.347_329_664_154_277_6e-193,
            ],
            [
                0.272_809_409_996_246_9,
                3.839_289_709_855_512e-66,
                2.613_144_300_351_096e-85,
                3.263_346_560_407_564_5e-118,
                2.080_360_665_435_397_4e-167,
            ],
        ),
        (
            true,
            false,
            [
                0.174_417_311_749_071_82,
                0.255_177_197_781_558,
                7.323_483_217_401_859e-73,
                1.267_257_570_519_527e-138,
            ],
            [
                0.494_974_746_830_583_3,
                0.360_528_617_534_715_27,
                2.714_787_788_778_565e-66,
                1.847_772_054_997_236e-85,
                2.307_534_482_225_984e-118,
            ],
        ),
    ];
    for (adjust, bias, near_exact, far_exact) in exact {
        let weighing = Weighing {
            adjust,
            ..Weighing::default()
        };
        let cases = [
            (near, &near_values[..], &near_exact[..]),
            (far, &far_values[..], &far_exact[..]),
        ];
        for (alpha, values, exact) in cases {
            let mut x = Array2::from_elem((1500, 1), f64::NAN);
            for &(row, value) in values {
                x[[row, 0]] = value;
            }
            for (&(row, _), &exact) in values[1..].iter().zip(exact) {
                for rows in [row + 1, row + 7, 1500] {
                    let found = std(x.slice(s![..rows, ..]), Decay::alpha(alpha).unwrap(), weighing, bias)[[row, 0]];
                    assert!(
                        (found - exact).abs() <= 1e-13 * exact,
                        "{weighing:?} {bias} {row} of {rows}: {found:e}, {exact:e}"
                    );
                }
            }
        }
    }
}

#[test]
fn rows_that_come_alone_give_the_bits_of_all_however_little_is_left() {
    for seed in 0..60 {
        let alpha = 0.3 + 0.65 * (seed as f64 / 60.0);
        let x = seldom(seed, alpha);
        for (weighing, bias) in weighings().flat_map(|weighing| [(weighing, true), (weighing, false)]) {
            let whole = std(x.view(), Decay::alpha(alpha).unwrap(), weighing, bias);
            let how = Weighted::deviation(Fading::Alpha(alpha), weighing, bias).unwrap();
            let mut walk = Walk::new(3).unwrap();
            for (row, values) in x.rows().into_iter().enumerate() {
                let mut group = [[0.0; LANES]];
                group[0][..3].copy_from_slice(&values.to_vec());
                let mut out = [Row::default()];
                walk.step(&how, (row, 1), &group, &mut out);
                let bits = |values: &[f64]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
                assert_eq!(
                    bits(&out[0].0[..3]),
                    bits(&whole.row(row).to_vec()),
                    "seed {seed} {weighing:?} bias {bias} row {row}: {:?} for {}",
                    &out[0].0[..3],
                    whole.row(row)
                );
            }
        }
    }
}
