//! Where results go: their shapes, their memory, and how they are cut into jobs.

use acm_linalg::columns::reserve;
use acm_linalg::memory::reserved;
use acm_linalg::{Error, Result};
use ndarray::{ArrayViewMut2, Axis};

/// Values that are written at once.
const BLOCK_VALUES: usize = 1 << 16;

/// Cuts `out` into pieces of `each` neighbouring columns, the last one of what is left.
pub(crate) fn pieces<T>(out: ArrayViewMut2<'_, T>, each: usize) -> Result<Vec<ArrayViewMut2<'_, T>>> {
    let mut pieces = reserved(out.ncols().div_ceil(each), "the jobs")?;
    let mut rest = out;
    while rest.ncols() > 0 {
        let columns = each.min(rest.ncols());
        let (piece, others) = rest.split_at(Axis(1), columns);
        pieces.push(piece);
        rest = others;
    }
    Ok(pieces)
}

pub(super) fn same_length(name: &'static str, values: &[f64], columns: usize) -> Result<()> {
    if values.len() == columns {
        Ok(())
    } else {
        Err(Error::Length {
            name,
            expected: columns,
            got: values.len(),
        })
    }
}

pub(super) fn same_shape<T>(out: &ArrayViewMut2<'_, T>, expected: (usize, usize)) -> Result<()> {
    if out.dim() == expected {
        Ok(())
    } else {
        Err(Error::Shape {
            name: "out",
            expected,
            got: out.dim(),
        })
    }
}

/// Rows of so many columns that are written at once.
pub(super) fn block_rows(columns: usize) -> usize {
    (BLOCK_VALUES / columns.max(1)).max(1)
}

/// Memory for a result a column.
pub(super) fn results<R: Clone>(columns: usize, value: R) -> Result<Vec<R>> {
    reserve(columns, value, "the result")
}
