//! Which sensors take part, and their values relative to mean and standard deviation.

use std::ops::Range;

use acm_linalg::memory::{copied, push};
use acm_linalg::samples::{reduce, room};
use acm_linalg::scaling::{Manner, rounding};
use acm_linalg::{Result, Samples, Scaling};

use crate::complete::enough;
use crate::lagged::Lagged;

/// The scale of a column that is left out, at least; nothing is divided by it.
pub(super) const UNUSED: f64 = 3.162_277_660_168_379_5e-5;

/// Rows that are read at a time.
pub(super) const BLOCK: usize = 256;

/// The training rows, filled and scaled.
pub(super) struct Standard {
    /// Of all columns; mean and deviation are those of the filled values.
    pub(super) scaling: Scaling,
    /// Columns that take part, rising.
    pub(super) watched: Vec<usize>,
    /// What the rounding of their centres leaves of the scaled values' means: 6e-5 for 1e9 ± 1e-3.
    pub(super) mean: Vec<f64>,
}

impl Standard {
    pub(super) fn fit(x: Samples<'_>) -> Result<Self> {
        let mut scaling = Scaling::fit(x, Manner::Standard, 0.0)?;
        let rows = x.rows() as f64;
        let mut watched = Vec::new();
        for column in 0..x.columns() {
            let known = scaling.known[column] as f64;
            let missing = rows - known;
            let enough = usize::try_from(scaling.known[column]).is_ok_and(|known| enough(known, x.rows(), x.columns()));
            if scaling.scale[column] <= rounding(scaling.center[column]) || !enough {
                scaling.scale[column] = scaling.scale[column].max(UNUSED);
                continue;
            }
            push(&mut watched, column, "the columns that change")?;
            if missing > 0.0 {
                // The known values and the filled ones merge (Chan, Golub and LeVeque 1983, doi 10.2307/2683386, eq. 1.5).
                let gap = scaling.fill[column] - scaling.center[column];
                scaling.center[column] += gap * (missing / rows);
                let between = gap * (missing / rows).sqrt();
                let scale = scaling.scale[column];
                let larger = scale.max(between.abs());
                let (scale, between) = (scale / larger, between / larger);
                scaling.scale[column] = larger * (scale * scale + between * between).sqrt() * (known / rows).sqrt();
            }
        }
        let mut standard = Self {
            scaling,
            mean: room(watched.len(), 1, 0.0, "a mean for each column")?,
            watched,
        };
        standard.mean = standard.remainder(x)?;
        Ok(standard)
    }

    /// The same as points of the watched columns.
    pub(super) fn lagged(&self) -> Result<Lagged> {
        Ok(Lagged {
            columns: self.scaling.columns(),
            kept: copied(&self.watched, "the columns that change")?,
            scaling: self.scaling.select(&self.watched)?,
            lags: 0,
            mean: copied(&self.mean, "a mean for each column")?,
        })
    }

    /// Rows `rows`, filled and scaled, the watched columns alone, row after row at the start of `block`, which has room for
    /// whole rows.
    pub(super) fn read(&self, x: Samples<'_>, rows: Range<usize>, block: &mut [f64]) {
        let columns = self.scaling.columns();
        let block = &mut block[..rows.len() * columns];
        x.read(rows.clone(), block);
        let mut to = 0;
        for row in 0..rows.len() {
            for (place, &column) in self.watched.iter().enumerate() {
                block[to] = self.scaling.scaled(block[row * columns + column], column) - self.mean[place];
                to += 1;
            }
        }
    }

    /// Means of the scaled values.
    fn remainder(&self, x: Samples<'_>) -> Result<Vec<f64>> {
        let (columns, sensors) = (x.columns(), self.watched.len());
        let mut sums = reduce(
            x.rows(),
            16,
            2.0 * columns as f64,
            || room(BLOCK, columns, 0.0, "a block of rows"),
            || room(sensors, 1, 0.0, "sums of columns"),
            |sums, block, rows, stop| {
                for start in rows.clone().step_by(BLOCK) {
                    if stop.requested() {
                        return;
                    }
                    let part = start..rows.end.min(start + BLOCK);
                    let count = part.len() * sensors;
                    self.read(x, part, block);
                    for row in block[..count].chunks_exact(sensors.max(1)) {
                        row.iter().zip(&mut *sums).for_each(|(value, sum)| *sum += value);
                    }
                }
            },
            |all, part, _| all.iter_mut().zip(part).for_each(|(all, part)| *all += part),
        )?;
        sums.iter_mut().for_each(|sum| *sum /= x.rows() as f64);
        Ok(sums)
    }
}
