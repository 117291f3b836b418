//! What the handler asks of the keeper, and how both of them answer.

use std::borrow::Cow;

use super::super::access_log;
use super::accept::Format;
use crate::http::{Completion, Field, Response, Status};
use crate::server::{HealthHandle, StatsHandle};

/// What is observed.
pub(in crate::serve) struct Subject {
    pub(in crate::serve) stats: StatsHandle,
    pub(in crate::serve) health: HealthHandle,
    /// Where it listens, as its users write it.
    pub(in crate::serve) addresses: Vec<String>,
    pub(in crate::serve) hostname: String,
    /// The access log, if there is one.
    pub(in crate::serve) access_log: Option<access_log::Handle>,
}

/// A request that the keeper answers.
#[derive(Debug)]
pub(super) struct Query {
    pub(super) asked: Asked,
    pub(super) completion: Completion,
}

#[derive(Debug)]
pub(super) enum Asked {
    Health,
    Metrics(Format),
    Json,
    Page,
}

/// What it answers is of this moment.
pub(super) const NO_STORE: Field<'static> = Field::from_static("Cache-Control", "no-store");
/// No browser takes it for anything else.
pub(super) const NO_SNIFF: Field<'static> = Field::from_static("X-Content-Type-Options", "nosniff");

/// A sentence that is of this moment.
pub(super) fn plain(status: Status, sentence: impl Into<Cow<'static, str>>) -> Response {
    Response::text(sentence)
        .with_status(status)
        .with_field(NO_STORE)
        .with_field(NO_SNIFF)
}
