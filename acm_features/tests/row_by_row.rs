//! A row that comes alone takes no memory from the allocator, once a state has had some.
#![expect(unsafe_code, reason = "an allocator that counts")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use acm_features::ewm::{Fading, Weighing, Weighted};
use acm_features::live::{Asked, Kind, Rolling, RollingMemory, Rows, Span, Windowed};
use acm_features::matrix::Feature;
use acm_features::rolling::Closed;
use acm_features::spectral::Bands;
use ndarray::{Array2, s};

struct Counting;

thread_local! {
    static TAKEN: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: every call is the system's own.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        TAKEN.set(TAKEN.get() + 1);
        // SAFETY: as the caller vouches.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: as the caller vouches.
        unsafe { System.dealloc(memory, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn asked() -> acm_features::Result<Vec<Asked>> {
    let bands = Bands::standard(1.0)?;
    let features = Feature::ALL.to_vec();
    let kinds = [
        Kind::Mean,
        Kind::Std { ddof: 1 },
        Kind::Max,
        Kind::Kurt,
        Kind::Mad { scale: 1.0 },
        Kind::Quantile { q: vec![0.1, 0.9] },
        Kind::Slope,
        Kind::Corr,
        Kind::LagCorr {
            max_lag: 2,
            pairs: vec![(0, 1), (4, 2)],
        },
        Kind::BandEnergy { bands: bands.clone() },
        Kind::FeatureMatrix {
            features,
            bands,
            fill: None,
        },
    ];
    let weighted = Weighted::mean(Fading::Span(9.0), Weighing::default())?;
    let windowed = kinds.into_iter().map(|kind| {
        Asked::Windowed(Windowed {
            kind,
            span: Span::Rows(30),
            min_periods: 1,
            closed: Closed::Right,
        })
    });
    Ok(windowed.chain([Asked::Weighted(weighted)]).collect())
}

#[test]
fn no_memory_is_taken_for_a_row() {
    let x = Array2::from_shape_fn((2000, 5), |(row, column)| match (row * 31 + column * 17) % 101 {
        7 => f64::NAN,
        value => value as f64 * 0.7,
    });
    for asked in asked().unwrap() {
        let rolling = Rolling::new(asked, 5).unwrap();
        let mut memory = RollingMemory::default();
        let mut feed = |row: usize, out: &mut Array2<f64>| {
            let part = x.slice(s![row..row + 1, ..]);
            let rows = Rows {
                y: rolling.is_pair().then(|| part.into()),
                ..Rows::of(part.into())
            };
            memory.update(&rolling, &rows, out.view_mut()).unwrap();
        };
        let mut out = Array2::zeros((1, rolling.width()));
        // Rows move to the front seldom: by then the memory that this takes is there.
        for row in 0..200 {
            feed(row, &mut out);
        }
        let before = TAKEN.get();
        for row in 200..2000 {
            feed(row, &mut out);
        }
        assert_eq!(TAKEN.get() - before, 0, "{rolling:?}");
    }
}
