//! Exact sums into floats, rounded once or twice.

/// A mean of whole numbers.
pub(super) fn mean(sum: i128, count: u64) -> f64 {
    sum as f64 / count as f64
}

/// Σ (a - mean a)(b - mean b) from Σ a b, Σ a and Σ b of `count` > 0 pairs.
///
/// About the whole parts of the means nothing is rounded: what is left, the product of the rests over the count, is at most a
/// quarter of the count, and is taken off exactly as long as 128 bits suffice. Sums beyond that are so much larger that
/// rounding it does not show.
pub(super) fn central(product: i128, left: i128, right: i128, count: u64) -> f64 {
    let n = i128::from(count);
    let (one, other) = (left.div_euclid(n), right.div_euclid(n));
    let (rest_one, rest_other) = (left.rem_euclid(n), right.rem_euclid(n));
    // Modulo 2^128: the result itself is far within.
    let about = product
        .wrapping_sub(n.wrapping_mul(one).wrapping_mul(other))
        .wrapping_sub(one.wrapping_mul(rest_other))
        .wrapping_sub(other.wrapping_mul(rest_one));
    let rests = rest_one * rest_other;
    match about.checked_mul(n).and_then(|whole| whole.checked_sub(rests)) {
        Some(whole) => whole as f64 / count as f64,
        None => about as f64 - rests as f64 / count as f64,
    }
}
