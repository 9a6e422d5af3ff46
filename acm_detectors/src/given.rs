//! What a centred normal law, given by the inverse Λ of its covariance, makes of rows with missing values.

use acm_linalg::memory::reserved;
use acm_linalg::samples::{by_rows, read_all, room};
use acm_linalg::{Error, Result, Samples};

use crate::gaps::{Dense, Gaps, Trouble, dot, factorise, solve};

/// Of a coordinate's own precision that rounding cannot take from it.
const LEAST: f64 = 1e-6;

/// The NaN of each row replaced by what the present values let expect, −Λ_mm⁻¹ Λ_mk z_k; 0 in a row without any.
///
/// Shapes: x (n, d), precision (d, d) -> (n, d).
/// Cost: m³ / 3 for each other pattern of m missing values than that of the row before, m d for each row.
/// Threads: rows; any number gives the same bytes, and a row's do not depend on its neighbours.
///
/// # Errors
/// [`acm_linalg::Error::Shape`] unless `precision` has a row and a column for each column of `x`;
/// [`acm_linalg::Error::Length`] unless `out` has n d places; [`acm_linalg::Error::Memory`];
/// [`acm_linalg::Error::Interrupted`].
///
/// # Examples
///
/// ```
/// use ndarray::array;
///
/// # fn main() -> acm_linalg::Result<()> {
/// let (x, precision) = (array![[f64::NAN, 3.0]], array![[2.0, -1.0], [-1.0, 2.0]]);
/// let mut out = [0.0; 2];
/// acm_detectors::given::filled(x.view().into(), precision.view().into(), &mut out)?;
/// assert!((out[0] - 1.5).abs() < 1e-15 && out[1] == 3.0);
/// # Ok(())
/// # }
/// ```
pub fn filled(x: Samples<'_>, precision: Samples<'_>, out: &mut [f64]) -> Result<()> {
    let width = x.columns();
    let precision = Dense::of(matrix(precision, width)?, width);
    let trouble = Trouble::default();
    by_rows(
        x.rows(),
        width,
        out,
        cost_ns(width),
        || Gaps::new(width),
        |gaps, rows, out, stop| {
            x.read(rows, out);
            for row in out.chunks_exact_mut(width) {
                if stop.requested() {
                    return;
                }
                if row.iter().any(|value| value.is_nan()) && !trouble.none(gaps.fill_row(&precision, row).map(|_| ())) {
                    return;
                }
            }
        },
    )?;
    trouble.told()
}

/// The precision of each coordinate given those that are present in its row: Λ_jj − Λ_jm Λ_mm⁻¹ Λ_mj for one that is
/// present itself, never less than a millionth of Λ_jj; Λ_jj for one that is NaN.
///
/// Shapes, threads and errors: those of [`filled`].
/// Cost: m³ / 3 + m² d for each other pattern than that of the row before.
///
/// # Errors
/// Those of [`filled`].
pub fn precisions(x: Samples<'_>, precision: Samples<'_>, out: &mut [f64]) -> Result<()> {
    let width = x.columns();
    let precision = matrix(precision, width)?;
    let row_of = |place: usize| &precision[place * width..][..width];
    by_rows(
        x.rows(),
        width,
        out,
        cost_ns(width),
        || {
            let whole = || room(width, 1, 0.0, "precisions");
            let factor = reserved(width.saturating_mul(width), "precisions")?;
            Ok((reserved(width, "precisions")?, factor, whole()?, whole()?, whole()?))
        },
        |(pattern, factor, column, solved, latest): &mut (Vec<usize>, Vec<f64>, _, _, Vec<f64>), rows, out, stop| {
            x.read(rows, out);
            let mut fresh = true;
            for row in out.chunks_exact_mut(width) {
                if stop.requested() {
                    return;
                }
                let missing = |(place, value): (usize, &f64)| value.is_nan().then_some(place);
                if fresh || !row.iter().enumerate().filter_map(missing).eq(pattern.iter().copied()) {
                    fresh = false;
                    pattern.clear();
                    pattern.extend(row.iter().enumerate().filter_map(missing));
                    let count = pattern.len();
                    factor.clear();
                    for &place in &*pattern {
                        factor.extend(pattern.iter().map(|&other| row_of(place)[other]));
                    }
                    factorise(factor, count);
                    let (column, solved) = (&mut column[..count], &mut solved[..count]);
                    for (place, latest) in latest.iter_mut().enumerate() {
                        let own = row_of(place)[place];
                        let present = pattern.binary_search(&place).is_err();
                        for (value, &other) in column.iter_mut().zip(&*pattern) {
                            *value = if present { row_of(place)[other] } else { 0.0 };
                        }
                        solved.copy_from_slice(column);
                        solve(factor, solved);
                        *latest = (own - dot(column, solved)).max(LEAST * own);
                    }
                }
                row.copy_from_slice(latest);
            }
        },
    )
}

fn cost_ns(width: usize) -> f64 {
    width as f64 * (4.0 + 0.02 * (width * width) as f64)
}

/// Λ as it is, (d, d) row-major.
fn matrix(precision: Samples<'_>, width: usize) -> Result<Vec<f64>> {
    if (precision.rows(), precision.columns()) != (width, width) {
        return Err(Error::Shape {
            name: "precision",
            expected: (width, width),
            got: (precision.rows(), precision.columns()),
        });
    }
    let mut values = room(width, width, 0.0, "a precision")?;
    read_all(precision, &mut values)?;
    Ok(values)
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, array, s};

    use super::*;

    const GONE: f64 = f64::NAN;

    /// A law of four coordinates of which the third stands alone.
    fn law() -> Array2<f64> {
        array![
            [3.0, -1.0, 0.0, 0.5],
            [-1.0, 2.0, 0.0, -0.5],
            [0.0, 0.0, 4.0, 0.0],
            [0.5, -0.5, 0.0, 1.0]
        ]
    }

    fn rows() -> Array2<f64> {
        array![
            [1.0, 2.0, 3.0, 4.0],
            [GONE, 2.0, GONE, 4.0],
            [GONE, GONE, 3.0, 4.0],
            [GONE, GONE, GONE, GONE],
            [GONE, GONE, -1.0, 1.0],
        ]
    }

    fn of(
        rule: fn(Samples<'_>, Samples<'_>, &mut [f64]) -> Result<()>,
        x: &Array2<f64>,
        law: &Array2<f64>,
    ) -> Vec<f64> {
        let mut out = vec![-7.0; x.len()];
        rule(x.view().into(), law.view().into(), &mut out).unwrap();
        out
    }

    #[track_caller]
    fn assert_near(found: &[f64], exact: &[f64]) {
        for (found, exact) in found.iter().zip(exact) {
            assert!((found - exact).abs() < 1e-14, "{found} {exact}");
        }
    }

    #[test]
    fn missing_values_are_what_the_others_let_expect() {
        let found = of(filled, &rows(), &law());
        assert_eq!(found[..4], [1.0, 2.0, 3.0, 4.0]);
        // 3 a - 2 + 2 = 0, and nothing tells of the third.
        assert_near(&found[4..8], &[0.0, 2.0, 0.0, 4.0]);
        // 3 a - b = -2 and -a + 2 b = 2.
        assert_near(&found[8..12], &[-0.4, 0.8, 3.0, 4.0]);
        assert_eq!(found[12..16], [0.0; 4]);
        assert_near(&found[16..], &[-0.1, 0.2, -1.0, 1.0]);
    }

    #[test]
    fn precisions_are_those_of_the_marginal_law() {
        let found = of(precisions, &rows(), &law());
        assert_eq!(found[..4], [3.0, 2.0, 4.0, 1.0]);
        assert_near(&found[4..8], &[3.0, 2.0 - 1.0 / 3.0, 4.0, 1.0 - 0.25 / 3.0]);
        // [0.5, -0.5] times the inverse of [[3, -1], [-1, 2]] times the same.
        assert_near(&found[8..12], &[3.0, 2.0, 4.0, 1.0 - 0.25 * 3.0 / 5.0]);
        assert_eq!(found[12..16], [3.0, 2.0, 4.0, 1.0]);
        // Two readings that are one: what the one leaves the other is rounding.
        let twins = array![[1.0, 1.0], [1.0, 1.0]];
        assert_eq!(of(precisions, &array![[GONE, 0.0]], &twins), [1.0, LEAST]);
    }

    #[test]
    fn a_row_is_the_same_whichever_come_with_it() {
        let many = Array2::from_shape_fn((3000, 4), |(row, place)| {
            let number = 31 * row + 17 * place;
            if number % 5 == 0 { GONE } else { (number % 11) as f64 - 5.0 }
        });
        for rule in [filled, precisions] {
            let whole = of(rule, &many, &law());
            for row in [0, 1, 2, 1499, 2999] {
                let alone = of(rule, &many.slice(s![row..=row, ..]).to_owned(), &law());
                assert_eq!(alone, whole[4 * row..][..4]);
            }
            let turned = many.t().as_standard_layout().t().to_owned();
            assert_eq!(of(rule, &turned, &law()), whole);
        }
    }

    #[test]
    fn another_law_is_refused() {
        let (x, wrong) = (Array2::<f64>::zeros((2, 3)), Array2::<f64>::eye(2));
        for rule in [filled, precisions] {
            let error = rule(x.view().into(), wrong.view().into(), &mut [0.0; 6]).unwrap_err();
            assert_eq!(error.to_string(), "`precision` must have shape (3, 3), got (2, 2)");
            let right = Array2::<f64>::eye(3);
            assert!(rule(x.view().into(), right.view().into(), &mut [0.0; 5]).is_err());
        }
    }
}
