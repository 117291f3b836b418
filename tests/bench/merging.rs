//! `--merge` of files that are good, damaged, foreign, or duplicates.

use super::*;

/// Results of a real run, in a file.
fn results(requests: &str) -> TemporaryFile {
    let url = format!("http://{}/", serve(|peer| peer.answer_all(HELLO)));
    let file = TemporaryFile::new();
    let ran = bench(&["-n", requests, "-c", "2", "--json", file.path(), &url]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    file
}

fn written(text: &str) -> TemporaryFile {
    let file = TemporaryFile::new();
    std::fs::write(&file.0, text).unwrap();
    file
}

#[test]
fn a_damaged_file_is_refused_by_name() {
    let good = results("20").text();
    let largest = u64::MAX.to_string();
    for (from, to, said) in [
        (
            "\"responses\":20",
            format!("\"responses\":{largest}"),
            "`responses` is 18446744073709551615",
        ),
        (
            "\"machines\":1",
            format!("\"machines\":{largest}"),
            "`machines` is",
        ),
        (
            "\"min_ns\":",
            "\"min_ns\":9999999".to_owned(),
            "`latency.min_ns` is",
        ),
        (
            "\"machines\":1",
            "\"machines\":-1".to_owned(),
            "`machines`: invalid value",
        ),
        (
            "hullo-bench/1",
            "\\u001b[31m\\u009b1m".to_owned(),
            "its `format` is",
        ),
        (
            "\"machines\":1",
            "\"\\u001b]0;x\\u0007\":1".to_owned(),
            "unknown field",
        ),
    ] {
        let file = written(&good.replacen(from, &to, 1));
        let ran = bench(&["--merge", file.path()]);
        assert_eq!(ran.code, 2, "{to}: {}", ran.stderr);
        let sentence = format!("hullo bench: {} cannot be joined: ", file.path());
        assert!(ran.stderr.starts_with(&sentence), "{}", ran.stderr);
        assert!(ran.stderr.contains(said), "{}", ran.stderr);
        let obeyed = |c: char| c.is_control() && c != '\n';
        assert!(!ran.stderr.contains(obeyed), "{:?}", ran.stderr);
        assert_eq!(ran.text, "");
    }
}

#[test]
fn one_bad_file_does_not_block_the_others() {
    let (a, b, empty) = (results("20"), results("30"), written(""));
    let log = written(&format!("hullo bench: a note\n{}some line\n", b.text()));
    let all = TemporaryFile::new();
    let merge = |files: &[&str]| {
        let _ = std::fs::remove_file(&all.0);
        bench(&[&["--json", all.path(), "--merge"], files].concat())
    };
    let ran = merge(&[a.path(), empty.path(), log.path(), "/nowhere/at.all"]);
    assert_eq!(ran.code, 4, "{}", ran.stderr);
    let json: Value = serde_json::from_str(&all.text()).unwrap();
    validate(&json);
    assert_eq!(number(&json["responses"]), 50);
    assert_eq!(number(&json["machines"]), 2);
    assert_eq!(json["warnings"][0], "2 of 4 files were left out");
    for said in [
        format!("{} cannot be joined: the file is empty", empty.path()),
        "/nowhere/at.all cannot be joined: No such file".to_owned(),
    ] {
        assert!(ran.stderr.contains(&said), "{}", ran.stderr);
        assert!(
            ran.text.contains(&format!("\nWarning: {said}")),
            "{}",
            ran.text
        );
    }
    // What was joined can be joined again.
    let ran = bench(&[
        "--merge",
        all.path(),
        results("5").path(),
        "--fail-if",
        "responses!=55",
    ]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    // A condition that is met comes first, and without a good file there is no report.
    let ran = merge(&[a.path(), empty.path(), "--fail-if", "responses==20"]);
    assert_eq!(ran.code, 3, "{}", ran.stderr);
    let ran = merge(&[empty.path()]);
    assert_eq!((ran.code, ran.text.as_str()), (2, ""), "{}", ran.stderr);
    assert!(
        ran.stderr.ends_with("none of the files can be joined\n"),
        "{}",
        ran.stderr
    );
}

#[test]
fn the_same_run_is_not_counted_twice() {
    let (a, b, link, both) = (
        results("20"),
        results("30"),
        TemporaryFile::new(),
        TemporaryFile::new(),
    );
    std::os::unix::fs::symlink(&a.0, &link.0).unwrap();
    let ran = bench(&["--json", both.path(), "--merge", a.path(), b.path()]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    for again in [&a, &link, &both] {
        let ran = bench(&["--merge", a.path(), again.path(), "-o", "json"]);
        assert_eq!(ran.code, 4, "{}", ran.stderr);
        let said = format!(
            "{} cannot be joined: one of its runs is also in {} and would be counted twice",
            again.path(),
            a.path()
        );
        assert!(ran.stderr.contains(&said), "{}", ran.stderr);
        let json: Value = serde_json::from_str(&ran.text).unwrap();
        assert_eq!(number(&json["responses"]), 20);
        assert_eq!(number(&json["machines"]), 1);
    }
}
