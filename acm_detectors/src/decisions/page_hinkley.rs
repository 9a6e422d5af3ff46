//! The Page-Hinkley test: cumulative sums about the mean of what has been seen.

use acm_linalg::error::require;
use acm_linalg::{Persist, Reader, Result, Writer};

use super::charts::{Chart, bounded};

/// Whether the mean has moved up or down from where it has been so far.
///
/// mean\[t\] = mean of the finite x\[s\], s <= t
/// high\[t\] = m\[t\] - min over s <= t of m\[s\], m\[t\] = m\[t-1\] + x\[t\] - mean\[t\] - delta; low likewise of -x
/// alarm where high or low exceeds the threshold and at least `min_rows` values are finite
///
/// Kept as high\[t\] = max(0, high\[t-1\] + x\[t\] - mean\[t\] - delta), which is the same and does not grow without bound.
/// Missing: everything stays, no alarm. Infinite: the sum of its side is the greatest number in its row, an alarm once
/// `min_rows` values were finite; everything stays.
/// Source: Page 1954, doi 10.1093/biomet/41.1-2.100; Hinkley 1971, doi 10.1093/biomet/58.3.509.
///
/// # Examples
///
/// ```
/// use acm_detectors::decisions::{ChartMemory, Charted, PageHinkley};
/// use ndarray::{Array2, array};
///
/// # fn main() -> acm_linalg::Result<()> {
/// // The mean of what came before need not be known.
/// let chart = PageHinkley::new(1.0, 0.0, 2, false)?;
/// let x = array![[1.0], [1.0], [4.0]];
/// let (mut first, mut second) = (Array2::zeros(x.dim()), Array2::zeros(x.dim()));
/// let mut alarm = Array2::from_elem(x.dim(), false);
/// let out = Charted { first: first.view_mut(), second: second.view_mut(), alarm: alarm.view_mut() };
/// ChartMemory::default().update(&chart, x.view().into(), out)?;
/// assert_eq!(first, array![[0.0], [0.0], [2.0]]);
/// assert_eq!(second, array![[0.0], [0.0], [0.0]]);
/// assert_eq!(alarm, array![[false], [false], [true]]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct PageHinkley {
    threshold: f64,
    delta: f64,
    min_rows: u64,
    reset: bool,
}

impl PageHinkley {
    /// Threshold and the change that is allowed, both in the values' unit. With `reset` all is forgotten after an alarm's row,
    /// the mean too.
    ///
    /// # Errors
    /// [`acm_linalg::Error::Parameter`] unless `threshold` is above 0, `delta` at least 0, both finite, `min_rows` at least 1.
    pub fn new(threshold: f64, delta: f64, min_rows: usize, reset: bool) -> Result<Self> {
        require(threshold > 0.0 && threshold.is_finite(), "threshold", "above 0 and finite", threshold)?;
        require(delta >= 0.0 && delta.is_finite(), "delta", "at least 0 and finite", delta)?;
        require(min_rows >= 1, "min_rows", "at least 1", min_rows)?;
        Ok(Self {
            threshold,
            delta,
            min_rows: min_rows as u64,
            reset,
        })
    }

    /// What the sums must exceed for an alarm.
    #[must_use]
    pub fn threshold(&self) -> f64 {
        self.threshold
    }

    /// The change that is allowed.
    #[must_use]
    pub fn delta(&self) -> f64 {
        self.delta
    }

    /// Known values before the first alarm.
    #[must_use]
    pub fn min_rows(&self) -> u64 {
        self.min_rows
    }

    /// Whether an alarm starts the sums again.
    #[must_use]
    pub fn reset(&self) -> bool {
        self.reset
    }
}

/// How many values were known, their mean, and the sums.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct PageHinkleyMemory {
    count: u64,
    mean: f64,
    high: f64,
    low: f64,
}

impl Chart for PageHinkley {
    const WIDTH: usize = 4;
    type Memory = PageHinkleyMemory;

    #[inline(always)]
    fn step(&self, _: usize, memory: &mut PageHinkleyMemory, value: Option<f64>) -> ([f64; 2], bool) {
        let Some(value) = value else {
            return ([memory.high, memory.low], false);
        };
        if value.is_infinite() {
            let statistics = if value > 0.0 { [f64::MAX, memory.low] } else { [memory.high, f64::MAX] };
            let alarm = memory.count >= self.min_rows;
            if alarm && self.reset {
                *memory = PageHinkleyMemory::default();
            }
            return (statistics, alarm);
        }
        if memory.count == 0 {
            memory.mean = value;
        }
        memory.count += 1;
        memory.mean = bounded(memory.mean + bounded(value - memory.mean) / memory.count as f64);
        let deviation = bounded(value - memory.mean);
        memory.high = bounded(memory.high + (deviation - self.delta)).max(0.0);
        memory.low = bounded(memory.low + (-deviation - self.delta)).max(0.0);
        let statistics = [memory.high, memory.low];
        let alarm = memory.count >= self.min_rows && memory.high.max(memory.low) > self.threshold;
        if alarm && self.reset {
            *memory = PageHinkleyMemory::default();
        }
        (statistics, alarm)
    }

    fn suits(&self, _: usize) -> Result<()> {
        Ok(())
    }

    fn save(memory: &PageHinkleyMemory, to: &mut Vec<f64>) {
        // Exact below 2^53 values.
        to.extend([memory.count as f64, memory.mean, memory.high, memory.low]);
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a whole number below 2^53"
    )]
    fn load(from: &[f64]) -> Option<PageHinkleyMemory> {
        let &[count, mean, high, low] = from else { return None };
        let counted = (0.0..9_007_199_254_740_992.0).contains(&count) && count.fract() == 0.0;
        let sound = counted && mean.is_finite() && [high, low].iter().all(|sum| sum.is_finite() && *sum >= 0.0);
        sound.then_some(PageHinkleyMemory {
            count: count as u64,
            mean,
            high,
            low,
        })
    }
}

impl Persist for PageHinkley {
    const KIND: &'static str = "PageHinkley";
    const VERSION: u64 = 2;

    fn write(&self, to: &mut Writer) {
        to.real("threshold", self.threshold);
        to.real("delta", self.delta);
        to.count("min_rows", self.min_rows);
        to.count("reset", u64::from(self.reset));
    }

    fn read(from: &Reader<'_>) -> Result<Self> {
        let reset = from.count("reset")? == 1;
        let read = Self::new(from.real("threshold")?, from.real("delta")?, from.size("min_rows")?, reset);
        read.map_err(|_| from.wrong("threshold, delta or min_rows"))
    }
}
