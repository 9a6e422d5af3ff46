use ndarray::{Array2, ShapeBuilder, s};

use super::*;

fn numbered(rows: usize, columns: usize) -> Array2<f64> {
    Array2::from_shape_fn((rows, columns), |(row, column)| (row * 100 + column) as f64)
}

#[test]
fn every_layout_is_read_alike() {
    let x = numbered(21, 3);
    let mut fortran = Array2::zeros((21, 3).f());
    fortran.assign(&x);
    let wide = Array2::from_shape_fn((42, 6), |(row, column)| x[[row / 2, column / 2]]);
    let narrow = x.mapv(|value| value as f32);
    let apart: Vec<_> = x.columns().into_iter().map(|column| column.to_owned()).collect();
    let contiguous: Vec<_> = apart.iter().map(|column| column.view()).collect();
    let strided: Vec<_> = narrow.columns().into_iter().collect();
    let all: [Samples<'_>; 6] = [
        Table::of_columns(21, &contiguous, "x").unwrap().into(),
        Table::of_columns(21, &strided, "x").unwrap().into(),
        x.view().into(),
        fortran.view().into(),
        wide.slice(s![..;2, ..;2]).into(),
        narrow.view().into(),
    ];
    for samples in all {
        assert_eq!((samples.rows(), samples.columns()), (21, 3));
        let mut rows = [0.0; 6];
        samples.read(19..21, &mut rows);
        assert_eq!(rows, [1900.0, 1901.0, 1902.0, 2000.0, 2001.0, 2002.0]);
        let mut column = [0.0; 21];
        samples.read_column(2, &mut column);
        assert_eq!((column[0], column[20]), (2.0, 2002.0));
        let mut both = [0.0; 42];
        samples.read_columns(1..3, &mut both);
        assert_eq!((both[0], both[20], both[40], &both[21..]), (1.0, 2001.0, 1902.0, &column[..]));
        let mut tile = [Row::splat(-1.0); 3];
        samples.pack(8, &mut tile);
        assert_eq!((tile[1].0[0], tile[1].0[7]), (801.0, 1501.0));
        samples.pack(16, &mut tile);
        assert_eq!((tile[2].0[4], tile[2].0[5]), (2002.0, 0.0));
        assert_eq!(samples.value(3, 1), 301.0);
    }
}

#[test]
fn rows_are_each_visited_once() {
    let mut seen = vec![0; 2 * 1003];
    by_rows(
        1003,
        2,
        &mut seen,
        10_000.0,
        || Ok(()),
        |(), rows, out, _| {
            assert!(rows.start.is_multiple_of(LANES));
            assert_eq!(out.len(), 2 * rows.len());
            out.iter_mut().for_each(|count| *count += 1);
        },
    )
    .unwrap();
    assert!(seen.iter().all(|&count| count == 1));
}

#[test]
fn shares_of_what_is_missing() {
    let mut x = numbered(10, 4);
    x[[3, 0]] = f64::NAN;
    x[[3, 1]] = f64::INFINITY;
    x[[9, 3]] = f64::NEG_INFINITY;
    let mut shares = [9.0; 10];
    share_missing(x.view().into(), &[true, false, true, true], &mut shares).unwrap();
    assert_eq!(shares, [0.0, 0.0, 0.0, 1.0 / 3.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0 / 3.0]);
    assert!(share_missing(x.view().into(), &[true], &mut shares).is_err());
    assert!(share_missing(x.view().into(), &[true; 4], &mut shares[1..]).is_err());
}

#[test]
fn another_number_of_places_is_told() {
    let work = |(): &mut (), _: Range<usize>, out: &mut [u8], _: &Stop| out.fill(1);
    for places in [0, 5, 7] {
        let error = by_rows(3, 2, &mut vec![0; places], 1.0, || Ok(()), work).unwrap_err();
        assert_eq!(error.to_string(), format!("`out` must have length 6, got {places}"));
    }
    assert!(by_rows(usize::MAX, 2, &mut [0; 6], 1.0, || Ok(()), work).is_err());
}

#[test]
fn pieces_join_in_order() {
    for rows in [0, 1, 511, 5000, 100_000] {
        let ranges = reduce(
            rows,
            16,
            100.0,
            || Ok(()),
            || Ok(Vec::new()),
            |seen, (), range, _| seen.push(range),
            |all, part, _| all.extend(part),
        )
        .unwrap();
        assert!(ranges.len() <= 16);
        assert_eq!(ranges.iter().map(ExactSizeIterator::len).sum::<usize>(), rows);
        assert!(ranges.windows(2).all(|pair| pair[0].end == pair[1].start));
    }
}

#[test]
fn pieces_that_end_early_wait_for_those_before_them() {
    let places = reduce(
        8000,
        16,
        1e6,
        || Ok(()),
        || Ok(Vec::new()),
        |seen: &mut Vec<usize>, (), range, _| {
            if range.start == 0 {
                std::thread::sleep(std::time::Duration::from_millis(20));
            }
            seen.push(range.start);
        },
        |all, part, _| all.extend(part),
    )
    .unwrap();
    assert!(places.len() == 15 && places.is_sorted(), "{places:?}");
}

#[test]
fn a_piece_without_room_is_told() {
    let made = std::sync::atomic::AtomicUsize::new(0);
    let make = || match made.fetch_add(1, std::sync::atomic::Ordering::Relaxed) {
        3 => Err(Error::Interrupted),
        _ => Ok(0),
    };
    let found = reduce(8000, 16, 1e6, || Ok(()), make, |_, (), _, _| {}, |all, part, _| *all += part);
    assert!(matches!(found, Err(Error::Interrupted)));
}

#[test]
fn too_small_or_too_wide_is_told() {
    let x = numbered(2, 3);
    let samples = Samples::from(x.view());
    let message = samples.require(5).unwrap_err().to_string();
    assert_eq!(message, "`x` must have at least 5 rows, got 2");
    let message = samples.require_columns(4).unwrap_err().to_string();
    assert_eq!(message, "`x` must have 4 columns, as many as the model was fitted on, got 3");
}
