use acm_linalg::seed::stream;
use acm_linalg::{Error, Persist};
use ndarray::Array2;
use rand::RngExt;

use super::*;

fn plant() -> Array2<f64> {
    let mut random = stream(3, 0);
    Array2::from_shape_fn((600, 3), |(row, column)| {
        let level = if row % 200 < 80 { 100.0 } else { 0.0 };
        level * (column + 1) as f64 + random.random::<f64>()
    })
}

fn auto() -> Regimes {
    Regimes::new(Count::Auto, 6, 30, 0.995, 1.5, 1, 17).unwrap()
}

#[test]
fn two_levels_are_two_regimes_and_the_far_is_unknown() {
    let x = plant();
    let fitted = auto().fit(x.view().into(), None).unwrap();
    assert_eq!((fitted.count(), fitted.rows()), (2, &[360, 240][..]));
    assert!(fitted.labels().iter().enumerate().all(|(row, &label)| label == i64::from(row % 200 < 80)));
    let mut odd = x.slice(ndarray::s![..3, ..]).to_owned();
    odd[[0, 1]] = 1e300;
    odd.row_mut(1).fill(f64::NAN);
    odd[[2, 0]] = f64::INFINITY;
    let mut labels = [0; 3];
    fitted.predict(odd.view().into(), &mut labels).unwrap();
    assert_eq!(labels, [-1, -1, 1]);
    let back = FittedRegimes::from_bytes(&fitted.to_bytes().unwrap()).unwrap();
    assert_eq!(back, fitted);
}

#[test]
fn numbers_last_and_parameters_are_checked() {
    let x = plant();
    let first = auto().fit(x.view().into(), None).unwrap();
    let standing = x.slice(ndarray::s![0..80, ..]);
    let again = auto().fit(standing.into(), Some(&first)).unwrap();
    assert_eq!(again.numbers(), [1]);
    // The number of a regime that these rows do not show is not given to another one.
    let mut other = x.clone();
    for row in (0..600).filter(|row| row % 200 < 80) {
        other.row_mut(row).mapv_inplace(|value| -value);
    }
    assert_eq!(auto().fit(other.view().into(), Some(&first)).unwrap().numbers(), [0, 2]);
    assert!(matches!(auto().fit(Array2::<f64>::zeros((9, 2)).view().into(), None), Err(Error::Unfit { .. })));
    assert!(Regimes::new(Count::Auto, 1, 30, 0.995, 1.5, 1, 17).is_err());
}

#[test]
fn what_is_far_from_dense_parts_is_unknown() {
    let mut x = plant();
    let odd = |row: usize| row % 100 == 99;
    for row in (0..600).filter(|&row| odd(row)) {
        let way = 500.0 + 3.0 * row as f64;
        x.row_mut(row).assign(&ndarray::array![way, -way, 2.0 * way]);
    }
    let model = auto().with_method(Method::Hdbscan).unwrap();
    let fitted = model.fit(x.view().into(), None).unwrap();
    assert_eq!((fitted.count(), fitted.rows()), (2, &[354, 240][..]));
    for (row, &label) in fitted.labels().iter().enumerate() {
        assert_eq!(label, if odd(row) { -1 } else { i64::from(row % 200 < 80) }, "row {row}");
    }
    let mut again = vec![0; 600];
    fitted.predict(x.view().into(), &mut again).unwrap();
    assert_eq!(again, fitted.labels());
    let back = FittedRegimes::from_bytes(&fitted.to_bytes().unwrap()).unwrap();
    assert_eq!(back, fitted);
    assert_eq!(back.parameters().method(), Method::Hdbscan);
    // Numbers last here too, and one part is one regime.
    let standing = x.slice(ndarray::s![0..80, ..]);
    assert_eq!(model.fit(standing.into(), Some(&fitted)).unwrap().numbers(), [1]);
    assert!(
        Regimes::new(Count::Fixed(2), 6, 30, 0.995, 1.5, 1, 17)
            .unwrap()
            .with_method(Method::Hdbscan)
            .is_err()
    );
}
