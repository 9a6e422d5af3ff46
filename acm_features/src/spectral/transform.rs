//! A stretch of one column on its way to its power spectrum.

use std::sync::Arc;

use acm_linalg::columns::reserve;
use acm_linalg::lanes::{Element, canonical};
use acm_linalg::parallel::Stop;
use acm_linalg::{Error, Result};
use realfft::num_complex::Complex;
use realfft::{RealFftPlanner, RealToComplex};

/// Rows read between two looks at the stop.
const PACE: usize = 1 << 16;

/// The plan of a transform of `rows` rows, made once a call and shared by its threads.
///
/// # Errors
/// [`Error::Memory`] where not even the transform's own tables would fit.
pub(super) fn plan(rows: usize) -> Result<Arc<dyn RealToComplex<f64>>> {
    // The planner's tables are the one memory that cannot be asked for politely: ask for as much first.
    drop(reserve(rows, Complex::new(0.0, 0.0), "the tables of a Fourier transform")?);
    Ok(RealFftPlanner::new().plan_fft_forward(rows))
}

/// What a thread needs for transforms of one length: 16 bytes a row, and what the plan asks for (none for lengths of small
/// prime factors, up to 64 bytes a row for others).
pub(super) struct Transform {
    plan: Arc<dyn RealToComplex<f64>>,
    /// The rows to transform; what they hold afterwards is not defined.
    pub(super) series: Vec<f64>,
    /// Bins 0 to `rows / 2`.
    pub(super) spectrum: Vec<Complex<f64>>,
    scratch: Vec<Complex<f64>>,
}

impl Transform {
    /// # Errors
    /// [`Error::Memory`].
    pub(super) fn new(plan: &Arc<dyn RealToComplex<f64>>) -> Result<Self> {
        let zero = Complex::new(0.0, 0.0);
        Ok(Self {
            series: reserve(plan.len(), 0.0, "a series")?,
            spectrum: reserve(plan.len() / 2 + 1, zero, "a spectrum")?,
            scratch: reserve(plan.get_scratch_len(), zero, "the scratch of a Fourier transform")?,
            plan: Arc::clone(plan),
        })
    }

    /// The spectrum of the series.
    pub(super) fn run(&mut self) {
        let done = self.plan.process_with_scratch(&mut self.series, &mut self.spectrum, &mut self.scratch);
        if done.is_err() {
            unreachable!("the lengths are the plan's own");
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
