//! Rows with missing values, by the covariance that probabilistic PCA has (Tipping and Bishop 1999,
//! doi 10.1111/1467-9868.00196): S = P diag(λ) Pᵀ + σ² R with R = I − P Pᵀ, σ² the mean of the variances that are left out.
//! Its inverse is Λ = P diag(1/λ) Pᵀ + R / σ².
//!
//! A row whose missing coordinates m are filled with what the others let expect (Nelson, Taylor and MacGregor 1996,
//! doi 10.1016/S0169-7439(96)00007-X) has the covariance S less C = Λ_mm⁻¹ at m. The squared residual zᵀRz and T² = zᵀGz,
//! G = P diag(1/λ) Pᵀ, are then sums of squares whose means and variances follow from traces of C R_mm and C G_mm: multiples of
//! χ² after Box (1954, doi 10.1214/aoms/1177728786), brought to where they would stand among complete rows.

use acm_linalg::Result;
use acm_linalg::lanes::{LANES, Row};
use acm_linalg::samples::room;

use super::kernel::Scratch;
use super::{Decomposition, FittedPca};
use crate::gaps::{Gaps, Lack, Precision, dot, solve, standing};

/// Least variance of what is left out, relative to the largest: less is rounding, by which C would be divided.
const LEAST_NOISE: f64 = 1e-10;

/// Of a statistic whose mean is less than this share of a complete row's, the present sensors tell nothing.
const NOTHING: f64 = 1e-9;

const WHAT: &str = "what is expected of missing values";

/// A sum of squares like a multiple of χ².
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Spread {
    pub(super) mean: f64,
    pub(super) freedom: f64,
}

impl Spread {
    /// That of as many independent normal squares.
    pub(super) fn chi_squared(freedom: f64) -> Self {
        Self { mean: freedom, freedom }
    }

    /// From the traces of the matrix whose squares are summed, and of its square.
    pub(super) fn of(first: f64, second: f64) -> Self {
        let (mean, second) = (first.max(0.0), second.max(f64::MIN_POSITIVE));
        Self {
            mean,
            freedom: (mean * mean / second).max(1.0),
        }
    }
}

/// The statistics of rows that lack some coordinates.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Effect {
    pub(super) spe: Spread,
    pub(super) t2: Spread,
}

/// What probabilistic PCA makes of the variances that are left out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Noise {
    /// σ².
    pub(super) variance: f64,
    /// The χ² that the squared residual of a complete row is like, where there is one to speak of.
    pub(super) spe: Option<Spread>,
    /// How far fewer degrees of freedom it has than if all left out variances were equal.
    share: f64,
}

impl Noise {
    /// From the variances along all components, of which the first `kept` are kept, of `width` coordinates.
    pub(super) fn of(variances: &[f64], kept: usize, width: usize) -> Self {
        let (kept, rest) = variances.split_at(kept);
        let least = LEAST_NOISE * kept.first().copied().unwrap_or(1.0);
        let count = width - kept.len();
        let (first, second) = (rest.iter().sum::<f64>(), rest.iter().map(|value| value * value).sum::<f64>());
        let mean = first / count as f64;
        if count > 0 && mean > least {
            let whole = Spread::of(first, second);
            Self {
                variance: mean,
                spe: Some(whole),
                share: whole.freedom / count as f64,
            }
        } else {
            let last = kept.last().copied().unwrap_or(1.0);
            Self {
                variance: if count > 0 { least } else { last.max(least) },
                spe: None,
                share: 1.0,
            }
        }
    }
}

/// Λ of a fitted model.
pub(super) struct Subspace<'a> {
    width: usize,
    /// (k, w), row-major.
    components: &'a [f64],
    variances: &'a [f64],
    noise: Noise,
}

impl<'a> Subspace<'a> {
    pub(super) fn of(model: &'a FittedPca) -> Self {
        Self {
            width: model.lagged.width(),
            components: &model.components,
            variances: model.explained_variance(),
            noise: model.directions.noise,
        }
    }

    /// The components, and what Λ has of each beside the noise.
    fn each(&self) -> impl Iterator<Item = (&'a [f64], f64)> {
        let noise = 1.0 / self.noise.variance;
        let weights = self.variances.iter().map(move |variance| 1.0 / variance - noise);
        self.components.chunks_exact(self.width).zip(weights)
    }

    /// A coordinate's element of the diagonal.
    pub(super) fn own(&self, place: usize) -> f64 {
        self.each()
            .fold(1.0 / self.noise.variance, |sum, (component, weight)| sum + weight * component[place].powi(2))
    }

    /// Adds the lower triangle of P_m diag(weights) P_mᵀ to `out`.
    pub(super) fn products(&self, missing: &[usize], weight: impl Fn(f64) -> f64, out: &mut [f64]) {
        for (component, &variance) in self.components.chunks_exact(self.width).zip(self.variances) {
            let weight = weight(variance);
            for (number, out) in out.chunks_exact_mut(missing.len()).enumerate() {
                let factor = weight * component[missing[number]];
                out.iter_mut()
                    .zip(&missing[..=number])
                    .for_each(|(out, &other)| *out += factor * component[other]);
            }
        }
    }

    /// Λ z.
    pub(super) fn times(&self, row: &[f64], out: &mut [f64]) {
        let noise = 1.0 / self.noise.variance;
        out.iter_mut().zip(row).for_each(|(out, value)| *out = noise * value);
        for (component, weight) in self.each() {
            let sum = weight * dot(component, row);
            out.iter_mut().zip(component).for_each(|(out, part)| *out += sum * part);
        }
    }

    /// Adds Λ u to a row, with u at the missing places and 0 elsewhere; what it adds at those is not meant to be read.
    fn push(&self, missing: &[usize], at: &[f64], row: &mut [f64]) {
        for (component, weight) in self.each() {
            let sum: f64 = missing.iter().zip(at).map(|(&place, value)| component[place] * value).sum();
            row.iter_mut().zip(component).for_each(|(to, part)| *to += weight * sum * part);
        }
    }
}

impl Precision for Subspace<'_> {
    type Effect = Effect;

    fn among(&self, missing: &[usize], out: &mut [f64]) {
        let noise = 1.0 / self.noise.variance;
        out.iter_mut().step_by(missing.len() + 1).for_each(|value| *value = noise);
        self.products(missing, |variance| 1.0 / variance - noise, out);
    }

    fn pull(&self, missing: &[usize], row: &[f64], out: &mut [f64]) {
        out.fill(0.0);
        for (component, weight) in self.each() {
            let sum = weight * dot(component, row);
            missing.iter().zip(&mut *out).for_each(|(&place, out)| *out += sum * component[place]);
        }
    }

    fn effect(&self, missing: &[usize], factor: &[f64]) -> Result<Effect> {
        let size = missing.len();
        let mut spread = room(size, size, 0.0, WHAT)?;
        for (place, column) in spread.chunks_exact_mut(size).enumerate() {
            column[place] = 1.0;
            solve(factor, column);
        }
        let mut residual = room(size, size, 0.0, WHAT)?;
        residual.iter_mut().step_by(size + 1).for_each(|value| *value = 1.0);
        self.products(missing, |_| -1.0, &mut residual);
        let mut explained = room(size, size, 0.0, WHAT)?;
        self.products(missing, |variance| 1.0 / variance, &mut explained);
        let [residual, explained] = [residual, explained].map(|mut matrix| {
            for row in 0..size {
                for column in 0..row {
                    matrix[column * size + row] = matrix[row * size + column];
                }
            }
            traces(&spread, &matrix, size)
        });
        let kept = self.variances.len() as f64;
        let Noise { variance, share, .. } = self.noise;
        let rest = self.width as f64 - kept;
        let spe = Spread::of(
            variance * rest - residual.0,
            variance * variance * rest - 2.0 * variance * residual.0 + residual.1,
        );
        Ok(Effect {
            spe: Spread {
                mean: spe.mean,
                freedom: (share * spe.freedom).max(1.0),
            },
            t2: Spread::of(kept - explained.0, kept - 2.0 * explained.0 + explained.1),
        })
    }
}

/// Of C A and of its square, both symmetric.
fn traces(spread: &[f64], matrix: &[f64], size: usize) -> (f64, f64) {
    let product = |row: usize, column: usize| {
        let [left, right] = [(spread, row), (matrix, column)].map(|(of, row)| &of[row * size..][..size]);
        dot(left, right)
    };
    let (mut first, mut second) = (0.0, 0.0);
    for row in 0..size {
        let own = product(row, row);
        first += own;
        second += own * own;
        for column in 0..row {
            second += 2.0 * product(row, column) * product(column, row);
        }
    }
    (first, second)
}

impl FittedPca {
    /// What SPE and T² of eight rows are multiplied by, for what they lack.
    pub(super) fn factors(&self, gaps: &Gaps<Effect>, statistics: &[Row; 2]) -> [Row; 2] {
        let kept = self.directions.count() as f64;
        let mut factors = [Row::splat(1.0); 2];
        for lane in 0..LANES {
            let (spe, t2) = match gaps.lanes[lane] {
                Lack::Nothing => continue,
                Lack::All => (f64::NAN, f64::NAN),
                Lack::Some(effect) => {
                    let [spe, t2] = statistics.map(|row| row.0[lane]);
                    let spe = self.directions.noise.spe.map_or(1.0, |whole| place(spe, effect.spe, whole));
                    (spe, place(t2, effect.t2, Spread::chi_squared(kept)))
                }
            };
            factors[0].0[lane] = spe;
            factors[1].0[lane] = t2;
        }
        factors
    }

    /// Gives the shares that missing coordinates have in the quadratic forms to the present ones that they were filled from.
    pub(super) fn hand_over(&self, decomposition: Decomposition, scratch: &mut Scratch) -> Result<()> {
        let Scratch {
            residual,
            explained,
            gaps,
            ..
        } = scratch;
        let precision = Subspace::of(self);
        for lane in 0..LANES {
            if !matches!(gaps.lanes[lane], Lack::Some(_)) {
                continue;
            }
            for part in [&mut *residual, &mut *explained] {
                match decomposition {
                    // With z_m = −Λ_mm⁻¹ Λ_mk z_k the form zᵀMz is one in z_k: v_k − Λ_km Λ_mm⁻¹ v_m beside z_k, of v = Mz.
                    Decomposition::Partial => {
                        gaps.gather(&precision, part, lane)?;
                        let (missing, at, row) = gaps.solved();
                        precision.push(missing, at, row);
                        part.iter_mut().zip(row).for_each(|(part, value)| part.0[lane] = *value);
                    }
                    Decomposition::Complete => {
                        let (mut all, mut present) = (0.0, 0.0);
                        for (place, part) in part.iter().enumerate() {
                            let square = part.0[lane] * part.0[lane];
                            all += square;
                            present += if gaps.lacks(place, lane) { 0.0 } else { square };
                        }
                        let stretch = if present > 0.0 { (all / present).sqrt() } else { 0.0 };
                        part.iter_mut().for_each(|part| part.0[lane] *= stretch);
                    }
                }
            }
        }
        Ok(())
    }
}

/// What a statistic of an incomplete row is multiplied by to stand where it would among complete ones.
pub(super) fn place(statistic: f64, of: Spread, whole: Spread) -> f64 {
    if of.mean > NOTHING * whole.mean {
        standing(statistic, (of.mean, of.freedom), (whole.mean, whole.freedom))
    } else {
        0.0
    }
}

#[cfg(test)]
mod tests {
    use acm_linalg::pca::Components;
    use acm_linalg::scaling::Manner;
    use acm_linalg::seed::stream;
    use ndarray::{Array1, Array2};
    use rand::RngExt;

    use super::*;
    use crate::gaps::factorise;
    use crate::pca::{Limits, PcaDetector};

    /// Their definitions, by whole matrices.
    #[test]
    fn what_is_missing_takes_its_traces() {
        for lags in [0, 1] {
            let mut draw = stream(15, lags as u64);
            let mut normal = || (0..12).map(|_| draw.random::<f64>()).sum::<f64>() - 6.0;
            let causes = Array2::from_shape_fn((500, 2), |_| normal());
            let ways = Array2::from_shape_fn((2, 6), |_| normal());
            let x =
                causes.dot(&ways) + Array2::from_shape_fn((500, 6), |(_, sensor)| 0.2 * (sensor + 1) as f64 * normal());
            let detector = PcaDetector::new(Components::Count(2), lags, Manner::Robust, 0.01, Limits::HeldOut).unwrap();
            let model = detector.fit(x.view().into()).unwrap();
            let (width, noise) = (model.lagged.width(), model.directions.noise);
            let p = Array2::from_shape_vec((2, width), model.components().to_vec()).unwrap();
            let variances = Array1::from(model.explained_variance().to_vec());
            let of_components = |weights: Array1<f64>| p.t().dot(&Array2::from_diag(&weights)).dot(&p);
            let r = Array2::<f64>::eye(width) - p.t().dot(&p);
            let g = of_components(variances.recip());
            let s = of_components(variances.clone()) + &r * noise.variance;
            let inverse = of_components(variances.recip()) + &r / noise.variance;
            let subspace = Subspace::of(&model);
            for place in 0..width {
                assert!((subspace.own(place) / inverse[[place, place]] - 1.0).abs() < 1e-10);
                let (row, mut found) = (s.row(place).to_vec(), vec![7.0; width]);
                subspace.times(&row, &mut found);
                let unit = |other: usize| f64::from(u8::from(other == place));
                assert!(found.iter().enumerate().all(|(other, value)| (value - unit(other)).abs() < 1e-9));
            }
            for missing in [vec![0], vec![1, 4], vec![0, 2, 3, 5], (0..width - 2).collect()] {
                let count = missing.len();
                let mut factor = vec![0.0; count * count];
                subspace.among(&missing, &mut factor);
                for row in 0..count {
                    for column in 0..=row {
                        let exact = inverse[[missing[row], missing[column]]];
                        assert!((factor[row * count + column] - exact).abs() < 1e-10 * (1.0 + exact.abs()));
                    }
                }
                let z = Array1::from_shape_fn(width, |place| (place * place % 7) as f64 - 2.5);
                let mut pull = vec![7.0; count];
                subspace.pull(&missing, z.as_slice().unwrap(), &mut pull);
                let (exact, along) = (inverse.dot(&z), of_components(variances.recip() - 1.0 / noise.variance).dot(&z));
                for (place, pull) in missing.iter().zip(&pull) {
                    // What is missing counts as 0, and has no own.
                    assert!((pull - along[*place]).abs() < 1e-9);
                    assert!((exact[*place] - along[*place] - z[*place] / noise.variance).abs() < 1e-9);
                }
                let mut pushed = vec![1.0; width];
                subspace.push(&missing, &pull, &mut pushed);
                let exact = |place: usize| -> f64 {
                    missing.iter().zip(&pull).map(|(&other, value)| inverse[[place, other]] * value).sum()
                };
                for place in (0..width).filter(|place| !missing.contains(place)) {
                    assert!((pushed[place] - 1.0 - exact(place)).abs() < 1e-8 * (1.0 + exact(place).abs()));
                }

                factorise(&mut factor, count);
                let effect = subspace.effect(&missing, &factor).unwrap();
                let mut c = Array2::zeros((width, width));
                for column in 0..count {
                    let mut unit = vec![0.0; count];
                    unit[column] = 1.0;
                    solve(&factor, &mut unit);
                    for row in 0..count {
                        c[[missing[row], missing[column]]] = unit[row];
                    }
                }
                let left = &s - &c;
                let both = |form: &Array2<f64>| {
                    let product = form.dot(&left);
                    (product.diag().sum(), product.dot(&product).diag().sum())
                };
                let close =
                    |found: f64, exact: f64| assert!((found / exact - 1.0).abs() < 1e-8, "{missing:?} {found} {exact}");
                let (first, second) = both(&g);
                close(effect.t2.mean, first);
                close(effect.t2.freedom, (first * first / second).max(1.0));
                let (first, second) = both(&r);
                close(effect.spe.mean, first);
                close(effect.spe.freedom, ((first * first / second).max(1.0) * noise.share).max(1.0));
            }
        }
    }
}
