use super::record::Record;
use std::fmt::Write;
pub(super) fn markdown(_: &Record) -> String {
    String::new()
}
pub(super) fn text(record: &Record) -> String {
    let mut out = String::new();
    for s in &record.summaries {
        let show = |c: &super::record::Compared, unit: f64| {
            format!(
                "{:.2} ({:.2}-{:.2}) {:?}",
                c.median / unit,
                c.least / unit,
                c.greatest / unit,
                c.ratio
                    .as_ref()
                    .map(|r| format!("x{:.3} ({:.3}-{:.3}) {}", r.mean, r.low, r.high, r.differs))
            )
        };
        let _ = writeln!(
            out,
            "{:10} {:12} rps {} cpu {:?} idle {:?} {:?} err {}",
            s.test,
            s.target,
            show(&s.requests_per_second, 1.0),
            s.cpu_ns_per_request.as_ref().map(|c| show(c, 1000.0)),
            s.idle_connection_bytes.as_ref().map(|c| show(c, 1.0)),
            s.bound,
            s.errors
        );
    }
    out
}
