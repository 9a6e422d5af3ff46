//! Scores and shares of complete rows by their definitions.

use acm_linalg::seed::stream;
use ndarray::Array2;
use rand::RngExt;

use super::*;
use crate::elimination::solved;

/// Four sensors that two loads move, with noise.
fn plant(rows: usize, seed: u64) -> Array2<f64> {
    let mut draw = stream(seed, 8);
    let mut normal = || (0..12).map(|_| draw.random::<f64>()).sum::<f64>() - 6.0;
    let mut x = Array2::zeros((rows, 4));
    for mut row in x.rows_mut() {
        let loads = [normal(), normal()];
        let ways = [
            loads[0],
            loads[0] + loads[1],
            loads[1] * loads[1],
            0.5 * loads[0] - loads[1],
        ];
        row.iter_mut().zip(ways).for_each(|(value, way)| *value = 10.0 + way + 0.3 * normal());
    }
    x
}

fn squared(values: &[f64]) -> f64 {
    values.iter().map(|value| value * value).sum()
}

#[test]
fn scores_and_shares_are_those_of_the_means_of_whitened_residuals() {
    let memories = [0.3, 0.1];
    let model = Similarity::new(60, 5, &[1.0, 0.3, 0.1], 4, 0.01)
        .unwrap()
        .fit(plant(500, 1).view().into())
        .unwrap();
    let mut x = plant(80, 2);
    // A shift, and a spike that the memories do not take whole.
    for row in 40..80 {
        x[[row, 1]] += 1.5;
    }
    x[[20, 3]] += 30.0;
    let (mut told, mut score) = (vec![0.0; 320], vec![0.0; 80]);
    let (mut parts, mut shares) = (vec![0.0; 400], vec![0.0; 320]);
    model.estimate(x.view().into(), &mut told).unwrap();
    model.score(x.view().into(), &mut score).unwrap();
    model.parts(x.view().into(), &mut parts).unwrap();
    model.contributions(x.view().into(), &mut shares).unwrap();
    let (w, scale) = (model.whitening.matrix().unwrap(), model.scale().unwrap());
    let white_of = |residual: &[f64]| -> Vec<f64> {
        w.chunks(4).map(|line| line.iter().zip(residual).map(|(w, r)| w * r).sum()).collect()
    };
    // r_j (S⁻¹ r)_j of r = W⁻¹ u, with S⁻¹ = W' W.
    let split = |white: &[f64]| -> Vec<f64> {
        let residual = solved(&w, white).0;
        (0..4)
            .map(|place| residual[place] * (0..4).map(|row| w[4 * row + place] * white[row]).sum::<f64>())
            .collect()
    };
    let cap = 5.0 * model.usual;
    let mut power = [model.usual; 2];
    let (mut shift, mut running) = ([vec![0.0; 4], vec![0.0; 4]], [vec![0.0; 4], vec![0.0; 4]]);
    let (mut spiked, mut alarms) = (0, 0);
    for row in 0..80 {
        let residual: Vec<f64> = (0..4)
            .map(|place| (x[[row, place]] - told[4 * row + place]) / scale[place] - model.offset[place])
            .collect();
        let white = white_of(&residual);
        let own = squared(&white);
        let part = (cap / own).min(1.0);
        spiked += usize::from(part < 1.0);
        let now = split(&white);
        for (number, memory) in memories.into_iter().enumerate() {
            power[number] += memory * (own.min(cap) - power[number]);
            for place in 0..4 {
                shift[number][place] += memory * (part.sqrt() * white[place] - shift[number][place]);
                running[number][place] += memory * (part * now[place] - running[number][place]);
            }
        }
        let length = |number: usize| squared(&shift[number]) * (2.0 - memories[number]) / memories[number];
        let values = [own, power[0], power[1], length(0), length(1)];
        let each = [
            now.clone(),
            running[0].clone(),
            running[1].clone(),
            split(&shift[0]),
            split(&shift[1]),
        ];
        let stand = |number: usize| (values[number].cbrt() - model.norms.mean[number]) / model.norms.reach[number];
        let greatest = (0..5).map(stand).fold(f64::NEG_INFINITY, f64::max) / model.top;
        let near = |found: f64, exact: f64| {
            assert!((found - exact).abs() < 1e-8 * exact.abs().max(1.0), "{row}: {found} {exact}");
        };
        near(score[row], greatest);
        for number in 0..5 {
            near(parts[5 * row + number], stand(number) / model.top);
        }
        let mut sums = [0.0; 4];
        for (number, own) in each.iter().enumerate().filter(|(number, _)| stand(*number) > 0.0) {
            let total: f64 = own.iter().map(|share| share.max(0.0)).sum();
            sums.iter_mut()
                .zip(own)
                .for_each(|(sum, own)| *sum += stand(number) * own.max(0.0) / total);
        }
        let total: f64 = sums.iter().sum();
        for place in 0..4 {
            let exact = if total > 0.0 && greatest > 0.0 { greatest * sums[place] / total } else { 0.0 };
            near(shares[4 * row + place], exact);
        }
        alarms += usize::from(greatest > 1.0);
    }
    assert!(spiked > 0 && alarms > 10, "{spiked} {alarms}");
}
