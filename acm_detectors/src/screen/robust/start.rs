//! Where the concentration steps begin: distances along the axes of the rows drawn in.

use acm_linalg::covariance::Centered;
use acm_linalg::dense::{products, symmetric_eigen};
use acm_linalg::lanes::{LANES, Row};
use acm_linalg::samples::{by_rows, room};
use acm_linalg::scaling::median_mad;
use acm_linalg::{Result, parallel};
use fearless_simd::{Level, dispatch};

use super::{NORMAL, Rowwise, WHAT};
use crate::packed::{Packed, rows_of};

/// Where values begin to be drawn in, and where they count as nothing, with the constants that join the pieces (Raymaekers
/// and Rousseeuw 2021, table 1).
const BEGIN: f64 = 1.5;
const END: f64 = 4.0;
const HEIGHT: f64 = 1.540_793;
const STEEP: f64 = 0.862_273_1;

/// Estimated time for a value to be selected by, twice, in nanoseconds.
const SELECT_NS: f64 = 6.0;

/// Estimated time for a value to be drawn in, in nanoseconds.
const WRAP_NS: f64 = 4.0;

impl Rowwise {
    /// Distances by medians and deviations along the axes of the wrapped rows.
    pub(super) fn first(&mut self, holes: &[(usize, usize)]) -> Result<Vec<f64>> {
        let (rows, width) = (self.rows(), self.width);
        self.fill_with(holes, &room(width, 1, 0.0, WHAT)?);
        let wrapped = self.wrapped()?;
        let pairs = products(&Centered::new(&wrapped.samples()?)?)?;
        drop(wrapped);
        let (_, axes) = symmetric_eigen(&pairs, width, "x")?;
        let axes = Packed::full(&axes, width, width)?;
        // (tiles of eight rows, axes).
        let padded = axes.padded();
        let tiles = rows.div_ceil(LANES);
        let mut along = room(tiles, padded, Row::default(), "the scaled rows")?;
        let (table, level) = (self.samples()?, Level::new());
        by_rows(
            tiles,
            padded,
            &mut along,
            LANES as f64 * (2.0 * width as f64 + axes.cost_ns()),
            || rows_of(width),
            |points, inside, out, stop| {
                for (tile, out) in inside.zip(out.chunks_exact_mut(padded)) {
                    if stop.requested() {
                        return;
                    }
                    table.pack(tile * LANES, points);
                    dispatch!(level, simd => axes.apply(simd, points, out));
                }
            },
        )?;
        let mut middles = room(width, 1, (0.0, 0.0), WHAT)?;
        parallel::run(
            middles.iter_mut().enumerate(),
            SELECT_NS * (rows * width) as f64,
            || room(rows, 1, 0.0, WHAT),
            |values, (axis, found), stop| {
                if !stop.requested() {
                    for (tile, out) in along.chunks_exact(padded).zip(values.chunks_mut(LANES)) {
                        out.copy_from_slice(&tile[axis].0[..out.len()]);
                    }
                    let (middle, mad) = median_mad(values);
                    *found = (middle, NORMAL * mad);
                }
            },
        )?;
        let greatest = middles.iter().fold(0.0_f64, |most, found| most.max(found.1)).max(f64::MIN_POSITIVE);
        middles.iter_mut().for_each(|found| found.1 = found.1.max(1e-6 * greatest));
        let mut squares = room(rows, 1, 0.0, WHAT)?;
        by_rows(
            rows,
            1,
            &mut squares,
            width as f64,
            || Ok(()),
            |(), inside, out, stop| {
                for (out, first) in out.chunks_mut(LANES).zip(inside.step_by(LANES)) {
                    if stop.requested() {
                        return;
                    }
                    let tile = &along[first / LANES * padded..][..width];
                    let mut sums = [0.0; LANES];
                    for (along, &(middle, deviation)) in tile.iter().zip(&middles) {
                        for lane in 0..LANES {
                            let z = (along.0[lane] - middle) / deviation;
                            sums[lane] += z * z;
                        }
                    }
                    out.copy_from_slice(&sums[..out.len()]);
                }
            },
        )?;
        Ok(squares)
    }

    /// All rows, drawn in.
    pub(super) fn wrapped(&self) -> Result<Self> {
        let mut z = room(self.rows(), self.width, 0.0, "the scaled rows")?;
        by_rows(
            self.rows(),
            self.width,
            &mut z,
            WRAP_NS * self.width as f64,
            || Ok(()),
            |(), inside, out, stop| {
                if !stop.requested() {
                    let from = &self.z[inside.start * self.width..];
                    out.iter_mut().zip(from).for_each(|(out, value)| *out = wrapped(*value));
                }
            },
        )?;
        Ok(Self {
            z,
            width: self.width,
            lacking: Vec::new(),
        })
    }
}

/// The value, drawn in.
pub(super) fn wrapped(value: f64) -> f64 {
    let size = value.abs();
    if size <= BEGIN {
        value
    } else if size < END {
        (HEIGHT * (STEEP * (END - size)).tanh()).copysign(value)
    } else {
        0.0
    }
}
