//! What a model holds: its fit and its memory, whole at any moment, for other threads and for a forked child.
//!
//! The two lie together in one place that calls replace when they are done. So there is no lock to read them, and a child
//! that is forked amid another thread's call finds what the last finished call has left. Calls that replace take turns;
//! the lock for that belongs to a process: a child finds its parent's, which a thread that is not there may hold for ever,
//! and makes itself another.
//!
//! The sensors' names belong to the fit and lie behind its pointer. Metadata belong to the model: they lie beside, and no fit
//! changes them.

use std::ops::Deref;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::ThreadId;

use acm_linalg::parallel::{POLL, Watch};
use acm_linalg::state::{Metadata, Names, Saved};
use acm_linalg::{Error, Memory, Persist, Result};
use arc_swap::{ArcSwap, ArcSwapOption, Guard};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;

use crate::interop::compute;

/// A fitted model, if there is one, and what it remembers of the history it scores.
pub(crate) struct Held<F, L = ()> {
    state: ArcSwapOption<State<F, L>>,
    metadata: ArcSwap<Metadata>,
    turn: ArcSwap<Turn>,
}

/// A fitted model and the names of the sensors that it was fitted on, if they are known.
pub(crate) struct Fit<F> {
    model: F,
    names: Option<Names>,
}

impl<F> Fit<F> {
    pub(crate) fn names(&self) -> Option<&Names> {
        self.names.as_ref()
    }
}

impl<F> Deref for Fit<F> {
    type Target = F;

    fn deref(&self) -> &F {
        &self.model
    }
}

/// A fit and the memory that belongs to it.
pub(crate) struct State<F, L> {
    fitted: Arc<Fit<F>>,
    live: L,
}

impl<F, L> State<F, L> {
    fn of(model: F, names: Option<Names>, live: L) -> Self {
        let fitted = Arc::new(Fit { model, names });
        Self { fitted, live }
    }

    pub(crate) fn fitted(&self) -> &Fit<F> {
        &self.fitted
    }

    pub(crate) fn live(&self) -> &L {
        &self.live
    }
}

/// Whose turn it is to replace a model's state.
struct Turn {
    process: u32,
    /// The thread that has it. A signal handler or finaliser that runs on it amid a call must not wait for that call.
    holder: Mutex<Option<ThreadId>>,
    free: Condvar,
}

impl Turn {
    fn of(process: u32) -> Arc<Self> {
        Arc::new(Self {
            process,
            holder: Mutex::new(None),
            free: Condvar::new(),
        })
    }
}

/// The right to replace the state, given back when dropped.
struct Taken(Arc<Turn>);

impl Drop for Taken {
    fn drop(&mut self) {
        *lock(&self.0.holder) = None;
        self.0.free.notify_one();
    }
}

/// A poisoned lock only says that a call failed; what it guards is whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<F, L> Held<F, L> {
    fn around(state: Option<State<F, L>>, metadata: Metadata) -> Self {
        Self {
            state: ArcSwapOption::new(state.map(Arc::new)),
            metadata: ArcSwap::new(Arc::new(metadata)),
            turn: ArcSwap::new(Turn::of(std::process::id())),
        }
    }

    pub(crate) fn known(&self) -> Option<Arc<Fit<F>>> {
        self.state.load().as_ref().map(|state| Arc::clone(&state.fitted))
    }

    pub(crate) fn metadata(&self) -> Arc<Metadata> {
        self.metadata.load_full()
    }

    pub(crate) fn set_metadata(&self, metadata: Metadata) {
        self.metadata.store(Arc::new(metadata));
    }

    /// This process' turns.
    fn turn(&self) -> Arc<Turn> {
        let process = std::process::id();
        let turn = self.turn.load_full();
        if turn.process == process {
            return turn;
        }
        let fresh = Turn::of(process);
        let found = self.turn.compare_and_swap(&turn, Arc::clone(&fresh));
        // Unless another thread of the child was first.
        if Arc::ptr_eq(&found, &turn) { fresh } else { Guard::into_inner(found) }
    }

    /// Waits for other threads' calls to end.
    fn take(&self) -> Result<Taken> {
        let turn = self.turn();
        let own = std::thread::current().id();
        let mut watch = Watch::start();
        let mut holder = lock(&turn.holder);
        while let Some(other) = *holder {
            if other == own {
                return Err(Error::InUse);
            }
            drop(turn.free.wait_timeout(holder, POLL).unwrap_or_else(PoisonError::into_inner));
            // Signal handlers run here, and may ask this very model.
            watch.look()?;
            holder = lock(&turn.holder);
        }
        *holder = Some(own);
        drop(holder);
        Ok(Taken(turn))
    }
}

impl<F, L> Default for Held<F, L> {
    fn default() -> Self {
        Self::around(None, Metadata::default())
    }
}

impl<F: Persist + Send + Sync, L: Memory + Send + Sync> Held<F, L> {
    /// Around what needs no fit.
    pub(crate) fn of(model: F) -> Self {
        Self::around(Some(State::of(model, None, L::default())), Metadata::default())
    }

    /// Around what was read from bytes.
    pub(crate) fn saved(saved: Saved<F, L>) -> Self {
        Self::around(Some(State::of(saved.model, saved.names, saved.memory)), saved.metadata)
    }

    /// Takes a new fit, and the names of its sensors; the history begins anew.
    pub(crate) fn set(&self, py: Python<'_>, model: F, names: Option<Names>) -> PyResult<()> {
        compute(py, || {
            let _turn = self.take()?;
            self.put(Arc::new(Fit { model, names }), L::default());
            Ok(())
        })
    }

    /// Takes a fit that was made from `known`, unless another one has taken its place meanwhile; whether it did.
    pub(crate) fn replace(
        &self,
        py: Python<'_>,
        known: Option<&Arc<Fit<F>>>,
        model: F,
        names: Option<Names>,
    ) -> PyResult<bool> {
        compute(py, || {
            let _turn = self.take()?;
            let same = self.known().as_ref().map(Arc::as_ptr) == known.map(Arc::as_ptr);
            if same {
                self.put(Arc::new(Fit { model, names }), L::default());
            }
            Ok(same)
        })
    }

    fn put(&self, fitted: Arc<Fit<F>>, live: L) {
        self.state.store(Some(Arc::new(State { fitted, live })));
    }

    /// The fitted model.
    ///
    /// # Errors
    /// RuntimeError naming `fit`.
    pub(crate) fn get(&self) -> PyResult<Arc<Fit<F>>> {
        let kind = F::KIND;
        self.known()
            .ok_or_else(|| PyRuntimeError::new_err(format!("this {kind} is not fitted yet: call fit(x) first")))
    }

    pub(crate) fn is_fitted(&self) -> bool {
        self.state.load().is_some()
    }

    /// Moves the memory on by `work`, which gets the model that it belongs to; an error leaves it as it was. Only to be called
    /// detached, since the call that it waits for may need the interpreter, and once [`Self::get`] has found a model.
    ///
    /// # Errors
    /// Those of `work`; [`Error::InUse`] from within a call on this model; [`Error::Memory`]; [`Error::Interrupted`].
    pub(crate) fn follow<R>(&self, work: impl FnOnce(&F, &mut L) -> Result<R>) -> Result<R> {
        let _turn = self.take()?;
        let state = self.state.load_full().ok_or(Error::InUse)?;
        let mut live = state.live.copy()?;
        let result = work(&state.fitted, &mut live)?;
        self.put(Arc::clone(&state.fitted), live);
        Ok(result)
    }

    /// What `look` sees in the memory as the last finished call has left it.
    pub(crate) fn glance<R>(&self, look: impl FnOnce(&L) -> R) -> Option<R> {
        self.state.load().as_ref().map(|state| look(&state.live))
    }

    /// The history begins anew.
    pub(crate) fn restart(&self, py: Python<'_>) -> PyResult<()> {
        compute(py, || {
            let _turn = self.take()?;
            let fitted = self.known().ok_or(Error::InUse)?;
            self.put(fitted, L::default());
            Ok(())
        })
    }

    /// Takes names for the sensors, unless they have some; the history goes on.
    pub(crate) fn name(&self, py: Python<'_>, names: Names) -> PyResult<()>
    where
        F: Clone,
    {
        compute(py, || {
            let _turn = self.take()?;
            let state = self.state.load_full().ok_or(Error::InUse)?;
            if state.fitted.names.is_none() {
                let (model, names) = (state.fitted.model.clone(), Some(names));
                self.put(Arc::new(Fit { model, names }), state.live.copy()?);
            }
            Ok(())
        })
    }

    /// Model and memory once no call is moving it on. Only to be called detached, once [`Self::get`] has found a model.
    ///
    /// # Errors
    /// [`Error::InUse`] from within a call on this model; [`Error::Interrupted`].
    pub(crate) fn whole(&self) -> Result<Arc<State<F, L>>> {
        drop(self.take()?);
        self.state.load_full().ok_or(Error::InUse)
    }
}
