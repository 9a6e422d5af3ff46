//! The hierarchy of the spanning tree, and what is left of it where clusters of few rows are no clusters.
//!
//! Edges of equal length are removed at once, as Campello, Moulavi and Sander have it: what falls apart at a level does so
//! into all its parts. The hierarchy is then one of sets of rows, whatever tree among those of least weight was found and
//! whatever the order of the rows.
//!
//! Source: Campello, Moulavi and Sander (2013), "Density-based clustering based on hierarchical density estimates", doi
//! 10.1007/978-3-642-37456-2_14; McInnes and Healy (2017), doi 10.1109/ICDMW.2017.12.

use acm_linalg::Result;
use acm_linalg::memory::{push, reserve, reserved};
use acm_linalg::parallel::Watch;

use super::spanning::{Edge, Sets};
use super::tree::{Tree, index};

/// What lacks where memory does.
const WHAT: &str = "the hierarchy";

/// Two rows that are joined at a height, the mutual reachability of its ends.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Link {
    pub(super) height: f64,
    pub(super) from: u32,
    pub(super) to: u32,
}

/// The edges by the numbers of their rows and in the unit of the data, the shortest first.
pub(super) fn links(tree: &Tree, edges: &[Edge]) -> Result<Vec<Link>> {
    let mut links = reserved(edges.len(), WHAT)?;
    links.extend(edges.iter().map(|edge| {
        let rows = [edge.from, edge.to].map(|place| index(tree.order[place as usize]));
        Link {
            height: edge.square.sqrt() / tree.factor,
            from: rows[0].min(rows[1]),
            to: rows[0].max(rows[1]),
        }
    }));
    links.sort_unstable_by(|a, b| {
        let rows = |link: &Link| (link.from, link.to);
        a.height.total_cmp(&b.height).then(rows(a).cmp(&rows(b)))
    });
    Ok(links)
}

/// Two at a time: rows have the numbers below `rows`, what links join the following ones, in their order.
struct Dendrogram<'a> {
    links: &'a [Link],
    parts: Vec<[u32; 2]>,
    sizes: Vec<u32>,
    /// The least number of a row within.
    first: Vec<u32>,
    rows: usize,
}

impl<'a> Dendrogram<'a> {
    fn new(links: &'a [Link]) -> Result<Self> {
        let rows = links.len() + 1;
        let mut sets = Sets::new(rows)?;
        // What each set is now, by its root.
        let mut nodes: Vec<u32> = reserved(rows, WHAT)?;
        nodes.extend(0..index(rows));
        let mut all = Self {
            links,
            parts: reserved(links.len(), WHAT)?,
            sizes: reserved(links.len(), WHAT)?,
            first: reserved(links.len(), WHAT)?,
            rows,
        };
        let mut watch = Watch::start();
        for (number, link) in links.iter().enumerate() {
            watch.after(8)?;
            let ends = [link.from, link.to].map(|row| nodes[sets.root(row) as usize]);
            sets.join(link.from, link.to);
            nodes[sets.root(link.from) as usize] = index(rows + number);
            all.parts.push(ends);
            let [(a, first_a), (b, first_b)] = ends.map(|node| (all.size(node), all.first(node)));
            all.sizes.push(index(a + b));
            all.first.push(first_a.min(first_b));
        }
        Ok(all)
    }

    fn size(&self, node: u32) -> usize {
        (node as usize).checked_sub(self.rows).map_or(1, |link| self.sizes[link] as usize)
    }

    fn first(&self, node: u32) -> u32 {
        (node as usize).checked_sub(self.rows).map_or(node, |link| self.first[link])
    }

    /// The height that a node falls apart at; none for a row.
    fn height(&self, node: u32) -> Option<f64> {
        (node as usize).checked_sub(self.rows).map(|link| self.links[link].height)
    }

    /// The parts that a node falls apart into, all that do so at the same height at once.
    fn fall(&self, node: u32, height: f64, waiting: &mut Vec<u32>, parts: &mut Vec<u32>) -> Result<()> {
        parts.clear();
        push(waiting, node, WHAT)?;
        while let Some(node) = waiting.pop() {
            match (node as usize).checked_sub(self.rows) {
                Some(link) if self.links[link].height == height => {
                    for part in self.parts[link] {
                        push(waiting, part, WHAT)?;
                    }
                }
                _ => push(parts, node, WHAT)?,
            }
        }
        Ok(())
    }

    /// Calls `with` for each row within a node.
    fn rows(&self, node: u32, waiting: &mut Vec<u32>, mut with: impl FnMut(usize)) -> Result<()> {
        push(waiting, node, WHAT)?;
        while let Some(node) = waiting.pop() {
            match (node as usize).checked_sub(self.rows) {
                Some(link) => {
                    for part in self.parts[link] {
                        push(waiting, part, WHAT)?;
                    }
                }
                None => with(node as usize),
            }
        }
        Ok(())
    }
}

/// A set of rows that is born when its parent falls apart.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Cluster {
    /// The cluster before it in the list that it is a part of; the first one is all rows and its own parent.
    pub(super) parent: u32,
    /// Density, 1 / height, that it is born at.
    pub(super) birth: f64,
    pub(super) size: u32,
}

/// The condensed tree: clusters, each behind its parent, those of one parent in the order of their first rows; and of each
/// row the last cluster that it belongs to, and the density at which it leaves that.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Condensed {
    pub(super) clusters: Vec<Cluster>,
    pub(super) last: Vec<u32>,
    pub(super) leaves: Vec<f64>,
}

impl Condensed {
    pub(super) fn new(links: &[Link], min_cluster_size: usize) -> Result<Self> {
        let all = Dendrogram::new(links)?;
        let rows = all.rows;
        let mut tree = Self {
            clusters: Vec::new(),
            last: reserve(rows, 0, WHAT)?,
            leaves: reserve(rows, 0.0, WHAT)?,
        };
        let mut tops: Vec<u32> = Vec::new();
        tree.born(&mut tops, index(2 * rows - 2), 0, 0.0, rows)?;
        let (mut parts, mut waiting) = (Vec::new(), Vec::new());
        let mut watch = Watch::start();
        let mut number = 0;
        while number < tops.len() {
            let mut node = tops[number];
            while let Some(height) = all.height(node) {
                all.fall(node, height, &mut waiting, &mut parts)?;
                watch.after(parts.len())?;
                let density = 1.0 / height;
                // Large parts to the front.
                parts.sort_unstable_by_key(|&part| (all.size(part) < min_cluster_size, all.first(part)));
                let large = parts.partition_point(|&part| all.size(part) >= min_cluster_size);
                for &part in &parts[large..] {
                    all.rows(part, &mut waiting, |row| {
                        tree.last[row] = index(number);
                        tree.leaves[row] = density;
                    })?;
                }
                if large == 1 {
                    node = parts[0];
                    continue;
                }
                for &part in &parts[..large] {
                    tree.born(&mut tops, part, number, density, all.size(part))?;
                }
                break;
            }
            number += 1;
        }
        Ok(tree)
    }

    /// What is left where clusters that are not marked are none: they leave their parent as noise, which goes on as its only
    /// marked part, if there is one, and ends where there is none.
    pub(super) fn only(&self, marked: &[bool]) -> Result<Self> {
        let count = self.clusters.len();
        let mut parts = reserve(count, 0_usize, WHAT)?;
        for (_, cluster) in self.parted().filter(|(number, _)| marked[*number]) {
            parts[cluster.parent as usize] += 1;
        }
        let mut clusters = reserved(count, WHAT)?;
        clusters.push(self.clusters[0]);
        // What each cluster is now, or was a part of when its rows left that, and the density at which they did.
        let mut now: Vec<(u32, Option<f64>)> = reserved(count, WHAT)?;
        now.push((0, None));
        for (number, cluster) in self.parted() {
            let (parent, left) = now[cluster.parent as usize];
            now.push(match (left, marked[number], parts[cluster.parent as usize]) {
                (Some(_), ..) => (parent, left),
                (None, true, 1) => (parent, None),
                (None, true, _) => {
                    clusters.push(Cluster { parent, ..*cluster });
                    (index(clusters.len() - 1), None)
                }
                (None, false, _) => (parent, Some(cluster.birth)),
            });
        }
        let mut tree = Self {
            clusters,
            last: reserved(self.last.len(), WHAT)?,
            leaves: reserved(self.last.len(), WHAT)?,
        };
        for (&last, &density) in self.last.iter().zip(&self.leaves) {
            let (last, left) = now[last as usize];
            tree.last.push(last);
            tree.leaves.push(left.unwrap_or(density));
        }
        Ok(tree)
    }

    fn born(&mut self, tops: &mut Vec<u32>, top: u32, parent: usize, birth: f64, size: usize) -> Result<()> {
        push(tops, top, WHAT)?;
        let (parent, size) = (index(parent), index(size));
        push(&mut self.clusters, Cluster { parent, birth, size }, WHAT)
    }

    /// The clusters but the first, and their numbers: each behind its parent.
    pub(super) fn parted(&self) -> impl DoubleEndedIterator<Item = (usize, &Cluster)> {
        self.clusters.iter().enumerate().skip(1)
    }

    /// Of each cluster the density at which its last rows leave it, or it falls apart.
    pub(super) fn deaths(&self) -> Result<Vec<f64>> {
        let mut deaths = reserve(self.clusters.len(), 0.0_f64, WHAT)?;
        for (&cluster, &density) in self.last.iter().zip(&self.leaves) {
            let death = &mut deaths[cluster as usize];
            *death = death.max(density);
        }
        for (_, cluster) in self.parted() {
            let death = &mut deaths[cluster.parent as usize];
            *death = death.max(cluster.birth);
        }
        Ok(deaths)
    }

    /// How long rows stay in each cluster: the sum over its rows of the density at which they leave it, or it falls apart, over
    /// that of its birth.
    pub(super) fn stabilities(&self) -> Result<Vec<f64>> {
        let mut sums = reserve(self.clusters.len(), 0.0, WHAT)?;
        for (&cluster, &density) in self.last.iter().zip(&self.leaves) {
            sums[cluster as usize] += beyond(density, self.clusters[cluster as usize].birth);
        }
        for (_, cluster) in self.parted() {
            let parent = cluster.parent as usize;
            sums[parent] += beyond(cluster.birth, self.clusters[parent].birth) * f64::from(cluster.size);
        }
        Ok(sums)
    }
}

/// By how much `density` is above `birth`; two that are infinite are the same.
fn beyond(density: f64, birth: f64) -> f64 {
    if density > birth { density - birth } else { 0.0 }
}
