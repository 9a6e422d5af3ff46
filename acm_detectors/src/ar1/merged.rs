//! A fit from moments that were gathered in pieces, and merged.

use acm_linalg::memory::Gather;
use acm_linalg::running::{RunningMoments, Sums};
use acm_linalg::scaling::rounding;
use acm_linalg::{Error, Result};

use super::{Ar1, FittedAr1, LEAST_ROWS, Sensor, WHAT};
use crate::constants::Constants;
use crate::screen::LeftOut;

impl Ar1 {
    /// Learns from moments of healthy rows: means for levels, the slopes of readings on those of the row before for coefficients,
    /// and for scales the deviations of what these leave, γ (1 − 2 φ ρ + φ²) of the variance γ with the slope ρ (Box, Jenkins and
    /// Reinsel, section 3.2). The same moments give the same bytes, and moments do not depend on how rows were cut and merged.
    ///
    /// No row is at hand: there is no limit, and no reading is told to be bad but those beyond the moments' reach.
    ///
    /// # Errors
    /// [`Error::TooFew`] with fewer than three rows; [`Error::Unfit`] where no column has half of its values; [`Error::Memory`].
    pub fn fit_moments(&self, moments: &RunningMoments, sums: &Sums) -> Result<FittedAr1> {
        let rows = usize::try_from(sums.rows()).unwrap_or(usize::MAX);
        if rows < LEAST_ROWS {
            return Err(Error::TooFew {
                name: "moments",
                what: "row",
                least: LEAST_ROWS,
                got: rows,
            });
        }
        let d = moments.columns();
        let (mean, covariance, slopes) = (moments.mean(sums)?, moments.covariance(sums, 0)?, moments.lag_slope(sums)?);
        let sensors = (0..d).map(|column| match sums.known(column) {
            0 => self.unknown(),
            known => self.of_moments(mean[column], covariance[column * d + column].sqrt(), slopes[column], known),
        });
        let sensors = sensors.gathered(WHAT)?;
        if sensors.iter().all(|sensor| !sensor.used(rows)) {
            return Err(Error::Unfit {
                name: "moments",
                requirement: "a column with at least half of its values known",
            });
        }
        Ok(FittedAr1 {
            parameters: self.clone(),
            mu: sensors.iter().map(|sensor| sensor.mu).gathered(WHAT)?,
            phi: sensors.iter().map(|sensor| sensor.phi).gathered(WHAT)?,
            sd: sensors.iter().map(|sensor| sensor.sd).gathered(WHAT)?,
            used: sensors.iter().map(|sensor| sensor.used(rows)).gathered(WHAT)?,
            clipped: 0,
            usual: None,
            constants: Constants::default(),
            left_out: LeftOut::default(),
        })
    }

    fn of_moments(&self, mu: f64, deviation: f64, slope: f64, known: u64) -> Sensor {
        let still = deviation <= rounding(mu);
        // Of a sensor that wanders the slope may be above 1.
        let slope = if still || slope.is_nan() || known < LEAST_ROWS as u64 {
            0.0
        } else {
            slope.clamp(-1.0, 1.0)
        };
        let phi = slope.clamp(-self.phi_cap, self.phi_cap);
        let sd = deviation * (1.0 - 2.0 * phi * slope + phi * phi).sqrt();
        let floor = self.floor(if still { 0.0 } else { deviation }, mu);
        Sensor {
            mu,
            phi,
            sd: if sd > floor { sd } else { floor },
            known,
            clipped: 0,
        }
    }
}
