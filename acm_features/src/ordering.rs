//! Values as whole numbers of the same order.

/// The order of what is missing, above that of every number.
pub(crate) const ABSENT: u64 = 0xfff0_0000_0000_0000;

const SIGN: u64 = 1 << 63;

/// A number that rises with the value: the sign bit turned, and with it all others where the value is negative.
#[inline(always)]
pub(crate) fn order(value: f64) -> u64 {
    let bits = value.to_bits();
    let order = bits ^ ((bits.cast_signed() >> 63).cast_unsigned() | SIGN);
    if value.is_nan() { ABSENT } else { order }
}

/// The value of an order, if it is none of a missing one.
#[inline(always)]
pub(crate) fn value(order: u64) -> f64 {
    f64::from_bits(if order & SIGN == 0 { !order } else { order ^ SIGN })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_rise_with_the_values_and_lead_back() {
        let rising = [
            f64::NEG_INFINITY,
            -1e300,
            -1.0,
            -5e-324,
            0.0,
            5e-324,
            1.0,
            1e9,
            f64::MAX,
        ];
        for pair in rising.windows(2) {
            assert!(order(pair[0]) < order(pair[1]));
        }
        for number in rising {
            assert_eq!(value(order(number)), number);
            assert!(order(number) < ABSENT);
        }
        assert_eq!(order(f64::NAN), ABSENT);
        assert_eq!(order(-f64::NAN), ABSENT);
    }
}
