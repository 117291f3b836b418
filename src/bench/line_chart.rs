//! A line chart as SVG.

use plotters::chart::ChartBuilder;
use plotters::coord::ranged1d::{AsRangedCoord, Ranged, ValueFormatter};
use plotters::prelude::{
    DrawingArea, IntoDrawingArea as _, IntoLogRange as _, LineSeries, PathElement, RGBColor,
    Rectangle, SVGBackend,
};
use plotters::style::{Color as _, IntoFont as _};

const SIZE: (u32, u32) = (760, 420);

/// Distinct also to most who see few colours.
const COLOURS: [RGBColor; 4] = [
    RGBColor(0x00, 0x67, 0xb0),
    RGBColor(0x00, 0x8a, 0x60),
    RGBColor(0xd1, 0x48, 0x08),
    RGBColor(0xb8, 0x4a, 0x94),
];
const TEXT: RGBColor = RGBColor(0x1c, 0x1e, 0x22);
const GRID: RGBColor = RGBColor(0xd5, 0xd8, 0xdd);
const MARK: RGBColor = RGBColor(0xf3, 0xe3, 0xb0);

#[derive(Clone, Debug)]
pub(super) struct Chart {
    pub(super) title: String,
    pub(super) x: String,
    pub(super) y: String,
    pub(super) is_x_log: bool,
    pub(super) lines: Vec<Line>,
    /// Where the chart is shaded.
    pub(super) mark: Option<(f64, f64)>,
}

#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) name: &'static str,
    pub(super) points: Vec<(f64, f64)>,
}

/// Draws it, with a logarithmic scale of `y`. Without points, it is empty but for its title.
pub(super) fn draw(chart: &Chart) -> String {
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        let _ = area.fill(&RGBColor(0xff, 0xff, 0xff));
        let (x, y) = (range(chart, |point| point.0), range(chart, |point| point.1));
        let x = chart
            .mark
            .map_or(x, |(low, high)| (x.0.min(low), x.1.max(high)));
        // Writing into a string does not fail, and a picture that lacks a line is better than none.
        let _ = if chart.is_x_log {
            plot(chart, &area, (x.0..x.1).log_scale(), y)
        } else {
            plot(chart, &area, x.0..x.1, y)
        };
        let _ = area.present();
    }
    let title = chart.title.replace('&', "&amp;").replace('<', "&lt;");
    let title = title.replace('>', "&gt;").replace('"', "&quot;");
    let open = format!("<svg role=\"img\" aria-label=\"{title}\" ");
    svg.replacen("<svg ", &open, 1)
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

fn plot<X>(chart: &Chart, area: &Area<'_>, x: X, y: (f64, f64)) -> Result<(), String>
where
    X: AsRangedCoord<Value = f64>,
    X::CoordDescType: Ranged<ValueType = f64> + ValueFormatter<f64>,
{
    let failed = |error: &dyn std::fmt::Display| error.to_string();
    let y = (y.0.max(1e-6)..y.1.max(2e-6)).log_scale();
    let mut context = ChartBuilder::on(area)
        .caption(&chart.title, ("sans-serif", 18).into_font().color(&TEXT))
        .margin(14)
        .x_label_area_size(44)
        .y_label_area_size(64)
        .build_cartesian_2d(x, y)
        .map_err(|error| failed(&error))?;
    let label = ("sans-serif", 14).into_font().color(&TEXT);
    let number = |value: &f64| figure(*value);
    let mesh = context
        .configure_mesh()
        .light_line_style(GRID.mix(0.4))
        .bold_line_style(GRID)
        .label_style(label.clone())
        .x_desc(&chart.x)
        .y_desc(&chart.y)
        .x_label_formatter(&number)
        .y_label_formatter(&number)
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
    for (line, colour) in chart.lines.iter().zip(COLOURS) {
        let series = LineSeries::new(line.points.iter().copied(), colour.stroke_width(2));
        let drawn = context
            .draw_series(series)
            .map_err(|error| failed(&error))?;
        drawn
            .label(line.name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(2)));
    }
    let legend = context
        .configure_series_labels()
        .background_style(RGBColor(0xff, 0xff, 0xff).mix(0.8))
        .label_font(label)
        .draw();
    legend.map_err(|error| failed(&error))
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
            lines: vec![Line {
                name: "p99",
                points: points.to_vec(),
            }],
            mark: Some((3.0, 4.0)),
        }
    }

    #[test]
    fn a_chart_has_its_lines_and_its_text_is_escaped() {
        for is_x_log in [false, true] {
            let svg = draw(&Chart {
                is_x_log,
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
