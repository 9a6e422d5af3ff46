use acm_linalg::dense::symmetric_eigen;
use acm_linalg::seed::stream;
use rand::RngExt;

use super::start::wrapped;
use super::*;
use crate::elimination;

const NAN: f64 = f64::NAN;

impl Found {
    /// Rows of four whitened sensors, none of which is far.
    pub(in crate::screen) fn of_four(z: Vec<f64>) -> Self {
        let unit: Vec<f64> = (0..16).map(|place| f64::from(u8::from(place % 5 == 0))).collect();
        let count = z.len() / 4;
        let squares = z.chunks(4).map(|row| row.iter().map(|value| value * value).sum()).collect();
        Self {
            columns: (0..4).collect(),
            centers: vec![0.0; 4],
            scales: vec![1.0; 4],
            rows: (0..count).collect(),
            z,
            mean: vec![0.0; 4],
            whitening: Packed::lower(&unit, 4).unwrap(),
            covariance: unit,
            together: true,
            squares,
            far: vec![0.0; count],
        }
    }

    /// Rows of two whitened sensors.
    pub(in crate::screen) fn of_two(rows: Vec<usize>, far: Vec<f64>, z: Vec<f64>) -> Self {
        let squares = z.chunks(2).map(|row| row[0] * row[0] + row[1] * row[1]).collect();
        Self {
            columns: vec![0, 1],
            centers: vec![0.0; 2],
            scales: vec![1.0; 2],
            rows,
            z,
            mean: vec![0.0; 2],
            covariance: vec![1.0, 0.0, 0.0, 1.0],
            whitening: Packed::lower(&[1.0, 0.0, 0.0, 1.0], 2).unwrap(),
            together: true,
            squares,
            far,
        }
    }
}

fn close(found: f64, exact: f64) -> bool {
    (found - exact).abs() < 1e-9 * exact.abs().max(1.0)
}

fn all_close(found: &[f64], exact: &[f64]) -> bool {
    found.len() == exact.len() && found.iter().zip(exact).all(|(one, other)| close(*one, *other))
}

fn table(z: &[f64], width: usize) -> Rowwise {
    let mut table = Rowwise {
        z: z.to_vec(),
        width,
        lacking: vec![9; z.len() / width],
    };
    table.count();
    table
}

/// Rows of three sensors that hang together, each nearly normal.
fn plant(rows: usize) -> Vec<f64> {
    let mut draw = stream(5, 0);
    let mut normal = || (0..12).map(|_| draw.random::<f64>()).sum::<f64>() - 6.0;
    (0..rows)
        .flat_map(|_| {
            let load = normal();
            [load + 0.3 * normal(), 0.5 * load + normal(), 0.4 * normal() - load]
        })
        .collect()
}

/// Mean, covariance (divisor n) and the share of Ledoit and Wolf (2004) by their own sums.
fn shrunk_by_hand(rows: &[&[f64]]) -> (Vec<f64>, Vec<f64>) {
    let (count, width) = (rows.len() as f64, rows[0].len());
    let mean: Vec<f64> = (0..width).map(|place| rows.iter().map(|row| row[place]).sum::<f64>() / count).collect();
    let product = |row: &[f64], at: usize| (row[at / width] - mean[at / width]) * (row[at % width] - mean[at % width]);
    let own: Vec<f64> = (0..width * width)
        .map(|at| rows.iter().map(|row| product(row, at)).sum::<f64>() / count)
        .collect();
    let usual = (0..width).map(|place| own[place * (width + 1)]).sum::<f64>() / width as f64;
    let unit = |at: usize| if at / width == at % width { usual } else { 0.0 };
    let distance: f64 = (0..width * width).map(|at| (own[at] - unit(at)).powi(2)).sum();
    let spread: f64 = rows
        .iter()
        .map(|row| (0..width * width).map(|at| (product(row, at) - own[at]).powi(2)).sum::<f64>())
        .sum::<f64>()
        / (count * count);
    let share = spread.min(distance) / distance;
    let covariance = (0..width * width).map(|at| (1.0 - share) * own[at] + share * unit(at)).collect();
    (mean, covariance)
}

/// The squared distance by the covariance.
fn distance(row: &[f64], mean: &[f64], covariance: &[f64]) -> f64 {
    let away: Vec<f64> = row.iter().zip(mean).map(|(value, mean)| value - mean).collect();
    elimination::squared(&away, covariance)
}

#[test]
fn values_are_drawn_in_as_the_paper_says() {
    // Raymaekers and Rousseeuw 2021: the value up to 1.5, q1 tanh(q2 (4 - |z|)) up to 4, nothing beyond.
    for z in [0.0, 0.7, 1.5, -1.5, -0.2] {
        assert_eq!(wrapped(z), z);
    }
    for z in [1.500_001_f64, 2.0, 3.0, 3.9] {
        let exact = 1.540_793 * (0.862_273_1 * (4.0 - z)).tanh();
        assert!(close(wrapped(z), exact) && close(wrapped(-z), -exact) && exact > 0.0);
    }
    // The pieces meet.
    assert!((wrapped(1.500_001) - 1.5).abs() < 1e-4);
    assert_eq!([wrapped(4.0), wrapped(-7.0), wrapped(1e9)], [0.0; 3]);
    let many = table(&[0.5, 2.0, -9.0, -3.0], 2);
    assert_eq!(many.wrapped().unwrap().z, [0.5, 2.0, -9.0, -3.0].map(wrapped));
}

#[test]
fn the_nearest_rows_are_those_of_the_least_squares() {
    let squares = [3.0, 1.0, 2.0, 1.0, 5.0, 2.0, 2.0, 0.5];
    // Of equal ones the first.
    assert_eq!(nearest(&squares, 5).unwrap(), [1, 2, 3, 5, 7]);
    assert_eq!(nearest(&squares, 1).unwrap(), [7]);
    assert_eq!(nearest(&squares, 3).unwrap(), [1, 3, 7]);
    assert_eq!(nearest(&squares, 7).unwrap(), [0, 1, 2, 3, 5, 6, 7]);
    assert_eq!(nearest(&squares, 8).unwrap(), [0, 1, 2, 3, 4, 5, 6, 7]);
    assert_eq!(nearest(&squares[..2], 9).unwrap(), [0, 1]);
    assert!(nearest(&squares, 0).unwrap().is_empty());
}

#[test]
fn distances_are_scaled_to_their_median() {
    let mut squares = [4.0, 1.0, 2.0, 8.0, 16.0];
    rescale(&mut squares, 6.0).unwrap();
    assert_eq!(squares, [6.0, 1.5, 3.0, 12.0, 24.0]);
    let mut none = [0.0, 0.0, 5.0];
    rescale(&mut none, 6.0).unwrap();
    assert_eq!(none, [0.0, 0.0, 5.0]);
}

#[test]
fn triangles_are_inverted_squared_and_solved_with() {
    let lower = [2.0, 0.0, 0.0, 1.0, 0.5, 0.0, -3.0, 0.25, 4.0];
    let inverse = inverse_of(&lower, 3).unwrap();
    let entry = |one: &[f64], other: &[f64], at: usize| -> f64 {
        (0..3).map(|middle| one[at / 3 * 3 + middle] * other[middle * 3 + at % 3]).sum()
    };
    for at in 0..9 {
        assert!(close(entry(&lower, &inverse, at), f64::from(u8::from(at % 4 == 0))));
        let exact: f64 = (0..3).map(|row| lower[row * 3 + at / 3] * lower[row * 3 + at % 3]).sum();
        assert!(close(squared(&lower, 3).unwrap()[at], exact), "{at}");
    }
    // Only the lower half is read.
    let matrix = [4.0, 9e9, 9e9, 1.0, 3.0, 9e9, -0.5, 0.75, 2.0];
    let whole = [4.0, 1.0, -0.5, 1.0, 3.0, 0.75, -0.5, 0.75, 2.0];
    let mut right = [1.0, -2.0, 5.0];
    let exact = elimination::solved(&whole, &right).0;
    solve(&mut matrix.clone(), &mut right);
    assert!(all_close(&right, &exact), "{right:?} {exact:?}");
}

#[test]
fn missing_values_are_counted_found_and_filled() {
    let mut rows = table(&[1.0, NAN, 2.0, 3.0, NAN, NAN, 7.0, 8.0], 2);
    assert_eq!(rows.lacking, [1, 0, 2, 0]);
    let holes = rows.holes().unwrap();
    assert_eq!(holes, [(0, 1), (2, 0), (2, 1)]);
    rows.fill_with(&holes, &[-1.0, -2.0]);
    assert_eq!(rows.z, [1.0, -2.0, 2.0, 3.0, -1.0, -2.0, 7.0, 8.0]);
}

#[test]
fn four_rows_a_sensor_tell_how_they_hang_together() {
    let of = |width: usize, rows: usize| {
        Rowwise {
            z: Vec::new(),
            width,
            lacking: Vec::new(),
        }
        .covaries(rows)
    };
    assert_eq!([of(3, 11), of(3, 12), of(200, 800), of(200, 799), of(201, 9000)], [false, true, true, false, false]);
    // Of fewer rows each sensor is judged by itself, at most at a million scales.
    let mut few = table(&[1.0, 2.0, NAN, -3.0, 1e9, 0.5], 2);
    let (mean, covariance, whitening, squares) = few.concentrate().unwrap();
    assert_eq!((mean.as_slice(), covariance.as_slice()), (&[0.0; 2][..], &[1.0, 0.0, 0.0, 1.0][..]));
    assert_eq!(whitening.matrix().unwrap(), [1.0, 0.0, 0.0, 1.0]);
    assert_eq!(squares, [5.0, 9.0, 1e12 + 0.25]);
}

#[test]
fn a_step_takes_mean_and_covariance_of_the_chosen_rows() {
    let mut z = plant(40);
    // Two values of one row, one of another, and a row without any.
    for at in [6, 8, 31, 60, 61, 62] {
        z[at] = NAN;
    }
    let mut rows = table(&z, 3);
    let holes = rows.holes().unwrap();
    rows.fill_with(&holes, &[0.1, 0.2, 0.3]);
    let before = rows.z.clone();
    let chosen: Vec<usize> = (0..40).filter(|row| row % 3 != 1).collect();
    let (mean, covariance, whitening, squares) = rows.step(&chosen, &holes).unwrap();
    let own: Vec<&[f64]> = chosen.iter().map(|&row| &before[3 * row..3 * row + 3]).collect();
    let (exact_mean, exact) = shrunk_by_hand(&own);
    assert!(all_close(&mean, &exact_mean) && all_close(&covariance, &exact), "{covariance:?} {exact:?}");
    let white = whitening.matrix().unwrap();
    let unit = (0..9).map(|at| {
        let line = |row: usize| &white[3 * row..3 * row + 3];
        let turned: f64 = (0..9).map(|at_| line(at / 3)[at_ / 3] * exact[at_] * line(at % 3)[at_ % 3]).sum();
        turned
    });
    assert!(all_close(&unit.collect::<Vec<_>>(), &[1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]));
    for row in 0..40 {
        let lacking: Vec<usize> = (0..3).filter(|&place| z[3 * row + place].is_nan()).collect();
        let known: Vec<usize> = (0..3).filter(|place| !lacking.contains(place)).collect();
        let values = &rows.z[3 * row..3 * row + 3];
        // By the blocks of the covariance.
        let within: Vec<f64> = known
            .iter()
            .flat_map(|&one| known.iter().map(move |&other| (one, other)))
            .map(|(one, other)| exact[3 * one + other])
            .collect();
        let away: Vec<f64> = known.iter().map(|&place| before[3 * row + place] - exact_mean[place]).collect();
        let pulled = if known.is_empty() {
            Vec::new()
        } else {
            elimination::solved(&within, &away).0
        };
        for place in 0..3 {
            let expected = if lacking.contains(&place) {
                exact_mean[place]
                    + known
                        .iter()
                        .zip(&pulled)
                        .map(|(&one, pulled)| exact[3 * place + one] * pulled)
                        .sum::<f64>()
            } else {
                before[3 * row + place]
            };
            assert!(close(values[place], expected), "{row} {place}");
        }
        let whole = 3.0 / known.len().max(1) as f64;
        let far = distance(values, &exact_mean, &exact) * if lacking.is_empty() { 1.0 } else { whole };
        assert!(close(squares[row], far), "{row}: {} {far}", squares[row]);
    }
}

#[test]
fn the_first_distances_are_by_medians_along_the_axes() {
    let z = plant(37);
    let mut rows = table(&z, 3);
    let found = rows.first(&[]).unwrap();
    // The axes of the products of the wrapped rows about their mean.
    let wrapped: Vec<f64> = z.iter().copied().map(wrapped).collect();
    let own: Vec<&[f64]> = wrapped.chunks(3).collect();
    let mean: Vec<f64> = (0..3).map(|place| own.iter().map(|row| row[place]).sum::<f64>() / 37.0).collect();
    let sums: Vec<f64> = (0..9)
        .map(|at| own.iter().map(|row| (row[at / 3] - mean[at / 3]) * (row[at % 3] - mean[at % 3])).sum())
        .collect();
    let (_, axes) = symmetric_eigen(&sums, 3, "x").unwrap();
    let mut exact = vec![0.0; 37];
    for axis in axes.chunks(3) {
        let along: Vec<f64> = z
            .chunks(3)
            .map(|row| row.iter().zip(axis).map(|(one, other)| one * other).sum())
            .collect();
        let middle_of = |values: &[f64]| {
            let mut sorted = values.to_vec();
            sorted.sort_unstable_by(f64::total_cmp);
            sorted[18]
        };
        let middle = middle_of(&along);
        let deviation = 1.4826 * middle_of(&along.iter().map(|value| (value - middle).abs()).collect::<Vec<_>>());
        exact
            .iter_mut()
            .zip(&along)
            .for_each(|(sum, value)| *sum += ((value - middle) / deviation).powi(2));
    }
    assert!(all_close(&found, &exact), "{found:?} {exact:?}");
    // An axis along which most rows are alike counts as a millionth of the widest.
    let flat: Vec<f64> = (0..37)
        .flat_map(|row| {
            [
                f64::from(row) / 37.0 - 0.5,
                if row == 3 || row == 33 { 1e-7 } else { 0.0 },
            ]
        })
        .collect();
    let mut rows = table(&flat, 2);
    let found = rows.first(&[]).unwrap();
    // Scaled by a millionth of the median absolute deviation of the first one, whose middle half is that of 37 steps.
    let deviation: f64 = 1.4826 * 9.0 / 37.0;
    let exact = (15.0 / 37.0 / deviation).powi(2) + (1e-7 / (1e-6 * deviation)).powi(2);
    assert!((found[3] / exact - 1.0).abs() < 1e-3, "{} {exact}", found[3]);
}

#[test]
fn the_last_covariance_is_of_the_rows_within_what_is_usual() {
    let mut z = plant(200);
    // One row in ten is elsewhere.
    for row in (0..200).step_by(10) {
        z[3 * row] += 30.0;
        z[3 * row + 1] -= 30.0;
    }
    let mut rows = table(&z, 3);
    let (mean, covariance, _, squares) = rows.concentrate().unwrap();
    let near: Vec<&[f64]> = z.chunks(3).enumerate().filter(|pair| pair.0 % 10 != 0).map(|pair| pair.1).collect();
    let (exact_mean, exact) = shrunk_by_hand(&near);
    assert!(all_close(&mean, &exact_mean) && all_close(&covariance, &exact), "{covariance:?} {exact:?}");
    for row in 0..200 {
        let far = distance(&z[3 * row..3 * row + 3], &exact_mean, &exact);
        assert!(close(squares[row], far));
        assert_eq!(far > chi2_upper(3.0, 0.0005), row % 10 == 0);
    }
}

#[test]
fn steps_on_some_of_many_rows_end_at_the_covariance_of_all_usual_ones() {
    let mut z = plant(12_000);
    for row in (0..12_000).step_by(10) {
        z[3 * row] += 30.0;
        z[3 * row + 1] -= 30.0;
    }
    let whole = z.clone();
    z[3 * 7] = f64::NAN;
    let mut rows = table(&z, 3);
    let (mean, covariance, _, squares) = rows.concentrate().unwrap();
    let filled = &rows.z;
    let usual: Vec<usize> = (0..12_000)
        .filter(|&row| distance(&filled[3 * row..3 * row + 3], &mean, &covariance) < 18.0)
        .collect();
    assert!(usual.iter().all(|row| row % 10 != 0) && usual.len() > 10_700, "{}", usual.len());
    let near: Vec<&[f64]> = whole.chunks(3).enumerate().filter(|pair| pair.0 % 10 != 0).map(|pair| pair.1).collect();
    let (_, exact) = shrunk_by_hand(&near);
    for (one, other) in covariance.iter().zip(&exact) {
        assert!((one - other).abs() < 0.02, "{covariance:?} {exact:?}");
    }
    // What is missing is where the row is nearest.
    let at = |value: f64| distance(&[value, filled[22], filled[23]], &mean, &covariance);
    assert!(at(filled[21]) < at(filled[21] + 1e-3).min(at(filled[21] - 1e-3)));
    assert!(
        close(squares[7], 1.5 * at(filled[21])) && close(squares[10], distance(&filled[30..33], &mean, &covariance))
    );
}

#[test]
fn drawn_rows_keep_their_values_and_what_they_lack() {
    let z: Vec<f64> = (0..1003).flat_map(|row| [row as f64, if row % 4 == 1 { NAN } else { 0.0 }]).collect();
    let drawn = table(&z, 2).drawn(4).unwrap();
    let rows: Vec<f64> = drawn.z.chunks(2).map(|row| row[0]).collect();
    assert!(rows.len() == 251 && rows.is_sorted_by(|one, next| one < next), "{rows:?}");
    let lacking: Vec<u32> = rows.iter().map(|row| u32::from(row % 4.0 == 1.0)).collect();
    assert_eq!(drawn.lacking, lacking);
    assert!(lacking.contains(&1) && lacking.contains(&0));
}

#[test]
fn roots_stand_above_the_median_by_what_they_vary() {
    // Cube roots 1 to 9: the median is 5, the median absolute deviation 2.
    let usual: Vec<f64> = (1..=9).map(|root| f64::from(root).powi(3)).collect();
    let found = cube_roots(&usual, &[0.0, 125.0, 1000.0], 400).unwrap();
    assert!(all_close(&found, &[-5.0, 0.0, 5.0].map(|away| away / (1.4826 * 2.0))), "{found:?}");
    // Those of χ² of three vary by the root of 2 / 27 over their mean.
    let tight = [8.0; 9];
    let share: f64 = 2.0 / 27.0;
    let spread = 2.0 * share.sqrt() / (1.0 - share);
    assert!(all_close(&cube_roots(&tight, &[27.0], 3).unwrap(), &[1.0 / spread]));
    assert!(cube_roots(&[0.0; 9], &[1.0], 3).unwrap()[0] > 1e11);
}

#[test]
fn expected_readings_are_in_the_units_of_the_sensor() {
    let found = Found {
        columns: vec![1, 4],
        centers: vec![10.0, -2.0],
        scales: vec![2.0, 0.5],
        rows: vec![3, 7],
        z: vec![1.0, -2.0, 0.5, 4.0],
        mean: vec![0.0; 2],
        covariance: vec![1.0, 0.0, 0.0, 1.0],
        whitening: Packed::lower(&[1.0, 0.0, 0.0, 1.0], 2).unwrap(),
        together: true,
        squares: vec![1.0, 2.0],
        far: vec![5.0, 5.1],
    };
    assert_eq!([found.expected(3, 1), found.expected(3, 4), found.expected(7, 4)], [12.0, -3.0, 0.0]);
    assert!(found.expected(4, 1).is_nan() && found.expected(3, 2).is_nan());
    assert_eq!([3, 7, 4].map(|row| found.far(row)), [false, true, false]);
}

#[test]
fn rows_along_a_line_have_a_little_variance_in_all_directions() {
    // Two opposite rows: nothing is taken for chance, and one direction has all of the variance.
    let line = [1.0, 2.0, -1.0];
    let z: Vec<f64> = (0..24)
        .flat_map(|row| line.map(|value| if row % 2 == 0 { value } else { -value }))
        .collect();
    let chosen: Vec<usize> = (0..24).collect();
    let (mean, covariance, ..) = table(&z, 3).step(&chosen, &[]).unwrap();
    assert!(all_close(&mean, &[0.0; 3]));
    for at in 0..9 {
        // A thousand millionth of the mean variance, 2.
        let exact = line[at / 3] * line[at % 3] + if at % 4 == 0 { 2e-9 } else { 0.0 };
        assert!((covariance[at] - exact).abs() < 1e-15, "{at}: {}", covariance[at] - exact);
    }
    let (_, covariance, ..) = table(&[0.0; 72], 3).step(&chosen, &[]).unwrap();
    assert!((0..9).all(|at| (covariance[at] > 0.0) == (at % 4 == 0)), "{covariance:?}");
}
