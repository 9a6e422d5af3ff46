use acm_linalg::columns::{self, History};
use ndarray::{Array2, ArrayView2};
use proptest::prelude::*;

use super::ranked::Ranked;
use super::sorted::Sorted;
use super::{Order, SORTED_DEVIATION, SORTED_LIMIT, SORTED_MOST, Wanted, rolling_mad, rolling_quantile};
use crate::rolling::Window;
use crate::rolling::tests::{Kernel, QUANTILES, assert_same_bytes, config, naive, plant, wild_matrix, window};

/// Median, deviation and quantiles at once, by one way of keeping the window.
fn by(leaf: impl Fn(Wanted, Window) -> Order<'static>, x: ArrayView2<'_, f64>, shape: Window) -> Array2<f64> {
    let wanted = Wanted {
        median: true,
        mad: Some(1.0),
        quantiles: QUANTILES.to_vec(),
    };
    let mut out = Array2::from_elem((x.nrows(), x.ncols() * wanted.results()), -7.0);
    let history = History {
        first_row: shape.first_row(),
        ..History::default()
    };
    columns::run(&leaf(wanted, shape), x, history, out.view_mut()).unwrap();
    out
}

fn sorted(wanted: Wanted, window: Window) -> Order<'static> {
    Order::Sorted(Sorted { wanted, window })
}

fn ranked(wanted: Wanted, window: Window) -> Order<'static> {
    Order::Ranked(Ranked {
        wanted,
        window,
        bounds: None,
    })
}

#[test]
fn by_hand() {
    let nan = f64::NAN;
    let x = [3.0, 1.0, 2.0, nan, 10.0, 4.0];
    let of = |kernel: Kernel, rows| kernel.of(&x, window(rows, 1)).column(0).to_vec();
    assert_eq!(of(Kernel::Median, 3), [3.0, 2.0, 2.0, 1.5, 6.0, 7.0]);
    // Of 1, 2: 0.5 each; of 2, 10: 4 each; of 3, 1, 2: 1, 1, 0.
    assert_eq!(of(Kernel::Mad, 3), [0.0, 1.0, 1.0, 0.5, 4.0, 3.0]);
    // Of all five: 1, 2, 3, 4, 10 about 3.
    assert_eq!((of(Kernel::Median, 6)[5], of(Kernel::Mad, 6)[5]), (3.0, 1.0));
    let quantiles = Kernel::Quantile.of(&x, window(6, 5));
    assert_eq!(quantiles.row(5).to_vec()[..3], [1.0, 2.0, 3.0]);
    assert_eq!(quantiles[[5, 4]], 10.0);
    assert!((quantiles[[5, 3]] - 7.6).abs() < 1e-15);
    assert!(quantiles.row(4).iter().all(|y| y.is_nan()));
}

#[test]
fn the_definitions_hold_for_every_kind_of_history() {
    let x = plant(1200);
    for (rows, step) in [
        (1, 1),
        (2, 1),
        (3, 1),
        (4, 1),
        (7, 1),
        (16, 3),
        (61, 7),
        (255, 29),
        (256, 29),
        (257, 29),
        (SORTED_LIMIT, 29),
        (SORTED_LIMIT + 1, 29),
        (SORTED_DEVIATION, 29),
        (SORTED_DEVIATION + 1, 29),
        (600, 61),
        (SORTED_MOST, 61),
        (SORTED_MOST + 1, 61),
    ] {
        for kernel in Kernel::ORDER {
            for min_periods in [0, rows / 2, rows] {
                naive::check(kernel, x.view(), window(rows, min_periods), step);
            }
        }
    }
}

#[test]
fn sorted_and_ranked_windows_give_the_same_bytes() {
    let x = plant(1000);
    for rows in [
        1,
        2,
        3,
        4,
        5,
        16,
        63,
        64,
        127,
        200,
        SORTED_LIMIT - 1,
        SORTED_LIMIT,
        SORTED_LIMIT + 1,
        300,
        511,
        SORTED_MOST,
        SORTED_MOST + 1,
    ] {
        for min_periods in [0, 3.min(rows), rows] {
            let shape = window(rows, min_periods);
            let (short, long) = (by(sorted, x.view(), shape), by(ranked, x.view(), shape));
            assert_same_bytes(short.view(), long.view(), &format!("window {rows}, min_periods {min_periods}"));
        }
    }
}

#[test]
fn long_histories_are_ranked_in_chunks() {
    let x = plant(12_000);
    for rows in [300, 1500] {
        for kernel in Kernel::ORDER {
            naive::check(kernel, x.view(), window(rows, 1), 997);
        }
    }
    let shape = window(200, 1);
    assert_same_bytes(by(sorted, x.view(), shape).view(), by(ranked, x.view(), shape).view(), "a long history");
}

#[test]
fn the_largest_numbers_do_not_overflow() {
    let large = 1.7e308;
    for rows in [2, 4, 300] {
        let shape = window(rows, 1);
        assert!(Kernel::Median.of(&[large; 9], shape).iter().all(|&y| y == large));
        assert!(Kernel::Mad.of(&[large; 9], shape).iter().all(|&y| y == 0.0));
        assert!(Kernel::Quantile.of(&[large; 9], shape).iter().all(|&y| y == large));
    }
    let apart = [-large, large];
    for rows in [2, 300] {
        let shape = window(rows, 1);
        assert_eq!(Kernel::Median.of(&apart, shape)[[1, 0]], 0.0);
        assert_eq!(Kernel::Mad.of(&apart, shape)[[1, 0]], large);
        let quantiles = Kernel::Quantile.of(&apart, shape);
        assert_eq!((quantiles[[1, 0]], quantiles[[1, 2]], quantiles[[1, 4]]), (-large, 0.0, large));
        assert!((quantiles[[1, 1]] / large + 0.5).abs() < 1e-15);
    }
}

#[test]
fn denormals_and_neighbours_keep_their_digits() {
    let least = 5e-324;
    let x = [least, 3.0 * least, -least, 2.0 * least];
    assert_eq!(Kernel::Median.of(&x, window(3, 3))[[2, 0]], least);
    assert_eq!(Kernel::Mad.of(&x, window(3, 3))[[2, 0]], 2.0 * least);
    // The median of neighbours is rounded, the deviation from it is not: half their distance.
    let one = 1.0_f64.next_up();
    let x = [1e9, 1e9_f64.next_up(), 1.0, one];
    assert_eq!(Kernel::Mad.of(&x, window(2, 2))[[1, 0]], (1e9_f64.next_up() - 1e9) / 2.0);
    assert_eq!(Kernel::Mad.of(&x, window(2, 2))[[3, 0]], (one - 1.0) / 2.0);
}

#[test]
fn the_deviation_is_scaled() {
    let x = plant(400);
    for rows in [7, 300] {
        let plain = Kernel::Mad.compute(x.view(), window(rows, 1));
        for scale in [1.4826, -2.0, 0.0] {
            let mut out = Array2::zeros(x.dim());
            rolling_mad(x.view(), window(rows, 1), scale, out.view_mut()).unwrap();
            let right = out.iter().zip(&plain).all(|(y, mad)| *y == scale * mad || y.is_nan() && mad.is_nan());
            assert!(right, "window {rows}, scale {scale}");
        }
    }
}

#[test]
fn parameters_outside_their_range_are_refused() {
    let x = plant(5);
    let mut out = Array2::zeros((5, 2 * x.ncols()));
    for q in [-0.1, 1.1, f64::NAN, f64::INFINITY] {
        let error = rolling_quantile(x.view(), window(3, 1), &[0.5, q], out.view_mut()).unwrap_err();
        assert_eq!(error.to_string(), format!("`q` must be between 0 and 1, got {q}"));
    }
    let error = rolling_quantile(x.view(), window(3, 1), &[], out.view_mut()).unwrap_err();
    assert!(error.to_string().starts_with("`q` must be one number or more"));
    for scale in [f64::NAN, f64::INFINITY] {
        let error = rolling_mad(x.view(), window(3, 1), scale, out.view_mut()).unwrap_err();
        assert_eq!(error.to_string(), format!("`scale` must be a finite number, got {scale}"));
    }
}

proptest! {
    #![proptest_config(config(200))]

    #[test]
    fn any_matrix_gives_the_numbers_of_the_definition(
        x in wild_matrix(240),
        rows in 1_usize..=12,
        least in 0_usize..=12,
        first_row in 0_usize..100,
    ) {
        let shape = window(rows, least.min(rows)).starting_at(first_row);
        for kernel in Kernel::ORDER {
            naive::check(kernel, x.view(), shape, 1);
        }
        assert_same_bytes(by(sorted, x.view(), shape).view(), by(ranked, x.view(), shape).view(), "any matrix");
    }

    #[test]
    fn so_does_any_column_about_the_longest_sorted_window(
        column in proptest::collection::vec(crate::rolling::tests::wild(), 240..500),
        rows in prop_oneof![250_usize..=262, SORTED_LIMIT - 6..=SORTED_LIMIT + 6],
        least in 0_usize..=250,
    ) {
        let x = Array2::from_shape_vec((column.len(), 1), column).unwrap();
        let shape = window(rows, least);
        for kernel in Kernel::ORDER {
            naive::check(kernel, x.view(), shape, 17);
        }
        assert_same_bytes(by(sorted, x.view(), shape).view(), by(ranked, x.view(), shape).view(), "any column");
    }
}
