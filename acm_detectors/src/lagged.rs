//! Samples as models of many sensors see them: the columns that change, scaled and clipped, each row beside its earlier ones.

use std::ops::Range;

use acm_linalg::dense::Rows;
use acm_linalg::lanes::{LANES, Row, V};
use acm_linalg::memory::{Gather, copied};
use acm_linalg::samples::{read_all, room, share_missing};
use acm_linalg::scaling::{Manner, rounding, steady};
use acm_linalg::{Error, Memory, Reader, Result, Samples, Scaling, Writer};
use fearless_simd::{Simd, f64x8, prelude::*};
use ndarray::{Array2, s};

use crate::complete::completed;

/// Rows beyond the lags that there must be: fewer tell neither quartiles nor how columns move together.
pub(crate) const LEAST_ROWS: usize = 6;

/// Scaled values beyond this become it.
pub(crate) const MOST: f64 = 1e6;

/// What a fit says where no column is kept.
pub(crate) const NOTHING_CHANGES: Error = Error::Unfit {
    name: "x",
    requirement: "a column that changes, by more than the rounding of its values",
};

/// How rows become points: which columns are kept, their scales, how many earlier rows stand beside each row, and the
/// centre of the points.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Lagged {
    /// Columns of the samples.
    pub(crate) columns: usize,
    /// Those that are kept, rising.
    pub(crate) kept: Vec<usize>,
    /// Scaling of the kept ones.
    pub(crate) scaling: Scaling,
    /// Earlier rows beside each row.
    pub(crate) lags: usize,
    /// What is subtracted from each coordinate of a point; coordinate `lag * kept + place`.
    pub(crate) mean: Vec<f64>,
}

impl Lagged {
    /// Finds the columns and scales; the mean is zero as yet.
    ///
    /// A column is left out without a known value or with a standard deviation no greater than the rounding of its values. Where
    /// the interquartile range is no more than that, or below a hundredth of the standard deviation, the standard deviation takes
    /// its place.
    ///
    /// # Errors
    /// [`Error::TooFew`] unless there are six rows more than `lags`; [`Error::Unfit`] where no column is left;
    /// [`Error::Memory`]; [`Error::Interrupted`].
    pub(crate) fn fit(x: Samples<'_>, manner: Manner, lags: usize) -> Result<Self> {
        x.require(lags.saturating_add(LEAST_ROWS))?;
        let standard = Scaling::fit(x, Manner::Standard, 0.0)?;
        let changes =
            |&column: &usize| standard.known[column] > 0 && standard.scale[column] > rounding(standard.center[column]);
        let kept = (0..x.columns()).filter(changes).gathered("the columns that change")?;
        if kept.is_empty() {
            return Err(NOTHING_CHANGES);
        }
        let scaling = match manner {
            Manner::Robust => {
                let mut robust = Scaling::fit(x, Manner::Robust, 0.0)?;
                for ((scale, deviation), center) in robust.scale.iter_mut().zip(&standard.scale).zip(&robust.center) {
                    *scale = steady(*scale, *deviation, rounding(*center));
                }
                robust
            }
            _ => standard,
        };
        let width = lags.checked_add(1).and_then(|rows| rows.checked_mul(kept.len()));
        let lacking = Error::Memory {
            what: "a row and its earlier ones",
            rows: lags,
            columns: kept.len(),
        };
        let mean = room(width.ok_or(lacking)?, 1, 0.0, "a row and its earlier ones")?;
        Ok(Self {
            columns: x.columns(),
            scaling: scaling.select(&kept)?,
            kept,
            lags,
            mean,
        })
    }

    /// Rows with a value of a kept column.
    pub(crate) fn telling(&self, x: Samples<'_>) -> Result<usize> {
        if self.scaling.known.iter().any(|&known| known == x.rows() as u64) {
            return Ok(x.rows());
        }
        let mut shares = room(x.rows(), 1, 0.0, "a share for each row")?;
        share_missing(x, &self.used()?, &mut shares)?;
        Ok(shares.iter().filter(|&&share| share < 1.0).count())
    }

    /// The training rows with what is missing replaced, where something is.
    pub(crate) fn completed(&self, x: Samples<'_>) -> Result<Option<Array2<f64>>> {
        completed(x, &self.kept, &self.scaling, None)
    }

    /// The same with other means.
    pub(crate) fn about(&self, mean: Vec<f64>) -> Result<Self> {
        let what = "a scale for each column";
        Ok(Self {
            columns: self.columns,
            kept: copied(&self.kept, what)?,
            scaling: Scaling {
                fill: copied(&self.scaling.fill, what)?,
                center: copied(&self.scaling.center, what)?,
                scale: copied(&self.scaling.scale, what)?,
                known: copied(&self.scaling.known, what)?,
            },
            lags: self.lags,
            mean,
        })
    }

    /// Coordinates of a point.
    pub(crate) fn width(&self) -> usize {
        self.mean.len()
    }

    /// The points of the samples, for fitting.
    pub(crate) fn points<'a, 'b>(&'a self, x: Samples<'b>) -> Points<'a, 'b> {
        Points { lagged: self, x }
    }

    /// What eight rows are read into.
    pub(crate) fn scratch(&self) -> Result<Vec<Row>> {
        room(self.columns, 1, Row::default(), "eight rows")
    }

    /// The points of the eight rows from `first` on: a [`Row`] for each coordinate, a lane for each row. Before the first row
    /// of `x` stand repetitions of it.
    #[inline(always)]
    pub(crate) fn pack<S: Simd>(&self, simd: S, x: &Samples<'_>, first: usize, raw: &mut [Row], points: &mut [Row]) {
        self.pack_as::<S, false>(simd, x, first, raw, points);
    }

    /// As [`Self::pack`], with NaN where a value is missing; whether there is one.
    #[inline(always)]
    pub(crate) fn pack_gaps<S: Simd>(
        &self,
        simd: S,
        x: &Samples<'_>,
        first: usize,
        raw: &mut [Row],
        points: &mut [Row],
    ) -> bool {
        self.pack_as::<S, true>(simd, x, first, raw, points)
    }

    #[inline(always)]
    fn pack_as<S: Simd, const GAPS: bool>(
        &self,
        simd: S,
        x: &Samples<'_>,
        first: usize,
        raw: &mut [Row],
        points: &mut [Row],
    ) -> bool {
        let kept = self.kept.len();
        let infinite: V<S> = f64x8::splat(simd, f64::INFINITY);
        let nothing: V<S> = f64x8::splat(simd, f64::NAN);
        let zero: V<S> = f64x8::splat(simd, 0.0);
        let mut complete = zero.simd_lt(infinite);
        for lag in 0..=self.lags {
            if lag <= first {
                x.pack(first - lag, raw);
            } else {
                for (column, row) in raw.iter_mut().enumerate() {
                    for lane in 0..LANES {
                        row.0[lane] = x.value((first + lane).saturating_sub(lag).min(x.rows() - 1), column);
                    }
                }
            }
            let points = &mut points[lag * kept..(lag + 1) * kept];
            for place in 0..kept {
                let value: V<S> = raw[self.kept[place]].load(simd);
                let fill: V<S> = f64x8::splat(simd, self.scaling.fill[place]);
                let center: V<S> = f64x8::splat(simd, self.scaling.center[place]);
                let scale: V<S> = f64x8::splat(simd, self.scaling.scale[place]);
                let most: V<S> = f64x8::splat(simd, MOST);
                let greatest: V<S> = f64x8::splat(simd, f64::MAX);
                let mean: V<S> = f64x8::splat(simd, self.mean[lag * kept + place]);
                let known = value.abs().simd_lt(infinite);
                let value = known.select(value, fill);
                let value = (value - center).min(greatest).max(-greatest);
                let value = (value / scale).min(most).max(-most) - mean;
                if GAPS {
                    complete &= known;
                    points[place].store(known.select(value, nothing));
                } else {
                    points[place].store(value);
                }
            }
        }
        GAPS && !complete.all_true()
    }

    /// Sums the coordinates of each sensor over its lags into the columns of the samples, for `count` rows; columns left out
    /// get 0.
    pub(crate) fn fold(&self, coordinates: &[Row], count: usize, out: &mut [f64]) {
        out.fill(0.0);
        let kept = self.kept.len();
        for (place, &column) in self.kept.iter().enumerate() {
            let mut sum = coordinates[place];
            for lag in 1..coordinates.len() / kept {
                for lane in 0..LANES {
                    sum.0[lane] += coordinates[lag * kept + place].0[lane];
                }
            }
            for lane in 0..count {
                out[lane * self.columns + column] = sum.0[lane];
            }
        }
    }

    /// A value of each kept column at the place of its column; NaN elsewhere.
    pub(crate) fn spread(&self, values: &[f64]) -> Result<Vec<f64>> {
        let mut all = room(self.columns, 1, f64::NAN, "a value for each column")?;
        self.kept.iter().zip(values).for_each(|(&column, &value)| all[column] = value);
        Ok(all)
    }

    /// Which columns are kept.
    pub(crate) fn used(&self) -> Result<Vec<bool>> {
        let mut all = room(self.columns, 1, false, "a value for each column")?;
        self.kept.iter().for_each(|&column| all[column] = true);
        Ok(all)
    }

    pub(crate) fn write(&self, to: &mut Writer) {
        // A flag for each column: no file can claim more columns than it has room for.
        let mut kept = self.kept.iter().peekable();
        to.counted("used", (0..self.columns).map(|column| u64::from(kept.next_if_eq(&&column).is_some())));
        to.count("lags", self.lags as u64);
        self.scaling.write(to);
        to.reals("mean", &self.mean);
    }

    pub(crate) fn read(from: &Reader<'_>) -> Result<Self> {
        let scaling = Scaling::read(from)?;
        let columns = from.length("used")?;
        let lags = from.size("lags")?;
        let used = from.counts("used", columns)?;
        from.require(used.iter().all(|&flag| flag <= 1), "used")?;
        let kept = (0..columns).filter(|&column| used[column] == 1).gathered("the columns that change")?;
        from.require(!kept.is_empty() && kept.len() == scaling.columns(), "used")?;
        let width = lags.checked_add(1).and_then(|rows| rows.checked_mul(kept.len()));
        let mean = from.reals("mean", width.ok_or_else(|| from.wrong("lags"))?)?;
        from.require(mean.iter().all(|value| value.is_finite()), "mean")?;
        Ok(Self {
            columns,
            kept,
            scaling,
            lags,
            mean,
        })
    }
}

/// The points of samples as a table.
#[derive(Debug)]
pub(crate) struct Points<'a, 'b> {
    lagged: &'a Lagged,
    x: Samples<'b>,
}

impl Rows for Points<'_, '_> {
    fn rows(&self) -> usize {
        self.x.rows()
    }

    fn columns(&self) -> usize {
        self.lagged.width()
    }

    fn read(&self, rows: Range<usize>, out: &mut [f64]) {
        let Lagged {
            columns,
            kept,
            scaling,
            lags,
            mean,
        } = self.lagged;
        if *lags == 0 && kept.len() == *columns {
            // Whole rows are read faster than single values.
            self.x.read(rows, out);
            for out in out.chunks_exact_mut(kept.len()) {
                for place in 0..out.len() {
                    out[place] = scaling.scaled(out[place], place).clamp(-MOST, MOST) - mean[place];
                }
            }
            return;
        }
        for (row, out) in rows.zip(out.chunks_exact_mut(mean.len())) {
            for (lag, (out, mean)) in out.chunks_exact_mut(kept.len()).zip(mean.chunks_exact(kept.len())).enumerate() {
                let row = row.saturating_sub(lag);
                for place in 0..kept.len() {
                    let value = scaling.scaled(self.x.value(row, kept[place]), place);
                    out[place] = value.clamp(-MOST, MOST) - mean[place];
                }
            }
        }
    }
}

/// The last rows of a history that is scored as it comes, as far as the next ones look back.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LaggedMemory {
    /// Values as they came, row after row.
    rows: Vec<f64>,
}

impl LaggedMemory {
    /// The remembered rows and `x` below them, and how many the remembered ones are.
    pub(crate) fn before(&self, x: Samples<'_>) -> Result<(Array2<f64>, usize)> {
        let columns = x.columns();
        // Rows of another width are of another model: they tell nothing.
        let known = if self.rows.len().is_multiple_of(columns.max(1)) {
            &self.rows[..]
        } else {
            &[]
        };
        let count = known.len() / columns.max(1);
        let what = "the latest rows";
        let mut all = room(count + x.rows(), columns, 0.0, what)?;
        let (old, new) = all.split_at_mut(known.len());
        old.copy_from_slice(known);
        read_all(x, new)?;
        let shape = (count + x.rows(), columns);
        let all = Array2::from_shape_vec(shape, all).map_err(|_| Error::Memory {
            what,
            rows: shape.0,
            columns,
        })?;
        Ok((all, count))
    }

    /// Remembers the last `lags` of `all`.
    pub(crate) fn of(all: &Array2<f64>, lags: usize) -> Result<Self> {
        let first = all.nrows().saturating_sub(lags);
        let rows = all.slice(s![first.., ..]);
        Ok(Self {
            rows: rows.iter().copied().gathered("the latest rows")?,
        })
    }
}

impl Memory for LaggedMemory {
    fn write(&self, to: &mut Writer) {
        if !self.rows.is_empty() {
            to.reals("live.rows", &self.rows);
        }
    }

    fn read(from: &Reader<'_>) -> Result<Self> {
        if !from.has("live.rows") {
            return Ok(Self::default());
        }
        let (columns, lags) = (from.length("used")?, from.size("lags")?);
        let rows = from.reals("live.rows", from.length("live.rows")?)?;
        let whole = rows.len().is_multiple_of(columns.max(1));
        from.require(whole && rows.len() / columns.max(1) <= lags, "live.rows")?;
        Ok(Self { rows })
    }

    fn copy(&self) -> Result<Self> {
        let rows = copied(&self.rows, "the latest rows")?;
        Ok(Self { rows })
    }
}
