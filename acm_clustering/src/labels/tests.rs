use acm_linalg::Result;
use acm_linalg::parallel::Watch;
use proptest::prelude::*;

use super::*;

fn smoothed(labels: &[i64], window: usize, causal: bool) -> Vec<i64> {
    let mut out = vec![0; labels.len()];
    smooth(labels, window, causal, &mut out).unwrap();
    out
}

fn dwelt(labels: &[i64], rows: usize) -> Vec<i64> {
    let mut out = vec![0; labels.len()];
    minimum_dwell(labels, rows, &mut out).unwrap();
    out
}

#[test]
fn a_lone_label_gives_way_and_unknown_stays() {
    assert_eq!(smoothed(&[0, 0, 1, 0, 0, -1, 1, 1, 1], 3, false), [0, 0, 0, 0, 0, -1, 1, 1, 1]);
    assert_eq!(smoothed(&[0, 0, 1, 1, 1, 1], 3, true), [0, 0, 0, 1, 1, 1]);
    assert_eq!(smoothed(&[3, 4], 5, false), [3, 4]);
    assert!(smoothed(&[], 5, false).is_empty());
    assert!(smooth(&[0], 0, false, &mut [0]).is_err() && smooth(&[-2], 1, false, &mut [0]).is_err());
}

#[test]
fn short_stays_join_the_longer_neighbour() {
    assert_eq!(dwelt(&[0, 0, 0, 1, 2, 2], 2), [0, 0, 0, 0, 2, 2]);
    assert_eq!(dwelt(&[0, 0, 1, 2, 2, 2], 2), [0, 0, 2, 2, 2, 2]);
    assert_eq!(dwelt(&[0, 0, 1, 0, 0, 2], 3), [0, 0, 0, 0, 0, 0]);
    assert_eq!(dwelt(&[1, -1, 0, 0, 0], 3), [1, -1, 0, 0, 0]);
    assert_eq!(dwelt(&[0, 1, 2], 10), [1, 1, 1]);
}

#[test]
fn changes_are_marked_and_returns_are_not() {
    let mut out = [false; 9];
    transients(&[0, 0, 0, 1, 1, 1, -1, 1, 1], 1, 2, &mut out).unwrap();
    assert_eq!(out, [false, false, true, true, true, false, false, false, false]);
    transients(&[0, 0, 0, -1, -1, 1, 1, 1, 1], 1, 1, &mut out).unwrap();
    assert_eq!(out, [false, false, true, true, true, true, false, false, false]);
    transients(&[0, 1, 0, 1, 0, 1, 0, 1, 0], 0, 0, &mut out).unwrap();
    assert_eq!(out, [false; 9]);
}

#[test]
fn numbers_are_kept_and_new_ones_are_new() {
    let mut out = [0; 6];
    align(&[5, 5, 7, 7, -1, 5], &[1, 1, 0, 0, 2, -1], 0.5, &mut out).unwrap();
    assert_eq!(out, [5, 5, 7, 7, 8, -1]);
    align(&[-1; 6], &[4, 4, 9, 9, -1, -1], 0.5, &mut out).unwrap();
    assert_eq!(out, [0, 0, 1, 1, -1, -1]);
    let labels: Vec<i64> = (0..1001).collect();
    assert!(pairs(&labels, &labels, 0.5).is_err());
}

proptest! {
    #[test]
    fn smoothing_is_the_naive_mode(labels in prop::collection::vec(-1_i64..4, 0..60), window in 1_usize..12, causal: bool) {
        let found = smoothed(&labels, window, causal);
        let ahead = if causal { 0 } else { window / 2 };
        for row in 0..labels.len() {
            let view = &labels[row.saturating_sub(window - 1 - ahead)..(row + ahead + 1).min(labels.len())];
            let count = |label: i64| view.iter().filter(|&&other| other == label).count();
            let most = (0..4).map(count).max().unwrap();
            let own = labels[row];
            let latest = view.iter().rev().copied().find(|&label| label >= 0 && count(label) == most);
            let wanted = if own == -1 || count(own) == most { own } else { latest.unwrap() };
            prop_assert_eq!(found[row], wanted);
        }
        if causal {
            let mut recent = Recent::default();
            let mut watch = Watch::start();
            let streamed = labels.iter().map(|&label| recent.next(label, window, &mut watch));
            let streamed: Vec<i64> = streamed.collect::<Result<_>>().unwrap();
            prop_assert_eq!(streamed, found);
        }
    }

    #[test]
    fn dwelling_leaves_no_short_stay(labels in prop::collection::vec(-1_i64..4, 1..80), rows in 1_usize..8) {
        let found = dwelt(&labels, rows);
        for part in found.chunk_by(|one, next| (*one == -1) == (*next == -1)) {
            let stays: Vec<_> = part.chunk_by(|one, next| one == next).collect();
            prop_assert!(part[0] == -1 || stays.len() == 1 || stays.iter().all(|stay| stay.len() >= rows));
        }
        prop_assert!(labels.iter().zip(&found).all(|(old, new)| (*old == -1) == (*new == -1)));
        prop_assert!(found.iter().all(|label| labels.contains(label)));
        prop_assert_eq!(dwelt(&found, rows), found);
    }

    #[test]
    fn alignment_undoes_any_numbering(labels in prop::collection::vec(-1_i64..5, 1..80), shift in 0_i64..5) {
        let other: Vec<i64> = labels.iter().map(|&label| if label < 0 { label } else { (label + shift) % 5 + 10 }).collect();
        let mut out = vec![0; labels.len()];
        align(&labels, &other, 0.5, &mut out).unwrap();
        prop_assert_eq!(out, labels);
    }
}
