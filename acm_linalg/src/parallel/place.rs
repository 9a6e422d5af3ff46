//! Which processors the threads of one call are on, where Linux tells.
//!
//! A worker that last ran where its caller runs now is often woken there although another processor has nothing to do: it
//! waits behind the caller, or takes turns with it, for milliseconds. It is sent elsewhere by forbidding it, for a moment,
//! the processors that are taken.

use rayon::ThreadPool;
#[cfg(target_os = "linux")]
use rustix::thread::{Pid, gettid, sched_getaffinity, sched_getcpu, sched_setaffinity};

/// Where the workers of a pool can be found; nowhere where they may not be moved.
pub(super) struct Places {
    #[cfg(target_os = "linux")]
    workers: Vec<Pid>,
}

/// A set of the first 64 processors.
pub(super) type Processors = u64;

#[cfg(target_os = "linux")]
impl Places {
    pub(super) fn of(pool: &ThreadPool) -> Self {
        let workers = pool.broadcast(|_| gettid());
        Self {
            workers: if calls_are_free() { workers } else { Vec::new() },
        }
    }

    /// The processor that the calling thread is on.
    pub(super) fn here(&self) -> Processors {
        if self.workers.is_empty() {
            return 0;
        }
        u32::try_from(sched_getcpu())
            .ok()
            .and_then(|number| 1_u64.checked_shl(number))
            .unwrap_or(0)
    }

    /// Moves a worker that is on one of the processors `taken`, or waits for it, to one that is not.
    pub(super) fn send_away(&self, worker: usize, taken: Processors) {
        let Some(&worker) = self.workers.get(worker) else {
            return;
        };
        let Ok(allowed) = sched_getaffinity(Some(worker)) else {
            return;
        };
        let mut elsewhere = allowed;
        (0..64)
            .filter(|number| taken >> number & 1 == 1)
            .for_each(|number| elsewhere.unset(number));
        if elsewhere.count() > 0 && sched_setaffinity(Some(worker), &elsewhere).is_ok() {
            // What was allowed a moment ago still is.
            let _ = sched_setaffinity(Some(worker), &allowed);
        }
    }
}

/// Whether nobody has forbidden this process some of the system's calls: a service that may not say where its threads run can
/// be set to end at the attempt.
#[cfg(target_os = "linux")]
fn calls_are_free() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status
        .lines()
        .any(|line| line.strip_prefix("Seccomp:").is_some_and(|mode| mode.trim() == "0"))
}

#[cfg(not(target_os = "linux"))]
impl Places {
    pub(super) fn of(pool: &ThreadPool) -> Self {
        pool.broadcast(|_| ());
        Self {}
    }

    pub(super) fn here(&self) -> Processors {
        0
    }

    pub(super) fn send_away(&self, _worker: usize, _taken: Processors) {}
}

#[cfg(all(test, target_os = "linux"))]
pub(super) mod tests {
    use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

    use rayon::ThreadPoolBuilder;
    use rustix::thread::CpuSet;

    use super::*;

    /// The processors that the calling thread may use, of the first 64.
    fn allowed() -> Processors {
        let set = sched_getaffinity(None).expect("the own processors");
        (0..64).filter(|&number| set.is_set(number)).map(|number| 1 << number).sum()
    }

    /// Whether a worker that works is elsewhere after `move_from` than before.
    pub(in crate::parallel) fn during(pool: &ThreadPool, places: &Places, move_from: impl FnOnce(Processors)) -> bool {
        let (at, left) = (AtomicU64::new(0), AtomicBool::new(false));
        let seen = || loop {
            match at.swap(0, Ordering::AcqRel) {
                0 => std::hint::spin_loop(),
                seen => break seen,
            }
        };
        pool.in_place_scope(|scope| {
            scope.spawn(|_| {
                while !left.load(Ordering::Acquire) {
                    at.store(places.here(), Ordering::Release);
                }
            });
            let before = seen();
            move_from(before);
            // The first may be of before.
            seen();
            let after = seen();
            left.store(true, Ordering::Release);
            before != after
        })
    }

    /// A worker, unless there is but one processor for it, or too many to tell them apart.
    pub(in crate::parallel) fn movable() -> Option<(ThreadPool, Places)> {
        let pool = ThreadPoolBuilder::new().num_threads(1).build().ok()?;
        let places = Places::of(&pool);
        let all = sched_getaffinity(None).ok()?.count();
        (!places.workers.is_empty() && all > 1 && allowed().count_ones() == all).then_some((pool, places))
    }

    #[test]
    fn a_worker_is_moved_and_may_use_what_it_might() {
        let Some((pool, places)) = movable() else { return };
        // What else runs here may send it back at any moment.
        let moved = (0..40).filter(|_| {
            pool.install(|| {
                let before = places.here();
                places.send_away(0, before);
                let after = places.here();
                assert_eq!([before.count_ones(), after.count_ones()], [1, 1]);
                before != after
            })
        });
        assert!(moved.count() > 20);
        assert_eq!(pool.install(allowed), allowed());
    }

    #[test]
    fn a_worker_stays_where_all_it_may_use_is_taken() {
        let pool = ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        let places = Places::of(&pool);
        pool.install(|| {
            let whole = sched_getaffinity(None).unwrap();
            let mut one = CpuSet::new();
            one.set(sched_getcpu());
            sched_setaffinity(None, &one).unwrap();
            places.send_away(0, places.here());
            places.send_away(0, u64::MAX);
            assert_eq!(sched_getaffinity(None).unwrap(), one);
            sched_setaffinity(None, &whole).unwrap();
        });
        // There is no such worker.
        places.send_away(7, 1);
    }

    #[test]
    fn a_worker_is_moved_by_others_too() {
        let Some((pool, places)) = movable() else { return };
        let moved = (0..40).filter(|_| during(&pool, &places, |before| places.send_away(0, before)));
        assert!(moved.count() > 20);
        assert_eq!(pool.install(allowed), allowed());
    }
}
