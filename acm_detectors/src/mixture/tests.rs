use acm_linalg::parallel::set_num_threads;
use acm_linalg::{Error, Persist, Samples, seed};
use ndarray::{Array2, ShapeBuilder, s};
use rand::RngExt;

use super::*;

/// Rows around three centres, sensors related, with gaps.
fn sample(rows: usize, columns: usize, apart: f64) -> Array2<f64> {
    let mut stream = seed::stream(5, 0);
    let mut normal = move || (0..12).map(|_| stream.random::<f64>()).sum::<f64>() - 6.0;
    let mut x = Array2::zeros((rows, columns));
    for row in 0..rows {
        let state = (row * 7 / 3 % 3) as f64;
        let shared = normal();
        for column in 0..columns {
            x[[row, column]] = apart * state * (column as f64 - 1.0) + shared + normal() * (1.0 + state);
        }
    }
    x
}

fn mixture(components: usize, covariance: Covariance) -> GaussianMixture {
    GaussianMixture::new(Components::Fixed(components), covariance, 2, 1e-2, 1e-3, 100, 42).unwrap()
}

fn scores(fitted: &FittedGaussianMixture, x: Samples<'_>) -> Vec<f64> {
    let mut out = vec![0.0; x.rows()];
    fitted.score(x, &mut out).unwrap();
    out
}

fn densities(fitted: &FittedGaussianMixture, x: Samples<'_>) -> Vec<f64> {
    let mut out = vec![0.0; x.rows()];
    fitted.log_density(x, &mut out).unwrap();
    out
}

/// The inverse and the logarithm of the determinant by elimination.
fn inverse(matrix: &[f64], size: usize) -> (Vec<f64>, f64) {
    let mut left = matrix.to_vec();
    let mut right: Vec<f64> = (0..size * size).map(|place| f64::from(u8::from(place % (size + 1) == 0))).collect();
    let mut log = 0.0;
    for pivot in 0..size {
        let value = left[pivot * size + pivot];
        log += value.ln();
        for column in 0..size {
            left[pivot * size + column] /= value;
            right[pivot * size + column] /= value;
        }
        for row in (0..size).filter(|&row| row != pivot) {
            let factor = left[row * size + pivot];
            for column in 0..size {
                left[row * size + column] -= factor * left[pivot * size + column];
                right[row * size + column] -= factor * right[pivot * size + column];
            }
        }
    }
    (right, log)
}

/// For a row: log density, responsibilities and contributions of the kept columns, from the fitted attributes.
fn naive(fitted: &FittedGaussianMixture, row: &[f64]) -> (f64, Vec<f64>, Vec<f64>) {
    let kept = fitted.kept();
    let (k, d) = (fitted.components(), kept.len());
    let z: Vec<f64> = kept.iter().map(|&column| fitted.scaling().scaled(row[column], column)).collect();
    let (mut logs, mut parts) = (Vec::new(), Vec::new());
    for component in 0..k {
        let area = fitted.covariances().len() / k;
        let spread = &fitted.covariances()[component * area..][..area];
        let mut matrix = vec![0.0; d * d];
        for i in 0..d {
            match fitted.parameters().covariance() {
                Covariance::Diag => matrix[i * d + i] = spread[i],
                Covariance::Full => matrix[i * d..(i + 1) * d].copy_from_slice(&spread[i * d..(i + 1) * d]),
            }
        }
        let (inverse, log) = inverse(&matrix, d);
        let rest: Vec<f64> = (0..d).map(|j| z[j] - fitted.means()[component * d + j]).collect();
        let part = |j: usize| rest[j] * (0..d).map(|i| inverse[j * d + i] * rest[i]).sum::<f64>();
        let part: Vec<f64> = (0..d).map(part).collect();
        let square: f64 = part.iter().sum();
        logs.push(fitted.weights()[component].ln() - 0.5 * (square + log + d as f64 * std::f64::consts::TAU.ln()));
        parts.push(part);
    }
    let most = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = logs.iter().map(|log| (log - most).exp()).sum();
    let shares: Vec<f64> = logs.iter().map(|log| (log - most).exp() / sum).collect();
    let all = (0..d)
        .map(|j| (0..k).map(|component| shares[component] * parts[component][j]).sum())
        .collect();
    (most + sum.ln(), shares, all)
}

fn near(found: f64, exact: f64, tolerance: f64) -> bool {
    (found - exact).abs() <= tolerance * exact.abs().max(1.0)
}

#[test]
fn densities_shares_and_contributions_are_those_of_the_formulae() {
    for covariance in [Covariance::Diag, Covariance::Full] {
        for columns in [1, 2, 7, 12, 19] {
            let x = sample(400, columns, 0.7);
            let fitted = mixture(3, covariance).fit(x.view().into()).unwrap();
            let mut wide = x.slice(s![..70, ..]).to_owned();
            wide[[3, 0]] = -30.012_345_678_9;
            wide[[4, columns - 1]] = 1e6 + 0.123_456_7;
            wide[[5, 0]] = -1e3 - 0.123_456_7;
            let view = Samples::from(wide.view());
            let logs = densities(&fitted, view);
            let (mut shares, mut groups) = (vec![0.0; 70 * 3], vec![0; 70]);
            fitted.responsibilities(view, &mut shares).unwrap();
            fitted.predict(view, &mut groups).unwrap();
            let mut parts = vec![9.0; 70 * columns];
            fitted.contributions(view, &mut parts).unwrap();
            for row in 0..70 {
                let (log, share, part) = naive(&fitted, &wide.row(row).to_vec());
                assert!(near(logs[row], log, 1e-11), "{covariance:?} {columns} {row}: {} {log}", logs[row]);
                for component in 0..3 {
                    assert!(near(shares[row * 3 + component], share[component], 1e-9));
                }
                let all = &shares[row * 3..][..3];
                assert!(all.iter().all(|share| *share <= all[usize::try_from(groups[row]).unwrap()]));
                let size = part.iter().map(|part: &f64| part.abs()).sum::<f64>();
                for column in 0..columns {
                    let found = parts[row * columns + column];
                    assert!((found - part[column]).abs() <= 1e-10 * size.max(1.0), "{found} {}", part[column]);
                }
            }
        }
    }
}

#[test]
fn one_component_has_the_moments_of_the_sample() {
    let x = sample(1003, 5, 1.0);
    for covariance in [Covariance::Diag, Covariance::Full] {
        let fitted = mixture(1, covariance).fit(x.view().into()).unwrap();
        let scaling = fitted.scaling();
        let z = Array2::from_shape_fn((1003, 5), |(row, column)| scaling.scaled(x[[row, column]], column));
        let means: Vec<f64> = z.columns().into_iter().map(|column| column.sum() / 1003.0).collect();
        for i in 0..5 {
            assert!((fitted.means()[i] - means[i]).abs() < 1e-14);
            for j in 0..5 {
                let exact =
                    (0..1003).map(|row| (z[[row, i]] - means[i]) * (z[[row, j]] - means[j])).sum::<f64>() / 1003.0;
                let exact = exact + if i == j { 1e-2 } else { 0.0 };
                match covariance {
                    Covariance::Diag if i == j => assert!((fitted.covariances()[i] - exact).abs() < 1e-14),
                    Covariance::Full => assert!((fitted.covariances()[i * 5 + j] - exact).abs() < 1e-14),
                    Covariance::Diag => {}
                }
            }
        }
        assert_eq!(fitted.weights(), [1.0]);
        assert!(fitted.converged() && fitted.steps() == 2);
    }
}

/// A step by the book: responsibilities by the formulae, then weighted moments.
#[test]
fn a_step_is_the_books() {
    let x = sample(300, 3, 2.0);
    let labels: Vec<u32> = (0..300).map(|row| row % 2).collect();
    for covariance in [Covariance::Diag, Covariance::Full] {
        let steps = |count| {
            let mixture = GaussianMixture::new(Components::Fixed(2), covariance, 1, 1e-2, 0.0, count, 1).unwrap();
            mixture.fit_from(x.view().into(), &labels).unwrap()
        };
        let (before, after) = (steps(4), steps(5));
        let scaling = before.scaling();
        let rows: Vec<Vec<f64>> = x.rows().into_iter().map(|row| row.to_vec()).collect();
        let shares: Vec<(f64, Vec<f64>)> = rows
            .iter()
            .map(|row| {
                let (log, shares, _) = naive(&before, row);
                (log, shares)
            })
            .collect();
        let bound = shares.iter().map(|(log, _)| log).sum::<f64>() / 300.0;
        assert!(near(after.lower_bound(), bound, 1e-12));
        assert!(after.lower_bound() > before.lower_bound());
        for component in 0..2 {
            let count: f64 = shares.iter().map(|(_, share)| share[component]).sum();
            assert!(near(after.weights()[component], count / 300.0, 1e-12));
            let z = |row: usize, column: usize| scaling.scaled(rows[row][column], column);
            let mean =
                |column: usize| (0..300).map(|row| shares[row].1[component] * z(row, column)).sum::<f64>() / count;
            let means = [mean(0), mean(1), mean(2)];
            for i in 0..3 {
                assert!(near(after.means()[component * 3 + i], means[i], 1e-12));
                for j in 0..3 {
                    let products =
                        (0..300).map(|row| shares[row].1[component] * (z(row, i) - means[i]) * (z(row, j) - means[j]));
                    let exact = products.sum::<f64>() / count + if i == j { 1e-2 } else { 0.0 };
                    match covariance {
                        Covariance::Diag if i == j => {
                            assert!(near(after.covariances()[component * 3 + i], exact, 1e-12))
                        }
                        Covariance::Full => assert!(near(after.covariances()[component * 9 + i * 3 + j], exact, 1e-12)),
                        Covariance::Diag => {}
                    }
                }
            }
        }
    }
}

#[test]
fn rows_chunks_threads_and_layouts_give_the_same_bytes() {
    let mut x = sample(2100, 11, 1.5).mapv(|value| f64::from(value as f32));
    x.slice_mut(s![..;13, 2]).fill(f64::NAN);
    let mut fortran = Array2::zeros((2100, 11).f());
    fortran.assign(&x);
    let narrow = x.mapv(|value| value as f32);
    let wide = Array2::from_shape_fn((4200, 22), |(row, column)| x[[row / 2, column / 2]]);
    for covariance in [Covariance::Diag, Covariance::Full] {
        let mixture = mixture(3, covariance);
        let fitted = mixture.fit(x.view().into()).unwrap();
        let whole = scores(&fitted, x.view().into());
        let mut parts = vec![0.0; 2100 * 11];
        fitted.contributions(x.view().into(), &mut parts).unwrap();
        for threads in [1, 2, 3] {
            set_num_threads(threads).unwrap();
            for samples in [
                fortran.view().into(),
                narrow.view().into(),
                wide.slice(s![..;2, ..;2]).into(),
            ] {
                let again = mixture.fit(samples).unwrap();
                assert_eq!(again.to_bytes().unwrap(), fitted.to_bytes().unwrap());
                assert_eq!(scores(&again, samples), whole);
            }
        }
        for (step, rows) in [(1, 300), (9, 2100), (513, 2100)] {
            for first in (0..rows).step_by(step) {
                let range = first..(first + step).min(rows);
                let piece = x.slice(s![range.clone(), ..]);
                assert_eq!(scores(&fitted, piece.into()), whole[range.clone()], "{step} {first}");
                let mut some = vec![0.0; range.len() * 11];
                fitted.contributions(piece.into(), &mut some).unwrap();
                assert_eq!(some, parts[range.start * 11..range.end * 11]);
            }
        }
    }
}

#[test]
fn scores_are_about_the_training_median_in_its_deviations() {
    let x = sample(999, 4, 3.0);
    let fitted = mixture(3, Covariance::Full).fit(x.view().into()).unwrap();
    let mut found = scores(&fitted, x.view().into());
    let (median, mad) = acm_linalg::scaling::median_mad(&mut found);
    assert!(median.abs() < 1e-14);
    assert!((mad * 1.4826 - 1.0).abs() < 1e-12);
    let far = Array2::from_elem((1, 4), 1e4);
    assert!(scores(&fitted, far.view().into())[0] > 1e3);
}

#[test]
fn states_that_lie_far_apart_keep_their_covariances() {
    // Steps of 2^-10 about levels that are 2^20 apart.
    let x = Array2::from_shape_fn((800, 2), |(row, column)| {
        let level = if row % 2 == 0 { 0.0 } else { 2.0_f64.powi(20) };
        let sign = if (row / 2 + column * (row / 4)) % 2 == 0 { 1.0 } else { -1.0 };
        1e9 + level + sign * 2.0_f64.powi(-10)
    });
    let labels: Vec<u32> = (0..800).map(|row| row % 2).collect();
    for covariance in [Covariance::Diag, Covariance::Full] {
        let mixture = GaussianMixture::new(Components::Fixed(2), covariance, 1, 0.0, 1e-3, 100, 1).unwrap();
        let fitted = mixture.fit_from(x.view().into(), &labels).unwrap();
        let scale = fitted.scaling().scale[0];
        let exact = (2.0_f64.powi(-10) / scale).powi(2);
        for component in 0..2 {
            let found = match covariance {
                Covariance::Diag => fitted.covariances()[component * 2],
                Covariance::Full => fitted.covariances()[component * 4],
            };
            assert!((found / exact - 1.0).abs() < 1e-6, "{found:e} {exact:e}");
        }
    }
}

#[test]
fn edges() {
    let fit = |x: &Array2<f64>, components| mixture(components, Covariance::Full).fit(x.view().into());
    assert!(matches!(fit(&Array2::zeros((0, 3)), 1), Err(Error::TooFew { .. })));
    assert!(matches!(fit(&Array2::zeros((4, 0)), 1), Err(Error::TooFew { .. })));
    assert!(matches!(fit(&sample(4, 3, 1.0), 5), Err(Error::TooFew { least: 5, got: 4, .. })));
    assert!(matches!(fit(&Array2::from_elem((50, 3), f64::NAN), 1), Err(Error::Unfit { .. })));
    assert!(matches!(fit(&Array2::from_elem((50, 3), 7.0), 1), Err(Error::Unfit { .. })));
    assert!(matches!(fit(&sample(1, 3, 1.0), 1), Err(Error::Unfit { .. })));

    // Constant, unknown and mostly constant columns beside good ones, values to 1e150, fewer rows than columns, duplicates.
    let mut x = sample(60, 6, 2.0);
    x.column_mut(1).fill(1e9);
    x.column_mut(2).fill(f64::INFINITY);
    x.column_mut(3).fill(5.0);
    x[[7, 3]] = 6.0;
    x[[8, 4]] = 1e150;
    x[[9, 4]] = -1e150;
    for covariance in [Covariance::Diag, Covariance::Full] {
        let fitted = mixture(3, covariance).fit(x.view().into()).unwrap();
        assert_eq!(fitted.kept(), [0, 3, 4, 5]);
        assert!((fitted.scaling().scale[3] - (59.0_f64 / 3600.0).sqrt()).abs() < 1e-12);
        let mut extreme = x.clone();
        extreme[[0, 0]] = f64::MAX;
        extreme[[1, 5]] = -f64::MAX;
        extreme.row_mut(2).fill(f64::NAN);
        let found = scores(&fitted, extreme.view().into());
        assert!((0..60).all(|row| found[row].is_finite() != (row == 2)));
        assert!(found[0] > 1e50 && found[1] > 1e50);
        let mut parts = vec![0.0; 360];
        fitted.contributions(extreme.view().into(), &mut parts).unwrap();
        assert!(parts.iter().all(|part| part.is_finite()));
        assert_eq!((parts[1], parts[2]), (0.0, 0.0));
        assert!(fitted.score(sample(3, 5, 1.0).view().into(), &mut [0.0; 3]).is_err());
        assert!(scores(&fitted, x.slice(s![..0, ..]).into()).is_empty());

        let few = mixture(2, covariance).fit(sample(4, 30, 1.0).view().into()).unwrap();
        assert!(scores(&few, sample(4, 30, 1.0).view().into()).iter().all(|score| score.is_finite()));
        let twice = Array2::from_shape_fn((40, 2), |(row, column)| ((row % 2) * (column + 1)) as f64);
        let fitted = mixture(4, covariance).fit(twice.view().into()).unwrap();
        assert!(scores(&fitted, twice.view().into()).iter().all(|score| score.is_finite()));
        let tight = GaussianMixture::new(Components::Fixed(2), covariance, 1, 0.0, 1e-3, 100, 1).unwrap();
        let error = tight.fit(twice.view().into()).unwrap_err();
        assert!(error.to_string().starts_with("`reg` must be larger"), "{error}");
    }
}

#[test]
fn the_criterion_passes_over_singular_states() {
    // Two states of equal rows each, and one that moves: one component has a covariance, more have none without `reg`.
    let mut x = sample(120, 2, 1.0);
    for row in 0..80 {
        let level = if row % 2 == 0 { 40.0 } else { -40.0 };
        x.row_mut(row).fill(level);
    }
    for covariance in [Covariance::Diag, Covariance::Full] {
        let new = |components| GaussianMixture::new(components, covariance, 3, 0.0, 1e-3, 100, 1).unwrap();
        assert!(matches!(new(Components::Fixed(3)).fit(x.view().into()), Err(Error::Singular { name: "reg", .. })));
        let fitted = new(Components::Bic).fit(x.view().into()).unwrap();
        assert!(fitted.components() < 3);
        // On a line no number of states has a full covariance.
        let line = Array2::from_shape_fn((40, 2), |(row, _)| if row % 2 == 0 { 1.0 } else { -1.0 });
        let found = new(Components::Bic).fit(line.view().into());
        assert_eq!(found.is_err(), covariance == Covariance::Full);
    }
}

#[test]
fn a_sensor_that_mostly_stands_still_is_scaled_by_its_deviation() {
    let mut x = sample(1000, 3, 1.0);
    for row in 0..1000 {
        x[[row, 1]] = 1e-5 * x[[row, 1]] + if row % 10 == 3 { 100.0 } else { 0.0 };
    }
    let fitted = mixture(2, Covariance::Diag).fit(x.view().into()).unwrap();
    assert!((fitted.scaling().scale[1] / 30.0 - 1.0).abs() < 0.01);
}

#[test]
fn parameters_out_of_range_are_told() {
    let new = |components, n_init, reg, tol, max_iter| {
        let components = Components::Fixed(components);
        GaussianMixture::new(components, Covariance::Diag, n_init, reg, tol, max_iter, 1)
            .unwrap_err()
            .to_string()
    };
    assert!(new(0, 1, 0.1, 0.1, 1).starts_with("`n_components` must be"));
    assert!(new(1, 0, 0.1, 0.1, 1).starts_with("`n_init` must be"));
    assert!(new(1, 1, -0.1, 0.1, 1).starts_with("`reg` must be"));
    assert!(new(1, 1, 0.1, f64::NAN, 1).starts_with("`tol` must be"));
    assert!(new(1, 1, 0.1, 0.1, 0).starts_with("`max_iter` must be"));
    let x = sample(20, 2, 1.0);
    let fit = |labels: &[u32]| mixture(2, Covariance::Diag).fit_from(x.view().into(), labels).unwrap_err().to_string();
    assert_eq!(fit(&[0; 19]), "`labels` must have length 20, got 19");
    assert_eq!(fit(&[2; 20]), "`labels` must be less than `n_components`, got 2");
}

#[test]
fn the_criterion_finds_the_states() {
    let bic = |covariance| GaussianMixture::new(Components::Bic, covariance, 3, 1e-2, 1e-3, 100, 42).unwrap();
    let x = sample(900, 6, 20.0);
    for covariance in [Covariance::Diag, Covariance::Full] {
        let fitted = bic(covariance).fit(x.view().into()).unwrap();
        assert!(fitted.components() >= 3, "{}", fitted.components());
        let one = sample(600, 4, 0.0).slice(s![..;3, ..]).to_owned();
        assert!(bic(Covariance::Full).fit(one.view().into()).unwrap().components() <= 2);
        // 2 k d + k - 1 and k (d + d (d + 1) / 2) + k - 1 numbers are free.
        let fitted = mixture(3, covariance).fit(x.view().into()).unwrap();
        let free = match covariance {
            Covariance::Diag => 38.0,
            Covariance::Full => 83.0,
        };
        let log = densities(&fitted, x.view().into()).iter().sum::<f64>();
        assert!(near(fitted.bic(x.view().into()).unwrap(), free * 900.0_f64.ln() - 2.0 * log, 1e-12));
        assert!(near(fitted.aic(x.view().into()).unwrap(), 2.0 * free - 2.0 * log, 1e-12));
    }
    let small = bic(Covariance::Diag).fit(x.slice(s![..3, ..]).into()).unwrap();
    assert_eq!(small.components(), 1);
}

#[test]
fn saved_models_come_back_and_damaged_ones_do_not() {
    let x = sample(200, 4, 2.0);
    for covariance in [Covariance::Diag, Covariance::Full] {
        let fitted = mixture(2, covariance).fit(x.view().into()).unwrap();
        let bytes = fitted.to_bytes().unwrap();
        let read = FittedGaussianMixture::from_bytes(&bytes).unwrap();
        assert_eq!(read, fitted);
        assert_eq!(scores(&read, x.view().into()), scores(&fitted, x.view().into()));
        for length in (0..bytes.len()).step_by(7) {
            assert!(FittedGaussianMixture::from_bytes(&bytes[..length]).is_err());
        }
        for place in 0..bytes.len() {
            for bit in [0, 6, 7] {
                let mut wrong = bytes.clone();
                wrong[place] ^= 1 << bit;
                if let Ok(read) = FittedGaussianMixture::from_bytes(&wrong) {
                    let x = Array2::from_elem((3, read.columns()), 0.5);
                    let _ = read.score(x.view().into(), &mut [0.0; 3]);
                    let _ = read.contributions(x.view().into(), &mut vec![0.0; 3 * read.columns()]);
                }
            }
        }
    }
}
