//! Band energies of whole windows, from block sums.
//!
//! Time is cut into blocks of the window's length w at absolute multiples of the window. Row s weighs `e^(2 pi i k s / w)`
//! in bin k, wherever the window starts: that turns `X_k` by a phase, which its magnitude does not see. So `X_k` of a window is
//! the sum over a suffix of one block and a prefix of the next: one term a row for each, and nothing is ever subtracted.
//!
//! Values enter relative to the first row of the newer block, which lies in every window that meets the block. A constant
//! over a window adds nothing to bins other than 0, so this removes the mean as well as the mean would. Windows with missing
//! values need more: see [`super::gaps`].

use std::ops::Range;

use acm_linalg::columns::{self, History, Leaf, Source, Tile, allocate};
use acm_linalg::lanes::{Element, LANES, Row, V};
use acm_linalg::memory::{Gather, reserve, room};
use acm_linalg::{Error, Result, Table};
use fearless_simd::{Simd, f64x8, prelude::*};
use ndarray::{Array2, ArrayViewMut2, s};

use super::bands::Bands;
use super::circle::{self, Complex, Point, power};
use super::cuts::{Cut, cuts};
use super::gaps;
use super::leading::{self, LeadingScratch};
use super::uneven::UnevenEnergy;
use crate::rolling::{Window, Windows};

/// Bins of one pass over the rows.
const GROUP: usize = 4;

/// Rows of a tile, as near as whole windows come to it.
const TILE_ROWS: usize = 512;

/// Deviations below this can neither overflow nor turn into NaN on their way to an energy.
const TAME: f64 = 1e140;

/// The leaf: energies of the bands, one block of `bands.len()` results.
pub(crate) struct BandEnergy {
    window: Window,
    bands: Bands,
    /// Bins of each band in a whole window.
    bins: Vec<Range<usize>>,
    /// Cosine and sine of a whole window's angles; empty where the array is shorter than the window.
    circle: Vec<Point>,
    /// Rows of the array.
    rows: usize,
    tile_rows: usize,
}

/// What a thread keeps between tiles.
pub(crate) struct BandScratch {
    /// Angles of the bins at hand, by row of the block.
    angles: Vec<Point>,
    /// Sums over the older block's rows after each row, of the bins at hand.
    suffixes: Vec<Row>,
    gaps: gaps::Means,
    leading: LeadingScratch,
}

impl BandEnergy {
    /// For an array of `rows` rows.
    ///
    /// # Errors
    /// [`crate::Error::Memory`].
    pub(crate) fn new(window: Window, bands: &Bands, rows: usize) -> Result<Self> {
        let mut circle = Vec::new();
        let mut bins = Vec::new();
        if window.rows() <= rows {
            circle = reserve(window.rows(), [0.0; 2], "a window")?;
            circle::fill(&mut circle);
            bins = bands.bins(window.rows()).gathered("the bands")?;
        }
        let tile_rows = if circle.is_empty() {
            TILE_ROWS
        } else {
            // A block that is cut has its sums computed again for every part.
            (TILE_ROWS / window.rows()).max(1) * window.rows()
        };
        Ok(Self {
            window,
            bands: bands.clone(),
            bins,
            circle,
            rows,
            tile_rows,
        })
    }

    /// The same leaf for tiles of at least so many rows.
    pub(crate) fn with_tile_rows(mut self, rows: usize) -> Self {
        self.tile_rows = self.tile_rows.max(rows);
        self
    }

    /// Adds the energies of `B` bins of a band, from `first` on, to the results of the cuts that lack nothing.
    #[inline(always)]
    fn plain<S: Simd, const B: usize>(
        &self,
        simd: S,
        scratch: &mut BandScratch,
        tile: &Tile<'_>,
        out: &mut [Row],
        (band, first): (usize, usize),
    ) {
        let angles = self.turn::<B>(&mut scratch.angles, first);
        for (number, cut) in cuts(tile, self.window.rows()).enumerate() {
            if !scratch.gaps.any(number) {
                let results = self.results(out, &cut).map(|line| &mut line[band]);
                sweep(simd, &cut, tile.x, angles, &mut scratch.suffixes, results);
            }
        }
    }

    /// Adds the energies of all bins to the results of the other cuts.
    #[inline(always)]
    fn gappy<S: Simd>(&self, simd: S, scratch: &mut BandScratch, tile: &Tile<'_>, out: &mut [Row]) {
        for (band, bins) in self.bins.iter().enumerate() {
            for bin in bins.clone() {
                let angles = self.turn::<1>(&mut scratch.angles, bin);
                for (number, cut) in cuts(tile, self.window.rows()).enumerate() {
                    if scratch.gaps.any(number) {
                        let results = self.results(out, &cut).map(|line| &mut line[band]);
                        scratch.gaps.pass(simd, (number, &cut), tile.x, angles, &mut scratch.suffixes, results);
                    }
                }
                if tile.stop.requested() {
                    return;
                }
            }
        }
        for (number, cut) in cuts(tile, self.window.rows()).enumerate() {
            if scratch.gaps.any(number) {
                let needed = self.window.min_periods().max(1) as f64;
                scratch.gaps.finish(simd, &cut, needed, self.results(out, &cut));
            }
        }
    }

    /// The results of a cut's rows and, without end, of those after.
    #[inline(always)]
    fn results<'a>(&self, out: &'a mut [Row], cut: &Cut) -> impl Iterator<Item = &'a mut [Row]> + use<'a> {
        out[cut.place * self.bins.len()..].chunks_exact_mut(self.bins.len())
    }

    /// Angles of the bins from `first` on, by row of the block.
    #[inline(always)]
    fn turn<'a, const B: usize>(&self, memory: &'a mut [Point], first: usize) -> &'a [[Point; B]] {
        let (angles, _) = memory.as_chunks_mut::<B>();
        let angles = &mut angles[..self.circle.len()];
        let mut at = [0; B];
        for angles in &mut *angles {
            for bin in 0..B {
                angles[bin] = self.circle[at[bin]];
                at[bin] += first + bin;
                if at[bin] >= self.circle.len() {
                    at[bin] -= self.circle.len();
                }
            }
        }
        angles
    }
}

/// Adds the energies of `B` bins to the results of a cut without missing values.
#[inline(always)]
fn sweep<'a, S: Simd, const B: usize>(
    simd: S,
    cut: &Cut,
    x: &[Row],
    angles: &[[Point; B]],
    suffixes: &mut [Row],
    results: impl Iterator<Item = &'a mut Row>,
) {
    let Range { start, end } = cut.rows;
    let origin = x[cut.block].load(simd);
    let (suffixes, _) = suffixes.as_chunks_mut::<2>();
    let (suffixes, _) = suffixes.as_chunks_mut::<B>();
    let suffixes = &mut suffixes[..end - start];
    let (near, far) = x[cut.oldest()..cut.block].split_at(end - start - 1);

    let mut sums = [[f64x8::splat(simd, 0.0); 2]; B];
    for (x, angles) in far.iter().zip(&angles[end..]).rev() {
        add(simd, &mut sums, x.load(simd) - origin, angles);
    }
    for ((x, angles), suffix) in near.iter().zip(&angles[start + 1..end]).zip(&mut suffixes[1..]).rev() {
        keep(&sums, suffix);
        add(simd, &mut sums, x.load(simd) - origin, angles);
    }
    keep(&sums, &mut suffixes[0]);

    let block = &x[cut.block..cut.block + end];
    let mut sums = [[f64x8::splat(simd, 0.0); 2]; B];
    for (x, angles) in block[..start].iter().zip(angles) {
        add(simd, &mut sums, x.load(simd) - origin, angles);
    }
    for (((x, angles), suffix), result) in block[start..].iter().zip(&angles[start..end]).zip(suffixes).zip(results) {
        add(simd, &mut sums, x.load(simd) - origin, angles);
        let mut energy = result.load(simd);
        // Bin by bin in order: groups of another size give the same bits.
        for bin in 0..B {
            let [older_re, older_im] = &suffix[bin];
            energy += power([older_re.load(simd) + sums[bin][0], older_im.load(simd) + sums[bin][1]]);
        }
        result.store(energy);
    }
}

#[inline(always)]
fn add<S: Simd, const B: usize>(simd: S, sums: &mut [Complex<S>; B], x: V<S>, angles: &[Point; B]) {
    for bin in 0..B {
        sums[bin][0] += x * f64x8::splat(simd, angles[bin][0]);
        sums[bin][1] += x * f64x8::splat(simd, angles[bin][1]);
    }
}

#[inline(always)]
fn keep<S: Simd, const B: usize>(sums: &[Complex<S>; B], memory: &mut [[Row; 2]; B]) {
    for bin in 0..B {
        memory[bin][0].store(sums[bin][0]);
        memory[bin][1].store(sums[bin][1]);
    }
}

impl Leaf for BandEnergy {
    type Scratch = BandScratch;

    fn blocks(&self) -> Vec<usize> {
        vec![self.bands.len()]
    }

    fn window(&self) -> usize {
        self.window.rows()
    }

    fn tile_rows(&self) -> usize {
        self.tile_rows
    }

    fn cost_ns(&self) -> f64 {
        let bins: usize = self.bins.iter().map(Range::len).sum();
        let (rows, window) = (self.rows.max(1) as f64, self.window.rows() as f64);
        // A leading window of n rows takes some 10 n ns; those of less than half a window take nothing.
        let longest = window.min(rows);
        let leading = 5.0 * (longest * longest - 0.25 * window * window).max(0.0) / rows;
        2.0 + 0.4 * bins as f64 + leading
    }

    fn scratch(&self, rows: usize) -> Result<BandScratch> {
        let window = self.window.rows();
        let whole = self.circle.len();
        let longest = if whole == 0 { rows } else { whole - 1 };
        let sums = whole.saturating_mul((2 * GROUP).max(gaps::SUMS));
        Ok(BandScratch {
            angles: reserve(whole.saturating_mul(GROUP), [0.0; 2], "a window")?,
            suffixes: allocate(sums, "sums of a block")?,
            gaps: gaps::Means::new(window, if whole == 0 { 0 } else { self.tile_rows().min(rows) })?,
            leading: LeadingScratch::new(longest, self.bands.len())?,
        })
    }

    #[inline(always)]
    fn tile<S: Simd>(&self, simd: S, scratch: &mut BandScratch, tile: &Tile<'_>, out: &mut [Row]) {
        // An open end may leave a window fewer rows than it needs.
        let too_few = self.window.min_periods() > self.window.rows();
        out.fill(Row::splat(if too_few { f64::NAN } else { 0.0 }));
        if !self.circle.is_empty() && !too_few {
            scratch.gaps.clear();
            for cut in cuts(tile, self.window.rows()) {
                if tame(simd, tile, &cut) {
                    scratch.gaps.skip();
                } else {
                    scratch.gaps.prepare(simd, tile.x, &cut);
                }
            }
            for (band, bins) in self.bins.iter().enumerate() {
                let mut bins = bins.clone();
                while !bins.is_empty() && !tile.stop.requested() {
                    let next = (band, bins.start);
                    match bins.len() {
                        1 => self.plain::<S, 1>(simd, scratch, tile, out, next),
                        2 => self.plain::<S, 2>(simd, scratch, tile, out, next),
                        3 => self.plain::<S, 3>(simd, scratch, tile, out, next),
                        _ => self.plain::<S, GROUP>(simd, scratch, tile, out, next),
                    }
                    bins.start += bins.len().min(GROUP);
                }
            }
            if scratch.gaps.any_at_all() {
                self.gappy(simd, scratch, tile, out);
            }
        }
        leading::tile(simd, &mut scratch.leading, (self.window, &self.bands), tile, out);
    }
}

/// Whether every value that the cut's windows look at is there, in the lanes in use, and not near the largest float64.
#[inline(always)]
fn tame<S: Simd>(simd: S, tile: &Tile<'_>, cut: &Cut) -> bool {
    let mut number = Row::default();
    for lane in 0..LANES {
        number.0[lane] = lane as f64;
    }
    let unused = number.load(simd).simd_ge(tile.lanes as f64);
    let origin = tile.x[cut.block].load(simd);
    let mut tame = origin.simd_eq(origin);
    for x in &tile.x[cut.oldest()..cut.block + cut.rows.end] {
        tame &= (x.load(simd) - origin).abs().simd_lt(TAME);
    }
    (tame | unused).all_true()
}

/// Rolling energy of frequency bands of each column.
///
/// `y[t, b] = sum |X_k|^2 over the bins k >= 1 with low_b <= k fs / n < high_b`, X the discrete Fourier transform of the
/// window's n values less their mean
///
/// Shapes: x (n, d) -> (n, d * bands), the bands of a column adjacent.
/// Missing: NaN and infinity count as the mean of the window's other values; NaN out while fewer than `min_periods` (at
/// least one) of those remain. Where the array starts or ends within a window, the window is the rows there are; 0 while
/// these are fewer than half the window, rounded down. A window that lasts a time is its rows, taken as evenly spaced.
/// Cost: O(n d bins); of windows that last a time O(n d rows bins), or O(n d rows log rows) where they are long.
/// Error: some 1e-15 of the window's energy.
/// Source: the transform's definition; sums as in van Herk 1992, doi 10.1016/0167-8655(92)90069-C.
///
/// # Examples
///
/// ```
/// use acm_features::rolling::Window;
/// use acm_features::spectral::{Bands, rolling_band_energy};
/// use ndarray::Array2;
///
/// # fn main() -> acm_linalg::Result<()> {
/// // The fastest cycle there is.
/// let x = Array2::from_shape_fn((8, 1), |(row, _)| if row % 2 == 0 { 1.0 } else { -1.0 });
/// let bands = Bands::new([(0.0, 0.4), (0.4, 0.6)], 1.0)?;
/// let mut out = Array2::<f64>::zeros((8, bands.len()));
/// rolling_band_energy(x.view(), Window::new(4, 4)?, &bands, out.view_mut())?;
/// assert!(out[[7, 0]].abs() < 1e-12 && (out[[7, 1]] - 16.0).abs() < 1e-12);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`crate::Error::Shape`] for another `out`; [`crate::Error::Length`] for other times; [`crate::Error::Memory`];
/// [`crate::Error::Interrupted`].
pub fn rolling_band_energy<'a, 'w, T: Element>(
    x: impl Into<Table<'a, T>>,
    windows: impl Into<Windows<'w>>,
    bands: &Bands,
    mut out: ArrayViewMut2<'_, T>,
) -> Result<()> {
    let (x, windows) = (x.into(), windows.into());
    let rows = x.nrows();
    let Some((window, history, late)) = windows.nominal(rows)? else {
        let (bounds, history) = windows.bounds(rows)?;
        let leaf = UnevenEnergy {
            bounds,
            bands,
            min_periods: windows.min_periods(),
            least: 0,
        };
        return columns::run(&leaf, x, history, out);
    };
    let leaf = BandEnergy::new(window, bands, rows)?;
    columns::run(&leaf, Source::from(x).later(late), history, out.view_mut())?;
    cut_energies(x, windows, (window, history), bands, out).map(drop)
}

/// The energies of the windows that the array's end cuts, whose own rows are fewer, in place of what stands in `out`. Gives the
/// first row of `out` that is one of them.
///
/// # Errors
/// As [`rolling_band_energy`].
pub(crate) fn cut_energies<T: Element>(
    x: Table<'_, T>,
    windows: Windows<'_>,
    (window, history): (Window, History<'_>),
    bands: &Bands,
    mut out: ArrayViewMut2<'_, T>,
) -> Result<usize> {
    let rows = x.nrows();
    if history.ahead == 0 {
        return Ok(out.nrows());
    }
    let first = rows.saturating_sub(history.ahead.saturating_add(window.rows()));
    let last_windows = windows.without_times().starting_at(history.first_row.saturating_add(first));
    let (bounds, rest) = last_windows.bounds(rows - first)?;
    let rest = History {
        fill: history.fill,
        ..rest
    };
    let leaf = UnevenEnergy {
        bounds,
        bands,
        min_periods: windows.min_periods(),
        least: window.rows() / 2,
    };
    let shape = (rest.kept(rows - first), out.ncols());
    let what = "the windows at the end";
    let last = room(shape.0, shape.1, T::narrow(0.0), what)?;
    let mut last = Array2::from_shape_vec(shape, last).map_err(|_| Error::Memory {
        what,
        rows: shape.0,
        columns: shape.1,
    })?;
    columns::run(&leaf, x.of_rows(first..rows), rest, last.view_mut())?;
    let cut = history.kept(rows) - history.kept(rows - history.ahead.min(rows));
    let above = out.nrows() - cut;
    out.slice_mut(s![above.., ..]).assign(&last.slice(s![last.nrows() - cut.., ..]));
    Ok(above)
}
