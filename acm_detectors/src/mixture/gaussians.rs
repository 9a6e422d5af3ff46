//! A weighted sum of normal densities, and the scratch to evaluate it in.

use acm_linalg::lanes::Row;
use acm_linalg::memory::{Gather, extend, push};
use acm_linalg::samples::room;
use acm_linalg::{Error, Reader, Result, Writer, dense};
use fearless_simd::Simd;

use super::covariance::{Covariance, Sharing};
use super::full::Panels;
use super::sums::WeightedSums;
use super::tiles::TILES;
use super::{diag, full, gaps, logsum};
use crate::gaps::Dense;

/// The components of a mixture.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Gaussians {
    pub(super) covariance: Covariance,
    /// Columns.
    pub(super) width: usize,
    /// Shares of the components; their sum is 1.
    pub(super) weights: Vec<f64>,
    /// A row for each component.
    pub(super) means: Vec<f64>,
    /// Variances, a row for each component, or covariances, a matrix for each.
    pub(super) covariances: Vec<f64>,
    /// Reciprocal variances, or lower Cholesky factors.
    factors: Vec<f64>,
    /// Reciprocals of the factors' diagonals; of full covariances only.
    reciprocals: Vec<f64>,
    /// ln w - (d ln 2π + ln det S) / 2 of each component.
    pub(super) offsets: Vec<f64>,
    /// Inverses of the covariances, of full ones, once rows are scored.
    pub(super) precisions: Vec<Dense>,
}

/// Scratch for a block of rows.
pub(super) struct DensityScratch {
    rest: Vec<[Row; 1]>,
    pair: Vec<[Row; 2]>,
    pub(super) panels: Panels,
    /// Responsibilities, tile by tile, a list for each component.
    pub(super) shares: Vec<[Row; TILES]>,
    /// Squared distances, likewise; none where products are gathered.
    pub(super) squares: Vec<[Row; TILES]>,
    /// Logarithms of the densities.
    pub(super) totals: [Row; TILES],
    /// The same, but of incomplete rows where they would stand among complete ones.
    pub(super) standing: [Row; TILES],
}

impl DensityScratch {
    /// To evaluate densities in; `gathers` also to gather products.
    pub(super) fn new(components: usize, width: usize, gathers: bool) -> Result<Self> {
        let what = "a block of densities";
        Ok(Self {
            rest: room(width, 1, [Row::default(); 1], what)?,
            pair: room(width, 1, [Row::default(); 2], what)?,
            panels: Panels::new(if gathers { width } else { 0 })?,
            shares: room(components, 1, [Row::default(); TILES], what)?,
            squares: room(if gathers { 0 } else { components }, 1, [Row::default(); TILES], what)?,
            totals: [Row::default(); TILES],
            standing: [Row::default(); TILES],
        })
    }
}

pub(super) fn singular() -> Error {
    Error::Singular {
        name: "reg",
        requirement: "larger: the covariance of a component is not positive definite",
    }
}

impl Gaussians {
    /// The components that are likeliest given the sums over `rows` rows, taken about `anchors`.
    pub(super) fn from_sums(
        sums: &WeightedSums,
        anchors: &[f64],
        rows: usize,
        covariance: Covariance,
        sharing: Sharing,
        reg: f64,
    ) -> Result<Self> {
        let components = sums.components();
        let width = anchors.len() / components;
        let counts = sums.counts()?;
        let mut weights = counts.iter().map(|count| count / rows as f64).gathered("the components")?;
        let all: f64 = weights.iter().sum();
        weights.iter_mut().for_each(|weight| *weight /= all);
        let shifts = sums.shifts(&counts)?;
        let means = sums.means(anchors)?;
        let mut covariances = match covariance {
            Covariance::Diag => sums.squares.iter().map(|square| full::total(square.0)).gathered("covariances")?,
            Covariance::Full => sums.matrices(components, width)?,
        };
        let area = covariances.len() / components;
        for (component, matrix) in covariances.chunks_exact_mut(area).enumerate() {
            let (shift, count) = (&shifts[component * width..][..width], counts[component]);
            match covariance {
                Covariance::Diag => {
                    for (value, shift) in matrix.iter_mut().zip(shift) {
                        *value = (*value / count - shift * shift).max(0.0) + reg;
                    }
                }
                Covariance::Full => {
                    for (row, values) in matrix.chunks_exact_mut(width).enumerate() {
                        for (value, other) in values.iter_mut().zip(shift) {
                            *value = *value / count - shift[row] * other;
                        }
                        values[row] = values[row].max(0.0) + reg;
                    }
                }
            }
        }
        match sharing {
            Sharing::None => {}
            Sharing::Components => share_all(&mut covariances, &counts),
            Sharing::Sensors => covariances.chunks_exact_mut(area).for_each(|variances| {
                let mean = variances.iter().sum::<f64>() / variances.len() as f64;
                variances.fill(mean);
            }),
        }
        Self::new(covariance, width, weights, means, covariances)
    }

    fn new(
        covariance: Covariance,
        width: usize,
        weights: Vec<f64>,
        means: Vec<f64>,
        covariances: Vec<f64>,
    ) -> Result<Self> {
        let components = weights.len();
        let mut factors = room(covariances.len(), 1, 0.0, "the inverse covariances")?;
        let (mut reciprocals, mut offsets) = (Vec::new(), Vec::new());
        let area = covariances.len() / components;
        for (number, matrix) in covariances.chunks_exact(area).enumerate() {
            let place = number * area;
            let log_determinant: f64 = match covariance {
                Covariance::Diag => {
                    for (factor, value) in factors[place..].iter_mut().zip(matrix) {
                        *factor = 1.0 / value;
                    }
                    matrix.iter().map(|value| value.ln()).sum()
                }
                Covariance::Full => {
                    let lower = match dense::cholesky(matrix, width, "reg") {
                        Err(Error::Singular { .. }) => return Err(singular()),
                        lower => lower?,
                    };
                    let diagonal = lower.iter().step_by(width + 1);
                    extend(&mut reciprocals, diagonal.clone().map(|value| 1.0 / value), "the components")?;
                    factors[place..place + area].copy_from_slice(&lower);
                    diagonal.map(|value| 2.0 * value.ln()).sum()
                }
            };
            let turn = std::f64::consts::TAU.ln() * width as f64;
            let offset = weights[number].ln() - 0.5 * (turn + log_determinant);
            push(&mut offsets, offset, "the components")?;
        }
        let found = Self {
            covariance,
            width,
            weights,
            means,
            covariances,
            factors,
            reciprocals,
            offsets,
            precisions: Vec::new(),
        };
        if found.sound() { Ok(found) } else { Err(singular()) }
    }

    /// The same, ready for incomplete rows.
    pub(super) fn ready(mut self) -> Result<Self> {
        if self.covariance == Covariance::Full {
            self.precisions = gaps::precisions(&self.factors, self.width)?;
        }
        Ok(self)
    }

    /// Whether every number is one that densities can be computed with.
    fn sound(&self) -> bool {
        let all = [
            &self.weights,
            &self.means,
            &self.covariances,
            &self.factors,
            &self.reciprocals,
            &self.offsets,
        ];
        let finite = all.iter().all(|values| values.iter().all(|value| value.is_finite()));
        let positive = match self.covariance {
            Covariance::Diag => self.factors.iter().all(|&value| value > 0.0),
            Covariance::Full => self.reciprocals.iter().all(|&value| value > 0.0),
        };
        finite && positive
    }

    pub(super) fn components(&self) -> usize {
        self.weights.len()
    }

    /// Numbers that the fit chose freely (the weights' sum is given).
    pub(super) fn freedom(&self) -> usize {
        let (k, d) = (self.components(), self.width);
        let spread = match self.covariance {
            Covariance::Diag => d,
            Covariance::Full => d * (d + 1) / 2,
        };
        k * (d + spread) + k - 1
    }

    /// Estimated time for a row, in nanoseconds.
    pub(super) fn cost_ns(&self) -> f64 {
        cost_ns(self.covariance, self.components(), self.width)
    }

    pub(super) fn of(&self, component: usize) -> (&[f64], &[f64], &[f64]) {
        let area = self.factors.len() / self.components();
        let factor = &self.factors[component * area..][..area];
        let columns = component * self.width..(component + 1) * self.width;
        (&self.means[columns.clone()], factor, self.reciprocals.get(columns).unwrap_or_default())
    }

    /// Responsibilities and log densities of the rows of `count` tiles.
    #[inline(always)]
    pub(super) fn share<S: Simd>(&self, simd: S, tiles: &[Row], count: usize, scratch: &mut DensityScratch) {
        for component in 0..self.components() {
            let (mean, factor, reciprocals) = self.of(component);
            let logs = &mut scratch.shares[component];
            match self.covariance {
                Covariance::Diag => diag::distances(simd, tiles, count, mean, factor, logs),
                Covariance::Full => {
                    let count = count.min(TILES);
                    for tile in (0..count - count % 2).step_by(2) {
                        full::subtract(simd, &tiles[tile * self.width..], mean, &mut scratch.pair);
                        let squares = full::solve(simd, factor, reciprocals, &mut scratch.pair);
                        logs[tile].store(squares[0]);
                        logs[tile + 1].store(squares[1]);
                    }
                    if count % 2 == 1 {
                        full::subtract(simd, &tiles[(count - 1) * self.width..], mean, &mut scratch.rest);
                        let square = full::solve(simd, factor, reciprocals, &mut scratch.rest);
                        logs[count - 1].store(square[0]);
                    }
                }
            }
            if let Some(squares) = scratch.squares.get_mut(component) {
                squares[..count].copy_from_slice(&logs[..count]);
            }
            let offset = self.offsets[component];
            for log in &mut logs[..count] {
                let value = log.load(simd) * -0.5 + offset;
                log.store(value);
            }
        }
        logsum::share(simd, &mut scratch.shares, &mut scratch.totals, count);
        scratch.standing[..count].copy_from_slice(&scratch.totals[..count]);
    }

    /// Each column's part of the squared Mahalanobis distances of tile `number`, weighted by the responsibilities that
    /// [`Gaussians::share`] left in the scratch.
    #[inline(always)]
    pub(super) fn explain<S: Simd>(
        &self,
        simd: S,
        tile: &[Row],
        number: usize,
        scratch: &mut DensityScratch,
        out: &mut [Row],
    ) {
        out.fill(Row::default());
        for component in 0..self.components() {
            let (mean, factor, reciprocals) = self.of(component);
            let share = &scratch.shares[component][number];
            match self.covariance {
                Covariance::Diag => diag::explain(simd, tile, mean, factor, share, out),
                Covariance::Full => {
                    full::explain(simd, tile, mean, factor, reciprocals, share, &mut scratch.rest, out);
                }
            }
        }
    }

    pub(super) fn write(&self, to: &mut Writer) {
        to.reals("weights", &self.weights);
        to.matrix("means", self.components(), self.width, &self.means);
        to.reals("covariances", &self.covariances);
        to.reals("factors", &self.factors);
        to.reals("offsets", &self.offsets);
    }

    pub(super) fn read(from: &Reader<'_>, covariance: Covariance, width: usize) -> Result<Self> {
        let components = from.length("weights")?;
        from.require(components > 0, "weights")?;
        let area = match covariance {
            Covariance::Diag => Some(width),
            Covariance::Full => width.checked_mul(width),
        };
        let area = area
            .and_then(|area| area.checked_mul(components))
            .ok_or_else(|| from.wrong("covariances"))?;
        let factors = from.reals("factors", area)?;
        let reciprocals = match covariance {
            Covariance::Diag => Vec::new(),
            Covariance::Full => {
                let matrices = factors.chunks_exact(width * width);
                let diagonal = matrices.flat_map(|lower| lower.iter().step_by(width + 1));
                diagonal.map(|value| 1.0 / value).gathered("the components")?
            }
        };
        let found = Self {
            covariance,
            width,
            weights: from.reals("weights", components)?,
            means: from.matrix("means", components, width)?,
            covariances: from.reals("covariances", area)?,
            factors,
            reciprocals,
            offsets: from.reals("offsets", components)?,
            precisions: Vec::new(),
        };
        from.require(found.sound(), "factors")?;
        found.ready()
    }
}

/// Each of the components' matrices becomes their mean, weighted by the components' rows.
fn share_all(matrices: &mut [f64], counts: &[f64]) {
    let (area, all) = (matrices.len() / counts.len(), counts.iter().sum::<f64>());
    for place in 0..area {
        let parts = matrices[place..].iter().step_by(area).zip(counts);
        let mean = parts.map(|(value, count)| value * count).sum::<f64>() / all;
        matrices[place..].iter_mut().step_by(area).for_each(|value| *value = mean);
    }
}

/// Estimated time to evaluate the components at a row, in nanoseconds.
pub(super) fn cost_ns(covariance: Covariance, components: usize, width: usize) -> f64 {
    let (components, width) = (components as f64, width as f64);
    let each = match covariance {
        Covariance::Diag => 0.4 * width,
        Covariance::Full => 0.1 * width * width,
    };
    components * (each + 5.0) + 2.0 * width
}
