//! Chance that can be had again: a small generator from one seed (SplitMix64).
//!
//! Owns nothing secret. What the server keeps is drawn by its own dice; this only decides what the driver does when.

/// A stream of numbers that the seed decides.
#[derive(Clone, Debug)]
pub struct Chance(u64);

impl Chance {
    pub fn new(seed: u64) -> Chance {
        Chance(seed)
    }

    /// A stream of its own for the `n`-th thread or round.
    pub fn branch(&self, n: u64) -> Chance {
        let mut chance = Chance(self.0 ^ n.wrapping_add(1).wrapping_mul(0xd1b5_4a32_d192_ed03));
        chance.next();
        chance
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `limit`, which is small: its bias is of no account here.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit.max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_numbers_again_and_branches_differ() {
        // Test vector of the reference implementation for the seed 1234567.
        let mut chance = Chance::new(1_234_567);
        assert_eq!([chance.next(), chance.next()], [6_457_827_717_110_365_317, 3_203_168_211_198_807_973]);
        let root = Chance::new(7);
        assert_eq!(root.branch(3).next(), root.branch(3).next());
        assert_ne!(root.branch(3).next(), root.branch(4).next());
    }
}
