//! Drawing: ink, text of a known size, and an SVG for a page.
//!
//! A picture is drawn in the colours of a light page. Each stands for one thing, so a style sheet
//! finds what is drawn in it (`[fill="#0067B0"]`) and gives it its colour on a dark page. Targets of
//! the same colour differ in its last bit, which no eye sees, and in how their lines are dashed.

use std::fmt::Write as _;

use plotters::coord::Shift;
use plotters::prelude::{
    Circle, DrawingArea, IntoDrawingArea as _, IntoFont as _, PathElement, RGBColor, Rectangle,
    SVGBackend, Text,
};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color as _, FontStyle, ShapeStyle};

use super::escape::xml;

/// Wide enough to be read on a desk, and with text large enough to be read on a phone.
pub(super) const WIDTH: i32 = 760;
/// Of the text of a page's picture: 11 px and more when it is as narrow as a phone.
pub(super) const SIZE: i32 = 26;

/// On a light and on a dark page; told apart also by those who see few colours.
const TARGETS: [(Rgb, Rgb); 6] = [
    (Rgb(0x00, 0x67, 0xb0), Rgb(0x5a, 0xb0, 0xf5)),
    (Rgb(0xd1, 0x48, 0x08), Rgb(0xff, 0x8a, 0x4c)),
    (Rgb(0x00, 0x8a, 0x60), Rgb(0x2f, 0xcf, 0x9b)),
    (Rgb(0xb8, 0x4a, 0x94), Rgb(0xf0, 0x8f, 0xcb)),
    (Rgb(0x9a, 0x6e, 0x00), Rgb(0xe3, 0xb5, 0x3d)),
    (Rgb(0x5d, 0x5f, 0x6c), Rgb(0xb4, 0xb7, 0xc4)),
];
/// How the lines of the second and third target of a colour are dashed.
const DASHES: [&str; 3] = ["none", "16 8", "3 8"];

const INK: (Rgb, Rgb) = (Rgb(0x1c, 0x1e, 0x22), Rgb(0xe8, 0xea, 0xed));
const SOFT: (Rgb, Rgb) = (Rgb(0x59, 0x5d, 0x66), Rgb(0xa8, 0xad, 0xb6));
const GRID: (Rgb, Rgb) = (Rgb(0xd5, 0xd8, 0xdd), Rgb(0x3b, 0x3f, 0x46));
const PAPER: (Rgb, Rgb) = (Rgb(0xff, 0xff, 0xff), Rgb(0x15, 0x17, 0x1b));

#[derive(Clone, Copy)]
struct Rgb(u8, u8, u8);

impl Rgb {
    fn hex(self) -> String {
        format!("#{:02X}{:02X}{:02X}", self.0, self.1, self.2)
    }
}

/// What a line, an area or a text is drawn in.
#[derive(Clone, Copy)]
pub(super) enum Ink {
    Text,
    Soft,
    Grid,
    Paper,
    /// Of the target with this number.
    Target(usize),
}

impl Ink {
    fn light(self) -> Rgb {
        match self {
            Self::Text => INK.0,
            Self::Soft => SOFT.0,
            Self::Grid => GRID.0,
            Self::Paper => PAPER.0,
            Self::Target(number) => {
                let variant = (number / TARGETS.len() % DASHES.len()) as u8;
                // The remainder is below the length.
                let (light, _) = TARGETS[number % TARGETS.len()];
                Rgb(light.0, light.1, light.2 | variant)
            }
        }
    }

    fn colour(self) -> RGBColor {
        let Rgb(red, green, blue) = self.light();
        RGBColor(red, green, blue)
    }
}

/// What the pictures need of a style sheet. `within` selects the pictures.
pub(super) fn style(within: &str) -> String {
    let mut light = format!("{within} text{{font-family:inherit}}\n");
    let mut dark = String::new();
    let mut on_dark = |ink: Ink, colour: Rgb| {
        let (from, to) = (ink.light().hex(), colour.hex());
        let _ = writeln!(
            dark,
            "{within} [fill=\"{from}\"]{{fill:{to}}}{within} [stroke=\"{from}\"]{{stroke:{to}}}"
        );
    };
    on_dark(Ink::Text, INK.1);
    on_dark(Ink::Soft, SOFT.1);
    on_dark(Ink::Grid, GRID.1);
    on_dark(Ink::Paper, PAPER.1);
    for number in 0..TARGETS.len() * DASHES.len() {
        let dash = DASHES[number / TARGETS.len()];
        on_dark(Ink::Target(number), TARGETS[number % TARGETS.len()].1);
        if dash != "none" {
            let stroke = Ink::Target(number).light().hex();
            let _ = writeln!(
                light,
                "{within} [stroke=\"{stroke}\"]{{stroke-dasharray:{dash}}}"
            );
        }
    }
    // Paper is light.
    format!("{light}@media screen and (prefers-color-scheme:dark){{\n{dark}}}\n")
}

/// Where a text begins, ends or has its middle.
#[derive(Clone, Copy)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

/// What is drawn on. Writing into a string does not fail, and a picture that lacks a line is better
/// than no report: results are not looked at.
pub(super) struct Canvas<'a> {
    area: DrawingArea<SVGBackend<'a>, Shift>,
}

impl Canvas<'_> {
    pub(super) fn bar(&self, from: (i32, i32), to: (i32, i32), ink: Ink) {
        let _ = self
            .area
            .draw(&Rectangle::new([from, to], ink.colour().filled()));
    }

    pub(super) fn line(&self, points: &[(i32, i32)], ink: Ink, width: u32) {
        let style: ShapeStyle = ink.colour().stroke_width(width);
        let _ = self.area.draw(&PathElement::new(points.to_vec(), style));
    }

    /// A dot that is seen on whatever it lies on.
    pub(super) fn dot(&self, at: (i32, i32), radius: i32, ink: Ink) {
        let paper = Ink::Paper.colour().filled();
        let _ = self.area.draw(&Circle::new(at, radius + 2, paper));
        let _ = self
            .area
            .draw(&Circle::new(at, radius, ink.colour().filled()));
    }

    /// A line of text whose middle is at that height.
    pub(super) fn text(&self, text: &str, at: (i32, i32), size: i32, ink: Ink, anchor: Anchor) {
        self.write(text, at, size, ink, anchor, FontStyle::Normal);
    }

    pub(super) fn bold(&self, text: &str, at: (i32, i32), size: i32, ink: Ink, anchor: Anchor) {
        self.write(text, at, size, ink, anchor, FontStyle::Bold);
    }

    fn write(
        &self,
        text: &str,
        at: (i32, i32),
        size: i32,
        ink: Ink,
        anchor: Anchor,
        style: FontStyle,
    ) {
        let h = match anchor {
            Anchor::Start => HPos::Left,
            Anchor::Middle => HPos::Center,
            Anchor::End => HPos::Right,
        };
        // The backend divides by this, for fonts that are measured by another rule.
        let font = ("sans-serif", f64::from(size) * 1.24).into_font();
        let font = font
            .style(style)
            .color(&ink.colour())
            .pos(Pos::new(h, VPos::Center));
        let _ = self.area.draw(&Text::new(text.to_owned(), at, font));
    }
}

/// An SVG that says what it shows, with a style sheet of its own or none.
pub(super) fn draw(
    size: (i32, i32),
    says: &str,
    style: &str,
    picture: impl FnOnce(&Canvas),
) -> String {
    let (width, height) = (size.0.unsigned_abs(), size.1.unsigned_abs());
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, (width, height)).into_drawing_area();
        let canvas = Canvas { area };
        picture(&canvas);
        let _ = canvas.area.present();
    }
    let says = xml(says);
    let style = if style.is_empty() {
        String::new()
    } else {
        format!("<style>\n{style}</style>\n")
    };
    let open = format!("<svg role=\"img\" aria-label=\"{says}\" ");
    let said = format!(">\n<title>{says}</title>\n{style}");
    svg.replacen("<svg ", &open, 1).replacen(">\n", &said, 1)
}

/// About as wide as a text of this size gets, in a wide font.
pub(super) fn width_of(text: &str, size: i32) -> i32 {
    let thousandths: i32 = text.chars().map(|c| width_of_char(c) * size).sum();
    thousandths / 1000
}

fn width_of_char(c: char) -> i32 {
    match c {
        'i' | 'j' | 'l' | 'I' | '.' | ',' | ':' | ';' | '\'' | '|' | ' ' | '!' => 330,
        'f' | 't' | 'r' | '(' | ')' | '[' | ']' | '-' | '/' => 420,
        'm' | 'w' | 'M' | 'W' | '@' | '%' | '…' => 1000,
        'A'..='Z' | '&' | '<' | '>' | '+' | '=' | '~' | '×' => 790,
        c if c.is_ascii() => 640,
        'à'..='ÿ' | '–' | 'µ' => 640,
        _ => 1000,
    }
}

/// As much of a name as fits: its beginning and its end, which is where names differ.
pub(super) fn cut(name: &str, width: i32, size: i32) -> String {
    if width_of(name, size) <= width {
        return name.to_owned();
    }
    let chars: Vec<char> = name.chars().collect();
    for kept in (2..chars.len()).rev() {
        let (head, tail) = (kept.div_ceil(2), kept / 2);
        let (head, tail) = (
            chars.iter().take(head),
            chars.iter().skip(chars.len() - tail),
        );
        let cut: String = head.chain(&['…']).chain(tail).collect();
        if width_of(&cut, size) <= width {
            return cut;
        }
    }
    "…".to_owned()
}

/// Names cut to fit, each with the number of its target before it, and its width behind. Two that are
/// then the same get that number.
pub(super) fn cut_all(names: &[(usize, &str, i32)], size: i32) -> Vec<String> {
    let cuts: Vec<String> = names
        .iter()
        .map(|(_, name, width)| cut(name, *width, size))
        .collect();
    let is_twice = |name: &String| cuts.iter().filter(|other| *other == name).count() > 1;
    let told = cuts
        .iter()
        .zip(names)
        .map(|(short, (number, name, width))| {
            if is_twice(short) {
                cut(&format!("{} {name}", number + 1), *width, size)
            } else {
                short.clone()
            }
        });
    told.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_target_of_eighteen_has_a_colour_of_its_own() {
        let mut seen: Vec<String> = (0..18).map(|n| Ink::Target(n).light().hex()).collect();
        seen.extend([Ink::Text, Ink::Soft, Ink::Grid, Ink::Paper].map(|ink| ink.light().hex()));
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), 22);
        let style = style("svg");
        assert!(seen.iter().all(|colour| style.contains(colour)));
    }

    #[test]
    fn a_long_name_keeps_both_ends() {
        assert_eq!(cut("hullo", 200, 26), "hullo");
        let long = cut("a-greeting-server-in-go-with-net-http", 200, 26);
        assert!(long.starts_with("a-g") && long.ends_with("ttp"), "{long}");
        assert!(width_of(&long, 26) <= 200);
        assert_eq!(cut("日本語日本語", 10, 26), "…");
        let names = [
            (0, "server-with-a-long-name-1-for-it", 160),
            (4, "server-with-a-long-name-2-for-it", 160),
        ];
        let cuts = cut_all(&names, 26);
        assert!(
            cuts[0].starts_with("1 ") && cuts[1].starts_with("5 "),
            "{cuts:?}"
        );
    }

    #[test]
    fn a_picture_says_what_it_shows() {
        let svg = draw((100, 50), "<script>&\"'", "text{}", |canvas| {
            canvas.text("<b>&", (10, 10), 20, Ink::Text, Anchor::Start);
        });
        assert!(
            svg.starts_with("<svg role=\"img\" aria-label=\"&lt;script&gt;&amp;&quot;&#39;\" ")
        );
        assert!(svg.contains("<title>&lt;script&gt;&amp;&quot;&#39;</title>"));
        assert!(svg.contains("<style>\ntext{}</style>"));
        assert!(svg.contains("&lt;b&gt;&amp;") && !svg.contains("<b>"));
        assert!(svg.trim_end().ends_with("</svg>"));
    }
}
