//! Columns of an array as groups of eight lanes, centred, with masks of what they have.

use std::ops::Range;

use acm_linalg::Table;
use acm_linalg::lanes::{Element, LANES, Row, V, loaded, transposed};
use fearless_simd::{Simd, f64x8, prelude::*};
use ndarray::{ArrayView2, Axis};

use super::products::{BLOCK, WORDS};

/// Most groups of eight columns along an edge of a tile, as far as a core's own cache goes.
pub(super) const EDGE: usize = 32;

/// How a column comes into the products: as `x * scale - centre`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Column {
    /// A power of two.
    pub(super) scale: f64,
    /// One of the column's values, scaled: a constant column becomes zeros.
    pub(super) centre: f64,
    /// Whether a value is missing.
    pub(super) gaps: bool,
    /// Whether no two of its values differ.
    pub(super) constant: bool,
}

/// Eight columns over a block of rows; rows and columns that do not exist are missing.
pub(super) type Panel = [Row; BLOCK];

/// The rows of a block that each of eight columns has.
pub(super) type Bits = [[u64; WORDS]; LANES];

/// An array and how its columns come into the products.
#[derive(Debug, Clone, Copy)]
pub(super) struct Side<'a, T> {
    pub(super) x: Table<'a, T>,
    pub(super) columns: &'a [Column],
}

/// Columns of a block, packed.
#[derive(Debug)]
pub(super) struct Packed {
    /// Centred values, 0 where missing.
    pub(super) values: Vec<Panel>,
    /// 1 where a value is there, else 0; only where columns have gaps.
    pub(super) masks: Vec<Panel>,
    pub(super) bits: Vec<Bits>,
    /// How much of the block each group has.
    pub(super) shares: Vec<Share>,
}

/// How much of a block some columns have.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Share {
    None,
    Some,
    All,
}

impl Packed {
    /// Room for `groups` groups of columns.
    pub(super) fn new(groups: usize, gaps: bool) -> acm_linalg::Result<Self> {
        use acm_linalg::columns::reserve;
        let what = "a block of columns";
        let masked = if gaps { groups } else { 0 };
        Ok(Self {
            values: reserve(groups, [Row::splat(0.0); BLOCK], what)?,
            masks: reserve(masked, [Row::splat(0.0); BLOCK], what)?,
            bits: reserve(masked, [[0; WORDS]; LANES], what)?,
            shares: reserve(masked, Share::None, what)?,
        })
    }

    /// Packs the groups `groups` of eight columns each, rows `rows`.
    #[inline(always)]
    pub(super) fn fill<S: Simd, T: Element>(
        &mut self,
        simd: S,
        side: &Side<'_, T>,
        groups: Range<usize>,
        rows: Range<usize>,
    ) {
        let columns = groups.start * LANES..(groups.end * LANES).min(side.columns.len());
        let (count, x) = (rows.len(), side.x.of_neighbours(columns.clone()).of_rows(rows));
        let columns = &side.columns[columns];
        for panel in self.values.iter_mut().chain(&mut self.masks) {
            panel[count / STEP * STEP..].fill(Row::splat(0.0));
        }
        self.bits.fill([[0; WORDS]; LANES]);
        if self.masks.is_empty() {
            self.pack::<S, T, false>(simd, x, columns);
        } else {
            self.pack::<S, T, true>(simd, x, columns);
        }
        for (number, (share, bits)) in self.shares.iter_mut().zip(&self.bits).enumerate() {
            let there = columns.len().saturating_sub(number * LANES).min(LANES);
            let known: u32 = bits[..there].as_flattened().iter().map(|word| word.count_ones()).sum();
            *share = match known as usize {
                0 => Share::None,
                known if known == there * count => Share::All,
                _ => Share::Some,
            };
        }
    }

    /// Eight columns and some rows at a time, where rows or columns lie in one piece.
    #[inline(always)]
    fn pack<S: Simd, T: Element, const GAPS: bool>(&mut self, simd: S, x: Table<'_, T>, columns: &[Column]) {
        let (mut scales, mut centres) = ([Row::splat(0.0); EDGE], [Row::splat(0.0); EDGE]);
        for (number, column) in columns.iter().enumerate() {
            scales[number / LANES].0[number % LANES] = column.scale;
            centres[number / LANES].0[number % LANES] = column.centre;
        }
        let shifts = |group: usize| (scales[group].load(simd), centres[group].load(simd));
        let absent = if GAPS { f64::NAN } else { 0.0 };
        let (count, groups) = (x.nrows(), columns.len().div_ceil(LANES));
        if let Some(x) = x.with_whole_rows() {
            // Some rows at a time through all groups, so that what is read lies together.
            for start in (0..count).step_by(STEP) {
                let rows = slices::<T, STEP>(&x, start);
                for group in 0..groups {
                    let read = |row: usize| loaded(simd, &eight(rows[row], group * LANES, absent));
                    self.put::<S, GAPS>(simd, group, start..count.min(start + STEP), shifts(group), read);
                }
            }
            return;
        }
        for group in 0..groups {
            let mut pieces: [&[T]; LANES] = [&[]; LANES];
            let within = group * LANES..columns.len().min(group * LANES + LANES);
            let whole = within.clone().zip(&mut pieces).all(|(column, piece)| {
                let values = x.column(column).to_slice();
                *piece = values.unwrap_or_default();
                values.is_some()
            });
            if !whole {
                self.by_columns(x.of_neighbours(within.clone()), &columns[within], group);
                continue;
            }
            for start in (0..count).step_by(STEP) {
                let rows = transposed(pieces.map(|piece| loaded(simd, &eight(piece, start, absent))));
                self.put::<S, GAPS>(simd, group, start..count.min(start + STEP), shifts(group), |row| rows[row]);
            }
        }
    }

    /// Some rows of eight columns, as `read` gives them.
    #[inline(always)]
    fn put<S: Simd, const GAPS: bool>(
        &mut self,
        simd: S,
        group: usize,
        rows: Range<usize>,
        (scale, centre): (V<S>, V<S>),
        read: impl Fn(usize) -> V<S>,
    ) {
        let zero: V<S> = f64x8::splat(simd, 0.0);
        let one: V<S> = f64x8::splat(simd, 1.0);
        let start = rows.start;
        let mut bits = 0;
        let values = &mut self.values[group][rows];
        for (row, value) in values.iter_mut().enumerate() {
            let x = read(row);
            let centred = x * scale - centre;
            if GAPS {
                let here = x.abs().simd_lt(f64::INFINITY);
                value.store(here.select(centred, zero));
                self.masks[group][start + row].store(here.select(one, zero));
                bits |= here.to_bitmask() << (row * LANES);
            } else {
                value.store(centred);
            }
        }
        if GAPS {
            let by_lane = transpose(bits).to_le_bytes();
            for (lane, byte) in by_lane.into_iter().enumerate() {
                self.bits[group][lane][start / 64] |= u64::from(byte) << (start % 64);
            }
        }
    }

    /// Eight columns, one by one, in any memory order.
    #[inline(always)]
    fn by_columns<T: Element>(&mut self, x: Table<'_, T>, columns: &[Column], group: usize) {
        let gaps = !self.masks.is_empty();
        for lane in columns.len()..LANES {
            for panels in [&mut self.values, &mut self.masks] {
                if let Some(panel) = panels.get_mut(group) {
                    panel.iter_mut().for_each(|row| row.0[lane] = 0.0);
                }
            }
        }
        let values = &mut self.values[group];
        for (lane, (x, column)) in x.columns().zip(columns).enumerate() {
            if !gaps {
                for (value, x) in values.iter_mut().zip(x) {
                    value.0[lane] = x.widen() * column.scale - column.centre;
                }
                continue;
            }
            let (mask, bits) = (&mut self.masks[group], &mut self.bits[group][lane]);
            for (row, x) in x.iter().enumerate() {
                let x = x.widen();
                let here = x.abs() < f64::INFINITY;
                values[row].0[lane] = if here { x * column.scale - column.centre } else { 0.0 };
                mask[row].0[lane] = if here { 1.0 } else { 0.0 };
                bits[row / 64] |= u64::from(here) << (row % 64);
            }
        }
    }
}

/// Rows that are read together.
const STEP: usize = 8;

/// The rows from `start` on of an array whose rows are contiguous; empty where there are none.
#[inline(always)]
pub(super) fn slices<'a, T, const N: usize>(x: &ArrayView2<'a, T>, start: usize) -> [&'a [T]; N] {
    let mut rows: [&[T]; N] = [&[]; N];
    for (place, row) in rows.iter_mut().enumerate() {
        if start + place < x.nrows() {
            *row = x.index_axis_move(Axis(0), start + place).to_slice().unwrap_or_default();
        }
    }
    rows
}

/// Eight values from `first` on, `absent` where there are none.
#[inline(always)]
pub(super) fn eight<T: Element>(row: &[T], first: usize, absent: f64) -> [f64; LANES] {
    let values = row.get(first..first + LANES).map(<&[T; LANES]>::try_from);
    if let Some(Ok(values)) = values {
        return values.map(T::widen);
    }
    let mut padded = [absent; LANES];
    for (value, to) in row.iter().skip(first).zip(&mut padded) {
        *to = value.widen();
    }
    padded
}

/// Eight bytes of eight bits, rows for columns (Warren, Hacker's Delight, 2nd edition, 7-3).
#[inline(always)]
pub(super) fn transpose(x: u64) -> u64 {
    let swap = |x: u64, shift: u32, mask: u64| {
        let moved = (x ^ x >> shift) & mask;
        x ^ moved ^ moved << shift
    };
    let x = swap(x, 7, 0x00aa_00aa_00aa_00aa);
    let x = swap(x, 14, 0x0000_cccc_0000_cccc);
    swap(x, 28, 0x0000_0000_f0f0_f0f0)
}
