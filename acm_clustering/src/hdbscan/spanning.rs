//! The minimum spanning tree of the rows by mutual reachability, in rounds: each component looks for its nearest row outside.
//!
//! Rows two far apart of which are max(core of the one, core of the other, their distance), squared here. What a row's
//! nearest row outside its component is only moves away as components grow: a row that still knows one need not look again,
//! and one that knows none nearer than the component's best need not either. The largest component looks for nothing, the
//! others find it. Rows that look do so in waves, so that the later ones know what the earlier have found; the waves are the
//! same for any number of threads.
//!
//! Edges of a round are taken by their length and left out where they would close a cycle. That is a minimum spanning tree
//! also where lengths are equal: an edge e out of C could be wrong only if the tree joined its ends by shorter edges; these
//! leave C by one at least as long as e, taken and as long as e, then the next component likewise, up to the other end: e
//! closes a cycle.
//!
//! Source: Borůvka (1926), as in Nešetřil, Milková and Nešetřilová (2001), doi 10.1016/S0012-365X(00)00224-7; March, Ram and
//! Gray (2010), "Fast Euclidean minimum spanning tree", doi 10.1145/1835804.1835882; McInnes and Healy (2017), "Accelerated
//! hierarchical density based clustering", doi 10.1109/ICDMW.2017.12.

use acm_linalg::Result;
use acm_linalg::lanes::{LANES, Row, V};
use acm_linalg::memory::{push, reserve, reserved, room};
use acm_linalg::parallel::{self, Watch};
use fearless_simd::{Level, Simd, dispatch, f64x8, prelude::*};

use super::tree::{Search, Stack, Tree, index, least};

/// What lacks where memory does.
const WHAT: &str = "the spanning tree";

/// Groups of a job.
const JOB: usize = 16;

/// Every so many groups look in a wave, those of the waves before left out.
const WAVES: [usize; 3] = [64, 8, 1];

/// Estimated time of a search for a row and column, in nanoseconds.
const COST_NS: f64 = 50.0;

/// No row.
const NONE: u32 = u32::MAX;

/// Two rows, by their places in the tree, and their squared mutual reachability.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Edge {
    pub(super) square: f64,
    pub(super) from: u32,
    pub(super) to: u32,
}

impl Edge {
    const NOWHERE: Self = Self {
        square: f64::INFINITY,
        from: NONE,
        to: NONE,
    };

    fn order(&self, other: &Self) -> std::cmp::Ordering {
        let rows = |edge: &Self| (edge.from, edge.to);
        self.square.total_cmp(&other.square).then(rows(self).cmp(&rows(other)))
    }
}

/// Sets that are joined.
pub(super) struct Sets(Vec<u32>);

impl Sets {
    pub(super) fn new(count: usize) -> Result<Self> {
        let mut parents = reserved(count, WHAT)?;
        parents.extend(0..index(count));
        Ok(Self(parents))
    }

    /// What the set of `member` is known by.
    pub(super) fn root(&mut self, member: u32) -> u32 {
        let mut member = member as usize;
        while self.0[member] as usize != member {
            let above = self.0[self.0[member] as usize];
            self.0[member] = above;
            member = above as usize;
        }
        index(member)
    }

    /// Whether `one` and `other` were apart; `other`'s set is known by that of `one` from now on.
    pub(super) fn join(&mut self, one: u32, other: u32) -> bool {
        let (one, other) = (self.root(one), self.root(other));
        self.0[other as usize] = one;
        one != other
    }
}

/// What the searches of a wave look at.
struct Forest<'a> {
    tree: &'a Tree,
    /// By group: squared core distances, and the component of each row.
    cores: &'a [Row],
    components: Vec<Row>,
    /// By node: the least squared core distance within, and the component that all of it belongs to, or -1.
    least_cores: &'a [f64],
    whole: Vec<f64>,
}

/// Eight rows and the nearest that each has found outside its component.
struct Outside<'a> {
    forest: &'a Forest<'a>,
    cores: Row,
    components: Row,
    /// Squared mutual reachability, and whose; at first what is not to be reached, and nobody.
    square: Row,
    whose: Row,
}

impl<S: Simd> Search<S> for Outside<'_> {
    #[inline(always)]
    fn worth(&self, simd: S, _: &Tree, node: u32, least: V<S>) -> bool {
        let node = node as usize;
        let reach = least.max(self.cores.load(simd)).max(f64x8::splat(simd, self.forest.least_cores[node]));
        let outside = self.components.load(simd).simd_ne(f64x8::splat(simd, self.forest.whole[node]));
        (reach.simd_lt(self.square.load(simd)) & outside).any_true()
    }

    #[inline(always)]
    fn meet(&mut self, simd: S, group: usize, rows: usize, found: &[V<S>; LANES]) {
        let (mine, mut square) = (self.cores.load(simd), self.square.load(simd));
        if !least(found, rows).max(mine).simd_lt(square).any_true() {
            return;
        }
        let components = self.components.load(simd);
        let mut whose = self.whose.load(simd);
        let (cores, theirs) = (&self.forest.cores[group].0, &self.forest.components[group].0);
        for row in 0..rows {
            let reach = found[row].max(mine).max(f64x8::splat(simd, cores[row]));
            let better = reach.simd_lt(square) & components.simd_ne(f64x8::splat(simd, theirs[row]));
            square = better.select(reach, square);
            whose = better.select(f64x8::splat(simd, (group * LANES + row) as f64), whose);
        }
        self.square.store(square);
        self.whose.store(whose);
    }
}

/// What each row knows, and each component.
struct Known {
    /// By group: no row outside is nearer than this; and the row that is so near, or [`NONE`].
    least: Vec<Row>,
    nearest: Vec<[u32; LANES]>,
    /// By component: its shortest edge so far, and its rows.
    shortest: Vec<Edge>,
    sizes: Vec<u32>,
}

/// The edges of a minimum spanning tree, in the order in which they were found.
///
/// # Errors
/// [`acm_linalg::Error::Memory`]; [`acm_linalg::Error::Interrupted`].
pub(super) fn minimum(tree: &Tree, cores: &[Row], least_cores: &[f64]) -> Result<Vec<Edge>> {
    let (rows, groups) = (tree.rows(), tree.points.groups());
    let mut forest = Forest {
        tree,
        cores,
        components: room(groups, 1, Row::splat(-1.0), WHAT)?,
        least_cores,
        whole: reserve(tree.nodes.len(), -1.0, WHAT)?,
    };
    for row in 0..rows {
        forest.components[row / LANES].0[row % LANES] = row as f64;
    }
    let mut known = Known {
        least: room(groups, 1, Row::splat(f64::NEG_INFINITY), WHAT)?,
        nearest: room(groups, 1, [NONE; LANES], WHAT)?,
        shortest: reserve(rows, Edge::NOWHERE, WHAT)?,
        sizes: reserve(rows, 1, WHAT)?,
    };
    let mut edges = reserved(rows - 1, WHAT)?;
    let mut watch = Watch::start();
    while edges.len() + 1 < rows {
        watch.look()?;
        forest.mark_whole();
        known.recall(&forest, &mut watch)?;
        let largest = known.largest();
        let first = known.sizes.len() == rows;
        for wave in if first { 2 } else { 0 }..WAVES.len() {
            known.look(&forest, largest, wave, first)?;
        }
        known.shortest[largest] = Edge::NOWHERE;
        known.join(&mut forest, &mut edges, &mut watch)?;
    }
    Ok(edges)
}

impl Forest<'_> {
    fn mark_whole(&mut self) {
        for number in (0..self.tree.nodes.len()).rev() {
            let node = self.tree.nodes[number];
            let (one, all) = if node.right == 0 {
                let within = |group: usize| &self.components[group].0[..self.tree.within(group)];
                let one = self.components[node.first as usize].0[0];
                (one, node.groups().flat_map(within).all(|&component| component == one))
            } else {
                let one = self.whole[number + 1];
                (one, one == self.whole[node.right as usize])
            };
            self.whole[number] = if all { one } else { -1.0 };
        }
    }

    #[inline(always)]
    fn component(&self, row: usize) -> usize {
        component(self.components[row / LANES].0[row % LANES])
    }
}

/// The number of a component, which lanes carry.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a whole number below 2^32"
)]
#[inline(always)]
fn component(lane: f64) -> usize {
    lane as usize
}

impl Known {
    /// Forgets who is no longer outside, and finds each component's shortest edge among those that are still known.
    fn recall(&mut self, forest: &Forest<'_>, watch: &mut Watch) -> Result<()> {
        self.shortest.fill(Edge::NOWHERE);
        for row in 0..forest.tree.rows() {
            watch.after(1)?;
            let (group, lane) = (row / LANES, row % LANES);
            let to = self.nearest[group][lane];
            if to == NONE {
                continue;
            }
            let own = forest.component(row);
            if forest.component(to as usize) == own {
                self.nearest[group][lane] = NONE;
            } else {
                self.offer(own, row, to, self.least[group].0[lane]);
            }
        }
        Ok(())
    }

    #[inline(always)]
    fn offer(&mut self, component: usize, row: usize, to: u32, square: f64) {
        let edge = Edge {
            square,
            from: index(row),
            to,
        };
        if edge.order(&self.shortest[component]).is_lt() {
            self.shortest[component] = edge;
        }
    }

    /// The component with the most rows, the first of equal ones.
    fn largest(&self) -> usize {
        let mut largest = 0;
        for (component, size) in self.sizes.iter().enumerate() {
            if *size > self.sizes[largest] {
                largest = component;
            }
        }
        largest
    }

    /// Has the rows of a wave look that may shorten their component's edge.
    fn look(&mut self, forest: &Forest<'_>, largest: usize, wave: usize, all: bool) -> Result<()> {
        let groups = forest.tree.points.groups();
        let before = if wave == 0 || all { usize::MAX } else { WAVES[wave - 1] };
        let mut searches = Vec::new();
        for group in (0..groups)
            .step_by(WAVES[wave])
            .filter(|&group| before == usize::MAX || group % before != 0)
        {
            let mut limits = Row::splat(f64::NEG_INFINITY);
            let mut any = false;
            for lane in 0..forest.tree.within(group) {
                let component = component(forest.components[group].0[lane]);
                let limit = self.shortest[component].square;
                // At first nobody has looked, whatever the component.
                if component != largest && self.nearest[group][lane] == NONE && self.least[group].0[lane] < limit {
                    limits.0[lane] = limit;
                    any = true;
                }
            }
            if any {
                push(&mut searches, (group, limits, Row::splat(-1.0)), WHAT)?;
            }
        }
        let width = forest.tree.points.width() as f64;
        let cost = COST_NS * (LANES * searches.len()) as f64 * (width + 4.0);
        let level = Level::new();
        parallel::run(
            searches.chunks_mut(JOB),
            cost,
            || forest.tree.stack(),
            |stack, searches, stop| {
                for (group, square, whose) in searches {
                    if stop.requested() {
                        return;
                    }
                    dispatch!(level, simd => search(simd, forest, *group, stack, square, whose));
                }
            },
        )?;
        for (group, square, whose) in searches {
            for lane in 0..forest.tree.within(group) {
                if square.0[lane] == f64::NEG_INFINITY {
                    continue;
                }
                self.least[group].0[lane] = square.0[lane];
                if whose.0[lane] >= 0.0 {
                    let to = index(component(whose.0[lane]));
                    self.nearest[group][lane] = to;
                    let row = group * LANES + lane;
                    self.offer(forest.component(row), row, to, square.0[lane]);
                }
            }
        }
        Ok(())
    }

    /// Joins the components by their shortest edges.
    fn join(&mut self, forest: &mut Forest<'_>, edges: &mut Vec<Edge>, watch: &mut Watch) -> Result<()> {
        let mut sets = Sets::new(self.sizes.len())?;
        self.shortest.sort_unstable_by(Edge::order);
        for &edge in self.shortest.iter().take_while(|edge| edge.from != NONE) {
            let ends = [edge.from, edge.to].map(|row| index(forest.component(row as usize)));
            if sets.join(ends[0], ends[1]) {
                push(edges, edge, WHAT)?;
            }
        }
        // Components anew, in the order of their first rows.
        let mut numbers = reserve(self.sizes.len(), NONE, WHAT)?;
        self.sizes.clear();
        for row in 0..forest.tree.rows() {
            watch.after(2)?;
            let root = sets.root(index(forest.component(row))) as usize;
            if numbers[root] == NONE {
                numbers[root] = index(self.sizes.len());
                self.sizes.push(0);
            }
            let number = numbers[root] as usize;
            self.sizes[number] += 1;
            forest.components[row / LANES].0[row % LANES] = number as f64;
        }
        self.shortest.truncate(self.sizes.len());
        Ok(())
    }
}

#[inline(always)]
fn search<S: Simd>(simd: S, forest: &Forest<'_>, group: usize, stack: &mut Stack, square: &mut Row, whose: &mut Row) {
    let mut outside = Outside {
        forest,
        cores: forest.cores[group],
        components: forest.components[group],
        square: *square,
        whose: *whose,
    };
    forest.tree.walk(simd, forest.tree.points.group(group), stack, &mut outside);
    (*square, *whose) = (outside.square, outside.whose);
}
