//! What the handler asks of the keeper, and how both of them answer.

use std::borrow::Cow;

use super::super::access_log;
use crate::exposition::{Format, NO_SNIFF, NO_STORE};
use crate::http::{Completion, Response, Status};
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

/// A sentence that is of this moment.
pub(super) fn plain(status: Status, sentence: impl Into<Cow<'static, str>>) -> Response {
    Response::text(sentence)
        .with_status(status)
        .with_field(NO_STORE)
        .with_field(NO_SNIFF)
}
