//! One stretch in which one sensor alone reads something else than the others let expect, and that never comes again: a fault that
//! was repaired. Row by row it may be within what healthy rows do; the means of some rows tell.

use std::ops::Range;

use acm_linalg::Result;
use acm_linalg::lanes::{LANES, Row};
use acm_linalg::memory::push;
use acm_linalg::samples::{by_rows, room};
use acm_linalg::scaling::median_mad;
use fearless_simd::{Level, dispatch};

use super::WHAT;
use super::groups::REST;
use super::robust::{Found, NORMAL, squared};
use crate::packed::{Packed, rows_of};

/// Rows whose mean is looked at.
const BLOCK: usize = 10;

/// Deviations of the means of a sensor's blocks beyond which one is elsewhere.
const AWAY: f64 = 5.0;

/// Where the mean of three blocks is within so many, the stretch has not begun or is over: twice what it varies by.
const BACK: f64 = 1.2;

/// Blocks between two of a stretch at most.
const BETWEEN: usize = 2;

/// Rows before and after it at least: what is so from the first row on, or to the last, may be the machine as it is.
const EDGE: usize = 60;

/// A single row counts no more than this many deviations.
const MOST: f64 = 8.0;

/// Share of the rows that all stretches are at most.
const MOST_ROWS: f64 = 0.15;

/// Sensors from which on one alone is no way to run.
const SENSORS: usize = 4;

/// Which of the running rows are of such stretches.
pub(super) fn stretches(found: &Found) -> Result<Vec<bool>> {
    let (rows, width) = (found.rows.len(), found.columns.len());
    let blocks = rows / BLOCK;
    let mut once = room(rows, 1, false, WHAT)?;
    if width < SENSORS || !found.together || rows < 2 * EDGE + 2 * BLOCK {
        return Ok(once);
    }
    let lower = found.whitening.matrix()?;
    let means = means(found, &lower, blocks)?;
    let mut column = room(blocks, 1, 0.0, WHAT)?;
    let mut sorted = room(blocks, 1, 0.0, WHAT)?;
    for sensor in 0..width {
        for (to, block) in column.iter_mut().zip(means.chunks_exact(width)) {
            *to = block[sensor];
        }
        sorted.copy_from_slice(&column);
        let (middle, mad) = median_mad(&mut sorted);
        let scale = (NORMAL * mad).max((1.0 / BLOCK as f64).sqrt());
        column.iter_mut().for_each(|value| *value = (*value - middle) / scale);
        if let Some(stretch) = stretch(&column)?
            && stretch.start * BLOCK >= EDGE
            && (blocks - stretch.end) * BLOCK >= EDGE
            && alone(found, &lower, stretch.start * BLOCK..stretch.end * BLOCK, sensor)?
        {
            let all = grown(&column, stretch);
            once[all.start * BLOCK..all.end * BLOCK].fill(true);
        }
    }
    let count = once.iter().filter(|&&once| once).count();
    if count as f64 > MOST_ROWS * rows as f64 {
        once.fill(false);
    }
    Ok(once)
}

/// (blocks, sensors): means of what each sensor reads beside what the others let expect, in its deviations.
///
/// That of a sensor is at most as large as the row's distance, so that of near rows nothing is drawn in, and the mean of theirs
/// is that of their mean.
fn means(found: &Found, lower: &[f64], blocks: usize) -> Result<Vec<f64>> {
    let width = found.columns.len();
    let mut matrix = squared(lower, width)?;
    for (sensor, line) in matrix.chunks_exact_mut(width).enumerate() {
        let length = line[sensor].sqrt();
        line.iter_mut().for_each(|value| *value /= length);
    }
    let matrix = Packed::full(&matrix, width, width)?;
    let tiles = blocks.div_ceil(LANES);
    let mut means = room(tiles * LANES, width, 0.0, WHAT)?;
    by_rows(
        tiles,
        LANES * width,
        &mut means,
        (LANES * BLOCK * width) as f64 + 2.0 * LANES as f64 * matrix.cost_ns(),
        || Beside::new(found, &matrix),
        |beside, inside, out, stop| {
            for (tile, out) in inside.zip(out.chunks_exact_mut(LANES * width)) {
                if stop.requested() {
                    return;
                }
                let blocks = tile * LANES..blocks.min((tile + 1) * LANES);
                beside.near(blocks.clone(), out);
                let far = (blocks.start * BLOCK..blocks.end * BLOCK).filter(|&row| !near(found, row));
                let mut rows = [0; LANES];
                let mut count = 0;
                for row in far {
                    rows[count] = row;
                    count += 1;
                    if count == LANES {
                        beside.far(&rows, blocks.start, out);
                        count = 0;
                    }
                }
                beside.far(&rows[..count], blocks.start, out);
            }
        },
    )?;
    means.truncate(blocks * width);
    Ok(means)
}

/// Whether no sensor of a row can be off by so much that it is drawn in.
fn near(found: &Found, row: usize) -> bool {
    found.squares[row] <= MOST * MOST
}

/// Rows and what they read beside what is expected of them, eight at once.
struct Beside<'a> {
    found: &'a Found,
    matrix: &'a Packed,
    points: Vec<Row>,
    beside: Vec<Row>,
}

impl<'a> Beside<'a> {
    fn new(found: &'a Found, matrix: &'a Packed) -> Result<Self> {
        Ok(Self {
            found,
            matrix,
            points: rows_of(matrix.width())?,
            beside: rows_of(matrix.padded())?,
        })
    }

    /// Adds a row to a point.
    fn add(&mut self, row: usize, lane: usize) {
        let width = self.points.len();
        let values = self.found.z[row * width..(row + 1) * width].iter().zip(&self.found.mean);
        for (point, (z, mean)) in self.points.iter_mut().zip(values) {
            point.0[lane] += z - mean;
        }
    }

    fn apply(&mut self) {
        let Self {
            matrix, points, beside, ..
        } = self;
        dispatch!(Level::new(), simd => matrix.apply(simd, points, beside));
        points.fill(Row::default());
    }

    /// Means of the near rows of some blocks, as if the others read what is expected.
    fn near(&mut self, blocks: Range<usize>, out: &mut [f64]) {
        for (lane, block) in blocks.enumerate() {
            for row in (block * BLOCK..(block + 1) * BLOCK).filter(|&row| near(self.found, row)) {
                self.add(row, lane);
            }
        }
        self.apply();
        for (lane, out) in out.chunks_exact_mut(self.points.len()).enumerate() {
            for (out, beside) in out.iter_mut().zip(&self.beside) {
                *out = beside.0[lane] / BLOCK as f64;
            }
        }
    }

    /// Adds rows that are far to the means of their blocks, of which `out` begins with `first`.
    fn far(&mut self, rows: &[usize], first: usize, out: &mut [f64]) {
        if rows.is_empty() {
            return;
        }
        for (lane, &row) in rows.iter().enumerate() {
            self.add(row, lane);
        }
        self.apply();
        let width = self.points.len();
        for (lane, &row) in rows.iter().enumerate() {
            let out = &mut out[(row / BLOCK - first) * width..][..width];
            for (out, beside) in out.iter_mut().zip(&self.beside) {
                *out += beside.0[lane].clamp(-MOST, MOST) / BLOCK as f64;
            }
        }
    }
}

/// The only blocks that are elsewhere, all on one side; `None` where there are none or others.
fn stretch(column: &[f64]) -> Result<Option<Range<usize>>> {
    let mut hot = Vec::new();
    for (block, value) in column.iter().enumerate().filter(|pair| pair.1.abs() > AWAY) {
        push(&mut hot, (block, value.is_sign_positive()), WHAT)?;
    }
    let (Some(&(first, side)), Some(&(last, _))) = (hot.first(), hot.last()) else {
        return Ok(None);
    };
    let near = hot.windows(2).all(|two| two[1].0 - two[0].0 <= BETWEEN + 1);
    let one = hot.len() >= 2 && near && hot.iter().all(|block| block.1 == side) && 2 * hot.len() > last - first;
    Ok(one.then_some(first..last + 1))
}

/// A stretch with the blocks around it in which it begins and ends.
fn grown(column: &[f64], Range { mut start, mut end }: Range<usize>) -> Range<usize> {
    let side = column[start].signum();
    let off = |blocks: &[f64]| side * blocks.iter().sum::<f64>() / blocks.len() as f64 > BACK;
    while start >= 3 && off(&column[start - 3..start]) {
        start -= 1;
    }
    while end + 3 <= column.len() && off(&column[end..end + 3]) {
        end += 1;
    }
    start..end
}

/// Whether the mean of a stretch is a usual row but for one sensor.
fn alone(found: &Found, lower: &[f64], rows: Range<usize>, sensor: usize) -> Result<bool> {
    let width = found.columns.len();
    let count = rows.len() as f64;
    let mut center = room(width, 1, 0.0, WHAT)?;
    for row in found.z[rows.start * width..rows.end * width].chunks_exact(width) {
        center.iter_mut().zip(row).for_each(|(center, z)| *center += z / count);
    }
    center.iter_mut().zip(&found.mean).for_each(|(center, mean)| *center -= mean);
    let (mut square, mut dot, mut length) = (0.0, 0.0, 0.0);
    for (place, line) in lower.chunks_exact(width).enumerate() {
        let white: f64 = line[..=place].iter().zip(&center).map(|(line, away)| line * away).sum();
        square += white * white;
        if place >= sensor {
            dot += line[sensor] * white;
            length += line[sensor] * line[sensor];
        }
    }
    Ok(square - dot * dot / length <= REST * square)
}

#[cfg(test)]
mod tests;
