//! Rows packed as points: eight of them as lanes.

use std::sync::atomic::{AtomicU64, Ordering};

use fearless_simd::{Level, Simd, dispatch, f64x8, prelude::*};
use ndarray::Axis;

use crate::error::Result;
use crate::lanes::{Element, LANES, Row, V};
use crate::memory::{reserved, room};
use crate::samples::{Samples, by_rows};
use crate::table::Table;

/// Squares of differences neither overflow nor underflow while all magnitudes but zero lie between these.
const CALM: (f64, f64) = (f64::from_bits((1023 - 400) << 52), f64::from_bits((1023 + 490) << 52));

/// Distances outside these may have lost digits to underflow, or overflowed on the way.
const SAFE: (f64, f64) = (f64::from_bits((1023 - 450) << 52), f64::MAX);

/// Estimated time for a value to be packed, in nanoseconds.
const COST_NS: f64 = 1.0;

/// A copy of rows in groups of eight, a [`Row`] for each column and a lane for each point; missing values are NaN, and the
/// last group's lanes without a point hold 0.
#[derive(Debug, Clone)]
pub struct Points {
    count: usize,
    width: usize,
    values: Vec<Row>,
    /// Least magnitude but zero, and greatest.
    extent: (f64, f64),
    /// 1 for points that are all zeros, by group; only where points were brought to length 1.
    zeros: Vec<Row>,
}

impl Points {
    /// All rows.
    ///
    /// # Errors
    /// [`crate::Error::Memory`]; [`crate::Error::Interrupted`].
    pub fn new(samples: Samples<'_>) -> Result<Self> {
        Self::packed(samples, samples.rows(), |first, tile| samples.pack(first, tile))
    }

    /// The rows of the given numbers, in their order.
    ///
    /// # Errors
    /// [`crate::Error::Memory`]; [`crate::Error::Interrupted`].
    ///
    /// # Panics
    /// Where a row does not exist.
    pub fn gather(samples: Samples<'_>, order: &[usize]) -> Result<Self> {
        Self::packed(samples, order.len(), |first, tile| {
            tile.fill(Row::splat(0.0));
            let rows = &order[first..order.len().min(first + LANES)];
            match samples {
                Samples::F64(x) => scatter(&x, rows, tile),
                Samples::F32(x) => scatter(&x, rows, tile),
            }
        })
    }

    fn packed(samples: Samples<'_>, count: usize, pack: impl Fn(usize, &mut [Row]) + Sync) -> Result<Self> {
        let mut points = Self::with_room(count, samples.columns())?;
        let (width, groups) = (points.width, count.div_ceil(LANES));
        let least = AtomicU64::new(f64::INFINITY.to_bits());
        let greatest = AtomicU64::new(0);
        let level = Level::new();
        let cost = COST_NS * (LANES * width) as f64;
        let values = &mut points.values;
        by_rows(
            groups,
            width,
            values,
            cost,
            || Ok(()),
            |(), groups, values, stop| {
                for (group, tile) in groups.zip(values.chunks_exact_mut(width)) {
                    if stop.requested() {
                        return;
                    }
                    pack(group * LANES, tile);
                    let extent = dispatch!(level, simd => check(simd, tile));
                    // Magnitudes are ordered as their bits are.
                    least.fetch_min(extent.0.to_bits(), Ordering::Relaxed);
                    greatest.fetch_max(extent.1.to_bits(), Ordering::Relaxed);
                }
            },
        )?;
        points.extent = (f64::from_bits(least.into_inner()), f64::from_bits(greatest.into_inner()));
        Ok(points)
    }

    /// Room for `count` points of `width` values, none there yet.
    pub(super) fn with_room(count: usize, width: usize) -> Result<Self> {
        Ok(Self {
            count,
            width,
            values: room(count.div_ceil(LANES), width, Row::splat(0.0), "the points")?,
            extent: (f64::INFINITY, 0.0),
            zeros: reserved(count.div_ceil(LANES), "the points")?,
        })
    }

    /// Takes in the `count` rows from `first` on instead, as far as there is room; with `unit`, brought to length 1.
    pub(super) fn refill(&mut self, samples: Samples<'_>, first: usize, count: usize, unit: bool) {
        self.count = count;
        self.extent = (f64::INFINITY, 0.0);
        self.zeros.clear();
        let level = Level::new();
        for (number, tile) in self.values.chunks_exact_mut(self.width).take(count.div_ceil(LANES)).enumerate() {
            samples.pack(first + number * LANES, tile);
            let extent = dispatch!(level, simd => check(simd, tile));
            self.extent = (self.extent.0.min(extent.0), self.extent.1.max(extent.1));
            if unit {
                self.zeros.push(dispatch!(level, simd => to_length_one(simd, tile)));
            }
        }
    }

    /// Brings every point to length 1, but those that are all zeros.
    pub(super) fn normalise(&mut self) -> Result<()> {
        let groups = self.count.div_ceil(LANES);
        let mut zeros = room(groups, 1, Row::splat(0.0), "the points")?;
        let width = self.width;
        let level = Level::new();
        let jobs = self.values.chunks_mut(64 * width).zip(zeros.chunks_mut(64));
        let cost = 2.0 * COST_NS * (self.count * width) as f64;
        crate::parallel::run(
            jobs,
            cost,
            || Ok(()),
            |(), (values, zeros), stop| {
                for (tile, zero) in values.chunks_exact_mut(width).zip(zeros) {
                    if stop.requested() {
                        return;
                    }
                    *zero = dispatch!(level, simd => to_length_one(simd, tile));
                }
            },
        )?;
        self.zeros = zeros;
        Ok(())
    }

    /// Points.
    #[must_use]
    pub fn count(&self) -> usize {
        self.count
    }

    /// Values of a point.
    #[must_use]
    pub fn width(&self) -> usize {
        self.width
    }

    /// Groups of eight, the last one perhaps less.
    #[must_use]
    pub fn groups(&self) -> usize {
        self.count.div_ceil(LANES)
    }

    /// The eight points of a group.
    ///
    /// # Panics
    /// Where there is no such group.
    #[inline(always)]
    #[must_use]
    pub fn group(&self, group: usize) -> &[Row] {
        &self.values[group * self.width..(group + 1) * self.width]
    }

    #[inline(always)]
    pub(super) fn zeros(&self, group: usize) -> &Row {
        &self.zeros[group]
    }

    fn value(&self, point: usize, column: usize) -> f64 {
        self.values[point / LANES * self.width + column].0[point % LANES]
    }

    /// Whether a value of any point is missing.
    #[must_use]
    pub fn any_missing(&self) -> bool {
        self.values.iter().any(|row| row.0.iter().any(|value| value.is_nan()))
    }

    /// Whether sums of squared differences between these points, or of these from others of which this holds, neither
    /// overflow nor underflow.
    #[must_use]
    pub fn is_calm(&self) -> bool {
        self.extent.0 >= CALM.0 && self.extent.1 <= CALM.1
    }

    /// Multiplies all values by a power of two so that sums of squares do not overflow, and underflow only where they are
    /// nothing beside the greatest; for what does not depend on the unit. Returns that power.
    pub fn rescale(&mut self) -> f64 {
        self.rescale_to(0)
    }

    /// The same, the greatest magnitude being between 2^`exponent` and twice that: the higher, the smaller differences may be
    /// beside it. At 495 sums of squares stay finite, of up to 2^31 columns.
    pub fn rescale_to(&mut self, exponent: u32) -> f64 {
        if self.is_calm() {
            return 1.0;
        }
        let factor = unit(self.extent.1, exponent);
        for row in &mut self.values {
            row.0.iter_mut().for_each(|value| *value *= factor);
        }
        self.extent = (self.extent.0 * factor, self.extent.1 * factor);
        factor
    }
}

/// The given rows as lanes.
fn scatter<T: Element>(x: &Table<'_, T>, rows: &[usize], tile: &mut [Row]) {
    let Some(x) = x.dense() else {
        for (column, to) in x.columns().zip(tile) {
            for (to, &row) in to.0.iter_mut().zip(rows) {
                *to = column[row].widen();
            }
        }
        return;
    };
    for (lane, &row) in rows.iter().enumerate() {
        let row = x.index_axis(Axis(0), row);
        if let Some(values) = row.to_slice() {
            for (from, to) in values.iter().zip(&mut *tile) {
                to.0[lane] = from.widen();
            }
        } else {
            for (from, to) in row.iter().zip(&mut *tile) {
                to.0[lane] = from.widen();
            }
        }
    }
}

/// Missing values become NaN; the least magnitude but zero, and the greatest.
#[inline(always)]
fn check<S: Simd>(simd: S, tile: &mut [Row]) -> (f64, f64) {
    let infinite: V<S> = f64x8::splat(simd, f64::INFINITY);
    let missing: V<S> = f64x8::splat(simd, f64::NAN);
    let mut least = infinite;
    let mut greatest: V<S> = f64x8::splat(simd, 0.0);
    for column in 0..tile.len() {
        let x: V<S> = tile[column].load(simd);
        let size = x.abs();
        let there = size.simd_lt(infinite);
        tile[column].store(there.select(x, missing));
        let size = there.select(size, greatest);
        greatest = size.simd_gt(greatest).select(size, greatest);
        let size = size.simd_gt(0.0).select(size, infinite);
        least = size.simd_lt(least).select(size, least);
    }
    let (least, greatest): ([f64; LANES], [f64; LANES]) = (least.into(), greatest.into());
    let least = least.into_iter().fold(f64::INFINITY, f64::min);
    (least, greatest.into_iter().fold(0.0, f64::max))
}

/// Divides each lane by its length; lanes that are all zeros stay, and have a 1 in the result.
#[inline(always)]
fn to_length_one<S: Simd>(simd: S, tile: &mut [Row]) -> Row {
    let nothing: V<S> = f64x8::splat(simd, 0.0);
    let mut greatest = nothing;
    for column in 0..tile.len() {
        let size = tile[column].load(simd).abs();
        greatest = size.simd_gt(greatest).select(size, greatest);
    }
    let found: [f64; LANES] = greatest.into();
    // A power of two keeps the squares in range and costs no digit.
    let mut units = Row::splat(1.0);
    for lane in 0..LANES {
        units.0[lane] = unit(found[lane], 0);
    }
    let units: V<S> = units.load(simd);
    let mut sum = nothing;
    for column in 0..tile.len() {
        let x = tile[column].load(simd) * units;
        tile[column].store(x);
        sum += x * x;
    }
    let length = sum.sqrt();
    let one: V<S> = f64x8::splat(simd, 1.0);
    let empty = length.simd_eq(0.0);
    let length = empty.select(one, length);
    for column in 0..tile.len() {
        let x = tile[column].load(simd) / length;
        tile[column].store(x);
    }
    let mut zeros = Row::splat(0.0);
    zeros.store(empty.select(one, nothing));
    zeros
}

/// The power of two that brings a magnitude between 2^`to` and twice that, as near as there is one.
fn unit(size: f64, to: u32) -> f64 {
    let exponent = size.to_bits() >> 52 & 0x7ff;
    f64::from_bits((2046 + u64::from(to)).saturating_sub(exponent).clamp(1, 2046) << 52)
}

/// Whether a Euclidean distance by plain sums has all its digits, or is missing.
pub(super) fn is_safe(found: f64) -> bool {
    found.is_nan() || (found >= SAFE.0 && found <= SAFE.1)
}

/// The Euclidean distance of two points, with differences brought near 1 before they are squared.
pub(super) fn careful(left: &Points, i: usize, right: &Points, j: usize) -> f64 {
    let difference = |part: f64, column: usize| left.value(i, column) * part - right.value(j, column) * part;
    let columns = 0..left.width;
    let greatest = |part: f64| columns.clone().map(|column| difference(part, column).abs()).fold(0.0, f64::max);
    let (mut part, mut size) = (1.0, greatest(1.0));
    if size == f64::INFINITY {
        part = 0.25;
        size = greatest(part);
    }
    let scale = unit(size, 0);
    let mut sum = 0.0;
    for column in columns.clone() {
        let scaled = difference(part, column) * scale;
        sum += scaled * scaled;
    }
    sum.sqrt() / scale / part
}
