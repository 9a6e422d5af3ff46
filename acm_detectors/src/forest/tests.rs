use acm_linalg::lanes::Row;
use acm_linalg::{Persist, Samples};
use ndarray::{Array2, ShapeBuilder, s};
use proptest::prelude::*;
use rand::RngExt;

use super::node::{Bud, Term};
use super::tree::{Sapling, Trees, average_path, height};
use super::*;

fn noise(rows: usize, columns: usize, seed: u64) -> Array2<f64> {
    let mut chance = acm_linalg::seed::stream(seed, 0);
    Array2::from_shape_fn((rows, columns), |_| (0..12).map(|_| chance.random::<f64>()).sum::<f64>() - 6.0)
}

fn forest(trees: usize, rows: usize, extension: usize) -> IsolationForest {
    IsolationForest::new(trees, SampleSize::Count(rows), extension, 17).unwrap()
}

fn scores(model: &FittedIsolationForest, x: Samples<'_>) -> Vec<f64> {
    let mut out = vec![f64::NAN; x.rows()];
    model.score(x, &mut out).unwrap();
    out
}

fn credits(model: &FittedIsolationForest, x: Samples<'_>) -> Vec<f64> {
    let mut out = vec![f64::NAN; x.rows() * x.columns()];
    model.contributions(x, &mut out).unwrap();
    out
}

/// A model of these trees.
fn planted(saplings: &[Sapling], columns: usize, extension: usize) -> FittedIsolationForest {
    let samples = saplings[0].nodes[0].size as usize;
    let parameters = forest(saplings.len(), samples, extension);
    let width = parameters.width(columns);
    for sapling in saplings {
        sapling.check(columns, samples, width).unwrap();
    }
    FittedIsolationForest {
        columns,
        used: (0..).take(columns).collect(),
        samples,
        trees: Trees::plant(saplings, width).unwrap(),
        parameters,
        held_out: None,
        constants: Constants::default(),
    }
}

fn node(threshold: f64, feature: u32, child: u32, size: u32) -> Bud {
    Bud {
        threshold,
        feature,
        child,
        size,
    }
}

/// Eight rows: sensor 1 at 2.5 parts one from seven, sensor 0 at -1 those into three and four.
fn by_hand() -> Sapling {
    Sapling {
        nodes: vec![
            node(2.5, 1, 1, 8),
            node(-1.0, 0, 3, 7),
            Bud::leaf(1),
            Bud::leaf(3),
            Bud::leaf(4),
        ],
        terms: vec![],
    }
}

fn c(n: f64) -> f64 {
    2.0 * ((n - 1.0).ln() + 0.577_215_664_901_532_9) - 2.0 * (n - 1.0) / n
}

fn next(model: &FittedIsolationForest, tree: &tree::Tree<'_>, at: u32, tile: &[Row]) -> u32 {
    match model.trees.width() {
        0 => score::next::<false>(tree, at, tile, 3),
        width => score::next_slanted(tree, width, at, tile, 3),
    }
}

#[test]
fn scores_of_a_tree_computed_by_hand() {
    let model = planted(&[by_hand()], 2, 0);
    let x = ndarray::array![
        [0.0, 2.5],
        [-1.0, 2.0],
        [-1.5, f64::NEG_INFINITY],
        [f64::NAN, 0.0],
        [f64::NAN, f64::NAN],
        [9.0, f64::INFINITY],
    ];
    let paths = [
        1.0,
        2.0 + c(4.0),
        2.0 + c(3.0),
        2.0 + c(4.0),
        2.0 + c(4.0),
        2.0 + c(4.0),
    ];
    for (score, path) in scores(&model, x.view().into()).into_iter().zip(paths) {
        let expected = f64::powf(2.0, -path / c(8.0));
        assert!((score - expected).abs() <= 1e-15, "{score} {expected}");
    }
    let inner = (3.0 * (2.0 + c(3.0)) + 4.0 * (2.0 + c(4.0))) / 7.0;
    let root = (1.0 + 7.0 * inner) / 8.0;
    let expected = [
        [0.0, root - 1.0],
        [(inner - 2.0 - c(4.0)) / (2.0 + c(4.0)), (root - inner) / (2.0 + c(4.0))],
        [(inner - 2.0 - c(3.0)) / (2.0 + c(3.0)), (root - inner) / (2.0 + c(3.0))],
    ];
    let got = credits(&model, x.slice(s![..3, ..]).into());
    for (got, expected) in got.iter().zip(expected.concat()) {
        assert!((got - expected).abs() <= 1e-15, "{got} {expected}");
    }
}

#[test]
fn scores_of_an_oblique_tree_computed_by_hand() {
    let term = |feature, weight, centre| Term {
        feature,
        weight,
        centre,
    };
    let tree = Sapling {
        nodes: vec![node(0.5, 0, 1, 4), Bud::leaf(1), Bud::leaf(3)],
        terms: vec![term(0, 1.0, 0.0), term(2, -2.0, 10.0)],
    };
    let model = planted(&[tree], 3, 1);
    let x = ndarray::array![
        [1.0, 0.0, 10.5],
        [1.5, 0.0, 10.5],
        [f64::NAN, 5.0, 9.75],
        [0.25, 0.0, f64::NAN],
        [f64::NAN, 0.0, f64::INFINITY]
    ];
    let right = [false, true, true, false, false];
    for (score, right) in scores(&model, x.view().into()).into_iter().zip(right) {
        let path = if right { 1.0 + c(3.0) } else { 1.0 };
        assert!((score - f64::powf(2.0, -path / c(4.0))).abs() <= 1e-15);
    }
    let mean = 1.0 + 3.0 * c(3.0) / 4.0;
    let gain = (mean - 1.0 - c(3.0)) / (1.0 + c(3.0));
    let got = credits(&model, x.view().into());
    let expected = [0.6 * gain, 0.0, 0.4 * gain, 0.0, 0.0, gain];
    for (got, expected) in got[3..9].iter().zip(expected) {
        assert!((got - expected).abs() <= 1e-15, "{got} {expected}");
    }
    // Neither sensor moves the last row: both share.
    assert_eq!(got[12], got[14]);
}

#[test]
fn path_constants() {
    assert_eq!([0, 1, 2].map(average_path), [0.0, 0.0, 1.0]);
    assert!((average_path(256) - 10.244_770_920_119_918).abs() < 1e-13);
    assert_eq!([1, 2, 3, 4, 5, 255, 256, 257].map(height), [1, 1, 2, 2, 3, 8, 8, 9]);
}

#[test]
fn chunks_rows_layouts_and_threads_give_the_same_bytes() {
    let mut x = noise(700, 5, 1);
    x[[3, 1]] = f64::NAN;
    x[[400, 2]] = f64::INFINITY;
    x.mapv_inplace(|value| f64::from(value as f32));
    let mut fortran = Array2::zeros((700, 5).f());
    fortran.assign(&x);
    let wide = Array2::from_shape_fn((1400, 10), |(row, column)| x[[row / 2, column / 2]]);
    let narrow = x.mapv(|value| value as f32);
    for extension in [0, 2] {
        let parameters = forest(20, 128, extension);
        let model = parameters.fit(x.view().into()).unwrap();
        let (whole, parts) = (scores(&model, x.view().into()), credits(&model, x.view().into()));
        for samples in [
            Samples::from(fortran.view()),
            Samples::from(wide.slice(s![..;2, ..;2])),
            Samples::from(narrow.view()),
        ] {
            assert_eq!(parameters.fit(samples).unwrap(), model);
            assert_eq!(scores(&model, samples), whole);
            assert_eq!(credits(&model, samples), parts);
        }
        for step in [1, 7, 16, 100] {
            let (mut pieces, mut shares) = (Vec::new(), Vec::new());
            for rows in x.axis_chunks_iter(ndarray::Axis(0), step) {
                pieces.extend(scores(&model, rows.into()));
                shares.extend(credits(&model, rows.into()));
            }
            assert_eq!(pieces, whole);
            assert_eq!(shares, parts);
        }
        let before = acm_linalg::parallel::num_threads();
        for threads in [1, 3] {
            acm_linalg::parallel::set_num_threads(threads).unwrap();
            assert_eq!(parameters.fit(x.view().into()).unwrap(), model);
            assert_eq!(scores(&model, x.view().into()), whole);
        }
        acm_linalg::parallel::set_num_threads(before).unwrap();
    }
}

#[test]
fn rows_of_each_tree_are_drawn_once_and_evenly() {
    for (rows, wanted) in [(40, 7), (40, 30), (64, 64), (65, 2)] {
        let x = Array2::from_shape_fn((rows, 1), |(row, _)| row as f64);
        let trees = 400;
        let model = forest(trees, wanted, 0).fit(x.view().into()).unwrap();
        assert_eq!(model.samples(), wanted);
        assert!(model.trees.iter().all(|tree| tree.sizes[0] as usize == wanted));
        let mean = model.trees.iter().map(|tree| tree.nodes[0].threshold).sum::<f64>() / f64::from(400);
        assert!((mean - (rows as f64 - 1.0) / 2.0).abs() < rows as f64 * 0.06, "{mean}");
    }
}

#[test]
fn constant_and_lone_rows_are_refused() {
    let fit = |x: Array2<f64>, size| {
        let forest = IsolationForest::new(10, size, 0, 17).unwrap();
        forest.fit(x.view().into()).map_err(|error| error.to_string())
    };
    let still = [
        Array2::from_elem((50, 3), 4.0),
        Array2::from_elem((2, 1), -0.0),
        ndarray::array![[0.0], [-0.0]],
    ];
    for x in still {
        assert_eq!(fit(x, SampleSize::Auto).unwrap_err(), "`x` must have a column that changes");
    }
    let mut gaps = Array2::from_elem((9, 2), f64::NAN);
    gaps[[4, 1]] = 3.0;
    assert_eq!(fit(gaps, SampleSize::Auto).unwrap_err(), "`x` must have a column that changes");
    assert_eq!(fit(noise(1, 3, 1), SampleSize::Auto).unwrap_err(), "`x` must have at least 2 rows, got 1");
    let few = fit(noise(100, 3, 1), SampleSize::Share(0.019)).unwrap_err();
    assert_eq!(few, "`max_samples` must be a share of at least 2 rows of `x`, got 0.019");
    assert_eq!(fit(noise(100, 3, 1), SampleSize::Share(0.02)).unwrap().samples(), 2);
}

#[test]
fn constant_columns_are_left_out() {
    for extension in [0, 2] {
        let mut x = noise(60, 3, 4);
        x.column_mut(1).fill(7.0);
        x[[3, 1]] = f64::NAN;
        let model = forest(20, 32, extension).fit(x.view().into()).unwrap();
        assert_eq!(model.used().unwrap(), [true, false, true]);
        assert!(credits(&model, x.view().into()).chunks_exact(3).all(|credits| credits[1] == 0.0));
        let read = FittedIsolationForest::from_bytes(&model.to_bytes().unwrap()).unwrap();
        assert_eq!(read.used(), model.used());
    }
}

#[test]
fn extreme_values_do_not_panic() {
    let x = ndarray::array![
        [f64::MAX, 1e-310, 1e150],
        [f64::MIN, 2e-310, -1e150],
        [0.0, -1e-310, 1.0],
        [1.0, f64::from_bits(1), 2.0],
        [-1.0, 0.0, 3.0],
    ];
    for extension in 0..3 {
        let model = forest(50, 5, extension).fit(x.view().into()).unwrap();
        assert!(scores(&model, x.view().into()).iter().all(|score| *score > 0.0 && *score <= 1.0));
        assert!(credits(&model, x.view().into()).iter().all(|credit| credit.is_finite()));
        let read = FittedIsolationForest::from_bytes(&model.to_bytes().unwrap()).unwrap();
        assert_eq!(read, model);
    }
}

#[test]
fn neither_offset_nor_unit_matters() {
    let mut x = noise(400, 3, 5);
    x.mapv_inplace(|value| (value * 1024.0).round() / 1024.0);
    x.row_mut(7).fill(8.0);
    let model = forest(100, 256, 0).fit(x.view().into()).unwrap();
    let plain = scores(&model, x.view().into());
    // Exact in float64, one value in float32.
    let shifted = x.mapv(|value| value + (1_u64 << 30) as f64);
    let model = forest(100, 256, 0).fit(shifted.view().into()).unwrap();
    let moved = scores(&model, shifted.view().into());
    let largest = plain.iter().zip(&moved).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    assert!(largest < 1e-3, "{largest}");
    for extension in [0, 1, 2] {
        let model = forest(100, 256, extension).fit(x.view().into()).unwrap();
        let plain = scores(&model, x.view().into());
        let scaled = &x * &ndarray::array![1024.0, 1.0 / 1024.0, 1.0];
        let model = forest(100, 256, extension).fit(scaled.view().into()).unwrap();
        assert_eq!(scores(&model, scaled.view().into()), plain);
    }
}

#[test]
fn missing_values_at_fit_and_score() {
    let mut x = noise(600, 4, 9);
    let mut chance = acm_linalg::seed::stream(3, 3);
    x.mapv_inplace(|value| if chance.random::<f64>() < 0.2 { f64::NAN } else { value });
    let infinite = x.mapv(|value| if value.is_nan() { f64::NEG_INFINITY } else { value });
    for extension in [0, 3] {
        let model = forest(100, 256, extension).fit(x.view().into()).unwrap();
        assert_eq!(model, forest(100, 256, extension).fit(infinite.view().into()).unwrap());
        assert_eq!(scores(&model, x.view().into()), scores(&model, infinite.view().into()));
        let rows = Array2::from(vec![[f64::NAN; 4], [0.0; 4], [9.0, f64::NAN, f64::NAN, f64::NAN]]);
        let got = scores(&model, rows.view().into());
        assert!(got[0] < 0.5 && got[1] < 0.5 && got[2] > got[0] + 0.03, "{got:?}");
    }
}

#[test]
fn contributions_sum_to_the_score_and_name_the_sensor() {
    let x = noise(2000, 12, 21);
    for extension in [0, 1, 5] {
        let model = forest(200, 256, extension).fit(x.view().into()).unwrap();
        let mut faults = noise(240, 12, 22);
        for row in 0..240 {
            faults[[row, row % 12]] += if row % 2 == 0 { 6.0 } else { -6.0 };
        }
        let (score, credit) = (scores(&model, faults.view().into()), credits(&model, faults.view().into()));
        let mut named = 0;
        for row in 0..240 {
            let parts = &credit[row * 12..(row + 1) * 12];
            let tile: Vec<_> = faults.row(row).iter().map(|&value| Row::splat(value)).collect();
            let paths = model.trees.iter().map(|tree| {
                let leaf = (0..tree.depth).fold(0, |at, _| next(&model, &tree, at, &tile));
                (tree.paths[leaf as usize], tree.paths[0])
            });
            let paths: Vec<_> = paths.collect();
            let mean = paths.iter().map(|(path, _)| path).sum::<f64>() / 200.0;
            assert!((score[row] - f64::powf(2.0, -mean / c(256.0))).abs() < 1e-14);
            let gain = paths.iter().map(|(path, expected)| expected / path - 1.0).sum::<f64>() / 200.0;
            assert!((parts.iter().sum::<f64>() - gain).abs() < 1e-12);
            let largest = (0..12).max_by(|&a, &b| parts[a].total_cmp(&parts[b])).unwrap();
            named += usize::from(largest == row % 12);
        }
        assert!(named >= if extension < 5 { 216 } else { 168 }, "extension {extension}: {named} of 240");
    }
}

#[test]
fn oblique_splits_see_between_two_clusters() {
    // Splits along the axes see two ghosts at the free corners of the square.
    let mut x = noise(1000, 2, 8);
    for (row, mut values) in x.rows_mut().into_iter().enumerate() {
        values.mapv_inplace(|value| value + if row % 2 == 0 { 0.0 } else { 10.0 });
    }
    let places = ndarray::array![[0.0, 10.0], [10.0, 0.0], [0.0, 0.0], [10.0, 10.0]];
    let gap = |extension| {
        let model = forest(200, 256, extension).fit(x.view().into()).unwrap();
        let score = scores(&model, places.view().into());
        score[0] + score[1] - score[2] - score[3]
    };
    assert!(gap(1) > gap(0) + 0.03, "{} {}", gap(0), gap(1));
}

#[test]
fn wrong_calls_are_told() {
    let message = |result: Result<IsolationForest>| result.unwrap_err().to_string();
    assert_eq!(
        message(IsolationForest::new(0, SampleSize::Auto, 0, 1)),
        "`n_estimators` must be between 1 and 1000000, got 0"
    );
    for wrong in [0.0, 1.5, f64::NAN, -0.1] {
        let told = message(IsolationForest::new(1, SampleSize::Share(wrong), 0, 1));
        assert!(told.starts_with("`max_samples` must be a share above 0 and up to 1.0, got "), "{told}");
    }
    for few in [0, 1] {
        let told = message(IsolationForest::new(1, SampleSize::Count(few), 0, 1));
        assert_eq!(told, format!("`max_samples` must be a number of rows between 2 and 2^30, got {few}"));
    }
    let x = noise(20, 3, 1);
    for missing in [f64::NAN, f64::INFINITY] {
        let told = forest(1, 8, 0)
            .fit(Array2::from_elem((9, 3), missing).view().into())
            .unwrap_err()
            .to_string();
        assert_eq!(told, "`x` must have a value that is not missing");
    }
    let wide = forest(4, 8, usize::MAX).fit(x.view().into()).unwrap();
    assert_eq!(wide.trees, forest(4, 8, 2).fit(x.view().into()).unwrap().trees);
    let model = forest(1, 8, 0).fit(x.view().into()).unwrap();
    assert!(model.score(x.slice(s![.., ..2]).into(), &mut [0.0; 20]).is_err());
    assert!(model.score(x.view().into(), &mut [0.0; 19]).is_err());
    assert!(model.contributions(x.view().into(), &mut [0.0; 20]).is_err());
    assert!(forest(1, 8, 0).fit(x.slice(s![..0, ..]).into()).is_err());
    assert!(forest(1, 8, 0).fit(x.slice(s![.., ..0]).into()).is_err());
    let sizes = [
        (SampleSize::Auto, 20),
        (SampleSize::Count(7), 7),
        (SampleSize::Share(0.5), 10),
        (SampleSize::Share(0.1), 2),
    ];
    for (asked, got) in sizes {
        let model = IsolationForest::new(2, asked, 0, 1).unwrap().fit(x.view().into()).unwrap();
        assert_eq!(model.samples(), got);
    }
}

#[test]
fn what_is_saved_is_read_and_hostile_files_are_refused() {
    let x = noise(90, 4, 2);
    for (size, extension) in [
        (SampleSize::Auto, 0),
        (SampleSize::Share(0.3), 2),
        (SampleSize::Count(16), 3),
    ] {
        let model = IsolationForest::new(5, size, extension, u64::MAX).unwrap().fit(x.view().into()).unwrap();
        let bytes = model.to_bytes().unwrap();
        assert_eq!(FittedIsolationForest::from_bytes(&bytes).unwrap(), model);
        for length in (0..bytes.len()).step_by(97) {
            assert!(FittedIsolationForest::from_bytes(&bytes[..length]).is_err());
        }
        let mut chance = acm_linalg::seed::stream(1, 1);
        for _ in 0..2000 {
            let mut wrong = bytes.clone();
            let place = chance.random_range(0..bytes.len() as u64) as usize;
            wrong[place] ^= 1 << chance.random_range(0..8_u32);
            if let Ok(model) = FittedIsolationForest::from_bytes(&wrong)
                && model.columns() == 4
            {
                assert!(scores(&model, x.view().into()).iter().all(|score| (0.0..=1.0).contains(score)));
                credits(&model, x.view().into());
            }
        }
    }
}

#[test]
fn trees_that_could_not_have_grown_are_refused() {
    let fault = |change: fn(&mut Sapling)| {
        let mut tree = by_hand();
        change(&mut tree);
        tree.check(2, 8, 0).unwrap_err()
    };
    assert_eq!(fault(|tree| tree.nodes.clear()), "node.size");
    assert_eq!(fault(|tree| tree.nodes[0].size = 9), "node.size");
    assert_eq!(fault(|tree| tree.nodes[2].size = 2), "node.size");
    assert_eq!(fault(|tree| tree.nodes[3].size = u32::MAX), "node.size");
    assert_eq!(fault(|tree| (tree.nodes[3].size, tree.nodes[4].size) = (0, 7)), "node.size");
    assert_eq!(fault(|tree| tree.nodes[1].child = 1), "node.child");
    assert_eq!(fault(|tree| tree.nodes[1].child = 2), "node.child");
    assert_eq!(fault(|tree| tree.nodes[1].child = 4), "node.child");
    assert_eq!(fault(|tree| tree.nodes[1].child = u32::MAX), "node.child");
    assert_eq!(fault(|tree| tree.nodes[1].child = 0), "node.child");
    assert_eq!(fault(|tree| tree.nodes[0].feature = 2), "node.feature");
    assert_eq!(fault(|tree| tree.nodes[0].threshold = f64::NAN), "node.threshold");
    assert_eq!(fault(|tree| tree.nodes[0].threshold = f64::INFINITY), "node.threshold");
    assert_eq!(fault(|tree| tree.terms.push(Term::NONE)), "term.feature");
    let mut deep = Sapling::default();
    deep.nodes.push(node(0.0, 0, 1, 8));
    for level in 1..6 {
        deep.nodes.push(node(0.0, 0, 2 * level + 1, 8 - level));
        deep.nodes.push(Bud::leaf(1));
    }
    deep.nodes.push(Bud::leaf(2));
    deep.nodes.push(Bud::leaf(1));
    assert_eq!(deep.check(1, 8, 0).unwrap_err(), "node.child");
    let mut slanted = Sapling {
        nodes: vec![node(0.5, 0, 1, 4), Bud::leaf(1), Bud::leaf(3)],
        terms: vec![Term::NONE; 2],
    };
    assert_eq!(slanted.check(3, 4, 2).unwrap_err(), "term.weight");
    slanted.terms[0].weight = 1.0;
    assert_eq!(slanted.check(3, 4, 2), Ok(()));
    slanted.terms[1].feature = 3;
    assert_eq!(slanted.check(3, 4, 2).unwrap_err(), "term.feature");
    slanted.terms.pop();
    assert!(slanted.check(3, 4, 2).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_training_row_ends_in_a_leaf_that_counts_it(
        rows in 2_usize..80,
        columns in 1_usize..5,
        extension in 0_usize..5,
        seed in any::<u64>(),
        coarse in any::<bool>(),
    ) {
        let extension = extension.min(columns - 1);
        let mut x = noise(rows, columns, seed);
        let mut chance = acm_linalg::seed::stream(seed, 1);
        x.mapv_inplace(|value| {
            let value = if coarse { value.round() } else { value };
            if chance.random::<f64>() < 0.1 { f64::NAN } else { value }
        });
        // Without a column that changes there is nothing to train on.
        x[[0, 0]] = 0.0;
        x[[1, 0]] = 1.0;
        let parameters = IsolationForest::new(3, SampleSize::Count(rows), extension, seed).unwrap();
        let model = parameters.fit(x.view().into()).unwrap();
        prop_assert_eq!(&FittedIsolationForest::from_bytes(&model.to_bytes().unwrap()).unwrap(), &model);
        for tree in model.trees.iter() {
            let mut reached = vec![0; tree.nodes.len()];
            for row in x.rows() {
                let tile: Vec<_> = row.iter().map(|&value| Row::splat(value)).collect();
                let mut at = 0;
                loop {
                    reached[at as usize] += 1;
                    let child = next(&model, &tree, at, &tile);
                    if child == at {
                        break;
                    }
                    at = child;
                }
            }
            prop_assert_eq!(&reached[..], tree.sizes);
        }
    }
}

#[test]
fn rows_left_aside_are_those_that_no_tree_has_taken() {
    // More and less than half of the rows: either the rows in or those out are marked.
    for (rows, taken) in [(200, 64), (200, 150), (64, 1)] {
        let x = noise(rows, 2, 3);
        let chosen: Vec<usize> = (0..rows).collect();
        let marks = super::grow::left_aside(x.view().into(), &chosen, 5, taken, 17).unwrap();
        let mut all = vec![0; rows];
        for tree in marks.chunks_exact(rows) {
            assert_eq!(tree.iter().filter(|&&aside| aside).count(), rows - taken);
            tree.iter().zip(&mut all).for_each(|(&aside, all)| *all += usize::from(aside));
        }
        // No row is in or out for its number alone.
        assert!(all.iter().any(|&count| count < 5));
        assert!(rows == 64 || all.iter().any(|&count| count != all[0]));
    }
    // Some rows alone, by their own numbers.
    let x = noise(200, 2, 3);
    let all = super::grow::left_aside(x.view().into(), &(0..200).collect::<Vec<_>>(), 1, 64, 17).unwrap();
    let some = super::grow::left_aside(x.view().into(), &[3, 70, 130, 199], 1, 64, 17).unwrap();
    assert_eq!(some, [all[3], all[70], all[130], all[199]]);
}
