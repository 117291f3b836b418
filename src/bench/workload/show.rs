//! Templates in the report: as text, and as rows of a table.

use super::counts::TemplateReport;
use crate::bench::durations::short;
use crate::terminal::clean;

/// The section of the text report: lines for each template.
pub(in crate::bench) fn lines(templates: &[TemplateReport]) -> Vec<String> {
    templates.iter().flat_map(lines_of).collect()
}

fn lines_of(template: &TemplateReport) -> Vec<String> {
    let percentiles = &template.latency.percentiles_ns;
    let latency = if template.latency.count == 0 {
        String::new()
    } else {
        format!(
            "; mean {}, 50% {}, 99% {}, max {}; {} bytes each",
            short(template.latency.mean_ns),
            short(percentiles.p50 as f64),
            short(percentiles.p99 as f64),
            short(template.latency.max_ns as f64),
            template.body_bytes / template.responses.max(1),
        )
    };
    let statuses = template.statuses.iter();
    let statuses = statuses.map(|(status, count)| format!("[{status}] {count}"));
    let errors = template.errors.rows().filter(|row| row.count > 0);
    let errors = errors.map(|row| format!("{} {}", row.count, row.sentence));
    let mut counts: Vec<String> = statuses.collect();
    if template.errors.total() > 0 {
        let errors: Vec<String> = errors.collect();
        counts.push(format!("errors: {}", errors.join(", ")));
    }
    if template.unanswered > 0 {
        counts.push(format!("{} unanswered", template.unanswered));
    }
    let mut lines = vec![format!(
        "{}:\t{} answers{latency}",
        clean(&template.name),
        template.responses
    )];
    if !counts.is_empty() {
        lines.push(format!("  {}", counts.join(", ")));
    }
    lines
}
