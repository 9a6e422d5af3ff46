//! Eight columns in which nothing is missing: their readings begin and end together, so that what time does is found once.
//! This serves where float64 does not tell ages exactly: else [`super::ages`] does, with gaps and without.

use std::num::NonZero;

use acm_linalg::lanes::{Element, LANES, Row, V, loaded};
use acm_linalg::memory::reserved;
use acm_linalg::parallel::Stop;
use acm_linalg::{Result, Table};
use fearless_simd::{Level, Simd, dispatch, f64x8, prelude::*};
use ndarray::{ArrayViewMut2, s};

use super::area::Area;
use super::{Reading, TimeMean, WHAT};

/// Rows that are read and written at once.
pub(super) const BLOCK: usize = 64;

/// No integral of any lane.
#[inline(always)]
fn none<S: Simd>(simd: S) -> Area<V<S>> {
    let (high, low) = (f64x8::splat(simd, 0.0), f64x8::splat(simd, 0.0));
    Area { high, low, lasting: 0 }
}

/// The latest rows' values and all rows' times. No closures, which would not have the processor's instructions.
#[derive(Clone, Copy)]
struct Readings<'a> {
    values: &'a [Row],
    times: &'a [i64],
    walk: TimeMean,
}

impl Readings<'_> {
    #[inline(always)]
    fn value<S: Simd>(self, simd: S, reading: usize) -> V<S> {
        self.values[reading & (self.values.len() - 1)].load(simd)
    }

    /// When a reading ends to hold, where the next one comes then.
    #[inline(always)]
    fn until(self, reading: usize, next: i64) -> i64 {
        let (time, value) = (self.times[reading], 0.0);
        Reading { time, value }.until(next, self.walk.hold)
    }

    /// With a reading's rectangle, as whole as it gets.
    #[inline(always)]
    fn whole<S: Simd>(self, simd: S, areas: Area<V<S>>, reading: usize) -> Area<V<S>> {
        let lasting = self.until(reading, self.times[reading + 1]) - self.times[reading];
        areas.with(self.value(simd, reading), lasting, self.walk.unit)
    }
}

/// Sums of rectangles, and how long they last: as the bits of one number where that is the same for all, else of each.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sums {
    pub(super) high: Row,
    pub(super) low: Row,
    pub(super) lasting: Row,
}

/// The windows of eight columns as they slide.
#[derive(Debug)]
pub(super) struct Wide {
    /// The latest rows: row t at t modulo their number, a power of two.
    pub(super) values: Vec<Row>,
    pub(super) rows: usize,
    /// As [`super::Column`].
    pub(super) older: Vec<Sums>,
    pub(super) results: [Row; BLOCK],
}

impl Wide {
    /// For windows of at most so many rows.
    pub(super) fn new(longest: usize) -> Result<Self> {
        let rows = longest.saturating_add(BLOCK + 1).next_power_of_two();
        Ok(Self {
            values: reserved(rows, WHAT)?,
            rows,
            older: reserved(longest.saturating_add(2), WHAT)?,
            results: [Row::default(); BLOCK],
        })
    }

    /// Whatever rows were there before stay: lanes without a column may hold anything.
    pub(super) fn make_room(&mut self) {
        self.values.resize(self.rows, Row::default());
    }

    /// Means of every `step`th row of at most eight columns, of all values finite, from row `skipped` on.
    #[inline(never)]
    pub(super) fn means<T: Element>(
        &mut self,
        x: &Table<'_, T>,
        (times, walk): (&[i64], TimeMean),
        (skipped, step): (usize, NonZero<usize>),
        out: &mut ArrayViewMut2<'_, T>,
        stop: &Stop,
    ) {
        self.make_room();
        dispatch!(Level::new(), simd => self.slide(simd, x, (times, walk), (skipped, step), out, stop));
    }

    #[inline(always)]
    fn slide<S: Simd, T: Element>(
        &mut self,
        simd: S,
        x: &Table<'_, T>,
        (times, walk): (&[i64], TimeMean),
        (skipped, step): (usize, NonZero<usize>),
        out: &mut ArrayViewMut2<'_, T>,
        stop: &Stop,
    ) {
        let TimeMean { window, hold, unit, .. } = walk;
        let (mut first, mut meet, mut next, mut begin) = (0, 0, 0, i128::MIN);
        let mut newer = none(simd);
        let mut place = 0;
        for start in (0..times.len()).step_by(BLOCK) {
            if stop.requested() {
                return;
            }
            let block = start..(start + BLOCK).min(times.len());
            self.read(simd, x, start, block.end);
            let mut count = 0;
            for row in block {
                let now = times[row];
                let from = now.saturating_sub(window);
                while first < row && times[first + 1] <= from {
                    first += 1;
                }
                (meet, next) = (first.max(meet), first.max(next));
                if !(row + skipped).is_multiple_of(step.get()) {
                    continue;
                }
                let readings = Readings {
                    values: &self.values,
                    times,
                    walk,
                };
                let holds = times[first] <= from;
                let oldest = first + usize::from(holds);
                let known = holds && times[first].saturating_add(hold) > from;
                let result = &mut self.results[count];
                count += 1;
                if row + 1 - oldest + usize::from(known) < walk.min_periods {
                    *result = Row::splat(f64::NAN);
                    continue;
                }
                let here = i128::from(now) - i128::from(now.rem_euclid(window));
                if here != begin {
                    begin = here;
                    while meet <= row && i128::from(times[meet]) < begin {
                        meet += 1;
                    }
                    self.older.clear();
                    let mut areas = none(simd);
                    for reading in (oldest..first.max(meet.saturating_sub(1))).rev() {
                        areas = readings.whole(simd, areas, reading);
                        let mut sums = Sums::default();
                        sums.high.store(areas.high);
                        sums.low.store(areas.low);
                        sums.lasting.0[0] = f64::from_bits(areas.lasting.cast_unsigned());
                        self.older.push(sums);
                    }
                    newer = none(simd);
                    next = meet;
                }
                while next < row {
                    newer = readings.whole(simd, newer, next);
                    next += 1;
                }
                let before = first.max(meet.saturating_sub(1)).saturating_sub(oldest);
                let mut areas = none(simd);
                if before > 0 {
                    let Sums { high, low, lasting } = &self.older[before - 1];
                    areas = Area {
                        high: high.load(simd),
                        low: low.load(simd),
                        lasting: lasting.0[0].to_bits().cast_signed(),
                    };
                }
                if meet <= row && meet > oldest {
                    areas = readings.whole(simd, areas, meet - 1);
                }
                areas = areas.merge(newer);
                if holds {
                    let next = if first < row { times[first + 1] } else { now };
                    areas =
                        areas.with(readings.value(simd, first), readings.until(first, next).saturating_sub(from), unit);
                }
                if oldest <= row {
                    areas = areas.with(readings.value(simd, row), readings.until(row, now) - now, unit);
                }
                match areas.lasting {
                    0 if oldest <= row => result.store(readings.value(simd, row)),
                    0 => *result = Row::splat(f64::NAN),
                    _ => result.store(areas.mean(unit)),
                }
            }
            self.write(place, count, out);
            place += count;
        }
    }

    /// Takes these rows in.
    #[inline(always)]
    pub(super) fn read<S: Simd, T: Element>(&mut self, simd: S, x: &Table<'_, T>, start: usize, end: usize) {
        let part = x.of_rows(start..end);
        let mask = self.rows - 1;
        if part.ncols() == LANES
            && let Some(part) = part.with_whole_rows()
        {
            for (row, values) in (start..).zip(part.rows()) {
                if let Some(Ok(values)) = values.to_slice().map(<&[T; LANES]>::try_from) {
                    self.values[row & mask].store(loaded(simd, &values.map(T::widen)));
                }
            }
            return;
        }
        for (lane, column) in part.columns().enumerate() {
            for (row, value) in (start..).zip(column) {
                self.values[row & mask].0[lane] = value.widen();
            }
        }
    }

    /// The first `count` results, from row `place` of `out` on.
    #[inline(always)]
    pub(super) fn write<T: Element>(&self, place: usize, count: usize, out: &mut ArrayViewMut2<'_, T>) {
        let mut part = out.slice_mut(s![place..place + count, ..]);
        if part.ncols() == LANES && part.strides()[1] == 1 {
            for (result, mut to) in self.results.iter().zip(part.rows_mut()) {
                if let Some(Ok(to)) = to.as_slice_mut().map(<&mut [T; LANES]>::try_from) {
                    T::write(&result.0, to);
                }
            }
            return;
        }
        for (lane, column) in part.columns_mut().into_iter().enumerate() {
            for (result, to) in self.results.iter().zip(column) {
                *to = T::narrow(result.0[lane]);
            }
        }
    }
}

/// Whether nothing is missing.
pub(super) fn complete<T: Element>(x: &Table<'_, T>) -> bool {
    // Without an early end in each this goes by many values at a time.
    let finite = |whole: bool, value: &T| whole & (value.widen().abs() < f64::INFINITY);
    match x.with_whole_rows() {
        Some(x) => x.rows().into_iter().all(|row| row.iter().fold(true, finite)),
        None => x.columns().all(|column| column.iter().fold(true, finite)),
    }
}
