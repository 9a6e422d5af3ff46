//! What control charts share: a step a value, a memory a column, and the walk over an array.

use std::fmt::Debug;

use acm_linalg::error::require;
use acm_linalg::lanes::Element;
use acm_linalg::memory::Gather;
use acm_linalg::parallel::{self, Stop};
use acm_linalg::samples::room;
use acm_linalg::{Error, Memory, Persist, Reader, Result, Samples, Table, Writer};
use ndarray::{ArrayViewMut1, ArrayViewMut2, Axis, s};

/// Columns to a job: the doubles of a cache line of a row.
const GROUP: usize = 8;

/// Rows between two looks at the request to stop; a group's block of them stays in the second-level cache.
const BLOCK: usize = 1024;

/// Most rows that go through no block.
const FEW: usize = 4;

/// One number for all columns, or one for each.
#[derive(Debug, Clone, PartialEq)]
pub struct Levels(Vec<f64>);

impl Levels {
    /// The same number for every column.
    #[must_use]
    pub fn all(value: f64) -> Self {
        Self(vec![value])
    }

    /// A number for each column; one number alone stands for all.
    #[must_use]
    pub fn each(values: Vec<f64>) -> Self {
        Self(values)
    }

    /// The numbers as given.
    #[must_use]
    pub fn values(&self) -> &[f64] {
        &self.0
    }

    #[inline(always)]
    pub(super) fn of(&self, column: usize) -> f64 {
        self.0.get(column).or_else(|| self.0.first()).copied().unwrap_or(f64::NAN)
    }

    pub(super) fn require(&self, name: &'static str, requirement: &'static str, holds: fn(f64) -> bool) -> Result<()> {
        require(!self.0.is_empty(), name, "a number, or one for each column", f64::NAN)?;
        self.0.iter().try_for_each(|&value| require(holds(value), name, requirement, value))
    }

    pub(super) fn fit(&self, name: &'static str, columns: usize) -> Result<()> {
        if self.0.len() == 1 || self.0.len() == columns {
            Ok(())
        } else {
            Err(Error::Length {
                name,
                expected: columns,
                got: self.0.len(),
            })
        }
    }

    pub(super) fn write(&self, name: &'static str, to: &mut Writer) {
        to.reals(name, &self.0);
    }

    pub(super) fn read(name: &'static str, from: &Reader<'_>) -> Result<Self> {
        Ok(Self(from.reals(name, from.length(name)?)?))
    }
}

/// A control chart: how its memory of a column moves with the next value.
pub trait Chart: Persist + Clone + PartialEq + Debug + Sync {
    /// Numbers that [`Self::Memory`] is saved as.
    const WIDTH: usize;

    /// What is kept of a column; the default is the fresh state.
    type Memory: Clone + Default + PartialEq + Debug + Send;

    /// Two statistics and whether they give an alarm. A missing value (`None`) moves nothing and alarms nobody. An infinite
    /// one is beyond every limit, but has no size: its row gives an alarm, and what is remembered stays.
    fn step(&self, column: usize, memory: &mut Self::Memory, value: Option<f64>) -> ([f64; 2], bool);

    /// `Ok` where the parameters suit that many columns.
    ///
    /// # Errors
    /// [`Error::Length`].
    fn suits(&self, columns: usize) -> Result<()>;

    /// The memory as [`Self::WIDTH`] numbers.
    fn save(memory: &Self::Memory, to: &mut Vec<f64>);

    /// The memory back from its numbers, unless no chart could have reached it.
    fn load(from: &[f64]) -> Option<Self::Memory>;
}

/// Where the results go: two statistics and the alarm, each of the shape of the rows.
pub struct Charted<'a> {
    /// The first statistic.
    pub first: ArrayViewMut2<'a, f64>,
    /// The second statistic.
    pub second: ArrayViewMut2<'a, f64>,
    /// Whether the row gives an alarm.
    pub alarm: ArrayViewMut2<'a, bool>,
}

/// What a chart remembers of each column.
#[derive(Debug, Clone, PartialEq)]
pub struct ChartMemory<C: Chart> {
    /// None before the first rows.
    memories: Vec<C::Memory>,
}

impl<C: Chart> Default for ChartMemory<C> {
    fn default() -> Self {
        Self { memories: Vec::new() }
    }
}

impl<C: Chart> ChartMemory<C> {
    /// The next rows. NaN is missing; infinity is beyond every limit. An error leaves the memory as it was.
    ///
    /// Cost: O(n d). Threads: columns.
    ///
    /// # Errors
    /// [`Error::Columns`] with another number of columns than before; [`Error::Length`] where a parameter has a number for
    /// each of other columns; [`Error::Shape`]; [`Error::Memory`]; [`Error::Interrupted`].
    pub fn update(&mut self, chart: &C, x: Samples<'_>, out: Charted<'_>) -> Result<()> {
        let shape = (x.rows(), x.columns());
        if !self.memories.is_empty() {
            x.require_columns(self.memories.len())?;
        }
        chart.suits(shape.1)?;
        for (name, got) in [
            ("out", out.first.dim()),
            ("out", out.second.dim()),
            ("out", out.alarm.dim()),
        ] {
            if got != shape {
                return Err(Error::Shape {
                    name,
                    expected: shape,
                    got,
                });
            }
        }
        let mut memories = if self.memories.is_empty() {
            room(shape.1, 1, C::Memory::default(), "the memory of each column")?
        } else {
            self.memories.iter().cloned().gathered("the memory of each column")?
        };
        match x {
            Samples::F64(x) => walk(chart, &mut memories, x, out)?,
            Samples::F32(x) => walk(chart, &mut memories, x, out)?,
        }
        self.memories = memories;
        Ok(())
    }
}

/// Estimated time for a value, in nanoseconds.
const COST_NS: f64 = 5.0;

fn walk<T: Element, C: Chart>(chart: &C, memories: &mut [C::Memory], x: Table<'_, T>, out: Charted<'_>) -> Result<()> {
    let Charted {
        mut first,
        mut second,
        mut alarm,
    } = out;
    if x.nrows() <= FEW {
        for ((row, column), first) in first.indexed_iter_mut() {
            let value = x.value(row, column).widen();
            let known = (!value.is_nan()).then_some(value);
            let (found, alarms) = chart.step(column, &mut memories[column], known);
            ([*first, second[[row, column]]], alarm[[row, column]]) = (found, alarms);
        }
        return Ok(());
    }
    let groups = (0..x.ncols())
        .step_by(GROUP)
        .map(|first| x.of_neighbours(first..x.ncols().min(first + GROUP)));
    let jobs = memories
        .chunks_mut(GROUP)
        .zip(groups)
        .zip(first.axis_chunks_iter_mut(Axis(1), GROUP))
        .zip(second.axis_chunks_iter_mut(Axis(1), GROUP))
        .zip(alarm.axis_chunks_iter_mut(Axis(1), GROUP))
        .enumerate();
    parallel::run(jobs, COST_NS * x.len() as f64, Scratch::new, |scratch, (number, job), stop| {
        let ((((memories, x), first), second), alarm) = job;
        group(chart, number * GROUP, memories, x, Charted { first, second, alarm }, scratch, stop);
    })
}

/// A column's block in a row: arrays of any layout are walked once to fill it and once to empty each of its results.
struct Scratch {
    values: Vec<f64>,
    first: Vec<f64>,
    second: Vec<f64>,
    alarm: Vec<bool>,
}

impl Scratch {
    fn new() -> Result<Self> {
        Ok(Self {
            values: room(BLOCK, 1, 0.0, "a block of values")?,
            first: room(BLOCK, 1, 0.0, "a block of statistics")?,
            second: room(BLOCK, 1, 0.0, "a block of statistics")?,
            alarm: room(BLOCK, 1, false, "a block of alarms")?,
        })
    }
}

fn group<T: Element, C: Chart>(
    chart: &C,
    column: usize,
    memories: &mut [C::Memory],
    x: Table<'_, T>,
    mut out: Charted<'_>,
    scratch: &mut Scratch,
    stop: &Stop,
) {
    for start in (0..x.nrows()).step_by(BLOCK) {
        if stop.requested() {
            return;
        }
        let rows = start..(start + BLOCK).min(x.nrows());
        for (lane, memory) in memories.iter_mut().enumerate() {
            let Scratch {
                values,
                first,
                second,
                alarm,
            } = &mut *scratch;
            let from = x.column(lane).slice_move(s![rows.clone()]);
            values.iter_mut().zip(from).for_each(|(to, from)| *to = from.widen());
            let mut moving = memory.clone();
            let places = values.iter().zip(&mut *first).zip(&mut *second).zip(&mut *alarm).take(rows.len());
            for (((&value, first), second), alarm) in places {
                let known = (!value.is_nan()).then_some(value);
                ([*first, *second], *alarm) = chart.step(column + lane, &mut moving, known);
            }
            *memory = moving;
            put(out.first.slice_mut(s![rows.clone(), lane]), first);
            put(out.second.slice_mut(s![rows.clone(), lane]), second);
            put(out.alarm.slice_mut(s![rows.clone(), lane]), alarm);
        }
    }
}

fn put<T: Copy>(column: ArrayViewMut1<'_, T>, from: &[T]) {
    column.into_iter().zip(from).for_each(|(to, from)| *to = *from);
}

impl<C: Chart> Memory for ChartMemory<C> {
    fn write(&self, to: &mut Writer) {
        if self.memories.is_empty() {
            return;
        }
        let mut numbers = Vec::with_capacity(self.memories.len() * C::WIDTH);
        self.memories.iter().for_each(|memory| C::save(memory, &mut numbers));
        to.reals("live.columns", &numbers);
    }

    fn read(from: &Reader<'_>) -> Result<Self> {
        if !from.has("live.columns") {
            return Ok(Self::default());
        }
        let length = from.length("live.columns")?;
        from.require(length.is_multiple_of(C::WIDTH), "live.columns")?;
        let numbers = from.reals("live.columns", length)?;
        let memories: Option<Vec<_>> = numbers.chunks_exact(C::WIDTH).map(C::load).collect();
        let memories = memories.ok_or_else(|| from.wrong("live.columns"))?;
        Ok(Self { memories })
    }

    fn copy(&self) -> Result<Self> {
        let mut memories = room(self.memories.len(), 1, C::Memory::default(), "the memory of each column")?;
        memories.clone_from_slice(&self.memories);
        Ok(Self { memories })
    }
}

/// `value` where it is finite, else the nearest finite number: sums stay ordered however huge the values.
#[inline(always)]
pub(super) fn bounded(value: f64) -> f64 {
    value.clamp(-f64::MAX, f64::MAX)
}
