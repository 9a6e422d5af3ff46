use acm_linalg::seed::stream;
use rand::RngExt;

use super::{column, noise};
use crate::decisions::{Calibration, Threshold};

fn calibrated(rate: f64, scores: &[f64]) -> Threshold {
    Calibration::new(rate, 0.95, 200, None, 17).unwrap().fit(column(scores)).unwrap()
}

/// Neighbours with correlation `phi`.
fn dependent(count: usize, phi: f64, seed: u64) -> Vec<f64> {
    let mut last = 0.0;
    let step = |value: f64| {
        last = phi * last + (1.0 - phi * phi).sqrt() * value;
        last
    };
    noise(count + 200, seed).into_iter().map(step).skip(200).collect()
}

#[test]
fn thresholds_are_order_statistics() {
    let scores: Vec<f64> = (1..=99).map(f64::from).collect();
    // Place 100 rate from the top.
    for (rate, expected) in [
        (0.1, 90.0),
        (0.01, 99.0),
        (0.025, 97.5),
        (0.5, 50.0),
        (0.99, 1.0),
        (0.999, 1.0),
    ] {
        let found = calibrated(rate, &scores);
        assert!((found.threshold - expected).abs() < 1e-12, "{rate} {found:?}");
        assert!(!found.extrapolated && found.low <= found.threshold && found.threshold <= found.high);
        assert_eq!(found.known, 99);
    }
    let beyond = calibrated(0.001, &scores);
    assert!(beyond.extrapolated && beyond.threshold >= 99.0 && beyond.high > 99.0, "{beyond:?}");
}

#[test]
fn missing_scores_are_left_out() {
    let mut scores = dependent(600, 0.8, 5);
    let plain = calibrated(0.02, &scores);
    for place in [0, 17, 300, 603] {
        scores.insert(place, f64::NAN);
    }
    assert_eq!(calibrated(0.02, &scores), plain);
}

#[test]
fn infinite_scores_are_the_largest_or_the_least() {
    let finite: Vec<f64> = (1..=98).map(f64::from).collect();
    let with = |added: &[f64]| [added, &finite].concat();
    let fit = |rate: f64, scores: &[f64]| Calibration::new(rate, 0.95, 200, Some(1), 17).unwrap().fit(column(scores));
    // Place 100 rate from the top, the infinite one being the first.
    for (rate, expected) in [(0.5, 50.0), (0.02, 98.0), (0.025, 97.5)] {
        let found = fit(rate, &with(&[f64::INFINITY])).unwrap();
        assert!((found.threshold - expected).abs() < 1e-12, "{rate} {found:?}");
        assert_eq!(found.known, 99);
    }
    // Fewer than ten false alarms are expected of the resamples, and two in three of those have the infinite one.
    assert_eq!(fit(0.02, &with(&[f64::INFINITY])).unwrap().high, f64::INFINITY);
    let found = fit(0.3, &with(&[f64::INFINITY])).unwrap();
    assert!(found.low < found.threshold && found.high.is_finite());
    for (rate, count) in [(0.005, 1), (0.01, 1), (0.019, 1), (0.02, 2), (0.1, 60)] {
        let message = fit(rate, &with(&vec![f64::INFINITY; count])).unwrap_err().to_string();
        assert!(
            message.starts_with("`score` must have fewer infinite values for this `false_alarm_rate`"),
            "{message}"
        );
    }
    for rate in [0.5, 0.025, 0.001] {
        let (endless, huge) = (fit(rate, &with(&[f64::NEG_INFINITY; 60])), fit(rate, &with(&[f64::MIN; 60])));
        assert_eq!(endless, huge);
        assert!(endless.unwrap().threshold.is_finite());
    }
}

#[test]
fn a_lower_rate_never_lowers_the_threshold() {
    for (count, phi) in [(50, 0.0), (400, 0.9), (3000, 0.5)] {
        let scores = dependent(count, phi, 9);
        let rates = (0..60).map(|step| 0.5 * 0.85_f64.powi(step));
        let found: Vec<f64> = rates.map(|rate| calibrated(rate, &scores).threshold).collect();
        assert!(found.is_sorted(), "{found:?}");
    }
}

#[test]
fn blocks_follow_the_dependence_and_widen_the_interval() {
    let width = |found: Threshold| found.high - found.low;
    let (free, bound) = (calibrated(0.05, &dependent(4000, 0.0, 2)), calibrated(0.05, &dependent(4000, 0.95, 2)));
    assert!(free.block == 16 && bound.block >= 40, "{} {}", free.block, bound.block);
    assert!(width(bound) > 2.0 * width(free), "{bound:?} {free:?}");
    let single = Calibration::new(0.05, 0.95, 200, Some(1), 17).unwrap();
    let single = single.fit(column(&dependent(4000, 0.95, 2))).unwrap();
    assert_eq!((single.block, single.threshold), (1, bound.threshold));
    assert!(width(single) < width(bound));
}

#[test]
fn scores_that_never_move_or_are_huge() {
    for level in [0.0, -1e9, 1.7e308] {
        for rate in [0.3, 0.05, 1e-6] {
            let found = calibrated(rate, &[level; 64]);
            assert_eq!((found.threshold, found.low, found.high), (level, level, level));
        }
    }
    let mut scores = noise(500, 3);
    scores[100] = 1.7e308;
    scores[200] = -1.7e308;
    for rate in [0.3, 0.01, 1e-6] {
        let found = calibrated(rate, &scores);
        assert!(found.threshold.is_finite() && found.low.is_finite(), "{found:?}");
        // One score that far out bounds nothing beyond it.
        assert_eq!(found.high.is_finite(), !found.extrapolated, "{found:?}");
    }
}

#[test]
fn threads_do_not_matter_and_seeds_do() {
    let scores = dependent(5000, 0.7, 1);
    let all: Vec<Threshold> = [1, 2, 3]
        .into_iter()
        .map(|threads| {
            acm_linalg::parallel::set_num_threads(threads).unwrap();
            calibrated(0.01, &scores)
        })
        .collect();
    assert!(all.windows(2).all(|pair| pair[0] == pair[1]));
    let other = Calibration::new(0.01, 0.95, 200, None, 18).unwrap().fit(column(&scores)).unwrap();
    assert_eq!(other.threshold, all[0].threshold);
    assert_ne!(other.low, all[0].low);
}

#[test]
fn the_rate_is_kept_and_the_interval_covers() {
    let rate = 0.02;
    // Uniform noise through an AR(1) has no closed form: a long run tells its quantile.
    let mut long = dependent(400_000, 0.8, 1000);
    long.sort_unstable_by(f64::total_cmp);
    let exact = long[392_000];
    let (mut alarms, mut covered) = (0.0, 0);
    for seed in 0..200 {
        let found = calibrated(rate, &dependent(2000, 0.8, seed));
        let above = long.len() - long.partition_point(|&value| value <= found.threshold);
        alarms += above as f64 / long.len() as f64 / 200.0;
        covered += u32::from(found.low <= exact && exact <= found.high);
    }
    assert!((alarms / rate - 1.0).abs() < 0.1, "{alarms}");
    assert!((176..=198).contains(&covered), "{covered}");
}

#[test]
fn parameters_and_counts_are_checked() {
    let message = |rate, confidence, resamples, block| {
        let made = Calibration::new(rate, confidence, resamples, block, 17);
        made.unwrap_err().to_string()
    };
    assert_eq!(message(0.0, 0.95, 10, None), "`false_alarm_rate` must be above 0 and below 1, got 0");
    assert_eq!(message(0.1, 1.0, 10, None), "`confidence` must be above 0 and below 1, got 1");
    assert_eq!(message(0.1, 0.9, 0, None), "`n_boot` must be between 1 and 1000000, got 0");
    assert_eq!(message(0.1, 0.9, 10, Some(0)), "`block` must be at least 1, got 0");
    let few = Calibration::new(0.1, 0.9, 10, None, 17).unwrap().fit(column(&[1.0; 19])).unwrap_err();
    assert_eq!(few.to_string(), "`score` must have at least 20 known values");
}

/// Sums of four exponential numbers, of which a share is ten times larger.
fn contaminated(count: usize, share: f64, seed: u64) -> Vec<f64> {
    let mut stream = stream(seed, 5);
    let of = |_| {
        let sum: f64 = (0..4).map(|_| -(1.0 - stream.random::<f64>()).ln()).sum();
        if stream.random::<f64>() < share { 10.0 * sum } else { sum }
    };
    (0..count).map(of).collect()
}

#[test]
fn anomalies_among_the_scores_are_told_and_left_out_where_their_share_is_said() {
    let plain = |contamination| {
        let calibration = Calibration::new(0.01, 0.95, 50, Some(1), 17).unwrap();
        calibration.with_contamination(contamination).unwrap()
    };
    let healthy = plain(None).fit(column(&contaminated(20_000, 0.0, 3))).unwrap();
    assert!(!healthy.heavy && healthy.trimmed == 0);
    for seed in 0..5 {
        let scores = contaminated(2000, 0.02, seed);
        let found = plain(None).fit(column(&scores)).unwrap();
        assert!(found.heavy && found.threshold > 2.0 * healthy.threshold, "{found:?}");
        assert_eq!(plain(Some(0.0)).fit(column(&scores)).unwrap(), Threshold { trimmed: 0, ..found });
        let trimmed = plain(Some(0.02)).fit(column(&scores)).unwrap();
        assert_eq!((trimmed.trimmed, trimmed.known), (40, 2000));
        assert!((trimmed.threshold / healthy.threshold - 1.0).abs() < 0.25, "{trimmed:?} {healthy:?}");
        // Left out by hand.
        let mut rest = scores.clone();
        rest.sort_unstable_by(f64::total_cmp);
        let edge = rest[1959];
        let rest: Vec<f64> = scores.into_iter().filter(|&score| score <= edge).collect();
        let by_hand = plain(Some(0.0)).fit(column(&rest)).unwrap();
        assert_eq!((by_hand.threshold, by_hand.low, by_hand.high), (trimmed.threshold, trimmed.low, trimmed.high));
    }
    for share in [0.5, -0.1, f64::NAN] {
        let calibration = Calibration::new(0.01, 0.95, 50, None, 17).unwrap();
        assert!(calibration.with_contamination(Some(share)).is_err());
    }
}

#[test]
fn a_group_above_a_clear_gap_is_left_out_by_itself() {
    let scores = contaminated(1000, 0.0, 1);
    let mut with = scores.clone();
    with.extend((0..20).map(|place| 300.0 + f64::from(place)));
    let of = |scores: &[f64], contamination| {
        let calibration = Calibration::new(0.01, 0.95, 50, Some(1), 17).unwrap();
        calibration.with_contamination(contamination).unwrap().fit(column(scores)).unwrap()
    };
    let (alone, trimmed) = (of(&scores, None), of(&with, None));
    assert_eq!((trimmed.trimmed, trimmed.known, trimmed.threshold), (20, 1020, alone.threshold));
    assert!(of(&with, Some(0.0)).threshold > 300.0);
    let few = [&[1.0; 19][..], &[9.0; 9]].concat();
    assert!(
        Calibration::new(0.1, 0.9, 10, None, 17)
            .unwrap()
            .with_contamination(Some(0.4))
            .unwrap()
            .fit(column(&few))
            .is_err()
    );
}

#[test]
fn beyond_the_data_a_heavy_tail_has_no_upper_bound() {
    // 1 / uniform: the true limit at 1e-4 is 1e4.
    let covered = (0..60).filter(|&seed| {
        let mut stream = stream(seed, 6);
        let scores: Vec<f64> = (0..1000).map(|_| (1.0 - stream.random::<f64>()).powf(-2.0 / 3.0)).collect();
        let found = calibrated(1e-4, &scores);
        let exact = 1e-4_f64.powf(-2.0 / 3.0);
        found.extrapolated && found.low <= exact && exact <= found.high
    });
    assert!(covered.count() >= 54);
}
