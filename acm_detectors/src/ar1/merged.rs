//! A fit from moments that were gathered in pieces, and merged.

use acm_linalg::memory::Gather;
use acm_linalg::running::{RunningMoments, Sums};
use acm_linalg::samples::room;
use acm_linalg::scaling::rounding;
use acm_linalg::{Error, Result};

use super::still::Still;
use super::{Ar1, FittedAr1, Sensor, WHAT};
use crate::constants::Constants;
use crate::screen::LeftOut;

/// Rows that tell a coefficient and a scale: of fewer, what is left is often next to nothing by luck.
const ENOUGH: usize = 12;

impl Ar1 {
    /// Learns from moments of healthy rows: means for levels, the slopes of readings on those of the row before for coefficients,
    /// and for scales the standard deviations of what these leave of readings that follow a known one (Box, Jenkins and Reinsel,
    /// section 3.2). The same moments give the same bytes, and moments do not depend on how rows were cut and merged.
    ///
    /// No row is at hand: there is no limit, and no reading is told to be bad but those beyond the moments' reach.
    ///
    /// # Errors
    /// [`Error::TooFew`] with fewer than twelve rows; [`Error::Unfit`] for scales whose squares are no numbers, and where no column
    /// has half of its values; [`Error::Memory`].
    pub fn fit_moments(&self, moments: &RunningMoments, sums: &Sums) -> Result<FittedAr1> {
        let rows = usize::try_from(sums.rows()).unwrap_or(usize::MAX);
        if rows < ENOUGH {
            return Err(Error::TooFew {
                name: "moments",
                what: "row",
                least: ENOUGH,
                got: rows,
            });
        }
        moments.require_squares()?;
        let d = moments.columns();
        let (mean, covariance, slopes) = (moments.mean(sums)?, moments.covariance(sums, 0)?, moments.lag_slope(sums)?);
        let still = |column: usize| covariance[column * d + column].sqrt() <= rounding(mean[column]);
        let phi = (0..d).map(|column| match slopes[column] {
            slope if slope.is_nan() || still(column) => 0.0,
            slope => slope.clamp(-self.phi_cap, self.phi_cap),
        });
        let phi = phi.gathered(WHAT)?;
        let rest = moments.lag_rest(sums, &phi)?;
        let sensors = (0..d).map(|column| {
            let known = sums.known(column);
            if known == 0 {
                return self.unknown();
            }
            let deviation = covariance[column * d + column].sqrt();
            let sd = if rest[column].is_nan() { deviation } else { rest[column] };
            let floor = self.floor(if still(column) { 0.0 } else { deviation }, mean[column]);
            Sensor {
                mu: mean[column],
                phi: phi[column],
                sd: if sd > floor { sd } else { floor },
                known,
                clipped: 0,
            }
        });
        let sensors = sensors.gathered(WHAT)?;
        if sensors.iter().all(|sensor| !sensor.used(rows)) {
            return Err(Error::Unfit {
                name: "moments",
                requirement: "a column with at least half of its values known, or a hundred that are a third of them",
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
            still: Still::of(room(d, 1, f64::NAN, WHAT)?),
            constants: Constants::default(),
            left_out: LeftOut::default(),
        })
    }
}
