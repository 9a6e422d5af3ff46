use std::ops::Range;

use super::*;
use ndarray::Array2;

/// Running rows that are so far, two whitened sensors each.
fn found(rows: Vec<usize>, far: Vec<f64>, z: Vec<f64>) -> Found {
    Found::of_two(rows, far, z)
}

fn runs(ranges: &[(Range<usize>, f64)], count: usize) -> Vec<f64> {
    let mut far = vec![0.0; count];
    ranges.iter().for_each(|(range, value)| far[range.clone()].fill(*value));
    far
}

fn far_places(rows: Vec<usize>, far: Vec<f64>) -> Vec<usize> {
    let z = vec![0.0; 2 * rows.len()];
    let flags = far_rows(10_000, &found(rows, far, z)).unwrap();
    (0..flags.len()).filter(|&place| flags[place]).collect()
}

#[test]
fn a_row_is_far_beyond_eight_deviations_and_three_in_a_row_beyond_five() {
    let all = || (0..40).collect::<Vec<_>>();
    assert_eq!(
        far_places(all(), runs(&[(5..6, 8.1), (9..10, 8.0), (12..14, 6.0), (20..23, 5.1)], 40)),
        [5, 20, 21, 22]
    );
    assert_eq!(far_places(all(), runs(&[(0..3, 5.1), (37..40, 5.1)], 40)), [0, 1, 2, 37, 38, 39]);
    assert_eq!(far_places(all(), runs(&[(0..3, 5.0)], 40)), [0_usize; 0]);
    // Rows between them that are not running end a run.
    let gap: Vec<usize> = (0..40).map(|row| if row < 21 { row } else { row + 7 }).collect();
    assert_eq!(far_places(gap.clone(), runs(&[(19..23, 6.0)], 40)), [0_usize; 0]);
    assert_eq!(far_places(gap.clone(), runs(&[(19..24, 6.0)], 40)), [21, 22, 23]);
    assert_eq!(far_places(gap, runs(&[(18..23, 6.0)], 40)), [18, 19, 20]);
    // Eight rows beyond a gap part from the others at four.
    assert_eq!(
        far_places(all(), runs(&[(0..40, 1.0), (3..4, 4.1), (10..18, 5.0)], 40)),
        [3, 10, 11, 12, 13, 14, 15, 16, 17]
    );
}

#[test]
fn far_rows_are_grouped_by_the_first_of_each() {
    // Within twice χ² of two sensors at a thousandth: √27.6 = 5.256.
    let x = [0.0, 5.2, 9.0, -5.3, 5.3, 20.0, 5.0];
    let z: Vec<f64> = x.iter().flat_map(|&value| [value, 0.0]).collect();
    let of = found((10..17).collect(), vec![9.0; 7], z);
    let far = [true, true, true, true, true, true, false];
    let groups = grouped(&of, &far, &of.whitening.matrix().unwrap()).unwrap();
    let members: Vec<&[usize]> = groups.iter().map(|group| &group.members[..]).collect();
    // The fifth is nearer to the third than to the first.
    assert_eq!(members, [&[0, 1][..], &[2, 4], &[3], &[5]]);
    assert_eq!(groups[1].points, [9.0, 0.0, 5.3, 0.0]);
}

fn group(members: &[usize]) -> Group {
    Group {
        members: members.to_vec(),
        points: Vec::new(),
    }
}

#[test]
fn an_episode_is_what_hangs_together_with_a_member() {
    let count = 40;
    let of = found((0..count).collect(), vec![0.0; count], vec![0.0; 2 * count]);
    let far = |places: &[usize]| (0..count).map(|place| places.contains(&place)).collect::<Vec<_>>();
    // Single near rows between belong to it, two do not.
    let marks = far(&[3, 5, 6, 8, 11, 20, 21, 39]);
    assert_eq!(group(&[6]).episodes(&of, &marks).unwrap(), (1, vec![3, 5, 6, 8]));
    assert_eq!(group(&[3, 8]).episodes(&of, &marks).unwrap(), (1, vec![3, 5, 6, 8]));
    assert_eq!(group(&[5, 11, 39]).episodes(&of, &marks).unwrap(), (3, vec![3, 5, 6, 8, 11, 39]));
    assert_eq!(group(&[21]).episodes(&of, &marks).unwrap(), (1, vec![20, 21]));
    assert_eq!(group(&[0, 1]).episodes(&of, &far(&[0, 1])).unwrap(), (1, vec![0, 1]));
    assert_eq!(group(&[]).episodes(&of, &marks).unwrap(), (0, vec![]));
    // Rows that do not follow one another do not hang together.
    let apart = found(
        (0..count).map(|place| if place < 6 { place } else { place + 1 }).collect(),
        vec![0.0; count],
        vec![0.0; 2 * count],
    );
    assert_eq!(group(&[8]).episodes(&apart, &marks).unwrap(), (1, vec![6, 8]));
    assert_eq!(group(&[5]).episodes(&apart, &marks).unwrap(), (1, vec![3, 5]));
}

#[test]
fn sensors_have_moved_beyond_three_deviations() {
    let z = vec![2.9, -3.1, 3.1, -3.1, 0.0, 0.0, 3.1, 0.0];
    let mut of = found((0..4).collect(), vec![0.0; 4], z);
    // Means of the first two rows: 3 and -3.1; of all rows beside: 3.1 and 0.
    assert_eq!(
        [
            group(&[0, 1]).moved(&of),
            group(&[0]).moved(&of),
            group(&[1]).moved(&of),
            group(&[3]).moved(&of)
        ],
        [1, 1, 2, 1]
    );
    of.mean = vec![0.5, -0.2];
    assert_eq!(group(&[1]).moved(&of), 0);
    of.covariance = vec![0.25, 0.0, 0.0, 1.0];
    assert_eq!([group(&[1]).moved(&of), group(&[2]).moved(&of)], [1, 0]);
}

#[test]
fn equal_rows_are_one() {
    let z = vec![1.0, 2.0, 1.0, 2.0, 1.0, 3.0, 0.0, 2.0, 1.0, 2.0];
    let of = found((0..5).collect(), vec![0.0; 5], z);
    assert_eq!(group(&[0, 1, 2, 3, 4]).distinct(&of).unwrap(), 3);
    assert_eq!(
        [
            group(&[0, 1, 4]).distinct(&of).unwrap(),
            group(&[]).distinct(&of).unwrap()
        ],
        [1, 0]
    );
}

#[test]
fn rows_of_standstill_are_parted_by_what_the_sensors_read() {
    let count = 2000;
    // Two sensors that run, and stand still three times: for 40 rows at 0 and 0, for 40 at 0 and 7, for 3 at -5 and 0.
    let mut x = Array2::from_shape_fn((count, 2), |(row, sensor)| 50.0 + ((37 + sensor) * row % 101) as f64);
    let stands = [(300, 40, [0.0, 0.0]), (900, 40, [0.0, 7.0]), (1400, 3, [-500.0, 0.0])];
    for (first, length, values) in stands {
        for row in first..first + length {
            values.iter().enumerate().for_each(|(sensor, &value)| x[[row, sensor]] = value);
        }
    }
    let marks = Marks::of(x.view().into()).unwrap();
    assert!(marks.still(300) && marks.still(939) && !marks.still(299));
    let mut kinds = vec![Kind::Good; count];
    kinds[310] = Kind::Left;
    let mut states = vec![State {
        rows: 9,
        still: false,
        center: Vec::new(),
    }];
    standstill(x.view().into(), &marks, &mut kinds, &mut states).unwrap();
    // Within a scale of each sensor they are alike: 7 is.
    let scale = marks.sensors[1].scale();
    assert!(scale > 7.0, "{scale}");
    assert_eq!(states.len(), 2);
    assert_eq!((states[1].rows, states[1].still), (79, true));
    let mean = 40.0 * 7.0 / 79.0;
    assert!(states[1].center[0] == 0.0 && (states[1].center[1] - mean).abs() < 1e-12);
    assert_eq!(
        (kinds[300], kinds[310], kinds[939], kinds[1400], kinds[299]),
        (Kind::State(1), Kind::Left, Kind::State(1), Kind::Good, Kind::Good)
    );
    assert_eq!(kinds.iter().filter(|&&kind| kind == Kind::State(1)).count(), 79);
    // Farther than a scale they are two states.
    for row in 900..940 {
        x[[row, 1]] = 20.0 + scale;
    }
    let marks = Marks::of(x.view().into()).unwrap();
    let (mut kinds, mut states) = (vec![Kind::Good; count], Vec::new());
    standstill(x.view().into(), &marks, &mut kinds, &mut states).unwrap();
    assert_eq!(states.iter().map(|state| state.rows).collect::<Vec<_>>(), [40, 40]);
    assert_eq!((kinds[300], kinds[939]), (Kind::State(0), Kind::State(1)));
}

#[test]
fn a_states_centre_is_the_mean_of_its_sound_readings() {
    let mut x = Array2::from_shape_fn((60, 3), |(row, sensor)| ((37 + sensor) * row % 101) as f64);
    x.column_mut(2).fill(f64::NAN);
    x[[4, 0]] = f64::NAN;
    let marks = Marks::of(x.view().into()).unwrap();
    let state = state_of(x.view().into(), &marks, [3, 4, 9].into_iter(), true).unwrap();
    assert_eq!((state.rows, state.still), (3, true));
    // 37 times 3 and 9 less 101 and 303; 38 times 3, 4 and 9.
    assert!((state.center[0] - (10.0 + 30.0) / 2.0).abs() < 1e-12);
    assert!((state.center[1] - (13.0 + 51.0 + 39.0) / 3.0).abs() < 1e-12);
    assert!(state.center[2].is_nan());
}
