//! A signal loses no report, and a broken stream or file causes no panic.

use std::process::{Child, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use super::*;

fn begun(flags: &[&str]) -> Child {
    let url = format!("http://{}/", serve(|peer| peer.answer_all(HELLO)));
    let child = command(&[&["-z", "60s", "-c", "2"], flags, &[&url]].concat())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    thread::sleep(Duration::from_millis(300));
    child
}

fn send(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).unwrap();
}

/// timeout(1) signals the process and its group, so the process gets the signal twice.
#[test]
fn signals_at_the_same_time_count_as_one() {
    for _ in 0..10 {
        let child = begun(&["-o", "json"]);
        send(&child, Signal::TERM);
        send(&child, Signal::INT);
        thread::sleep(Duration::from_millis(2));
        send(&child, Signal::TERM);
        let ran = Ran::from(child.wait_with_output().unwrap());
        assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
        validate(&serde_json::from_str(&ran.text).unwrap());
    }
}

/// A pipe without a reader blocks the report; a later signal ends the process.
#[test]
fn a_later_signal_ends_the_process() {
    let pipe = TemporaryFile::new();
    let made = std::process::Command::new("mkfifo").arg(&pipe.0).status();
    assert!(made.unwrap().success());
    let mut child = begun(&["--json", pipe.path()]);
    send(&child, Signal::TERM);
    thread::sleep(Duration::from_millis(1500));
    assert!(child.try_wait().unwrap().is_none(), "it waits for a reader");
    send(&child, Signal::TERM);
    let ran = Ran::from(child.wait_with_output().unwrap());
    assert_eq!(ran.code, 128 + 15);
}

/// Runs a shell command line, to redirect streams.
fn shell(line: &str) -> Ran {
    let url = format!("http://{}/", serve(|peer| peer.answer_all(HELLO)));
    let output = std::process::Command::new("bash")
        .args(["-c", line])
        .env("BENCH", format!("{} bench", env!("CARGO_BIN_EXE_hullo")))
        .env("URL", url)
        .stdin(Stdio::null())
        .output();
    Ran::from(output.unwrap())
}

#[test]
fn a_broken_standard_error_changes_nothing() {
    for redirection in ["2>/dev/full", "2>&-", "2> >(true)"] {
        let good = shell(&format!("$BENCH -n 20 -c 2 $URL {redirection}"));
        assert_eq!(good.code, 0, "{redirection}");
        assert!(good.text.contains("[200]  20 responses"), "{redirection}");
        let failed = shell(&format!(
            "$BENCH -n 20 -c 2 --expect-status 404 $URL {redirection}"
        ));
        assert_eq!(failed.code, 1, "{redirection}");
        let refused = shell(&format!("$BENCH --merge /nowhere/at.all {redirection}"));
        assert_eq!(refused.code, 2, "{redirection}");
    }
}

/// `script` provides a terminal for the progress line, which then disappears.
#[test]
fn a_run_outlives_its_terminal() {
    let file = TemporaryFile::new();
    let line = format!(
        "script -qec 'setsid -f bash -c \"$BENCH -n 60 -q 60 -c 1 --json {} $URL\"; sleep 0.2' /dev/null; sleep 3",
        file.path()
    );
    shell(&line);
    let json: Value = serde_json::from_str(&file.text()).unwrap();
    assert_eq!(number(&json["responses"]), 60);
}

#[test]
fn write_errors_are_reported() {
    for (line, code, said) in [
        ("$BENCH -n 20 -c 2 $URL | head -1", 0, ""),
        (
            "$BENCH -n 20 -c 2 $URL | true; exit ${PIPESTATUS[0]}",
            0,
            "",
        ),
        (
            "$BENCH -n 20 -c 2 $URL >/dev/full",
            1,
            "cannot write the report: No space left",
        ),
        (
            "$BENCH -n 20 -c 2 $URL --json /dev/full",
            1,
            "cannot write /dev/full: No space left",
        ),
        (
            "$BENCH -n 20 -c 2 $URL --hdr /dev/full",
            1,
            "cannot write /dev/full: No space left",
        ),
        ("$BENCH -n 20 -c 2 $URL >/dev/full 2>/dev/full", 1, ""),
    ] {
        let ran = shell(line);
        assert_eq!(ran.code, code, "{line}: {}", ran.stderr);
        assert!(ran.stderr.contains(said), "{line}: {}", ran.stderr);
        assert!(!ran.stderr.contains("panicked"), "{line}: {}", ran.stderr);
    }
}

#[test]
fn a_file_that_cannot_be_written_costs_no_other_result() {
    let (hdr, svg) = (TemporaryFile::new(), TemporaryFile::new());
    let line = format!(
        "$BENCH -n 20 -c 2 $URL --json /dev/full --hdr {} --svg {}",
        hdr.path(),
        svg.path()
    );
    let ran = shell(&line);
    let said = "cannot write /dev/full: No space left";
    assert!(ran.stderr.contains(said), "{}", ran.stderr);
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    assert!(ran.text.contains("[200]  20 responses"), "{}", ran.text);
    assert!(hdr.text().contains("TotalCount") && svg.text().starts_with("<svg"));
}
