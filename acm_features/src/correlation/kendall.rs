//! Kendall's tau-b in O(n log n) a pair (Knight 1966, doi 10.1080/01621459.1966.10480879).

use acm_linalg::columns::reserve;
use acm_linalg::lanes::Element;
use acm_linalg::parallel::Stop;
use acm_linalg::{Result, Table};
use ndarray::ArrayViewMut2;

use super::ranks::{Ranked, both, each_pair, has, pause, require_rows};

/// No rank.
const NONE: u32 = u32::MAX;

/// Ranks that are put in order by comparing each with each before runs are merged.
const RUN: usize = 8;

/// Estimated time for a row of a pair and a level of its merges, in nanoseconds.
const COST_NS: f64 = 1.5;

pub(super) fn correlation<T: Element>(
    x: Table<'_, T>,
    min_periods: usize,
    mut out: ArrayViewMut2<'_, T>,
) -> Result<()> {
    let rows = x.nrows();
    require_rows(rows)?;
    let columns = Ranked::all(&x)?;
    for (number, column) in columns.iter().enumerate() {
        let defined = column.known() >= min_periods.max(1);
        out[[number, number]] = T::narrow(if defined { 1.0 } else { f64::NAN });
    }
    let needed = min_periods.max(2);
    let what = "a pair's ranks";
    let scratch = || {
        Ok(PairOrder {
            both: reserve(rows.div_ceil(64), 0, what)?,
            next: reserve(rows, 0, what)?,
            ranks: reserve(rows, 0, what)?,
            spare: reserve(rows, 0, what)?,
        })
    };
    let levels = f64::from(usize::BITS - rows.leading_zeros());
    each_pair(
        columns.len(),
        COST_NS * levels * rows as f64,
        scratch,
        |order, i, j, stop| order.pair(&columns[i], &columns[j], needed, stop),
        |i, j, value| {
            out[[i, j]] = T::narrow(value);
            out[[j, i]] = T::narrow(value);
        },
    )
}

/// The order of a pair's common rows by the left column, then by the right one.
struct PairOrder {
    both: Vec<u64>,
    /// By the place of a value of the left column: where the next of its rows goes.
    next: Vec<u32>,
    /// Ranks of the right column in the order of the left one.
    ranks: Vec<u32>,
    spare: Vec<u32>,
}

impl PairOrder {
    fn pair(&mut self, a: &Ranked, b: &Ranked, needed: usize, stop: &Stop) -> f64 {
        let count = both(a, b, &mut self.both);
        if count < needed {
            return f64::NAN;
        }
        let ties_b = self.spread(a, b, stop);
        let (ties_a, ties_both) = self.close_up(a, stop);
        let discordant = inversions(&mut self.ranks[..count], &mut self.spare[..count], stop);
        if stop.requested() {
            return f64::NAN;
        }
        let count = count as u64;
        let pairs = count * (count - 1) / 2;
        let (untied_a, untied_b) = (pairs - ties_a, pairs - ties_b);
        if untied_a == 0 || untied_b == 0 {
            return f64::NAN;
        }
        // Pairs tied in both columns have been taken off twice.
        let ordered = (pairs + ties_both - ties_a - ties_b).cast_signed();
        let excess = ordered - 2 * discordant.cast_signed();
        (excess as f64 / ((untied_a as f64).sqrt() * (untied_b as f64).sqrt())).clamp(-1.0, 1.0)
    }

    /// Deals the right column's ranks, rising, to the left column's values: sorted by both with no comparison. The number
    /// of pairs tied in the right column.
    #[expect(clippy::cast_possible_truncation, reason = "places have 31 bits")]
    fn spread(&mut self, a: &Ranked, b: &Ranked, stop: &Stop) -> u64 {
        let places = &mut self.ranks[..a.known()];
        places.fill(NONE);
        for (place, next) in self.next[..a.known()].iter_mut().enumerate() {
            *next = place as u32;
        }
        let (mut ties, mut same) = (0, 0);
        for (place, &row) in b.order.iter().enumerate() {
            if pause(place, stop) {
                break;
            }
            let rank = b.place[row as usize];
            if rank as usize == place {
                same = 0;
            }
            if has(&self.both, row) == 1 {
                let next = &mut self.next[a.place[row as usize] as usize];
                places[*next as usize] = rank;
                *next += 1;
                ties += same;
                same += 1;
            }
        }
        ties
    }

    /// Takes out the places of rows that the pair lacks; the pairs tied in the left column, and those tied in both.
    fn close_up(&mut self, a: &Ranked, stop: &Stop) -> (u64, u64) {
        let (mut ties, mut ties_both) = (0, 0);
        let (mut same, mut same_both, mut last) = (0, 0, NONE);
        let mut kept = 0;
        for (place, &row) in a.order.iter().enumerate() {
            if pause(place, stop) {
                break;
            }
            if a.place[row as usize] as usize == place {
                (same, last) = (0, NONE);
            }
            let rank = self.ranks[place];
            if rank == NONE {
                continue;
            }
            same_both = if rank == last { same_both + 1 } else { 0 };
            ties += same;
            ties_both += same_both;
            same += 1;
            last = rank;
            self.ranks[kept] = rank;
            kept += 1;
        }
        (ties, ties_both)
    }
}

/// Sorts `ranks` and counts the pairs that stood in falling order.
pub(super) fn inversions(ranks: &mut [u32], spare: &mut [u32], stop: &Stop) -> u64 {
    let mut count = 0;
    for run in ranks.chunks_mut(RUN) {
        for i in 1..run.len() {
            let rank = run[i];
            let mut place = i;
            while place > 0 && run[place - 1] > rank {
                run[place] = run[place - 1];
                place -= 1;
            }
            run[place] = rank;
            count += (i - place) as u64;
        }
    }
    let (mut from, mut to) = (ranks, spare);
    let mut width = RUN;
    while width < from.len() && !stop.requested() {
        for (from, to) in from.chunks(2 * width).zip(to.chunks_mut(2 * width)) {
            let (a, b) = from.split_at(width.min(from.len()));
            count += merge(a, b, to);
        }
        std::mem::swap(&mut from, &mut to);
        width *= 2;
    }
    count
}

/// Merges two sorted runs; the number of pairs of which the first run has the greater.
fn merge(a: &[u32], b: &[u32], to: &mut [u32]) -> u64 {
    let (mut i, mut j, mut count) = (0, 0, 0);
    // The places need no branch on the data: which run is read next is a coin toss.
    while i < a.len() && j < b.len() {
        let (x, y) = (a[i], b[j]);
        let later = y < x;
        to[i + j] = if later { y } else { x };
        count += if later { a.len() - i } else { 0 } as u64;
        i += usize::from(!later);
        j += usize::from(later);
    }
    let done = i + j;
    let rest = if i < a.len() { &a[i..] } else { &b[j..] };
    to[done..done + rest.len()].copy_from_slice(rest);
    count
}
