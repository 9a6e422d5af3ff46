//! The most frequent label around each row.

use std::collections::{HashMap, VecDeque};

use acm_linalg::Result;
use acm_linalg::error::require;
use acm_linalg::memory::probe;
use acm_linalg::parallel::Watch;

use super::known::{UNKNOWN, check, same_length};

/// How often each known label stands in a window that moves on.
#[derive(Debug, Clone, Default)]
struct Counts {
    of: HashMap<i64, usize>,
    /// How many labels have each count: the greatest is known without a search.
    with: Vec<usize>,
    most: usize,
}

impl Counts {
    fn add(&mut self, label: i64) {
        if label == UNKNOWN {
            return;
        }
        let count = self.of.entry(label).or_insert(0);
        *count += 1;
        if self.with.len() <= *count {
            self.with.resize(*count + 1, 0);
        }
        self.with[*count] += 1;
        self.with[*count - 1] = self.with[*count - 1].saturating_sub(1);
        self.most = self.most.max(*count);
    }

    fn take(&mut self, label: i64) {
        let Some(count) = self.of.get_mut(&label) else {
            return;
        };
        self.with[*count] -= 1;
        *count -= 1;
        self.with[*count] += 1;
        if *count == 0 {
            self.of.remove(&label);
        }
        if self.with[self.most] == 0 {
            self.most = self.most.saturating_sub(1);
        }
    }

    /// The most frequent label; among equally frequent ones `current` if it is one, else the one that the window saw last.
    fn mode(&self, current: i64, latest_first: impl Iterator<Item = i64>, watch: &mut Watch) -> Result<i64> {
        let holds = |label: i64| self.of.get(&label) == Some(&self.most);
        watch.after(1)?;
        if current == UNKNOWN || holds(current) {
            return Ok(current);
        }
        for label in latest_first {
            watch.after(1)?;
            if holds(label) {
                return Ok(label);
            }
        }
        Ok(current)
    }
}

/// The most frequent known label in the `window` rows around each row, or up to each row where `causal`.
///
/// Shapes: labels (n,) -> out (n,).
/// Window: row t sees rows t - (window - 1) / 2 to t + window / 2, as far as there are any; causal: t - window + 1 to t.
/// UNKNOWN rows stay UNKNOWN and have no vote. Among equally frequent labels the row keeps its own if it is one of them, else
/// it takes the one that stands latest in the window.
/// Cost: O(n), and O(window) where a tie is broken.
///
/// # Errors
/// [`acm_linalg::Error::Parameter`] for a window of 0 or a label below -1; [`acm_linalg::Error::Length`];
/// [`acm_linalg::Error::Interrupted`].
pub fn smooth(labels: &[i64], window: usize, causal: bool, out: &mut [i64]) -> Result<()> {
    require(window >= 1, "window", "at least 1", window)?;
    check(labels, "labels")?;
    same_length("out", labels.len(), out.len())?;
    let rows = labels.len();
    // Of each label in the window its count, in a map that grows by itself.
    probe(window.min(rows).saturating_mul(64), "the labels in a window")?;
    let ahead = if causal { 0 } else { window / 2 };
    let behind = window - 1 - ahead;
    let mut counts = Counts::default();
    let mut watch = Watch::start();
    let mut end = 0;
    for (row, out) in out.iter_mut().enumerate() {
        let stop = row.saturating_add(ahead).saturating_add(1).min(rows);
        while end < stop {
            watch.after(1)?;
            counts.add(labels[end]);
            end += 1;
        }
        if let Some(gone) = row.checked_sub(behind.saturating_add(1)) {
            counts.take(labels[gone]);
        }
        let start = row.saturating_sub(behind);
        *out = counts.mode(labels[row], labels[start..end].iter().rev().copied(), &mut watch)?;
    }
    Ok(())
}

/// The labels of the latest rows of a history that is smoothed as it comes.
#[derive(Debug, Clone, Default)]
pub struct Recent {
    labels: VecDeque<i64>,
    counts: Counts,
}

impl Recent {
    /// The causal mode of the next row with `window` rows: what [`smooth`] gives for it as part of the whole history.
    ///
    /// # Errors
    /// [`acm_linalg::Error::Interrupted`].
    pub fn next(&mut self, label: i64, window: usize, watch: &mut Watch) -> Result<i64> {
        while self.labels.len() >= window.max(1) {
            if let Some(gone) = self.labels.pop_front() {
                self.counts.take(gone);
            }
        }
        self.labels.push_back(label);
        self.counts.add(label);
        self.counts.mode(label, self.labels.iter().rev().copied(), watch)
    }

    /// The labels that it remembers, oldest first.
    pub fn labels(&self) -> impl Iterator<Item = i64> {
        self.labels.iter().copied()
    }

    /// Remembers these.
    #[must_use]
    pub fn of(labels: impl Iterator<Item = i64>) -> Self {
        let mut recent = Self::default();
        for label in labels {
            recent.labels.push_back(label);
            recent.counts.add(label);
        }
        recent
    }
}
