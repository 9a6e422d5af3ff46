//! Points on the unit circle, to within a rounding and with exact symmetries, and sums of values times such points.

use std::f64::consts::{FRAC_1_SQRT_2, FRAC_PI_2};

use acm_linalg::lanes::V;
use fearless_simd::Simd;

/// What float64 pi / 2 lacks.
const FRAC_PI_2_REST: f64 = 6.123_233_995_736_766e-17;

/// Taylor coefficients of sin from the third power on, every other one.
const SINE: [f64; 8] = [
    -1.0 / 6.0,
    1.0 / 120.0,
    -1.0 / 5040.0,
    1.0 / 362_880.0,
    -1.0 / 39_916_800.0,
    1.0 / 6_227_020_800.0,
    -1.0 / 1_307_674_368_000.0,
    1.0 / 355_687_428_096_000.0,
];

/// Taylor coefficients of cos from the fourth power on, every other one.
const COSINE: [f64; 8] = [
    1.0 / 24.0,
    -1.0 / 720.0,
    1.0 / 40_320.0,
    -1.0 / 3_628_800.0,
    1.0 / 479_001_600.0,
    -1.0 / 87_178_291_200.0,
    1.0 / 20_922_789_888_000.0,
    -1.0 / 6_402_373_705_728_000.0,
];

/// The real and imaginary part of a sum.
pub(crate) type Complex<S> = [V<S>; 2];

/// Squared magnitude.
#[inline(always)]
pub(crate) fn power<S: Simd>([re, im]: Complex<S>) -> V<S> {
    re * re + im * im
}

/// Cosine and sine of an angle.
pub(crate) type Point = [f64; 2];

/// Cosine and sine of `2 pi part / whole`, `part < whole`.
///
/// Own series instead of the platform's: the same bits everywhere.
pub(super) fn point(part: usize, whole: usize) -> Point {
    let (quarter, rest) = (4 * part / whole, 4 * part % whole);
    let mirrored = 2 * rest > whole;
    let [cos, sin] = eighth(if mirrored { whole - rest } else { rest } as f64, whole as f64);
    let (cos, sin) = if mirrored { (sin, cos) } else { (cos, sin) };
    match quarter {
        0 => [cos, sin],
        1 => [-sin, cos],
        2 => [-cos, -sin],
        _ => [sin, -cos],
    }
}

/// Cosine and sine of `pi / 2 * part / whole`, at most an eighth of the circle.
fn eighth(part: f64, whole: f64) -> Point {
    if 2.0 * part == whole {
        return [FRAC_1_SQRT_2; 2];
    }
    // The angle as a pair of float64; a fused product is exact on every machine, fast or not.
    let product = part * FRAC_PI_2;
    let lost = part.mul_add(FRAC_PI_2, -product) + part * FRAC_PI_2_REST;
    let high = product / whole;
    let low = (high.mul_add(-whole, product) + lost) / whole;

    let square = high * high;
    let series = |coefficients: [f64; 8]| coefficients.into_iter().rev().fold(0.0, |sum, next| sum * square + next);
    let half = 0.5 * square;
    let near = 1.0 - half;
    let sin = high + (high * square * series(SINE) + low * near);
    let cos = near + (((1.0 - near) - half) + (square * square * series(COSINE) - high * low));
    [cos, sin]
}

/// Fills `circle` with as many points, a turn apart in all: point m is `(cos, sin)(2 pi m / len)`.
pub(crate) fn fill(circle: &mut [Point]) {
    let whole = circle.len();
    for part in 0..=whole / 2 {
        if part < whole {
            let [cos, sin] = point(part, whole);
            circle[part] = [cos, sin];
            if part > 0 {
                circle[whole - part] = [cos, if 2 * part == whole { sin } else { -sin }];
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::f64::consts::TAU;

    use super::*;

    #[test]
    fn points_are_right_to_a_rounding() {
        for whole in [1, 2, 3, 4, 5, 7, 8, 12, 16, 60, 64, 100, 999, 1 << 20] {
            let mut circle = vec![[0.0; 2]; whole];
            fill(&mut circle);
            for (part, [cos, sin]) in circle.iter().enumerate() {
                let product = TAU * part as f64;
                let angle = product / whole as f64;
                let lost = TAU.mul_add(part as f64, -product) + 4.0 * FRAC_PI_2_REST * part as f64;
                let rest = (angle.mul_add(-(whole as f64), product) + lost) / whole as f64;
                assert!((cos - (angle.cos() - rest * angle.sin())).abs() < 2.3e-16);
                assert!((sin - (angle.sin() + rest * angle.cos())).abs() < 2.3e-16);
            }
        }
    }

    #[test]
    fn known_points_are_exact() {
        let mut circle = vec![[0.0; 2]; 24];
        fill(&mut circle);
        assert_eq!(circle[0], [1.0, 0.0]);
        assert_eq!(circle[3], [FRAC_1_SQRT_2; 2]);
        assert_eq!(circle[6], [0.0, 1.0]);
        assert_eq!(circle[12], [-1.0, 0.0]);
        assert_eq!(circle[18], [0.0, -1.0]);
        // cos 60 degrees and cos 15 degrees, to the last bit.
        assert_eq!(circle[4][0], 0.5);
        assert_eq!(circle[1][0], 0.965_925_826_289_068_3);
    }
}
