use acm_linalg::Scaling;
use acm_linalg::pca::Components;
use acm_linalg::seed::stream;
use ndarray::Array2;
use rand::RngExt;

use super::*;

fn close(found: &[f64], exact: &[f64]) -> bool {
    found.len() == exact.len()
        && found
            .iter()
            .zip(exact)
            .all(|(one, other)| (one - other).abs() < 1e-9 * other.abs().max(1.0))
}

/// Readings, and what two components leave of them in four folds.
fn kept(rows: usize, judges: &[usize], noise: Option<(&[usize], &[f64])>) -> (Fused, Vec<bool>, Kept, Vec<f64>) {
    let mut draw = stream(6, 0);
    let x = Array2::from_shape_fn((rows, 3), |(row, column)| {
        draw.random::<f64>() + if column < 2 { f64::from(u32::try_from(row * 7 % 13).unwrap()) } else { 0.0 }
    });
    let of = Fused::new(Components::Count(1), 1, &[1.0, 0.2], 4, 0.01, 0.0).unwrap();
    let good: Vec<bool> = (0..rows).map(|row| row % 11 != 5).collect();
    let folds = crate::folds::folds(rows, 4).unwrap();
    let outside = || of.judged(x.view().into(), x.view().into(), &good, &folds, judges, noise).unwrap();
    let residuals = outside().residuals;
    let kept = Kept::of(outside(), &good, &folds).unwrap();
    (of, good, kept, residuals)
}

#[test]
fn good_rows_stand_together_fold_after_fold() {
    let (_, good, kept, residuals) = kept(48, &[0, 1, 2, 3], None);
    let rows: Vec<usize> = (0..48).filter(|&row| good[row]).collect();
    let exact: Vec<f64> = rows.iter().flat_map(|&row| residuals[4 * row..4 * row + 3].to_vec()).collect();
    assert_eq!((kept.rows(0..0).values, kept.count(), kept.upsets), (&exact[..], 44, 4));
    // Rows 5, 16, 27 and 38 are not good.
    assert_eq!(kept.stretches, [0..11, 11..22, 22..33, 33..44]);
    // All but some: what is read begins again after them.
    let some = kept.rows(10..40);
    let mut read = [0.0; 6];
    assert_eq!((some.rows(), some.columns()), (14, 3));
    some.read(9..11, &mut read);
    assert_eq!(read, [&exact[27..30], &exact[120..123]].concat()[..]);
    assert!(kept.beside.iter().all(|&value| value == 0.0) && kept.sensors() == 3);
}

/// The covariance of rows after Ledoit and Wolf, from the factor.
fn covariance(factor: &[f64]) -> Vec<f64> {
    (0..9)
        .map(|at| (0..3).map(|place| factor[at / 3 * 3 + place] * factor[at % 3 * 3 + place]).sum())
        .collect()
}

#[test]
fn a_factor_is_of_the_rows_that_its_judge_does_not_have() {
    for judges in [[0, 1, 2, 3], [0, 0, 1, 1], [0, 1, 0, 1]] {
        let (_, _, kept, _) = kept(48, &judges, None);
        let factors = kept.factors(&judges).unwrap();
        assert_eq!(factors.len(), judges.iter().max().unwrap() + 1);
        let values = kept.rows(0..0).values;
        for (number, factor) in factors.iter().enumerate() {
            let others = kept.stretches.iter().zip(judges).filter(|pair| pair.1 != number);
            let own: Vec<f64> = others.flat_map(|pair| values[3 * pair.0.start..3 * pair.0.end].to_vec()).collect();
            let table = table_of(&own, own.len() / 3, 3).unwrap();
            let exact = shrunk(&Centered::new(&table).unwrap(), Shrinkage::LedoitWolf).unwrap();
            assert!(close(&covariance(factor), &exact.covariance), "{judges:?} {number}");
        }
    }
}

#[test]
fn noise_is_added_to_the_covariance_and_a_little_where_it_is_singular() {
    let judges = [0, 1, 2, 3];
    let (of, _, plain, _) = kept(48, &judges, None);
    let exact = covariance(&plain.rows(0..0).factor(&[]).unwrap());
    let beside = [0.5, 0.1, 0.0, 0.1, 0.7, 0.2, 0.0, 0.2, 0.9];
    let found = covariance(&plain.rows(0..0).factor(&beside).unwrap());
    let sum: Vec<f64> = exact.iter().zip(beside).map(|(one, other)| one + other).collect();
    assert!(close(&found, &sum));
    // In the scale of the sensors: the first by 4 of its variance, the last by 2.
    let (_, _, noisy, _) = kept(48, &judges, Some((&[0, 2], &[4.0, 2.0])));
    let scale = &noisy.model.lagged.scaling.scale;
    let own = [4.0 / (scale[0] * scale[0]), 0.0, 2.0 / (scale[2] * scale[2])];
    let width = noisy.model.lagged.width();
    let residual = &noisy.model.residual;
    let product = |one: usize, other: usize| -> f64 {
        (0..width)
            .map(|place| residual[one * width + place] * residual[other * width + place] * own[place % 3])
            .sum()
    };
    assert!(close(&noisy.beside, &(0..9).map(|at| product(at / 3, at % 3)).collect::<Vec<_>>()));
    // Rows along one line: what is added is 1e-12 of the mean variance.
    let line: Vec<f64> = (0..10).flat_map(|row| [f64::from(row), -f64::from(row), 0.0]).collect();
    let none: Vec<f64> = vec![0.0; 30];
    let found = covariance(&plain.those(&none).factor(&[]).unwrap());
    assert!(close(
        &found.iter().map(|value| value * 1e16).collect::<Vec<_>>(),
        &[1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]
    ));
    assert!(plain.those(&line).factor(&[]).is_ok());
    // The model whitens by it.
    let factor = plain.rows(0..0).factor(&plain.beside).unwrap();
    let residual = plain.model.residual.clone();
    let model = plain.model(&of).unwrap();
    assert!(close(&model.factor, &factor));
    let white = model.whitening.matrix().unwrap();
    let back: Vec<f64> = (0..3 * width)
        .map(|at| {
            (0..3)
                .map(|place| factor[at / width * 3 + place] * white[place * width + at % width])
                .sum()
        })
        .collect();
    assert!(close(&back, &residual));
}

#[test]
fn a_triangle_divides_what_it_has_multiplied() {
    let lower = [2.0, 0.0, 0.0, 1.0, 0.5, 0.0, -3.0, 0.25, 4.0];
    let matrix: Vec<f64> = (0..12).map(|place| f64::from(place * place % 7) - 2.0).collect();
    let mut product: Vec<f64> = (0..12)
        .map(|at| (0..3).map(|place| lower[at / 4 * 3 + place] * matrix[place * 4 + at % 4]).sum())
        .collect();
    divide(&lower, &mut product, 3, 4).unwrap();
    assert!(close(&product, &matrix));
    assert_eq!(identity(3).unwrap(), [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]);
}

#[test]
fn readings_are_expected_by_all_rows_that_they_are_in() {
    // Two sensors beside two earlier rows; the whitened residual of a row is W z.
    let lagged = Lagged {
        columns: 2,
        kept: vec![0, 1],
        scaling: Scaling {
            fill: vec![0.0; 2],
            center: vec![0.0; 2],
            scale: vec![1.0; 2],
            known: vec![9; 2],
        },
        lags: 2,
        mean: vec![0.0; 6],
    };
    let white: Vec<f64> = (0..12).map(|place| f64::from(place * 5 % 7) - 2.5).collect();
    let of = Expecting::by(lagged, white.clone());
    assert!(of.looks_ahead());
    for ahead in 0..3 {
        // The readings of rows ahead, ..., 1 later, of the row, and of two before; those of the row are two in from the later ones.
        let length = 6 + 2 * ahead;
        // Half of the sum of the squares of the residuals of the row and of those after it.
        let squares = |readings: &[f64]| -> f64 {
            let residual = |row: &[f64], first: usize| -> f64 {
                row.iter().zip(&readings[first..]).map(|(one, other)| one * other).sum()
            };
            (0..=ahead)
                .map(|later| 2 * (ahead - later))
                .map(|first| white.chunks(6).map(|row| residual(row, first).powi(2)).sum::<f64>())
                .sum::<f64>()
                / 2.0
        };
        let unit = |place: usize| (0..length).map(move |at| f64::from(u8::from(at == place))).collect::<Vec<_>>();
        for place in 0..2 {
            let own = 2 * ahead + place;
            // Its slope along another reading, at one unit of the own.
            let exact: Vec<f64> = (0..length)
                .map(|at| {
                    let both: Vec<f64> = unit(own).iter().zip(unit(at)).map(|(one, other)| one + other).collect();
                    squares(&both) - squares(&unit(own)) - squares(&unit(at))
                })
                .collect();
            assert!(close(&of.weights(place, ahead).unwrap(), &exact), "{ahead} {place}");
        }
    }
}

#[test]
fn where_rows_are_few_components_tell_by_their_variances() {
    let (_, _, kept, _) = kept(48, &[0, 1, 2, 3], None);
    let factor = kept.rows(0..0).factor(&kept.beside).unwrap();
    let (residual, components, variances) =
        (kept.model.residual.clone(), kept.model.components.clone(), kept.model.variances.clone());
    let width = kept.model.lagged.width();
    let of = kept.expecting().unwrap();
    assert!(!of.looks_ahead() && of.white.len() == 4 * width && components.len() == width);
    let back: Vec<f64> = (0..3 * width)
        .map(|at| {
            (0..3)
                .map(|place| factor[at / width * 3 + place] * of.white[place * width + at % width])
                .sum()
        })
        .collect();
    assert!(close(&back, &residual));
    let scaled: Vec<f64> = components.iter().map(|value| value / variances[0].sqrt()).collect();
    assert!(close(&of.white[3 * width..], &scaled));
}
