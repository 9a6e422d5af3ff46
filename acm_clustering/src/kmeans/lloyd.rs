//! Lloyd's iterations: each row to its nearest centre, each centre to the mean of its rows, until nothing moves.
//!
//! All runs of a fit advance together, so that a block of rows is read from memory once for all of them. What a run
//! finds depends on its own start alone: sums are made of pieces that the number of threads does not change.
//!
//! Source: Lloyd (1982), "Least squares quantization in PCM", doi 10.1109/TIT.1982.1056489.

use acm_linalg::lanes::{LANES, Row};
use acm_linalg::memory::{Gather, reserved};
use acm_linalg::samples::{by_rows, room};
use acm_linalg::{Result, parallel};

use super::block::Active;
use super::centers::Centers;
use super::pass::{Found, Piece, Plan, pass};
use super::points::Points;

/// What has come of the best run.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) centers: Vec<f64>,
    /// Weight of the rows of each centre.
    pub(super) counts: Vec<f64>,
    pub(super) labels: Vec<u32>,
    pub(super) inertia: f64,
    pub(super) iterations: usize,
    /// Whether rounding decided on a row on the way, or a cluster lost its last row.
    pub(super) tied: bool,
}

/// When a run is over.
#[derive(Debug, Clone, Copy)]
pub(super) struct Until {
    pub(super) iterations: usize,
    /// The sum of the centres' squared shifts that is as good as none.
    pub(super) shift: f64,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Stage {
    Moving,
    /// The centres stay, the labels are still those of the centres before.
    Last,
    Done,
}

#[derive(Debug)]
struct Run {
    centers: Vec<f64>,
    /// What a row lost of its lead by the latest move, at most: the two largest shifts.
    loss: f64,
    counts: Vec<f64>,
    inertia: f64,
    iterations: usize,
    stage: Stage,
    /// Whether products tell the nearest centre too rarely to be worth their time.
    direct: bool,
    /// Whether a cluster lost its last row.
    emptied: bool,
}

/// The best of the runs from `starts`, each some centres one after the other; the first of equally good ones.
pub(super) fn best(points: &Points, starts: Vec<Vec<f64>>, clusters: usize, until: Until) -> Result<Outcome> {
    let columns = points.columns;
    let mut runs = reserved(starts.len(), "the starts")?;
    for centers in starts {
        runs.push(Run {
            centers,
            loss: 0.0,
            counts: room(clusters, 1, 0.0, "the clusters' weights")?,
            inertia: f64::INFINITY,
            iterations: 0,
            stage: Stage::Moving,
            direct: false,
            emptied: false,
        });
    }
    let plan = Plan::new(points, clusters, until.iterations);
    let mut pieces = Piece::all(points, plan, runs.len())?;
    let mut means = room(clusters, columns, 0.0, "the centres")?;
    let mut watch = parallel::Watch::start();
    loop {
        watch.look()?;
        let mut active = reserved(runs.len(), "the starts")?;
        for (number, run) in runs.iter().enumerate() {
            if run.stage != Stage::Done {
                active.push(Active {
                    run: number,
                    centers: Centers::new(&run.centers, columns)?,
                    loss: run.loss,
                    moving: run.stage == Stage::Moving,
                    direct: run.direct || run.stage == Stage::Last,
                });
            }
        }
        if active.is_empty() {
            break;
        }
        pass(points, plan, &mut pieces, &active)?;
        for (number, run) in runs.iter_mut().enumerate() {
            if run.stage != Stage::Done {
                run.conclude(points, &Found::of(&pieces, number), &mut means, until)?;
            }
        }
    }
    let mut first = 0;
    for number in 1..runs.len() {
        if runs[number].inertia < runs[first].inertia {
            first = number;
        }
    }
    let found = Found::of(&pieces, first);
    let (labels, tied) = (found.labels(points)?, found.tied());
    let run = runs.swap_remove(first);
    Ok(Outcome {
        centers: run.centers,
        counts: run.counts,
        labels,
        inertia: run.inertia,
        iterations: run.iterations,
        tied: tied || run.emptied,
    })
}

/// What one pass over the rows finds.
#[derive(Debug)]
pub(super) struct ClusterSums {
    /// (k, d): the weighted sums of the rows of each centre.
    pub(super) sums: Vec<f64>,
    pub(super) counts: Vec<f64>,
    pub(super) labels: Vec<u32>,
    pub(super) inertia: f64,
}

/// Each row to its nearest centre, and the sums by centre.
pub(super) fn sums(points: &Points, centers: &[f64], clusters: usize) -> Result<ClusterSums> {
    let plan = Plan::new(points, clusters, 1);
    let mut pieces = Piece::all(points, plan, 1)?;
    let only = Active {
        run: 0,
        centers: Centers::new(centers, points.columns)?,
        loss: 0.0,
        moving: true,
        direct: true,
    };
    pass(points, plan, &mut pieces, &[only])?;
    let found = Found::of(&pieces, 0);
    let mut sums = ClusterSums {
        sums: room(clusters, points.columns, 0.0, "the centres")?,
        counts: room(clusters, 1, 0.0, "the clusters' weights")?,
        labels: found.labels(points)?,
        inertia: found.inertia(),
    };
    found.sums(&mut sums.sums);
    found.counts(&mut sums.counts);
    Ok(sums)
}

impl Run {
    /// Takes what a pass found and moves the centres.
    fn conclude(&mut self, points: &Points, found: &Found<'_>, means: &mut [f64], until: Until) -> Result<()> {
        found.counts(&mut self.counts);
        if self.stage == Stage::Last {
            self.inertia = found.inertia();
            self.stage = Stage::Done;
            return Ok(());
        }
        self.direct |= found.close() > points.count() / 8;
        found.sums(means);
        if self.counts.contains(&0.0) {
            self.emptied = true;
            self.relocate(points, found, means)?;
        }
        let shift = self.shift(points.columns, means);
        self.iterations += 1;
        self.stage = if !found.moved() || shift <= until.shift || self.iterations >= until.iterations {
            Stage::Last
        } else {
            Stage::Moving
        };
        Ok(())
    }

    /// Moves the centres to the means of their rows, whose sums are given; the sum of the squared shifts.
    fn shift(&mut self, columns: usize, sums: &[f64]) -> f64 {
        let mut total = 0.0;
        let (mut most, mut next) = (0.0, 0.0);
        for (cluster, &count) in self.counts.iter().enumerate() {
            let mut square = 0.0;
            // A cluster without a row stays where it is.
            if count > 0.0 {
                let places = cluster * columns..(cluster + 1) * columns;
                for (center, sum) in self.centers[places.clone()].iter_mut().zip(&sums[places]) {
                    let mean = sum / count;
                    square += (mean - *center).powi(2);
                    *center = mean;
                }
            }
            total += square;
            let shift = square.sqrt();
            if shift > most {
                (most, next) = (shift, most);
            } else if shift > next {
                next = shift;
            }
        }
        // Rounded up by far more than the shifts have been rounded down.
        self.loss = (most + next) * (1.0 + 1e-9);
        total
    }

    /// Gives each cluster without a row the row that lies farthest from its own centre, unless that is all its cluster
    /// has.
    fn relocate(&mut self, points: &Points, found: &Found<'_>, sums: &mut [f64]) -> Result<()> {
        let (tiles, columns) = (points.count(), points.columns);
        let mut far = room(points.rows, 1, (0.0, 0), "distances to the centres")?;
        let mut squares = room(tiles, 1, Row::splat(0.0), "distances to the centres")?;
        by_rows(
            tiles,
            1,
            &mut squares,
            10.0 * columns as f64,
            || Ok(()),
            |(), range, squares, stop| {
                for (tile, squares) in range.zip(squares) {
                    if stop.requested() {
                        return;
                    }
                    for lane in 0..points.valid(tile) {
                        let row = tile * LANES + lane;
                        let center = &self.centers[found.label(row) * columns..][..columns];
                        if points.weight(tile).0[lane] > 0.0 {
                            squares.0[lane] = points.row(row).zip(center).map(|(x, center)| (x - center).powi(2)).sum();
                        }
                    }
                }
            },
        )?;
        far.iter_mut()
            .enumerate()
            .for_each(|(row, far)| *far = (squares[row / LANES].0[row % LANES], row));
        let homeless = (0..self.counts.len()).filter(|&cluster| self.counts[cluster] == 0.0);
        let homeless = homeless.gathered("the clusters")?;
        let wanted = homeless.len().min(far.len() - 1);
        let order = |a: &(f64, usize), b: &(f64, usize)| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1));
        far.select_nth_unstable_by(wanted, order);
        far[..=wanted].sort_unstable_by(order);
        let mut rows = far[..=wanted].iter().filter(|(square, _)| *square > 0.0);
        for cluster in homeless {
            let Some(&(_, row)) = rows.next() else { return Ok(()) };
            let (donor, weight) = (found.label(row), points.weight(row / LANES).0[row % LANES]);
            if self.counts[donor] <= weight {
                continue;
            }
            self.counts[donor] -= weight;
            self.counts[cluster] = weight;
            for (column, x) in points.row(row).enumerate() {
                sums[donor * columns + column] -= x * weight;
                sums[cluster * columns + column] = x * weight;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_move_is_to_the_means_and_loses_the_two_largest_shifts() {
        // One cluster each moves by 5, 13, 1, 10 in any order; the last has no row.
        let moves = [[3.0, 4.0], [-5.0, 12.0], [0.0, -1.0], [6.0, 8.0], [50.0, 50.0]];
        let counts = [2.0, 0.5, 7.0, 1.0, 0.0];
        for turn in 0..4 {
            let order: Vec<usize> = (0..4).map(|place| (place + turn) % 4).chain([4]).collect();
            for order in [order.clone(), order.into_iter().rev().collect()] {
                let before: Vec<f64> = order.iter().flat_map(|&place| [place as f64, -2.0]).collect();
                let mut run = Run {
                    centers: before.clone(),
                    loss: 0.0,
                    counts: order.iter().map(|&place| counts[place]).collect(),
                    inertia: f64::INFINITY,
                    iterations: 0,
                    stage: Stage::Moving,
                    direct: false,
                    emptied: false,
                };
                let mean = |place: usize, column: usize| before[2 * place + column] + moves[order[place]][column];
                let sums: Vec<f64> =
                    (0..10).map(|place| mean(place / 2, place % 2) * counts[order[place / 2]]).collect();
                let total = run.shift(2, &sums);
                assert!((total - (25.0 + 169.0 + 1.0 + 100.0)).abs() < 1e-12);
                assert!(run.loss >= 23.0 && run.loss < 23.0 + 1e-6, "{}", run.loss);
                for (place, number) in order.iter().enumerate() {
                    for column in 0..2 {
                        let after = if *number == 4 { before[2 * place + column] } else { mean(place, column) };
                        assert!((run.centers[2 * place + column] - after).abs() < 1e-14);
                    }
                }
            }
        }
    }
}
