//! The one error type of the acm crates.

use std::fmt;

/// Result of every fallible function of the acm crates.
pub type Result<T> = std::result::Result<T, Error>;

/// The offending number of an [`Error`].
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Number {
    /// A whole number.
    Integer(u64),
    /// A real number.
    Real(f64),
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer(value) => value.fmt(f),
            // Hundreds of zeros tell nobody anything.
            Self::Real(value) if *value != 0.0 && !(1e-6..1e16).contains(&value.abs()) && value.is_finite() => {
                write!(f, "{value:e}")
            }
            Self::Real(value) => value.fmt(f),
        }
    }
}

impl From<usize> for Number {
    fn from(value: usize) -> Self {
        Self::Integer(value as u64)
    }
}

impl From<f64> for Number {
    fn from(value: f64) -> Self {
        Self::Real(value)
    }
}

/// What is wrong with the bytes of a saved model.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum StateFault {
    /// No safetensors at all, cut short, or with trailing bytes.
    #[error("the bytes are no complete safetensors file")]
    Damaged,
    /// Not the bytes that were written.
    #[error("the checksum does not fit, the file is damaged")]
    Altered,
    /// Safetensors, but not ours.
    #[error("the file was not written by acm_rs")]
    Foreign,
    /// Another model of ours.
    #[error("the file holds another kind of model")]
    OtherKind,
    /// Written by a newer acm_rs.
    #[error("the file has format version {0}, newer than this acm_rs can read; upgrade acm_rs")]
    Newer(u64),
    /// A field is missing.
    #[error("`{0}` is missing")]
    Missing(&'static str),
    /// More fields than the version has.
    #[error("it has a field that its format version does not know")]
    Surplus,
    /// A field has another type, shape or value than it can have.
    #[error("`{0}` is not what it must be")]
    Wrong(&'static str),
}

/// What can go wrong in the acm crates.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A parameter lies outside what it may be.
    #[error("`{name}` must be {requirement}, got {value}")]
    Parameter {
        /// The parameter as the caller knows it.
        name: &'static str,
        /// What it must be, to follow "must be".
        requirement: &'static str,
        /// What it is.
        value: Number,
    },
    /// A parameter lies outside a bound that another argument sets.
    #[error("`{name}` must be at most `{limit_name}` = {limit}, got {value}")]
    AboveLimit {
        /// The parameter as the caller knows it.
        name: &'static str,
        /// The argument that sets the bound.
        limit_name: &'static str,
        /// The bound.
        limit: Number,
        /// What the parameter is.
        value: Number,
    },
    /// An array has another shape than the rest of the call asks for.
    #[error("`{name}` must have shape ({}, {}), got ({}, {})", expected.0, expected.1, got.0, got.1)]
    Shape {
        /// The argument.
        name: &'static str,
        /// Rows and columns it must have.
        expected: (usize, usize),
        /// Rows and columns it has.
        got: (usize, usize),
    },
    /// A one-dimensional argument has another length than the rest of the call asks for.
    #[error("`{name}` must have length {expected}, got {got}")]
    Length {
        /// The argument.
        name: &'static str,
        /// Values it must have.
        expected: usize,
        /// Values it has.
        got: usize,
    },
    /// Columns that make one array differ in length.
    #[error("`{name}` must have columns of one length, {expected}, got {got} in column {column}")]
    Uneven {
        /// The argument.
        name: &'static str,
        /// Rows of the columns before.
        expected: usize,
        /// The first column that has another number.
        column: usize,
        /// Its rows.
        got: usize,
    },
    /// A column is named that is not there.
    #[error("`{name}` must be column numbers below {columns}, got {value}")]
    NoColumn {
        /// The argument.
        name: &'static str,
        /// Columns there are.
        columns: usize,
        /// What was given.
        value: usize,
    },
    /// An array has too few rows or columns.
    #[error("`{name}` must have at least {least} {what}{}, got {got}", if *least == 1 { "" } else { "s" })]
    TooFew {
        /// The argument.
        name: &'static str,
        /// What it has too few of: "row", "column".
        what: &'static str,
        /// How many it must have.
        least: usize,
        /// How many it has.
        got: usize,
    },
    /// An array has another number of columns than the model was fitted on.
    #[error("`{name}` must have {fitted} columns, as many as the model was fitted on, got {got}")]
    Columns {
        /// The argument.
        name: &'static str,
        /// Columns at fit.
        fitted: usize,
        /// Columns now.
        got: usize,
    },
    /// A value is missing where every value counts.
    #[error("`{name}` must have no missing values (NaN or infinite), got one in row {row}, column {column}")]
    Missing {
        /// The argument.
        name: &'static str,
        /// The first row that has one.
        row: usize,
        /// The first column of it that is missing.
        column: usize,
    },
    /// A value is missing where every value counts, and something can be done about it.
    #[error("`{name}` must have no missing values (NaN or infinite), got one in row {row}, column {column}: {remedy}")]
    Gap {
        /// The argument.
        name: &'static str,
        /// The first row that has one.
        row: usize,
        /// The first column of it that is missing.
        column: usize,
        /// What to do.
        remedy: &'static str,
    },
    /// No value, or none that changes, is left to fit a model on.
    #[error("`{name}` must have {requirement}")]
    Unfit {
        /// The argument.
        name: &'static str,
        /// What it lacks, to follow "must have".
        requirement: &'static str,
    },
    /// A matrix that is to be inverted is singular, or not positive definite.
    #[error("`{name}` must be {requirement}")]
    Singular {
        /// The argument.
        name: &'static str,
        /// What the matrix is not, to follow "must be".
        requirement: &'static str,
    },
    /// Bytes that are no model of this kind.
    #[error("not a saved {kind}: {reason}")]
    State {
        /// The model that was to be read.
        kind: &'static str,
        /// What is wrong.
        reason: StateFault,
    },
    /// What is to tell things apart stands twice.
    #[error("`{name}` must have no {what} twice, got the same at {first} and {second}")]
    Repeated {
        /// The argument.
        name: &'static str,
        /// What stands twice: "name", "key".
        what: &'static str,
        /// The first place.
        first: usize,
        /// The second place.
        second: usize,
    },
    /// Time stamps go back.
    #[error("`{name}` must not go back, but row {row} is earlier than row {}", row - 1)]
    Unsorted {
        /// The argument.
        name: &'static str,
        /// The first row that is earlier than the one before.
        row: usize,
    },
    /// The first row is earlier than the last one that came before.
    #[error("`{name}` must not go back, but the first row is earlier than the last one before")]
    Earlier {
        /// The argument.
        name: &'static str,
    },
    /// The result or its scratch does not fit into memory.
    #[error("not enough memory for {what}: {rows} x {columns} values")]
    Memory {
        /// What was to be held.
        what: &'static str,
        /// Its rows.
        rows: usize,
        /// Its columns.
        columns: usize,
    },
    /// A model is asked from within its own call.
    #[error("the model is in use by the very call that was interrupted to ask it")]
    InUse,
    /// The caller asked for the work to stop; the output is unfinished.
    #[error("interrupted")]
    Interrupted,
}

/// `Ok` where `condition` holds, else the parameter's error.
///
/// # Errors
/// [`Error::Parameter`] where `condition` does not hold.
pub fn require(condition: bool, name: &'static str, requirement: &'static str, value: impl Into<Number>) -> Result<()> {
    if condition {
        Ok(())
    } else {
        Err(Error::Parameter {
            name,
            requirement,
            value: value.into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_name_the_argument_and_the_value() {
        let error = require(false, "window", "at least 1", 0_usize).unwrap_err();
        assert_eq!(error.to_string(), "`window` must be at least 1, got 0");
        let error = require(false, "q", "between 0 and 1", 1.5).unwrap_err();
        assert_eq!(error.to_string(), "`q` must be between 0 and 1, got 1.5");
        let error = require(false, "q", "positive", -1e-300).unwrap_err();
        assert_eq!(error.to_string(), "`q` must be positive, got -1e-300");
        let error = Error::Shape {
            name: "out",
            expected: (3, 2),
            got: (2, 3),
        };
        assert_eq!(error.to_string(), "`out` must have shape (3, 2), got (2, 3)");
    }
}
