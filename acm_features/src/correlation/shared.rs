//! Spearman's correlations of columns with gaps, eight columns by eight others at once.
//!
//! A column's order is walked once for eight others, each lane with a count of its own of the rows that both have: the doubled
//! ranks of eight pairs for a few instructions. Ranks of eight columns lie by the others' lanes, those of the others by the
//! eight's: a transposition between the two walks brings them together. Every number is whole and below 2^53: exact.

use acm_linalg::Result;
use acm_linalg::columns::reserve;
use acm_linalg::lanes::{LANES, V, loaded};
use acm_linalg::memory::reserved;
use acm_linalg::parallel::{self, Stop};
use fearless_simd::{Level, Simd, dispatch, f32x8, f64x8, prelude::*};

use super::pack::transpose;
use super::ranks::Ranked;

/// Rows up to which the memory of a thread stays small, and all sums whole numbers that a float64 holds.
pub(super) const ROWS: usize = 1 << 17;

/// Estimated time for a row of eight by eight pairs, in nanoseconds.
const COST_NS: f64 = 60.0;

/// What stands for a bit of each lane: 1 or 0.
const ONES: [[f64; LANES]; 256] = ones();
const ONES_OF_RANKS: [[f32; LANES]; 256] = ones_of_ranks();

const fn ones() -> [[f64; LANES]; 256] {
    let mut ones = [[0.0; LANES]; 256];
    let mut place = 0;
    while place < 256 * LANES {
        ones[place / LANES][place % LANES] = (((place / LANES) >> (place % LANES)) & 1) as f64;
        place += 1;
    }
    ones
}

const fn ones_of_ranks() -> [[f32; LANES]; 256] {
    let mut ones = [[0.0; LANES]; 256];
    let mut place = 0;
    while place < 256 * LANES {
        ones[place / LANES][place % LANES] = (((place / LANES) >> (place % LANES)) & 1) as f32;
        place += 1;
    }
    ones
}

/// Doubled ranks of a row about their mean, by lane.
type Ranks = [f32; LANES];

/// What is found of eight by eight pairs.
type Found = [[f64; LANES]; LANES];

/// Hands the correlation of each pair (i, j), i < j, that is `asked` for to `put`.
///
/// # Errors
/// [`acm_linalg::Error::Memory`]; [`acm_linalg::Error::Interrupted`].
pub(super) fn each(
    columns: &[Ranked],
    rows: usize,
    needed: usize,
    asked: impl Fn(usize, usize) -> bool + Sync,
    mut put: impl FnMut(usize, usize, f64),
) -> Result<()> {
    let what = "the correlations of the pairs";
    let groups = columns.len().div_ceil(LANES);
    let mut by_row = reserved(groups, what)?;
    for columns in columns.chunks(LANES) {
        by_row.push(bits_by_row(columns, rows)?);
    }
    let mut jobs = reserved(groups * (groups + 1) / 2, what)?;
    for g in 0..groups {
        for h in g..groups {
            let wanted = |i: usize, j: usize| i < j && j < columns.len() && asked(i, j);
            let mut pairs = [[false; LANES]; LANES];
            for (i, pairs) in pairs.iter_mut().enumerate() {
                for (j, pair) in pairs.iter_mut().enumerate() {
                    *pair = wanted(g * LANES + i, h * LANES + j);
                }
            }
            if pairs.as_flattened().contains(&true) {
                jobs.push((g, h, pairs, [[f64::NAN; LANES]; LANES]));
            }
        }
    }
    let level = Level::new();
    let scratch = || reserve(LANES * rows, [0.0; LANES], "the ranks of pairs");
    let cost = COST_NS * rows as f64 * jobs.len() as f64;
    parallel::run(&mut jobs, cost, scratch, |ranks, (g, h, pairs, found), stop| {
        let part = |group: usize| Group {
            columns: &columns[group * LANES..(group * LANES + LANES).min(columns.len())],
            have: &by_row[group],
        };
        dispatch!(level, simd => correlate(simd, [part(*g), part(*h)], (pairs, needed), ranks, found, stop));
    })?;
    for (g, h, pairs, found) in jobs {
        for i in 0..LANES {
            for j in 0..LANES {
                if pairs[i][j] {
                    put(g * LANES + i, h * LANES + j, found[i][j]);
                }
            }
        }
    }
    Ok(())
}

/// A bit of each of eight columns for each row: whether it has a value.
fn bits_by_row(columns: &[Ranked], rows: usize) -> Result<Vec<u8>> {
    let mut bits = reserve(rows.next_multiple_of(LANES), 0, "the gaps of the columns")?;
    for (place, eight) in bits.as_chunks_mut::<LANES>().0.iter_mut().enumerate() {
        let (word, byte) = (place / LANES, place % LANES);
        let mut here = [0; LANES];
        for (here, column) in here.iter_mut().zip(columns) {
            *here = column.here[word].to_le_bytes()[byte];
        }
        *eight = transpose(u64::from_le_bytes(here)).to_le_bytes();
    }
    Ok(bits)
}

/// Eight columns, and which of them has each row.
#[derive(Clone, Copy)]
struct Group<'a> {
    columns: &'a [Ranked],
    have: &'a [u8],
}

/// The correlations of the left columns with the right ones, as far as they are wanted.
#[inline(always)]
fn correlate<S: Simd>(
    simd: S,
    [left, right]: [Group<'_>; 2],
    (pairs, needed): (&[[bool; LANES]; LANES], usize),
    ranks: &mut [Ranks],
    found: &mut Found,
    stop: &Stop,
) {
    let rows = ranks.len() / LANES;
    let (mut counts, mut left_spreads) = ([[0.0; LANES]; LANES], [[0.0; LANES]; LANES]);
    for (i, a) in left.columns.iter().enumerate() {
        for (j, b) in right.columns.iter().enumerate() {
            counts[i][j] = common(a, b);
        }
        if pairs[i].contains(&true) {
            if stop.requested() {
                return;
            }
            let to = &mut ranks[i * rows..(i + 1) * rows];
            left_spreads[i] = rank(simd, a, right.have, &counts[i], to);
        }
    }
    turn(simd, ranks);
    for (j, b) in right.columns.iter().enumerate() {
        if !pairs.iter().any(|pairs| pairs[j]) {
            continue;
        }
        if stop.requested() {
            return;
        }
        let mut of_right = [0.0; LANES];
        for (to, counts) in of_right.iter_mut().zip(&counts) {
            *to = counts[j];
        }
        let (products, spreads) = multiply(simd, b, left.have, &of_right, &ranks[j * rows..(j + 1) * rows]);
        for i in 0..left.columns.len() {
            let (one, other) = (left_spreads[i][j], spreads[i]);
            if counts[i][j] >= needed as f64 && one > 0.0 && other > 0.0 {
                found[i][j] = (products[i] / (one.sqrt() * other.sqrt())).clamp(-1.0, 1.0);
            }
        }
    }
}

/// Rows that both columns have.
fn common(a: &Ranked, b: &Ranked) -> f64 {
    let mut count = 0;
    for (a, b) in a.here.iter().zip(&b.here) {
        count += (a & b).count_ones();
    }
    f64::from(count)
}

/// Ranks a column over the rows that it shares with each of eight others, `counts` of them, and returns the ranks' sums of
/// squares. What it puts where the other has no row is of no use.
#[inline(always)]
fn rank<S: Simd>(simd: S, column: &Ranked, have: &[u8], counts: &[f64; LANES], to: &mut [Ranks]) -> [f64; LANES] {
    let one = f32x8::splat(simd, 1.0);
    let mut rank = f32x8::splat(simd, 0.0);
    for (lane, &count) in counts.iter().enumerate() {
        rank[lane] = narrowed(1.0 - count);
    }
    if !column.ties {
        for &row in &column.order {
            let here = of_ranks(simd, &ONES_OF_RANKS[have[row as usize] as usize]);
            to[row as usize] = rank.into();
            rank += here + here;
        }
        return spreads(simd, counts, f64x8::splat(simd, 0.0));
    }
    let mut tied = f64x8::splat(simd, 0.0);
    for same in column.order.chunk_by(|&a, &b| column.place[a as usize] == column.place[b as usize]) {
        let mut here = f32x8::splat(simd, 0.0);
        for &row in same {
            here += of_ranks(simd, &ONES_OF_RANKS[have[row as usize] as usize]);
        }
        let middle = rank + here - one;
        for &row in same {
            to[row as usize] = middle.into();
        }
        rank += here + here;
        if same.len() > 1 {
            tied += cubes(widened(simd, here));
        }
    }
    spreads(simd, counts, tied)
}

/// The sums of products of a column's ranks, over the rows that it shares with each of eight others, with theirs, and the sums
/// of squares of its own.
#[inline(always)]
fn multiply<S: Simd>(
    simd: S,
    column: &Ranked,
    have: &[u8],
    counts: &[f64; LANES],
    others: &[Ranks],
) -> ([f64; LANES], [f64; LANES]) {
    let zero = f64x8::splat(simd, 0.0);
    let mut sum = zero;
    let mut rank = 1.0 - loaded(simd, counts);
    if !column.ties {
        for &row in &column.order {
            let here = loaded(simd, &ONES[have[row as usize] as usize]);
            let other = widened(simd, of_ranks(simd, &others[row as usize]));
            sum = (rank * here).mul_add(other, sum);
            rank += here + here;
        }
        return (sum.into(), spreads(simd, counts, zero));
    }
    let mut tied = zero;
    for same in column.order.chunk_by(|&a, &b| column.place[a as usize] == column.place[b as usize]) {
        let (mut here, mut others_here) = (zero, zero);
        for &row in same {
            let one = loaded(simd, &ONES[have[row as usize] as usize]);
            let other = widened(simd, of_ranks(simd, &others[row as usize]));
            here += one;
            others_here = one.mul_add(other, others_here);
        }
        sum = (rank + here - 1.0).mul_add(others_here, sum);
        rank += here + here;
        if same.len() > 1 {
            tied += cubes(here);
        }
    }
    (sum.into(), spreads(simd, counts, tied))
}

/// `n^3 - n`
#[inline(always)]
fn cubes<S: Simd>(n: V<S>) -> V<S> {
    n * (n * n - 1.0)
}

/// The sums of squares of the doubled ranks of so many rows, given what those that are tied lack of it, thrice.
#[inline(always)]
fn spreads<S: Simd>(simd: S, counts: &[f64; LANES], tied: V<S>) -> [f64; LANES] {
    ((cubes(loaded(simd, counts)) - tied) / 3.0).into()
}

/// Rows of eight by eight ranks, those of each column by lanes of the others, turned in their places.
#[inline(always)]
fn turn<S: Simd>(simd: S, ranks: &mut [Ranks]) {
    const HALF: usize = LANES / 2;
    let rows = ranks.len() / LANES;
    for row in 0..rows {
        let mut eight = [f32x8::splat(simd, 0.0); LANES];
        for number in 0..LANES {
            eight[number] = of_ranks(simd, &ranks[number * rows + row]);
        }
        for _ in 0..LANES.ilog2() {
            let before = eight;
            for pair in 0..HALF {
                (eight[2 * pair], eight[2 * pair + 1]) = before[pair].interleave(before[pair + HALF]);
            }
        }
        for number in 0..LANES {
            ranks[number * rows + row] = eight[number].into();
        }
    }
}

#[inline(always)]
fn of_ranks<S: Simd>(simd: S, ranks: &Ranks) -> f32x8<S> {
    let mut lanes = f32x8::splat(simd, 0.0);
    *lanes = *ranks;
    lanes
}

#[inline(always)]
fn widened<S: Simd>(simd: S, ranks: f32x8<S>) -> V<S> {
    let (low, high) = simd.widen_f32x8(ranks);
    simd.combine_f64x4(low, high)
}

#[expect(clippy::cast_possible_truncation, reason = "a whole number below 2^24")]
#[inline(always)]
fn narrowed(rank: f64) -> f32 {
    rank as f32
}
