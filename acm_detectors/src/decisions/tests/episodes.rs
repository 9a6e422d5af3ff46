use acm_linalg::Error;
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
    timed(rule, scores, None)
}

fn timed(rule: EpisodeRule, scores: &[f64], times: Option<&[i64]>) -> Vec<Episode> {
    let (mut tracker, mut found) = (EpisodeTrack::default(), Vec::new());
    tracker.update(&rule, column(scores), times, &mut found).unwrap();
    found.extend(tracker.open(&rule));
    found
}

/// Runs first, then the gaps, then the lengths: the rule as it reads. Whole numbers as times, so that sums are exact.
fn plain(rule: &EpisodeRule, scores: &[f64], times: &[i64]) -> Vec<(usize, usize, f64, usize, f64)> {
    let mut high = vec![None; scores.len()];
    let mut state = false;
    for (row, &score) in scores.iter().enumerate() {
        if !score.is_nan() {
            state = score > if state { rule.off() } else { rule.on() };
            high[row] = Some(state);
        }
    }
    // A run: high rows without a known low one between them.
    let mut runs: Vec<(usize, usize)> = Vec::new();
    let mut fresh = true;
    for row in 0..scores.len() {
        match (high[row], runs.last_mut()) {
            (Some(true), Some(last)) if !fresh => last.1 = row,
            (Some(true), _) => runs.push((row, row)),
            _ => {}
        }
        fresh = if high[row].is_some() { high[row] == Some(false) } else { fresh };
    }
    let mut joined: Vec<(usize, usize)> = Vec::new();
    for (first, last) in runs {
        match joined.last_mut() {
            Some(before)
                if ((first - before.1 - 1) as u64) <= rule.gap_rows()
                    || rule.gap_time().is_some_and(|most| times[first].abs_diff(times[before.1]) <= most) =>
            {
                before.1 = last;
            }
            _ => joined.push((first, last)),
        }
    }
    joined.retain(|&(first, last)| {
        let known = |row: &usize| !scores[*row].is_nan();
        let rows = (first..=last).filter(known).count() as u64;
        let time: u64 = (first + 1..=last).filter(known).map(|row| times[row].abs_diff(times[row - 1])).sum();
        rows >= rule.min_rows() && rule.min_time().is_none_or(|least| time >= least)
    });
    let told = |(first, last): (usize, usize)| {
        let rows = (first..=last).filter(|&row| high[row] == Some(true));
        let peak = rows.clone().map(|row| scores[row]).fold(f64::NEG_INFINITY, f64::max);
        let peak_row = rows.clone().find(|&row| scores[row] == peak).unwrap();
        let area = rows.map(|row| scores[row] - rule.off()).fold(0.0, |sum, value| sum + value);
        (first, last + 1, peak, peak_row, area.min(f64::MAX))
    };
    joined.into_iter().map(told).collect()
}

fn numbers(episodes: &[Episode]) -> Vec<(usize, usize, f64, usize, f64)> {
    let whole = |value: u64| usize::try_from(value).unwrap();
    let told = |e: &Episode| (whole(e.start), whole(e.end), e.peak, whole(e.peak_row), e.area);
    episodes.iter().map(told).collect()
}

#[test]
fn by_hand() {
    let nan = f64::NAN;
    // The levels themselves: 3 does not start an episode, 2 ends one.
    let scores = [
        3.0, 3.1, 2.5, 4.0, 2.0, nan, 3.5, 2.1, 0.0, 3.0, 0.0, 5.0, nan, nan, 1.9, 0.0, 0.0,
    ];
    let found = numbers(&batch(rule(1, 0), &scores));
    let area = |scores: &[f64]| scores.iter().fold(0.0, |sum, score| sum + (score - 2.0));
    let (first, second, third) = (area(&[3.1, 2.5, 4.0]), area(&[3.5, 2.1]), area(&[5.0]));
    assert_eq!(found, [(1, 4, 4.0, 3, first), (6, 8, 3.5, 6, second), (11, 12, 5.0, 11, third)]);
    let first = area(&[3.1, 2.5, 4.0, 3.5, 2.1]);
    let found = numbers(&batch(rule(1, 2), &scores));
    assert_eq!(found, [(1, 8, 4.0, 3, first), (11, 12, 5.0, 11, third)]);
    // Of the seven rows from 1 to 7 one is missing.
    assert_eq!(numbers(&batch(rule(6, 2), &scores)), [(1, 8, 4.0, 3, first)]);
    assert!(batch(rule(7, 2), &scores).is_empty());
    let found = numbers(&batch(rule(1, 3), &scores));
    assert_eq!(found, [(1, 12, 5.0, 11, area(&[3.1, 2.5, 4.0, 3.5, 2.1, 5.0]))]);
    assert!(batch(rule(1, 0), &[]).is_empty());
    assert!(batch(rule(1, 0), &[nan; 5]).is_empty());
    assert_eq!(numbers(&batch(rule(1, 0), &[9.0, nan])), [(0, 1, 9.0, 0, 7.0)]);
    assert!(batch(rule(2, 0), &[9.0, nan]).is_empty());
    assert_eq!(numbers(&batch(rule(2, 0), &[nan, 9.0, nan, nan, 3.0])), [(1, 5, 9.0, 1, 8.0)]);
    // A gap is as long as it is, whatever is missing in it.
    assert_eq!(batch(rule(1, 2), &[9.0, 0.0, nan, nan, 9.0]).len(), 2);
    assert_eq!(batch(rule(1, 3), &[9.0, 0.0, nan, nan, 9.0]).len(), 1);
    assert_eq!(batch(rule(1, 2), &[9.0, nan, nan, 0.0, 9.0]).len(), 2);
}

#[test]
fn infinite_scores_are_known() {
    let most = f64::INFINITY;
    let found = numbers(&batch(rule(2, 0), &[0.0, 2.5, most, most, 1.0]));
    assert_eq!(found, [(2, 4, most, 2, f64::MAX)]);
    let found = numbers(&batch(rule(1, 0), &[5.0, -most, 2.5, 5.0]));
    assert_eq!(found, [(0, 1, 5.0, 0, 3.0), (3, 4, 5.0, 3, 3.0)]);
}

#[test]
fn durations_by_hand() {
    let nan = f64::NAN;
    let scores = [4.0, 4.0, 0.0, 4.0, nan, 4.0, 0.0, 4.0];
    let times = [0, 10, 15, 20, 500, 502, 502, 502];
    let of = |min_time, gap_time| {
        let found = timed(rule(1, 0).lasting(min_time, gap_time), &scores, Some(&times));
        found.iter().map(|episode| (episode.start, episode.end)).collect::<Vec<_>>()
    };
    assert_eq!(of(None, None), [(0, 2), (3, 6), (7, 8)]);
    assert_eq!(of(None, Some(9)), [(0, 2), (3, 8)]);
    assert_eq!(of(None, Some(10)), [(0, 8)]);
    // The 480 before the missing row do not count, the 2 after it do.
    assert_eq!(of(Some(2), None), [(0, 2), (3, 6)]);
    assert_eq!(of(Some(3), None), [(0, 2)]);
    assert_eq!(of(Some(10), None), [(0, 2)]);
    assert_eq!(of(Some(11), None), []);
    assert_eq!(of(Some(22), Some(10)), [(0, 8)]);
    assert_eq!(of(Some(23), Some(10)), []);
    // Rows bridge where times do not.
    let found = timed(rule(1, 1).lasting(None, Some(1)), &scores, Some(&times));
    assert_eq!((found.len(), found[0].end), (1, 8));
    let whole = [i64::MIN, i64::MAX];
    let longest = rule(2, 0).lasting(Some(u64::MAX), Some(u64::MAX));
    assert_eq!(timed(longest, &[4.0, 4.0], Some(&whole)).len(), 1);
}

#[test]
fn times_are_checked() {
    let durations = rule(1, 0).lasting(Some(5), None);
    let (mut track, mut found) = (EpisodeTrack::default(), Vec::new());
    let update = |track: &mut EpisodeTrack, found: &mut Vec<Episode>, rule, scores: &[f64], times: Option<&[i64]>| {
        track.update(&rule, column(scores), times, found).map_err(|error| error.to_string())
    };
    assert_eq!(
        update(&mut track, &mut found, durations, &[1.0], None).unwrap_err(),
        "`times` must have a stamp for each score where `min_time` or `gap_time` is given"
    );
    assert_eq!(
        update(&mut track, &mut found, durations, &[1.0], Some(&[1, 2])).unwrap_err(),
        "`times` must have length 1, got 2"
    );
    update(&mut track, &mut found, durations, &[9.0, 9.0], Some(&[1, 8])).unwrap();
    let before = track.clone();
    for (times, row) in [([7, 7], 2), ([8, 7], 3)] {
        assert_eq!(
            update(&mut track, &mut found, durations, &[0.0, 9.0], Some(&times)).unwrap_err(),
            format!("`times` must not go back, but row {row} is earlier than row {}", row - 1)
        );
        assert_eq!((&track, found.len()), (&before, 0));
    }
    update(&mut track, &mut found, durations, &[0.0], Some(&[8])).unwrap();
    assert_eq!(found.len(), 1);
    // Without durations they are welcome, but not needed.
    update(&mut track, &mut found, rule(1, 0), &[0.0], None).unwrap();
    assert!(update(&mut track, &mut found, rule(1, 0), &[0.0], Some(&[7])).is_err());
}

#[test]
fn rules_are_checked() {
    let message = |rule: acm_linalg::Result<EpisodeRule>| rule.unwrap_err().to_string();
    assert_eq!(message(EpisodeRule::new(1.0, 2.0, 1, 0)), "`off` must be at most `on` = 1, got 2");
    assert_eq!(message(EpisodeRule::new(f64::NAN, 2.0, 1, 0)), "`on` must be finite, got NaN");
    assert_eq!(message(EpisodeRule::new(3.0, 2.0, 0, 0)), "`min_rows` must be at least 1, got 0");
    let huge = EpisodeRule::new(1.6e308, -1.7e308, 1, 0).unwrap();
    assert!(batch(huge, &[1.7e308, 1.7e308])[0].area.is_finite());
}

#[test]
fn damaged_states_are_refused() {
    let (rule, mut tracker) = (rule(2, 3).lasting(Some(7), Some(5)), EpisodeTrack::default());
    let scores = column(&[0.0, 5.0, 4.0, f64::NAN, 0.0]);
    tracker.update(&rule, scores, Some(&[-4, -3, 0, 1, 2]), &mut Vec::new()).unwrap();
    let bytes = to_bytes_with(&rule, &tracker).unwrap();
    for length in 0..bytes.len() {
        assert!(read(&bytes[..length]).is_err());
    }
    for place in 0..bytes.len() {
        for bit in 0..8 {
            let mut wrong = bytes.clone();
            wrong[place] ^= 1 << bit;
            if let Ok((rule, mut track)) = from_bytes_with::<EpisodeRule, EpisodeTrack>(&wrong) {
                let scores = column(&[1.0, f64::NAN, 9.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
                // Times may go back from where the track believes to be.
                let updated = track.update(&rule, scores, Some(&[5, 6, 7, 8, 9, 10, 11, 12]), &mut Vec::new());
                assert!(matches!(updated, Ok(()) | Err(Error::Unsorted { .. })));
            }
        }
    }
}

proptest! {
    #[test]
    fn any_cut_is_the_plain_rule(
        rows in prop::collection::vec(
            (
                prop_oneof![
                    8 => (0..20_u8).prop_map(|score| f64::from(score) / 4.0),
                    3 => Just(f64::NAN),
                    1 => Just(f64::INFINITY),
                    1 => Just(f64::NEG_INFINITY),
                ],
                0..6_i64,
            ),
            0..80,
        ),
        cut in 0..80_usize,
        (min_rows, gap_rows) in (1..5_usize, 0..5_usize),
        (min_time, gap_time) in (prop::option::of(1..12_u64), prop::option::of(1..12_u64)),
    ) {
        let rule = rule(min_rows, gap_rows).lasting(min_time, gap_time);
        let scores: Vec<f64> = rows.iter().map(|row| row.0).collect();
        let times: Vec<i64> = rows.iter().scan(-50, |time, row| { *time += row.1; Some(*time) }).collect();
        let whole = timed(rule, &scores, Some(&times));
        prop_assert_eq!(numbers(&whole), plain(&rule, &scores, &times));
        let cut = cut.min(scores.len());
        let (mut tracker, mut found) = (EpisodeTrack::default(), Vec::new());
        tracker.update(&rule, column(&scores[..cut]), Some(&times[..cut]), &mut found).unwrap();
        let mut tracker = read(&to_bytes_with(&rule, &tracker).unwrap()).unwrap();
        for row in cut..scores.len() {
            tracker.update(&rule, column(&scores[row..=row]), Some(&times[row..=row]), &mut found).unwrap();
        }
        found.extend(tracker.open(&rule));
        prop_assert_eq!(found, whole);
    }
}
