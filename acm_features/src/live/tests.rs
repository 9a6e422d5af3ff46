//! A history that comes in pieces gives the bytes of the whole, however it is cut, and through bytes at any place.

use acm_linalg::lanes::Element;
use acm_linalg::state::{from_bytes_named, to_bytes_with};
use acm_linalg::{Error, Persist};
use ndarray::{Array2, ArrayView2, s};
use proptest::prelude::*;

use super::kind::Next;
use super::{Asked, Kind, Rolling, RollingMemory, Rows, Span, Windowed};
use crate::ewm::{self, Fading, Weighing, Weighted};
use crate::matrix::Feature;
use crate::rolling::tests::{Random, config};
use crate::rolling::{Closed, TimeMean, Times, Windows, rolling_time_mean};
use crate::spectral::Bands;

/// What may be asked, of so many columns.
fn kinds(columns: usize) -> Vec<Kind> {
    let bands = Bands::new([(0.0, 0.2), (0.15, 0.5)], 1.0).unwrap();
    let pairs = (0..columns).map(|a| (a, (a + 1) % columns)).collect();
    vec![
        Kind::Sum,
        Kind::Mean,
        Kind::Var { ddof: 1 },
        Kind::Std { ddof: 0 },
        Kind::MeanStd { ddof: 1 },
        Kind::Min,
        Kind::Max,
        Kind::Range,
        Kind::Skew,
        Kind::Kurt,
        Kind::Median,
        Kind::Mad { scale: 1.5 },
        Kind::Quantile {
            q: vec![0.0, 0.3, 0.5, 1.0],
        },
        Kind::Slope,
        Kind::Cov { ddof: 1 },
        Kind::Corr,
        Kind::LagCorr { max_lag: 2, pairs },
        Kind::BandEnergy { bands: bands.clone() },
        Kind::FeatureMatrix {
            features: Feature::ALL.to_vec(),
            bands: bands.clone(),
            fill: None,
        },
        Kind::FeatureMatrix {
            features: vec![Feature::RobustZ, Feature::Energy, Feature::Std],
            bands,
            fill: Some((0..columns).map(|column| column as f64 * 0.1 - 0.2).collect()),
        },
    ]
}

#[expect(clippy::cast_sign_loss, reason = "not below 0")]
fn whole_part(number: f64) -> usize {
    number as usize
}

/// What a sensor may read: noise, offsets, steps, ties, gaps, and now and then what leaves the range of the numbers.
fn reading(random: &mut Random, (row, column): (usize, usize), wild: bool) -> f64 {
    let chance = random.uniform();
    match column % 5 {
        _ if wild && chance < 0.004 => [1e200, -3e180, 1e-200, 5e153][whole_part(chance * 1000.0)],
        _ if chance < 0.03 => f64::NAN,
        _ if chance < 0.035 => f64::NEG_INFINITY,
        _ if chance < 0.04 => -0.0,
        0 => random.noise(),
        1 => 1e9 + random.noise() * 1e-3,
        2 => (random.uniform() * 4.0).floor(),
        3 => (row / 40) as f64,
        _ if row / 50 % 3 == 1 => f64::NAN,
        _ => random.noise() * 100.0,
    }
}

fn history<T: Element>(seed: u64, (rows, columns): (usize, usize), wild: bool) -> Array2<T> {
    let mut random = Random::new(seed);
    Array2::from_shape_fn((rows, columns), |at| T::narrow(reading(&mut random, at, wild)))
}

fn windowed(kind: Kind, span: Span, min_periods: usize, closed: Closed) -> Asked {
    Asked::Windowed(Windowed {
        kind,
        span,
        min_periods,
        closed,
    })
}

/// All of the history at once.
fn whole<T: Element>(
    rolling: &Rolling,
    x: ArrayView2<'_, T>,
    y: ArrayView2<'_, T>,
    times: Option<&[i64]>,
) -> Array2<T> {
    let mut out = Array2::from_elem((x.nrows(), rolling.width()), T::narrow(-7.0));
    match rolling.asked() {
        Asked::Windowed(windowed) => {
            let next = Next {
                x,
                y: Some(y),
                times,
                first_row: 0,
            };
            windowed.run(&next, out.view_mut()).unwrap();
        }
        Asked::Weighted(weighted) => {
            let decay = match weighted.fading() {
                Fading::Lasting(nanoseconds) => {
                    ewm::Decay::half_life_in_time(nanoseconds, Times::new(times.unwrap()).unwrap()).unwrap()
                }
                other => other.decay().unwrap(),
            };
            match weighted.is_deviation() {
                None => ewm::ewm_mean(x, decay, weighted.weighing(), out.view_mut()).unwrap(),
                Some(bias) => ewm::ewm_std(x, decay, weighted.weighing(), bias, out.view_mut()).unwrap(),
            }
        }
        Asked::TimeMean(mean) => {
            let times = Times::new(times.unwrap()).unwrap();
            let windows = Windows::lasting(mean.window(), mean.min_periods(), times).unwrap();
            rolling_time_mean(x, windows, mean.hold(), out.view_mut()).unwrap();
        }
    }
    out
}

fn through_bytes(rolling: &Rolling, memory: &RollingMemory) -> RollingMemory {
    let bytes = to_bytes_with(rolling, memory).unwrap();
    let saved = from_bytes_named::<Rolling, RollingMemory>(&bytes).unwrap();
    assert_eq!(saved.model, *rolling);
    assert_eq!(to_bytes_with(rolling, &saved.memory).unwrap(), bytes);
    saved.memory
}

#[track_caller]
fn assert_same<T: Element>(found: &Array2<T>, expected: &Array2<T>, rolling: &Rolling, cuts: &[usize]) {
    for ((at, found), expected) in found.indexed_iter().zip(expected) {
        let (found, expected) = (found.widen(), expected.widen());
        assert!(
            found.to_bits() == expected.to_bits(),
            "{rolling:?}: at {at:?} got {found:e}, expected {expected:e}; cut at {cuts:?}"
        );
    }
}

/// Cuts the history where `random` says, and takes the memory through bytes now and then.
fn check<T: Element>(asked: Asked, (rows, columns): (usize, usize), times: Option<&[i64]>, seed: u64, wild: bool) {
    let rolling = Rolling::new(asked, columns).unwrap();
    let mut random = Random::new(seed ^ 77);
    let x = history::<T>(seed, (rows, columns), wild);
    let y = history::<T>(seed ^ 1, (rows, if seed.is_multiple_of(3) { 1 } else { columns }), wild);
    let expected = whole(&rolling, x.view(), y.view(), times);
    let mut found = Array2::from_elem(expected.dim(), T::narrow(-7.0));
    let mut memory = RollingMemory::default();
    let (mut done, mut cuts) = (0, Vec::new());
    while done < rows {
        let length = match random.uniform() {
            chance if chance < 0.05 => 0,
            chance if chance < 0.85 => 1,
            chance if chance < 0.93 => 1 + whole_part(random.uniform() * 5.0),
            _ => 1 + whole_part(random.uniform() * 80.0),
        };
        let end = (done + length).min(rows);
        let next = Rows {
            x: x.slice(s![done..end, ..]).into(),
            y: rolling.is_pair().then(|| y.slice(s![done..end, ..]).into()),
            times: times.map(|times| &times[done..end]),
        };
        memory.update(&rolling, &next, found.slice_mut(s![done..end, ..])).unwrap();
        if random.uniform() < 0.04 {
            memory = through_bytes(&rolling, &memory);
        }
        cuts.push(end);
        done = end;
    }
    assert_eq!(memory.seen().unwrap(), rows);
    assert_same(&found, &expected, &rolling, &cuts);
}

const ENDS: [Closed; 4] = [Closed::Right, Closed::Left, Closed::Both, Closed::Neither];

fn irregular(rows: usize, seed: u64) -> Vec<i64> {
    let mut random = Random::new(seed ^ 5);
    let mut now = -40;
    let step = |random: &mut Random| if random.uniform() < 0.1 { 37 } else { (random.uniform() * 4.0) as i64 };
    (0..rows)
        .map(|_| {
            now += step(&mut random);
            now
        })
        .collect()
}

proptest! {
    #![proptest_config(config(8))]

    #[test]
    fn pieces_are_the_whole(
        rows in 1_usize..260, columns in 1_usize..20, window in 1_usize..70, needed in 0_usize..5, seed: u64, wild: bool
    ) {
        for kind in kinds(columns) {
            check::<f64>(
                windowed(kind, Span::Rows(window), needed.min(window), Closed::Right), (rows, columns), None, seed, wild
            );
        }
    }

    #[test]
    fn long_windows(rows in 200_usize..800, columns in 1_usize..4, window in 200_usize..320, seed: u64, wild: bool) {
        for kind in kinds(columns) {
            check::<f64>(windowed(kind, Span::Rows(window), 1, Closed::Right), (rows, columns), None, seed, wild);
        }
    }

    #[test]
    fn float32_comes_in_and_goes_out(rows in 1_usize..150, columns in 1_usize..10, window in 1_usize..40, seed: u64) {
        for kind in kinds(columns) {
            check::<f32>(windowed(kind, Span::Rows(window), 1, Closed::Right), (rows, columns), None, seed, true);
        }
    }

    #[test]
    fn other_ends_durations_and_times(
        rows in 1_usize..120, columns in 1_usize..6, window in 1_usize..30, ends in 0_usize..4, seed: u64, lasting: bool
    ) {
        let times = irregular(rows, seed);
        let span = if lasting { Span::Lasting(window as i64 * 2) } else { Span::Rows(window) };
        for kind in kinds(columns) {
            let times = (lasting || seed.is_multiple_of(2)).then_some(&times[..]);
            check::<f64>(windowed(kind, span, 1, ENDS[ends]), (rows, columns), times, seed, true);
        }
    }

    #[test]
    fn readings_hold_row_by_row(
        rows in 1_usize..400, columns in 1_usize..20, window in prop_oneof![1..40_i64, 40..900_i64],
        hold in proptest::option::of(1..60_i64), min_periods in 0_usize..4, seed: u64
    ) {
        let asked = Asked::TimeMean(TimeMean::new(window, hold, min_periods).unwrap());
        let times = irregular(rows, seed);
        check::<f64>(asked.clone(), (rows, columns), Some(&times), seed, true);
        check::<f32>(asked, (rows, columns), Some(&times), seed, false);
    }

    #[test]
    fn weights_fade_row_by_row(
        rows in 1_usize..1400, columns in 1_usize..20, alpha in 0.001..1.0_f64, adjust: bool, ignore_na: bool,
        min_periods in 0_usize..4, seed: u64, bias: bool
    ) {
        let weighing = Weighing { adjust, ignore_na, min_periods };
        let times = irregular(rows, seed);
        for fading in [Fading::Alpha(alpha), Fading::Span(1.0 / alpha), Fading::HalfLife(alpha), Fading::Lasting(9)] {
            let timed = matches!(fading, Fading::Lasting(_)).then_some(&times[..]);
            let mean = Weighted::mean(fading, weighing).unwrap();
            check::<f64>(Asked::Weighted(mean), (rows, columns), timed, seed, true);
            let deviation = Weighted::deviation(fading, weighing, bias).unwrap();
            check::<f32>(Asked::Weighted(deviation), (rows, columns), timed, seed, true);
        }
    }
}

fn mean_of(window: usize, columns: usize) -> Rolling {
    Rolling::new(windowed(Kind::Mean, Span::Rows(window), 1, Closed::Right), columns).unwrap()
}

#[test]
fn what_is_refused_leaves_the_memory_as_it_was() {
    let rolling = mean_of(3, 2);
    let mut memory = RollingMemory::default();
    let x = history::<f64>(3, (9, 2), false);
    let mut out = Array2::zeros((3, 2));
    let refused = |memory: &mut RollingMemory, rows: &Rows<'_, f64>| {
        let before = to_bytes_with(&rolling, memory).unwrap();
        let error = memory.update(&rolling, rows, Array2::zeros((rows.x.nrows(), 2)).view_mut()).unwrap_err();
        assert_eq!(to_bytes_with(&rolling, memory).unwrap(), before);
        error.to_string()
    };
    let wide = Array2::<f64>::zeros((3, 3));
    assert_eq!(refused(&mut memory, &Rows::of(wide.view().into())), "`x` must have shape (3, 2), got (3, 3)");
    let timed = |times| Rows {
        times: Some(times),
        ..Rows::of(x.slice(s![0..3, ..]).into())
    };
    assert!(refused(&mut memory, &timed(&[1, 3, 2])).starts_with("`times` must not go back"));
    assert!(refused(&mut memory, &timed(&[1])).starts_with("`times` must have length 3"));
    memory.update(&rolling, &timed(&[1, 2, 5]), out.view_mut()).unwrap();
    assert!(refused(&mut memory, &timed(&[4, 6, 6])).starts_with("`times` must not go back, but the first row"));
    assert!(refused(&mut memory, &Rows::of(x.view().into())).starts_with("`times` must have a time for each row"));
    let narrow = history::<f32>(3, (1, 2), false);
    let rows = Rows {
        times: Some(&[9][..]),
        ..Rows::of(narrow.view().into())
    };
    let error = memory.update(&rolling, &rows, Array2::zeros((1, 2)).view_mut()).unwrap_err();
    assert_eq!(error.to_string(), "`x` must have the dtype of the rows before");
    assert_eq!(memory.seen(), Ok(3));
    assert_eq!(memory.is_narrow(), Ok(Some(false)));
}

#[test]
fn what_cannot_be_asked_is_refused() {
    let asked = |kind| Rolling::new(windowed(kind, Span::Rows(3), 1, Closed::Right), 2).unwrap_err().to_string();
    assert!(asked(Kind::Quantile { q: vec![1.5] }).starts_with("`q` must be between 0 and 1"));
    assert!(asked(Kind::Mad { scale: f64::NAN }).starts_with("`scale` must be a finite number"));
    let pairs = vec![(0, 2)];
    assert!(asked(Kind::LagCorr { max_lag: 1, pairs }).starts_with("`pairs` must be column numbers below 2"));
    let filled = |fill| Kind::FeatureMatrix {
        features: vec![Feature::Mean],
        bands: Bands::standard(1.0).unwrap(),
        fill: Some(fill),
    };
    assert!(asked(filled(vec![0.0])).starts_with("`fill` must have length 2"));
    assert!(asked(filled(vec![0.0, f64::NAN])).starts_with("`fill` must be finite numbers"));
    let no_columns = Rolling::new(windowed(Kind::Mean, Span::Rows(3), 1, Closed::Right), 0);
    assert!(no_columns.unwrap_err().to_string().starts_with("`d` must be at least 1"));
}

#[test]
fn a_memory_that_another_process_thread_has_is_in_use() {
    let memory = RollingMemory::default();
    let held = memory.0.lock().unwrap();
    // As a child finds it that was forked meanwhile.
    memory.0.process.fetch_xor(1, std::sync::atomic::Ordering::SeqCst);
    assert_eq!(memory.seen(), Err(Error::InUse));
    drop(held);
    assert_eq!(memory.seen(), Ok(0));
}

#[test]
fn damaged_bytes_are_refused() {
    let rolling = mean_of(4, 3);
    let mut memory = RollingMemory::default();
    let x = history::<f64>(8, (6, 3), false);
    memory
        .update(&rolling, &Rows::of(x.view().into()), Array2::zeros((6, 3)).view_mut())
        .unwrap();
    let bytes = to_bytes_with(&rolling, &memory).unwrap();
    for place in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[place] ^= 4;
        assert!(from_bytes_named::<Rolling, RollingMemory>(&damaged).is_err(), "byte {place}");
    }
    assert!(Rolling::from_bytes(&bytes[..bytes.len() - 1]).is_err());
}

#[test]
fn single_rows_move_on_what_is_there() {
    let x = history::<f64>(11, (90, 5), false);
    for kind in kinds(5) {
        let rolling = Rolling::new(windowed(kind, Span::Rows(20), 1, Closed::Right), 5).unwrap();
        let mut memory = RollingMemory::default();
        let mut out = Array2::zeros((90, rolling.width()));
        let mut feed = |memory: &mut RollingMemory, rows: std::ops::Range<usize>| {
            let part = x.slice(s![rows.clone(), ..]);
            let next = Rows {
                y: rolling.is_pair().then(|| part.into()),
                ..Rows::of(part.into())
            };
            memory.update(&rolling, &next, out.slice_mut(s![rows, ..])).unwrap();
        };
        feed(&mut memory, 0..60);
        assert!(!memory.0.lock().unwrap().as_ref().unwrap().steps_by_row());
        feed(&mut memory, 60..61);
        assert!(memory.0.lock().unwrap().as_ref().unwrap().steps_by_row(), "{rolling:?}");
        for row in 61..90 {
            feed(&mut memory, row..row + 1);
        }
        let expected = whole(&rolling, x.view(), x.view(), None);
        assert_same(&out, &expected, &rolling, &[60]);
    }
}
