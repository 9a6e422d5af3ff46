//! Triangular factors of small matrices: inverted, squared, and solved with.

use acm_linalg::Result;
use acm_linalg::samples::room;

/// The inverse of a lower triangular matrix.
pub(super) fn inverse_of(lower: &[f64], width: usize) -> Result<Vec<f64>> {
    let mut inverse = room(width, width, 0.0, "a whitening matrix")?;
    for row in 0..width {
        let (above, current) = inverse.split_at_mut(row * width);
        let current = &mut current[..width];
        for (earlier, factor) in above.chunks_exact(width).zip(&lower[row * width..row * width + row]) {
            current.iter_mut().zip(earlier).for_each(|(value, earlier)| *value -= factor * earlier);
        }
        current[row] = 1.0;
        current.iter_mut().for_each(|value| *value /= lower[row * width + row]);
    }
    Ok(inverse)
}

/// Wᵀ W of a lower triangle W.
pub(in super::super) fn squared(lower: &[f64], width: usize) -> Result<Vec<f64>> {
    let mut all = room(width, width, 0.0, "a precision matrix")?;
    for row in lower.chunks_exact(width) {
        for (place, factor) in row.iter().enumerate().filter(|pair| *pair.1 != 0.0) {
            let out = &mut all[place * width..(place + 1) * width];
            out.iter_mut().zip(row).for_each(|(out, value)| *out += factor * value);
        }
    }
    Ok(all)
}

/// Solves A x = b, A positive definite and given by its lower half, in place of b.
pub(super) fn solve(matrix: &mut [f64], right: &mut [f64]) {
    let size = right.len();
    for row in 0..size {
        for column in 0..=row {
            let mut value = matrix[row * size + column];
            for at in 0..column {
                value -= matrix[row * size + at] * matrix[column * size + at];
            }
            matrix[row * size + column] = if column == row {
                value.max(f64::MIN_POSITIVE).sqrt()
            } else {
                value / matrix[column * size + column]
            };
        }
        let mut value = right[row];
        for at in 0..row {
            value -= matrix[row * size + at] * right[at];
        }
        right[row] = value / matrix[row * size + row];
    }
    for row in (0..size).rev() {
        let mut value = right[row];
        for at in row + 1..size {
            value -= matrix[at * size + row] * right[at];
        }
        right[row] = value / matrix[row * size + row];
    }
}
