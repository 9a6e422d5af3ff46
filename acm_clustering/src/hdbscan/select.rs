//! Which clusters of the condensed tree are those of the result, and what they say about the rows.
//!
//! Source: Campello, Moulavi and Sander (2013), doi 10.1007/978-3-642-37456-2_14 (excess of mass); Malzer and Baum (2020), "A
//! hybrid approach to hierarchical density-based cluster selection", doi 10.1109/MFI49285.2020.9235263 (least distance);
//! Campello, Moulavi, Zimek and Sander (2015), "Hierarchical density estimates for data clustering, visualization, and outlier
//! detection", doi 10.1145/2733381 (outlier scores).

use acm_linalg::Result;
use acm_linalg::memory::{push, reserve, reserved};

use super::condensed::Condensed;
use super::{Hdbscan, Selection};

/// What lacks where memory does.
const WHAT: &str = "the clusters";

/// No cluster.
pub(super) const NOISE: i64 = -1;

/// What is selected.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Selected {
    /// Numbers in the condensed tree, in the order of the labels.
    pub(super) clusters: Vec<u32>,
    /// Of each cluster of the condensed tree the label of the selected one that it is, or is a part of, or [`NOISE`].
    pub(super) labels: Vec<i64>,
    /// Of each selected cluster the density that a row must reach to be of it; above 0 where all rows are one cluster.
    pub(super) thresholds: Vec<f64>,
    /// Of each selected cluster the density at which it falls apart, or its last rows leave it.
    pub(super) ends: Vec<f64>,
}

/// Of each row its label, and how firmly it belongs to its cluster.
pub(super) type Labels = (Vec<i64>, Vec<f64>);

impl Selected {
    pub(super) fn new(tree: &Condensed, how: &Hdbscan) -> Result<Self> {
        let deaths = tree.deaths()?;
        let mut chosen = match how.selection() {
            Selection::ExcessOfMass => excess_of_mass(tree, how)?,
            Selection::Leaf => leaves(tree, how)?,
        };
        // All rows in one cluster is what was asked for, or what was found; how near its parts are says nothing then.
        if how.epsilon() > 0.0 && !chosen[0] {
            merge(tree, how, &mut chosen)?;
        }
        let threshold = if how.epsilon() > 0.0 { 1.0 / how.epsilon() } else { deaths[0] };
        // A cluster that no row is dense enough for is none.
        chosen[0] &= tree.leaves.iter().any(|&density| density >= threshold);
        let mut clusters = Vec::new();
        for (number, _) in chosen.iter().enumerate().filter(|(_, chosen)| **chosen) {
            push(&mut clusters, super::tree::index(number), WHAT)?;
        }
        let mut selected = Self {
            labels: reserve(chosen.len(), NOISE, WHAT)?,
            thresholds: reserve(clusters.len(), 0.0, WHAT)?,
            ends: reserved(clusters.len(), WHAT)?,
            clusters,
        };
        selected.number(tree, &chosen)?;
        selected.ends.extend(selected.clusters.iter().map(|&cluster| deaths[cluster as usize]));
        if chosen[0] {
            selected.thresholds[0] = threshold;
        }
        Ok(selected)
    }

    /// Labels in the order of the clusters' first rows, for what they are made of too.
    fn number(&mut self, tree: &Condensed, chosen: &[bool]) -> Result<()> {
        // At first a cluster's place among the selected ones, of those that are or lie within one.
        for (place, &cluster) in self.clusters.iter().enumerate() {
            self.labels[cluster as usize] = place.cast_signed() as i64;
        }
        for (number, cluster) in tree.parted() {
            if !chosen[number] {
                self.labels[number] = self.labels[cluster.parent as usize];
            }
        }
        let mut numbers = reserve(self.clusters.len(), NOISE, WHAT)?;
        let mut ordered = reserved(self.clusters.len(), WHAT)?;
        for &last in &tree.last {
            if let Ok(place) = usize::try_from(self.labels[last as usize])
                && numbers[place] == NOISE
            {
                numbers[place] = ordered.len().cast_signed() as i64;
                ordered.push(self.clusters[place]);
            }
        }
        for label in &mut self.labels {
            if let Ok(place) = usize::try_from(*label) {
                *label = numbers[place];
            }
        }
        self.clusters = ordered;
        Ok(())
    }

    /// The label of what leaves the cluster `last` of the condensed tree at `density`, and how firmly it belongs there.
    pub(super) fn label(&self, last: usize, density: f64) -> (i64, f64) {
        let label = self.labels[last];
        match usize::try_from(label) {
            Ok(place) if density >= self.thresholds[place] => (label, firmness(density, self.ends[place])),
            _ => (NOISE, 0.0),
        }
    }

    /// Of all rows.
    pub(super) fn of_rows(&self, tree: &Condensed) -> Result<Labels> {
        let rows = tree.last.len();
        let (mut labels, mut firm) = (reserved(rows, WHAT)?, reserved(rows, WHAT)?);
        for (&last, &density) in tree.last.iter().zip(&tree.leaves) {
            let (label, firmness) = self.label(last as usize, density);
            labels.push(label);
            firm.push(firmness);
        }
        Ok((labels, firm))
    }
}

/// A density over that of the cluster's end, at most 1.
pub(super) fn firmness(density: f64, end: f64) -> f64 {
    if density >= end { 1.0 } else { density / end }
}

/// Of each row how much less dense its place is than the densest within its last cluster: 1 - density / greatest.
pub(super) fn outlier_scores(tree: &Condensed) -> Result<Vec<f64>> {
    let peaks = peaks(tree)?;
    let mut scores = reserved(tree.last.len(), WHAT)?;
    scores.extend(
        tree.last
            .iter()
            .zip(&tree.leaves)
            .map(|(&last, &density)| outlierness(density, peaks[last as usize])),
    );
    Ok(scores)
}

/// Of each cluster the greatest density within it and all that it falls apart into.
pub(super) fn peaks(tree: &Condensed) -> Result<Vec<f64>> {
    let mut peaks = tree.deaths()?;
    for (number, cluster) in tree.parted().rev() {
        let parent = cluster.parent as usize;
        peaks[parent] = peaks[parent].max(peaks[number]);
    }
    Ok(peaks)
}

/// 1 - density / greatest density.
pub(super) fn outlierness(density: f64, peak: f64) -> f64 {
    // A difference loses no digits where a quotient near 1 would.
    if density >= peak {
        0.0
    } else if peak.is_infinite() {
        1.0
    } else {
        (peak - density) / peak
    }
}

/// The clusters with the most rows for the longest time, none within another.
fn excess_of_mass(tree: &Condensed, how: &Hdbscan) -> Result<Vec<bool>> {
    let mut stabilities = tree.stabilities()?;
    let count = tree.clusters.len();
    let mut within = reserve(count, 0.0, WHAT)?;
    let mut better = reserve(count, false, WHAT)?;
    for (number, cluster) in tree.clusters.iter().enumerate().rev() {
        let parts: f64 = within[number];
        if number == 0 && !how.allow_single_cluster() {
            break;
        }
        let large = how.max_cluster_size().is_some_and(|most| cluster.size as usize > most);
        if parts > stabilities[number] || large {
            stabilities[number] = parts;
        } else {
            better[number] = true;
        }
        if number > 0 {
            within[cluster.parent as usize] += stabilities[number];
        }
    }
    outermost(tree, &mut better)?;
    Ok(better)
}

/// Takes the mark from clusters that lie within a marked one.
fn outermost(tree: &Condensed, marks: &mut [bool]) -> Result<()> {
    let mut covered = reserve(marks.len(), false, WHAT)?;
    covered[0] = marks[0];
    for (number, cluster) in tree.parted() {
        let above = covered[cluster.parent as usize];
        covered[number] = above || marks[number];
        marks[number] &= !above;
    }
    Ok(())
}

/// The clusters that do not fall apart into others: all rows only where they never do and may be one.
fn leaves(tree: &Condensed, how: &Hdbscan) -> Result<Vec<bool>> {
    let mut ends = reserve(tree.clusters.len(), true, WHAT)?;
    for (_, cluster) in tree.parted() {
        ends[cluster.parent as usize] = false;
    }
    ends[0] &= how.allow_single_cluster();
    Ok(ends)
}

/// In place of each chosen cluster that is born below the least distance, the innermost around it that is born above; the
/// outermost where there is none.
fn merge(tree: &Condensed, how: &Hdbscan, chosen: &mut [bool]) -> Result<()> {
    let distance = |cluster: usize| 1.0 / tree.clusters[cluster].birth;
    for number in (1..chosen.len()).rev() {
        if !chosen[number] || distance(number) >= how.epsilon() {
            continue;
        }
        let mut around = number;
        loop {
            let parent = tree.clusters[around].parent as usize;
            if parent == 0 && !how.allow_single_cluster() {
                break;
            }
            around = parent;
            if around == 0 || distance(around) > how.epsilon() {
                break;
            }
        }
        chosen[number] = false;
        chosen[around] = true;
    }
    outermost(tree, chosen)
}
