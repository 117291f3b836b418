//! The parameters of a query, in one table: it makes what a query changes of a plan, the errors, and
//! the table of `src/serve/README.md`.

use super::plan::{Bounds, Content, Echo, Ending, Plan, Trickle};
use super::shares::Shares;
use super::spread::Spread;
use crate::http::Field;

/// One parameter.
pub(super) struct Parameter {
    pub(super) name: &'static str,
    /// Good values, the first of which an error shows. A value that is empty is left out.
    pub(super) examples: &'static [&'static str],
    pub(super) help: &'static str,
    /// What else decides about the same as this one.
    group: Option<Group>,
    /// Sets the plan to what it is without the parameter.
    pub(super) clear: fn(&mut Plan),
    /// Sets the plan to what a value says, or says what is wrong with it.
    pub(super) read: fn(&mut Plan, &str, &Bounds) -> Result<(), String>,
}

/// Parameters of which one query has one at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Group {
    Content,
    Ending,
}

/// All of them, in the order of the README.
pub(super) static PARAMETERS: [Parameter; 11] = [
    Parameter {
        name: "delay",
        examples: &["50ms", "10ms..50ms", "p50=5ms,p99=200ms"],
        help: "the response comes after this time: always the same, evenly spread, or with these percentiles",
        group: None,
        clear: |plan| plan.delay = None,
        read: |plan, value, bounds| set(&mut plan.delay, Spread::read(value, &bounds.delay)),
    },
    Parameter {
        name: "status",
        examples: &["503", "503:5", "503:5,429:1"],
        help: "the status, from 200 to 599: always, or of this share of the responses in percent; the others have 200",
        group: None,
        clear: |plan| plan.status = None,
        read: |plan, value, _| set(&mut plan.status, Shares::read(value)),
    },
    Parameter {
        name: "size",
        examples: &["10KiB", "1KiB..1MiB", "p50=2KiB,p99=1MiB"],
        help: "the content has this length, and repeats a line of 64 characters",
        group: Some(Group::Content),
        clear: |plan| {
            if let Content::Pattern(_) = plan.content {
                plan.content = Content::Greeting;
            }
        },
        read: |plan, value, bounds| {
            plan.content = Content::Pattern(Spread::read(value, &bounds.size)?);
            Ok(())
        },
    },
    Parameter {
        name: "echo",
        examples: &["", "content", "stream"],
        help: "the content is the request as JSON, or its content: whole, or while it is still arriving",
        group: Some(Group::Content),
        clear: |plan| {
            if let Content::Echo(_) = plan.content {
                plan.content = Content::Greeting;
            }
        },
        read: |plan, value, _| {
            plan.content = Content::Echo(match value {
                "" => Echo::Json,
                "content" => Echo::Content,
                "stream" => Echo::Stream,
                _ => return Err("it has no value, or content, or stream".to_owned()),
            });
            Ok(())
        },
    },
    Parameter {
        name: "chunked",
        examples: &[""],
        help: "the content is sent in the chunked coding, without Content-Length",
        group: None,
        clear: |plan| plan.is_chunked = false,
        read: |plan, value, _| {
            plan.is_chunked = true;
            no_value(value)
        },
    },
    Parameter {
        name: "trickle",
        examples: &["1KiB/100ms"],
        help: "the content comes in pieces of this size, one in each time, the first at once",
        group: None,
        clear: |plan| plan.trickle = None,
        read: |plan, value, bounds| set(&mut plan.trickle, trickle(value, bounds)),
    },
    Parameter {
        name: "close",
        examples: &["", "early"],
        help: "the connection is closed after the response, or in the middle of its content",
        group: Some(Group::Ending),
        clear: |plan| clear_ending(plan, [Ending::Close, Ending::CloseEarly]),
        read: |plan, value, _| ending(plan, value, [Ending::Close, Ending::CloseEarly]),
    },
    Parameter {
        name: "reset",
        examples: &["", "early"],
        help: "the connection is reset instead of a response, or in the middle of its content",
        group: Some(Group::Ending),
        clear: |plan| clear_ending(plan, [Ending::Reset, Ending::ResetEarly]),
        read: |plan, value, _| ending(plan, value, [Ending::Reset, Ending::ResetEarly]),
    },
    Parameter {
        name: "abort",
        examples: &[""],
        help: "the connection is closed instead of a response",
        group: Some(Group::Ending),
        clear: |plan| clear_ending(plan, [Ending::Abort; 2]),
        read: |plan, value, _| {
            plan.ending = Ending::Abort;
            no_value(value)
        },
    },
    Parameter {
        name: "header",
        examples: &["Retry-After:1"],
        help: "the response has this field; it may be repeated",
        group: None,
        clear: |plan| plan.fields.clear(),
        read: |plan, value, _| field(plan, value),
    },
    Parameter {
        name: "hostname",
        examples: &[""],
        help: "the response has a field `X-Hostname` with the name of the machine",
        group: None,
        clear: |plan| plan.has_hostname = false,
        read: |plan, value, _| {
            plan.has_hostname = true;
            no_value(value)
        },
    },
];

impl Parameter {
    pub(super) fn named(name: &str) -> Option<&'static Self> {
        PARAMETERS.iter().find(|known| known.name == name)
    }

    /// Whether the two cannot stand in one query.
    pub(super) fn excludes(&self, other: &Self) -> bool {
        if self.name == other.name {
            return self.name != "header";
        }
        self.group.is_some() && self.group == other.group
    }

    /// How a value is written in a query.
    pub(super) fn pair(&self, value: &str) -> String {
        match value {
            "" => self.name.to_owned(),
            value => format!("{}={value}", self.name),
        }
    }
}

fn set<T>(place: &mut Option<T>, value: Result<T, String>) -> Result<(), String> {
    *place = Some(value?);
    Ok(())
}

fn no_value(value: &str) -> Result<(), String> {
    match value {
        "" => Ok(()),
        _ => Err("it has no value".to_owned()),
    }
}

fn trickle(text: &str, bounds: &Bounds) -> Result<Trickle, String> {
    let Some((bytes, every)) = text.split_once('/') else {
        return Err("write a size, a slash and a time".to_owned());
    };
    let bytes = bounds.size.value(bytes)?;
    let every = bounds.delay.value(every)?;
    if bytes == 0 || every < TRICKLE_NANOS_MIN {
        return Err("at least 1 byte and 1ms".to_owned());
    }
    Ok(Trickle { bytes, every })
}

/// The shortest time between two pieces: an event loop that is woken more often does little else.
const TRICKLE_NANOS_MIN: u64 = 1_000_000;

fn clear_ending(plan: &mut Plan, own: [Ending; 2]) {
    if own.contains(&plan.ending) {
        plan.ending = Ending::Keep;
    }
}

fn ending(plan: &mut Plan, value: &str, [whole, early]: [Ending; 2]) -> Result<(), String> {
    plan.ending = match value {
        "" => whole,
        "early" => early,
        _ => return Err("it has no value, or early".to_owned()),
    };
    Ok(())
}

fn field(plan: &mut Plan, text: &str) -> Result<(), String> {
    let Some((name, value)) = text.split_once(':') else {
        return Err("write a name, a colon and a value".to_owned());
    };
    let value = value.trim_matches([' ', '\t']);
    Field::new(name, value).map_err(|error| error.to_string())?;
    plan.fields.push((name.to_owned(), value.to_owned()));
    Ok(())
}
