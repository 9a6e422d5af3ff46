use acm_linalg::pca::Components;
use acm_linalg::seed::stream;
use ndarray::Array2;
use rand::RngExt;

use super::*;

fn close(found: f64, exact: f64) -> bool {
    (found - exact).abs() < 1e-9 * exact.abs().max(1.0)
}

fn detector(lags: usize, trim: f64) -> Fused {
    Fused::new(Components::Count(1), lags, &[1.0, 0.25], 4, 0.02, trim).unwrap()
}

fn plant(rows: usize) -> Array2<f64> {
    let mut draw = stream(31, 0);
    let mut load = 0.0;
    Array2::from_shape_fn((rows, 3), |(_, column)| {
        if column == 0 {
            load = draw.random::<f64>() - 0.5;
        }
        10.0 + load * [1.0, -2.0, 0.5][column] + 0.3 * (draw.random::<f64>() - 0.5)
    })
}

#[test]
fn gaps_are_drawn_until_a_twentieth_is_left_of_the_first_error() {
    assert_eq!([fills(0.0), fills(0.001), fills(0.0011), fills(0.1)], [1, 1, 2, 2]);
    // ln .05 / ln .3 = 2.49, of .5 4.32, of .6 5.9; at most eight.
    assert_eq!([fills(0.3), fills(0.5), fills(0.6), fills(0.9), fills(1.0)], [3, 5, 6, 8, 8]);
}

#[test]
fn rows_that_look_back_at_one_that_does_not_count_do_not_count() {
    let forgotten = |lags: usize, bad: &[usize]| {
        let mut good: Vec<bool> = (0..10).map(|row| !bad.contains(&row)).collect();
        detector(lags, 0.0).forget(&mut good);
        (0..10).filter(|&row| good[row]).collect::<Vec<_>>()
    };
    assert_eq!(forgotten(2, &[]), (0..10).collect::<Vec<_>>());
    assert_eq!(forgotten(2, &[3, 8]), [0, 1, 2, 6, 7]);
    assert_eq!(forgotten(0, &[3, 8]), [0, 1, 2, 4, 5, 6, 7, 9]);
    assert_eq!(forgotten(1, &[0, 1, 9]), [3, 4, 5, 6, 7, 8]);
}

#[test]
fn scales_are_of_the_known_values_of_good_rows() {
    let mut x = plant(300);
    let of = detector(1, 0.0);
    let good: Vec<bool> = (0..300).map(|row| row % 10 != 3).collect();
    for row in (0..300).filter(|row| row % 10 == 3) {
        x.row_mut(row).fill(1e6);
    }
    x[[5, 1]] = f64::NAN;
    x[[7, 1]] = f64::INFINITY;
    let found = of.lagged(x.view().into(), &good).unwrap();
    assert_eq!((found.kept.as_slice(), found.lags, found.columns, found.width()), (&[0, 1, 2][..], 1, 3, 6));
    for column in 0..3 {
        let mut own: Vec<f64> = (0..300)
            .filter(|&row| good[row])
            .map(|row| x[[row, column]])
            .filter(|value| value.is_finite())
            .collect();
        let count = own.len() as f64;
        let mean = own.iter().sum::<f64>() / count;
        let deviation = (own.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (count - 1.0)).sqrt();
        own.sort_unstable_by(f64::total_cmp);
        let median = (own[(own.len() - 1) / 2] + own[own.len() / 2]) / 2.0;
        let scaling = &found.scaling;
        assert!(close(scaling.center[column], mean) && close(scaling.scale[column], deviation));
        assert!(close(scaling.fill[column], median) && scaling.known[column] == own.len() as u64);
    }
}

#[test]
fn a_column_has_half_of_its_values_or_a_third_where_pairs_are_many() {
    // Of `rows` good rows so many are known of the second column.
    let keeps = |rows: usize, known: usize| {
        let mut x = plant(rows + 7);
        for row in known..rows + 7 {
            x[[row, 1]] = f64::NAN;
        }
        // Rows that do not count have values, and do not tell.
        for row in rows..rows + 7 {
            x[[row, 1]] = 3.0;
        }
        let good: Vec<bool> = (0..rows + 7).map(|row| row < rows).collect();
        detector(0, 0.0).lagged(x.view().into(), &good).unwrap().kept.contains(&1)
    };
    assert_eq!([keeps(100, 49), keeps(100, 50), keeps(101, 50), keeps(101, 51)], [false, true, false, true]);
    // A third where known² >= 12 · 3 · rows: 324 of 972, not 323; 300 of 900, for √(36 · 900) = 180.
    assert_eq!([keeps(972, 324), keeps(972, 323), keeps(900, 300), keeps(900, 299)], [true, false, true, false]);
    // 250 rows: a third are 84, but 95 are asked for.
    assert_eq!([keeps(250, 94), keeps(250, 95)], [false, true]);
}

#[test]
fn what_hardly_changes_is_left_out() {
    let mut x = plant(100);
    x.column_mut(0).fill(7.0);
    for row in 0..100 {
        x[[row, 2]] = 1e15 + f64::from(u8::try_from(row % 2).unwrap());
    }
    let good = vec![true; 100];
    assert_eq!(detector(0, 0.0).lagged(x.view().into(), &good).unwrap().kept, [1]);
    // Half of a unit is more than 1e-14 of the mean.
    for row in 0..100 {
        x[[row, 2]] = 1e13 + f64::from(u8::try_from(row % 2).unwrap());
    }
    assert_eq!(detector(0, 0.0).lagged(x.view().into(), &good).unwrap().kept, [1, 2]);
    // One known value tells no scale.
    let mut one = plant(2);
    one.row_mut(1).fill(f64::NAN);
    assert!(detector(0, 0.0).lagged(one.view().into(), &[true; 2]).is_err());
}

#[test]
fn upsets_are_the_largest_residuals_and_at_most_one_row_in_twenty() {
    let x = plant(120);
    let (good, folds) = (vec![true; 120], folds(120, 4).unwrap());
    let upsets = |of: &Fused, far: &[(usize, f64)]| {
        let mut outside = of.outside(x.view().into(), x.view().into(), &good, &folds, None).unwrap();
        // Cube roots 3 to 5 by turns: the median is 4, the deviation 1.4826.
        for row in 0..120 {
            outside.residuals[4 * row + 3] = f64::from(u8::try_from(3 + row % 3).unwrap()).powi(3);
        }
        far.iter().for_each(|&(row, root)| outside.residuals[4 * row + 3] = root.powi(3));
        of.upsets(&outside).unwrap()
    };
    let limit = 4.0 + 5.0 * 1.4826;
    let of = detector(0, 5.0);
    assert_eq!(upsets(&of, &[]), [0_usize; 0]);
    assert_eq!(upsets(&of, &[(7, limit + 0.01), (30, limit - 0.01), (50, 99.0)]), [50, 7]);
    // Of equal ones the first; six of 120 at most.
    let many: Vec<(usize, f64)> = (40..50).map(|row| (row, if row == 47 { 30.0 } else { 20.0 })).collect();
    assert_eq!(upsets(&of, &many), [47, 40, 41, 42, 43, 44]);
    assert_eq!(upsets(&detector(0, 0.0), &many), [0_usize; 0]);
    // Runs all along: with the readings beside, a machine that starts and stops.
    let starts: Vec<(usize, f64)> =
        (0..5).flat_map(|start| [24 * start, 24 * start + 1]).map(|row| (row, 20.0)).collect();
    assert_eq!(upsets(&of, &starts).len(), 6);
    assert_eq!(upsets(&detector(0, 5.0).with_whole(true), &starts), [0_usize; 0]);
    assert_eq!(upsets(&detector(0, 5.0).with_whole(true), &many).len(), 6);
}

#[test]
fn running_means_begin_at_nothing() {
    let mut means = [9.0; 6];
    running(&[4.0, 1.0, 8.0, 0.0, 2.0, -1.0], &mut means, 2, 0.5).unwrap();
    assert_eq!(means, [2.0, 0.5, 5.0, 0.25, 3.5, -0.375]);
}

#[test]
fn norms_are_those_of_rows_whitened_by_the_others() {
    let (x, of) = (plant(96), detector(1, 0.0));
    let good: Vec<bool> = (0..96).map(|row| row != 40).collect();
    let folds = folds(96, 4).unwrap();
    let outside = || of.outside(x.view().into(), x.view().into(), &good, &folds, None).unwrap();
    let kept = Kept::of(outside(), &good, &folds).unwrap();
    let values = kept.rows(0..0).values;
    // L⁻¹ r of a residual by the factor of the other folds.
    let white = |stretch: &Range<usize>, row: &[f64]| -> Vec<f64> {
        let factor = kept.rows(stretch.clone()).factor(&kept.beside).unwrap();
        let mut white = vec![0.0; 3];
        for at in 0..3 {
            let done: f64 = (0..at).map(|place| factor[3 * at + place] * white[place]).sum();
            white[at] = (row[at] - done) / factor[3 * at + at];
        }
        white
    };
    let length = |white: &[f64]| white.iter().map(|value| value * value).sum::<f64>();
    let (mut powers, mut shifts, mut mean) = (Vec::new(), Vec::new(), [0.0; 3]);
    for stretch in &kept.stretches {
        for row in stretch.clone() {
            let residual = &values[3 * row..3 * row + 3];
            powers.push(length(&white(stretch, residual)));
            for place in 0..3 {
                mean[place] = 0.75 * mean[place] + 0.25 * residual[place];
            }
            shifts.push(7.0 * length(&white(stretch, &mean)));
        }
    }
    assert_eq!(powers.len(), 95);
    let usual = powers.iter().sum::<f64>() / 95.0;
    let mut level = usual;
    let slow: Vec<f64> = powers.iter().map(|power| (level = 0.75 * level + 0.25 * power, level).1).collect();
    let (model, apart) = of.finish(outside(), &good, &folds, true).unwrap();
    assert!(close(model.usual, usual));
    for (number, (part, memory)) in [(&powers, 1.0), (&slow, 0.25), (&shifts, 0.25)].into_iter().enumerate() {
        let skipped = if memory < 1.0 { 4 } else { 0 };
        let roots: Vec<f64> = part[skipped..].iter().map(|value| value.cbrt()).collect();
        let mean = roots.iter().sum::<f64>() / roots.len() as f64;
        let spread = (roots.iter().map(|root| (root - mean).powi(2)).sum::<f64>() / roots.len() as f64).sqrt();
        assert!(close(model.norms.mean[number], mean) && close(model.norms.spread[number], spread), "{number}");
        assert!(close(model.norms.limit[number], crate::fused::parts::limit(memory, 95, 0.02 / 3.0)));
    }
    assert_eq!((apart.len(), model.upsets), (4, 1));
    for (one, stretch) in apart.iter().zip(&kept.stretches) {
        assert_eq!(one.factor, kept.rows(stretch.clone()).factor(&kept.beside).unwrap());
    }
    assert!(of.finish(outside(), &good, &folds, false).unwrap().1.is_empty());
}

#[test]
fn noise_is_in_the_unit_of_the_readings() {
    let (x, of) = (plant(96), detector(0, 0.0));
    let (good, folds) = (vec![true; 96], folds(96, 2).unwrap());
    let columns = [0, 2];
    let of_noise = |noise: &[f64; 2]| {
        let outside = of
            .judged(x.view().into(), x.view().into(), &good, &folds, &[0, 1], Some((&columns, noise)))
            .unwrap();
        let scale = outside.model.lagged.scaling.scale.clone();
        (outside.model.noise().unwrap(), outside.model.residual, scale)
    };
    let (found, residual, scale) = of_noise(&[0.4, 0.9]);
    let own = [0.4 / scale[0].powi(2), 0.0, 0.9 / scale[2].powi(2)];
    for at in 0..9 {
        let exact: f64 = (0..3)
            .map(|place| residual[at / 3 * 3 + place] * residual[at % 3 * 3 + place] * own[place])
            .sum();
        assert!(close(found[at], exact), "{at}");
    }
}
