//! The parts of a report by themselves.

use plotters::style::text_anchor::HPos;
use plotters::style::{FontStyle, RGBColor};

use super::lines::{LEFT, apart, value_axis};
use super::notes::{brief, date, shell};
use super::plot::{Ink, SIZE, STYLE, cut, draw, width_of};
use super::section::{Line, Scale, Unit};
use crate::race::stats::{EQUAL, RESOLUTION};

#[test]
fn every_target_of_eighteen_has_a_colour_of_its_own() {
    let hex = |ink: Ink| {
        let RGBColor(red, green, blue) = ink.colour();
        format!("#{red:02X}{green:02X}{blue:02X}")
    };
    let mut seen: Vec<String> = (0..18).map(|n| hex(Ink::Target(n))).collect();
    seen.extend([Ink::Text, Ink::Soft, Ink::Grid, Ink::Paper, Ink::Other].map(hex));
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 23);
    assert!(
        seen.iter()
            .all(|colour| STYLE.contains(&format!("[fill=\"{colour}\"]")))
    );
}

#[test]
fn a_long_name_keeps_both_ends() {
    assert_eq!(cut("hullo", 200, 26), "hullo");
    let long = cut("a-greeting-server-in-go-with-net-http", 200, 26);
    assert!(long.starts_with("a-g") && long.ends_with("ttp"), "{long}");
    assert!(width_of(&long, 26) <= 200);
    assert_eq!(cut("日本語日本語", 10, 26), "…");
}

#[test]
fn a_picture_says_what_it_shows() {
    let svg = draw(
        (100, 50),
        "<script>&\"'",
        "<style>text{}</style>",
        |canvas| {
            canvas.text(
                "<b>&",
                (10, 10),
                20,
                (Ink::Text, FontStyle::Normal),
                HPos::Left,
            );
        },
    );
    assert!(svg.starts_with("<svg role=\"img\" aria-label=\"&#60;script&#62;&#38;&#34;&#39;\" "));
    assert!(svg.contains("<title>&#60;script&#62;&#38;&#34;&#39;</title>"));
    assert!(svg.contains("<style>text{}</style>"));
    assert!(svg.contains("&lt;b&gt;&amp;") && !svg.contains("<b>"));
    assert!(svg.trim_end().ends_with("</svg>"));
}

#[test]
fn labels_keep_their_distance() {
    assert_eq!(apart(&[100, 200], (20, 400)), [100, 200]);
    assert_eq!(apart(&[100, 100, 101], (20, 400)), [100, 132, 164]);
    assert_eq!(apart(&[390, 395, 400], (20, 400)), [336, 368, 400]);
}

#[test]
fn an_axis_covers_what_is_shown() {
    let line = |points: &[(f64, f64)]| Line {
        number: 0,
        name: "a".into(),
        points: points.to_vec(),
    };
    let one = [line(&[(0.3, 1e6)])];
    let axis = value_axis(&one, Unit::Time);
    assert!(axis.from < axis.to && !axis.ticks.is_empty());
    let wide = [line(&[(0.3, 30e3), (2.0, 4e9)])];
    let axis = value_axis(&wide, Unit::Time);
    assert!(axis.ticks.len() < 8, "{:?}", axis.ticks);
    assert!(axis.from < 30e3_f64.log10() && axis.to > 4e9_f64.log10());

    let ticks = |least: f64, most: f64| -> Vec<String> {
        let axis = Scale::Rate.axis(&[line(&[(least, 1.0), (most, 1.0)])]);
        axis.ticks.into_iter().map(|(_, text)| text).collect()
    };
    assert_eq!(ticks(900.0, 12_000.0), ["1k", "2k", "5k", "10k"]);
    assert_eq!(ticks(10.0, 100_000.0).len(), 4);

    // Where the points are, unless they are too near each other.
    let points = [1.0, 16.0, 17.0, 256.0].map(|x| (x, 1e6));
    let axis = Scale::Connections.axis(&[line(&points), line(&points[..2])]);
    let texts: Vec<&str> = axis.ticks.iter().map(|(_, text)| text.as_str()).collect();
    assert_eq!(texts, ["1", "16", "256"]);
    let rates = value_axis(&[line(&[(1.0, 1500.0), (2.0, 90e3)])], Unit::Rate);
    assert_eq!(rates.ticks[0].1, "1k");
}

#[test]
fn a_time_has_its_room() {
    assert!(width_of("999 µs", SIZE) <= LEFT);
}

#[test]
fn a_long_reason_is_cut() {
    assert_eq!(brief("ended with 1"), "ended with 1");
    assert_eq!(brief(&"ä".repeat(400)).chars().count(), 301);
}

#[test]
fn a_date_is_written_from_the_year_down() {
    assert_eq!(date(1_795_485_600), "2026-11-24 02:00:00 UTC");
    assert_eq!(date(0), "1970-01-01 00:00:00 UTC");
    assert_eq!(date(u64::MAX), "9999-12-31 23:59:59 UTC");
}

#[test]
fn a_word_is_quoted_for_a_shell() {
    assert_eq!(shell("--port=80"), "--port=80");
    assert_eq!(shell("it's {port}"), r"'it'\''s {port}'");
    assert_eq!(shell(""), "''");
}

#[test]
fn the_readme_has_the_bounds_of_no_difference() {
    let readme = include_str!("../README.md");
    let text = readme.split_whitespace().collect::<Vec<_>>().join(" ");
    let bounds = format!("reaches below {} or above {},", EQUAL.start(), EQUAL.end());
    assert!(text.contains(&bounds), "{bounds}");
    let resolution = format!("within {} % of 1,", RESOLUTION * 100.0);
    assert!(text.contains(&resolution), "{resolution}");
}
