use acm_linalg::Scaling;
use acm_linalg::seed::stream;
use ndarray::Array2;
use rand::RngExt;

use super::*;

const SENSORS: usize = 2;

/// Readings 5 + 2 z and -1 + z of two sensors, the columns 0 and 2, beside one earlier row.
fn lagged() -> Lagged {
    Lagged {
        columns: 3,
        kept: vec![0, 2],
        scaling: Scaling {
            fill: vec![0.0; 2],
            center: vec![5.0, -1.0],
            scale: vec![2.0, 1.0],
            known: vec![24; 2],
        },
        lags: 1,
        mean: vec![0.0; 4],
    }
}

fn readings(rows: usize) -> Array2<f64> {
    let mut draw = stream(8, 0);
    let mut before = 0.0;
    Array2::from_shape_fn((rows, 3), |(_, column)| {
        if column == 0 {
            before = 0.7 * before + draw.random::<f64>() - 0.5;
        }
        [5.0 + 2.0 * before, 77.0, -1.0 - before + 0.4 * draw.random::<f64>()][column]
    })
}

/// The row and the one before, scaled; the first row stands for its own past.
fn point(x: &Array2<f64>, row: usize) -> Vec<f64> {
    let own = |row: usize| [(x[[row, 0]] - 5.0) / 2.0, x[[row, 2]] + 1.0];
    [own(row), own(row.saturating_sub(1))].concat()
}

/// Mean, variances and components of the points of some rows; divisor n - 1.
fn book(x: &Array2<f64>, rows: &[usize], noise: &[f64]) -> (Vec<f64>, Vec<f64>, Vec<f64>) {
    let points: Vec<Vec<f64>> = rows.iter().map(|&row| point(x, row)).collect();
    let count = points.len() as f64;
    let mean: Vec<f64> = (0..4).map(|place| points.iter().map(|point| point[place]).sum::<f64>() / count).collect();
    let covariance: Vec<f64> = (0..16)
        .map(|at| {
            let (one, other) = (at / 4, at % 4);
            let products = points.iter().map(|point| (point[one] - mean[one]) * (point[other] - mean[other]));
            let beside = if one == other {
                noise.get(one % SENSORS).copied().unwrap_or(0.0)
            } else {
                0.0
            };
            products.sum::<f64>() / (count - 1.0) + beside
        })
        .collect();
    let (variances, components) = symmetric_eigen(&covariance, 4, "x").unwrap();
    (mean, variances, components)
}

/// What the first components leave of the present row, and the squared length of what they leave of the point.
fn left(x: &Array2<f64>, row: usize, (mean, components): (&[f64], &[f64])) -> [f64; 3] {
    let away: Vec<f64> = point(x, row).iter().zip(mean).map(|(value, mean)| value - mean).collect();
    let mut rest = away.clone();
    for component in components.chunks(4) {
        let along: f64 = component.iter().zip(&away).map(|(one, other)| one * other).sum();
        rest.iter_mut().zip(component).for_each(|(rest, entry)| *rest -= along * entry);
    }
    [rest[0], rest[1], rest.iter().map(|value| value * value).sum()]
}

fn close(found: &[f64], exact: &[f64]) -> bool {
    found.len() == exact.len() && found.iter().zip(exact).all(|(one, other)| (one - other).abs() < 1e-9)
}

/// The rows of a model without the folds of a judge: those whose past is not in one of these.
fn inside(good: &[bool], folds: &[Range<usize>], judges: &[usize], out: Option<usize>) -> Vec<usize> {
    let judge = |row: usize| judges[folds.iter().position(|fold| fold.contains(&row)).unwrap()];
    (0..good.len())
        .filter(|&row| good[row] && out != Some(judge(row)) && out != Some(judge(row.saturating_sub(1))))
        .collect()
}

#[test]
fn each_fold_is_judged_by_a_model_of_the_rows_that_its_judge_does_not_have() {
    let x = readings(24);
    let folds = [0..6, 6..11, 11..18, 18..24];
    let good: Vec<bool> = (0..24).map(|row| row != 8 && row != 20).collect();
    for (judges, noise) in [
        ([0, 1, 2, 3], vec![]),
        ([0, 0, 1, 1], vec![0.3, 0.05]),
        ([0, 1, 0, 1], vec![]),
    ] {
        for keep in [
            Components::Count(2),
            Components::Count(1),
            Components::Share(0.99),
            Components::Count(0),
        ] {
            let task = Task {
                x: x.view().into(),
                good: &good,
                folds: &folds,
                judges: &judges,
                keep,
                noise: &noise,
            };
            let lagged = lagged();
            assert!(!task.few(&lagged));
            let found = task.outside(&lagged).unwrap();
            let models = judges.iter().max().unwrap() + 1;
            assert_eq!(found.apart.len(), models);
            let kept = |variances: &[f64]| match keep {
                Components::Count(count) => count,
                Components::Share(share) => {
                    let total: f64 = variances.iter().sum();
                    (1..4).find(|&count| variances[..count].iter().sum::<f64>() >= share * total).unwrap_or(3)
                }
            };
            for number in 0..=models {
                let out = (number < models).then_some(number);
                let (mean, variances, components) = book(&x, &inside(&good, &folds, &judges, out), &noise);
                let count = kept(&variances);
                let model = found.apart.get(number).unwrap_or(&found.model);
                assert_eq!(model.kept, count);
                assert!(close(&model.lagged.mean, &mean), "{judges:?} {number}");
                let residual: Vec<f64> = (0..8)
                    .map(|at| {
                        let (sensor, place) = (at / 4, at % 4);
                        let along = components[..4 * count].chunks(4).map(|one| one[sensor] * one[place]).sum::<f64>();
                        f64::from(u8::from(sensor == place)) - along
                    })
                    .collect();
                assert!(close(&model.residual, &residual));
                let covariance: Vec<f64> = (0..4)
                    .map(|at| {
                        let products = (0..4).map(|place| residual[at / 2 * 4 + place] * residual[at % 2 * 4 + place]);
                        products
                            .enumerate()
                            .map(|(place, product)| product * noise.get(place % 2).unwrap_or(&0.0))
                            .sum()
                    })
                    .collect();
                if noise.is_empty() {
                    assert!(model.noise().unwrap().is_empty());
                } else {
                    assert!(close(&model.noise().unwrap(), &covariance));
                }
                if out.is_none() {
                    assert!(close(&model.variances, &variances[..count]));
                    for (one, other) in model.components.chunks(4).zip(components.chunks(4)) {
                        let product: f64 = one.iter().zip(other).map(|(one, other)| one * other).sum();
                        assert!((product.abs() - 1.0).abs() < 1e-9);
                    }
                    assert_eq!(model.components.len(), 4 * count);
                    continue;
                }
                assert!(model.components.is_empty());
                for (fold, _) in folds.iter().zip(judges).filter(|pair| pair.1 == number) {
                    for row in fold.clone() {
                        let exact = left(&x, row, (&mean, &components[..4 * count]));
                        assert!(close(&found.residuals[3 * row..3 * row + 3], &exact), "{judges:?} {row}");
                    }
                }
            }
        }
    }
}

#[test]
fn of_few_rows_the_models_are_the_same_from_the_rows_themselves() {
    // 20 rows of 40 coordinates: ten sensors beside three earlier rows.
    let mut draw = stream(2, 0);
    let x = Array2::from_shape_simple_fn((20, 10), || draw.random::<f64>() - 0.5);
    let lagged = |lags: usize| Lagged {
        columns: 10,
        kept: (0..10).collect(),
        scaling: Scaling {
            fill: vec![0.0; 10],
            center: vec![0.0; 10],
            scale: vec![1.0; 10],
            known: vec![20; 10],
        },
        lags,
        mean: vec![0.0; 10 * (lags + 1)],
    };
    let folds = [0..5, 5..10, 10..15, 15..20];
    let good: Vec<bool> = (0..20).map(|row| row != 13).collect();
    assert_eq!([few(20, 39), few(20, 40), few(21, 41)], [false, true, false]);
    for judges in [[0, 1, 2, 3], [0, 0, 1, 1], [0, 1, 0, 1]] {
        for keep in [Components::Count(2), Components::Share(0.6), Components::Count(0)] {
            let task = Task {
                x: x.view().into(),
                good: &good,
                folds: &folds,
                judges: &judges,
                keep,
                noise: &[],
            };
            let lagged = lagged(3);
            assert!(task.few(&lagged));
            let parts = sums(&lagged, x.view().into(), &good, &folds).unwrap();
            let found = task.outside(&lagged).unwrap();
            for out in (0..=*judges.iter().max().unwrap()).map(Some).chain([None]) {
                let exact = task.model(&lagged, &parts, out).unwrap();
                let model = out.map_or(&found.model, |number| &found.apart[number]);
                assert_eq!(model.kept, exact.kept, "{judges:?} {keep:?} {out:?}");
                assert!(close(&model.lagged.mean, &exact.lagged.mean) && close(&model.residual, &exact.residual));
                if out.is_none() {
                    assert!(close(&model.variances, &exact.variances));
                }
            }
        }
    }
    // With noise they come from the sums.
    let task = Task {
        x: x.view().into(),
        good: &good,
        folds: &folds,
        judges: &[0, 1, 2, 3],
        keep: Components::Count(1),
        noise: &[0.1; 10],
    };
    assert!(!task.few(&lagged(3)));
}

#[test]
fn so_many_components_are_kept_as_explain_enough_and_never_all() {
    let variances = [6.0, 3.0, 1.0, 0.0];
    for (share, kept) in [(0.5, 1), (0.6, 1), (0.61, 2), (0.9, 2), (0.95, 3), (0.999, 3)] {
        assert_eq!(count_kept(&variances, Components::Share(share)), kept, "{share}");
    }
    assert_eq!([0, 1, 3, 4, 9].map(|count| count_kept(&variances, Components::Count(count))), [0, 1, 3, 3, 3]);
    // All but one, and no rounding.
    assert_eq!(count_kept(&[2.0, 1.0], Components::Count(2)), 1);
    assert_eq!(count_kept(&[1.0, 1e-12, 1e-13], Components::Count(2)), 1);
    assert_eq!(count_kept(&[1.0, 1.1e-12, 1e-13], Components::Count(2)), 2);
    assert_eq!((count_kept(&[], Components::Count(2)), count_kept(&[5.0], Components::Share(0.5))), (0, 0));
}
