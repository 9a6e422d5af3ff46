//! Rows that are rounded more coarsely than the training rows: their residuals are whitened by a covariance with the variance
//! of what is rounded away.

use acm_linalg::dense::cholesky;
use acm_linalg::lanes::Row;
use acm_linalg::memory::{Gather, push};
use acm_linalg::samples::room;
use acm_linalg::{Result, Samples};

use super::FittedSimilarity;
use crate::alone::{Alone, Noisy};
use crate::gaps::{Dense, dot, invert, solve_lower, solve_upper};
use crate::look::Suspect;
use crate::packed::Packed;
use crate::rounding::Rounding;

const WHAT: &str = "steps of readings";

/// Where a row is judged by itself.
pub(super) struct Lane {
    noisy: Noisy,
    factor: Vec<f64>,
    beside: Vec<f64>,
}

impl Lane {
    pub(super) fn new(width: usize) -> Result<Self> {
        Ok(Self {
            noisy: Noisy::default(),
            factor: room(width, width, 0.0, WHAT)?,
            beside: room(width, 1, 0.0, WHAT)?,
        })
    }
}

/// What eight rows are turned into.
pub(super) struct Found<'a> {
    pub(super) white: &'a mut [Row],
    pub(super) back: &'a mut [Row],
}

/// Turns L of L Lᵀ into that of L Lᵀ + b bᵀ; b is 0 before `first`, and lost (Gill, Golub, Murray and Saunders 1974,
/// doi 10.1090/S0025-5718-1974-0343558-6).
fn widen(lower: &mut [f64], first: usize, beside: &mut [f64]) {
    let width = beside.len();
    for column in first..width {
        let pivot = lower[column * width + column];
        let wide = pivot.hypot(beside[column]);
        let (cosine, sine) = (wide / pivot, beside[column] / pivot);
        lower[column * width + column] = wide;
        for row in column + 1..width {
            let value = &mut lower[row * width + column];
            *value = (*value + sine * beside[row]) / cosine;
            beside[row] = cosine * beside[row] - sine * *value;
        }
    }
}

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
        self.alone = Alone::learn(&self.rounding, &self.lagged.scaling.scale, &power, None)?.unusual(
            x,
            &self.lagged.kept,
            &self.rounding,
        )?;
        Ok(())
    }

    /// Judges a lane's complete row again, which is suspected and has been judged as a whole, of which sensors are rounded by themselves: its residual, whitened by the covariance with
    /// their noise, and with `shares` what each sensor adds to the squared length.
    #[inline(never)]
    pub(super) fn judge_alone(
        &self,
        (number, suspect): (usize, Suspect),
        shares: bool,
        raw: &[Row],
        residuals: &[Row],
        desk: &mut Lane,
        found: Found<'_>,
    ) -> Result<()> {
        let (width, kept) = (self.offset.len(), &self.lagged.kept);
        let reading = |place: usize| raw[kept[place]].0[number];
        if !desk
            .noisy
            .find(&self.alone, &self.rounding, suspect, &self.lagged.scaling.scale, reading)?
            || (0..width).any(|place| !reading(place).is_finite())
        {
            return Ok(());
        }
        desk.factor.copy_from_slice(&self.factor);
        for (&place, &noise) in desk.noisy.sensors.iter().zip(&desk.noisy.noise) {
            desk.beside.fill(0.0);
            desk.beside[place] = noise.sqrt();
            widen(&mut desk.factor, place, &mut desk.beside);
        }
        for (to, residual) in desk.beside.iter_mut().zip(residuals) {
            *to = residual.0[number];
        }
        solve_lower(&desk.factor, &mut desk.beside);
        for (to, white) in found.white.iter_mut().zip(&desk.beside) {
            to.0[number] = *white;
        }
        if shares {
            solve_upper(&desk.factor, &mut desk.beside);
            for (place, (to, back)) in found.back.iter_mut().zip(&desk.beside).enumerate() {
                to.0[number] = residuals[place].0[number] * back;
            }
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_factor_is_widened_by_a_square() {
        let matrix = [4.0, 1.0, -0.5, 1.0, 3.0, 0.7, -0.5, 0.7, 2.0];
        let mut lower = cholesky(&matrix, 3, "x").unwrap();
        let mut beside = [0.0, 1.5, -0.4];
        let wide: Vec<f64> = (0..9).map(|place| matrix[place] + beside[place / 3] * beside[place % 3]).collect();
        widen(&mut lower, 1, &mut beside);
        let exact = cholesky(&wide, 3, "x").unwrap();
        assert!(lower.iter().zip(&exact).all(|(found, exact)| (found - exact).abs() < 1e-14), "{lower:?} {exact:?}");
    }
}
