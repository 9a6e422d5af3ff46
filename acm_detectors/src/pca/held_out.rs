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
use crate::alone::Alone;
use crate::constants::Constants;
use crate::folds::{Fold, folds, joined, sums};
use crate::gaps::Trouble;
use crate::held_out::{HeldOut, Names, Without, complete, count};
use crate::rounding::Rounding;
use crate::screen::LeftOut;
use crate::states::States;
use crate::wandering::{Wandering, comparable};

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

const HALVES: [Names; 2] = [
    Names {
        count: "wandering.spe.count",
        moments: "wandering.spe.moments",
        values: "wandering.spe.values",
    },
    Names {
        count: "wandering.t2.count",
        moments: "wandering.t2.moments",
        values: "wandering.t2.values",
    },
];

/// What is known of both.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct HeldOutStatistics {
    spe: HeldOut,
    t2: HeldOut,
    pub(super) wandering: Option<Wandering>,
}

impl HeldOutStatistics {
    /// What a healthy row's SPE exceeds with probability `alpha`.
    pub(super) fn spe_limit(&self, alpha: f64) -> f64 {
        self.widened(0, self.spe.limit(alpha), alpha)
    }

    /// What a healthy row's T² exceeds with probability `alpha`.
    pub(super) fn t2_limit(&self, alpha: f64) -> f64 {
        self.widened(1, self.t2.limit(alpha), alpha)
    }

    fn widened(&self, statistic: usize, limit: f64, alpha: f64) -> f64 {
        self.wandering
            .as_ref()
            .map_or(limit, |wandering| wandering.limit(statistic, limit, alpha))
    }

    pub(super) fn write(&self, to: &mut Writer) {
        self.spe.write(to, &SPE);
        self.t2.write(to, &T2);
        if let Some(wandering) = &self.wandering {
            wandering.write(to, &HALVES);
        }
    }

    pub(super) fn read(from: &Reader<'_>, columns: usize) -> Result<Option<Self>> {
        let both = HeldOut::read(from, &SPE)?.zip(HeldOut::read(from, &T2)?);
        let wandering = Wandering::read(from, columns, &HALVES)?;
        Ok(both.map(|(spe, t2)| Self { spe, t2, wandering }))
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
    let mut counts = complete(&model.lagged, x)?;
    let rest = rows - rows.div_ceil(count) - lags;
    let halves = (rest > width && comparable(rows, width)).then_some(count / 2);
    let mut models = if rest > width {
        tall(model, x, &folds, halves)?
    } else {
        wide(model, x, &folds)?
    };
    let mut judges = models.split_off(count);
    let mut outside = judged(x, models.iter().zip(folds.iter().cloned()))?;
    let both = match halves {
        // Rows of the first half by the model of the second.
        Some(half) => {
            let middle = folds[half].start;
            judges.reverse();
            Some(judged(x, judges.iter().zip([0..middle, middle..rows]))?)
        }
        None => None,
    };
    let [spe, t2] = &mut outside;
    // Rows without any value have no statistic.
    counts.iter_mut().zip(&*spe).for_each(|(count, spe)| *count &= !spe.is_nan());
    let (spe, t2) = (HeldOut::of(spe, &counts)?, HeldOut::of(t2, &counts)?);
    let wandering = match both {
        Some(both) => {
            let alpha = model.parameters.alpha;
            Wandering::of(x, &model.lagged.kept, &counts, &both, &[&spe, &t2], alpha, None)?
        }
        None => None,
    };
    Ok(Some(HeldOutStatistics { spe, t2, wandering }))
}

/// SPE and T² of the rows of each stretch by its model.
fn judged<'a>(x: Samples<'_>, stretches: impl Iterator<Item = (&'a FittedPca, Range<usize>)>) -> Result<[Vec<f64>; 2]> {
    let line = || room(x.rows(), 1, 0.0, "the training statistics");
    let (mut spe, mut t2) = (line()?, line()?);
    for (model, stretch) in stretches {
        score(model, x, Statistic::Spe, stretch.clone(), &mut spe[stretch.clone()])?;
        score(model, x, Statistic::T2, stretch.clone(), &mut t2[stretch.clone()])?;
    }
    Ok([spe, t2])
}

/// Models of all but each stretch, from sums of products that they share; with `halves`, models of the stretches before that
/// one and of the others after them.
fn tall(model: &FittedPca, x: Samples<'_>, folds: &[Range<usize>], halves: Option<usize>) -> Result<Vec<FittedPca>> {
    let good = room(x.rows(), 1, true, "marks of the training rows")?;
    let parts = sums(&model.lagged, x, &good, folds)?;
    let (count, width) = (folds.len(), model.lagged.width() as f64);
    let jobs = if halves.is_some() { count + 2 } else { count };
    let mut models = reserved(jobs, "the folds")?;
    models.resize_with(jobs, || None);
    parallel::run(
        models.iter_mut().enumerate(),
        width * width * (jobs as f64 + 2.0 * width),
        || Ok(()),
        |(), (number, other), stop| {
            if !stop.requested() {
                *other = Some(match halves {
                    Some(half) if number == count => among(model, &parts, |part| part < half),
                    Some(half) if number > count => among(model, &parts, |part| part >= half),
                    _ => among(model, &parts, |part| part != number),
                });
            }
        },
    )?;
    let models = models.into_iter().flatten().gathered_ok("the folds")?;
    if models.len() == jobs {
        Ok(models)
    } else {
        Err(acm_linalg::Error::Interrupted)
    }
}

/// A model of the stretches that are `inside`.
fn among(model: &FittedPca, parts: &[Fold], inside: impl Fn(usize) -> bool) -> Result<FittedPca> {
    let sums = joined(parts, inside)?;
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
        states: States::default(),
        rounding: Rounding::default(),
        rounded: Vec::new(),
        alone: Alone::default(),
        constants: Constants::default(),
        left_out: LeftOut::default(),
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
