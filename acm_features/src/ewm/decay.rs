//! How fast weights fade, and what else defines them.

use acm_linalg::Result;
use acm_linalg::error::require;
use acm_linalg::memory::reserve;

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

/// Steps in time that were met before, each in a place that its duration tells: most histories have few different ones, and
/// the powers of a new one take longer than all else of a row.
pub(super) struct KnownSteps {
    known: Vec<(u64, Step)>,
    shift: u32,
}

impl KnownSteps {
    /// Powers of two of the places, for many rows.
    const MOST: u32 = 11;

    /// For so many rows.
    ///
    /// # Errors
    /// [`acm_linalg::Error::Memory`].
    pub(super) fn new(rows: usize, plan: &Plan<'_>) -> Result<Self> {
        let most = if plan.decay.in_time.is_some() { Self::MOST } else { 1 };
        let power = rows.max(1).ilog2().saturating_sub(2).clamp(1, most);
        Ok(Self {
            known: reserve(1 << power, (0, Step::NONE), "the steps of times")?,
            shift: u64::BITS - power,
        })
    }

    /// The step of so many nanoseconds.
    #[inline(always)]
    fn after(&mut self, elapsed: u64, half_life: f64) -> Step {
        // Multiples of one unit spread evenly (Knuth, The Art of Computer Programming 3, 6.4, theorem S).
        const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;
        let place = elapsed.wrapping_mul(GOLDEN) >> self.shift;
        let (known, step) = &mut self.known[place as usize];
        if *known != elapsed {
            (*known, *step) = (elapsed, Step::halving(elapsed as f64 / half_life));
        }
        *step
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
    pub(super) fn steps(&self, first: usize, known: &mut KnownSteps, steps: &mut [Step]) {
        match self.decay.in_time {
            Some(in_time) => Self::steps_in_time(in_time, first, known, steps),
            None => steps.fill(self.decay.step),
        }
    }

    #[inline(never)]
    fn steps_in_time((half_life, times): (f64, Times<'_>), first: usize, known: &mut KnownSteps, steps: &mut [Step]) {
        let times = times.nanoseconds();
        for (row, step) in (first..).zip(steps) {
            let elapsed = match (row.checked_sub(1).and_then(|row| times.get(row)), times.get(row)) {
                (Some(&earlier), Some(&now)) => now.abs_diff(earlier),
                _ => 0,
            };
            *step = known.after(elapsed, half_life);
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
