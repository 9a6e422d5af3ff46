use acm_linalg::state::{from_bytes_with, to_bytes_with};
use proptest::prelude::*;

use super::column;
use crate::decisions::{Episode, EpisodeRule, EpisodeTrack};

fn rule(min_rows: usize, gap_rows: usize) -> EpisodeRule {
    EpisodeRule::new(3.0, 2.0, min_rows, gap_rows).unwrap()
}

fn read(bytes: &[u8]) -> acm_linalg::Result<EpisodeTrack> {
    from_bytes_with::<EpisodeRule, EpisodeTrack>(bytes).map(|(_, track)| track)
}

fn batch(rule: EpisodeRule, scores: &[f64]) -> Vec<Episode> {
    let (mut tracker, mut found) = (EpisodeTrack::default(), Vec::new());
    tracker.update(&rule, column(scores), &mut found).unwrap();
    found.extend(tracker.open(&rule));
    found
}

/// Runs first, then the gaps, then the lengths: the rule as it reads.
fn plain(scores: &[f64], on: f64, off: f64, min_rows: usize, gap_rows: usize) -> Vec<(usize, usize, f64, usize, f64)> {
    let mut high = vec![false; scores.len()];
    let mut state = false;
    for (row, &score) in scores.iter().enumerate() {
        if score.is_finite() {
            state = if state { score >= off } else { score >= on };
        }
        high[row] = state;
    }
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for row in 0..scores.len() {
        if high[row] {
            match runs.last_mut() {
                Some(last) if row - last.1 <= gap_rows => last.1 = row + 1,
                _ => runs.push((row, row + 1)),
            }
        }
    }
    runs.retain(|run| run.1 - run.0 >= min_rows);
    let told = |(start, end): (usize, usize)| {
        let rows = (start..end).filter(|&row| high[row] && scores[row].is_finite());
        let peak = rows.clone().map(|row| scores[row]).fold(f64::NEG_INFINITY, f64::max);
        let peak_row = rows.clone().find(|&row| scores[row] == peak).unwrap();
        (start, end, peak, peak_row, rows.map(|row| scores[row] - off).fold(0.0, |sum, value| sum + value))
    };
    runs.into_iter().map(told).collect()
}

fn numbers(episodes: &[Episode]) -> Vec<(usize, usize, f64, usize, f64)> {
    let whole = |value: u64| usize::try_from(value).unwrap();
    let told = |e: &Episode| (whole(e.start), whole(e.end), e.peak, whole(e.peak_row), e.area);
    episodes.iter().map(told).collect()
}

#[test]
fn by_hand() {
    let nan = f64::NAN;
    let scores = [
        0.0, 3.0, 2.5, 4.0, 1.0, nan, 3.5, 2.0, 0.0, 2.9, 0.0, 5.0, nan, nan, 1.9, 0.0, 0.0,
    ];
    let found = numbers(&batch(rule(1, 0), &scores));
    assert_eq!(found, [(1, 4, 4.0, 3, 3.5), (6, 8, 3.5, 6, 1.5), (11, 14, 5.0, 11, 3.0)]);
    let found = numbers(&batch(rule(1, 2), &scores));
    assert_eq!(found, [(1, 8, 4.0, 3, 5.0), (11, 14, 5.0, 11, 3.0)]);
    let found = numbers(&batch(rule(4, 2), &scores));
    assert_eq!(found, [(1, 8, 4.0, 3, 5.0)]);
    let found = numbers(&batch(rule(1, 3), &scores));
    assert_eq!(found, [(1, 14, 5.0, 11, 8.0)]);
    assert!(batch(rule(1, 0), &[]).is_empty());
    assert!(batch(rule(1, 0), &[nan; 5]).is_empty());
    assert_eq!(numbers(&batch(rule(2, 0), &[9.0, nan])), [(0, 2, 9.0, 0, 7.0)]);
    assert!(batch(rule(2, 0), &[9.0]).is_empty());
}

#[test]
fn rules_are_checked() {
    let message = |rule: acm_linalg::Result<EpisodeRule>| rule.unwrap_err().to_string();
    assert_eq!(message(EpisodeRule::new(1.0, 2.0, 1, 0)), "`off` must be at most `on` = 1, got 2");
    assert_eq!(message(EpisodeRule::new(f64::NAN, 2.0, 1, 0)), "`on` must be finite, got NaN");
    assert_eq!(message(EpisodeRule::new(3.0, 2.0, 0, 0)), "`min_rows` must be at least 1, got 0");
    let huge = EpisodeRule::new(1.7e308, -1.7e308, 1, 0).unwrap();
    assert!(batch(huge, &[1.7e308, 1.7e308])[0].area.is_finite());
}

#[test]
fn damaged_states_are_refused() {
    let (rule, mut tracker) = (rule(2, 3), EpisodeTrack::default());
    tracker.update(&rule, column(&[0.0, 5.0, 4.0]), &mut Vec::new()).unwrap();
    let bytes = to_bytes_with(&rule, &tracker).unwrap();
    for length in 0..bytes.len() {
        assert!(read(&bytes[..length]).is_err());
    }
    for place in 0..bytes.len() {
        for bit in 0..8 {
            let mut wrong = bytes.clone();
            wrong[place] ^= 1 << bit;
            if let Ok((rule, mut track)) = from_bytes_with::<EpisodeRule, EpisodeTrack>(&wrong) {
                track
                    .update(&rule, column(&[1.0, f64::NAN, 9.0, 0.0, 0.0, 0.0, 0.0, 0.0]), &mut Vec::new())
                    .unwrap();
            }
        }
    }
}

proptest! {
    #[test]
    fn any_cut_is_the_plain_rule(
        scores in prop::collection::vec(prop_oneof![4 => 0.0..5.0_f64, 1 => Just(f64::NAN)], 0..80),
        cut in 0..80_usize,
        min_rows in 1..5_usize,
        gap_rows in 0..5_usize,
    ) {
        let rule = rule(min_rows, gap_rows);
        let whole = batch(rule, &scores);
        prop_assert_eq!(numbers(&whole), plain(&scores, 3.0, 2.0, min_rows, gap_rows));
        let (first, second) = scores.split_at(cut.min(scores.len()));
        let (mut tracker, mut found) = (EpisodeTrack::default(), Vec::new());
        tracker.update(&rule, column(first), &mut found).unwrap();
        let mut tracker = read(&to_bytes_with(&rule, &tracker).unwrap()).unwrap();
        second.iter().for_each(|&score| tracker.update(&rule, column(&[score]), &mut found).unwrap());
        found.extend(tracker.open(&rule));
        prop_assert_eq!(found, whole);
    }
}
