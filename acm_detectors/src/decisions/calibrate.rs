//! Thresholds that keep a false alarm rate, and how sure they are.

use acm_linalg::error::require;
use acm_linalg::memory::Gather;
use acm_linalg::parallel::{self, Stop, Watch};
use acm_linalg::samples::room;
use acm_linalg::scaling::quantile;
use acm_linalg::seed::{Stream, stream};
use acm_linalg::{Error, Result, Samples};
use rand::RngExt;

use super::episodes::require_one;
use super::{blocks, order, suspects, tail};
use tail::Excesses;

/// Known scores that a threshold needs.
const LEAST: usize = 20;

/// Below so many expected false alarms the interval comes from the tail's fit: resampled extremes alone never pass the
/// largest score.
const FEW: f64 = 10.0;

/// Rows between two looks at interrupts.
const LOOK: usize = 65_536;

/// Resamples to a job.
const BATCH: usize = 4;

/// How a threshold is found: the false alarm rate it shall keep, and the bootstrap that tells how sure it is.
///
/// # Examples
///
/// ```
/// use acm_detectors::decisions::Calibration;
/// use ndarray::Array2;
///
/// # fn main() -> acm_linalg::Result<()> {
/// // One false alarm in a hundred: the thousand scores 1, 2, ... 1000 in some order.
/// let score = Array2::from_shape_fn((1000, 1), |(row, _)| (377 * row % 1000 + 1) as f64);
/// let found = Calibration::new(0.01, 0.9, 200, Some(10), 7)?.fit(score.view().into())?;
/// assert!((found.threshold - 990.99).abs() < 1e-9);
/// assert!(found.low <= found.threshold && found.threshold <= found.high && !found.extrapolated);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Calibration {
    rate: f64,
    confidence: f64,
    resamples: usize,
    block: Option<usize>,
    seed: u64,
    contamination: Option<f64>,
}

/// A threshold and its confidence interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Threshold {
    /// Healthy scores exceed it at the false alarm rate.
    pub threshold: f64,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end of the interval; infinite where that many of the scores are.
    pub high: f64,
    /// Whether the rate lies beyond the data, so that the threshold comes from a fit to their tail.
    pub extrapolated: bool,
    /// Rows to a block of the bootstrap.
    pub block: usize,
    /// Known scores.
    pub known: usize,
    /// How many of them, the largest, count as no healthy ones and are left out.
    pub trimmed: usize,
    /// Whether the largest of the others reach further out than those of a light tail: there are more that are not healthy, or
    /// the tail is heavy.
    pub heavy: bool,
}

impl Calibration {
    /// A false alarm rate (share of healthy rows above the threshold), the confidence of the interval, how often to resample,
    /// rows to a block (by the scores' own dependence where `None`) and a seed.
    ///
    /// # Errors
    /// [`Error::Parameter`] unless `rate` and `confidence` lie between 0 and 1, and there is at least one resample and one row
    /// to a block.
    pub fn new(rate: f64, confidence: f64, resamples: usize, block: Option<usize>, seed: u64) -> Result<Self> {
        require(rate > 0.0 && rate < 1.0, "false_alarm_rate", "above 0 and below 1", rate)?;
        require(confidence > 0.0 && confidence < 1.0, "confidence", "above 0 and below 1", confidence)?;
        require((1..=1_000_000).contains(&resamples), "n_boot", "between 1 and 1000000", resamples)?;
        require(block != Some(0), "block", "at least 1", 0_usize)?;
        Ok(Self {
            rate,
            confidence,
            resamples,
            block,
            seed,
            contamination: None,
        })
    }

    /// With this share of the scores, the largest, left out: they are not healthy. `None` leaves out a group of 8 to a tenth of
    /// them that lies above a gap wider than all that is left below it down to the median, and than the lower half of them.
    ///
    /// # Errors
    /// [`Error::Parameter`] unless the share is at least 0 and below 1/2.
    pub fn with_contamination(self, contamination: Option<f64>) -> Result<Self> {
        if let Some(share) = contamination {
            require((0.0..0.5).contains(&share), "contamination", "at least 0 and below 0.5", share)?;
        }
        Ok(Self { contamination, ..self })
    }

    /// The threshold for scores of healthy rows (one column), oldest first. Missing ones (NaN) are left out; infinite ones
    /// count as the largest, or the least.
    ///
    /// h = rate (n + 1); threshold = the value at place h from the top, between two scores linearly
    ///
    /// The h-th largest of n exchangeable scores is exceeded by the next one with probability h / (n + 1), whatever their
    /// distribution. Where h < 1 the rate lies beyond the data: a generalised Pareto distribution fitted to the excesses of
    /// the top tenth (30 to 500 scores) extrapolates, but not below the largest score; the mean true
    /// rate is then above the one asked for.
    /// Interval: percentiles of a circular block bootstrap, of the fitted tail where fewer than 10 false alarms are expected. Where
    /// they are so few that not even the largest score bounds the threshold as surely as asked, (1 - rate)^n > (1 - confidence) / 2,
    /// a resample with a tail of shape 1/2 or more tells no upper bound, nor do scores that reach far: the interval is then without
    /// end, rather than one that does not cover.
    ///
    /// Cost: O(n log n) and, for each resample, O(n / block + 4 h). Any number of threads gives the same bytes.
    /// Source: order statistics: Weibull's place, Gumbel 1958; the circular bootstrap: Politis and Romano 1992, "A circular
    /// block-resampling procedure for stationary data"; blocks: Künsch 1989, doi 10.1214/aos/1176347265.
    ///
    /// # Errors
    /// [`Error::Shape`] unless there is one column; [`Error::Unfit`] with fewer than 20 known scores, or so many infinite ones
    /// that no number is exceeded as seldom as asked; [`Error::Memory`]; [`Error::Interrupted`].
    pub fn fit(&self, score: Samples<'_>) -> Result<Threshold> {
        let rows = score.rows();
        require_one(score, "score")?;
        let mut known = room(rows, 1, 0.0, "the known scores")?;
        score.read_column(0, &mut known);
        known.retain(|score| !score.is_nan());
        known.iter_mut().for_each(|score| *score = score.max(f64::MIN));
        let too_few = Error::Unfit {
            name: "score",
            requirement: "at least 20 known values",
        };
        let all = known.len();
        if all < LEAST {
            return Err(too_few);
        }
        let mut order = descending(&known)?;
        let sorted = order.iter().map(|&row| known[row]).gathered("the scores in order")?;
        let trimmed = self.contamination.map_or_else(|| suspects::apart(&sorted), |share| part(share, all));
        let heavy = suspects::reach_far(&sorted[trimmed..]);
        drop(sorted);
        if trimmed > 0 {
            for &row in &order[..trimmed] {
                known[row] = f64::NAN;
            }
            known.retain(|score| !score.is_nan());
            order = descending(&known)?;
        }
        let count = known.len();
        if count < LEAST {
            return Err(too_few);
        }
        let block = match self.block {
            Some(block) => block.min(count),
            None => blocks::length(&ranks(&known, &order)?)?,
        };
        let side = (1.0 - self.confidence) / 2.0;
        let places = Places::of(self.rate, count, side);
        let endless = known.iter().filter(|&&score| score == f64::INFINITY).count();
        if endless > 0 && endless >= places.above() {
            return Err(Error::Unfit {
                name: "score",
                requirement: "fewer infinite values for this `false_alarm_rate`: no number is exceeded that seldom",
            });
        }
        let mut top = room(places.needed(true).max(places.needed(false)), 1, 0.0, "the largest scores")?;
        top.iter_mut().zip(&order).for_each(|(to, &row)| *to = known[row]);
        let extrapolated = places.from_top < 1.0;
        let threshold = if extrapolated {
            places.fitted(&mut top.clone()).max(top[0])
        } else {
            places.counted(&mut top)
        };

        let pool = Pool::of(&known, order, places.needed(places.few()), block)?;
        let mut found = room(self.resamples, 1, (0.0, false), "a threshold for each resample")?;
        let jobs = found.chunks_mut(BATCH).enumerate();
        let jobs = jobs.map(|(number, out)| (number * BATCH, out));
        let cost = self.resamples as f64 * pool.cost_ns();
        parallel::run(
            jobs,
            cost,
            || room(count, 1, 0.0, "a resample"),
            |scratch, (first, out), stop| {
                for (place, out) in out.iter_mut().enumerate() {
                    let mut draws = stream(self.seed, (first + place) as u64);
                    *out = pool.resampled(&places, &mut draws, scratch, stop);
                }
            },
        )?;
        let mut values = found.iter().map(|found| found.0).gathered("thresholds of the resamples")?;
        let low = quantile(&mut values, side).min(threshold);
        // A tail that bounds nothing from above bounds from below as any other.
        let above = found.iter().map(|&(value, endless)| if endless { f64::INFINITY } else { value });
        values.iter_mut().zip(above).for_each(|(to, value)| *to = value);
        Ok(Threshold {
            threshold,
            low,
            high: if places.unbounded && heavy {
                f64::INFINITY
            } else {
                quantile(&mut values, 1.0 - side).max(threshold)
            },
            extrapolated,
            block,
            known: all,
            trimmed,
            heavy,
        })
    }
}

/// So many of `count`, to the nearest.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "at most half of the count"
)]
fn part(share: f64, count: usize) -> usize {
    (share * count as f64).round() as usize
}

/// The rows of `values` in descending order, the same values by their rows.
fn descending(values: &[f64]) -> Result<Vec<usize>> {
    let mut pairs = room(values.len(), 1, (0.0, 0), "the scores in order")?;
    let rows = values.iter().copied().enumerate();
    let mut watch = Watch::start();
    for (pair, (row, value)) in pairs.iter_mut().zip(rows) {
        watch.after(1)?;
        *pair = (value, row);
    }
    let pairs = order::sorted(pairs, |a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)))?;
    let mut order = room(values.len(), 1, 0, "the scores' order")?;
    for (to, pair) in order.iter_mut().zip(&pairs) {
        watch.after(1)?;
        *to = pair.1;
    }
    Ok(order)
}

/// Ranks of values whose descending order is `order`, less their mean; the same values share their mean rank.
fn ranks(values: &[f64], order: &[usize]) -> Result<Vec<f64>> {
    let mut ranks = room(values.len(), 1, 0.0, "the scores' ranks")?;
    let middle = (values.len() - 1) as f64 / 2.0;
    let (mut place, mut looked, mut watch) = (0, 0, Watch::start());
    for same in order.chunk_by(|&a, &b| values[a] == values[b]) {
        if place - looked >= LOOK {
            watch.look()?;
            looked = place;
        }
        let rank = place as f64 + (same.len() - 1) as f64 / 2.0 - middle;
        same.iter().for_each(|&row| ranks[row] = rank);
        place += same.len();
    }
    Ok(ranks)
}

/// Which of `count` values make the threshold.
struct Places {
    rate: f64,
    count: usize,
    /// The threshold's place, the largest value being 1.
    from_top: f64,
    /// Values that stand for the tail.
    tail: usize,
    /// Whether not even the largest value is above the true threshold as surely as asked, whatever the distribution.
    unbounded: bool,
}

impl Places {
    fn of(rate: f64, count: usize, side: f64) -> Self {
        Self {
            unbounded: (1.0 - rate).powf(count as f64) > side,
            rate,
            count,
            from_top: rate * (count as f64 + 1.0),
            tail: tail::share(count),
        }
    }

    fn few(&self) -> bool {
        self.rate * (self.count as f64) < FEW
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "at most the count + 1"
    )]
    fn above(&self) -> usize {
        (self.from_top as usize).min(self.count)
    }

    /// How many of the largest values are looked at: by the tail's fit, or by counting.
    fn needed(&self, fitted: bool) -> usize {
        if fitted { self.tail + 1 } else { (self.above() + 1).min(self.count) }
    }

    /// By counting, of values that hold the largest ones; changes their order.
    fn counted(&self, values: &mut [f64]) -> f64 {
        let above = self.above();
        let last = self.needed(false) - 1;
        let (larger, &mut next, _) = values.select_nth_unstable_by(last, |a, b| b.total_cmp(a));
        let at = larger.iter().copied().min_by(f64::total_cmp).unwrap_or(next);
        if above > last {
            return next;
        }
        let part = self.from_top - above as f64;
        let gap = next - at;
        if at == f64::INFINITY {
            return at;
        }
        if gap.is_finite() { at + gap * part } else { at * (1.0 - part) + next * part }
    }

    /// By the tail's fit, of values that hold the largest ones; changes their order.
    fn fitted(&self, values: &mut [f64]) -> f64 {
        self.tail(values).map_or(f64::INFINITY, |tail| tail.exceeded_at(self.rate))
    }

    /// The excesses of the largest values; `None` where one of them is infinite.
    fn tail(&self, values: &mut [f64]) -> Option<Excesses> {
        let needed = self.needed(true);
        if needed < values.len() {
            values.select_nth_unstable_by(needed, |a, b| b.total_cmp(a));
        }
        let top = &mut values[..needed];
        top.sort_unstable_by(|a, b| b.total_cmp(a));
        if top.first() == Some(&f64::INFINITY) {
            None
        } else {
            Excesses::of(top, self.count)
        }
    }

    /// A resample's threshold, and whether no number bounds what it tells.
    fn estimate(&self, values: &mut [f64]) -> (f64, bool) {
        match self.few() {
            true => self
                .tail(values)
                .map_or((f64::INFINITY, true), |tail| (tail.exceeded_at(self.rate), self.unbounded && tail.is_heavy())),
            false => (self.counted(values), false),
        }
    }
}

/// What resamples draw from: of most only the large values matter.
struct Pool<'a> {
    scores: &'a [f64],
    /// The largest scores, in time's order.
    large: Vec<f64>,
    /// For each row, and the end, how many of them come before.
    before: Vec<usize>,
    needed: usize,
    block: usize,
}

impl<'a> Pool<'a> {
    /// `order` are the rows in descending order of their scores.
    fn of(scores: &'a [f64], mut order: Vec<usize>, needed: usize, block: usize) -> Result<Self> {
        // A resample has the needed ones among the four times as many largest, unless blocks of them are drawn seldom.
        order.truncate(4 * needed + 64);
        let order = order::sorted(order, Ord::cmp)?;
        let mut before = room(scores.len() + 1, 1, 0, "places of the largest scores")?;
        let mut watch = Watch::start();
        for &row in &order {
            watch.after(1)?;
            before[row + 1] = 1;
        }
        let mut sum = 0;
        for count in &mut before {
            watch.after(1)?;
            sum += *count;
            *count = sum;
        }
        Ok(Self {
            scores,
            large: order.into_iter().map(|row| scores[row]).gathered("the largest scores")?,
            before,
            needed,
            block,
        })
    }

    fn cost_ns(&self) -> f64 {
        self.scores.len() as f64 / self.block as f64 * 15.0 + self.large.len() as f64 * 10.0
    }

    fn resampled(&self, places: &Places, draws: &mut Stream, scratch: &mut [f64], stop: &Stop) -> (f64, bool) {
        if stop.requested() {
            return (f64::NAN, false);
        }
        let again = draws.clone();
        let mut filled = 0;
        self.blocks(draws, stop, |rows| {
            let large = &self.large[self.before[rows.start]..self.before[rows.end]];
            scratch[filled..filled + large.len()].copy_from_slice(large);
            filled += large.len();
        });
        if filled < self.needed {
            filled = 0;
            self.blocks(&mut again.clone(), stop, |rows| {
                scratch[filled..filled + rows.len()].copy_from_slice(&self.scores[rows.clone()]);
                filled += rows.len();
            });
        }
        if stop.requested() {
            return (f64::NAN, false);
        }
        places.estimate(&mut scratch[..filled])
    }

    /// Calls `take` for ranges of rows that together are a resample of as many rows as there are scores.
    fn blocks(&self, draws: &mut Stream, stop: &Stop, mut take: impl FnMut(std::ops::Range<usize>)) {
        let count = self.scores.len();
        let mut left = count;
        let mut drawn = 0_usize;
        while left > 0 {
            drawn += 1;
            if drawn.is_multiple_of(4096) && stop.requested() {
                return;
            }
            let start = draws.random_range(0..count);
            let length = self.block.min(left);
            let end = (start + length).min(count);
            take(start..end);
            take(0..length - (end - start));
            left -= length;
        }
    }
}

#[cfg(test)]
mod places_tests;
