//! Quantiles of the normal, χ² and F distributions, for control limits.
//!
//! Tail probabilities come from the continued fractions of the incomplete gamma and beta functions (DLMF 8.9.2 and 8.17.22),
//! with the densities in Loader's form (2000, "Fast and accurate computation of binomial probabilities"), which lose no
//! digits at large degrees of freedom; quantiles from Newton steps on the logarithm of the tail, kept between bounds.
//! Oracle: 40-digit arithmetic, 1e-12; SciPy `stats.norm.isf`, `chi2.isf`, `f.isf`, 1e-10.
//!
//! # Examples
//!
//! ```
//! use acm_detectors::limits::{chi2_upper, normal_upper, t2_limit};
//!
//! # fn main() -> acm_linalg::Result<()> {
//! assert!((normal_upper(0.025) - 1.959_963_984_540_054).abs() < 1e-12);
//! assert!((chi2_upper(1.0, 0.05) - 3.841_458_820_694_124).abs() < 1e-12);
//! // Two components known from few rows need more room than from many.
//! assert!(t2_limit(2, 20, 0.01) > t2_limit(2, 2000, 0.01));
//! # Ok(())
//! # }
//! ```

use std::f64::consts::TAU;

/// Steps after which a series or fraction is as good as it gets.
const STEPS: usize = 200_000;

/// The value that a standard normal number exceeds with probability `alpha`, between 0 and 1.
#[must_use]
pub fn normal_upper(alpha: f64) -> f64 {
    if alpha == 0.5 {
        return 0.0;
    }
    let distance = chi2_upper(1.0, 2.0 * alpha.min(1.0 - alpha)).sqrt();
    if alpha < 0.5 { distance } else { -distance }
}

/// The value that a χ² number of `freedom` > 0 degrees of freedom exceeds with probability `alpha`, between 0 and 1.
#[must_use]
pub fn chi2_upper(freedom: f64, alpha: f64) -> f64 {
    let shape = freedom / 2.0;
    2.0 * quantile(alpha, shape.max(0.1).ln(), |log| gamma_tails(shape, log.exp()))
}

/// The value that an F number of `first` and `second` > 0 degrees of freedom exceeds with probability `alpha`, between 0 and 1.
#[must_use]
pub fn f_upper(first: f64, second: f64, alpha: f64) -> f64 {
    quantile(alpha, 0.0, |log| {
        let ratio = first / second * log.exp();
        let (share, rest) = if ratio < 1.0 {
            (1.0 / (1.0 + ratio), ratio / (1.0 + ratio))
        } else {
            (1.0 / ratio / (1.0 + 1.0 / ratio), 1.0 / (1.0 + 1.0 / ratio))
        };
        beta_tails(second / 2.0, first / 2.0, share, rest)
    })
}

/// The value that a number of Student's t distribution with `freedom` > 0 degrees of freedom exceeds with probability `alpha`,
/// between 0 and 1.
#[must_use]
pub fn t_upper(freedom: f64, alpha: f64) -> f64 {
    if alpha == 0.5 {
        return 0.0;
    }
    let distance = f_upper(1.0, freedom, 2.0 * alpha.min(1.0 - alpha)).sqrt();
    if alpha < 0.5 { distance } else { -distance }
}

/// Probabilities above and below a point, and the density of the logarithm there.
struct Tails {
    above: f64,
    below: f64,
    density: f64,
}

/// The point above which lies `alpha`; `tails` and `start` are of its logarithm.
fn quantile(alpha: f64, start: f64, tails: impl Fn(f64) -> Tails) -> f64 {
    let (mut low, mut high) = (-700.0_f64, 700.0_f64);
    let mut log = start;
    for _ in 0..200 {
        let Tails { above, below, density } = tails(log);
        // The smaller tail knows more digits.
        let (excess, slope) = if alpha <= 0.5 {
            ((above / alpha).ln(), density / above)
        } else {
            (-(below / (1.0 - alpha)).ln(), density / below)
        };
        if excess > 0.0 {
            low = log;
        } else {
            high = log;
        }
        let step = (excess / slope).clamp(-2.0, 2.0);
        let next = if step.is_finite() { log + step } else { f64::NAN };
        // NaN is between nothing.
        let next = if next >= low && next <= high { next } else { f64::midpoint(low, high) };
        let done = (next - log).abs() <= f64::EPSILON * log.abs().max(0.5);
        log = next;
        if done {
            break;
        }
    }
    log.exp()
}

/// Of a gamma number of the given shape, at `x`.
fn gamma_tails(shape: f64, x: f64) -> Tails {
    let density = (-stirling_rest(shape) - deviance(shape, x)).exp() * (shape / TAU).sqrt();
    if x < shape + 1.0 {
        let (mut sum, mut term) = (1.0, 1.0);
        for number in 1..STEPS {
            term *= x / (shape + number as f64);
            sum += term;
            if term < sum * (f64::EPSILON / 4.0) {
                break;
            }
        }
        let below = density * sum / shape;
        Tails {
            above: 1.0 - below,
            below,
            density,
        }
    } else {
        // Γ(a, x) = xᵃ e⁻ˣ / (x + 1 − a − 1 (1 − a) / (x + 3 − a − 2 (2 − a) / …)).
        let first = x + 1.0 - shape;
        let fraction = lentz(first, |number| (number * (shape - number), first + 2.0 * number));
        let above = density / fraction;
        Tails {
            above,
            below: 1.0 - above,
            density,
        }
    }
}

/// Of F's logarithm, where a beta number of shapes `a` and `b` lies below `x` when F lies above; `y` = 1 − `x`.
fn beta_tails(a: f64, b: f64, x: f64, y: f64) -> Tails {
    let whole = a + b;
    let rest = stirling_rest(whole) - stirling_rest(a) - stirling_rest(b);
    let density = (rest - deviance(a, whole * x) - deviance(b, whole * y)).exp() * (a / TAU * (b / whole)).sqrt();
    if x < (a + 1.0) / (whole + 2.0) {
        let above = density / (a * beta_fraction(a, b, x));
        Tails {
            above,
            below: 1.0 - above,
            density,
        }
    } else {
        let below = density / (b * beta_fraction(b, a, y));
        Tails {
            above: 1.0 - below,
            below,
            density,
        }
    }
}

/// 1 + d₁ / (1 + d₂ / (1 + …)) of DLMF 8.17.22.
fn beta_fraction(a: f64, b: f64, x: f64) -> f64 {
    lentz(1.0, |number| {
        let m = (number / 2.0).floor();
        let part = if number % 2.0 == 0.0 {
            m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m))
        } else {
            -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0))
        };
        (part, 1.0)
    })
}

/// b₀ + a₁ / (b₁ + a₂ / (b₂ + …)), `part(number)` being (a, b), by the modified algorithm of Lentz (1976,
/// doi 10.1364/AO.15.000668).
fn lentz(first: f64, part: impl Fn(f64) -> (f64, f64)) -> f64 {
    let away = |value: f64| if value.abs() < 1e-300 { 1e-300 } else { value };
    let mut value = away(first);
    let (mut above, mut below) = (value, 0.0);
    for number in 1..STEPS {
        let (a, b) = part(number as f64);
        below = 1.0 / away(b + a * below);
        above = away(b + a / above);
        let change = above * below;
        value *= change;
        if (change - 1.0).abs() < f64::EPSILON {
            break;
        }
    }
    value
}

/// ln Γ(x) less Stirling's (x − ½) ln x − x + ½ ln 2π.
fn stirling_rest(x: f64) -> f64 {
    let (mut x, mut rest) = (x, 0.0);
    while x < 15.0 {
        rest += (x + 0.5) * (1.0 / x).ln_1p() - 1.0;
        x += 1.0;
    }
    let square = 1.0 / (x * x);
    let tail = 1.0 / 1188.0 - square * (691.0 / 360_360.0);
    let tail = 1.0 / 1260.0 - square * (1.0 / 1680.0 - square * tail);
    rest + (1.0 / 12.0 - square * (1.0 / 360.0 - square * tail)) / x
}

/// x ln(x / m) + m − x, without the cancellation near x = m.
fn deviance(x: f64, m: f64) -> f64 {
    if m <= 0.0 {
        return f64::INFINITY;
    }
    let v = (x - m) / (x + m);
    if v.abs() >= 0.1 {
        return x * (x / m).ln() + m - x;
    }
    let (mut sum, mut power) = ((x - m) * v, 2.0 * x * v);
    for odd in 1..60 {
        power *= v * v;
        let next = sum + power / f64::from(2 * odd + 1);
        if next == sum {
            break;
        }
        sum = next;
    }
    sum
}

/// Of the residual's squared length, at significance `alpha`, from the variances along the components that are left out
/// (Jackson and Mudholkar 1979, doi 10.1080/00401706.1979.10489779). Where their power transformation does not exist, a
/// multiple of χ² with the same mean and variance (Box 1954, doi 10.1214/aoms/1177728786). 0 where nothing is left out.
#[must_use]
pub fn spe_limit(left_out: &[f64], alpha: f64) -> f64 {
    let greatest = left_out.iter().fold(0.0_f64, |most, &value| most.max(value));
    if greatest <= 0.0 {
        return 0.0;
    }
    let sum = |power: i32| left_out.iter().map(|value| (value / greatest).powi(power)).sum::<f64>();
    let (first, second, third) = (sum(1), sum(2), sum(3));
    let power = 1.0 - 2.0 * first * third / (3.0 * second * second);
    let quantile = normal_upper(alpha);
    let base =
        1.0 + quantile * power * (2.0 * second).sqrt() / first + second * power * (power - 1.0) / (first * first);
    let limit = if power > 0.0 && base > 0.0 {
        first * base.powf(1.0 / power)
    } else {
        second / first * chi2_upper(first * first / second, alpha)
    };
    limit * greatest
}

/// Hotelling's T² of a new row, at significance `alpha`, from `rows` rows of training and `components` < `rows` components
/// (Tracy, Young and Mason 1992, doi 10.1080/00224065.1992.12015232).
#[must_use]
pub fn t2_limit(components: usize, rows: usize, alpha: f64) -> f64 {
    let (k, n) = (components as f64, rows as f64);
    k * (n - 1.0) / (n - k) * ((n + 1.0) / n) * f_upper(k, n - k, alpha)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(found: f64, exact: f64) {
        assert!((found - exact).abs() <= 1e-12 * exact.abs(), "{found} {exact}");
    }

    /// Values of 40 digits; SciPy 1.17 differs by 2e-11 at (100, 3, 1e-6) and agrees elsewhere.
    #[test]
    fn quantiles_are_right() {
        for (alpha, exact) in [
            (0.5, 0.0),
            (0.3, 0.524_400_512_708_040_9),
            (0.01, 2.326_347_874_040_840_8),
            (1e-10, 6.361_340_902_404_056),
            (0.99, -2.326_347_874_040_840_8),
        ] {
            close(normal_upper(alpha), exact);
        }
        for (freedom, alpha, exact) in [
            (0.3, 0.01, 3.861_186_754_833_365),
            (0.3, 0.999, 1.259_992_526_277_039_1e-20),
            (1.0, 0.5, 0.454_936_423_119_572_4),
            (5.0, 1e-6, 35.888_186_879_672_865),
            (50.0, 0.01, 76.153_891_249_012_7),
            (1234.5, 0.999, 1_086.630_090_119_327_4),
            (1e6, 0.01, 1_003_292.893_686_412_6),
        ] {
            close(chi2_upper(freedom, alpha), exact);
        }
        for (freedom, alpha, exact) in [
            (1.0, 0.25, 1.0),
            (1.0, 0.75, -1.0),
            (4.0, 0.5, 0.0),
            (2.0, 0.1, 0.8 / 0.18_f64.sqrt()),
        ] {
            close(t_upper(freedom, alpha), exact);
        }
        for (first, second, alpha, exact) in [
            (1.0, 1.0, 0.5, 1.0),
            (5.0, 495.0, 0.01, 3.054_341_585_934_967_6),
            (2.0, 10.0, 0.999, 0.001_000_600_440_352_296_9),
            (50.0, 9950.0, 0.01, 1.525_232_186_892_953_5),
            (100.0, 3.0, 1e-6, 12_468.169_666_553_236),
            (0.5, 0.7, 0.01, 79_308.442_709_275_1),
            (300.0, 1e7, 0.01, 1.199_691_799_901_794_5),
        ] {
            close(f_upper(first, second, alpha), exact);
        }
        // The square of Cauchy's, in closed form; SciPy is off by 6e-11 here.
        close(f_upper(1.0, 1.0, 1e-6), (std::f64::consts::FRAC_PI_2 * 1e-6).tan().powi(-2));
    }

    #[test]
    fn limits_of_round_numbers() {
        // Equal variances: SPE / variance is χ² of as many degrees of freedom, which the power transformation meets closely.
        let limit = spe_limit(&[2.0; 10], 0.01);
        assert!((limit / (2.0 * chi2_upper(10.0, 0.01)) - 1.0).abs() < 5e-3, "{limit}");
        assert_eq!(spe_limit(&[], 0.01), 0.0);
        assert_eq!(spe_limit(&[0.0, 0.0], 0.01), 0.0);
        // Scale changes nothing but the unit, even where squares would overflow.
        assert_eq!(
            spe_limit(&[2.0_f64.powi(800), 2.0_f64.powi(799)], 0.05),
            spe_limit(&[2.0, 1.0], 0.05) * 2.0_f64.powi(799)
        );
        // One dominating and many small variances: the transformation's power is negative.
        let mut many = vec![0.05; 200];
        many[0] = 1.0;
        let limit = spe_limit(&many, 0.01);
        assert!(limit > many.iter().sum::<f64>() && limit.is_finite());
        close(t2_limit(2, 12, 0.01), 2.0 * 143.0 / (12.0 * 10.0) * 7.559_432_157_547_899);
    }

    #[test]
    fn limits_of_residuals_are_by_the_papers() {
        // By the sums of powers and SciPy's quantiles: Jackson and Mudholkar's, then Box's, where the power is below 0 and where
        // its base is.
        let mut many = vec![0.05; 201];
        many[0] = 1.0;
        for (variances, alpha, exact) in [
            (&[3.0, 2.0, 1.0][..], 0.01, 25.535_925_544_014_617),
            (&[3.0, 2.0, 1.0], 0.2, 9.232_093_071_376_982),
            (&[0.5, 4.0], 0.05, 15.829_053_193_202_006),
            (&[3.0, 2.0, 1.0], 0.999, 0.014_222_391_626_323_161),
            (&many, 0.01, 15.425_181_568_418_411),
            (&[5.0], 0.999_99, 7.853_981_634_314_245e-10),
            (&[6.0, 3.0, 3.0], 0.999_99, 0.001_824_380_458_761_557_4),
        ] {
            let found = spe_limit(variances, alpha);
            assert!((found / exact - 1.0).abs() < 1e-10, "{alpha}: {found} {exact}");
        }
    }
}
