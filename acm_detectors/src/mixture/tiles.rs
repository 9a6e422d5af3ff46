//! The rows of a sample as the mixture sees them: filled, scaled, without the constant columns, eight rows a tile.

use acm_linalg::lanes::{LANES, Row, V};
use acm_linalg::memory::reserved;
use acm_linalg::samples::{by_rows, room};
use acm_linalg::scaling::{Manner, rounding, steady};
use acm_linalg::{Error, Reader, Result, Samples, Scaling, Writer};
use fearless_simd::{Level, Simd, dispatch, f64x8, prelude::*};

/// Tiles that are worked on at a time.
pub(super) const TILES: usize = 32;

/// Rows of as many tiles.
pub(super) const BLOCK: usize = TILES * LANES;

/// The scale of a column that is left out, at least; nothing is divided by it but for starts of k-means.
const UNUSED: f64 = 1e-6;

/// So many roundings are nothing beside what other columns do.
const ROUNDINGS: f64 = 1e3;

/// Scaled values end here, so that the square of no distance overflows.
const LIMIT: f64 = 1e100;

/// The scales of all columns, and which of them change at all.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Frame {
    pub(super) scaling: Scaling,
    pub(super) kept: Vec<usize>,
}

impl Frame {
    /// As [`Self::fit`] for the rows `x`, scaled by those of them in which the machine runs, as far as a sensor changes there.
    pub(super) fn of(x: Samples<'_>, running: Samples<'_>) -> Result<Self> {
        let mut all = Self::fit(x)?;
        if running.rows() == x.rows() {
            return Ok(all);
        }
        if let Ok(own) = Self::fit(running) {
            for &column in &own.kept {
                all.scaling.center[column] = own.scaling.center[column];
                all.scaling.scale[column] = own.scaling.scale[column];
            }
        }
        Ok(all)
    }

    /// Median and interquartile range; the standard deviation where the range is that of a sensor that mostly stands still.
    pub(super) fn fit(x: Samples<'_>) -> Result<Self> {
        let standard = Scaling::fit(x, Manner::Standard, 0.0)?;
        let mut scaling = Scaling::fit(x, Manner::Robust, 0.0)?;
        let mut kept = room(x.columns(), 1, 0, "the columns that change")?;
        kept.clear();
        for (column, &deviation) in standard.scale.iter().enumerate() {
            let least = rounding(scaling.center[column]);
            let scale = &mut scaling.scale[column];
            if deviation > least {
                *scale = steady(*scale, deviation, least);
                kept.push(column);
            } else {
                *scale = UNUSED.max(ROUNDINGS * least);
            }
        }
        if kept.is_empty() {
            return Err(Error::Unfit {
                name: "x",
                requirement: "at least one column that changes",
            });
        }
        Ok(Self { scaling, kept })
    }

    /// Columns that change.
    pub(super) fn width(&self) -> usize {
        self.kept.len()
    }

    /// The eight rows from `first` on into `tile`; `all` is room for every column.
    #[inline(always)]
    pub(super) fn pack<S: Simd>(&self, simd: S, x: &Samples<'_>, first: usize, all: &mut [Row], tile: &mut [Row]) {
        self.pack_as::<S, false>(simd, x, first, all, tile);
    }

    /// As [`Frame::pack`], with NaN where a value is missing; whether there is one.
    #[inline(always)]
    pub(super) fn pack_gaps<S: Simd>(
        &self,
        simd: S,
        x: &Samples<'_>,
        first: usize,
        all: &mut [Row],
        tile: &mut [Row],
    ) -> bool {
        self.pack_as::<S, true>(simd, x, first, all, tile)
    }

    #[inline(always)]
    fn pack_as<S: Simd, const GAPS: bool>(
        &self,
        simd: S,
        x: &Samples<'_>,
        first: usize,
        all: &mut [Row],
        tile: &mut [Row],
    ) -> bool {
        x.pack(first, all);
        let infinite: V<S> = f64x8::splat(simd, f64::INFINITY);
        let nothing: V<S> = f64x8::splat(simd, f64::NAN);
        let most: V<S> = f64x8::splat(simd, f64::MAX);
        let mut complete = f64x8::splat(simd, 0.0).simd_lt(infinite);
        for (tile, &column) in tile.iter_mut().zip(&self.kept) {
            let value: V<S> = all[column].load(simd);
            let fill: V<S> = f64x8::splat(simd, self.scaling.fill[column]);
            let center: V<S> = f64x8::splat(simd, self.scaling.center[column]);
            let scale: V<S> = f64x8::splat(simd, self.scaling.scale[column]);
            let known = value.abs().simd_lt(infinite);
            let value = known.select(value, fill);
            let value = ((value - center).min(most).max(-most) / scale).min(LIMIT).max(-LIMIT);
            if GAPS {
                complete &= known;
                tile.store(known.select(value, nothing));
            } else {
                tile.store(value);
            }
        }
        GAPS && !complete.all_true()
    }

    /// All rows, in as much memory as the kept columns have.
    pub(super) fn tiles(&self, x: Samples<'_>) -> Result<Vec<Row>> {
        let level = Level::new();
        tiles(x, self.width(), |first, all, tile| {
            dispatch!(level, simd => self.pack(simd, &x, first, all, tile));
        })
    }

    pub(super) fn write(&self, to: &mut Writer) {
        self.scaling.write(to);
        to.counted("kept", self.kept.iter().map(|&column| column as u64));
    }

    pub(super) fn read(from: &Reader<'_>) -> Result<Self> {
        let scaling = Scaling::read(from)?;
        let found = from.counts("kept", from.length("kept")?)?;
        let mut kept = reserved(found.len(), "the columns that change")?;
        for column in found {
            let column = usize::try_from(column).map_err(|_| from.wrong("kept"))?;
            let rising = kept.last().is_none_or(|&last| last < column);
            from.require(rising && column < scaling.columns(), "kept")?;
            kept.push(column);
        }
        from.require(!kept.is_empty(), "kept")?;
        Ok(Self { scaling, kept })
    }
}

/// Rows as they are: what stands in them is finite.
pub(super) fn plain(x: Samples<'_>) -> Result<Vec<Row>> {
    tiles(x, x.columns(), |first, _, tile| x.pack(first, tile))
}

/// All rows in tiles of `width` columns: `pack` fills the one of the eight rows from a first on, with room for every column.
fn tiles(x: Samples<'_>, width: usize, pack: impl Fn(usize, &mut [Row], &mut [Row]) + Sync) -> Result<Vec<Row>> {
    let count = x.rows().div_ceil(LANES);
    let what = "the scaled rows";
    let mut tiles = room(count, width, Row::default(), what)?;
    let cost = 8.0 * x.columns() as f64;
    by_rows(
        count,
        width,
        &mut tiles,
        cost,
        || room(x.columns(), 1, Row::default(), what),
        |all, numbers, tiles, stop| {
            for (number, tile) in numbers.zip(tiles.chunks_exact_mut(width)) {
                if number % TILES == 0 && stop.requested() {
                    return;
                }
                pack(number * LANES, all, tile);
            }
        },
    )?;
    Ok(tiles)
}
