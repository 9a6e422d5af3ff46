//! Squared Mahalanobis distances from the mean of healthy data.
//!
//! # Examples
//!
//! ```
//! use acm_detectors::mahalanobis::MahalanobisDetector;
//! use acm_linalg::covariance::Shrinkage;
//! use ndarray::{Array2, array};
//!
//! # fn main() -> acm_linalg::Result<()> {
//! // Sensor 1 follows the load of sensor 0.
//! let healthy = Array2::from_shape_fn((200, 2), |(row, sensor)| {
//!     let load = (37 * row % 101) as f64;
//!     if sensor == 0 { load } else { 2.0 * load + (row % 7) as f64 }
//! });
//! let model = MahalanobisDetector::new(Shrinkage::LedoitWolf, 0)?.fit(healthy.view().into())?;
//! // The second row's sensor 1 reads far too little for that load.
//! let rows = array![[50.0, 103.0], [50.0, 20.0]];
//! let (mut score, mut shares) = ([0.0; 2], [0.0; 4]);
//! model.score(rows.view().into(), &mut score)?;
//! assert!(score[1] > model.limit(1e-6)?);
//! // What the sensors contribute sums to the score.
//! model.contributions(rows.view().into(), &mut shares)?;
//! assert!((shares[2] + shares[3] - score[1]).abs() < 1e-9 * score[1]);
//! # Ok(())
//! # }
//! ```

mod alone;
mod held_out;
mod merged;
mod rounded;
mod state;
#[cfg(test)]
mod tests;
mod whitening;

use acm_linalg::covariance::{Centered, Shrinkage, shrunk};
use acm_linalg::error::require;
use acm_linalg::lanes::{LANES, Row, V};
use acm_linalg::samples::{by_rows, room, share_missing};
use acm_linalg::scaling::Manner;
use acm_linalg::{Result, Samples};
use fearless_simd::{Level, Simd, dispatch};

use crate::alone::Alone;
use crate::constants::{self, Constants, RAREST};
use crate::gaps::{self, Dense, Gaps, Lack, Trouble};
use crate::held_out::HeldOut;
use crate::lagged::Lagged;
pub use crate::lagged::LaggedMemory;
use crate::limits::{chi2_upper, t2_limit};
use crate::packed::{rows_of, squares_by_group};
use crate::rounding::Rounding;
use crate::screen::{LeftOut, Screened};
use crate::states::States;
use crate::wandering::Wandering;
use alone::Lane;
use whitening::{Thin, Whitening};

/// Parameters of the Mahalanobis detector.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MahalanobisDetector {
    shrinkage: Shrinkage,
    lags: usize,
    constants: bool,
}

constants::parameter!(MahalanobisDetector);

/// A Mahalanobis detector that knows healthy data.
#[derive(Debug, Clone, PartialEq)]
pub struct FittedMahalanobis {
    parameters: MahalanobisDetector,
    lagged: Lagged,
    rows: usize,
    /// (width, width), row-major.
    covariance: Vec<f64>,
    shrinkage: f64,
    whitening: Whitening,
    /// The covariance's inverse.
    precision: Dense,
    held_out: Option<HeldOut>,
    wandering: Option<Wandering>,
    states: States,
    rounding: Rounding,
    /// For each coarser step what judges rows that are rounded to it.
    rounded: Vec<(Whitening, Dense)>,
    alone: Alone,
    constants: Constants,
    left_out: LeftOut,
}

impl MahalanobisDetector {
    /// # Errors
    /// [`acm_linalg::Error::Parameter`] unless a share of shrinkage lies in [0, 1].
    pub fn new(shrinkage: Shrinkage, lags: usize) -> Result<Self> {
        if let Shrinkage::Share(share) = shrinkage {
            require((0.0..=1.0).contains(&share), "shrinkage", "between 0 and 1", share)?;
        }
        Ok(Self {
            shrinkage,
            lags,
            constants: true,
        })
    }

    /// How much the covariance is drawn towards a multiple of the identity.
    #[must_use]
    pub fn shrinkage(&self) -> Shrinkage {
        self.shrinkage
    }

    /// Earlier rows beside each row.
    #[must_use]
    pub fn lags(&self) -> usize {
        self.lags
    }

    /// Learns from healthy rows, oldest first: means, standard deviations and the covariance of the scaled columns.
    ///
    /// Missing values are replaced by what the others let expect, with the noise about that; columns without a value, or
    /// that change by no more than rounding, are left out; scaled values are clipped to ±1e6.
    ///
    /// Cost: n w² / 2 products with w = d (lags + 1), once more for the limits from held-out rows, and the factors of eleven
    /// (w, w) matrices, of four more for coarser steps, fewer from 200 coordinates on; where there are 256 coordinates or more
    /// and at most half as many rows, n² w products.
    ///
    /// # Errors
    /// [`acm_linalg::Error::TooFew`] unless there are six rows more than lags, and without shrinkage more rows than coordinates;
    /// [`acm_linalg::Error::Unfit`] where no column changes;
    /// [`acm_linalg::Error::Singular`] where columns determine one another and nothing is shrunk; [`acm_linalg::Error::Memory`];
    /// [`acm_linalg::Error::Interrupted`].
    pub fn fit(&self, x: Samples<'_>) -> Result<FittedMahalanobis> {
        let screened = Screened::of(x)?;
        let (training, states) = screened.beside(x, self.lags)?;
        let (all, x) = (x, training.samples());
        let mut lagged = Lagged::fit(x, Manner::Standard, self.lags)?;
        if matches!(self.shrinkage, Shrinkage::Nothing | Shrinkage::Share(0.0)) {
            x.require(lagged.width() + 1)?;
        }
        let complete = lagged.completed(x)?;
        let x = complete.as_ref().map_or(x, |complete| complete.view().into());
        let points = lagged.points(x);
        let centered = Centered::new(&points)?;
        let mean = centered.mean()?;
        let found = shrunk(&centered, self.shrinkage)?;
        let width = lagged.width();
        let (whitening, precision) = if Thin::suits(x.rows(), width, found.shrinkage) {
            let thin = Thin::of(&centered, found.shrinkage)?;
            let precision = thin.precision()?;
            (Whitening::Thin(thin), precision)
        } else {
            whitening::dense(&found.covariance, width)?
        };
        lagged.mean = mean;
        let mut fitted = FittedMahalanobis {
            parameters: *self,
            whitening,
            precision,
            lagged,
            rows: x.rows(),
            covariance: found.covariance,
            shrinkage: found.shrinkage,
            held_out: None,
            wandering: None,
            states: States::default(),
            rounding: Rounding::default(),
            rounded: Vec::new(),
            alone: Alone::default(),
            constants: Constants::default(),
            left_out: LeftOut::default(),
        };
        if let Some((held_out, wandering)) = held_out::distances(&fitted, x)? {
            (fitted.held_out, fitted.wandering) = (Some(held_out), wandering);
        }
        fitted.states = States::new(&states, &fitted.lagged, |row, out| fitted.precision.times(row, out))?;
        fitted.learn_steps(all, training.samples())?;
        fitted.constants = Constants::learn(self.constants, &screened, all, &fitted.used()?)?;
        fitted.left_out = screened.left_out();
        Ok(fitted)
    }
}

constants::told!(FittedMahalanobis);

impl FittedMahalanobis {
    /// The squared Mahalanobis distance of each row.
    ///
    /// Shapes: x (n, d) -> (n,).
    /// Missing: the squared distance of the present coordinates in their own covariance, at the same quantile of χ² for all of
    /// them, so that one limit holds for every row; NaN for a row without any value of a sensor in use.
    /// Cost: n d² / 2 products; of m missing values m³ / 6 + m d more. Threads: rows.
    /// Oracle: scikit-learn `LedoitWolf().mahalanobis` of the scaled rows, 1e-10; NumPy with the covariance of the present
    /// coordinates, 1e-10.
    ///
    /// # Errors
    /// [`acm_linalg::Error::Columns`]; [`acm_linalg::Error::Length`] for another `out`; [`acm_linalg::Error::Memory`];
    /// [`acm_linalg::Error::Interrupted`].
    pub fn score(&self, x: Samples<'_>, out: &mut [f64]) -> Result<()> {
        x.require_columns(self.lagged.columns)?;
        self.walk(x, 0, false, out)?;
        self.watch(x, out)
    }

    /// What each sensor contributes to the squared distance of each row: z_j (S⁻¹ z)_j, signed, summing to it; a deviation
    /// of one sensor alone is all its own. Shares of a sensor's lags count together; a column that was left out and a missing
    /// value have none.
    ///
    /// # Errors
    /// Those of [`Self::score`].
    pub fn contributions(&self, x: Samples<'_>, out: &mut [f64]) -> Result<()> {
        x.require_columns(self.lagged.columns)?;
        self.walk(x, 0, true, out)?;
        self.constants.share(x, out)
    }

    /// The scores of the rows that follow those that `live` has seen: what the whole history at once would give for them,
    /// to the last bit.
    ///
    /// # Errors
    /// Those of [`Self::score`]; `live` is then as it was.
    pub fn update(&self, live: &mut LaggedMemory, x: Samples<'_>, out: &mut [f64]) -> Result<()> {
        x.require_columns(self.lagged.columns)?;
        if self.lagged.lags == 0 {
            return self.score(x, out);
        }
        let (all, old) = live.before(x)?;
        let latest = LaggedMemory::of(&all, self.lagged.lags)?;
        self.walk(all.view().into(), old, false, out)?;
        self.watch(x, out)?;
        *live = latest;
        Ok(())
    }

    /// Raises the scores of rows in which a constant has moved.
    fn watch(&self, x: Samples<'_>, scores: &mut [f64]) -> Result<()> {
        if !self.constants.is_empty() {
            self.constants.raise(x, self.limit(RAREST)?, scores)?;
        }
        Ok(())
    }

    /// The rows of `x` from `skip` on: their scores, or what the columns contribute.
    fn walk(&self, x: Samples<'_>, skip: usize, parts: bool, out: &mut [f64]) -> Result<()> {
        let width = if parts { self.lagged.columns } else { 1 };
        let passes = if parts { 2.0 } else { 1.0 };
        let trouble = Trouble::default();
        by_rows(
            x.rows() - skip,
            width,
            out,
            2.0 * self.lagged.width() as f64 + passes * self.whitening.cost_ns(),
            || {
                let padded = self.whitening.padded();
                Ok(Desk {
                    raw: self.lagged.scratch()?,
                    points: rows_of(padded)?,
                    white: rows_of(self.whitening.values())?,
                    back: rows_of(padded)?,
                    saved: rows_of(padded)?,
                    mixed: room(LANES, width, 0.0, "eight rows")?,
                    lane: Lane::new(self.lagged.width())?,
                    gaps: Gaps::new(self.lagged.width())?,
                    latest: 0,
                })
            },
            |desk, rows, out, stop| {
                for (out, first) in out.chunks_mut(LANES * width).zip(rows.step_by(LANES)) {
                    if stop.requested() {
                        return;
                    }
                    let done = dispatch!(Level::new(), simd => self.eight(simd, &x, first + skip, parts, desk, out));
                    if !trouble.none(done) {
                        return;
                    }
                }
            },
        )?;
        trouble.told()
    }

    /// The rows from `first` on, as many as `out` has room for, up to eight.
    #[inline(always)]
    fn eight<S: Simd>(
        &self,
        simd: S,
        x: &Samples<'_>,
        first: usize,
        parts: bool,
        desk: &mut Desk,
        out: &mut [f64],
    ) -> Result<()> {
        let incomplete = self.lagged.pack_gaps(simd, x, first, &mut desk.raw, &mut desk.points);
        self.states.settle(&mut desk.points[..self.lagged.width()]);
        let width = if parts { self.lagged.columns } else { 1 };
        let rows = out.len() / width;
        let judges = self.rounding.judges(simd, &self.lagged, x, first, &mut desk.raw);
        let alone = self.alone.lanes(simd, judges, &desk.raw, &self.lagged.kept);
        if !alone.is_empty() || judges[..rows].iter().any(|&judge| judge != judges[0]) {
            desk.saved.copy_from_slice(&desk.points);
        }
        self.by_row(simd, &judges[..rows], incomplete, parts, desk, out)?;
        if alone.is_empty() {
            return Ok(());
        }
        for ((lane, suspect), out) in alone.each(judges).into_iter().enumerate().zip(out.chunks_exact_mut(width)) {
            if suspect.any() {
                self.judge_alone(lane, suspect, &desk.raw, &desk.saved, &mut desk.lane, out)?;
            }
        }
        Ok(())
    }

    /// The points on the desk, each by the model of its step.
    #[inline(always)]
    fn by_row<S: Simd>(
        &self,
        simd: S,
        judges: &[usize],
        incomplete: bool,
        parts: bool,
        desk: &mut Desk,
        out: &mut [f64],
    ) -> Result<()> {
        if judges.iter().all(|&judge| judge == judges[0]) {
            return self.judged(simd, judges[0], incomplete, parts, desk, out);
        }
        let width = if parts { self.lagged.columns } else { 1 };
        let mut mixed = std::mem::take(&mut desk.mixed);
        for judge in 0..=self.rounded.len() {
            if !judges.contains(&judge) {
                continue;
            }
            desk.points.copy_from_slice(&desk.saved);
            self.judged(simd, judge, incomplete, parts, desk, &mut mixed[..out.len()])?;
            for (lane, (out, mixed)) in out.chunks_exact_mut(width).zip(mixed.chunks_exact(width)).enumerate() {
                if judges[lane] == judge {
                    out.copy_from_slice(mixed);
                }
            }
        }
        desk.mixed = mixed;
        Ok(())
    }

    /// The points on the desk, by one model.
    #[inline(always)]
    fn judged<S: Simd>(
        &self,
        simd: S,
        judge: usize,
        incomplete: bool,
        parts: bool,
        desk: &mut Desk,
        out: &mut [f64],
    ) -> Result<()> {
        let Desk {
            points,
            white,
            back,
            gaps,
            latest,
            ..
        } = desk;
        let (whitening, precision) = self.judge(judge);
        if incomplete {
            if *latest != judge {
                gaps.forget();
                *latest = judge;
            }
            gaps.fill(precision, points, self.lagged.kept.len())?;
        }
        whitening.apply(simd, points, white);
        let mut squares = Row::default();
        if incomplete || !parts {
            squares.store(squares_by_group(simd, white));
        }
        if !parts {
            if incomplete {
                for (lane, square) in squares.0.iter_mut().enumerate() {
                    *square *= self.factor(gaps, lane, *square);
                }
            }
            out.copy_from_slice(&squares.0[..out.len()]);
            return Ok(());
        }
        back.fill(Row::default());
        whitening.back(simd, white, back);
        for place in 0..points.len() {
            let point: V<_> = points[place].load(simd);
            points[place].store(point * back[place].load(simd));
        }
        if incomplete {
            let factors = Row(std::array::from_fn(|lane| self.factor(gaps, lane, squares.0[lane])));
            // What lies beyond stays zero for the next rows.
            let points = &mut points[..self.lagged.width()];
            for point in points.iter_mut() {
                let part: V<_> = point.load(simd);
                point.store(part * factors.load(simd));
            }
            gaps.clear(points);
        }
        let columns = self.lagged.columns;
        self.lagged.fold(&points[..self.lagged.width()], out.len() / columns, out);
        Ok(())
    }

    /// What the squared distance of a lane is multiplied by, for what it lacks.
    fn factor(&self, gaps: &Gaps<usize>, lane: usize, square: f64) -> f64 {
        match gaps.lanes[lane] {
            Lack::Nothing => 1.0,
            Lack::All => f64::NAN,
            Lack::Some(present) => {
                let [from, to] = [present, self.lagged.width()].map(|count| (count as f64, count as f64));
                gaps::standing(square, from, to)
            }
        }
    }

    /// The share of the sensors in use that are missing, NaN or infinite, in each row.
    ///
    /// # Errors
    /// Those of [`Self::score`].
    pub fn missing(&self, x: Samples<'_>, out: &mut [f64]) -> Result<()> {
        share_missing(x, &self.used()?, out)
    }

    /// What a healthy row's score exceeds with probability `alpha`, from stretches of the training rows, each judged by a model
    /// of the others; [`Self::theoretical_limit`] where rows were too few to be cut, or the model is from a file of a former
    /// version.
    ///
    /// # Errors
    /// [`acm_linalg::Error::Parameter`] unless `alpha` lies between 0 and 1.
    pub fn limit(&self, alpha: f64) -> Result<f64> {
        let theoretical = self.theoretical_limit(alpha)?;
        let limit = self.held_out.as_ref().map_or(theoretical, |held_out| held_out.limit(alpha));
        Ok(self.wandering.as_ref().map_or(limit, |wandering| wandering.limit(0, limit, alpha)))
    }

    /// What a healthy row's score exceeds with probability `alpha` where all is normally distributed: after Hotelling for the
    /// number of training rows, or χ² where they are no more than the coordinates. Shrinkage makes it an approximation.
    ///
    /// # Errors
    /// [`acm_linalg::Error::Parameter`] unless `alpha` lies between 0 and 1.
    pub fn theoretical_limit(&self, alpha: f64) -> Result<f64> {
        require(alpha > 0.0 && alpha < 1.0, "alpha", "between 0 and 1", alpha)?;
        let width = self.lagged.width();
        Ok(if self.rows > width {
            // The covariance's divisor is n, Hotelling's n - 1.
            let rows = self.rows as f64;
            t2_limit(width, self.rows, alpha) * (rows / (rows - 1.0))
        } else {
            chi2_upper(width as f64, alpha)
        })
    }

    /// Columns whose level wanders, so that no stretch of the training rows tells of the next; rising. The limit is then wide
    /// enough for each half of the rows by a model of the other.
    #[must_use]
    pub fn wandering(&self) -> &[usize] {
        self.wandering.as_ref().map_or(&[], |wandering| &wandering.columns)
    }

    /// The share of healthy rows that is expected above the limit at 0.01: as much, or what either half of the rows has at the
    /// limit that the other one sets, where they wander.
    #[must_use]
    pub fn expected_false_alarms(&self) -> f64 {
        self.wandering.as_ref().map_or(0.01, |wandering| wandering.expected)
    }

    /// What the fit has not learned from.
    #[must_use]
    pub fn left_out(&self) -> &LeftOut {
        &self.left_out
    }

    /// The parameters.
    #[must_use]
    pub fn parameters(&self) -> &MahalanobisDetector {
        &self.parameters
    }

    /// Columns at fit.
    #[must_use]
    pub fn columns(&self) -> usize {
        self.lagged.columns
    }

    /// Which columns have a part in the model: those that changed at fit.
    ///
    /// # Errors
    /// [`acm_linalg::Error::Memory`].
    pub fn used(&self) -> Result<Vec<bool>> {
        self.lagged.used()
    }

    /// Coordinates of a point: kept columns · (lags + 1).
    #[must_use]
    pub fn width(&self) -> usize {
        self.lagged.width()
    }

    /// Rows at fit.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// (w, w), row-major, with w = kept columns · (lags + 1): the shrunk covariance of the scaled columns.
    #[must_use]
    pub fn covariance(&self) -> &[f64] {
        &self.covariance
    }

    /// The share of the identity in it.
    #[must_use]
    pub fn shrinkage(&self) -> f64 {
        self.shrinkage
    }

    /// What is subtracted from each column before scaling; NaN where it was left out.
    ///
    /// # Errors
    /// [`acm_linalg::Error::Memory`].
    pub fn center(&self) -> Result<Vec<f64>> {
        self.lagged.spread(&self.lagged.scaling.center)
    }

    /// What each column is divided by; NaN where it was left out.
    ///
    /// # Errors
    /// [`acm_linalg::Error::Memory`].
    pub fn scale(&self) -> Result<Vec<f64>> {
        self.lagged.spread(&self.lagged.scaling.scale)
    }
}

/// Where eight rows are worked on.
struct Desk {
    raw: Vec<Row>,
    points: Vec<Row>,
    white: Vec<Row>,
    back: Vec<Row>,
    /// Points and results of rows that are judged by several models.
    saved: Vec<Row>,
    mixed: Vec<f64>,
    lane: Lane,
    gaps: Gaps<usize>,
    /// The model that filled gaps last.
    latest: usize,
}
