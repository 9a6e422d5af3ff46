//! Columns in the order of their values: radix sort, the same passes whatever the data.

use acm_linalg::columns::reserve;
use acm_linalg::error::require;
use acm_linalg::lanes::{Element, LANES, canonical};
use acm_linalg::memory::reserved;
use acm_linalg::parallel::{self, Stop};
use acm_linalg::{Error, Result, Table};
use ndarray::{Array2, ArrayView1, Axis, ShapeBuilder};

use crate::column::{SearchedColumns, columns_at_once};
use crate::ordering::{ABSENT, order};
use crate::radix::{self, Leading};

/// Fewest rows that a key has no room for.
const ROW_BITS: u32 = 31;

/// Doubled ranks of so many rows are whole numbers that a float32 holds.
pub(super) const FLOAT_ROWS: usize = 1 << 23;

const WHAT: &str = "the ranks of the columns";

/// Refuses histories whose rows do not fit into a key.
///
/// # Errors
/// [`Error::Parameter`].
pub(super) fn require_rows(rows: usize) -> Result<()> {
    require(rows >> ROW_BITS == 0, "x", "of fewer than 2147483648 rows for a correlation of ranks", rows)
}

/// A thread's memory to sort a column.
#[derive(Debug)]
struct Sorter {
    orders: Vec<u64>,
    radix: radix::Sorter,
}

impl Sorter {
    fn new(rows: usize) -> Result<Self> {
        Ok(Self {
            orders: reserve(rows, 0, WHAT)?,
            radix: radix::Sorter::new(rows, WHAT)?,
        })
    }

    /// Sorts a column, whose missing values are NaN, and hands each run of equal values to `put`: how many values the column
    /// has, the place of the run's first one, and the run.
    fn sort(&mut self, x: impl ExactSizeIterator<Item = f64>, stop: &Stop, mut put: impl FnMut(usize, usize, Run<'_>)) {
        let (mut least, mut most) = (u64::MAX, 0);
        let orders = &mut self.orders[..x.len()];
        for (x, place) in x.zip(&mut *orders) {
            let order = order(x);
            *place = order;
            if order < ABSENT {
                least = least.min(order);
                most = most.max(order);
            }
        }
        let mut sorted = self.radix.sort(orders, (least, most), || stop.requested());
        let known = sorted.keys.len();
        let mut from = 0;
        while let Some(&first) = sorted.keys.get(from) {
            if pause(from, stop) {
                return;
            }
            let mut to = from + 1;
            while sorted.keys.get(to).is_some_and(|&key| sorted.agree(key, first)) {
                to += 1;
            }
            let differ = to > from + 1 && sorted.settle(from..to, orders);
            let order_of = |key: u64| orders[sorted.row(key)];
            while from < to {
                let mut end = to;
                if differ {
                    let order = order_of(sorted.keys[from]);
                    end = from + sorted.keys[from..to].iter().take_while(|&&key| order_of(key) == order).count();
                }
                let keys = &sorted.keys[from..end];
                put(known, from, Run { keys, of: &sorted });
                from = end;
            }
        }
    }
}

/// Keys of equal values.
struct Run<'a> {
    keys: &'a [u64],
    of: &'a Leading<'a>,
}

impl Run<'_> {
    fn len(&self) -> usize {
        self.keys.len()
    }

    fn rows(&self) -> impl Iterator<Item = usize> {
        self.keys.iter().map(|&key| self.of.row(key))
    }
}

fn cost_ns(rows: usize, columns: usize) -> f64 {
    12.0 * rows as f64 * columns as f64
}

/// The average ranks of each column, doubled and about their mean: whole numbers; NaN where missing.
///
/// # Errors
/// [`Error::Memory`]; [`Error::Interrupted`].
pub(super) fn doubled<T: Element, R: Element>(x: &Table<'_, T>) -> Result<Array2<R>> {
    let (rows, columns) = x.dim();
    let mut ranks = table(rows, columns)?;
    // Neighbours are read together where their rows are whole, if that leaves enough to do for all threads.
    let together = x.with_whole_rows().is_some() && columns >= 2 * LANES * parallel::num_threads();
    let each = if together { columns_at_once(rows) } else { 1 };
    let jobs = (0..columns).step_by(each).zip(ranks.axis_chunks_iter_mut(Axis(1), each));
    let scratch = || Ok((Sorter::new(rows)?, reserve(if each > 1 { rows * each } else { 0 }, 0.0, WHAT)?));
    parallel::run(jobs, cost_ns(rows, columns), scratch, |(sorter, values), (first, mut ranks), stop| {
        if each > 1 {
            let columns = first..first + ranks.ncols();
            SearchedColumns { x: *x, columns }.read_all(values);
        }
        for (number, mut ranks) in ranks.columns_mut().into_iter().enumerate() {
            let put = |known: usize, place: usize, run: Run<'_>| {
                let rank = R::narrow((2 * place + run.len()) as f64 - known as f64);
                for row in run.rows() {
                    ranks[row] = rank;
                }
            };
            if each > 1 {
                sorter.sort(values[number * rows..][..rows].iter().copied(), stop, put);
            } else {
                sorter.sort(known_of(x.column(first)), stop, put);
            }
        }
    })?;
    Ok(ranks)
}

/// The values of a column, NaN where one is missing.
fn known_of<T: Element>(x: ArrayView1<'_, T>) -> impl ExactSizeIterator<Item = f64> {
    x.into_iter().map(|x| canonical(x.widen(), f64::NAN))
}

/// A table of missing values, its columns contiguous.
fn table<R: Element>(rows: usize, columns: usize) -> Result<Array2<R>> {
    let too_large = Error::Memory {
        what: WHAT,
        rows,
        columns,
    };
    let Some(length) = rows.checked_mul(columns) else {
        return Err(too_large);
    };
    let memory = reserve(length, R::narrow(f64::NAN), WHAT)?;
    Array2::from_shape_vec((rows, columns).f(), memory).map_err(|_| too_large)
}

/// A column in the order of its values.
#[derive(Debug)]
pub(super) struct Ranked {
    /// The rows that have a value, by rising value.
    pub(super) order: Vec<u32>,
    /// By row that has a value: the place in `order` of the first row with the same one.
    pub(super) place: Vec<u32>,
    /// A bit for each row: whether it has a value.
    pub(super) here: Vec<u64>,
    /// Whether a value occurs twice.
    pub(super) ties: bool,
}

impl Ranked {
    /// Sorts each column.
    ///
    /// # Errors
    /// [`Error::Memory`]; [`Error::Interrupted`].
    pub(super) fn all<T: Element>(x: &Table<'_, T>) -> Result<Vec<Self>> {
        let (rows, columns) = x.dim();
        let mut all = reserved(columns, WHAT)?;
        for _ in 0..columns {
            all.push(Self {
                order: reserve(rows, 0, WHAT)?,
                place: reserve(rows, 0, WHAT)?,
                here: reserve(rows.div_ceil(64), 0, WHAT)?,
                ties: false,
            });
        }
        let jobs = x.columns().zip(&mut all);
        let scratch = || Sorter::new(rows);
        parallel::run(jobs, cost_ns(rows, columns), scratch, |sorter, (x, ranked), stop| ranked.fill(sorter, x, stop))?;
        Ok(all)
    }

    #[expect(clippy::cast_possible_truncation, reason = "rows and places have 31 bits")]
    fn fill<T: Element>(&mut self, sorter: &mut Sorter, x: ArrayView1<'_, T>, stop: &Stop) {
        let mut known = 0;
        sorter.sort(known_of(x), stop, |length, place, same| {
            for (offset, row) in same.rows().enumerate() {
                self.order[place + offset] = row as u32;
                self.place[row] = place as u32;
                self.here[row / 64] |= 1 << (row % 64);
            }
            self.ties |= same.len() > 1;
            known = length;
        });
        self.order.truncate(known);
    }

    /// Rows that have a value.
    pub(super) fn known(&self) -> usize {
        self.order.len()
    }

    /// Whether no two values differ.
    pub(super) fn constant(&self) -> bool {
        self.order.last().is_none_or(|&row| self.place[row as usize] == 0)
    }
}

/// A bit for each row of each column: whether it has a value.
///
/// # Errors
/// [`Error::Memory`]; [`Error::Interrupted`].
pub(super) fn masks<T: Element>(x: &Table<'_, T>) -> Result<Vec<Vec<u64>>> {
    let (rows, columns) = x.dim();
    let mut masks = reserve(columns, Vec::new(), WHAT)?;
    for mask in &mut masks {
        *mask = reserve(rows.div_ceil(64), 0_u64, WHAT)?;
    }
    let jobs = x.columns().zip(&mut masks);
    parallel::run(
        jobs,
        x.len() as f64,
        || Ok(()),
        |(), (x, mask), stop| {
            for (row, x) in x.iter().enumerate() {
                if pause(row, stop) {
                    return;
                }
                mask[row / 64] |= u64::from(x.widen().is_finite()) << (row % 64);
            }
        },
    )?;
    Ok(masks)
}

/// Whether to stop, looked at now and then.
#[inline(always)]
pub(super) fn pause(row: usize, stop: &Stop) -> bool {
    row.is_multiple_of(1 << 16) && stop.requested()
}

/// The rows that both columns have, and their number.
pub(super) fn both(a: &Ranked, b: &Ranked, rows: &mut [u64]) -> usize {
    let mut count = 0;
    for ((a, b), both) in a.here.iter().zip(&b.here).zip(rows) {
        *both = a & b;
        count += both.count_ones() as usize;
    }
    count
}

/// 1 where the row is among `rows`, else 0.
#[inline(always)]
pub(super) fn has(rows: &[u64], row: u32) -> u64 {
    rows[row as usize / 64] >> (row % 64) & 1
}

/// What `work` says of each pair (i, j) of columns with i < j; pairs of a column come one after the other.
///
/// # Errors
/// [`Error::Memory`]; [`Error::Interrupted`].
pub(super) fn each_pair<C>(
    columns: usize,
    cost_ns: f64,
    scratch: impl Fn() -> Result<C> + Sync,
    work: impl Fn(&mut C, usize, usize, &Stop) -> f64 + Sync,
    mut put: impl FnMut(usize, usize, f64),
) -> Result<()> {
    let pairs = columns * columns.saturating_sub(1) / 2;
    let mut found = reserve(pairs, f64::NAN, "the correlations of the pairs")?;
    let mut jobs = reserved(columns, "the correlations of the pairs")?;
    let mut rest = &mut found[..];
    for i in 0..columns {
        let (here, others) = rest.split_at_mut(columns - 1 - i);
        rest = others;
        jobs.push((i, here));
    }
    parallel::run(jobs, cost_ns * pairs as f64, scratch, |scratch, (i, found), stop| {
        for (offset, found) in found.iter_mut().enumerate() {
            if stop.requested() {
                return;
            }
            *found = work(scratch, i, i + 1 + offset, stop);
        }
    })?;
    let mut found = found.into_iter();
    for i in 0..columns {
        for (j, value) in (i + 1..columns).zip(&mut found) {
            put(i, j, value);
        }
    }
    Ok(())
}
