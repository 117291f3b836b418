//! What the types of the public interface promise: which threads they may go to.
#![allow(missing_docs)]

use std::error::Error;

use hullo::http::{
    Completion, ETag, Field, FieldError, InvalidETag, InvalidStatus, Limits, Method, OutOfRange,
    Reject, Response, Source, Status, Waker,
};
use hullo::server::{
    ConnectionEvent, HealthCheck, HealthHandle, Notice, Options, Place, Server, ServerHandle,
    ServiceTimes, ShutdownHandle, Stats, StatsHandle, Timeouts,
};

fn is_send<T: Send + 'static>() {}
fn is_shared<T: Send + Sync + 'static>() {}
fn is_error<T: Error + Send + Sync + 'static>() {}

#[test]
fn what_another_thread_may_have() {
    is_send::<Response>();
    is_send::<Server>();
    is_send::<Box<dyn Source>>();
    is_shared::<(Completion, Waker)>();
    is_shared::<(ServerHandle, ShutdownHandle, StatsHandle)>();
    is_shared::<(Options, Limits, Timeouts, Place)>();
    is_shared::<(HealthHandle, HealthCheck, ServiceTimes)>();
    is_shared::<(Stats, Notice, ConnectionEvent)>();
    is_shared::<(Status, Method, Reject, ETag, Field<'static>)>();
}

#[test]
fn errors_are_errors() {
    is_error::<FieldError>();
    is_error::<InvalidETag>();
    is_error::<InvalidStatus>();
    is_error::<OutOfRange>();
}
