//! Rows that are rounded more coarsely than the training rows, whose statistics have the variance of what is rounded away.
//!
//! With that variance Q (diagonal) beside the covariance S of the rows, SPE = zᵀRz and T² = zᵀGz (as in [`super::gaps`]) have the
//! means tr R(S + Q) and tr G(S + Q) and the variances 2 tr (R(S + Q))² and 2 tr (G(S + Q))². As S is of the components' own
//! axes, RSR = σ²R and GSG = G. Like rows with gaps they are brought to where they would stand among rows as fine as the
//! training's.

use acm_linalg::lanes::{LANES, Row};
use acm_linalg::memory::{Gather, push};
use acm_linalg::samples::room;
use acm_linalg::{Result, Samples};

use super::FittedPca;
use super::gaps::{Effect, Spread, Subspace, place};
use crate::alone::{Alone, SHARE};
use crate::limits::chi2_upper;
use crate::rounding::Rounding;

const WHAT: &str = "steps of readings";

impl FittedPca {
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
    /// Those of [`Self::statistic`].
    pub fn resolution(&self, x: Samples<'_>, out: &mut [f64]) -> Result<()> {
        self.rounding.resolution(&self.lagged, x, out)
    }

    /// Finds the steps of the training readings, and how rows spread that are rounded more coarsely.
    pub(super) fn learn_steps(&mut self, x: Samples<'_>, clean: Samples<'_>) -> Result<()> {
        let (kept, count) = (self.lagged.kept.len(), self.directions.count() as f64);
        let residual = self.residual_spread().mean;
        let mut power = room(kept, 1, 0.0, WHAT)?;
        for place in 0..self.lagged.width() {
            let (mut explained, mut weighed) = (0.0, 0.0);
            for (component, variance) in self.each() {
                let square = component[place] * component[place];
                explained += square;
                weighed += square / variance;
            }
            power[place % kept] += weighed / count;
            if residual > 0.0 {
                power[place % kept] += (1.0 - explained).max(0.0) / residual;
            }
        }
        self.rounding = Rounding::learn(x, &self.lagged.kept, &self.lagged.scaling.scale, &power, 1.0)?;
        self.rounded = self.rounded()?;
        // What is rounded in earlier rows is not at hand.
        if self.lagged.lags == 0 {
            let least = power.iter().map(|power| SHARE / power.max(f64::MIN_POSITIVE)).gathered(WHAT)?;
            let precise = (0..kept).map(|place| Subspace::of(self).own(place)).gathered(WHAT)?;
            self.alone = Alone::learn(&self.rounding, &self.lagged.scaling.scale, &precise, Some(&least))?.unusual(
                clean,
                &self.lagged.kept,
                &self.rounding,
            )?;
        }
        Ok(())
    }

    /// How the statistics of rows spread that are rounded to each of the coarser steps.
    pub(super) fn rounded(&self) -> Result<Vec<Effect>> {
        let mut rounded = Vec::new();
        for number in 0..self.rounding.steps().len() {
            let noise = self.rounding.noise(number, &self.lagged.scaling.scale).gathered(WHAT)?;
            push(&mut rounded, self.effect(&noise)?, WHAT)?;
        }
        Ok(rounded)
    }

    /// With the variances `noise` of the sensors, the same for each lag.
    fn effect(&self, noise: &[f64]) -> Result<Effect> {
        let (count, width) = (self.directions.count(), self.lagged.width());
        let noise = |place: usize| noise[place % noise.len()];
        let (mut first, mut squares) = (0.0, 0.0);
        for place in 0..width {
            let explained: f64 = self.each().map(|(component, _)| component[place] * component[place]).sum();
            first += noise(place) * (1.0 - explained).max(0.0);
            squares += noise(place) * noise(place) * (1.0 - 2.0 * explained);
        }
        // P Q Pᵀ row by row: the squares of R Q R and G Q G are sums over it.
        let mut weighed = room(width, 1, 0.0, WHAT)?;
        let (mut mean, mut second) = (0.0, 0.0);
        for (row, (one, variance)) in self.each().enumerate() {
            weighed.iter_mut().enumerate().for_each(|(place, out)| *out = noise(place) * one[place]);
            for (column, (other, beside)) in self.each().enumerate().take(row + 1) {
                let product: f64 = weighed.iter().zip(other).map(|(one, other)| one * other).sum();
                let times = if column < row { 2.0 } else { 1.0 };
                squares += times * product * product;
                second += times * product * product / (variance * beside);
                if column == row {
                    mean += product / variance;
                }
            }
        }
        let count = count as f64;
        let whole = self.residual_spread();
        let own = whole.mean * whole.mean / whole.freedom;
        Ok(Effect {
            spe: Spread::of(whole.mean + first, own + 2.0 * self.directions.noise.variance * first + squares),
            t2: Spread::of(count + mean, count + 2.0 * mean + second),
        })
    }

    /// The components and their variances.
    pub(super) fn each(&self) -> impl Iterator<Item = (&[f64], f64)> {
        let variances = self.explained_variance().iter().copied();
        self.components.chunks_exact(self.lagged.width()).zip(variances)
    }

    /// What the squared residual of a complete row is like; nothing where there is none to speak of.
    fn residual_spread(&self) -> Spread {
        self.directions.noise.spe.unwrap_or(Spread::chi_squared(f64::MIN_POSITIVE))
    }

    /// What the squared residual of a row is multiplied by where healthy rows have none but that of rounding: so much of that is
    /// an alarm as of a residual that is beyond its limit.
    fn of_rounding_alone(&self, rounding: Spread) -> f64 {
        let alpha = self.share_of_score(self.parameters.limits);
        let limit = rounding.mean / rounding.freedom * chi2_upper(rounding.freedom, alpha);
        if limit > 0.0 { self.spe_limit / limit } else { 1.0 }
    }

    /// What SPE and T² of eight rows are multiplied by, for the steps that they lie on.
    pub(super) fn rounding_factors(&self, judges: [usize; LANES], statistics: &[Row; 2]) -> [Row; 2] {
        let mut factors = [Row::splat(1.0); 2];
        for (lane, judge) in judges.into_iter().enumerate() {
            let Some(effect) = self.rounded.get(judge.wrapping_sub(1)) else {
                continue;
            };
            let [spe, t2] = statistics.map(|row| row.0[lane]);
            factors[0].0[lane] = match self.directions.noise.spe {
                Some(whole) => place(spe, effect.spe, whole),
                None => self.of_rounding_alone(effect.spe),
            };
            factors[1].0[lane] = place(t2, effect.t2, Spread::chi_squared(self.directions.count() as f64));
        }
        factors
    }
}

#[cfg(test)]
mod tests {
    use acm_linalg::pca::Components;
    use acm_linalg::scaling::Manner;
    use acm_linalg::seed::stream;
    use ndarray::{Array1, Array2};
    use rand::RngExt;

    use crate::pca::{Limits, PcaDetector};

    /// Their definitions, by whole matrices.
    #[test]
    fn traces_are_those_of_the_matrices() {
        let noise = [0.3, 0.0, 0.02, 1.1, 0.07];
        for lags in [0, 2] {
            let mut draw = stream(5, lags as u64);
            let mut normal = || (0..12).map(|_| draw.random::<f64>()).sum::<f64>() - 6.0;
            let causes = Array2::from_shape_fn((400, 2), |_| normal());
            let ways = Array2::from_shape_fn((2, 5), |_| normal());
            let x =
                causes.dot(&ways) + Array2::from_shape_fn((400, 5), |(_, sensor)| 0.1 * (sensor + 1) as f64 * normal());
            let detector = PcaDetector::new(Components::Count(2), lags, Manner::Robust, 0.01, Limits::HeldOut).unwrap();
            let model = detector.fit(x.view().into()).unwrap();
            let width = model.lagged.width();
            assert_eq!(width, 5 * (lags + 1));
            let p = Array2::from_shape_vec((2, width), model.components().to_vec()).unwrap();
            let variances = Array1::from(model.explained_variance().to_vec());
            let q = Array2::from_diag(&Array1::from_shape_fn(width, |place| noise[place % 5]));
            let r = Array2::eye(width) - p.t().dot(&p);
            let g = p.t().dot(&Array2::from_diag(&variances.recip())).dot(&p);
            let s = p.t().dot(&Array2::from_diag(&variances)).dot(&p) + &r * model.directions.noise.variance;
            let trace = |matrix: &Array2<f64>| matrix.diag().sum();
            let found = model.effect(&noise).unwrap();

            let wide = g.dot(&(&s + &q));
            let (mean, square) = (trace(&wide), trace(&wide.dot(&wide)));
            assert!((found.t2.mean / mean - 1.0).abs() < 1e-10);
            assert!((found.t2.freedom / (mean * mean / square).max(1.0) - 1.0).abs() < 1e-10);
            assert!(found.t2.freedom > 1.0);

            // What rows spread without rounding is measured, not of the model.
            let whole = model.residual_spread();
            let (rs, rq) = (r.dot(&s), r.dot(&q));
            let mean = whole.mean + trace(&rq);
            let square = whole.mean.powi(2) / whole.freedom + 2.0 * trace(&rs.dot(&rq)) + trace(&rq.dot(&rq));
            assert!((found.spe.mean / mean - 1.0).abs() < 1e-10);
            assert!((found.spe.freedom / (mean * mean / square).max(1.0) - 1.0).abs() < 1e-10);
            assert!(found.spe.freedom > 1.0);
        }
    }
}
