//! How fast weights fade, and what else defines them.

use acm_linalg::Result;
use acm_linalg::error::require;

use crate::rolling::Times;

/// Powers of two in [`DEEP`].
const DEPTH: f64 = 256.0;

/// `2^-256`: what a weight kept is written as a number from here to 1, times a power of this.
pub(super) const DEEP: f64 = 1.0 / (((1_u128 << 127) as f64 * 2.0) * ((1_u128 << 127) as f64 * 2.0));

/// How fast a weight fades.
#[derive(Debug, Clone, Copy)]
pub struct Decay<'a> {
    /// What a step takes from a weight and what it leaves, each to its own last digit.
    pub(super) step: Step,
    /// Nanoseconds in which a weight halves and the rows' times, where steps are counted in time.
    pub(super) in_time: Option<(f64, Times<'a>)>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Step {
    pub(super) loss: f64,
    /// What is left, times [`DEEP`]`^deep`.
    pub(super) keep: f64,
    pub(super) deep: f64,
}

impl Step {
    pub(super) const NONE: Self = Self::of(0.0, 1.0);

    const fn of(loss: f64, keep: f64) -> Self {
        Self { loss, keep, deep: 0.0 }
    }

    /// So many half-lives.
    fn halving(times: f64) -> Self {
        let times = times.min(f64::MAX);
        // Exact.
        let rest = times % DEPTH;
        Self {
            loss: -(-times * std::f64::consts::LN_2).exp_m1(),
            keep: (-rest).exp2(),
            deep: (times - rest) / DEPTH,
        }
    }
}

impl<'a> Decay<'a> {
    /// A row's weight is `1 - alpha` times that of the next.
    ///
    /// # Errors
    /// [`crate::Error::Parameter`] unless `0 < alpha <= 1`.
    pub fn alpha(alpha: f64) -> Result<Self> {
        require(alpha > 0.0 && alpha <= 1.0, "alpha", "above 0 and at most 1", alpha)?;
        Ok(Self::by_row(Step::of(alpha, 1.0 - alpha)))
    }

    /// `alpha = 2 / (span + 1)`.
    ///
    /// # Errors
    /// [`crate::Error::Parameter`] unless `span` is finite and at least 1.
    pub fn span(span: f64) -> Result<Self> {
        require(span >= 1.0 && span.is_finite(), "span", "at least 1", span)?;
        Ok(Self::by_row(Step::of(2.0 / (span + 1.0), (span - 1.0) / (span + 1.0))))
    }

    /// A weight halves in so many rows: `alpha = 1 - 2^(-1 / rows)`.
    ///
    /// # Errors
    /// [`crate::Error::Parameter`] unless `rows` is finite and above 0.
    pub fn half_life(rows: f64) -> Result<Self> {
        require(rows > 0.0 && rows.is_finite(), "halflife", "above 0", rows)?;
        Ok(Self::by_row(Step::halving(1.0 / rows)))
    }

    /// A weight halves in so many nanoseconds of the rows' times.
    ///
    /// # Errors
    /// [`crate::Error::Parameter`] unless it is above 0.
    pub fn half_life_in_time(nanoseconds: i64, times: Times<'a>) -> Result<Self> {
        require(nanoseconds > 0, "halflife", "a duration above 0, in nanoseconds", nanoseconds as f64)?;
        Ok(Self {
            step: Step::NONE,
            in_time: Some((nanoseconds as f64, times)),
        })
    }

    fn by_row(step: Step) -> Self {
        Self { step, in_time: None }
    }
}

/// What else defines the weights, and how many values a result needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Weighing {
    /// Whether weights are divided by their sum from the first value on; else the first value counts as the mean before it.
    pub adjust: bool,
    /// Whether weights fade by known values alone; else by rows. Without effect in time, which passes with or without values.
    pub ignore_na: bool,
    /// Known values a result needs, at least one.
    pub min_periods: usize,
}

impl Default for Weighing {
    fn default() -> Self {
        Self {
            adjust: true,
            ignore_na: false,
            min_periods: 1,
        }
    }
}

/// One call's weights.
#[derive(Clone, Copy)]
pub(super) struct Plan<'a> {
    pub(super) decay: Decay<'a>,
    pub(super) weighing: Weighing,
    pub(super) bias: bool,
}

impl Plan<'_> {
    /// The decay from the row before to each row from `first` on.
    pub(super) fn steps(&self, first: usize, steps: &mut [Step]) {
        let Some((half_life, times)) = self.decay.in_time else {
            steps.fill(self.decay.step);
            return;
        };
        let times = times.nanoseconds();
        let (mut before, mut known) = (0, Step::NONE);
        for (row, step) in (first..).zip(steps) {
            let elapsed = match (row.checked_sub(1).and_then(|row| times.get(row)), times.get(row)) {
                (Some(&earlier), Some(&now)) => now.abs_diff(earlier),
                _ => 0,
            };
            // Most histories have few different steps.
            if elapsed != before {
                (before, known) = (elapsed, Step::halving(elapsed as f64 / half_life));
            }
            *step = known;
        }
    }

    /// The decay to a row that comes so many nanoseconds after the one before.
    pub(super) fn step_after(&self, elapsed: u64) -> Step {
        match self.decay.in_time {
            None => self.decay.step,
            Some(_) if elapsed == 0 => Step::NONE,
            Some((half_life, _)) => Step::halving(elapsed as f64 / half_life),
        }
    }

    /// Values that a result needs.
    pub(super) fn needed(&self) -> f64 {
        self.weighing.min_periods.max(1) as f64
    }

    /// Whether weights stand still where a row has no value.
    pub(super) fn waits(&self) -> bool {
        self.weighing.ignore_na && self.decay.in_time.is_none()
    }
}
