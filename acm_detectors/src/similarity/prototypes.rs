//! Remembered rows, and what they let each sensor be expected to read.
//!
//! The expectation of a row x is the mean of the remembered rows m, weighted by exp(−|x − m|² / 2h²) (kernel regression:
//! Nadaraya 1964, doi 10.1137/1109020; auto-associative: Hines, Garvey, Seibert and Usynin 2008, NUREG/CR-6895 vol. 2).

use acm_linalg::lanes::{Row, V};
use acm_linalg::memory::Gather;
use acm_linalg::parallel::Stop;
use acm_linalg::samples::room;
use acm_linalg::scaling::quantile;
use acm_linalg::{Reader, Result, Writer};
use fearless_simd::{Simd, f64x8, prelude::*};

use super::choice::{Table, chosen};
use crate::mixture::logsum::exp;
use crate::packed::{Packed, rows_of};

const WHAT: &str = "rows to remember";

/// The kernel's squared width is at least this share of the sensors: their variance is 1.
const LEAST_WIDTH: f64 = 1e-12;

/// The squared width is this share of the squared distance to the neighbour, which then weighs 1 / e as much as the row itself.
const OF_NEIGHBOUR: f64 = 0.5;

/// Rows that only repeat are states, and the width is a third of the distance to the nearest other one.
const OF_STATE: f64 = 1.0 / 9.0;

/// Remembered rows of scaled sensors.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Prototypes {
    rows: Packed,
    /// The squares of their values.
    squares: Packed,
    /// Half of the squared length of each.
    halves: Vec<f64>,
    /// h².
    width: f64,
}

impl Prototypes {
    /// At most `count` of the rows `from` of the table; a remembered row's neighbour of number `neighbours` weighs 1 / e
    /// as much as it does, in the median.
    pub(super) fn of(table: Table<'_>, from: &[usize], count: usize, neighbours: usize, stop: &Stop) -> Result<Self> {
        let rows = chosen(table, from, count, stop)?;
        let mut values = room(rows.len(), table.width, 0.0, WHAT)?;
        for (out, &row) in values.chunks_exact_mut(table.width).zip(&rows) {
            out.copy_from_slice(table.row(row));
        }
        let repeats = rows.len() < count.min(from.len());
        let memory = Table {
            values: &values,
            width: table.width,
        };
        let (near, part) = if repeats { (1, OF_STATE) } else { (neighbours, OF_NEIGHBOUR) };
        let width = part * apart(memory, near, stop)?;
        Self::new(&values, table.width, width.max(LEAST_WIDTH * table.width as f64))
    }

    fn new(values: &[f64], sensors: usize, width: f64) -> Result<Self> {
        let count = values.len() / sensors;
        let squares = values.iter().map(|value| value * value).gathered(WHAT)?;
        let halves = squares.chunks_exact(sensors).map(|row| 0.5 * row.iter().sum::<f64>());
        Ok(Self {
            rows: Packed::full(values, count, sensors)?,
            halves: halves.gathered(WHAT)?,
            squares: Packed::full(&squares, count, sensors)?,
            width,
        })
    }

    pub(super) fn count(&self) -> usize {
        self.rows.rows()
    }

    /// (m, d), row-major.
    pub(super) fn values(&self) -> Result<Vec<f64>> {
        self.rows.matrix()
    }

    /// h.
    pub(super) fn width(&self) -> f64 {
        self.width.sqrt()
    }

    /// Estimated time for a row, in nanoseconds.
    pub(super) fn cost_ns(&self) -> f64 {
        2.0 * self.rows.cost_ns() + 2.0 * self.count() as f64
    }

    pub(super) fn scratch(&self) -> Result<Scratch> {
        Ok(Scratch {
            known: rows_of(self.rows.width())?,
            marks: rows_of(self.rows.width())?,
            weights: rows_of(self.rows.padded())?,
            lengths: rows_of(self.rows.padded())?,
        })
    }

    /// What is expected of eight points, NaN where a value is missing, into `expected`; whether a value is.
    ///
    /// Distances are those over the present sensors, scaled to all: of a row without any all remembered ones are as near.
    #[inline(always)]
    pub(super) fn expect<S: Simd>(&self, simd: S, points: &[Row], scratch: &mut Scratch, expected: &mut [Row]) -> bool {
        let Scratch {
            known,
            marks,
            weights,
            lengths,
        } = scratch;
        let sensors = points.len();
        let zero: V<S> = f64x8::splat(simd, 0.0);
        let one: V<S> = f64x8::splat(simd, 1.0);
        let mut present = zero;
        for place in 0..sensors {
            let point: V<S> = points[place].load(simd);
            let here = point.simd_eq(point);
            let mark = here.select(one, zero);
            known[place].store(here.select(point, zero));
            marks[place].store(mark);
            present += mark;
        }
        let whole = present.simd_ge(sensors as f64);
        let complete = whole.all_true();
        self.rows.apply(simd, known, weights);
        if !complete {
            self.squares.apply(simd, marks, lengths);
        }
        // (|x|² − |x − m|²) / 2: the nearest row has the greatest.
        let mut most: V<S> = f64x8::splat(simd, f64::NEG_INFINITY);
        for row in 0..self.count() {
            let product: V<S> = weights[row].load(simd);
            let half: V<S> = f64x8::splat(simd, self.halves[row]);
            let half = if complete { half } else { whole.select(half, lengths[row].load(simd) * 0.5) };
            let near = product - half;
            weights[row].store(near);
            most = most.max(near);
        }
        let scale: V<S> = f64x8::splat(simd, sensors as f64 / self.width);
        let scale = scale / present.max(one);
        let mut total = zero;
        for row in 0..self.count() {
            let weight = exp(simd, (weights[row].load(simd) - most) * scale);
            weights[row].store(weight);
            total += weight;
        }
        weights[self.count()..].fill(Row::default());
        expected[..sensors].fill(Row::default());
        self.rows.add_rows(simd, weights, &mut expected[..sensors]);
        for expected in &mut expected[..sensors] {
            let sum: V<S> = expected.load(simd);
            expected.store(sum / total);
        }
        !complete
    }

    pub(super) fn write(&self, to: &mut Writer) {
        match self.values() {
            Ok(values) => to.matrix("memory", self.count(), self.rows.width(), &values),
            Err(error) => to.fail(error),
        }
        to.count("memory.rows", self.count() as u64);
        to.real("memory.width", self.width);
    }

    pub(super) fn read(from: &Reader<'_>, sensors: usize) -> Result<Self> {
        let count = from.size("memory.rows")?;
        let values = from.matrix("memory", count, sensors)?;
        from.require(count > 0 && values.iter().all(|value| value.abs() <= crate::lagged::MOST), "memory")?;
        let width = from.real("memory.width")?;
        from.require(width >= LEAST_WIDTH && width.is_finite(), "memory.width")?;
        Self::new(&values, sensors, width)
    }
}

/// The median over rows of the squared distance to the neighbour of number `near`; the sensors' variance where there is no
/// other row.
fn apart(memory: Table<'_>, near: usize, stop: &Stop) -> Result<f64> {
    let count = memory.rows();
    // None where an interrupt came before the first.
    let near = near.min(count.saturating_sub(1));
    if near == 0 {
        return Ok(memory.width as f64);
    }
    let mut all = room(count, 1, 0.0, WHAT)?;
    let mut found = room(count, 1, 0.0, WHAT)?;
    for (row, found) in found.iter_mut().enumerate() {
        if stop.requested() {
            break;
        }
        let own = memory.row(row);
        for (other, out) in all.iter_mut().enumerate() {
            let gaps = own.iter().zip(memory.row(other)).map(|(one, other)| (one - other) * (one - other));
            *out = gaps.sum();
        }
        all[row] = -1.0;
        let (_, value, _) = all.select_nth_unstable_by(near, f64::total_cmp);
        *found = *value;
    }
    Ok(quantile(&mut found, 0.5))
}

/// Where eight rows are worked on.
#[derive(Debug)]
pub(super) struct Scratch {
    known: Vec<Row>,
    marks: Vec<Row>,
    weights: Vec<Row>,
    lengths: Vec<Row>,
}
