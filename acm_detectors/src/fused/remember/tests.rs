use acm_linalg::seed::stream;
use rand::RngExt;

use super::*;

const SENSORS: usize = 3;
const USUAL: f64 = 3.5;
const SLOW: [f64; 2] = [0.5, 0.1];
const ROWS: usize = 120;

fn parts() -> Vec<Part> {
    let part = |kind, memory| Part { kind, memory };
    let powers = [1.0, 0.5, 0.1].map(|memory| part(Kind::Power, memory));
    powers.into_iter().chain(SLOW.map(|memory| part(Kind::Shift, memory))).collect()
}

fn norms() -> Norms {
    Norms {
        mean: vec![1.4, 1.5, 1.5, 1.3, 1.2],
        spread: vec![0.4, 0.2, 0.1, 0.3, 0.35],
        limit: vec![3.0, 3.1, 3.2, 3.3, 3.4],
    }
}

/// Whitened residuals with a spike, a fault that lasts, and rows with fewer sensors.
fn rows(gaps: bool) -> (Vec<f64>, Vec<bool>, Vec<usize>) {
    let mut draw = stream(11, 0);
    let mut white: Vec<f64> = (0..ROWS * SENSORS).map(|_| 3.6 * (draw.random::<f64>() - 0.5)).collect();
    white[30] += 40.0;
    for row in 60..80 {
        white[row * SENSORS + 1] += 4.0;
    }
    let mut marks = vec![true; ROWS * SENSORS];
    if gaps {
        for row in 0..ROWS {
            for place in 0..SENSORS {
                marks[row * SENSORS + place] = draw.random::<f64>() < 0.8 && row != 20;
            }
        }
    }
    let counts: Vec<usize> = marks.chunks(SENSORS).map(|marks| marks.iter().filter(|&&mark| mark).count()).collect();
    for (row, &count) in counts.iter().enumerate() {
        if count == 0 {
            white[row * SENSORS..(row + 1) * SENSORS].fill(0.0);
        }
    }
    (white, marks, counts)
}

fn length(values: &[f64]) -> f64 {
    values.iter().map(|value| value * value).sum()
}

/// The statistics of the parts row by row, as the pages say them.
fn naive(white: &[f64], marks: &[bool], counts: &[usize], partly: bool) -> Vec<[f64; 5]> {
    let (mut levels, mut means, mut shares) = ([USUAL; 2], [[0.0; SENSORS]; 2], [[1.0; SENSORS]; 2]);
    let norms = norms();
    let mut found = Vec::new();
    for (row, residual) in white.chunks(SENSORS).enumerate() {
        let here = counts[row];
        let power = match here {
            0 => USUAL,
            SENSORS => length(residual),
            _ => full_scale(length(residual), here, SENSORS, USUAL),
        };
        if here > 0 {
            // At most five usual rows.
            let counted = power.min(5.0 * USUAL);
            for number in 0..2 {
                let memory = SLOW[number];
                levels[number] = (1.0 - memory) * levels[number] + memory * counted;
                for place in 0..SENSORS {
                    let value = residual[place] * (counted / power).sqrt();
                    means[number][place] = (1.0 - memory) * means[number][place] + memory * value;
                }
                if partly {
                    share_present(&mut shares[number], &marks[row * SENSORS..(row + 1) * SENSORS], memory);
                }
            }
        }
        // The slower memory lets go of what the fastest one does not see.
        let most = levels[0].max(0.8 * USUAL);
        if levels[1] > most {
            levels[1] = 0.9 * levels[1] + 0.1 * most;
        }
        let own = length(&means[1]).sqrt();
        let healthy = (USUAL * SLOW[1] / (2.0 - SLOW[1])).sqrt();
        let along: f64 = means[0].iter().zip(&means[1]).map(|(one, other)| one * other).sum::<f64>() / own;
        // Two deviations of the fastest mean in one of the directions.
        let doubt = 2.0 * (USUAL / SENSORS as f64 * SLOW[0] / (2.0 - SLOW[0])).sqrt();
        let longest = (along + doubt).max(healthy);
        if own > healthy && own > longest {
            means[1].iter_mut().for_each(|mean| *mean *= longest / own);
        }
        let mut values = [power, levels[0], levels[1], 0.0, 0.0];
        for number in 0..2 {
            let memory = SLOW[number];
            let own = length(&means[number]) * (2.0 - memory) / memory;
            values[3 + number] = own;
            if partly {
                let standing = Standing::new(norms.mean[3 + number], norms.spread[3 + number], USUAL, SENSORS);
                let present = shares[number].iter().sum();
                values[3 + number] = standing.of(own, present, length(&shares[number]));
                let power = (norms.mean[1 + number], norms.spread[1 + number]);
                values[1 + number] = standing.of_power(levels[number], present, power, memory);
            }
        }
        found.push(values);
    }
    found
}

fn remembered(
    white: &[f64],
    marks: &[bool],
    counts: &[usize],
    wanted: Wanted,
) -> (Vec<f64>, PartInputs, ResidualMeans) {
    let norms = norms();
    let scored = || Scored {
        sensors: SENSORS,
        usual: USUAL,
        norms: &norms,
        marginal: true,
    };
    let mut state = ResidualMeans::new(2, SENSORS, USUAL, true).unwrap();
    let mut found = PartInputs::sized(scored(), 2, ROWS, wanted).unwrap();
    let mut out = vec![0.0; if wanted == Wanted::Parts { 5 * ROWS } else { ROWS }];
    let present = Present { counts, marks };
    scored().remember(&parts(), &SLOW, white, &present, &mut state, wanted, &mut found, &mut out);
    (out, found, state)
}

fn close(found: f64, exact: f64) -> bool {
    (found - exact).abs() < 1e-10 * exact.abs().max(1.0)
}

#[test]
fn parts_are_those_of_the_means_taken_from_row_to_row() {
    let norms = norms();
    for gaps in [false, true] {
        let (white, marks, counts) = rows(gaps);
        let exact = naive(&white, &marks, &counts, gaps);
        let marks = if gaps { &marks[..] } else { &[] };
        let (out, ..) = remembered(&white, marks, &counts, Wanted::Parts);
        let (greatest, ..) = remembered(&white, marks, &counts, Wanted::Score);
        let mut large = 0;
        for row in 0..ROWS {
            let parts: [f64; 5] = std::array::from_fn(|number| {
                let root = exact[row][number].cbrt();
                (root - norms.mean[number]) / (norms.spread[number] * norms.limit[number])
            });
            for number in 0..5 {
                assert!(close(out[5 * row + number], parts[number]), "{gaps} {row} {number}");
            }
            let most = parts.into_iter().fold(f64::NEG_INFINITY, f64::max);
            assert!(close(greatest[row], most));
            large += usize::from(most > 1.0);
        }
        assert!((5..ROWS / 2).contains(&large), "{large}");
    }
}

#[test]
fn what_shares_are_made_from_is_kept_row_by_row() {
    for gaps in [false, true] {
        let (white, marks, counts) = rows(gaps);
        let exact = naive(&white, &marks, &counts, gaps);
        let (_, found, state) = remembered(&white, if gaps { &marks } else { &[] }, &counts, Wanted::Contributions);
        let mut released = 0;
        for row in 0..ROWS {
            let own = length(&white[row * SENSORS..(row + 1) * SENSORS]);
            let power = exact[row][0];
            assert!(close(found.capped[row], (5.0 * USUAL / power).min(1.0)));
            let scale = if counts[row] == 0 { 0.0 } else { power / own };
            assert!(close(found.scale[row], scale) && found.here[row] == counts[row]);
            for number in 0..5 {
                assert!(close(found.values[5 * row + number], exact[row][number]));
            }
            for number in 0..2 {
                let mean = &found.shifts[(2 * row + number) * SENSORS..][..SENSORS];
                // What makes of the square of the mean the part's value.
                assert!(close(found.units[4 * row + number] * length(mean), exact[row][3 + number]));
            }
            assert_eq!(found.released[2 * row], 1.0);
            released += usize::from(found.released[2 * row + 1] < 1.0);
            assert!(found.released[2 * row + 1] <= 1.0 && found.released[2 * row + 1] > 0.8);
        }
        // After the fault, and the spike, for some rows.
        assert!((3..60).contains(&released), "{released}");
        assert_eq!(found.shifts[(ROWS - 1) * 2 * SENSORS..], state.shift);
    }
}

#[test]
fn models_of_former_versions_scale_shifts_by_their_counts() {
    let (white, _, mut counts) = rows(false);
    for row in (1..ROWS).step_by(4) {
        counts[row] = 2;
    }
    let norms = norms();
    let scored = || Scored {
        sensors: SENSORS,
        usual: USUAL,
        norms: &norms,
        marginal: false,
    };
    let mut state = ResidualMeans::new(2, SENSORS, USUAL, false).unwrap();
    let mut found = PartInputs::sized(scored(), 2, ROWS, Wanted::Contributions).unwrap();
    let present = Present {
        counts: &counts,
        marks: &[],
    };
    scored().remember(&parts(), &SLOW, &white, &present, &mut state, Wanted::Contributions, &mut found, &mut []);
    let mut counted = [3.0; 2];
    for row in 0..ROWS {
        for number in 0..2 {
            counted[number] += SLOW[number] * (counts[row] as f64 - counted[number]);
            let mean = &found.shifts[(2 * row + number) * SENSORS..][..SENSORS];
            let exact = length(mean) * (2.0 - SLOW[number]) / SLOW[number] * 3.0 / counted[number];
            assert!(close(found.values[5 * row + 3 + number], exact));
            assert!(close(found.units[4 * row + number] * length(mean), exact));
        }
    }
    assert!(close(state.present[0], counted[0]) && close(state.present[1], counted[1]));
}

#[test]
fn products_are_those_of_all_places() {
    for count in 0..40 {
        let one: Vec<f64> = (0..count).map(|place| f64::from(place) - 7.0).collect();
        let other: Vec<f64> = (0..count + 3).map(|place| f64::from(place * place % 11)).collect();
        let exact: f64 = (0..one.len()).map(|place| one[place] * other[place]).sum();
        assert_eq!(products(&one, &other), exact);
        assert_eq!(squares(&one), one.iter().map(|value| value * value).sum::<f64>());
    }
}
