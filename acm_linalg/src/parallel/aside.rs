//! Work that cannot look at a request to stop, such as a library's decomposition of a large matrix.

use std::cell::RefCell;
use std::panic::resume_unwind;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use super::{BESIDE_STACK, HOOK, POLL, STACK, Stop, WATCH_NS, told_to_stop};
use crate::error::{Error, Result};
use crate::memory::probe;

thread_local! {
    /// On a thread of such work: whether nobody waits for it any more.
    static GIVEN_UP: RefCell<Option<Arc<Stop>>> = const { RefCell::new(None) };
}

pub(super) fn given_up() -> Option<bool> {
    GIVEN_UP.with_borrow(|stop| stop.as_ref().map(|stop| stop.requested()))
}

/// What `work` returns. Where it is long, it runs on a thread of its own while this one asks whether to stop; it is then left
/// to itself: it goes on to its end, or to its next look at a [`super::Watch`], and what it holds is freed there.
///
/// `cost_ns` is the estimated time; short work runs on the calling thread. Within a job of [`super::run`], `stop` is the
/// request that the job was given; elsewhere `None`.
///
/// Where no thread can be started, the calling thread does the work.
///
/// # Errors
/// [`Error::Interrupted`].
///
/// # Panics
/// Hands on a panic of `work`.
pub fn aside<R: Send + 'static>(
    cost_ns: f64,
    stop: Option<&Stop>,
    work: impl FnOnce() -> R + Send + 'static,
) -> Result<R> {
    if cost_ns < WATCH_NS || HOOK.get().is_none() {
        Ok(work())
    } else {
        apart(stop, work)
    }
}

fn apart<R: Send + 'static>(stop: Option<&Stop>, work: impl FnOnce() -> R + Send + 'static) -> Result<R> {
    let done = Arc::new(Mutex::new(None));
    let place = Arc::clone(&done);
    let work = Box::new(move || {
        let result = work();
        *place.lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
    });
    done_apart(stop, work)?;
    taken(&done).ok_or(Error::Interrupted)
}

/// Knows nothing of the result, so that it is compiled once.
fn done_apart(stop: Option<&Stop>, work: Box<dyn FnOnce() + Send>) -> Result<()> {
    let (sender, receiver) = channel();
    let given_up = Arc::new(Stop::default());
    let told = Arc::clone(&given_up);
    let work = Arc::new(Mutex::new(Some(work)));
    let handed = Arc::clone(&work);
    let start = thread::Builder::new().name("acm-aside".to_owned()).stack_size(STACK);
    let labour = move || {
        GIVEN_UP.set(Some(told));
        // Nobody listens any more where the work was given up.
        if let Some(work) = taken(&handed) {
            work();
            let _ = sender.send(());
        }
    };
    // A thread that finds no room once it runs ends the process.
    let room = probe(STACK + BESIDE_STACK, "a thread's stack").ok();
    let Some(worker) = room.and_then(|()| start.spawn(labour).ok()) else {
        return taken(&work).map(|work| work()).ok_or(Error::Interrupted);
    };
    loop {
        match receiver.recv_timeout(POLL) {
            Ok(()) => return Ok(()),
            Err(RecvTimeoutError::Timeout) => {
                if stop.map_or_else(told_to_stop, Stop::requested) {
                    given_up.request();
                    return Err(Error::Interrupted);
                }
            }
            Err(RecvTimeoutError::Disconnected) => match worker.join() {
                Err(panic) => resume_unwind(panic),
                Ok(()) => return Err(Error::Interrupted),
            },
        }
    }
}

fn taken<T>(from: &Mutex<Option<T>>) -> Option<T> {
    from.lock().unwrap_or_else(PoisonError::into_inner).take()
}

#[cfg(test)]
mod tests {
    use std::panic::catch_unwind;

    use super::*;

    #[test]
    fn results_and_panics_come_back() {
        assert_eq!(aside(1e3, None, || 7), Ok(7));
        assert_eq!(apart(None, || 7), Ok(7));
        assert_eq!(apart(Some(&Stop::default()), || 7), Ok(7));
        assert!(catch_unwind(|| apart(None, || panic!("job"))).is_err());
    }

    #[test]
    fn work_within_a_job_is_left_to_itself_when_the_job_shall_stop() {
        let stop = Stop::default();
        stop.request();
        let (release, held) = channel::<()>();
        // Ends only after it was given up.
        let found = apart(Some(&stop), move || held.recv().is_ok());
        assert_eq!(found, Err(Error::Interrupted));
        drop(release);
    }
}
