//! Slow means that let go of what is over, and levels that follow sensors that wander.

use acm_linalg::samples::room;
use acm_linalg::{Error, Result, Samples};
use ndarray::ArrayView2;

/// What has been taken off counts as long as it is this share of the room.
const TINY: f64 = 1e-3;

/// Slow means kept within some room of what the quick ones, `trace`, show of the same direction.
///
/// What is taken off a mean stays off, and is forgotten as the mean forgets, by `memory` with each `known` reading: the mean
/// goes on as if it had been there. `off` is what had been taken off before the first row, and holds after the call what has
/// been after the last. `free` is the room, in one row for all or in a row for each.
///
/// Shapes: values, trace (n, d), free (1, d) or (n, d), known (n, d), off (d) -> (n, d). Columns do not see one another.
/// Cost: some operations a value. Threads: one.
///
/// # Errors
/// [`acm_linalg::Error::Shape`] unless the shapes are these; [`acm_linalg::Error::Length`] unless `off` has d and `out` n d
/// places; [`acm_linalg::Error::Memory`].
///
/// # Examples
///
/// ```
/// use ndarray::array;
///
/// # fn main() -> acm_linalg::Result<()> {
/// let (values, trace, free) = (array![[3.0], [2.0]], array![[2.5], [0.0]], array![[1.0]]);
/// let known = array![[true], [true]];
/// let (mut off, mut out) = ([0.0], [0.0; 2]);
/// let (values, trace, free) = (values.view().into(), trace.view().into(), free.view().into());
/// acm_detectors::slow::released(values, trace, free, known.view(), 0.5, &mut off, &mut out)?;
/// assert_eq!((out, off), ([3.0, 1.0], [-1.0]));
/// # Ok(())
/// # }
/// ```
pub fn released(
    values: Samples<'_>,
    trace: Samples<'_>,
    free: Samples<'_>,
    known: ArrayView2<'_, bool>,
    memory: f64,
    off: &mut [f64],
    out: &mut [f64],
) -> Result<()> {
    let (rows, width) = (values.rows(), values.columns());
    same(&trace, rows, width, "trace")?;
    let each = free.rows() != 1;
    same(&free, if each { rows } else { 1 }, width, "room")?;
    if known.dim() != (rows, width) {
        return Err(wrong("known", (rows, width), known.dim()));
    }
    length("off", width, off.len())?;
    length("out", rows.saturating_mul(width), out.len())?;
    if width == 0 {
        return Ok(());
    }
    let mut beside = room(2, width, 0.0, "rows")?;
    let (quick, free_row) = beside.split_at_mut(width);
    for (row, out) in out.chunks_exact_mut(width).enumerate() {
        values.read(row..row + 1, out);
        trace.read(row..row + 1, quick);
        if each || row == 0 {
            free.read(row..row + 1, free_row);
        }
        let columns = quick.iter().zip(&*free_row).zip(known.row(row)).zip(&mut *off).zip(out);
        for ((((&quick, &free), &known), off), value) in columns {
            let (upper, lower) = (quick.max(0.0) + free, quick.min(0.0) - free);
            let beyond = *value > upper || *value < lower;
            if *off == 0.0 && !beyond {
                continue;
            }
            if known {
                *off *= 1.0 - memory;
            }
            let own = *value + *off;
            *value = own.max(lower).min(upper);
            *off += *value - own;
            if off.abs() < TINY * free {
                *off = 0.0;
            }
        }
    }
    Ok(())
}

/// The level of each sensor before each row, which follows its readings.
///
/// Each reading moves the level by `gain` of its distance from it, or by the share that makes it the mean of the readings so
/// far where that is more; its distance counts as `reach` at most. Before the first reading the level is that reading, and
/// where it is of one reading alone, one beyond `reach` of it takes its place. `level`, `count` and `gone` are the level, the
/// readings so far and the missing ones since the last, all before the first row, and hold those after the last row.
///
/// Shapes: x (n, d), reach, level, count, gone (d) -> (n, d). Columns do not see one another.
/// Missing: NaN; the next reading moves the level as if those missing had led to it in even steps. An infinite value moves
/// nothing.
/// Cost: some operations a value. Threads: one.
///
/// # Errors
/// [`acm_linalg::Error::Length`] unless `reach`, `level`, `count` and `gone` have d and `out` n d places.
///
/// # Examples
///
/// ```
/// use ndarray::array;
///
/// # fn main() -> acm_linalg::Result<()> {
/// let x = array![[4.0], [6.0], [5.0], [9.0]];
/// let (mut level, mut count, mut gone, mut out) = ([0.0], [0.0], [0.0], [0.0; 4]);
/// acm_detectors::slow::followed(x.view().into(), 0.5, &[2.0], &mut level, &mut count, &mut gone, &mut out)?;
/// assert_eq!((out, level), ([4.0, 4.0, 5.0, 5.0], [6.0]));
/// # Ok(())
/// # }
/// ```
pub fn followed(
    x: Samples<'_>,
    gain: f64,
    reach: &[f64],
    level: &mut [f64],
    count: &mut [f64],
    gone: &mut [f64],
    out: &mut [f64],
) -> Result<()> {
    let (rows, width) = (x.rows(), x.columns());
    for (name, got) in [
        ("reach", reach.len()),
        ("level", level.len()),
        ("count", count.len()),
        ("gone", gone.len()),
    ] {
        length(name, width, got)?;
    }
    length("out", rows.saturating_mul(width), out.len())?;
    if width == 0 {
        return Ok(());
    }
    for (row, out) in out.chunks_exact_mut(width).enumerate() {
        x.read(row..row + 1, out);
        let columns = reach.iter().zip(&mut *level).zip(&mut *count).zip(&mut *gone).zip(out);
        for ((((&reach, level), count), gone), value) in columns {
            let reading = *value;
            if !reading.is_finite() {
                *value = *level;
                *gone = if reading.is_nan() { *gone + 1.0 } else { 0.0 };
                continue;
            }
            if *count == 0.0 {
                *level = reading;
            }
            // The mean of the first readings is one of them all.
            let share = gain.max(1.0 / (*count + 1.0));
            if *gone > 0.0 {
                let far = (reading - *level) * (1.0 - lag(share, *gone + 1.0));
                let most = *gone * share * reach;
                *level += far.max(-most).min(most);
                *gone = 0.0;
            }
            *value = *level;
            let away = reading - *level;
            (*level, *count) = if *count == 1.0 && away.abs() > reach {
                (reading, 1.0)
            } else {
                (*level + away.max(-reach).min(reach) * share, *count + 1.0)
            };
        }
    }
    Ok(())
}

/// The share of their way by which a level is behind readings that have gone it in so many even steps.
fn lag(share: f64, steps: f64) -> f64 {
    // The cast stops at the largest count, where nothing is left of the start.
    (1.0 - (1.0 - share).powi(steps as i32)) / (steps * share)
}

fn same(x: &Samples<'_>, rows: usize, columns: usize, name: &'static str) -> Result<()> {
    let got = (x.rows(), x.columns());
    if got == (rows, columns) {
        Ok(())
    } else {
        Err(wrong(name, (rows, columns), got))
    }
}

fn wrong(name: &'static str, expected: (usize, usize), got: (usize, usize)) -> Error {
    Error::Shape { name, expected, got }
}

fn length(name: &'static str, expected: usize, got: usize) -> Result<()> {
    if got == expected {
        Ok(())
    } else {
        Err(Error::Length { name, expected, got })
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array1, Array2, Axis, s};

    use super::*;

    fn wavy(rows: usize, columns: usize, step: usize) -> Array2<f64> {
        Array2::from_shape_fn((rows, columns), |(row, place)| ((step * row + 5 * place) % 23) as f64 * 0.3 - 3.0)
    }

    #[test]
    fn pieces_and_single_columns_let_go_as_the_whole_does() {
        let (rows, width) = (60, 3);
        let (values, trace) = (wavy(rows, width, 7), wavy(rows, width, 3));
        let known = Array2::from_shape_fn((rows, width), |(row, place)| (row + place) % 5 > 0);
        for each in [1, rows] {
            let free = Array2::from_shape_fn((each, width), |(row, place)| 0.5 + (row + place) as f64 * 0.01);
            let (mut off, mut whole) = (vec![0.0; width], vec![0.0; rows * width]);
            let (x, y) = (values.view().into(), trace.view().into());
            released(x, y, free.view().into(), known.view(), 0.1, &mut off, &mut whole).unwrap();
            assert!(off.iter().any(|&off| off != 0.0));
            for column in 0..width {
                let (mut own, mut found) = (vec![0.0], Vec::new());
                for (first, last) in [(0, 1), (1, 20), (20, 20), (20, rows)] {
                    let of = s![first..last, column..column + 1];
                    let (x, y) = (values.slice(of), trace.slice(of));
                    let room = if each == 1 { free.slice(s![.., column..column + 1]) } else { free.slice(of) };
                    let mut out = vec![0.0; last - first];
                    released(x.into(), y.into(), room.into(), known.slice(of), 0.1, &mut own, &mut out).unwrap();
                    found.extend(out);
                }
                assert_eq!(own[0], off[column]);
                assert_eq!(found, whole.iter().skip(column).step_by(width).copied().collect::<Vec<_>>());
            }
        }
    }

    #[test]
    fn what_is_taken_off_stays_off_and_is_forgotten_by_half() {
        // Value, quick mean, whether it is known; the mean within a room of 1, and what has been taken off it.
        let rows = [
            (3.0, 2.5, true, 3.0, 0.0),
            (2.0, 0.0, true, 1.0, -1.0),
            (1.5, 0.0, true, 1.0, -0.5),
            (2.5, -1.0, false, 1.0, -1.5),
            (-4.0, -1.0, true, -2.0, 2.0),
            (0.0, 0.0, true, 1.0, 1.0),
            (-1.0, 0.5, true, -0.5, 0.5),
            (0.0, 0.0, false, 0.5, 0.5),
        ];
        let free = ndarray::array![[1.0]];
        let mut off = [0.0];
        let mut step = |value: f64, quick: f64, known: bool| {
            let (values, trace, known) = ([[value]], [[quick]], ndarray::array![[known]]);
            let (values, trace) = (ndarray::arr2(&values), ndarray::arr2(&trace));
            let mut out = [9.0];
            let (x, y) = (values.view().into(), trace.view().into());
            released(x, y, free.view().into(), known.view(), 0.5, &mut off, &mut out).unwrap();
            (out[0], off[0])
        };
        for (value, quick, known, exact, left) in rows {
            assert_eq!(step(value, quick, known), (exact, left));
        }
        // Less than a thousandth of the room is forgotten.
        let mut left = 0.5;
        while left >= 1e-3 {
            left /= 2.0;
            assert_eq!(step(0.0, 0.0, true), (left, if left < 1e-3 { 0.0 } else { left }));
        }
        assert_eq!(step(0.0, 0.0, true), (0.0, 0.0));
        // Below as above, and of the greatest and the least number between.
        assert_eq!(step(-2.0, 0.5, true), (-1.0, 1.0));
        assert_eq!(step(9.0, 4.0, true), (5.0, -4.0));
    }

    #[test]
    fn a_level_is_the_mean_of_the_first_readings_and_follows_no_faster_than_it_may() {
        let x = Array1::from_iter((0..40).map(|row| if row < 30 { (row % 3) as f64 } else { 100.0 }));
        let x = x.insert_axis(Axis(1));
        let (mut level, mut count, mut gone, mut out) = ([0.0], [0.0], [0.0], [0.0; 40]);
        followed(x.view().into(), 0.1, &[2.0], &mut level, &mut count, &mut gone, &mut out).unwrap();
        for row in 1..10 {
            let mean = x.slice(s![..row, 0]).mean().unwrap();
            assert!((out[row] - mean).abs() < 1e-14);
        }
        for row in 31..40 {
            assert!((out[row] - out[row - 1] - 0.2).abs() < 1e-12);
        }
        assert_eq!(count, [40.0]);
        let (mut again, mut many, mut none, mut pieces) = ([0.0], [0.0], [0.0], Vec::new());
        for piece in x.axis_chunks_iter(Axis(0), 7) {
            let mut out = vec![0.0; piece.nrows()];
            followed(piece.into(), 0.1, &[2.0], &mut again, &mut many, &mut none, &mut out).unwrap();
            pieces.extend(out);
        }
        assert_eq!((pieces, again, many), (out.to_vec(), level, count));
    }

    fn levels(readings: &[f64], gain: f64, reach: f64) -> (Vec<f64>, [f64; 3]) {
        let (x, mut out) = (Array1::from(readings.to_vec()).insert_axis(Axis(1)), vec![0.0; readings.len()]);
        let (mut level, mut count, mut gone) = ([0.0], [0.0], [0.0]);
        followed(x.view().into(), gain, &[reach], &mut level, &mut count, &mut gone, &mut out).unwrap();
        (out, [level[0], count[0], gone[0]])
    }

    #[test]
    fn a_reading_far_from_the_only_one_before_takes_its_place() {
        assert_eq!(levels(&[100.0, 1.0, 2.0], 0.1, 5.0), (vec![100.0, 100.0, 1.0], [1.5, 2.0, 0.0]));
        assert_eq!(levels(&[1.0, 100.0, 2.0, 3.0], 0.1, 5.0).0, [1.0, 1.0, 100.0, 2.0]);
        // Where there are three it counts as one that is within reach.
        assert!((levels(&[1.0, 3.0, 100.0], 0.1, 5.0).1[0] - (2.0 + 5.0 / 3.0)).abs() < 1e-15);
    }

    #[test]
    fn missing_readings_have_gone_evenly_to_the_next_one_and_held_ones_move_nothing() {
        let (none, held) = (f64::NAN, f64::INFINITY);
        assert_eq!(levels(&[none, none, 1.0, none], 0.5, 9.0), (vec![0.0, 0.0, 1.0, 1.0], [1.0, 1.0, 1.0]));
        assert_eq!(levels(&[1.0, none, held, 3.0], 0.5, 9.0), (vec![1.0; 4], [2.0, 2.0, 0.0]));
        let (before, gain) = (vec![0.0; 60], 0.1);
        for (gone, reach) in [(1, 9.0), (7, 9.0), (300, 9.0), (40, 0.02)] {
            let steps = (1..=gone + 1).map(|step| 6.0 * step as f64 / (gone + 1) as f64);
            let filled: Vec<f64> = before.iter().copied().chain(steps).collect();
            let mut gaps = filled.clone();
            gaps[before.len()..before.len() + gone].fill(none);
            let ((of_filled, _), (of_gaps, after)) = (levels(&filled, gain, reach), levels(&gaps, gain, reach));
            assert!((of_filled.last().unwrap() - of_gaps.last().unwrap()).abs() < 1e-12, "{gone}");
            assert_eq!((after[1], after[2]), (61.0, 0.0));
            // In pieces the same.
            let (mut level, mut count, mut none, mut pieces) = ([0.0], [0.0], [0.0], Vec::new());
            for piece in Array1::from(gaps).insert_axis(Axis(1)).axis_chunks_iter(Axis(0), 11) {
                let mut out = vec![0.0; piece.nrows()];
                followed(piece.into(), gain, &[reach], &mut level, &mut count, &mut none, &mut out).unwrap();
                pieces.extend(out);
            }
            assert_eq!((pieces, [level[0], count[0], none[0]]), (of_gaps, after));
        }
    }

    #[test]
    fn other_shapes_are_refused() {
        let (x, known) = (Array2::<f64>::zeros((2, 3)), Array2::from_elem((2, 3), true));
        let wide = Array2::<f64>::zeros((2, 4));
        let (mut off, mut out) = ([0.0; 3], [0.0; 6]);
        let view = || x.view().into();
        assert!(released(view(), wide.view().into(), view(), known.view(), 0.1, &mut off, &mut out).is_err());
        assert!(released(view(), view(), wide.view().into(), known.view(), 0.1, &mut off, &mut out).is_err());
        assert!(released(view(), view(), view(), known.slice(s![..1, ..]), 0.1, &mut off, &mut out).is_err());
        assert!(released(view(), view(), view(), known.view(), 0.1, &mut off[..2], &mut out).is_err());
        assert!(released(view(), view(), view(), known.view(), 0.1, &mut off, &mut out[..5]).is_err());
        let (mut level, mut count, mut gone) = ([0.0; 3], [0.0; 3], [0.0; 3]);
        assert!(followed(view(), 0.1, &[1.0; 2], &mut level, &mut count, &mut gone, &mut out).is_err());
        assert!(followed(view(), 0.1, &[1.0; 3], &mut level, &mut count, &mut gone[..2], &mut out).is_err());
        assert!(followed(view(), 0.1, &[1.0; 3], &mut level, &mut count, &mut gone, &mut out[..5]).is_err());
        assert!(followed(view(), 0.1, &[1.0; 3], &mut level, &mut count, &mut gone, &mut out).is_ok());
    }
}
