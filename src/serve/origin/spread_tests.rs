//! What is read, and what is drawn: 100,000 values beside the wanted quantiles.

use super::*;
use crate::units;

const DRAWS: usize = 100_000;

const TIME: Unit = Unit {
    read: units::nanos,
    show: units::show_nanos,
    max: 60_000_000_000,
    flag: "--max-delay",
};
const SIZE: Unit = Unit {
    read: units::bytes,
    show: units::show_bytes,
    max: 1 << 30,
    flag: "--max-size",
};

#[expect(clippy::cast_precision_loss, reason = "less than 2^53")]
fn float(value: u64) -> f64 {
    value as f64
}

#[track_caller]
fn sorted(text: &str, unit: &Unit) -> Vec<u64> {
    let spread = Spread::read(text, unit).unwrap();
    let random = Random::new(1, 0);
    let mut values: Vec<u64> = (0..DRAWS).map(|_| spread.draw(&random)).collect();
    values.sort_unstable();
    values
}

#[test]
fn one_value_is_always_drawn() {
    assert_eq!(Spread::read("50ms", &TIME), Ok(Spread::Always(50_000_000)));
    assert_eq!(Spread::read("10KiB", &SIZE), Ok(Spread::Always(10 << 10)));
    assert_eq!(Spread::read("0", &SIZE), Ok(Spread::Always(0)));
}

#[test]
fn the_values_of_a_range_are_equally_frequent() {
    let values = sorted("10ms..50ms", &TIME);
    assert!(values[0] >= 10_000_000 && values[DRAWS - 1] <= 50_000_000);
    // A histogram with ten bars of 4 ms, each 10,000 high.
    let mut bars = [0_u32; 10];
    for value in &values {
        bars[((value - 10_000_000) / 4_000_000).min(9) as usize] += 1;
    }
    assert!(
        bars.iter().all(|bar| bar.abs_diff(10_000) < 500),
        "{bars:?}"
    );
    assert_eq!(sorted("7..7", &SIZE), vec![7; DRAWS]);
}

#[test]
fn percentiles_are_met() {
    for (text, unit, wanted) in [
        (
            "p50=5ms,p99=200ms",
            &TIME,
            &[(50.0, 5e6), (99.0, 200e6)][..],
        ),
        (
            "p0=1ms,p50=5ms,p90=20ms,p99=200ms,p100=1s",
            &TIME,
            // Half of the way from p50 to p90 is the mean of 5 and 20 by their factor.
            &[(50.0, 5e6), (70.0, 10e6), (90.0, 20e6), (99.0, 200e6)],
        ),
        (
            "p10=1KiB,p90=1MiB",
            &SIZE,
            &[(10.0, 1024.0), (50.0, 32_768.0), (90.0, 1_048_576.0)],
        ),
        (
            "p0=0,p100=1000",
            &SIZE,
            &[(10.0, 100.0), (50.0, 500.0), (90.0, 900.0)],
        ),
        ("p50=5ms", &TIME, &[(1.0, 5e6), (99.0, 5e6)]),
    ] {
        let values = sorted(text, unit);
        for (percent, wanted) in wanted {
            // Three standard deviations of the share that lies below the wanted value.
            let share = percent / 100.0;
            let below = values.partition_point(|&value| float(value) < wanted * 0.9999);
            let at_most = values.partition_point(|&value| float(value) <= wanted * 1.0001);
            let slack = 3.0 * (share * (1.0 - share) / float(DRAWS as u64)).sqrt() + 0.0005;
            let (low, high) = (
                float(below as u64) / float(DRAWS as u64),
                float(at_most as u64) / float(DRAWS as u64),
            );
            assert!(
                low <= share + slack && high >= share - slack,
                "{text}: {low} to {high} of the values lie below p{percent}"
            );
        }
    }
}

#[test]
fn the_curve_goes_on_to_both_ends() {
    let Ok(Spread::Percentiles(points)) = Spread::read("p50=5ms,p99=200ms", &TIME) else {
        panic!("these are percentiles");
    };
    let values: Vec<String> = points
        .iter()
        .map(|point| format!("{:.0}", point.value))
        .collect();
    // 40 times as much for 49 percentiles.
    assert_eq!(values, ["115935", "5000000", "200000000", "215637902"]);
}

#[test]
fn what_is_wrong_is_said() {
    for (text, unit, error) in [
        (
            "",
            &TIME,
            "not a time: write 10s, 1m30s, 500ms, or a number of seconds",
        ),
        (
            "..",
            &TIME,
            "not a time: write 10s, 1m30s, 500ms, or a number of seconds",
        ),
        ("50ms..10ms", &TIME, "the range ends below its start"),
        ("61s", &TIME, "at most 1m (--max-delay)"),
        ("1s..61s", &TIME, "at most 1m (--max-delay)"),
        ("2GiB", &SIZE, "at most 1GiB (--max-size)"),
        ("p50=61s", &TIME, "at most 1m (--max-delay)"),
        ("p99=1s,p50=1s", &TIME, "the percentiles do not ascend"),
        ("p50=1s,p50=1s", &TIME, "the percentiles do not ascend"),
        (
            "p50=2s,p99=1s",
            &TIME,
            "the values of the percentiles descend",
        ),
        (
            "p101=1s",
            &TIME,
            "not a percentile: write p50=VALUE, from p0 to p100",
        ),
        (
            "pinf=1s",
            &TIME,
            "not a percentile: write p50=VALUE, from p0 to p100",
        ),
        (
            "p1e1=1s",
            &TIME,
            "not a percentile: write p50=VALUE, from p0 to p100",
        ),
        (
            "50=1s",
            &TIME,
            "not a percentile: write p50=VALUE, from p0 to p100",
        ),
        (
            "p50=1s,",
            &TIME,
            "not a percentile: write p50=VALUE, from p0 to p100",
        ),
        (
            "p50=1ms,p51=1s",
            &TIME,
            "p100, which the last two percentiles lead to, would be too much: at most 1m (--max-delay); add p100=VALUE",
        ),
    ] {
        assert_eq!(Spread::read(text, unit).unwrap_err(), error, "{text}");
    }
}
