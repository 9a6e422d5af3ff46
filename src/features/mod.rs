//! Python's view of `acm_features`.

mod column;
mod correlations;
mod ewm;
mod extremes;
mod frame;
mod matrix;
mod moments;
mod order;
mod pairs;
mod spectra;
mod spectra_whole;
pub(crate) mod times;

pub(crate) use column::*;
pub(crate) use correlations::*;
pub(crate) use ewm::*;
pub(crate) use extremes::*;
pub(crate) use matrix::*;
pub(crate) use moments::*;
pub(crate) use order::*;
pub(crate) use pairs::*;
pub(crate) use spectra::*;
pub(crate) use spectra_whole::*;

/// Borrows, computes detached, wraps: `$body` for whichever float type `$input` has, its rows as many as `$kept` says.
macro_rules! columnwise {
    ($py:ident, $input:expr, $kept:expr, $width:expr, $out:expr, |$x:ident, $view:ident| $body:expr) => {
        match $input {
            Input::F64(x) => columnwise!(@one $py, x, $kept, $width, $out, |$x, $view| $body),
            Input::F32(x) => columnwise!(@one $py, x, $kept, $width, $out, |$x, $view| $body),
        }
    };
    (@one $py:ident, $input:ident, $kept:expr, $width:expr, $out:expr, |$x:ident, $view:ident| $body:expr) => {{
        let $x = $input.table();
        let mut output = Output::like(&$input, $kept($x.nrows()), $width, $out, $py)?;
        let $view = output.view();
        compute($py, || $body)?;
        Ok(output.into_object())
    }};
}

/// The same over the windows of `$frame`.
macro_rules! rolling {
    ($py:ident, $input:expr, $frame:ident, $width:expr, $out:expr, |$x:ident, $windows:ident, $view:ident| $body:expr) => {
        columnwise!($py, $input, |rows| $frame.kept(rows), $width, $out, |$x, $view| {
            let $windows = $frame.windows()?;
            $body
        })
    };
}

use {columnwise, rolling};
