//! Spearman's rank correlation: Pearson's of the average ranks (Spearman 1904, doi 10.2307/1412159).
//!
//! Ranks are doubled and taken about their mean: whole numbers, so that sums of their products are exact.

use acm_linalg::columns::reserve;
use acm_linalg::lanes::Element;
use acm_linalg::memory::Gather;
use acm_linalg::parallel::Stop;
use acm_linalg::{Result, Table};
use ndarray::ArrayViewMut2;

use super::moments::Wanted;
use super::pearson::prepare;
use super::ranks::{FLOAT_ROWS, Ranked, both, doubled, each_pair, has, masks, require_rows};
use super::scan::has_gaps;
use super::shared;

/// Rows up to which sums of products of doubled ranks fit into 64 bits.
const SMALL: usize = 1 << 20;

/// Estimated time for a row of a pair, in nanoseconds.
const COST_NS: f64 = 4.0;

pub(super) fn correlation<T: Element>(x: Table<'_, T>, min_periods: usize, out: ArrayViewMut2<'_, T>) -> Result<()> {
    require_rows(x.nrows())?;
    if has_gaps(&x)? {
        with_gaps(x, min_periods, out, shared::ROWS)
    } else {
        from_own_ranks(x, min_periods, out)
    }
}

/// Every column's ranks over all its own rows.
fn from_own_ranks<T: Element>(x: Table<'_, T>, min_periods: usize, out: ArrayViewMut2<'_, T>) -> Result<()> {
    if x.nrows() <= FLOAT_ROWS {
        prepare(doubled::<T, f32>(&x)?.view().into())?.all(Wanted::Correlation, min_periods, out)
    } else {
        prepare(doubled::<T, f64>(&x)?.view().into())?.all(Wanted::Correlation, min_periods, out)
    }
}

/// Pairs of columns with the same gaps keep the columns' own ranks; the others are ranked over the rows that both have, many
/// pairs at once where there are `few` rows or less.
pub(super) fn with_gaps<T: Element>(
    x: Table<'_, T>,
    min_periods: usize,
    mut out: ArrayViewMut2<'_, T>,
    few: usize,
) -> Result<()> {
    let rows = x.nrows();
    let masks = masks(&x)?;
    let mut kind_of = reserve(masks.len(), 0, "the kinds of gaps")?;
    let mut alike = (0..masks.len()).gathered("the kinds of gaps")?;
    alike.sort_unstable_by_key(|&column| (&masks[column], column));
    let mut kinds = 0;
    for same in alike.chunk_by(|&a, &b| masks[a] == masks[b]) {
        same.iter().for_each(|&column| kind_of[column] = kinds);
        kinds += 1;
    }
    drop(masks);
    if kinds == 1 || kinds < kind_of.len() {
        from_own_ranks(x, min_periods, out.view_mut())?;
    }
    if kinds == 1 {
        return Ok(());
    }
    let columns = Ranked::all(&x)?;
    let needed = min_periods.max(2);
    for (number, column) in columns.iter().enumerate() {
        let defined = column.known() >= needed && !column.constant();
        out[[number, number]] = T::narrow(if defined { 1.0 } else { f64::NAN });
    }
    if rows <= few {
        let asked = |i: usize, j: usize| kind_of[i] != kind_of[j];
        return shared::each(&columns, rows, needed, asked, |i, j, value| {
            out[[i, j]] = T::narrow(value);
            out[[j, i]] = T::narrow(value);
        });
    }
    let what = "a pair's ranks";
    let scratch = || {
        Ok(PairRanks {
            both: reserve(rows.div_ceil(64), 0, what)?,
            ranks: reserve(rows, 0, what)?,
            own: None,
            spread: 0,
        })
    };
    let work = |common: &mut PairRanks, i: usize, j: usize, stop: &Stop| {
        if kind_of[i] == kind_of[j] {
            f64::NAN
        } else {
            common.pair(&columns, (i, j), needed, stop)
        }
    };
    each_pair(columns.len(), COST_NS * rows as f64, scratch, work, |i, j, value| {
        if kind_of[i] != kind_of[j] {
            out[[i, j]] = T::narrow(value);
            out[[j, i]] = T::narrow(value);
        }
    })
}

/// The ranks of a left column over the rows that it shares with a right one.
struct PairRanks {
    both: Vec<u64>,
    /// The left column's doubled ranks about their mean, by row.
    ranks: Vec<i32>,
    /// The column whose ranks over all its rows they are, if they are that.
    own: Option<usize>,
    /// Their sum of squares.
    spread: i128,
}

impl PairRanks {
    fn pair(&mut self, columns: &[Ranked], (i, j): (usize, usize), needed: usize, stop: &Stop) -> f64 {
        let (a, b) = (&columns[i], &columns[j]);
        let count = both(a, b, &mut self.both);
        if count < needed {
            return f64::NAN;
        }
        let whole = count == a.known();
        if !whole || self.own != Some(i) {
            let mut ranks = &mut self.ranks[..];
            self.spread = walk(a, &self.both, count, &mut ranks, stop);
            self.own = whole.then_some(i);
        }
        let (other, product) = if count <= SMALL {
            let mut sum = Products {
                ranks: &self.ranks,
                sum: 0_i64,
            };
            (walk(b, &self.both, count, &mut sum, stop), i128::from(sum.sum))
        } else {
            let mut sum = Products {
                ranks: &self.ranks,
                sum: 0_i128,
            };
            (walk(b, &self.both, count, &mut sum, stop), sum.sum)
        };
        if self.spread == 0 || other == 0 {
            return f64::NAN;
        }
        (product as f64 / ((self.spread as f64).sqrt() * (other as f64).sqrt())).clamp(-1.0, 1.0)
    }
}

/// What is done with the ranks of a column as they are found.
trait Take {
    /// The doubled rank about the mean of a row, 0 where the pair lacks the row.
    fn take(&mut self, row: u32, rank: i32);
}

impl Take for &mut [i32] {
    #[inline(always)]
    fn take(&mut self, row: u32, rank: i32) {
        self[row as usize] = rank;
    }
}

/// The sum of products with the ranks of the other column.
struct Products<'a, N> {
    ranks: &'a [i32],
    sum: N,
}

impl Take for Products<'_, i64> {
    #[inline(always)]
    fn take(&mut self, row: u32, rank: i32) {
        self.sum += i64::from(rank) * i64::from(self.ranks[row as usize]);
    }
}

impl Take for Products<'_, i128> {
    #[inline(always)]
    fn take(&mut self, row: u32, rank: i32) {
        self.sum += i128::from(i64::from(rank) * i64::from(self.ranks[row as usize]));
    }
}

/// Ranks the rows `both`, `count` of them, by walking the column's order; the sum of squares of the ranks.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    reason = "rows have 31 bits"
)]
#[inline(always)]
fn walk(column: &Ranked, both: &[u64], count: usize, to: &mut impl Take, stop: &Stop) -> i128 {
    let cube = |count: usize| {
        let count = count as i128;
        count * (count * count - 1) / 3
    };
    // Twice the rank, counted from 1, less the sum of the first and the last rank.
    let mut rank = 1 - count as i64;
    if !column.ties {
        for rows in column.order.chunks(1 << 16) {
            if stop.requested() {
                break;
            }
            for &row in rows {
                let here = has(both, row);
                to.take(row, (rank * here as i64) as i32);
                rank += 2 * here as i64;
            }
        }
        return cube(count);
    }
    let mut spread = cube(count);
    for same in column.order.chunk_by(|&a, &b| column.place[a as usize] == column.place[b as usize]) {
        if stop.requested() {
            break;
        }
        let here: usize = same.iter().map(|&row| has(both, row) as usize).sum();
        let middle = rank + here as i64 - 1;
        for &row in same {
            to.take(row, (middle * has(both, row) as i64) as i32);
        }
        rank += 2 * here as i64;
        spread -= cube(here);
    }
    spread
}
