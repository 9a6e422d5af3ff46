//! The feature matrix: every feature of every column from one pass over the data.
//!
//! # Examples
//!
//! ```
//! use acm_features::matrix::{Feature, Gaps, feature_matrix};
//! use acm_features::rolling::Window;
//! use acm_features::spectral::Bands;
//! use ndarray::{Array2, array};
//!
//! # fn main() -> acm_features::Result<()> {
//! let x = array![[1.0, 5.0], [3.0, 5.0]];
//! let features = [Feature::Mean, Feature::Slope];
//! let mut out = Array2::zeros((2, 4));
//! feature_matrix(x.view(), Window::new(2, 1)?, &features, &Bands::standard(1.0)?, Gaps::Kept, out.view_mut())?;
//! // The means of both columns, then their slopes.
//! assert_eq!(out, array![[1.0, 5.0, 0.0, 0.0], [2.0, 5.0, 2.0, 0.0]]);
//! # Ok(())
//! # }
//! ```

mod assembly;

use acm_linalg::columns::{self, History, Leaf, Pick, Plane, Tile, allocate, reserve};
use acm_linalg::error::require;
use acm_linalg::lanes::{Element, Row};
use acm_linalg::{Result, Table};
use fearless_simd::Simd;
use ndarray::{ArrayView2, ArrayViewMut2, ShapeBuilder, s};

use self::assembly::Source;
pub(crate) use self::assembly::{Assembly, Found, MOMENT_RESULTS, ORDER_RESULTS};
use crate::either::Either;
pub use crate::fill::Gaps;
use crate::fill::fill_values;
use crate::rolling::{
    AllMoments, Layout, Order, SumsOrBlocks, TimeSlope, Uneven, Windows, rolling_mean, rolling_slope, rolling_std,
    tile_rows,
};
use crate::spectral::{BandEnergy, Bands, UnevenEnergy, cut_energies};

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

type Moments<'a> = Either<SumsOrBlocks<AllMoments>, Uneven<'a, AllMoments>>;
type Energies<'a> = Either<BandEnergy, UnevenEnergy<'a>>;

/// The leaf.
struct Matrix<'a> {
    assembly: Assembly,
    /// Rows after a result's own that its window ends.
    ahead: usize,
    /// Rows that windows end before their own.
    late: usize,
    order: Option<Order<'a>>,
    moments: Option<Moments<'a>>,
    slope: Option<Uneven<'a, TimeSlope>>,
    energy: Option<Energies<'a>>,
    window: usize,
    tile_rows: usize,
}

struct MatrixScratch<'a> {
    order: Option<<Order<'a> as Leaf>::Scratch>,
    moments: Option<<Moments<'a> as Leaf>::Scratch>,
    slope: Option<<Uneven<'a, TimeSlope> as Leaf>::Scratch>,
    energy: Option<<Energies<'a> as Leaf>::Scratch>,
    order_results: Vec<Row>,
    moment_results: Vec<Row>,
    slope_results: Vec<Row>,
    energy_results: Vec<Row>,
}

impl<'a> Matrix<'a> {
    /// With how rows are counted.
    fn new(
        windows: Windows<'a>,
        features: &[Feature],
        bands: &'a Bands,
        (rows, filled): (usize, bool),
    ) -> Result<(Self, History<'static>)> {
        let timed = windows.with_times();
        let assembly = Assembly::new(features, bands.len(), (timed, filled));
        let order = assembly.order();
        let moments = assembly.moments().then_some(AllMoments);
        let energy = assembly.energies().then_some(bands);
        let slope = assembly.any(|source| matches!(source, Source::TimeSlope));
        let min_periods = windows.min_periods();
        let mut matrix = Self {
            assembly,
            ahead: 0,
            late: 0,
            order: None,
            moments: None,
            slope: None,
            energy: None,
            window: 1,
            tile_rows: 1,
        };
        let history = match windows.over(rows)? {
            Layout::Even(window, history, late) => {
                matrix.late = late;
                matrix.window = window.rows();
                matrix.order = order.map(|wanted| Order::new(wanted, window));
                let moments = moments.map(|moments| SumsOrBlocks::new(moments, window)).transpose()?;
                matrix.moments = moments.map(Either::Even);
                // The nominal window decides from which row on there is an energy.
                if let (Some(bands), Some((nominal, ..))) = (energy, windows.nominal(rows)?) {
                    matrix.energy = Some(Either::Even(BandEnergy::new(nominal, bands, rows)?));
                }
                history
            }
            Layout::Uneven(bounds, history) => {
                matrix.window = bounds.longest();
                matrix.order = order.map(|wanted| Order::within(wanted, bounds, min_periods));
                matrix.moments = moments.map(|summary| Either::Uneven(Uneven::new(summary, bounds, min_periods)));
                matrix.energy = energy.map(|bands| {
                    Either::Uneven(UnevenEnergy {
                        bounds,
                        bands,
                        min_periods,
                        least: 0,
                    })
                });
                history
            }
        };
        if slope {
            matrix.slope = Some(Uneven::new(TimeSlope, windows.bounds(rows)?.0, min_periods));
        }
        matrix.ahead = history.ahead;
        let wanted = [
            matrix.order.as_ref().map(Leaf::tile_rows),
            matrix.energy.as_ref().map(Leaf::tile_rows),
        ];
        let tile_rows = wanted.into_iter().flatten().fold(tile_rows(matrix.window), usize::max);
        matrix.tile_rows = tile_rows;
        matrix.energy = matrix.energy.map(|leaf| match leaf {
            Either::Even(leaf) => Either::Even(leaf.with_tile_rows(tile_rows)),
            uneven @ Either::Uneven(_) => uneven,
        });
        Ok((matrix, history))
    }

    /// Whether a window may have left the range of the numbers.
    fn noted(&self) -> bool {
        let moments = match &self.moments {
            Some(Either::Even(leaf)) => leaf.noted(),
            Some(Either::Uneven(leaf)) => leaf.noted(),
            None => false,
        };
        moments || self.slope.as_ref().is_some_and(Uneven::noted)
    }
}

impl<'a> Leaf for Matrix<'a> {
    type Scratch = MatrixScratch<'a>;

    fn blocks(&self) -> Vec<usize> {
        self.assembly.blocks().collect()
    }

    fn window(&self) -> usize {
        self.window
    }

    fn block(&self) -> Option<usize> {
        let ranged = [
            self.order.as_ref().map(Leaf::block),
            self.moments.as_ref().map(Leaf::block),
            self.slope.as_ref().map(Leaf::block),
            self.energy.as_ref().map(Leaf::block),
        ];
        ranged.into_iter().flatten().all(|block| block.is_some()).then_some(self.window)
    }

    fn lead(&self, end: usize) -> usize {
        let leads = [
            self.order.as_ref().map(|leaf| leaf.lead(end)),
            self.moments.as_ref().map(|leaf| leaf.lead(end)),
            self.slope.as_ref().map(|leaf| leaf.lead(end)),
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
            self.slope.as_ref().map(Leaf::cost_ns),
            self.energy.as_ref().map(Leaf::cost_ns),
        ];
        costs.into_iter().flatten().sum::<f64>() + self.assembly.sources.len() as f64
    }

    fn scratch(&self, rows: usize) -> Result<MatrixScratch<'a>> {
        let tile = self.tile_rows().min(rows);
        let results = |there: bool, width: usize| allocate(if there { tile * width } else { 0 }, "a tile of results");
        Ok(MatrixScratch {
            order: self.order.as_ref().map(|leaf| leaf.scratch(rows)).transpose()?,
            moments: self.moments.as_ref().map(|leaf| leaf.scratch(rows)).transpose()?,
            slope: self.slope.as_ref().map(|leaf| leaf.scratch(rows)).transpose()?,
            energy: self.energy.as_ref().map(|leaf| leaf.scratch(rows)).transpose()?,
            order_results: results(self.order.is_some(), ORDER_RESULTS)?,
            moment_results: results(self.moments.is_some(), MOMENT_RESULTS)?,
            slope_results: results(self.slope.is_some(), 1)?,
            energy_results: results(self.energy.is_some(), self.assembly.bands)?,
        })
    }

    #[inline(always)]
    fn tile<S: Simd>(&self, simd: S, scratch: &mut MatrixScratch<'a>, tile: &Tile<'_>, out: &mut [Row]) {
        let rows = tile.rows();
        if let (Some(leaf), Some(own)) = (&self.order, &mut scratch.order) {
            leaf.tile(simd, own, tile, &mut scratch.order_results[..rows * ORDER_RESULTS]);
        }
        if let (Some(leaf), Some(own)) = (&self.moments, &mut scratch.moments) {
            leaf.tile(simd, own, tile, &mut scratch.moment_results[..rows * MOMENT_RESULTS]);
        }
        if let (Some(leaf), Some(own)) = (&self.slope, &mut scratch.slope) {
            // Its bounds know themselves where windows end.
            let tile = Tile {
                x: if self.late == 0 { tile.x } else { tile.y },
                ..*tile
            };
            leaf.tile(simd, own, &tile, &mut scratch.slope_results[..rows]);
        }
        if let (Some(leaf), Some(own)) = (&self.energy, &mut scratch.energy) {
            leaf.tile(simd, own, tile, &mut scratch.energy_results[..rows * self.assembly.bands]);
        }
        // As many rows reach back before a tile at least as its windows end after their own row.
        let own = if self.late == 0 {
            &tile.x[tile.lead.saturating_sub(self.ahead)..]
        } else {
            &tile.y[tile.lead..]
        };
        let found = Found {
            order: &scratch.order_results,
            moments: &scratch.moment_results,
            slope: &scratch.slope_results,
            energy: &scratch.energy_results,
        };
        self.assembly.assemble(simd, &found, own, out);
    }
}

/// The features of every column, in one pass over the data.
///
/// Gaps that are kept stay out of every statistic, and each result has the bits of the rolling function of its name with
/// the same windows: NaN where that is not defined. A band energy counts a gap as its window's mean; the robust z of a
/// missing reading is NaN. Gaps that are filled are there for all that follows, and what is not defined is 0.
///
/// Shapes: x (n, d) -> (n, d * k), k results of a column: features stand one after the other, each with its columns in
/// order; the bands of a column are adjacent.
/// Cost: O(n d window) for short windows. Source: as the rolling statistics it is made of.
///
/// # Errors
/// [`crate::Error::Parameter`] where `features` is empty; [`crate::Error::Shape`] for another `out`, [`crate::Error::Length`] for another
/// number of values to fill with or of times; [`crate::Error::Memory`]; [`crate::Error::Interrupted`].
pub fn feature_matrix<'a, 'w, T: Element>(
    x: impl Into<Table<'a, T>>,
    windows: impl Into<Windows<'w>>,
    features: &[Feature],
    bands: &Bands,
    gaps: Gaps<'_>,
    out: ArrayViewMut2<'_, T>,
) -> Result<()> {
    require(!features.is_empty(), "features", "one feature or more, so its length at least 1", 0_usize)?;
    let (x, windows) = (x.into(), windows.into());
    let given = match gaps {
        Gaps::Kept => return run(x, windows, features, bands, None, out),
        Gaps::Median => None,
        Gaps::Filled(given) => Some(given),
    };
    let fill = fill_values(&x, given)?;
    run(x, windows, features, bands, Some(&fill), out)
}

fn run<T: Element>(
    x: Table<'_, T>,
    windows: Windows<'_>,
    features: &[Feature],
    bands: &Bands,
    fill: Option<&[f64]>,
    mut out: ArrayViewMut2<'_, T>,
) -> Result<()> {
    let (leaf, history) = Matrix::new(windows, features, bands, (x.nrows(), fill.is_some()))?;
    let history = History { fill, ..history };
    let plane = |late| Plane {
        values: x,
        pick: Pick::Each,
        late,
    };
    let source = if leaf.late == 0 {
        x.into()
    } else {
        // Each row's own value and its time are wanted beside what its window sees.
        columns::Source::pair(plane(leaf.late), plane(0))
    };
    columns::run(&leaf, source, history, out.view_mut())?;
    if leaf.noted() {
        large_moments(x, windows, (features, bands), fill, out.view_mut())?;
    }
    if leaf.ahead == 0 {
        return Ok(());
    }
    let Some((window, ..)) = windows.nominal(x.nrows())? else {
        return Ok(());
    };
    let mut first = 0;
    for source in &leaf.assembly.sources {
        let columns = first..first + leaf.assembly.width_of(source) * x.ncols();
        first = columns.end;
        if matches!(source, Source::Energy) {
            let mut energies = out.slice_mut(s![.., columns]);
            let above = cut_energies(x, windows, (window, history), bands, energies.view_mut())?;
            if leaf.assembly.filled {
                let defined = |energy: T| if energy.widen().is_finite() { energy } else { T::narrow(0.0) };
                energies.slice_mut(s![above.., ..]).mapv_inplace(defined);
            }
        }
    }
    Ok(())
}

/// Takes means, deviations and slopes from the functions of their names, which keep large values among the numbers.
fn large_moments<T: Element>(
    x: Table<'_, T>,
    windows: Windows<'_>,
    (features, bands): (&[Feature], &Bands),
    fill: Option<&[f64]>,
    mut out: ArrayViewMut2<'_, T>,
) -> Result<()> {
    let (rows, columns) = x.dim();
    let mut memory = Vec::new();
    if let Some(fill) = fill {
        memory = reserve(x.len(), T::narrow(0.0), "filled values")?;
        for ((values, &fill), places) in x.columns().zip(fill).zip(memory.chunks_mut(rows.max(1))) {
            for (place, &value) in places.iter_mut().zip(values) {
                *place = if value.widen().is_finite() { value } else { T::narrow(fill) };
            }
        }
    }
    let x = ArrayView2::from_shape((rows, columns).f(), &memory).map_or(x, Table::from);
    let mut first = 0;
    for feature in features {
        let end = first + columns * if *feature == Feature::Energy { bands.len() } else { 1 };
        let mut out = out.slice_mut(s![.., first..end]);
        first = end;
        match feature {
            Feature::Mean => rolling_mean(x, windows, out.view_mut())?,
            Feature::Std => rolling_std(x, windows, 1, out.view_mut())?,
            Feature::Slope => rolling_slope(x, windows, out.view_mut())?,
            _ => continue,
        }
        if fill.is_some() {
            out.mapv_inplace(|value| if value.widen().is_finite() { value } else { T::narrow(0.0) });
        }
    }
    Ok(())
}
