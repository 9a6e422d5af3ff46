//! Odd input, threads, layouts, files and machines that stand still.

use super::*;

#[test]
fn bad_input_is_told() {
    let told = |x: Array2<f64>| omr(Model::Auto).fit(x.view().into()).unwrap_err().to_string();
    assert_eq!(told(plant(19, 5, 1)), "`x` must have at least 20 rows, got 19");
    assert_eq!(told(plant(30, 40, 1)), "`x` must have at least 40 rows, got 30");
    assert_eq!(told(plant(49, 400, 1)), "`x` must have at least 50 rows, got 49");
    assert_eq!(told(Array2::zeros((0, 5))), "`x` must have at least 20 rows, got 0");
    assert_eq!(told(Array2::zeros((30, 0))), "`x` must have at least 1 column, got 0");
    let lonely = "`x` must have at least two columns that vary and are known in half of the rows";
    assert_eq!(told(Array2::from_elem((30, 3), f64::NAN)), lonely);
    assert_eq!(told(plant(30, 1, 1)), lonely);
    for bad in [Omr::new(Model::Pls, 0, 1.0, 10.0), Omr::new(Model::Pls, 5, -1.0, 10.0)] {
        assert!(matches!(bad, Err(Error::Parameter { .. })));
    }
    assert!(Omr::new(Model::Pls, 5, f64::NAN, 10.0).is_err());
    assert!(Omr::new(Model::Pls, 5, 1.0, f64::NAN).is_err());
    let mut twins = plant(100, 3, 1);
    let first = twins.column(0).to_owned();
    twins.column_mut(2).assign(&first);
    let bare = Omr::new(Model::Ridge, 5, 0.0, 10.0).unwrap();
    assert_eq!(
        bare.fit(twins.view().into()).unwrap_err().to_string(),
        "`alpha` must be larger where sensors are linear combinations of others"
    );
    let fitted = omr(Model::Auto).fit(twins.view().into()).unwrap();
    let wrong = fitted.score(plant(5, 2, 1).view().into(), &mut [0.0; 5]);
    assert!(matches!(wrong, Err(Error::Columns { fitted: 3, got: 2, .. })));
}

#[test]
fn twins_and_huge_values_stay_finite() {
    for model in [Model::Ridge, Model::Pls, Model::Pca] {
        let mut x = plant(80, 6, 1).mapv(|value| value * 1e150);
        let twin = x.column(0).to_owned();
        x.column_mut(5).assign(&twin);
        x.column_mut(4).assign(&twin);
        x.column_mut(3).assign(&twin);
        let fitted = omr(model).fit(x.view().into()).unwrap();
        let mut scores = vec![0.0; 81];
        let mut beyond = x.clone();
        beyond
            .push_row(ndarray::aview1(&[1e308, -1e308, f64::NAN, 0.0, f64::INFINITY, 1.0]))
            .unwrap();
        fitted.score(beyond.view().into(), &mut scores).unwrap();
        let most = |fitted: &FittedOmr| (2.0 * fitted.limit(0.01).unwrap()).max(10.0);
        assert!(scores.iter().all(|score| (0.0..=most(&fitted)).contains(score)), "{scores:?}");
        let calm = omr(model).fit(plant(80, 6, 1).view().into()).unwrap();
        calm.score(beyond.view().into(), &mut scores).unwrap();
        assert_eq!(scores[80], most(&calm));
        let mut contributions = vec![0.0; 81 * 6];
        calm.contributions(beyond.view().into(), &mut contributions).unwrap();
        assert!(contributions.iter().all(|value| value.is_finite()));
        let endless = Omr::new(model, 5, 1.0, f64::INFINITY)
            .unwrap()
            .fit(plant(80, 6, 1).view().into())
            .unwrap();
        endless.score(beyond.view().into(), &mut scores).unwrap();
        assert!(scores[80] > 1e99 && scores[80].is_finite());
    }
}

#[test]
fn the_greatest_numbers_are_fitted() {
    let mut draw = stream(3, 0);
    let x = Array2::from_shape_fn((40, 3), |_| if draw.random::<bool>() { 1.7e308 } else { -1.7e308 });
    for model in [Model::Auto, Model::Ridge, Model::Pls, Model::Pca] {
        let fitted = omr(model).fit(x.view().into()).unwrap();
        let mut scores = vec![f64::NAN; 40];
        fitted.score(x.view().into(), &mut scores).unwrap();
        assert!(scores.iter().all(|score| (0.0..=10.0).contains(score)), "{scores:?}");
    }
}

#[test]
fn threads_layouts_and_chunks_give_the_same_bytes() {
    for (model, rows, sensors) in [
        (Model::Ridge, 3001, 13),
        (Model::Pls, 2999, 21),
        (Model::Pca, 3000, 9),
        (Model::Pls, 1200, 40),
    ] {
        let mut x = plant(rows, sensors, 5).mapv(|value| f64::from(value as f32));
        if sensors == 40 {
            // Through reflections.
            let twin = x.column(0).to_owned();
            x.column_mut(7).assign(&twin);
        }
        x[[7, 1]] = f64::NAN;
        let mut fortran = Array2::zeros(x.dim().f());
        fortran.assign(&x);
        let narrow = x.mapv(|value| value as f32);
        let wide = Array2::from_shape_fn((2 * rows, 2 * sensors), |(row, column)| x[[row / 2, column / 2]]);
        let fit = |x: Samples<'_>| {
            let fitted = omr(model).fit(x).unwrap();
            let mut all = [vec![0.0; rows], vec![0.0; rows * sensors], vec![0.0; rows * sensors]];
            fitted.score(x, &mut all[0]).unwrap();
            fitted.contributions(x, &mut all[1]).unwrap();
            fitted.predict(x, &mut all[2]).unwrap();
            (fitted, all)
        };
        parallel::set_num_threads(1).unwrap();
        let alone = fit(x.view().into());
        parallel::set_num_threads(4).unwrap();
        let all: [Samples<'_>; 4] = [
            x.view().into(),
            fortran.view().into(),
            narrow.view().into(),
            wide.slice(s![..;2, ..;2]).into(),
        ];
        for samples in all {
            assert!(alone == fit(samples), "{model:?}");
        }
        let mut scores = Vec::new();
        for part in x.axis_chunks_iter(ndarray::Axis(0), 11) {
            let mut some = vec![0.0; part.nrows()];
            alone.0.score(part.into(), &mut some).unwrap();
            scores.extend(some);
        }
        assert_eq!(scores, alone.1[0]);
    }
}

#[test]
fn saved_models_score_alike_and_damaged_ones_are_refused() {
    for model in [Model::Ridge, Model::Pls, Model::Pca] {
        let mut x = plant(60, 6, 9);
        x.column_mut(2).fill(1.0);
        let fitted = Omr::new(model, 2, 0.5, f64::INFINITY).unwrap().fit(x.view().into()).unwrap();
        let fitted = fitted.weigh(&[1.0, 0.25, 1.0, 1.0, 0.25, 1.0]).unwrap();
        let bytes = fitted.to_bytes().unwrap();
        let read = FittedOmr::from_bytes(&bytes).unwrap();
        assert_eq!(read, fitted);
        let (mut one, mut other) = (vec![0.0; 60], vec![0.0; 60]);
        fitted.score(x.view().into(), &mut one).unwrap();
        read.score(x.view().into(), &mut other).unwrap();
        assert_eq!(one, other);
        for length in 0..bytes.len() {
            assert!(FittedOmr::from_bytes(&bytes[..length]).is_err());
        }
        for place in 0..bytes.len() {
            for bit in [0, 4, 7] {
                let mut wrong = bytes.clone();
                wrong[place] ^= 1 << bit;
                if let Ok(read) = FittedOmr::from_bytes(&wrong) {
                    read.score(x.view().into(), &mut other).unwrap();
                    assert!(other.iter().all(|score| *score >= 0.0));
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn any_table_scores_between_zero_and_the_clip(
        rows in 20..90_usize,
        sensors in 2..24_usize,
        seed in any::<u64>(),
        components in 1..8_usize,
        model in proptest::sample::select(Model::ALL.map(|(_, model)| model).to_vec()),
    ) {
        let mut draw = stream(seed, 1);
        let x = Array2::from_shape_fn((rows, sensors), |_| match draw.random_range(0..12) {
            0 => f64::NAN,
            1 => 3.0,
            2 => f64::NEG_INFINITY,
            _ => draw.random_range(-1e3..1e3),
        });
        let parameters = Omr::new(model, components, 1.0, 10.0).unwrap();
        match parameters.fit(x.view().into()) {
            Ok(fitted) => {
                let mut scores = vec![-1.0; rows];
                fitted.score(x.view().into(), &mut scores).unwrap();
                let used = |row: usize| fitted.watched().iter().any(|&column| x[[row, column]].is_finite());
                for (row, score) in scores.iter().enumerate() {
                    let sound = if used(row) { (0.0..=fitted.end()).contains(score) } else { score.is_nan() };
                    prop_assert!(sound, "{} {}", row, score);
                }
                let mut contributions = vec![-1.0; rows * sensors];
                fitted.contributions(x.view().into(), &mut contributions).unwrap();
                prop_assert!(contributions.iter().all(|value| *value >= 0.0 && value.is_finite()));
            }
            Err(Error::TooFew { .. } | Error::Unfit { .. }) => {}
            Err(error) => return Err(TestCaseError::fail(error.to_string())),
        }
    }
}

#[test]
fn a_machine_that_stood_in_one_half_of_the_rows_is_fitted() {
    for model in [Model::Auto, Model::Pls, Model::Pca, Model::Ridge] {
        for standing in [0..500, 500..1000, 0..800, 300..900] {
            let mut x = plant(1000, 6, 4);
            x.slice_mut(s![standing, ..]).fill(0.0);
            let fitted = omr(model).fit(x.view().into()).unwrap();
            assert!(fitted.limit(0.01).unwrap() > 0.0);
        }
    }
}
