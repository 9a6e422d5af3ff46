//! Rows far from the others: those that come back alike are a state, the rest is bad.

use acm_linalg::memory::{Gather, push};
use acm_linalg::samples::room;
use acm_linalg::{Result, Samples};

use super::cells::Marks;
use super::robust::Found;
use super::{Kind, State, WHAT};
use crate::limits::chi2_upper;

/// A row beyond is far by itself.
const ALONE: f64 = 8.0;

/// So many rows in a row beyond this are.
pub(super) const TOGETHER: f64 = 5.0;
pub(super) const RUN: usize = 3;

/// From here on a gap among the distances parts what is far.
const LEAST_CUT: f64 = 4.0;

/// States that are looked for, at most.
const MOST_GROUPS: usize = 64;

/// Rows of a state at least, and of so many rows one.
const FEWEST: usize = 8;
const ONE_IN: usize = 500;

/// Standard deviations by which a sensor has moved.
const MOVED: f64 = 3.0;

/// A share of the rows above which rows that come again and again are no accident.
const OFTEN: f64 = 0.06;

/// A group that makes up this share of the running rows from its first to its last has come once.
const ONCE: f64 = 0.5;

/// What is left of a group's squared distance without one sensor is less than this share of it where that sensor alone is off.
pub(super) const REST: f64 = 0.25;

/// Share of the far rows around it that a state's own make up: a drift goes on beyond any group of its rows.
const OWN: f64 = 0.6;

/// Marks the rows that are left out, and those of states, of those that are not `once` as they are.
pub(super) fn states(
    x: Samples<'_>,
    marks: &Marks,
    (found, once): (&Found, &[bool]),
    kinds: &mut [Kind],
    states: &mut Vec<State>,
) -> Result<()> {
    let mut far = far_rows(marks.rows(), found)?;
    far.iter_mut().zip(once).for_each(|(far, once)| *far &= !once);
    if !far.contains(&true) {
        return Ok(());
    }
    let width = found.columns.len();
    let lower = found.whitening.matrix()?;
    let (groups, mut watch) = (grouped(found, &far, &lower)?, acm_linalg::parallel::Watch::start());
    for (place, &row) in found.rows.iter().enumerate() {
        if far[place] {
            kinds[row] = Kind::Left;
        }
    }
    let least = FEWEST.max(x.rows().div_ceil(ONE_IN));
    let grouped = groups.iter().filter(|group| group.members.len() >= least);
    let mut taken = room(far.len(), 1, false, WHAT)?;
    for &member in grouped.clone().flat_map(|group| &group.members) {
        taken[member] = true;
    }
    for group in grouped {
        watch.look()?;
        let spread = group.spread(width);
        let moved = group.moved(found);
        let (episodes, around) = group.episodes(found, &far)?;
        let own = group.members.len() as f64 / around.len().max(1) as f64;
        let length = group.members.len() as f64 / episodes as f64;
        let alike = spread <= 4.0 * width as f64 && group.distinct(found)? * 2 > group.members.len();
        let state = own >= OWN
            && ((4 * moved > width && (length >= 3.0 || episodes >= FEWEST)) || (episodes >= 2 && length >= 5.0));
        if !alike {
            continue;
        }
        let often = group.members.len() as f64 > OFTEN * x.rows() as f64 && episodes >= FEWEST;
        if !state && group.once() && group.one_sensor(&lower, width) {
            // No way to run changes what one sensor alone reads, once and for a while.
            group.members.iter().for_each(|&member| kinds[found.rows[member]] = Kind::Once);
            continue;
        }
        if moved == 0 || (often && !state) {
            // Each sensor reads what it often reads, or it happens all the time: a way to run.
            group.members.iter().for_each(|&member| kinds[found.rows[member]] = Kind::Good);
            continue;
        }
        if !state {
            group.members.iter().for_each(|&member| kinds[found.rows[member]] = Kind::Alike);
            continue;
        }
        let number = states.len();
        // Lone rows in its midst are of it.
        let all = around.iter().filter(|&&row| !taken[row]).chain(&group.members).copied();
        let mut all = all.gathered(WHAT)?;
        all.sort_unstable();
        for &member in &all {
            kinds[found.rows[member]] = Kind::State(number);
        }
        let rows = all.iter().map(|&member| found.rows[member]);
        push(states, state_of(x, marks, rows, false)?, WHAT)?;
    }
    Ok(())
}

/// The rows in which the machine stands still, by what the sensors read there.
pub(super) fn standstill(x: Samples<'_>, marks: &Marks, kinds: &mut [Kind], states: &mut Vec<State>) -> Result<()> {
    let rows = marks.rows();
    let still = (0..rows).filter(|&row| marks.still(row) && kinds[row] == Kind::Good).gathered(WHAT)?;
    let mut groups: Vec<(usize, Vec<usize>)> = Vec::new();
    let alike = |one: usize, other: usize| {
        (0..x.columns()).all(|column| {
            let sensor = &marks.sensors[column];
            let known = marks.sound(one, column) && marks.sound(other, column);
            !known || !sensor.moves || (x.value(one, column) - x.value(other, column)).abs() <= sensor.scale()
        })
    };
    for &row in &still {
        match groups.iter().position(|group| alike(group.0, row)) {
            Some(number) => push(&mut groups[number].1, row, WHAT)?,
            None if groups.len() < MOST_GROUPS => {
                let mut members = Vec::new();
                push(&mut members, row, WHAT)?;
                push(&mut groups, (row, members), WHAT)?;
            }
            None => {}
        }
    }
    let least = FEWEST.max(rows.div_ceil(ONE_IN));
    for (_, members) in groups.iter().filter(|group| group.1.len() >= least) {
        let number = states.len();
        members.iter().for_each(|&row| kinds[row] = Kind::State(number));
        push(states, state_of(x, marks, members.iter().copied(), true)?, WHAT)?;
    }
    Ok(())
}

fn state_of(x: Samples<'_>, marks: &Marks, rows: impl Iterator<Item = usize> + Clone, still: bool) -> Result<State> {
    let mut center = room(x.columns(), 1, f64::NAN, WHAT)?;
    for (column, center) in center.iter_mut().enumerate() {
        let sound = || rows.clone().filter(|&row| marks.sound(row, column)).map(|row| x.value(row, column));
        let count = sound().count();
        if count > 0 {
            let first = sound().next().unwrap_or(0.0);
            *center = first + sound().map(|value| (value - first) / count as f64).sum::<f64>();
        }
    }
    Ok(State {
        rows: rows.count(),
        still,
        center,
    })
}

/// Which of the running rows are far.
fn far_rows(rows: usize, found: &Found) -> Result<Vec<bool>> {
    let cut = cut(&found.far);
    let mut flags = found.far.iter().map(|&far| far > cut).gathered(WHAT)?;
    let mut start = 0;
    for place in 0..=found.far.len() {
        let follows = place > start && place < found.far.len() && found.rows[place] == found.rows[place - 1] + 1;
        let goes_on = place < found.far.len() && found.far[place] > TOGETHER && (place == start || follows);
        if goes_on {
            continue;
        }
        if place >= start + RUN {
            flags[start..place].fill(true);
        }
        // This row may begin another run.
        let begins = place < found.far.len() && found.far[place] > TOGETHER;
        start = if begins { place } else { place + 1 };
    }
    debug_assert!(found.rows.len() <= rows);
    Ok(flags)
}

/// Where few rows lie just below many that are farther: there the healthy ones end.
fn cut(far: &[f64]) -> f64 {
    let mut cut = LEAST_CUT;
    while cut < ALONE {
        let beyond = far.iter().filter(|&&far| far > cut + 0.5).count();
        let between = far.iter().filter(|&&far| far > cut - 0.5).count() - beyond;
        if beyond >= FEWEST && 5 * between <= beyond {
            return cut;
        }
        cut += 0.25;
    }
    ALONE
}

/// Far rows that are near each other.
struct Group {
    /// Places among the running rows, rising, and where each lies, whitened.
    members: Vec<usize>,
    points: Vec<f64>,
}

fn grouped(found: &Found, far: &[bool], lower: &[f64]) -> Result<Vec<Group>> {
    let width = found.columns.len();
    let radius = 2.0 * chi2_upper(width as f64, 0.001);
    let mut groups: Vec<Group> = Vec::new();
    let mut point = room(width, 1, 0.0, WHAT)?;
    let mut watch = acm_linalg::parallel::Watch::start();
    for place in (0..far.len()).filter(|&place| far[place]) {
        watch.after(width * width)?;
        let row = &found.z[place * width..(place + 1) * width];
        for (to, line) in point.iter_mut().zip(lower.chunks_exact(width)) {
            *to = line.iter().zip(row).zip(&found.mean).map(|((l, z), m)| l * (z - m)).sum();
        }
        // To the first member of each.
        let near = groups.iter().map(|group| {
            let leader = &group.points[..width];
            leader.iter().zip(&point).map(|(one, other)| (one - other) * (one - other)).sum::<f64>()
        });
        let nearest = near.enumerate().min_by(|one, other| one.1.total_cmp(&other.1));
        let group = match nearest {
            Some((number, distance)) if distance <= radius => &mut groups[number],
            _ if groups.len() < MOST_GROUPS => {
                let fresh = Group {
                    members: Vec::new(),
                    points: Vec::new(),
                };
                push(&mut groups, fresh, WHAT)?;
                let last = groups.len() - 1;
                &mut groups[last]
            }
            _ => continue,
        };
        push(&mut group.members, place, WHAT)?;
        acm_linalg::memory::extend(&mut group.points, point.iter().copied(), WHAT)?;
    }
    Ok(groups)
}

impl Group {
    /// Mean squared distance from the group's own centre.
    fn spread(&self, width: usize) -> f64 {
        let count = self.members.len() as f64;
        (0..width)
            .map(|place| {
                let values = || self.points.iter().skip(place).step_by(width);
                let mean = values().sum::<f64>() / count;
                values().map(|value| (value - mean) * (value - mean)).sum::<f64>() / count
            })
            .sum()
    }

    /// Whether it has come in one stretch.
    fn once(&self) -> bool {
        let ends = self.members.first().zip(self.members.last());
        ends.is_some_and(|(first, last)| self.members.len() as f64 >= ONCE * (last - first + 1) as f64)
    }

    /// Whether its centre is a usual row but for one sensor, by what the others let expect; `lower` is the whitening.
    fn one_sensor(&self, lower: &[f64], width: usize) -> bool {
        let count = self.members.len() as f64;
        let center = |place: usize| self.points.iter().skip(place).step_by(width).sum::<f64>() / count;
        let square = (0..width).map(|place| center(place).powi(2)).sum::<f64>();
        // The whitened direction of a sensor is a column of the whitening.
        let along = |sensor: usize| {
            let parts = (sensor..width).map(|place| (lower[place * width + sensor], center(place)));
            let (dot, length) = parts.fold((0.0, 0.0), |(dot, length), (l, c)| (dot + l * c, length + l * l));
            dot * dot / length
        };
        let rest = square - (0..width).map(along).fold(0.0, f64::max);
        rest <= REST * square && rest <= chi2_upper(width as f64, 0.001)
    }

    /// How many sensors are elsewhere than in healthy rows.
    fn moved(&self, found: &Found) -> usize {
        let width = found.columns.len();
        let moved = |&place: &usize| {
            let values = self.members.iter().map(|&member| found.z[member * width + place]);
            let mean = values.sum::<f64>() / self.members.len() as f64;
            (mean - found.mean[place]).abs() > MOVED * found.covariance[place * (width + 1)].sqrt()
        };
        (0..width).filter(moved).count()
    }

    /// How often the group comes, and the far rows that hang together with its own, these among them.
    fn episodes(&self, found: &Found, far: &[bool]) -> Result<(usize, Vec<usize>)> {
        let next = |one: usize, other: usize| found.rows[other] - found.rows[one] == other - one;
        let (mut episodes, mut around, mut last) = (0, Vec::new(), 0);
        for &member in &self.members {
            if member < last {
                continue;
            }
            // From the first to the last far row that hangs together with this one, a single near row between.
            let linked = |one: usize, step: usize| far.get(one + step).is_some_and(|&far| far) && next(one, one + step);
            let mut start = member;
            while start > last
                && ((far[start - 1] && next(start - 1, start))
                    || (start > last + 1 && far[start - 2] && next(start - 2, start)))
            {
                start -= if far[start - 1] { 1 } else { 2 };
            }
            let mut end = member;
            while linked(end, 1) || linked(end, 2) {
                end += if linked(end, 1) { 1 } else { 2 };
            }
            episodes += 1;
            acm_linalg::memory::extend(&mut around, (start..=end).filter(|&row| far[row]), WHAT)?;
            last = end + 1;
        }
        Ok((episodes, around))
    }

    /// How many of the rows differ.
    fn distinct(&self, found: &Found) -> Result<usize> {
        let width = found.columns.len();
        let row = |member: usize| &found.z[member * width..(member + 1) * width];
        let mut order = acm_linalg::memory::copied(&self.members, WHAT)?;
        let compare = |one: &usize, other: &usize| {
            let pairs = row(*one).iter().zip(row(*other));
            let first = pairs.map(|(one, other)| one.total_cmp(other)).find(|order| order.is_ne());
            first.unwrap_or(std::cmp::Ordering::Equal)
        };
        order.sort_unstable_by(compare);
        Ok(order.chunk_by(|one, other| compare(one, other).is_eq()).count())
    }
}

#[cfg(test)]
mod of_rows;
#[cfg(test)]
mod tests {
    use acm_linalg::dense::cholesky;

    use super::*;
    use crate::gaps::invert;

    const WIDTH: usize = 4;

    fn group(points: &[[f64; WIDTH]]) -> Group {
        Group {
            members: (0..points.len()).collect(),
            points: points.concat(),
        }
    }

    #[test]
    fn a_group_off_in_one_sensor_is_told_from_one_off_in_two() {
        let correlation = |one: usize, other: usize| 0.6_f64.powi(i32::try_from(one.abs_diff(other)).unwrap());
        let covariance: Vec<f64> = (0..WIDTH * WIDTH).map(|place| correlation(place / WIDTH, place % WIDTH)).collect();
        let lower = invert(&cholesky(&covariance, WIDTH, "x").unwrap(), WIDTH).unwrap();
        let one_sensor = |off: &[(usize, f64)]| {
            let mut z = [0.0; WIDTH];
            off.iter().for_each(|&(sensor, value)| z[sensor] = value);
            let white: [f64; WIDTH] =
                std::array::from_fn(|row| (0..WIDTH).map(|place| lower[row * WIDTH + place] * z[place]).sum());
            // About its centre.
            let points: Vec<_> = (-3..=3).map(|step| white.map(|value| value + 0.3 * f64::from(step))).collect();
            group(&points).one_sensor(&lower, WIDTH)
        };
        for sensor in 0..WIDTH {
            assert!(one_sensor(&[(sensor, 9.0)]));
            assert!(one_sensor(&[(sensor, -90.0)]));
            for other in sensor + 1..WIDTH {
                assert!(!one_sensor(&[(sensor, 9.0), (other, -9.0)]), "{sensor} {other}");
            }
        }
        // A usual row is near, whatever its share, and what is left is a small share.
        assert!(one_sensor(&[(0, 4.0), (3, 1.0)]));
        assert!(!one_sensor(&[(0, 4.0), (3, 3.0)]));
        assert!(!one_sensor(&[(0, 40.0), (3, 4.0)]));
    }

    #[test]
    fn the_spread_is_half_of_the_mean_square_between_two_rows() {
        let points = [
            [1.0, 2.0, -3.0, 0.5],
            [0.0, 7.0, 1.0, 0.25],
            [4.0, -2.0, 2.0, 9.0],
            [1.5, 1.0, 1.0, -3.0],
            [-1.0, 2.0, 8.0, 0.0],
        ];
        let between = |one: &[f64; WIDTH], other: &[f64; WIDTH]| -> f64 {
            one.iter().zip(other).map(|(one, other)| (one - other).powi(2)).sum()
        };
        let all: f64 = points.iter().flat_map(|one| points.iter().map(move |other| between(one, other))).sum();
        assert!((group(&points).spread(WIDTH) - 0.5 * all / 25.0).abs() < 1e-12);
        assert_eq!(group(&points[..1]).spread(WIDTH), 0.0);
    }

    #[test]
    fn a_group_has_come_once_where_half_of_its_rows_are_its_own() {
        let once = |members: &[usize]| {
            Group {
                members: members.to_vec(),
                points: Vec::new(),
            }
            .once()
        };
        assert!(!once(&[]));
        assert!(once(&[17]));
        assert!(once(&[100, 101, 102]));
        assert!(once(&[100, 103]));
        assert!(once(&[10, 11, 13, 15]));
        assert!(once(&[10, 11, 14, 17]));
        assert!(!once(&[10, 11, 14, 18]));
        assert!(!once(&[100, 104]));
    }

    #[test]
    fn healthy_rows_end_where_few_lie_below_many() {
        let near = (0..200).map(|row| f64::from(row) * 0.016);
        let with = |more: &[(f64, usize)]| {
            let far = more.iter().flat_map(|&(value, count)| std::iter::repeat_n(value, count));
            cut(&near.clone().chain(far).collect::<Vec<_>>())
        };
        assert_eq!(with(&[]), 8.0);
        assert_eq!(with(&[(5.1, 8)]), 4.0);
        assert_eq!(with(&[(5.1, 7)]), 8.0);
        assert_eq!(with(&[(30.0, 8)]), 4.0);
        // One in five between is few.
        assert_eq!(with(&[(6.1, 10), (4.2, 2)]), 4.0);
        assert_eq!(with(&[(6.1, 10), (4.2, 3)]), 4.75);
        // Of those within half of a deviation.
        assert_eq!(with(&[(6.1, 10), (3.5, 3)]), 4.0);
        assert_eq!(with(&[(6.1, 10), (3.6, 3)]), 4.25);
        assert_eq!(with(&[(7.9, 9), (7.4, 30)]), 4.0);
    }
}
