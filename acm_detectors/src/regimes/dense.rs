//! Regimes that are the dense parts of the rows, by HDBSCAN.

use acm_clustering::hdbscan::{Hdbscan, Selection};
use acm_linalg::memory::{copied, reserved};
use acm_linalg::samples::room;
use acm_linalg::scaling::keep_known;
use acm_linalg::seed::stream;
use acm_linalg::{Result, Samples, Scaling, parallel};
use ndarray::ArrayView2;
use rand::RngExt;

use super::Regimes;
use super::fit::COST_NS;

/// Nothing is a regime that has less than one in so many rows.
const SHARE: usize = 50;

/// Nor what has fewer rows.
const FEWEST: usize = 30;

/// How many times as many rows a regime has in its middle as there are where it parts from others, in a ball of the same size.
/// Where there are at most as many as within a core distance, chance makes half as many of them and twice as many.
const DENSER: usize = 3;

/// Most rows within a core distance: the density of so many is known to a fifth.
const MOST_CORE: usize = 30;

/// A sensor with no more values has states, it is not rounded.
const STATES: usize = 3;

/// Steps to either side of a value whose median is that of its readings.
const STEPS: usize = 3;

/// The place of equal readings among the values, and how far those are apart there.
struct Values {
    /// Rising.
    values: Vec<f64>,
    /// 0 for one that is there once.
    steps: Vec<f64>,
}

impl Values {
    /// Room for those of so many readings.
    fn room(rows: usize) -> Result<Self> {
        let values = reserved(rows, "the values of a sensor")?;
        let steps = reserved(rows, "the values of a sensor")?;
        Ok(Self { values, steps })
    }

    /// Sorts `column`, all known.
    fn learn(&mut self, column: &mut [f64]) {
        column.sort_unstable_by(f64::total_cmp);
        self.values.clear();
        self.steps.clear();
        let runs = || column.chunk_by(|one, next| one == next);
        self.values.extend(runs().map(|run| run[0]));
        self.steps.resize(self.values.len(), 0.0);
        if self.values.len() <= STATES {
            return;
        }
        let mut near = [0.0; 2 * STEPS];
        for (place, (step, run)) in self.steps.iter_mut().zip(runs()).enumerate() {
            if run.len() > 1 {
                let around = &self.values[place.saturating_sub(STEPS)..self.values.len().min(place + STEPS + 1)];
                let gaps = around.len() - 1;
                near.iter_mut().zip(around.windows(2)).for_each(|(gap, pair)| *gap = pair[1] - pair[0]);
                near[..gaps].sort_unstable_by(f64::total_cmp);
                *step = near[(gaps - 1) / 2];
            }
        }
    }

    fn step(&self, value: f64) -> f64 {
        let place = self.values.partition_point(|&other| other < value);
        if self.values.get(place) == Some(&value) { self.steps[place] } else { 0.0 }
    }
}

impl Regimes {
    /// Fewest of so many rows that are a regime.
    pub(super) fn fewest(&self, rows: usize) -> usize {
        self.min_rows.max(rows.div_ceil(SHARE)).max(FEWEST)
    }

    /// The dense parts of the rows, and how many there are; one of all rows where there are not two.
    pub(super) fn dense(&self, points: ArrayView2<'_, f64>) -> Result<(Vec<i64>, usize)> {
        let size = self.fewest(points.nrows());
        let core = (size / DENSER).min(MOST_CORE);
        let found = Hdbscan::new(size, Some(core), Selection::ExcessOfMass)?
            .fit(points.into())?
            .standing_out(DENSER)?;
        if found.clusters() == 0 {
            return Ok((room(points.nrows(), 1, 0, "the labels")?, 1));
        }
        Ok((copied(found.labels(), "the labels")?, found.clusters()))
    }

    /// Spreads readings that are equal over what was rounded to them: `scaled` (n, k) are the columns `kept` of `x`. Where many
    /// rows are the same they would be as dense as can be, and each value of a rounded sensor a part of its own.
    pub(super) fn spread(&self, x: Samples<'_>, kept: &[usize], scaling: &Scaling, scaled: &mut [f64]) -> Result<()> {
        let rows = x.rows();
        let mut noise = room(rows, kept.len(), 0.0, "the scaled rows")?;
        parallel::run(
            noise.chunks_mut(rows.max(1)).zip(kept).enumerate(),
            COST_NS * (rows * kept.len()) as f64,
            || Ok((room(rows, 1, 0.0, "a column")?, room(rows, 1, 0.0, "a column")?, Values::room(rows)?)),
            |(column, sorted, values), (number, (noise, &sensor)), stop| {
                if stop.requested() {
                    return;
                }
                x.read_column(sensor, column);
                sorted.copy_from_slice(column);
                let known = keep_known(sorted);
                values.learn(&mut sorted[..known]);
                let mut random = stream(self.seed, number as u64);
                for (noise, &value) in noise.iter_mut().zip(&*column) {
                    let part = random.random::<f64>() - 0.5;
                    let value = if value.is_finite() { value } else { scaling.center[sensor] };
                    *noise = part * (values.step(value) / scaling.scale[sensor]);
                }
            },
        )?;
        for (row, to) in scaled.chunks_exact_mut(kept.len()).enumerate() {
            to.iter_mut().enumerate().for_each(|(column, to)| *to += noise[column * rows + row]);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_readings_have_the_step_of_those_around() {
        // Whole numbers, most of them twice, one between them, and some far off.
        let mut column: Vec<f64> = (12..26).flat_map(|number| [f64::from(number); 2]).collect();
        column.extend([0.0, 0.0, 11.0, 18.5, 500.0, 500.0]);
        let mut values = Values::room(column.len()).unwrap();
        values.learn(&mut column);
        assert_eq!([0.0, 12.0, 18.0, 25.0, 500.0].map(|value| values.step(value)), [1.0; 5]);
        // Read once, or never.
        assert_eq!([11.0, 18.5, 9.0].map(|value| values.step(value)), [0.0; 3]);
        values.learn(&mut [0.0, 1.0, 1.0, 2.0, 2.0, 0.0]);
        assert_eq!(values.steps, [0.0; 3]);
        values.learn(&mut []);
        assert_eq!(values.step(0.0), 0.0);
    }
}
