//! Scores of training rows by the trees that have not been grown from them.

use acm_linalg::error::{Error, Result};
use acm_linalg::lanes::LANES;
use acm_linalg::memory::Gather;
use acm_linalg::samples::{Samples, by_rows, room};
use acm_linalg::seed::one_of_each;
use fearless_simd::{Level, dispatch};
use ndarray::Array2;

use super::FittedIsolationForest;
use super::grow::left_aside;
use super::score::{Block, STEP_NS, leaves};
use crate::held_out::HeldOut;
use crate::screen::Screened;

/// Rows that are judged at most, and at least where there are as many; values of them, otherwise.
const MOST_ROWS: usize = 2500;
const ENOUGH_ROWS: usize = 500;
const VALUES: usize = 1 << 18;

/// What the fit has kept of its rows, one of each few where they are many, without those that no healthy machine reads.
pub(super) fn scores(forest: &FittedIsolationForest, x: Samples<'_>) -> Result<Option<HeldOut>> {
    let (rows, columns) = (x.rows(), x.columns());
    let count = (VALUES / columns).clamp(ENOUGH_ROWS, MOST_ROWS).min(rows);
    let chosen = one_of_each(rows, count).gathered("the training scores")?;
    let mut values = room(count, columns, 0.0, "the training scores")?;
    for (&row, values) in chosen.iter().zip(values.chunks_exact_mut(columns)) {
        x.read(row..row + 1, values);
    }
    let table = Array2::from_shape_vec((count, columns), values).map_err(|_| Error::Memory {
        what: "the training scores",
        rows: count,
        columns,
    })?;
    let table = Samples::from(table.view());
    let counts = Screened::of(table)?.with_clusters()?.sound(count)?;
    let trees = &forest.trees;
    let unseen = left_aside(x, &chosen, trees.count(), forest.samples, forest.parameters.seed)?;
    let mut found = room(count, 1, Paths::default(), "the training scores")?;
    let level = Level::new();
    by_rows(
        count,
        1,
        &mut found,
        STEP_NS * trees.steps() + 2.0 * columns as f64,
        || Block::new(columns, LANES),
        |block, rows, out, stop| {
            for (first, out) in rows.step_by(LANES).zip(out.chunks_mut(LANES)) {
                if stop.requested() {
                    return;
                }
                for (tile, whole) in block.read(table, first..first + out.len()) {
                    let mut sums = [[Sums::default(); LANES]; 2];
                    for (tree, unseen) in trees.iter().zip(unseen.chunks_exact(count)) {
                        let leaves = dispatch!(level, simd => leaves(simd, &tree, trees.width(), tile, whole));
                        for (lane, &unseen) in unseen[first..first + out.len()].iter().enumerate() {
                            sums[usize::from(unseen)][lane].add(tree.paths[leaves[lane] as usize]);
                        }
                    }
                    let [seen, unseen] = sums;
                    for (lane, out) in out.iter_mut().enumerate() {
                        // A row that every tree was grown from is judged by them.
                        let by = if unseen[lane].count > 0.0 { unseen[lane] } else { seen[lane] };
                        *out = by.paths(trees.count() as f64);
                    }
                }
            }
        },
    )?;
    if !counts.contains(&true) {
        return Ok(None);
    }
    // The fewer the trees, the more their mean scatters: the rows' own scatter is that of the whole forest's.
    let mean = |of: &dyn Fn(&Paths) -> f64| {
        let kept = found.iter().zip(&counts).filter(|(_, counts)| **counts);
        kept.clone().map(|(paths, _)| of(paths)).sum::<f64>() / kept.count() as f64
    };
    let center = mean(&|paths| paths.mean);
    let (spread, scatter) = (mean(&|paths| (paths.mean - center).powi(2)), mean(&|paths| paths.scatter));
    let shrunk = if spread > scatter { (1.0 - scatter / spread).sqrt() } else { 1.0 };
    let judged = |paths: &Paths| forest.judge((center + shrunk * (paths.mean - center)) * trees.count() as f64);
    let mut scores = found.iter().map(judged).gathered("the training scores")?;
    HeldOut::of(&mut scores, &counts).map(Some)
}

/// The path lengths of a row in some trees.
#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    count: f64,
    sum: f64,
    squares: f64,
}

/// Their mean, and how much its variance is greater than that of the mean over the whole forest.
#[derive(Debug, Clone, Copy, Default)]
struct Paths {
    mean: f64,
    scatter: f64,
}

impl Sums {
    fn add(&mut self, path: f64) {
        self.count += 1.0;
        self.sum += path;
        self.squares += path * path;
    }

    fn paths(&self, trees: f64) -> Paths {
        let mean = self.sum / self.count;
        let variance = (self.squares / self.count - mean * mean).max(0.0);
        Paths {
            mean,
            scatter: variance * (1.0 / self.count - 1.0 / trees),
        }
    }
}

#[cfg(test)]
mod tests {
    use acm_linalg::lanes::Row;
    use acm_linalg::seed::stream;
    use rand::RngExt;

    use super::super::score::next;
    use super::super::tree::average_path;
    use super::super::{IsolationForest, SampleSize};
    use super::*;

    #[test]
    fn rows_are_judged_by_trees_that_have_not_seen_them() {
        let mut draw = stream(31, 0);
        for (rows, samples, trees) in [(60, 20, 12), (60, 58, 3), (60, 2, 12)] {
            let mut x = Array2::from_shape_simple_fn((rows, 3), || draw.random::<f64>());
            x[[7, 1]] = f64::NAN;
            let forest = IsolationForest::new(trees, SampleSize::Count(samples), 0, 5).unwrap();
            let forest = forest.fit(x.view().into()).unwrap();
            let all: Vec<usize> = (0..rows).collect();
            let aside = left_aside(x.view().into(), &all, trees, samples, 5).unwrap();
            let paths = |row: usize, seen: bool| -> Vec<f64> {
                let tile: Vec<Row> = x.row(row).iter().map(|&value| Row::splat(value)).collect();
                let chosen = forest.trees.iter().enumerate().filter(|(tree, _)| aside[tree * rows + row] != seen);
                let path = |(_, tree): (usize, super::super::tree::Tree<'_>)| {
                    let leaf = (0..tree.depth).fold(0, |at, _| next::<false>(&tree, at, &tile, 0));
                    tree.paths[leaf as usize]
                };
                chosen.map(path).collect()
            };
            let judged: Vec<(f64, f64)> = (0..rows)
                .map(|row| {
                    let unseen = paths(row, false);
                    let by = if unseen.is_empty() { paths(row, true) } else { unseen };
                    let count = by.len() as f64;
                    let mean = by.iter().sum::<f64>() / count;
                    let variance = by.iter().map(|path| (path - mean).powi(2)).sum::<f64>() / count;
                    (mean, variance / count - variance / trees as f64)
                })
                .collect();
            assert!(trees > 3 || (0..rows).any(|row| paths(row, false).is_empty()));
            // What the fewer trees scatter is taken from what the rows do.
            let counts = Screened::of(x.view().into()).unwrap().with_clusters().unwrap().sound(rows).unwrap();
            let kept: Vec<(f64, f64)> = judged.iter().zip(&counts).filter(|pair| *pair.1).map(|pair| *pair.0).collect();
            let count = kept.len() as f64;
            let center = kept.iter().map(|row| row.0).sum::<f64>() / count;
            let spread = kept.iter().map(|row| (row.0 - center).powi(2)).sum::<f64>() / count;
            let scatter = kept.iter().map(|row| row.1).sum::<f64>() / count;
            let shrunk = (1.0 - scatter / spread).max(0.0).sqrt();
            let shrunk = if spread > scatter { shrunk } else { 1.0 };
            let mut exact: Vec<f64> = judged
                .iter()
                .map(|row| f64::powf(2.0, -(center + shrunk * (row.0 - center)) / average_path(samples)))
                .collect();
            let exact = HeldOut::of(&mut exact, &counts).unwrap();
            for alpha in [0.4, 0.1, 0.02, 1e-3] {
                let (found, exact) = (forest.limit(alpha).unwrap(), exact.limit(alpha).min(0.999_999));
                assert!((found / exact - 1.0).abs() < 1e-10, "{rows} {alpha}: {found} {exact}");
            }
            // Of two rows each stands alone after one step.
            assert_eq!(spread > scatter, samples > 2, "{spread} {scatter}");
        }
    }

    #[test]
    fn many_rows_are_drawn_one_of_each_two() {
        let mut draw = stream(32, 0);
        let mut x = Array2::from_shape_simple_fn((5000, 1), || draw.random::<f64>());
        let forest = IsolationForest::new(8, SampleSize::Count(16), 0, 5)
            .unwrap()
            .fit(x.view().into())
            .unwrap();
        let limits = |x: &Array2<f64>| {
            let held = scores(&forest, x.view().into()).unwrap().unwrap();
            [0.5, 0.1, 0.01].map(|alpha| held.limit(alpha))
        };
        let before = limits(&x);
        let drawn: Vec<usize> = one_of_each(5000, MOST_ROWS).collect();
        // Those that are not drawn may read anything.
        for row in (0..5000).filter(|row| !drawn.contains(row)) {
            x[[row, 0]] = 50.0;
        }
        assert_eq!(limits(&x), before);
        for &row in &drawn[..400] {
            x[[row, 0]] = 0.999;
        }
        assert_ne!(limits(&x), before);
    }
}
