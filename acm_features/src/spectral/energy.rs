//! Energies of frequency bands over a whole history.

use acm_linalg::columns::reserve;
use acm_linalg::lanes::Element;
use acm_linalg::parallel;
use acm_linalg::{Result, Table};
use ndarray::{ArrayViewMut2, Axis};

use super::bands::Bands;
use super::taper::Taper;
use super::transform::{Transform, centre, finite_or_infinite, plan_alone, require_shape};

/// Estimated time of a row of one column.
const ROW_NS: f64 = 25.0;

/// Energy of each frequency band of each column.
///
/// `y[b] = sum |X_k|^2` over the bins `k >= 1` of band b, where X is the discrete Fourier transform of the n values less
/// their mean, times the taper; bin k stands at `k fs / n`.
///
/// Shapes: x (n, d) -> (d, bands).
/// Missing: NaN and infinity count as the mean of the others; a column of nothing else is NaN, and so is every column of
/// no rows.
/// Bin 0 belongs to no band, though a taper puts a little there.
/// Cost: O(n log n) a column, whatever the factors of n. Threads: columns. Scratch of a thread: 28 bytes a row where n has
/// small prime factors, up to 80 where it has not.
/// Oracle: SciPy `fft.rfft`, 1e-12 of the column's energy.
///
/// # Errors
/// [`crate::Error::Shape`] for another `out`; [`crate::Error::Memory`]; [`crate::Error::Interrupted`].
pub fn band_energy<'a, T: Element>(
    x: impl Into<Table<'a, T>>,
    taper: Taper,
    bands: &Bands,
    mut out: ArrayViewMut2<'_, T>,
) -> Result<()> {
    let x = x.into();
    let (rows, columns) = x.dim();
    require_shape("out", out.dim(), (columns, bands.len()))?;
    if x.is_empty() {
        out.fill(T::narrow(f64::NAN));
        return Ok(());
    }
    let weights = taper.weights(if taper == Taper::Boxcar { 0 } else { rows })?;
    let plan = plan_alone(rows)?;
    let jobs = out.axis_iter_mut(Axis(0)).enumerate();
    let cost = ROW_NS * x.len() as f64;
    let scratch = || Ok((Transform::new(&plan)?, reserve(bands.len(), 0.0, "band energies")?));
    parallel::run(jobs, cost, scratch, |(transform, energies), (column, mut out), stop| {
        let known = centre(x.column(column).iter(), &mut transform.series, stop);
        if known == 0 || stop.requested() {
            out.fill(T::narrow(f64::NAN));
            return;
        }
        for (value, weight) in transform.series.iter_mut().zip(&weights) {
            *value *= weight;
        }
        if !transform.run(stop) {
            return;
        }
        for (bins, energy) in bands.bins(rows).zip(energies.iter_mut()) {
            // The sum of no bins is -0.0.
            *energy = finite_or_infinite(bins.map(|bin| transform.power(bin)).sum::<f64>() + 0.0);
        }
        for (place, &energy) in out.iter_mut().zip(energies.iter()) {
            *place = T::narrow(energy);
        }
    })
}

#[cfg(test)]
mod tests {
    use std::f64::consts::TAU;

    use ndarray::{Array2, array, s};

    use super::*;

    fn energies(x: &Array2<f64>, taper: Taper, edges: &[(f64, f64)]) -> Array2<f64> {
        let bands = Bands::new(edges, 1.0).unwrap();
        let mut out = Array2::from_elem((x.ncols(), bands.len()), -1.0);
        band_energy(x.view(), taper, &bands, out.view_mut()).unwrap();
        out
    }

    /// As defined, term by term.
    fn naive(values: &[f64], taper: Taper, (low, high): (f64, f64)) -> f64 {
        let rows = values.len();
        let known: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
        let mean = known.iter().map(|value| value - known[0]).sum::<f64>() / known.len() as f64 + known[0];
        let weights = taper.weights(rows).unwrap();
        (1..=rows / 2)
            .filter(|&bin| (low..high).contains(&(bin as f64 / rows as f64)))
            .map(|bin| {
                let (mut re, mut im) = (0.0, 0.0);
                for (row, value) in values.iter().enumerate().filter(|(_, value)| value.is_finite()) {
                    let angle = TAU * ((row * bin) % rows) as f64 / rows as f64;
                    re += (value - mean) * weights[row] * angle.cos();
                    im += (value - mean) * weights[row] * angle.sin();
                }
                re * re + im * im
            })
            .sum()
    }

    #[test]
    fn energies_are_those_of_the_definition() {
        let edges = [(0.0, 0.1), (0.05, 0.3), (0.3, 9.0)];
        for rows in [1, 2, 3, 16, 97, 360] {
            let x = Array2::from_shape_fn((rows, 3), |(row, column)| match (row * 7 + column) % 13 {
                5 if column == 1 => f64::NAN,
                6 if column == 1 => f64::NEG_INFINITY,
                value => value as f64 * 0.37 + (row as f64 * 0.3).sin() + 5.0,
            });
            for taper in [Taper::Boxcar, Taper::Hann, Taper::Hamming, Taper::Blackman] {
                let found = energies(&x, taper, &edges);
                for column in 0..3 {
                    for (band, &edges) in edges.iter().enumerate() {
                        let expected = naive(&x.column(column).to_vec(), taper, edges);
                        let scale =
                            (rows as f64 * x.column(column).iter().filter(|x| x.is_finite()).count() as f64).max(1.0);
                        assert!((found[[column, band]] - expected).abs() < 1e-12 * scale, "{rows} rows, {taper:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn small_changes_about_a_large_value_keep_their_digits() {
        let small = Array2::from_shape_fn((500, 1), |(row, _)| ((row * 7919) % 101) as f64 / 1024.0);
        let (small, large) = (
            energies(&small, Taper::Hann, &[(0.0, 0.5)]),
            energies(&small.mapv(|x| x + 1_048_576.0), Taper::Hann, &[(0.0, 0.5)]),
        );
        assert!((&small - &large).iter().all(|error| error.abs() < 1e-12 * small[[0, 0]]));
    }

    #[test]
    fn nothing_known_constant_and_beyond() {
        let x = array![
            [f64::NAN, 7.0, 1.7e308],
            [f64::INFINITY, f64::NAN, -1.7e308],
            [f64::NAN, 7.0, 0.0]
        ];
        let found = energies(&x, Taper::Boxcar, &[(0.0, 1.0), (0.7, 0.8)]);
        assert!(found.row(0).iter().all(|energy| energy.is_nan()));
        assert_eq!(found.row(1).to_vec(), [0.0, 0.0]);
        assert_eq!(found.row(2).to_vec(), [f64::INFINITY, 0.0]);
        assert!(
            energies(&Array2::zeros((0, 2)), Taper::Hann, &[(0.0, 1.0)])
                .iter()
                .all(|energy| energy.is_nan())
        );
        assert_eq!(energies(&Array2::zeros((3, 0)), Taper::Hann, &[(0.0, 1.0)]).dim(), (0, 1));
        let mut wrong = Array2::zeros((1, 1));
        let bands = Bands::standard(1.0).unwrap();
        assert!(band_energy(x.view(), Taper::Hann, &bands, wrong.view_mut()).is_err());
    }

    #[test]
    fn float32_is_rounded_once_and_layouts_agree() {
        let x = Array2::from_shape_fn((120, 4), |(row, column)| ((row * 31 + column * 17) % 29) as f32);
        let bands = Bands::standard(1.0).unwrap();
        let mut out = Array2::zeros((4, 3));
        band_energy(x.view(), Taper::Hamming, &bands, out.view_mut()).unwrap();
        let wide = x.mapv(f64::from);
        let mut expected = Array2::zeros((4, 3));
        band_energy(wide.view(), Taper::Hamming, &bands, expected.view_mut()).unwrap();
        assert_eq!(out, expected.mapv(|energy| energy as f32));
        let reversed = wide.slice(s![..;-1, ..]).to_owned();
        let mut again = Array2::zeros((4, 3));
        band_energy(reversed.slice(s![..;-1, ..]), Taper::Hamming, &bands, again.view_mut()).unwrap();
        assert_eq!(again, expected);
    }
}
