//! Systems of equations by elimination, for tests.

/// A⁻¹ b and ln det A, of an A whose pivots are above 0.
pub(crate) fn solved(matrix: &[f64], right: &[f64]) -> (Vec<f64>, f64) {
    let size = right.len();
    let mut rows: Vec<Vec<f64>> =
        (0..size).map(|row| [&matrix[row * size..][..size], &right[row..=row]].concat()).collect();
    let mut log = 0.0;
    for pivot in 0..size {
        log += rows[pivot][pivot].ln();
        let line: Vec<f64> = rows[pivot].iter().map(|value| value / rows[pivot][pivot]).collect();
        for (number, row) in rows.iter_mut().enumerate() {
            let times = row[pivot];
            if number == pivot {
                row.clone_from(&line);
            } else {
                row.iter_mut().zip(&line).for_each(|(value, line)| *value -= times * line);
            }
        }
    }
    (rows.iter().map(|row| row[size]).collect(), log)
}

/// z A⁻¹ z.
pub(crate) fn squared(z: &[f64], matrix: &[f64]) -> f64 {
    solved(matrix, z).0.iter().zip(z).map(|(one, other)| one * other).sum()
}

#[test]
fn a_system_by_hand() {
    // Of 2 0 1 and 1 4 0 and 0 1 2: 17, by the first column.
    let matrix = [2.0, 0.0, 1.0, 1.0, 4.0, 0.0, 0.0, 1.0, 2.0];
    let (found, log) = solved(&matrix, &[5.0, 9.0, 8.0]);
    for (found, exact) in found.iter().zip([1.0, 2.0, 3.0]) {
        assert!((found - exact).abs() < 1e-14, "{found} {exact}");
    }
    assert!((log - 17.0_f64.ln()).abs() < 1e-14);
    assert!((squared(&[1.0, 2.0], &[2.0, 0.0, 0.0, 4.0]) - 1.5).abs() < 1e-15);
}
