//! All that is known of one sensor.

use std::ops::RangeInclusive;

use acm_linalg::Result;
use acm_linalg::lanes::Element;
use acm_linalg::memory::{push, reserve};
use acm_linalg::parallel::Stop;
use ndarray::ArrayView1;

use super::codes::Code;
use super::distinct::Distinct;
use super::levels::{Levels, Shift, Wander};
use super::runs::{Lengths, for_runs};
use super::spread::Spread;
use super::{STOP_ROWS, gather, grid};

/// Most different values of a state.
const STATES: usize = 20;

/// So few different values are a state however they change.
const FEW_STATES: usize = 3;

/// How often a reading that was measured moves on, once it has moved.
const MEASURED: f64 = 0.2;

/// Rises to a fall, at least, of a counter.
const RISES: usize = 200;

/// Equal readings in a row that no measuring instrument is accused of.
const LEAST_PATIENCE: usize = 20;

/// How many times its usual run a reading must stand to be stuck.
const UNUSUAL: usize = 10;

/// What a sensor is, by how its readings change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Kind {
    /// No reading.
    #[default]
    Empty,
    /// One reading throughout.
    Constant,
    /// At most three different values, or at most 20 whole numbers that stay a while.
    State,
    /// Other values that stay a while and come again: somebody set them.
    SetPoint,
    /// Rises throughout; where it falls, it falls by half of its range or more.
    Counter,
    /// Everything else: measured.
    Continuous,
}

/// Rows one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stretch {
    /// The first row.
    pub start: usize,
    /// The row after the last.
    pub end: usize,
}

impl Stretch {
    /// Rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.end - self.start
    }
}

/// What is known of one sensor.
#[derive(Debug, Clone, Default)]
pub struct Sensor {
    /// Readings, codes included.
    pub known: usize,
    /// The longest stretch without a reading, the first of several.
    pub gap: Stretch,
    /// Error codes in the order of their first rows; all that follows is without them.
    pub codes: Vec<Code>,
    /// Readings below the least and above the greatest that can be.
    pub below: usize,
    /// Likewise.
    pub above: usize,
    /// The least reading, NaN where there is none.
    pub least: f64,
    /// The greatest.
    pub most: f64,
    /// The median while the machine moves.
    pub centre: f64,
    /// A robust standard deviation of the same.
    pub width: f64,
    /// Different values, counted up to 4096.
    pub distinct: usize,
    /// The step of the coarsest grid of readings, NaN where there is none.
    pub resolution: f64,
    /// What the sensor is.
    pub kind: Kind,
    /// Equal readings in a row beyond which it counts as stuck, 0 where it never does.
    pub patience: usize,
    /// Where it is stuck: from the first repeat to the last.
    pub frozen: Vec<Stretch>,
    /// Readings in them.
    pub frozen_readings: usize,
    /// Readings that repeat while the machine stands still.
    pub still: usize,
    /// Shifts of the level of a continuous sensor.
    pub shifts: Vec<Shift>,
    /// Whether a continuous sensor has a level; none where its readings do not say.
    pub wander: Option<Wander>,
}

/// A thread's memory for one sensor at a time.
pub(super) struct Bench {
    column: Vec<f64>,
    distinct: Distinct,
    lengths: Lengths,
    levels: Levels,
}

/// Counts of a sensor's readings that tell its kind.
#[derive(Default)]
struct Changes {
    readings: usize,
    rises: usize,
    falls: usize,
    least_fall: f64,
    whole: bool,
    /// Pairs of readings with the machine moving, and those of them that differ.
    moving: usize,
    moved: usize,
    after_change: usize,
    both: usize,
}

impl Bench {
    pub(super) fn new(rows: usize) -> Result<Self> {
        Ok(Self {
            column: reserve(rows, f64::NAN, "a column")?,
            distinct: Distinct::new()?,
            lengths: Lengths::new()?,
            levels: Levels::new(rows)?,
        })
    }

    pub(super) fn load<T: Element>(&mut self, column: ArrayView1<'_, T>, stop: &Stop) {
        gather(column, &mut self.column, stop);
    }

    /// What is known of the sensor that was loaded.
    pub(super) fn sensor(
        &mut self,
        codes: Vec<Code>,
        limits: RangeInclusive<f64>,
        patience: Option<usize>,
        spread: &Spread,
        still: &[bool],
        stop: &Stop,
    ) -> Result<Sensor> {
        let mut found = Sensor {
            codes,
            centre: spread.centre,
            width: spread.width(),
            ..Sensor::default()
        };
        self.presence(&mut found, &limits);
        if stop.requested() {
            return Ok(found);
        }
        let changes = self.changes(still, stop);
        found.distinct = self.distinct.len();
        found.kind = kind(&changes, &found, self.column.len());
        found.resolution = match found.kind {
            Kind::Empty | Kind::Constant => f64::NAN,
            _ => grid::resolution(&self.column, stop),
        };
        self.stuck(&mut found, patience, still, stop)?;
        if found.kind == Kind::Continuous && !stop.requested() {
            for stretch in &found.frozen {
                self.column[stretch.start..stretch.end].fill(f64::NAN);
            }
            for (value, _) in self.column.iter_mut().zip(still).filter(|(_, still)| **still) {
                *value = f64::NAN;
            }
            self.levels.take(&self.column, stop);
            let width = if found.width > 0.0 { found.width } else { 0.02 * (found.most - found.least) };
            found.shifts = self.levels.shifts(&self.column, width)?;
            found.wander = self.levels.wander();
        }
        Ok(found)
    }

    /// Gaps, codes, which become gaps, the range and what is beyond limits.
    fn presence(&mut self, found: &mut Sensor, limits: &RangeInclusive<f64>) {
        let rows = self.column.len();
        let mut start = 0;
        let (mut least, mut most) = (f64::INFINITY, f64::NEG_INFINITY);
        for (row, value) in self.column.iter_mut().enumerate() {
            if value.is_nan() {
                continue;
            }
            found.known += 1;
            if row - start > found.gap.rows() {
                found.gap = Stretch { start, end: row };
            }
            start = row + 1;
            if !found.codes.is_empty() && found.codes.iter().any(|code| code.value == *value) {
                *value = f64::NAN;
                continue;
            }
            least = least.min(*value);
            most = most.max(*value);
            found.below += usize::from(*value < *limits.start());
            found.above += usize::from(*value > *limits.end());
        }
        if rows - start > found.gap.rows() {
            found.gap = Stretch { start, end: rows };
        }
        (found.least, found.most) = if least <= most { (least, most) } else { (f64::NAN, f64::NAN) };
    }

    fn changes(&mut self, still: &[bool], stop: &Stop) -> Changes {
        self.distinct.clear();
        let mut changes = Changes {
            least_fall: f64::INFINITY,
            whole: true,
            ..Changes::default()
        };
        let (mut held, mut moved) = (f64::NAN, false);
        for (values, still) in self.column.chunks(STOP_ROWS).zip(still.chunks(STOP_ROWS)) {
            if stop.requested() {
                break;
            }
            for (&value, &still) in values.iter().zip(still) {
                if value.is_nan() {
                    continue;
                }
                if !self.distinct.is_full() {
                    self.distinct.place(value);
                }
                let step = value - held;
                held = value;
                changes.readings += 1;
                changes.whole &= value == value.trunc();
                changes.rises += usize::from(step > 0.0);
                if step < 0.0 {
                    changes.falls += 1;
                    changes.least_fall = changes.least_fall.min(-step);
                }
                let moves = step != 0.0 && !step.is_nan();
                changes.moving += usize::from(!still && !step.is_nan());
                changes.moved += usize::from(!still && moves);
                changes.after_change += usize::from(moved);
                changes.both += usize::from(moved && moves);
                moved = moves;
            }
        }
        changes
    }

    /// Stretches of one reading, far longer than the sensor's usual ones, while the machine moves.
    fn stuck(&mut self, found: &mut Sensor, patience: Option<usize>, still: &[bool], stop: &Stop) -> Result<()> {
        self.lengths.clear();
        let lengths = &mut self.lengths;
        let count = &mut found.still;
        for_runs(&self.column, still, stop, |run| {
            *count += run.still;
            if run.is_own() { lengths.add(run.length) } else { Ok(()) }
        })?;
        let own = if found.kind == Kind::Continuous {
            LEAST_PATIENCE.max(UNUSUAL * lengths.usual())
        } else {
            0
        };
        found.patience = patience.unwrap_or(own);
        if found.patience == 0 {
            return Ok(());
        }
        let (least, readings, frozen) = (found.patience, &mut found.frozen_readings, &mut found.frozen);
        let column = &self.column;
        for_runs(column, still, stop, |run| {
            if run.length <= least || !run.is_own() {
                return Ok(());
            }
            *readings += run.length - 1;
            let repeat = (run.first + 1..=run.last).find(|&row| !column[row].is_nan());
            let stretch = Stretch {
                start: repeat.unwrap_or(run.last),
                end: run.last + 1,
            };
            push(frozen, stretch, "stuck stretches")
        })
    }
}

fn kind(changes: &Changes, found: &Sensor, rows: usize) -> Kind {
    let on = changes.both as f64 / changes.after_change.max(1) as f64;
    let moving = changes.moved as f64 / changes.moving.max(1) as f64;
    let seldom = on < MEASURED && moving < MEASURED;
    match found.distinct {
        0 => Kind::Empty,
        1 => Kind::Constant,
        _ if changes.rises >= RISES / 10
            && found.distinct > STATES
            && changes.falls <= changes.rises / RISES
            && changes.least_fall >= 0.5 * (found.most - found.least) =>
        {
            Kind::Counter
        }
        few if few <= FEW_STATES && few <= (rows / 50).max(2) => Kind::State,
        few if few <= STATES && on < 0.5 && moving < 0.5 => {
            if changes.whole {
                Kind::State
            } else {
                Kind::SetPoint
            }
        }
        values if seldom && 2 * values <= changes.rises + changes.falls => Kind::SetPoint,
        _ => Kind::Continuous,
    }
}
