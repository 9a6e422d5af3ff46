//! What each job of the driver reads, and its own part of the output.

use std::ops::Range;

use ndarray::{ArrayViewMut2, Axis};

use crate::error::Result;
use crate::lanes::LANES;
use crate::memory::{Gather, push};
use crate::packing::{Kept, Run};
use crate::plan::Plan;

/// Eight lanes.
pub(crate) struct Group<'a, T> {
    pub(crate) runs: Vec<Run>,
    /// The output of each run, by block.
    pub(crate) outputs: Vec<Vec<ArrayViewMut2<'a, T>>>,
}

/// The same rows of some neighbouring groups.
pub(crate) struct Job<'a, T> {
    pub(crate) groups: Vec<Group<'a, T>>,
    /// Rows, counted from each segment's start.
    pub(crate) chunk: Range<usize>,
    /// Where the groups are whole, the output of all of them, by block; else none.
    pub(crate) whole: Vec<ArrayViewMut2<'a, T>>,
}

/// The jobs of a plan, each with its own part of the output.
pub(crate) fn jobs<'a, T>(
    plan: &Plan,
    columns: usize,
    blocks: &[usize],
    kept: Kept,
    out: ArrayViewMut2<'a, T>,
) -> Result<Vec<Job<'a, T>>> {
    let what = "the jobs";
    let length = plan.segments[1];
    let mut jobs: Vec<Job<'a, T>> = Vec::new();
    for start in (0..length).step_by(plan.chunk) {
        for first in (0..plan.groups).step_by(plan.band) {
            let groups = (first..(first + plan.band).min(plan.groups)).map(|_| Group {
                runs: Vec::new(),
                outputs: Vec::new(),
            });
            let job = Job {
                groups: groups.gathered(what)?,
                chunk: start..(start + plan.chunk).min(length),
                whole: Vec::new(),
            };
            push(&mut jobs, job, what)?;
        }
    }
    if plan.whole {
        whole_groups(plan, columns, blocks, out, &mut jobs)?;
        return Ok(jobs);
    }
    let mut rest = out;
    for (number, segment) in plan.segments.windows(2).enumerate() {
        for (chunk_number, start) in (segment[0]..segment[1]).step_by(plan.chunk).enumerate() {
            let end = (start + plan.chunk).min(segment[1]);
            let (chunk, below) = rest.split_at(Axis(0), kept.among(start..end));
            rest = below;
            let mut by_block = split_blocks(chunk, columns, blocks)?;
            let mut column = 0;
            while column < columns {
                let lane = number * columns + column;
                let group = lane / LANES;
                let taken = (LANES - lane % LANES).min(columns - column);
                let (band, place) = (group / plan.band, group % plan.band);
                let end_of_band = (band + 1) * plan.band * LANES - number * columns;
                let first_of_band = column == 0 || (place == 0 && lane.is_multiple_of(LANES));
                let run = Run {
                    lane: lane % LANES,
                    columns: column..column + taken,
                    segment: segment[0]..segment[1],
                    fetched: column..if first_of_band { end_of_band.min(columns) } else { column },
                };
                let group = &mut jobs[chunk_number * plan.groups.div_ceil(plan.band) + band].groups[place];
                push(&mut group.runs, run, what)?;
                let outputs = by_block.iter_mut().zip(blocks);
                let outputs = outputs.map(|(block, width)| take_columns(block, taken * width)).gathered(what)?;
                push(&mut group.outputs, outputs, what)?;
                column += taken;
            }
        }
    }
    // The last segment may be shorter than a chunk's start: such jobs lack its lanes, and may have none at all.
    for job in &mut jobs {
        job.groups.retain(|group| !group.runs.is_empty());
    }
    jobs.retain(|job| !job.groups.is_empty());
    Ok(jobs)
}

/// What jobs of groups of eight neighbouring columns each read and write.
fn whole_groups<'a, T>(
    plan: &Plan,
    columns: usize,
    blocks: &[usize],
    out: ArrayViewMut2<'a, T>,
    jobs: &mut [Job<'a, T>],
) -> Result<()> {
    let what = "the jobs";
    let bands = plan.groups.div_ceil(plan.band);
    let mut rest = out;
    for jobs in jobs.chunks_mut(bands) {
        let rows = jobs.first().map_or(0, |job| job.chunk.len());
        let (chunk, below) = rest.split_at(Axis(0), rows);
        rest = below;
        let mut by_block = split_blocks(chunk, columns, blocks)?;
        for (band, job) in jobs.iter_mut().enumerate() {
            let first = band * plan.band;
            let own = first * LANES..((first + plan.band) * LANES).min(columns);
            let outputs = by_block.iter_mut().zip(blocks);
            job.whole = outputs.map(|(block, width)| take_columns(block, own.len() * width)).gathered(what)?;
            for (number, group) in (first..).zip(&mut job.groups) {
                let start = (number * LANES).min(columns - LANES);
                let run = Run {
                    lane: 0,
                    columns: start..start + LANES,
                    segment: 0..plan.segments[1],
                    fetched: start..if number == first { own.end } else { start },
                };
                push(&mut group.runs, run, what)?;
            }
        }
    }
    Ok(())
}

fn split_blocks<'a, T>(
    chunk: ArrayViewMut2<'a, T>,
    columns: usize,
    blocks: &[usize],
) -> Result<Vec<ArrayViewMut2<'a, T>>> {
    let mut rest = chunk;
    let parts = blocks.iter().map(|width| take_columns(&mut rest, columns * width));
    parts.gathered("the jobs")
}

/// Cuts the first columns off `rest`.
fn take_columns<'a, T>(rest: &mut ArrayViewMut2<'a, T>, columns: usize) -> ArrayViewMut2<'a, T> {
    let nothing = ArrayViewMut2::from_shape((0, 0), &mut []).unwrap_or_else(|_| unreachable!("0 x 0 fits"));
    let (taken, below) = std::mem::replace(rest, nothing).split_at(Axis(1), columns);
    *rest = below;
    taken
}
