//! What is wrong with a history of readings, column by column: gaps, stuck stretches, error codes, coarse steps, levels
//! that shift or wander, and the rows in which the machine stands still.
//!
//! # Examples
//!
//! ```
//! use acm_features::quality::{Codes, Kind, Rules, assess};
//! use ndarray::Array2;
//!
//! # fn main() -> acm_features::Result<()> {
//! let mut x = Array2::from_shape_fn((200, 1), |(row, _)| ((row * 37 % 101) as f64) / 4.0);
//! for row in [20, 90, 150] {
//!     x[[row, 0]] = -999.0;
//! }
//! x[[7, 0]] = f64::NAN;
//! let rules = Rules { low: &[f64::NEG_INFINITY], high: &[20.0], codes: Codes::Found, patience: None };
//! let found = assess(x.view(), &rules)?;
//! let sensor = &found.sensors[0];
//! assert_eq!((sensor.known, sensor.kind), (199, Kind::Continuous));
//! assert_eq!((sensor.codes[0].value, sensor.codes[0].count), (-999.0, 3));
//! assert_eq!((sensor.least, sensor.most, sensor.resolution), (0.0, 25.0, 0.05));
//! assert!(sensor.above > 0);
//! # Ok(())
//! # }
//! ```

mod codes;
mod distinct;
mod grid;
mod levels;
mod runs;
mod sensor;
mod spread;
mod standstill;
#[cfg(test)]
mod tests;

use acm_linalg::lanes::{Element, LANES};
use acm_linalg::memory::{Gather, reserve, room};
use acm_linalg::parallel::{self, Stop};
use acm_linalg::{Error, Result, Table};
use ndarray::ArrayView1;

pub use codes::{Code, Codes};
pub use levels::{Shift, Wander};
pub use sensor::{Kind, Sensor, Stretch};
pub use spread::Spread;

use codes::Candidates;
use sensor::Bench;
use standstill::Moves;

/// Rows between two looks at whether to stop.
const STOP_ROWS: usize = 1 << 14;

/// Estimated time for a value on one thread, all of it.
const COST_NS: f64 = 60.0;

/// What is known beforehand of the sensors.
#[derive(Debug, Clone, Copy)]
pub struct Rules<'a> {
    /// The least reading of each sensor that can be, minus infinity where nothing is known.
    pub low: &'a [f64],
    /// The greatest.
    pub high: &'a [f64],
    /// Error codes.
    pub codes: Codes<'a>,
    /// Equal readings in a row beyond which each sensor counts as stuck, 0 where it never does; none: found.
    pub patience: Option<&'a [usize]>,
}

/// What [`assess`] finds.
#[derive(Debug, Clone)]
pub struct Assessment {
    /// What is known of each sensor.
    pub sensors: Vec<Sensor>,
    /// Rows in which the machine stands still.
    pub still: Vec<bool>,
    /// Rows in which every sensor repeats its latest reading.
    pub repeated: usize,
}

/// A column's readings in memory order, NaN where there is none.
fn gather<T: Element>(column: ArrayView1<'_, T>, into: &mut [f64], stop: &Stop) {
    for (part, into) in (0..).step_by(STOP_ROWS).zip(into.chunks_mut(STOP_ROWS)) {
        if stop.requested() {
            return;
        }
        let rows = part..part + into.len();
        let part = column.slice(ndarray::s![rows]);
        match part.to_slice() {
            Some(values) => read(values.iter(), into),
            None => read(part.iter(), into),
        }
    }
}

#[inline(always)]
fn read<'a, T: Element>(values: impl Iterator<Item = &'a T>, into: &mut [f64]) {
    for (value, target) in values.zip(into) {
        *target = reading(*value);
    }
}

/// A reading; NaN where it is missing.
#[inline(always)]
fn reading<T: Element>(value: T) -> f64 {
    let value = value.widen();
    if value.abs() < f64::INFINITY { value + 0.0 } else { f64::NAN }
}

/// Looks at every column of a history, and at its rows.
///
/// Shapes: x (n, d); low, high and patience (d,).
/// Missing: NaN and infinity.
/// Cost: O(n d), some passes over each column. Threads: columns. Scratch: a column a thread, and a bit for each value.
/// Oracle: plain definitions, each in its file. Sources: resolution, standstill, codes and stuck stretches are definitions
/// of our own; levels: see [`Shift`] and [`Wander`].
///
/// # Errors
/// [`Error::Length`] for another `low`, `high`, `codes` or `patience`; [`Error::Memory`]; [`Error::Interrupted`].
pub fn assess<'a, T: Element>(x: impl Into<Table<'a, T>>, rules: &Rules<'_>) -> Result<Assessment> {
    let x = x.into();
    let (rows, columns) = x.dim();
    let given = [
        ("low", Some(rules.low.len())),
        ("high", Some(rules.high.len())),
        ("codes", rules.codes.len()),
        ("patience", rules.patience.map(<[usize]>::len)),
    ];
    for (name, got) in given {
        if let Some(got) = got.filter(|&got| got != columns) {
            return Err(Error::Length {
                name,
                expected: columns,
                got,
            });
        }
    }
    let mut marks = room(rows, columns.div_ceil(LANES), 0_u8, "marks of the rows")?;
    let mut moves = reserve(columns, Moves::default(), "a count a sensor")?;
    standstill::mark(&x, &mut marks, &mut moves)?;
    let (still, repeated) = standstill::rows(&marks, rows, &moves)?;

    let mut spreads = reserve(columns, Spread::NONE, "a spread a sensor")?;
    spread::measure(&x, &still, &mut spreads)?;
    let codes = match rules.codes {
        Codes::Found => {
            codes::mark(&x, &spreads, &mut marks)?;
            let crowded = codes::crowded(&marks, rows, columns)?;
            let mut candidates = (0..columns).map(|_| Ok(Candidates::default())).gathered("codes")?;
            codes::candidates(&x, &marks, &crowded, &still, &mut candidates)?;
            codes::decide(&candidates.into_iter().gathered_ok("codes")?, rows)?
        }
        Codes::Given(codes) => codes::count(&x, codes)?,
    };

    let mut sensors = (0..columns).map(|_| Ok(Sensor::default())).gathered("the result")?;
    let jobs = sensors.iter_mut().zip(codes).enumerate();
    parallel::run(
        jobs,
        COST_NS * x.len() as f64,
        || Bench::new(rows),
        |bench, (place, (target, codes)), stop| {
            bench.load(x.column(place), stop);
            let patience = rules.patience.map(|patience| patience[place]);
            let limits = rules.low[place]..=rules.high[place];
            *target = bench.sensor(codes, limits, patience, &spreads[place], &still, stop);
        },
    )?;
    Ok(Assessment {
        sensors: sensors.into_iter().gathered_ok("the result")?,
        still,
        repeated,
    })
}
