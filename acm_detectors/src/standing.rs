//! Where means of whitened residuals stand that some sensors were missing in, among those of complete rows.

/// A sensor was in all of a memory that lacks no more of it than this.
const ALL: f64 = 1e-12;

/// Where a shift stands among those of healthy rows that have all sensors, whichever sensors its own rows had.
///
/// A whitened mean is noise that is alike in all directions, and has more where readings stay as they were for longer than the
/// memory takes: in a few directions where few loads move all sensors, in all of them where each has an inertia of its own. What
/// is missing takes its share of the noise; loads are told by any sensors that are no fewer. Mean and degrees of freedom of the
/// squared length follow (Satterthwaite 1946), and cube roots compare the two (Wilson and Hilferty 1931).
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Standing {
    sensors: f64,
    /// The variance of the noise in each direction.
    noise: f64,
    /// What is beside it in all directions together, the sum of its squares, and in how many directions it is.
    lasting: f64,
    squares: f64,
    directions: f64,
    /// The sum of the squared variances over what the noise and the lasting part make of it.
    together: f64,
    /// Of complete rows: the mean, and the variance and the standard deviation of the cube root of what is over it.
    mean: f64,
    variance: f64,
    deviation: f64,
}

impl Standing {
    /// Of a part whose cube root has this mean and standard deviation; `usual` is the mean power of a row.
    pub(crate) fn new(mean: f64, spread: f64, usual: f64, sensors: usize) -> Self {
        let sensors = sensors as f64;
        let deviation = of_root(mean, spread);
        let variance = deviation * deviation;
        let root = mean / (1.0 - variance);
        let mean = root * root * root;
        let noise = usual.min(mean) / sensors;
        let lasting = mean - noise * sensors;
        let all = 4.5 * variance * mean * mean;
        let beside = all - noise * noise * sensors - 2.0 * noise * lasting;
        let directions = if beside > 0.0 { lasting * lasting / beside } else { sensors };
        let directions = directions.clamp(1.0, sensors);
        let squares = lasting * lasting / directions;
        Self {
            sensors,
            noise,
            lasting,
            squares,
            directions,
            together: all / (noise * noise * sensors + 2.0 * noise * lasting + squares),
            mean,
            variance,
            deviation,
        }
    }

    /// The squared length of a mean of complete rows that is as likely as the one `own` of rows that each sensor has the shares
    /// of: `present` is the sum of these, `squared` that of their squares.
    #[inline(always)]
    pub(crate) fn of(&self, own: f64, present: f64, squared: f64) -> f64 {
        if present >= self.sensors {
            return own;
        }
        let kept = (present / self.directions).min(1.0);
        let mean = self.noise * present + self.lasting * kept;
        let both = 2.0 * self.noise * (squared / present) * self.lasting;
        let all = self.together * (self.noise * self.noise * squared + (both + self.squares) * kept);
        let variance = all / (4.5 * mean * mean);
        let normal = ((own / mean).cbrt() - 1.0 + variance) / variance.sqrt();
        let found = self.mean * (1.0 - self.variance + normal * self.deviation).max(0.0).powi(3);
        if found.is_finite() { found } else { own * (self.sensors / present) }
    }

    /// Where a mean power of rows that are each brought to all sensors stands, of a part whose cube root has this mean and standard
    /// deviation. What lasts cancels in no mean, and is more of the power where fewer sensors are there.
    #[inline(always)]
    pub(crate) fn of_power(&self, own: f64, present: f64, (mean, spread): (f64, f64), memory: f64) -> f64 {
        let (deviation, root) = (of_root(mean, spread), own.cbrt());
        if present >= self.sensors || root <= mean {
            return own;
        }
        let all = 9.0 * deviation * deviation;
        let noise = 2.0 * memory / ((2.0 - memory) * self.sensors);
        let more = self.sensors / present.max(self.directions) - 1.0;
        let wider = 1.0 + (all - noise).max(0.0) / all * more.max(0.0);
        let found = (mean + (root - mean) / wider.sqrt()).powi(3);
        if found.is_finite() { found } else { own }
    }
}

/// Lets the `shares` of a memory's variance in which each sensor was there go on by a row that has those with `marks`, all if there
/// are none.
#[inline(always)]
pub(crate) fn share_present(shares: &mut [f64], marks: &[bool], memory: f64) {
    let weight = memory * (2.0 - memory);
    for (place, share) in shares.iter_mut().enumerate() {
        let here = marks.get(place).is_none_or(|&here| here);
        *share += weight * (f64::from(u8::from(here)) - *share);
        if here && 1.0 - *share < ALL {
            *share = 1.0;
        }
    }
}

/// The standard deviation of the cube root of a squared length over its mean, for normal directions, where that of the cube root
/// itself has this mean and standard deviation.
fn of_root(mean: f64, spread: f64) -> f64 {
    let ratio = spread / mean;
    2.0 * ratio / (1.0 + (1.0 + 4.0 * ratio * ratio).sqrt())
}

#[cfg(test)]
mod tests;
