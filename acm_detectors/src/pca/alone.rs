//! Rows of which single sensors are rounded.
//!
//! By the covariance of probabilistic PCA the residual Rz has the covariance σ² R and the components' part Gz the covariance G: of
//! a reading with the noise N beside it, either form is that of the covariance with the noise ([`crate::alone`]).

use acm_linalg::Result;
use acm_linalg::lanes::LANES;

use super::gaps::Subspace;
use super::kernel::Scratch;
use super::{Decomposition, FittedPca};
use crate::look::Suspect;

/// SPE or T².
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Residual,
    Explained,
}

impl FittedPca {
    /// Whether sensors of a lane's complete row, which is suspected, are rounded by themselves: they are then found in
    /// `scratch`.
    #[inline(never)]
    pub(super) fn find_alone(&self, lane: usize, suspect: Suspect, scratch: &mut Scratch) -> Result<bool> {
        let (raw, kept) = (&scratch.raw, &self.lagged.kept);
        if kept.iter().any(|&column| !raw[column].0[lane].is_finite()) {
            return Ok(false);
        }
        scratch
            .noisy
            .find(&self.alone, &self.rounding, suspect, &self.lagged.scaling.scale, |place| raw[kept[place]].0[lane])
    }

    /// How much less a statistic is for the sensors that were found.
    pub(super) fn less(&self, lane: usize, form: Form, scratch: &mut Scratch) -> Result<f64> {
        let precision = Subspace::of(self);
        let Scratch {
            noisy,
            residual,
            scores,
            ..
        } = scratch;
        match form {
            Form::Residual => noisy.weigh(
                self.directions.noise.variance,
                |sensors, out| {
                    out.iter_mut().step_by(sensors.len() + 1).for_each(|value| *value = 1.0);
                    precision.products(sensors, |_| -1.0, out);
                },
                |sensors, out| out.iter_mut().zip(sensors).for_each(|(out, &place)| *out = residual[place].0[lane]),
            ),
            Form::Explained => noisy.weigh(
                1.0,
                |sensors, out| precision.products(sensors, |variance| 1.0 / variance, out),
                |sensors, out| {
                    for ((component, variance), score) in self.each().zip(&*scores) {
                        let weighed = score.0[lane] / variance;
                        out.iter_mut().zip(sensors).for_each(|(out, &place)| *out += weighed * component[place]);
                    }
                },
            ),
        }
    }

    /// Takes what rounding has to do with them from a lane's vectors Mz, or M^½ z, whose statistics are `spe` and `t2`.
    pub(super) fn hand_back(
        &self,
        lane: usize,
        decomposition: Decomposition,
        statistics: [f64; 2],
        scratch: &mut Scratch,
    ) -> Result<()> {
        debug_assert!(lane < LANES);
        for (form, statistic) in [Form::Residual, Form::Explained].into_iter().zip(statistics) {
            self.less(lane, form, scratch)?;
            let Scratch {
                noisy,
                residual,
                explained,
                ..
            } = scratch;
            let part = if form == Form::Residual { residual } else { explained };
            for (component, variance) in self.each() {
                let sum: f64 = noisy.weighed().map(|(place, weight)| component[place] * weight).sum();
                let weight = match (form, decomposition) {
                    (Form::Residual, _) => -1.0,
                    (Form::Explained, Decomposition::Partial) => 1.0 / variance,
                    (Form::Explained, Decomposition::Complete) => 1.0 / variance.sqrt(),
                };
                part.iter_mut().zip(component).for_each(|(to, part)| to.0[lane] -= weight * sum * part);
            }
            if form == Form::Residual {
                noisy.weighed().for_each(|(place, weight)| part[place].0[lane] -= weight);
            }
            if decomposition == Decomposition::Complete {
                let all: f64 = part.iter().map(|part| part.0[lane] * part.0[lane]).sum();
                let stretch = if all > 0.0 { (statistic.max(0.0) / all).sqrt() } else { 0.0 };
                part.iter_mut().for_each(|part| part.0[lane] *= stretch);
            }
        }
        Ok(())
    }
}
