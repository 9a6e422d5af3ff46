//! Fits from moments by definition: sums over the rows in which a pair of columns is known.

use acm_linalg::covariance::Shrinkage;
use acm_linalg::dense::symmetric_eigen;
use acm_linalg::pca::Components;
use acm_linalg::running::{RunningMoments, Sums};
use acm_linalg::scaling::Manner;
use acm_linalg::seed::stream;
use ndarray::{Array2, s};
use rand::RngExt;

use crate::ar1::{Ar1, Fuse};
use crate::elimination::squared;
use crate::limits;
use crate::mahalanobis::MahalanobisDetector;
use crate::merged::{Merged, require_law};
use crate::omr::{Model, Omr};
use crate::pca::{Limits, PcaDetector, Statistic};

const NAN: f64 = f64::NAN;

/// Five columns that hang together, of which the second stands still and the fifth is never known; gaps in two of the others.
fn plant(rows: usize) -> Array2<f64> {
    let mut draw = stream(12, 0);
    let mut level = 0.0;
    Array2::from_shape_fn((rows, 5), |(row, column)| {
        if column == 0 {
            level = 0.7 * level + draw.random::<f64>() - 0.5;
        }
        let own = draw.random::<f64>() - 0.5;
        match column {
            0 => 20.0 + level,
            1 => 3.0,
            2 if row % 5 == 2 => NAN,
            2 => -7.0 + 2.0 * level + own,
            3 if row % 7 < 2 => NAN,
            3 => 0.1 * own - 0.3 * level,
            _ => NAN,
        }
    })
}

fn gathered(x: &Array2<f64>) -> (RunningMoments, Sums) {
    let moments = RunningMoments::of_sample(x.slice(s![..x.nrows().min(30), ..]).into(), 100.0).unwrap();
    let mut sums = Sums::default();
    moments.update(&mut sums, x.view().into(), true).unwrap();
    (moments, sums)
}

/// Mean over the known values of a column.
fn mean(x: &Array2<f64>, column: usize) -> f64 {
    let known: Vec<f64> = x.column(column).iter().copied().filter(|value| !value.is_nan()).collect();
    known.iter().sum::<f64>() / known.len() as f64
}

/// Covariance over the rows that know both, by their number, and that number.
fn covariance(x: &Array2<f64>, one: usize, other: usize) -> (f64, usize) {
    let rows: Vec<(f64, f64)> = x
        .rows()
        .into_iter()
        .map(|row| (row[one], row[other]))
        .filter(|(one, other)| !one.is_nan() && !other.is_nan())
        .collect();
    let count = rows.len() as f64;
    let (left, right) =
        (rows.iter().map(|row| row.0).sum::<f64>() / count, rows.iter().map(|row| row.1).sum::<f64>() / count);
    (rows.iter().map(|row| (row.0 - left) * (row.1 - right)).sum::<f64>() / count, rows.len())
}

#[track_caller]
fn near(found: &[f64], exact: &[f64]) {
    assert_eq!(found.len(), exact.len());
    for (found, exact) in found.iter().zip(exact) {
        let same = (found - exact).abs() <= 1e-9 * exact.abs().max(1e-3) || (found.is_nan() && exact.is_nan());
        assert!(same, "{found} {exact}");
    }
}

const KEPT: [usize; 3] = [0, 2, 3];

/// Correlations of the columns that change.
fn correlations(x: &Array2<f64>) -> Vec<f64> {
    let deviation = |column: usize| covariance(x, column, column).0.sqrt();
    let pair = |one: usize, other: usize| covariance(x, one, other).0 / deviation(one) / deviation(other);
    KEPT.iter()
        .flat_map(|&one| KEPT.map(|other| if one == other { 1.0 } else { pair(one, other) }))
        .collect()
}

fn rarest(x: &Array2<f64>) -> usize {
    let pairs = KEPT.iter().flat_map(|&one| KEPT.map(|other| covariance(x, one, other).1));
    pairs.min().unwrap()
}

fn fresh() -> Array2<f64> {
    let mut x = plant(90).slice(s![80.., ..]).to_owned();
    x.column_mut(2).mapv_inplace(|value| if value.is_nan() { -6.0 } else { value });
    x.column_mut(3).mapv_inplace(|value| if value.is_nan() { 0.3 } else { value });
    x[[4, 0]] = 22.0;
    x
}

#[test]
fn merged_moments_are_those_of_the_columns_that_change() {
    let x = plant(80);
    let (moments, sums) = gathered(&x);
    let merged = Merged::of(&moments, &sums).unwrap();
    assert_eq!((merged.columns, &merged.kept[..], merged.width(), merged.rows), (5, &KEPT[..], 3, rarest(&x)));
    near(&merged.mean, &KEPT.map(|column| mean(&x, column)));
    near(&merged.deviation, &KEPT.map(|column| covariance(&x, column, column).0.sqrt()));
    near(&merged.correlations().unwrap(), &correlations(&x));
    let scale = [2.0, 3.0, 0.5];
    let over: Vec<f64> = (0..9)
        .map(|at| covariance(&x, KEPT[at / 3], KEPT[at % 3]).0 / scale[at / 3] / scale[at % 3])
        .collect();
    let found = merged.over(&scale).unwrap();
    near(&found, &over);
    assert!((0..9).all(|at| found[at].to_bits() == found[at % 3 * 3 + at / 3].to_bits()));
    let known = [80, 64, 80 - 24];
    let scaling = merged.scaling().unwrap();
    assert_eq!(scaling.known, known);
    assert_eq!((&scaling.fill, &scaling.center, &scaling.scale), (&merged.mean, &merged.mean, &merged.deviation));
    let rows = merged.rows;
    assert!(merged.require(rows).is_ok());
    let error = merged.require(rows + 1).unwrap_err().to_string();
    assert!(error.contains(&format!("got {rows}")) && error.contains("common row"), "{error}");
    // Nothing but the still one.
    let still = x.slice(s![.., 1..2]).to_owned();
    let (moments, sums) = gathered(&still);
    assert!(Merged::of(&moments, &sums).is_err());
}

#[test]
fn variances_below_nothing_are_no_law() {
    for (variances, law) in [
        (&[2.0, 1.0, -1.9e-9][..], true),
        (&[2.0, 1.0, -2.1e-9], false),
        (&[2.0, 0.0], true),
        (&[], true),
        (&[1.0], true),
    ] {
        assert_eq!(require_law(variances).is_ok(), law, "{variances:?}");
    }
}

#[test]
fn distances_are_those_of_the_shrunk_correlations() {
    let x = plant(80);
    let (moments, sums) = gathered(&x);
    for share in [0.0, 0.3, 1.0] {
        let model = MahalanobisDetector::new(Shrinkage::Share(share), 0).unwrap();
        let model = model.fit_moments(&moments, &sums).unwrap();
        let exact: Vec<f64> = correlations(&x)
            .iter()
            .enumerate()
            .map(|(at, value)| if at % 4 == 0 { 1.0 } else { (1.0 - share) * value })
            .collect();
        near(model.covariance(), &exact);
        assert_eq!((model.rows(), model.columns(), model.width()), (rarest(&x), 5, 3));
        assert_eq!(
            (model.shrinkage().to_bits(), model.used().unwrap()),
            (share.to_bits(), vec![true, false, true, true, false])
        );
        let spread = |of: &dyn Fn(usize) -> f64| [of(0), NAN, of(2), of(3), NAN];
        let deviation = |column: usize| covariance(&x, column, column).0.sqrt();
        near(&model.center().unwrap(), &spread(&|column| mean(&x, column)));
        near(&model.scale().unwrap(), &spread(&deviation));
        let rows = fresh();
        let mut found = [0.0; 10];
        model.score(rows.view().into(), &mut found).unwrap();
        let scores: Vec<f64> = rows
            .rows()
            .into_iter()
            .map(|row| squared(&KEPT.map(|column| (row[column] - mean(&x, column)) / deviation(column)), &exact))
            .collect();
        near(&found, &scores);
        let count = rarest(&x) as f64;
        let limit = limits::t2_limit(3, rarest(&x), 0.02) * count / (count - 1.0);
        near(&[model.limit(0.02).unwrap()], &[limit]);
    }
    // Without shrinkage more rows than columns, else six.
    let whole = |rows: usize, columns: usize| {
        let mut draw = stream(3, 0);
        Array2::from_shape_simple_fn((rows, columns), || draw.random::<f64>())
    };
    let fits = |shrinkage, rows: usize, columns: usize| {
        let x = whole(rows, columns);
        let moments = RunningMoments::new(vec![0.5; columns], vec![1.0; columns], 9.0).unwrap();
        let mut sums = Sums::default();
        moments.update(&mut sums, x.view().into(), true).unwrap();
        MahalanobisDetector::new(shrinkage, 0).unwrap().fit_moments(&moments, &sums).is_ok()
    };
    let (none, some) = (Shrinkage::Nothing, Shrinkage::Share(0.4));
    assert!(!fits(none, 5, 2) && fits(none, 6, 2) && !fits(none, 8, 8) && fits(none, 9, 8) && fits(none, 7, 6));
    assert!(!fits(some, 5, 2) && fits(some, 6, 2) && fits(some, 6, 8) && !fits(Shrinkage::LedoitWolf, 50, 2));
    let lagged = MahalanobisDetector::new(some, 1).unwrap().fit_moments(&moments, &sums).unwrap_err();
    assert!(lagged.to_string().contains("lags"), "{lagged}");
}

#[test]
fn components_are_those_of_the_scaled_covariances() {
    let x = plant(80);
    let (moments, sums) = gathered(&x);
    let rows = rarest(&x);
    for manner in [Manner::Standard, Manner::Robust] {
        let detector = PcaDetector::new(Components::Count(2), 0, manner, 0.03, Limits::Theoretical).unwrap();
        let model = detector.fit_moments(&moments, &sums).unwrap();
        let deviation = |column: usize| covariance(&x, column, column).0.sqrt();
        let (center, scale) = match manner {
            Manner::Robust => (KEPT.map(|column| moments.center()[column]), KEPT.map(|column| moments.scale()[column])),
            _ => (KEPT.map(|column| mean(&x, column)), KEPT.map(deviation)),
        };
        let middle: Vec<f64> = (0..3).map(|place| (mean(&x, KEPT[place]) - center[place]) / scale[place]).collect();
        near(model.mean(), &middle);
        let unbiased = rows as f64 / (rows as f64 - 1.0);
        let exact: Vec<f64> = (0..9)
            .map(|at| unbiased * covariance(&x, KEPT[at / 3], KEPT[at % 3]).0 / scale[at / 3] / scale[at % 3])
            .collect();
        let (variances, axes) = symmetric_eigen(&exact, 3, "x").unwrap();
        near(model.variances(), &variances);
        near(model.components(), &axes[..6]);
        assert_eq!((model.kept_components(), model.rows(), model.columns()), (2, rows, 5));
        near(
            &[model.spe_limit(), model.t2_limit()],
            &[
                limits::spe_limit(&variances[2..], 0.03),
                limits::t2_limit(2, rows, 0.03),
            ],
        );
        let table = fresh();
        let (mut spe, mut t2) = ([0.0; 10], [0.0; 10]);
        model.statistic(table.view().into(), Statistic::Spe, &mut spe).unwrap();
        model.statistic(table.view().into(), Statistic::T2, &mut t2).unwrap();
        for (row, values) in table.rows().into_iter().enumerate() {
            let z: Vec<f64> = (0..3)
                .map(|place| (values[KEPT[place]] - center[place]) / scale[place] - middle[place])
                .collect();
            let along: Vec<f64> =
                axes.chunks(3).map(|axis| axis.iter().zip(&z).map(|(axis, z)| axis * z).sum()).collect();
            near(
                &[spe[row], t2[row]],
                &[
                    along[2] * along[2],
                    along[0] * along[0] / variances[0] + along[1] * along[1] / variances[1],
                ],
            );
        }
    }
    let empirical = PcaDetector::new(Components::Count(2), 0, Manner::Standard, 0.03, Limits::Empirical).unwrap();
    assert!(empirical.fit_moments(&moments, &sums).unwrap_err().to_string().contains("empirical"));
    // No more components than rows less one, and none along which nothing varies.
    let kept = |rows: usize, twins: bool| {
        let mut draw = stream(3, 0);
        let mut x = Array2::from_shape_simple_fn((rows, 7), || draw.random::<f64>());
        if twins {
            let first = x.column(0).to_owned();
            x.column_mut(1).assign(&first);
        }
        let moments = RunningMoments::new(vec![0.5; 7], vec![1.0; 7], 9.0).unwrap();
        let mut sums = Sums::default();
        moments.update(&mut sums, x.view().into(), true).unwrap();
        let detector = PcaDetector::new(Components::Count(9), 0, Manner::Standard, 0.03, Limits::Theoretical).unwrap();
        detector.fit_moments(&moments, &sums).map(|model| model.kept_components()).ok()
    };
    assert_eq!([kept(5, false), kept(6, false), kept(60, false), kept(60, true)], [None, Some(5), Some(7), Some(6)]);
}

#[test]
fn autoregression_is_by_least_squares_on_the_row_before() {
    let mut x = plant(80);
    // Beyond the cap: a column that rises.
    for row in 0..80 {
        x[[row, 3]] = if row % 11 == 4 { NAN } else { (row * row) as f64 };
    }
    let (moments, sums) = gathered(&x);
    let detector = Ar1::new(0.9, None, Fuse::Mean).unwrap();
    let model = detector.fit_moments(&moments, &sums).unwrap();
    for column in [0, 2, 3] {
        let pairs: Vec<(f64, f64)> = (1..80)
            .map(|row| (x[[row - 1, column]], x[[row, column]]))
            .filter(|(before, after)| !before.is_nan() && !after.is_nan())
            .collect();
        let count = pairs.len() as f64;
        let (left, right) = (
            pairs.iter().map(|pair| pair.0).sum::<f64>() / count,
            pairs.iter().map(|pair| pair.1).sum::<f64>() / count,
        );
        let slope = pairs.iter().map(|pair| (pair.0 - left) * (pair.1 - right)).sum::<f64>()
            / pairs.iter().map(|pair| (pair.0 - left).powi(2)).sum::<f64>();
        let phi = slope.clamp(-0.9, 0.9);
        let rest = pairs.iter().map(|pair| ((pair.1 - right) - phi * (pair.0 - left)).powi(2)).sum::<f64>() / count;
        near(&[model.mu()[column], model.phi()[column], model.sd()[column]], &[mean(&x, column), phi, rest.sqrt()]);
        assert_eq!(slope > 0.9, column == 3, "{slope}");
    }
    // One that stands still, and one that is never known.
    assert_eq!((model.mu()[1], model.phi()[1]), (3.0, 0.0));
    near(&[model.sd()[1]], &[3e-6]);
    assert_eq!([model.mu()[4], model.phi()[4], model.sd()[4]], [0.0, 0.0, 1e-6]);
    assert_eq!((model.used(), model.clipped()), (&[true, true, true, true, false][..], 0));
    // Twelve rows, of which half know a column.
    for (rows, fits) in [(11, false), (12, true)] {
        let (moments, sums) = gathered(&plant(rows));
        assert_eq!(detector.fit_moments(&moments, &sums).is_ok(), fits);
    }
    for (rows, fits) in [(13, false), (12, true)] {
        let x = Array2::from_shape_fn((rows, 1), |(row, _)| if row < 6 { (row * row % 5) as f64 } else { NAN });
        let (moments, sums) = gathered(&x);
        assert_eq!(detector.fit_moments(&moments, &sums).is_ok(), fits);
    }
    // Where no reading follows another the scale is that of all.
    let x = Array2::from_shape_fn((40, 1), |(row, _)| if row % 2 == 0 { (row * row % 7) as f64 } else { NAN });
    let (moments, sums) = gathered(&x);
    let model = detector.fit_moments(&moments, &sums).unwrap();
    near(&[model.phi()[0], model.sd()[0]], &[0.0, covariance(&x, 0, 0).0.sqrt()]);
    // The floor is a millionth of the deviation, or what was given.
    let x = Array2::from_shape_fn((40, 1), |(row, _)| row as f64);
    let (moments, sums) = gathered(&x);
    let cap = Ar1::new(1.0_f64.next_down(), None, Fuse::Mean)
        .unwrap()
        .fit_moments(&moments, &sums)
        .unwrap();
    near(&[cap.sd()[0]], &[1e-6 * covariance(&x, 0, 0).0.sqrt()]);
    let given = Ar1::new(0.9, Some(50.0), Fuse::Mean).unwrap().fit_moments(&moments, &sums).unwrap();
    assert_eq!(given.sd(), [50.0]);
}

#[test]
fn what_a_prediction_leaves_has_the_covariance_of_its_coefficients() {
    let x = plant(80);
    let (moments, sums) = gathered(&x);
    for model in [Model::Ridge, Model::Pls, Model::Pca, Model::Auto] {
        let fitted = Omr::new(model, 1, 2.0, 10.0).unwrap().fit_moments(&moments, &sums).unwrap();
        assert_eq!((fitted.watched(), fitted.columns()), (&KEPT[..], 5));
        assert_eq!(fitted.model(), if model == Model::Auto { Model::Pls } else { model });
        let all = fitted.coefficients().unwrap();
        let c = Array2::from_shape_vec((3, 3), correlations(&x)).unwrap();
        let left = Array2::from_shape_fn((3, 3), |(one, other)| {
            f64::from(u8::from(one == other)) - all[5 * KEPT[one] + KEPT[other]]
        });
        let rest = left.t().dot(&c).dot(&left);
        let rest = (&rest + &rest.t()) / 2.0;
        let (variances, _) = symmetric_eigen(&rest.iter().copied().collect::<Vec<_>>(), 3, "x").unwrap();
        let quantile = |above: f64| limits::spe_limit(&variances, above).sqrt();
        // Half of the range between the quartiles, as of a normal law.
        near(&[fitted.norm_scale()], &[1.4826 * 0.5 * (quantile(0.25) - quantile(0.75))]);
        // The length of what is left of a row.
        let rows = fresh();
        let mut found = [0.0; 10];
        fitted.score(rows.view().into(), &mut found).unwrap();
        for (row, found) in rows.rows().into_iter().zip(found) {
            let z = KEPT.map(|column| (row[column] - mean(&x, column)) / covariance(&x, column, column).0.sqrt());
            let length = (0..3)
                .map(|to| (0..3).map(|from| z[from] * left[[from, to]]).sum::<f64>().powi(2))
                .sum::<f64>()
                .sqrt();
            near(&[found], &[(length / fitted.norm_scale()).min(10.0)]);
        }
        let scaling = fitted.scaling();
        assert_eq!(scaling.known, [80, 0, 64, 56, 0]);
        let place = |of: &dyn Fn(usize) -> f64| [of(0), 0.0, of(2), of(3), 0.0];
        near(&scaling.center, &place(&|column| mean(&x, column)));
        near(&scaling.fill, &place(&|column| mean(&x, column)));
        for column in KEPT {
            near(&[scaling.scale[column]], &[covariance(&x, column, column).0.sqrt()]);
        }
    }
    // A ridge of the correlations, as many rows as the rarest pair has.
    let fitted = Omr::new(Model::Ridge, 1, 2.0, 10.0).unwrap().fit_moments(&moments, &sums).unwrap();
    let (all, c, rows) = (fitted.coefficients().unwrap(), correlations(&x), rarest(&x) as f64);
    let (own, both) = (rows + 2.0, |one: usize, other: usize| rows * c[3 * one + other]);
    let determinant = own * own - both(1, 2).powi(2);
    near(
        &[all[5 * 2], all[5 * 3]],
        &[
            (own * both(1, 0) - both(1, 2) * both(2, 0)) / determinant,
            (own * both(2, 0) - both(1, 2) * both(1, 0)) / determinant,
        ],
    );
    // Two columns at least, and rows.
    let one = x.slice(s![.., ..2]).to_owned();
    let (moments, sums) = gathered(&one);
    assert!(Omr::new(Model::Ridge, 1, 2.0, 10.0).unwrap().fit_moments(&moments, &sums).is_err());
    let fits = |rows: usize, columns: usize| {
        let mut draw = stream(3, 0);
        let x = Array2::from_shape_simple_fn((rows, columns), || draw.random::<f64>());
        let moments = RunningMoments::new(vec![0.5; columns], vec![1.0; columns], 9.0).unwrap();
        let mut sums = Sums::default();
        moments.update(&mut sums, x.view().into(), true).unwrap();
        Omr::new(Model::Ridge, 1, 2.0, 10.0).unwrap().fit_moments(&moments, &sums).is_ok()
    };
    assert!(!fits(19, 2) && fits(20, 2) && !fits(29, 30) && fits(30, 30) && !fits(49, 60) && fits(50, 60));
}
