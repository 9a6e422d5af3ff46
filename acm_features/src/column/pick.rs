//! Values at some ranks of a column, by one look at it.
//!
//! A sample tells between which values the wanted ranks should lie; one pass counts what is below each of these zones and copies
//! out what is in it (Floyd and Rivest 1975, doi 10.1145/360680.360691). Values are only compared, so that it does not matter how
//! they are spread; one that a large part of the sample has is a zone of its own, and only counted.

use std::ops::Range;

use acm_linalg::Result;
use acm_linalg::columns::reserve;
use acm_linalg::lanes::{LANES, loaded};
use acm_linalg::memory::reserved;
use fearless_simd::{Level, Simd, dispatch, f64x8, prelude::*, u64x8};

use crate::ordering::{ABSENT, order, value};
use crate::radix::Sorter;

/// Up to so many known values all are copied out.
const FEW: usize = 1 << 10;

/// Most zones that a pass looks for.
const ZONES: usize = 24;

/// Least and greatest size of a sample, and the least with which it is worth something.
const SAMPLES: (usize, usize) = (1 << 9, 1 << 12);
const LEAST_SAMPLE: usize = 1 << 6;

/// Standard deviations of a rank in the sample that a zone reaches to both sides.
const REACH: f64 = 3.5;

/// Values with more than one in so many of a sample have a zone of their own.
const FREQUENT: usize = 16;

/// Values that are looked at for all zones in turn.
const TILE: usize = 1 << 9;

/// More zones are copied out together first, then apart.
const SINGLE: usize = 2;

/// More ranks are looked up in the sorted column.
const MANY: usize = 24;

/// What lies between two values, both included.
#[derive(Debug, Clone)]
struct Zone {
    low: f64,
    high: f64,
    /// Values below it, and in it.
    below: usize,
    count: usize,
    /// Where the values in it are put; nowhere if they are all the same.
    room: Range<usize>,
}

/// A thread's memory for it.
pub(super) struct Picker {
    sample: Vec<u64>,
    places: Vec<(Option<usize>, usize)>,
    zones: Vec<Zone>,
    kept: Vec<u64>,
    /// Where many ranks may be wanted.
    sorter: Option<Sorter>,
}

impl Picker {
    /// For at most so many ranks of columns of at most `rows` values.
    pub(super) fn new(rows: usize, ranks: usize) -> Result<Self> {
        Ok(Self {
            sample: reserve(SAMPLES.1, 0, "a sample of values")?,
            places: reserved(ZONES, "ranks")?,
            zones: reserved(ZONES + 2 * FREQUENT, "ranks")?,
            kept: reserve(rows + LANES, 0, "values to be sorted out")?,
            sorter: (ranks > MANY).then(|| Sorter::new(rows, "values to be sorted out")).transpose()?,
        })
    }

    /// The values at rising ranks of a column of which so many values are not NaN.
    pub(super) fn pick(&mut self, values: &[f64], known: usize, ranks: &[usize], found: &mut [f64]) {
        if ranks.is_empty() {
            return;
        }
        if ranks.len() > MANY && known > FEW && self.sort(values, ranks, found) {
            return;
        }
        let between = known > FEW && self.plan(values, known, ranks) && {
            let (zones, kept) = (&mut self.zones, &mut self.kept);
            dispatch!(Level::new(), simd => look(simd, values, zones, kept));
            self.holds(ranks)
        };
        if !between {
            self.keep_all(values, known);
        }
        let mut first = 0;
        for zone in &self.zones {
            let end = zone.below + zone.count;
            let wanted = ranks[first..].iter().take_while(|&&rank| rank < end).count();
            let here = first..first + wanted;
            first = here.end;
            if zone.room.is_empty() {
                found[here].fill(zone.low);
            } else if wanted > 0 {
                let kept = &mut self.kept[zone.room.start..zone.room.start + zone.count];
                sort_out(kept, zone.below, &ranks[here.clone()], &mut found[here]);
            }
        }
    }

    /// The zones of the ranks; false if a sample does not help.
    fn plan(&mut self, values: &[f64], known: usize, ranks: &[usize]) -> bool {
        let size = draw(values, &mut self.sample);
        let sample = &mut self.sample[..size];
        if size < LEAST_SAMPLE {
            return false;
        }
        self.places.clear();
        for &rank in ranks {
            let share = (rank as f64 + 0.5) / known as f64;
            let place = share * size as f64;
            let reach = REACH * (place * (1.0 - share)).sqrt() + 1.0;
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "between 0 and the sample's size"
            )]
            let (from, to) = ((place > reach).then_some((place - reach) as usize), (place + reach) as usize);
            if let Some((_, last)) = self.places.last_mut().filter(|(_, last)| from.is_none_or(|from| from <= *last)) {
                *last = to.max(*last);
            } else if self.places.len() < ZONES {
                self.places.push((from, to));
            } else {
                return false;
            }
        }
        if let [(from, to)] = self.places[..] {
            // No more is sorted than is asked for.
            let mut rest = &mut *sample;
            if let Some(from) = from {
                rest = rest.select_nth_unstable(from).2;
            }
            let left = to - from.map_or(0, |from| from + 1);
            if left < rest.len() {
                rest = rest.select_nth_unstable(left).0;
            }
            rest.sort_unstable();
        } else {
            sample.sort_unstable();
        }
        let each = known.div_ceil(size);
        self.zones.clear();
        let mut room = 0;
        for &(from, to) in &self.places {
            let among = &sample[from.unwrap_or(0)..size.min(to + 1)];
            let mut low = from.map_or(f64::NEG_INFINITY, |_| value(among[0]));
            let high = if to < size { value(among[among.len() - 1]) } else { f64::INFINITY };
            let mut count = 0;
            let mut add = |low: f64, high: f64, count: usize| {
                if low > high {
                    return;
                }
                let start = room;
                if low < high {
                    room += each * (count + 4 * count.isqrt() + 4) + LANES;
                }
                self.zones.push(Zone {
                    low,
                    high,
                    below: 0,
                    count: 0,
                    room: start..room,
                });
            };
            for same in among.chunk_by(|a, b| a == b) {
                if same.len() * FREQUENT > size {
                    let frequent = value(same[0]);
                    add(low, frequent.next_down(), count);
                    add(frequent, frequent, 0);
                    (low, count) = (frequent.next_up(), 0);
                } else {
                    count += same.len();
                }
            }
            add(low, high, count);
        }
        room <= self.kept.len()
    }

    /// Whether every rank lies in a zone that had room for all its values.
    fn holds(&self, ranks: &[usize]) -> bool {
        let mut zones = self.zones.iter();
        let mut zone = zones.next();
        ranks.iter().all(|&rank| {
            while let Some(now) = zone
                && rank >= now.below + now.count
            {
                zone = zones.next();
            }
            zone.is_some_and(|zone| {
                zone.below <= rank && (zone.room.is_empty() || zone.count + LANES <= zone.room.len())
            })
        })
    }

    /// The values at many ranks; false if there is no memory to sort a column.
    fn sort(&mut self, values: &[f64], ranks: &[usize], found: &mut [f64]) -> bool {
        let Some(sorter) = &mut self.sorter else { return false };
        let (mut least, mut most) = (u64::MAX, 0);
        let orders = &mut self.kept[..values.len()];
        for (&value, place) in values.iter().zip(&mut *orders) {
            let order = order(value);
            *place = order;
            least = least.min(order);
            most = most.max(if order < ABSENT { order } else { 0 });
        }
        let mut sorted = sorter.sort(orders, (least, most), || false);
        let mut settled = 0;
        for (&rank, found) in ranks.iter().zip(found) {
            if rank >= settled {
                let key = sorted.keys[rank];
                let agree = |&&other: &&u64| sorted.agree(key, other);
                let from = rank - sorted.keys[settled..rank].iter().rev().take_while(agree).count();
                settled = rank + sorted.keys[rank..].iter().take_while(agree).count();
                sorted.settle(from..settled, orders);
            }
            *found = value(orders[sorted.row(sorted.keys[rank])]);
        }
        true
    }

    /// Copies out all known values.
    fn keep_all(&mut self, values: &[f64], known: usize) {
        let mut held = 0;
        for &value in values {
            self.kept[held] = value.to_bits();
            held += usize::from(!value.is_nan());
        }
        self.zones.clear();
        self.zones.push(Zone {
            low: f64::NEG_INFINITY,
            high: f64::INFINITY,
            below: 0,
            count: known,
            room: 0..self.kept.len(),
        });
    }
}

/// The orders of some values, spread over all; how many of them are known.
fn draw(values: &[f64], sample: &mut [u64]) -> usize {
    let mut size = SAMPLES.0;
    while size < SAMPLES.1 && size * size * size < values.len() * values.len() {
        size *= 2;
    }
    let mut held = 0;
    for number in 0..size {
        let value = values[place(number, size, values.len())];
        sample[held] = order(value);
        held += usize::from(!value.is_nan());
    }
    held
}

/// Where a value of a sample is taken from: not in equal steps, as values may repeat.
fn place(number: usize, size: usize, rows: usize) -> usize {
    let within = (number.wrapping_mul(0x9e37_79b9) & 0xffff_ffff) >> 16;
    (((number << 16) | within) * rows / size) >> 16
}

/// Counts what lies below and in each zone, and copies the latter to its room as long as that lasts.
#[inline(always)]
fn look<S: Simd>(simd: S, values: &[f64], zones: &mut [Zone], kept: &mut [u64]) {
    let several = zones.iter().filter(|zone| !zone.room.is_empty()).count() > SINGLE;
    let mut inside = [0.0; TILE + LANES];
    for tile in values.chunks(TILE) {
        if !several {
            for zone in &mut *zones {
                copy(simd, tile, zone, kept);
            }
            continue;
        }
        let held = gather(simd, tile, zones, &mut inside);
        for zone in &mut *zones {
            // What is below is counted already.
            let below = zone.below;
            copy(simd, &inside[..held], zone, kept);
            zone.below = below;
        }
    }
}

/// Copies what lies in any zone, and counts what lies below each; how many it copied.
#[inline(always)]
fn gather<S: Simd>(simd: S, values: &[f64], zones: &mut [Zone], inside: &mut [f64; TILE + LANES]) -> usize {
    let mut held = 0;
    let (eights, rest) = values.as_chunks::<LANES>();
    for eight in eights {
        let values = loaded(simd, eight);
        let mut any = values.simd_lt(f64::NEG_INFINITY);
        for zone in &mut *zones {
            let (low, high) = (f64x8::splat(simd, zone.low), f64x8::splat(simd, zone.high));
            zone.below += values.simd_lt(low).to_bitmask().count_ones() as usize;
            any |= values.simd_ge(low) & values.simd_le(high);
        }
        values.compress(any).store_slice(&mut inside[held..held + LANES]);
        held += any.to_bitmask().count_ones() as usize;
    }
    for &value in rest {
        let mut any = false;
        for zone in &mut *zones {
            zone.below += usize::from(value < zone.low);
            any |= value >= zone.low && value <= zone.high;
        }
        inside[held] = value;
        held += usize::from(any);
    }
    held
}

/// Counts what lies below and in a zone, and copies the latter to its room as long as that lasts.
#[inline(always)]
fn copy<S: Simd>(simd: S, values: &[f64], zone: &mut Zone, kept: &mut [u64]) {
    let (eights, rest) = values.as_chunks::<LANES>();
    let (low, high) = (f64x8::splat(simd, zone.low), f64x8::splat(simd, zone.high));
    let (mut below, mut count) = (0, zone.count);
    let room = &mut kept[zone.room.clone()];
    for eight in eights {
        let values = loaded(simd, eight);
        let inside = values.simd_ge(low) & values.simd_le(high);
        below += values.simd_lt(low).to_bitmask().count_ones() as usize;
        if let Some(room) = room.get_mut(count..count + LANES) {
            let bits: u64x8<S> = values.bitcast();
            bits.compress(inside).store_slice(room);
        }
        count += inside.to_bitmask().count_ones() as usize;
    }
    for &value in rest {
        if let Some(room) = room.get_mut(count) {
            *room = value.to_bits();
        }
        below += usize::from(value < zone.low);
        count += usize::from(value >= zone.low && value <= zone.high);
    }
    zone.below += below;
    zone.count = count;
}

/// The values at rising ranks, of bits of values before which there are `below`.
fn sort_out(kept: &mut [u64], below: usize, ranks: &[usize], found: &mut [f64]) {
    for bits in &mut *kept {
        *bits = order(f64::from_bits(*bits));
    }
    match *ranks {
        [rank] => found[0] = value(*kept.select_nth_unstable(rank - below).1),
        [rank, next] if next == rank + 1 => {
            let (_, low, above) = kept.select_nth_unstable(rank - below);
            found[0] = value(*low);
            found[1] = value(above.iter().copied().min().unwrap_or(*low));
        }
        _ => {
            kept.sort_unstable();
            for (&rank, found) in ranks.iter().zip(found) {
                *found = value(kept[rank - below]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All that is asked for in the tests, of rows that are few, some and many.
    fn check(name: &str, value_of: impl Fn(usize) -> f64) {
        for rows in [1, 2, FEW, FEW + 1, 5_003, 70_001] {
            let values: Vec<f64> = (0..rows).map(&value_of).collect();
            let mut sorted: Vec<f64> = values.iter().copied().filter(|value| !value.is_nan()).collect();
            sorted.sort_unstable_by(f64::total_cmp);
            let known = sorted.len();
            let mut picker = Picker::new(rows, 500).unwrap();
            for shares in [
                &[500, 501][..],
                &[0, 1, 2, 999, 1_000],
                &[10, 250, 500, 750, 990],
                &[300, 301, 302, 700],
            ] {
                let mut ranks: Vec<usize> =
                    shares.iter().map(|share| share * known.saturating_sub(1) / 1_000).collect();
                ranks.extend([known / 3, known / 3 + 1].into_iter().filter(|&rank| rank < known));
                ranks.sort_unstable();
                ranks.dedup();
                ranks.retain(|&rank| rank < known);
                let mut found = vec![f64::NAN; ranks.len()];
                picker.pick(&values, known, &ranks, &mut found);
                for (rank, found) in ranks.into_iter().zip(found) {
                    assert_eq!(found.to_bits(), sorted[rank].to_bits(), "{name}, {rows} rows, rank {rank}");
                }
            }
            // Those are not asked for by many ranks.
            if sorted.last().is_some_and(|&last| last == f64::INFINITY) {
                continue;
            }
            let every: Vec<usize> = (0..known).step_by(1 + known / 400).collect();
            let mut found = vec![f64::NAN; every.len()];
            picker.pick(&values, known, &every, &mut found);
            assert!(
                every
                    .into_iter()
                    .zip(found)
                    .all(|(rank, found)| found.to_bits() == sorted[rank].to_bits())
            );
        }
    }

    #[test]
    fn values_are_those_of_the_sorted_column() {
        let scattered = |row: usize| ((row * 7_919 % 10_007) as f64 - 5_000.0).powi(3);
        check("scattered", scattered);
        check("rising", |row| row as f64 - 4_000.0);
        check("equal", |_| 42.5);
        check("three levels", |row| (row * 7 % 3) as f64 - 1.0);
        check("quantised", |row| (scattered(row) / 1e9).round() + 0.0);
        check("zero and far from it", |row| if row * 7 % 10 < 3 { 0.0 } else { 1_500.0 + 1e-12 * scattered(row) });
        check("a few far away", |row| if row * 7 % 100 == 0 { 1e15 } else { scattered(row) });
        check("subnormal", |row| scattered(row) * 1e-320 + 0.0);
        check("gaps", |row| if row * 7 % 10 < 8 { f64::NAN } else { scattered(row) });
        check("all but gaps", |row| if row == 0 { 1.0 } else { f64::NAN });
        check("infinite distances", |row| if row * 7 % 10 < 5 { f64::INFINITY } else { scattered(row).abs() });
        check("the largest", |row| [f64::MAX, f64::MIN, 5e-324, 0.0][row % 4]);
        check("repeated", |row| (row % 20) as f64 * 1.5 + 1e-9 * scattered(row));
    }

    #[test]
    fn a_sample_that_misleads_costs_time_alone() {
        let rows = 5_003;
        let mut values: Vec<f64> = (0..rows).map(|row| (row * 7_919 % 10_007) as f64).collect();
        for number in 0..SAMPLES.0 {
            values[place(number, SAMPLES.0, rows)] = 1e9 + number as f64;
        }
        let mut picker = Picker::new(rows, 2).unwrap();
        let ranks = [rows / 2, rows / 2 + 1];
        assert!(picker.plan(&values, rows, &ranks));
        let (zones, kept) = (&mut picker.zones, &mut picker.kept);
        dispatch!(Level::new(), simd => look(simd, &values, zones, kept));
        assert!(!picker.holds(&ranks));
        let mut found = [0.0; 2];
        picker.pick(&values, rows, &ranks, &mut found);
        values.sort_unstable_by(f64::total_cmp);
        assert_eq!(found, values[rows / 2..rows / 2 + 2]);
    }
}
