//! Which healthy rows are remembered: the extremes of each sensor, then always the row that is farthest from all chosen ones.
//!
//! The extremes keep what is remembered as wide as what was seen (the min-max selection of the multivariate state estimation
//! technique: Singer, Gross, Herzog, King and Wegerich 1997, doi 10.2172/460536). Farthest points cover the rest at most twice
//! as coarsely as the best choice could (Gonzalez 1985, doi 10.1016/0304-3975(85)90224-5): rare states have their rows, however
//! often the usual ones come.

use acm_linalg::Result;
use acm_linalg::lanes::{LANES, Row, V};
use acm_linalg::memory::{Gather, push, reserved};
use acm_linalg::parallel::Stop;
use acm_linalg::samples::room;
use acm_linalg::seed::one_of_each;
use fearless_simd::{Level, Simd, dispatch, f64x8, prelude::*};

/// Rows that are looked at for farthest points; of more, one of each few neighbours.
const MOST_ROWS: usize = 16_384;

const WHAT: &str = "rows to remember";

/// Complete rows of scaled sensors, one after the other.
#[derive(Debug, Clone, Copy)]
pub(super) struct Table<'a> {
    pub(super) values: &'a [f64],
    pub(super) width: usize,
}

impl<'a> Table<'a> {
    pub(super) fn row(&self, row: usize) -> &'a [f64] {
        &self.values[row * self.width..][..self.width]
    }

    pub(super) fn rows(&self) -> usize {
        self.values.len() / self.width
    }
}

/// At most `count` of the rows `from` of the table, no two of them equal; `from` rises.
///
/// At most half of them are extremes, those farthest from one another where there are more.
///
/// Cost: 16,384 rows times `count` times sensors at most.
pub(super) fn chosen(table: Table<'_>, from: &[usize], count: usize, stop: &Stop) -> Result<Vec<usize>> {
    let extremes = extremes(table, from)?;
    let drawn = one_of_each(from.len(), MOST_ROWS).map(|place| from[place]);
    let candidates = extremes.iter().copied().chain(drawn).gathered(WHAT)?;
    let mut field = Field::new(table, &candidates)?;
    let mut chosen = reserved(count.min(from.len()), WHAT)?;
    let mut next = (!candidates.is_empty()).then_some(0);
    while let Some(place) = next {
        if chosen.len() == count || stop.requested() {
            break;
        }
        chosen.push(candidates[place]);
        field.approach(table.row(candidates[place]));
        let outer = if 2 * chosen.len() < count { field.farthest(extremes.len()) } else { None };
        next = outer.or_else(|| field.farthest(candidates.len()));
    }
    Ok(chosen)
}

/// The rows in which a sensor is least or greatest, sensor by sensor.
fn extremes(table: Table<'_>, from: &[usize]) -> Result<Vec<usize>> {
    let Some(&first) = from.first() else {
        return Ok(Vec::new());
    };
    let mut ends = room(table.width, 1, (first, first), WHAT)?;
    for &row in from {
        for (place, (value, (least, most))) in table.row(row).iter().zip(&mut ends).enumerate() {
            if *value < table.row(*least)[place] {
                *least = row;
            }
            if *value > table.row(*most)[place] {
                *most = row;
            }
        }
    }
    let mut found = reserved(2 * ends.len(), WHAT)?;
    for row in ends.into_iter().flat_map(|(least, most)| [least, most]) {
        push(&mut found, row, WHAT)?;
    }
    Ok(found)
}

/// Points, eight side by side, and how far each of them is from what has been chosen.
struct Field {
    width: usize,
    /// Coordinate by coordinate of each eight.
    points: Vec<Row>,
    /// Squared distances.
    apart: Vec<Row>,
}

impl Field {
    fn new(table: Table<'_>, rows: &[usize]) -> Result<Self> {
        let groups = rows.len().div_ceil(LANES);
        let mut points = room(groups, table.width, Row::default(), WHAT)?;
        let mut apart = room(groups, 1, Row::splat(0.0), WHAT)?;
        for (number, &row) in rows.iter().enumerate() {
            let points = &mut points[number / LANES * table.width..][..table.width];
            for (point, value) in points.iter_mut().zip(table.row(row)) {
                point.0[number % LANES] = *value;
            }
            apart[number / LANES].0[number % LANES] = f64::INFINITY;
        }
        Ok(Self {
            width: table.width,
            points,
            apart,
        })
    }

    /// Another row has been chosen.
    fn approach(&mut self, row: &[f64]) {
        dispatch!(Level::new(), simd => self.approach_as(simd, row));
    }

    #[inline(always)]
    fn approach_as<S: Simd>(&mut self, simd: S, row: &[f64]) {
        for (points, apart) in self.points.chunks_exact(self.width).zip(&mut self.apart) {
            let zero: V<S> = f64x8::splat(simd, 0.0);
            let mut sums = [zero; 4];
            let (fours, rest) = points.as_chunks::<4>();
            let (row_fours, row_rest) = row.as_chunks::<4>();
            for (points, row) in fours.iter().zip(row_fours) {
                for place in 0..4 {
                    let gap = points[place].load(simd) - row[place];
                    sums[place] += gap * gap;
                }
            }
            for (point, value) in rest.iter().zip(row_rest) {
                let gap = point.load(simd) - *value;
                sums[0] += gap * gap;
            }
            let sum = (sums[0] + sums[1]) + (sums[2] + sums[3]);
            apart.store(sum.min(apart.load(simd)));
        }
    }

    /// The place of the one of the first `count` points that is farthest away, the first of several; `None` where all have been
    /// chosen or equal one that has.
    fn farthest(&self, count: usize) -> Option<usize> {
        let mut found = None;
        let mut most = 0.0;
        for place in 0..count {
            let apart = self.apart[place / LANES].0[place % LANES];
            if apart > most {
                (found, most) = (Some(place), apart);
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pick(values: &[f64], width: usize, count: usize) -> Vec<usize> {
        let table = Table { values, width };
        let all: Vec<usize> = (0..table.rows()).collect();
        chosen(table, &all, count, &Stop::default()).unwrap()
    }

    #[test]
    fn extremes_come_first_and_farthest_points_next() {
        // One sensor: least, greatest, then the middle of the widest gap that a row is in.
        assert_eq!(pick(&[0.0, 1.0, 2.0, 5.0, 9.0, 10.0], 1, 4), [0, 5, 3, 2]);
        // Farthest points alone would take the last row before the greatest value of the second sensor.
        let values = [0.0, 0.0, 1.0, 0.5, 2.0, 0.0, 3.0, -0.5, 9.0, 0.0];
        assert_eq!(pick(&values, 2, 10)[..4], [0, 4, 3, 1]);
    }

    #[test]
    fn of_many_rows_all_phases_of_a_beat_are_remembered() {
        let values: Vec<f64> = (0..7 * MOST_ROWS - 50).map(|row| (row % 7) as f64 + 1e-7 * row as f64 / 7.0).collect();
        let found = pick(&values, 1, 20);
        for phase in 0..7 {
            assert!(found.iter().any(|row| row % 7 == phase), "{phase} {found:?}");
        }
    }

    #[test]
    fn rows_that_repeat_are_taken_once() {
        assert_eq!(pick(&[1.0, 1.0, 2.0, 1.0, 2.0], 1, 5), [0, 2]);
        assert_eq!(pick(&[3.0; 20], 1, 5), [0]);
        assert_eq!(pick(&[3.0; 20], 4, 1), [0]);
    }

    #[test]
    fn of_many_extremes_half_of_the_memory_is_taken() {
        // Each row is the greatest of a sensor of its own; row 20 is the origin, nothing's extreme but near to all.
        let values: Vec<f64> = (0..21 * 20).map(|place| if place / 20 == place % 20 { 1.0 } else { 0.0 }).collect();
        let found = pick(&values, 20, 8);
        assert_eq!(found.len(), 8);
        let mut sorted = found.clone();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(sorted.len(), 8);
    }

    #[test]
    fn only_the_rows_asked_for_are_taken() {
        let values: Vec<f64> = (0..30).map(f64::from).collect();
        let table = Table {
            values: &values,
            width: 1,
        };
        let from: Vec<usize> = (0..10).chain(25..30).collect();
        let found = chosen(table, &from, 15, &Stop::default()).unwrap();
        assert_eq!(found[..3], [0, 29, 9]);
        assert_eq!(found.len(), 15);
        assert!(found.iter().all(|row| from.contains(row)));
        assert!(chosen(table, &[], 3, &Stop::default()).unwrap().is_empty());
    }
}
