//! Trees as flat arrays: what growing and saved files give, checked, and what scoring walks through.

use acm_linalg::Result;
use acm_linalg::parallel::Watch;
use acm_linalg::samples::room;

use super::crown::Crown;
use super::node::{Bud, Node, Term};

/// Most rows a tree can grow from: node numbers stay within 32 bits.
pub(super) const MOST_ROWS: usize = 1 << 30;

/// Steps from the root to the deepest leaf of a tree grown from `rows` rows: the height of a balanced tree.
pub(super) fn height(rows: usize) -> u32 {
    rows.max(2).next_power_of_two().ilog2()
}

/// c(n): steps of an unsuccessful search in a binary search tree of `rows` random keys, by which a leaf that was not split
/// further is lengthened.
///
/// c(n) = 2 (ln(n - 1) + γ) - 2 (n - 1) / n, c(2) = 1, c(1) = c(0) = 0. Liu, Ting and Zhou 2008, equation 1
/// (doi 10.1109/ICDM.2008.17).
pub(super) fn average_path(rows: usize) -> f64 {
    const EULER_GAMMA: f64 = 0.577_215_664_901_532_9;
    match rows {
        0 | 1 => 0.0,
        2 => 1.0,
        _ => {
            let rows = rows as f64;
            2.0 * ((rows - 1.0).ln() + EULER_GAMMA) - 2.0 * (rows - 1.0) / rows
        }
    }
}

/// A tree as it grows and as it is saved.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Sapling {
    pub(super) nodes: Vec<Bud>,
    pub(super) terms: Vec<Term>,
}

/// Where a tree's arrays lie.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Span {
    nodes: (usize, usize),
    terms: (usize, usize),
    depth: u32,
}

/// A tree, to walk through.
#[derive(Clone, Copy)]
pub(super) struct Tree<'a> {
    pub(super) nodes: &'a [Node],
    /// For each node: whether a missing value goes right.
    pub(super) strays: &'a [bool],
    /// For each node: the mean path length of the training rows that came here. A leaf's is its rows' path length.
    pub(super) paths: &'a [f64],
    pub(super) sizes: &'a [u32],
    pub(super) terms: &'a [Term],
    pub(super) crown: &'a Crown,
    /// Steps from the root to the deepest leaf.
    pub(super) depth: u32,
}

/// Trees, one after the other.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Trees {
    nodes: Vec<Node>,
    strays: Vec<bool>,
    paths: Vec<f64>,
    sizes: Vec<u32>,
    terms: Vec<Term>,
    crowns: Vec<Crown>,
    spans: Vec<Span>,
    /// Terms of an oblique split; 0 where splits look at one sensor as it is.
    width: usize,
}

/// The array of a tree that cannot be so.
pub(super) type Fault = &'static str;

impl Trees {
    /// Puts sound trees together; their splits have `width` terms.
    pub(super) fn plant(saplings: &[Sapling], width: usize) -> Result<Self> {
        let count: usize = saplings.iter().map(|sapling| sapling.nodes.len()).sum();
        let terms: usize = saplings.iter().map(|sapling| sapling.terms.len()).sum();
        let what = "the trees";
        let blank = Node {
            threshold: f64::INFINITY,
            feature: 0,
            child: 0,
        };
        let none = Span {
            nodes: (0, 0),
            terms: (0, 0),
            depth: 0,
        };
        let mut trees = Self {
            nodes: room(count, 1, blank, what)?,
            strays: room(count, 1, false, what)?,
            paths: room(count, 1, 0.0, what)?,
            sizes: room(count, 1, 0, what)?,
            terms: room(terms, 1, Term::NONE, what)?,
            crowns: room(saplings.len(), 1, Crown::NONE, what)?,
            spans: room(saplings.len(), 1, none, what)?,
            width,
        };
        let (mut node, mut term) = (0, 0);
        let mut watch = Watch::start();
        for (place, sapling) in saplings.iter().enumerate() {
            watch.after(16 * sapling.nodes.len())?;
            let depths = depths(&sapling.nodes)?;
            let span = Span {
                nodes: (node, node + sapling.nodes.len()),
                terms: (term, term + sapling.terms.len()),
                depth: depths.iter().copied().max().unwrap_or(0),
            };
            trees.settle(sapling, &depths, span);
            trees.crowns[place] = Crown::of(&trees.nodes[span.nodes.0..span.nodes.1]);
            trees.spans[place] = span;
            (node, term) = (span.nodes.1, span.terms.1);
        }
        Ok(trees)
    }

    /// Copies a sound tree to its place.
    fn settle(&mut self, sapling: &Sapling, depths: &[u32], span: Span) {
        self.terms[span.terms.0..span.terms.1].copy_from_slice(&sapling.terms);
        let nodes = &mut self.nodes[span.nodes.0..span.nodes.1];
        let strays = &mut self.strays[span.nodes.0..span.nodes.1];
        let paths = &mut self.paths[span.nodes.0..span.nodes.1];
        let sizes = &mut self.sizes[span.nodes.0..span.nodes.1];
        // Children come after their parents: backwards, theirs are known first.
        for (at, bud) in sapling.nodes.iter().enumerate().rev() {
            sizes[at] = bud.size;
            let left = bud.child as usize;
            if left == 0 {
                nodes[at].child = at as u32;
                paths[at] = f64::from(depths[at]) + average_path(bud.size as usize);
            } else {
                nodes[at] = Node {
                    threshold: bud.threshold,
                    feature: bud.feature,
                    child: bud.child,
                };
                strays[at] = sizes[left + 1] > sizes[left];
                let part = |child: usize| f64::from(sizes[child]) * paths[child];
                paths[at] = (part(left) + part(left + 1)) / f64::from(bud.size);
            }
        }
    }

    pub(super) fn count(&self) -> usize {
        self.spans.len()
    }

    pub(super) fn nodes(&self) -> usize {
        self.nodes.len()
    }

    /// Terms of an oblique split; 0 where splits look at one sensor as it is.
    pub(super) fn width(&self) -> usize {
        self.width
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Tree<'_>> {
        self.spans.iter().zip(&self.crowns).map(|(span, crown)| {
            let nodes = span.nodes.0..span.nodes.1;
            Tree {
                nodes: &self.nodes[nodes.clone()],
                strays: &self.strays[nodes.clone()],
                paths: &self.paths[nodes.clone()],
                sizes: &self.sizes[nodes],
                terms: &self.terms[span.terms.0..span.terms.1],
                crown,
                depth: span.depth,
            }
        })
    }

    /// Steps to a leaf at most, over all trees.
    pub(super) fn steps(&self) -> f64 {
        self.spans.iter().map(|span| f64::from(span.depth)).sum()
    }
}

/// Steps from the root to each node; children come after their parents.
fn depths(nodes: &[Bud]) -> Result<Vec<u32>> {
    let mut depths = room(nodes.len(), 1, 0, "the trees")?;
    for (at, node) in nodes.iter().enumerate() {
        let left = node.child as usize;
        if left > 0 {
            (depths[left], depths[left + 1]) = (depths[at] + 1, depths[at] + 1);
        }
    }
    Ok(depths)
}

impl Sapling {
    /// Whether this is a tree as it could have grown from `rows` rows of `columns` sensors with `width` terms a split: every
    /// walk through it ends and stays within its arrays. Else the array that cannot be so.
    pub(super) fn check(&self, columns: usize, rows: usize, width: usize) -> std::result::Result<(), Fault> {
        let nodes = &self.nodes;
        let must = |condition: bool, fault: Fault| if condition { Ok(()) } else { Err(fault) };
        let splits = self.terms.len().checked_div(width).unwrap_or(columns);
        must(nodes.first().is_some_and(|root| root.size as usize == rows), "node.size")?;
        // Nothing but the root is a node before a parent has named it, and no two parents name the same.
        let mut levels = vec![None; nodes.len()];
        levels[0] = Some(0);
        for (at, node) in nodes.iter().enumerate() {
            let Some(level) = levels[at] else {
                return Err("node.child");
            };
            let left = node.child as usize;
            if left == 0 {
                continue;
            }
            must(left > at && left + 1 < nodes.len() && level < height(rows), "node.child")?;
            must(levels[left].is_none() && levels[left + 1].is_none(), "node.child")?;
            (levels[left], levels[left + 1]) = (Some(level + 1), Some(level + 1));
            let (low, high) = (nodes[left].size, nodes[left + 1].size);
            must(low > 0 && high > 0 && low.checked_add(high) == Some(node.size), "node.size")?;
            must((node.feature as usize) < splits, "node.feature")?;
            must(node.threshold.is_finite(), "node.threshold")?;
        }
        must(width > 0 || self.terms.is_empty(), "term.feature")?;
        for term in &self.terms {
            must((term.feature as usize) < columns, "term.feature")?;
            must(term.weight.is_finite(), "term.weight")?;
            must(term.centre.is_finite(), "term.centre")?;
        }
        if width > 0 {
            let blind = |terms: &[Term]| terms.iter().all(|term| term.weight == 0.0);
            must(self.terms.len().is_multiple_of(width), "term.feature")?;
            must(!self.terms.chunks(width).any(blind), "term.weight")?;
        }
        Ok(())
    }
}
