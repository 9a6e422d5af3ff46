//! Error codes: numbers that stand where there is no reading.

use acm_linalg::lanes::{Element, LANES};
use acm_linalg::memory::{Gather, push, reserve};
use acm_linalg::parallel;
use acm_linalg::{Result, Table};

use ndarray::Axis;

use super::distinct::{Distinct, MOST};
use super::spread::Spread;
use super::standstill::{bits, counts};
use super::{STOP_ROWS, reading};

/// What historians write, and its negatives.
const CUSTOMARY: [f64; 8] = [99.0, 999.0, 9999.0, 99_999.0, 999_999.0, 32_767.0, 32_768.0, 65_535.0];

/// Fewest rows with another number for it to be a code.
const REPEATED: u64 = 3;

/// Most codes of a sensor.
const LISTED: usize = 20;

const COST_NS: f64 = 3.0;

/// What counts as an error code.
#[derive(Debug, Clone, Copy)]
pub enum Codes<'a> {
    /// What is found: values far outside that repeat exactly.
    Found,
    /// These values of each sensor, wherever they stand.
    Given(&'a [Vec<f64>]),
}

impl Codes<'_> {
    pub(super) fn len(&self) -> Option<usize> {
        match self {
            Self::Found => None,
            Self::Given(codes) => Some(codes.len()),
        }
    }
}

/// An error code of a sensor.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Code {
    /// The number.
    pub value: f64,
    /// Rows that have it.
    pub count: u64,
    /// The first of them.
    pub first: usize,
}

/// Whether historians write this number where there is no reading.
#[inline(always)]
pub(super) fn is_customary(value: f64) -> bool {
    // Nearly all readings are told from all of them at once.
    value.abs() >= 99.0 && CUSTOMARY.contains(&value.abs())
}

/// A number far outside.
#[derive(Debug, Clone, Copy)]
pub(super) struct Candidate {
    code: Code,
    /// Rows in which it stands alone: few other sensors are far outside, and the machine moves.
    alone: u64,
}

/// The numbers far outside of one sensor.
#[derive(Debug, Default)]
pub(super) struct Candidates {
    found: Vec<Candidate>,
    /// Cells far outside, alone.
    alone: u64,
}

/// Marks the readings far outside, as [`super::standstill::mark`] marks repeats.
pub(super) fn mark<T: Element>(x: &Table<'_, T>, spreads: &[Spread], marks: &mut [u8]) -> Result<()> {
    let rows = x.nrows();
    if x.is_empty() {
        return Ok(());
    }
    parallel::run(
        marks.chunks_mut(rows).zip(spreads.chunks(LANES)).enumerate(),
        COST_NS * x.len() as f64,
        || Ok(()),
        |(), (group, (marks, spreads)), stop| {
            marks.fill(0);
            for start in (0..rows).step_by(STOP_ROWS / 16) {
                if stop.requested() {
                    return;
                }
                let tile = start..(start + STOP_ROWS / 16).min(rows);
                let part = x.of_rows(tile.clone());
                for (lane, spread) in spreads.iter().enumerate() {
                    for (value, mark) in part.column(group * LANES + lane).iter().zip(&mut marks[tile.clone()]) {
                        *mark |= u8::from(spread.is_far(reading(*value))) << lane;
                    }
                }
            }
        },
    )
}

/// Rows in which more than a quarter of the sensors, and more than one, are far outside: the machine does something else.
pub(super) fn crowded(marks: &[u8], rows: usize, columns: usize) -> Result<Vec<bool>> {
    let most = (columns / 4).max(1);
    let counts = counts(marks, rows, &bits(columns, |_| true)?)?;
    counts.iter().map(|&count| count as usize > most).gathered("a mark a row")
}

/// The numbers far outside of each sensor.
pub(super) fn candidates<T: Element>(
    x: &Table<'_, T>,
    marks: &[u8],
    crowded: &[bool],
    still: &[bool],
    found: &mut [Result<Candidates>],
) -> Result<()> {
    let rows = x.nrows();
    parallel::run(
        found.iter_mut().enumerate(),
        x.len() as f64,
        || Ok((Distinct::new()?, reserve(MOST, (0, 0, 0), "different values")?)),
        |(distinct, tallies), (place, found), stop| {
            let (marks, bit) = (&marks[place / LANES * rows..][..rows], 1_u8 << (place % LANES));
            let column = x.column(place);
            distinct.clear();
            let mut alone = 0;
            for start in (0..rows).step_by(STOP_ROWS) {
                if stop.requested() {
                    return;
                }
                for row in start..(start + STOP_ROWS).min(rows) {
                    if marks[row] & bit == 0 {
                        continue;
                    }
                    let before = distinct.len();
                    let Some(place) = distinct.place(reading(column[row])) else {
                        continue;
                    };
                    if place == before {
                        tallies[place] = (0, 0, row);
                    }
                    let own = u64::from(!crowded[row] && !still[row]);
                    alone += own;
                    tallies[place].0 += 1;
                    tallies[place].1 += own;
                }
            }
            let listed = distinct.values().iter().zip(&*tallies);
            let listed = listed.map(|(&value, &(count, alone, first))| Candidate {
                code: Code { value, count, first },
                alone,
            });
            // Most of what is far outside is there once.
            let kept = listed.filter(|one| one.code.count >= REPEATED || is_customary(one.code.value));
            *found = kept.gathered("codes").map(|found| Candidates { found, alone });
        },
    )
}

/// Which of the numbers far outside are codes: what historians write, in at most half of the rows; others in at most a
/// tenth, if they repeat while few sensors are far outside, or stand in at least half of the sensors. Zero never is one.
pub(super) fn decide(candidates: &[Candidates], rows: usize) -> Result<Vec<Vec<Code>>> {
    let shared = shared(candidates)?;
    let codes = candidates.iter().map(|of| {
        let is_code = |one: &&Candidate| {
            let Code { value, count, .. } = one.code;
            let repeats = one.alone >= REPEATED && 4 * one.alone >= of.alone;
            let everywhere = count >= REPEATED && shared.iter().any(|other| other.to_bits() == value.to_bits());
            value != 0.0
                && if is_customary(value) {
                    2 * count <= rows as u64
                } else {
                    (repeats || everywhere) && 10 * count <= rows as u64
                }
        };
        of.found.iter().filter(is_code).map(|one| one.code).take(LISTED).gathered("codes")
    });
    codes.gathered_ok("codes")
}

/// Numbers far outside that at least half of the sensors have, and two.
fn shared(candidates: &[Candidates]) -> Result<Vec<f64>> {
    let mut all = Vec::new();
    for one in candidates.iter().flat_map(|of| &of.found).filter(|one| one.code.count >= REPEATED) {
        push(&mut all, one.code.value, "codes")?;
    }
    all.sort_unstable_by(f64::total_cmp);
    let least = candidates.len().div_ceil(2).max(2);
    let groups = all.chunk_by(|one, other| one.total_cmp(other).is_eq());
    groups.filter(|group| group.len() >= least).map(|group| group[0]).gathered("codes")
}

/// How often each of the given codes occurs.
pub(super) fn count<T: Element>(x: &Table<'_, T>, codes: &[Vec<f64>]) -> Result<Vec<Vec<Code>>> {
    let mut found = codes
        .iter()
        .map(|codes| {
            let none = codes.iter().map(|&value| Code {
                value: value + 0.0,
                count: 0,
                first: 0,
            });
            none.gathered("codes")
        })
        .gathered_ok("codes")?;
    let given: usize = codes.iter().map(Vec::len).sum();
    parallel::run(
        found.iter_mut().enumerate().filter(|(_, codes)| !codes.is_empty()),
        (given * x.nrows()) as f64,
        || Ok(()),
        |(), (place, codes), stop| {
            let column = x.column(place);
            for code in codes.iter_mut() {
                for (number, part) in column.axis_chunks_iter(Axis(0), STOP_ROWS).enumerate() {
                    if stop.requested() {
                        return;
                    }
                    for (offset, value) in part.iter().enumerate() {
                        if reading(*value) == code.value {
                            if code.count == 0 {
                                code.first = number * STOP_ROWS + offset;
                            }
                            code.count += 1;
                        }
                    }
                }
            }
            codes.retain(|code| code.count > 0);
        },
    )?;
    Ok(found)
}
