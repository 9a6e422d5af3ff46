//! Densities of rows with missing values, one row after the other.
//!
//! Component by component the density is that of the present columns (Ghahramani and Jordan 1994, "Supervised learning from
//! incomplete data via an EM approach"), and so are the responsibilities. For the score each squared distance is brought to
//! where it would stand among those of complete rows, so that a row does not seem unlikely, or likely, for what it lacks.

use std::f64::consts::TAU;

use acm_linalg::lanes::Row;
use acm_linalg::samples::room;
use acm_linalg::{Result, memory};

use super::covariance::Covariance;
use super::gaussians::{DensityScratch, Gaussians};
use super::logsum::{exp_of, ln_of};
use crate::alone::{MOST_LESS, Noisy};
use crate::gaps::{Dense, Precision, carried, dot, factorise, solve, solve_upper};

/// A responsibility below this adds nothing.
const NOTHING: f64 = 1e-300;

const WHAT: &str = "the densities of incomplete rows";

/// Room for a row.
pub(super) struct GapScratch {
    /// Of each component: the row about its mean, missing columns as expected.
    rows: Vec<f64>,
    /// Log densities, and what they would be of a complete row.
    logs: Vec<[f64; 2]>,
    missing: Vec<usize>,
    factor: Vec<f64>,
    expected: Vec<f64>,
    /// Squared distances, as they are and as they count.
    squares: Vec<[f64; 2]>,
}

impl GapScratch {
    pub(super) fn new(components: usize, width: usize) -> Result<Self> {
        Ok(Self {
            rows: room(components, width, 0.0, WHAT)?,
            logs: room(components, 1, [0.0; 2], WHAT)?,
            missing: Vec::new(),
            factor: Vec::new(),
            expected: Vec::new(),
            squares: room(components, 1, [0.0; 2], WHAT)?,
        })
    }
}

impl Gaussians {
    /// Replaces what [`Gaussians::share`] has left of a row with NaN in its tile: responsibilities, log density, and the
    /// standing of it among complete rows; NaN there without any value.
    ///
    /// # Errors
    /// [`acm_linalg::Error::Memory`].
    pub(super) fn share_gaps(
        &self,
        tile: &[Row],
        number: usize,
        lane: usize,
        scratch: &mut DensityScratch,
        gaps: &mut GapScratch,
    ) -> Result<()> {
        self.measure(tile, lane, gaps)?;
        let present = self.width - gaps.missing.len();
        share_out(number, lane, present > 0, scratch, gaps);
        Ok(())
    }

    /// The same of a complete row of which something is rounded away.
    ///
    /// # Errors
    /// [`acm_linalg::Error::Memory`].
    pub(super) fn share_rounded(
        &self,
        tile: &[Row],
        number: usize,
        lane: usize,
        noisy: &mut Noisy,
        scratch: &mut DensityScratch,
        gaps: &mut GapScratch,
    ) -> Result<()> {
        let squares = scratch.squares.iter().map(|squares| squares[number].0[lane]);
        self.measure_rounded(tile, lane, squares, noisy, gaps)?;
        share_out(number, lane, true, scratch, gaps);
        Ok(())
    }

    /// Each column's part of the squared distances of a row with NaN in its tile, or of one of which something is rounded away,
    /// weighted by its responsibilities.
    ///
    /// # Errors
    /// [`acm_linalg::Error::Memory`].
    #[expect(clippy::too_many_arguments, reason = "a row, what is known of it, and room")]
    pub(super) fn explain_gaps(
        &self,
        tile: &[Row],
        number: usize,
        lane: usize,
        noisy: Option<&mut Noisy>,
        scratch: &DensityScratch,
        gaps: &mut GapScratch,
        out: &mut [Row],
    ) -> Result<()> {
        match noisy {
            Some(noisy) => self.measure_rounded(tile, lane, std::iter::empty(), noisy, gaps)?,
            None => self.measure(tile, lane, gaps)?,
        }
        out.iter_mut().for_each(|out| out.0[lane] = 0.0);
        for (component, (rest, square)) in gaps.rows.chunks_exact(self.width).zip(&gaps.squares).enumerate() {
            let share = scratch.shares[component][number].0[lane];
            let share = if square[0] > f64::MIN_POSITIVE {
                share * (square[1] / square[0])
            } else {
                share
            };
            for (place, out) in out.iter_mut().enumerate() {
                let value = tile[place].0[lane] - self.of(component).0[place];
                if !value.is_nan() {
                    out.0[lane] += share * value * self.pull_back(component, place, rest);
                }
            }
        }
        Ok(())
    }

    /// Draws a component by what the known values of a row tell, with a uniform number, and then its missing ones from that
    /// component's normal distribution about these, with as much noise of variance 1; `take` gets their places and values. None are
    /// drawn in a row without any value.
    ///
    /// # Errors
    /// [`acm_linalg::Error::Memory`].
    pub(super) fn draw(
        &self,
        tile: &[Row],
        lane: usize,
        drawn: f64,
        noise: &mut [f64],
        gaps: &mut GapScratch,
        mut take: impl FnMut(usize, f64),
    ) -> Result<()> {
        self.measure(tile, lane, gaps)?;
        let count = gaps.missing.len();
        if count == self.width {
            return Ok(());
        }
        let most = gaps.logs.iter().fold(f64::NEG_INFINITY, |most, log| most.max(log[0]));
        let part = |log: &[f64; 2]| exp_of(log[0] - most);
        let mut left = drawn * gaps.logs.iter().map(part).sum::<f64>();
        let chosen = gaps.logs.iter().position(|log| {
            left -= part(log);
            left <= 0.0
        });
        let chosen = chosen.unwrap_or(self.components() - 1);
        let (mean, factor, _) = self.of(chosen);
        let noise = &mut noise[..count];
        match self.covariance {
            Covariance::Diag => {
                noise
                    .iter_mut()
                    .zip(&gaps.missing)
                    .for_each(|(noise, &place)| *noise /= factor[place].sqrt());
            }
            Covariance::Full => {
                self.precisions[chosen].among(&gaps.missing, &mut gaps.factor);
                factorise(&mut gaps.factor, count);
                solve_upper(&gaps.factor, noise);
            }
        }
        let rest = &gaps.rows[chosen * self.width..][..self.width];
        for (&place, noise) in gaps.missing.iter().zip(noise) {
            take(place, mean[place] + rest[place] + *noise);
        }
        Ok(())
    }

    /// (S⁻¹ z)_j of a component.
    fn pull_back(&self, component: usize, place: usize, rest: &[f64]) -> f64 {
        match self.covariance {
            Covariance::Diag => self.of(component).1[place] * rest[place],
            Covariance::Full => dot(self.precisions[component].row(place), rest),
        }
    }

    /// The variance that the other columns leave of one.
    pub(super) fn about(&self, place: usize) -> f64 {
        let each = self.weights.iter().enumerate().map(|(component, weight)| {
            let precise = match self.covariance {
                Covariance::Diag => self.of(component).1[place],
                Covariance::Full => self.precisions[component].row(place)[place],
            };
            weight / precise
        });
        each.sum()
    }

    /// The row about each mean less the weights of what is rounded away from it, its distances and densities; the squared distances
    /// alone where those without rounding are given.
    fn measure_rounded(
        &self,
        tile: &[Row],
        lane: usize,
        mut squares: impl Iterator<Item = f64>,
        noisy: &mut Noisy,
        gaps: &mut GapScratch,
    ) -> Result<()> {
        gaps.missing.clear();
        for component in 0..self.components() {
            let (mean, factor, _) = self.of(component);
            let rest = &mut gaps.rows[component * self.width..][..self.width];
            for (rest, (row, mean)) in rest.iter_mut().zip(tile.iter().zip(mean)) {
                *rest = row.0[lane] - mean;
            }
            let point = &*rest;
            let less = match self.covariance {
                Covariance::Diag => noisy.weigh(
                    1.0,
                    |sensors, out| {
                        let own = out.iter_mut().step_by(sensors.len() + 1);
                        own.zip(sensors).for_each(|(out, &place)| *out = factor[place]);
                    },
                    |sensors, out| {
                        out.iter_mut().zip(sensors).for_each(|(out, &place)| *out = factor[place] * point[place]);
                    },
                )?,
                Covariance::Full => noisy.weigh(
                    1.0,
                    |sensors, out| self.precisions[component].among(sensors, out),
                    |sensors, out| self.precisions[component].pull(sensors, point, out),
                )?,
            };
            // ln det (S + N) less ln det S.
            let widened: f64 = noisy.noise.iter().map(|noise| ln_of(*noise)).sum::<f64>()
                + noisy.pivots().map(|pivot| 2.0 * ln_of(pivot)).sum::<f64>();
            let square = match squares.next() {
                Some(square) if less < MOST_LESS * square => square - less,
                _ => {
                    noisy.weighed().for_each(|(place, weight)| rest[place] -= weight);
                    let each = tile.iter().zip(mean).enumerate();
                    each.map(|(place, (row, mean))| (row.0[lane] - mean) * self.pull_back(component, place, rest))
                        .sum()
                }
            };
            let (square, offset) = (square.max(0.0), self.offsets[component]);
            gaps.squares[component] = [square, square];
            gaps.logs[component] = [offset - 0.5 * (widened + square), offset - 0.5 * square];
        }
        Ok(())
    }

    /// Fills the row about each mean, and finds its distances and densities.
    fn measure(&self, tile: &[Row], lane: usize, gaps: &mut GapScratch) -> Result<()> {
        gaps.missing.clear();
        for (place, row) in tile.iter().enumerate() {
            if row.0[lane].is_nan() {
                memory::push(&mut gaps.missing, place, WHAT)?;
            }
        }
        let count = gaps.missing.len();
        let present = (self.width - count) as f64;
        for component in 0..self.components() {
            let (mean, factor, _) = self.of(component);
            let rest = &mut gaps.rows[component * self.width..][..self.width];
            for (rest, (row, mean)) in rest.iter_mut().zip(tile.iter().zip(mean)) {
                let value = row.0[lane] - mean;
                *rest = if value.is_nan() { 0.0 } else { value };
            }
            // ln det Λ_mm.
            let determinant: f64 = match self.covariance {
                Covariance::Diag => gaps.missing.iter().map(|&place| ln_of(factor[place])).sum(),
                Covariance::Full if count < self.width => {
                    let precision = &self.precisions[component];
                    gaps.factor.clear();
                    memory::extend(&mut gaps.factor, (0..count * count).map(|_| 0.0), WHAT)?;
                    precision.among(&gaps.missing, &mut gaps.factor);
                    factorise(&mut gaps.factor, count);
                    gaps.expected.clear();
                    memory::extend(&mut gaps.expected, (0..count).map(|_| 0.0), WHAT)?;
                    precision.pull(&gaps.missing, rest, &mut gaps.expected);
                    solve(&gaps.factor, &mut gaps.expected);
                    for (&place, expected) in gaps.missing.iter().zip(&gaps.expected) {
                        rest[place] = -expected;
                    }
                    gaps.factor.iter().step_by(count + 1).map(|pivot| 2.0 * ln_of(*pivot)).sum()
                }
                Covariance::Full => 0.0,
            };
            let mut square = 0.0;
            for (place, row) in tile.iter().enumerate() {
                if !row.0[lane].is_nan() {
                    square += rest[place] * self.pull_back(component, place, rest);
                }
            }
            let square = square.max(0.0);
            let counted = if count < self.width {
                carried(square / present, present, self.width as f64) * self.width as f64
            } else {
                self.width as f64
            };
            let offset = self.offsets[component];
            gaps.squares[component] = [square, counted];
            let marginal = if count < self.width {
                offset + 0.5 * (count as f64 * TAU.ln() - determinant - square)
            } else {
                ln_of(self.weights[component].max(f64::MIN_POSITIVE))
            };
            gaps.logs[component] = [marginal, offset - 0.5 * counted];
        }
        Ok(())
    }
}

/// Responsibilities, log density and standing of a row from what was measured.
fn share_out(number: usize, lane: usize, any: bool, scratch: &mut DensityScratch, gaps: &GapScratch) {
    let most = gaps.logs.iter().fold(f64::NEG_INFINITY, |most, log| most.max(log[0]));
    let sum: f64 = gaps.logs.iter().map(|log| exp_of(log[0] - most)).sum();
    let (mut standing, mut surprise) = (0.0, 0.0);
    for (log, share) in gaps.logs.iter().zip(&mut scratch.shares) {
        let part = exp_of(log[0] - most) / sum;
        share[number].0[lane] = part;
        if part > NOTHING {
            standing += part * log[1];
            surprise -= part * ln_of(part);
        }
    }
    scratch.totals[number].0[lane] = most + ln_of(sum);
    scratch.standing[number].0[lane] = if any { standing + surprise } else { f64::NAN };
}

/// Whether a tile's row lacks a value.
pub(super) fn lacks(tile: &[Row], lane: usize) -> bool {
    tile.iter().any(|row| row.0[lane].is_nan())
}

/// The inverse of each covariance, from their Cholesky factors.
pub(super) fn precisions(factors: &[f64], width: usize) -> Result<Vec<Dense>> {
    let mut all = memory::reserved(factors.len() / (width * width).max(1), WHAT)?;
    for lower in factors.chunks_exact((width * width).max(1)) {
        all.push(Dense::of_factor(lower, width)?);
    }
    Ok(all)
}
