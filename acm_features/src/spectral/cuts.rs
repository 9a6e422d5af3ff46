//! A tile's rows, cut where blocks meet.

use std::ops::Range;

use acm_linalg::columns::Tile;

/// Adjacent rows of a tile in one block, each of which has a whole window in some lane.
#[derive(Debug, Clone)]
pub(super) struct Cut {
    /// Index in the tile's `x` of the block's first row.
    pub(super) block: usize,
    /// The rows, counted from the block's first.
    pub(super) rows: Range<usize>,
    /// The first one's place in the tile's results.
    pub(super) place: usize,
    /// Rows of a block.
    pub(super) window: usize,
}

impl Cut {
    /// Index in the tile's `x` of the first row that a window looks at; the older block's rows end at `block`.
    pub(super) fn oldest(&self) -> usize {
        self.block + self.rows.start + 1 - self.window
    }
}

/// The cuts of a tile, oldest first.
pub(super) fn cuts(tile: &Tile<'_>, window: usize) -> impl Iterator<Item = Cut> {
    let latest = tile.start[..tile.lanes].iter().max().copied().unwrap_or(0);
    let first_whole = tile.lead + (window - 1 + tile.late).saturating_sub(latest);
    let (length, lead) = (tile.x.len(), tile.lead);
    let (mut at, mut position) = (lead, tile.phase);
    std::iter::from_fn(move || {
        while at < length {
            let rows = (window - position).min(length - at);
            let skipped = first_whole.saturating_sub(at).min(rows);
            let (start, begin) = (at, position);
            at += rows;
            position = 0;
            if skipped < rows {
                return Some(Cut {
                    block: start - begin,
                    rows: begin + skipped..begin + rows,
                    place: start - lead + skipped,
                    window,
                });
            }
        }
        None
    })
}
