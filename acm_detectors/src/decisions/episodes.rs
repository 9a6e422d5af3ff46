//! Episodes: stretches of time in which a score is high, with hysteresis, bridged gaps and a minimum length.

use acm_linalg::error::require;
use acm_linalg::memory::push;
use acm_linalg::parallel::Watch;
use acm_linalg::{Error, Memory, Persist, Reader, Result, Samples, Writer};

/// Rows between two looks at interrupts.
const LOOK: usize = 65_536;

/// `Ok` where there is one column.
pub(super) fn require_one(score: Samples<'_>, name: &'static str) -> Result<()> {
    if score.columns() == 1 {
        return Ok(());
    }
    Err(Error::Shape {
        name,
        expected: (score.rows(), 1),
        got: (score.rows(), score.columns()),
    })
}

/// When an episode begins, ends, goes on after a gap and is worth telling.
///
/// A run starts at the first score > `on` and ends before the first known score <= `off`. Two runs are one episode where at
/// most `gap_rows` rows, or at most `gap_time`, lie between them. Then episodes are dropped that have fewer than `min_rows`
/// known rows, or last less than `min_time`; bridged gaps count.
///
/// NaN is missing: it neither starts nor ends a run, does not count as one of its rows, and the time since the row before
/// does not count either. A gap is as long with missing rows in it as without: they do not tell that the score was high.
/// Infinite scores are known: +inf is above every level, -inf below.
///
/// Times are stamps: between two runs lies the time from the last row of the one to the first row of the other, and an
/// episode lasts from its first row to its last one.
///
/// # Examples
///
/// ```
/// use acm_detectors::decisions::{EpisodeRule, EpisodeTrack};
/// use ndarray::array;
///
/// # fn main() -> acm_linalg::Result<()> {
/// // Begins above 3, goes on above 1, bridges a gap of one row.
/// let rule = EpisodeRule::new(3.0, 1.0, 2, 1)?;
/// let (mut track, mut found) = (EpisodeTrack::default(), Vec::new());
/// let score = array![[0.0], [4.0], [2.0], [0.0], [5.0], [0.0], [0.0]];
/// track.update(&rule, score.view().into(), None, &mut found)?;
/// assert_eq!((found[0].start, found[0].end, found[0].peak), (1, 5, 5.0));
/// assert_eq!(found.len(), 1);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EpisodeRule {
    on: f64,
    off: f64,
    min_rows: u64,
    gap_rows: u64,
    min_time: Option<u64>,
    gap_time: Option<u64>,
}

impl EpisodeRule {
    /// # Errors
    /// [`Error::Parameter`] unless `on` and `off` are finite and `min_rows` is at least 1; [`Error::AboveLimit`] where `off`
    /// is above `on`.
    pub fn new(on: f64, off: f64, min_rows: usize, gap_rows: usize) -> Result<Self> {
        require(on.is_finite(), "on", "finite", on)?;
        require(off.is_finite(), "off", "finite", off)?;
        require(min_rows >= 1, "min_rows", "at least 1", min_rows)?;
        if off > on {
            return Err(Error::AboveLimit {
                name: "off",
                limit_name: "on",
                limit: on.into(),
                value: off.into(),
            });
        }
        Ok(Self {
            on,
            off,
            min_rows: min_rows as u64,
            gap_rows: gap_rows as u64,
            min_time: None,
            gap_time: None,
        })
    }

    /// With durations in the unit of the times: how long an episode lasts at least, and how much time lies between two runs of
    /// an episode at most.
    #[must_use]
    pub fn lasting(self, min_time: Option<u64>, gap_time: Option<u64>) -> Self {
        Self {
            min_time,
            gap_time,
            ..self
        }
    }

    /// What a score must exceed to start an episode.
    #[must_use]
    pub fn on(&self) -> f64 {
        self.on
    }

    /// What it must exceed for the episode to go on.
    #[must_use]
    pub fn off(&self) -> f64 {
        self.off
    }

    /// Least known rows of an episode.
    #[must_use]
    pub fn min_rows(&self) -> u64 {
        self.min_rows
    }

    /// Most rows between two runs of an episode.
    #[must_use]
    pub fn gap_rows(&self) -> u64 {
        self.gap_rows
    }

    /// How long an episode lasts at least.
    #[must_use]
    pub fn min_time(&self) -> Option<u64> {
        self.min_time
    }

    /// How much time lies between two runs of an episode at most, where there are more than `gap_rows` rows.
    #[must_use]
    pub fn gap_time(&self) -> Option<u64> {
        self.gap_time
    }

    fn worth(&self, open: &Open) -> Option<Episode> {
        let enough = open.counted.rows >= self.min_rows && self.min_time.is_none_or(|least| open.counted.time >= least);
        enough.then_some(open.episode)
    }

    /// Whether a run that starts at `row` would still be of the episode.
    fn bridges(&self, open: &Open, row: u64, time: i64) -> bool {
        row - open.episode.end <= self.gap_rows || self.gap_time.is_some_and(|most| time.abs_diff(open.last) <= most)
    }
}

/// A stretch of rows in which the score was high.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Episode {
    /// The first row.
    pub start: u64,
    /// The row after the last one that is known to be of it.
    pub end: u64,
    /// The highest score.
    pub peak: f64,
    /// The first row with it.
    pub peak_row: u64,
    /// Sum of score - off over the known rows of its runs, at most the greatest number.
    pub area: f64,
}

/// Known rows, and the time from the row before each of them.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Counted {
    rows: u64,
    time: u64,
}

impl Counted {
    fn add(&mut self, other: Self) {
        self.rows = self.rows.saturating_add(other.rows);
        self.time = self.time.saturating_add(other.time);
    }
}

/// An episode that more scores may yet prolong.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Open {
    episode: Episode,
    /// Up to its end.
    counted: Counted,
    /// Since then.
    since: Counted,
    /// When its last row was.
    last: i64,
}

/// Where the rule stands on scores that arrive bit by bit. Rows count from the first score it was given.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct EpisodeTrack {
    row: u64,
    /// When the last row was, as far as that was told.
    time: Option<i64>,
    /// Whether a run is on. The episode is then there.
    running: bool,
    open: Option<Open>,
}

impl EpisodeTrack {
    /// The next scores, with their times where the rule has durations; `found` gets the episodes that nothing can prolong any
    /// more, in their order.
    ///
    /// With those of [`Self::open`] after the last scores they are the episodes of the whole history.
    ///
    /// # Errors
    /// [`Error::Shape`] unless there is one column; [`Error::Unfit`] naming `times` where the rule needs them;
    /// [`Error::Length`] for times of another number; [`Error::Unsorted`] where they go back, from the last row of the scores
    /// before too; [`Error::Memory`]; [`Error::Interrupted`]. Track and `found` are then as they were.
    pub fn update(
        &mut self,
        rule: &EpisodeRule,
        score: Samples<'_>,
        times: Option<&[i64]>,
        found: &mut Vec<Episode>,
    ) -> Result<()> {
        require_one(score, "score")?;
        if times.is_none() && (rule.min_time.is_some() || rule.gap_time.is_some()) {
            return Err(Error::Unfit {
                name: "times",
                requirement: "a stamp for each score where `min_time` or `gap_time` is given",
            });
        }
        if let Some(times) = times.filter(|times| times.len() != score.rows()) {
            return Err(Error::Length {
                name: "times",
                expected: score.rows(),
                got: times.len(),
            });
        }
        let (mut track, told) = (self.clone(), found.len());
        let followed = track.follow(rule, score, times, found);
        match followed {
            Ok(()) => *self = track,
            Err(_) => found.truncate(told),
        }
        followed
    }

    fn follow(
        &mut self,
        rule: &EpisodeRule,
        score: Samples<'_>,
        times: Option<&[i64]>,
        found: &mut Vec<Episode>,
    ) -> Result<()> {
        let mut watch = Watch::start();
        for row in 0..score.rows() {
            if row.is_multiple_of(LOOK) {
                watch.look()?;
            }
            let time = times.map(|times| times[row]);
            if time.is_some_and(|time| self.time.is_some_and(|last| time < last)) {
                return Err(Error::Unsorted {
                    name: "times",
                    row: usize::try_from(self.row).unwrap_or(usize::MAX),
                });
            }
            if let Some(episode) = self.step(rule, score.value(row, 0), time) {
                push(found, episode, "the episodes")?;
            }
        }
        Ok(())
    }

    /// Takes the next score; the episode that is over by it and worth telling, if there is one.
    fn step(&mut self, rule: &EpisodeRule, score: f64, time: Option<i64>) -> Option<Episode> {
        let row = self.row;
        let now = time.unwrap_or(0);
        let passed = match (self.time, time) {
            (Some(last), Some(now)) => now.abs_diff(last),
            _ => 0,
        };
        self.row += 1;
        self.time = time.or(self.time);
        let (went_on, known) = (self.running, !score.is_nan());
        if known {
            self.running = score > if went_on { rule.off } else { rule.on };
            if let Some(open) = &mut self.open {
                open.since.add(Counted { rows: 1, time: passed });
            }
        }
        // A run that starts may be too late for the episode before it, and with any other row the next one may be.
        let next = row + u64::from(!self.running);
        let over = if went_on && self.running {
            None
        } else {
            self.open.take_if(|open| !rule.bridges(open, next, now))
        };
        if known && self.running {
            let open = self.open.get_or_insert(Open {
                episode: Episode {
                    start: row,
                    end: row,
                    peak: score,
                    peak_row: row,
                    area: 0.0,
                },
                counted: Counted::default(),
                since: Counted { rows: 1, time: 0 },
                last: now,
            });
            open.counted.add(std::mem::take(&mut open.since));
            open.last = now;
            let episode = &mut open.episode;
            episode.end = self.row;
            episode.area = (episode.area + (score - rule.off)).min(f64::MAX);
            if score > episode.peak {
                (episode.peak, episode.peak_row) = (score, row);
            }
        }
        over.and_then(|open| rule.worth(&open))
    }

    /// The episode that more scores may yet prolong, if it is long enough already.
    #[must_use]
    pub fn open(&self, rule: &EpisodeRule) -> Option<Episode> {
        self.open.and_then(|open| rule.worth(&open))
    }

    /// Whether the score is high now: a run is on.
    #[must_use]
    pub fn running(&self) -> bool {
        self.running
    }

    /// Scores seen.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.row
    }
}

impl Persist for EpisodeRule {
    const KIND: &'static str = "EpisodeTracker";
    const VERSION: u64 = 2;

    fn write(&self, to: &mut Writer) {
        to.reals("levels", &[self.on, self.off]);
        to.counts("lengths", &[self.min_rows, self.gap_rows]);
        if let Some(time) = self.min_time {
            to.count("min_time", time);
        }
        if let Some(time) = self.gap_time {
            to.count("gap_time", time);
        }
    }

    fn read(from: &Reader<'_>) -> Result<Self> {
        let (levels, lengths) = (from.reals("levels", 2)?, from.counts("lengths", 2)?);
        let (&[on, off], &[min_rows, gap_rows]) = (&levels[..], &lengths[..]) else {
            return Err(from.wrong("levels"));
        };
        from.require(on.is_finite() && off.is_finite() && off <= on, "levels")?;
        from.require(min_rows >= 1, "lengths")?;
        let time = |name| if from.has(name) { from.count(name).map(Some) } else { Ok(None) };
        Ok(Self {
            on,
            off,
            min_rows,
            gap_rows,
            min_time: time("min_time")?,
            gap_time: time("gap_time")?,
        })
    }
}

impl Memory for EpisodeTrack {
    fn write(&self, to: &mut Writer) {
        if self.row == 0 {
            return;
        }
        to.counts("live.rows", &[self.row, u64::from(self.running)]);
        if let Some(time) = self.time {
            to.count("live.time", time.cast_unsigned());
        }
        if let Some(open) = self.open {
            let Open {
                episode,
                counted,
                since,
                last,
            } = open;
            to.counts("live.episode", &[episode.start, episode.end, episode.peak_row]);
            to.reals("live.scores", &[episode.peak, episode.area]);
            let counts = [counted.rows, counted.time, since.rows, since.time, last.cast_unsigned()];
            to.counts("live.counted", &counts);
        }
    }

    fn read(from: &Reader<'_>) -> Result<Self> {
        if !from.has("live.rows") {
            return Ok(Self::default());
        }
        let rows = from.counts("live.rows", 2)?;
        let &[row, running] = &rows[..] else {
            return Err(from.wrong("live.rows"));
        };
        let running = running == 1;
        from.require(row > 0 && row < u64::MAX / 2, "live.rows")?;
        let time = if from.has("live.time") {
            Some(from.count("live.time")?.cast_signed())
        } else {
            None
        };
        let open = if from.has("live.episode") { Some(Open::read(from, row)?) } else { None };
        from.require(!running || open.is_some(), "live.rows")?;
        Ok(Self {
            row,
            time,
            running,
            open,
        })
    }

    fn copy(&self) -> Result<Self> {
        Ok(self.clone())
    }
}

impl Open {
    /// After `row` scores.
    fn read(from: &Reader<'_>, row: u64) -> Result<Self> {
        let (rows, scores) = (from.counts("live.episode", 3)?, from.reals("live.scores", 2)?);
        let (&[start, end, peak_row], &[peak, area]) = (&rows[..], &scores[..]) else {
            return Err(from.wrong("live.episode"));
        };
        from.require(start <= peak_row && peak_row < end && end <= row, "live.episode")?;
        let sound = peak > f64::NEG_INFINITY && area.is_finite() && area >= 0.0;
        from.require(sound, "live.scores")?;
        let counted = if from.has("live.counted") {
            from.counts("live.counted", 5)?
        } else {
            // The first format: missing rows counted then.
            vec![end - start, 0, row - end, 0, 0]
        };
        let &[rows, time, since_rows, since_time, last] = &counted[..] else {
            return Err(from.wrong("live.counted"));
        };
        let sound = (1..=end - start).contains(&rows) && since_rows <= row - end;
        from.require(sound, "live.counted")?;
        Ok(Self {
            episode: Episode {
                start,
                end,
                peak,
                peak_row,
                area,
            },
            counted: Counted { rows, time },
            since: Counted {
                rows: since_rows,
                time: since_time,
            },
            last: last.cast_signed(),
        })
    }
}
