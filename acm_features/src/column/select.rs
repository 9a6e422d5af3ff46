//! Centres, deviations and ranks of up to eight columns at a time.

use std::ops::Range;

use acm_linalg::columns::reserve;
use acm_linalg::lanes::{Element, LANES, V, canonical, loaded, transposed};
use acm_linalg::memory::{Gather, reserved};
use acm_linalg::parallel::Stop;
use acm_linalg::{Result, Table};
use fearless_simd::{Level, Simd, dispatch, prelude::*};
use ndarray::ArrayView2;

use super::pick::Picker;
use super::search::{MISSING, Search, Tally};
use crate::ordering::{order, value};
use crate::rolling::middle;

/// Values that are kept in the scratch, where a column has no more.
const RESIDENT: usize = 1 << 18;

/// Rows of longer columns that are read at once.
const TILE_ROWS: usize = 1 << 9;

/// Estimated time for a value on one thread, a search for the median of a column in memory order.
pub(crate) const COST_NS: f64 = 1.5;

/// The middle of a column: the float64 nearest to its median, and what rounding took from it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Centre {
    pub(crate) median: f64,
    pub(crate) rest: f64,
}

impl Centre {
    pub(crate) const NONE: Self = Self {
        median: f64::NAN,
        rest: f64::NAN,
    };

    fn between(low: f64, high: f64) -> Self {
        let median = middle(low, high);
        let rest = ((low - median) + (high - median)) * 0.5;
        Self { median, rest }
    }

    /// How far a value lies above the centre, rounded as the rolling deviations are.
    #[inline(always)]
    pub(crate) fn distance(self, value: f64) -> f64 {
        (value - self.median) - self.rest
    }
}

/// What is searched: a column's values, or their distances from a centre.
#[derive(Debug, Clone, Copy)]
enum Measure {
    Value,
    Distance(Centre),
}

impl Measure {
    /// Turns values into what is searched.
    fn of_values(self, values: &mut [f64]) {
        let Self::Distance(centre) = self else { return };
        for value in values {
            *value = centre.distance(*value).abs();
        }
    }

    /// Turns the orders of values into those of what is searched.
    fn apply(self, orders: &mut [u64]) {
        let Self::Distance(centre) = self else { return };
        for place in orders {
            let distance = order(centre.distance(value(*place)).abs());
            *place = if *place == MISSING { MISSING } else { distance };
        }
    }
}

#[inline(always)]
fn order_of<T: Element>(number: T) -> u64 {
    let number = number.widen();
    if number.abs() < f64::INFINITY { order(number + 0.0) } else { MISSING }
}

/// A thread's own memory for searching up to eight columns at once.
pub(crate) struct Selector {
    way: Way,
    found: Vec<Found>,
}

enum Way {
    /// All values lie in the scratch.
    Resident { values: Vec<f64>, picker: Picker },
    /// They are read again for each pass.
    Tiles {
        orders: Vec<u64>,
        searches: Vec<Search>,
        tallies: Vec<Tally>,
    },
}

/// What was found in a column: its known values, and those at the wanted ranks.
struct Found {
    known: usize,
    ranks: Vec<usize>,
    values: Vec<f64>,
}

impl Found {
    fn at(&self, rank: usize) -> f64 {
        let place = self.ranks.partition_point(|&other| other < rank);
        self.values.get(place).copied().unwrap_or(f64::NAN)
    }

    /// The value in the middle, or the two.
    fn middle(&self) -> [f64; 2] {
        middle_ranks(self.known).map(|rank| self.at(rank))
    }
}

/// Some columns of a matrix, at most eight.
#[derive(Clone)]
pub(crate) struct Columns<'a, T> {
    pub(crate) x: Table<'a, T>,
    pub(crate) columns: Range<usize>,
}

impl<T: Element> Columns<'_, T> {
    /// All values, column after column, NaN where one is missing.
    pub(crate) fn read_all(&self, to: &mut [f64]) {
        let part = self.x.of_neighbours(self.columns.clone());
        let eight = |rows: &ArrayView2<'_, T>| rows.ncols() == LANES && rows.nrows() > 0;
        if let Some(rows) = part.with_whole_rows().filter(eight) {
            dispatch!(Level::new(), simd => read_eight(simd, &rows, to));
        } else {
            self.read(0..self.x.nrows(), |value| canonical(value.widen(), f64::NAN), to);
        }
    }

    /// Some rows, column after column, each value as `made` of it.
    fn read<O>(&self, rows: Range<usize>, made: impl Fn(T) -> O, to: &mut [O]) {
        let length = rows.len();
        let part = self.x.of_neighbours(self.columns.clone()).of_rows(rows);
        if let Some(part) = part.with_whole_rows().filter(|part| part.ncols() > 1) {
            for (row, values) in part.rows().into_iter().enumerate() {
                let Some(values) = values.to_slice() else { continue };
                for (column, &value) in values.iter().enumerate() {
                    to[column * length + row] = made(value);
                }
            }
            return;
        }
        for (column, to) in part.columns().zip(to.chunks_exact_mut(length)) {
            match column.to_slice() {
                Some(values) => {
                    for (value, to) in values.iter().zip(to) {
                        *to = made(*value);
                    }
                }
                None => {
                    for (value, to) in column.iter().zip(to) {
                        *to = made(*value);
                    }
                }
            }
        }
    }
}

/// The values of eight columns whose rows are whole.
#[inline(always)]
fn read_eight<S: Simd, T: Element>(simd: S, x: &ArrayView2<'_, T>, to: &mut [f64]) {
    let length = x.nrows();
    let whole = length - length % LANES;
    let missing = V::<S>::splat(simd, f64::NAN);
    for start in (0..whole).step_by(LANES) {
        let mut rows = [missing; LANES];
        for (row, lanes) in (start..).zip(&mut rows) {
            if let Some(values) = x.row(row).to_slice().and_then(<[T]>::first_chunk::<LANES>) {
                let values = loaded(simd, &values.map(T::widen));
                *lanes = values.abs().simd_lt(f64::INFINITY).select(values + 0.0, missing);
            }
        }
        for (values, to) in transposed(rows).into_iter().zip(to.chunks_exact_mut(length)) {
            values.store_slice(&mut to[start..start + LANES]);
        }
    }
    for (column, to) in x.columns().into_iter().zip(to.chunks_exact_mut(length)) {
        for (value, to) in column.iter().zip(to).skip(whole) {
            *to = canonical(value.widen(), f64::NAN);
        }
    }
}

/// Columns of so many rows that are searched at once: eight, or as many as fit the scratch where one does.
pub(crate) fn columns_at_once(rows: usize) -> usize {
    if rows <= RESIDENT { (RESIDENT / rows.max(1)).clamp(1, LANES) } else { LANES }
}

impl Selector {
    /// Memory to search columns of `rows` rows for at most `ranks` ranks of each.
    pub(crate) fn new(rows: usize, ranks: usize) -> Result<Self> {
        let columns = columns_at_once(rows);
        let way = if rows <= RESIDENT {
            Way::Resident {
                values: reserve(rows * columns, 0.0, "a tile of values")?,
                picker: Picker::new(rows, ranks)?,
            }
        } else {
            Way::Tiles {
                orders: reserve(TILE_ROWS * columns, 0, "a tile of values")?,
                searches: (0..LANES).map(|_| Search::new(ranks)).gathered_ok("ranks")?,
                tallies: (0..LANES).map(|_| Tally::new(ranks)).gathered_ok("ranks")?,
            }
        };
        let found = || {
            Ok(Found {
                known: 0,
                ranks: reserved(ranks, "ranks")?,
                values: reserved(ranks, "ranks")?,
            })
        };
        Ok(Self {
            way,
            found: (0..LANES).map(|_| found()).gathered_ok("ranks")?,
        })
    }

    /// The centre of each column, [`Centre::NONE`] where it has no value or `skip` says of its known values that it is not
    /// wanted.
    pub(crate) fn centres<T: Element>(
        &mut self,
        of: &Columns<'_, T>,
        skip: impl Fn(usize) -> bool,
        stop: &Stop,
    ) -> [Centre; LANES] {
        self.search(
            of,
            [Measure::Value; LANES],
            &|known, ranks| ranks.extend(middles(known).filter(|_| !skip(known))),
            stop,
        );
        let mut centres = [Centre::NONE; LANES];
        for (found, centre) in self.found[..of.columns.len()].iter().zip(&mut centres) {
            if !found.ranks.is_empty() {
                let [low, high] = found.middle();
                *centre = Centre::between(low, high);
            }
        }
        centres
    }

    /// The median distance of each column's values from its centre, right after [`Self::centres`] of the same columns.
    pub(crate) fn deviations<T: Element>(
        &mut self,
        of: &Columns<'_, T>,
        centres: &[Centre; LANES],
        stop: &Stop,
    ) -> [f64; LANES] {
        let measures = centres.map(Measure::Distance);
        self.search(of, measures, &|known, ranks| ranks.extend(middles(known)), stop);
        let mut deviations = [f64::NAN; LANES];
        for (found, deviation) in self.found[..of.columns.len()].iter().zip(&mut deviations) {
            if found.known > 0 {
                let [low, high] = found.middle();
                *deviation = middle(low, high);
            }
        }
        deviations
    }

    /// Whatever ranks of each column's known values `wanted` lists, for `use_them` to ask: column, known values, and the
    /// value of a rank.
    pub(crate) fn ranks<T: Element>(
        &mut self,
        of: &Columns<'_, T>,
        wanted: impl Fn(usize, &mut Vec<usize>),
        stop: &Stop,
        mut use_them: impl FnMut(usize, usize, &dyn Fn(usize) -> f64),
    ) {
        self.search(of, [Measure::Value; LANES], &wanted, stop);
        for (column, found) in self.found[..of.columns.len()].iter().enumerate() {
            use_them(column, found.known, &|rank| found.at(rank));
        }
    }

    fn search<T: Element>(
        &mut self,
        of: &Columns<'_, T>,
        measures: [Measure; LANES],
        wanted: &impl Fn(usize, &mut Vec<usize>),
        stop: &Stop,
    ) {
        let rows = of.x.nrows();
        let all_found = &mut self.found[..of.columns.len()];
        for found in &mut *all_found {
            found.known = 0;
            found.ranks.clear();
            found.values.clear();
        }
        if rows == 0 {
            return;
        }
        match &mut self.way {
            Way::Resident { values, picker } => {
                // The values are still there where their distances are asked for.
                if measures.iter().all(|measure| matches!(measure, Measure::Value)) {
                    of.read_all(values);
                }
                for ((found, measure), values) in all_found.iter_mut().zip(measures).zip(values.chunks_exact_mut(rows))
                {
                    if stop.requested() {
                        return;
                    }
                    measure.of_values(values);
                    found.known = values.iter().map(|value| usize::from(!value.is_nan())).sum();
                    if found.known > 0 {
                        wanted(found.known, &mut found.ranks);
                        found.ranks.sort_unstable();
                        found.ranks.dedup();
                        found.values.resize(found.ranks.len(), f64::NAN);
                        picker.pick(values, found.known, &found.ranks, &mut found.values);
                    }
                }
            }
            Way::Tiles {
                orders,
                searches,
                tallies,
            } => {
                let searches = &mut searches[..of.columns.len()];
                search_tiles(of, (orders, searches, tallies), measures, wanted, stop);
                for (search, found) in searches.iter().zip(all_found) {
                    found.known = search.known;
                    found.ranks.extend(&search.ranks);
                    found.values.extend(search.ranks.iter().map(|&rank| search.at(rank)));
                }
            }
        }
    }
}

/// Passes over columns that are too long to be kept, a tile after the other.
fn search_tiles<T: Element>(
    of: &Columns<'_, T>,
    (orders, searches, tallies): (&mut [u64], &mut [Search], &mut [Tally]),
    measures: [Measure; LANES],
    wanted: &impl Fn(usize, &mut Vec<usize>),
    stop: &Stop,
) {
    let rows = of.x.nrows();
    for search in &mut *searches {
        search.start();
    }
    let mut more = true;
    while more {
        for start in (0..rows).step_by(TILE_ROWS) {
            if stop.requested() {
                return;
            }
            let tile = start..(start + TILE_ROWS).min(rows);
            let length = tile.len();
            of.read(tile, order_of, orders);
            for (((search, tally), measure), orders) in
                searches.iter_mut().zip(&mut *tallies).zip(measures).zip(orders.chunks_exact_mut(length))
            {
                measure.apply(orders);
                search.take(tally, orders);
            }
        }
        more = false;
        for (search, tally) in searches.iter_mut().zip(&mut *tallies) {
            more |= search.conclude(tally, wanted);
        }
    }
}

fn middle_ranks(known: usize) -> [usize; 2] {
    [known.saturating_sub(1) / 2, known / 2]
}

fn middles(known: usize) -> impl Iterator<Item = usize> {
    middle_ranks(known).into_iter().take(if known == 0 { 0 } else { 2 })
}
