//! Sorting values by their leading digits, whose cost hardly depends on the data.

use acm_linalg::Result;
use acm_linalg::columns::reserve;
use acm_linalg::lanes::LANES;
use fearless_simd::{Level, Simd, dispatch, prelude::*, u64x8};

use crate::ordering::ABSENT;

/// Digits of a value's leading bits that are sorted by, one a pass; what they leave together is sorted by itself.
const DIGIT: u32 = 11;
const DIGITS: usize = 1 << DIGIT;
const PASSES: usize = 3;

/// Where the digits in use could tell apart so many times the values or less, there is a pass more.
const SPARSE: usize = 16;

/// Values left together up to which each is compared with all others; more are sorted by digits once more.
const FEW: usize = 64;

/// Bits of such a digit.
const SMALL: u32 = 8;

/// A thread's memory to sort the rows of a column.
#[derive(Debug)]
pub(crate) struct Sorter {
    keys: Vec<u64>,
    spare: Vec<u64>,
    starts: Vec<[u32; DIGITS]>,
    /// Those of the pass that is not always taken.
    last: Box<[u32; DIGITS]>,
}

impl Sorter {
    pub(crate) fn new(rows: usize, what: &'static str) -> Result<Self> {
        Ok(Self {
            keys: reserve(rows, 0, what)?,
            spare: reserve(rows, 0, what)?,
            starts: reserve(PASSES, [0; DIGITS], what)?,
            last: Box::new([0; DIGITS]),
        })
    }

    /// Sorts rows by the leading digits of their orders, which lie between `least` and `most`, those of missing values apart.
    /// Unfinished where `stopped` says so.
    pub(crate) fn sort(
        &mut self,
        orders: &[u64],
        (least, most): (u64, u64),
        stopped: impl Fn() -> bool,
    ) -> Leading<'_> {
        // What the values have in common would only waste digits.
        let bits = u64::BITS - most.saturating_sub(least).leading_zeros();
        // The rest of a key is its row.
        let row_bits = usize::BITS - orders.len().leading_zeros();
        let shift = (row_bits + bits).saturating_sub(u64::BITS);
        let mut rest = row_bits + (bits - shift).saturating_sub(DIGIT * PASSES as u32);
        for count in &mut self.starts {
            count.fill(0);
        }
        let mut length = 0;
        for (row, &order) in orders.iter().enumerate() {
            if order < ABSENT {
                let key = (order - least) >> shift << row_bits | row as u64;
                self.keys[length] = key;
                length += 1;
                for (pass, count) in self.starts.iter_mut().enumerate() {
                    count[digit::<DIGITS>(key, rest + pass as u32 * DIGIT)] += 1;
                }
            }
        }
        let (mut keys, mut spare) = (&mut self.keys[..length], &mut self.spare[..length]);
        let in_use = |starts: &[u32; DIGITS]| starts.iter().fold(0, |sum, &count| sum + usize::from(count > 0));
        let apart = self.starts.iter().map(in_use).fold(1, usize::saturating_mul);
        let first = rest;
        if rest > row_bits && apart <= SPARSE * length {
            rest = rest.saturating_sub(DIGIT).max(row_bits);
            count(keys, &mut self.last, rest);
            if scatter(keys, spare, &mut self.last, rest) {
                std::mem::swap(&mut keys, &mut spare);
            }
        }
        for (pass, starts) in self.starts.iter_mut().enumerate() {
            if stopped() {
                break;
            }
            if scatter(keys, spare, starts, first + pass as u32 * DIGIT) {
                std::mem::swap(&mut keys, &mut spare);
            }
        }
        Leading {
            keys,
            spare,
            rest,
            row_bits,
            whole: rest == row_bits && shift == 0,
        }
    }
}

/// Keys in the order of their leading digits.
pub(crate) struct Leading<'a> {
    /// A row each, and above it leading bits of its value.
    pub(crate) keys: &'a mut [u64],
    spare: &'a mut [u64],
    rest: u32,
    row_bits: u32,
    /// Whether the leading digits are all.
    pub(crate) whole: bool,
}

impl Leading<'_> {
    /// The row of a key.
    #[inline(always)]
    pub(crate) fn row(&self, key: u64) -> usize {
        row_of(key, self.row_bits)
    }

    /// Whether the leading digits of two keys agree.
    #[inline(always)]
    pub(crate) fn agree(&self, one: u64, other: u64) -> bool {
        (one ^ other) >> self.rest == 0
    }

    /// Puts keys whose leading digits agree in the order of their values, unless all are equal: true where they differ.
    pub(crate) fn settle(&mut self, places: std::ops::Range<usize>, orders: &[u64]) -> bool {
        !self.whole && part(&mut self.keys[places.clone()], &mut self.spare[places], orders, self.row_bits)
    }
}

/// Puts keys whose leading digits agree in the order of their values; false where all are equal.
fn part(keys: &mut [u64], spare: &mut [u64], orders: &[u64], row_bits: u32) -> bool {
    let order_of = |key: u64| orders[row_of(key, row_bits)];
    let (least, most) = keys.iter().fold((u64::MAX, 0), |(least, most), &key| {
        let order = order_of(key);
        (least.min(order), most.max(order))
    });
    let bits = u64::BITS - (most - least).leading_zeros();
    if bits == 0 {
        return false;
    }
    if bits + row_bits > u64::BITS {
        keys.sort_unstable_by_key(|&key| (order_of(key), key));
        return true;
    }
    let row = (1 << row_bits) - 1;
    keys.iter_mut().for_each(|key| *key = (order_of(*key) - least) << row_bits | (*key & row));
    if keys.len() <= FEW {
        dispatch!(Level::new(), simd => compare(simd, keys, spare));
        keys.copy_from_slice(spare);
        return true;
    }
    let (mut from, mut to) = (keys, spare);
    let mut swapped = false;
    let mut starts = [0; 1 << SMALL];
    for place in (row_bits..row_bits + bits).step_by(SMALL as usize) {
        count(from, &mut starts, place);
        if scatter(from, to, &mut starts, place) {
            std::mem::swap(&mut from, &mut to);
            swapped = !swapped;
        }
    }
    if swapped {
        to.copy_from_slice(from);
    }
    true
}

/// Sorts different keys by comparing each with all: many comparisons, but no branch that data decide.
#[inline(always)]
fn compare<S: Simd>(simd: S, keys: &[u64], to: &mut [u64]) {
    let (eights, rest) = keys.as_chunks::<LANES>();
    let (one, none) = (u64x8::splat(simd, 1), u64x8::splat(simd, 0));
    for &key in keys {
        let all = u64x8::splat(simd, key);
        let mut below = none;
        for eight in eights {
            let mut others = none;
            *others = *eight;
            below += others.simd_lt(all).select(one, none);
        }
        let mut place = rest.iter().fold(0, |below, &other| below + usize::from(other < key));
        for below in *below {
            place += index(below);
        }
        to[place] = key;
    }
}

/// How many keys have each digit.
#[inline(always)]
fn count<const DIGITS: usize>(keys: &[u64], counts: &mut [u32; DIGITS], place: u32) {
    counts.fill(0);
    for &key in keys {
        counts[digit::<DIGITS>(key, place)] += 1;
    }
}

/// Sorts keys by a digit, into the other place; false, and nothing is done, where all have the same.
#[inline(always)]
fn scatter<const DIGITS: usize>(keys: &[u64], to: &mut [u64], starts: &mut [u32; DIGITS], place: u32) -> bool {
    let Some(&first) = keys.first() else { return false };
    if starts[digit::<DIGITS>(first, place)] as usize == keys.len() {
        return false;
    }
    let mut sum = 0;
    for start in starts.iter_mut() {
        (*start, sum) = (sum, sum + *start);
    }
    for &key in keys {
        let start = &mut starts[digit::<DIGITS>(key, place)];
        to[*start as usize] = key;
        *start += 1;
    }
    true
}

#[inline(always)]
fn row_of(key: u64, row_bits: u32) -> usize {
    index(key & ((1 << row_bits) - 1))
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "rows of an array in memory, and how many there are"
)]
#[inline(always)]
fn index(number: u64) -> usize {
    number as usize
}

#[expect(clippy::cast_possible_truncation, reason = "masked to the bits of a digit")]
#[inline(always)]
fn digit<const DIGITS: usize>(key: u64, place: u32) -> usize {
    (key >> place) as usize % DIGITS
}
