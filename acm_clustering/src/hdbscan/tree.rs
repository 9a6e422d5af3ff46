//! A k-d tree over rows in groups of eight, and the walk that all searches share: eight rows look for their neighbours at once.
//!
//! Halves are cut at multiples of eight along the widest column, so that every leaf is some full groups of the packed points
//! (the last one perhaps less). What bounds a distance from below is rounded as the distance itself is: differences, squares
//! and sums in the order of the columns, each no greater than its counterpart. Nothing is passed over by a rounding.
//!
//! Source: Bentley (1975), "Multidimensional binary search trees used for associative searching", doi 10.1145/361002.361007;
//! Friedman, Bentley and Finkel (1977), "An algorithm for finding best matches in logarithmic expected time", doi
//! 10.1145/355744.355745.

use std::ops::Range;

use acm_linalg::covariance;
use acm_linalg::distances::Points;
use acm_linalg::lanes::{LANES, Row, V};
use acm_linalg::memory::{Gather, push, reserved, room};
use acm_linalg::parallel::Watch;
use acm_linalg::samples::read_all;
use acm_linalg::{Error, Result, Samples};
use fearless_simd::{Simd, f64x8, prelude::*};
use ndarray::ArrayView2;

/// What lacks where memory does.
const WHAT: &str = "the tree of the rows";

/// Beyond this other rows are no farther: sums of squares stay finite.
const FARTHEST: f64 = 1e150;

/// Rows whose squares overflow, or may vanish, are scaled to this power of two, next below: what is left of small differences
/// beside one huge value is as much as there can be.
const GREATEST: u32 = 495;

/// Some neighbouring groups of rows, and how they are parted further.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Node {
    /// Its groups.
    pub(super) first: u32,
    pub(super) end: u32,
    /// The node of the second half, that of the first being the next one; 0 for a leaf.
    pub(super) right: u32,
}

impl Node {
    #[inline(always)]
    pub(super) fn groups(&self) -> Range<usize> {
        self.first as usize..self.end as usize
    }
}

/// Rows in the order of the leaves. All numbers of rows in here are places in that order.
#[derive(Debug, Clone)]
pub(super) struct Tree {
    pub(super) points: Points,
    /// The row at each place.
    pub(super) order: Vec<usize>,
    pub(super) nodes: Vec<Node>,
    /// Of each node the least value of each column, then the greatest.
    bounds: Vec<f64>,
    /// What values were multiplied by, a power of two.
    pub(super) factor: f64,
}

/// Most groups of a leaf: looking at the bounds of smaller ones takes longer than they save.
const LEAF: usize = 4;

/// Columns up to which rows that look stay in the form of registers.
const FEW: usize = 64;

/// Nodes that are still to be visited, with the least squared distance of each of the eight rows from them.
pub(super) type Stack = Vec<(u32, Row)>;

/// What a search does with the eight rows of a group.
pub(super) trait Search<S: Simd> {
    /// Whether a node at these squared distances may still have something for one of the rows.
    fn worth(&self, simd: S, tree: &Tree, node: u32, least: V<S>) -> bool;

    /// Looks at the rows of a group, each with its squared distances.
    fn meet(&mut self, simd: S, group: usize, rows: usize, found: &[V<S>; LANES]);
}

/// Sums of squared differences of eight rows (each a result) from eight others (lanes), added up in the columns'
/// order, and left in registers.
#[inline(always)]
fn squares<S: Simd>(simd: S, left: &[Row], values: &impl Fn(usize) -> V<S>) -> [V<S>; LANES] {
    let mut sums: [V<S>; LANES] = [f64x8::splat(simd, 0.0); LANES];
    for column in 0..left.len() {
        let (x, y) = (&left[column].0, values(column));
        for row in 0..LANES {
            let apart = y - f64x8::splat(simd, x[row]);
            sums[row] += apart * apart;
        }
    }
    sums
}

/// The least of the first results, lane by lane.
#[inline(always)]
pub(super) fn least<S: Simd>(found: &[V<S>; LANES], rows: usize) -> V<S> {
    if rows == LANES {
        let [a, b, c, d, e, f, g, h] = *found;
        return (a.min(b).min(c.min(d))).min(e.min(f).min(g.min(h)));
    }
    found[1..rows].iter().fold(found[0], |least, other| least.min(*other))
}

impl Tree {
    /// Of all rows.
    ///
    /// # Errors
    /// [`Error::Gap`]; [`Error::Memory`]; [`Error::Interrupted`].
    pub(super) fn new(x: Samples<'_>) -> Result<Self> {
        let (rows, columns) = (x.rows(), x.columns());
        require_complete(x)?;
        let mut values = room(rows, columns, 0.0, "a copy of the rows")?;
        read_all(x, &mut values)?;
        // Another thread may have written into the array since.
        let view = || ArrayView2::from_shape((rows, columns), &values).map_err(|_| wrong());
        require_complete(view()?.into())?;
        let (order, nodes) = parted(&values, rows, columns)?;
        let mut points = Points::gather(view()?.into(), &order)?;
        let factor = points.rescale_to(GREATEST);
        let mut tree = Self {
            bounds: room(nodes.len(), 2 * columns, 0.0, WHAT)?,
            points,
            order,
            nodes,
            factor,
        };
        tree.bound();
        Ok(tree)
    }

    pub(super) fn rows(&self) -> usize {
        self.order.len()
    }

    /// A value in the tree's unit, drawn in to where squares of differences are finite.
    #[inline]
    pub(super) fn scaled(&self, value: f64) -> f64 {
        (value * self.factor).clamp(-FARTHEST, FARTHEST)
    }

    /// The squared length, in the tree's unit, that a density is of.
    #[inline]
    pub(super) fn reach(&self, density: f64) -> f64 {
        let length = self.factor / density;
        length * length
    }

    /// Rows of a group.
    #[inline(always)]
    pub(super) fn within(&self, group: usize) -> usize {
        LANES.min(self.order.len() - group * LANES)
    }

    /// The bounds of all nodes, from the leaves up.
    fn bound(&mut self) {
        let columns = self.points.width();
        for number in (0..self.nodes.len()).rev() {
            let node = self.nodes[number];
            let place = number * 2 * columns;
            for column in 0..columns {
                let (least, greatest) = if node.right == 0 {
                    let values =
                        node.groups().flat_map(|group| &self.points.group(group)[column].0[..self.within(group)]);
                    let start = (f64::INFINITY, f64::NEG_INFINITY);
                    values.fold(start, |(least, greatest), &value| (least.min(value), greatest.max(value)))
                } else {
                    let of = |half: usize, part: usize| self.bounds[(2 * half + part) * columns + column];
                    let (left, right) = (number + 1, node.right as usize);
                    (of(left, 0).min(of(right, 0)), of(left, 1).max(of(right, 1)))
                };
                self.bounds[place + column] = least;
                self.bounds[place + columns + column] = greatest;
            }
        }
    }

    /// The least squared distances of each of eight rows from any row within two nodes.
    #[inline(always)]
    fn least<S: Simd>(&self, simd: S, nodes: [u32; 2], columns: usize, values: &impl Fn(usize) -> V<S>) -> [V<S>; 2] {
        let bounds = |node: u32| self.bounds[2 * node as usize * columns..][..2 * columns].split_at(columns);
        let ((low_a, high_a), (low_b, high_b)) = (bounds(nodes[0]), bounds(nodes[1]));
        let zero: V<S> = f64x8::splat(simd, 0.0);
        let (mut a, mut b) = (zero, zero);
        for column in 0..columns {
            let x = values(column);
            let apart = |low: f64, high: f64| (f64x8::splat(simd, low) - x).max(x - f64x8::splat(simd, high)).max(zero);
            let (one, other) = (apart(low_a[column], high_a[column]), apart(low_b[column], high_b[column]));
            a += one * one;
            b += other * other;
        }
        [a, b]
    }

    /// Leads the eight rows of `tile` through the tree, nearer halves first.
    #[inline(always)]
    pub(super) fn walk<S: Simd, Q: Search<S>>(&self, simd: S, tile: &[Row], stack: &mut Stack, search: &mut Q) {
        let columns = tile.len();
        if columns <= FEW {
            // In the form of registers: what lies in memory as a row is loaded by halves.
            let mut few: [V<S>; FEW] = [f64x8::splat(simd, 0.0); FEW];
            for column in 0..columns {
                few[column] = tile[column].load(simd);
            }
            self.walk_with(simd, columns, &|column| few[column], stack, search);
        } else {
            self.walk_with(simd, columns, &|column| tile[column].load(simd), stack, search);
        }
    }

    #[inline(always)]
    fn walk_with<S: Simd, Q: Search<S>>(
        &self,
        simd: S,
        columns: usize,
        values: &impl Fn(usize) -> V<S>,
        stack: &mut Stack,
        search: &mut Q,
    ) {
        stack.clear();
        stack.push((0, Row::splat(0.0)));
        while let Some((number, least)) = stack.pop() {
            if !search.worth(simd, self, number, least.load(simd)) {
                continue;
            }
            let mut number = number;
            loop {
                let node = self.nodes[number as usize];
                if node.right == 0 {
                    for group in node.groups() {
                        let found = squares(simd, self.points.group(group), values);
                        search.meet(simd, group, self.within(group), &found);
                    }
                    break;
                }
                let (mut near, mut far) = (number + 1, node.right);
                let [mut to_near, mut to_far] = self.least(simd, [near, far], columns, values);
                // The half that more of the rows are nearer to.
                let ahead = to_far.simd_lt(to_near).to_bitmask().count_ones();
                if ahead > to_near.simd_lt(to_far).to_bitmask().count_ones() {
                    (near, far) = (far, near);
                    (to_near, to_far) = (to_far, to_near);
                }
                if search.worth(simd, self, far, to_far) {
                    let mut row = Row::splat(0.0);
                    row.store(to_far);
                    stack.push((far, row));
                }
                if !search.worth(simd, self, near, to_near) {
                    break;
                }
                number = near;
            }
        }
    }

    /// Room for a walk's nodes: one at each level.
    pub(super) fn stack(&self) -> Result<Stack> {
        reserved(self.nodes.len().ilog2() as usize + 3, WHAT)
    }
}

/// `Ok` where every value is finite.
///
/// # Errors
/// [`Error::Gap`], and those of the search for one.
pub(super) fn require_complete(x: Samples<'_>) -> Result<()> {
    covariance::require_complete(x, "x").map_err(|error| match error {
        Error::Missing { name, row, column } => Error::Gap {
            name,
            row,
            column,
            remedy: "fill it, for instance by `impute`, or leave the row out",
        },
        other => other,
    })
}

/// Of a shape that its values do not have: cannot be.
fn wrong() -> Error {
    Error::Unfit {
        name: "x",
        requirement: "rows and columns",
    }
}

/// The order of the rows, and the nodes, each before its halves.
fn parted(values: &[f64], rows: usize, columns: usize) -> Result<(Vec<usize>, Vec<Node>)> {
    let mut order = (0..rows).gathered(WHAT)?;
    let mut nodes: Vec<Node> = reserved(2 * rows.div_ceil(LANES), WHAT)?;
    // Groups, and the node whose second half they are; what is within a leaf is put into order and has no nodes.
    let mut waiting: Vec<(usize, usize, Option<usize>, bool)> = Vec::new();
    push(&mut waiting, (0, rows.div_ceil(LANES), None, false), WHAT)?;
    let mut watch = Watch::start();
    let mut extent = room(columns, 1, (0.0, 0.0), WHAT)?;
    while let Some((first, end, parent, within)) = waiting.pop() {
        let number = nodes.len();
        if let Some(parent) = parent {
            nodes[parent].right = index(number);
        }
        if !within {
            let (first, end) = (index(first), index(end));
            push(&mut nodes, Node { first, end, right: 0 }, WHAT)?;
        }
        if end - first <= 1 {
            continue;
        }
        let within = end - first <= LEAF;
        let place = first * LANES;
        let part = &mut order[place..rows.min(end * LANES)];
        watch.after(part.len() * (columns + 8))?;
        let column = widest(values, columns, part, &mut extent);
        let middle = first + (end - first).div_ceil(2);
        let value = |row: usize| values[row * columns + column];
        part.select_nth_unstable_by(middle * LANES - place, |&a, &b| value(a).total_cmp(&value(b)).then(a.cmp(&b)));
        push(&mut waiting, (middle, end, if within { None } else { Some(number) }, within), WHAT)?;
        push(&mut waiting, (first, middle, None, within), WHAT)?;
    }
    Ok((order, nodes))
}

/// The column with the greatest difference between two of the rows, the first of equal ones.
fn widest(values: &[f64], columns: usize, rows: &[usize], extent: &mut [(f64, f64)]) -> usize {
    extent.fill((f64::INFINITY, f64::NEG_INFINITY));
    for &row in rows {
        for ((least, greatest), &value) in extent.iter_mut().zip(&values[row * columns..][..columns]) {
            *least = least.min(value);
            *greatest = greatest.max(value);
        }
    }
    let mut best = (0, f64::NEG_INFINITY);
    for (column, (least, greatest)) in extent.iter().enumerate() {
        if greatest - least > best.1 {
            best = (column, greatest - least);
        }
    }
    best.0
}

/// Numbers of groups and nodes are below 2^32: so many rows were refused before.
#[expect(clippy::cast_possible_truncation, reason = "fewer rows than 2^32")]
pub(super) fn index(number: usize) -> u32 {
    number as u32
}
