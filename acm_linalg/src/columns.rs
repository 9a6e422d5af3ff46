//! The driver: walks a matrix (rows = time, columns = sensors) in tiles of eight lanes and hands them to a leaf.
//!
//! A lane is one column, or one segment of a column's rows: nine columns fill their lanes as well as eight do because each
//! is cut into segments whose windows reach back into the rows before them. Segments and chunks lie whole windows apart, so
//! lanes stand at the same place of a block, and a leaf that cuts its blocks at absolute multiples of the window sees the
//! same blocks wherever the work is cut. Where the values of a row lie side by side and a value takes little time, lanes are
//! eight neighbouring columns instead, copied at once; what is left of the columns is computed with some of those before.

use std::num::NonZero;
use std::ops::Range;

use fearless_simd::{Level, Simd, dispatch};
use ndarray::ArrayViewMut2;

use crate::error::{Error, Result};
use crate::jobs::jobs;
use crate::lanes::{Element, LANES, Row};
pub use crate::memory::reserve;
use crate::memory::{Gather, reserved};
use crate::packing::{Kept, Run, pack, signed};
use crate::parallel::{self, Stop};
use crate::plan::{Demand, GATHERED_BYTES, Plan};
pub use crate::source::{Pick, Plane, Source};
use crate::unpacking::{Waiting, unpack};

/// Rows that a job reads before its first between two looks at whether to stop.
const STOP_ROWS: usize = 1 << 14;

/// Part of a column's history that a leaf computes at once.
#[derive(Debug)]
pub struct Tile<'a> {
    /// Rows oldest first: `lead` earlier rows, then the rows to compute. Missing values are NaN; so are rows before the
    /// history's start and after its end.
    pub x: &'a [Row],
    /// The same rows of the second input; `x` again where there is none.
    pub y: &'a [Row],
    /// Rows of `x` before the first row to compute: as many as [`Leaf::lead`] asks for, less where the history starts.
    pub lead: usize,
    /// Absolute index of the first row to compute, modulo the window; the same in every lane.
    pub phase: usize,
    /// Index of the first row to compute within the caller's array, by lane; beyond its end where the history's `ahead`
    /// leads there.
    pub start: [usize; LANES],
    /// Index within the caller's array from which on there are no results to keep: a lane may have been cut to more rows.
    pub end: usize,
    /// Rows that `x` is late: where `start` says row t, it holds row t less this.
    pub late: usize,
    /// Lanes in use; the rest hold 0 and their results are dropped.
    pub lanes: usize,
    /// Whether the tile continues the one before it in the same job: state kept in the scratch is still true.
    pub continues: bool,
    /// To look at during long work.
    pub stop: &'a Stop,
}

impl Tile<'_> {
    /// Rows to compute.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.x.len() - self.lead
    }
}

/// What computes the rows of a tile. Infallible; allocates nothing outside [`Leaf::scratch`].
pub trait Leaf: Sync {
    /// What a thread keeps between tiles.
    type Scratch: Send;

    /// Results for a column, by block of the output: block `b` holds `blocks()[b]` adjacent results of each column.
    fn blocks(&self) -> Vec<usize>;

    /// Rows a result looks at, its own included.
    fn window(&self) -> usize;

    /// Rows before a tile that the leaf wants to see, in a history that ends before absolute row `end`.
    fn lead(&self, end: usize) -> usize {
        let _ = end;
        self.window() - 1
    }

    /// Rows between the starts of the blocks that the leaf cuts time into; none where the rows alone do not say. Lanes are
    /// then columns only, never segments of one.
    fn block(&self) -> Option<usize> {
        Some(self.window())
    }

    /// Rows to compute at once; a multiple of the window where the window is the smaller.
    fn tile_rows(&self) -> usize;

    /// Estimated time for one value on one thread, in nanoseconds.
    fn cost_ns(&self) -> f64;

    /// A thread's own memory for a history of `rows` rows.
    ///
    /// # Errors
    /// [`Error::Memory`].
    fn scratch(&self, rows: usize) -> Result<Self::Scratch>;

    /// Computes the rows of `tile` into `out`, `sum(blocks())` results a row.
    fn tile<S: Simd>(&self, simd: S, scratch: &mut Self::Scratch, tile: &Tile<'_>, out: &mut [Row]);
}

/// How the history's rows are counted and what stands for its missing values.
#[derive(Debug, Clone, Copy)]
pub struct History<'a> {
    /// Absolute index of the array's first row, where it is a piece of a longer history.
    pub first_row: usize,
    /// A value for each column that takes the place of its missing values; none: they stay missing.
    pub fill: Option<&'a [f64]>,
    /// Each row's result is what the leaf computes so many rows later; beyond the array's end everything is missing.
    pub ahead: usize,
    /// Results are kept for the rows whose absolute index is a multiple of this.
    pub step: NonZero<usize>,
}

impl Default for History<'_> {
    fn default() -> Self {
        Self {
            first_row: 0,
            fill: None,
            ahead: 0,
            step: NonZero::<usize>::MIN,
        }
    }
}

impl History<'_> {
    /// Rows of the results for an array of `rows` rows.
    #[must_use]
    pub fn kept(&self, rows: usize) -> usize {
        Kept::new(self.first_row, self.step).among(0..rows)
    }
}

/// A leaf, whichever it is: behind this the driver is compiled once for each type of number, not for each leaf as well.
trait Asked: Sync {
    fn facts(&self) -> Facts;

    fn lead(&self, end: usize) -> usize;

    fn hire(&self, rows: usize) -> Result<Box<dyn Worker + '_>>;
}

/// What a leaf says of itself.
struct Facts {
    blocks: Vec<usize>,
    window: usize,
    block: Option<usize>,
    tile_rows: usize,
    cost_ns: f64,
}

/// A leaf with a thread's own memory.
trait Worker {
    fn compute(&mut self, level: Level, tile: &Tile<'_>, results: &mut [Row]);
}

struct Any<'l, L>(&'l L);

struct Hired<'l, L: Leaf> {
    leaf: &'l L,
    scratch: L::Scratch,
}

impl<L: Leaf> Asked for Any<'_, L> {
    fn facts(&self) -> Facts {
        Facts {
            blocks: self.0.blocks(),
            window: self.0.window(),
            block: self.0.block(),
            tile_rows: self.0.tile_rows(),
            cost_ns: self.0.cost_ns(),
        }
    }

    fn lead(&self, end: usize) -> usize {
        self.0.lead(end)
    }

    fn hire(&self, rows: usize) -> Result<Box<dyn Worker + '_>> {
        let scratch = self.0.scratch(rows)?;
        Ok(Box::new(Hired { leaf: self.0, scratch }))
    }
}

impl<L: Leaf> Worker for Hired<'_, L> {
    fn compute(&mut self, level: Level, tile: &Tile<'_>, results: &mut [Row]) {
        compute(level, self.leaf, &mut self.scratch, tile, results);
    }
}

/// The leaf on this processor's instructions. What is generic and never inlined, crates share; else each that names the leaf
/// would compile it anew.
#[inline(never)]
fn compute<L: Leaf>(level: Level, leaf: &L, scratch: &mut L::Scratch, tile: &Tile<'_>, results: &mut [Row]) {
    dispatch!(level, simd => leaf.tile(simd, scratch, tile, results));
}

/// Computes `leaf` over every column of `x` into `out`.
///
/// Shapes: x (n, d), out (rows kept of n, d * sum(blocks)); blocks stand one after the other, each with its results of a
/// column adjacent.
///
/// # Errors
/// [`Error::Shape`] for another `out`, [`Error::Length`] for another `fill`; [`Error::Memory`]; [`Error::Interrupted`].
pub fn run<'a, T: Element, L: Leaf>(
    leaf: &L,
    x: impl Into<Source<'a, T>>,
    history: History<'_>,
    out: ArrayViewMut2<'_, T>,
) -> Result<()> {
    walk(&Any(leaf), x.into(), history, out)
}

#[inline(never)]
fn walk<T: Element>(
    leaf: &dyn Asked,
    source: Source<'_, T>,
    history: History<'_>,
    out: ArrayViewMut2<'_, T>,
) -> Result<()> {
    let (rows, columns) = (source.rows(), source.columns());
    let Facts {
        blocks,
        window,
        block,
        tile_rows,
        cost_ns,
    } = leaf.facts();
    let width: usize = blocks.iter().sum();
    let expected = (history.kept(rows), columns.saturating_mul(width));
    if out.dim() != expected {
        return Err(Error::Shape {
            name: "out",
            expected,
            got: out.dim(),
        });
    }
    if let Some(fill) = history.fill
        && rows > 0
        && columns > 0
        && fill.len() != columns
    {
        return Err(Error::Length {
            name: "fill",
            expected: columns,
            got: fill.len(),
        });
    }
    if rows == 0 || columns == 0 || width == 0 {
        return Ok(());
    }

    let History { ahead, step, .. } = history;
    let planes = source.planes().gathered("the arrays")?;
    let late = planes[0].late;
    let plan = Plan::new(&Demand {
        shape: (rows, columns),
        width,
        window,
        block,
        step: step.get(),
        tile: tile_rows,
        cost_ns,
        side_by_side: step.get() == 1 && out.strides()[1] == 1 && planes.iter().all(Plane::side_by_side),
    })?;
    let tile_rows = tile_rows.min(plan.chunk);
    // Results of neighbouring groups wait for each other, so that each row is written from its first column to its last: eight
    // columns of each row alone fill their cache lines in part, again and again.
    let gathered = plan.whole && plan.band * plan.chunk * width * size_of::<Row>() <= GATHERED_BYTES;
    let waiting = if gathered { plan.band * plan.chunk } else { tile_rows };
    let reach = rows.saturating_add(ahead);
    // Seen from other rows a history's first one need not start a block: all that a window spans is looked back on.
    let end = if ahead == 0 && late == 0 {
        history.first_row.saturating_add(rows)
    } else {
        usize::MAX
    };
    let lead_limit = leaf.lead(end).min(reach);
    // Room to go on for a while before the rows that the next tile looks back on are moved to the front.
    let room = lead_limit + tile_rows.max(lead_limit.min(plan.chunk));
    let kept = Kept::new(history.first_row, step);
    let jobs = jobs(&plan, columns, &blocks, kept, out)?;
    let cost = cost_ns * (plan.groups * LANES) as f64 * plan.segments[1] as f64;
    let level = Level::new();
    parallel::run(
        jobs,
        cost,
        || {
            Ok((
                planes.iter().map(|_| reserved(room, "a tile of rows")).gathered_ok("a tile of rows")?,
                allocate(waiting * width, "a tile of results")?,
                leaf.hire(reach)?,
            ))
        },
        |(packed, results, worker), mut job, stop| {
            for (number, group) in job.groups.iter_mut().enumerate() {
                let lanes = group.runs.iter().map(|run| run.columns.len()).sum();
                let start = job.chunk.start;
                let earliest = group.runs.iter().map(|run| run.segment.start).max().unwrap_or(0) + start + ahead;
                let lead = lead_limit.min(earliest);
                let mut tile_start = start;
                for from in (0..lead).step_by(STOP_ROWS) {
                    if stop.requested() {
                        return;
                    }
                    let rows = from..(from + STOP_ROWS).min(lead);
                    for (plane, packed) in planes.iter().zip(&mut *packed) {
                        let first = signed(start + ahead + from) - signed(lead) - signed(plane.late);
                        let buffer = reach_to(packed, rows.clone());
                        take(level, plane, &group.runs, first, history.fill, buffer);
                    }
                }
                let mut held = 0..lead;
                while tile_start < job.chunk.end && !stop.requested() {
                    let tile_end = (tile_start + tile_rows).min(job.chunk.end);
                    let fresh = tile_end - tile_start;
                    let lead = held.len().min(lead_limit);
                    held.start = held.end - lead;
                    let full = held.end + fresh > room;
                    for (plane, packed) in planes.iter().zip(&mut *packed) {
                        if full {
                            packed.copy_within(held.clone(), 0);
                        }
                        let end = if full { lead } else { held.end };
                        let first = signed(tile_start + ahead) - signed(plane.late);
                        let buffer = reach_to(packed, end..end + fresh);
                        take(level, plane, &group.runs, first, history.fill, buffer);
                    }
                    if full {
                        held = 0..lead;
                    }
                    held.end += fresh;
                    let mut first = [0; LANES];
                    for run in &group.runs {
                        first[run.lane..run.lane + run.columns.len()].fill(run.segment.start + tile_start + ahead);
                    }
                    let tile = Tile {
                        x: &packed[0][held.clone()],
                        y: &packed[planes.len() - 1][held.clone()],
                        lead,
                        phase: (first[0] % window + history.first_row % window + window - late % window) % window,
                        start: first,
                        end: reach,
                        late,
                        lanes,
                        continues: tile_start > start,
                        stop,
                    };
                    let place = if gathered { number * plan.chunk + tile_start - start } else { 0 };
                    let results = &mut results[place * width..][..fresh * width];
                    worker.compute(level, &tile, results);
                    let rows = tile_start..tile_end;
                    if !plan.whole {
                        put(level, results, &group.runs, &blocks, (start, rows), kept, &mut group.outputs);
                    } else if !gathered {
                        let waiting = Waiting {
                            results,
                            apart: fresh,
                            groups: number..number + 1,
                            blocks: &blocks,
                        };
                        put_whole(level, &waiting, tile_start - start..tile_end - start, &mut job.whole);
                    }
                    tile_start = tile_end;
                }
            }
            if gathered && !stop.requested() {
                let waiting = Waiting {
                    results,
                    apart: plan.chunk,
                    groups: 0..job.groups.len(),
                    blocks: &blocks,
                };
                put_whole(level, &waiting, 0..job.chunk.len(), &mut job.whole);
            }
        },
    )
}

// Out of line: the loop over the tiles has no instructions of the processor's kind.
#[inline(never)]
fn take<T: Element>(
    level: Level,
    plane: &Plane<'_, T>,
    runs: &[Run],
    first: isize,
    fill: Option<&[f64]>,
    buffer: &mut [Row],
) {
    dispatch!(level, simd => pack(simd, plane, runs, first, fill, buffer));
}

#[inline(never)]
fn put<T: Element>(
    level: Level,
    results: &mut [Row],
    runs: &[Run],
    blocks: &[usize],
    rows: (usize, Range<usize>),
    kept: Kept,
    outputs: &mut [Vec<ArrayViewMut2<'_, T>>],
) {
    dispatch!(level, simd => unpack(simd, results, runs, blocks, rows, kept, outputs));
}

#[inline(never)]
fn put_whole<T: Element>(
    level: Level,
    results: &Waiting<'_>,
    rows: Range<usize>,
    outputs: &mut [ArrayViewMut2<'_, T>],
) {
    dispatch!(level, simd => results.unpack(simd, rows, outputs));
}

/// These rows of the memory, which grows to have them: a long window's take a while to touch.
fn reach_to(memory: &mut Vec<Row>, rows: Range<usize>) -> &mut [Row] {
    if memory.len() < rows.end {
        memory.resize(rows.end, Row::default());
    }
    &mut memory[rows]
}

/// Rows of memory, or the error that says what did not fit.
///
/// # Errors
/// [`Error::Memory`].
pub fn allocate(rows: usize, what: &'static str) -> Result<Vec<Row>> {
    reserve(rows, Row::default(), what)
}
