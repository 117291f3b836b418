//! Joined results: what each machine's generator used, and whether it was the limit.

use serde::{Deserialize, Serialize};

use super::durations::short;
use crate::terminal::clean;

/// A machine of a joined result.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct Machine {
    /// Its file, or with --hosts its name.
    pub(super) name: String,
    /// As in `generator`.
    pub(super) busy: f64,
    pub(super) queued: f64,
    /// --hosts only.
    #[serde(deserialize_with = "Option::deserialize")]
    pub(super) clock: Option<ClockDifference>,
}

/// How far the clock of a machine was from that of the one that asked. The times of its result are corrected
/// by it.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_field_names, reason = "the unit")]
pub(super) struct ClockDifference {
    /// One of the two is 0.
    pub(super) ahead_ns: u64,
    pub(super) behind_ns: u64,
    /// The difference is known up to this: half of the time that the answer took.
    pub(super) within_ns: u64,
}

impl ClockDifference {
    /// Of a clock that said `theirs` between `asked` and `answered`, in Unix nanoseconds.
    pub(super) fn of(asked: u64, theirs: u64, answered: u64) -> Self {
        let within = answered.saturating_sub(asked) / 2;
        let ours = asked.saturating_add(within);
        Self {
            ahead_ns: theirs.saturating_sub(ours),
            behind_ns: ours.saturating_sub(theirs),
            within_ns: within,
        }
    }

    /// The other clock's time at this time of ours.
    pub(super) fn theirs(self, ours: u64) -> u64 {
        ours.saturating_add(self.ahead_ns)
            .saturating_sub(self.behind_ns)
    }

    /// The inverse.
    pub(super) fn ours(self, theirs: u64) -> u64 {
        theirs
            .saturating_add(self.behind_ns)
            .saturating_sub(self.ahead_ns)
    }

    pub(super) fn text(self) -> String {
        let way = if self.behind_ns > 0 {
            "behind"
        } else {
            "ahead"
        };
        let most = self.ahead_ns.max(self.behind_ns);
        format!(
            "clock {} {way}, within {}",
            short(most as f64),
            short(self.within_ns as f64)
        )
    }
}

impl Machine {
    /// For people: a name, a tab and its figures.
    pub(super) fn line(&self) -> String {
        let percent = |share: f64| format!("{:.1} %", share * 100.0);
        let clock = self.clock.map(|clock| format!("; {}", clock.text()));
        format!(
            "{}:\tbusiest thread {}, waited for a core {}{}",
            clean(&self.name),
            percent(self.busy),
            percent(self.queued),
            clock.unwrap_or_default()
        )
    }
}

/// " on a, b": the machines of a joined result for which this holds.
pub(super) fn those(machines: &[Machine], holds: impl Fn(&Machine) -> bool) -> String {
    let names: Vec<String> = machines
        .iter()
        .filter(|machine| holds(machine))
        .map(|machine| clean(&machine.name))
        .collect();
    if names.is_empty() {
        String::new()
    } else {
        format!(" on {}", names.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_are_compared_in_the_middle_of_the_answer() {
        for (theirs, ahead_ns, behind_ns) in [(1_060, 10, 0), (1_050, 0, 0), (950, 0, 100)] {
            let clock = ClockDifference::of(1_000, theirs, 1_100);
            let expected = ClockDifference {
                ahead_ns,
                behind_ns,
                within_ns: 50,
            };
            assert_eq!(clock, expected);
            assert_eq!((clock.theirs(1_050), clock.ours(theirs)), (theirs, 1_050));
        }
    }
}
