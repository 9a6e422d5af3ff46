//! Rolling statistics, exponential weights and the feature matrix row by row.

use acm_features::ewm::{Fading, Weighted};
use acm_features::live::{Asked, Kind, Rolling, RollingMemory, Rows, Span, Windowed};
use acm_features::rolling::{Closed, TimeMean};
use acm_linalg::Table;
use ndarray::{ArrayViewMut2, Axis, Ix1, Ix2};
use numpy::{PyArray, PyArrayMethods};
use pyo3::IntoPyObjectExt;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use super::ewm::{fading_of, weighing_of};
use super::matrix::{NAMES, features_of, fill_of};
use super::rolling::{ENDS, lasting, least_values, listed_of, pairs_among};
use super::spectral::bands_of;
use crate::arguments::{choice, count, number, numbers, optional, truth, unknown_word, word};
use crate::classes::{class, name_of};
use crate::interop::{Borrowed, Float, Input, Value, compute, empty, exception, input, shown};
use crate::naming::names_of;
use crate::times::{duration_of, spelling, times_of};

class!(RollingState, Rolling, RollingMemory);

/// What kernels have of their own.
const OWN: [&str; 16] = [
    "hold",
    "ddof",
    "scale",
    "q",
    "max_lag",
    "pairs",
    "features",
    "bands",
    "fs",
    "fill",
    "alpha",
    "span",
    "halflife",
    "adjust",
    "ignore_na",
    "bias",
];

/// The kernel's own keywords, every one of them given.
struct Own<'a, 'py>(&'a Bound<'py, PyDict>);

impl<'py> Own<'_, 'py> {
    fn get(&self, name: &str) -> PyResult<Value<'py>> {
        let value = self.0.get_item(name)?;
        value.ok_or_else(|| PyTypeError::new_err(format!("`{name}` must be given")))
    }

    fn some(&self, name: &str) -> PyResult<Option<Value<'py>>> {
        self.get(name).map(|value| (!value.is_none()).then_some(value))
    }

    fn ddof(&self) -> PyResult<usize> {
        count(&self.get("ddof")?, "ddof", 0)
    }

    fn bands(&self) -> PyResult<acm_features::spectral::Bands> {
        bands_of(self.some("bands")?.as_ref(), &self.get("fs")?)
    }

    fn weighted(&self, deviation: bool, min_periods: &Value<'py>) -> PyResult<Weighted> {
        let (alpha, span, halflife) = (self.some("alpha")?, self.some("span")?, self.some("halflife")?);
        let fading = fading_of(alpha.as_ref(), span.as_ref(), halflife.as_ref())?;
        let weighing = weighing_of(&self.get("adjust")?, &self.get("ignore_na")?, min_periods)?;
        if deviation {
            Weighted::deviation(fading, weighing, truth(&self.get("bias")?, "bias")?)
        } else {
            Weighted::mean(fading, weighing)
        }
        .map_err(exception)
    }

    fn kind(&self, name: &str, d: usize) -> PyResult<Option<Kind>> {
        Ok(Some(match name {
            "sum" => Kind::Sum,
            "mean" => Kind::Mean,
            "var" => Kind::Var { ddof: self.ddof()? },
            "std" => Kind::Std { ddof: self.ddof()? },
            "mean_std" => Kind::MeanStd { ddof: self.ddof()? },
            "min" => Kind::Min,
            "max" => Kind::Max,
            "range" => Kind::Range,
            "skew" => Kind::Skew,
            "kurt" => Kind::Kurt,
            "median" => Kind::Median,
            "mad" => Kind::Mad {
                scale: number(&self.get("scale")?, "scale")?,
            },
            "quantile" => Kind::Quantile {
                q: numbers(&self.get("q")?, "q", None)?,
            },
            "slope" => Kind::Slope,
            "cov" => Kind::Cov { ddof: self.ddof()? },
            "corr" => Kind::Corr,
            "lag_corr" => {
                let max_lag = count(&self.get("max_lag")?, "max_lag", 0)?;
                let pairs = pairs_among(listed_of(self.some("pairs")?.as_ref())?, d, max_lag)?;
                Kind::LagCorr { max_lag, pairs }
            }
            "band_energy" => Kind::BandEnergy { bands: self.bands()? },
            "feature_matrix" => Kind::FeatureMatrix {
                features: features_of(&self.get("features")?)?,
                bands: self.bands()?,
                fill: self.fill(d)?,
            },
            _ => return Ok(None),
        }))
    }

    fn fill(&self, d: usize) -> PyResult<Option<Vec<f64>>> {
        optional(self.some("fill")?.as_ref(), |value| {
            fill_of(value, d)?.ok_or_else(|| {
                PyValueError::new_err(
                    "`fill` must be None, or a number or one a column: no median of rows to come is known, got 'median'",
                )
            })
        })
    }
}

fn span_of(window: &Value<'_>) -> PyResult<Span> {
    match duration_of(window, "window")? {
        Some(nanoseconds) => Ok(Span::Lasting(nanoseconds)),
        None => count(window, "window", 1).map(Span::Rows),
    }
}

#[pymethods]
impl RollingState {
    #[new]
    fn new<'py>(
        kind: &Value<'py>,
        window: &Value<'py>,
        d: &Value<'py>,
        min_periods: &Value<'py>,
        closed: &Value<'py>,
        own: &Bound<'py, PyDict>,
    ) -> PyResult<Self> {
        let must = "the name of a kernel";
        let (name, own) = (word(kind, "kind", must)?, Own(own));
        let columns = count(d, "d", 1)?;
        let asked = if matches!(&*name, "ewm_mean" | "ewm_std") {
            if !window.is_none() {
                return Err(PyValueError::new_err(format!(
                    "`window` must be None for exponential weights, which fade as alpha, span or halflife say, got {}",
                    shown(window)
                )));
            }
            Asked::Weighted(own.weighted(&*name == "ewm_std", min_periods)?)
        } else if &*name == "time_mean" {
            let hold = optional(own.some("hold")?.as_ref(), |hold| lasting(hold, "hold"))?;
            let least = least_values(min_periods, 1)?;
            Asked::TimeMean(TimeMean::new(lasting(window, "window")?, hold, least).map_err(exception)?)
        } else {
            let span = span_of(window)?;
            let full = if let Span::Rows(rows) = span { rows } else { 1 };
            Asked::Windowed(Windowed {
                span,
                min_periods: least_values(min_periods, full)?,
                closed: choice(closed, "closed", &ENDS)?,
                kind: own.kind(&name, columns)?.ok_or_else(|| unknown_word(kind, "kind", must))?,
            })
        };
        Rolling::new(asked, columns).map(Self::of).map_err(exception)
    }

    fn update<'py>(&self, x: &Value<'py>, y: Option<&Value<'py>>, times: Option<&Value<'py>>) -> PyResult<Value<'py>> {
        match input(x, "x")? {
            Input::F64(given) => self.follow(x.py(), &given, y, times),
            Input::F32(given) => self.follow(x.py(), &given, y, times),
        }
    }

    fn reset(&self, py: Python<'_>) -> PyResult<()> {
        self.held.restart(py)
    }

    /// Names for the sensors, unless they have some.
    fn call(&self, py: Python<'_>, names: &Value<'_>) -> PyResult<()> {
        match names_of(Some(names), self.parameters.columns())? {
            Some(names) => self.held.name(py, names),
            None => Ok(()),
        }
    }

    #[getter]
    fn rows_seen(&self) -> PyResult<usize> {
        let seen = self.held.glance(RollingMemory::seen).unwrap_or(Ok(0));
        seen.map_err(exception)
    }

    #[getter]
    fn kind(&self) -> &'static str {
        match self.parameters.asked() {
            Asked::Windowed(windowed) => windowed.kind.name(),
            Asked::Weighted(weighted) => {
                if weighted.is_deviation().is_some() {
                    "ewm_std"
                } else {
                    "ewm_mean"
                }
            }
            Asked::TimeMean(_) => "time_mean",
        }
    }

    #[getter]
    fn window<'py>(&self, py: Python<'py>) -> PyResult<Value<'py>> {
        match self.parameters.asked() {
            Asked::Windowed(windowed) => match windowed.span {
                Span::Rows(rows) => rows.into_bound_py_any(py),
                Span::Lasting(nanoseconds) => spelling(nanoseconds.unsigned_abs()).into_bound_py_any(py),
            },
            Asked::Weighted(_) => Ok(py.None().into_bound(py)),
            Asked::TimeMean(mean) => spelling(mean.window().unsigned_abs()).into_bound_py_any(py),
        }
    }

    #[getter]
    fn d(&self) -> usize {
        self.parameters.columns()
    }

    #[getter]
    fn min_periods(&self) -> usize {
        match self.parameters.asked() {
            Asked::Windowed(windowed) => windowed.min_periods,
            Asked::Weighted(weighted) => weighted.weighing().min_periods,
            Asked::TimeMean(mean) => mean.min_periods(),
        }
    }

    #[getter]
    fn closed(&self) -> &'static str {
        match self.parameters.asked() {
            Asked::Windowed(windowed) => name_of(&windowed.closed, &ENDS),
            Asked::Weighted(_) => name_of(&Closed::Right, &ENDS),
            Asked::TimeMean(_) => name_of(&Closed::Both, &ENDS),
        }
    }

    /// The kernel's own keywords.
    #[getter]
    fn own<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let own = PyDict::new(py);
        let of_bands = |bands: &acm_features::spectral::Bands| {
            own.set_item("bands", PyTuple::new(py, bands.edges())?)?;
            own.set_item("fs", bands.fs())
        };
        match self.parameters.asked() {
            Asked::Windowed(windowed) => match &windowed.kind {
                Kind::Var { ddof } | Kind::Std { ddof } | Kind::MeanStd { ddof } | Kind::Cov { ddof } => {
                    own.set_item("ddof", ddof)?;
                }
                Kind::Mad { scale } => own.set_item("scale", scale)?,
                Kind::Quantile { q } => own.set_item("q", PyTuple::new(py, q)?)?,
                Kind::LagCorr { max_lag, pairs } => {
                    own.set_item("max_lag", max_lag)?;
                    own.set_item("pairs", PyTuple::new(py, pairs)?)?;
                }
                Kind::BandEnergy { bands } => of_bands(bands)?,
                Kind::FeatureMatrix { features, bands, fill } => {
                    let names = features.iter().map(|feature| name_of(feature, &NAMES)).collect::<Vec<_>>();
                    own.set_item("features", PyTuple::new(py, names)?)?;
                    of_bands(bands)?;
                    own.set_item("fill", fill.as_ref().map(|fill| PyTuple::new(py, fill)).transpose()?)?;
                }
                _ => {}
            },
            Asked::Weighted(weighted) => {
                match weighted.fading() {
                    Fading::Alpha(alpha) => own.set_item("alpha", alpha)?,
                    Fading::Span(span) => own.set_item("span", span)?,
                    Fading::HalfLife(rows) => own.set_item("halflife", rows)?,
                    Fading::Lasting(nanoseconds) => {
                        own.set_item("halflife", spelling(nanoseconds.unsigned_abs()))?;
                    }
                }
                let weighing = weighted.weighing();
                own.set_item("adjust", weighing.adjust)?;
                own.set_item("ignore_na", weighing.ignore_na)?;
                if let Some(bias) = weighted.is_deviation() {
                    own.set_item("bias", bias)?;
                }
            }
            Asked::TimeMean(mean) => {
                own.set_item("hold", mean.hold().map(|hold| spelling(hold.unsigned_abs())))?;
            }
        }
        Ok(own)
    }
}

impl RollingState {
    fn named<'py>(&self, py: Python<'py>) -> PyResult<Vec<(&'static str, Value<'py>)>> {
        let mut named = vec![
            ("kind", self.kind().into_bound_py_any(py)?),
            ("window", self.window(py)?),
            ("d", self.d().into_bound_py_any(py)?),
            ("min_periods", self.min_periods().into_bound_py_any(py)?),
            ("closed", self.closed().into_bound_py_any(py)?),
        ];
        let own = self.own(py)?;
        for name in OWN {
            if let Some(value) = own.get_item(name)? {
                named.push((name, value));
            }
        }
        Ok(named)
    }

    fn follow<'py, T: Float>(
        &self,
        py: Python<'py>,
        x: &Borrowed<'py, T>,
        y: Option<&Value<'py>>,
        times: Option<&Value<'py>>,
    ) -> PyResult<Value<'py>> {
        let rolling = &self.parameters;
        let narrow = size_of::<T>() < size_of::<f64>();
        let known = self.held.glance(RollingMemory::is_narrow).unwrap_or(Ok(None)).map_err(exception)?;
        if known.is_some_and(|known| known != narrow) {
            return Err(of_other_dtype("x", "the rows before", narrow));
        }
        if rolling.is_pair() != y.is_some() {
            return Err(PyTypeError::new_err(if y.is_some() {
                format!("`y` must be left out: \"{}\" looks at `x` alone", self.kind())
            } else {
                format!("`y` must be given: \"{}\" compares `x` with it", self.kind())
            }));
        }
        if times.is_some() && !rolling.takes_times() {
            return Err(PyValueError::new_err("`times` must be left out unless `halflife` is a duration such as '2h'"));
        }
        if times.is_none() && rolling.needs_times() {
            let name = if matches!(rolling.asked(), Asked::Weighted(_)) {
                "halflife"
            } else {
                "window"
            };
            return Err(PyValueError::new_err(format!("`times` must be given where `{name}` is a duration, got None")));
        }
        let other = y.map(|y| input(y, "y")).transpose()?;
        let y = match &other {
            None => None,
            Some(y) => Some(T::same(y).ok_or_else(|| of_other_dtype("y", "`x`", !narrow))?),
        };
        let times = optional(times, times_of)?;
        let row = x.is_line() && rolling.columns() > 1;
        let rows = Rows {
            x: table(x, row),
            y: y.map(|y| table(y, row)),
            times: times.as_deref(),
        };
        let (count, width) = (rows.x.nrows(), rolling.width());
        let update = |out: ArrayViewMut2<'_, T>| {
            compute(py, || self.held.follow(|rolling, live| live.update(rolling, &rows, out)))
        };
        if row || (x.is_line() && width == 1) {
            let object = empty::<T>(py, &[if row { width } else { count }], false)?;
            {
                let mut line = object.cast::<PyArray<T, Ix1>>()?.readwrite();
                update(line.as_array_mut().insert_axis(Axis(usize::from(!row))))?;
            }
            return Ok(object);
        }
        let object = empty::<T>(py, &[count, width], x.is_fortran())?;
        {
            let mut matrix = object.cast::<PyArray<T, Ix2>>()?.readwrite();
            update(matrix.as_array_mut())?;
        }
        Ok(object)
    }
}

/// Rows = time; a line is one column, or where `row` says so one row.
fn table<'a, T: Float>(x: &'a Borrowed<'_, T>, row: bool) -> Table<'a, T> {
    match x {
        Borrowed::Line(line) if row => line.as_array().insert_axis(Axis(0)).into(),
        _ => x.table(),
    }
}

/// Whether `got` is float32, where float64 must be.
fn of_other_dtype(name: &str, whose: &str, narrow: bool) -> PyErr {
    let (must, got) = if narrow { ("float64", "float32") } else { ("float32", "float64") };
    PyTypeError::new_err(format!(
        "`{name}` must have the dtype of {whose}, {must}, got {got}; convert with .astype(numpy.{must})"
    ))
}
