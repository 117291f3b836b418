//! Whether the answers under load are like those from before it.

use super::generator::Load;
use super::probe::Plain;
use super::record::{Sampled, Test};

/// From this share of the sampled answers on, those that differ are no accident.
const DIFFERENT_MIN: f64 = 0.1;

/// How the answers under load differ from those to the probe, if they do. Those of another status, and those
/// that hullo bench has compared, are errors already.
pub(super) fn unlike(plain: &Plain, load: &Load, sampled: &Sampled, test: &Test) -> Option<String> {
    let many = sampled.different as f64 >= sampled.answers as f64 * DIFFERENT_MIN;
    if sampled.different > 1 && many {
        return sampled.example.clone();
    }
    let errors = load.errors.values().copied().fold(0, u64::saturating_add);
    if load.requests == 0 || errors > load.requests / 100 {
        return None;
    }
    if has_other_size(load.content_bytes, plain.content_bytes) && !plain.varies {
        let mean = load.content_bytes.unwrap_or_default();
        return Some(format!(
            "content of {mean:.0} bytes, not {}",
            plain.content_bytes
        ));
    }
    let mean = load.response_bytes?;
    // At its end, a generator may have received parts of answers that it does not count.
    let open = test.connections.saturating_mul(test.pipeline) as f64;
    plain.size_difference(mean, mean * open / load.requests as f64)
}

/// Whether the mean size of the contents differs from that of a plain answer.
fn has_other_size(mean: Option<f64>, plain: usize) -> bool {
    // hey prints whole bytes.
    mean.is_some_and(|mean| (mean - plain as f64).abs() > 1.0)
}
