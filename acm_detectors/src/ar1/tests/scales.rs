//! Scales of sensors, how their deviations become one, and the training rows' own scores.

use super::*;
use crate::ar1::score::Wanted;
use crate::held_out::HeldOut;

fn detector(fuse: Fuse) -> Ar1 {
    Ar1::new(0.999, None, fuse).unwrap()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len() % 2 == 1 {
        values[middle]
    } else {
        f64::midpoint(values[middle - 1], values[middle])
    }
}

#[test]
fn the_scale_is_that_of_moves_where_a_sensor_stands_still_mostly() {
    // Runs of five rows with moves in the first, of which there are so many.
    for (moves, rows) in [(20, 100), (19, 100), (20, 41), (20, 40), (60, 100)] {
        let value = |row: usize| {
            let last = row.min(moves);
            10.0 + ((last * last * 7) % 23) as f64 + 0.01 * last as f64
        };
        let mut values: Vec<f64> = (0..rows).map(value).collect();
        let model = detector(Fuse::Mean);
        let given = values.clone();
        let found = model.sensor(&mut values, &mut vec![0.0; rows]);
        let mu = median(given.clone());
        let (phi, spread) = model.coefficient(&given, mu);
        let still = 2 * moves < rows - 1 && moves >= 20;
        let rest: Vec<f64> = given
            .windows(2)
            .filter(|pair| !still || pair[0] != pair[1])
            .map(|pair| (pair[1] - mu) - phi * (pair[0] - mu))
            .collect();
        let middle = median(rest.clone());
        let mad = median(rest.iter().map(|value| (value - middle).abs()).collect());
        assert_eq!((found.mu, found.phi, found.known, found.clipped), (mu, phi, rows as u64, 0));
        let exact = (1.4826 * mad).max(1e-6 * spread);
        assert!((found.sd - exact).abs() < 1e-12 * exact, "{moves} {rows}: {} {exact}", found.sd);
        assert!(!still || mad > 0.1);
    }
}

#[test]
fn scales_have_a_floor_and_values_an_end() {
    let model = detector(Fuse::Mean);
    assert_eq!([model.floor(3.0, 8.0), model.floor(0.0, -8.0), model.floor(0.0, 0.0)], [3e-6, 8e-6, 1e-6]);
    assert_eq!(model.floor(1e-310, 0.0), f64::MIN_POSITIVE);
    let given = Ar1::new(0.9, Some(0.5), Fuse::Mean).unwrap();
    assert_eq!([given.floor(3.0, 8.0), given.floor(0.0, 0.0), given.unknown().sd], [0.5; 3]);
    assert_eq!(model.unknown().sd, 1e-6);
    // Three values beyond the end are counted, and count as it.
    let mut values = [1e151, 1.0, 2.0, -1e300, f64::NAN, 1e150, f64::INFINITY, -1e151];
    let found = model.sensor(&mut values, &mut [0.0; 8]);
    assert_eq!((found.clipped, found.known, found.mu), (3, 6, 1.5));
    assert_eq!(values[0], 1e150);
    assert_eq!(values[3], -1e150);
    assert!(values[4].is_nan() && values[6].is_nan());
    // Of values that hardly ever follow one another, all in turn.
    let mut apart = [1.0, f64::NAN, 4.0, f64::NAN, 2.0, 7.0, f64::NAN, 3.0, 5.0];
    let found = model.sensor(&mut apart, &mut [0.0; 9]);
    assert_eq!((found.phi, found.known), (model.coefficient(&[1.0, 4.0, 2.0, 7.0, 3.0, 5.0], 3.5).0, 6));
    let mut apart = [1.0, f64::NAN, 4.0, 2.0, 7.0, f64::NAN, 3.0, 5.0];
    let found = model.sensor(&mut apart, &mut [0.0; 8]);
    assert_eq!(found.phi, model.coefficient(&[1.0, f64::NAN, 4.0, 2.0, 7.0, f64::NAN, 3.0, 5.0], 3.5).0);
}

#[test]
fn half_of_the_values_make_a_sensor_or_a_hundred_that_are_a_third() {
    let used = |known: u64, rows: usize| {
        Sensor {
            known,
            ..Sensor::default()
        }
        .used(rows)
    };
    assert!(used(5, 10) && !used(4, 10) && !used(0, 0));
    assert!(used(100, 300) && !used(100, 301) && !used(99, 297) && used(101, 303));
}

#[test]
fn deviations_become_one_by_mean_median_or_quantile() {
    let mut x = Array2::from_shape_fn((60, 5), |(row, column)| ((row * (7 + column) + 3 * column) % 23) as f64);
    x[[40, 1]] = f64::NAN;
    x[[41, 0]] = f64::NAN;
    x[[41, 3]] = f64::NAN;
    for fuse in [Fuse::Mean, Fuse::Median, Fuse::P95] {
        let model = fitted(&x, fuse);
        let found = scores(&model, &x);
        let mut shares = vec![0.0; x.len()];
        model.contributions(x.view().into(), &mut shares).unwrap();
        for row in 1..60 {
            let known = |column: &usize| x[[row, *column]].is_finite();
            let mut own: Vec<f64> = (0..5).filter(known).map(|column| shares[5 * row + column]).collect();
            own.sort_unstable_by(f64::total_cmp);
            let at = |place: f64| {
                let below = (0..own.len()).rfind(|&below| below as f64 <= place).unwrap();
                let next = own[(below + 1).min(own.len() - 1)];
                own[below] + (place - below as f64) * (next - own[below])
            };
            let last = (own.len() - 1) as f64;
            let exact = match fuse {
                Fuse::Mean => own.iter().sum::<f64>() / own.len() as f64,
                Fuse::Median => at(0.5 * last),
                Fuse::P95 => at(0.95 * last),
            };
            assert!((found[row] - exact).abs() < 1e-12 * exact.max(1.0), "{fuse:?} {row}: {} {exact}", found[row]);
        }
    }
}

#[test]
fn means_of_few_sensors_count_as_those_of_all_would() {
    let mut x = Array2::from_shape_fn((120, 4), |(row, column)| {
        // Whole rows depart further the later they come.
        (1.0 + (row / 30) as f64) * (((row * (11 + 2 * column) + 5 * column) % 31) as f64 - 15.0)
    });
    for row in (2..120).step_by(3) {
        x[[row, row % 4]] = f64::NAN;
        x[[row, (row / 2) % 4]] = f64::NAN;
    }
    x.row_mut(50).fill(f64::NAN);
    let model = fitted(&x, Fuse::Mean);
    let still: Vec<bool> = (0..120).map(|row| row % 40 == 39).collect();
    let usual = model.training_scores(x.view().into(), &still).unwrap().unwrap();
    // By the analysis of variance of rows with unequal numbers of sensors.
    let mut shares = vec![0.0; 480];
    model.follow(x.view().into(), None, Wanted::Shares, &mut shares).unwrap();
    let rows: Vec<Vec<f64>> = (0..120)
        .map(|row| {
            (0..4)
                .filter(|&column| !x[[row, column]].is_nan())
                .map(|column| shares[4 * row + column])
                .collect()
        })
        .collect();
    let mean_of = |row: usize| rows[row].iter().sum::<f64>() / rows[row].len() as f64;
    let counts: Vec<bool> = (0..120).map(|row| row > 0 && !still[row]).collect();
    let telling: Vec<usize> = (0..120).filter(|&row| counts[row] && !rows[row].is_empty()).collect();
    let count = telling.len() as f64;
    let squares = |row: usize| rows[row].iter().map(|z| (z - mean_of(row)).powi(2)).sum::<f64>();
    let freedom: f64 = telling.iter().map(|&row| rows[row].len() as f64 - 1.0).sum();
    let within = telling.iter().map(|&row| squares(row)).sum::<f64>() / freedom;
    let mean = telling.iter().map(|&row| mean_of(row)).sum::<f64>() / count;
    let variance = telling.iter().map(|&row| (mean_of(row) - mean).powi(2)).sum::<f64>() / count;
    let noise = telling.iter().map(|&row| within / rows[row].len() as f64).sum::<f64>() / count;
    let between = (variance - noise).max(0.0);
    assert!(between > 0.0);
    let mut exact: Vec<f64> = (0..120)
        .map(|row| {
            let own = between + within / rows[row].len() as f64;
            mean + (mean_of(row) - mean) * ((between + within / 4.0) / own).sqrt()
        })
        .collect();
    let exact = HeldOut::of(&mut exact, &counts).unwrap();
    for alpha in [0.5, 0.2, 0.05, 0.01, 1e-4] {
        let (found, exact) = (usual.limit(alpha), exact.limit(alpha));
        assert!((found / exact - 1.0).abs() < 1e-10, "{alpha}: {found} {exact}");
    }
    assert_eq!(model.training_scores(x.view().into(), &[true; 120]).unwrap().map(|held| held.limit(0.1)), Some(0.0));
}

#[test]
fn training_rows_that_nothing_tells_apart_keep_their_scores() {
    // Levels 0, nothing kept of a deviation, scales 1: each sensor departs by 1.
    let mut x = Array2::from_shape_fn((40, 4), |(row, column)| if (row + column) % 3 == 0 { -1.0 } else { 1.0 });
    let mut model = fitted(&x, Fuse::Mean);
    (model.mu, model.phi, model.sd) = (vec![0.0; 4], vec![0.0; 4], vec![1.0; 4]);
    for gaps in [0, 1, 2] {
        for row in (3..40).step_by(4).filter(|_| gaps > 0) {
            x[[row, gaps]] = f64::NAN;
        }
        let usual = model.training_scores(x.view().into(), &[false; 40]).unwrap().unwrap();
        let mut exact = vec![1.0; 40];
        let counts: Vec<bool> = (0..40).map(|row| row > 0).collect();
        assert_eq!(usual, HeldOut::of(&mut exact, &counts).unwrap(), "{gaps}");
    }
}

#[test]
fn limits_need_a_row_that_has_one_before_it() {
    let x = Array2::from_shape_fn((40, 2), |(row, column)| ((row * (7 + column)) % 11) as f64);
    let model = fitted(&x, Fuse::Mean);
    let known = |x: &Array2<f64>| {
        let still = vec![false; x.nrows()];
        model.training_scores(x.view().into(), &still).unwrap().is_some()
    };
    assert!(known(&x) && model.limit(0.1).unwrap() > 0.0);
    assert!(!known(&x.slice(s![..1, ..]).to_owned()));
    let mut first = x;
    first.slice_mut(s![1.., ..]).fill(f64::NAN);
    assert!(!known(&first));
    first[[39, 1]] = 4.0;
    assert!(known(&first));
}

#[test]
fn a_deviation_fades_within_so_many_rows() {
    use crate::ar1::score::reach;
    // The least whole number n with phi^n below a hundred millionth.
    assert_eq!([0.0, 1e-9, 0.5, -0.5, 0.9, 0.999].map(reach), [1, 1, 27, 27, 175, 18_412]);
}
