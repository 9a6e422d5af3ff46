//! The same bytes from a matrix in any memory order and from a list of columns, for every kernel.

use acm_linalg::lanes::Element;
use acm_linalg::{Result, Table, parallel};
use ndarray::{Array1, Array2, Array3, ArrayView1, ArrayViewMut2, ShapeBuilder, s};

use crate::column::{self, Method, Reach};
use crate::correlation::{self, correlation, covariance, lagged_correlation};
use crate::ewm::{Decay, Weighing, ewm_mean, ewm_std};
use crate::matrix::{Feature, Gaps, feature_matrix};
use crate::rolling::{
    Times, Window, Windows, rolling_corr, rolling_cov, rolling_kurt, rolling_lag_corr, rolling_mad, rolling_max,
    rolling_mean, rolling_mean_std, rolling_median, rolling_min, rolling_quantile, rolling_skew, rolling_slope,
    rolling_std, rolling_sum, rolling_var,
};
use crate::spectral::{
    Bands, Search, Seasons, Taper, Welch, band_energy, power_spectrum, rolling_band_energy, seasonality,
};

type Found = Vec<(&'static str, Vec<u64>)>;

fn bits<T: Element>(values: impl IntoIterator<Item = T>) -> Vec<u64> {
    values.into_iter().map(|value| value.widen().to_bits()).collect()
}

fn filled<T: Element>(shape: (usize, usize), work: impl FnOnce(ArrayViewMut2<'_, T>) -> Result<()>) -> Vec<u64> {
    let mut out = Array2::from_elem(shape, T::narrow(-7.0));
    work(out.view_mut()).unwrap();
    bits(out)
}

fn rolled<T: Element>(x: Table<'_, T>, windows: Windows<'_>, found: &mut Found) {
    let (kept, columns) = (windows.kept(x.nrows()), x.ncols());
    let mut take = |name, wide, work: &dyn Fn(ArrayViewMut2<'_, T>) -> Result<()>| {
        found.push((name, filled((kept, wide), work)));
    };
    let y = x.of_neighbours(1..2);
    take("sum", columns, &|out| rolling_sum(x, windows, out));
    take("mean", columns, &|out| rolling_mean(x, windows, out));
    take("var", columns, &|out| rolling_var(x, windows, 1, out));
    take("std", columns, &|out| rolling_std(x, windows, 0, out));
    take("mean and std", 2 * columns, &|out| rolling_mean_std(x, windows, 1, out));
    take("skew", columns, &|out| rolling_skew(x, windows, out));
    take("kurt", columns, &|out| rolling_kurt(x, windows, out));
    take("min", columns, &|out| rolling_min(x, windows, out));
    take("max", columns, &|out| rolling_max(x, windows, out));
    take("median", columns, &|out| rolling_median(x, windows, out));
    take("mad", columns, &|out| rolling_mad(x, windows, 1.5, out));
    take("quantiles", 2 * columns, &|out| rolling_quantile(x, windows, &[0.1, 0.75], out));
    take("slope", columns, &|out| rolling_slope(x, windows, out));
    take("cov", columns, &|out| rolling_cov(x, x, windows, 1, out));
    take("corr with one", columns, &|out| rolling_corr(x, y, windows, out));
    let pairs = [(0, 3), (columns - 1, 1)];
    take("corr at lags", 6, &|out| rolling_lag_corr(x, windows, 2, &pairs, out));
    let bands = Bands::new([(0.0, 0.2), (0.2, 0.6)], 1.0).unwrap();
    take("band energy", 2 * columns, &|out| rolling_band_energy(x, windows, &bands, out));
    let fill: Vec<f64> = (0..columns).map(|column| if column == 2 { f64::NAN } else { column as f64 }).collect();
    for (name, gaps) in [
        ("features", Gaps::Kept),
        ("features, median", Gaps::Median),
        ("features, filled", Gaps::Filled(&fill)),
    ] {
        take(name, 10 * columns, &|out| feature_matrix(x, windows, &Feature::ALL, &bands, gaps, out));
    }
}

fn whole<T: Element>(x: Table<'_, T>, found: &mut Found) {
    let (rows, columns) = x.dim();
    let square = (columns, columns);
    for (name, method) in [
        ("pearson", correlation::Method::Pearson),
        ("spearman", correlation::Method::Spearman),
        ("kendall", correlation::Method::Kendall),
    ] {
        found.push((name, filled(square, |out: ArrayViewMut2<'_, T>| correlation(x, method, 2, out))));
    }
    found.push(("covariance", filled(square, |out: ArrayViewMut2<'_, T>| covariance(x, 1, 2, out))));
    let mut lags = Array3::from_elem((3, columns, columns), T::narrow(-7.0));
    lagged_correlation(x, 2, lags.view_mut()).unwrap();
    found.push(("lagged correlation", bits(lags)));

    let (median, mad) = column::column_median_mad(x, 1.5).unwrap();
    found.push(("median and mad", bits(median.into_iter().chain(mad))));
    let moments = column::column_moments(x).unwrap();
    let parts = [moments.mean, moments.std, moments.skew, moments.kurt].concat();
    found.push(("moments", bits(parts)));
    found.push(("counts", moments.count.iter().map(|&count| count.cast_unsigned()).collect()));
    let mut take = |name, shape, work: &dyn Fn(ArrayViewMut2<'_, T>) -> Result<()>| {
        found.push((name, filled(shape, work)));
    };
    take("quantiles", (2, columns), &|out| column::column_quantiles(x, &[0.1, 0.75], out));
    take("z", (rows, columns), &|out| column::zscore(x, None, None, out));
    for (name, method) in [
        ("impute, median", Method::Median),
        ("impute, zero", Method::Zero),
        ("impute, forward", Method::Forward),
        ("impute, backward", Method::Backward),
        ("impute, line", Method::Interpolate),
    ] {
        let reach = Reach {
            limit: Some(2),
            ..Reach::default()
        };
        take(name, (rows, columns), &|out| column::impute(x, method, None, &reach, out));
    }
    take("lags", (rows, 3 * columns), &|out| column::lag_matrix(x, &[0, 2, 5], out));
    let (decay, weighing) = (Decay::span(9.0).unwrap(), Weighing::default());
    take("ewm mean", (rows, columns), &|out| ewm_mean(x, decay, weighing, out));
    take("ewm std", (rows, columns), &|out| ewm_std(x, decay, weighing, false, out));
    let bands = Bands::standard(1.0).unwrap();
    take("energy", (columns, bands.len()), &|out| band_energy(x, Taper::Hann, &bands, out));
    let welch = Welch::new(rows, Some(64), 0.5, 1.0, Taper::Hann).unwrap();
    take("power", (welch.bins(), columns), &|out| power_spectrum(x, &welch, out));
    let search = Search::strongest(1.0, 2).unwrap();
    let mut places = [(); 4].map(|()| Array2::from_elem((columns, search.len()), T::narrow(-7.0)));
    let [period, strength, phase, amplitude] = places.each_mut().map(|place| place.view_mut());
    let seasons = Seasons {
        period,
        strength,
        phase,
        amplitude,
    };
    seasonality(x, &search, seasons).unwrap();
    found.push(("seasons", bits(places.into_iter().flatten())));
}

fn everything<T: Element>(x: Table<'_, T>) -> Found {
    let mut found = Vec::new();
    let nanoseconds: Vec<i64> = (0..x.nrows() as i64).map(|row| row * 1_000_000_000 + row % 3).collect();
    let times = Times::new(&nanoseconds).unwrap();
    let window = Windows::from(Window::new(20, 3).unwrap());
    for windows in [
        window,
        window.starting_at(13).centred(true).every(3).unwrap(),
        Windows::from(Window::new(400, 3).unwrap()),
        Windows::lasting(25_000_000_000, 2, times).unwrap().centred(true),
    ] {
        rolled(x, windows, &mut found);
    }
    whole(x, &mut found);
    found
}

/// Waves with gaps; one column is constant, and two leave the range of squares where `far` says so.
fn plant(rows: usize, columns: usize, far: bool) -> Array2<f64> {
    Array2::from_shape_fn((rows, columns), |(row, column)| {
        let value = ((row * 7919 + column * 104_729) % 1009) as f64 / 64.0 + (row as f64 * 0.26).sin() * 40.0;
        match (column, (row + 5 * column) % 31) {
            (0, 7) => f64::NAN,
            (3, 11) => f64::INFINITY,
            (4, _) => 2.5,
            (5, _) if far => value * 1e200,
            (6, _) if far => value * 1e-200,
            _ => value,
        }
    })
}

fn check<T: Element>(x: &Array2<T>) {
    let expected = everything(x.view().into());
    let same = |table: Table<'_, T>, what: &str| {
        for ((name, found), (_, expected)) in everything(table).iter().zip(&expected) {
            assert!(found == expected, "{name}: {what}");
        }
    };
    let (rows, columns) = x.dim();
    let mut fortran = Array2::from_elem((rows, columns).f(), T::narrow(-1.0));
    fortran.assign(x);
    same(fortran.view().into(), "columns contiguous");
    let mut wide = Array2::from_elem((2 * rows, 3 * columns), T::narrow(-1.0));
    wide.slice_mut(s![..;2, ..;3]).assign(x);
    same(wide.slice(s![..;2, ..;3]).into(), "strided");
    let apart: Vec<Array1<T>> = x.columns().into_iter().map(|column| column.to_owned()).collect();
    let list: Vec<ArrayView1<'_, T>> = apart.iter().map(|column| column.view()).collect();
    same(Table::of_columns(rows, &list, "x").unwrap(), "a list");
    let list: Vec<_> = (0..columns).map(|column| wide.slice(s![..;2, 3 * column])).collect();
    same(Table::of_columns(rows, &list, "x").unwrap(), "a list of strided columns");
}

#[test]
fn a_list_of_columns_gives_the_bytes_of_the_matrix() {
    for threads in [1, 3] {
        parallel::set_num_threads(threads).unwrap();
        check(&plant(531, 11, true));
        check(&plant(531, 11, false).mapv(|value| value as f32));
    }
}

#[test]
fn few_rows_and_columns() {
    for (rows, columns) in [(1, 4), (9, 8), (40, 4)] {
        check(&plant(rows, columns, true));
    }
}
