//! What the classes of models have in common, said once: the class itself, its attributes, its methods.
//!
//! ```ignore
//! class!(AR1Detector, Ar1, FittedAr1, Live);
//! parameters!(AR1Detector, of, phi_cap = of.phi_cap(), sd_floor = of.sd_floor());
//! learned!(AR1Detector, fit, mu_ = Array(fit.mu()), n_features_in_ = fit.columns());
//! shared!(AR1Detector, fit, score, update, contributions);
//! ```
//!
//! A class has its parameters and, behind `held`, its fit and memory. `#[pymethods] impl AR1Detector` has what is its own.

use acm_linalg::pca::Components;
use numpy::Element;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::interop::{Value, array, matrix};

/// An attribute that is an array: a copy of these values.
pub(crate) struct Array<'a, T>(pub(crate) &'a [T]);

/// An attribute that is a matrix: so many values a row.
pub(crate) struct Matrix<'a>(pub(crate) &'a [f64], pub(crate) usize);

/// An attribute that is a tuple of these values.
pub(crate) struct Sequence<'a, T>(pub(crate) &'a [T]);

impl<'py, T: Element + Copy> IntoPyObject<'py> for Array<'_, T> {
    type Target = PyAny;
    type Output = Value<'py>;
    type Error = PyErr;

    fn into_pyobject(self, py: Python<'py>) -> PyResult<Value<'py>> {
        array(py, self.0).map(Bound::into_any)
    }
}

impl<'py> IntoPyObject<'py> for Matrix<'_> {
    type Target = PyAny;
    type Output = Value<'py>;
    type Error = PyErr;

    fn into_pyobject(self, py: Python<'py>) -> PyResult<Value<'py>> {
        matrix(py, self.0, self.1).map(Bound::into_any)
    }
}

impl<'a, 'py, T> IntoPyObject<'py> for Sequence<'a, T>
where
    &'a T: IntoPyObject<'py>,
{
    type Target = PyTuple;
    type Output = Bound<'py, PyTuple>;
    type Error = PyErr;

    fn into_pyobject(self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, self.0)
    }
}

/// An attribute that may be of several types.
#[derive(IntoPyObject)]
pub(crate) enum Setting {
    Word(&'static str),
    Count(usize),
    Number(f64),
}

impl From<Components> for Setting {
    fn from(components: Components) -> Self {
        match components {
            Components::Count(count) => Self::Count(count),
            Components::Share(share) => Self::Number(share),
        }
    }
}

/// The name of an option.
pub(crate) fn name_of<T: PartialEq>(option: &T, options: &[(&'static str, T)]) -> &'static str {
    options.iter().find(|(_, known)| known == option).map_or("", |(name, _)| name)
}

/// A class of parameters, fit and memory, and how it is saved, compared and shown. What needs no fit has its parameters for
/// one, and no type of fit.
macro_rules! class {
    ($class:ident, $parameters:ty, $fitted:ty, $live:ty) => {
        $crate::classes::held!($class, $parameters, $fitted, $live);
        $crate::classes::saved!($class);

        impl $class {
            fn of(parameters: acm_linalg::Result<$parameters>) -> PyResult<Self> {
                let parameters = parameters.map_err($crate::interop::exception)?;
                let held = $crate::held::Held::default();
                Ok(Self { parameters, held })
            }

            fn told(fit: &$fitted) -> &$parameters {
                fit.parameters()
            }
        }
    };
    ($class:ident, $parameters:ty, $live:ty) => {
        $crate::classes::held!($class, $parameters, $parameters, $live);
        $crate::classes::saved!($class);

        impl $class {
            fn of(parameters: $parameters) -> Self {
                let held = $crate::held::Held::of(Clone::clone(&parameters));
                Self { parameters, held }
            }

            fn told(fit: &$parameters) -> &$parameters {
                fit
            }
        }
    };
}

/// The class itself.
macro_rules! held {
    ($class:ident, $parameters:ty, $fitted:ty, $live:ty) => {
        #[pyclass(module = "acm_rs._native", frozen)]
        pub(crate) struct $class {
            parameters: $parameters,
            held: $crate::held::Held<$fitted, $live>,
        }

        impl $crate::models::Model for $class {
            type Fitted = $fitted;
            type Live = $live;

            fn held(&self) -> &$crate::held::Held<$fitted, $live> {
                &self.held
            }

            fn around(held: $crate::held::Held<$fitted, $live>) -> PyResult<Self> {
                let fit = held.get()?;
                let parameters = ToOwned::to_owned(Self::told(&fit));
                Ok(Self { parameters, held })
            }

            fn parameters<'py>(&self, py: Python<'py>) -> PyResult<Vec<(&'static str, $crate::interop::Value<'py>)>> {
                self.named(py)
            }
        }
    };
}

/// What is the same in all classes.
macro_rules! saved {
    ($class:ident) => {
        #[pymethods]
        impl $class {
            fn to_bytes<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, pyo3::types::PyBytes>> {
                $crate::saved::bytes_of(self, py)
            }

            #[staticmethod]
            fn from_bytes(data: &$crate::interop::Value<'_>) -> PyResult<Self> {
                $crate::saved::from_bytes(data)
            }

            fn save(&self, path: &$crate::interop::Value<'_>) -> PyResult<()> {
                $crate::saved::save(self, path)
            }

            #[staticmethod]
            fn load(path: &$crate::interop::Value<'_>) -> PyResult<Self> {
                $crate::saved::load(path)
            }

            #[getter]
            fn names<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, pyo3::types::PyTuple>>> {
                let fit = self.held.known();
                let names = fit.as_ref().and_then(|fit| fit.names());
                names.map(|names| $crate::naming::names_tuple(py, names)).transpose()
            }

            #[getter]
            fn metadata<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, pyo3::types::PyDict>> {
                $crate::naming::metadata_dict(py, &self.held.metadata())
            }

            #[setter]
            fn set_metadata(&self, metadata: &$crate::interop::Value<'_>) -> PyResult<()> {
                self.held.set_metadata($crate::naming::metadata_of(metadata)?);
                Ok(())
            }

            fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, pyo3::types::PyTuple>> {
                $crate::saved::reduced(slf)
            }

            fn __eq__(slf: &Bound<'_, Self>, other: &$crate::interop::Value<'_>) -> PyResult<bool> {
                $crate::saved::equal(slf, other)
            }

            fn __repr__(slf: &Bound<'_, Self>) -> PyResult<String> {
                $crate::saved::spelled(slf, &slf.get().named(slf.py())?)
            }
        }
    };
}

/// The constructor's parameters, in its order: attributes of `$of`, the class' `parameters`.
macro_rules! parameters {
    ($class:ident, $of:ident $(, $name:ident = $value:expr)+ $(,)?) => {
        #[pymethods]
        impl $class {
            $(
                #[getter]
                fn $name<'py>(&self, py: Python<'py>) -> PyResult<$crate::interop::Value<'py>> {
                    let $of = &self.parameters;
                    pyo3::IntoPyObjectExt::into_bound_py_any($value, py)
                }
            )+
        }

        impl $class {
            fn named<'py>(&self, py: Python<'py>) -> PyResult<Vec<(&'static str, $crate::interop::Value<'py>)>> {
                Ok(vec![$((stringify!($name), self.$name(py)?)),+])
            }
        }
    };
}

/// What is known of a fit: attributes of `$fit`, errors before there is one.
macro_rules! learned {
    ($class:ident, $fit:ident $(, $name:ident = $value:expr)+ $(,)?) => {
        #[pymethods]
        impl $class {
            $(
                #[getter]
                fn $name<'py>(&self, py: Python<'py>) -> PyResult<$crate::interop::Value<'py>> {
                    let $fit = self.held.get()?;
                    pyo3::IntoPyObjectExt::into_bound_py_any($value, py)
                }
            )+
        }
    };
}

/// Methods of detectors, those of them that are asked for.
macro_rules! shared {
    ($class:ident $(, $method:ident)+) => {
        $($crate::classes::$method!($class);)+
    };
}

macro_rules! fit {
    ($class:ident) => {
        #[pymethods]
        impl $class {
            fn fit<'py>(
                slf: Bound<'py, Self>,
                x: &$crate::interop::Value<'py>,
                names: Option<&$crate::interop::Value<'py>>,
            ) -> PyResult<Bound<'py, Self>> {
                let parameters = &slf.get().parameters;
                $crate::models::Lesson::of(x, names)?.learn(slf.get(), |x| parameters.fit(x), Self::remarks)?;
                Ok(slf)
            }
        }
    };
}

macro_rules! fit_moments {
    ($class:ident) => {
        #[pymethods]
        impl $class {
            fn fit_moments<'py>(
                slf: Bound<'py, Self>,
                moments: &Bound<'py, $crate::linalg::RunningMoments>,
            ) -> PyResult<Bound<'py, Self>> {
                let (py, model) = (slf.py(), slf.get());
                let (fitted, names) = moments.get().fitted(py, |of, sums| model.parameters.fit_moments(of, sums))?;
                let remarks = Self::remarks(&fitted, names.as_ref(), None)?;
                model.held.set(py, fitted, names)?;
                // Of the line that has called the public method.
                remarks.iter().try_for_each(|remark| $crate::interop::warn(py, remark, 2))?;
                Ok(slf)
            }
        }
    };
}

macro_rules! score {
    ($class:ident) => {
        #[pymethods]
        impl $class {
            fn score<'py>(&self, x: &$crate::interop::Value<'py>) -> PyResult<$crate::interop::Value<'py>> {
                $crate::models::Asked::of(self, x)?.line(|fit, x, out| fit.score(x, out))
            }
        }
    };
}

macro_rules! update {
    ($class:ident) => {
        #[pymethods]
        impl $class {
            fn update<'py>(&self, x: &$crate::interop::Value<'py>) -> PyResult<$crate::interop::Value<'py>> {
                $crate::models::Asked::of(self, x)?.follow(|fit, live, x, out| fit.update(live, x, out))
            }
        }
    };
}

/// Of what remembers no rows.
macro_rules! update_is_score {
    ($class:ident) => {
        #[pymethods]
        impl $class {
            fn update<'py>(&self, x: &$crate::interop::Value<'py>) -> PyResult<$crate::interop::Value<'py>> {
                self.score(x)
            }
        }
    };
}

macro_rules! missing {
    ($class:ident) => {
        #[pymethods]
        impl $class {
            fn missing<'py>(&self, x: &$crate::interop::Value<'py>) -> PyResult<$crate::interop::Value<'py>> {
                $crate::models::Asked::of(self, x)?.line(|fit, x, out| fit.missing(x, out))
            }
        }
    };
}

/// What a model does about sensors that stand still in all of the training.
pub(crate) const CONSTANTS: [(&str, bool); 2] = [("watch", true), ("ignore", false)];

/// What it does about rows that are rounded coarser than those of the training.
pub(crate) const ROUNDING: [(&str, bool); 2] = CONSTANTS;

macro_rules! constants {
    ($class:ident) => {
        #[pymethods]
        impl $class {
            #[getter]
            fn constants_(&self) -> PyResult<Vec<(usize, f64)>> {
                let fit = self.held.get()?;
                let constants = fit.constants();
                let pairs = constants.columns().iter().copied().zip(constants.values().iter().copied());
                acm_linalg::memory::Gather::gathered(pairs, "the constant sensors").map_err($crate::interop::exception)
            }

            fn moved<'py>(&self, x: &$crate::interop::Value<'py>) -> PyResult<$crate::interop::Value<'py>> {
                $crate::models::Asked::of(self, x)?.like(|fit, x, out| fit.moved(x, out))
            }
        }
    };
}

macro_rules! limit {
    ($class:ident) => {
        #[pymethods]
        impl $class {
            fn limit(&self, alpha: &$crate::interop::Value<'_>) -> PyResult<f64> {
                let alpha = $crate::arguments::number(alpha, "alpha")?;
                self.held.get()?.limit(alpha).map_err($crate::interop::exception)
            }
        }
    };
}

macro_rules! contributions {
    ($class:ident) => {
        #[pymethods]
        impl $class {
            fn contributions<'py>(&self, x: &$crate::interop::Value<'py>) -> PyResult<$crate::interop::Value<'py>> {
                $crate::models::Asked::of(self, x)?.like(|fit, x, out| fit.contributions(x, out))
            }
        }
    };
}

pub(crate) use {
    class, constants, contributions, fit, fit_moments, held, learned, limit, missing, parameters, saved, score, shared,
    update, update_is_score,
};
