//! What came out, in sentences.

use std::cmp::Reverse;
use std::fmt::Write as _;

use super::escape::clean;
use super::facts::{Part, Row, article_tests, parts, rows};
use super::format::{NONE, bytes, count, factor, figure, percent, ratio, time};
use crate::race::record::{Bound, Ratio, Record, Test};

/// So many targets are named one by one; of more it is told how many they are.
const NAMED: usize = 4;

/// Of a title, in characters.
const TITLE: usize = 60;

/// `hullo, hyper and Go side by side`.
pub(super) fn title(record: &Record) -> String {
    let names: Vec<String> = record.targets.iter().map(|t| clean(&t.name)).collect();
    match names.as_slice() {
        [] => "A race without a target".to_owned(),
        [one] => format!("{one} under load"),
        few if few.len() <= NAMED && list(few).chars().count() <= TITLE => {
            format!("{} side by side", list(few))
        }
        many => format!("{} servers side by side", many.len()),
    }
}

fn list(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [one] => one.clone(),
        [firsts @ .., last] => format!("{} and {last}", firsts.join(", ")),
    }
}

/// The result in one sentence: of the article's longest test with its many connections, if it was
/// run; of the first, if not.
pub(super) fn result(record: &Record) -> String {
    let first = article_tests(record)
        .filter(|test| !rows(record, test).is_empty())
        .min_by_key(|test| weight(test))
        .map(Part::Work);
    match first.or_else(|| parts(record).into_iter().next()) {
        Some(part) => format!("{}: {}", heading(record, &part), said(record, &part)),
        None => "Nothing was measured.".to_owned(),
    }
}

/// Least for what tells most: a test that is long, and has many connections.
pub(super) fn weight(test: &Test) -> (bool, Reverse<u64>) {
    (test.duration_ns.is_none(), Reverse(test.connections))
}

/// What a part says, in words.
pub(super) fn sentence(record: &Record, part: &Part) -> String {
    let said = said(record, part);
    // A name stays as it is; our own words begin with a capital.
    let is_ours = OURS.iter().any(|words| said.starts_with(words));
    let mut chars = said.chars();
    match chars.next() {
        Some(first) if is_ours => first.to_uppercase().chain(chars).collect(),
        _ => said,
    }
}

/// What a sentence begins with when it does not begin with a name.
const OURS: [&str; 7] = [
    "asked for ",
    "no ",
    "nobody ",
    "nothing ",
    "of ",
    "requests/s ",
    "what ",
];

fn said(record: &Record, part: &Part) -> String {
    match part {
        Part::Work(test) => work(record, test),
        Part::Idle(test) => idle(record, test),
        Part::Rate(tests) => rate(record, tests),
    }
}

/// `5 s, 100 connections`, and of which suite, where another one has the same.
pub(super) fn heading(record: &Record, part: &Part) -> String {
    let told = |test: &Test| {
        let same = record
            .tests
            .iter()
            .filter(|other| other.title == test.title);
        if same.count() > 1 {
            format!("{} ({})", clean(&test.title), clean(&test.suite))
        } else {
            clean(&test.title)
        }
    };
    match part {
        Part::Work(test) => told(test),
        Part::Idle(test) => format!("Memory of {}", told(test)),
        Part::Rate(_) => "Latency over rate".to_owned(),
    }
}

fn work(record: &Record, test: &Test) -> String {
    let rows = rows(record, test);
    let Some((first, others)) = rows.split_first() else {
        return "nobody was measured.".to_owned();
    };
    if rows.iter().all(|row| row.summary.requests == 0) {
        return "nothing was answered.".to_owned();
    }
    let mut clauses = Vec::new();
    if others.is_empty() {
        clauses.push(alone(first));
    } else {
        let all: Vec<&Row> = others.iter().collect();
        clauses.extend(compare(first, &all, &COST));
        let theirs: Vec<&Row> = others
            .iter()
            .filter(|row| row.is_bound_by(Bound::Server))
            .collect();
        if first.is_bound_by(Bound::Server) {
            clauses.extend(compare(first, &theirs, &SPEED));
        }
        if clauses.is_empty() {
            clauses.push(medians(&rows));
        }
    }
    clauses.extend(bound(&rows));
    format!("{}.", clauses.join("; "))
}

fn alone(row: &Row) -> String {
    let speed = figure(row.summary.requests_per_second.median);
    let cpu = row.summary.cpu_ns_per_request.as_ref();
    let cpu = cpu.map(|cpu| figure(cpu.median / 1e3));
    match cpu.filter(|cpu| cpu != NONE) {
        Some(cpu) => format!(
            "{} makes {speed} requests/s, at {cpu} µs of CPU each",
            row.name
        ),
        None => format!("{} makes {speed} requests/s", row.name),
    }
}

/// Without a ratio there are the figures themselves.
fn medians(rows: &[Row]) -> String {
    let all = rows.iter().take(NAMED).map(|row| {
        let speed = figure(row.summary.requests_per_second.median);
        format!("{} {speed}", row.name)
    });
    let more = rows.len().saturating_sub(NAMED);
    let more = if more > 0 {
        format!(" (and {more} more)")
    } else {
        String::new()
    };
    format!("requests/s of {}{more}", list(&all.collect::<Vec<_>>()))
}

/// How a figure is compared in words.
struct Words {
    /// `hyper costs ×1.18 the CPU of hullo`.
    verb: &'static str,
    of: &'static str,
    /// `3 cost more CPU than hullo`.
    more: &'static str,
    less: &'static str,
    which: for<'a> fn(&Row<'a>) -> Option<Ratio>,
}

const COST: Words = Words {
    verb: "cost",
    of: "the CPU of",
    more: "more CPU than",
    less: "less CPU than",
    which: |row| row.cpu_ratio().cloned(),
};

const SPEED: Words = Words {
    verb: "make",
    of: "the requests/s of",
    more: "more requests/s than",
    less: "fewer requests/s than",
    which: |row| row.speed_ratio().cloned(),
};

/// `hyper costs ×1.18 (1.15–1.21) the CPU of hullo, Go ×2.41 (2.30–2.52); warp shows no difference`.
fn compare(first: &Row, others: &[&Row], words: &Words) -> Option<String> {
    let known: Vec<(&str, Ratio)> = others
        .iter()
        .filter_map(|row| Some((row.name.as_str(), (words.which)(row)?)))
        .collect();
    let (differ, others): (Vec<_>, Vec<_>) = known.iter().partition(|(_, ratio)| ratio.differs);
    let (same, unclear): (Vec<_>, Vec<_>) = others.iter().partition(|(_, ratio)| ratio.is_equal());
    if known.is_empty() {
        return None;
    }
    if known.len() > NAMED {
        return Some(many(
            &first.name,
            words,
            &differ,
            [same.len(), unclear.len()],
        ));
    }
    let mut clauses = Vec::new();
    if let Some(((name, by), rest)) = differ.split_first() {
        let (verb, of, by) = (words.verb, words.of, ratio(by));
        let mut clause = format!("{name} {verb}s {by} {of} {}", first.name);
        for (name, by) in rest {
            let _ = write!(clause, ", {name} {}", ratio(by));
        }
        clauses.push(clause);
    }
    let mut rest = |named: &[&&(&str, Ratio)], one: &str, many: &str| {
        if named.is_empty() {
            return;
        }
        let names: Vec<String> = named.iter().map(|(name, _)| (*name).to_owned()).collect();
        let said = if names.len() == 1 { one } else { many };
        let what = words.of.trim_start_matches("the ").trim_end_matches(" of");
        let of = if clauses.is_empty() {
            format!(" from {} in {what}", first.name)
        } else {
            String::new()
        };
        clauses.push(format!("{} {said}{of}", list(&names)));
    };
    rest(&same, "shows no difference", "show no difference");
    rest(&unclear, NOT_TOLD, NOT_TOLD);
    Some(clauses.join("; "))
}

/// It would take more rounds.
const NOT_TOLD: &str = "cannot be told apart";

/// Too many to be named: how many they are, and the one at either end. `others`: those that are the
/// same, and those of whom it is not known.
fn many(first: &str, words: &Words, differ: &[&(&str, Ratio)], others: [usize; 2]) -> String {
    let (more, less): (Vec<_>, Vec<_>) = differ.iter().partition(|(_, by)| by.mean > 1.0);
    let by_mean = |a: &&&(&str, Ratio), b: &&&(&str, Ratio)| a.1.mean.total_cmp(&b.1.mean);
    let side = |side: &[&(&str, Ratio)], than: &str, to: &str, end: Option<&&(&str, Ratio)>| {
        let (name, by) = end?;
        let (verb, by, number) = (words.verb, factor(by)?, side.len());
        Some(if number == 1 {
            format!("1 {verb}s {than} {first} ({by}, {name})")
        } else {
            format!("{number} {verb} {than} {first} ({to} {by}, {name})")
        })
    };
    let mut clauses: Vec<String> = [
        side(&more, words.more, "up to", more.iter().max_by(by_mean)),
        side(&less, words.less, "down to", less.iter().min_by(by_mean)),
    ]
    .into_iter()
    .flatten()
    .collect();
    let [same, unclear] = others;
    match same {
        0 => {}
        1 => clauses.push("1 shows no difference".to_owned()),
        many => clauses.push(format!("{many} show no difference")),
    }
    if unclear > 0 {
        clauses.push(format!("{unclear} {NOT_TOLD}"));
    }
    let all = differ.len() + same + unclear;
    format!("of {all} others {}", list(&clauses))
}

/// Whose requests/s they are.
fn bound(rows: &[Row]) -> Option<String> {
    let by_generator: Vec<&Row> = rows
        .iter()
        .filter(|row| row.is_bound_by(Bound::Generator))
        .collect();
    let least = by_generator
        .iter()
        .filter_map(|row| row.generator_busy())
        .min_by(f64::total_cmp);
    if let Some(busy) = least {
        let whose = if by_generator.len() == rows.len() {
            String::new()
        } else if by_generator.len() <= NAMED {
            let names: Vec<String> = by_generator.iter().map(|row| row.name.clone()).collect();
            format!(" of {}", list(&names))
        } else {
            format!(" of {} targets", by_generator.len())
        };
        let busy = percent(busy);
        return Some(format!(
            "requests/s{whose} are those of the generator, which was busy {busy} of the time"
        ));
    }
    if rows.iter().all(|row| row.is_bound_by(Bound::Unknown)) {
        return Some("requests/s may be bound by something else than the servers: how busy they were is not known".to_owned());
    }
    let neither = rows.iter().all(|row| row.is_bound_by(Bound::Neither));
    neither.then(|| {
        "neither side was busy all the time, so requests/s are no measure of either".to_owned()
    })
}

fn idle(record: &Record, test: &Test) -> String {
    let rows = rows(record, test);
    let cost = |row: &Row| {
        let figure = bytes(row.summary.idle_connection_bytes.as_ref()?.median);
        let by = row.idle_ratio().map(|by| format!(", {}", ratio(by)));
        Some(format!("{} {figure}{}", row.name, by.unwrap_or_default()))
    };
    let costs: Vec<String> = rows.iter().filter_map(cost).collect();
    let connections = count(test.idle_connections);
    let open = format!("of {connections} idle connections each costs");
    if costs.len() > NAMED {
        let all = rows
            .iter()
            .filter_map(|row| Some(row.summary.idle_connection_bytes.as_ref()?.median));
        let (least, most) = all.fold((f64::INFINITY, 0.0_f64), |(least, most), figure| {
            (least.min(figure), most.max(figure))
        });
        return format!("{open} between {} and {}.", bytes(least), bytes(most));
    }
    if costs.is_empty() {
        return "what an idle connection costs is not known.".to_owned();
    }
    format!("{open} {}.", costs.join("; "))
}

/// What the slowest one of a hundred waits for, where a target is asked for the most.
fn rate(record: &Record, tests: &[&Test]) -> String {
    let load = |test: &Test| test.load.filter(|load| load.is_finite()).unwrap_or(0.0);
    let Some(most) = tests.iter().max_by(|a, b| load(a).total_cmp(&load(b))) else {
        return "no rate was asked for.".to_owned();
    };
    let rows = rows(record, most);
    let told = |row: &Row| {
        let time = time(row.percentile(99.0)? as f64);
        Some(format!("{time} for {}", row.name))
    };
    let told: Vec<String> = rows.iter().filter_map(told).collect();
    let asked = percent(load(most));
    if told.is_empty() {
        return format!("no latency is known at {asked} of each target's own capacity.");
    }
    let more = match told.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!("; {more} more are below"),
    };
    let told: Vec<String> = told.into_iter().take(NAMED).collect();
    format!(
        "asked for {asked} of its own capacity, 99 of 100 answers came within {}{more}.",
        told.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_listed() {
        let names = |n: usize| {
            ["a", "b", "c"]
                .iter()
                .take(n)
                .map(ToString::to_string)
                .collect::<Vec<_>>()
        };
        assert_eq!(list(&names(1)), "a");
        assert_eq!(list(&names(2)), "a and b");
        assert_eq!(list(&names(3)), "a, b and c");
    }
}
