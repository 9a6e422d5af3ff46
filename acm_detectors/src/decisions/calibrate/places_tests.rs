use acm_linalg::seed::stream;
use rand::RngExt;

use super::*;

/// Values whose squares are uniform, rising towards the top.
fn values(count: usize) -> Vec<f64> {
    let mut draw = stream(12, 0);
    (0..count).map(|_| draw.random::<f64>().sqrt()).collect()
}

#[test]
fn a_rate_beyond_the_data_is_fitted_to_the_top_tenth() {
    for (count, tail) in [(400_usize, 40_usize), (200, 30), (40, 20), (9000, 500)] {
        let places = Places::of(1e-5, count, 0.05);
        assert_eq!((places.tail, places.needed(true)), (tail, tail + 1));
        let mut all = values(count);
        let mut sorted = all.clone();
        sorted.sort_unstable_by(|one, other| other.total_cmp(one));
        // Excesses over the value below the top tenth, and their probability-weighted moments (Hosking and Wallis 1987).
        let level = sorted[tail];
        let size = tail as f64;
        let excess = || sorted[..tail].iter().map(|value| value - level);
        let b0 = excess().sum::<f64>() / size;
        let a1 = excess()
            .enumerate()
            .map(|(place, excess)| excess * place as f64 / (size - 1.0))
            .sum::<f64>()
            / size;
        let shape = (2.0 - b0 / (b0 - 2.0 * a1)).min(0.5);
        let scale = b0 * (1.0 - shape);
        let exact = level + scale / shape * ((1e-5 * count as f64 / size).powf(-shape) - 1.0);
        let found = places.fitted(&mut all);
        assert!((found / exact - 1.0).abs() < 1e-9, "{count}: {found} {exact}");
    }
}

#[test]
fn a_rate_within_the_data_is_between_two_places() {
    // 0.02 of 200: place 4.02 from the top.
    let places = Places::of(0.02, 200, 0.05);
    assert_eq!((places.above(), places.needed(false)), (4, 5));
    let mut all: Vec<f64> = (0..200).map(|row| f64::from(37 * row % 200).powi(2)).collect();
    let (at, next) = (196.0_f64.powi(2), 195.0_f64.powi(2));
    assert!((places.counted(&mut all) - (at + 0.02 * (next - at))).abs() < 1e-9);
    // Beyond the least value there is none.
    let places = Places::of(0.999, 20, 0.05);
    assert_eq!((places.above(), places.needed(false)), (20, 20));
    assert_eq!(places.counted(&mut (0..20).map(f64::from).collect::<Vec<_>>()), 0.0);
}
