//! What every form of a report has to say, and never says.

use std::fs;
use std::path::Path;

use super::kinds::{self, HOSTILE};
use super::sample::{self, ALL, record, servers};
use super::text;
use super::view::View;
use super::{markdown, page, picture};
use crate::race::record::{Record, Suite};

fn plain(record: &Record, width: Option<u16>, colour: bool) -> String {
    text::plain(&View::of(record), width, colour)
}

fn forms(record: &Record) -> [String; 4] {
    let view = View::of(record);
    [
        plain(record, Some(80), false),
        markdown(&view),
        page(&view),
        picture(&view),
    ]
}

/// Without mark-up, and with one space for many.
fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn assert_in_order(text: &str, parts: &[&str]) {
    let mut from = 0;
    for part in parts {
        let found = text[from..].find(part);
        from +=
            found.unwrap_or_else(|| panic!("no {part} where it belongs in:\n{text}")) + part.len();
    }
}

#[test]
fn no_record_is_too_odd() {
    for (name, record) in kinds::all() {
        for form in forms(&record) {
            assert!(!form.is_empty(), "{name}");
            for never in ["NaN", "inf ", "inf\"", ">inf", "-inf", "∞"] {
                assert!(!form.contains(never), "{name} says {never}:\n{form}");
            }
        }
    }
}

/// For `tests/race/page`, and for a look at them.
#[test]
fn samples_are_written_when_a_folder_is_given() {
    let Some(folder) = std::env::var_os("HULLO_RACE_SAMPLES") else {
        return;
    };
    let folder = Path::new(&folder);
    fs::create_dir_all(folder).unwrap();
    for (name, record) in kinds::all() {
        let [text, markdown, page, picture] = forms(&record);
        let json = serde_json::to_string_pretty(&record).unwrap();
        for (end, content) in [
            ("txt", text),
            ("md", markdown),
            ("html", page),
            ("svg", picture),
            ("json", json),
        ] {
            fs::write(folder.join(format!("{name}.{end}")), content).unwrap();
        }
    }
}

#[test]
fn the_article_has_its_table_to_the_letter() {
    let record = record(&servers(2), &[Suite::Article], 3);
    let markdown = markdown(&View::of(&record));
    let text = words(&markdown);
    assert!(
        text.contains("| Language | Requests | Concurrency | Time Taken | Errors | Requests/sec |"),
        "{markdown}"
    );
    assert!(
        text.contains("| hullo | 10,000 | 100 | 0.0400 s | 0 | 250,000 |"),
        "{markdown}"
    );
    assert_in_order(
        &text,
        &[
            "| hullo | 10,000",
            "| hyper | 10,000",
            "| hullo | 1,2",
            "| hyper | 1,",
        ],
    );
    let other = record_of(Suite::Churn);
    assert!(!super::markdown(&View::of(&other)).contains("Language"));
}

fn record_of(suite: Suite) -> Record {
    record(&servers(3), &[suite], 3)
}

#[test]
fn parts_come_in_order() {
    let record = record(&servers(3), &ALL, 3);
    let order = [
        "Language",
        "10,000 requests, 100 connections",
        "Requests/s",
        "µs/request",
        "p99.9",
        "Memory: 10,000 idle connections",
        "Per connection",
        "Latency over rate",
        "Asked/s",
        "Behaviour",
        "Warnings",
        "Setting",
        "Processor: AMD EPYC 7B13, 2 cores usable",
        "Commands",
        "hullo race 'hullo=hullo --port {port} --workers {workers}'",
    ];
    assert_in_order(&plain(&record, Some(80), false), &order);
    assert_in_order(
        &markdown(&View::of(&record)),
        &["# hullo, hyper and Go side by side"],
    );
    assert_in_order(
        &page(&View::of(&record)),
        &[
            "<h1>hullo, hyper and Go side by side</h1>",
            "<svg role=\"img\"",
            "Requests/s",
            "bar: median, dots: rounds",
            "Memory and answers",
            "Language",
            "Behaviour",
            "AMD EPYC",
        ],
    );
}

#[test]
fn a_result_names_the_cost_and_the_bottleneck() {
    let text = plain(&record_of(Suite::Churn), None, false);
    assert!(
        text.contains("5 s, 100 connections. CPU per request: hyper ×1.1"),
        "{text}"
    );
    assert!(text.contains("), Go ×2.4"), "{text}");
    assert!(
        text.contains("The generator, 99 % busy, was the bottleneck: it set the requests/s."),
        "{text}"
    );
    let text = plain(&record_of(Suite::Pipeline), Some(80), false);
    assert!(text.contains("Requests/s: hyper ×0.9"), "{text}");
    let text = plain(
        &record(&servers(17), &[Suite::Pipeline], 3),
        Some(80),
        false,
    );
    assert!(text.contains("CPU per request: 15 of 16"), "{text}");
}

#[test]
fn nothing_but_commands_is_wider_than_the_terminal() {
    for (name, record) in kinds::all() {
        let text = plain(&record, Some(80), false);
        let told = text.split("\nCommands\n").next().unwrap();
        for line in told.lines() {
            let wide = line.chars().count() > 80;
            assert!(!wide, "{name}: {line}");
        }
    }
}

#[test]
fn colour_is_only_where_it_was_asked_for() {
    let record = record_of(Suite::Article);
    assert!(!plain(&record, None, false).contains('\x1b'));
    assert!(plain(&record, None, true).contains("\x1b["));
    assert!(!markdown(&View::of(&record)).contains('\x1b'));
}

#[test]
fn hostile_names_stay_names() {
    let mut record = record(
        &[
            sample::server(HOSTILE, 3000.0),
            sample::server("b\x1b[2J\n", 4000.0),
        ],
        &ALL,
        2,
    );
    record
        .warnings
        .push("<img src=x onerror=alert(1)>".to_owned());
    record.targets[0].command = Some("x </code></pre><script>alert(2)</script> ``` ".to_owned());
    record.targets[0].out = Some("<b>out</b>".to_owned());
    record.tests[0].title = "<i>title</i>".to_owned();
    let [text, markdown, page, picture] = forms(&record);
    // Its own script is the last of the page.
    let (rest, own) = page.rsplit_once("<script>").unwrap();
    assert!(own.trim_start().starts_with("// Sorts a table"), "{own}");
    for form in [rest, &picture] {
        for tag in ["<script", "<img", "<b>out", "<i>", "</code></pre><s"] {
            assert!(!form.contains(tag), "{tag}");
        }
    }
    assert!(page.contains("&#60;script&#62;"));
    assert!(picture.contains("&#60;script&#62;&#38;"));
    for form in [&text, &markdown, &page, &picture] {
        assert!(!form.contains('\x1b'), "a name moves the cursor");
    }
    assert!(markdown.contains(r#"\<script\>\&"'\|\`\*"#), "{markdown}");
    assert!(markdown.contains("````sh\nx </code>"), "{markdown}");
    for table in markdown
        .lines()
        .filter(|line| line.starts_with("| \\<script"))
    {
        let bars = table.replace(r"\|", "").matches('|').count();
        assert!(bars >= 5, "{table}");
    }
}

#[test]
fn no_difference_is_said_in_words() {
    let record = record(
        &[sample::server("a", 4000.0), sample::server("b", 4001.0)],
        &[Suite::Churn],
        5,
    );
    for form in &forms(&record)[..3] {
        assert!(form.contains("no difference (0."), "{form}");
        assert!(!form.contains('×'), "{form}");
    }
}

#[test]
fn one_round_has_no_ratio_and_says_so() {
    let text = plain(&record(&servers(3), &[Suite::Pipeline], 1), None, false);
    assert!(!text.contains('×') && !text.contains("Ratio"), "{text}");
    assert!(text.contains("they take 3 rounds"), "{text}");
    assert!(text.contains("Requests/s: hullo "), "{text}");
}

/// Go answers 404 to everything, and fast.
fn with_a_failing_one(first: bool) -> Record {
    let mut servers = servers(3);
    if first {
        servers.rotate_right(1);
    }
    let mut record = record(&servers, &[Suite::Article], 3);
    for result in record.results.iter_mut().filter(|of| of.target == "Go") {
        result.errors.insert("status".to_owned(), result.requests);
        result.requests_per_second *= 100.0;
    }
    sample::summarise(&mut record);
    for summary in &mut record.summaries {
        if first || summary.target == "Go" {
            summary.requests_per_second.ratio = None;
            summary.cpu_ns_per_request = None;
        }
    }
    record
}

#[test]
fn a_server_that_failed_is_marked_wherever_its_figures_stand() {
    let view = View::of(&with_a_failing_one(false));
    assert!(
        view.result
            .contains("Failed: Go: 100 % errors (status). CPU"),
        "{}",
        view.result
    );
    let text = text::plain(&view, Some(200), false);
    for words in [
        "Go failed in 5 s, 100 connections: 100 % errors (status) in all rounds.",
        "Go has no ratio: Go failed: 100 % errors (status).",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
    for form in [page(&view), picture(&view)] {
        assert!(form.contains(">\nfailed"), "{form}");
    }
    assert!(page(&view).contains("failed: 100 % errors (status)"));
    // The tables of speed and of CPU, and that of the article, whose errors are those of the same round.
    assert!(words(&markdown(&view)).contains("| failed | generator |"));
    let article = view.article.unwrap();
    let row = article.rows.iter().find(|row| row[0] == "Go").unwrap();
    assert_eq!(row[1], row[4], "{row:?}");

    let view = View::of(&with_a_failing_one(true));
    let text = text::plain(&view, None, false);
    let words = "all servers are compared with Go: Go failed: 100 % errors (status)";
    assert!(text.contains(words), "{text}");
}

#[test]
fn a_busy_machine_is_warned_of_before_the_result() {
    let mut record = record_of(Suite::Churn);
    assert_eq!(View::of(&record).caution, None);
    for result in record.results.iter_mut().filter(|of| of.target == "Go") {
        result.generator.queued = Some(0.34);
    }
    for form in &forms(&record)[..3] {
        let form = form.replace(['\n', '\u{a0}'], " ");
        assert_in_order(
            &form,
            &[
                "waited for a core up to 34 %",
                "in 1 of 3",
                "CPU per request",
            ],
        );
    }
}

#[test]
fn a_server_that_was_not_measured_is_listed_with_the_reason() {
    let (_, record) = kinds::all()
        .into_iter()
        .find(|(name, _)| *name == "out")
        .unwrap();
    let text = plain(&record, Some(80), false);
    assert!(
        text.contains("Go was not measured to the end: it ended with signal 11 in round 2.\n"),
        "{text}"
    );
    assert!(
        text.contains("warp was not measured: it did not listen within 10 s.\n"),
        "{text}"
    );
    assert!(
        text.contains("Errors of hyper: 3 connect, 36 timeout."),
        "{text}"
    );
    // Of the ten tests with a rate together.
    assert!(
        text.contains("Errors of hyper: 30 connect, 360 timeout."),
        "{text}"
    );
}

#[test]
fn the_matrix_has_a_sign_for_each_and_tells_what_was_wrong() {
    let record = record_of(Suite::Article);
    let markdown = markdown(&View::of(&record));
    assert!(words(&markdown).contains("| Right | Greeting | HTTP/1.0 |"));
    let row = "| hyper | 9 of 11 | ✓ | ✓ | ✗ 400, closes without an answer |";
    assert!(words(&markdown).contains(row), "{markdown}");
    let page = page(&View::of(&record));
    assert!(page.contains("<td class=\"wrong\">✗ 400, closes without an answer</td>"));
    assert!(page.contains("<td class=\"right\">✓</td>"));
    let text = plain(&record, None, false);
    let line = "hyper: 9 of 11; Keep-alive: 400, closes without an answer;";
    assert!(text.contains(line), "{text}");
}

#[test]
fn a_picture_is_whole_and_follows_the_theme() {
    let svg = picture(&View::of(&record_of(Suite::Article)));
    assert!(svg.starts_with("<svg role=\"img\" aria-label=\"hullo, hyper and Go side by side."));
    assert!(svg.contains("prefers-color-scheme:dark") && svg.contains("<title>"));
    assert_in_order(
        &svg,
        &[
            "10,000 requests, 100 connections",
            "Requests/s",
            "hullo",
            "hyper",
            "CPU per request",
            "×1.1",
        ],
    );
    assert!(svg.contains("5 s, 100 connections"));
}

#[test]
fn colours_mean_something() {
    // The first server's bars, and all lines of a few servers.
    let few = page(&View::of(&record(&servers(3), &ALL, 2)));
    assert!(few.matches("fill=\"#0067B0\"").count() >= 5);
    assert!(few.matches("stroke=\"#008A60\" stroke-width").count() >= 4);
    // Of many, only the first one's.
    let many = page(&View::of(&record(&servers(17), &ALL, 2)));
    assert!(many.matches("stroke=\"#0067B0\" stroke-width").count() >= 4);
    let style = many.matches("stroke=\"#008A60\"").count();
    assert_eq!(style, 1, "only in the style sheet");
}

#[test]
fn the_chart_beside_the_result_stands_there_only() {
    let page = page(&View::of(&record_of(Suite::Churn)));
    let caption = "<figcaption>CPU per request: less is better";
    let (top, below) = page.split_once("<main>").unwrap();
    assert!(top.contains(caption), "{top}");
    assert!(!below.contains(caption) && below.contains("<figcaption>Latency"));
}

#[test]
fn a_server_that_failed_has_no_curve() {
    let mut record = record(&servers(3), &[Suite::Churn, Suite::Rate, Suite::Cost], 3);
    for result in &mut record.results {
        if result.target == "hyper" {
            result.errors.insert("status".to_owned(), result.requests);
        }
    }
    sample::summarise(&mut record);
    let page = page(&View::of(&record));
    let curves: Vec<&str> = page.split("At the right end: ").skip(1).collect();
    assert!(curves.len() > 3);
    for curve in curves {
        let names = curve.split('"').next().unwrap();
        assert!(names.contains("hullo ") && names.contains("Go "), "{names}");
        assert!(!names.contains("hyper"), "{names}");
    }
}

#[test]
fn a_server_that_failed_is_named_once_for_a_series() {
    let mut record = record(&servers(3), &[Suite::Rate, Suite::Cost], 3);
    let failing = record.results.iter_mut().filter(|of| of.target == "hyper");
    for (number, result) in failing.filter(|of| of.requests > 0).enumerate() {
        // Another share in each test.
        let errors = result.requests / (1 + number as u64 / 3);
        result.errors.insert("status".to_owned(), errors);
    }
    sample::summarise(&mut record);
    let view = View::of(&record);
    let section = |title: &str| {
        let mut sections = view.sections.iter();
        sections.find(|section| section.title == title).unwrap()
    };
    for title in ["Latency over rate", "Cost of the same work"] {
        let result = &section(title).result;
        assert!(result.starts_with("Failed: hyper: "), "{result}");
        assert_eq!(result.matches("hyper: ").count(), 1, "{result}");
    }
    let rate = section("Latency over rate");
    assert_eq!(rate.result.matches("hyper").count(), 1, "{}", rate.result);
    for row in &rate.tables[0].rows {
        let is_marked = row.last().unwrap() == "failed";
        assert_eq!(is_marked, row[0] == "hyper", "{row:?}");
    }
}

#[test]
fn the_rounds_that_were_run_are_told() {
    let mut record = record(&servers(3), &[Suite::Article], 5);
    record
        .results
        .retain(|of| of.target != "Go" || of.round < 3);
    sample::summarise(&mut record);
    let text = plain(&record, None, false);
    for words in [
        "medians of 2 to 5 rounds",
        "of 2 to 5 rounds the one in the middle",
        "Rounds: 2 to 5\n",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
}
