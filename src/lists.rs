//! Lists of columns, each borrowed where it lies.

use acm_linalg::Table;
use acm_linalg::memory::{Gather, push};
use ndarray::{ArrayView1, Ix1};
use numpy::{PyArray, PyArrayMethods, PyReadonlyArray, PyUntypedArray, PyUntypedArrayMethods};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyList;
use self_cell::self_cell;

use crate::interop::{exception, untyped, written_to};

const WHAT: &str = "the columns";

/// A type of number that arrays have.
pub(crate) trait Float: numpy::Element + acm_linalg::lanes::Element {
    /// Borrowed columns beside what the crates see of them.
    type Columns<'py>;

    fn held<'py>(columns: Vec<PyReadonlyArray<'py, Self, Ix1>>) -> PyResult<Self::Columns<'py>>;

    fn views<'a>(columns: &'a Self::Columns<'_>) -> &'a [ArrayView1<'a, Self>];
}

macro_rules! float {
    ($number:ty, $held:ident, $borrowed:ident, $views:ident) => {
        type $borrowed<'py> = Vec<PyReadonlyArray<'py, $number, Ix1>>;
        type $views<'a> = Vec<ArrayView1<'a, $number>>;

        self_cell!(
            pub(crate) struct $held<'py> {
                owner: $borrowed<'py>,
                #[covariant]
                dependent: $views,
            }
        );

        impl Float for $number {
            type Columns<'py> = $held<'py>;

            fn held<'py>(columns: $borrowed<'py>) -> PyResult<$held<'py>> {
                $held::try_new(columns, |columns| views(columns)).map_err(exception)
            }

            fn views<'a>(columns: &'a $held<'_>) -> &'a [ArrayView1<'a, $number>] {
                columns.borrow_dependent()
            }
        }
    };
}

float!(f64, HeldF64, BorrowedF64, ViewsF64);
float!(f32, HeldF32, BorrowedF32, ViewsF32);

fn views<'a, T: Float>(columns: &'a [PyReadonlyArray<'_, T, Ix1>]) -> acm_linalg::Result<Vec<ArrayView1<'a, T>>> {
    columns.iter().map(PyReadonlyArray::as_array).gathered(WHAT)
}

/// The list `value` is, if its first member is an array: any other list is none of columns.
pub(crate) fn list_of_columns<'a, 'py>(value: &'a Bound<'py, PyAny>) -> Option<&'a Bound<'py, PyList>> {
    let list = value.cast_exact::<PyList>().ok()?;
    list.get_item(0).is_ok_and(|first| first.cast::<PyUntypedArray>().is_ok()).then_some(list)
}

/// Borrows each column of `list`, all of the type of the first.
pub(crate) fn borrow_columns<'py, T: Float>(
    list: &Bound<'py, PyList>,
    name: &'static str,
) -> PyResult<T::Columns<'py>> {
    let mut columns: Vec<PyReadonlyArray<'py, T, Ix1>> = Vec::new();
    for (number, column) in list.iter().enumerate() {
        let must = "a NumPy array, as each column is";
        let array = match untyped(&column, name, must) {
            Ok(array) => array,
            Err(_) => untyped(&column, &format!("{name}[{number}]"), must)?,
        };
        if array.ndim() != 1 {
            return Err(PyValueError::new_err(format!(
                "`{name}` must have columns of 1 dimension, got {} in column {number}",
                array.ndim()
            )));
        }
        let Ok(column) = column.cast::<PyArray<T, Ix1>>() else {
            let dtype = T::get_dtype(list.py());
            return Err(PyTypeError::new_err(format!(
                "`{name}` must have columns of one dtype, {dtype}, got {} in column {number}; convert with \
                 .astype(numpy.{dtype})",
                array.dtype()
            )));
        };
        let column = column.try_readonly().map_err(|_| written_to(name))?;
        push(&mut columns, column, WHAT).map_err(exception)?;
    }
    let columns = T::held(columns)?;
    let views = T::views(&columns);
    Table::of_columns(rows(views), views, name).map_err(exception)?;
    Ok(columns)
}

/// What the crates see of columns that [`borrow_columns`] gave.
pub(crate) fn table_of<'a, T: Float>(columns: &'a T::Columns<'_>) -> Table<'a, T> {
    let views = T::views(columns);
    Table::of_columns(rows(views), views, "x").unwrap_or_else(|_| unreachable!("their lengths are known to be one"))
}

fn rows<T>(views: &[ArrayView1<'_, T>]) -> usize {
    views.first().map_or(0, ArrayView1::len)
}
