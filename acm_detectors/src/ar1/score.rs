//! Scores of AR(1): row by row, each from its own values and the latest known ones.

use acm_linalg::lanes::LANES;
use acm_linalg::memory::copied;
use acm_linalg::samples::{by_rows, room, share_missing};
use acm_linalg::scaling::quantile;
use acm_linalg::{Error, Memory, Reader, Result, Samples, Writer};
use fearless_simd::{Level, dispatch};

use super::{FittedAr1, Fuse, LARGEST};
use crate::constants::RAREST;

/// Rows that are read at a time.
const BLOCK: usize = 64;

/// Estimated time for a value, in nanoseconds.
const COST_NS: f64 = 2.0;

/// A value so long ago that less than this share of its deviation is left tells nothing.
const FADED: f64 = 1e-8;

/// What is asked of a row: one score, or what each sensor adds to it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Wanted {
    Score,
    Shares,
}

/// What is known before the next row of a history that is scored as it comes.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Ar1Memory {
    /// The latest value of each sensor, NaN where there was none.
    last: Vec<f64>,
    /// How many rows before the next one that was: 1 for the row before it.
    ages: Vec<u64>,
    any: bool,
}

impl Ar1Memory {
    /// Of models of as many sensors.
    pub(crate) fn of(&self, columns: usize) -> Option<&Self> {
        (self.any && self.last.len() == columns).then_some(self)
    }

    /// The row before the next one.
    pub(crate) fn row(&self, out: &mut [f64]) {
        for ((out, last), age) in out.iter_mut().zip(&self.last).zip(&self.ages) {
            *out = if *age == 1 { *last } else { f64::NAN };
        }
    }

    /// After the rows of `x` too.
    pub(crate) fn after(&self, x: Samples<'_>) -> Result<Self> {
        let (rows, columns) = (x.rows(), x.columns());
        let what = "the latest values";
        let mut next = Self {
            last: room(columns, 1, f64::NAN, what)?,
            ages: room(columns, 1, 0, what)?,
            any: self.any || rows > 0,
        };
        let before = self.of(columns);
        for column in 0..columns {
            let found = latest(x, before, rows, column, 1, u64::MAX);
            (next.last[column], next.ages[column]) = found.unwrap_or((f64::NAN, 0));
        }
        Ok(next)
    }
}

/// The latest known value of a column, at least `least` and at most `most` rows before `row`, and how many.
pub(crate) fn latest(
    x: Samples<'_>,
    before: Option<&Ar1Memory>,
    row: usize,
    column: usize,
    least: usize,
    most: u64,
) -> Option<(f64, u64)> {
    for age in least..=row {
        if age as u64 > most {
            return None;
        }
        let value = x.value(row - age, column);
        if value.is_finite() {
            return Some((value, age as u64));
        }
    }
    let before = before?;
    let age = before.ages[column].saturating_add(row as u64);
    (before.last[column].is_finite() && age <= most).then_some((before.last[column], age))
}

impl Memory for Ar1Memory {
    fn write(&self, to: &mut Writer) {
        if self.any {
            to.reals("live.last", &self.last);
            to.counts("live.ages", &self.ages);
        }
    }

    fn read(from: &Reader<'_>) -> Result<Self> {
        if !from.has("live.last") {
            return Ok(Self::default());
        }
        Self::read_columns(from, from.length("mu")?)
    }

    fn copy(&self) -> Result<Self> {
        Ok(Self {
            last: copied(&self.last, "the latest values")?,
            ages: copied(&self.ages, "the latest values")?,
            any: self.any,
        })
    }
}

impl Ar1Memory {
    /// What [`Memory::write`] wrote, of so many sensors.
    pub(crate) fn read_columns(from: &Reader<'_>, columns: usize) -> Result<Self> {
        let mut last = from.reals("live.last", columns)?;
        let ages = if from.has("live.ages") {
            from.counts("live.ages", columns)?
        } else {
            // Former files hold the latest row alone.
            room(columns, 1, 1, "the latest values")?
        };
        last.iter_mut().filter(|value| !value.is_finite()).for_each(|value| *value = f64::NAN);
        Ok(Self { last, ages, any: true })
    }
}

impl FittedAr1 {
    /// How far each row of `x` (n, d) is from what earlier values let expect: the sensors' |residual| / scale, fused.
    ///
    /// The first row of a history has residual 0. After k - 1 missing values a sensor is expected at mu + phi^k (x_{t-k} - mu),
    /// and its scale is that of a prediction over k rows, sd ((1 - phi^2k) / (1 - phi²))^½; without a value that tells anything,
    /// at its level, with the scale that it has about that. Where the machine stands still, a sensor that keeps a value then is
    /// expected there, with that scale too, and in the first row after it at its level. A missing value gives no residual, and a row
    /// without any is NaN.
    ///
    /// # Errors
    /// [`Error::Columns`] for another number of columns than at fit; [`Error::Length`] unless `out` has n values;
    /// [`Error::Memory`]; [`Error::Interrupted`].
    pub fn score(&self, x: Samples<'_>, out: &mut [f64]) -> Result<()> {
        self.follow(x, None, Wanted::Score, out)?;
        self.watch(x, out)
    }

    /// Each sensor's |residual| / scale (n, d), row after row: what the score is fused from. 0 where a sensor has no residual
    /// or is left out.
    ///
    /// # Errors
    /// As for [`Self::score`].
    pub fn contributions(&self, x: Samples<'_>, out: &mut [f64]) -> Result<()> {
        self.follow(x, None, Wanted::Shares, out)?;
        self.constants.share(x, out)
    }

    /// Raises the scores of rows in which a constant has moved.
    fn watch(&self, x: Samples<'_>, scores: &mut [f64]) -> Result<()> {
        if self.constants.is_empty() {
            return Ok(());
        }
        let limit = if self.usual.is_some() { self.limit(RAREST)? } else { 1.0 };
        self.constants.raise(x, limit, scores)
    }

    /// Scores the rows that follow those that `live` has seen: the same as if all had been scored at once.
    ///
    /// # Errors
    /// As for [`Self::score`]; `live` is then as it was.
    pub fn update(&self, live: &mut Ar1Memory, x: Samples<'_>, out: &mut [f64]) -> Result<()> {
        x.require_columns(self.columns())?;
        let next = live.after(x)?;
        self.follow(x, live.of(self.columns()), Wanted::Score, out)?;
        self.watch(x, out)?;
        *live = next;
        Ok(())
    }

    /// The share of the sensors in use that are missing, NaN or infinite, in each row.
    ///
    /// # Errors
    /// As for [`Self::score`].
    pub fn missing(&self, x: Samples<'_>, out: &mut [f64]) -> Result<()> {
        share_missing(x, &self.used, out)
    }

    pub(super) fn follow(
        &self,
        x: Samples<'_>,
        before: Option<&Ar1Memory>,
        wanted: Wanted,
        out: &mut [f64],
    ) -> Result<()> {
        let last = match before {
            Some(before) => {
                let mut last = room(self.columns(), 1, 0.0, "the latest row")?;
                before.row(&mut last);
                Some(last)
            }
            None => None,
        };
        let earlier = |row, column, most| latest(x, before, row, column, 2, most);
        self.follow_on(x, last.as_deref(), earlier, wanted, out)
    }

    /// Rows that follow `before`; `earlier` finds a column's latest known value more than one row before a row.
    pub(crate) fn follow_on(
        &self,
        x: Samples<'_>,
        before: Option<&[f64]>,
        earlier: impl Fn(usize, usize, u64) -> Option<(f64, u64)> + Sync,
        wanted: Wanted,
        out: &mut [f64],
    ) -> Result<()> {
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
                        let complete = dispatch!(level, simd => {
                            let _ = simd;
                            self.deviations(last, row, z)
                        });
                        if !complete {
                            self.over_gaps(last, row, z, |column, most| earlier(start + number, column, most));
                        }
                        if self.still.any() {
                            self.by_state(last, row, z);
                        }
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

    /// The deviations of sensors that were missing in the row before.
    #[inline(never)]
    fn over_gaps(&self, last: &[f64], row: &[f64], z: &mut [f64], earlier: impl Fn(usize, u64) -> Option<(f64, u64)>) {
        for column in 0..row.len() {
            if last[column].is_finite() || z[column].is_nan() {
                continue;
            }
            let (phi, mu) = (self.phi[column], self.mu[column]);
            let (left, value) = earlier(column, reach(phi)).map_or((0.0, mu), |(value, age)| {
                let age = i32::try_from(age).unwrap_or(i32::MAX);
                (phi.powi(age), value)
            });
            let growth = ((1.0 - left * left) / (1.0 - phi * phi)).sqrt();
            z[column] = residual(row[column], value, left, mu).abs() / (self.sd[column] * growth);
        }
    }

    /// The first row of all: nothing to expect it from.
    fn start(&self, row: &[f64], z: &mut [f64]) {
        for column in 0..row.len() {
            let known = row[column].is_finite() && self.used[column];
            z[column] = if known { 0.0 } else { f64::NAN };
        }
    }

    /// Of each sensor from what the row before lets expect; whether that is complete.
    #[inline(always)]
    fn deviations(&self, last: &[f64], row: &[f64], z: &mut [f64]) -> bool {
        let count = row.len();
        let (last, z, mu) = (&last[..count], &mut z[..count], &self.mu[..count]);
        let (phi, sd, used) = (&self.phi[..count], &self.sd[..count], &self.used[..count]);
        let mut complete = true;
        for column in 0..count {
            complete &= last[column].abs() < f64::INFINITY;
            let residual = residual(row[column], last[column], phi[column], mu[column]);
            let deviation = residual.abs() / sd[column];
            z[column] = if used[column] { deviation } else { f64::NAN };
        }
        complete
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

/// Rows after which less than [`FADED`] of a deviation is left.
pub(super) fn reach(phi: f64) -> u64 {
    let rows = (FADED.ln() / phi.abs().ln()).ceil();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a number of rows"
    )]
    let rows = if rows > 1.0 { rows as u64 } else { 1 };
    rows
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
    let scratch = || room(BLOCK + 1, columns, 0.0, "some rows");
    by_rows(rows, columns, out, COST_NS * columns as f64, scratch, |block, rows, out, stop| {
        // Some rows at a time: of columns that lie one behind the other a row alone takes a look at each of them.
        for (start, out) in rows.clone().step_by(BLOCK).zip(out.chunks_mut(BLOCK * columns)) {
            if stop.requested() {
                return;
            }
            let end = (start + BLOCK).min(rows.end);
            let earlier = start.saturating_sub(1);
            let read = &mut block[..(end - earlier) * columns];
            x.read(earlier..end, read);
            let mut out = out;
            if start == 0 {
                let (first, rest) = out.split_at_mut(columns);
                for (to, value) in first.iter_mut().zip(&*read) {
                    *to = if value.is_finite() { 0.0 } else { f64::NAN };
                }
                out = rest;
            }
            for ((out, last), now) in out
                .chunks_exact_mut(columns)
                .zip(read.chunks_exact(columns))
                .zip(read[columns..].chunks_exact(columns))
            {
                for column in 0..columns {
                    out[column] = residual(now[column], last[column], phi[column], mu[column]);
                }
            }
        }
    })
}
