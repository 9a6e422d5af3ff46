//! Room for faer's products and decompositions, which ask for memory in a way that cannot be refused: looked for beforehand,
//! where its lack is still an error.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arc_swap::ArcSwapOption;
use faer::Par;
use faer::linalg::{cholesky, evd, qr, svd};

use crate::error::Result;
use crate::memory::probe;

/// Bytes that all threads of a process were promised and may be about to ask for.
///
/// A forked child counts anew: it has none of its parent's other threads, which would never give theirs back.
#[derive(Debug)]
struct Promised {
    process: u32,
    bytes: AtomicUsize,
}

static PROMISED: ArcSwapOption<Promised> = ArcSwapOption::const_empty();

impl Promised {
    fn here() -> Arc<Self> {
        let process = std::process::id();
        loop {
            let known = PROMISED.load_full();
            if let Some(promised) = &known
                && promised.process == process
            {
                return Arc::clone(promised);
            }
            let fresh = Self {
                process,
                bytes: AtomicUsize::new(0),
            };
            // Of two threads that both come first, one is heard.
            PROMISED.compare_and_swap(&known, Some(Arc::new(fresh)));
        }
    }
}

/// Bytes that faer's products keep for each thread on x86-64.
const WORKSPACE: usize = 1 << 22;

/// Bytes that were found free and are about to be asked for; others must not take them meanwhile.
#[derive(Debug)]
pub struct Promise {
    bytes: usize,
    /// Where they are counted.
    all: Arc<Promised>,
}

impl Promise {
    fn of(bytes: usize, what: &'static str) -> Result<Self> {
        let promise = Self {
            bytes: bytes.min(isize::MAX as usize / 1024),
            all: Promised::here(),
        };
        let all = promise.all.bytes.fetch_add(promise.bytes, Ordering::SeqCst) + promise.bytes;
        probe(all, what)?;
        Ok(promise)
    }
}

impl Drop for Promise {
    fn drop(&mut self) {
        self.all.bytes.fetch_sub(self.bytes, Ordering::SeqCst);
    }
}

/// Looks for the workspace that products need: a thread's first asks for it, the others then have it already.
///
/// # Errors
/// [`crate::Error::Memory`].
pub fn ready() -> Result<()> {
    Promise::of(WORKSPACE, "the workspace of matrix products").map(drop)
}

/// Before a thin singular value decomposition; to be held until it is done, as all that follow.
///
/// # Errors
/// [`crate::Error::Memory`].
pub fn for_svd(rows: usize, columns: usize) -> Result<Promise> {
    let (least, thin) = (rows.min(columns), svd::ComputeSvdVectors::Thin);
    let scratch = svd::svd_scratch::<f64>(rows, columns, thin, thin, Par::Seq, Default::default());
    promise(&[(rows, least), (columns, least), (least, 1)], scratch.size_bytes())
}

/// Before the eigenvectors of a symmetric matrix.
///
/// # Errors
/// [`crate::Error::Memory`].
pub fn for_eigen(size: usize) -> Result<Promise> {
    let vectors = evd::ComputeEigenvectors::Yes;
    let scratch = evd::self_adjoint_evd_scratch::<f64>(size, vectors, Par::Seq, Default::default());
    promise(&[(size, size), (size, 1)], scratch.size_bytes())
}

/// Before a Cholesky factor.
///
/// # Errors
/// [`crate::Error::Memory`].
pub fn for_cholesky(size: usize) -> Result<Promise> {
    let scratch = cholesky::llt::factor::cholesky_in_place_scratch::<f64>(size, Par::Seq, Default::default());
    promise(&[(size, size)], scratch.size_bytes())
}

/// Before the decomposition Q R of a matrix.
///
/// # Errors
/// [`crate::Error::Memory`].
pub fn for_qr(rows: usize, columns: usize) -> Result<Promise> {
    let (least, block) = (rows.min(columns), qr::no_pivoting::factor::recommended_block_size::<f64>(rows, columns));
    let factor =
        qr::no_pivoting::factor::qr_in_place_scratch::<f64>(rows, columns, block, Par::Seq, Default::default());
    // A copy that is decomposed, and what it is parted into.
    promise(&[(rows, columns), (least, least), (block, least)], factor.size_bytes())
}

fn promise(matrices: &[(usize, usize)], scratch: usize) -> Result<Promise> {
    ready()?;
    // Columns begin at whole cache lines.
    let bytes = |&(rows, columns): &(usize, usize)| rows.saturating_add(64).saturating_mul(columns).saturating_mul(8);
    Promise::of(matrices.iter().map(bytes).fold(scratch, usize::saturating_add), "a decomposition")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_promise_is_taken_back() {
        assert!(Promise::of(usize::MAX, "x").is_err());
        drop(for_svd(30, 20).unwrap());
        drop((for_eigen(20).unwrap(), for_cholesky(20).unwrap(), for_qr(30, 20).unwrap()));
        assert!(for_svd(1 << 28, 1 << 28).is_err());
    }

    #[test]
    fn a_forked_child_has_none_of_its_parents_promises() {
        let parents = Arc::new(Promised {
            process: std::process::id() ^ 1,
            bytes: AtomicUsize::new(isize::MAX as usize),
        });
        let held = Promise {
            bytes: 5,
            all: Arc::clone(&parents),
        };
        PROMISED.store(Some(Arc::clone(&parents)));
        let own = Promise::of(100, "x").unwrap();
        assert_eq!(own.all.process, std::process::id());
        drop(held);
        assert_eq!(parents.bytes.load(Ordering::SeqCst), isize::MAX as usize - 5);
        assert!((100..1 << 40).contains(&own.all.bytes.load(Ordering::SeqCst)));
    }
}
