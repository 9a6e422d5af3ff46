//! Columns in the order of their values: radix sort, the same passes whatever the data.

use acm_linalg::columns::reserve;
use acm_linalg::error::require;
use acm_linalg::lanes::{Element, canonical};
use acm_linalg::memory::reserved;
use acm_linalg::parallel::{self, Stop};
use acm_linalg::{Error, Result, Table};
use ndarray::{Array2, ArrayView1, ShapeBuilder};

use crate::ordering::{ABSENT, order};

/// Least bits of a key hold the row, the rest the value's leading bits, a digit for each pass of the sort.
const ROW_BITS: u32 = 31;
const DIGIT: u32 = 11;
const DIGITS: usize = 1 << DIGIT;
const PASSES: usize = 3;

const _: () = assert!(DIGIT * PASSES as u32 + ROW_BITS == u64::BITS);

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
    keys: Vec<u64>,
    spare: Vec<u64>,
    starts: Vec<[u32; DIGITS]>,
}

impl Sorter {
    fn new(rows: usize) -> Result<Self> {
        Ok(Self {
            orders: reserve(rows, 0, WHAT)?,
            keys: reserve(rows, 0, WHAT)?,
            spare: reserve(rows, 0, WHAT)?,
            starts: reserve(PASSES, [0; DIGITS], WHAT)?,
        })
    }

    /// Sorts a column and hands each run of equal values to `put`: how many values the column has, the place of the run's
    /// first one, and its keys.
    fn sort<T: Element>(&mut self, x: ArrayView1<'_, T>, stop: &Stop, mut put: impl FnMut(usize, usize, &[u64])) {
        let (mut least, mut most) = (u64::MAX, 0);
        for (x, place) in x.iter().zip(&mut self.orders) {
            let order = order(canonical(x.widen(), f64::NAN));
            *place = order;
            if order < ABSENT {
                least = least.min(order);
                most = most.max(order);
            }
        }
        // What the values have in common would only waste digits.
        let used = u64::BITS - most.saturating_sub(least).leading_zeros();
        let shift = (used + ROW_BITS).saturating_sub(u64::BITS);
        for count in &mut self.starts {
            count.fill(0);
        }
        let mut length = 0;
        for (row, &order) in self.orders[..x.len()].iter().enumerate() {
            if order < ABSENT {
                let key = (order - least) >> shift << ROW_BITS | row as u64;
                self.keys[length] = key;
                length += 1;
                for (pass, count) in self.starts.iter_mut().enumerate() {
                    count[digit(key, pass)] += 1;
                }
            }
        }
        let (mut keys, mut spare) = (&mut self.keys[..length], &mut self.spare[..length]);
        for (pass, starts) in self.starts.iter_mut().enumerate() {
            let Some(&first) = keys.first() else { return };
            if stop.requested() {
                return;
            }
            // Where all keys share the digit the pass would change nothing.
            if starts[digit(first, pass)] as usize == length {
                continue;
            }
            let mut sum = 0;
            for start in starts.iter_mut() {
                (*start, sum) = (sum, sum + *start);
            }
            for &key in &*keys {
                let place = &mut starts[digit(key, pass)];
                spare[*place as usize] = key;
                *place += 1;
            }
            std::mem::swap(&mut keys, &mut spare);
        }
        let orders = &self.orders;
        if shift > 0 {
            // Rows whose leading bits agree still lie as they came.
            for same in keys.chunk_by_mut(|a, b| a >> ROW_BITS == b >> ROW_BITS) {
                if same.len() > 1 {
                    same.sort_unstable_by_key(|&key| orders[row_of(key)]);
                }
            }
        }
        let mut place = 0;
        let whole = shift == 0;
        for same in
            keys.chunk_by(|&a, &b| (a ^ b) >> ROW_BITS == 0 && (whole || orders[row_of(a)] == orders[row_of(b)]))
        {
            put(length, place, same);
            place += same.len();
        }
    }
}

#[inline(always)]
fn row_of(key: u64) -> usize {
    (key & ((1 << ROW_BITS) - 1)) as usize
}

#[expect(clippy::cast_possible_truncation, reason = "masked to 11 bits")]
#[inline(always)]
fn digit(key: u64, pass: usize) -> usize {
    (key >> (ROW_BITS + pass as u32 * DIGIT)) as usize % DIGITS
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
    let jobs = x.columns().zip(ranks.columns_mut());
    let scratch = || Sorter::new(rows);
    parallel::run(jobs, cost_ns(rows, columns), scratch, |sorter, (x, mut ranks), stop| {
        sorter.sort(x, stop, |known, place, same| {
            let rank = R::narrow((2 * place + same.len()) as f64 - known as f64);
            for &key in same {
                ranks[row_of(key)] = rank;
            }
        });
    })?;
    Ok(ranks)
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
        sorter.sort(x, stop, |length, place, same| {
            for (offset, &key) in same.iter().enumerate() {
                let row = row_of(key);
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
