//! Races that are interrupted, and resumed.

use super::*;

/// Long enough to be interrupted.
const SIX: [&str; 10] = [
    "-s", "churn", "-r", "6", "-z", "100ms", "-c", "10", "--warmup", "50ms",
];

fn results(file: &TemporaryFile) -> Vec<Value> {
    let text = std::fs::read_to_string(&file.0).unwrap_or_default();
    if text.is_empty() {
        return Vec::new();
    }
    // At every moment the file is whole.
    list(&valid(&text), "results").clone()
}

#[test]
fn a_race_that_was_killed_loses_no_round_and_is_resumed() {
    let file = TemporaryFile::new();
    let (a, b) = (server("a"), server("b"));
    let arguments = [&SIX[..], &["--json", file.path(), "--resume", &a, &b]].concat();
    let mut child = race(&arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    until(|| results(&file).len() >= 4);
    child.kill().unwrap();
    child.wait().unwrap();
    let before = results(&file);
    assert!(
        before.len().is_multiple_of(2) && before.len() < 12,
        "{}",
        before.len()
    );
    let json = valid(&std::fs::read_to_string(&file.0).unwrap());
    assert!(
        json["warnings"]
            .to_string()
            .contains("measurements are missing")
    );
    // A report of what there is.
    let report = ran(&["--from", file.path()]);
    assert!(
        report.text.contains("The race has not ended: "),
        "{}",
        report.text
    );

    let other = ran(&[&SIX[..], &["--json", file.path(), "--resume", &a]].concat());
    assert!(
        other.code == 2 && other.complaint.contains("different servers"),
        "{}",
        other.complaint
    );
    assert_eq!(results(&file), before);

    let whole = ran(&arguments);
    assert_eq!(whole.code, 0, "{}", whole.complaint);
    let after = results(&file);
    assert_eq!(after[..before.len()], before);
    let mut rounds: Vec<String> = after
        .iter()
        .map(|result| format!("{}{}", word(result, "target"), result["round"]))
        .collect();
    rounds.sort();
    let mut wanted: Vec<String> = (1..=6)
        .flat_map(|round| ["a", "b"].map(|name| format!("{name}{round}")))
        .collect();
    wanted.sort();
    assert_eq!(rounds, wanted);
    let json = valid(&std::fs::read_to_string(&file.0).unwrap());
    assert!(
        !json["warnings"].to_string().contains("missing"),
        "{}",
        json["warnings"]
    );

    // What is whole is only reported again.
    let again = ran(&arguments);
    assert_eq!(again.code, 0, "{}", again.complaint);
    assert_eq!(results(&file), after);
}

#[test]
fn rounds_are_added_to_a_race_that_has_ended() {
    let file = TemporaryFile::new();
    let a = server("a");
    let rounds = |number| {
        let flags = [
            "-s",
            "rate",
            "-r",
            number,
            "--json",
            file.path(),
            "--resume",
            &a,
        ];
        ran(&[&SHORT, &flags[..]].concat())
    };
    for (number, count) in [("1", 7), ("2", 14)] {
        let ran = rounds(number);
        assert_eq!(ran.code, 0, "{}", ran.complaint);
        assert_eq!(results(&file).len(), count);
    }
    // The new round asks for the rates of the first.
    let rates: Vec<Value> = results(&file)
        .iter()
        .map(|result| result["rate"].clone())
        .collect();
    for rate in &rates[..7] {
        let same = rates[7..]
            .iter()
            .filter(|other| (number(other) - number(rate)).abs() <= 1.0);
        assert_eq!(same.count(), 1, "{rates:?}");
    }
}

#[test]
fn only_a_file_is_resumed() {
    let ran = ran(&["--resume", "a=x"]);
    assert!(
        ran.code == 2 && ran.complaint.contains("--json"),
        "{}",
        ran.complaint
    );
}
