//! What charts are drawn on: ink, text of a known width, and an SVG.
//!
//! A chart is drawn in the colours of a light page. Each stands for one thing, so that the style sheet,
//! `chart.css`, finds what is drawn in it (`[fill="#0067B0"]`) and gives it its colour on a dark page.
//! Targets of the same colour differ in its last bit, which no eye sees, and in the dashes of their lines.

use askama::filters::{Html, escape};
use plotters::coord::Shift;
use plotters::prelude::{
    Circle, DrawingArea, IntoDrawingArea as _, IntoFont as _, PathElement, RGBColor, Rectangle,
    SVGBackend, Text,
};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color as _, FontStyle};

/// Wide enough for a desktop, with text large enough for a phone: 11 px and more.
pub(super) const WIDTH: i32 = 760;
pub(super) const SIZE: i32 = 26;
pub(super) const STYLE: &str = include_str!("chart.css");

/// Distinct also to most who see few colours.
const TARGETS: [RGBColor; 6] = [
    RGBColor(0x00, 0x67, 0xb0),
    RGBColor(0xd1, 0x48, 0x08),
    RGBColor(0x00, 0x8a, 0x60),
    RGBColor(0xb8, 0x4a, 0x94),
    RGBColor(0x9a, 0x6e, 0x00),
    RGBColor(0x5d, 0x5f, 0x6c),
];
/// Of more lines than this, only the first has a colour: the same colour for two would mean nothing.
pub(super) const COLOURS: usize = TARGETS.len();
/// How many targets may have the same colour, with different dashes.
const DASHES: usize = 3;

/// What a line, an area or a text is drawn in.
#[derive(Clone, Copy)]
pub(super) enum Ink {
    Text,
    Soft,
    Grid,
    Paper,
    /// Of the targets that the first one is compared with, where names tell them apart.
    Other,
    /// Of the target with this number.
    Target(usize),
}

impl Ink {
    pub(super) fn colour(self) -> RGBColor {
        match self {
            Self::Text => RGBColor(0x1c, 0x1e, 0x22),
            Self::Soft => RGBColor(0x59, 0x5d, 0x66),
            Self::Grid => RGBColor(0xd5, 0xd8, 0xdd),
            Self::Paper => RGBColor(0xff, 0xff, 0xff),
            Self::Other => RGBColor(0x8b, 0x90, 0x9b),
            Self::Target(number) => {
                // The remainder is below the length.
                let RGBColor(red, green, blue) = TARGETS[number % TARGETS.len()];
                let variant = (number / TARGETS.len() % DASHES) as u8;
                RGBColor(red, green, blue | variant)
            }
        }
    }
}

/// What is drawn on. Writing into a string does not fail, and a chart that lacks a line is better than
/// no report: results are not looked at.
pub(super) struct Canvas<'a> {
    area: DrawingArea<SVGBackend<'a>, Shift>,
}

impl Canvas<'_> {
    pub(super) fn bar(&self, from: (i32, i32), to: (i32, i32), ink: Ink) {
        let style = ink.colour().filled();
        let _ = self.area.draw(&Rectangle::new([from, to], style));
    }

    pub(super) fn line(&self, points: &[(i32, i32)], ink: Ink, width: u32) {
        let style = ink.colour().stroke_width(width);
        let _ = self.area.draw(&PathElement::new(points.to_vec(), style));
    }

    /// Strikes out a place.
    pub(super) fn cross(&self, (left, top): (i32, i32), (right, bottom): (i32, i32), ink: Ink) {
        self.line(&[(left, top), (right, bottom)], ink, 2);
        self.line(&[(left, bottom), (right, top)], ink, 2);
    }

    /// A dot with a rim, to be seen on whatever it lies on.
    pub(super) fn dot(&self, at: (i32, i32), radius: i32, ink: Ink) {
        for (radius, ink) in [(radius + 2, Ink::Paper), (radius, ink)] {
            let style = ink.colour().filled();
            let _ = self.area.draw(&Circle::new(at, radius, style));
        }
    }

    /// A line of text whose middle is at that height.
    pub(super) fn text(
        &self,
        text: &str,
        at: (i32, i32),
        size: i32,
        (ink, weight): (Ink, FontStyle),
        anchor: HPos,
    ) {
        // The backend divides by 1.24, for fonts that are measured by another rule.
        let font = ("sans-serif", f64::from(size) * 1.24).into_font();
        let font = font.style(weight).color(&ink.colour());
        let font = font.pos(Pos::new(anchor, VPos::Center));
        let _ = self.area.draw(&Text::new(text.to_owned(), at, font));
    }
}

/// An SVG with a text for those who cannot see it, and a style sheet of its own or none.
pub(super) fn draw(
    (width, height): (i32, i32),
    alt: &str,
    style: &str,
    picture: impl FnOnce(&Canvas),
) -> String {
    let mut svg = String::new();
    {
        let size = (width.unsigned_abs(), height.unsigned_abs());
        let area = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        let canvas = Canvas { area };
        picture(&canvas);
        let _ = canvas.area.present();
    }
    let alt = escape(alt, Html).map_or(String::new(), |alt| alt.to_string());
    let open = format!("<svg role=\"img\" aria-label=\"{alt}\" ");
    let head = format!(">\n<title>{alt}</title>\n{style}");
    svg.replacen("<svg ", &open, 1).replacen(">\n", &head, 1)
}

/// At most as wide as a text of this size gets, in a wide font.
pub(super) fn width_of(text: &str, size: i32) -> i32 {
    let thousandths = |c| match c {
        'i' | 'j' | 'l' | 'I' | '.' | ',' | ':' | ';' | '\'' | '|' | ' ' | '!' => 330,
        'f' | 't' | 'r' | '(' | ')' | '[' | ']' | '-' | '/' => 420,
        'm' | 'w' | 'M' | 'W' | '@' | '%' => 1000,
        'A'..='Z' | '&' | '<' | '>' | '+' | '=' | '~' | '×' | '≈' => 790,
        '!'..='~' | 'à'..='ÿ' | '–' | 'µ' | '·' => 640,
        _ => 1000,
    };
    text.chars().map(|c| thousandths(c) * size).sum::<i32>() / 1000
}

/// As much of a name as fits: its beginning and its end, which is where names differ.
pub(super) fn cut(name: &str, width: i32, size: i32) -> String {
    let chars: Vec<char> = name.chars().collect();
    let shortened = (2..chars.len()).rev().map(|kept| {
        let head = chars.iter().take(kept.div_ceil(2));
        let tail = chars.iter().skip(chars.len() - kept / 2);
        head.chain(&['…']).chain(tail).collect::<String>()
    });
    let mut names = std::iter::once(name.to_owned()).chain(shortened);
    let fits = |name: &String| width_of(name, size) <= width;
    names.find(fits).unwrap_or("…".to_owned())
}
