//! A line chart as SVG.

use std::ops::Range;

use plotters::chart::{ChartBuilder, ChartContext, SeriesLabelPosition};
use plotters::coord::cartesian::Cartesian2d;
use plotters::coord::ranged1d::{AsRangedCoord, Ranged, ValueFormatter};
use plotters::prelude::{
    Circle, DrawingArea, IntoDrawingArea as _, IntoLogRange as _, LineSeries, PathElement,
    RGBColor, Rectangle, SVGBackend,
};
use plotters::style::{Color as _, IntoFont as _};

use super::durations::in_unit;

const SIZE: (u32, u32) = (760, 460);

/// Large enough to be read where the chart is as wide as a phone.
const TEXT_SIZE: u32 = 22;

/// With so few points, each is marked: a line of one point is none.
const DOTS_MAX: usize = 60;

/// Distinct also to most who see few colours.
const COLOURS: [RGBColor; 4] = [
    RGBColor(0x00, 0x67, 0xb0),
    RGBColor(0x00, 0x8a, 0x60),
    RGBColor(0xd1, 0x48, 0x08),
    RGBColor(0xb8, 0x4a, 0x94),
];
const TEXT: RGBColor = RGBColor(0x1c, 0x1e, 0x22);
const PAPER: RGBColor = RGBColor(0xff, 0xff, 0xff);
const GRID: RGBColor = RGBColor(0xd5, 0xd8, 0xdd);
const MARK: RGBColor = RGBColor(0xf3, 0xe3, 0xb0);

#[derive(Clone, Debug)]
pub(super) struct Chart {
    pub(super) title: String,
    pub(super) x: String,
    pub(super) y: String,
    pub(super) is_x_log: bool,
    pub(super) is_y_log: bool,
    /// How numbers at the axes are written, if not as they are.
    pub(super) show_x: Option<fn(f64) -> String>,
    pub(super) show_y: Option<fn(f64) -> String>,
    pub(super) lines: Vec<Line>,
    /// Where the chart is shaded.
    pub(super) mark: Option<(f64, f64)>,
}

#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) name: &'static str,
    pub(super) points: Vec<(f64, f64)>,
}

/// Draws it. Without points, it is empty but for its title.
pub(super) fn draw(chart: &Chart) -> String {
    draw_all(std::slice::from_ref(chart), "")
}

/// Draws charts below each other, with a style sheet or none.
pub(super) fn draw_all(charts: &[Chart], style: &str) -> String {
    let mut svg = String::new();
    {
        let size = (SIZE.0, SIZE.1 * charts.len() as u32);
        let area = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        let _ = area.fill(&PAPER);
        // Writing into a string does not fail, and a picture that lacks a line is better than none.
        for (chart, area) in charts.iter().zip(area.split_evenly((charts.len(), 1))) {
            let _ = draw_on(chart, &area);
        }
        let _ = area.present();
    }
    let titles: Vec<&str> = charts.iter().map(|chart| chart.title.as_str()).collect();
    let title = titles.join("; ").replace('&', "&amp;").replace('<', "&lt;");
    let title = title.replace('>', "&gt;").replace('"', "&quot;");
    let open = format!("<svg role=\"img\" aria-label=\"{title}\" ");
    let head = format!(">\n{style}");
    svg.replacen("<svg ", &open, 1).replacen(">\n", &head, 1)
}

fn draw_on(chart: &Chart, area: &Area<'_>) -> Result<(), String> {
    let (x, y) = (range(chart, |point| point.0), range(chart, |point| point.1));
    let x = chart
        .mark
        .map_or(x, |(low, high)| (x.0.min(low), x.1.max(high)));
    let log_y = || decades(y).log_scale();
    match (chart.is_x_log, chart.is_y_log) {
        (true, true) => plot(chart, area, (x.0..x.1).log_scale(), log_y()),
        (true, false) => plot(chart, area, (x.0..x.1).log_scale(), 0.0..y.1),
        (false, true) => plot(chart, area, 0.0..x.1, log_y()),
        (false, false) => plot(chart, area, 0.0..x.1, 0.0..y.1),
    }
}

/// Only powers of ten have a label: the axis reaches from one to another.
fn decades((low, high): (f64, f64)) -> Range<f64> {
    let low = 10_f64.powf(low.max(1e-9).log10().floor());
    let high = 10_f64.powf(high.log10().ceil()).max(low * 10.0);
    // A power of ten is not always the same number.
    low * (1.0 - 1e-9)..high * (1.0 + 1e-9)
}

/// Of all points, with some room, and never empty.
fn range(chart: &Chart, of: fn(&(f64, f64)) -> f64) -> (f64, f64) {
    let values = || {
        chart
            .lines
            .iter()
            .flat_map(|line| line.points.iter().map(of))
    };
    let (low, high) = (
        values().fold(f64::MAX, f64::min),
        values().fold(0.0, f64::max),
    );
    if low > high {
        return (1.0, 2.0);
    }
    (low * 0.9, (high * 1.1).max(low * 1.2 + 1e-9))
}

type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;

fn plot<X, Y>(chart: &Chart, area: &Area<'_>, x: X, y: Y) -> Result<(), String>
where
    X: AsRangedCoord<Value = f64>,
    X::CoordDescType: Ranged<ValueType = f64> + ValueFormatter<f64>,
    Y: AsRangedCoord<Value = f64>,
    Y::CoordDescType: Ranged<ValueType = f64> + ValueFormatter<f64>,
{
    let failed = |error: &dyn std::fmt::Display| error.to_string();
    let text = |size: u32| ("sans-serif", size).into_font().color(&TEXT);
    let label = text(TEXT_SIZE);
    let mut builder = ChartBuilder::on(area);
    if !chart.title.is_empty() {
        builder.caption(&chart.title, text(TEXT_SIZE));
    }
    let mut context = builder
        .margin(14)
        .x_label_area_size(3 * TEXT_SIZE)
        .y_label_area_size(5 * TEXT_SIZE)
        .build_cartesian_2d(x, y)
        .map_err(|error| failed(&error))?;
    let number_x = |value: &f64| chart.show_x.unwrap_or(figure)(*value);
    let number_y = |value: &f64| chart.show_y.unwrap_or(figure)(*value);
    let mesh = context
        .configure_mesh()
        .light_line_style(GRID.mix(0.4))
        .bold_line_style(GRID)
        .label_style(label.clone())
        .x_desc(&chart.x)
        .y_desc(&chart.y)
        .x_labels(7)
        .x_label_formatter(&number_x)
        .y_label_formatter(&number_y)
        .draw();
    mesh.map_err(|error| failed(&error))?;
    if let Some((low, high)) = chart.mark {
        let bounds = context.as_coord_spec().get_y_range();
        let shade = Rectangle::new(
            [(low, bounds.start), (high, bounds.end)],
            MARK.mix(0.6).filled(),
        );
        let drawn = context.draw_series([shade]);
        drawn.map_err(|error| failed(&error))?;
    }
    draw_lines(chart, &mut context)?;
    let legend = context
        .configure_series_labels()
        .position(if chart.is_y_log {
            SeriesLabelPosition::UpperLeft
        } else {
            SeriesLabelPosition::LowerLeft
        })
        .background_style(PAPER.mix(0.8))
        .label_font(label)
        .draw();
    legend.map_err(|error| failed(&error))
}

fn draw_lines<X, Y>(
    chart: &Chart,
    context: &mut ChartContext<'_, SVGBackend<'_>, Cartesian2d<X, Y>>,
) -> Result<(), String>
where
    X: Ranged<ValueType = f64>,
    Y: Ranged<ValueType = f64>,
{
    let failed = |error: &dyn std::fmt::Display| error.to_string();
    for (line, colour) in chart.lines.iter().zip(COLOURS) {
        let series = LineSeries::new(line.points.iter().copied(), colour.stroke_width(2));
        let drawn = context
            .draw_series(series)
            .map_err(|error| failed(&error))?;
        drawn
            .label(line.name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(2)));
    }
    for (line, colour) in chart.lines.iter().zip(COLOURS) {
        if line.points.len() <= DOTS_MAX {
            let dots = line.points.iter();
            let dots = dots.map(|point| Circle::new(*point, 3, colour.filled()));
            let drawn = context.draw_series(dots);
            drawn.map_err(|error| failed(&error))?;
        }
    }
    Ok(())
}

/// A number of seconds, in a suitable unit.
pub(super) fn seconds(value: f64) -> String {
    let (value, unit) = in_unit(value * 1e9);
    format!("{} {unit}", trim(value))
}

fn figure(value: f64) -> String {
    match value {
        v if v >= 1e6 => format!("{}M", trim(v / 1e6)),
        v if v >= 1e3 => format!("{}k", trim(v / 1e3)),
        v => trim(v),
    }
}

/// Two digits after the point at most, and none that is 0.
fn trim(value: f64) -> String {
    let text = format!("{value:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(points: &[(f64, f64)]) -> Chart {
        Chart {
            title: "a <b> & \"c\"".to_owned(),
            x: "x".to_owned(),
            y: "y".to_owned(),
            is_x_log: false,
            is_y_log: true,
            show_x: None,
            show_y: None,
            lines: vec![Line {
                name: "p99",
                points: points.to_vec(),
            }],
            mark: Some((3.0, 4.0)),
        }
    }

    #[test]
    fn a_chart_has_its_lines_and_its_text_is_escaped() {
        for (is_x_log, is_y_log) in [(false, false), (false, true), (true, false), (true, true)] {
            let svg = draw(&Chart {
                is_x_log,
                is_y_log,
                ..chart(&[(1.0, 2.0), (5.0, 900.0), (6.0, 3.0)])
            });
            assert!(
                svg.starts_with(
                    "<svg role=\"img\" aria-label=\"a &lt;b&gt; &amp; &quot;c&quot;\" "
                ),
                "{svg}"
            );
            assert!(svg.contains("<polyline") && svg.contains("p99"), "{svg}");
            assert!(svg.trim_end().ends_with("</svg>") && !svg.contains("<b>"));
            assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
        }
    }

    #[test]
    fn a_chart_of_nothing_or_of_one_point_is_drawn() {
        for points in [
            &[][..],
            &[(5.0, 5.0)],
            &[(0.0, 0.0)],
            &[(1e9, 1e-9), (2e9, 1e9)],
        ] {
            let svg = draw(&chart(points));
            assert!(
                svg.contains("</svg>") && !svg.contains("NaN"),
                "{points:?}: {svg}"
            );
        }
    }

    #[test]
    fn numbers_are_short() {
        for (value, text) in [
            (0.25, "0.25"),
            (1.0, "1"),
            (1500.0, "1.5k"),
            (2e6, "2M"),
            (12.345, "12.35"),
        ] {
            assert_eq!(figure(value), text);
        }
    }
}
