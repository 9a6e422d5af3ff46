//! Interpolation in pairs of float64, for the few values where a rounding on the way would show.

/// `low + (high - low) * part / whole`, rounded once but for what a pair of float64 loses.
///
/// Source: two-sum and two-product as in Dekker (1971), doi 10.1007/BF01397083, and Knuth, TAOCP 2, section 4.2.2.
pub(super) fn interpolated(low: f64, high: f64, part: f64, whole: f64) -> f64 {
    let (gap, gap_rest) = two_sum(high, -low);
    let (product, product_rest) = two_product(gap, part);
    let product_rest = product_rest + gap_rest * part;
    let share = product / whole;
    let (back, back_rest) = two_product(share, whole);
    let share_rest = (((product - back) - back_rest) + product_rest) / whole;
    let (sum, sum_rest) = two_sum(low, share);
    let exact = sum + (sum_rest + share_rest);
    if exact.is_finite() {
        exact
    } else {
        // Halves and quarters, where the gap or a product went beyond the largest float64.
        let fraction = part / whole;
        low * (1.0 - fraction) + high * fraction
    }
}

fn two_sum(a: f64, b: f64) -> (f64, f64) {
    let sum = a + b;
    let part = sum - a;
    (sum, (a - (sum - part)) + (b - part))
}

fn two_product(a: f64, b: f64) -> (f64, f64) {
    let product = a * b;
    let ((a_high, a_low), (b_high, b_low)) = (halves(a), halves(b));
    let rest = ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low;
    (product, rest)
}

fn halves(value: f64) -> (f64, f64) {
    const HALF: f64 = 134_217_729.0;
    let scaled = value * HALF;
    let high = scaled - (scaled - value);
    (high, value - high)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_hold_sums_and_products_to_the_last_bit() {
        let power = |exponent: i32| 2.0_f64.powi(exponent);
        for (a, b, sum, rest) in [
            (1.0, power(-60), 1.0, power(-60)),
            (power(-60), 1.0, 1.0, power(-60)),
            (power(53), 1.0 + power(-20), power(53) + 2.0, power(-20) - 1.0),
            (-3.0, power(-53), -3.0, power(-53)),
            (1.0, 1.5 * power(-52), 1.0 + power(-51), -power(-53)),
            (0.1, -0.1, 0.0, 0.0),
        ] {
            assert_eq!(two_sum(a, b), (sum, rest), "{a} {b}");
        }
        for (a, b, product, rest) in [
            (1.0 + power(-30), 1.0 + power(-30), 1.0 + power(-29), power(-60)),
            (1.0 + power(-30), power(-30) - 1.0, -1.0, power(-60)),
            (3.0, power(-700), 3.0 * power(-700), 0.0),
        ] {
            assert_eq!(two_product(a, b), (product, rest), "{a} {b}");
        }
    }

    #[test]
    fn a_third_of_the_way_is_rounded_once() {
        let step = f64::EPSILON;
        assert_eq!(interpolated(1.0, 1.0 + 3.0 * step, 1.0, 3.0), 1.0 + step);
        assert_eq!(interpolated(-1.0, 1.0, 1.0, 3.0), -1.0 / 3.0);
        // 2^60 - 1 and a little: the nearest float64 is 2^60.
        assert_eq!(interpolated(2.0_f64.powi(60), 2.0_f64.powi(-20), 1.0, 2.0_f64.powi(60)), 2.0_f64.powi(60));
    }
}
