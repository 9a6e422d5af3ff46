//! Decisions on scores: thresholds that keep a false alarm rate, control charts with memory, episodes, and one score of many.
//!
//! What remembers has one form, the streaming one: a batch is the fresh state run over all its rows. Any cut of a history
//! into updates therefore gives the same bytes.

mod blocks;
mod calibrate;
mod charts;
mod cusum;
mod episodes;
mod ewma;
mod fusion;
mod maps;
mod order;
mod page_hinkley;
mod suspects;
mod tail;
#[cfg(test)]
mod tests;

pub use calibrate::{Calibration, Threshold};
pub use charts::{Chart, ChartMemory, Charted, Levels};
pub use cusum::Cusum;
pub use episodes::{Episode, EpisodeRule, EpisodeTrack};
pub use ewma::EwmaChart;
pub use fusion::{Combine, FittedScoreFusion, ScoreFusion};
pub use maps::Mapping;
pub use page_hinkley::PageHinkley;
