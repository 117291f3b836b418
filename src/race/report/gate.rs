//! What a gate decided.

use super::tables::Table;
use crate::race::format::ratio;
use crate::race::record::{Decision, Gate, Outcome, Record};
use crate::terminal::clean;

fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Fails => "failed",
        Outcome::Passes => "passed",
        Outcome::Undecided => "undecided",
    }
}

/// `The gate failed: cpu>+5% of new (5 s, 100 connections).` `record`: the one with the tests.
pub(in crate::race) fn verdict(record: &Record, gate: &Gate) -> String {
    let outcome = gate.outcome();
    let those = gate.decisions.iter().filter(|of| of.outcome == outcome);
    let told = those.map(|of| {
        let (target, condition) = (clean(&of.target), clean(&of.condition));
        format!("{condition} of {target} ({})", title(record, of))
    });
    let mut told: Vec<String> = told.collect();
    let is_judged =
        |condition: &&String| gate.decisions.iter().any(|of| of.condition == **condition);
    let unjudged = gate
        .conditions
        .iter()
        .filter(|condition| !is_judged(condition));
    if outcome == Outcome::Undecided {
        told.extend(unjudged.map(|of| format!("{} has no figures in these tests", clean(of))));
    }
    match outcome {
        Outcome::Passes => "The gate passed.".to_owned(),
        _ => format!("The gate is {}: {}.", word(outcome), told.join("; ")).replacen(
            "is failed",
            "failed",
            1,
        ),
    }
}

/// Of its test.
fn title(record: &Record, decision: &Decision) -> String {
    let test = record.tests.iter().find(|test| test.id == decision.test);
    clean(test.map_or(&decision.test, |test| &test.title))
}

/// A row for each decision.
pub(super) fn table(record: &Record, gate: &Gate) -> Option<Table> {
    let by = |of: &Decision| match (&of.ratio, &of.reason) {
        (Some(by), _) => ratio(by),
        (None, reason) => clean(reason.as_deref().unwrap_or("none")),
    };
    let row = |of: &Decision| {
        vec![
            word(of.outcome).to_owned(),
            clean(&of.condition),
            clean(&of.target),
            title(record, of),
            by(of),
            of.rounds.to_string(),
        ]
    };
    let head = ["Gate", "Fails if", "Server", "Test", "Ratio", "Rounds"];
    let mut notes = vec![
        "It fails where the whole interval of a ratio lies beyond the limit, and is undecided where the interval lies on both sides of it. The intervals of all rows together hold in 99 of 100 races.".to_owned(),
    ];
    notes.extend(gate.until.map(|_| {
        "With --until, rounds may have been added. The intervals here allow for that, those of the other tables do not.".to_owned()
    }));
    (!gate.decisions.is_empty()).then(|| Table {
        title: "Gate".to_owned(),
        head: head.map(str::to_owned).to_vec(),
        rows: gate.decisions.iter().map(row).collect(),
        text_columns: 5,
        notes,
    })
}
