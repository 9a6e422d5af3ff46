//! A stretch of one column on its way to its power spectrum.

use std::mem::take;
use std::sync::Arc;

use acm_linalg::columns::reserve;
use acm_linalg::lanes::{Element, canonical};
use acm_linalg::memory::probe;
use acm_linalg::parallel::{self, Stop, aside};
use acm_linalg::{Error, Result};
use realfft::num_complex::Complex;
use realfft::{RealFftPlanner, RealToComplex};

use super::chirp::{Chirp, Rectangle};

/// Estimated time of a row in making a plan.
const PLAN_ROW_NS: f64 = 100.0;

/// Estimated time of a row in a transform.
const ROW_NS: f64 = 25.0;

/// Rows read between two looks at the stop.
const PACE: usize = 1 << 16;

/// How a transform of some length is done.
#[derive(Clone)]
pub(super) enum Plan {
    General(Arc<dyn RealToComplex<f64>>),
    Chirp(Arc<Chirp>),
}

/// The plan of a transform of `rows` rows, made once a call and shared by its threads: up to 35 bytes a row.
///
/// # Errors
/// [`Error::Memory`] where not even the transform's own tables would fit.
pub(super) fn plan(rows: usize, stop: &Stop) -> Result<Plan> {
    if Chirp::suits(rows) {
        return Ok(Plan::Chirp(Arc::new(Chirp::new(rows, stop)?)));
    }
    room_for_tables(rows, 1)?;
    let made = aside(PLAN_ROW_NS * rows as f64, Some(stop), move || RealFftPlanner::new().plan_fft_forward(rows))?;
    Ok(Plan::General(made))
}

/// The same, before there are threads.
///
/// # Errors
/// As [`plan`]; [`Error::Interrupted`].
pub(super) fn plan_alone(rows: usize) -> Result<Plan> {
    let mut made = None;
    parallel::run([&mut made], PLAN_ROW_NS * rows as f64, || Ok(()), |(), made, stop| *made = Some(plan(rows, stop)))?;
    made.unwrap_or_else(|| plan(rows, &Stop::default()))
}

impl Plan {
    fn rows(&self) -> usize {
        match self {
            Self::General(plan) => plan.len(),
            Self::Chirp(chirp) => chirp.rows(),
        }
    }
}

enum Scratch {
    General(Vec<Complex<f64>>),
    Chirp(Rectangle),
}

/// The planner's tables, and what it needs to make them, are memory that cannot be asked for politely: `Ok` where there is as
/// much for `times` plans of up to `rows` rows. Large prime factors take the most, 224 bytes a row.
///
/// # Errors
/// [`Error::Memory`].
pub(super) fn room_for_tables(rows: usize, times: usize) -> Result<()> {
    let mut rest = rows.max(1);
    for factor in [2, 3, 5, 7, 11, 13] {
        while rest.is_multiple_of(factor) {
            rest /= factor;
        }
    }
    let bytes = if rest == 1 { 64 } else { 240 };
    probe(rows.saturating_mul(bytes).saturating_mul(times), "the tables of a Fourier transform")
}

/// What a thread needs for transforms of one length: 16 bytes a row, and what the plan asks for (up to 32 bytes a row).
pub(super) struct Transform {
    plan: Plan,
    /// The rows to transform; what they hold afterwards is not defined.
    pub(super) series: Vec<f64>,
    /// Bins 0 to `rows / 2`.
    pub(super) spectrum: Vec<Complex<f64>>,
    scratch: Scratch,
}

impl Transform {
    /// # Errors
    /// [`Error::Memory`].
    pub(super) fn new(plan: &Plan) -> Result<Self> {
        let zero = Complex::new(0.0, 0.0);
        Ok(Self {
            series: reserve(plan.rows(), 0.0, "a series")?,
            spectrum: reserve(plan.rows() / 2 + 1, zero, "a spectrum")?,
            scratch: match plan {
                Plan::General(plan) => {
                    Scratch::General(reserve(plan.get_scratch_len(), zero, "the scratch of a Fourier transform")?)
                }
                Plan::Chirp(chirp) => Scratch::Chirp(chirp.memory()?),
            },
            plan: plan.clone(),
        })
    }

    /// The spectrum of the series: whether it is there. Where the work was stopped, the transform may be of no more use.
    #[must_use]
    pub(super) fn run(&mut self, stop: &Stop) -> bool {
        if stop.requested() {
            return false;
        }
        match (&self.plan, &mut self.scratch) {
            (Plan::General(plan), Scratch::General(scratch)) => {
                let (plan, mut own) = (Arc::clone(plan), take(scratch));
                let (mut series, mut spectrum) = (take(&mut self.series), take(&mut self.spectrum));
                let done = aside(ROW_NS * series.len() as f64, Some(stop), move || {
                    if plan.process_with_scratch(&mut series, &mut spectrum, &mut own).is_err() {
                        unreachable!("the lengths are the plan's own");
                    }
                    (series, spectrum, own)
                });
                let Ok(done) = done else { return false };
                (self.series, self.spectrum, *scratch) = done;
                true
            }
            (Plan::Chirp(chirp), Scratch::Chirp(rectangle)) => {
                chirp.run(&self.series, &mut self.spectrum, rectangle, stop);
                !stop.requested()
            }
            _ => unreachable!("the scratch is the plan's own"),
        }
    }

    /// `|X_k|^2`. A power that is not a number came from values beyond float64's range.
    pub(super) fn power(&self, bin: usize) -> f64 {
        finite_or_infinite(self.spectrum[bin].norm_sqr())
    }
}

/// NaN becomes infinite: sums of squares have no other way to become NaN than by overflow on the way.
pub(super) fn finite_or_infinite(power: f64) -> f64 {
    if power.is_nan() { f64::INFINITY } else { power }
}

/// Writes `values` less the mean of those that are not missing into `centred`, 0 where missing; returns how many are not.
///
/// The mean is taken about the first of them, with what its sum's roundings lost: 1e-3 about 1e9 keeps its digits.
pub(super) fn centre<'a, T: Element>(values: impl Iterator<Item = &'a T>, centred: &mut [f64], stop: &Stop) -> usize {
    let mut count = 0_usize;
    let mut origin = 0.0;
    let (mut sum, mut lost) = (0.0, 0.0);
    for (row, (place, value)) in centred.iter_mut().zip(values).enumerate() {
        if row % PACE == 0 && stop.requested() {
            return 0;
        }
        *place = canonical(value.widen(), f64::NAN);
        if place.is_nan() {
            continue;
        }
        if count == 0 {
            origin = *place;
        }
        count += 1;
        let step = *place - origin;
        // Knuth's two-sum.
        let next = sum + step;
        let part = next - sum;
        lost += (sum - (next - part)) + (step - part);
        sum = next;
    }
    if count == 0 {
        centred.fill(0.0);
        return 0;
    }
    let known = count as f64;
    let mean = sum / known;
    // What the quotient leaves of the sum; a fused product is exact on every machine.
    let rest = (mean.mul_add(-known, sum) + lost) / known;
    for place in centred.iter_mut() {
        *place = if place.is_nan() { 0.0 } else { ((*place - origin) - mean) - rest };
    }
    count
}

/// [`Error::Shape`] unless `got` is `expected`.
pub(super) fn require_shape(name: &'static str, got: (usize, usize), expected: (usize, usize)) -> Result<()> {
    if got == expected { Ok(()) } else { Err(Error::Shape { name, expected, got }) }
}
