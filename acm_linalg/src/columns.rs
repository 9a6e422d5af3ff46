//! The driver: walks a matrix (rows = time, columns = sensors) in tiles of eight lanes and hands them to a leaf.
//!
//! A lane is one column, or one segment of a column's rows: nine columns fill their lanes as well as eight do because each
//! is cut into segments whose windows reach back into the rows before them. Segments and chunks lie whole windows apart, so
//! lanes stand at the same place of a block, and a leaf that cuts its blocks at absolute multiples of the window sees the
//! same blocks wherever the work is cut.

use std::ops::Range;

use fearless_simd::{Level, Simd, dispatch};
use ndarray::{ArrayView2, ArrayViewMut2, Axis};

use crate::error::{Error, Result};
use crate::lanes::{Element, LANES, Row};
use crate::packing::{Run, pack, signed, unpack};
use crate::parallel::{self, Stop};

/// Estimated time of one job, so that an interrupt is seen soon and threads finish together.
const JOB_NS: f64 = 4_000_000.0;

/// Input and output of a chunk of rows that stay in the cache of a core.
const NEAR_BYTES: usize = 1 << 18;

/// Part of a column's history that a leaf computes at once.
#[derive(Debug)]
pub struct Tile<'a> {
    /// Rows oldest first: `lead` earlier rows, then the rows to compute. Missing values are NaN; so are rows before the
    /// history's start and after its end.
    pub x: &'a [Row],
    /// Rows of `x` before the first row to compute: as many as [`Leaf::lead`] asks for, less where the history starts.
    pub lead: usize,
    /// Absolute index of the first row to compute, modulo the window; the same in every lane.
    pub phase: usize,
    /// Index of the first row to compute within the caller's array, by lane.
    pub start: [usize; LANES],
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
#[derive(Debug, Clone, Copy, Default)]
pub struct History<'a> {
    /// Absolute index of the array's first row, where it is a piece of a longer history.
    pub first_row: usize,
    /// A value for each column that takes the place of its missing values; none: they stay missing.
    pub fill: Option<&'a [f64]>,
}

/// How lanes and rows are laid out for one call.
#[derive(Debug, Clone, PartialEq)]
struct Plan {
    /// First row of each segment, and the number of rows as the last.
    segments: Vec<usize>,
    /// Rows of a job, counted from its segment's start.
    chunk: usize,
    /// Groups of eight lanes.
    groups: usize,
}

impl Plan {
    fn new(shape: (usize, usize), width: usize, window: usize, tile: usize, cost_ns: f64) -> Self {
        let (rows, columns) = shape;
        let align = window.min(rows);
        let length = |parts: usize| rows.div_ceil(parts).next_multiple_of(align).max(tile.min(rows));
        let effort = |parts: usize| {
            let lanes = columns * rows.div_ceil(length(parts));
            let warm_up = if parts == 1 { 0 } else { window };
            lanes.div_ceil(LANES) * length(parts).saturating_add(warm_up)
        };
        let parts = [1, 2, 4, 8].into_iter().min_by_key(|&parts| effort(parts)).unwrap_or(1);
        let length = length(parts);
        let segments: Vec<usize> = (0..rows).step_by(length).chain([rows]).collect();
        let groups = (columns * (segments.len() - 1)).div_ceil(LANES);

        let work = groups as f64 * length as f64 * LANES as f64 * cost_ns;
        let jobs = (work / JOB_NS).max(8.0 * parallel::num_threads() as f64);
        let wanted = (jobs / groups as f64).ceil();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "at least 1 and far below 2^53"
        )]
        let cuts = wanted as usize;
        // Neighbouring groups share cache lines where rows lie side by side: they meet again before the chunk leaves it.
        let near = NEAR_BYTES / (columns * (1 + width) * size_of::<f64>());
        let shortest = window.saturating_mul(4).max(512);
        let chunk = length
            .div_ceil(cuts)
            .min(near)
            .max(shortest)
            .min(length)
            .next_multiple_of(align)
            .min(length);
        Self {
            segments,
            chunk: chunk.max(1),
            groups,
        }
    }
}

struct Job<'a, T> {
    runs: Vec<Run>,
    /// Rows, counted from each segment's start.
    chunk: Range<usize>,
    /// The output of each run, by block.
    outputs: Vec<Vec<ArrayViewMut2<'a, T>>>,
}

/// Computes `leaf` over every column of `x` into `out`.
///
/// Shapes: x (n, d), out (n, d * sum(blocks)); blocks stand one after the other, each with its results of a column
/// adjacent.
///
/// # Errors
/// [`Error::Shape`] for another `out`, [`Error::Length`] for another `fill`; [`Error::Memory`]; [`Error::Interrupted`].
pub fn run<T: Element, L: Leaf>(
    leaf: &L,
    x: ArrayView2<'_, T>,
    history: History<'_>,
    out: ArrayViewMut2<'_, T>,
) -> Result<()> {
    let (rows, columns) = x.dim();
    let blocks = leaf.blocks();
    let width: usize = blocks.iter().sum();
    let expected = (rows, columns.saturating_mul(width));
    if out.dim() != expected {
        return Err(Error::Shape {
            name: "out",
            expected,
            got: out.dim(),
        });
    }
    if let Some(fill) = history.fill
        && !x.is_empty()
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

    let window = leaf.window();
    let plan = Plan::new((rows, columns), width, window, leaf.tile_rows(), leaf.cost_ns());
    let tile_rows = leaf.tile_rows().min(plan.chunk);
    let lead_limit = leaf.lead(history.first_row.saturating_add(rows)).min(rows);
    // Room to go on for a while before the rows that the next tile looks back on are moved to the front.
    let room = lead_limit + tile_rows.max(lead_limit.min(plan.chunk));
    let jobs = jobs(&plan, columns, &blocks, out);
    let cost = leaf.cost_ns() * (plan.groups * LANES) as f64 * plan.segments[1] as f64;
    let level = Level::new();
    parallel::run(
        jobs,
        cost,
        || {
            Ok((
                allocate(room, "a tile of rows")?,
                allocate(tile_rows * width, "a tile of results")?,
                leaf.scratch(rows)?,
            ))
        },
        |(packed, results, scratch), mut job, stop| {
            let lanes = job.runs.iter().map(|run| run.columns.len()).sum();
            let start = job.chunk.start;
            let earliest = job.runs.iter().map(|run| run.segment.start).max().unwrap_or(0) + start;
            let lead = lead_limit.min(earliest);
            let mut tile_start = start;
            let buffer = &mut packed[..lead];
            dispatch!(level, simd => pack(simd, &x, &job.runs, signed(start) - signed(lead), history.fill, buffer));
            let mut held = 0..lead;
            while tile_start < job.chunk.end && !stop.requested() {
                let tile_end = (tile_start + tile_rows).min(job.chunk.end);
                let fresh = tile_end - tile_start;
                let lead = held.len().min(lead_limit);
                held.start = held.end - lead;
                if held.end + fresh > packed.len() {
                    packed.copy_within(held, 0);
                    held = 0..lead;
                }
                let buffer = &mut packed[held.end..held.end + fresh];
                dispatch!(level, simd => pack(simd, &x, &job.runs, signed(tile_start), history.fill, buffer));
                held.end += fresh;
                let mut first = [0; LANES];
                for run in &job.runs {
                    first[run.lane..run.lane + run.columns.len()].fill(run.segment.start + tile_start);
                }
                let tile = Tile {
                    x: &packed[held.clone()],
                    lead,
                    phase: (first[0] % window + history.first_row % window) % window,
                    start: first,
                    lanes,
                    continues: tile_start > start,
                    stop,
                };
                let results = &mut results[..fresh * width];
                compute(level, leaf, scratch, &tile, results);
                let outputs = &mut job.outputs;
                dispatch!(level, _ => unpack(results, &job.runs, &blocks, tile_start - start, fresh, outputs));
                tile_start = tile_end;
            }
        },
    )
}

/// The leaf on this processor's instructions; apart from [`run`] so that both float types share it.
#[inline(never)]
fn compute<L: Leaf>(level: Level, leaf: &L, scratch: &mut L::Scratch, tile: &Tile<'_>, results: &mut [Row]) {
    dispatch!(level, simd => leaf.tile(simd, scratch, tile, results));
}

/// Rows of memory, or the error that says what did not fit.
///
/// # Errors
/// [`Error::Memory`].
pub fn allocate(rows: usize, what: &'static str) -> Result<Vec<Row>> {
    reserve(rows, Row::default(), what)
}

/// Memory for `length` values, all `value`, or the error that says what did not fit.
///
/// # Errors
/// [`Error::Memory`].
pub fn reserve<T: Clone>(length: usize, value: T, what: &'static str) -> Result<Vec<T>> {
    let mut memory = Vec::new();
    memory.try_reserve_exact(length).map_err(|_| Error::Memory {
        what,
        rows: length,
        columns: 1,
    })?;
    memory.resize(length, value);
    Ok(memory)
}

fn jobs<'a, T>(plan: &Plan, columns: usize, blocks: &[usize], out: ArrayViewMut2<'a, T>) -> Vec<Job<'a, T>> {
    let length = plan.segments[1];
    let mut jobs: Vec<Job<'a, T>> = Vec::new();
    for start in (0..length).step_by(plan.chunk) {
        for _ in 0..plan.groups {
            jobs.push(Job {
                runs: Vec::new(),
                chunk: start..(start + plan.chunk).min(length),
                outputs: Vec::new(),
            });
        }
    }
    let mut rest = out;
    for (number, segment) in plan.segments.windows(2).enumerate() {
        let (here, below) = rest.split_at(Axis(0), segment[1] - segment[0]);
        rest = below;
        let mut rest_here = here;
        let mut chunk_number = 0;
        while rest_here.nrows() > 0 {
            let rows = plan.chunk.min(rest_here.nrows());
            let (chunk, below) = rest_here.split_at(Axis(0), rows);
            rest_here = below;
            let mut by_block = split_blocks(chunk, columns, blocks);
            let mut column = 0;
            while column < columns {
                let lane = number * columns + column;
                let group = lane / LANES;
                let taken = (LANES - lane % LANES).min(columns - column);
                let job = &mut jobs[chunk_number * plan.groups + group];
                job.runs.push(Run {
                    lane: lane % LANES,
                    columns: column..column + taken,
                    segment: segment[0]..segment[1],
                });
                job.outputs.push(
                    by_block
                        .iter_mut()
                        .zip(blocks)
                        .map(|(block, width)| take_columns(block, taken * width))
                        .collect(),
                );
                column += taken;
            }
            chunk_number += 1;
        }
    }
    // The last segment may be shorter than a chunk's start: such jobs lack its lanes, and may have none at all.
    jobs.retain(|job| !job.runs.is_empty());
    jobs
}

fn split_blocks<'a, T>(chunk: ArrayViewMut2<'a, T>, columns: usize, blocks: &[usize]) -> Vec<ArrayViewMut2<'a, T>> {
    let mut rest = chunk;
    blocks.iter().map(|width| take_columns(&mut rest, columns * width)).collect()
}

/// Cuts the first columns off `rest`.
fn take_columns<'a, T>(rest: &mut ArrayViewMut2<'a, T>, columns: usize) -> ArrayViewMut2<'a, T> {
    let nothing = ArrayViewMut2::from_shape((0, 0), &mut []).unwrap_or_else(|_| unreachable!("0 x 0 fits"));
    let (taken, below) = std::mem::replace(rest, nothing).split_at(Axis(1), columns);
    *rest = below;
    taken
}
