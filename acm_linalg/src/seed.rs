//! Random numbers: every tree, restart and sample draws from a stream of its own.

use rand::{RngExt, SeedableRng};
/// The generator of a stream (Blackman and Vigna 2021, doi 10.1145/3460772).
pub use rand_xoshiro::Xoshiro256PlusPlus as Stream;

/// The stream number `index` of `seed`: what is drawn from it does not depend on the other streams, nor on how many threads
/// draw from theirs.
#[must_use]
pub fn stream(seed: u64, index: u64) -> Stream {
    // SplitMix64's increment and finaliser (Steele, Lea and Flood 2014, doi 10.1145/2660193.2660195) part the streams of
    // neighbouring seeds and indices.
    let mut mixed = seed ^ index.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    Stream::seed_from_u64(mixed ^ mixed >> 31)
}

/// A place of each of `count` stretches that `total` places are cut into, rising: all of them where there are no more.
///
/// Places at even distances would show one phase of what comes back at that distance.
pub fn one_of_each(total: usize, count: usize) -> impl Iterator<Item = usize> {
    let count = count.min(total);
    let mut stream = stream(total as u64, count as u64);
    let start = move |number: usize| (number as u128 * total as u128 / count as u128) as usize;
    (0..count).map(move |number| stream.random_range(start(number)..start(number + 1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_each_stretch_one_place_is_drawn_at_no_even_distance() {
        for (total, count) in [(1003, 251), (1000, 300), (7, 6)] {
            let found: Vec<usize> = one_of_each(total, count).collect();
            assert_eq!(found.len(), count);
            for (number, &place) in found.iter().enumerate() {
                assert!(number * total / count <= place && place < (number + 1) * total / count, "{number} {place}");
            }
        }
        for phase in 0..4 {
            let share = one_of_each(1004, 251).filter(|place| place % 4 == phase).count();
            assert!((45..80).contains(&share), "{phase} {share}");
        }
        assert!(one_of_each(5, 9).eq(0..5) && one_of_each(5, 5).eq(0..5) && one_of_each(0, 4).next().is_none());
    }

    #[test]
    fn streams_repeat_and_differ() {
        let draw = |seed, index| stream(seed, index).random::<u64>();
        assert_eq!(draw(17, 3), draw(17, 3));
        let mut all: Vec<u64> = (0..40).flat_map(|seed| (0..40).map(move |index| draw(seed, index))).collect();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 1600);
    }
}
