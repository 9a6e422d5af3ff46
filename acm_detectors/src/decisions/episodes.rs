//! Episodes: stretches of time in which a score is high, with hysteresis, bridged gaps and a minimum length.

use acm_linalg::error::require;
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
/// A run starts at the first score >= `on` and ends before the first known score < `off`. Runs with at most `gap_rows` rows
/// between them are one episode. Then episodes of fewer than `min_rows` rows, gaps included, are dropped.
/// Missing scores change nothing: a run goes on, and so does a gap.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EpisodeRule {
    on: f64,
    off: f64,
    min_rows: u64,
    gap_rows: u64,
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
        })
    }

    /// What starts an episode.
    #[must_use]
    pub fn on(&self) -> f64 {
        self.on
    }

    /// What ends it.
    #[must_use]
    pub fn off(&self) -> f64 {
        self.off
    }

    /// Least rows of an episode.
    #[must_use]
    pub fn min_rows(&self) -> u64 {
        self.min_rows
    }

    /// Most rows between two runs of an episode.
    #[must_use]
    pub fn gap_rows(&self) -> u64 {
        self.gap_rows
    }

    fn worth(&self, episode: Episode) -> Option<Episode> {
        (episode.end - episode.start >= self.min_rows).then_some(episode)
    }
}

/// A stretch of rows in which the score was high.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Episode {
    /// The first row.
    pub start: u64,
    /// The row after the last one.
    pub end: u64,
    /// The highest score.
    pub peak: f64,
    /// The first row with it.
    pub peak_row: u64,
    /// Sum of score - off over the rows of its runs.
    pub area: f64,
}

/// Where the rule stands on scores that arrive bit by bit. Rows count from the first score it was given.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct EpisodeTrack {
    row: u64,
    /// Whether a run is on. The episode is then there.
    running: bool,
    episode: Option<Episode>,
}

impl EpisodeTrack {
    /// The next scores; `found` gets the episodes that nothing can prolong any more, in their order.
    ///
    /// With those of [`Self::open`] after the last scores they are the episodes of the whole history.
    ///
    /// # Errors
    /// [`Error::Shape`] unless there is one column; [`Error::Interrupted`]. Track and `found` are then as they were.
    pub fn update(&mut self, rule: &EpisodeRule, score: Samples<'_>, found: &mut Vec<Episode>) -> Result<()> {
        require_one(score, "score")?;
        let (mut track, told) = (self.clone(), found.len());
        let mut watch = Watch::start();
        for row in 0..score.rows() {
            if row.is_multiple_of(LOOK)
                && let Err(stopped) = watch.look()
            {
                found.truncate(told);
                return Err(stopped);
            }
            track.step(rule, score.value(row, 0), found);
        }
        *self = track;
        Ok(())
    }

    fn step(&mut self, rule: &EpisodeRule, score: f64, found: &mut Vec<Episode>) {
        let row = self.row;
        self.row += 1;
        if score.is_finite() {
            let level = if self.running { rule.off } else { rule.on };
            self.running = score >= level;
        }
        if self.running {
            let episode = self.episode.get_or_insert(Episode {
                start: row,
                end: row,
                peak: score,
                peak_row: row,
                area: 0.0,
            });
            episode.end = self.row;
            if score.is_finite() {
                episode.area = (episode.area + (score - rule.off)).min(f64::MAX);
                if score > episode.peak {
                    (episode.peak, episode.peak_row) = (score, row);
                }
            }
        } else if let Some(episode) = self.episode
            && row - episode.end >= rule.gap_rows
        {
            self.episode = None;
            found.extend(rule.worth(episode));
        }
    }

    /// The episode that more scores may yet prolong, if it is long enough already.
    #[must_use]
    pub fn open(&self, rule: &EpisodeRule) -> Option<Episode> {
        self.episode.and_then(|episode| rule.worth(episode))
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
    }

    fn read(from: &Reader<'_>) -> Result<Self> {
        let (levels, lengths) = (from.reals("levels", 2)?, from.counts("lengths", 2)?);
        let (&[on, off], &[min_rows, gap_rows]) = (&levels[..], &lengths[..]) else {
            return Err(from.wrong("levels"));
        };
        from.require(on.is_finite() && off.is_finite() && off <= on, "levels")?;
        from.require(min_rows >= 1, "lengths")?;
        Ok(Self {
            on,
            off,
            min_rows,
            gap_rows,
        })
    }
}

impl Memory for EpisodeTrack {
    fn write(&self, to: &mut Writer) {
        if self.row == 0 {
            return;
        }
        to.counts("live.rows", &[self.row, u64::from(self.running)]);
        if let Some(episode) = self.episode {
            to.counts("live.episode", &[episode.start, episode.end, episode.peak_row]);
            to.reals("live.scores", &[episode.peak, episode.area]);
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
        from.require(row < u64::MAX / 2, "live.rows")?;
        let mut episode = None;
        if from.has("live.episode") {
            let (rows, scores) = (from.counts("live.episode", 3)?, from.reals("live.scores", 2)?);
            let (&[start, end, peak_row], &[peak, area]) = (&rows[..], &scores[..]) else {
                return Err(from.wrong("live.episode"));
            };
            from.require(start <= peak_row && peak_row < end && end <= row, "live.episode")?;
            from.require(peak.is_finite() && area.is_finite() && area >= 0.0, "live.scores")?;
            episode = Some(Episode {
                start,
                end,
                peak,
                peak_row,
                area,
            });
        }
        let last = episode.map(|episode| episode.end);
        from.require(!running || last == Some(row), "live.rows")?;
        Ok(Self { row, running, episode })
    }
}
