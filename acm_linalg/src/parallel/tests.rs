use std::collections::HashSet;
use std::thread;

use super::*;

#[test]
fn every_job_is_done_once_whatever_the_cost() {
    for cost in [0.0, 1e6, 1e9] {
        let mut cells = vec![0_u32; 1000];
        run(
            &mut cells,
            cost,
            || Ok(0_u32),
            |seen, cell, _| {
                *seen += 1;
                *cell += 1;
            },
        )
        .unwrap();
        assert!(cells.iter().all(|&cell| cell == 1));
    }
}

#[test]
fn no_jobs_is_no_work() {
    run(Vec::<()>::new(), 1e9, || Ok(()), |(), (), _| unreachable!()).unwrap();
}

#[test]
fn a_failing_scratch_is_reported() {
    let failing = || {
        Err::<(), _>(Error::Memory {
            what: "scratch",
            rows: 1,
            columns: 1,
        })
    };
    for cost in [0.0, 1e6] {
        let result = run(vec![1, 2, 3], cost, failing, |(), _, _| {});
        assert!(matches!(result, Err(Error::Memory { .. })));
    }
}

#[test]
fn no_more_threads_work_than_are_set() {
    assert_eq!(hired(2, 2.0 * SPARE_NS, false), 2);
    assert_eq!([hired(2, SPARE_NS, false), hired(3, 1e6, false), hired(3, 1e9, true)], [1, 2, 3]);
    // Other tests set threads too, now and then amid a round.
    let crowded = (0..100).filter(|_| {
        set_num_threads(2).unwrap();
        let (inside, peak) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let work = |(): &mut (), _, _: &Stop| {
            peak.fetch_max(inside.fetch_add(1, Ordering::AcqRel) + 1, Ordering::AcqRel);
            thread::sleep(Duration::from_micros(100));
            inside.fetch_sub(1, Ordering::AcqRel);
        };
        run(vec![1; 6], 2.0 * SPARE_NS, || Ok(()), work).unwrap();
        peak.into_inner() > 2
    });
    assert!(crowded.count() < 50);
}

#[test]
fn a_scratch_is_made_where_there_is_a_job_for_it() {
    for _ in 0..200 {
        let (made, at_work) = (AtomicUsize::new(0), Mutex::new(HashSet::new()));
        let scratch = || Ok(made.fetch_add(1, Ordering::Relaxed));
        run(vec![1, 2], 2.0 * SPARE_NS, scratch, |_, _, _| _ = lock(&at_work).insert(thread::current().id())).unwrap();
        assert_eq!(made.into_inner(), lock(&at_work).len());
    }
}

#[test]
fn a_panic_reaches_the_caller_and_the_pool_survives() {
    let attempt =
        std::panic::catch_unwind(|| run(vec![1, 2, 3, 4], 1e6, || Ok(()), |(), job, _| assert!(job != 3, "job 3")));
    assert!(attempt.is_err());
    run(vec![1, 2], 1e6, || Ok(()), |(), _, _| {}).unwrap();
}

#[test]
fn a_short_call_does_not_wait_for_a_long_one() {
    let (started, go) = (AtomicBool::new(false), AtomicBool::new(false));
    thread::scope(|scope| {
        scope.spawn(|| {
            let wait = |(): &mut (), _, _: &Stop| {
                started.store(true, Ordering::Release);
                while !go.load(Ordering::Acquire) {
                    thread::yield_now();
                }
            };
            run(vec![1; 64], 1e6, || Ok(()), wait).unwrap();
        });
        while !started.load(Ordering::Acquire) {
            thread::yield_now();
        }
        // Would wait for ever behind the other call's workers.
        run(vec![1; 64], 1e6, || Ok(()), |(), _, _| {}).unwrap();
        go.store(true, Ordering::Release);
    });
}

#[test]
fn two_threads_work_at_once() {
    let begun = Instant::now();
    let met = AtomicBool::new(false);
    // Other tests set threads too, and may hold the pool: then the calling thread does both jobs, one after the other.
    while !met.load(Ordering::Acquire) {
        assert!(begun.elapsed() < Duration::from_secs(60), "no two jobs ever ran at once");
        set_num_threads(2).unwrap();
        let inside = AtomicUsize::new(0);
        let meet = |(): &mut (), _, _: &Stop| {
            inside.fetch_add(1, Ordering::AcqRel);
            let arrived = Instant::now();
            while arrived.elapsed() < Duration::from_millis(200) && !met.load(Ordering::Acquire) {
                if inside.load(Ordering::Acquire) == 2 {
                    met.store(true, Ordering::Release);
                }
                thread::yield_now();
            }
            inside.fetch_sub(1, Ordering::AcqRel);
        };
        run(vec![1, 2], 1e9, || Ok(()), meet).unwrap();
    }
}

#[test]
fn thread_counts_outside_the_range_are_refused() {
    assert!(set_num_threads(0).is_err());
    assert!(set_num_threads(MAX_THREADS + 1).is_err());
    assert!(num_threads() >= 1);
}
