use acm_linalg::seed::stream;
use rand::RngExt;

use super::*;

const WIDTH: usize = 4;

/// Rows of unrelated, whitened sensors of which one is off by so much in some rows.
fn found(rows: usize, off: &[(Range<usize>, usize, f64)]) -> Found {
    let mut draw = stream(14, 0);
    let mut z: Vec<f64> = (0..rows * WIDTH)
        .map(|_| (0..12).map(|_| draw.random::<f64>()).sum::<f64>() - 6.0)
        .collect();
    for (inside, sensor, by) in off {
        inside.clone().for_each(|row| z[row * WIDTH + sensor] += by);
    }
    Found::of_four(z)
}

fn marked(found: &Found) -> Option<(usize, usize, usize)> {
    let once = stretches(found).unwrap();
    let first = once.iter().position(|&once| once)?;
    let last = once.iter().rposition(|&once| once)?;
    Some((first, last + 1, once.iter().filter(|&&once| once).count()))
}

#[test]
fn a_stretch_of_one_sensor_that_never_comes_again_is_found() {
    assert_eq!(marked(&found(1000, &[])), None);
    for by in [4.0, -4.0] {
        let (first, last, count) = marked(&found(1000, &[(400..500, 2, by)])).unwrap();
        assert!((390..=400).contains(&first) && (500..=510).contains(&last) && count == last - first, "{first} {last}");
    }
    // At the edges it may be the machine as it is; sixty rows away it is not.
    assert_eq!(marked(&found(1000, &[(0..100, 2, 4.0)])), None);
    assert_eq!(marked(&found(1000, &[(50..150, 2, 4.0)])), None);
    assert!(marked(&found(1000, &[(60..150, 2, 4.0)])).is_some());
    assert_eq!(marked(&found(1000, &[(850..950, 2, 4.0)])), None);
    assert!(marked(&found(1000, &[(850..940, 2, 4.0)])).is_some());
    // It comes again, on the other side too; or two sensors are off.
    assert_eq!(marked(&found(1000, &[(300..360, 2, 4.0), (700..760, 2, 4.0)])), None);
    assert_eq!(marked(&found(1000, &[(300..360, 2, 4.0), (700..760, 2, -4.0)])), None);
    assert_eq!(marked(&found(1000, &[(400..500, 2, 4.0), (400..500, 1, 4.0)])), None);
    // At most 15 % of the rows.
    assert!(marked(&found(1000, &[(400..540, 2, 4.0)])).is_some());
    assert_eq!(marked(&found(1000, &[(400..570, 2, 4.0)])), None);
    // Two stretches of two sensors, together too many.
    let (.., count) = marked(&found(1000, &[(300..350, 2, 4.0), (700..760, 0, 4.0)])).unwrap();
    assert!((110..=130).contains(&count), "{count}");
    assert_eq!(marked(&found(1000, &[(300..390, 2, 4.0), (700..790, 0, 4.0)])), None);
    // A single huge row is none.
    assert_eq!(marked(&found(1000, &[(400..401, 2, 900.0)])), None);
}

#[test]
fn few_rows_and_few_sensors_tell_of_no_stretch() {
    let of = found(139, &[(60..75, 2, 9.0)]);
    assert_eq!(marked(&of), None);
    let mut of = found(400, &[(200..230, 2, 9.0)]);
    assert!(marked(&of).is_some());
    of.together = false;
    assert_eq!(marked(&of), None);
}

#[test]
fn means_are_of_what_a_sensor_reads_beside_the_others() {
    // Correlated: the precision is WᵀW, and what a sensor reads beside the others over its deviation is (Λ z)_s / √Λ_ss.
    let mut of = found(125, &[(0..125, 1, 0.5), (47..48, 0, 50.0)]);
    let lower = [
        1.0, 0.0, 0.0, 0.0, -0.4, 1.2, 0.0, 0.0, 0.3, 0.5, 0.9, 0.0, -0.2, 0.1, -0.6, 1.5,
    ];
    of.mean = vec![0.1, -0.2, 0.3, 0.4];
    let white = |row: &[f64]| -> Vec<f64> {
        let away: Vec<f64> = row.iter().zip(&of.mean).map(|(z, mean)| z - mean).collect();
        lower
            .chunks(4)
            .map(|line| line.iter().zip(&away).map(|(one, other)| one * other).sum())
            .collect()
    };
    let (mut exact, mut squares) = (vec![0.0; 12 * WIDTH], Vec::new());
    for (number, row) in of.z.chunks(WIDTH).enumerate() {
        let white = white(row);
        squares.push(white.iter().map(|value| value * value).sum::<f64>());
        for sensor in 0..WIDTH {
            let column = || (0..WIDTH).map(|line| lower[line * WIDTH + sensor]);
            let length: f64 = column().map(|entry| entry * entry).sum();
            let beside: f64 = column().zip(&white).map(|(entry, white)| entry * white).sum::<f64>() / length.sqrt();
            if number < 120 {
                exact[number / 10 * WIDTH + sensor] += beside.clamp(-8.0, 8.0) / 10.0;
            }
        }
    }
    of.squares = squares;
    let found = means(&of, &lower, 12).unwrap();
    assert_eq!(found.len(), exact.len());
    assert!(found.iter().zip(&exact).all(|(one, other)| (one - other).abs() < 1e-9), "{found:?} {exact:?}");
    assert!(!near(&of, 47) && near(&of, 46));
}

#[test]
fn a_stretch_is_the_only_blocks_elsewhere_on_one_side() {
    let of = |hot: &[(usize, f64)]| {
        let mut column = vec![0.5; 20];
        hot.iter().for_each(|&(block, value)| column[block] = value);
        stretch(&column).unwrap()
    };
    assert_eq!(of(&[]), None);
    assert_eq!(of(&[(4, 5.1)]), None);
    assert_eq!(of(&[(4, 5.1), (5, 5.1)]), Some(4..6));
    assert_eq!(of(&[(4, -5.1), (5, -5.1)]), Some(4..6));
    assert_eq!(of(&[(4, 5.0), (5, 5.1)]), None);
    assert_eq!(of(&[(4, 5.1), (5, -5.1)]), None);
    // Two blocks between at most, and more than half of all.
    assert_eq!(of(&[(4, 6.0), (5, 6.0), (8, 6.0)]), Some(4..9));
    assert_eq!(of(&[(4, 6.0), (5, 6.0), (6, 6.0), (7, 6.0), (11, 6.0)]), None);
    assert_eq!(of(&[(4, 6.0), (7, 6.0)]), Some(4..8));
    assert_eq!(of(&[(4, 6.0), (7, 6.0), (10, 6.0)]), None);
}

#[test]
fn a_stretch_begins_where_three_blocks_are_not_back() {
    for side in [1.0, -1.0] {
        let of = |beside: &[(usize, f64)]| {
            let mut column = vec![0.0; 20];
            column[8..11].fill(6.0 * side);
            beside.iter().for_each(|&(block, value)| column[block] = value * side);
            grown(&column, 8..11)
        };
        assert_eq!(of(&[]), 8..11);
        // Their mean is beyond 1.2.
        assert_eq!(of(&[(7, 3.7), (11, 3.7)]), 7..12);
        assert_eq!(of(&[(7, 3.5), (11, 3.5)]), 8..11);
        assert_eq!(of(&[(7, -9.0), (11, -9.0)]), 8..11);
        // Means before 8, 7 and 6: 3, 2 and 1.
        assert_eq!(of(&[(5, 3.0), (6, 3.0), (7, 3.0)]), 6..11);
        assert_eq!(of(&[(11, 3.0), (12, 3.0), (13, 3.0)]), 8..13);
    }
    // Up to the ends, where there are three.
    assert_eq!(grown(&[6.0; 9], 4..5), 2..7);
    assert_eq!(grown(&[6.0; 9], 1..9), 1..9);
}
