use acm_linalg::parallel::set_num_threads;
use acm_linalg::{Error, dense, seed};
use ndarray::{Array2, ShapeBuilder, s};
use rand::RngExt;

use super::{Shape, from_shares};

const SHAPES: [Shape; 4] = [Shape::Full, Shape::Tied, Shape::Diag, Shape::Spherical];

/// Related sensors about two levels, and responsibilities of three components.
fn sample(rows: usize, columns: usize) -> (Array2<f64>, Array2<f64>) {
    let mut stream = seed::stream(3, 0);
    let mut normal = move || (0..12).map(|_| stream.random::<f64>()).sum::<f64>() - 6.0;
    let mut x = Array2::zeros((rows, columns));
    for row in 0..rows {
        let shared = normal() + if row % 3 == 0 { 4.0 } else { 0.0 };
        for column in 0..columns {
            x[[row, column]] = shared * (1.0 + column as f64) + normal() + 2.0;
        }
    }
    let mut shares = Array2::from_shape_fn((rows, 3), |_| normal().abs() + 0.1);
    for mut row in shares.rows_mut() {
        let sum = row.sum();
        row /= sum;
    }
    (x, shares)
}

/// Weights, means and full covariances of weighted rows, two passes.
fn book(x: &Array2<f64>, shares: &Array2<f64>, shape: Shape, reg: f64) -> (Vec<f64>, Array2<f64>, Vec<Array2<f64>>) {
    let (rows, d, k) = (x.nrows(), x.ncols(), shares.ncols());
    let counts: Vec<f64> = (0..k).map(|c| shares.column(c).sum()).collect();
    let weights = counts.iter().map(|count| count / rows as f64).collect();
    let mean = |c: usize, j: usize| (0..rows).map(|row| shares[[row, c]] * x[[row, j]]).sum::<f64>() / counts[c];
    let means = Array2::from_shape_fn((k, d), |(c, j)| mean(c, j));
    let product = |c: usize, i: usize, j: usize| {
        let rests = |row: usize, j: usize| x[[row, j]] - means[[c, j]];
        (0..rows).map(|row| shares[[row, c]] * rests(row, i) * rests(row, j)).sum::<f64>()
    };
    let mut all: Vec<Array2<f64>> = (0..k)
        .map(|c| Array2::from_shape_fn((d, d), |(i, j)| product(c, i, j) / counts[c]))
        .collect();
    if shape == Shape::Tied {
        let sum = all
            .iter()
            .zip(&counts)
            .fold(Array2::zeros((d, d)), |sum, (own, &count)| sum + own * count);
        all.fill(sum / rows as f64);
    }
    for own in &mut all {
        let trace = own.diag().sum();
        for ((i, j), value) in own.indexed_iter_mut() {
            match shape {
                Shape::Full | Shape::Tied => {}
                Shape::Diag => *value *= f64::from(u8::from(i == j)),
                Shape::Spherical => *value = if i == j { trace / d as f64 } else { 0.0 },
            }
            *value += if i == j { reg } else { 0.0 };
        }
    }
    (weights, means, all)
}

/// Responsibilities and the mean log density.
fn judge(
    x: &Array2<f64>,
    (weights, means, covariances): &(Vec<f64>, Array2<f64>, Vec<Array2<f64>>),
) -> (Array2<f64>, f64) {
    let (rows, d, k) = (x.nrows(), x.ncols(), weights.len());
    let mut logs = Array2::zeros((rows, k));
    for c in 0..k {
        let flat: Vec<f64> = covariances[c].iter().copied().collect();
        let lower = dense::cholesky(&flat, d, "reg").unwrap();
        for row in 0..rows {
            let mut y = vec![0.0; d];
            for i in 0..d {
                let known: f64 = (0..i).map(|j| lower[i * d + j] * y[j]).sum();
                y[i] = (x[[row, i]] - means[[c, i]] - known) / lower[i * d + i];
            }
            let log: f64 = (0..d).map(|i| lower[i * d + i].ln()).sum();
            let square: f64 = y.iter().map(|y| y * y).sum();
            logs[[row, c]] = weights[c].ln() - log - 0.5 * (square + d as f64 * std::f64::consts::TAU.ln());
        }
    }
    let mut all = 0.0;
    for mut row in logs.rows_mut() {
        let most = row.fold(f64::NEG_INFINITY, |most, &log| most.max(log));
        let log = most + row.iter().map(|log| (log - most).exp()).sum::<f64>().ln();
        row.mapv_inplace(|own| (own - log).exp());
        all += log;
    }
    (logs, all / rows as f64)
}

fn near(found: &[f64], exact: impl IntoIterator<Item = f64>) {
    let exact: Vec<f64> = exact.into_iter().collect();
    assert_eq!(found.len(), exact.len());
    for (found, exact) in found.iter().zip(exact) {
        assert!((found - exact).abs() <= 1e-11 * exact.abs().max(1.0), "{found} {exact}");
    }
}

#[test]
fn steps_are_the_books() {
    for columns in [1, 3, 6] {
        let (x, shares) = sample(403, columns);
        for shape in SHAPES {
            let begun = book(&x, &shares, shape, 1e-2);
            let (own, bound) = judge(&x, &begun);
            let next = book(&x, &own, shape, 1e-2);
            let found = from_shares(x.view().into(), shares.view().into(), 3, shape, 1e-2, 0.0, 1).unwrap();
            near(&found.weights, next.0.iter().copied());
            near(&found.means, next.1.iter().copied());
            let own = next.2.iter();
            match shape {
                Shape::Full => near(&found.covariances, own.flatten().copied()),
                Shape::Tied => near(&found.covariances, next.2[0].iter().copied()),
                Shape::Diag => near(&found.covariances, own.flat_map(|own| own.diag().to_vec())),
                Shape::Spherical => near(&found.covariances, own.map(|own| own[[0, 0]])),
            }
            near(&[found.lower_bound, found.log_density], [bound, judge(&x, &next).1]);
            assert!((found.steps, found.converged) == (1, false) && found.log_density > found.lower_bound);
        }
    }
}

#[test]
fn steps_end_where_the_bound_stands_still_and_the_best_start_counts() {
    let (x, shares) = sample(600, 3);
    let other = shares.slice(s![..;-1, ..]);
    let both = ndarray::concatenate![ndarray::Axis(1), other, shares];
    for shape in SHAPES {
        let fit = |shares: &Array2<f64>, tol, most| {
            from_shares(x.view().into(), shares.view().into(), 3, shape, 1e-2, tol, most).unwrap()
        };
        let found = fit(&shares, 1e-3, 500);
        assert!(found.converged);
        let before = fit(&shares, 0.0, found.steps - 1);
        assert!((found.lower_bound - before.lower_bound).abs() < 1e-3);
        if found.steps > 2 {
            let earlier = fit(&shares, 0.0, found.steps - 2);
            assert!((before.lower_bound - earlier.lower_bound).abs() >= 1e-3);
        }
        let second = fit(&other.to_owned(), 1e-3, 500);
        let best = if found.lower_bound > second.lower_bound { found } else { second };
        assert_eq!(fit(&both, 1e-3, 500), best);
    }
}

#[test]
fn threads_and_layouts_give_the_same_bytes() {
    let (x, shares) = sample(5000, 5);
    let mut fortran = Array2::zeros((5000, 5).f());
    fortran.assign(&x);
    for shape in SHAPES {
        let fit =
            |x: &Array2<f64>| from_shares(x.view().into(), shares.view().into(), 3, shape, 1e-2, 1e-3, 20).unwrap();
        let found = fit(&x);
        for threads in [1, 2, 3] {
            set_num_threads(threads).unwrap();
            assert_eq!(fit(&x), found);
            assert_eq!(fit(&fortran), found);
        }
    }
}

#[test]
fn bad_starts_are_told() {
    let (x, shares) = sample(50, 2);
    let fit = |x: &Array2<f64>, shares: &Array2<f64>, components, reg| {
        from_shares(x.view().into(), shares.view().into(), components, Shape::Full, reg, 1e-3, 10)
    };
    let wrong = |found| matches!(found, Err(Error::Shape { name: "shares", .. }));
    assert!(wrong(fit(&x, &shares, 2, 1e-2)));
    assert!(wrong(fit(&x, &shares, 4, 1e-2)));
    assert!(wrong(fit(&x.slice(s![1.., ..]).to_owned(), &shares, 3, 1e-2)));
    assert!(matches!(fit(&x, &shares, 0, 1e-2), Err(Error::Parameter { .. })));
    let line = Array2::from_shape_fn((50, 2), |(row, _)| f64::from(u8::from(row % 2 == 0)));
    assert!(matches!(fit(&line, &shares, 3, 0.0), Err(Error::Singular { .. })));
    let gap = Array2::from_elem((50, 2), f64::NAN);
    assert!(fit(&gap, &shares, 3, 1e-2).is_err());
}
