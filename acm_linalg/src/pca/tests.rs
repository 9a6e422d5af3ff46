use ndarray::{Array2, ShapeBuilder, array};
use rand::RngExt;

use super::*;
use crate::parallel::set_num_threads;
use crate::seed::stream;

fn noise(rows: usize, columns: usize, seed: u64) -> Array2<f64> {
    let mut stream = stream(seed, 0);
    Array2::from_shape_fn((rows, columns), |_| (0..12).map(|_| stream.random::<f64>()).sum::<f64>() - 6.0)
}

/// Variances by singular values of the rows themselves.
fn exact(x: &Array2<f64>) -> Vec<f64> {
    let centered = Centered::new(&Samples::from(x.view())).map(|centered| all(&centered).unwrap()).unwrap();
    let least = x.nrows().min(x.ncols());
    let found = svd::thin(centered, x.nrows(), x.ncols(), least).unwrap();
    squares(&found.s, x.nrows()).unwrap()
}

fn close(found: &[f64], exact: &[f64], tolerance: f64) {
    for (found, exact) in found.iter().zip(exact) {
        assert!((found / exact - 1.0).abs() < tolerance, "{found} {exact}");
    }
}

#[test]
fn a_line_is_found() {
    let x = array![[1.0, 2.0], [2.0, 4.0], [3.0, 6.0], [6.0, 12.0]];
    let found = pca(x.view().into(), Components::Share(0.99)).unwrap();
    assert_eq!(found.kept, 1);
    assert!((found.variances[0] - 70.0 / 3.0).abs() < 1e-12 && found.variances[1] < 1e-25);
    assert!((found.components[0] - 0.2_f64.sqrt()).abs() < 1e-14);
    assert!((found.components[1] - 0.8_f64.sqrt()).abs() < 1e-14);
    assert_eq!(found.mean, [3.0, 6.0]);
}

#[test]
fn variances_are_right_at_offsets_and_far_apart() {
    for (rows, columns) in [(3000, 12), (30, 12), (12, 12), (9, 40)] {
        let x = noise(rows, columns, 3);
        let k = rows.min(columns) - 1;
        for (offset, scale) in [(0.0, 1.0), (1500.0, 5.0), (1e6, 1.0), (1e9, 1e-3), (0.0, 1e150)] {
            let x = x.mapv(|value| offset + scale * value);
            let found = pca(x.view().into(), Components::Count(k)).unwrap();
            close(&found.variances[..k], &exact(&x)[..k], 1e-11);
        }
        // Variances over ten powers of ten.
        let x = &x * &Array2::from_shape_fn((1, columns), |(_, j)| 10.0_f64.powf(-(j as f64) * 5.0 / columns as f64));
        let found = pca(x.view().into(), Components::Count(k)).unwrap();
        close(&found.variances[..k], &exact(&x)[..k], 1e-10);
    }
}

#[test]
fn components_are_orthonormal_and_explain_their_variance() {
    for (rows, columns) in [(600, 9), (7, 30)] {
        let x = noise(rows, columns, 5) * 3.0 + 40.0;
        let found = pca(x.view().into(), Components::Count(4)).unwrap();
        for (i, left) in found.components.chunks(columns).enumerate() {
            for (j, right) in found.components.chunks(columns).enumerate() {
                let product: f64 = left.iter().zip(right).map(|(left, right)| left * right).sum();
                assert!((product - f64::from(u8::from(i == j))).abs() < 1e-13);
            }
            let along = x.dot(&ndarray::Array1::from(left.to_vec()));
            let mean = along.sum() / rows as f64;
            let variance = along.mapv(|value| (value - mean).powi(2)).sum() / (rows - 1) as f64;
            assert!((variance / found.variances[i] - 1.0).abs() < 1e-12);
        }
    }
}

#[test]
fn threads_and_layouts_change_no_byte() {
    let mut x = noise(5000, 7, 11);
    for far_apart in [false, true] {
        if far_apart {
            x.column_mut(6).mapv_inplace(|value| value * 1e-6);
        }
        let mut fortran = Array2::zeros((5000, 7).f());
        fortran.assign(&x);
        set_num_threads(1).unwrap();
        let one = pca(x.view().into(), Components::Count(7)).unwrap();
        set_num_threads(3).unwrap();
        assert_eq!(one, pca(fortran.view().into(), Components::Count(7)).unwrap());
    }
}

#[test]
fn shares_and_counts() {
    let x = noise(100, 5, 1);
    let all = pca(x.view().into(), Components::Count(5)).unwrap();
    let total: f64 = all.variances.iter().sum();
    for share in [0.1, 0.5, 0.9, 0.999] {
        let found = pca(x.view().into(), Components::Share(share)).unwrap();
        let explained: f64 = found.variances[..found.kept].iter().sum();
        assert!(explained > share * total && explained - found.variances[found.kept - 1] <= share * total);
    }
    let text = |x: &Array2<f64>, keep| pca(x.view().into(), keep).unwrap_err().to_string();
    assert_eq!(text(&x, Components::Count(6)), "`k` must be at most the lesser of rows and columns, got 6");
    assert_eq!(text(&x, Components::Count(0)), "`k` must be at least 1, got 0");
    assert_eq!(text(&x, Components::Share(1.0)), "`k` must be a whole number or a share between 0 and 1, got 1");
    assert_eq!(text(&noise(1, 5, 1), Components::Count(1)), "`x` must have at least 2 rows, got 1");
    let mut gap = x.clone();
    gap[[3, 2]] = f64::NAN;
    assert!(text(&gap, Components::Count(1)).ends_with("row 3, column 2"));
    assert!(text(&(x * 1e200), Components::Count(1)).ends_with("too large to be squared"));
}

#[test]
fn rows_that_are_all_one_explain_nothing() {
    for (rows, columns) in [(6, 3), (3, 6)] {
        let found = pca(Array2::from_elem((rows, columns), 7.5).view().into(), Components::Count(2)).unwrap();
        assert_eq!(found.variances, vec![0.0; 3]);
        assert!(found.components.iter().all(|value| value.is_finite()));
    }
}
