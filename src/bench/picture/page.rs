//! The page: one file that needs nothing else.

use askama::Template;

use super::charts;
use crate::bench::line_chart::{Chart, draw};
use crate::bench::live::Point;
use crate::bench::report::Report;
use crate::bench::summary;
use crate::terminal::clean;

/// Only what a picture or another part of the page does not show.
const LEFT_OUT: [&str; 2] = ["Latency histogram", "Requests/sec over time"];

#[derive(Template)]
#[template(path = "page.html", config = "src/bench/picture/askama.toml")]
struct Page {
    title: String,
    warnings: Vec<String>,
    figures: Vec<(String, String)>,
    sections: Vec<Section>,
}

struct Section {
    title: String,
    /// Names, and what follows them. Some lines have no name.
    rows: Vec<(String, String)>,
}

pub(in crate::bench) fn page(report: &Report, points: &[Point]) -> String {
    let figure = |chart: Chart| {
        let title = chart.title.clone();
        (
            title,
            draw(&Chart {
                title: String::new(),
                ..chart
            }),
        )
    };
    let sections = summary::sections(report, 80).into_iter();
    let sections = sections.filter(|(title, lines)| {
        !lines.is_empty() && !LEFT_OUT.iter().any(|start| title.starts_with(start))
    });
    let page = Page {
        title: clean(&format!(
            "{} {}",
            summary::what(&report.settings),
            report.settings.url
        )),
        warnings: report.warnings.clone(),
        figures: charts(report, points).into_iter().map(figure).collect(),
        sections: sections
            .map(|(title, lines)| section(title, &lines))
            .collect(),
    };
    // It writes into a string, which does not fail.
    page.render().unwrap_or_default()
}

fn section(title: &str, lines: &[String]) -> Section {
    let row = |line: &String| {
        let parts = line.split_once('\t').or_else(|| line.split_once(" in "));
        let (name, rest) = parts.unwrap_or(("", line));
        (name.trim_end_matches(':').to_owned(), rest.to_owned())
    };
    Section {
        title: title.to_owned(),
        rows: lines.iter().map(row).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::report_tests::{report, tally};

    #[test]
    fn a_page_is_whole_and_its_text_is_escaped() {
        let mut tally = tally(&[1_000_000; 100]);
        tally.statuses[200] = 100;
        let mut report = report(tally);
        report.settings.url = "http://a/<script>".to_owned();
        report.warnings = vec!["a <b> & c".to_owned()];
        let page = page(&report, &[]);
        assert!(page.contains("http://a/&#60;script&#62;"), "{page}");
        assert!(
            page.contains("a &#60;b&#62; &#38; c") && !page.contains("<b>"),
            "{page}"
        );
        assert_eq!(page.matches("<svg ").count(), 3);
        assert!(
            page.contains("<dt>answered</dt><dd>100 in 1.00 s, 100/s</dd>"),
            "{page}"
        );
        assert!(page.trim_end().ends_with("</html>"));
        // It loads nothing.
        assert!(
            !page.contains("src=") && !page.contains("@import"),
            "{page}"
        );
    }
}
