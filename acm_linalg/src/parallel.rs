//! Threads: one own pool, started at the first long call, and the one way to run work on it.
//!
//! The pool is keyed by process id: a forked child has none of its parent's threads, so it starts a pool of its own and
//! leaks the parent's (whose locks may be held by threads that are not there). Nothing starts at import.

use std::cell::Cell;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::error::{Error, Result, require};
use crate::memory;

mod aside;

pub use aside::aside;

/// Environment variable read once for the default number of threads.
pub const THREADS_VARIABLE: &str = "ACM_NUM_THREADS";

/// Most threads that may be asked for.
pub const MAX_THREADS: usize = 1024;

/// Work estimated below this many nanoseconds stays on the calling thread: waking a worker costs some 10 to 20 us.
const SERIAL_NS: f64 = 60_000.0;

/// Work estimated above this many nanoseconds is left to the pool while the calling thread watches for interrupts;
/// below, the calling thread works too.
const WATCH_NS: f64 = 8_000_000.0;

/// Of two threads both workers are woken for work estimated above this many nanoseconds, though the calling thread works
/// too: Linux may leave a single one to wait for the processor that the calling thread is on while another has nothing to do.
const SPARE_NS: f64 = 200_000.0;

/// Work estimated below this many nanoseconds does not ask for interrupts.
const ASK_NS: f64 = 10_000.0;

/// Stack of a thread, in bytes.
const STACK: usize = 1 << 21;

/// What a thread needs besides its stack, in bytes.
const BESIDE_STACK: usize = 1 << 16;

/// How often a waiting thread asks whether to stop.
pub const POLL: Duration = Duration::from_millis(20);

struct Pool {
    process: u32,
    threads: usize,
    workers: ThreadPool,
    /// Whether a call is using it. Another call would queue behind that one's work, however short its own.
    taken: AtomicBool,
}

/// The right to use the pool, given back when dropped.
struct Lease(Arc<Pool>);

impl Lease {
    fn take(pool: Arc<Pool>) -> Option<Self> {
        let free = pool.taken.compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed);
        free.is_ok().then(|| Self(pool))
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.0.taken.store(false, Ordering::Release);
    }
}

static POOL: ArcSwapOption<Pool> = ArcSwapOption::const_empty();
/// 0: not set by the caller.
static THREADS: AtomicUsize = AtomicUsize::new(0);
static HOOK: OnceLock<fn() -> bool> = OnceLock::new();

/// Sets the number of threads that long calls use from now on.
///
/// # Errors
/// [`Error::Parameter`] unless `1 <= threads <= 1024`.
pub fn set_num_threads(threads: usize) -> Result<()> {
    require((1..=MAX_THREADS).contains(&threads), "n", "between 1 and 1024", threads)?;
    THREADS.store(threads, Ordering::Relaxed);
    Ok(())
}

/// The number of threads that long calls use: as set, else `ACM_NUM_THREADS`, else the cores this process may use.
#[must_use]
pub fn num_threads() -> usize {
    /// 0: not found yet. Two threads may both look; a lock would stay taken in a child that is forked amid the first look.
    static DEFAULT: AtomicUsize = AtomicUsize::new(0);
    let known = match THREADS.load(Ordering::Relaxed) {
        0 => DEFAULT.load(Ordering::Relaxed),
        threads => threads,
    };
    if known > 0 {
        return known;
    }
    let cores = || std::thread::available_parallelism().map_or(1, NonZeroUsize::get).min(MAX_THREADS);
    let found = setting().and_then(|text| threads_of(&text)).unwrap_or_else(cores);
    DEFAULT.store(found, Ordering::Relaxed);
    found
}

/// What [`THREADS_VARIABLE`] says where that is no number of threads, and so is not heeded.
#[must_use]
pub fn unheeded_setting() -> Option<String> {
    setting().filter(|text| threads_of(text).is_none())
}

/// [`THREADS_VARIABLE`], unless it is not set or empty.
fn setting() -> Option<String> {
    let text = std::env::var_os(THREADS_VARIABLE)?.to_string_lossy().trim().to_owned();
    Some(text).filter(|text| !text.is_empty())
}

fn threads_of(text: &str) -> Option<usize> {
    text.parse().ok().filter(|threads| (1..=MAX_THREADS).contains(threads))
}

/// Registers the question "shall the running work stop?", asked on the calling thread every 20 ms of a long call.
///
/// The first registration stays.
pub fn set_interrupt_hook(hook: fn() -> bool) {
    let _ = HOOK.set(hook);
}

/// Asks the interrupt hook for a computation that consists of many short calls of [`run`], none of which lasts long enough
/// to ask for itself.
#[derive(Debug)]
pub struct Watch {
    last: Instant,
    steps: usize,
}

/// Steps of a loop, of some nanoseconds each, between two looks at the clock.
const STEPS: usize = 1 << 16;

impl Watch {
    /// From now on.
    #[must_use]
    pub fn start() -> Self {
        Self {
            last: Instant::now(),
            steps: 0,
        }
    }

    /// As [`Self::look`], for a loop of many short steps: so many more of them are done.
    ///
    /// # Errors
    /// [`Error::Interrupted`].
    #[inline]
    pub fn after(&mut self, steps: usize) -> Result<()> {
        self.steps = self.steps.saturating_add(steps);
        if self.steps < STEPS {
            return Ok(());
        }
        self.steps = 0;
        self.look()
    }

    /// `Ok` unless the hook says to stop; it is asked when 20 ms have passed since it last was. For the thread that [`run`] is
    /// called on.
    ///
    /// # Errors
    /// [`Error::Interrupted`].
    pub fn look(&mut self) -> Result<()> {
        if self.last.elapsed() < POLL {
            return Ok(());
        }
        self.last = Instant::now();
        if told_to_stop() { Err(Error::Interrupted) } else { Ok(()) }
    }
}

/// Asks the hook if this thread has not for a while: a computation may be many calls of [`run`], each of them short.
fn ask_at_times() -> Result<()> {
    thread_local! {
        static LAST: Cell<Option<Instant>> = const { Cell::new(None) };
    }
    let now = Instant::now();
    if HOOK.get().is_none() || LAST.get().is_some_and(|last| now.duration_since(last) < POLL) {
        return Ok(());
    }
    LAST.set(Some(now));
    if told_to_stop() { Err(Error::Interrupted) } else { Ok(()) }
}

/// Whether the hook says to stop, which is asked on the thread that calls; work put [`aside`] hears whether it was given up.
fn told_to_stop() -> bool {
    aside::given_up().unwrap_or_else(|| HOOK.get().is_some_and(|hook| hook()))
}

/// The pool; none where memory lacks for its threads.
fn pool() -> Option<Arc<Pool>> {
    let process = std::process::id();
    let threads = num_threads();
    if let Some(pool) = POOL.load_full()
        && pool.process == process
        && pool.threads == threads
    {
        return Some(pool);
    }
    let fresh = Arc::new(Pool {
        process,
        threads,
        workers: workers(threads)?,
        taken: AtomicBool::new(false),
    });
    if let Some(old) = POOL.swap(Some(Arc::clone(&fresh)))
        && old.process != process
    {
        // Dropping it would touch locks that a thread left behind by the fork may hold for ever.
        std::mem::forget(old);
    }
    Some(fresh)
}

/// So many threads; none where memory lacks: one that finds no room once it runs ends the process.
fn workers(threads: usize) -> Option<ThreadPool> {
    memory::probe(threads * (STACK + BESIDE_STACK), "the threads' stacks").ok()?;
    let pool = ThreadPoolBuilder::new()
        .num_threads(threads)
        .stack_size(STACK)
        .thread_name(|index| format!("acm-{index}"))
        .build()
        .ok()?;
    // Each has its room before the work takes what is left.
    pool.broadcast(|_| ());
    Some(pool)
}

/// A request to stop, read by long-running work between its steps.
#[derive(Debug, Default)]
pub struct Stop(AtomicBool);

impl Stop {
    /// Whether the work shall stop. What has been computed so far is thrown away.
    #[inline]
    #[must_use]
    pub fn requested(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    fn request(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Runs `work` on every job, on as many threads as are set, and returns when all are done.
///
/// `cost_ns` is the estimated time of all jobs on one thread; it decides between the calling thread alone and the pool.
/// Each thread that gets a job makes itself a scratch with `scratch` and hands it to each of its jobs. The jobs' order is not
/// defined: a job must own what it writes. Long work looks at [`Stop::requested`] at least every few milliseconds. Where memory lacks
/// for threads, the calling thread does all of it.
///
/// # Errors
/// [`Error::Interrupted`] when the interrupt hook said so; whatever `scratch` returns.
///
/// # Panics
/// Hands on a panic of `work`.
pub fn run<I, C>(
    jobs: I,
    cost_ns: f64,
    scratch: impl Fn() -> Result<C> + Sync,
    work: impl Fn(&mut C, I::Item, &Stop) + Sync,
) -> Result<()>
where
    I: IntoIterator<IntoIter: Send>,
{
    let jobs = jobs.into_iter();
    let stop = Stop::default();
    let threads = num_threads().min(jobs.size_hint().1.unwrap_or(usize::MAX));
    let watch = cost_ns > WATCH_NS && HOOK.get().is_some();
    // Also of watched work: much of it may be over before the first look.
    if cost_ns > ASK_NS {
        ask_at_times()?;
    }
    let lease = if cost_ns < SERIAL_NS || (threads <= 1 && !watch) {
        None
    } else {
        pool().and_then(Lease::take)
    };
    // Two calls at once: the later one has a thread of its own while the calling thread watches, or does its work itself.
    let own_pool = if lease.is_none() && watch { workers(1) } else { None };
    let (crew_pool, threads) = match (&lease, &own_pool) {
        (Some(lease), _) => (&lease.0.workers, threads),
        (None, Some(own_pool)) => (own_pool, 1),
        (None, None) => {
            let mut own = scratch()?;
            let mut hook = Watch::start();
            for job in jobs {
                work(&mut own, job, &stop);
                if watch {
                    hook.look()?;
                }
            }
            return Ok(());
        }
    };

    let queue = Mutex::new(jobs);
    let failure = Mutex::new(None);
    // More may be woken than shall work.
    let seats = AtomicUsize::new(threads);
    let labour = || {
        let seat = seats.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |free| free.checked_sub(1));
        if seat.is_err() {
            return;
        }
        // Who comes when all is done needs none.
        let mut own = None;
        while !stop.requested() {
            let Some(job) = lock(&queue).next() else { break };
            if own.is_none() {
                match scratch() {
                    Ok(made) => own = Some(made),
                    Err(error) => {
                        *lock(&failure) = Some(error);
                        stop.request();
                    }
                }
            }
            if let Some(own) = &mut own {
                work(own, job, &stop);
            }
        }
    };
    let interrupted = employ(crew_pool, hired(threads, cost_ns, watch), watch, &stop, &labour);
    if interrupted {
        return Err(Error::Interrupted);
    }
    match failure.into_inner().unwrap_or_else(PoisonError::into_inner) {
        Some(error) => Err(error),
        None => Ok(()),
    }
}

/// How many workers are woken for so many threads.
fn hired(threads: usize, cost_ns: f64, watch: bool) -> usize {
    if watch || (threads == 2 && cost_ns > SPARE_NS) {
        threads
    } else {
        threads - 1
    }
}

/// Has `labour` done by so many workers, and by the calling thread unless that watches for interrupts; whether it was asked to
/// stop. Knows nothing of the jobs, so that it is compiled once.
fn employ(workers: &ThreadPool, hired: usize, watch: bool, stop: &Stop, labour: &(dyn Fn() + Sync)) -> bool {
    let crew = Crew::default();
    workers.in_place_scope(|scope| {
        crew.hire(hired);
        for _ in 0..hired {
            scope.spawn(|_| {
                let _leaves_even_on_panic = Leave(&crew);
                labour();
            });
        }
        if watch {
            crew.watch(stop)
        } else {
            labour();
            false
        }
    })
}

/// A poisoned lock only says that a job panicked; the panic itself travels on through the scope.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[derive(Default)]
struct Crew {
    busy: Mutex<usize>,
    idle: Condvar,
}

impl Crew {
    fn hire(&self, workers: usize) {
        *lock(&self.busy) += workers;
    }

    /// Waits until everybody has left; returns whether the hook asked to stop.
    fn watch(&self, stop: &Stop) -> bool {
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

struct Leave<'a>(&'a Crew);

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        *lock(&self.0.busy) -= 1;
        self.0.idle.notify_one();
    }
}

#[cfg(test)]
mod tests;
