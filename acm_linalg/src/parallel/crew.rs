//! Who works on one call: workers come to a processor of their own, and the call ends when all have left.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};

use super::place::{Processors, here, move_off};
use super::{POLL, Stop, lock, told_to_stop};

/// The workers of one call.
pub(super) struct Crew {
    busy: Mutex<usize>,
    idle: Condvar,
    /// The processors that those at work were on as they came, where workers may move.
    taken: Option<AtomicU64>,
}

impl Crew {
    /// So many workers, which may move off the processors of others: of those in `taken` too, if it is there.
    pub(super) fn of(hired: usize, taken: Option<Processors>) -> Self {
        Self {
            busy: Mutex::new(hired),
            idle: Condvar::new(),
            taken: taken.map(AtomicU64::new),
        }
    }

    /// For a worker that begins, which it shall on a processor of its own, if there is one.
    pub(super) fn come(&self) {
        let Some(taken) = &self.taken else { return };
        let own = here();
        let others = taken.fetch_or(own, Ordering::Relaxed);
        if own & others != 0 {
            move_off(others);
            taken.fetch_or(here(), Ordering::Relaxed);
        }
    }

    /// Waits until everybody has left; returns whether the hook asked to stop.
    pub(super) fn watch(&self, stop: &Stop) -> bool {
        let mut interrupted = false;
        let mut busy = lock(&self.busy);
        while *busy > 0 {
            busy = self.idle.wait_timeout(busy, POLL).unwrap_or_else(PoisonError::into_inner).0;
            if *busy > 0 && !interrupted {
                drop(busy);
                if told_to_stop() {
                    interrupted = true;
                    stop.request();
                }
                busy = lock(&self.busy);
            }
        }
        interrupted
    }
}

/// One worker of a crew less when dropped.
pub(super) struct Leave<'a>(pub(super) &'a Crew);

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        *lock(&self.0.busy) -= 1;
        self.0.idle.notify_one();
    }
}
