use acm_linalg::parallel::Stop;
use acm_linalg::seed::stream;
use rand::RngExt;

use super::*;

const WIDTH: usize = 3;
const OFFSET: [f64; WIDTH] = [0.02, -0.01, 0.0];

fn blur(values: &[f64], prototypes: &Prototypes) -> Vec<f64> {
    let rows = values.len() / WIDTH;
    let of = Similarity::new(30, 5, &[1.0], 4, 0.01).unwrap();
    let task = Task {
        of: &of,
        table: Table { values, width: WIDTH },
        folds: folds(rows, 1).unwrap(),
    };
    let unit = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0];
    let whitening = Packed::lower(&unit, WIDTH).unwrap();
    let precision = Dense::of_root(&unit, WIDTH).unwrap();
    task.blur(std::slice::from_ref(prototypes), &OFFSET, &whitening, &precision).unwrap()
}

/// Squares of a row's residuals but for that of the sensor it lacks, from every remembered row by itself.
fn naive(row: &[f64], lacking: Option<usize>, remembered: &[f64], width: f64) -> f64 {
    let known = |at: usize| lacking != Some(at);
    let full = WIDTH as f64 / (0..WIDTH).filter(|&at| known(at)).count() as f64;
    let apart = |one: &[f64]| {
        let squares = (0..WIDTH).filter(|&at| known(at)).map(|at| (row[at] - one[at]).powi(2));
        full * squares.sum::<f64>()
    };
    let least = remembered.chunks(WIDTH).map(apart).fold(f64::INFINITY, f64::min);
    let (mut whole, mut sums) = (0.0, [0.0; WIDTH]);
    for one in remembered.chunks(WIDTH) {
        let weight = ((least - apart(one)) / (2.0 * width * width)).exp();
        whole += weight;
        sums.iter_mut().zip(one).for_each(|(sum, value)| *sum += weight * value);
    }
    let others = (0..WIDTH).filter(|&at| known(at));
    others.map(|at| (row[at] - sums[at] / whole - OFFSET[at]).powi(2)).sum()
}

#[test]
fn an_absence_blurs_as_much_as_it_does_in_the_rows_that_are_looked_at() {
    // As many eights as are looked at, of a machine at two points; only their sensor tells one from the other.
    let eights = LOOKS / WIDTH / LANES;
    let mut random = stream(4, 0);
    let mut values = Vec::new();
    for row in 0..LANES * eights {
        let (point, load) = (f64::from(u8::from(row / 40 % 2 == 0)) * 4.0 - 2.0, 3.0 * random.random::<f64>() - 1.5);
        values.extend([point, load, point * load].map(|value| value + 0.1 * random.random::<f64>()));
    }
    let table = Table {
        values: &values,
        width: WIDTH,
    };
    let from: Vec<usize> = (0..table.rows()).collect();
    let prototypes = Prototypes::of(table, &from, 60, 5, &Stop::default()).unwrap();
    let found = blur(&values, &prototypes);
    let (remembered, width) = (prototypes.values().unwrap(), prototypes.width());
    let mean = |lacking: Option<usize>| {
        let sum: f64 = values.chunks(WIDTH).map(|row| naive(row, lacking, &remembered, width)).sum();
        sum / (WIDTH - usize::from(lacking.is_some())) as f64
    };
    for (sensor, found) in found.iter().enumerate() {
        let expected = (mean(Some(sensor)) / mean(None)).clamp(1.0, MOST_BLUR);
        assert!((found / expected - 1.0).abs() < 1e-9, "{sensor}: {found}, {expected}");
    }
    assert!(found.iter().any(|&blur| blur > 1.2), "{found:?}");
    // Of three times as many rows no more are looked at, and these lie evenly.
    let mut more = Vec::new();
    for eight in values.chunks(LANES * WIDTH) {
        more.extend_from_slice(eight);
        more.extend([50.0, -70.0, 20.0].repeat(2 * LANES));
    }
    assert_eq!(blur(&more, &prototypes), found);
}
