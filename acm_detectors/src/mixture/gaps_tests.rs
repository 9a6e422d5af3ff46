//! Rows with missing values and rows of which something is rounded away, by the blocks of the components' covariances.

use acm_linalg::lanes::Row;
use acm_linalg::{Samples, seed};
use fearless_simd::{Level, dispatch};
use ndarray::Array2;
use rand::RngExt;

use super::gaps::GapScratch;
use super::gaussians::DensityScratch;
use super::*;
use crate::alone::Noisy;
use crate::elimination::solved;
use crate::gaps::carried;

const NAN: f64 = f64::NAN;

/// Four related sensors in two states.
fn sample(rows: usize) -> Array2<f64> {
    let mut stream = seed::stream(15, 0);
    let mut normal = move || (0..12).map(|_| stream.random::<f64>()).sum::<f64>() - 6.0;
    let mut x = Array2::zeros((rows, 4));
    for (row, mut values) in x.rows_mut().into_iter().enumerate() {
        let (state, shared) = (((row * 7 / 3) % 2) as f64, normal());
        for (column, value) in values.iter_mut().enumerate() {
            *value = 1.5 * state * (column as f64 - 1.0) + shared + normal() * (1.0 + state);
        }
    }
    x
}

fn fitted(covariance: Covariance) -> FittedGaussianMixture {
    let mixture = GaussianMixture::new(Components::Fixed(2), covariance, 2, 1e-2, 1e-3, 100, 42).unwrap();
    mixture.fit(sample(300).view().into()).unwrap()
}

/// The covariance of a component.
fn matrix(fitted: &FittedGaussianMixture, component: usize) -> Vec<f64> {
    let all = fitted.covariances();
    match fitted.parameters().covariance() {
        Covariance::Full => all[16 * component..][..16].to_vec(),
        Covariance::Diag => (0..16).map(|at| if at % 5 == 0 { all[4 * component + at / 5] } else { 0.0 }).collect(),
    }
}

fn block(matrix: &[f64], rows: &[usize], columns: &[usize]) -> Vec<f64> {
    rows.iter()
        .flat_map(|&row| columns.iter().map(move |&column| matrix[4 * row + column]))
        .collect()
}

fn dot(one: &[f64], other: &[f64]) -> f64 {
    one.iter().zip(other).map(|(one, other)| one * other).sum()
}

#[track_caller]
fn near(found: f64, exact: f64) {
    assert!((found - exact).abs() <= 1e-9 * exact.abs().max(1.0), "{found} {exact}");
}

/// Of a row: for each component its log density, what it would be of a complete row but for its weight, the squared distance and the
/// parts of it as they count.
struct Measured {
    logs: Vec<f64>,
    counted: Vec<f64>,
    parts: Vec<Vec<f64>>,
}

impl Measured {
    /// From the squared distances of `present` sensors and their covariance.
    fn of(fitted: &FittedGaussianMixture, z: &[f64], covariance: impl Fn(usize) -> Vec<f64>) -> Self {
        let present: Vec<usize> = (0..4).filter(|&place| !z[place].is_nan()).collect();
        let (mut logs, mut counted, mut parts) = (Vec::new(), Vec::new(), Vec::new());
        for component in 0..2 {
            let mean = &fitted.means()[4 * component..][..4];
            let rest: Vec<f64> = present.iter().map(|&place| z[place] - mean[place]).collect();
            let (pulled, log) = solved(&block(&covariance(component), &present, &present), &rest);
            let square = dot(&pulled, &rest);
            let count = present.len() as f64;
            let weight = fitted.weights()[component].ln();
            logs.push(weight - 0.5 * (square + log + count * std::f64::consts::TAU.ln()));
            let own = solved(&matrix(fitted, component), &[0.0; 4]).1;
            let stands = if present.len() == 4 {
                square
            } else {
                4.0 * carried(square / count, count, 4.0)
            };
            counted.push(weight - 0.5 * (own + 4.0 * std::f64::consts::TAU.ln() + stands));
            let mut each = vec![0.0; 4];
            for ((&place, rest), pulled) in present.iter().zip(&rest).zip(&pulled) {
                each[place] = rest * pulled * stands / square;
            }
            parts.push(each);
        }
        Self { logs, counted, parts }
    }

    fn total(&self) -> f64 {
        self.logs.iter().map(|log| log.exp()).sum::<f64>().ln()
    }

    fn shares(&self) -> Vec<f64> {
        self.logs.iter().map(|log| (log - self.total()).exp()).collect()
    }

    fn standing(&self) -> f64 {
        let shares = self.shares();
        dot(&shares, &self.counted) - shares.iter().map(|share| share * share.ln()).sum::<f64>()
    }

    fn contributions(&self) -> Vec<f64> {
        let shares = self.shares();
        (0..4)
            .map(|place| (0..2).map(|component| shares[component] * self.parts[component][place]).sum())
            .collect()
    }
}

#[test]
fn incomplete_rows_have_the_density_of_what_is_there() {
    for covariance in [Covariance::Diag, Covariance::Full] {
        let fitted = fitted(covariance);
        let mut x = sample(330).slice(ndarray::s![300.., ..]).to_owned();
        x[[2, 0]] = NAN;
        x[[3, 1]] = f64::INFINITY;
        x[[3, 3]] = NAN;
        x.slice_mut(ndarray::s![9, 1..]).fill(NAN);
        x.row_mut(10).fill(NAN);
        x[[17, 2]] = NAN;
        x[[18, 2]] = 40.0;
        x[[18, 0]] = NAN;
        let view = Samples::from(x.view());
        let (mut logs, mut scores) = (vec![0.0; 30], vec![0.0; 30]);
        let (mut shares, mut parts) = (vec![0.0; 60], vec![0.0; 120]);
        fitted.log_density(view, &mut logs).unwrap();
        fitted.score(view, &mut scores).unwrap();
        fitted.responsibilities(view, &mut shares).unwrap();
        fitted.contributions(view, &mut parts).unwrap();
        let [median, spread] = fitted.usual;
        for row in (0..30).filter(|&row| row != 10) {
            let z: Vec<f64> = (0..4)
                .map(|column| {
                    let value = x[[row, column]];
                    if value.is_finite() { fitted.scaling().scaled(value, column) } else { NAN }
                })
                .collect();
            let exact = Measured::of(&fitted, &z, |component| matrix(&fitted, component));
            near(logs[row], exact.total());
            near(scores[row], (-exact.standing() - median) / spread);
            for (found, exact) in shares[2 * row..].iter().zip(exact.shares()) {
                near(*found, exact);
            }
            for (found, exact) in parts[4 * row..].iter().zip(exact.contributions()) {
                near(*found, exact);
            }
        }
        assert!(scores[10].is_nan() && logs[10].abs() < 1e-12);
        near(shares[20], fitted.weights()[0]);
        assert_eq!(parts[40..44], [0.0; 4]);
    }
}

#[test]
fn what_is_rounded_away_widens_the_components() {
    for covariance in [Covariance::Diag, Covariance::Full] {
        let fitted = fitted(covariance);
        let model = &fitted.model;
        // One about the means, and one so far out that little is left of the distance.
        for z in [[0.4, -0.3, 0.9, -1.1], [0.2, 30.0, -0.5, 0.1]] {
            for (sensors, noise) in [(vec![1], vec![0.3]), (vec![0, 1, 3], vec![0.01, 200.0, 0.5])] {
                let lane = 3;
                let tile: Vec<Row> = z.iter().map(|&value| Row::splat(value)).collect();
                let mut scratch = DensityScratch::new(2, 4, false).unwrap();
                let mut gaps = GapScratch::new(2, 4).unwrap();
                dispatch!(Level::new(), simd => model.share(simd, &tile, 1, &mut scratch));
                let (sensors, noise): (Vec<usize>, Vec<f64>) = (sensors.clone(), noise.clone());
                let wide = |component: usize| {
                    let mut wide = matrix(&fitted, component);
                    sensors.iter().zip(&noise).for_each(|(&place, noise)| wide[5 * place] += noise);
                    wide
                };
                let exact = Measured::of(&fitted, &z, wide);
                let mut noisy = Noisy::default();
                (noisy.sensors, noisy.noise) = (sensors.clone(), noise.clone());
                model.share_rounded(&tile, 0, lane, &mut noisy, &mut scratch, &mut gaps).unwrap();
                near(scratch.totals[0].0[lane], exact.total());
                near(scratch.standing[0].0[lane], exact.standing());
                for (found, exact) in scratch.shares.iter().zip(exact.shares()) {
                    near(found[0].0[lane], exact);
                }
                let mut parts = vec![Row::default(); 4];
                model
                    .explain_gaps(&tile, 0, lane, Some(&mut noisy), &scratch, &mut gaps, &mut parts)
                    .unwrap();
                for (found, exact) in parts.iter().zip(exact.contributions()) {
                    near(found.0[lane], exact);
                    assert_eq!(found.0[lane + 1], 0.0);
                }
            }
        }
    }
}

#[test]
fn missing_values_are_drawn_from_the_component_that_is_drawn() {
    for covariance in [Covariance::Diag, Covariance::Full] {
        let fitted = fitted(covariance);
        let z = [0.7, NAN, -1.2, NAN];
        let tile: Vec<Row> = z.iter().map(|&value| Row::splat(value)).collect();
        let (known, missing) = ([0, 2], [1, 3]);
        let share = Measured::of(&fitted, &z, |component| matrix(&fitted, component)).shares()[0];
        for (drawn, component) in [(share - 1e-9, 0), (share + 1e-9, 1), (0.0, 0), (1.0, 1)] {
            let mut gaps = GapScratch::new(2, 4).unwrap();
            let mut draw = |noise: [f64; 2]| {
                let (mut noise, mut found) = ([noise[0], noise[1], 9.0, 9.0], Vec::new());
                let take = |place, value| found.push((place, value));
                fitted.model.draw(&tile, 0, drawn, &mut noise, &mut gaps, take).unwrap();
                assert_eq!([found[0].0, found[1].0], missing);
                [found[0].1, found[1].1]
            };
            let (all, mean) = (matrix(&fitted, component), &fitted.means()[4 * component..][..4]);
            let rest = known.map(|place| z[place] - mean[place]);
            let pulled = solved(&block(&all, &known, &known), &rest).0;
            let middle = missing.map(|place| mean[place] + dot(&block(&all, &[place], &known), &pulled));
            let found = draw([0.0; 2]);
            near(found[0], middle[0]);
            near(found[1], middle[1]);
            // Of noise of variance 1 it has the covariance that the known ones leave.
            let (one, other) = (draw([1.0, 0.0]), draw([0.0, 1.0]));
            let ways = [one, other].map(|way| [way[0] - found[0], way[1] - found[1]]);
            assert!(ways[0][0] > 0.0 && ways[1][1] > 0.0);
            for (row, &from) in missing.iter().enumerate() {
                for (column, &to) in missing.iter().enumerate() {
                    let across = solved(&block(&all, &known, &known), &block(&all, &known, &[to])).0;
                    let exact = all[4 * from + to] - dot(&block(&all, &[from], &known), &across);
                    near(ways[0][row] * ways[0][column] + ways[1][row] * ways[1][column], exact);
                }
            }
        }
        let mut gaps = GapScratch::new(2, 4).unwrap();
        let nothing = [Row::splat(NAN); 4];
        let none = |_, _| panic!("nothing tells of a row without values");
        fitted.model.draw(&nothing, 0, 0.5, &mut [0.0; 4], &mut gaps, none).unwrap();
    }
}
