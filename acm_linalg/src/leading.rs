//! A few eigenvectors of a symmetric matrix: all values first, then by inverse iteration the vectors of the greatest.
//!
//! The matrix becomes a tridiagonal one T by reflections (Golub and Van Loan, Matrix Computations, 4th edition, 8.3.1). As many
//! of its values lie below x as T - x has negative pivots, so that each is found by bisection, many side by side (Barth, Martin
//! and Wilkinson 1967, doi 10.1007/BF02162154). A vector is what (T - value)⁻¹ makes of numbers at random, a few times over, made
//! orthogonal to the vectors before it each time (Wilkinson, The Algebraic Eigenvalue Problem, 1965, 5.53 to 5.59).

use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::evd::{ComputeEigenvectors, self_adjoint_evd_scratch, tridiag};
use faer::linalg::householder::apply_block_householder_sequence_on_the_left_in_place_with_conj;
use faer::linalg::qr::no_pivoting::factor::recommended_block_size;
use faer::{Conj, Mat, MatRef, Par};
use fearless_simd::{Level, Simd, dispatch, f64x8, prelude::*};
use rand::RngExt;

use crate::dense::{fix_sign, symmetric_eigen};
use crate::error::Result;
use crate::lanes::{LANES, Row};
use crate::memory::{copied, room};
use crate::parallel::aside;
use crate::seed::stream;
use crate::workspace;

/// Least size, and how many times the vectors asked for, from which on this takes less time than all vectors together.
const LEAST: usize = 128;
const TIMES: usize = 8;

/// Estimated time for the cube of a matrix' size, in nanoseconds.
const LEADING_NS: f64 = 0.3;

/// Inverse iterations.
const STEPS: usize = 4;

/// Vectors of values that are halved side by side: each waits for its own divisions.
const ABREAST: usize = 4;

/// Halvings of 2, to the rounding of 1.
const HALVES: usize = 54;

/// Least pivot.
const TINY: f64 = 1e-290;

/// Greatest length of T v - value v, in units of the rounding of the greatest value.
const ROUNDINGS: f64 = 64.0;

/// Eigenvalues, largest first, and the eigenvectors of the `count` greatest, as [`symmetric_eigen`] has them, to rounding.
///
/// # Errors
/// Those of [`symmetric_eigen`].
pub(crate) fn leading_eigen(
    matrix: &[f64],
    size: usize,
    count: usize,
    name: &'static str,
) -> Result<(Vec<f64>, Vec<f64>)> {
    if size >= LEAST && count.saturating_mul(TIMES) <= size {
        let copy = copied(matrix, "a copy of a matrix")?;
        let found = aside(LEADING_NS * (size as f64).powi(3), None, move || leading(&copy, size, count))??;
        if let Some(found) = found {
            return Ok(found);
        }
    }
    let (values, mut vectors) = symmetric_eigen(matrix, size, name)?;
    vectors.truncate(count.saturating_mul(size));
    Ok((values, vectors))
}

/// None where the vectors are not those of the values to rounding.
fn leading(matrix: &[f64], size: usize, count: usize) -> Result<Option<(Vec<f64>, Vec<f64>)>> {
    let _room = workspace::for_eigen(size)?;
    let what = "eigenvectors";
    let scratch = self_adjoint_evd_scratch::<f64>(size, ComputeEigenvectors::Yes, Par::Seq, Default::default());
    let Ok(mut memory) = MemBuffer::try_new(scratch) else {
        return Ok(None);
    };
    let stack = MemStack::new(&mut memory);
    let mut reflected = Mat::<f64>::zeros(size, size);
    reflected.copy_from_triangular_lower(MatRef::from_row_major_slice(matrix, size, size));
    let mut factors = Mat::<f64>::zeros(recommended_block_size::<f64>(size, size), size - 1);
    tridiag::tridiag_in_place(reflected.as_mut(), factors.as_mut(), Par::Seq, stack, Default::default());
    let (mut diagonal, mut beside) = (room(size, 1, 0.0, what)?, room(size, 1, 0.0, what)?);
    for row in 0..size {
        diagonal[row] = reflected[(row, row)];
        if row + 1 < size {
            beside[row] = reflected[(row + 1, row)];
        }
    }
    let mut greatest = 0.0_f64;
    for row in 0..size {
        let before = if row > 0 { beside[row - 1].abs() } else { 0.0 };
        greatest = greatest.max(before + diagonal[row].abs() + beside[row].abs());
    }
    let known = diagonal.iter().chain(&beside).all(|value| value.is_finite());
    // Numbers whose squares are none stay with who looks out for them.
    if !known || !(1e-140..1e140).contains(&greatest) {
        return Ok(None);
    }
    diagonal.iter_mut().chain(&mut beside).for_each(|value| *value /= greatest);
    let three = Tridiagonal { diagonal, beside };
    let mut values = three.values()?;
    let Some(found) = three.vectors(&values[..count])? else {
        return Ok(None);
    };
    let mut vectors = Mat::<f64>::from_fn(size, count, |row, number| found[number * size + row]);
    apply_block_householder_sequence_on_the_left_in_place_with_conj(
        reflected.as_ref().submatrix(1, 0, size - 1, size - 1),
        factors.as_ref(),
        Conj::No,
        vectors.as_mut().subrows_mut(1, size - 1),
        Par::Seq,
        stack,
    );
    values.iter_mut().for_each(|value| *value *= greatest);
    let mut rows = found;
    for (number, row) in rows.chunks_exact_mut(size).enumerate() {
        row.iter_mut().enumerate().for_each(|(place, to)| *to = vectors[(place, number)]);
        fix_sign(row);
    }
    Ok(Some((values, rows)))
}

/// A symmetric matrix whose values lie between -1 and 1.
struct Tridiagonal {
    diagonal: Vec<f64>,
    /// One less, and 0.
    beside: Vec<f64>,
}

impl Tridiagonal {
    /// The values, largest first.
    fn values(&self) -> Result<Vec<f64>> {
        let size = self.diagonal.len();
        let what = "eigenvalues";
        let mut squares = room(size, 1, 0.0, what)?;
        squares[1..]
            .iter_mut()
            .zip(&self.beside)
            .for_each(|(square, beside)| *square = beside * beside);
        let mut found = room(size.div_ceil(LANES * ABREAST) * ABREAST, 1, Row::default(), what)?;
        let level = Level::new();
        for (group, found) in found.as_chunks_mut::<ABREAST>().0.iter_mut().enumerate() {
            let first = group * ABREAST * LANES;
            dispatch!(level, simd => halved(simd, (&self.diagonal, &squares), first, found));
        }
        let mut values = room(size, 1, 0.0, what)?;
        let rising = found.iter().flat_map(|row| row.0);
        values.iter_mut().rev().zip(rising).for_each(|(value, found)| *value = found);
        Ok(values)
    }

    /// Rows of length 1, orthogonal to each other.
    fn vectors(&self, values: &[f64]) -> Result<Option<Vec<f64>>> {
        let size = self.diagonal.len();
        let what = "eigenvectors";
        let mut vectors = room(values.len(), size, 0.0, what)?;
        let mut inverse = Inverse::new(size)?;
        let mut random = stream(0, 0);
        for (number, &value) in values.iter().enumerate() {
            let (before, rest) = vectors.split_at_mut(number * size);
            let vector = &mut rest[..size];
            inverse.of(self, value);
            vector.iter_mut().for_each(|entry| *entry = 2.0 * random.random::<f64>() - 1.0);
            for _ in 0..STEPS {
                orthogonalise(vector, before);
                inverse.apply(vector);
            }
            // What rounding leaves of the others.
            orthogonalise(vector, before);
            orthogonalise(vector, before);
            let away = self.away(vector, value);
            if away.is_nan() || away > ROUNDINGS * f64::EPSILON {
                return Ok(None);
            }
        }
        Ok(Some(vectors))
    }

    /// The length of T v - value v.
    fn away(&self, vector: &[f64], value: f64) -> f64 {
        let mut sum = 0.0;
        for row in 0..vector.len() {
            let mut entry = (self.diagonal[row] - value) * vector[row];
            if row > 0 {
                entry += self.beside[row - 1] * vector[row - 1];
            }
            if row + 1 < vector.len() {
                entry += self.beside[row] * vector[row + 1];
            }
            sum += entry * entry;
        }
        sum.sqrt()
    }
}

/// The values number `first` and after, the least is number 0, by halving what they lie between: `squares` of the entries before
/// the diagonal.
#[inline(always)]
fn halved<S: Simd>(simd: S, (diagonal, squares): (&[f64], &[f64]), first: usize, found: &mut [Row; ABREAST]) {
    let all = |value: f64| f64x8::splat(simd, value);
    let (mut low, mut high) = ([all(-1.0); ABREAST], [all(1.0); ABREAST]);
    for _ in 0..HALVES {
        let middle: [_; ABREAST] = std::array::from_fn(|at| (low[at] + high[at]) * 0.5);
        let (mut pivots, mut below) = ([all(1.0); ABREAST], [all(0.0); ABREAST]);
        for (&entry, &square) in diagonal.iter().zip(squares) {
            for at in 0..ABREAST {
                let pivot = (all(entry) - middle[at]) - all(square) / pivots[at];
                let pivot = pivot.abs().simd_lt(TINY).select(all(-TINY), pivot);
                below[at] += pivot.simd_lt(0.0).select(all(1.0), all(0.0));
                pivots[at] = pivot;
            }
        }
        for at in 0..ABREAST {
            let numbers = Row(std::array::from_fn(|lane| (first + at * LANES + lane) as f64)).load(simd);
            let beyond = below[at].simd_gt(numbers);
            high[at] = beyond.select(middle[at], high[at]);
            low[at] = beyond.select(low[at], middle[at]);
        }
    }
    for at in 0..ABREAST {
        found[at].store((low[at] + high[at]) * 0.5);
    }
}

/// Makes a vector orthogonal to rows of length 1, and of length 1 itself.
fn orthogonalise(vector: &mut [f64], rows: &[f64]) {
    scale(vector);
    for row in rows.chunks_exact(vector.len()) {
        let along: f64 = row.iter().zip(&*vector).map(|(a, b)| a * b).sum();
        vector.iter_mut().zip(row).for_each(|(entry, row)| *entry -= along * row);
    }
    scale(vector);
}

fn scale(vector: &mut [f64]) {
    let most = vector.iter().fold(0.0_f64, |most, entry| most.max(entry.abs()));
    vector.iter_mut().for_each(|entry| *entry /= most);
    let length = vector.iter().map(|entry| entry * entry).sum::<f64>().sqrt();
    vector.iter_mut().for_each(|entry| *entry /= length);
}

/// T - value as triangles, rows exchanged where the pivot would be the lesser one.
struct Inverse {
    /// Of each row of the upper triangle: the pivot and the two entries after it.
    upper: Vec<[f64; 3]>,
    /// What of this row is taken from the next, and whether the two were exchanged before.
    lower: Vec<(f64, bool)>,
}

impl Inverse {
    fn new(size: usize) -> Result<Self> {
        Ok(Self {
            upper: room(size, 1, [0.0; 3], "eigenvectors")?,
            lower: room(size, 1, (0.0, false), "eigenvectors")?,
        })
    }

    fn of(&mut self, matrix: &Tridiagonal, value: f64) {
        let size = self.upper.len();
        let (diagonal, beside) = (&matrix.diagonal, &matrix.beside);
        let mut row = [diagonal[0] - value, beside[0], 0.0];
        for place in 0..size {
            if place + 1 < size {
                let next = [beside[place], diagonal[place + 1] - value, beside[place + 1]];
                let exchanged = next[0].abs() > row[0].abs();
                let (upper, other) = if exchanged { (next, row) } else { (row, next) };
                let factor = if upper[0] == 0.0 { 0.0 } else { other[0] / upper[0] };
                self.lower[place] = (factor, exchanged);
                self.upper[place] = upper;
                row = [other[1] - factor * upper[1], other[2] - factor * upper[2], 0.0];
            } else {
                self.upper[place] = row;
            }
            // The value is exact to rounding, so that a pivot may be nothing.
            let pivot = &mut self.upper[place][0];
            if pivot.abs() < f64::EPSILON {
                *pivot = f64::EPSILON.copysign(*pivot);
            }
        }
    }

    fn apply(&self, vector: &mut [f64]) {
        let size = vector.len();
        for place in 0..size - 1 {
            let (factor, exchanged) = self.lower[place];
            if exchanged {
                vector.swap(place, place + 1);
            }
            vector[place + 1] -= factor * vector[place];
        }
        for place in (0..size).rev() {
            let [pivot, next, second] = self.upper[place];
            let after = |distance: usize| vector.get(place + distance).copied().unwrap_or(0.0);
            vector[place] = (vector[place] - next * after(1) - second * after(2)) / pivot;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Q diag(values) Qᵀ, Q of reflections at random.
    fn with_values(values: &[f64], seed: u64) -> Vec<f64> {
        let size = values.len();
        let mut random = stream(seed, 1);
        let mut matrix = vec![0.0; size * size];
        values.iter().enumerate().for_each(|(row, value)| matrix[row * (size + 1)] = *value);
        for _ in 0..3 {
            let mut axis: Vec<f64> = (0..size).map(|_| random.random::<f64>() - 0.5).collect();
            scale(&mut axis);
            let times: Vec<f64> = matrix
                .chunks_exact(size)
                .map(|row| row.iter().zip(&axis).map(|(a, b)| a * b).sum())
                .collect();
            let both: f64 = times.iter().zip(&axis).map(|(a, b)| a * b).sum();
            for row in 0..size {
                for column in 0..=row {
                    let entry = &mut matrix[row * size + column];
                    *entry += 4.0 * both * axis[row] * axis[column]
                        - 2.0 * (times[row] * axis[column] + axis[row] * times[column]);
                }
            }
            for row in 0..size {
                for column in 0..row {
                    matrix[column * size + row] = matrix[row * size + column];
                }
            }
        }
        matrix
    }

    /// Greatest entry of A v - value v over the greatest value, and of V Vᵀ - 1.
    fn errors(matrix: &[f64], values: &[f64], vectors: &[f64]) -> (f64, f64) {
        let size = values.len();
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        let (mut away, mut askew) = (0.0_f64, 0.0_f64);
        for (number, vector) in vectors.chunks_exact(size).enumerate() {
            for (row, entry) in matrix.chunks_exact(size).zip(vector) {
                away = away.max((dot(row, vector) - values[number] * entry).abs());
            }
            for (other, before) in vectors.chunks_exact(size).enumerate() {
                askew = askew.max((dot(vector, before) - if other == number { 1.0 } else { 0.0 }).abs());
            }
        }
        (away / values[0].abs().max(f64::MIN_POSITIVE), askew)
    }

    #[test]
    fn values_and_vectors_are_those_of_the_whole_decomposition() {
        for size in [LEAST, 200, 333] {
            let place = |row: usize| row as f64 / size as f64;
            let kinds: [&dyn Fn(usize) -> f64; 8] = [
                &|row| 1.0 + place(row),
                &|row| 10.0_f64.powf(-16.0 * place(row)),
                &|row| if row < 3 { 5.0 } else { 1.0 },
                &|row| 1.0 + 1e-12 * place(row),
                &|_| 2.0,
                &|row| if row < 2 { 1e8 } else { 0.0 },
                &|row| 1e-90 * (1.0 + (7 * row % 31) as f64),
                &|row| if row.is_multiple_of(2) { 1e9 * (1.0 + place(row)) } else { 1e-9 },
            ];
            for (kind, value) in kinds.iter().enumerate() {
                let given: Vec<f64> = (0..size).map(value).collect();
                let matrix = with_values(&given, kind as u64);
                let count = size / TIMES;
                let (values, vectors) = leading(&matrix, size, count).unwrap().unwrap_or_else(|| panic!("kind {kind}"));
                assert_eq!((values.len(), vectors.len()), (size, count * size));
                let mut given = given;
                given.sort_by(|one, other| other.total_cmp(one));
                for (value, given) in values.iter().zip(&given) {
                    assert!((value - given).abs() <= 1e-14 * values[0], "kind {kind}: {value} {given}");
                }
                let (all, whole) = symmetric_eigen(&matrix, size, "x").unwrap();
                let whole = &whole[..count * size];
                let (found, full) = (errors(&matrix, &values, &vectors), errors(&matrix, &all, whole));
                assert!(found.0 <= 5e-15, "kind {kind}: residual {} {}", found.0, full.0);
                assert!(found.1 <= 1e-14, "kind {kind}: orthogonality {} {}", found.1, full.1);
            }
        }
    }

    #[test]
    fn what_has_no_squares_is_left_to_the_whole_decomposition() {
        for entry in [f64::NAN, f64::INFINITY, 1e300, 1e-300, 0.0] {
            let mut matrix = with_values(&[1.0; LEAST], 3);
            matrix.iter_mut().for_each(|value| *value *= entry);
            assert!(leading(&matrix, LEAST, 2).unwrap().is_none());
            let (few, all) = (leading_eigen(&matrix, LEAST, 2, "x"), symmetric_eigen(&matrix, LEAST, "x"));
            match (few, all) {
                (Ok(few), Ok(all)) => {
                    assert!(few.0.iter().zip(&all.0).all(|(one, other)| one.total_cmp(other).is_eq()));
                    assert!(few.1.iter().zip(&all.1).all(|(one, other)| one.total_cmp(other).is_eq()));
                }
                (few, all) => assert!(few.is_err() && all.is_err(), "{entry}"),
            }
        }
    }

    #[test]
    fn few_columns_and_many_vectors_are_decomposed_whole() {
        for (size, count) in [(LEAST - 1, 1), (LEAST, LEAST / TIMES + 1), (1, 1), (3, 0)] {
            let values: Vec<f64> = (0..size).map(|row| (row * row) as f64).collect();
            let matrix = with_values(&values, 5);
            let (few, all) =
                (leading_eigen(&matrix, size, count, "x").unwrap(), symmetric_eigen(&matrix, size, "x").unwrap());
            assert_eq!((&few.0, &few.1[..]), (&all.0, &all.1[..count * size]));
        }
    }
}
