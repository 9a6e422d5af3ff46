//! Order statistics of whole columns, by digits of their orders.
//!
//! The range of what is searched is cut into 2^11 equal parts whose values are counted; only the parts that hold a wanted
//! rank are searched on, again by counting or, once few values are left, by sorting them out. The first parts are equal in
//! the values; where that leaves too many in one, as after a spike, they are equal in the values' orders, which narrows in a
//! few passes whatever the data. A column longer than the scratch is read again instead of being copied.

use std::ops::Range;

use acm_linalg::Result;
use acm_linalg::columns::reserve;

use crate::ordering::value;

/// The order of what is missing: unlike [`crate::ordering::ABSENT`] above that of an infinite distance too.
pub(super) const MISSING: u64 = u64::MAX;

/// Bits of a digit, where few parts are searched at once.
const DIGIT: u32 = 11;

/// Counters of a search, as far as every part has a few.
const COUNTERS: u32 = 14;

/// Fewest bits of a digit.
const LEAST_DIGIT: u32 = 2;

/// Most values that are copied out of a column to be sorted out.
const FEW: usize = 1 << 13;

/// So few are always copied out.
const VERY_FEW: usize = 1 << 10;

/// Neighbouring orders among which some wanted ranks lie.
#[derive(Debug, Clone)]
struct Part {
    /// Its least and greatest order.
    low: u64,
    high: u64,
    /// Known values below it, and in it.
    below: usize,
    count: usize,
    /// The wanted ranks in it, by their place in the list of all.
    ranks: Range<usize>,
    /// The least and greatest order found in it.
    least: u64,
    most: u64,
}

impl Part {
    fn new(bounds: (u64, u64), below: usize, count: usize, ranks: Range<usize>) -> Self {
        Self {
            low: bounds.0,
            high: bounds.1,
            below,
            count,
            ranks,
            least: u64::MAX,
            most: 0,
        }
    }

    /// By how much orders are shifted so that `digit` bits are left of the largest.
    fn shift(&self, digit: u32) -> u32 {
        (u64::BITS - (self.high - self.low).leading_zeros()).saturating_sub(digit)
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Stage {
    /// How many are known, and between what.
    Range,
    /// How many lie in each part of the values' range.
    Spread,
    /// How many lie in each part of a part.
    Count,
    /// The values of the parts are copied out: of those marked by [`Stage::Spread`], or those between orders.
    GatherMarked,
    Gather,
    Done,
}

/// What a search counts and copies.
pub(super) struct Tally {
    counts: Vec<u32>,
    /// The first part, counted from 1, whose orders start with a digit; 0 where there is none.
    slots: Vec<u32>,
    few: Vec<u64>,
    held: usize,
}

impl Tally {
    pub(super) fn new(ranks: usize) -> Result<Self> {
        let counters = (1 << COUNTERS).max(ranks << LEAST_DIGIT);
        Ok(Self {
            counts: reserve(counters, 0, "counts of values")?,
            slots: reserve(1 << DIGIT, 0, "counts of values")?,
            few: reserve(FEW + 1, 0, "values to be sorted out")?,
            held: 0,
        })
    }
}

/// The search for the wanted ranks of one column.
pub(super) struct Search {
    stage: Stage,
    pub(super) known: usize,
    least: u64,
    most: u64,
    pub(super) ranks: Vec<usize>,
    found: Vec<u64>,
    parts: Vec<Part>,
    next: Vec<Part>,
    digit: u32,
    /// The parts of the values' range.
    line: Line,
    /// Where the leading digit of the orders starts, and by how much they are shifted for it.
    origin: (u64, u32),
}

/// Digits that rise with the value.
#[derive(Clone, Copy)]
struct Line {
    low: f64,
    scale: f64,
}

impl Line {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "out of range is the first or last digit"
    )]
    #[inline(always)]
    fn digit(self, order: u64) -> usize {
        (((value(order) - self.low) * self.scale) as usize).min((1 << DIGIT) - 1)
    }
}

impl Search {
    pub(super) fn new(ranks: usize) -> Result<Self> {
        let none = Part::new((0, 0), 0, 0, 0..0);
        let mut search = Self {
            stage: Stage::Done,
            known: 0,
            least: u64::MAX,
            most: 0,
            ranks: reserve(ranks, 0, "ranks")?,
            found: reserve(ranks, 0, "ranks")?,
            parts: reserve(ranks, none.clone(), "ranks")?,
            next: reserve(ranks, none, "ranks")?,
            digit: DIGIT,
            line: Line { low: 0.0, scale: 0.0 },
            origin: (0, 0),
        };
        search.start();
        Ok(search)
    }

    pub(super) fn start(&mut self) {
        self.stage = Stage::Range;
        (self.known, self.least, self.most) = (0, u64::MAX, 0);
        self.ranks.clear();
        self.found.clear();
        self.parts.clear();
        self.next.clear();
    }

    /// Looks at some of the column's orders, each of which is shown once a pass.
    pub(super) fn take(&mut self, tally: &mut Tally, orders: &[u64]) {
        match self.stage {
            Stage::Range => {
                let (mut missing, mut least, mut most) = (0, self.least, self.most);
                for &order in orders {
                    let absent = order == MISSING;
                    missing += usize::from(absent);
                    least = least.min(order);
                    most = most.max(if absent { 0 } else { order });
                }
                self.known += orders.len() - missing;
                (self.least, self.most) = (least, most);
            }
            Stage::Spread => {
                let (line, counts) = (self.line, &mut tally.counts[..1 << DIGIT]);
                for &order in orders {
                    if order != MISSING {
                        counts[line.digit(order)] += 1;
                    }
                }
            }
            Stage::GatherMarked => {
                let (line, slots) = (self.line, &tally.slots[..1 << DIGIT]);
                let mut held = tally.held;
                for &order in orders {
                    tally.few[held] = order;
                    let inside = order != MISSING && slots[line.digit(order)] > 0;
                    held = (held + usize::from(inside)).min(FEW);
                }
                tally.held = held;
            }
            Stage::Count => self.count(tally, orders),
            Stage::Gather => self.gather(tally, orders),
            Stage::Done => {}
        }
    }

    /// The part that an order lies in, if it lies in one.
    #[inline(always)]
    fn part_of(parts: &[Part], slots: &[u32], (low, shift): (u64, u32), order: u64) -> Option<usize> {
        let digit = usize::try_from(order.wrapping_sub(low) >> shift).ok()?;
        let mut number = (*slots.get(digit)? as usize).checked_sub(1)?;
        while order > parts.get(number)?.high {
            number += 1;
        }
        (parts[number].low <= order).then_some(number)
    }

    fn count(&mut self, tally: &mut Tally, orders: &[u64]) {
        let digit = self.digit;
        let counters = 1_usize << digit;
        if let [part] = &mut self.parts[..] {
            let (low, span, shift) = (part.low, part.high - part.low, part.shift(digit));
            let (mut least, mut most) = (part.least, part.most);
            let counts = &mut tally.counts[..counters];
            for &order in orders {
                let offset = order.wrapping_sub(low);
                if offset <= span {
                    counts[index(offset >> shift) & (counters - 1)] += 1;
                    least = least.min(order);
                    most = most.max(order);
                }
            }
            (part.least, part.most) = (least, most);
            return;
        }
        for &order in orders {
            let Some(number) = Self::part_of(&self.parts, &tally.slots, self.origin, order) else {
                continue;
            };
            let part = &mut self.parts[number];
            let place = index((order - part.low) >> part.shift(digit)) & (counters - 1);
            tally.counts[number * counters + place] += 1;
            part.least = part.least.min(order);
            part.most = part.most.max(order);
        }
    }

    fn gather(&mut self, tally: &mut Tally, orders: &[u64]) {
        let mut held = tally.held;
        if let [part] = &self.parts[..] {
            let (low, span) = (part.low, part.high - part.low);
            for &order in orders {
                tally.few[held] = order;
                held = (held + usize::from(order.wrapping_sub(low) <= span)).min(FEW);
            }
        } else {
            for &order in orders {
                let inside = Self::part_of(&self.parts, &tally.slots, self.origin, order).is_some();
                tally.few[held] = order;
                held = (held + usize::from(inside)).min(FEW);
            }
        }
        tally.held = held;
    }

    /// Draws the conclusions of a pass over the column; whether there is more to do.
    pub(super) fn conclude(&mut self, tally: &mut Tally, wanted: &impl Fn(usize, &mut Vec<usize>)) -> bool {
        match self.stage {
            Stage::Range => {
                if self.known > 0 {
                    wanted(self.known, &mut self.ranks);
                    self.ranks.sort_unstable();
                    self.ranks.dedup();
                }
                self.found.resize(self.ranks.len(), self.least);
                if self.ranks.is_empty() || self.least >= self.most {
                    self.stage = Stage::Done;
                } else {
                    self.start_searching(tally);
                }
            }
            Stage::Spread => {
                self.mark(tally);
                if self.stage != Stage::GatherMarked {
                    let whole = Part::new((self.least, self.most), 0, self.known, 0..self.ranks.len());
                    self.origin = (self.least, whole.shift(DIGIT));
                    self.parts.clear();
                    self.parts.push(whole);
                    self.plan(tally);
                }
            }
            Stage::Count => {
                self.narrow(tally);
                self.plan(tally);
            }
            Stage::GatherMarked | Stage::Gather => {
                self.sort_out(tally);
                self.stage = Stage::Done;
            }
            Stage::Done => {}
        }
        self.stage != Stage::Done
    }

    /// Parts equal in the values, unless their range is beyond the largest float64.
    fn start_searching(&mut self, tally: &mut Tally) {
        let low = value(self.least);
        let scale = f64::from(1_u32 << DIGIT) / (value(self.most) - low);
        // Too narrow or too wide a range gives all values the same digit, and is searched on by orders.
        let scale = if scale.is_finite() { scale } else { 0.0 };
        self.line = Line { low, scale };
        self.stage = Stage::Spread;
        tally.counts[..1 << DIGIT].fill(0);
    }

    /// Marks the parts of the values' range that hold a wanted rank, if they hold few values.
    fn mark(&mut self, tally: &mut Tally) {
        tally.slots.fill(0);
        let (mut below, mut first, mut left) = (0, 0, 0);
        for (&count, slot) in tally.counts[..1 << DIGIT].iter().zip(&mut tally.slots) {
            let end = below + count as usize;
            let inside = self.ranks[first..].iter().take_while(|&&rank| rank < end).count();
            if inside > 0 {
                *slot = 1;
                self.parts.push(Part::new((0, 0), below, count as usize, first..first + inside));
                first += inside;
                left += count as usize;
            }
            below = end;
        }
        if left <= self.few() {
            self.stage = Stage::GatherMarked;
            tally.held = 0;
        }
    }

    /// So many values are worth sorting out.
    fn few(&self) -> usize {
        VERY_FEW.max(self.known / 4).min(FEW)
    }

    /// What to do with the parts in the next pass.
    fn plan(&mut self, tally: &mut Tally) {
        let left: usize = self.parts.iter().map(|part| part.count).sum();
        if self.parts.is_empty() {
            self.stage = Stage::Done;
        } else if left <= self.few() {
            self.stage = Stage::Gather;
            tally.held = 0;
        } else {
            self.stage = Stage::Count;
            let room_for = self.parts.len().next_power_of_two().trailing_zeros();
            self.digit = COUNTERS.saturating_sub(room_for).clamp(LEAST_DIGIT, DIGIT);
            tally.counts[..self.parts.len() << self.digit].fill(0);
        }
    }

    /// Replaces each part by those of its parts that hold a wanted rank.
    fn narrow(&mut self, tally: &mut Tally) {
        let counters = 1 << self.digit;
        self.next.clear();
        for (part, counts) in self.parts.iter().zip(tally.counts.chunks_exact(counters)) {
            if part.least >= part.most {
                self.found[part.ranks.clone()].fill(part.least);
                continue;
            }
            let shift = part.shift(self.digit);
            let mut below = part.below;
            let mut first = part.ranks.start;
            for (number, &count) in (0_u64..).zip(counts) {
                let end = below + count as usize;
                let inside = self.ranks[first..part.ranks.end].iter().take_while(|&&rank| rank < end).count();
                if inside > 0 {
                    let ranks = first..first + inside;
                    let start = part.low + (number << shift);
                    let low = start.max(part.least);
                    let high = part.most.min(start.saturating_add((1 << shift) - 1));
                    if low >= high {
                        self.found[ranks].fill(low);
                    } else {
                        self.next.push(Part::new((low, high), below, count as usize, ranks));
                    }
                    first += inside;
                }
                if first == part.ranks.end {
                    break;
                }
                below = end;
            }
        }
        std::mem::swap(&mut self.parts, &mut self.next);
        if self.parts.len() > 1 {
            tally.slots.fill(0);
            for (number, part) in (1_u32..).zip(&self.parts) {
                if let Some(slot) = tally.slots.get_mut(index((part.low - self.origin.0) >> self.origin.1)) {
                    *slot = if *slot == 0 { number } else { *slot };
                }
            }
        }
    }

    /// The ranks among the values that were copied out.
    fn sort_out(&mut self, tally: &mut Tally) {
        let mut few = &mut tally.few[..tally.held];
        let wanted: usize = self.parts.iter().map(|part| part.ranks.len()).sum();
        let many = wanted > 2 && few.len() < 1 << 9 || wanted > 16;
        if many {
            few.sort_unstable();
        }
        let (mut before, mut cut) = (0, 0);
        for part in &self.parts {
            for rank in part.ranks.clone() {
                let place = before + (self.ranks[rank] - part.below) - cut;
                // Less was read than counted only where the work was stopped.
                if place >= few.len() {
                    return;
                }
                if many {
                    self.found[rank] = few[place];
                } else {
                    let (_, found, above) = few.select_nth_unstable(place);
                    self.found[rank] = *found;
                    few = above;
                    cut += place + 1;
                }
            }
            before += part.count;
        }
    }

    /// The value of a wanted rank.
    pub(super) fn at(&self, rank: usize) -> f64 {
        let place = self.ranks.partition_point(|&other| other < rank);
        self.found.get(place).map_or(f64::NAN, |&order| value(order))
    }
}

#[expect(clippy::cast_possible_truncation, reason = "digits have at most 11 bits")]
#[inline(always)]
fn index(digit: u64) -> usize {
    digit as usize
}
