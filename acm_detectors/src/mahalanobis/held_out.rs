//! Distances of rows that the covariance was not found from.

use std::ops::Range;

use acm_linalg::lanes::{LANES, Row};
use acm_linalg::memory::{Gather, reserved};
use acm_linalg::pca::{Components, principal};
use acm_linalg::samples::{by_rows, room};
use acm_linalg::{Error, Result, Samples, parallel};
use fearless_simd::{Level, dispatch};

use super::FittedMahalanobis;
use super::whitening::triangle;
use crate::folds::{FoldSums, folds, joined, sums};
use crate::held_out::{HeldOut, Without, complete, count};
use crate::lagged::Lagged;
use crate::packed::{Packed, rows_of, squares_by_group};
use crate::product::of_points;
use crate::wandering::{RATE, Wandering, comparable};

/// Points about another mean, and what whitens them.
type Other = (Lagged, Packed);

/// The distances of each stretch of the training rows `x` by the covariance of all others, shrunk by the same share; `None`
/// where rows are too few to be cut.
///
/// The scales are those of all rows. Rows with missing values do not count where there are others enough.
pub(super) fn distances(model: &FittedMahalanobis, x: Samples<'_>) -> Result<Option<(HeldOut, Option<Wandering>)>> {
    let (rows, width, lags) = (x.rows(), model.lagged.width(), model.lagged.lags);
    let Some(count) = count(rows, lags, width.min(rows)) else {
        return Ok(None);
    };
    let folds = folds(rows, count)?;
    let mut found = room(rows, 1, 0.0, "the training scores")?;
    let mut halves = None;
    if rows - rows.div_ceil(count) - lags > width {
        let half = comparable(rows, width).then_some(count / 2);
        let models = match tall(model, x, &folds, half) {
            Ok(models) => models,
            // All rows together tell columns apart that fewer of them do not.
            Err(Error::Singular { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        for (stretch, (lagged, whitening)) in folds.iter().zip(&models) {
            squares(lagged, whitening, x, stretch.clone(), &mut found[stretch.clone()])?;
        }
        if let (Some(half), [.., first, second]) = (half, &models[..]) {
            let middle = folds[half].start;
            let mut judged = room(rows, 1, 0.0, "the training scores")?;
            // Each half by the model of the other.
            for ((lagged, whitening), rows) in [(second, 0..middle), (first, middle..rows)] {
                squares(lagged, whitening, x, rows.clone(), &mut judged[rows.clone()])?;
            }
            halves = Some(judged);
        }
    } else if model.shrinkage > 0.0 {
        for stretch in &folds {
            wide(model, x, stretch.clone(), &mut found[stretch.clone()])?;
        }
    } else {
        return Ok(None);
    }
    let counts = complete(&model.lagged, x)?;
    let found = HeldOut::of(&mut found, &counts)?;
    let wandering = match halves {
        Some(halves) => Wandering::of(x, &model.lagged.kept, &counts, &[halves], &[&found], RATE, None)?,
        None => None,
    };
    Ok(Some((found, wandering)))
}

/// Models of all but each stretch, from sums of products that they share; with `half`, models of the stretches before that one
/// and of the others after them.
fn tall(model: &FittedMahalanobis, x: Samples<'_>, folds: &[Range<usize>], half: Option<usize>) -> Result<Vec<Other>> {
    let good = room(x.rows(), 1, true, "marks of the training rows")?;
    let parts = sums(&model.lagged, x, &good, folds)?;
    let count = folds.len();
    let jobs = if half.is_some() { count + 2 } else { count };
    let mut models = reserved(jobs, "the folds")?;
    models.resize_with(jobs, || None);
    let width = model.lagged.width() as f64;
    parallel::run(
        models.iter_mut().enumerate(),
        width * width * (jobs as f64 + 0.3 * width),
        || Ok(()),
        |(), (number, other), stop| {
            if !stop.requested() {
                let sums = match half {
                    Some(half) if number == count => joined(&parts, |part| part < half),
                    Some(half) if number > count => joined(&parts, |part| part >= half),
                    _ => joined(&parts, |part| part != number),
                };
                *other = Some(sums.and_then(|sums| without(model, sums)));
            }
        },
    )?;
    let models = models.into_iter().flatten().gathered_ok("the folds")?;
    if models.len() == jobs { Ok(models) } else { Err(Error::Interrupted) }
}

fn without(model: &FittedMahalanobis, sums: FoldSums) -> Result<Other> {
    let (width, rows) = (model.lagged.width(), sums.count as f64);
    let (mean, mut covariance) = sums.moments()?;
    let diagonal = || (0..width).map(|place| place * (width + 1));
    covariance.iter_mut().for_each(|value| *value *= (rows - 1.0) / rows);
    let level = diagonal().map(|place| covariance[place]).sum::<f64>() / width as f64;
    covariance.iter_mut().for_each(|value| *value *= 1.0 - model.shrinkage);
    for place in diagonal() {
        covariance[place] += model.shrinkage * level;
    }
    Ok((moved(model, &mean)?, triangle(&covariance, width)?))
}

/// The points of `model` about a mean that is given relative to its own.
fn moved(model: &FittedMahalanobis, mean: &[f64]) -> Result<Lagged> {
    let mean = model.lagged.mean.iter().zip(mean).map(|(all, mean)| all + mean);
    model.lagged.about(mean.gathered("means of columns")?)
}

/// The squared length of the whitened points of the rows `stretch`.
fn squares(lagged: &Lagged, whitening: &Packed, x: Samples<'_>, stretch: Range<usize>, out: &mut [f64]) -> Result<()> {
    let padded = whitening.padded();
    by_rows(
        stretch.len(),
        1,
        out,
        2.0 * lagged.width() as f64 + whitening.cost_ns(),
        || Ok((lagged.scratch()?, rows_of(padded)?, rows_of(padded)?)),
        |(raw, points, white), rows, out, stop| {
            for (out, first) in out.chunks_mut(LANES).zip(rows.step_by(LANES)) {
                if stop.requested() {
                    return;
                }
                let mut squares = Row::default();
                dispatch!(Level::new(), simd => {
                    lagged.pack(simd, &x, stretch.start + first, raw, points);
                    whitening.apply(simd, points, white);
                    squares.store(squares_by_group(simd, white));
                });
                out.copy_from_slice(&squares.0[..out.len()]);
            }
        },
    )
}

/// The distances of the rows `stretch` where rows are no more than coordinates: with S the covariance of the others, of
/// eigenvalues l and components p, the shrunk one is (1 - s) S + s m I, and
///
/// distance = Σ (p z)² / ((1 - s) l + s m) + (|z|² - Σ (p z)²) / (s m)
fn wide(model: &FittedMahalanobis, x: Samples<'_>, stretch: Range<usize>, out: &mut [f64]) -> Result<()> {
    let (width, share) = (model.lagged.width(), model.shrinkage);
    let points = model.lagged.points(x);
    // Rows whose lags reach into the stretch are left out with it.
    let end = (stretch.end + model.lagged.lags).min(x.rows());
    let rest = Without {
        table: &points,
        stretch: stretch.start..end,
    };
    let rows = (x.rows() - (end - stretch.start)) as f64;
    let found = principal(&rest, Components::Count(width))?;
    let variances = found.variances.iter().map(|variance| variance * (rows - 1.0) / rows);
    let variances = variances.gathered("variances")?;
    let level = share * variances.iter().sum::<f64>() / width as f64;
    let components = Packed::full(&found.components, found.kept, width)?;
    let mut along = room(stretch.len(), found.kept + 1, 0.0, "the training scores")?;
    of_points(&moved(model, &found.mean)?, &components, Some(&components), x, stretch, &mut along)?;
    for (out, along) in out.iter_mut().zip(along.chunks_exact(found.kept + 1)) {
        let (scores, rest) = along.split_at(found.kept);
        let within = scores.iter().zip(&variances);
        let within: f64 = within.map(|(score, variance)| score * score / ((1.0 - share) * variance + level)).sum();
        *out = within + rest.iter().map(|rest| rest.max(0.0)).sum::<f64>() / level;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use acm_linalg::covariance::Shrinkage;
    use acm_linalg::seed::stream;
    use ndarray::{Array2, Axis, concatenate, s};
    use rand::RngExt;

    use super::super::MahalanobisDetector;
    use super::*;

    #[test]
    fn models_of_the_halves_are_those_of_the_halves() {
        let mut stream = stream(4, 0);
        let x = Array2::from_shape_fn((400, 3), |(row, column)| {
            stream.random::<f64>() * (column + 1) as f64 + if row < 200 { 0.0 } else { 0.5 }
        });
        let turned = concatenate![Axis(0), x.slice(s![200.., ..]), x.slice(s![..200, ..])];
        let model = MahalanobisDetector::new(Shrinkage::Share(0.1), 0).unwrap().fit(x.view().into()).unwrap();
        let folds = folds(400, 10).unwrap();
        let of = |x: &Array2<f64>| tall(&model, x.view().into(), &folds, Some(5)).unwrap();
        let (models, swapped) = (of(&x), of(&turned));
        assert_eq!((models.len(), folds[5].start), (12, 200));
        let new = Array2::from_shape_fn((50, 3), |_| stream.random::<f64>());
        let scored = |(lagged, whitening): &Other| {
            let mut out = vec![0.0; 50];
            squares(lagged, whitening, new.view().into(), 0..50, &mut out).unwrap();
            out
        };
        let near = |one: &Other, other: &Other| {
            let pairs = scored(one).into_iter().zip(scored(other));
            pairs.map(|(one, other)| (one - other).abs()).fold(0.0, f64::max) < 1e-9
        };
        assert!(near(&models[10], &swapped[11]) && near(&models[11], &swapped[10]));
        assert!(!near(&models[10], &models[11]));
    }
}
