//! Random numbers: every tree, restart and sample draws from a stream of its own.

use rand::SeedableRng;
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

#[cfg(test)]
mod tests {
    use rand::RngExt;

    use super::*;

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
