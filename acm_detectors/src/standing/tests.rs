use super::*;

/// Mean and sum of the squares of these variances.
fn moments(variances: &[f64]) -> (f64, f64) {
    (variances.iter().sum(), variances.iter().map(|variance| variance * variance).sum())
}

/// The squared length of normal directions of such variances that lies `z` deviations of its cube root from the mean.
fn at(z: f64, (mean, squares): (f64, f64)) -> f64 {
    let variance = squares / (4.5 * mean * mean);
    mean * (1.0 - variance + z * variance.sqrt()).powi(3)
}

/// Mean and standard deviation of the cube root.
fn root((mean, squares): (f64, f64)) -> (f64, f64) {
    let variance = squares / (4.5 * mean * mean);
    (mean.cbrt() * (1.0 - variance), mean.cbrt() * variance.sqrt())
}

fn close(found: f64, exact: f64) -> bool {
    (found / exact - 1.0).abs() < 1e-9
}

#[test]
fn the_shift_of_some_sensors_stands_where_that_of_all_does() {
    // Noise in each of eight directions, more of it in some of them.
    for (lasting, more) in [(2, 3.0), (5, 0.7), (8, 2.0)] {
        let all: Vec<f64> = (0..8).map(|place| 0.4 + if place < lasting { more } else { 0.0 }).collect();
        let (mean, spread) = root(moments(&all));
        let standing = Standing::new(mean, spread, 8.0 * 0.4, 8);
        for here in 1..8 {
            // Loads are told by any sensors that are no fewer; else each sensor tells of one of them.
            let few: Vec<f64> = (0..here).map(|place| 0.4 + if place < lasting { more } else { 0.0 }).collect();
            let (own, squares) = moments(&few);
            // Beside the noise of a sensor what lasts is in as many directions as are kept.
            let kept = (here as f64 / lasting as f64).min(1.0);
            let exact = (0.4 * here as f64 + more * lasting as f64 * kept, {
                let noise = 0.16 * here as f64;
                noise + (2.0 * 0.4 * more + more * more) * lasting as f64 * kept
            });
            assert!(close(own, exact.0) && close(squares, exact.1));
            for z in [-1.0, 0.0, 2.5, 6.0] {
                let found = standing.of(at(z, exact), here as f64, here as f64);
                assert!(close(found, at(z, moments(&all))), "{lasting} {here} {z}: {found}");
            }
        }
        assert_eq!([standing.of(0.7, 8.0, 8.0), standing.of(9.0, 8.5, 8.0)], [0.7, 9.0]);
    }
}

#[test]
fn shares_of_a_memory_take_their_shares_of_the_noise() {
    let all = [1.0; 4];
    let (mean, spread) = root(moments(&all));
    let standing = Standing::new(mean, spread, 4.0, 4);
    let shares = [1.0, 0.5, 0.25, 0.75];
    let present: f64 = shares.iter().sum();
    let squared: f64 = shares.iter().map(|share| share * share).sum();
    for z in [-0.5, 3.0] {
        let found = standing.of(at(z, moments(&shares)), present, squared);
        assert!(close(found, at(z, moments(&all))), "{found}");
    }
}

#[test]
fn a_part_that_is_tighter_than_noise_is_no_wider_than_it() {
    // The mean is half of the usual power: all of it is noise, in all directions.
    let (mean, spread) = root(moments(&[0.5; 4]));
    let standing = Standing::new(mean, spread, 4.0, 4);
    for z in [0.0, 4.0] {
        let found = standing.of(at(z, moments(&[0.5; 2])), 2.0, 2.0);
        assert!(close(found, at(z, moments(&[0.5; 4]))), "{found}");
    }
    // Nothing is known of its spread: as many times as there are sensors.
    let still = Standing::new(0.0, 0.0, 0.0, 4);
    assert_eq!(still.of(1.5, 2.0, 2.0), 3.0);
}

#[test]
fn mean_powers_above_the_mean_vary_more_with_fewer_sensors() {
    let (mean, spread) = root(moments(&[1.0, 1.0, 1.0, 5.0]));
    let standing = Standing::new(mean, spread, 4.0, 4);
    let norms = (1.5, 0.15);
    let memory = 0.2;
    // By hand: nine times the squared deviation of the cube root over its mean is the relative variance of the power, of which
    // independent rows of four sensors would have 2 / 4 times the sum of the squared weights.
    let deviation = of_root(1.5, 0.15);
    let (all, noise) = (9.0 * deviation * deviation, 0.5 * 0.2 / 1.8);
    assert!(noise < all);
    for (present, more) in [(3.0, 4.0 / 3.0 - 1.0), (2.0, 1.0), (0.5, 3.0)] {
        let wider = (1.0 + (all - noise) / all * more).sqrt();
        let found = standing.of_power(6.0, present, norms, memory);
        assert!(close(found.cbrt() - 1.5, (6.0_f64.cbrt() - 1.5) / wider), "{present}: {found}");
    }
    // Below the mean, and of all sensors, it is what it is.
    assert_eq!(standing.of_power(3.3, 2.0, norms, memory), 3.3);
    assert_eq!(standing.of_power(6.0, 4.0, norms, memory), 6.0);
    // What varies no more than independent rows do says nothing of what lasts.
    assert!(close(standing.of_power(6.0, 2.0, (1.5, 0.01), memory), 6.0));
}

#[test]
fn the_deviation_of_a_cube_root_is_over_the_root_of_the_mean() {
    // A cube root with mean m (1 - d²) and deviation m d.
    for deviation in [0.01, 0.2, 0.5] {
        let found = of_root(3.0 * (1.0 - deviation * deviation), 3.0 * deviation);
        assert!(close(found, deviation), "{found}");
    }
}

#[test]
fn a_sensors_share_is_that_of_the_squared_weights_of_the_rows_it_was_in() {
    let memory = 0.3;
    let here = |row: i32, sensor: usize| [row % 2 == 0, row != 3, row < 5][sensor];
    let mut shares = [1.0; 3];
    for row in 0..12 {
        let marks: [bool; 3] = std::array::from_fn(|sensor| here(row, sensor));
        let whole = marks == [true; 3];
        share_present(&mut shares, if whole { &[] } else { &marks }, memory);
        for (sensor, share) in shares.iter().enumerate() {
            // All was there before.
            let squared = |back: i32| (memory * (1.0_f64 - memory).powi(back)).powi(2);
            let total: f64 = (0..400).map(squared).sum();
            let lost: f64 = (0..=row).filter(|&past| !here(past, sensor)).map(|past| squared(row - past)).sum();
            assert!((share - (1.0 - lost / total)).abs() < 1e-12, "{row} {sensor}: {share}");
        }
    }
    // What is forgotten is all there again, but not where a row lacks it.
    let mut shares = [1.0 - 1e-12, 1.0 - 1e-6];
    share_present(&mut shares, &[], memory);
    assert_eq!(shares[0], 1.0);
    assert!(shares[1] < 1.0);
    let mut shares = [1.0];
    share_present(&mut shares, &[false], 1e-13);
    assert!(shares[0] < 1.0);
}
