//! Long arrays in order, on all threads.

use std::cmp::Ordering;

use acm_linalg::Result;
use acm_linalg::parallel::{self, Stop};
use acm_linalg::samples::room;

/// Items that one job sorts: some 2 ms.
const RUN: usize = 32_768;

/// Items between two looks at the request to stop.
const LOOK: usize = 4096;

/// Estimated time of a step for an item, in nanoseconds.
const SORT_NS: f64 = 60.0;
const MERGE_NS: f64 = 8.0;

/// `items` in ascending order. No two may be equal: the order is then the same for any number of threads.
///
/// # Errors
/// [`acm_linalg::Error::Memory`]; [`acm_linalg::Error::Interrupted`].
pub(super) fn sorted<T: Copy + Send + Sync>(
    mut items: Vec<T>,
    compare: impl Fn(&T, &T) -> Ordering + Sync,
) -> Result<Vec<T>> {
    let count = items.len();
    parallel::run(
        items.chunks_mut(RUN),
        SORT_NS * count as f64,
        || Ok(()),
        |(), part, stop| {
            if !stop.requested() {
                part.sort_unstable_by(&compare);
            }
        },
    )?;
    let Some(&blank) = items.first().filter(|_| count > RUN) else {
        return Ok(items);
    };
    let mut merged = room(count, 1, blank, "items in order")?;
    let mut width = RUN;
    while width < count {
        parallel::run(
            merged.chunks_mut(2 * width).zip(items.chunks(2 * width)),
            MERGE_NS * count as f64,
            || Ok(()),
            |(), (to, from), stop| merge(from.split_at(width.min(from.len())), to, &compare, stop),
        )?;
        std::mem::swap(&mut items, &mut merged);
        width *= 2;
    }
    Ok(items)
}

fn merge<T: Copy>(sides: (&[T], &[T]), to: &mut [T], compare: &impl Fn(&T, &T) -> Ordering, stop: &Stop) {
    let (mut low, mut high) = sides;
    for part in to.chunks_mut(LOOK) {
        if stop.requested() {
            return;
        }
        for to in part {
            let lower = match (low.first(), high.first()) {
                (Some(low), Some(high)) => compare(low, high).is_lt(),
                (low, _) => low.is_some(),
            };
            let side = if lower { &mut low } else { &mut high };
            if let Some((first, rest)) = side.split_first() {
                (*to, *side) = (*first, rest);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_length_and_any_threads_give_the_order() {
        for count in [0, 1, RUN - 1, RUN, RUN + 1, 2 * RUN, 3 * RUN + 17, 7 * RUN + 1] {
            let items: Vec<(u64, usize)> = (0..count).map(|place| (place as u64 * 7919 % 1009, place)).collect();
            let mut expected = items.clone();
            expected.sort_unstable();
            for threads in [1, 3] {
                parallel::set_num_threads(threads).unwrap();
                assert!(sorted(items.clone(), Ord::cmp).unwrap() == expected, "{count} {threads}");
            }
        }
    }
}
