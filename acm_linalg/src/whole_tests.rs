//! Groups of eight neighbouring columns, copied at once.

use ndarray::{Array2, s};

use crate::columns;
use crate::columns_tests::{Lag, assert_same, compute, expected, matrix};
use crate::lanes::{LANES, Row};
use crate::parallel;
use crate::plan::{Demand, GATHERED_BYTES, Plan};

#[expect(clippy::cast_possible_truncation, reason = "float32 in, float32 out")]
#[test]
fn rows_that_lie_side_by_side_are_written_whole() {
    static FILL: [f64; 257] = [-3.0; 257];
    // The last group's columns are partly those of the one before, be it of its own band or of another.
    let mut alone = 0;
    for columns in [7, 8, 9, 15, 16, 17, 49, 50, 257] {
        for (rows, cost_ns) in [(1, 1.0), (5, 1.0), (70, 1.0), (700, 1.0), (700, 40.0), (1100, 1e4)] {
            for (blocks, threads) in [(vec![1], 1), (vec![2], 3), (vec![1, 2], 2), (vec![2, 5, 1], 5)] {
                parallel::set_num_threads(threads).unwrap();
                let x = matrix(rows, columns);
                let mut leaf = Lag::new(16, 20, rows);
                leaf.history.first_row = 3;
                leaf.history.ahead = rows % 4;
                leaf.history.fill = (rows % 3 == 0).then_some(&FILL[..columns]);
                leaf.blocks = blocks;
                leaf.cost_ns = cost_ns;
                let (wide, right) = (columns * leaf.blocks.iter().sum::<usize>(), expected(&leaf, x.view()));
                let case = format!("{rows} x {columns}, {:?}, cost {cost_ns}", leaf.blocks);
                assert_same(compute(&leaf, x.view()).view(), right.view(), &case);
                // Rows apart from each other, whose values lie side by side: nothing is written between them.
                let mut broad = Array2::from_elem((2 * rows, wide + 3), -7.0);
                columns::run(&leaf, x.view(), leaf.history, broad.slice_mut(s![..;2, 1..=wide])).unwrap();
                assert_same(broad.slice(s![..;2, 1..=wide]), right.view(), &case);
                let between = broad.slice(s![1..;2, ..]);
                let beside = broad.columns().into_iter().enumerate().filter(|(at, _)| !(1..=wide).contains(at));
                assert!(between.iter().chain(beside.flat_map(|(_, column)| column)).all(|&y| y == -7.0), "{case}");
                let mut narrow = Array2::from_elem((rows, wide), -7.0_f32);
                columns::run(&leaf, x.mapv(|x| x as f32).view(), leaf.history, narrow.view_mut()).unwrap();
                assert_same(narrow.mapv(f64::from).view(), right.mapv(|y| f64::from(y as f32)).view(), &case);
                let plan = Plan::new(&demand(&leaf, columns)).unwrap();
                alone += usize::from(plan.whole && plan.groups % plan.band == 1 && !columns.is_multiple_of(LANES));
            }
        }
    }
    assert!(alone > 0, "no group shares its columns with another band");
}

fn demand(leaf: &Lag, columns: usize) -> Demand {
    Demand {
        shape: (leaf.rows, columns),
        width: leaf.blocks.iter().sum(),
        window: leaf.window,
        block: Some(leaf.window),
        step: leaf.history.step.get(),
        tile: leaf.tile_rows,
        cost_ns: leaf.cost_ns,
        side_by_side: true,
    }
}

#[test]
fn eight_neighbours_are_a_group_where_that_takes_least() {
    let mut leaf = Lag::new(16, 15, 10_000);
    leaf.cost_ns = 2.0;
    let whole = |leaf: &Lag, columns| Plan::new(&demand(leaf, columns)).unwrap().whole;
    let chosen: Vec<usize> = [1, 7, 8, 9, 16, 17, 49, 50, 200, 256, 257]
        .into_iter()
        .filter(|&d| whole(&leaf, d))
        .collect();
    assert_eq!(chosen, [8, 9, 16, 17, 49, 50, 200, 256, 257]);
    // Where a value takes long, columns computed twice cost more than copies.
    leaf.cost_ns = 40.0;
    assert!(!whole(&leaf, 9) && !whole(&leaf, 50) && whole(&leaf, 16) && whole(&leaf, 256));
    let apart = Demand {
        side_by_side: false,
        ..demand(&leaf, 256)
    };
    assert!(!Plan::new(&apart).unwrap().whole);
}

#[test]
fn neighbours_wait_for_each_other_as_far_as_there_is_room() {
    for blocks in [vec![1], vec![2], vec![1, 2]] {
        for columns in [200, 257, 360, 393] {
            let mut leaf = Lag::new(16, 15, 6000);
            leaf.cost_ns = 2.0;
            leaf.blocks = blocks.clone();
            parallel::set_num_threads(1 + columns % 3).unwrap();
            let plan = Plan::new(&demand(&leaf, columns)).unwrap();
            let waiting = plan.band * plan.chunk * blocks.iter().sum::<usize>() * size_of::<Row>();
            assert!(plan.whole && plan.band > 1 && plan.band < plan.groups, "{columns} {plan:?}");
            assert!(waiting <= GATHERED_BYTES && 4 * waiting > GATHERED_BYTES, "{columns} {waiting}");
            let x = matrix(leaf.rows, columns);
            let case = format!("{columns}, {blocks:?}");
            assert_same(compute(&leaf, x.view()).view(), expected(&leaf, x.view()).view(), &case);
        }
    }
}
