//! The feature matrix: every feature of every column from one pass over the data.

use acm_linalg::Result;
use acm_linalg::columns::{self, History, Leaf, Tile, allocate};
use acm_linalg::error::require;
use acm_linalg::lanes::{Element, Row, V};
use fearless_simd::{Simd, f64x8, prelude::*};
use ndarray::{ArrayView2, ArrayViewMut2};

use crate::fill::fill_values;
use crate::rolling::{AllMoments, Blocks, Order, Wanted, Window, tile_rows};
use crate::spectral::Bands;
use crate::spectral::block_dft::BandEnergy;

/// Farthest that a skewness, a kurtosis and a robust z may lie from 0.
const SKEW_CLIP: f64 = 100.0;
const KURT_CLIP: f64 = 1000.0;
const Z_CLIP: f64 = 100.0;

/// Makes the median absolute deviation of normal data its standard deviation.
const NORMAL: f64 = 1.4826;

/// Least deviation that a robust z divides by, and what is added to the divisor.
const FLOOR: f64 = 1e-9;

/// A feature of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Feature {
    /// Rolling median.
    Median,
    /// Rolling median absolute deviation, unscaled.
    Mad,
    /// Rolling mean.
    Mean,
    /// Rolling standard deviation, ddof 1.
    Std,
    /// Rolling least-squares slope, per row.
    Slope,
    /// Rolling bias-corrected skewness, within 100 of 0.
    Skew,
    /// Rolling bias-corrected excess kurtosis, within 1000 of 0.
    Kurt,
    /// Rolling energy of each band.
    Energy,
    /// `(x - median) / (1.4826 max(mad, 1e-9) + 1e-9)` of the row, within 100 of 0.
    RobustZ,
}

impl Feature {
    /// Every feature, in the order of the feature matrix.
    pub const ALL: [Self; 9] = [
        Self::Median,
        Self::Mad,
        Self::Mean,
        Self::Std,
        Self::Slope,
        Self::Skew,
        Self::Kurt,
        Self::Energy,
        Self::RobustZ,
    ];
}

/// Which results a feature's columns are taken from.
#[derive(Clone, Copy)]
enum Source {
    Order(usize),
    Moments { result: usize, clip: f64 },
    Energy,
    RobustZ,
}

struct Matrix {
    window: Window,
    sources: Vec<Source>,
    bands: usize,
    order: Option<Order<'static>>,
    moments: Option<Blocks<AllMoments>>,
    energy: Option<BandEnergy>,
    tile_rows: usize,
}

struct MatrixScratch {
    order: Option<<Order<'static> as Leaf>::Scratch>,
    moments: Option<<Blocks<AllMoments> as Leaf>::Scratch>,
    energy: Option<<BandEnergy as Leaf>::Scratch>,
    order_results: Vec<Row>,
    moment_results: Vec<Row>,
    energy_results: Vec<Row>,
}

/// Results of the order statistics: median, deviation. Of the moments: as [`AllMoments`] says.
const ORDER_RESULTS: usize = 2;
const MOMENT_RESULTS: usize = 5;

impl Matrix {
    fn new(nominal: Window, features: &[Feature], bands: &Bands, rows: usize) -> Result<Self> {
        let window = nominal.within(rows);
        let moment = |result| Source::Moments {
            result,
            clip: f64::INFINITY,
        };
        let sources: Vec<Source> = features
            .iter()
            .map(|feature| match feature {
                Feature::Median => Source::Order(0),
                Feature::Mad => Source::Order(1),
                Feature::Mean => moment(0),
                Feature::Std => moment(1),
                Feature::Slope => moment(2),
                Feature::Skew => Source::Moments {
                    result: 3,
                    clip: SKEW_CLIP,
                },
                Feature::Kurt => Source::Moments {
                    result: 4,
                    clip: KURT_CLIP,
                },
                Feature::Energy => Source::Energy,
                Feature::RobustZ => Source::RobustZ,
            })
            .collect();
        let any = |wanted: fn(&Source) -> bool| sources.iter().any(wanted);
        let order = any(|source| matches!(source, Source::Order(_) | Source::RobustZ)).then(|| {
            let wanted = Wanted {
                median: true,
                mad: Some(1.0),
                ..Wanted::default()
            };
            Order::new(wanted, window)
        });
        let moments = any(|source| matches!(source, Source::Moments { .. })).then(|| Blocks::new(AllMoments, window));
        let energy = if any(|source| matches!(source, Source::Energy)) {
            // The nominal window decides from which row on there is an energy.
            Some(BandEnergy::new(nominal, bands, rows)?)
        } else {
            None
        };
        let wanted = [
            order.as_ref().map(Leaf::tile_rows),
            energy.as_ref().map(Leaf::tile_rows),
        ];
        let tile_rows = wanted.into_iter().flatten().fold(tile_rows(window.rows()), usize::max);
        Ok(Self {
            window,
            sources,
            bands: bands.len(),
            order,
            moments,
            energy: energy.map(|leaf| leaf.with_tile_rows(tile_rows)),
            tile_rows,
        })
    }

    #[inline(always)]
    fn assemble<S: Simd>(&self, simd: S, scratch: &MatrixScratch, x: &[Row], out: &mut [Row]) {
        let width: usize = self.blocks().iter().sum();
        let mut first = 0;
        for source in &self.sources {
            let lines = out.chunks_exact_mut(width);
            match *source {
                Source::Order(result) => {
                    for (line, from) in lines.zip(scratch.order_results.chunks_exact(ORDER_RESULTS)) {
                        line[first].store(finite(simd, from[result].load(simd)));
                    }
                }
                Source::Moments { result, clip } => {
                    for (line, from) in lines.zip(scratch.moment_results.chunks_exact(MOMENT_RESULTS)) {
                        line[first].store(finite(simd, within(simd, from[result].load(simd), clip)));
                    }
                }
                Source::Energy => {
                    for (line, from) in lines.zip(scratch.energy_results.chunks_exact(self.bands)) {
                        for (band, energy) in from.iter().enumerate() {
                            line[first + band].store(finite(simd, energy.load(simd)));
                        }
                    }
                }
                Source::RobustZ => {
                    let from = scratch.order_results.chunks_exact(ORDER_RESULTS);
                    for ((line, from), x) in lines.zip(from).zip(x) {
                        let deviation = from[1].load(simd).max(f64x8::splat(simd, FLOOR));
                        let z = (x.load(simd) - from[0].load(simd)) / (deviation * NORMAL + FLOOR);
                        line[first].store(finite(simd, within(simd, z, Z_CLIP)));
                    }
                }
            }
            first += if matches!(source, Source::Energy) { self.bands } else { 1 };
        }
    }
}

/// `value`, 0 where it is NaN or infinite.
#[inline(always)]
fn finite<S: Simd>(simd: S, value: V<S>) -> V<S> {
    value.abs().simd_lt(f64::INFINITY).select(value, f64x8::splat(simd, 0.0))
}

/// `value`, at most `clip` from 0; NaN stays.
#[inline(always)]
fn within<S: Simd>(simd: S, value: V<S>, clip: f64) -> V<S> {
    let clip = f64x8::splat(simd, clip);
    let above = value.simd_gt(clip).select(clip, value);
    above.simd_lt(-clip).select(-clip, above)
}

impl Leaf for Matrix {
    type Scratch = MatrixScratch;

    fn blocks(&self) -> Vec<usize> {
        self.sources
            .iter()
            .map(|source| if matches!(source, Source::Energy) { self.bands } else { 1 })
            .collect()
    }

    fn window(&self) -> usize {
        self.window.rows()
    }

    fn lead(&self, end: usize) -> usize {
        let leads = [
            self.order.as_ref().map(|leaf| leaf.lead(end)),
            self.moments.as_ref().map(|leaf| leaf.lead(end)),
            self.energy.as_ref().map(|leaf| leaf.lead(end)),
        ];
        leads.into_iter().flatten().max().unwrap_or(0)
    }

    fn tile_rows(&self) -> usize {
        self.tile_rows
    }

    fn cost_ns(&self) -> f64 {
        let costs = [
            self.order.as_ref().map(Leaf::cost_ns),
            self.moments.as_ref().map(Leaf::cost_ns),
            self.energy.as_ref().map(Leaf::cost_ns),
        ];
        costs.into_iter().flatten().sum::<f64>() + self.sources.len() as f64
    }

    fn scratch(&self, rows: usize) -> Result<MatrixScratch> {
        let tile = self.tile_rows().min(rows);
        let results = |there: bool, width: usize| allocate(if there { tile * width } else { 0 }, "a tile of results");
        Ok(MatrixScratch {
            order: self.order.as_ref().map(|leaf| leaf.scratch(rows)).transpose()?,
            moments: self.moments.as_ref().map(|leaf| leaf.scratch(rows)).transpose()?,
            energy: self.energy.as_ref().map(|leaf| leaf.scratch(rows)).transpose()?,
            order_results: results(self.order.is_some(), ORDER_RESULTS)?,
            moment_results: results(self.moments.is_some(), MOMENT_RESULTS)?,
            energy_results: results(self.energy.is_some(), self.bands)?,
        })
    }

    #[inline(always)]
    fn tile<S: Simd>(&self, simd: S, scratch: &mut MatrixScratch, tile: &Tile<'_>, out: &mut [Row]) {
        let rows = tile.rows();
        if let (Some(leaf), Some(own)) = (&self.order, &mut scratch.order) {
            leaf.tile(simd, own, tile, &mut scratch.order_results[..rows * ORDER_RESULTS]);
        }
        if let (Some(leaf), Some(own)) = (&self.moments, &mut scratch.moments) {
            leaf.tile(simd, own, tile, &mut scratch.moment_results[..rows * MOMENT_RESULTS]);
        }
        if let (Some(leaf), Some(own)) = (&self.energy, &mut scratch.energy) {
            leaf.tile(simd, own, tile, &mut scratch.energy_results[..rows * self.bands]);
        }
        self.assemble(simd, scratch, &tile.x[tile.lead..], out);
    }
}

/// The features of every column, in one pass over the data.
///
/// Missing values are filled first, by `fill` where it has a number for the column, else by the column's median, or 0 where
/// all is missing. Every row then has its features, whatever its window lacks: what is not defined is 0.
///
/// Shapes: x (n, d) -> (n, d * k), k results of a column: features stand one after the other, each with its columns in
/// order; the bands of a column are adjacent.
/// Cost: O(n d window) for short windows. Source: as the rolling statistics it is made of, whose bits it has.
///
/// # Errors
/// [`crate::Error::Parameter`] where `features` is empty; [`crate::Error::Shape`] for another `out`, [`crate::Error::Length`] for another
/// `fill`; [`crate::Error::Memory`]; [`crate::Error::Interrupted`].
pub fn feature_matrix<T: Element>(
    x: ArrayView2<'_, T>,
    window: Window,
    features: &[Feature],
    bands: &Bands,
    fill: Option<&[f64]>,
    out: ArrayViewMut2<'_, T>,
) -> Result<()> {
    require(!features.is_empty(), "features", "one feature or more, so its length at least 1", 0_usize)?;
    let fill = fill_values(&x, fill)?;
    let history = History {
        first_row: window.first_row(),
        fill: Some(&fill),
        ..History::default()
    };
    columns::run(&Matrix::new(window, features, bands, x.nrows())?, x, history, out)
}
