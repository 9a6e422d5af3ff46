use ndarray::array;
use rand::RngExt;

use super::*;

const NAN: f64 = f64::NAN;

/// The inverse by elimination.
fn inverse(matrix: &[f64], size: usize) -> Vec<f64> {
    let mut rows: Vec<Vec<f64>> = (0..size)
        .map(|row| {
            let unit = (0..size).map(|place| f64::from(u8::from(place == row)));
            matrix[row * size..(row + 1) * size].iter().copied().chain(unit).collect()
        })
        .collect();
    for pivot in 0..size {
        let by = rows[pivot][pivot];
        rows[pivot].iter_mut().for_each(|value| *value /= by);
        let line = rows[pivot].clone();
        for (number, row) in rows.iter_mut().enumerate().filter(|pair| pair.0 != pivot) {
            let times = row[pivot];
            row.iter_mut().zip(&line).for_each(|(value, line)| *value -= times * line);
            assert!(number != pivot);
        }
    }
    rows.iter().flat_map(|row| row[size..].to_vec()).collect()
}

fn block(matrix: &[f64], size: usize, rows: &[usize], columns: &[usize]) -> Vec<f64> {
    rows.iter()
        .flat_map(|&row| columns.iter().map(move |&column| matrix[row * size + column]))
        .collect()
}

fn times(matrix: &[f64], vector: &[f64]) -> Vec<f64> {
    let rows = matrix.chunks(vector.len().max(1));
    rows.map(|row| row.iter().zip(vector).map(|(one, other)| one * other).sum()).collect()
}

/// Mean and covariance, and the covariance with what its diagonal gains.
struct Book {
    mean: Vec<f64>,
    covariance: Vec<f64>,
    firm: Vec<f64>,
}

impl Book {
    fn of(mean: Vec<f64>, covariance: Vec<f64>, rows: f64) -> Self {
        let size = mean.len();
        let mut firm = covariance.clone();
        for place in 0..size {
            firm[place * (size + 1)] *= 1.0 + 1e-6 + 0.01 * size as f64 / rows;
        }
        Self { mean, covariance, firm }
    }

    /// What the known values of a row let expect of the others, and the covariance of these about that: by the blocks of the
    /// covariance, not of its inverse.
    fn expected(&self, row: &[f64]) -> (Vec<usize>, Vec<f64>, Vec<f64>) {
        let size = row.len();
        let (missing, known): (Vec<_>, Vec<_>) = (0..size).partition(|&place| row[place].is_nan());
        let within = inverse(&block(&self.firm, size, &known, &known), known.len());
        let away: Vec<f64> = known.iter().map(|&place| row[place] - self.mean[place]).collect();
        let pulled = times(&within, &away);
        let across = block(&self.firm, size, &missing, &known);
        let steps = if known.is_empty() {
            vec![0.0; missing.len()]
        } else {
            times(&across, &pulled)
        };
        let expected = missing.iter().zip(steps).map(|(&place, step)| self.mean[place] + step).collect();
        let mut about = block(&self.firm, size, &missing, &missing);
        for (row, one) in across.chunks(known.len().max(1)).enumerate() {
            let solved = times(&within, one);
            for (column, other) in across.chunks(known.len().max(1)).enumerate() {
                about[row * missing.len() + column] -=
                    other.iter().zip(&solved).map(|(one, other)| one * other).sum::<f64>();
            }
        }
        (missing, expected, about)
    }
}

/// Expectation and maximisation over the rows that have a value, as the book has it.
fn likeliest(rows: &[Vec<f64>], lacking: f64) -> Book {
    let size = rows[0].len();
    let known =
        |place: usize| rows.iter().map(move |row| row[place]).filter(|value| !value.is_nan()).collect::<Vec<_>>();
    let mut covariance = vec![0.0; size * size];
    let mut mean = vec![0.0; size];
    for place in 0..size {
        let own = known(place);
        mean[place] = own.iter().sum::<f64>() / own.len() as f64;
        covariance[place * (size + 1)] =
            own.iter().map(|value| (value - mean[place]).powi(2)).sum::<f64>() / own.len() as f64;
    }
    let mut book = Book::of(mean, covariance, 1.0);
    let telling: Vec<&Vec<f64>> = rows.iter().filter(|row| row.iter().any(|value| !value.is_nan())).collect();
    let count = telling.len() as f64;
    for _ in 0..steps(lacking) {
        let mut filled = Vec::new();
        let mut beside = vec![0.0; size * size];
        for row in &telling {
            let (missing, expected, about) = book.expected(row);
            let mut whole = (*row).clone();
            missing.iter().zip(&expected).for_each(|(&place, value)| whole[place] = *value);
            for (row, &one) in missing.iter().enumerate() {
                for (column, &other) in missing.iter().enumerate() {
                    beside[one * size + other] += about[row * missing.len() + column];
                }
            }
            filled.push(whole);
        }
        let mean: Vec<f64> = (0..size).map(|place| filled.iter().map(|row| row[place]).sum::<f64>() / count).collect();
        let covariance: Vec<f64> = (0..size * size)
            .map(|at| {
                let (one, other) = (at / size, at % size);
                let products = filled.iter().map(|row| (row[one] - mean[one]) * (row[other] - mean[other]));
                (products.sum::<f64>() + beside[at]) / count
            })
            .collect();
        let before = std::mem::replace(&mut book, Book::of(mean, covariance, count));
        let moved = book.covariance.iter().zip(&before.covariance).map(|(one, other)| (one - other).abs());
        if moved.fold(0.0, f64::max) < 1e-3 {
            break;
        }
    }
    book
}

/// Lower Cholesky factor.
fn root(matrix: &[f64], size: usize) -> Vec<f64> {
    let mut lower = vec![0.0; size * size];
    for row in 0..size {
        for column in 0..=row {
            let done: f64 = (0..column).map(|at| lower[row * size + at] * lower[column * size + at]).sum();
            let left = matrix[row * size + column] - done;
            lower[row * size + column] = if row == column { left.sqrt() } else { left / lower[column * size + column] };
        }
    }
    lower
}

/// What is drawn for a row: of variance 1 each.
fn drawn(row: usize, count: usize) -> Vec<f64> {
    let mut stream = seed::stream(17, row as u64);
    (0..count).map(|_| (0..12).map(|_| stream.random::<f64>()).sum::<f64>() - 6.0).collect()
}

fn plant(rows: usize) -> Array2<f64> {
    let mut draw = seed::stream(4, 0);
    Array2::from_shape_fn((rows, 1), |_| draw.random::<f64>() - 0.5).dot(&array![[2.0, 0.0, -1.0, 1.5]])
        + Array2::from_shape_simple_fn((rows, 4), || 0.6 * (draw.random::<f64>() - 0.5))
        + array![5.0, 0.0, -3.0, 100.0]
}

#[test]
fn what_is_missing_is_what_the_known_values_let_expect_and_the_noise_about_that() {
    for (seed, share, offset) in [(1, 0.15, 0.0), (2, 0.4, 0.0), (2, 0.4, 1.7)] {
        let mut draw = seed::stream(seed, 9);
        let mut x = plant(60);
        let kept = [0, 2, 3];
        for row in 0..60 {
            for column in kept {
                if draw.random::<f64>() < share {
                    x[[row, column]] = [NAN, f64::INFINITY][draw.random_range(0..2)];
                }
            }
        }
        for column in kept {
            x[[7, column]] = NAN;
        }
        // Rows that do not count may read anything.
        let good: Vec<bool> = (0..60).map(|row| row % 9 != 4).collect();
        for row in (4..60).step_by(9) {
            x.row_mut(row).mapv_inplace(|value| value + 900.0);
        }
        let known = |column: usize| x.column(column).iter().filter(|value| value.is_finite()).count() as u64;
        let mean = |column: usize| {
            let own = || {
                (0..60)
                    .filter(|&row| good[row])
                    .map(|row| x[[row, column]])
                    .filter(|value| value.is_finite())
            };
            own().sum::<f64>() / own().count() as f64
        };
        let scaling = Scaling {
            fill: vec![0.0; 3],
            // About other levels than the means the start is of each column by itself all the same.
            center: kept.iter().map(|&column| mean(column) + offset).collect(),
            scale: vec![0.5, 0.4, 0.7],
            known: kept.iter().map(|&column| known(column)).collect(),
        };
        let scaled = |row: usize| -> Vec<f64> {
            kept.iter()
                .enumerate()
                .map(|(place, &column)| {
                    let value = (x[[row, column]] - scaling.center[place]) / scaling.scale[place];
                    if value.is_finite() { value } else { NAN }
                })
                .collect()
        };
        let telling: Vec<Vec<f64>> = (0..60).filter(|&row| good[row]).map(scaled).collect();
        let least = *scaling.known.iter().min().unwrap() as f64;
        let book = likeliest(&telling, 1.0 - least / 60.0);
        let found = completed(x.view().into(), &kept, &scaling, Some(&good)).unwrap().unwrap();
        let mut filled = 0;
        for row in 0..60 {
            let (missing, expected, about) = book.expected(&scaled(row));
            if missing.len() == 3 {
                assert!(found.row(row).iter().zip(x.row(row)).all(|(one, other)| one == other || !one.is_finite()));
                continue;
            }
            // About the expected values the covariance is the inverse of L Lᵀ: the noise is the drawn numbers by L⁻ᵀ.
            let size = missing.len();
            let lower = root(&inverse(&about, size), size);
            let mut noise = drawn(row, size);
            for at in (0..size).rev() {
                let done: f64 = (at + 1..size).map(|after| lower[after * size + at] * noise[after]).sum();
                noise[at] = (noise[at] - done) / lower[at * size + at];
            }
            for column in 0..4 {
                let place = kept.iter().position(|&own| own == column);
                let gap = place.and_then(|place| missing.iter().position(|&own| own == place));
                let exact = gap.zip(place).map_or(x[[row, column]], |(gap, place)| {
                    scaling.center[place] + scaling.scale[place] * (expected[gap] + noise[gap])
                });
                let value = found[[row, column]];
                assert!((value - exact).abs() < 1e-7, "{seed} {row} {column}: {value} {exact}");
                filled += usize::from(gap.is_some());
            }
        }
        assert!(filled > 20, "{filled}");
    }
}

#[test]
fn rows_that_lack_nothing_are_not_copied() {
    let x = plant(9);
    let scaling = Scaling {
        fill: vec![0.0; 2],
        center: vec![0.0; 2],
        scale: vec![1.0; 2],
        known: vec![9; 2],
    };
    assert!(completed(x.view().into(), &[0, 1], &scaling, None).unwrap().is_none());
}

#[test]
fn so_many_steps_leave_a_thousandth() {
    assert_eq!([steps(0.0), steps(0.5), steps(0.7)], [20, 20, 20]);
    // ln .001 / ln .8 = 30.96, and of .9 65.6.
    assert_eq!([steps(0.8), steps(0.9), steps(0.99), steps(1.0)], [31, 66, 80, 80]);
}

#[test]
fn the_steps_begin_with_each_column_by_itself() {
    let x: Array2<f64> = array![
        [1.0, 9.0, NAN],
        [3.0, NAN, -2.0],
        [NAN, 5.0, -4.0],
        [900.0; 3],
        [5.0, 4.0, f64::INFINITY]
    ];
    let (kept, good) = ([0, 1, 2], [true, true, true, false, true]);
    let scaling = Scaling {
        fill: vec![0.0; 3],
        center: vec![1.0, 0.0, 0.0],
        scale: vec![1.0, 2.0, 1.0],
        known: vec![4, 4, 3],
    };
    let table = Table {
        x: x.view().into(),
        kept: &kept,
        scaling: &scaling,
        good: Some(&good),
    };
    // Scaled: 0 2 4, 4.5 2.5 2, -2 -4.
    let normal = Normal::of(&table.apart().unwrap()).unwrap();
    let close = |found: &[f64], exact: &[f64]| {
        assert!(found.iter().zip(exact).all(|(one, other)| (one - other).abs() < 1e-14), "{found:?} {exact:?}");
    };
    close(&normal.mean, &[2.0, 3.0, -3.0]);
    close(&normal.covariance, &[8.0 / 3.0, 0.0, 0.0, 0.0, 3.5 / 3.0, 0.0, 0.0, 0.0, 1.0]);
}
