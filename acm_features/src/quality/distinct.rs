//! Different values, counted as far as a small table goes.

use acm_linalg::Result;
use acm_linalg::memory::{reserve, reserved};

/// Different values that are told apart; what comes after them is not counted.
pub(super) const MOST: usize = 1 << 12;

const SLOTS: usize = 2 * MOST;

/// A table of different values in the order of their first places.
pub(super) struct Distinct {
    /// For each slot the place of its value, counted from 1; 0 where there is none.
    slots: Vec<u16>,
    values: Vec<f64>,
}

impl Distinct {
    pub(super) fn new() -> Result<Self> {
        const { assert!(MOST < u16::MAX as usize) };
        Ok(Self {
            slots: reserve(SLOTS, 0, "different values")?,
            values: reserved(MOST, "different values")?,
        })
    }

    pub(super) fn clear(&mut self) {
        self.slots.fill(0);
        self.values.clear();
    }

    pub(super) fn len(&self) -> usize {
        self.values.len()
    }

    pub(super) fn is_full(&self) -> bool {
        self.values.len() == MOST
    }

    pub(super) fn values(&self) -> &[f64] {
        &self.values
    }

    /// The place of a value, which is no NaN and no -0.0; none where it is new and the table full.
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "at most `SLOTS`")]
    pub(super) fn place(&mut self, value: f64) -> Option<usize> {
        let bits = value.to_bits();
        let mixed = (bits ^ (bits >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mut slot = (mixed >> (u64::BITS - SLOTS.ilog2())) as usize;
        loop {
            match self.slots[slot] {
                0 if self.is_full() => return None,
                0 => {
                    self.values.push(value);
                    self.slots[slot] = self.values.len() as u16;
                    return Some(self.values.len() - 1);
                }
                held if self.values[usize::from(held) - 1] == value => return Some(usize::from(held) - 1),
                _ => slot = (slot + 1) % SLOTS,
            }
        }
    }
}
