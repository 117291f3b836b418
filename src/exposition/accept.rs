//! In which format a client wants the metrics.

use crate::http::Request;

/// A text format of metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// Prometheus's, version 0.0.4.
    Prometheus,
    /// `OpenMetrics`, version 1.0.0.
    OpenMetrics,
}

impl Format {
    pub(super) const fn content_type(self) -> &'static str {
        match self {
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }

    pub(crate) fn of(request: &Request<'_>) -> Self {
        let fields = request.fields_named("accept");
        Self::accepted(fields.filter_map(|value| std::str::from_utf8(value).ok()))
    }

    /// RFC 9110 section 12.5.1: `OpenMetrics`, if it is listed with at least the weight of the other one.
    /// Prometheus's format is also for those that accept neither: a client may do more with it than with a 406.
    fn accepted<'a>(fields: impl Iterator<Item = &'a str>) -> Self {
        let (mut open_metrics, mut text) = (0, Specific::default());
        for range in fields.flat_map(|field| field.split(',')) {
            let mut parts = range.split(';').map(str::trim);
            let kind = parts.next().unwrap_or_default().to_ascii_lowercase();
            let mut weight = 1000;
            let mut is_known = true;
            for parameter in parts {
                let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
                let value = value.trim().trim_matches('"');
                match name.trim().to_ascii_lowercase().as_str() {
                    "q" => weight = thousandths(value),
                    "version" => is_known = ["0.0.1", "0.0.4", "1.0.0"].contains(&value),
                    _ => {}
                }
            }
            match kind.as_str() {
                "application/openmetrics-text" if is_known => {
                    open_metrics = open_metrics.max(weight);
                }
                "text/plain" => text.add(2, weight),
                "text/*" => text.add(1, weight),
                "*/*" => text.add(0, weight),
                _ => {}
            }
        }
        if open_metrics > 0 && open_metrics >= text.weight {
            Self::OpenMetrics
        } else {
            Self::Prometheus
        }
    }
}

/// The weight of the most specific range that fits, and the largest one of these.
#[derive(Default)]
struct Specific {
    precision: u8,
    weight: u32,
}

impl Specific {
    fn add(&mut self, precision: u8, weight: u32) {
        if precision > self.precision {
            *self = Self { precision, weight };
        } else if precision == self.precision {
            self.weight = self.weight.max(weight);
        }
    }
}

/// Reads a weight (RFC 9110 section 12.4.2); one that is none counts as 1.
fn thousandths(text: &str) -> u32 {
    let weight = text.parse().unwrap_or(1.0_f32).clamp(0.0, 1.0);
    #[expect(clippy::cast_sign_loss, reason = "it is from 0 to 1000")]
    {
        (weight * 1000.0).round() as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_format_is_negotiated() {
        use Format::{OpenMetrics, Prometheus};
        for (accept, format) in [
            ("", Prometheus),
            ("*/*", Prometheus),
            ("text/plain", Prometheus),
            ("text/html, application/json", Prometheus),
            ("application/openmetrics-text", OpenMetrics),
            (
                "Application/OpenMetrics-Text ; Version=\"1.0.0\"",
                OpenMetrics,
            ),
            ("application/openmetrics-text; version=9.9.9", Prometheus),
            ("application/openmetrics-text; q=0", Prometheus),
            ("application/openmetrics-text;q=0.5, text/plain", Prometheus),
            ("application/openmetrics-text;q=0.5, */*", Prometheus),
            (
                "application/openmetrics-text;q=0.5, text/plain;q=0.4, */*",
                OpenMetrics,
            ),
            (
                "text/plain;q=0.5, application/openmetrics-text;q=0.5",
                OpenMetrics,
            ),
            (
                "text/plain;q=none, application/openmetrics-text;q=0.5",
                Prometheus,
            ),
            // What a Prometheus 2.5x and one of version 3 send.
            (
                "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
                OpenMetrics,
            ),
            (
                "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
                OpenMetrics,
            ),
        ] {
            assert_eq!(Format::accepted([accept].into_iter()), format, "{accept}");
        }
        let two = ["text/plain;q=0.1", "application/openmetrics-text;q=0.2"];
        assert_eq!(Format::accepted(two.into_iter()), OpenMetrics);
    }
}
