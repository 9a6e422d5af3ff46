//! The limits of the second edition: of the greatest part of the residuals, and of the greatest of the readings.
//!
//! Parts overlap, and how much is the data's own. So each part has a limit as if it stood alone, and all limits of the readings are
//! then raised or lowered together until the greatest of their parts exceeds its own at the rate that they have, in rows that the
//! models judging them have not seen. Those of the residuals stay, but in wide data.

use std::ops::Range;

use acm_linalg::memory::{Gather, copied, push};
use acm_linalg::pca::Components;
use acm_linalg::samples::room;
use acm_linalg::{Result, Samples};

use super::drawn::Pairs;
use super::folds::Outside;
use super::held_out::{HeldOut, persistence};
use super::parts::{Kind, Norms, independent, limit, student_upper};
use super::residuals::Kept;
use super::{FittedFused, Fused};
use crate::folds::folds;
use crate::held_out;
use crate::wandering::{RATE, Wandering, comparable};

/// The greatest part takes no more than a tenth off the limits that each part has by itself.
const LEAST: f64 = 0.9;

/// Later rows are taken to lie so many times farther beyond known ones than held-out rows do, whose neighbours are known; and no more
/// of it than this share counts.
const NEIGHBOURS: f64 = 2.5;
const MOST: f64 = 0.25;

/// Drawn readings are like the covariance that they are from: it is wrong by so many times what as many known pairs would leave open.
const DOUBTED: f64 = 1.5;

/// Halves of more sensors are not fitted.
const MANY: usize = 200;

/// Stretches from which on there are halves that lie everywhere.
const HALVES: usize = 4;

const WHAT: &str = "limits of the parts";

/// Training rows, mended, those of them that count, and a variance that readings of columns have beside what the rows show.
#[derive(Clone, Copy)]
pub(super) struct Healthy<'a, 'x> {
    pub(super) x: Samples<'x>,
    pub(super) filled: Samples<'x>,
    pub(super) good: &'a [bool],
    pub(super) noise: Option<(&'a [usize], &'a [f64])>,
}

/// By how much halves of the rows raise the limits.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Wider {
    /// What is added to the factor of each group's limits.
    residuals: f64,
    readings: f64,
    /// What all limits are multiplied by.
    all: f64,
    pub(super) wandering: Option<Wandering>,
}

impl Wider {
    pub(super) fn not() -> Self {
        Self {
            residuals: 0.0,
            readings: 0.0,
            all: 1.0,
            wandering: None,
        }
    }
}

/// A model, those of all rows but each fold where they are asked for, and by how much halves raise the limits.
pub(super) struct Learned {
    pub(super) model: FittedFused,
    pub(super) apart: Vec<FittedFused>,
    pub(super) wider: Wider,
}

/// The parts of the residuals, or those of the readings.
struct Group<'a> {
    of: &'a Fused,
    held: HeldOut,
    /// The limit of each part by itself.
    alone: Norms,
    /// In how many rows the greatest part forgets.
    memory: f64,
    /// What all limits are multiplied by.
    factor: f64,
    /// What is added to the mean root of each part.
    later: Vec<f64>,
}

impl<'a> Group<'a> {
    /// `width` are the coordinates of what leaves the residuals; `doubt` is what gaps leave open of how sensors move together.
    fn of_residuals(of: &'a Fused, held: HeldOut, width: usize, doubt: f64) -> Result<Self> {
        let chance = of.false_alarm_rate / held.parts.len() as f64;
        let mut alone = Norms::default();
        for number in 0..held.parts.len() {
            let (mean, spread) = held.spread(number);
            alone.add(mean, spread, limit(held.parts[number].memory, held.rows(), chance))?;
        }
        let later = alone.mean.iter().map(|mean| mean * wrong(&held, doubt)).gathered(WHAT)?;
        let (greatest, memory) = held.joint(&alone, of.false_alarm_rate, None)?;
        // Models of a part of few rows leave more than that of all rows will.
        let few = (width as f64 / held.rows() as f64).min(1.0);
        let factor = 1.0 + few * (greatest.clamp(LEAST, 1.0) - 1.0);
        // Of a machine that starts and stops all along they are no normal ones.
        let factor = factor.max(held.least(&alone, of.false_alarm_rate)?);
        Ok(Self {
            of,
            held,
            alone,
            memory,
            factor,
            later,
        })
    }

    /// `known` is the mean power of rows by the model that knows them.
    fn of_readings(of: &'a Fused, held: HeldOut, known: f64, doubt: f64) -> Result<Self> {
        let chance = of.false_alarm_rate / held.parts.len() as f64;
        // A row that is held out is like its neighbours, which its model knows, the more so the longer they are alike.
        let alike = 1.0 - 1.0 / persistence(&held.powers);
        let beyond = if known > 0.0 { (held.usual / known - 1.0).clamp(0.0, MOST) } else { 0.0 };
        let farther = 1.0 + NEIGHBOURS * alike * beyond;
        let (mut alone, mut later) = (Norms::default(), Vec::new());
        for number in 0..held.parts.len() {
            let part = held.parts[number];
            let (mean, spread) = held.spread(number);
            // A squared length forgets twice as fast as what it is of.
            let (forgets, usual) = (2.0 * held.forgets(number)?, (2.0 - part.memory) / part.memory);
            let slower = (forgets / usual).max(1.0);
            let (means, freedom) = independent(part.memory, held.rows());
            let (means, freedom) = ((means / slower).max(2.0), ((freedom + 1.0) / slower - 1.0).max(1.5));
            alone.add(mean, spread, student_upper(freedom, chance) * (1.0 + 1.0 / means).sqrt())?;
            // Training rows know the mean that shifts are from.
            let own = match part.kind {
                Kind::Shift => ((forgets - usual).max(0.0) / held.rows() as f64).min(0.5),
                Kind::Power => 0.0,
            };
            let own = ((1.0 + own) / (1.0 - own)).cbrt() - 1.0;
            push(&mut later, mean * (farther.cbrt() - 1.0 + own + wrong(&held, doubt)), WHAT)?;
        }
        let (greatest, memory) = held.joint(&alone, of.false_alarm_rate, None)?;
        Ok(Self {
            of,
            held,
            alone,
            memory,
            factor: greatest.max(1.0 - (1.0 - LEAST) * (1.0 - alike)),
            later,
        })
    }

    fn norms(&self, more: f64, all: f64) -> Result<Norms> {
        let mut norms = Norms::default();
        for (number, later) in self.later.iter().enumerate() {
            let (mean, spread) = (self.alone.mean[number], self.alone.spread[number]);
            norms.add(mean, spread, all * (self.alone.limit[number] * (self.factor + more) + later / spread))?;
        }
        Ok(norms)
    }

    /// How much more the greatest part has to exceed where halves that follow one another judge each other, than where both
    /// halves have stretches from everywhere: what few rows do is in both.
    fn parting(&self, halves: &Halves) -> Result<f64> {
        let limit = |held: &HeldOut| held.joint(&self.alone, self.of.false_alarm_rate, Some(self.memory));
        Ok((limit(&halves.following)?.0 - limit(&halves.everywhere)?.0).max(0.0))
    }
}

/// By how much the roots of later rows are larger for what gaps leave open, of which drawn readings know nothing.
fn wrong(held: &HeldOut, doubt: f64) -> f64 {
    if doubt > 0.0 {
        (1.0 + (DOUBTED * persistence(&held.powers) * doubt).min(1.0)).cbrt() - 1.0
    } else {
        0.0
    }
}

/// The parts of each half of the rows by a model of the other one.
struct Halves {
    following: HeldOut,
    everywhere: HeldOut,
}

impl Fused {
    /// The model of the residuals `outside` the folds, and of the readings beside it. Halves are not compared where `wider` is
    /// known.
    pub(super) fn learn_whole(
        &self,
        rows: &Healthy<'_, '_>,
        outside: Outside,
        wider: Option<&Wider>,
        apart: bool,
    ) -> Result<Learned> {
        let folds = folds(rows.x.rows(), self.folds)?;
        let judges = (0..folds.len()).gathered("the folds")?;
        let (mut model, held, mut parted) = self.held(rows, outside, &folds, apart)?;
        let doubt = Pairs::of(rows.x, &model.lagged.kept, rows.good)?.doubt();
        let residuals = Group::of_residuals(self, held, model.lagged.width(), doubt)?;
        let whole = self.of_whole()?;
        if whole.memories.is_empty() {
            model.norms = residuals.norms(0.0, 1.0)?;
            let wider = Wider::not();
            return Ok(Learned {
                model,
                apart: parted,
                wider,
            });
        }
        let outside = whole.judged(rows.x, rows.filled, rows.good, &folds, &judges, rows.noise)?;
        let (mut beside, held, others) = whole.held(rows, outside, &folds, apart)?;
        let readings = Group::of_readings(&whole, held, beside.usual, doubt)?;
        let wider = match wider {
            Some(wider) => wider.clone(),
            None => self.compared(rows, &folds, &model, &residuals, &readings)?,
        };
        model.norms = residuals.norms(wider.residuals, wider.all)?;
        beside.norms = readings.norms(wider.readings, wider.all)?;
        beside.usual = readings.held.usual;
        model.whole = Some(Box::new(beside));
        for (one, other) in parted.iter_mut().zip(others) {
            one.whole = Some(Box::new(other));
        }
        Ok(Learned {
            model,
            apart: parted,
            wider,
        })
    }

    /// The model of all rows; what rows outside the folds show; and the models of all but each fold. None has limits, and the mean
    /// power of a model of readings is that of the rows it knows.
    fn held(
        &self,
        rows: &Healthy<'_, '_>,
        outside: Outside,
        folds: &[Range<usize>],
        apart: bool,
    ) -> Result<(FittedFused, HeldOut, Vec<FittedFused>)> {
        let judges = (0..folds.len()).gathered("the folds")?;
        let mut kept = Kept::of(outside, rows.good, folds)?;
        let others = std::mem::take(&mut kept.apart);
        let factors = kept.factors(&judges)?;
        let held = HeldOut::of(self, &kept, &judges, &factors, true)?;
        let mut parted = Vec::new();
        if apart {
            for (other, factor) in others.into_iter().zip(factors) {
                push(&mut parted, other.whitened(self, factor, kept.upsets)?, WHAT)?;
            }
        }
        let readings = self.lags == 0;
        let usual = held.usual;
        let (known, mut model) = kept.known(self, readings)?;
        model.usual = known.unwrap_or(usual);
        Ok((model, held, parted))
    }

    /// Compares halves of the rows.
    fn compared(
        &self,
        rows: &Healthy<'_, '_>,
        folds: &[Range<usize>],
        model: &FittedFused,
        residuals: &Group<'_>,
        readings: &Group<'_>,
    ) -> Result<Wider> {
        let mut wider = Wider::not();
        let (count, sensors) = (residuals.held.rows(), model.lagged.kept.len());
        if folds.len() < HALVES || sensors > MANY || count < 2 * sensors {
            return Ok(wider);
        }
        let of_readings = readings.of.halves(rows, folds)?;
        wider.readings = readings.parting(&of_readings)?;
        let mut of_residuals = None;
        if comparable(count, model.lagged.width()) {
            let mut same = self.clone();
            // Other counts of components are other residuals.
            same.components = Components::Count(model.components);
            let halves = same.halves(rows, folds)?;
            wider.residuals = residuals.parting(&halves)?;
            of_residuals = Some(halves);
        }
        if !comparable(count, sensors) {
            return Ok(wider);
        }
        let spread = |values: &[f64]| {
            let mut values = values.iter().copied();
            let all = rows.good.iter().map(|&good| if good { values.next().unwrap_or(0.0) } else { 0.0 });
            all.gathered(WHAT)
        };
        let halves = spread(&of_readings.following.powers)?;
        let held = held_out::HeldOut::of(&mut copied(&readings.held.powers, WHAT)?, &room(count, 1, true, WHAT)?)?;
        let found = Wandering::of(rows.x, &model.lagged.kept, rows.good, &[halves], &[&held], RATE, Some(rows.good))?;
        if let Some(found) = found {
            let mut scores = of_readings.following.greatest(&readings.norms(wider.readings, 1.0)?)?;
            if let Some(halves) = &of_residuals {
                let others = halves.following.greatest(&residuals.norms(wider.residuals, 1.0)?)?;
                scores.iter_mut().zip(others).for_each(|(score, other)| *score = score.max(other));
            }
            let (found, limit) = found.of_scores(&spread(&scores)?, rows.good, self.false_alarm_rate)?;
            wider.all = limit.max(1.0);
            wider.wandering = Some(found);
        }
        Ok(wider)
    }

    fn halves(&self, rows: &Healthy<'_, '_>, folds: &[Range<usize>]) -> Result<Halves> {
        let judged = |judge: &dyn Fn(usize) -> usize| {
            let judges = (0..folds.len()).map(judge).gathered("the folds")?;
            let outside = self.judged(rows.x, rows.filled, rows.good, folds, &judges, rows.noise)?;
            let kept = Kept::of(outside, rows.good, folds)?;
            let factors = kept.factors(&judges)?;
            HeldOut::of(self, &kept, &judges, &factors, false)
        };
        Ok(Halves {
            following: judged(&|fold| usize::from(fold >= folds.len() / 2))?,
            everywhere: judged(&|fold| fold % 2)?,
        })
    }
}

#[cfg(test)]
mod tests;
