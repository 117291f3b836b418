//! What is written, made again and compared, and what is not compared.

use super::*;

#[test]
fn an_unwritable_report_is_reported_before_anything_runs() {
    let pids = TemporaryFile::new();
    let target = format!("a=echo $$ >> {}; exec {HULLO} --port {{port}}", pids.path());
    let ran = ran(&["--html", "/no/such/folder/race.html", &target]);
    assert!(
        ran.code == 1 && ran.complaint.contains("/no/such/folder/race.html"),
        "{}",
        ran.complaint
    );
    assert_eq!(lines(&pids), 0);
}

#[test]
fn reports_are_made_again_and_compared() {
    let [first, second, page] = [(); 3].map(|()| TemporaryFile::new());
    let (a, b) = (server("a"), server("b"));
    let arguments = ["--json", first.path(), "-s", "churn", "-r", "3", &a, &b];
    let original = ran(&[&SHORT, &arguments[..]].concat());
    assert_eq!(original.code, 0, "{}", original.complaint);
    let again = ran(&[
        "--from",
        first.path(),
        "--json",
        second.path(),
        "--html",
        page.path(),
    ]);
    assert_eq!((again.code, &again.text), (0, &original.text));
    let read = |file: &TemporaryFile| std::fs::read_to_string(&file.0).unwrap();
    assert_eq!(read(&first), read(&second));
    assert!(read(&page).contains("</html>"));
    // As if the server had been the bottleneck.
    for file in [&first, &second] {
        let mut json = valid(&read(file));
        for summary in json["summaries"].as_array_mut().unwrap() {
            summary["bound"] = "server".into();
        }
        // And as if the machine had been quiet.
        for result in json["results"].as_array_mut().unwrap() {
            let figure = 1000.0 + number(&result["round"]);
            result["requests_per_second"] = figure.into();
            result["server"]["cpu_ns_per_request"] = figure.into();
        }
        // Another version may word it otherwise.
        json["tests"][0]["title"] = file.path().into();
        std::fs::write(&file.0, json.to_string()).unwrap();
    }
    let same = ran(&["--compare", first.path(), second.path()]);
    assert_eq!(same.code, 0, "{}", same.complaint);
    assert_eq!(
        same.text.matches("no difference").count(),
        4,
        "{}",
        same.text
    );
    // The new race was a million times slower.
    let mut slower = valid(&read(&first));
    for result in slower["results"].as_array_mut().unwrap() {
        let figure = number(&result["requests_per_second"]);
        result["requests_per_second"] = (figure / 1e6).into();
    }
    std::fs::write(&second.0, slower.to_string()).unwrap();
    let worse = ran(&["--compare", first.path(), second.path()]);
    assert_eq!(worse.text.matches("worse").count(), 2, "{}", worse.text);
    let words = "worse: ";
    assert!(
        worse.code == 3 && worse.complaint.contains(words),
        "{}",
        worse.complaint
    );
    // The other way round, it is better.
    assert_eq!(ran(&["--compare", second.path(), first.path()]).code, 0);
    assert_eq!(ran(&["--compare", page.path(), first.path()]).code, 2);
}

#[test]
fn a_failing_server_is_not_compared() {
    #[derive(Clone)]
    struct Lost;
    impl Handler for Lost {
        fn handle(&self, _: &Request<'_>, reply: ResponseWriter<'_>) -> Responded {
            reply.send(Status::NOT_FOUND, &[], &[b"No.\n"])
        }
    }
    let lost = start(Lost);
    let url = format!("lost=http://{}/", lost.local_addr());
    let (ran, json) = measured(&["-s", "churn", "-r", "3", &server("a"), &url]);
    let words = "too many errors: lost";
    assert!(
        ran.code == 1 && ran.complaint.contains(words),
        "{}",
        ran.complaint
    );
    assert!(
        json["warnings"]
            .to_string()
            .contains("too many errors of lost"),
        "{}",
        json["warnings"]
    );
    assert!(list(&json, "summaries")[1]["requests_per_second"]["ratio"].is_null());
    let file = TemporaryFile::new();
    std::fs::write(&file.0, json.to_string()).unwrap();
    let again = race(&["--from", file.path()]).output().unwrap();
    let again = Ran::from(again);
    assert!(
        again.code == 1 && again.complaint.contains(words),
        "{}",
        again.complaint
    );
    assert_eq!(again.text, ran.text);
    let compared = race(&["--compare", file.path(), file.path()]).output();
    let compared = Ran::from(compared.unwrap());
    assert_eq!(compared.code, 1, "{}", compared.complaint);
    let told = compared.complaint.trim_end();
    assert!(told.ends_with("too many errors: lost"), "{told}");
    let compared = compared.text;
    let words = |name: &str| compared.lines().find(|line| line.contains(name)).unwrap();
    assert!(words("| lost ").contains("too many errors"), "{compared}");
    assert!(!words("| a ").contains("too many errors"), "{compared}");
    lost.stop().unwrap();
}
