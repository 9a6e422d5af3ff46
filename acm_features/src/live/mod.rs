//! Rolling statistics, exponential weights and the feature matrix row by row.
//!
//! What a row's results depend on is in its window and its absolute index (see `rolling`), so a history that grows needs
//! no more than its last rows to give the bytes that the whole of it would have given.
//!
//! # Examples
//!
//! ```
//! use acm_features::live::{Asked, Kind, Rolling, RollingMemory, Rows, Span, Windowed};
//! use acm_features::rolling::Closed;
//! use ndarray::{Array2, array};
//!
//! # fn main() -> acm_features::Result<()> {
//! let windowed = Windowed {
//!     kind: Kind::Mean,
//!     span: Span::Rows(2),
//!     min_periods: 1,
//!     closed: Closed::Right,
//! };
//! let rolling = Rolling::new(Asked::Windowed(windowed), 1)?;
//! let mut memory = RollingMemory::default();
//! let mut out = Array2::zeros((1, 1));
//! for (value, mean) in [(1.0, 1.0), (3.0, 2.0), (7.0, 5.0)] {
//!     memory.update(&rolling, &Rows::of(array![[value]].view().into()), out.view_mut())?;
//!     assert_eq!(out, array![[mean]]);
//! }
//! # Ok(())
//! # }
//! ```

mod energy;
mod features;
mod history;
mod kind;
mod ring;
mod running;
mod saved;
mod sorted;
mod standing;
mod steps;
#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};

use acm_linalg::lanes::Element;
use acm_linalg::{Error, Result, Table};
use ndarray::ArrayViewMut2;

use self::history::History;
pub use self::kind::{Asked, Kind, Rolling, Span, Windowed};

/// Times are there for every row or for none.
const NO_TIMES: Error = Error::Unfit {
    name: "times",
    requirement: "a time for each row, in every update or in none",
};

/// Rows that follow those before.
#[derive(Debug, Clone, Copy)]
pub struct Rows<'a, T> {
    /// The rows.
    pub x: Table<'a, T>,
    /// The same rows of the second input, whose only column may stand for all.
    pub y: Option<Table<'a, T>>,
    /// Their times in nanoseconds.
    pub times: Option<&'a [i64]>,
}

impl<'a, T> Rows<'a, T> {
    /// Without a second input and times.
    #[must_use]
    pub const fn of(x: Table<'a, T>) -> Self {
        Self {
            x,
            y: None,
            times: None,
        }
    }
}

/// What is remembered of the rows so far.
///
/// A few rows at a time move on what is there. Many at once move on a copy, which takes its place when it is done: all that
/// can fail for long fails there.
#[derive(Debug)]
pub struct RollingMemory(Arc<Shared>);

impl RollingMemory {
    /// The results of the rows that come next.
    ///
    /// Shapes: x (n, d), out (n, [`Rolling::width`]); y (n, d) or (n, 1).
    ///
    /// # Errors
    /// [`Error::Shape`] for other columns or another `out`; [`Error::Length`] for other times; [`Error::Unsorted`] and
    /// [`Error::Earlier`] for times that go back; [`Error::Unfit`] where times or a second input are there that were not, or
    /// are not there; [`Error::Memory`]; [`Error::Interrupted`]. All is as before then.
    pub fn update<T: Element>(
        &mut self,
        rolling: &Rolling,
        rows: &Rows<'_, T>,
        mut out: ArrayViewMut2<'_, T>,
    ) -> Result<()> {
        let mut held = self.0.lock()?;
        let count = rows.x.nrows();
        let mut next = match &mut *held {
            Some(history) => {
                history.check(rolling, rows, out.dim())?;
                if history.begins_to_step(rolling, rows)? {
                    history.few(rolling, rows, out);
                    return Ok(());
                }
                history.copy()?
            }
            None => {
                let fresh = History::new(rolling)?;
                fresh.check(rolling, rows, out.dim())?;
                fresh
            }
        };
        if count == 0 {
            return Ok(());
        }
        // What a child finds that is forked meanwhile is whole.
        drop(held);
        next.many(rolling, rows, out.view_mut())?;
        *self = Self(Shared::of(Some(next)));
        Ok(())
    }

    /// Rows so far.
    ///
    /// # Errors
    /// [`Error::InUse`] in a child that was forked amid an update.
    pub fn seen(&self) -> Result<usize> {
        Ok(self.0.lock()?.as_ref().map_or(0, History::seen))
    }

    /// Whether the rows so far were float32; none where there are none.
    ///
    /// # Errors
    /// As [`Self::seen`].
    pub fn is_narrow(&self) -> Result<Option<bool>> {
        Ok(self.0.lock()?.as_ref().map(History::is_narrow))
    }
}

/// What several calls may look at, each for as long as a few rows take.
#[derive(Debug)]
struct Shared {
    history: Mutex<Option<History>>,
    /// The process whose threads look.
    process: AtomicU32,
}

/// How often a lock is tried that another process' thread seems to have: one of our own may just have taken it.
const TRIES: usize = 1000;

impl Shared {
    fn of(history: Option<History>) -> Arc<Self> {
        Arc::new(Self {
            history: Mutex::new(history),
            process: AtomicU32::new(std::process::id()),
        })
    }

    /// Waits for this process' other threads. In a child that was forked amid one of its parent's updates nobody ends it.
    fn lock(&self) -> Result<MutexGuard<'_, Option<History>>> {
        let process = std::process::id();
        for _ in 0..TRIES {
            match self.history.try_lock() {
                Ok(held) => {
                    self.process.store(process, Ordering::Release);
                    return Ok(held);
                }
                Err(TryLockError::Poisoned(poisoned)) => return Ok(PoisonError::into_inner(poisoned)),
                Err(TryLockError::WouldBlock) if self.process.load(Ordering::Acquire) == process => {
                    return Ok(self.history.lock().unwrap_or_else(PoisonError::into_inner));
                }
                Err(TryLockError::WouldBlock) => std::thread::yield_now(),
            }
        }
        Err(Error::InUse)
    }
}

impl Default for RollingMemory {
    fn default() -> Self {
        Self(Shared::of(None))
    }
}
