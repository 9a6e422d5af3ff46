//! A detector for each operating regime: what is abnormal depends on what the machine is doing.
//!
//! Each regime with rows enough has a detector of its own, every other row goes to one of all rows. Each score is divided by
//! its detector's own limit, so that 1 means the same in all regimes (local models, Zhao, Zhang and Xu 2004,
//! doi 10.1021/ie0497893): limits from stretches of the regime's rows, each judged by a detector of the others, or for AR(1)
//! a quantile of its training rows' scores.
//!
//! # Examples
//!
//! ```
//! use acm_detectors::regime_detector::{Kind, RegimeDetector};
//! use ndarray::{Array2, array};
//!
//! # fn main() -> acm_linalg::Result<()> {
//! // Regime 1 runs ten units higher.
//! let x = Array2::from_shape_fn((100, 2), |(row, sensor)| {
//!     let noise = ((3 + sensor) * row % 7) as f64 / 10.0;
//!     (row / 50 * 10) as f64 + noise
//! });
//! let labels: Vec<i64> = (0..100).map(|row| row / 50).collect();
//! let model = RegimeDetector::new(Kind::Mahalanobis, 0.01, 20)?.fit(x.view().into(), Some(&labels))?;
//! // The same values, usual in one regime and a fault in the other.
//! let rows = array![[10.3, 10.3], [10.3, 10.3]];
//! let mut score = [0.0; 2];
//! model.score(rows.view().into(), Some(&[1, 0]), &mut score)?;
//! assert!(score[0] < 1.0 && 1.0 < score[1]);
//! # Ok(())
//! # }
//! ```

mod score;
mod state;
#[cfg(test)]
mod tests;

use acm_linalg::covariance::Shrinkage;
use acm_linalg::error::require;
use acm_linalg::memory::{Gather, extend, push};
use acm_linalg::pca::Components;
use acm_linalg::samples::room;
use acm_linalg::scaling::{Manner, keep_known, quantile};
use acm_linalg::{Error, Result, Samples};
use ndarray::ArrayView2;

use crate::ar1::{Ar1, FittedAr1, Fuse};
use crate::constants::{self, Constants};
use crate::mahalanobis::{FittedMahalanobis, MahalanobisDetector};
use crate::pca::{Decomposition, FittedPca, Limits, PcaDetector, Statistic};

use crate::screen::{LeftOut, Screened};

pub use score::RegimeDetectorMemory;

/// Share of the variance that a regime's principal components explain.
const SHARE: f64 = 0.9;

/// A limit up to this is of scores that are all 0.
const NOTHING: f64 = 1e-12;

/// Which detector a regime has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// [`FittedPca`] of the components that explain more than 0.9 of the variance.
    Pca,
    /// [`FittedMahalanobis`] after Ledoit and Wolf.
    Mahalanobis,
    /// [`FittedAr1`].
    Ar1,
}

impl Kind {
    /// Every detector and its name.
    pub const ALL: [(&'static str, Self); 3] = [
        ("pca", Self::Pca),
        ("mahalanobis", Self::Mahalanobis),
        ("ar1", Self::Ar1),
    ];

    /// What stands still in one regime may read otherwise in another: constants are those of all rows.
    fn fit(self, x: Samples<'_>, rate: f64) -> Result<Inner> {
        Ok(match self {
            Self::Pca => {
                let share = Components::Share(SHARE);
                let inner = PcaDetector::new(share, 0, Manner::Robust, rate, Limits::HeldOut)?;
                Inner::Pca(inner.with_constants(false).fit(x)?)
            }
            Self::Mahalanobis => {
                let inner = MahalanobisDetector::new(Shrinkage::LedoitWolf, 0)?;
                Inner::Mahalanobis(inner.with_constants(false).fit(x)?)
            }
            Self::Ar1 => Inner::Ar1(Ar1::new(0.999, None, Fuse::Mean)?.with_constants(false).fit(x)?),
        })
    }

    /// Whether a row's score depends on the row before.
    fn looks_back(self) -> bool {
        self == Self::Ar1
    }
}

/// Parameters.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RegimeDetector {
    kind: Kind,
    rate: f64,
    min_rows: usize,
    constants: bool,
}

constants::parameter!(RegimeDetector);

impl RegimeDetector {
    /// A detector of `kind` for each regime of at least `min_rows` rows, with limits that a share `rate` of healthy rows
    /// exceeds.
    ///
    /// # Errors
    /// [`Error::Parameter`] unless `0 < rate < 1` and `min_rows >= 2`.
    pub fn new(kind: Kind, rate: f64, min_rows: usize) -> Result<Self> {
        require(rate > 0.0 && rate < 1.0, "false_alarm_rate", "between 0 and 1", rate)?;
        require(min_rows >= 2, "min_rows", "at least 2", min_rows)?;
        Ok(Self {
            kind,
            rate,
            min_rows,
            constants: true,
        })
    }

    /// Which detector a regime has.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Share of a regime's healthy rows that score above 1.
    #[must_use]
    pub fn rate(&self) -> f64 {
        self.rate
    }

    /// Fewest rows of a regime with a detector of its own.
    #[must_use]
    pub fn min_rows(&self) -> usize {
        self.min_rows
    }

    /// Learns from healthy rows, oldest first, and the regime of each (negative: none; without `labels` no row has one).
    ///
    /// A regime on whose rows no detector can be fitted, because they are too few, no column changes there or none is known often
    /// enough, has none of its own. A limit of 0 (all scores are 0) counts as 1.
    ///
    /// Shapes: x (n, d), labels (n,).
    /// Cost: two fits of the detector on n rows, for AR(1) two scorings of them, and a copy of the largest regime's rows.
    ///
    /// # Errors
    /// [`Error::Length`] for labels of another number than rows; else those of the detector's fit on all rows.
    pub fn fit(&self, x: Samples<'_>, labels: Option<&[i64]>) -> Result<FittedRegimeDetector> {
        require_labels(x.rows(), labels)?;
        let screened = Screened::of(x)?;
        // Rows of states that are known are judged among their like.
        let screened = if labels.is_some() { screened.with_all()? } else { screened };
        let numbers = screened.kept(&(0..x.rows() as u64).gathered("the rows to train on")?)?;
        let (training, labels) = (screened.training(x)?, labels.map(|labels| screened.kept(labels)).transpose()?);
        let (x, labels) = (training.samples(), labels.as_deref());
        let (rows, columns) = (x.rows(), x.columns());
        let pooled = self.kind.fit(x, self.rate)?;
        let (mut regimes, mut detectors, mut lost) = (Vec::new(), Vec::new(), Vec::new());
        for (label, count) in self.frequent(labels)? {
            let mut own = room(count, columns, 0.0, "the rows of a regime")?;
            let (mut end, mut taken) = (0, 0);
            for run in labels.unwrap_or(&[]).chunk_by(|a, b| a == b) {
                end += run.len();
                if run[0] == label {
                    let to = &mut own[taken * columns..(taken + run.len()) * columns];
                    x.read(end - run.len()..end, to);
                    taken += run.len();
                }
            }
            match self.kind.fit(table(&own, count, columns)?, self.rate) {
                Ok(detector) => {
                    let rows = labels.unwrap_or(&[]).iter().zip(&numbers).filter(|pair| *pair.0 == label);
                    let rows = rows.map(|pair| *pair.1).gathered("the rows of a regime")?;
                    for &place in detector.lost() {
                        let row = usize::try_from(place).ok().and_then(|place| rows.get(place));
                        extend(&mut lost, row.copied(), "the rows of a regime")?;
                    }
                    push(&mut regimes, label, "the regimes")?;
                    push(&mut detectors, LimitedDetector::new(detector, count), "the regimes")?;
                }
                Err(Error::TooFew { .. } | Error::Unfit { .. } | Error::Singular { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        push(&mut detectors, LimitedDetector::new(pooled, rows), "the regimes")?;
        let mut fitted = FittedRegimeDetector {
            parameters: *self,
            regimes,
            parts: detectors,
            constants: Constants::default(),
            left_out: LeftOut::default(),
        };
        fitted.find_limits(x, labels)?;
        fitted.constants = Constants::among_used(self.constants, x)?;
        fitted.left_out = screened.left_out();
        extend(&mut fitted.left_out.rows, lost, "the rows of a regime")?;
        fitted.left_out.rows.sort_unstable();
        Ok(fitted)
    }

    /// The regimes with rows enough, rising, and their rows.
    fn frequent(&self, labels: Option<&[i64]>) -> Result<Vec<(i64, usize)>> {
        let labels = labels.unwrap_or(&[]);
        let mut sorted = room(labels.len(), 1, 0, "the labels")?;
        sorted.copy_from_slice(labels);
        sorted.sort_unstable();
        let runs = sorted.chunk_by(|a, b| a == b).map(|run| (run[0], run.len()));
        let frequent = runs.filter(|&(label, count)| label >= 0 && count >= self.min_rows);
        frequent.gathered("the regimes")
    }
}

/// A fitted detector.
#[derive(Debug, Clone, PartialEq)]
enum Inner {
    Pca(FittedPca),
    Mahalanobis(FittedMahalanobis),
    Ar1(FittedAr1),
}

impl Inner {
    fn columns(&self) -> usize {
        match self {
            Self::Pca(detector) => detector.columns(),
            Self::Mahalanobis(detector) => detector.columns(),
            Self::Ar1(detector) => detector.columns(),
        }
    }

    /// Rows that it has not learned from.
    fn lost(&self) -> &[u64] {
        match self {
            Self::Pca(detector) => &detector.left_out().rows,
            Self::Mahalanobis(detector) => &detector.left_out().rows,
            Self::Ar1(_) => &[],
        }
    }

    /// Columns whose level wanders in its rows, and the share of them that is expected in alarm.
    fn wandering(&self) -> (&[usize], Option<f64>) {
        match self {
            Self::Pca(detector) => (detector.wandering(), Some(detector.expected_false_alarms())),
            Self::Mahalanobis(detector) => (detector.wandering(), Some(detector.expected_false_alarms())),
            Self::Ar1(_) => (&[], None),
        }
    }

    /// What a share `rate` of healthy rows' scores exceeds, where the detector tells.
    fn limit(&self, rate: f64) -> Result<Option<f64>> {
        match self {
            // Its score is relative to its limits.
            Self::Pca(_) => Ok(Some(1.0)),
            Self::Mahalanobis(detector) => detector.limit(rate).map(Some),
            Self::Ar1(_) => Ok(None),
        }
    }

    fn score(&self, x: Samples<'_>, out: &mut [f64]) -> Result<()> {
        match self {
            Self::Pca(detector) => detector.score(x, out),
            Self::Mahalanobis(detector) => detector.score(x, out),
            Self::Ar1(detector) => detector.score(x, out),
        }
    }

    fn contributions(&self, x: Samples<'_>, out: &mut [f64]) -> Result<()> {
        match self {
            Self::Pca(detector) => detector.contributions(x, Statistic::Score, Decomposition::Partial, out),
            Self::Mahalanobis(detector) => detector.contributions(x, out),
            Self::Ar1(detector) => detector.contributions(x, out),
        }
    }
}

/// A detector and what its scores are divided by.
#[derive(Debug, Clone, PartialEq)]
struct LimitedDetector {
    detector: Inner,
    limit: f64,
    rows: usize,
}

impl LimitedDetector {
    fn new(detector: Inner, rows: usize) -> Self {
        Self {
            detector,
            limit: 1.0,
            rows,
        }
    }
}

/// A detector for each regime, and one for all other rows.
#[derive(Debug, Clone, PartialEq)]
pub struct FittedRegimeDetector {
    parameters: RegimeDetector,
    /// Those with a detector of their own, rising.
    regimes: Vec<i64>,
    /// As many, and the one of all rows.
    parts: Vec<LimitedDetector>,
    constants: Constants,
    left_out: LeftOut,
}

constants::told!(FittedRegimeDetector);

impl FittedRegimeDetector {
    /// Each detector's limit, where it does not know its own from its own training rows as they follow one another in `x`.
    fn find_limits(&mut self, x: Samples<'_>, labels: Option<&[i64]>) -> Result<()> {
        let mut known = true;
        for part in &mut self.parts {
            match part.detector.limit(self.parameters.rate)? {
                Some(limit) => part.limit = if limit > NOTHING { limit } else { 1.0 },
                None => known = false,
            }
        }
        if known {
            return Ok(());
        }
        let rows = x.rows();
        let q = 1.0 - self.parameters.rate;
        let mut scores = room(rows, 1, 0.0, "the training scores")?;
        let limit = |values: &mut [f64]| {
            let known = keep_known(values);
            let limit = quantile(&mut values[..known], q);
            if limit > NOTHING { limit } else { 1.0 }
        };
        self.score(x, None, &mut scores)?;
        let pooled = limit(&mut scores);
        if let Some(labels) = labels.filter(|_| !self.regimes.is_empty()) {
            self.score(x, Some(labels), &mut scores)?;
            let mut own = room(rows, 1, 0.0, "the training scores")?;
            for (regime, part) in self.regimes.iter().zip(&mut self.parts) {
                let mut count = 0;
                for (score, _) in scores.iter().zip(labels).filter(|(_, label)| *label == regime) {
                    own[count] = *score;
                    count += 1;
                }
                part.limit = limit(&mut own[..count]);
            }
        }
        if let Some(part) = self.parts.last_mut() {
            part.limit = pooled;
        }
        Ok(())
    }

    /// What the fit has not learned from.
    #[must_use]
    pub fn left_out(&self) -> &LeftOut {
        &self.left_out
    }

    /// The detectors that are asked whether levels wander: those of regimes where there are any, as it is regimes that make levels
    /// of all rows part.
    fn steadied(&self) -> &[LimitedDetector] {
        let own = self.regimes.len();
        if own > 0 { &self.parts[..own] } else { &self.parts }
    }

    /// Columns whose level wanders within a regime, so that no stretch of its training rows tells of the next; rising. Its limit is
    /// then wide enough for each half of them by a model of the other.
    ///
    /// # Errors
    /// [`Error::Memory`].
    pub fn wandering(&self) -> Result<Vec<usize>> {
        let all = self.steadied().iter().flat_map(|part| part.detector.wandering().0);
        let mut all = all.copied().gathered("the columns that wander")?;
        all.sort_unstable();
        all.dedup();
        Ok(all)
    }

    /// The share of healthy rows that is expected in alarm: the rate asked for, or what the detectors of regimes expect whose columns
    /// wander.
    #[must_use]
    pub fn expected_false_alarms(&self) -> f64 {
        let rate = self.parameters.rate;
        let (mut alarms, mut rows) = (0.0, 0.0);
        for part in self.steadied() {
            let (columns, expected) = part.detector.wandering();
            let share = if columns.is_empty() { rate } else { expected.unwrap_or(rate).max(rate) };
            (alarms, rows) = (alarms + share * part.rows as f64, rows + part.rows as f64);
        }
        if alarms > rate * rows { alarms / rows } else { rate }
    }

    /// The parameters it was fitted with.
    #[must_use]
    pub fn parameters(&self) -> &RegimeDetector {
        &self.parameters
    }

    /// Columns at fit.
    #[must_use]
    pub fn columns(&self) -> usize {
        self.parts.first().map_or(0, |part| part.detector.columns())
    }

    /// The share of the sensors in use by the detector of all rows that are missing, NaN or infinite, in each row.
    ///
    /// # Errors
    /// As for [`Self::score`].
    pub fn missing(&self, x: Samples<'_>, out: &mut [f64]) -> Result<()> {
        match self.parts.last().map(|part| &part.detector) {
            Some(Inner::Pca(detector)) => detector.missing(x, out),
            Some(Inner::Mahalanobis(detector)) => detector.missing(x, out),
            Some(Inner::Ar1(detector)) => detector.missing(x, out),
            None => x.require_columns(0),
        }
    }

    /// Regimes that have a detector of their own, rising.
    #[must_use]
    pub fn regimes(&self) -> &[i64] {
        &self.regimes
    }

    /// What the scores of each of these are divided by, and last those of all other rows.
    ///
    /// # Errors
    /// [`Error::Memory`].
    pub fn limits(&self) -> Result<Vec<f64>> {
        self.parts.iter().map(|part| part.limit).gathered("the regimes")
    }

    /// Training rows of each of these, and last all.
    ///
    /// # Errors
    /// [`Error::Memory`].
    pub fn rows(&self) -> Result<Vec<usize>> {
        self.parts.iter().map(|part| part.rows).gathered("the regimes")
    }
}

/// `rows` rows as samples.
fn table(values: &[f64], rows: usize, columns: usize) -> Result<Samples<'_>> {
    let expected = rows * columns;
    let wrong = |_| Error::Length {
        name: "x",
        expected,
        got: values.len(),
    };
    Ok(ArrayView2::from_shape((rows, columns), values).map_err(wrong)?.into())
}

fn require_labels(rows: usize, labels: Option<&[i64]>) -> Result<()> {
    match labels {
        Some(labels) if labels.len() != rows => Err(Error::Length {
            name: "labels",
            expected: rows,
            got: labels.len(),
        }),
        _ => Ok(()),
    }
}
