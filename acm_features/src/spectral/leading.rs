//! Windows one by one: those that are shorter than the rest because the array starts within them, and those that differ.
//!
//! Each has bins of its own, so nothing can be shared between them: short ones are transformed as defined, all lanes at
//! once, long ones lane by lane with a fast Fourier transform. Which of the two depends on the window's length alone. The
//! fast transform uses what the processor has: its last bits may differ between families of processors.

use std::sync::Arc;

use acm_linalg::Result;
use acm_linalg::columns::{Tile, allocate};
use acm_linalg::lanes::{Row, V};
use acm_linalg::memory::reserve;
use acm_linalg::parallel::num_threads;
use fearless_simd::{Simd, f64x8, prelude::*};
use realfft::{RealFftPlanner, RealToComplex};

use super::bands::Bands;
use super::circle::{self, Point, power};
use super::transform::room_for_tables;
use crate::rolling::Window;

/// Rows up to which the definition, all lanes at once, is no slower than a fast transform of each.
const SHORT: usize = 256;

/// Bins of one pass over a short window.
const GROUP: usize = 4;

/// What a thread keeps between leading windows.
pub(crate) struct LeadingScratch {
    circle: Vec<Point>,
    centred: Vec<Row>,
    energies: Vec<Row>,
    series: Vec<f64>,
    /// The last transform's. Every length may come: a planner that remembered them all would hold the square of the window.
    plan: Option<Arc<dyn RealToComplex<f64>>>,
}

impl LeadingScratch {
    /// For windows of at most `longest` rows.
    pub(super) fn new(longest: usize, bands: usize) -> Result<Self> {
        let long = if longest > SHORT { longest } else { 0 };
        if long > 0 {
            // A prime number of rows takes the most, and may come. All threads may be about to plan.
            room_for_tables(long | 1, num_threads())?;
        }
        Ok(Self {
            circle: reserve(longest.min(SHORT), [0.0; 2], "a window")?,
            centred: allocate(longest, "a centred window")?,
            energies: allocate(bands, "band energies")?,
            series: reserve(long, 0.0, "a window")?,
            plan: None,
        })
    }
}

/// Computes the rows of `tile` that have a leading window, in the lanes where they have.
#[inline(always)]
pub(super) fn tile<S: Simd>(
    simd: S,
    scratch: &mut LeadingScratch,
    (window, bands): (Window, &Bands),
    tile: &Tile<'_>,
    out: &mut [Row],
) {
    let starts = &tile.start[..tile.lanes];
    for (number, &start) in starts.iter().enumerate() {
        // Lanes of one start have their windows in common.
        if starts[..number].contains(&start) {
            continue;
        }
        let whole = window.rows() - 1 + tile.late;
        for (row, results) in out.chunks_exact_mut(bands.len()).enumerate().take(whole.saturating_sub(start)) {
            let rows = (start + row + 1).saturating_sub(tile.late);
            let end = tile.lead + row + 1;
            let lanes = || (number..starts.len()).filter(|&lane| starts[lane] == start);
            if rows < window.rows() / 2 {
                scratch.energies.fill(Row::splat(0.0));
            } else {
                one(simd, scratch, (bands, window.min_periods()), &tile.x[end - rows..end], lanes());
            }
            for lane in lanes() {
                for (energy, result) in scratch.energies.iter().zip(&mut *results) {
                    result.0[lane] = energy.0[lane];
                }
            }
            if tile.stop.requested() {
                return;
            }
        }
    }
}

/// The energies of a window of these rows, in these lanes.
#[inline(always)]
fn one<S: Simd>(
    simd: S,
    scratch: &mut LeadingScratch,
    (bands, min_periods): (&Bands, usize),
    x: &[Row],
    lanes: impl Iterator<Item = usize>,
) {
    energies(simd, scratch, bands, min_periods, x);
    if x.len() > SHORT {
        let plan = match scratch.plan.take() {
            Some(plan) if plan.len() == x.len() => plan,
            _ => RealFftPlanner::<f64>::new().plan_fft_forward(x.len()),
        };
        for lane in lanes {
            transform(scratch, bands, &*plan, lane);
        }
        scratch.plan = Some(plan);
    }
}

/// The energies of each of `windows`, whatever their rows; 0 for those of fewer than `least`.
#[inline(always)]
pub(super) fn each<'a, S: Simd>(
    simd: S,
    scratch: &mut LeadingScratch,
    (bands, min_periods, least): (&Bands, usize, usize),
    windows: impl Iterator<Item = &'a [Row]>,
    tile: &Tile<'_>,
    out: &mut [Row],
) {
    for (results, x) in out.chunks_exact_mut(bands.len()).zip(windows) {
        if x.len() < least {
            scratch.energies.fill(Row::splat(0.0));
        } else {
            one(simd, scratch, (bands, min_periods), x, 0..tile.lanes);
        }
        results.copy_from_slice(&scratch.energies);
        if tile.stop.requested() {
            return;
        }
    }
}

/// The energies of a window of these rows; of a long window only whether they are missing.
#[inline(always)]
fn energies<S: Simd>(simd: S, scratch: &mut LeadingScratch, bands: &Bands, min_periods: usize, x: &[Row]) {
    let centred = &mut scratch.centred[..x.len()];
    let count = centre(simd, x, centred);
    let enough = count.simd_ge(min_periods.max(1) as f64);
    let base = enough.select(f64x8::splat(simd, 0.0), f64x8::splat(simd, f64::NAN));
    if x.len() > SHORT {
        for energy in &mut scratch.energies {
            energy.store(base);
        }
        return;
    }
    let circle = &mut scratch.circle[..x.len()];
    circle::fill(circle);
    for (bins, energy) in bands.bins(x.len()).zip(&mut scratch.energies) {
        let mut sum = f64x8::splat(simd, 0.0);
        let mut next = bins.start;
        while next + GROUP <= bins.end {
            sum = add_powers::<S, GROUP>(simd, sum, centred, circle, next);
            next += GROUP;
        }
        for bin in next..bins.end {
            sum = add_powers::<S, 1>(simd, sum, centred, circle, bin);
        }
        // Values near the largest float64: the energy is beyond it.
        let sum = sum.simd_eq(sum).select(sum, f64x8::splat(simd, f64::INFINITY));
        energy.store(enough.select(sum, base));
    }
}

/// Deviations from the mean of the non-missing values, 0 for the missing; returns the count of the others.
#[inline(always)]
fn centre<S: Simd>(simd: S, x: &[Row], centred: &mut [Row]) -> V<S> {
    let zero = f64x8::splat(simd, 0.0);
    let one = f64x8::splat(simd, 1.0);
    // Relative to one of the values, so that the mean of 1e9 +- 1e-3 has as many digits as that of +- 1e-3.
    let (mut origin, mut count, mut sum) = (zero, zero, zero);
    for x in x {
        let x = x.load(simd);
        let valid = x.simd_eq(x);
        origin = (valid & count.simd_eq(0.0)).select(x, origin);
        count += valid.select(one, zero);
        sum += valid.select(x - origin, zero);
    }
    let mean = sum / count.max(one);
    for (x, centred) in x.iter().zip(centred) {
        let x = x.load(simd);
        centred.store(x.simd_eq(x).select((x - origin) - mean, zero));
    }
    count
}

/// `|X_k|^2` of `B` bins from `first` on, as defined, added to `sum` in order.
#[inline(always)]
fn add_powers<S: Simd, const B: usize>(
    simd: S,
    mut sum: V<S>,
    centred: &[Row],
    circle: &[Point],
    first: usize,
) -> V<S> {
    let mut sums = [[f64x8::splat(simd, 0.0); 2]; B];
    let mut angle = [0; B];
    for x in centred {
        let x = x.load(simd);
        for bin in 0..B {
            let [cos, sin] = circle[angle[bin]];
            sums[bin][0] += x * f64x8::splat(simd, cos);
            sums[bin][1] += x * f64x8::splat(simd, sin);
            angle[bin] += first + bin;
            if angle[bin] >= circle.len() {
                angle[bin] -= circle.len();
            }
        }
    }
    for bin in 0..B {
        sum += power(sums[bin]);
    }
    sum
}

/// The energies of one lane of a long window.
fn transform(scratch: &mut LeadingScratch, bands: &Bands, plan: &dyn RealToComplex<f64>, lane: usize) {
    let rows = plan.len();
    let series = &mut scratch.series[..rows];
    for (value, row) in series.iter_mut().zip(&scratch.centred) {
        *value = row.0[lane];
    }
    let mut spectrum = plan.make_output_vec();
    if plan.process(series, &mut spectrum).is_err() {
        unreachable!("the lengths are the plan's own");
    }
    for (bins, energy) in bands.bins(rows).zip(&mut scratch.energies) {
        let sum: f64 = spectrum[bins].iter().map(|x| x.re * x.re + x.im * x.im).sum();
        let sum = if sum.is_nan() { f64::INFINITY } else { sum };
        // Where the window is missing, NaN stays.
        energy.0[lane] += sum;
    }
}
