//! Centres, deviations and ranks of up to eight columns at a time.

use std::ops::Range;

use acm_linalg::columns::reserve;
use acm_linalg::lanes::{Element, LANES};
use acm_linalg::memory::Gather;
use acm_linalg::parallel::Stop;
use acm_linalg::{Result, Table};

use super::search::{MISSING, Search, Tally};
use crate::ordering::{order, value};
use crate::rolling::middle;

/// Values that are kept in the scratch, where a column has no more.
const RESIDENT: usize = 1 << 18;

/// Rows of longer columns that are read at once.
const TILE_ROWS: usize = 1 << 9;

/// Estimated time for a value on one thread, a search for the median of a column in memory order.
pub(crate) const COST_NS: f64 = 6.0;

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
    orders: Vec<u64>,
    searches: Vec<Search>,
    tallies: Vec<Tally>,
}

/// Some columns of a matrix, at most eight.
#[derive(Clone)]
pub(crate) struct Columns<'a, T> {
    pub(crate) x: Table<'a, T>,
    pub(crate) columns: Range<usize>,
}

impl<T: Element> Columns<'_, T> {
    /// Orders of some rows, column after column.
    fn read(&self, rows: Range<usize>, orders: &mut [u64]) {
        let length = rows.len();
        let part = self.x.of_neighbours(self.columns.clone()).of_rows(rows);
        if let Some(part) = part.with_whole_rows().filter(|part| part.ncols() > 1) {
            for (row, values) in part.rows().into_iter().enumerate() {
                let Some(values) = values.to_slice() else { continue };
                for (column, &value) in values.iter().enumerate() {
                    orders[column * length + row] = order_of(value);
                }
            }
            return;
        }
        for (column, orders) in part.columns().zip(orders.chunks_exact_mut(length)) {
            match column.to_slice() {
                Some(values) => {
                    for (value, order) in values.iter().zip(orders) {
                        *order = order_of(*value);
                    }
                }
                None => {
                    for (value, order) in column.iter().zip(orders) {
                        *order = order_of(*value);
                    }
                }
            }
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
        let (length, tallies) = if rows <= RESIDENT { (rows, 1) } else { (TILE_ROWS, LANES) };
        let columns = columns_at_once(rows);
        Ok(Self {
            orders: reserve(length * columns, 0, "a tile of values")?,
            searches: (0..LANES).map(|_| Search::new(ranks)).gathered_ok("ranks")?,
            tallies: (0..tallies).map(|_| Tally::new(ranks)).gathered_ok("ranks")?,
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
        for (search, centre) in self.searches[..of.columns.len()].iter().zip(&mut centres) {
            if !search.ranks.is_empty() {
                let [low, high] = middle_ranks(search.known).map(|rank| search.at(rank));
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
        for (search, deviation) in self.searches[..of.columns.len()].iter().zip(&mut deviations) {
            if search.known > 0 {
                let [low, high] = middle_ranks(search.known).map(|rank| search.at(rank));
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
        for (column, search) in self.searches[..of.columns.len()].iter().enumerate() {
            use_them(column, search.known, &|rank| search.at(rank));
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
        let searches = &mut self.searches[..of.columns.len()];
        for search in &mut *searches {
            search.start();
        }
        if rows == 0 {
            return;
        }
        if let [tally] = &mut self.tallies[..] {
            // The values are still there where their distances are asked for.
            if measures.iter().all(|measure| matches!(measure, Measure::Value)) {
                of.read(0..rows, &mut self.orders);
            }
            for ((search, measure), orders) in searches.iter_mut().zip(measures).zip(self.orders.chunks_exact_mut(rows))
            {
                measure.apply(orders);
                search.take(tally, orders);
                while search.conclude(tally, wanted) && !stop.requested() {
                    search.take(tally, orders);
                }
            }
            return;
        }
        let mut more = true;
        while more {
            for start in (0..rows).step_by(TILE_ROWS) {
                if stop.requested() {
                    return;
                }
                let tile = start..(start + TILE_ROWS).min(rows);
                let length = tile.len();
                of.read(tile, &mut self.orders);
                for (((search, tally), measure), orders) in searches
                    .iter_mut()
                    .zip(&mut self.tallies)
                    .zip(measures)
                    .zip(self.orders.chunks_exact_mut(length))
                {
                    measure.apply(orders);
                    search.take(tally, orders);
                }
            }
            more = false;
            for (search, tally) in searches.iter_mut().zip(&mut self.tallies) {
                more |= search.conclude(tally, wanted);
            }
        }
    }
}

fn middle_ranks(known: usize) -> [usize; 2] {
    [known.saturating_sub(1) / 2, known / 2]
}

fn middles(known: usize) -> impl Iterator<Item = usize> {
    middle_ranks(known).into_iter().take(if known == 0 { 0 } else { 2 })
}
