//! The search against queues whose capacity is known exactly.
//!
//! Requests come at random, at a rate `x` (a Poisson process), to one server that takes them in turn. M/M/1: it
//! takes an exponentially distributed time, `1/m` on average, and so does the response, `1/(m - x)`; so p99 is
//! `ln 100 / (m - x)`, and the highest rate with p99 below `T` is `m - ln 100 / T`. M/D/1: it always takes `D`;
//! the distribution of the wait is Erlang's and Crommelin's (1932).

use super::found::Trial;
use super::search::{Outcome, Rules, search};
use crate::random::Random;
use crate::terminal::note;

#[derive(Clone, Copy)]
enum Service {
    Exponential(f64),
    Constant(f64),
}

/// The response times of so many requests, beginning with an empty queue.
fn simulate(rate: f64, count: usize, service: Service, random: &Random) -> Vec<f64> {
    let exponential = || -(1.0 - random.fraction()).ln();
    let (mut now, mut free_at) = (0.0_f64, 0.0_f64);
    let mut times = Vec::with_capacity(count);
    for _ in 0..count {
        now += exponential() / rate;
        let takes = match service {
            Service::Exponential(mean) => mean * exponential(),
            Service::Constant(time) => time,
        };
        free_at = free_at.max(now) + takes;
        times.push(free_at - now);
    }
    times.sort_by(f64::total_cmp);
    times
}

fn at(sorted: &[f64], quantile: f64) -> f64 {
    let place = (sorted.len() as f64 * quantile).ceil() as usize;
    sorted[place.clamp(1, sorted.len()) - 1]
}

/// The fraction of requests that wait for at most `time` in M/D/1.
fn waits_at_most(time: f64, rate: f64, service: f64) -> f64 {
    let mut sum = 0.0;
    let mut k = 0.0;
    while k * service <= time {
        let place = rate * (k * service - time);
        // place^k / k! without overflow.
        let mut term = (-place).exp();
        for i in 1..=k as u32 {
            term *= place / f64::from(i);
        }
        sum += term;
        k += 1.0;
    }
    (1.0 - rate * service) * sum
}

/// The highest rate with a response within `limit` for this fraction of the requests.
fn truth(service: Service, quantile: f64, limit: f64) -> f64 {
    match service {
        Service::Exponential(mean) => 1.0 / mean + (1.0 - quantile).ln() / limit,
        Service::Constant(time) => {
            let (mut low, mut high) = (0.0, 1.0 / time);
            for _ in 0..60 {
                let middle = f64::midpoint(low, high);
                if waits_at_most(limit - time, middle, time) >= quantile {
                    low = middle;
                } else {
                    high = middle;
                }
            }
            low
        }
    }
}

/// One search with trials of `seconds`, as `hullo bench --find 'p99<limit'` does it.
fn one(service: Service, limit: f64, seconds: f64, seed: u64) -> (Outcome, Vec<Trial>) {
    let random = Random::new(seed, 0);
    let alone = match service {
        Service::Exponential(time) | Service::Constant(time) => time,
    };
    let rules = Rules {
        start: super::START / alone,
        load_min: 0.1,
        load_max: 1e9,
        is_whole: false,
        trials_max: 50,
    };
    let mut attempt = |load: f64| {
        let count = ((load * seconds) as usize).max(1000);
        let p99 = at(&simulate(load, count, service, &random), 0.99);
        Ok(Trial {
            load,
            held: Some(p99 < limit),
            p99_ns: (p99 * 1e9) as u64,
            ..Trial::default()
        })
    };
    search(&rules, &mut attempt).unwrap()
}

/// How often the interval holds the truth, the widest interval, and the mean number of trials. A refusal counts as a
/// miss.
fn coverage(service: Service, limit: f64, searches: u64) -> (u64, f64, f64) {
    let truth = truth(service, 0.99, limit);
    let (mut held, mut widest, mut trials) = (0, 0.0_f64, 0);
    for seed in 0..searches {
        let (outcome, tried) = one(service, limit, 5.0, seed);
        trials += tried.len();
        if let Outcome::Found { low, high, .. } = outcome {
            held += u64::from(low <= truth && truth <= high);
            widest = widest.max(high / low);
        }
    }
    (held, widest, trials as f64 / searches as f64)
}

#[test]
fn the_formulas_agree_with_a_long_simulation() {
    for (service, limit) in [
        (Service::Exponential(0.001), 0.02),
        (Service::Constant(0.001), 0.008),
        (Service::Constant(0.001), 0.003),
    ] {
        let rate = truth(service, 0.99, limit);
        let times = simulate(rate, 1_000_000, service, &Random::new(5, 0));
        let p99 = at(&times, 0.99);
        assert!(
            (p99 / limit - 1.0).abs() < 0.06,
            "{rate}: {p99} and {limit}"
        );
    }
    let rate = truth(Service::Exponential(0.001), 0.99, 0.02);
    assert!((rate - 769.74).abs() < 0.01, "{rate}");
}

/// 20 searches of each kind. With 95 % each, 17 of 20 or more hold the truth in 98 of 100 cases.
#[test]
fn the_interval_holds_the_truth() {
    for (name, service, limit) in [
        ("M/M/1", Service::Exponential(0.001), 0.02),
        ("M/D/1", Service::Constant(0.001), 0.008),
        ("M/D/1, nearly idle", Service::Constant(0.01), 0.03),
    ] {
        let (held, widest, trials) = coverage(service, limit, 20);
        let figures = format!("{name}: {held} of 20, widest {widest:.2}, {trials:.0} trials");
        note("queue_tests", &figures);
        assert!(held >= 17, "{figures}");
        assert!(widest < 1.4 && trials < 45.0, "{figures}");
    }
}

#[test]
fn connections_are_whole_numbers() {
    // Each connection more adds 1 ms: 17 are below 17.5 ms.
    let rules = Rules {
        start: 1.0,
        load_min: 1.0,
        load_max: 100.0,
        is_whole: true,
        trials_max: 50,
    };
    let mut attempt = |load: f64| {
        assert!(load.fract() == 0.0 && load >= 1.0, "{load}");
        Ok(Trial {
            load,
            held: Some(load < 17.5),
            ..Trial::default()
        })
    };
    let (outcome, _) = search(&rules, &mut attempt).unwrap();
    let Outcome::Found {
        load, low, high, ..
    } = outcome
    else {
        panic!("{outcome:?}");
    };
    assert!(
        (load - 17.0).abs() < 0.1 && low <= 17.0 && high <= 19.0,
        "{low} {load} {high}"
    );
}

/// Whether a load holds, the reason of the refusal, and the load that held.
type Case<'a> = (&'a dyn Fn(f64) -> Option<bool>, &'a str, Option<f64>);

#[test]
fn a_search_without_an_answer_is_refused_with_a_reason() {
    let rules = Rules {
        start: 64.0,
        load_min: 1.0,
        load_max: 1000.0,
        is_whole: false,
        trials_max: 30,
    };
    let cases: [Case; 3] = [
        (&|_| Some(true), "the most that is tried", Some(1000.0)),
        (
            &|_| Some(false),
            "does not hold even at the lowest load",
            None,
        ),
        (
            &|load| (load < 500.0).then_some(true),
            "out of cores",
            Some(256.0),
        ),
    ];
    for (held, reason, at_least) in cases {
        let mut attempt = |load: f64| {
            Ok(Trial {
                load,
                held: held(load),
                said: "out of cores".to_owned(),
                ..Trial::default()
            })
        };
        match search(&rules, &mut attempt).unwrap().0 {
            Outcome::Refused { reason: said, held } => {
                assert!(said.contains(reason), "{said}");
                assert!(at_least.is_none() || held == at_least, "{held:?}");
            }
            found @ Outcome::Found { .. } => panic!("{reason}: {found:?}"),
        }
    }
}

/// Trials that hold or fail by chance, whatever the load, have no limit: in three of four searches that is seen.
#[test]
fn noise_is_no_answer() {
    let rules = Rules {
        start: 64.0,
        load_min: 0.01,
        load_max: 1e9,
        is_whole: false,
        trials_max: 50,
    };
    let mut refused = 0;
    for seed in 0..20 {
        let random = Random::new(seed, 0);
        let mut attempt = |load: f64| {
            Ok(Trial {
                load,
                held: Some(random.fraction() < 0.5),
                ..Trial::default()
            })
        };
        let outcome = search(&rules, &mut attempt).unwrap().0;
        refused += u32::from(matches!(outcome, Outcome::Refused { .. }));
    }
    assert!(refused >= 15, "{refused} of 20");
}
