use acm_linalg::state::{from_bytes_with, to_bytes_with};
use ndarray::{Array2, ShapeBuilder, s};
use proptest::prelude::*;

use super::*;

mod scales;

fn fitted(x: &Array2<f64>, fuse: Fuse) -> FittedAr1 {
    Ar1::new(0.999, None, fuse).unwrap().fit(x.view().into()).unwrap()
}

fn scores(model: &FittedAr1, x: &Array2<f64>) -> Vec<f64> {
    let mut out = vec![-1.0; x.nrows()];
    model.score(x.view().into(), &mut out).unwrap();
    out
}

#[test]
fn a_hand_computed_sensor() {
    let x = Array2::from_shape_vec((5, 1), vec![1.0, 2.0, 4.0, 3.0, 0.0]).unwrap();
    let model = fitted(&x, Fuse::Mean);
    // mu = 2, deviations -1 0 2 1 -2: products 0 + 0 + 2 - 2 = 0, so phi is 0 and the residuals are 0 2 1 -2.
    assert_eq!((model.mu(), model.phi()), (&[2.0][..], &[0.0][..]));
    // Their median is 0.5, distances from it 0.5 1.5 0.5 2.5, of which the median is 1.
    assert_eq!(model.sd(), [1.4826]);
    let exact: Vec<f64> = [0.0, 0.0, 2.0, 1.0, 2.0].iter().map(|r| r / 1.4826).collect();
    assert_eq!(scores(&model, &x), exact);
}

#[test]
fn coefficients_are_capped_and_constants_have_none() {
    let x = Array2::from_shape_fn((400, 4), |(row, column)| match column {
        0 => row as f64,
        1 => 7.0,
        2 => 1e150 * (row as f64).sin(),
        _ => {
            if row < 2 {
                row as f64
            } else {
                f64::NAN
            }
        }
    });
    let model = fitted(&x, Fuse::Median);
    assert!(model.phi()[0] > 0.9 && model.phi()[0] <= 0.999);
    assert_eq!((model.phi()[1], model.sd()[1]), (0.0, 1e-6 * 7.0));
    assert!(model.phi()[2].abs() <= 0.999 && model.sd()[2].is_finite());
    assert_eq!(model.used(), [true, true, true, false]);
    assert!(scores(&model, &x).iter().all(|score| score.is_finite()));
}

#[test]
fn coefficients_are_yule_and_walkers_whatever_is_missing() {
    let detector = Ar1::new(0.999, None, Fuse::Mean).unwrap();
    for count in [3, 8, 9, 17, 200] {
        for step in [2, 3, 5, 1000] {
            let value = |row: usize| if row % step == 1 { f64::NAN } else { (row * row % 23) as f64 - 4.0 };
            let values: Vec<f64> = (0..count).map(value).collect();
            let about = |row: usize| values[row] - 7.0;
            let known: Vec<usize> = (0..count).filter(|&row| !values[row].is_nan()).collect();
            let pairs: Vec<usize> = known.iter().copied().filter(|row| known.contains(&(row + 1))).collect();
            let phi = pairs.iter().map(|&row| about(row) * about(row + 1)).sum::<f64>()
                / pairs.iter().map(|&row| about(row).powi(2)).sum::<f64>();
            let spread = known.iter().map(|&row| about(row).powi(2)).sum::<f64>() / known.len() as f64;
            let exact = if phi.is_nan() || known.len() < 3 { 0.0 } else { phi.clamp(-0.999, 0.999) };
            let found = detector.coefficient(&values, 7.0);
            assert!((found.0 - exact).abs() < 1e-13, "{count} {step}: {} {exact}", found.0);
            assert!((found.1 - spread.sqrt()).abs() < 1e-14 * spread.sqrt(), "{count} {step}");
        }
    }
}

#[test]
fn missing_values_have_no_residual_and_widen_what_is_expected() {
    let mut x = Array2::from_shape_fn((50, 2), |(row, column)| {
        (row as f64 * 0.3).sin() + 0.1 * ((row * 7 + column) % 5) as f64
    });
    let model = fitted(&x, Fuse::Mean);
    assert!(model.phi().iter().all(|phi| *phi > 0.5));
    x[[10, 0]] = f64::NAN;
    x[[10, 1]] = f64::INFINITY;
    x[[11, 1]] = f64::NAN;
    let found = scores(&model, &x);
    assert!(found[10].is_nan());
    let over = |column: usize, row: usize, rows: usize| {
        let (mu, phi, sd) = (model.mu()[column], model.phi()[column], model.sd()[column]);
        let variance: f64 = (0..rows).map(|power| phi.powi(2 * power as i32)).sum();
        ((x[[row, column]] - mu) - phi.powi(rows as i32) * (x[[row - rows, column]] - mu)).abs()
            / (sd * variance.sqrt())
    };
    let mut shares = vec![-1.0; 100];
    model.contributions(x.view().into(), &mut shares).unwrap();
    assert_eq!((shares[20..22].to_vec(), shares[23]), (vec![0.0, 0.0], 0.0));
    for (place, exact) in [
        (22, over(0, 11, 2)),
        (24, over(0, 12, 1)),
        (25, over(1, 12, 3)),
        (27, over(1, 13, 1)),
    ] {
        assert!((shares[place] / exact - 1.0).abs() < 1e-12, "{place}");
    }
    assert_eq!(found[11], shares[22]);
    // Nothing but the first row: the level, about which the sensor varies more.
    x.slice_mut(s![..30, 0]).fill(f64::NAN);
    model.contributions(x.view().into(), &mut shares).unwrap();
    let (mu, phi, sd) = (model.mu()[0], model.phi()[0], model.sd()[0]);
    let exact = (x[[30, 0]] - mu).abs() / sd * (1.0 - phi * phi).sqrt();
    assert!((shares[60] / exact - 1.0).abs() < 1e-12);
}

#[test]
fn files_of_the_latest_row_alone_are_read() {
    let x = Array2::from_shape_fn((50, 2), |(row, column)| ((row * 7 + column * 3) % 11) as f64);
    let model = fitted(&x, Fuse::Mean);
    #[derive(Clone, Default)]
    struct Former;
    impl acm_linalg::Memory for Former {
        fn write(&self, to: &mut Writer) {
            to.reals("live.last", &[5.0, f64::NAN]);
        }
        fn read(_: &Reader<'_>) -> Result<Self> {
            Ok(Self)
        }
        fn copy(&self) -> Result<Self> {
            Ok(Self)
        }
    }
    let (_, mut live) = from_bytes_with::<FittedAr1, Ar1Memory>(&to_bytes_with(&model, &Former).unwrap()).unwrap();
    let mut whole = Array2::from_elem((2, 2), f64::NAN);
    whole[[0, 0]] = 5.0;
    whole.row_mut(1).assign(&x.row(3));
    let mut out = [0.0];
    model.update(&mut live, whole.slice(s![1.., ..]).into(), &mut out).unwrap();
    assert_eq!(out[0], scores(&model, &whole)[1]);
}

#[test]
fn a_single_sensor_shares_as_many_do() {
    let x = Array2::from_shape_fn((40, 2), |(row, _)| if row == 7 { f64::NAN } else { ((row * 7) % 11) as f64 });
    let shares = |x: &Array2<f64>| {
        let mut out = vec![-1.0; x.len()];
        fitted(x, Fuse::Mean).contributions(x.view().into(), &mut out).unwrap();
        out
    };
    let (two, one) = (shares(&x), shares(&x.slice(s![.., ..1]).to_owned()));
    assert_eq!(one, two.iter().copied().step_by(2).collect::<Vec<_>>());
    assert_eq!(one[7], 0.0);
}

#[test]
fn nothing_to_fit_is_told() {
    let x = Array2::from_elem((4, 2), f64::NAN);
    let error = Ar1::new(0.9, None, Fuse::Mean).unwrap().fit(x.view().into()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "`x` must have a column with at least half of its values known, or a hundred that are a third of them"
    );
    assert!(Ar1::new(1.0, None, Fuse::Mean).is_err() && Ar1::new(0.5, Some(0.0), Fuse::Mean).is_err());
}

#[test]
fn plain_residuals_follow_the_formula() {
    let x = Array2::from_shape_vec((3, 1), vec![1.0, f64::NAN, 4.0]).unwrap();
    let mut out = [9.0; 3];
    residuals(x.view().into(), &[0.5], &[2.0], &mut out).unwrap();
    assert!(out[0] == 0.0 && out[1].is_nan() && out[2] == 2.0);
    let error = residuals(x.view().into(), &[0.5, 1.0], &[2.0], &mut out).unwrap_err();
    assert_eq!(error.to_string(), "`phi` must have length 1, got 2");
}

proptest! {
    #[test]
    fn pieces_layouts_and_saved_models_score_alike(
        values in prop::collection::vec(prop_oneof![8 => -50.0..50.0, 1 => Just(f64::NAN), 1 => Just(1e9)], 3 * 97),
        cut in 0_usize..97,
        fuse in 0_usize..3,
    ) {
        let x = Array2::from_shape_vec((97, 3), values).unwrap();
        let model = fitted(&x, Fuse::ALL[fuse].1);
        let whole = scores(&model, &x);
        let bits = |values: &[f64]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();

        let mut fortran = Array2::zeros((97, 3).f());
        fortran.assign(&x);
        prop_assert_eq!(bits(&whole), bits(&scores(&model, &fortran)));

        let mut live = Ar1Memory::default();
        let mut pieces = vec![0.0; 97];
        model.update(&mut live, x.slice(s![..cut, ..]).into(), &mut pieces[..cut]).unwrap();
        let saved = to_bytes_with(&model, &live).unwrap();
        let (model, mut live) = from_bytes_with::<FittedAr1, Ar1Memory>(&saved).unwrap();
        for row in cut..97 {
            model.update(&mut live, x.slice(s![row..row + 1, ..]).into(), &mut pieces[row..row + 1]).unwrap();
        }
        prop_assert_eq!(bits(&whole), bits(&pieces));
    }
}
