//! How far numbers are from having one mode.
//!
//! In the manner of the dip of Hartigan and Hartigan (1985, doi 10.1214/aos/1176346577): a distribution function with one mode
//! is convex before it and concave after it. For a mode at x the departure is the greatest distance of the empirical
//! distribution function from its greatest convex minorant before x, or from its least concave majorant after x, whichever
//! is larger; the departure of the numbers is the least over all x. It is 0 for one mode in the limit of many numbers.

use acm_linalg::Result;
use acm_linalg::memory::{Gather, reserved};

const WHAT: &str = "the steps of a distribution";

/// A value, and the counts of numbers below it and up to it.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Step {
    value: f64,
    below: f64,
    up_to: f64,
}

/// The departure from one mode, in shares of the numbers: between 0 and 1, whatever their order, unit and offset.
///
/// Sorts `values`, which are all finite. Cost: O(n log n).
///
/// # Errors
/// [`acm_linalg::Error::Memory`].
pub(crate) fn departure(values: &mut [f64]) -> Result<f64> {
    values.sort_unstable_by(f64::total_cmp);
    let count = values.len() as f64;
    let mut rising: Vec<Step> = reserved(values.len(), WHAT)?;
    let mut below = 0.0;
    for run in values.chunk_by(|one, next| one == next) {
        let up_to = below + run.len() as f64;
        rising.push(Step {
            value: run[0],
            below,
            up_to,
        });
        below = up_to;
    }
    let turned = |step: &Step| Step {
        value: -step.value,
        below: count - step.up_to,
        up_to: count - step.below,
    };
    let falling = rising.iter().rev().map(turned).gathered(WHAT)?;
    let steps = rising.len();
    if steps < 2 {
        return Ok(0.0);
    }
    let (mut left, mut right) = (reserved(steps, WHAT)?, reserved(steps, WHAT)?);
    let mut before = |mode: usize| self::before(&rising[..=mode], &mut left);
    let mut after = |mode: usize| self::before(&falling[..steps - mode], &mut right);
    // A later mode leaves more to be convex and less to be concave: where the two cross is the best one.
    let (mut low, mut high) = (0, steps - 1);
    while low < high {
        let middle = usize::midpoint(low, high);
        if before(middle) >= after(middle) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    let mut at = |mode: usize| before(mode).max(after(mode));
    let mut least = at(low);
    if let Some(earlier) = low.checked_sub(1) {
        least = least.min(at(earlier));
    }
    Ok(least / count)
}

/// The greatest distance from the greatest convex minorant over all steps but the last, which is the mode. `hull` has room
/// for as many places.
fn before(steps: &[Step], hull: &mut Vec<usize>) -> f64 {
    hull.clear();
    for (place, step) in steps.iter().enumerate() {
        while let [.., first, second] = hull[..] {
            let (first, second) = (steps[first], steps[second]);
            let rise = (second.below - first.below) * (step.value - first.value);
            if rise >= (step.below - first.below) * (second.value - first.value) {
                hull.pop();
            } else {
                break;
            }
        }
        hull.push(place);
    }
    let mut greatest = 0.0_f64;
    for pair in hull.windows(2) {
        let (first, last) = (steps[pair[0]], steps[pair[1]]);
        let width = last.value - first.value;
        for step in &steps[pair[0]..pair[1]] {
            let share = (step.value - first.value) / width;
            greatest = greatest.max(step.up_to - (first.below + share * (last.below - first.below)));
        }
    }
    greatest
}

#[cfg(test)]
mod tests {
    use acm_linalg::seed::stream;
    use rand::RngExt;

    use super::*;

    #[test]
    fn one_mode_departs_little_and_two_do_much() {
        let mut random = stream(1, 0);
        let mut normal = || (0..12).map(|_| random.random::<f64>()).sum::<f64>() - 6.0;
        let mut one: Vec<f64> = (0..2000).map(|_| normal()).collect();
        let mut two: Vec<f64> = (0..2000).map(|place| normal() + f64::from(place % 2) * 8.0).collect();
        let mut few: Vec<f64> = (0..2000).map(|place| normal() + f64::from(u8::from(place % 20 == 0)) * 12.0).collect();
        let [one, two, few] = [&mut one, &mut two, &mut few].map(|values| departure(values).unwrap());
        assert!(one < 0.025, "{one}");
        assert!(two > 0.2, "{two}");
        // A second mode of a twentieth is a fortieth away from whatever has one mode.
        assert!(few > 0.025, "{few}");
    }

    #[test]
    fn the_best_mode_is_the_best_of_all() {
        let mut random = stream(2, 0);
        for count in 2..60_usize {
            let mut values: Vec<f64> = (0..count).map(|_| (random.random::<f64>() * 20.0).round()).collect();
            let found = departure(&mut values).unwrap();
            let mut steps: Vec<Step> = Vec::new();
            for &value in &values {
                let below = values.iter().filter(|&&other| other < value).count() as f64;
                let up_to = values.iter().filter(|&&other| other <= value).count() as f64;
                let step = Step { value, below, up_to };
                if steps.last() != Some(&step) {
                    steps.push(step);
                }
            }
            let total = count as f64;
            let turned: Vec<Step> = steps
                .iter()
                .rev()
                .map(|step| Step {
                    value: -step.value,
                    below: total - step.up_to,
                    up_to: total - step.below,
                })
                .collect();
            let mut hull = Vec::new();
            let all = (0..steps.len())
                .map(|mode| before(&steps[..=mode], &mut hull).max(before(&turned[..steps.len() - mode], &mut hull)));
            assert_eq!(found, all.fold(f64::INFINITY, f64::min) / total, "{values:?}");
        }
    }

    #[test]
    fn constants_and_few_numbers_have_one_mode() {
        assert_eq!(departure(&mut []), Ok(0.0));
        assert_eq!(departure(&mut [3.0; 9]), Ok(0.0));
        assert!(departure(&mut [1.0, 2.0, 3.0, 4.0]).unwrap() <= 0.5);
    }
}
