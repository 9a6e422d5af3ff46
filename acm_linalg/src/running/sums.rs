//! The sums themselves, and how they are saved.
//!
//! Additions wrap: rows are bounded so that no sum overflows, and a file that claims one that would is no reason to end.

use super::{FARTHEST, RunningMoments, STEPS, WHAT, exact};
use crate::error::Result;
use crate::memory::{copied, room};
use crate::parallel::Watch;
use crate::samples::Samples;
use crate::state::{Memory, Reader, Writer};

/// Rows that are read at a time: few enough to stay near the processor.
const BLOCK: usize = 256;

/// Stands for a missing reading.
const MISSING: i64 = i64::MIN;

/// Sums over the readings that follow a known one in the row before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Lag {
    count: u64,
    before: i128,
    after: i128,
    before_squared: i128,
    after_squared: i128,
    product: i128,
}

impl Lag {
    fn add(&mut self, before: i64, after: i64) {
        if before == MISSING || after == MISSING {
            return;
        }
        let (before, after) = (i128::from(before), i128::from(after));
        self.count += 1;
        self.before = self.before.wrapping_add(before);
        self.after = self.after.wrapping_add(after);
        self.before_squared = self.before_squared.wrapping_add(before * before);
        self.after_squared = self.after_squared.wrapping_add(after * after);
        self.product = self.product.wrapping_add(before * after);
    }

    fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.before = self.before.wrapping_add(other.before);
        self.after = self.after.wrapping_add(other.after);
        self.before_squared = self.before_squared.wrapping_add(other.before_squared);
        self.after_squared = self.after_squared.wrapping_add(other.after_squared);
        self.product = self.product.wrapping_add(other.product);
    }
}

/// Sums of rows in steps, by [`RunningMoments`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Sums {
    rows: u64,
    /// For each column: known readings, those beyond reach, the sum of the known ones.
    known: Vec<u64>,
    beyond: Vec<u64>,
    sum: Vec<i128>,
    /// Σ a b over the rows with both, the pairs (0, 0), (1, 0), (1, 1), (2, 0), ...
    product: Vec<i128>,
    /// (d, d): of the rows with a known and b missing their count, and Σ a.
    alone: Vec<u64>,
    alone_sum: Vec<i128>,
    lag: Vec<Lag>,
    /// The first and the last row, as long as others may follow or be followed by them.
    first: Vec<i64>,
    last: Vec<i64>,
}

impl Sums {
    /// Rows that were counted.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Known readings of a column.
    #[must_use]
    pub fn known(&self, column: usize) -> u64 {
        self.known.get(column).copied().unwrap_or(0)
    }

    /// Readings of a column that lay beyond reach and count as missing.
    #[must_use]
    pub fn beyond(&self, column: usize) -> u64 {
        self.beyond.get(column).copied().unwrap_or(0)
    }

    /// Rows in which both columns are known.
    #[must_use]
    pub fn pairs(&self, one: usize, other: usize) -> u64 {
        let d = self.known.len();
        if d == 0 { 0 } else { self.known[one] - self.alone[one * d + other] }
    }

    pub(super) fn sum(&self, column: usize) -> i128 {
        self.sum.get(column).copied().unwrap_or(0)
    }

    /// Over the rows with both, of which there must be some: Σ a b, Σ a, Σ b.
    pub(super) fn together(&self, one: usize, other: usize) -> (i128, i128, i128) {
        let d = self.known.len();
        let (high, low) = (one.max(other), one.min(other));
        (
            self.product[high * (high + 1) / 2 + low],
            self.sum[one].wrapping_sub(self.alone_sum[one * d + other]),
            self.sum[other].wrapping_sub(self.alone_sum[other * d + one]),
        )
    }

    pub(super) fn lag_slope(&self, column: usize) -> f64 {
        let Some(lag) = self.lag.get(column).filter(|lag| lag.count >= 2) else {
            return f64::NAN;
        };
        let spread = exact::central(lag.before_squared, lag.before, lag.before, lag.count);
        if spread > 0.0 {
            exact::central(lag.product, lag.before, lag.after, lag.count) / spread
        } else {
            f64::NAN
        }
    }

    /// Of the readings that follow a known one, about the means of both sides, in steps: how many, the variances of the readings
    /// before and after, and their covariance.
    pub(super) fn lag(&self, column: usize) -> Option<(u64, [f64; 3])> {
        let lag = self.lag.get(column).filter(|lag| lag.count > 0)?;
        let about = |product, left, right| exact::central(product, left, right, lag.count) / lag.count as f64;
        Some((
            lag.count,
            [
                about(lag.before_squared, lag.before, lag.before),
                about(lag.after_squared, lag.after, lag.after),
                about(lag.product, lag.before, lag.after),
            ],
        ))
    }

    /// Room for so many columns, unless there is.
    fn open(&mut self, d: usize) -> Result<()> {
        if self.known.len() == d {
            return Ok(());
        }
        *self = Self {
            rows: 0,
            known: room(d, 1, 0, WHAT)?,
            beyond: room(d, 1, 0, WHAT)?,
            sum: room(d, 1, 0, WHAT)?,
            product: room(d, d + 1, 0, WHAT)?,
            alone: room(d, d, 0, WHAT)?,
            alone_sum: room(d, d, 0, WHAT)?,
            lag: room(d, 1, Lag::default(), WHAT)?,
            first: Vec::new(),
            last: Vec::new(),
        };
        self.product.truncate(d * (d + 1) / 2);
        Ok(())
    }

    pub(super) fn update(&mut self, moments: &RunningMoments, x: Samples<'_>, follow: bool) -> Result<()> {
        let d = moments.columns();
        if x.rows() == 0 {
            return Ok(());
        }
        self.open(d)?;
        if !follow && self.rows > 0 {
            self.first.clear();
            self.last.clear();
        }
        let mut raw = room(BLOCK, d, 0.0, "some rows")?;
        // A row of steps before the block, and one line for each column.
        let mut steps = room(d, BLOCK + 1, MISSING, "some rows")?;
        for (line, &last) in steps.chunks_exact_mut(BLOCK + 1).zip(&self.last) {
            line[0] = last;
        }
        let mut watch = Watch::start();
        let mut first = 0;
        while first < x.rows() {
            let count = BLOCK.min(x.rows() - first);
            let raw = &mut raw[..count * d];
            x.read(first..first + count, raw);
            self.count(moments, raw, &mut steps)?;
            if self.rows == 0 {
                self.first = room(d, 1, MISSING, WHAT)?;
                self.first
                    .iter_mut()
                    .zip(steps.chunks_exact(BLOCK + 1))
                    .for_each(|(to, line)| *to = line[1]);
            }
            self.rows += count as u64;
            for line in steps.chunks_exact_mut(BLOCK + 1) {
                line[0] = line[count];
            }
            first += count;
            watch.look()?;
        }
        self.last = room(d, 1, MISSING, WHAT)?;
        self.last
            .iter_mut()
            .zip(steps.chunks_exact(BLOCK + 1))
            .for_each(|(to, line)| *to = line[0]);
        Ok(())
    }

    /// Rows, one after the other, into `steps` and the sums.
    fn count(&mut self, moments: &RunningMoments, raw: &[f64], steps: &mut [i64]) -> Result<()> {
        let d = moments.columns();
        let count = raw.len() / d;
        for (row, values) in raw.chunks_exact(d).enumerate() {
            let mut lacking = false;
            for (column, &value) in values.iter().enumerate() {
                let (found, beyond) = moments.steps(value, column);
                steps[column * (BLOCK + 1) + row + 1] = found.unwrap_or(MISSING);
                self.beyond[column] += u64::from(beyond);
                lacking |= found.is_none();
            }
            if lacking {
                self.count_alone(row, steps);
            }
        }
        let mut watch = Watch::start();
        for (column, line) in steps.chunks_exact(BLOCK + 1).enumerate() {
            let lag = &mut self.lag[column];
            line[..=count].windows(2).for_each(|pair| lag.add(pair[0], pair[1]));
        }
        // What is missing adds nothing from here on.
        for (column, line) in steps.chunks_exact_mut(BLOCK + 1).enumerate() {
            let line = &mut line[1..=count];
            self.known[column] += line.iter().filter(|&&value| value != MISSING).count() as u64;
            line.iter_mut().filter(|value| **value == MISSING).for_each(|value| *value = 0);
            let sum = line.iter().map(|&value| i128::from(value)).sum();
            self.sum[column] = self.sum[column].wrapping_add(sum);
        }
        let lines = |column: usize| &steps[column * (BLOCK + 1) + 1..][..count];
        for one in 0..d {
            let left = lines(one);
            let sums = &mut self.product[one * (one + 1) / 2..][..=one];
            for (other, sum) in sums.iter_mut().enumerate() {
                let products = left.iter().zip(lines(other)).map(|(&a, &b)| i128::from(a) * i128::from(b));
                *sum = sum.wrapping_add(products.sum());
            }
            watch.after(one * count)?;
        }
        // The last row stands before the next block, and its gaps are gaps there.
        let values = &raw[(count - 1) * d..];
        for (column, &value) in values.iter().enumerate() {
            if moments.steps(value, column).0.is_none() {
                steps[column * (BLOCK + 1) + count] = MISSING;
            }
        }
        if self.rows == 0 {
            for (column, &value) in raw[..d].iter().enumerate() {
                steps[column * (BLOCK + 1) + 1] = moments.steps(value, column).0.unwrap_or(MISSING);
            }
        }
        Ok(())
    }

    /// Of a row with gaps: what is known while another is missing.
    fn count_alone(&mut self, row: usize, steps: &[i64]) {
        let d = self.known.len();
        let step = |column: usize| steps[column * (BLOCK + 1) + row + 1];
        for one in 0..d {
            let value = step(one);
            if value == MISSING {
                continue;
            }
            for other in 0..d {
                if step(other) == MISSING {
                    self.alone[one * d + other] += 1;
                    let sum = &mut self.alone_sum[one * d + other];
                    *sum = sum.wrapping_add(i128::from(value));
                }
            }
        }
    }

    pub(super) fn merge(&mut self, other: &Self, follow: bool) -> Result<()> {
        if other.rows == 0 {
            return Ok(());
        }
        if self.rows == 0 {
            *self = other.copy()?;
            return Ok(());
        }
        let (first, last) = if follow {
            let edges = self.last.iter().zip(&other.first);
            edges.zip(&mut self.lag).for_each(|((&before, &after), lag)| lag.add(before, after));
            (copied(&self.first, WHAT)?, copied(&other.last, WHAT)?)
        } else {
            (Vec::new(), Vec::new())
        };
        (self.first, self.last) = (first, last);
        self.rows += other.rows;
        for (to, from) in [
            (&mut self.known, &other.known),
            (&mut self.beyond, &other.beyond),
            (&mut self.alone, &other.alone),
        ] {
            to.iter_mut().zip(from).for_each(|(to, from)| *to += from);
        }
        for (to, from) in [
            (&mut self.sum, &other.sum),
            (&mut self.product, &other.product),
            (&mut self.alone_sum, &other.alone_sum),
        ] {
            to.iter_mut().zip(from).for_each(|(to, from)| *to = to.wrapping_add(*from));
        }
        self.lag.iter_mut().zip(&other.lag).for_each(|(to, from)| to.merge(from));
        Ok(())
    }
}

/// Low and high halves.
fn halves(value: i128) -> [u64; 2] {
    [value.cast_unsigned() as u64, (value.cast_unsigned() >> 64) as u64]
}

fn wide(to: &mut Writer, name: &'static str, values: impl Iterator<Item = i128>) {
    to.counted(name, values.flat_map(halves));
}

fn read_wide(from: &Reader<'_>, name: &'static str, count: usize) -> Result<Vec<i128>> {
    let words = from.counts(name, count.saturating_mul(2))?;
    let mut values = room(count, 1, 0, WHAT)?;
    for (value, &[low, high]) in values.iter_mut().zip(words.as_chunks::<2>().0) {
        *value = (u128::from(low) | u128::from(high) << 64).cast_signed();
    }
    Ok(values)
}

fn read_edge(from: &Reader<'_>, name: &'static str, d: usize) -> Result<Vec<i64>> {
    if !from.has(name) {
        return Ok(Vec::new());
    }
    let words = from.counts(name, d)?;
    let mut values = room(d, 1, 0, WHAT)?;
    values.iter_mut().zip(words).for_each(|(to, word)| *to = word.cast_signed());
    let most = (FARTHEST * STEPS) as i64;
    from.require(values.iter().all(|&value| value == MISSING || (-most..=most).contains(&value)), name)?;
    Ok(values)
}

impl Memory for Sums {
    fn write(&self, to: &mut Writer) {
        if self.rows == 0 {
            return;
        }
        to.count("live.rows", self.rows);
        to.counts("live.known", &self.known);
        to.counts("live.beyond", &self.beyond);
        wide(to, "live.sum", self.sum.iter().copied());
        wide(to, "live.product", self.product.iter().copied());
        to.counts("live.alone", &self.alone);
        wide(to, "live.alone.sum", self.alone_sum.iter().copied());
        to.counted("live.lag.count", self.lag.iter().map(|lag| lag.count));
        let of = |lag: &Lag| {
            [
                lag.before,
                lag.after,
                lag.before_squared,
                lag.after_squared,
                lag.product,
            ]
        };
        let lags = self.lag.iter().flat_map(of);
        wide(to, "live.lag", lags);
        for (name, edge) in [("live.first", &self.first), ("live.last", &self.last)] {
            if !edge.is_empty() {
                to.counted(name, edge.iter().map(|value| value.cast_unsigned()));
            }
        }
    }

    fn read(from: &Reader<'_>) -> Result<Self> {
        if !from.has("live.rows") {
            return Ok(Self::default());
        }
        let d = from.length("live.known")?;
        from.require(d == from.length("center")?, "live.known")?;
        let rows = from.count("live.rows")?;
        // As far as any reach lets rows go.
        from.require(rows > 0 && rows <= 1 << 40, "live.rows")?;
        let known = from.counts("live.known", d)?;
        let beyond = from.counts("live.beyond", d)?;
        let counted = known.iter().zip(&beyond).all(|(&known, &beyond)| known <= rows && beyond <= rows - known);
        from.require(counted, "live.known")?;
        let alone = from.counts("live.alone", d.saturating_mul(d))?;
        for one in 0..d {
            for other in 0..=one {
                let (left, right) = (alone[one * d + other], alone[other * d + one]);
                let fits = left <= known[one] && right <= known[other] && known[one] - left == known[other] - right;
                from.require(fits && (one != other || left == 0), "live.alone")?;
            }
        }
        let counts = from.counts("live.lag.count", d)?;
        from.require(counts.iter().zip(&known).all(|(count, known)| count <= known), "live.lag.count")?;
        let sums = read_wide(from, "live.lag", d.saturating_mul(5))?;
        let mut lag = room(d, 1, Lag::default(), WHAT)?;
        for (lag, (count, &[before, after, before_squared, after_squared, product])) in
            lag.iter_mut().zip(counts.into_iter().zip(sums.as_chunks::<5>().0))
        {
            *lag = Lag {
                count,
                before,
                after,
                before_squared,
                after_squared,
                product,
            };
        }
        Ok(Self {
            rows,
            known,
            beyond,
            sum: read_wide(from, "live.sum", d)?,
            product: read_wide(from, "live.product", d * (d + 1) / 2)?,
            alone,
            alone_sum: read_wide(from, "live.alone.sum", d.saturating_mul(d))?,
            lag,
            first: read_edge(from, "live.first", d)?,
            last: read_edge(from, "live.last", d)?,
        })
    }

    fn copy(&self) -> Result<Self> {
        Ok(Self {
            rows: self.rows,
            known: copied(&self.known, WHAT)?,
            beyond: copied(&self.beyond, WHAT)?,
            sum: copied(&self.sum, WHAT)?,
            product: copied(&self.product, WHAT)?,
            alone: copied(&self.alone, WHAT)?,
            alone_sum: copied(&self.alone_sum, WHAT)?,
            lag: copied(&self.lag, WHAT)?,
            first: copied(&self.first, WHAT)?,
            last: copied(&self.last, WHAT)?,
        })
    }
}
