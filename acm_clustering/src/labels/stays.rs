//! Stays: runs of rows with one label.

use acm_linalg::Result;
use acm_linalg::error::require;
use acm_linalg::memory::probe;
use acm_linalg::parallel::Watch;

use super::known::{UNKNOWN, check, same_length};

#[derive(Debug, Clone, Copy)]
struct Stay {
    label: i64,
    start: usize,
    rows: usize,
}

/// Replaces stays of fewer than `rows` rows by the label of a neighbour.
///
/// Shapes: labels (n,) -> out (n,).
/// The shortest stay of all that are too short (the earliest of equally short ones) joins the longer of the stays beside it,
/// the earlier one where they are equally long; so on until none is too short or the too short ones have no neighbour. Stays
/// beside each other with one label are one stay. UNKNOWN rows stay UNKNOWN, and stays on both sides of them are not
/// neighbours.
/// Cost: O(n log n).
///
/// # Errors
/// [`acm_linalg::Error::Parameter`] for 0 rows or a label below -1; [`acm_linalg::Error::Length`];
/// [`acm_linalg::Error::Interrupted`].
pub fn minimum_dwell(labels: &[i64], rows: usize, out: &mut [i64]) -> Result<()> {
    require(rows >= 1, "rows", "at least 1", rows)?;
    check(labels, "labels")?;
    same_length("out", labels.len(), out.len())?;
    out.copy_from_slice(labels);
    let mut watch = Watch::start();
    // Lists of the stays, and an ordered set of the short ones, which grow by themselves.
    let stays = labels.chunk_by(|one, next| one == next).count();
    probe(stays.saturating_mul(192), "the stays")?;
    for part in out.chunk_by_mut(|one, next| (*one == UNKNOWN) == (*next == UNKNOWN)) {
        if part.first() != Some(&UNKNOWN) {
            dwell(part, rows, &mut watch)?;
        }
    }
    Ok(())
}

/// The same among known labels only.
fn dwell(labels: &mut [i64], least: usize, watch: &mut Watch) -> Result<()> {
    let mut stays: Vec<Stay> = Vec::new();
    let mut start = 0;
    for run in labels.chunk_by(|one, next| one == next) {
        watch.after(run.len())?;
        stays.push(Stay {
            label: run[0],
            start,
            rows: run.len(),
        });
        start += run.len();
    }
    // A list linked both ways, and the short stays by length, then place; an entry that is out of date is passed over.
    let last = stays.len() - 1;
    let mut before: Vec<Option<usize>> = (0..stays.len()).map(|place| place.checked_sub(1)).collect();
    let mut after: Vec<Option<usize>> = (0..stays.len()).map(|place| (place < last).then_some(place + 1)).collect();
    let mut short = std::collections::BTreeSet::new();
    for (place, stay) in stays.iter().enumerate() {
        watch.after(1)?;
        if stay.rows < least {
            short.insert((stay.rows, stay.start, place));
        }
    }
    while let Some((_, _, place)) = short.pop_first() {
        // Some lookups in the ordered set.
        watch.after(16)?;
        let length = |place: Option<usize>| place.map_or(0, |place| stays[place].rows);
        let (left, right) = (before[place], after[place]);
        let (Some(target), other) = (if length(right) > length(left) { (right, left) } else { (left, right) }) else {
            continue;
        };
        // The stay and the target become one, and the other side too where it has the target's label.
        let mut parts = vec![place, target];
        parts.extend(other.filter(|&other| stays[other].label == stays[target].label));
        let label = stays[target].label;
        parts.sort_by_key(|&part| stays[part].start);
        let (first, end) = (parts[0], parts[parts.len() - 1]);
        for &part in &parts {
            short.remove(&(stays[part].rows, stays[part].start, part));
        }
        let total = parts.iter().map(|&part| stays[part].rows).sum();
        let (outer_left, outer_right) = (before[first], after[end]);
        stays[first].label = label;
        stays[first].rows = total;
        for &part in &parts[1..] {
            stays[part].rows = 0;
        }
        after[first] = outer_right;
        if let Some(right) = outer_right {
            before[right] = Some(first);
        }
        before[first] = outer_left;
        if total < least {
            short.insert((total, stays[first].start, first));
        }
    }
    for stay in stays.iter().filter(|stay| stay.rows > 0) {
        watch.after(1)?;
        labels[stay.start..stay.start + stay.rows].fill(stay.label);
    }
    Ok(())
}

/// Marks the rows around changes from one known label to another.
///
/// Shapes: labels (n,) -> out (n,).
/// A change is a row whose label differs from the last known label before it; UNKNOWN rows between them belong to the change.
/// Marked are the `before` rows before the change, the change itself with its UNKNOWN rows, and `after` rows in all from the
/// first row of the new label on. A history that returns from UNKNOWN to the same label has not changed.
///
/// # Errors
/// [`acm_linalg::Error::Parameter`] for a label below -1; [`acm_linalg::Error::Length`]; [`acm_linalg::Error::Interrupted`].
pub fn transients(labels: &[i64], before: usize, after: usize, out: &mut [bool]) -> Result<()> {
    check(labels, "labels")?;
    same_length("out", labels.len(), out.len())?;
    out.fill(false);
    let mut last: Option<(usize, i64)> = None;
    let mut marked = 0;
    let mut watch = Watch::start();
    for (row, &label) in labels.iter().enumerate() {
        watch.after(1)?;
        if label == UNKNOWN {
            continue;
        }
        if let Some((place, known)) = last
            && known != label
        {
            let start = (place + 1).saturating_sub(before).max(marked);
            let end = row.saturating_add(after).min(labels.len());
            if start < end {
                out[start..end].fill(true);
                marked = end;
            }
        }
        last = Some((row, label));
    }
    Ok(())
}
