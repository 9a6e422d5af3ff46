//! Who works on one call: workers come to a processor of their own, and the call ends when all have left.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::place::Processors;
use super::{POLL, Stop, Workers, lock, told_to_stop};

/// A worker that has not come by then may wait for the processor of one who works.
pub(super) const LATE: Duration = Duration::from_micros(60);

/// In a larger pool a worker that is late matters less than looking for it takes.
const FEW: usize = 8;

/// The workers of one call.
pub(super) struct Crew<'a> {
    workers: &'a Workers,
    begun: Instant,
    busy: Mutex<usize>,
    idle: Condvar,
    /// A bit for each worker that has come, of a few.
    come: AtomicU64,
    /// The processors that those at work were on as they came.
    taken: AtomicU64,
    /// Whether nobody is looked for any more.
    looked: AtomicBool,
}

impl<'a> Crew<'a> {
    /// So many workers, and the calling thread unless it watches.
    pub(super) fn of(workers: &'a Workers, hired: usize, watch: bool) -> Self {
        Self {
            busy: Mutex::new(hired),
            ..Self::on(workers, if watch { 0 } else { workers.places.here() })
        }
    }

    /// Nobody yet, on processors of which some are taken.
    pub(super) fn on(workers: &'a Workers, taken: Processors) -> Self {
        Self {
            workers,
            begun: Instant::now(),
            busy: Mutex::new(0),
            idle: Condvar::new(),
            come: AtomicU64::new(0),
            taken: AtomicU64::new(taken),
            looked: AtomicBool::new(workers.threads.current_num_threads() > FEW),
        }
    }

    /// For a worker that begins, which it shall on a processor of its own, if there is one.
    pub(super) fn come(&self) {
        let Some(worker) = rayon::current_thread_index() else {
            return;
        };
        self.come.fetch_or(bit(worker), Ordering::Relaxed);
        let places = &self.workers.places;
        let here = places.here();
        let taken = self.taken.fetch_or(here, Ordering::Relaxed);
        if here & taken != 0 {
            places.send_away(worker, taken);
            self.taken.fetch_or(places.here(), Ordering::Relaxed);
        }
    }

    /// For who is at work: sends workers that have not come in time to another processor, once.
    pub(super) fn look_for_the_late(&self) {
        if self.looked.load(Ordering::Relaxed)
            || self.begun.elapsed() < LATE
            || self.looked.swap(true, Ordering::Relaxed)
        {
            return;
        }
        let (come, taken) = (self.come.load(Ordering::Relaxed), self.taken.load(Ordering::Relaxed));
        for worker in (0..self.workers.threads.current_num_threads()).filter(|&worker| bit(worker) & !come != 0) {
            self.workers.places.send_away(worker, taken);
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

/// The bit of a worker, of the first 64.
fn bit(worker: usize) -> u64 {
    u32::try_from(worker).ok().and_then(|worker| 1_u64.checked_shl(worker)).unwrap_or(0)
}

pub(super) struct Leave<'a>(pub(super) &'a Crew<'a>);

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        *lock(&self.0.busy) -= 1;
        self.0.idle.notify_one();
    }
}
