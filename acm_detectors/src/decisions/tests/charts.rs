use acm_linalg::state::{from_bytes_with, to_bytes_with};
use acm_linalg::{Samples, Table};
use ndarray::{Array2, ArrayView2, ShapeBuilder, s};
use proptest::prelude::*;

use super::noise;
use crate::decisions::{Chart, ChartMemory, Charted, Cusum, EwmaChart, Levels, PageHinkley};

type Results = (Array2<f64>, Array2<f64>, Array2<bool>);

fn update<C: Chart>(chart: &C, live: &mut ChartMemory<C>, x: Samples<'_>) -> Results {
    let shape = (x.rows(), x.columns());
    let mut out = (Array2::zeros(shape), Array2::zeros(shape), Array2::from_elem(shape, false));
    let (first, second, alarm) = (out.0.view_mut(), out.1.view_mut(), out.2.view_mut());
    live.update(chart, x, Charted { first, second, alarm }).unwrap();
    out
}

fn line<C: Chart>(chart: C, x: &[f64]) -> (Vec<f64>, Vec<f64>, Vec<bool>) {
    let x = ArrayView2::from_shape((x.len(), 1), x).unwrap();
    let (first, second, alarm) = update(&chart, &mut ChartMemory::default(), x.into());
    (first.into_raw_vec_and_offset().0, second.into_raw_vec_and_offset().0, alarm.into_raw_vec_and_offset().0)
}

fn cusum(threshold: f64, drift: f64, reset: bool) -> Cusum {
    Cusum::new(threshold, drift, Levels::all(0.0), Levels::all(1.0), reset).unwrap()
}

fn table(rows: usize, columns: usize) -> Array2<f64> {
    let mut x = Array2::from_shape_vec((rows, columns), noise(rows * columns, 3)).unwrap();
    x.slice_mut(s![rows / 2.., ..]).mapv_inplace(|value| value + 0.7);
    x[[rows / 3, 0]] = f64::NAN;
    x[[rows / 3 + 1, columns - 1]] = f64::INFINITY;
    x
}

#[test]
fn cusum_by_hand() {
    let x = [1.0, 0.5, f64::NAN, 2.0, -4.0, 0.0];
    let (high, low, alarm) = line(cusum(2.0, 0.25, false), &x);
    assert_eq!(high, [0.75, 1.0, 1.0, 2.75, 0.0, 0.0]);
    assert_eq!(low, [0.0, 0.0, 0.0, 0.0, 3.75, 3.5]);
    assert_eq!(alarm, [false, false, false, true, true, true]);
    let (high, low, alarm) = line(cusum(2.0, 0.25, true), &x);
    assert_eq!(high, [0.75, 1.0, 1.0, 2.75, 0.0, 0.0]);
    assert_eq!(low, [0.0, 0.0, 0.0, 0.0, 3.75, 0.0]);
    assert_eq!(alarm, [false, false, false, true, true, false]);
    let scaled = Cusum::new(2.0, 0.25, Levels::all(10.0), Levels::all(4.0), false).unwrap();
    let x: Vec<f64> = x.iter().map(|value| 10.0 + 4.0 * value).collect();
    assert_eq!(line(scaled, &x).0, [0.75, 1.0, 1.0, 2.75, 0.0, 0.0]);
}

#[test]
fn ewma_by_hand() {
    let chart = EwmaChart::new(0.5, 3.0, Levels::all(10.0), Levels::all(2.0)).unwrap();
    let (ewma, limit, alarm) = line(chart, &[12.0, f64::NAN, 16.0, 30.0]);
    assert_eq!(ewma, [11.0, 11.0, 13.5, 21.75]);
    let factor = |t: i32| (0.5 / 1.5 * (1.0 - 0.25_f64.powi(t))).sqrt();
    for (found, t) in limit.iter().zip([1, 1, 2, 3]) {
        assert!((found / (6.0 * factor(t)) - 1.0).abs() < 1e-15);
    }
    assert_eq!(alarm, [false, false, true, true]);
    let shewhart = EwmaChart::new(1.0, 3.0, Levels::all(0.0), Levels::all(1.0)).unwrap();
    let (ewma, limit, alarm) = line(shewhart, &[1.0, -3.5, 0.0]);
    assert_eq!((ewma, limit, alarm), (vec![1.0, -3.5, 0.0], vec![3.0; 3], vec![false, true, false]));
}

#[test]
fn page_hinkley_is_its_definition() {
    let mut x = noise(400, 8);
    x.iter_mut().skip(250).for_each(|value| *value += 0.8);
    let chart = PageHinkley::new(12.0, 0.1, 30, false).unwrap();
    let (high, low, alarm) = line(chart, &x);
    let (mut up, mut least, mut down, mut most) = (0.0, 0.0_f64, 0.0, 0.0_f64);
    for t in 0..x.len() {
        let mean = x[..=t].iter().sum::<f64>() / (t + 1) as f64;
        up += x[t] - mean - 0.1;
        least = least.min(up);
        down += x[t] - mean + 0.1;
        most = most.max(down);
        assert!((high[t] - (up - least)).abs() < 1e-11 && (low[t] - (most - down)).abs() < 1e-11, "{t}");
    }
    assert!(!alarm[..250].contains(&true) && alarm[399]);
    let resets = line(PageHinkley::new(12.0, 0.1, 30, true).unwrap(), &x).2;
    assert_eq!(resets.iter().filter(|&&alarm| alarm).count(), 1);
}

#[test]
fn infinite_values_give_an_alarm_and_leave_no_trace() {
    let most = f64::MAX;
    let x = [1.0, f64::INFINITY, 0.5, f64::NEG_INFINITY, 0.0];
    let finite = [1.0, f64::NAN, 0.5, f64::NAN, 0.0];
    let (high, low, alarm) = line(cusum(2.0, 0.25, false), &x);
    assert_eq!((high, low), (vec![0.75, most, 1.0, 1.0, 0.75], vec![0.0, 0.0, 0.0, most, 0.0]));
    assert_eq!(alarm, [false, true, false, true, false]);
    // An alarm like any other.
    assert_eq!(line(cusum(2.0, 0.25, true), &x).0, [0.75, most, 0.25, 0.25, 0.0]);
    let ewma = || EwmaChart::new(0.5, 3.0, Levels::all(0.0), Levels::all(2.0)).unwrap();
    let (average, limit, alarm) = line(ewma(), &x);
    assert_eq!(average, [0.5, most, 0.5, -most, 0.25]);
    assert_eq!(limit, line(ewma(), &finite).1);
    assert_eq!(alarm, [false, true, false, true, false]);
    assert_eq!(line(ewma(), &[f64::INFINITY]), (vec![most], vec![0.0], vec![true]));
    let page = |min_rows, reset| PageHinkley::new(2.0, 0.1, min_rows, reset).unwrap();
    let (high, low, alarm) = line(page(2, false), &x);
    let (plain, mirrored, _) = line(page(2, false), &finite);
    assert_eq!(high, [plain[0], most, plain[2], plain[3], plain[4]]);
    assert_eq!(low, [mirrored[0], mirrored[1], mirrored[2], most, mirrored[4]]);
    // One value is too few for an alarm, two are enough.
    assert_eq!(alarm, [false, false, false, true, false]);
    assert_eq!(line(page(1, true), &x).1[2..], [0.0, most, 0.0]);
}

#[test]
fn a_large_offset_costs_nothing() {
    let x: Vec<f64> = noise(500, 4).iter().map(|value| (value * 1024.0).round() / 1024.0).collect();
    let far: Vec<f64> = x.iter().map(|value| 1e9 + value).collect();
    let about = |target| Cusum::new(3.0, 0.125, Levels::all(target), Levels::all(1.0), false).unwrap();
    assert_eq!(line(about(0.0), &x), line(about(1e9), &far));
    let (near, away) = (PageHinkley::new(3.0, 0.1, 30, false).unwrap(), PageHinkley::new(3.0, 0.1, 30, false).unwrap());
    let (near, away) = (line(near, &x), line(away, &far));
    assert!(near.0.iter().zip(&away.0).all(|(a, b)| (a - b).abs() < 1e-4));
}

#[test]
fn huge_values_stay_finite() {
    let x = [
        1.7e308,
        -1.7e308,
        1.7e308,
        1.7e308,
        0.0,
        -1.7e308,
        f64::NEG_INFINITY,
        f64::NAN,
    ];
    let results = [
        line(Cusum::new(1.0, 0.1, Levels::all(-1.7e308), Levels::all(1e-300), false).unwrap(), &x),
        line(EwmaChart::new(0.9, 3.0, Levels::all(-1.7e308), Levels::all(1e300)).unwrap(), &x),
        line(PageHinkley::new(1.0, 0.1, 1, false).unwrap(), &x),
    ];
    for (first, second, alarm) in results {
        assert!(first.iter().chain(&second).all(|value| value.is_finite()), "{first:?} {second:?}");
        assert!(!alarm[7]);
    }
}

fn cuts_layouts_and_saving<C: Chart>(chart: C) {
    let x = table(3000, 19);
    let whole = update(&chart, &mut ChartMemory::default(), x.view().into());
    let mut fortran = Array2::zeros((3000, 19).f());
    fortran.assign(&x);
    assert_eq!(whole, update(&chart, &mut ChartMemory::default(), fortran.view().into()));
    let list: Vec<_> = x.columns().into_iter().collect();
    let list = Table::of_columns(3000, &list, "x").unwrap();
    assert_eq!(whole, update(&chart, &mut ChartMemory::default(), list.into()));
    let mut live = ChartMemory::default();
    let mut start = 0;
    for length in [0, 1, 7, 1, 1500, 0, 400, 1091] {
        let part = update(&chart, &mut live, x.slice(s![start..start + length, ..]).into());
        let rows = s![start..start + length, ..];
        assert_eq!(part.0, whole.0.slice(rows));
        assert_eq!(part.1, whole.1.slice(rows));
        assert_eq!(part.2, whole.2.slice(rows));
        start += length;
        let bytes = to_bytes_with(&chart, &live).unwrap();
        let back = from_bytes_with::<C, ChartMemory<C>>(&bytes).unwrap();
        assert_eq!((&back.0, &back.1), (&chart, &live));
        live = back.1;
        for length in (0..bytes.len()).step_by(13) {
            assert!(from_bytes_with::<C, ChartMemory<C>>(&bytes[..length]).is_err());
        }
    }
    assert_eq!(start, 3000);
    for threads in [1, 2, 3] {
        acm_linalg::parallel::set_num_threads(threads).unwrap();
        assert_eq!(whole, update(&chart, &mut ChartMemory::default(), x.view().into()));
    }
    let narrow = x.mapv(|value| value as f32);
    let widened = narrow.mapv(f64::from);
    let of_narrow = update(&chart, &mut ChartMemory::default(), narrow.view().into());
    assert_eq!(of_narrow, update(&chart, &mut ChartMemory::default(), widened.view().into()));
    assert_eq!(update(&chart, &mut ChartMemory::default(), x.slice(s![..0, ..]).into()).0.dim(), (0, 19));
    let before = live.clone();
    let mut out = whole;
    let (first, second, alarm) = (out.0.view_mut(), out.1.view_mut(), out.2.view_mut());
    let wrong = live
        .update(&chart, x.slice(s![.., ..3]).into(), Charted { first, second, alarm })
        .unwrap_err();
    assert_eq!(wrong.to_string(), "`x` must have 19 columns, as many as the model was fitted on, got 3");
    assert_eq!(live, before);
}

#[test]
fn any_cut_any_layout_any_threads_and_a_restart_give_the_same_bytes() {
    let each = || Levels::each((0..19).map(f64::from).map(|column| column / 100.0).collect());
    cuts_layouts_and_saving(Cusum::new(4.0, 0.1, each(), Levels::all(0.5), true).unwrap());
    cuts_layouts_and_saving(EwmaChart::new(0.1, 3.0, each(), Levels::all(0.57)).unwrap());
    cuts_layouts_and_saving(PageHinkley::new(5.0, 0.05, 30, true).unwrap());
}

#[test]
fn parameters_are_checked() {
    let all = Levels::all;
    for (error, message) in [
        (
            Cusum::new(0.0, 0.1, all(0.0), all(1.0), false).unwrap_err(),
            "`threshold` must be above 0 and finite, got 0",
        ),
        (
            Cusum::new(1.0, -0.1, all(0.0), all(1.0), false).unwrap_err(),
            "`drift` must be at least 0 and finite, got -0.1",
        ),
        (Cusum::new(1.0, 0.1, all(f64::NAN), all(1.0), false).unwrap_err(), "`target` must be finite, got NaN"),
        (Cusum::new(1.0, 0.1, all(0.0), all(0.0), false).unwrap_err(), "`scale` must be above 0 and finite, got 0"),
        (EwmaChart::new(0.0, 3.0, all(0.0), all(1.0)).unwrap_err(), "`lam` must be above 0 and at most 1, got 0"),
        (EwmaChart::new(0.1, 0.0, all(0.0), all(1.0)).unwrap_err(), "`width` must be above 0 and finite, got 0"),
        (PageHinkley::new(1.0, 0.1, 0, false).unwrap_err(), "`min_rows` must be at least 1, got 0"),
    ] {
        assert_eq!(error.to_string(), message);
    }
    let chart = Cusum::new(1.0, 0.1, Levels::each(vec![0.0; 3]), all(1.0), false).unwrap();
    let x = table(20, 4);
    let mut out = (Array2::zeros((20, 4)), Array2::zeros((20, 4)), Array2::from_elem((20, 4), false));
    let (first, second, alarm) = (out.0.view_mut(), out.1.view_mut(), out.2.view_mut());
    let error = ChartMemory::default()
        .update(&chart, x.view().into(), Charted { first, second, alarm })
        .unwrap_err();
    assert_eq!(error.to_string(), "`target` must have length 4, got 3");
}

proptest! {
    #[test]
    fn more_is_never_less(x in prop::collection::vec(-5.0..5.0_f64, 1..60), place in 0..60_usize, more in 0.0..5.0_f64) {
        let mut raised = x.clone();
        raised[place % x.len()] += more;
        let (plain, raised) = (line(cusum(2.0, 0.5, false), &x), line(cusum(2.0, 0.5, false), &raised));
        for t in 0..x.len() {
            prop_assert!(raised.0[t] >= plain.0[t] && raised.1[t] <= plain.1[t]);
            prop_assert!(plain.0[t] >= 0.0 && plain.1[t] >= 0.0);
        }
        // The mirror image of the values is the mirror image of the sums.
        let mirrored: Vec<f64> = x.iter().map(|value| -value).collect();
        let mirrored = line(cusum(2.0, 0.5, false), &mirrored);
        prop_assert_eq!(mirrored.0, plain.1);
    }
}

#[test]
fn levels_are_given_back_as_they_came() {
    assert_eq!(Levels::all(2.5).values(), [2.5]);
    assert_eq!(Levels::each(vec![1.0, 3.0]).values(), [1.0, 3.0]);
}
