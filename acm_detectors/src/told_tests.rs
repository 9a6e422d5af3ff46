//! Every model tells what it was asked for.

use acm_linalg::covariance::Shrinkage;
use acm_linalg::pca::Components;
use acm_linalg::scaling::Manner;
use acm_linalg::seed::stream;
use ndarray::Array2;
use rand::RngExt;

use crate::decisions::{Combine, Cusum, EwmaChart, Levels, Mapping, PageHinkley, ScoreFusion};
use crate::{ar1, forest, fused, mahalanobis, mixture, omr, pca, regime_detector, regimes, similarity};

#[test]
fn detectors_tell_their_parameters() {
    let asked = ar1::Ar1::new(0.7, Some(0.02), ar1::Fuse::Median).unwrap();
    assert_eq!((asked.phi_cap(), asked.sd_floor(), asked.fuse()), (0.7, Some(0.02), ar1::Fuse::Median));

    let components = Components::Count(3);
    let asked = pca::PcaDetector::new(components, 2, Manner::Robust, 0.03, pca::Limits::Empirical).unwrap();
    assert_eq!((asked.components(), asked.lags(), asked.scaling()), (components, 2, Manner::Robust));
    assert_eq!((asked.alpha(), asked.limits()), (0.03, pca::Limits::Empirical));

    let asked = mahalanobis::MahalanobisDetector::new(Shrinkage::LedoitWolf, 2).unwrap();
    assert_eq!((asked.shrinkage(), asked.lags()), (Shrinkage::LedoitWolf, 2));

    let asked = fused::Fused::new(components, 2, &[0.5, 0.04], 3, 0.02, 0.1).unwrap();
    assert_eq!((asked.components(), asked.lags(), asked.folds()), (components, 2, 3));
    assert_eq!((asked.memories(), asked.false_alarm_rate(), asked.trim()), (&[0.5, 0.04][..], 0.02, 0.1));

    let asked = similarity::Similarity::new(40, 6, &[1.0, 0.2], 3, 0.02).unwrap();
    assert_eq!((asked.memory(), asked.neighbours(), asked.folds()), (40, 6, 3));
    assert_eq!((asked.smoothing(), asked.false_alarm_rate(), asked.least_rows()), (&[1.0, 0.2][..], 0.02, 6));

    let asked = omr::Omr::new(omr::Model::Ridge, 4, 0.3, 9.0).unwrap();
    assert_eq!((asked.model(), asked.components(), asked.alpha(), asked.clip()), (omr::Model::Ridge, 4, 0.3, 9.0));

    let components = mixture::Components::Fixed(3);
    let asked = mixture::GaussianMixture::new(components, mixture::Covariance::Full, 4, 1e-4, 1e-5, 60, 7).unwrap();
    assert_eq!((asked.components(), asked.covariance()), (components, mixture::Covariance::Full));
    assert_eq!((asked.n_init(), asked.reg(), asked.tol(), asked.max_iter(), asked.seed()), (4, 1e-4, 1e-5, 60, 7));

    let samples = forest::SampleSize::Share(0.3);
    let asked = forest::IsolationForest::new(40, samples, 2, 7).unwrap();
    assert_eq!((asked.n_estimators(), asked.max_samples(), asked.extension(), asked.seed()), (40, samples, 2, 7));

    let count = regimes::Count::Fixed(3);
    let asked = regimes::Regimes::new(count, 8, 30, 0.9, 1.5, 6, 7).unwrap();
    assert_eq!((asked.count(), asked.most(), asked.min_rows(), asked.smoothing()), (count, 8, 30, 6));
    assert_eq!((asked.quantile(), asked.margin(), asked.seed()), (0.9, 1.5, 7));

    let asked = regime_detector::RegimeDetector::new(regime_detector::Kind::Ar1, 0.02, 30).unwrap();
    assert_eq!((asked.kind(), asked.rate(), asked.min_rows()), (regime_detector::Kind::Ar1, 0.02, 30));
}

#[test]
fn decisions_tell_their_parameters() {
    let (target, scale) = (Levels::each(vec![3.0, 4.0]), Levels::all(2.0));
    assert_eq!((target.values(), scale.values()), (&[3.0, 4.0][..], &[2.0][..]));
    for reset in [false, true] {
        let asked = Cusum::new(6.0, 0.4, target.clone(), scale.clone(), reset).unwrap();
        assert_eq!((asked.threshold(), asked.drift(), asked.reset()), (6.0, 0.4, reset));
        assert_eq!((asked.target(), asked.scale()), (&target, &scale));
        let asked = PageHinkley::new(6.0, 0.4, 30, reset).unwrap();
        assert_eq!((asked.threshold(), asked.delta(), asked.min_rows(), asked.reset()), (6.0, 0.4, 30, reset));
    }
    let asked = EwmaChart::new(0.3, 2.5, target.clone(), scale.clone()).unwrap();
    assert_eq!((asked.lam(), asked.width(), asked.target(), asked.sigma()), (0.3, 2.5, &target, &scale));
    let asked = ScoreFusion::new(Mapping::Tail, Combine::P95, Some(vec![0.5, 3.0]), 30).unwrap();
    assert_eq!((asked.mapping(), asked.combine()), (Mapping::Tail, Combine::P95));
    assert_eq!((asked.weights(), asked.min_rows()), (Some(&[0.5, 3.0][..]), 30));
}

#[test]
fn constants_are_told_with_their_columns_and_values() {
    let mut random = stream(3, 0);
    let mut x = Array2::from_shape_simple_fn((200, 5), || random.random::<f64>());
    let detector = mahalanobis::MahalanobisDetector::new(Shrinkage::LedoitWolf, 0).unwrap();
    assert!(detector.fit(x.view().into()).unwrap().constants().is_empty());
    x.column_mut(0).fill(5.0);
    x.column_mut(3).fill(-2.0);
    let model = detector.fit(x.view().into()).unwrap();
    assert!(!model.constants().is_empty());
    assert_eq!((model.constants().columns(), model.constants().values()), (&[0, 3][..], &[5.0, -2.0][..]));
}
