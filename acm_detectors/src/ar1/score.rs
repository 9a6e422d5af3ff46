//! Scores of AR(1): row by row, each from its own values and those of the row before.

use acm_linalg::lanes::LANES;
use acm_linalg::memory::copied;
use acm_linalg::samples::{by_rows, room};
use acm_linalg::scaling::quantile;
use acm_linalg::{Error, Memory, Reader, Result, Samples, Writer};
use fearless_simd::{Level, dispatch};

use super::{FittedAr1, Fuse, LARGEST};

/// Rows that are read at a time.
const BLOCK: usize = 64;

/// Estimated time for a value, in nanoseconds.
const COST_NS: f64 = 2.0;

/// What is asked of a row: one score, or what each sensor adds to it.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Wanted {
    Score,
    Shares,
}

/// The row before the next one of a history that is scored as it comes.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Ar1Memory {
    last: Option<Vec<f64>>,
}

impl Memory for Ar1Memory {
    fn write(&self, to: &mut Writer) {
        if let Some(last) = &self.last {
            to.reals("live.last", last);
        }
    }

    fn read(from: &Reader<'_>) -> Result<Self> {
        let last = if from.has("live.last") {
            Some(from.reals("live.last", from.length("mu")?)?)
        } else {
            None
        };
        Ok(Self { last })
    }

    fn copy(&self) -> Result<Self> {
        let last = self.last.as_deref().map(|last| copied(last, "the latest row")).transpose()?;
        Ok(Self { last })
    }
}

impl FittedAr1 {
    /// How far each row of `x` (n, d) is from what the row before it lets expect: the sensors' |residual| / scale, fused.
    ///
    /// The first row of a history has residual 0; a missing value before counts as the sensor's level; a missing value gives
    /// no residual, and a row without any is NaN.
    ///
    /// # Errors
    /// [`Error::Columns`] for another number of columns than at fit; [`Error::Length`] unless `out` has n values;
    /// [`Error::Memory`]; [`Error::Interrupted`].
    pub fn score(&self, x: Samples<'_>, out: &mut [f64]) -> Result<()> {
        self.follow(x, None, Wanted::Score, out)
    }

    /// Each sensor's |residual| / scale (n, d), row after row: what the score is fused from. 0 where a sensor has no residual
    /// or is left out.
    ///
    /// # Errors
    /// As for [`Self::score`].
    pub fn contributions(&self, x: Samples<'_>, out: &mut [f64]) -> Result<()> {
        self.follow(x, None, Wanted::Shares, out)
    }

    /// Scores the rows that follow those that `live` has seen: the same as if all had been scored at once.
    ///
    /// # Errors
    /// As for [`Self::score`]; `live` is then as it was.
    pub fn update(&self, live: &mut Ar1Memory, x: Samples<'_>, out: &mut [f64]) -> Result<()> {
        let known = live.last.as_deref().filter(|last| last.len() == self.columns());
        let last = x.rows().checked_sub(1).map(|row| x.row(row)).transpose()?;
        self.follow(x, known, Wanted::Score, out)?;
        live.last = last.or_else(|| live.last.take());
        Ok(())
    }

    fn follow(&self, x: Samples<'_>, before: Option<&[f64]>, wanted: Wanted, out: &mut [f64]) -> Result<()> {
        let columns = self.columns();
        let width = if wanted == Wanted::Score { 1 } else { columns };
        x.require_columns(columns)?;
        let expected = x.rows() * width;
        if out.len() != expected {
            return Err(Error::Length {
                name: "out",
                expected,
                got: out.len(),
            });
        }
        let what = "a block of rows";
        let scratch = || Ok((room(BLOCK + 1, columns, 0.0, what)?, room(columns, 1, 0.0, what)?));
        let level = Level::new();
        by_rows(x.rows(), width, out, COST_NS * columns as f64, scratch, |(block, z), rows, out, stop| {
            for (start, out) in rows.step_by(BLOCK).zip(out.chunks_mut(BLOCK * width)) {
                if stop.requested() {
                    return;
                }
                let count = out.len() / width;
                let (last, new) = block.split_at_mut(columns);
                x.read(start..start + count, &mut new[..count * columns]);
                match (start.checked_sub(1), before) {
                    (Some(earlier), _) => x.read(earlier..start, last),
                    (None, Some(before)) => last.copy_from_slice(before),
                    (None, None) => {}
                }
                let first = start == 0 && before.is_none();
                for (number, out) in out.chunks_exact_mut(width).enumerate() {
                    let (last, row) = block[number * columns..][..2 * columns].split_at(columns);
                    if first && number == 0 {
                        self.start(row, z);
                    } else {
                        dispatch!(level, simd => {
                            let _ = simd;
                            self.deviations(last, row, z);
                        });
                    }
                    if wanted == Wanted::Score {
                        out[0] = self.fuse(z);
                    } else {
                        out.iter_mut().zip(&*z).for_each(|(out, z)| *out = if z.is_nan() { 0.0 } else { *z });
                    }
                }
            }
        })
    }

    /// The first row of all: nothing to expect it from.
    fn start(&self, row: &[f64], z: &mut [f64]) {
        for column in 0..row.len() {
            let known = row[column].is_finite() && self.used[column];
            z[column] = if known { 0.0 } else { f64::NAN };
        }
    }

    #[inline(always)]
    fn deviations(&self, last: &[f64], row: &[f64], z: &mut [f64]) {
        let count = row.len();
        let (last, z, mu) = (&last[..count], &mut z[..count], &self.mu[..count]);
        let (phi, sd, used) = (&self.phi[..count], &self.sd[..count], &self.used[..count]);
        for column in 0..count {
            let residual = residual(row[column], last[column], phi[column], mu[column]);
            let deviation = residual.abs() / sd[column];
            z[column] = if used[column] { deviation } else { f64::NAN };
        }
    }

    fn fuse(&self, z: &mut [f64]) -> f64 {
        if self.parameters.fuse == Fuse::Mean {
            let (mut sums, mut counts) = ([0.0; LANES], [0.0; LANES]);
            for z in z.chunks(LANES) {
                for (lane, &z) in z.iter().enumerate() {
                    sums[lane] += if z.is_nan() { 0.0 } else { z };
                    counts[lane] += if z.is_nan() { 0.0 } else { 1.0 };
                }
            }
            return sums.iter().sum::<f64>() / counts.iter().sum::<f64>();
        }
        let mut known = 0;
        for place in 0..z.len() {
            let value = z[place];
            z[known] = value;
            known += usize::from(!value.is_nan());
        }
        let q = if self.parameters.fuse == Fuse::Median { 0.5 } else { 0.95 };
        quantile(&mut z[..known], q)
    }
}

/// What a value has beyond what the one before lets expect; NaN for a missing one.
#[inline(always)]
fn residual(value: f64, last: f64, phi: f64, mu: f64) -> f64 {
    let clip = |value: f64| value.clamp(-LARGEST, LARGEST);
    let deviation = if last.abs() < f64::INFINITY { clip(last) - mu } else { 0.0 };
    let residual = (clip(value) - mu) - phi * deviation;
    if value.abs() < f64::INFINITY { residual } else { f64::NAN }
}

/// Residuals of AR(1) with given coefficients and levels, each of length d: `x` (n, d) into `out`, row after row.
///
/// r_t = (x_t - mu) - phi (x_{t-1} - mu), and 0 for the first row; a missing value before counts as `mu`, a missing value gives
/// NaN. Values are clipped to ±1e150.
///
/// # Errors
/// [`Error::Length`] unless `phi`, `mu` and `out` have as many values as they must; [`Error::Memory`];
/// [`Error::Interrupted`].
pub fn residuals(x: Samples<'_>, phi: &[f64], mu: &[f64], out: &mut [f64]) -> Result<()> {
    let (rows, columns) = (x.rows(), x.columns());
    for (name, expected, got) in [
        ("phi", columns, phi.len()),
        ("mu", columns, mu.len()),
        ("out", rows * columns, out.len()),
    ] {
        if expected != got {
            return Err(Error::Length { name, expected, got });
        }
    }
    let scratch = || room(2, columns, 0.0, "two rows");
    by_rows(rows, columns, out, COST_NS * columns as f64, scratch, |both, rows, out, stop| {
        for (row, out) in rows.zip(out.chunks_exact_mut(columns)) {
            if stop.requested() {
                return;
            }
            let earlier = row.saturating_sub(1);
            x.read(earlier..row + 1, &mut both[..(row + 1 - earlier) * columns]);
            let (last, now) = both.split_at(columns);
            for column in 0..columns {
                out[column] = if row > 0 {
                    residual(now[column], last[column], phi[column], mu[column])
                } else if last[column].is_finite() {
                    0.0
                } else {
                    f64::NAN
                };
            }
        }
    })
}
