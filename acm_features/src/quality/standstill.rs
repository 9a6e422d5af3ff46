//! Rows in which the machine stands still.

use acm_linalg::lanes::{Element, LANES};
use acm_linalg::memory::{copied, reserve};
use acm_linalg::parallel::{self, Watch};
use acm_linalg::{Result, Table};

use super::{STOP_ROWS, reading};

/// Rows of eight columns that are read at once, so that each line of memory is read once.
const TILE_ROWS: usize = 1 << 10;

/// Rows about one in which machines are asked whether they rest.
const AROUND: usize = 2;

const COST_NS: f64 = 4.0;

/// Fewest sensors that move, for a standstill to be told from stuck ones.
const LEAST_MOVERS: usize = 3;

/// How a sensor's readings change from one to the next.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Moves {
    /// Readings right after a change, but the first two.
    after_change: usize,
    /// Those of them that are changes too.
    both: usize,
    last: Option<f64>,
    moved: bool,
}

impl Moves {
    /// Takes the next reading; whether it is the one before.
    #[inline(always)]
    pub(super) fn take(&mut self, value: f64) -> bool {
        let Some(last) = self.last.replace(value) else {
            return false;
        };
        let moves = value != last;
        if self.moved {
            self.after_change += 1;
            self.both += usize::from(moves);
        }
        self.moved = moves;
        !moves
    }

    /// How often it moves on once it has moved; 0 of states and set points, near 1 of what is measured.
    pub(super) fn on(&self) -> f64 {
        self.both as f64 / self.after_change.max(1) as f64
    }

    /// Whether it moves where the machine does.
    fn is_mover(&self) -> bool {
        self.after_change >= 10 && self.on() >= 0.5
    }
}

/// Marks the readings of each column that repeat the latest one: a bit for each of eight columns, byte after byte of the
/// rows.
pub(super) fn mark<T: Element>(x: &Table<'_, T>, marks: &mut [u8], moves: &mut [Moves]) -> Result<()> {
    let rows = x.nrows();
    if x.is_empty() {
        return Ok(());
    }
    let jobs = marks.chunks_mut(rows).zip(moves.chunks_mut(LANES)).enumerate();
    parallel::run(
        jobs,
        COST_NS * x.len() as f64,
        || Ok(()),
        |(), (group, (marks, moves)), stop| {
            for start in (0..rows).step_by(TILE_ROWS) {
                if stop.requested() {
                    return;
                }
                let tile = start..(start + TILE_ROWS).min(rows);
                let part = x.of_rows(tile.clone());
                for (lane, moves) in moves.iter_mut().enumerate() {
                    for (value, mark) in part.column(group * LANES + lane).iter().zip(&mut marks[tile.clone()]) {
                        let value = reading(*value);
                        if !value.is_nan() {
                            *mark |= u8::from(moves.take(value)) << lane;
                        }
                    }
                }
            }
        },
    )
}

/// A byte for each eight columns, with a bit for each that `is` says so of.
pub(super) fn bits(columns: usize, is: impl Fn(usize) -> bool) -> Result<Vec<u8>> {
    let mut bits = reserve(columns.div_ceil(LANES), 0, "marks of the columns")?;
    for column in (0..columns).filter(|&column| is(column)) {
        bits[column / LANES] |= 1 << (column % LANES);
    }
    Ok(bits)
}

/// How many of the columns among `of` are marked in each row.
pub(super) fn counts(marks: &[u8], rows: usize, of: &[u8]) -> Result<Vec<u32>> {
    let mut counts = reserve(rows, 0, "a count a row")?;
    let jobs = counts.chunks_mut(STOP_ROWS).enumerate();
    parallel::run(
        jobs,
        marks.len() as f64,
        || Ok(()),
        |(), (chunk, counts), _stop| {
            for (group, of) in of.iter().enumerate() {
                let marks = &marks[group * rows + chunk * STOP_ROWS..][..counts.len()];
                for (count, mark) in counts.iter_mut().zip(marks) {
                    *count += (mark & of).count_ones();
                }
            }
        },
    )?;
    Ok(counts)
}

/// The rows in which the machine stands still, and the number of rows in which every sensor repeats.
///
/// Of the sensors that move at all, at least half, and three, repeat exactly in such a row, or over it and two rows on
/// each side more than two and at least a quarter do; and clearly more than usual, for sensors whose steps are coarse
/// repeat by chance.
pub(super) fn rows(marks: &[u8], rows: usize, moves: &[Moves]) -> Result<(Vec<bool>, usize)> {
    let mut still = reserve(rows, false, "a mark a row")?;
    let everyone = counts(marks, rows, &bits(moves.len(), |_| true)?)?;
    let repeated = everyone.iter().filter(|&&count| count as usize == moves.len()).count();
    drop(everyone);
    let movers = moves.iter().filter(|moves| moves.is_mover()).count();
    if movers < LEAST_MOVERS {
        return Ok((still, repeated));
    }
    let counts = counts(marks, rows, &bits(moves.len(), |column| moves[column].is_mover())?)?;
    let usual = usual(&counts, movers)?;
    let mut watch = Watch::start();
    for (row, still) in still.iter_mut().enumerate() {
        watch.after(1)?;
        let around = &counts[row.saturating_sub(AROUND)..(row + AROUND + 1).min(rows)];
        let (here, sum) = (counts[row] as usize, around.iter().map(|&count| count as usize).sum::<usize>());
        let half = here >= LEAST_MOVERS && 2 * here >= movers && 3 * here >= movers + 3 * usual;
        let lasting = sum > 2 * around.len()
            && 4 * sum >= around.len() * movers
            && 5 * sum >= around.len() * (movers + 5 * usual)
            && here > usual;
        *still = half || lasting;
    }
    Ok((still, repeated))
}

/// How many sensors repeat in a row where the machine moves: the count that a fifth of the rows do not exceed, unless the
/// machine hardly ever moves.
fn usual(counts: &[u32], movers: usize) -> Result<usize> {
    let mut sorted = copied(counts, "a count a row")?;
    let place = sorted.len() / 5;
    if sorted.is_empty() {
        return Ok(0);
    }
    let usual = *sorted.select_nth_unstable(place).1 as usize;
    Ok(if 2 * usual >= movers { 0 } else { usual })
}
