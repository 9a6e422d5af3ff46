//! What a call reads: arrays, or lists of columns, borrowed as they lie in memory.

use acm_linalg::memory::{Gather, push};
use acm_linalg::{Samples, Table};
use ndarray::{ArrayView1, Axis, Ix1, Ix2};
use numpy::{BorrowError, PyArray, PyArrayDyn, PyArrayMethods, PyReadonlyArray, PyUntypedArray, PyUntypedArrayMethods};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyList;
use self_cell::self_cell;

use super::Value;
use super::arrays::{untyped, written_to};
use super::calls::exception;

const WHAT: &str = "the columns";

/// A type of number that arrays have.
pub(crate) trait Float: numpy::Element + acm_linalg::lanes::Element {
    /// Borrowed columns beside what the crates see of them.
    type Columns<'py>;

    fn held<'py>(columns: Vec<PyReadonlyArray<'py, Self, Ix1>>) -> PyResult<Self::Columns<'py>>;

    fn views<'a>(columns: &'a Self::Columns<'_>) -> &'a [ArrayView1<'a, Self>];

    /// What is of this type.
    fn same<'a, 'py>(input: &'a Input<'py>) -> Option<&'a Borrowed<'py, Self>>;
}

macro_rules! float {
    ($number:ty, $variant:ident, $held:ident, $borrowed:ident, $views:ident) => {
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

            fn same<'a, 'py>(input: &'a Input<'py>) -> Option<&'a Borrowed<'py, Self>> {
                if let Input::$variant(same) = input { Some(same) } else { None }
            }
        }
    };
}

float!(f64, F64, HeldF64, BorrowedF64, ViewsF64);
float!(f32, F32, HeldF32, BorrowedF32, ViewsF32);

fn views<'a, T: Float>(columns: &'a [PyReadonlyArray<'_, T, Ix1>]) -> acm_linalg::Result<Vec<ArrayView1<'a, T>>> {
    columns.iter().map(PyReadonlyArray::as_array).gathered(WHAT)
}

/// An array of either float type, or a list of columns, borrowed as it lies in memory.
pub(crate) enum Input<'py> {
    F64(Borrowed<'py, f64>),
    F32(Borrowed<'py, f32>),
}

impl Input<'_> {
    /// Rows as samples.
    pub(crate) fn samples(&self) -> Samples<'_> {
        match self {
            Self::F64(x) => x.table().into(),
            Self::F32(x) => x.table().into(),
        }
    }

    pub(crate) fn columns(&self) -> usize {
        self.samples().columns()
    }

    pub(crate) fn is_line(&self) -> bool {
        match self {
            Self::F64(x) => x.is_line(),
            Self::F32(x) => x.is_line(),
        }
    }

    pub(crate) fn is_fortran(&self) -> bool {
        match self {
            Self::F64(x) => x.is_fortran(),
            Self::F32(x) => x.is_fortran(),
        }
    }
}

pub(crate) enum Borrowed<'py, T: Float> {
    Line(PyReadonlyArray<'py, T, Ix1>),
    Matrix(PyReadonlyArray<'py, T, Ix2>),
    Columns(T::Columns<'py>),
}

impl<T: Float> Borrowed<'_, T> {
    /// Rows = time; a line is one column.
    pub(crate) fn table(&self) -> Table<'_, T> {
        match self {
            Self::Line(line) => line.as_array().insert_axis(Axis(1)).into(),
            Self::Matrix(matrix) => matrix.as_array().into(),
            Self::Columns(columns) => table_of::<T>(columns),
        }
    }

    pub(crate) fn is_line(&self) -> bool {
        matches!(self, Self::Line(_))
    }

    /// Whether the rows lie closer in memory than the columns.
    pub(crate) fn is_fortran(&self) -> bool {
        self.table().dense().is_none_or(|matrix| {
            let strides = matrix.strides();
            matrix.ncols() > 1 && strides[0].abs() < strides[1].abs()
        })
    }
}

/// Borrows `value`, an (n,) or (n, d) array of float64 or float32, or a list of such columns.
pub(crate) fn input<'py>(value: &Value<'py>, name: &'static str) -> PyResult<Input<'py>> {
    if let Some(list) = list_of_columns(value) {
        return if list.get_item(0)?.cast::<PyArrayDyn<f32>>().is_ok() {
            borrow_columns::<f32>(list, name).map(Borrowed::Columns).map(Input::F32)
        } else {
            borrow_columns::<f64>(list, name).map(Borrowed::Columns).map(Input::F64)
        };
    }
    let array = untyped(value, name, "a NumPy array of float64 or float32")?;
    if let Ok(array) = value.cast::<PyArrayDyn<f64>>() {
        borrow(array, name).map(Input::F64)
    } else if let Ok(array) = value.cast::<PyArrayDyn<f32>>() {
        borrow(array, name).map(Input::F32)
    } else {
        Err(wrong_dtype(array, name, "float64 or float32"))
    }
}

/// Borrows `value` where only float64 will do.
pub(crate) fn input_f64<'py>(value: &Value<'py>, name: &'static str) -> PyResult<Input<'py>> {
    if let Some(list) = list_of_columns(value) {
        return borrow_columns::<f64>(list, name).map(Borrowed::Columns).map(Input::F64);
    }
    let array = untyped(value, name, "a NumPy array of float64")?;
    match value.cast::<PyArrayDyn<f64>>() {
        Ok(array) => borrow(array, name).map(Input::F64),
        Err(_) => Err(wrong_dtype(array, name, "float64")),
    }
}

fn wrong_dtype(array: &Bound<'_, PyUntypedArray>, name: &str, must: &str) -> PyErr {
    PyTypeError::new_err(format!(
        "`{name}` must have dtype {must}, got {}; convert with .astype(numpy.float64)",
        array.dtype()
    ))
}

fn borrow<'py, T: Float>(array: &Bound<'py, PyArrayDyn<T>>, name: &str) -> PyResult<Borrowed<'py, T>> {
    let conflict = |_: BorrowError| written_to(name);
    match array.ndim() {
        1 => Ok(Borrowed::Line(array.cast::<PyArray<T, Ix1>>()?.try_readonly().map_err(conflict)?)),
        2 => Ok(Borrowed::Matrix(array.cast::<PyArray<T, Ix2>>()?.try_readonly().map_err(conflict)?)),
        other => Err(PyValueError::new_err(format!(
            "`{name}` must have 1 or 2 dimensions (rows = time, columns = sensors), got {other}"
        ))),
    }
}

/// The list `value` is, if its first member is an array: any other list is none of columns.
pub(crate) fn list_of_columns<'a, 'py>(value: &'a Value<'py>) -> Option<&'a Bound<'py, PyList>> {
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
