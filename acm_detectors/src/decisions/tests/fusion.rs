use acm_linalg::{Persist, Samples};
use ndarray::{Array2, ShapeBuilder, s};

use super::noise;
use crate::decisions::{Combine, FittedScoreFusion, Mapping, ScoreFusion};

const MAPPINGS: [Mapping; 3] = [Mapping::Robust, Mapping::Tail, Mapping::CubeRoot];
const COMBINES: [Combine; 4] = [Combine::Max, Combine::Mean, Combine::Sum, Combine::P95];

fn fusion(mapping: Mapping, combine: Combine) -> ScoreFusion {
    ScoreFusion::new(mapping, combine, None, 50).unwrap()
}

fn training() -> Array2<f64> {
    let mut x = Array2::from_shape_vec((900, 4), noise(3600, 6)).unwrap();
    x.mapv_inplace(|value| value * value + 0.1);
    x.column_mut(1).mapv_inplace(|value| 100.0 * value);
    x.slice_mut(s![600.., ..]).mapv_inplace(|value| 3.0 * value);
    x[[5, 2]] = f64::NAN;
    x
}

fn labels() -> Vec<i64> {
    (0..900)
        .map(|row| [0, 7, -1][row / 300 % 3])
        .map(|label| if label == -1 { 1 } else { label })
        .collect()
}

fn scored(fitted: &FittedScoreFusion, x: Samples<'_>, labels: Option<&[i64]>) -> Vec<f64> {
    let mut out = vec![0.0; x.rows()];
    fitted.score(x, labels, &mut out).unwrap();
    out
}

#[test]
fn by_hand() {
    let train = Array2::from_shape_vec((5, 2), vec![1.0, 10.0, 2.0, 20.0, 3.0, 30.0, 4.0, 40.0, 9.0, 90.0]).unwrap();
    let row = Array2::from_shape_vec((2, 2), vec![3.0 + 2.0 * 1.482_602_218_505_602, 30.0, f64::NAN, 0.0]).unwrap();
    let z = [2.0, 0.0, 0.0, -30.0 / 14.826_022_185_056_02];
    let expected = |combine: Combine, a: f64, b: f64| match combine {
        Combine::Max => a.max(b),
        Combine::Mean => f64::midpoint(a, b),
        Combine::Sum => a + b,
        Combine::P95 => a.min(b) + 0.95 * (a - b).abs(),
    };
    for combine in COMBINES {
        let fitted = fusion(Mapping::Robust, combine).fit(train.view().into(), None).unwrap();
        let found = scored(&fitted, row.view().into(), None);
        for (found, z) in found.iter().zip(z.chunks(2)) {
            assert!((found - expected(combine, z[0], z[1])).abs() < 1e-14, "{combine:?} {found}");
        }
    }
    let weighted = ScoreFusion::new(Mapping::Robust, Combine::Mean, Some(vec![3.0, 1.0]), 50).unwrap();
    let fitted = weighted.fit(train.view().into(), None).unwrap();
    assert!((scored(&fitted, row.view().into(), None)[0] - 1.5).abs() < 1e-14);
}

#[test]
fn weights_keep_the_order_on_either_side_of_0() {
    let train = Array2::from_shape_fn((5, 2), |(row, _)| [-2.0, -1.0, 0.0, 1.0, 2.0][row] * 1.482_602_218_505_602);
    let fused = |combine, weights: [f64; 2], row: [f64; 2]| {
        let parameters = ScoreFusion::new(Mapping::Robust, combine, Some(weights.to_vec()), 50).unwrap();
        // The MAD of the training scores is the constant itself, so that a map divides by its square.
        let row = row.map(|z| z * 1.482_602_218_505_602_f64.powi(2));
        let row = Array2::from_shape_vec((1, 2), row.to_vec()).unwrap();
        let fitted = parameters.fit(train.view().into(), None).unwrap();
        let mut shares = [0.0; 2];
        fitted.contributions(row.view().into(), None, &mut shares).unwrap();
        let found = scored(&fitted, row.view().into(), None)[0];
        assert!((found - shares.iter().sum::<f64>()).abs() < 1e-12 * found.abs().max(1.0));
        found
    };
    for (weights, row, expected) in [
        ([1.0, 0.0], [-2.0, 0.0], -2.0),
        ([0.0, 3.0], [9.0, 2.0], 6.0),
        ([1.0, 0.5], [-2.0, -2.0], -2.0),
        ([1.0, 0.5], [-2.0, -0.5], -1.0),
        ([2.0, 0.5], [-2.0, -2.0], -1.0),
        ([1.0, 0.5], [-2.0, 3.0], 1.5),
        ([1.0, 1e-300], [-2.0, -1.0], -2.0),
    ] {
        let found = fused(Combine::Max, weights, row);
        assert!((found - expected).abs() < 1e-12, "{weights:?} {row:?} {found}");
    }
    assert!((fused(Combine::P95, [1.0, 0.0], [-2.0, 7.0]) + 2.0).abs() < 1e-12);
    assert!((fused(Combine::P95, [1.0, 0.5], [-2.0, -2.0]) + 2.1).abs() < 1e-12);
    assert!(fused(Combine::P95, [1.0, 1e-300], [-2.0, -1.0]).is_finite());
    assert!((fused(Combine::Sum, [1.0, 0.5], [-2.0, -2.0]) + 3.0).abs() < 1e-12);
}

#[test]
fn shares_sum_to_the_fused_score() {
    let x = training();
    for mapping in MAPPINGS {
        for combine in COMBINES {
            let parameters = ScoreFusion::new(mapping, combine, Some(vec![1.0, 0.5, 2.0, 0.0]), 50).unwrap();
            let fitted = parameters.fit(x.view().into(), None).unwrap();
            let fused = scored(&fitted, x.view().into(), None);
            let mut shares = vec![0.0; 3600];
            fitted.contributions(x.view().into(), None, &mut shares).unwrap();
            for (fused, shares) in fused.iter().zip(shares.chunks(4)) {
                assert!((fused - shares.iter().sum::<f64>()).abs() < 1e-12 * fused.abs().max(1.0));
            }
        }
    }
}

#[test]
fn regimes_have_scales_of_their_own() {
    let (x, labels) = (training(), labels());
    let parameters = fusion(Mapping::Robust, Combine::Max);
    let fitted = parameters.fit(x.view().into(), Some(&labels)).unwrap();
    assert_eq!(fitted.regimes(), [0, 1, 7]);
    let with = scored(&fitted, x.view().into(), Some(&labels));
    for (place, label) in [0_i64, 7, 1].into_iter().enumerate() {
        let rows = x.slice(s![300 * place..300 * (place + 1), ..]);
        let alone = parameters.fit(rows.into(), None).unwrap();
        assert_eq!(scored(&alone, rows.into(), None), with[300 * place..300 * (place + 1)], "{label}");
    }
    // Unknown regimes and no labels: all rows' scales.
    let pooled = parameters.fit(x.view().into(), None).unwrap();
    let plain = scored(&pooled, x.view().into(), None);
    assert_eq!(scored(&fitted, x.view().into(), None), plain);
    assert_eq!(scored(&fitted, x.view().into(), Some(&vec![-1; 900])), plain);
    assert_eq!(scored(&fitted, x.view().into(), Some(&vec![42; 900])), plain);
    // Too few rows for a regime of their own.
    let few = ScoreFusion::new(Mapping::Robust, Combine::Max, None, 301).unwrap();
    assert!(few.fit(x.view().into(), Some(&labels)).unwrap().regimes().is_empty());
}

#[test]
fn any_batch_any_layout_any_threads_and_saving_give_the_same_bytes() {
    let (x, labels) = (training(), labels());
    let mut fortran = Array2::zeros((900, 4).f());
    fortran.assign(&x);
    for mapping in MAPPINGS {
        for combine in COMBINES {
            let parameters = fusion(mapping, combine);
            let fitted = parameters.fit(x.view().into(), Some(&labels)).unwrap();
            let whole = scored(&fitted, x.view().into(), Some(&labels));
            for threads in [1, 2, 3] {
                acm_linalg::parallel::set_num_threads(threads).unwrap();
                assert_eq!(parameters.fit(fortran.view().into(), Some(&labels)).unwrap(), fitted);
                assert_eq!(scored(&fitted, fortran.view().into(), Some(&labels)), whole);
            }
            for row in (0..900).step_by(37) {
                let one = scored(&fitted, x.slice(s![row..=row, ..]).into(), Some(&labels[row..=row]));
                assert_eq!(one, whole[row..=row]);
            }
            let bytes = fitted.to_bytes().unwrap();
            assert_eq!(FittedScoreFusion::from_bytes(&bytes).unwrap(), fitted);
            for place in (0..bytes.len()).step_by(11) {
                assert!(FittedScoreFusion::from_bytes(&bytes[..place]).is_err());
                let mut wrong = bytes.clone();
                wrong[place] ^= 0x81;
                if let Ok(read) = FittedScoreFusion::from_bytes(&wrong) {
                    let mut out = vec![0.0; 900 * read.columns()];
                    let _ = read.scaled(x.view().into(), Some(&labels), &mut out);
                }
            }
        }
    }
}

#[test]
fn what_cannot_be_fitted_is_told() {
    let x = training();
    let message = |parameters: ScoreFusion, x: &Array2<f64>, labels: Option<&[i64]>| {
        parameters.fit(x.view().into(), labels).unwrap_err().to_string()
    };
    let max = |mapping| fusion(mapping, Combine::Max);
    let mut missing = x.clone();
    missing.column_mut(3).fill(f64::NAN);
    assert_eq!(message(max(Mapping::Tail), &missing, None), "`x` must have a known value in each column of scores");
    assert_eq!(message(max(Mapping::Robust), &x, Some(&[0; 3])), "`labels` must have length 900, got 3");
    assert_eq!(message(max(Mapping::Robust), &Array2::zeros((0, 4)), None), "`x` must have at least 1 row, got 0");
    let short = ScoreFusion::new(Mapping::Robust, Combine::Sum, Some(vec![1.0; 3]), 50).unwrap();
    assert_eq!(message(short, &x, None), "`weights` must have length 4, got 3");
    let wrong = |weights| {
        ScoreFusion::new(Mapping::Robust, Combine::Sum, Some(weights), 50)
            .unwrap_err()
            .to_string()
    };
    assert_eq!(wrong(vec![1.0, -1.0]), "`weights` must be between 0 and 1e100, got -1");
    assert_eq!(wrong(vec![0.0, 0.0]), "`weights` must be above 0 for at least one score, got 0");
}
