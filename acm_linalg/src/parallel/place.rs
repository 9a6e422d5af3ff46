//! A processor for each of two threads, where Linux tells which they are on.
//!
//! Of two processors Linux often wakes a worker on the one that its caller is on, if that is where it last ran, although the
//! other has nothing to do: the two take turns there for milliseconds. Such a worker moves itself, by forbidding itself that
//! processor for a moment. Where there are more processors than two, it is not known to gain.

#[cfg(target_os = "linux")]
use rustix::thread::{CpuSet, sched_getaffinity, sched_getcpu, sched_setaffinity};

/// A set of the first 64 processors.
pub(super) type Processors = u64;

/// The processor that the calling thread is on.
#[cfg(target_os = "linux")]
pub(super) fn here() -> Processors {
    u32::try_from(sched_getcpu())
        .ok()
        .and_then(|number| 1_u64.checked_shl(number))
        .unwrap_or(0)
}

/// Moves the calling thread to the other of the two processors that it may use, if one of them is `taken`.
#[cfg(target_os = "linux")]
pub(super) fn move_off(taken: Processors) {
    let Ok(allowed) = sched_getaffinity(None) else { return };
    let mut elsewhere = allowed;
    (0..64)
        .filter(|number| taken >> number & 1 == 1)
        .for_each(|number| elsewhere.unset(number));
    if allowed.count() != 2 || elsewhere.count() != 1 || sched_setaffinity(None, &elsewhere).is_err() {
        return;
    }
    // All that the system allows, also what it may allow later; less where this thread was told to use less.
    let mut all = CpuSet::new();
    (0..CpuSet::MAX_CPU).for_each(|number| all.set(number));
    let widened = sched_setaffinity(None, &all).and_then(|()| sched_getaffinity(None));
    if widened != Ok(allowed) {
        let _ = sched_setaffinity(None, &allowed);
    }
}

/// Whether nobody has forbidden the calling thread some of the system's calls: a service that may not say where its threads
/// run can be set to end at the attempt.
#[cfg(target_os = "linux")]
pub(super) fn may_move() -> bool {
    let status = std::fs::read_to_string("/proc/thread-self/status").unwrap_or_default();
    status
        .lines()
        .any(|line| line.strip_prefix("Seccomp:").is_some_and(|mode| mode.trim() == "0"))
}

#[cfg(not(target_os = "linux"))]
pub(super) fn here() -> Processors {
    0
}

#[cfg(not(target_os = "linux"))]
pub(super) fn move_off(_taken: Processors) {}

#[cfg(not(target_os = "linux"))]
pub(super) fn may_move() -> bool {
    false
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::thread;

    use super::*;

    /// What `work` says on a thread of its own that may use these processors; none where there are no two.
    fn on_two<R: Send>(work: impl FnOnce(CpuSet) -> R + Send) -> Option<R> {
        let whole = sched_getaffinity(None).ok()?;
        let mut two = CpuSet::new();
        (0..64).filter(|&number| whole.is_set(number)).take(2).for_each(|number| two.set(number));
        let on_them = || {
            sched_setaffinity(None, &two).ok()?;
            Some(work(two))
        };
        let asked = two.count() == 2 && may_move();
        asked.then(|| thread::scope(|scope| scope.spawn(on_them).join().ok().flatten())).flatten()
    }

    #[test]
    fn a_thread_moves_to_the_other_processor_and_may_use_both() {
        let Some(moved) = on_two(|two| {
            // What else runs here may send it back at any moment.
            let moved = (0..40).filter(|_| {
                let before = here();
                move_off(before);
                assert_eq!(sched_getaffinity(None), Ok(two));
                let after = here();
                assert_eq!([before.count_ones(), after.count_ones()], [1, 1]);
                before != after
            });
            moved.count()
        }) else {
            return;
        };
        assert!(moved > 20, "{moved}");
    }

    #[test]
    fn a_thread_stays_where_nothing_or_all_is_taken() {
        on_two(|two| {
            for taken in [0, u64::MAX] {
                move_off(taken);
                assert_eq!(sched_getaffinity(None), Ok(two));
            }
            let mut one = CpuSet::new();
            one.set(sched_getcpu());
            sched_setaffinity(None, &one).unwrap();
            move_off(here());
            assert_eq!(sched_getaffinity(None), Ok(one));
        });
    }
}
