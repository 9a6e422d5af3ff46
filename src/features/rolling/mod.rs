//! Rolling statistics.

mod extremes;
mod moments;
mod order;
mod pairs;
mod slope;
mod sums;
mod windows;

pub(crate) use extremes::*;
pub(crate) use moments::*;
pub(crate) use order::*;
pub(crate) use pairs::*;
pub(crate) use slope::*;
pub(crate) use sums::*;
pub(super) use windows::{ENDS, Rolling, least_values};

/// `$body` over the windows that are `$given`, for whichever float type `$x` has.
macro_rules! rolling {
    ($x:ident, $given:ident, $width:expr, |$view:ident, $windows:ident, $out:ident| $body:expr) => {{
        let (py, (asked, out)) = ($x.py(), $crate::features::rolling::Rolling::of($given)?);
        let (width, out) = ($width, out.as_ref());
        $crate::features::columnwise!(
            py,
            $crate::interop::input($x, "x")?,
            |rows| asked.kept(rows),
            width,
            out,
            |$view, $out| {
                let $windows = asked.windows()?;
                $body
            }
        )
    }};
}

/// The same for functions of the migration plan: float64 alone, rows alone.
macro_rules! rolling_f64 {
    ($data:ident, $window:ident, $least:ident, $width:expr, |$view:ident, $windows:ident, $out:ident| $body:expr) => {{
        let (py, asked) = ($data.py(), $crate::features::rolling::Rolling::plain($window, $least)?);
        let input = $crate::interop::input_f64($data, "data")?;
        $crate::features::columnwise!(py, input, |rows| asked.kept(rows), $width, None, |$view, $out| {
            let $windows = asked.windows()?;
            $body
        })
    }};
}

pub(super) use {rolling, rolling_f64};
