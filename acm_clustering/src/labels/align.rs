//! Labels numbered as they were before.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use acm_linalg::Result;
use acm_linalg::error::require;
use acm_linalg::memory::probe;
use acm_linalg::parallel::{Watch, aside};
use pathfinding::kuhn_munkres::kuhn_munkres;
use pathfinding::matrix::Matrix;

use super::known::{UNKNOWN, check, same_length};

/// Different labels that can be aligned at most: the assignment's cost grows with their cube.
pub const MOST_LABELS: usize = 1000;

/// Labels that are put in order at a time.
const PART: usize = 1 << 16;

/// Estimated time of the assignment for the cube of a label, in nanoseconds.
const ASSIGNMENT_NS: f64 = 1.0;

/// For each label of `labels` the number it gets: that of the reference's label with which it shares rows, so that as many rows
/// as possible agree; labels without a partner get new numbers, above all of `reference`, in rising order.
///
/// The one-to-one assignment of greatest agreement is found by the Hungarian method (Kuhn 1955, doi 10.1002/nav.3800020109;
/// Munkres 1957, doi 10.1137/0105003). A pair counts only if it shares at least `least` of the rows of the smaller of the two.
/// UNKNOWN rows of either take no part.
///
/// Cost: O(n), and the cube of the number of labels.
///
/// # Errors
/// [`acm_linalg::Error::Parameter`] for a label below -1, more than [`MOST_LABELS`] different ones, or `least` outside 0 to 1;
/// [`acm_linalg::Error::Length`]; [`acm_linalg::Error::Interrupted`].
pub fn pairs(reference: &[i64], labels: &[i64], least: f64) -> Result<BTreeMap<i64, i64>> {
    check(reference, "reference")?;
    check(labels, "labels")?;
    same_length("labels", reference.len(), labels.len())?;
    probe(labels.len().saturating_mul(24), "the labels")?;
    require((0.0..=1.0).contains(&least), "min_share", "between 0 and 1", least)?;
    let (old, new) = (numbered(reference, "reference")?, numbered(labels, "labels")?);
    let names: Vec<i64> = new.keys().copied().collect();
    let size = old.len().max(new.len());
    probe(size * size * 24 + size * 256, "the rows that labels share")?;
    let partners = assigned(reference, labels, [&old, &new], least)?;
    let mut fresh = old.keys().next_back().map_or(0, |&most| most.saturating_add(1));
    let mut found = BTreeMap::new();
    for name in names {
        let number = partners.get(&name).copied().unwrap_or_else(|| {
            fresh = fresh.saturating_add(1);
            fresh - 1
        });
        found.insert(name, number);
    }
    Ok(found)
}

/// `labels` with the numbers that [`pairs`] gives them; UNKNOWN stays UNKNOWN.
///
/// # Errors
/// As [`pairs`], and where `out` has another length.
pub fn align(reference: &[i64], labels: &[i64], least: f64, out: &mut [i64]) -> Result<()> {
    same_length("out", labels.len(), out.len())?;
    let numbers = pairs(reference, labels, least)?;
    let mut watch = Watch::start();
    for (out, label) in out.iter_mut().zip(labels) {
        watch.after(1)?;
        *out = numbers.get(label).copied().unwrap_or(UNKNOWN);
    }
    Ok(())
}

/// The known labels, rising, each with its place among them.
fn numbered(labels: &[i64], name: &'static str) -> Result<BTreeMap<i64, usize>> {
    let mut all = BTreeSet::new();
    let mut watch = Watch::start();
    for part in labels.chunks(PART) {
        let mut part = part.to_vec();
        part.sort_unstable();
        part.dedup();
        all.extend(part);
        watch.look()?;
    }
    all.remove(&UNKNOWN);
    require(all.len() <= MOST_LABELS, name, "of at most 1000 different labels", all.len())?;
    Ok(all.into_iter().zip(0..).collect())
}

fn assigned(
    reference: &[i64],
    labels: &[i64],
    [old, new]: [&BTreeMap<i64, usize>; 2],
    least: f64,
) -> Result<HashMap<i64, i64>> {
    let size = old.len().max(new.len());
    if size == 0 {
        return Ok(HashMap::new());
    }
    let mut shared = Matrix::new(size, size, 0_i64);
    let (mut of_old, mut of_new) = (vec![0_i64; size], vec![0_i64; size]);
    let mut watch = Watch::start();
    for (one, other) in reference.iter().zip(labels) {
        watch.after(2)?;
        let (one, other) = (old.get(one), new.get(other));
        if let Some(&one) = one {
            of_old[one] += 1;
        }
        if let Some(&other) = other {
            of_new[other] += 1;
        }
        if let (Some(&one), Some(&other)) = (one, other) {
            shared[(other, one)] += 1;
        }
    }
    for (row, &rows) in of_new.iter().enumerate() {
        for (column, &others) in of_old.iter().enumerate() {
            let share = shared[(row, column)] as f64 / rows.min(others).max(1) as f64;
            if share < least {
                shared[(row, column)] = 0;
            }
        }
    }
    let cost = ASSIGNMENT_NS * (size as f64).powi(3);
    let (shared, partners) = aside(cost, None, move || {
        let (_, partners) = kuhn_munkres(&shared);
        (shared, partners)
    })?;
    let old: Vec<i64> = old.keys().copied().collect();
    let found = new.iter().filter_map(|(&name, &row)| {
        let column = *partners.get(row)?;
        (shared[(row, column)] > 0).then(|| old.get(column).map(|&number| (name, number)))?
    });
    Ok(found.collect())
}
