//! Rows that are rounded more coarsely than the training rows: judged by a covariance with the variance of what is rounded
//! away.

use acm_linalg::memory::{Gather, copied, push};
use acm_linalg::samples::room;
use acm_linalg::{Result, Samples};

use super::FittedMahalanobis;
use super::whitening::{Whitening, dense};
use crate::alone::Alone;
use crate::gaps::Dense;
use crate::rounding::Rounding;

const WHAT: &str = "steps of readings";

impl FittedMahalanobis {
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

    /// The model of this number, 0 being that of rows as fine as the training's.
    pub(super) fn judge(&self, number: usize) -> (&Whitening, &Dense) {
        match self.rounded.get(number.wrapping_sub(1)) {
            Some((whitening, precision)) => (whitening, precision),
            None => (&self.whitening, &self.precision),
        }
    }

    /// Finds the steps of the training readings, and what judges rows that are rounded more coarsely.
    pub(super) fn learn_steps(&mut self, x: Samples<'_>, clean: Samples<'_>) -> Result<()> {
        if matches!(self.whitening, Whitening::Thin(_)) {
            return Ok(());
        }
        let (width, kept) = (self.lagged.width(), self.lagged.kept.len());
        let mut power = room(kept, 1, 0.0, WHAT)?;
        for place in 0..width {
            power[place % kept] += self.precision.row(place)[place];
        }
        let scale = &self.lagged.scaling.scale;
        self.rounding = Rounding::learn(x, &self.lagged.kept, scale, &power, width as f64)?;
        self.rounded = self.rounded()?;
        // What is rounded in earlier rows is not at hand.
        if self.lagged.lags == 0 {
            self.alone =
                Alone::learn(&self.rounding, scale, &power, None)?.unusual(clean, &self.lagged.kept, &self.rounding)?;
        }
        Ok(())
    }

    /// What judges rows in coarser steps: the covariance with the variance of what is rounded away.
    pub(super) fn rounded(&self) -> Result<Vec<(Whitening, Dense)>> {
        let width = self.lagged.width();
        let mut rounded = Vec::new();
        for number in 0..self.rounding.steps().len() {
            let mut covariance = copied(&self.covariance, "a covariance")?;
            let diagonal = covariance.iter_mut().step_by(width + 1);
            let noise = self.rounding.noise(number, &self.lagged.scaling.scale);
            for (value, noise) in diagonal.zip(noise.gathered(WHAT)?.into_iter().cycle()) {
                *value += noise;
            }
            push(&mut rounded, dense(&covariance, width)?, WHAT)?;
        }
        Ok(rounded)
    }
}
