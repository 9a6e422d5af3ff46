//! The exponentially weighted moving average chart.

use acm_linalg::error::require;
use acm_linalg::{Persist, Reader, Result, Writer};

use super::charts::{Chart, Levels, bounded};

/// A moving average of recent values with limits that hold from the first row on.
///
/// e\[0\] = 0, e\[t\] = (1 - lam) e\[t-1\] + lam (x\[t\] - target); ewma = target + e
/// v\[0\] = 0, v\[t\] = (1 - lam)^2 v\[t-1\] + lam^2 = lam / (2 - lam) (1 - (1 - lam)^(2 t)); limit = width sigma sqrt(v)
/// alarm where |e| exceeds the limit
///
/// t counts finite values. Missing: average and limit stay, no alarm. Infinite: the average is the greatest number of its sign
/// in its row, an alarm; average and limit stay.
/// Source: Roberts 1959, doi 10.1080/00401706.1959.10489860; Lucas and Saccucci 1990, doi 10.1080/00401706.1990.10484583.
///
/// # Examples
///
/// ```
/// use acm_detectors::decisions::{ChartMemory, Charted, EwmaChart, Levels};
/// use ndarray::{Array2, array};
///
/// # fn main() -> acm_linalg::Result<()> {
/// let chart = EwmaChart::new(0.5, 3.0, Levels::all(10.0), Levels::all(1.0))?;
/// let x = array![[10.0], [14.0], [10.0]];
/// let (mut first, mut second) = (Array2::zeros(x.dim()), Array2::zeros(x.dim()));
/// let mut alarm = Array2::from_elem(x.dim(), false);
/// let out = Charted { first: first.view_mut(), second: second.view_mut(), alarm: alarm.view_mut() };
/// ChartMemory::default().update(&chart, x.view().into(), out)?;
/// assert_eq!(first, array![[10.0], [12.0], [11.0]]);
/// assert!((second[[0, 0]] - 1.5).abs() < 1e-12);
/// assert_eq!(alarm, array![[false], [true], [false]]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct EwmaChart {
    lam: f64,
    width: f64,
    target: Levels,
    sigma: Levels,
}

impl EwmaChart {
    /// Weight of the newest value, width of the limits in standard deviations of the average, and the values' own mean and
    /// standard deviation.
    ///
    /// # Errors
    /// [`acm_linalg::Error::Parameter`] unless 0 < `lam` <= 1, `width` and `sigma` are above 0 and all are finite.
    pub fn new(lam: f64, width: f64, target: Levels, sigma: Levels) -> Result<Self> {
        require(lam > 0.0 && lam <= 1.0, "lam", "above 0 and at most 1", lam)?;
        require(width > 0.0 && width.is_finite(), "width", "above 0 and finite", width)?;
        target.require("target", "finite", f64::is_finite)?;
        sigma.require("sigma", "above 0 and finite", |sigma| sigma > 0.0 && sigma.is_finite())?;
        Ok(Self {
            lam,
            width,
            target,
            sigma,
        })
    }

    /// Weight of the newest value.
    #[must_use]
    pub fn lam(&self) -> f64 {
        self.lam
    }

    /// Width of the limits in standard deviations of the average.
    #[must_use]
    pub fn width(&self) -> f64 {
        self.width
    }

    /// The mean to hold.
    #[must_use]
    pub fn target(&self) -> &Levels {
        &self.target
    }

    /// The values' standard deviation.
    #[must_use]
    pub fn sigma(&self) -> &Levels {
        &self.sigma
    }
}

/// The average's deviation from its target, and its variance in units of the values' own.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct EwmaMemory {
    deviation: f64,
    variance: f64,
}

impl Chart for EwmaChart {
    const WIDTH: usize = 2;
    type Memory = EwmaMemory;

    #[inline(always)]
    fn step(&self, column: usize, memory: &mut EwmaMemory, value: Option<f64>) -> ([f64; 2], bool) {
        let target = self.target.of(column);
        let beyond = value.filter(|value| value.is_infinite());
        if let Some(value) = value.filter(|value| value.is_finite()) {
            let kept = 1.0 - self.lam;
            memory.deviation = bounded(kept * memory.deviation + self.lam * bounded(value - target));
            memory.variance = kept * kept * memory.variance + self.lam * self.lam;
        }
        let limit = bounded(self.width * (self.sigma.of(column) * memory.variance.sqrt()));
        if let Some(value) = beyond {
            return ([bounded(value), limit], true);
        }
        let alarm = value.is_some() && memory.deviation.abs() > limit;
        ([bounded(target + memory.deviation), limit], alarm)
    }

    fn suits(&self, columns: usize) -> Result<()> {
        self.target.fit("target", columns)?;
        self.sigma.fit("sigma", columns)
    }

    fn save(memory: &EwmaMemory, to: &mut Vec<f64>) {
        to.extend([memory.deviation, memory.variance]);
    }

    fn load(from: &[f64]) -> Option<EwmaMemory> {
        let &[deviation, variance] = from else { return None };
        let sound = deviation.is_finite() && (0.0..=1.0).contains(&variance);
        sound.then_some(EwmaMemory { deviation, variance })
    }
}

impl Persist for EwmaChart {
    const KIND: &'static str = "EwmaChart";
    const VERSION: u64 = 2;

    fn write(&self, to: &mut Writer) {
        to.real("lam", self.lam);
        to.real("width", self.width);
        self.target.write("target", to);
        self.sigma.write("sigma", to);
    }

    fn read(from: &Reader<'_>) -> Result<Self> {
        let (target, sigma) = (Levels::read("target", from)?, Levels::read("sigma", from)?);
        let read = Self::new(from.real("lam")?, from.real("width")?, target, sigma);
        read.map_err(|_| from.wrong("lam, width, target or sigma"))
    }
}
