//! What makes of points such of independent coordinates of variance one.

use acm_linalg::covariance::Centered;
use acm_linalg::dense::{Rows, cholesky, products};
use acm_linalg::lanes::{Row, V};
use acm_linalg::memory::{Gather, copied};
use acm_linalg::pca::{Components, principal};
use acm_linalg::{Error, Reader, Result, Samples, Writer};
use fearless_simd::Simd;
use ndarray::ArrayView2;

use crate::gaps::{Dense, invert};
use crate::packed::Packed;

/// A column of which the others leave less than this share of its variance is determined by them.
const NOTHING: f64 = 1e-12;

/// From so many coordinates on, with at most half as many rows, the few directions in which the rows lie are told apart.
const WIDE: usize = 256;

const WHAT: &str = "a whitening matrix";

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Whitening {
    /// L⁻¹ of a covariance L Lᵀ.
    Triangle(Packed),
    /// Of fewer rows than coordinates, shrunk.
    Thin(Thin),
}

/// A covariance of few directions p of variances v, and the same variance f in all others.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Thin {
    components: Packed,
    /// The same, (k, w) row-major.
    matrix: Vec<f64>,
    /// 1 / √v.
    scales: Vec<f64>,
    /// 1 / √f.
    rest: f64,
}

/// The same of a covariance (w, w), row-major, and the covariance's inverse.
pub(super) fn dense(covariance: &[f64], width: usize) -> Result<(Whitening, Dense)> {
    let inverse = inverse_root(covariance, width)?;
    Ok((Whitening::Triangle(Packed::lower(&inverse, width)?), Dense::of_root(&inverse, width)?))
}

/// L⁻¹ of a covariance L Lᵀ.
pub(super) fn triangle(covariance: &[f64], width: usize) -> Result<Packed> {
    Packed::lower(&inverse_root(covariance, width)?, width)
}

/// The same, (w, w) row-major.
fn inverse_root(covariance: &[f64], width: usize) -> Result<Vec<f64>> {
    let dependent = || Error::Singular {
        name: "x",
        requirement: "free of columns that others determine, unless `shrinkage` is above 0",
    };
    let lower = cholesky(covariance, width, "x").map_err(|error| match error {
        Error::Singular { .. } => dependent(),
        other => other,
    })?;
    for row in 0..width {
        let pivot = lower[row * width + row];
        if pivot * pivot <= NOTHING * covariance[row * width + row] {
            return Err(dependent());
        }
    }
    invert(&lower, width)
}

impl Thin {
    /// Whether rows are so few that this is much less work.
    pub(super) fn suits(rows: usize, width: usize, shrinkage: f64) -> bool {
        width >= WIDE && 2 * rows <= width && shrinkage > 0.0
    }

    /// Of the covariance of rows about their means, `shrinkage` of it the identity's.
    pub(super) fn of<T: Rows>(centered: &Centered<'_, T>, shrinkage: f64) -> Result<Self> {
        let (rows, width) = (centered.rows(), centered.columns());
        // One direction less than rows, these being about their mean.
        let found = principal(centered, Components::Count(rows.saturating_sub(1)))?;
        let share = (rows as f64 - 1.0) / rows as f64;
        let level = shrinkage * found.variances.iter().map(|variance| variance * share).sum::<f64>() / width as f64;
        let variances = found.variances[..found.kept]
            .iter()
            .map(|variance| (1.0 - shrinkage) * variance * share + level);
        let scales = variances.map(|variance| 1.0 / variance.sqrt()).gathered(WHAT)?;
        Ok(Self {
            components: Packed::full(&found.components, found.kept, width)?,
            matrix: found.components,
            scales,
            rest: 1.0 / level.sqrt(),
        })
    }

    /// The inverse of the covariance: I / f - Σ (1 / f - 1 / v) p pᵀ.
    pub(super) fn precision(&self) -> Result<Dense> {
        let (mut rows, width) = (copied(&self.matrix, WHAT)?, self.components.width());
        let all = self.rest * self.rest;
        for (row, scale) in rows.chunks_exact_mut(width).zip(&self.scales) {
            let weight = (all - scale * scale).max(0.0).sqrt();
            row.iter_mut().for_each(|value| *value *= weight);
        }
        let lacking = |_| Error::Memory {
            what: WHAT,
            rows: self.scales.len(),
            columns: width,
        };
        let table = ArrayView2::from_shape((self.scales.len(), width), &rows).map_err(lacking)?;
        let mut precision = products(&Samples::from(table))?;
        precision.iter_mut().for_each(|value| *value = -*value);
        precision.iter_mut().step_by(width + 1).for_each(|value| *value += all);
        Ok(Dense::of(precision, width))
    }

    pub(super) fn write(&self, to: &mut Writer) {
        to.matrix("thin.components", self.scales.len(), self.components.width(), &self.matrix);
        to.reals("thin.scales", &self.scales);
        to.real("thin.rest", self.rest);
    }

    /// `None` where a file has none.
    pub(super) fn read(from: &Reader<'_>, width: usize) -> Result<Option<Self>> {
        if !from.has("thin.scales") {
            return Ok(None);
        }
        let count = from.length("thin.scales")?;
        let scales = from.reals("thin.scales", count)?;
        let components = from.matrix("thin.components", count, width)?;
        from.require(components.iter().all(|value| value.is_finite()), "thin.components")?;
        let rest = from.real("thin.rest")?;
        from.require(rest > 0.0 && rest.is_finite(), "thin.rest")?;
        from.require(scales.iter().all(|&scale| scale > 0.0 && scale <= rest), "thin.scales")?;
        Ok(Some(Self {
            components: Packed::full(&components, count, width)?,
            matrix: components,
            scales,
            rest,
        }))
    }
}

impl Whitening {
    /// Coordinates of a point with room to whole groups.
    pub(super) fn padded(&self) -> usize {
        match self {
            Self::Triangle(packed) => packed.padded(),
            Self::Thin(thin) => thin.components.width().next_multiple_of(4),
        }
    }

    /// Values that [`Self::apply`] writes.
    pub(super) fn values(&self) -> usize {
        match self {
            Self::Triangle(packed) => packed.padded(),
            Self::Thin(thin) => thin.components.padded() + self.padded(),
        }
    }

    /// Estimated time for a row of samples, in nanoseconds.
    pub(super) fn cost_ns(&self) -> f64 {
        match self {
            Self::Triangle(packed) => packed.cost_ns(),
            Self::Thin(thin) => 2.0 * thin.components.cost_ns(),
        }
    }

    /// Makes of eight points such whose squared length is the distance.
    #[inline(always)]
    pub(super) fn apply<S: Simd>(&self, simd: S, points: &[Row], white: &mut [Row]) {
        match self {
            Self::Triangle(packed) => packed.apply(simd, points, white),
            Self::Thin(thin) => {
                let (along, rest) = white.split_at_mut(thin.components.padded());
                let width = thin.components.width();
                thin.components.apply(simd, &points[..width], along);
                rest.fill(Row::default());
                rest[..width].copy_from_slice(&points[..width]);
                thin.components.subtract_rows(simd, along, &mut rest[..width]);
                scaled(simd, along, thin.scales.iter().copied());
                scaled(simd, rest, std::iter::repeat(thin.rest));
            }
        }
    }

    /// Adds to `back` the inverse covariance times the points that were made `white`, which is then of no use.
    #[inline(always)]
    pub(super) fn back<S: Simd>(&self, simd: S, white: &mut [Row], back: &mut [Row]) {
        match self {
            Self::Triangle(packed) => packed.add_rows(simd, white, back),
            Self::Thin(thin) => {
                let (along, rest) = white.split_at_mut(thin.components.padded());
                let width = thin.components.width();
                scaled(simd, along, thin.scales.iter().copied());
                scaled(simd, rest, std::iter::repeat(thin.rest));
                back[..width].copy_from_slice(&rest[..width]);
                thin.components.add_rows(simd, along, &mut back[..width]);
            }
        }
    }
}

#[inline(always)]
fn scaled<S: Simd>(simd: S, values: &mut [Row], factors: impl Iterator<Item = f64>) {
    for (value, factor) in values.iter_mut().zip(factors) {
        let product: V<S> = value.load(simd);
        value.store(product * factor);
    }
}
