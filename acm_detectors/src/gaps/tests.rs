//! Against whole matrices and plain sums.

use super::*;

#[test]
fn the_first_failure_of_a_job_is_told() {
    assert!(Trouble::default().told().is_ok());
    let trouble = Trouble::default();
    let few = |got| Error::TooFew {
        name: "x",
        what: "row",
        least: 9,
        got,
    };
    let none = [Ok(()), Err(few(4)), Err(few(5)), Ok(())].map(|result| trouble.none(result));
    assert_eq!(none, [true, false, false, true]);
    assert_eq!(trouble.told().unwrap_err().to_string(), few(4).to_string());
}

#[test]
fn factors_solve_and_singular_ones_stay_numbers() {
    let matrix = [4.0, 0.0, 0.0, 2.0, 5.0, 0.0, 1.0, 3.0, 6.0];
    let mut factor = matrix;
    factorise(&mut factor, 3);
    let mut values = [7.0, 10.0, 10.0];
    solve(&factor, &mut values);
    for (value, exact) in values.iter().zip([1.0, 1.0, 1.0]) {
        assert!((value - exact).abs() < 1e-14);
    }
    let mut factor = [1.0, 0.0, 1.0, 1.0];
    factorise(&mut factor, 2);
    assert!(factor[3] > 0.0 && factor[3] < 1e-6);
}

#[test]
fn statistics_keep_their_quantile() {
    use crate::limits::chi2_upper;
    for (from, to) in [(45.0, 50.0), (1.0, 50.0), (3.0, 4.0), (2.0, 100.0)] {
        for alpha in [0.5, 0.05, 0.01] {
            let found = carried(chi2_upper(from, alpha) / from, from, to);
            assert!((found / (chi2_upper(to, alpha) / to) - 1.0).abs() < 0.01, "{from} {to} {alpha} {found}");
        }
        assert!(carried(0.0, from, to) >= 0.0 && carried(1e12, from, to).is_finite());
    }
}

#[test]
fn cube_roots() {
    assert_eq!(cube_root(0.0), 0.0);
    for power in -300..300 {
        for part in [1.0, 1.7, 2.6, 3.9, 5.5, 7.999] {
            let x = part * 10.0_f64.powi(power);
            // Each is off by one unit in its last place at most.
            assert!((cube_root(x) / x.cbrt() - 1.0).abs() <= 2.0 * f64::EPSILON, "{x:e}");
        }
    }
}

#[test]
fn sums_of_any_length() {
    for length in 0..20 {
        let values: Vec<f64> = (0..length).map(f64::from).collect();
        let exact: f64 = values.iter().map(|value| value * value).sum();
        assert_eq!(dot(&values, &values), exact);
    }
}

/// A covariance of six, and its inverse.
fn dense() -> (Vec<f64>, Dense) {
    let covariance: Vec<f64> = (0..36_usize)
        .map(|place| {
            let (one, other) = (place / 6, place % 6);
            let near = 0.7_f64.powi(i32::try_from(one.abs_diff(other)).unwrap());
            near * (1 + one) as f64 * (1 + other) as f64
        })
        .collect();
    let lower = acm_linalg::dense::cholesky(&covariance, 6, "x").unwrap();
    let precision = Dense::of_factor(&lower, 6).unwrap();
    (covariance, precision)
}

#[test]
fn a_precision_times_its_covariance_is_one() {
    let (covariance, precision) = dense();
    for (row, line) in covariance.chunks(6).enumerate() {
        let mut product = [7.0; 6];
        precision.times(line, &mut product);
        for (column, value) in product.iter().enumerate() {
            assert!((value - f64::from(u8::from(row == column))).abs() < 1e-12);
        }
    }
}

#[test]
fn what_is_expected_leaves_no_pull() {
    let (_, precision) = dense();
    let nan = f64::NAN;
    let lanes = [
        [1.0, nan, 2.0, -1.0, 0.5, 3.0],
        [nan, nan, 2.0, -1.0, 0.5, 3.0],
        [1.0, 2.0, nan, -1.0, nan, nan],
        [1.0, 2.0, 0.0, -1.0, 0.5, 4.0],
        [nan, nan, nan, -1.0, 0.5, 4.0],
        [nan, -5.0, nan, nan, nan, nan],
        [nan; 6],
        [1.0, 2.0, nan, 7.0, nan, nan],
    ];
    let mut points: Vec<Row> = (0..6).map(|place| Row(lanes.map(|row| row[place]))).collect();
    let mut gaps = Gaps::new(6).unwrap();
    // The first three are of the row itself.
    gaps.fill(&precision, &mut points, 3).unwrap();
    for (lane, row) in lanes.iter().enumerate() {
        let filled: Vec<f64> = points.iter().map(|point| point.0[lane]).collect();
        let mut pull = [0.0; 6];
        precision.times(&filled, &mut pull);
        for place in 0..6 {
            assert_eq!(gaps.lacks(place, lane), row[place].is_nan());
            if row[place].is_nan() {
                assert!(pull[place].abs() < 1e-12, "{lane} {place}");
            } else {
                assert_eq!(filled[place], row[place]);
            }
        }
        // One by itself gives the same, and knows how far about it the missing may lie.
        let (mut alone, mut spread) = (row.to_vec(), Vec::new());
        let mut other = Gaps::new(6).unwrap();
        assert_eq!(other.fill_row(&precision, &mut alone).unwrap(), row.iter().any(|value| value.is_nan()));
        assert_eq!(alone, filled);
        let missing = other.missing().to_vec();
        if lane == 6 || missing.is_empty() {
            continue;
        }
        let count = missing.len();
        other.spread(&mut spread).unwrap();
        let mut shaped = vec![0.0; count * count];
        for unit in 0..count {
            let mut noise = vec![0.0; count];
            noise[unit] = 1.0;
            other.shape(&mut noise);
            for place in 0..count * count {
                shaped[place] += noise[place / count] * noise[place % count];
            }
        }
        for row in 0..count {
            for column in 0..count {
                let of = |middle: usize| spread[row * count + middle] * precision.row(missing[middle])[missing[column]];
                let product: f64 = (0..count).map(of).sum();
                assert!((product - f64::from(u8::from(row == column))).abs() < 1e-12);
                assert!((shaped[row * count + column] - spread[row * count + column]).abs() < 1e-10);
            }
        }
    }
    let some = Lack::Some;
    let expected = [
        some(5),
        some(4),
        some(3),
        Lack::Nothing,
        Lack::All,
        some(1),
        Lack::All,
        some(3),
    ];
    assert_eq!(gaps.lanes, expected);
    // Only where the row's own sensors are all missing does it tell nothing.
    gaps.clear(&mut points);
    for (lane, row) in lanes.iter().enumerate() {
        for place in 0..6 {
            let zero = row[place].is_nan() || expected[lane] == Lack::All;
            assert_eq!(points[place].0[lane], if zero { 0.0 } else { row[place] });
        }
    }
}
