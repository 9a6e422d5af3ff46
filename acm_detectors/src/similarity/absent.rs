//! Where the parts of the score lie while sensors are missing: learned from training rows that were judged without some.
//!
//! What a likeness of fewer sensors leaves over has another size and another memory than what that of all leaves, and no law of
//! what is whitened tells it: less of the noise of readings is in the residuals, and more of loads that few sensors tell.

use acm_linalg::{Reader, Result, Writer};

const WHAT: [&str; 3] = ["absent.present", "absent.mean", "absent.reach"];

/// Means of the parts, by cube roots, and from there to their limits, for some counts of present sensors.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Absent {
    /// How many sensors were there, the most first, always fewer than all.
    pub(super) present: Vec<f64>,
    /// (counts, parts).
    pub(super) mean: Vec<f64>,
    pub(super) reach: Vec<f64>,
}

impl Absent {
    /// The cube root among those of complete rows that is as likely as `root` is where `present` of the `sensors` are there:
    /// `complete` is the mean, and the way from there to the limit, of part `number` of `parts` on complete rows. Between two
    /// counts in proportion to the cube root of the count, as that of a squared length grows.
    #[inline(always)]
    pub(super) fn root(
        &self,
        root: f64,
        present: f64,
        sensors: f64,
        (number, parts): (usize, usize),
        complete: [f64; 2],
    ) -> f64 {
        let mut above = (sensors, complete);
        for (place, &count) in self.present.iter().enumerate() {
            let own = [self.mean[place * parts + number], self.reach[place * parts + number]];
            if present >= count {
                let least = count.cbrt();
                let share = (present.cbrt() - least) / (above.0.cbrt() - least);
                let [mean, reach] = [0, 1].map(|of| own[of] + share * (above.1[of] - own[of]));
                return complete[0] + (root - mean) * (complete[1] / reach);
            }
            above = (count, own);
        }
        let [mean, reach] = above.1;
        complete[0] + (root - mean) * (complete[1] / reach)
    }

    pub(super) fn write(&self, to: &mut Writer) {
        for (name, values) in WHAT.into_iter().zip([&self.present, &self.mean, &self.reach]) {
            to.reals(name, values);
        }
    }

    /// `None` in files of former versions.
    pub(super) fn read(from: &Reader<'_>, sensors: usize, parts: usize) -> Result<Option<Self>> {
        if !from.has(WHAT[0]) {
            return Ok(None);
        }
        let present = from.reals(WHAT[0], from.length(WHAT[0])?)?;
        let falling = present.is_sorted_by(|one, other| one > other);
        let most = present.iter().all(|&count| count >= 1.0 && count < sensors as f64);
        from.require(falling && most, WHAT[0])?;
        let size = present.len().checked_mul(parts).ok_or_else(|| from.wrong(WHAT[0]))?;
        let (mean, reach) = (from.reals(WHAT[1], size)?, from.reals(WHAT[2], size)?);
        from.require(mean.iter().all(|mean| mean.is_finite()), WHAT[1])?;
        from.require(reach.iter().all(|&reach| reach > 0.0 && reach.is_finite()), WHAT[2])?;
        Ok(Some(Self { present, mean, reach }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roots_go_over_from_count_to_count() {
        // Two parts of eight sensors; at 4 and at 1 sensors.
        let absent = Absent {
            present: vec![4.0, 1.0],
            mean: vec![9.0, 2.0, 9.0, 1.0],
            reach: vec![9.0, 0.5, 9.0, 2.0],
        };
        let root = |root: f64, present: f64| absent.root(root, present, 8.0, (1, 2), [3.0, 1.0]);
        // Complete rows keep theirs, and at each count a limit is a limit and a mean a mean.
        for (present, mean, reach) in [(8.0, 3.0, 1.0), (4.0, 2.0, 0.5), (1.0, 1.0, 2.0), (0.5, 1.0, 2.0)] {
            assert!((root(mean, present) - 3.0).abs() < 1e-15, "{present}");
            assert!((root(mean + reach, present) - 4.0).abs() < 1e-15, "{present}");
            assert!((root(mean + 3.0 * reach, present) - 6.0).abs() < 1e-15, "{present}");
        }
        // Where the cube root of the count lies midway the two are halves.
        let middle = (0.5_f64 * (2.0 + 4.0_f64.cbrt())).powi(3);
        assert!((root(2.5, middle) - 3.0).abs() < 1e-12 && (root(2.5 + 0.75, middle) - 4.0).abs() < 1e-12);
    }
}
