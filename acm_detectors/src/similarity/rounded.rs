//! Rows that are rounded more coarsely than the training rows: their residuals are whitened by a covariance with the variance
//! of what is rounded away.

use acm_linalg::dense::cholesky;
use acm_linalg::memory::{Gather, push};
use acm_linalg::samples::room;
use acm_linalg::{Result, Samples};

use super::FittedSimilarity;
use crate::gaps::{Dense, dot, invert};
use crate::packed::Packed;
use crate::rounding::Rounding;

const WHAT: &str = "steps of readings";

impl FittedSimilarity {
    /// Coarser steps than those of the training rows that matter, rising.
    #[must_use]
    pub fn steps(&self) -> &[f64] {
        self.rounding.steps()
    }

    /// The step that each row lies on, one of [`Self::steps`], for which its noise is judged; 0 for rows as fine as those of the
    /// training.
    ///
    /// Shapes: x (n, d) -> (n,).
    ///
    /// # Errors
    /// As for [`Self::score`].
    pub fn resolution(&self, x: Samples<'_>, out: &mut [f64]) -> Result<()> {
        self.rounding.resolution(&self.lagged, x, out)
    }

    /// What judges residuals by the covariance of this number, 0 being that of rows as fine as the training's.
    #[inline(always)]
    pub(super) fn of_step(&self, number: usize) -> (&Packed, &Dense) {
        match self.rounded.get(number.wrapping_sub(1)) {
            Some((whitening, precision)) => (whitening, precision),
            None => (&self.whitening, &self.precision),
        }
    }

    /// Finds the steps of the training readings, and what judges rows that are rounded more coarsely.
    pub(super) fn learn_steps(&mut self, x: Samples<'_>) -> Result<()> {
        let width = self.offset.len();
        let power = (0..width).map(|place| self.precision.row(place)[place]).gathered(WHAT)?;
        self.rounding = Rounding::learn(x, &self.lagged.kept, &self.lagged.scaling.scale, &power, width as f64)?;
        self.rounded = self.rounded()?;
        Ok(())
    }

    /// For each coarser step: of the residuals' covariance with the variance of what is rounded away. What the remembered rows
    /// let expect is a mean of many, and hardly moves.
    pub(super) fn rounded(&self) -> Result<Vec<(Packed, Dense)>> {
        let width = self.offset.len();
        let mut rounded = Vec::new();
        for number in 0..self.rounding.steps().len() {
            let mut covariance = room(width, width, 0.0, WHAT)?;
            for row in 0..width {
                for column in 0..width {
                    let of = |place: usize| &self.factor[place * width..][..=row.min(column)];
                    covariance[row * width + column] = dot(of(row), of(column));
                }
            }
            let noise = self.rounding.noise(number, &self.lagged.scaling.scale);
            covariance
                .iter_mut()
                .step_by(width + 1)
                .zip(noise)
                .for_each(|(value, noise)| *value += noise);
            let inverse = invert(&cholesky(&covariance, width, "x")?, width)?;
            let judge = (Packed::lower(&inverse, width)?, Dense::of_root(&inverse, width)?);
            push(&mut rounded, judge, WHAT)?;
        }
        Ok(rounded)
    }
}
