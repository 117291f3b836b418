//! `--fail-if` and `--until`: what decides, and how the race ends.

use std::sync::LazyLock;

use super::*;

/// A race of two servers: only its figures matter to these tests, and they are replaced.
static RACE: LazyLock<Value> = LazyLock::new(|| {
    let flags = ["-s", "churn", "-r", "5"];
    let (ran, json) = measured(&[&flags[..], &[&server("a"), &server("b")]].concat());
    assert_eq!(ran.code, 0, "{}", ran.complaint);
    json
});

/// The same race, where `b` costs exactly this much more in each round.
fn costing(more: f64) -> (TemporaryFile, Value) {
    let (file, mut json) = (TemporaryFile::new(), RACE.clone());
    for result in json["results"].as_array_mut().unwrap() {
        let base = 1000.0 + number(&result["round"]);
        let factor = if word(result, "target") == "b" {
            more
        } else {
            1.0
        };
        result["server"]["cpu_ns_per_request"] = (base * factor).into();
        result["server"]["uncounted_ns"] = 0.into();
    }
    std::fs::write(&file.0, json.to_string()).unwrap();
    (file, json)
}

#[test]
fn a_condition_decides_the_exit_code_and_every_report_says_so() {
    let (file, _) = costing(1.08);
    let [summary, page, again] = [(); 3].map(|()| TemporaryFile::new());
    for (condition, code, words) in [
        (
            "cpu>+5%",
            3,
            "The gate failed: cpu>+5% of b (0.1 s, 10 connections, each for one request).",
        ),
        ("cpu>+10%", 0, "The gate passed."),
        (
            "memory>+5%",
            4,
            "The gate is undecided: memory>+5% has no figures in these tests.",
        ),
    ] {
        let reports = [
            "--summary",
            summary.path(),
            "--html",
            page.path(),
            "--json",
            again.path(),
        ];
        let ran = ran(&[
            &["--from", file.path(), "--fail-if", condition],
            &reports[..],
        ]
        .concat());
        assert_eq!(ran.code, code, "{condition}: {}", ran.complaint);
        assert!(ran.text.contains(words), "{}", ran.text);
        assert_eq!(
            ran.complaint.contains(words),
            code != 0,
            "{}",
            ran.complaint
        );
        let read = |file: &TemporaryFile| std::fs::read_to_string(&file.0).unwrap();
        let short = read(&summary).replace('\\', "");
        assert!(short.starts_with(&format!("**{words}**\n")), "{short}");
        assert!(short.ends_with("</details>\n"), "{short}");
        assert!(read(&page).contains("<strong>The gate"));
        let json = valid(&read(&again));
        assert_eq!(json["gate"]["conditions"][0], condition);
        // The decision stays with the record.
        assert_eq!(self::ran(&["--from", again.path()]).code, code);
    }
}

/// Figures that were looked at several times are so when they are judged again.
#[test]
fn a_race_that_was_looked_at_again_and_again_stays_so() {
    let (file, mut json) = costing(1.0);
    for result in json["results"].as_array_mut().unwrap() {
        if word(result, "target") == "b" {
            let odd = number(&result["round"]) % 2.0;
            result["server"]["cpu_ns_per_request"] = (1000.0 + 10.0 * odd).into();
        }
    }
    let width = |json: &Value| {
        std::fs::write(&file.0, json.to_string()).unwrap();
        let again = TemporaryFile::new();
        let flags = ["--json", again.path(), "--fail-if", "cpu>+5%"];
        ran(&[&["--from", file.path()], &flags[..]].concat());
        let json = valid(&std::fs::read_to_string(&again.0).unwrap());
        let ratio = &json["gate"]["decisions"][0]["ratio"];
        number(&ratio["high"]) - number(&ratio["low"])
    };
    let once = width(&json);
    // Two rounds were added.
    json["settings"]["rounds"] = 3.into();
    json["gate"] = serde_json::json!({"conditions": [], "until": 0.02, "decisions": []});
    let often = width(&json);
    assert!(often > 1.5 * once, "{often} {once}");
}

#[test]
fn two_races_are_compared_by_a_condition() {
    let (old, _) = costing(1.0);
    let (new, json) = costing(1.2);
    let mut unsteady = json;
    for result in unsteady["results"].as_array_mut().unwrap() {
        let odd = number(&result["round"]) % 2.0;
        result["server"]["cpu_ns_per_request"] = (1000.0 + 500.0 * odd).into();
    }
    let noisy = TemporaryFile::new();
    std::fs::write(&noisy.0, unsteady.to_string()).unwrap();
    for (new, code, words) in [
        (&old, 0, "The gate passed"),
        (&new, 3, "The gate failed: cpu>+5% of b (0.1 s, "),
        (
            &noisy,
            4,
            "The gate is undecided: cpu>+5% of a (0.1 s, 10 connections, each for one request); cpu>+5% of b (",
        ),
    ] {
        let ran = ran(&["--compare", old.path(), new.path(), "--fail-if", "cpu>+5%"]);
        assert_eq!(ran.code, code, "{} {}", ran.complaint, ran.text);
        assert!(
            ran.text
                .replace('\\', "")
                .starts_with(&format!("**{words}")),
            "{}",
            ran.text
        );
    }
}

#[test]
fn a_server_that_was_not_measured_fails_a_comparison() {
    let (old, mut json) = costing(1.0);
    json["targets"][1]["out"] = "ended under load".into();
    for figures in ["results", "summaries"] {
        let figures = json[figures].as_array_mut().unwrap();
        figures.retain(|of| word(of, "target") == "a");
    }
    let new = TemporaryFile::new();
    std::fs::write(&new.0, json.to_string()).unwrap();
    for (first, second) in [(&old, &new), (&new, &old)] {
        for flags in [vec![], vec!["--fail-if", "cpu>+5%"]] {
            let races = ["--compare", first.path(), second.path()];
            let ran = ran(&[&races[..], &flags[..]].concat());
            assert_eq!(ran.code, 1, "{} {}", ran.complaint, ran.text);
            let words = format!("{}: not measured to the end: b\n", new.path());
            assert!(ran.complaint.ends_with(&words), "{}", ran.complaint);
            let note = "race failed: not measured";
            assert!(ran.text.contains(note), "{}", ran.text);
        }
    }
    // And nothing is left to compare.
    json["results"].as_array_mut().unwrap().clear();
    std::fs::write(&new.0, json.to_string()).unwrap();
    let ran = ran(&["--compare", old.path(), new.path()]);
    assert_eq!(ran.code, 1, "{}", ran.complaint);
}

#[test]
fn rounds_are_added_until_it_is_decided_or_the_time_is_over() {
    let (a, b) = (server("a"), server("b"));
    let flags = ["-s", "churn", "-r", "3", "--until", "20%", "--time-limit"];
    // A server is not ten times as dear as itself.
    let rule = ["60s", "--fail-if", "cpu>+900%", &a, &b];
    let (ran, json) = measured(&[&flags[..], &rule].concat());
    assert_eq!(ran.code, 0, "{}", ran.complaint);
    let decision = &json["gate"]["decisions"][0];
    assert_eq!(decision["outcome"], "passes", "{decision}");
    // It is not dearer by nothing, and not cheaper: the interval would have to be within a thousandth.
    let rule = [
        "10s",
        "--fail-if",
        "cpu>+0%",
        "--fail-if",
        "cpu<+0%",
        &a,
        &b,
    ];
    let flags = ["-s", "churn", "-r", "3", "--until", "0.1%", "--time-limit"];
    let (ran, json) = measured(&[&flags[..], &rule].concat());
    let rounds = &json["gate"]["decisions"][0]["rounds"];
    assert!(number(rounds) > 3.0, "{rounds}");
    assert!(ran.code == 4 || ran.code == 3, "{}", ran.complaint);
    let results = list(&json, "results").len();
    assert!(
        number(rounds).mul_add(2.0, -number(&results.into())).abs() < 0.1,
        "{results}"
    );
}

/// Its step, on two builds that are both this program, and shorter.
#[test]
fn the_example_of_a_workflow_runs() {
    let workflow = include_str!("../../benches/race/gate.yml");
    let (_, step) = workflow
        .split_once("      - name: Race\n        run: |\n")
        .unwrap();
    let lines = step
        .lines()
        .map_while(|line| line.strip_prefix("          "));
    let script = lines.collect::<Vec<_>>().join("\n");
    let script = script
        .replace("--duration 1s", "--duration 100ms -c 10 --warmup 50ms")
        .replace("--until 2%", "--until 50%");
    assert!(
        script.contains("100ms") && script.contains("50%"),
        "{script}"
    );
    let folder = std::env::temp_dir().join(format!("hullo-gate-{}", std::process::id()));
    let folder = folder.as_path();
    for build in ["old", "new"] {
        let release = folder.join(build).join("target/release");
        std::fs::create_dir_all(&release).unwrap();
        std::os::unix::fs::symlink(HULLO, release.join("my-server")).unwrap();
    }
    let own = std::path::Path::new(HULLO).parent().unwrap().display();
    let ran = Command::new("bash")
        .args(["-e", "-c", &script])
        .current_dir(folder)
        .env("PATH", format!("{own}:{}", std::env::var("PATH").unwrap()))
        .env("GITHUB_STEP_SUMMARY", folder.join("step.md"))
        .output()
        .unwrap();
    let ran = Ran::from(ran);
    let read = |name| std::fs::read_to_string(folder.join(name)).unwrap();
    // A noisy machine may leave it undecided, which is also success.
    assert_eq!(ran.code, 0, "{}{}", ran.text, ran.complaint);
    assert!(
        read("step.md").starts_with("**The gate "),
        "{}",
        read("step.md")
    );
    let json = valid(&read("race.json"));
    assert_eq!(list(&json["gate"], "decisions").len(), 2);
    std::fs::remove_dir_all(folder).unwrap();
}
