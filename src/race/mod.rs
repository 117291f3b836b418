//! `hullo race`: several servers, the same work, and who is faster by how much.
#![expect(
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "times and counts become floating numbers to be computed with, and none is negative"
)]

mod record;
mod report;
