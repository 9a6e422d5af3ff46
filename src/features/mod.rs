//! Python's view of `acm_features`.

mod column;
pub(crate) mod correlation;
mod ewm;
mod live;
mod matrix;
mod quality;
mod rolling;
mod spectral;

pub(crate) use column::*;
pub(crate) use correlation::*;
pub(crate) use ewm::*;
pub(crate) use live::*;
pub(crate) use matrix::*;
pub(crate) use quality::*;
pub(crate) use rolling::*;
pub(crate) use spectral::*;

/// `$body` for whichever float type `$input` has.
macro_rules! either {
    ($input:expr, |$x:ident| $body:expr) => {
        match $input {
            $crate::interop::Input::F64($x) => $body,
            $crate::interop::Input::F32($x) => $body,
        }
    };
}

/// Borrows, computes detached, wraps, for whichever float type `$input` has; the result's rows are as many as `$kept` says.
macro_rules! columnwise {
    ($py:expr, $input:expr, $kept:expr, $width:expr, $out:expr, |$x:ident, $view:ident| $body:expr) => {
        $crate::features::either!($input, |input| {
            let $x = input.table();
            let mut output = $crate::interop::Output::like(&input, $kept($x.nrows()), $width, $out, $py)?;
            let $view = output.view();
            $crate::interop::compute($py, || $body)?;
            Ok(output.into_object())
        })
    };
}

use {columnwise, either};
