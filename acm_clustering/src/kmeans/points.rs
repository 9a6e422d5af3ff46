//! The data of a fit, packed once: eight rows as lanes, filled and scaled, with their weights.

use std::ops::Range;

use acm_linalg::error::Number;
use acm_linalg::lanes::{LANES, Row, V};
use acm_linalg::samples::{by_rows, reduce, room};
use acm_linalg::{Error, Result, Samples, Scaling};
use fearless_simd::{Level, Simd, dispatch, f64x8, prelude::*};

/// Squares of what lies within are finite, and so are their sums.
const FAR: f64 = 1e150;

/// Pieces that the rows are cut into at most, whatever the number of threads.
const PIECES: usize = 32;

/// Fewest tiles that are worth a piece of their own.
const PIECE_TILES: usize = 16;

/// Values that a core's own cache holds beside the rest.
const BLOCK: usize = 1 << 15;

/// The packed rows of a fit.
#[derive(Debug)]
pub(super) struct Points {
    /// A tile is eight rows: a [`Row`] for each column, a lane for each row. Lanes without a row hold 0.
    tiles: Vec<Row>,
    /// A [`Row`] for each tile; 0 where there is no row.
    weights: Vec<Row>,
    /// The rows' lengths.
    lengths: Vec<Row>,
    pub(super) rows: usize,
    pub(super) columns: usize,
}

/// Brings the values of a tile to where their squares are finite.
#[inline(always)]
pub(super) fn bound<S: Simd>(simd: S, value: V<S>) -> V<S> {
    value.min(f64x8::splat(simd, FAR)).max(f64x8::splat(simd, -FAR))
}

impl Points {
    /// Packs `samples`, filled and scaled by `scaling`, with `weights` or 1 each.
    pub(super) fn new(samples: Samples<'_>, scaling: &Scaling, weights: Option<&[f64]>) -> Result<Self> {
        let (rows, columns) = (samples.rows(), samples.columns());
        let count = rows.div_ceil(LANES);
        let mut tiles = room(count, columns, Row::splat(0.0), "the packed rows")?;
        by_rows(
            count,
            columns,
            &mut tiles,
            20.0 * columns as f64,
            || Ok(()),
            |(), range, tiles, stop| {
                if stop.requested() {
                    return;
                }
                let first = range.start;
                dispatch!(Level::new(), simd => pack(simd, &samples, scaling, first, tiles));
            },
        )?;
        let mut lengths = room(count, 1, Row::splat(0.0), "the rows' lengths")?;
        by_rows(
            count,
            1,
            &mut lengths,
            2.0 * columns as f64,
            || Ok(()),
            |(), range, lengths, stop| {
                if stop.requested() {
                    return;
                }
                let tiles = &tiles[range.start * columns..range.end * columns];
                dispatch!(Level::new(), simd => measure(simd, tiles, columns, lengths));
            },
        )?;
        let mut shares = room(count, 1, Row::splat(0.0), "the rows' weights")?;
        match weights {
            None => (0..rows).for_each(|row| shares[row / LANES].0[row % LANES] = 1.0),
            Some(weights) => {
                check_weights(weights, rows)?;
                weights
                    .iter()
                    .enumerate()
                    .for_each(|(row, &weight)| shares[row / LANES].0[row % LANES] = weight);
            }
        }
        Ok(Self {
            tiles,
            weights: shares,
            lengths,
            rows,
            columns,
        })
    }

    #[inline(always)]
    pub(super) fn tile(&self, number: usize) -> &[Row] {
        &self.tiles[number * self.columns..(number + 1) * self.columns]
    }

    #[inline(always)]
    pub(super) fn weight(&self, tile: usize) -> &Row {
        &self.weights[tile]
    }

    #[inline(always)]
    pub(super) fn tiles(&self, numbers: Range<usize>) -> &[Row] {
        &self.tiles[numbers.start * self.columns..numbers.end * self.columns]
    }

    /// The lengths of a tile's rows.
    #[inline(always)]
    pub(super) fn length(&self, tile: usize) -> &Row {
        &self.lengths[tile]
    }

    /// Rows of a tile.
    #[inline(always)]
    pub(super) fn valid(&self, tile: usize) -> usize {
        LANES.min(self.rows - tile * LANES)
    }

    pub(super) fn count(&self) -> usize {
        self.weights.len()
    }

    /// A row, as it was packed.
    pub(super) fn row(&self, row: usize) -> impl Iterator<Item = f64> {
        self.tile(row / LANES).iter().map(move |values| values.0[row % LANES])
    }

    /// Ranges of tiles that partial sums are made of. They depend on the shape and the number of clusters alone, and
    /// the sums of all pieces take no more room than a sixteenth of the rows.
    pub(super) fn pieces(&self, clusters: usize) -> Vec<Range<usize>> {
        let tiles = self.count();
        let most = PIECES.min(tiles / PIECE_TILES).min(self.rows / (16 * clusters)).max(1);
        let step = tiles.div_ceil(most).max(1);
        (0..tiles).step_by(step).map(|start| start..(start + step).min(tiles)).collect()
    }

    /// Tiles that are worked on at a time: few enough for the core's own cache and for a look at interrupts.
    pub(super) fn block(&self, clusters: usize) -> usize {
        let by_cache = BLOCK / (LANES * self.columns).max(1);
        let by_time = 2_000_000 / (self.columns * clusters).max(1);
        by_cache.min(by_time).max(1)
    }

    /// The mean of the columns' population variances.
    pub(super) fn variance(&self) -> Result<f64> {
        let columns = self.columns;
        let sums = reduce(
            self.count(),
            16,
            2.0 * columns as f64,
            || Ok(()),
            || room(columns, 1, (Row::splat(0.0), Row::splat(0.0)), "sums of columns"),
            |sums, (), tiles, stop| {
                if !stop.requested() {
                    dispatch!(Level::new(), simd => self.moments(simd, tiles, sums));
                }
            },
            |all, part, _| {
                for (all, part) in all.iter_mut().zip(part) {
                    for lane in 0..LANES {
                        all.0.0[lane] += part.0.0[lane];
                        all.1.0[lane] += part.1.0[lane];
                    }
                }
            },
        )?;
        let rows = self.rows as f64;
        // A mean is within one deviation of the median, so nothing cancels about either.
        let variance = |(sum, squares): &(Row, Row)| (fold(squares) / rows - (fold(sum) / rows).powi(2)).max(0.0);
        Ok(sums.iter().map(variance).sum::<f64>() / columns as f64)
    }

    #[inline(always)]
    fn moments<S: Simd>(&self, simd: S, tiles: Range<usize>, sums: &mut [(Row, Row)]) {
        for number in tiles {
            let tile = self.tile(number);
            for column in 0..tile.len() {
                let x: V<S> = tile[column].load(simd);
                let (sum, squares) = &mut sums[column];
                sum.store(sum.load(simd) + x);
                squares.store(squares.load(simd) + x * x);
            }
        }
    }
}

/// The sum of the lanes.
#[inline(always)]
pub(super) fn fold(row: &Row) -> f64 {
    let [a, b, c, d, e, f, g, h] = row.0;
    ((a + b) + (c + d)) + ((e + f) + (g + h))
}

#[inline(always)]
fn pack<S: Simd>(simd: S, samples: &Samples<'_>, scaling: &Scaling, first: usize, tiles: &mut [Row]) {
    for (number, tile) in tiles.chunks_exact_mut(samples.columns()).enumerate() {
        let row = (first + number) * LANES;
        scaling.pack(simd, samples, row, tile);
        for values in tile.iter_mut() {
            values.store(bound(simd, values.load(simd)));
        }
        let valid = samples.rows() - row;
        if valid < LANES {
            tile.iter_mut().for_each(|values| values.0[valid..].fill(0.0));
        }
    }
}

#[inline(always)]
fn measure<S: Simd>(simd: S, tiles: &[Row], columns: usize, lengths: &mut [Row]) {
    for place in 0..lengths.len() {
        let tile = &tiles[place * columns..(place + 1) * columns];
        let mut sum: V<S> = f64x8::splat(simd, 0.0);
        for column in 0..columns {
            let x: V<S> = tile[column].load(simd);
            sum += x * x;
        }
        lengths[place].store(sum.sqrt());
    }
}

fn check_weights(weights: &[f64], rows: usize) -> Result<()> {
    let name = "sample_weight";
    if weights.len() != rows {
        return Err(Error::Length {
            name,
            expected: rows,
            got: weights.len(),
        });
    }
    if let Some(&wrong) = weights.iter().find(|weight| !(**weight >= 0.0 && weight.is_finite())) {
        return Err(Error::Parameter {
            name,
            requirement: "finite and at least 0",
            value: Number::Real(wrong),
        });
    }
    let total: f64 = weights.iter().sum();
    if total > 0.0 && total.is_finite() {
        Ok(())
    } else {
        Err(Error::Unfit {
            name,
            requirement: "a weight above 0, and a finite sum",
        })
    }
}

#[cfg(test)]
mod tests {
    use acm_linalg::seed::stream;
    use ndarray::{Array2, Axis};
    use rand::RngExt;

    use super::*;

    /// Of columns whose means are elsewhere than at 0, and a last tile that is not full.
    #[test]
    fn the_variance_is_that_of_the_columns() {
        for (rows, columns) in [(1, 3), (8, 1), (13, 2), (1003, 5)] {
            let mut draw = stream(9, rows as u64);
            let x = Array2::from_shape_fn((rows, columns), |(_, column)| {
                column as f64 - 1.5 + (1 + column) as f64 * draw.random::<f64>()
            });
            let scaling = Scaling {
                fill: vec![0.0; columns],
                center: vec![0.0; columns],
                scale: vec![1.0; columns],
                known: vec![rows as u64; columns],
            };
            let points = Points::new(x.view().into(), &scaling, None).unwrap();
            let expected = x.var_axis(Axis(0), 0.0).mean().unwrap();
            assert!((points.variance().unwrap() - expected).abs() < 1e-13 * (1.0 + expected), "{rows} {columns}");
        }
    }
}
