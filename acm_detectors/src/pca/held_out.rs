//! Both statistics of rows that the components were not found from.

use std::ops::Range;

use acm_linalg::dense::symmetric_eigen;
use acm_linalg::lanes::LANES;
use acm_linalg::memory::{Gather, reserved};
use acm_linalg::pca::{Components, principal};
use acm_linalg::samples::{by_rows, room};
use acm_linalg::{Reader, Result, Samples, Writer, parallel};

use super::fit::NOTHING;
use super::kernel::{self, Directions, Job};
use super::{FittedPca, Statistic};
use crate::folds::{Fold, folds, joined, sums};
use crate::gaps::Trouble;
use crate::held_out::{HeldOut, Names, Without, complete, count};

const SPE: Names = Names {
    count: "held_out.spe.count",
    moments: "held_out.spe.moments",
    values: "held_out.spe.values",
};
const T2: Names = Names {
    count: "held_out.t2.count",
    moments: "held_out.t2.moments",
    values: "held_out.t2.values",
};

/// What is known of both.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct HeldOutStatistics {
    pub(super) spe: HeldOut,
    pub(super) t2: HeldOut,
}

impl HeldOutStatistics {
    pub(super) fn write(&self, to: &mut Writer) {
        self.spe.write(to, &SPE);
        self.t2.write(to, &T2);
    }

    pub(super) fn read(from: &Reader<'_>) -> Result<Option<Self>> {
        let both = HeldOut::read(from, &SPE)?.zip(HeldOut::read(from, &T2)?);
        Ok(both.map(|(spe, t2)| Self { spe, t2 }))
    }
}

/// The statistics of each stretch of the training rows `x` by the components of all others, as many as `model` has; `None`
/// where rows are too few to be cut.
///
/// The scales are those of all rows. Rows with missing values do not count where there are others enough.
pub(super) fn statistics(model: &FittedPca, x: Samples<'_>) -> Result<Option<HeldOutStatistics>> {
    let (rows, width, lags) = (x.rows(), model.lagged.width(), model.lagged.lags);
    let Some(count) = count(rows, lags, width.min(rows)) else {
        return Ok(None);
    };
    let folds = folds(rows, count)?;
    let (mut spe, mut t2) =
        (room(rows, 1, 0.0, "the training statistics")?, room(rows, 1, 0.0, "the training statistics")?);
    let rest = rows - rows.div_ceil(count) - lags;
    let models = if rest > width { tall(model, x, &folds)? } else { wide(model, x, &folds)? };
    for (stretch, other) in folds.iter().zip(&models) {
        score(other, x, Statistic::Spe, stretch.clone(), &mut spe[stretch.clone()])?;
        score(other, x, Statistic::T2, stretch.clone(), &mut t2[stretch.clone()])?;
    }
    let mut counts = complete(&model.lagged, x)?;
    // Rows without any value have no statistic.
    counts.iter_mut().zip(&spe).for_each(|(count, spe)| *count &= !spe.is_nan());
    Ok(Some(HeldOutStatistics {
        spe: HeldOut::of(&mut spe, &counts)?,
        t2: HeldOut::of(&mut t2, &counts)?,
    }))
}

/// Models of all but each stretch, from sums of products that they share.
fn tall(model: &FittedPca, x: Samples<'_>, folds: &[Range<usize>]) -> Result<Vec<FittedPca>> {
    let good = room(x.rows(), 1, true, "marks of the training rows")?;
    let parts = sums(&model.lagged, x, &good, folds)?;
    let mut models = reserved(folds.len(), "the folds")?;
    models.resize_with(folds.len(), || None);
    let width = model.lagged.width() as f64;
    parallel::run(
        models.iter_mut().enumerate(),
        width * width * (folds.len() as f64 + 2.0 * width),
        || Ok(()),
        |(), (number, other), stop| {
            if !stop.requested() {
                *other = Some(without(model, &parts, number));
            }
        },
    )?;
    let models = models.into_iter().flatten().gathered_ok("the folds")?;
    if models.len() == folds.len() {
        Ok(models)
    } else {
        Err(acm_linalg::Error::Interrupted)
    }
}

fn without(model: &FittedPca, parts: &[Fold], number: usize) -> Result<FittedPca> {
    let sums = joined(parts, |other| other != number)?;
    let rows = sums.count;
    let (mean, covariance) = sums.moments()?;
    let (variances, components) = symmetric_eigen(&covariance, model.lagged.width(), "x")?;
    other(model, rows, &mean, components, variances)
}

/// The same of few rows with many coordinates, each from its rows.
fn wide(model: &FittedPca, x: Samples<'_>, folds: &[Range<usize>]) -> Result<Vec<FittedPca>> {
    let points = model.lagged.points(x);
    let one = |stretch: &Range<usize>| {
        // Rows whose lags reach into the stretch are left out with it.
        let end = (stretch.end + model.lagged.lags).min(x.rows());
        let rest = Without {
            table: &points,
            stretch: stretch.start..end,
        };
        let found = principal(&rest, Components::Count(model.directions.count()))?;
        other(model, x.rows() - (end - stretch.start), &found.mean, found.components, found.variances)
    };
    folds.iter().map(one).gathered_ok("the folds")
}

/// A model of `rows` rows about `mean`, with no more components than `model`.
fn other(
    model: &FittedPca,
    rows: usize,
    mean: &[f64],
    mut components: Vec<f64>,
    variances: Vec<f64>,
) -> Result<FittedPca> {
    let width = model.lagged.width();
    let first = variances.first().copied().unwrap_or(0.0);
    let large = variances.iter().take_while(|&&variance| variance > NOTHING * first).count();
    let kept = model.directions.count().min(large).min(rows.saturating_sub(1));
    components.truncate(kept * width);
    let mean = model
        .lagged
        .mean
        .iter()
        .zip(mean)
        .map(|(all, mean)| all + mean)
        .gathered("means of columns")?;
    Ok(FittedPca {
        parameters: model.parameters,
        lagged: model.lagged.about(mean)?,
        rows,
        directions: Directions::new(&components, &variances, width)?,
        components,
        variances,
        spe: Vec::new(),
        t2: Vec::new(),
        held_out: None,
        spe_limit: 1.0,
        t2_limit: 1.0,
    })
}

/// A statistic of the rows `stretch` of `x`.
fn score(model: &FittedPca, x: Samples<'_>, which: Statistic, stretch: Range<usize>, out: &mut [f64]) -> Result<()> {
    let trouble = Trouble::default();
    by_rows(
        stretch.len(),
        1,
        out,
        2.0 * model.lagged.width() as f64 + model.directions.cost_ns(),
        || kernel::Scratch::new(&model.lagged, &model.directions),
        |scratch, rows, out, stop| {
            for (out, first) in out.chunks_mut(LANES).zip(rows.step_by(LANES)) {
                if stop.requested() {
                    return;
                }
                let done = kernel::eight(model, &x, stretch.start + first, Job::Statistic(which), scratch, out);
                if !trouble.none(done) {
                    return;
                }
            }
        },
    )?;
    trouble.told()
}
