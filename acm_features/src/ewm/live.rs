//! Exponential weights row by row: what a history's rows so far come to, of all its columns.

use acm_linalg::Result;
use acm_linalg::columns::allocate;
use acm_linalg::lanes::{LANES, Row, loaded};
use acm_linalg::memory::copied;
use fearless_simd::{Level, Simd, dispatch, prelude::*};

use super::decay::{Plan, Step};
use super::state::{SIZE, State};
use super::{Decay, TIDY_ROWS, Weighing};
use crate::rolling::Times;

/// How fast weights fade, however the history comes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Fading {
    /// As [`Decay::alpha`].
    Alpha(f64),
    /// As [`Decay::span`].
    Span(f64),
    /// As [`Decay::half_life`].
    HalfLife(f64),
    /// As [`Decay::half_life_in_time`].
    Lasting(i64),
}

impl Fading {
    /// The decay; in time that of no rows yet.
    ///
    /// # Errors
    /// [`crate::Error::Parameter`].
    pub fn decay(self) -> Result<Decay<'static>> {
        match self {
            Self::Alpha(alpha) => Decay::alpha(alpha),
            Self::Span(span) => Decay::span(span),
            Self::HalfLife(rows) => Decay::half_life(rows),
            Self::Lasting(nanoseconds) => Decay::half_life_in_time(nanoseconds, Times::new(&[])?),
        }
    }
}

/// The state after the rows so far.
#[derive(Debug)]
pub(crate) struct Walk {
    columns: usize,
    states: Vec<Row>,
    /// Last values, by group of columns.
    last: Vec<Row>,
}

/// Numbers of a column that are kept.
pub(crate) const KEPT: usize = SIZE + 1;

impl Walk {
    pub(crate) fn new(columns: usize) -> Result<Self> {
        let groups = columns.div_ceil(LANES);
        let mut walk = Self {
            columns,
            states: allocate(groups * SIZE, "the state of exponential weights")?,
            last: allocate(groups, "the state of exponential weights")?,
        };
        dispatch!(Level::new(), simd => {
            for state in walk.states.chunks_exact_mut(SIZE) {
                State::empty(simd).save(state);
            }
        });
        Ok(walk)
    }

    pub(crate) fn copy(&self) -> Result<Self> {
        Ok(Self {
            columns: self.columns,
            states: copied(&self.states, "the state of exponential weights")?,
            last: copied(&self.last, "the state of exponential weights")?,
        })
    }

    /// The numbers of each column, one after the other.
    pub(crate) fn numbers(&self) -> impl Iterator<Item = f64> {
        (0..self.columns).flat_map(|column| {
            let (group, lane) = (column / LANES, column % LANES);
            let state = &self.states[group * SIZE..(group + 1) * SIZE];
            state.iter().chain([&self.last[group]]).map(move |row| row.0[lane])
        })
    }

    /// What [`Self::numbers`] gave.
    pub(crate) fn from_numbers(columns: usize, numbers: &[f64]) -> Result<Self> {
        let mut walk = Self::new(columns)?;
        for (column, numbers) in numbers.chunks_exact(KEPT).enumerate().take(columns) {
            let (group, lane) = (column / LANES, column % LANES);
            let state = &mut walk.states[group * SIZE..(group + 1) * SIZE];
            for (row, &number) in state.iter_mut().chain([&mut walk.last[group]]).zip(numbers) {
                row.0[lane] = number;
            }
        }
        Ok(walk)
    }

    /// With row `row`, so many nanoseconds after the one before; lanes without a column may hold anything.
    pub(crate) fn step(&mut self, how: &Weighted, (row, elapsed): (usize, u64), x: &[[f64; LANES]], out: &mut [Row]) {
        let plan = how.plan();
        let by = plan.step_after(elapsed);
        dispatch!(Level::new(), simd => match (how.weighing.adjust, how.deviation) {
            (true, false) => self.walked::<_, true, false>(simd, &plan, (row, by), x, out),
            (true, true) => self.walked::<_, true, true>(simd, &plan, (row, by), x, out),
            (false, false) => self.walked::<_, false, false>(simd, &plan, (row, by), x, out),
            (false, true) => self.walked::<_, false, true>(simd, &plan, (row, by), x, out),
        });
    }

    #[inline(always)]
    fn walked<S: Simd, const ADJUST: bool, const STD: bool>(
        &mut self,
        simd: S,
        plan: &Plan<'_>,
        (row, by): (usize, Step),
        x: &[[f64; LANES]],
        out: &mut [Row],
    ) {
        let groups = self.states.chunks_exact_mut(SIZE).zip(&mut self.last).zip(x.iter().zip(out));
        for (group, ((memory, last), (x, out))) in groups.enumerate() {
            let used = self.columns - group * LANES;
            let idle = Row(std::array::from_fn(|lane| if lane < used { 0.0 } else { 1.0 }));
            let idle = idle.load(simd).simd_gt(0.0);
            let mut state = State::load(simd, memory);
            let (x, newest) = (loaded(simd, x), last.load(simd));
            // As before each tile of a whole history.
            if row.is_multiple_of(TIDY_ROWS) {
                state = state.tidied::<STD>(simd, newest, idle);
            }
            let known = x.simd_eq(x);
            let clean = (known | idle).all_true();
            last.store(known.select(x, newest));
            if state.deep(&[by], clean) {
                state = state.push::<ADJUST, STD, false, true>(simd, x, by, plan);
                out.store(state.result::<STD, true>(simd, plan));
            } else if clean {
                state = state.push::<ADJUST, STD, true, false>(simd, x, by, plan);
                out.store(state.result::<STD, false>(simd, plan));
            } else {
                state = state.push::<ADJUST, STD, false, false>(simd, x, by, plan);
                out.store(state.result::<STD, false>(simd, plan));
            }
            state.save(memory);
        }
    }
}

/// What is asked of exponential weights.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Weighted {
    fading: Fading,
    decay: Step,
    weighing: Weighing,
    deviation: bool,
    bias: bool,
}

impl Weighted {
    /// The mean.
    ///
    /// # Errors
    /// [`crate::Error::Parameter`].
    pub fn mean(fading: Fading, weighing: Weighing) -> Result<Self> {
        Self::of(fading, weighing, false, false)
    }

    /// The standard deviation.
    ///
    /// # Errors
    /// [`crate::Error::Parameter`].
    pub fn deviation(fading: Fading, weighing: Weighing, bias: bool) -> Result<Self> {
        Self::of(fading, weighing, true, bias)
    }

    fn of(fading: Fading, weighing: Weighing, deviation: bool, bias: bool) -> Result<Self> {
        Ok(Self {
            fading,
            decay: fading.decay()?.step,
            weighing,
            deviation,
            bias,
        })
    }

    fn plan(&self) -> Plan<'static> {
        const NO_TIMES: &[i64] = &[];
        let in_time = match (self.fading, Times::new(NO_TIMES)) {
            (Fading::Lasting(nanoseconds), Ok(times)) => Some((nanoseconds as f64, times)),
            _ => None,
        };
        Plan {
            decay: Decay {
                step: self.decay,
                in_time,
            },
            weighing: self.weighing,
            bias: self.bias,
        }
    }

    /// How fast weights fade.
    #[must_use]
    pub const fn fading(&self) -> Fading {
        self.fading
    }

    /// What else defines the weights.
    #[must_use]
    pub const fn weighing(&self) -> Weighing {
        self.weighing
    }

    /// Whether it is the standard deviation, and whether that with its bias.
    #[must_use]
    pub const fn is_deviation(&self) -> Option<bool> {
        if self.deviation { Some(self.bias) } else { None }
    }
}
