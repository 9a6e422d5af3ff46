//! Few rows far from the one regime of all others, which are no part of it.

use std::f64::consts::LN_2;

use acm_clustering::labels::UNKNOWN;
use acm_linalg::parallel::Watch;
use acm_linalg::samples::room;
use acm_linalg::scaling::quantile;
use acm_linalg::{Result, Samples};
use ndarray::ArrayView2;

use super::Regimes;

/// Of so many rows one may be apart, or as many as are no regime yet, but not more than one of `MOST`.
const RARE: usize = 20;
const MOST: usize = 10;

/// A tail grows by at most so many times the power at which the distances grow from the 70 % to the 85 % quantile.
const STEEPER: f64 = 1.5;

/// Nor does a tail of finite variance grow by more: its quantiles go with the square root of 1 / (1 - q).
const FINITE: f64 = 0.5;

/// Standard deviations by which chance may add to that: the logarithm of (the distance of the farthest j / 2 rows over that of
/// the farthest j) has one of the power over the square root of j.
const CHANCE: f64 = 2.0;

const WHAT: &str = "how far the rows are";

impl Regimes {
    /// Makes those of `labels` UNKNOWN, all of one regime, whose rows of `points` (n, k) lie beyond a break of the distances.
    ///
    /// Distances of one cloud grow in its tail no faster than in its shoulder, or than a tail of finite variance does. Where those
    /// of the farthest j / 2 rows are farther beyond those of the farthest j, the widest step there ends the cloud: with i rows
    /// beyond, i times the logarithm of the step has the same law for all i in a tail of any power (Rényi 1953, doi
    /// 10.1007/BF02127580; Hill 1975, doi 10.1214/aos/1176343247). First over all columns, then of each by itself, since a state of
    /// few sensors hardly shows among many.
    pub(super) fn set_apart(&self, points: ArrayView2<'_, f64>, labels: &mut [i64]) -> Result<()> {
        let (rows, columns) = points.dim();
        let most = (rows / RARE).max(self.fewest(rows)).min(rows / MOST);
        let mut watch = Watch::start();
        let mut values = room(rows, 1, 0.0, WHAT)?;
        let mut center = room(columns, 1, 0.0, WHAT)?;
        for (column, center) in center.iter_mut().enumerate() {
            Samples::from(points).read_column(column, &mut values);
            *center = quantile(&mut values, 0.5);
            watch.after(rows)?;
        }
        let mut distances = room(rows, 1, 0.0, WHAT)?;
        for (distance, row) in distances.iter_mut().zip(points.rows()) {
            let squares = row.iter().zip(&center).map(|(value, center)| (value - center) * (value - center));
            *distance = squares.sum::<f64>().sqrt();
        }
        let mut gone = part(&distances, most, &mut values, labels);
        for column in (0..columns).filter(|_| columns > 1) {
            watch.after(rows)?;
            Samples::from(points).read_column(column, &mut distances);
            distances.iter_mut().for_each(|value| *value = (*value - center[column]).abs());
            gone += part(&distances, most - gone, &mut values, labels);
        }
        Ok(())
    }
}

/// Makes UNKNOWN what is beyond a break, at most so many rows, and says how many those are. `known` is room for all distances.
fn part(distances: &[f64], most: usize, known: &mut [f64], labels: &mut [i64]) -> usize {
    let mut rows = 0;
    for (&distance, _) in distances.iter().zip(&*labels).filter(|pair| *pair.1 != UNKNOWN) {
        known[rows] = distance;
        rows += 1;
    }
    let known = &mut known[..rows];
    let upper = ((3 * rows).div_ceil(10) + most).min(rows);
    if upper == 0 {
        return 0;
    }
    known.select_nth_unstable_by(upper - 1, |one, other| other.total_cmp(one));
    let upper = &mut known[..upper];
    upper.sort_unstable_by(|one, other| other.total_cmp(one));
    let mut gone = 0;
    loop {
        let more = beyond(&upper[gone..], rows - gone, most - gone);
        if more == 0 {
            break;
        }
        gone += more;
    }
    if gone > 0 {
        let least = upper[gone - 1];
        let far = labels.iter_mut().zip(distances).filter(|pair| *pair.1 >= least);
        far.for_each(|(label, _)| *label = UNKNOWN);
    }
    gone
}

/// How many of so many rows, at most `most`, are beyond a break; 0 without one. `far` are the distances of a third of the rows, the
/// farthest first.
fn beyond(far: &[f64], rows: usize, most: usize) -> usize {
    let farthest = |count: usize| far[count - 1];
    if most < 2 {
        return 0;
    }
    let (foot, shoulder) = (farthest((3 * rows).div_ceil(10)), farthest((3 * rows).div_ceil(20)));
    let power = (STEEPER * (shoulder / foot).log2()).max(FINITE);
    let mut count = (2 * most + 1).min(rows / 5);
    while foot > 0.0 && count >= 4 {
        let growth = (power * (LN_2 + CHANCE / (count as f64).sqrt())).exp();
        if farthest(count / 2) <= growth * farthest(count) {
            count -= 1;
            continue;
        }
        let step = |&count: &usize| count as f64 * (farthest(count) / farthest(count + 1)).ln();
        let widest = (count / 2..count).max_by(|one, other| step(one).total_cmp(&step(other)).then(other.cmp(one)));
        // More rows than are rare are a part of the cloud; what is beyond them may be none.
        count = widest.unwrap_or(0);
        if count <= most {
            return count;
        }
    }
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Quantiles of a Pareto law of this power, the farthest first.
    fn tail(rows: usize, power: f64) -> Vec<f64> {
        (0..rows).map(|row| (rows as f64 / (row as f64 + 0.5)).powf(power)).collect()
    }

    #[test]
    fn rows_are_apart_by_all_columns_together_or_by_one_alone() {
        // Thirty sensors, each evenly within half a unit of its own level.
        let (rows, columns) = (1000, 30);
        let mut draw = acm_linalg::seed::stream(3, 0);
        let cloud = ndarray::Array2::from_shape_fn((rows, columns), |(_, column)| {
            100.0 - 7.0 * column as f64 + rand::RngExt::random::<f64>(&mut draw) - 0.5
        });
        let of = Regimes::new(super::super::Count::Auto, 6, 30, 0.995, 1.5, 1, 17).unwrap();
        let gone = |points: &ndarray::Array2<f64>| {
            let mut labels = vec![4; rows];
            of.set_apart(points.view(), &mut labels).unwrap();
            (0..rows).filter(|&row| labels[row] == UNKNOWN).collect::<Vec<_>>()
        };
        assert_eq!(gone(&cloud), [0_usize; 0]);
        let exact: Vec<usize> = (300..320).collect();
        for away in [1.2, -1.2] {
            // Among thirty such rows hardly lie farther than others do.
            let mut one = cloud.clone();
            exact.iter().for_each(|&row| one[[row, 11]] = 23.0 + away);
            assert_eq!(gone(&one), exact, "{away}");
            // Half of that in all of them: no sensor by itself is where it never was.
            let mut all = cloud.clone();
            exact.iter().for_each(|&row| all.row_mut(row).mapv_inplace(|value| value + 0.5 * away));
            assert_eq!(gone(&all), exact, "{away}");
        }
    }

    #[test]
    fn tails_have_no_break_and_rows_beyond_one_are_counted() {
        for power in [0.01, 0.2, 0.33, 0.5, 1.0] {
            assert_eq!(beyond(&tail(2000, power), 2000, 100), 0, "{power}");
        }
        for rare in [2, 20, 99] {
            let mut far = tail(2000, 0.2);
            // Together, each by itself, and in two places.
            far[..rare].fill(20.0);
            assert_eq!(beyond(&far, 2000, 100), rare);
            far.iter_mut()
                .take(rare)
                .enumerate()
                .for_each(|(row, far)| *far = 50.0 - 30.0 * row as f64 / 99.0);
            assert_eq!(beyond(&far, 2000, 100), rare);
            far[..rare].fill(20.0);
            far[..rare / 2].fill(1e4);
            let mut labels = vec![0; 2000];
            assert_eq!(part(&far, 100, &mut [0.0; 2000], &mut labels), rare);
            assert!(labels.iter().enumerate().all(|(row, &label)| (label == UNKNOWN) == (row < rare)));
        }
        // Too many to be rare, but for those beyond them.
        let mut far = tail(2000, 0.2);
        far[..150].fill(20.0);
        assert_eq!(beyond(&far, 2000, 100), 0);
        far[..40].fill(1e3);
        assert_eq!(beyond(&far, 2000, 100), 40);
        // Most of the rows are alike, or nearly all are gone.
        far[300..].fill(0.0);
        assert_eq!((beyond(&far, 2000, 100), part(&[1.0], 0, &mut [0.0], &mut [UNKNOWN])), (0, 0));
    }
}
