//! Two-sided cumulative sums.

use acm_linalg::error::require;
use acm_linalg::{Persist, Reader, Result, Writer};

use super::charts::{Chart, Levels, bounded};

/// Tabular cumulative sums of what exceeds the drift on either side.
///
/// z\[t\] = (x\[t\] - target) / scale
/// high\[t\] = max(0, high\[t-1\] + z\[t\] - drift), low\[t\] = max(0, low\[t-1\] - z\[t\] - drift)
/// alarm where high or low exceeds the threshold
///
/// Missing: the sums stay, no alarm. Infinite: the sum of its side is the greatest number in its row, an alarm; the sums stay.
/// Source: Page 1954, doi 10.1093/biomet/41.1-2.100; the tabular form: Montgomery, Introduction to statistical quality
/// control, chapter 9.
///
/// # Examples
///
/// ```
/// use acm_detectors::decisions::{ChartMemory, Charted, Cusum, Levels};
/// use ndarray::{Array2, array};
///
/// # fn main() -> acm_linalg::Result<()> {
/// let chart = Cusum::new(2.0, 0.5, Levels::all(0.0), Levels::all(1.0), false)?;
/// let x = array![[0.0], [2.0], [2.0], [-1.0]];
/// let (mut first, mut second) = (Array2::zeros(x.dim()), Array2::zeros(x.dim()));
/// let mut alarm = Array2::from_elem(x.dim(), false);
/// let out = Charted { first: first.view_mut(), second: second.view_mut(), alarm: alarm.view_mut() };
/// ChartMemory::default().update(&chart, x.view().into(), out)?;
/// assert_eq!(first, array![[0.0], [1.5], [3.0], [1.5]]);
/// assert_eq!(second, array![[0.0], [0.0], [0.0], [0.5]]);
/// assert_eq!(alarm, array![[false], [false], [true], [false]]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Cusum {
    threshold: f64,
    drift: f64,
    target: Levels,
    scale: Levels,
    reset: bool,
}

impl Cusum {
    /// Threshold and drift in units of `scale`. With `reset` both sums start again from 0 after an alarm's row.
    ///
    /// # Errors
    /// [`acm_linalg::Error::Parameter`] unless `threshold` and `scale` are above 0, `drift` is at least 0 and all are finite.
    pub fn new(threshold: f64, drift: f64, target: Levels, scale: Levels, reset: bool) -> Result<Self> {
        require(threshold > 0.0 && threshold.is_finite(), "threshold", "above 0 and finite", threshold)?;
        require(drift >= 0.0 && drift.is_finite(), "drift", "at least 0 and finite", drift)?;
        target.require("target", "finite", f64::is_finite)?;
        scale.require("scale", "above 0 and finite", |scale| scale > 0.0 && scale.is_finite())?;
        Ok(Self {
            threshold,
            drift,
            target,
            scale,
            reset,
        })
    }

    /// What the sums must exceed for an alarm.
    #[must_use]
    pub fn threshold(&self) -> f64 {
        self.threshold
    }

    /// What the sums leave out of each value.
    #[must_use]
    pub fn drift(&self) -> f64 {
        self.drift
    }

    /// The mean to hold.
    #[must_use]
    pub fn target(&self) -> &Levels {
        &self.target
    }

    /// The unit of threshold and drift.
    #[must_use]
    pub fn scale(&self) -> &Levels {
        &self.scale
    }

    /// Whether an alarm starts the sums again.
    #[must_use]
    pub fn reset(&self) -> bool {
        self.reset
    }
}

/// The two sums.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct CusumMemory {
    high: f64,
    low: f64,
}

impl Chart for Cusum {
    const WIDTH: usize = 2;
    type Memory = CusumMemory;

    #[inline(always)]
    fn step(&self, column: usize, memory: &mut CusumMemory, value: Option<f64>) -> ([f64; 2], bool) {
        let Some(value) = value else {
            return ([memory.high, memory.low], false);
        };
        if value.is_infinite() {
            let kept = *memory;
            if self.reset {
                *memory = CusumMemory::default();
            }
            let high = value > 0.0;
            return (if high { [f64::MAX, kept.low] } else { [kept.high, f64::MAX] }, true);
        }
        let z = bounded(bounded(value - self.target.of(column)) / self.scale.of(column));
        let sums = CusumMemory {
            high: bounded(memory.high + (z - self.drift)).max(0.0),
            low: bounded(memory.low + (-z - self.drift)).max(0.0),
        };
        let alarm = sums.high.max(sums.low) > self.threshold;
        *memory = if alarm && self.reset { CusumMemory::default() } else { sums };
        ([sums.high, sums.low], alarm)
    }

    fn suits(&self, columns: usize) -> Result<()> {
        self.target.fit("target", columns)?;
        self.scale.fit("scale", columns)
    }

    fn save(memory: &CusumMemory, to: &mut Vec<f64>) {
        to.extend([memory.high, memory.low]);
    }

    fn load(from: &[f64]) -> Option<CusumMemory> {
        let &[high, low] = from else { return None };
        let sound = [high, low].iter().all(|sum| sum.is_finite() && *sum >= 0.0);
        sound.then_some(CusumMemory { high, low })
    }
}

impl Persist for Cusum {
    const KIND: &'static str = "Cusum";
    const VERSION: u64 = 2;

    fn write(&self, to: &mut Writer) {
        to.real("threshold", self.threshold);
        to.real("drift", self.drift);
        self.target.write("target", to);
        self.scale.write("scale", to);
        to.count("reset", u64::from(self.reset));
    }

    fn read(from: &Reader<'_>) -> Result<Self> {
        let (target, scale) = (Levels::read("target", from)?, Levels::read("scale", from)?);
        let reset = from.count("reset")? == 1;
        let read = Self::new(from.real("threshold")?, from.real("drift")?, target, scale, reset);
        read.map_err(|_| from.wrong("threshold, drift, target or scale"))
    }
}
