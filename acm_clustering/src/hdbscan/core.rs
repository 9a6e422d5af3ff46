//! Core distances: how far each row is from the `min_samples`-th nearest one, itself the first.

use acm_linalg::lanes::{LANES, Row, V};
use acm_linalg::memory::{reserve, reserved, room};
use acm_linalg::{Result, parallel};
use fearless_simd::{Level, Simd, dispatch, prelude::*};

use super::tree::{Search, Stack, Tree, least};

/// Groups of a job.
const JOB: usize = 16;

/// Most neighbours that are kept in order; more are collected, and all but the nearest thrown away at times.
const ORDERED: usize = 32;

/// Estimated time for a row and neighbour and for a column, in nanoseconds.
const COST_NS: f64 = 60.0;

/// The least squared distances seen so far by eight rows, a lane each.
pub(super) enum Nearest {
    /// All of them, the least first.
    Ordered(Vec<Row>),
    /// The least and some more for each lane, and the limit of what is still of interest.
    Collected {
        count: usize,
        seen: Vec<Vec<f64>>,
        limit: Row,
    },
}

impl Nearest {
    pub(super) fn new(count: usize) -> Result<Self> {
        const WHAT: &str = "the nearest rows";
        if count <= ORDERED {
            return Ok(Self::Ordered(room(count, 1, Row::splat(0.0), WHAT)?));
        }
        let mut seen = reserved(LANES, WHAT)?;
        for _ in 0..LANES {
            seen.push(reserved(2 * count, WHAT)?);
        }
        Ok(Self::Collected {
            count,
            seen,
            limit: Row::splat(0.0),
        })
    }

    /// Forgets what was seen; lanes from `rows` on look for nothing.
    pub(super) fn clear(&mut self, rows: usize) {
        let mut limits = Row::splat(f64::INFINITY);
        limits.0[rows..].fill(f64::NEG_INFINITY);
        match self {
            Self::Ordered(list) => list.fill(limits),
            Self::Collected { seen, limit, .. } => {
                seen.iter_mut().for_each(Vec::clear);
                *limit = limits;
            }
        }
    }

    /// What is this far or farther is of no interest.
    #[inline(always)]
    fn limit<S: Simd>(&self, simd: S) -> V<S> {
        match self {
            Self::Ordered(list) => list[list.len() - 1].load(simd),
            Self::Collected { limit, .. } => limit.load(simd),
        }
    }

    /// The greatest of those that were looked for.
    pub(super) fn last(&mut self) -> Row {
        match self {
            Self::Ordered(list) => list[list.len() - 1],
            Self::Collected { count, seen, limit } => {
                for (lane, seen) in seen.iter_mut().enumerate().filter(|(_, seen)| seen.len() >= *count) {
                    limit.0[lane] = keep(seen, *count);
                }
                *limit
            }
        }
    }
}

/// Throws away all but the `count` least; the greatest of them.
fn keep(seen: &mut Vec<f64>, count: usize) -> f64 {
    let last = *seen.select_nth_unstable_by(count - 1, f64::total_cmp).1;
    seen.truncate(count);
    last
}

impl<S: Simd> Search<S> for Nearest {
    #[inline(always)]
    fn worth(&self, simd: S, _: &Tree, _: u32, least: V<S>) -> bool {
        least.simd_lt(self.limit(simd)).any_true()
    }

    #[inline(always)]
    fn meet(&mut self, simd: S, _: usize, rows: usize, found: &[V<S>; LANES]) {
        if !least(found, rows).simd_lt(self.limit(simd)).any_true() {
            return;
        }
        for square in &found[..rows] {
            let mut new = *square;
            let closer = new.simd_lt(self.limit(simd));
            if !closer.any_true() {
                continue;
            }
            match self {
                Self::Ordered(list) => {
                    for place in list {
                        let before = place.load(simd);
                        place.store(before.min(new));
                        new = before.max(new);
                    }
                }
                Self::Collected { count, seen, limit } => {
                    let square: [f64; LANES] = new.into();
                    let mut closer = closer.to_bitmask();
                    while closer != 0 {
                        let lane = closer.trailing_zeros() as usize;
                        closer &= closer - 1;
                        seen[lane].push(square[lane]);
                        if seen[lane].len() == 2 * *count {
                            limit.0[lane] = keep(&mut seen[lane], *count);
                        }
                    }
                }
            }
        }
    }
}

/// The squared core distance of each row, in the tree's order and unit; lanes without a row have 0.
///
/// # Errors
/// [`acm_linalg::Error::Memory`]; [`acm_linalg::Error::Interrupted`].
pub(super) fn squared(tree: &Tree, min_samples: usize) -> Result<Vec<Row>> {
    let groups = tree.points.groups();
    let mut cores = room(groups, 1, Row::splat(0.0), "the core distances")?;
    if min_samples == 1 {
        return Ok(cores);
    }
    let width = tree.points.width() as f64;
    let cost = COST_NS * (LANES * groups) as f64 * (width + min_samples as f64);
    let level = Level::new();
    let scratch = || Ok((tree.stack()?, Nearest::new(min_samples)?));
    parallel::run(cores.chunks_mut(JOB).enumerate(), cost, scratch, |(stack, nearest), (job, cores), stop| {
        for (number, core) in cores.iter_mut().enumerate() {
            if stop.requested() {
                return;
            }
            let group = job * JOB + number;
            let valid = tree.within(group);
            nearest.clear(valid);
            dispatch!(level, simd => look(simd, tree, group, stack, nearest));
            *core = nearest.last();
            core.0[valid..].fill(0.0);
        }
    })?;
    Ok(cores)
}

#[inline(always)]
fn look<S: Simd>(simd: S, tree: &Tree, group: usize, stack: &mut Stack, nearest: &mut Nearest) {
    tree.walk(simd, tree.points.group(group), stack, nearest);
}

/// The least squared core distance within each node.
///
/// # Errors
/// [`acm_linalg::Error::Memory`].
pub(super) fn least_within(tree: &Tree, cores: &[Row]) -> Result<Vec<f64>> {
    let mut least = reserve(tree.nodes.len(), 0.0, "the core distances")?;
    for number in (0..tree.nodes.len()).rev() {
        let node = tree.nodes[number];
        least[number] = if node.right == 0 {
            let cores = node.groups().flat_map(|group| &cores[group].0[..tree.within(group)]);
            cores.copied().fold(f64::INFINITY, f64::min)
        } else {
            least[number + 1].min(least[node.right as usize])
        };
    }
    Ok(least)
}
