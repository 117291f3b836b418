//! Workloads: requests that differ from each other.
//!
//! ```text
//!  flags, request_file, curl ─> Spec ─> Template ──┐         Workload, made once
//!  table (CSV) ─────────────> Column ──────────────┤
//!                                                  v
//!  one thread:  Composer (choice, Values) ──> InFlight of a connection ──> written, awaited, counted by name
//!                                               └─ Jar: its cookies
//! ```
//!
//! A template is a request cut at its placeholders. To make a request, its values are written into a buffer of the
//! thread, and it is written into a buffer of the connection, with the length of its content; both are used again, so
//! nothing is allocated. A request without placeholders is prepared once and sent from there.

mod counts;
mod curl;
mod curl_options;
#[cfg(test)]
mod curl_tests;
mod form;
mod in_flight;
mod jar;
mod placeholder;
mod request_file;
mod shell;
mod show;
mod table;
mod template;
#[cfg(test)]
mod template_tests;
mod values;

use std::sync::Arc;

use super::expect::Expect;
use super::request::Batch;
use table::Column;
use template::{Columns, Template};
use values::{Supply, Values};

pub(super) use counts::{TemplateCounts, TemplateReport};
pub(super) use curl::Curl;
pub(super) use form::{FormPart, encode};
pub(super) use in_flight::{Awaited, Composer, InFlight};
pub(super) use jar::Jar;
pub(super) use request_file::{Defaults, read};
pub(super) use show::lines;
pub(super) use table::Table;
pub(super) use template::{Content, Spec};

/// More names are refused: each has a histogram on each thread.
const NAMES_MAX: usize = 100;

/// All connections together may have requests of so many bytes in their buffers.
const BUFFER_BYTES_MAX: u64 = 1 << 30;

/// All requests that a run may send, and how often each.
#[derive(Clone, Debug)]
pub(super) struct Workload {
    templates: Vec<Template>,
    /// The sums of the weights up to each template.
    weights: Vec<u64>,
    names: Vec<Arc<str>>,
    columns: Vec<Column>,
    seed: u64,
    /// Those that each connection has from the start, if connections keep cookies.
    cookies: Option<Vec<(String, String)>>,
}

impl Workload {
    pub(super) fn new(
        specs: &[Spec],
        table: Option<&Table>,
        seed: u64,
        keeps_cookies: bool,
    ) -> Result<Self, String> {
        let mut names: Vec<Arc<str>> = Vec::new();
        let mut columns = Columns::new(table);
        let (mut templates, mut weights) = (Vec::new(), Vec::new());
        let mut total = 0_u64;
        for spec in specs {
            let name = match &spec.name {
                Some(name) => name.clone(),
                None => format!("{} {}", spec.method, spec.path),
            };
            let known = names.iter().position(|known| **known == *name);
            let number = known.unwrap_or_else(|| {
                names.push(Arc::from(name));
                names.len() - 1
            });
            if names.len() > NAMES_MAX {
                return Err(spec.wrong(format!(
                    "more than {NAMES_MAX} requests with names of their own: give those that belong together the same \"name\""
                )));
            }
            let template = Template::new(spec, number, &mut columns, keeps_cookies);
            templates.push(template.map_err(|error| spec.wrong(error))?);
            total = total.saturating_add(spec.weight);
            weights.push(total);
        }
        Ok(Self {
            templates,
            weights,
            names,
            columns: columns.used,
            seed,
            cookies: keeps_cookies.then(|| cookies(specs)).transpose()?,
        })
    }

    /// The number of the next template.
    #[inline]
    fn choose(&self, supply: &Supply) -> usize {
        match self.weights.as_slice() {
            [] | [_] => 0,
            [.., total] => {
                let drawn = supply.below(*total);
                self.weights.partition_point(|weight| *weight <= drawn)
            }
        }
    }

    /// If there is one request, which differs in nothing but its position in a batch: this batch, made once, and what
    /// its answers should be.
    pub(super) fn fixed(&self, pipeline: usize) -> Option<(Batch, Expect)> {
        let [template] = self.templates.as_slice() else {
            return None;
        };
        if !template.is_fixed_by_position() {
            return None;
        }
        let mut supply = Supply::new(self.seed, 0, 1);
        let (mut values, mut batch, mut bodies) = (Values::default(), Batch::default(), Vec::new());
        for position in 0..pipeline {
            values.fill(&template.slots, position, &[], &mut supply);
            template.write(&values, b"", &mut batch);
            let mut body = Vec::new();
            template.write_body(&values, &mut body);
            bodies.extend(template.expected(&body).body.map(<[u8]>::to_vec));
        }
        let expected = template.expected(b"");
        let expect = Expect {
            statuses: expected.statuses.cloned(),
            bodies: expected.body.is_some().then_some(bodies),
            head_only: expected.head_only,
        };
        Some((batch, expect))
    }

    /// The counts of a thread, before its first request.
    pub(super) fn counts(&self) -> Vec<TemplateCounts> {
        self.names.iter().map(TemplateCounts::new).collect()
    }

    pub(super) fn names(&self) -> usize {
        self.names.len()
    }

    /// Does any request have a value of the CSV file?
    pub(super) fn has_columns(&self) -> bool {
        !self.columns.is_empty()
    }

    /// Refuses requests that would not fit into memory.
    pub(super) fn check_buffers(&self, connections: usize, pipeline: usize) -> Result<(), String> {
        let longest = |template: &Template| match (&template.prepared, pipeline) {
            (Some(_), 1) => 0,
            _ => template.bytes_max(&self.columns),
        };
        let longest = self.templates.iter().map(longest).max().unwrap_or(0) as u64;
        let bytes = longest
            .saturating_mul(connections as u64)
            .saturating_mul(pipeline as u64);
        if bytes <= BUFFER_BYTES_MAX {
            return Ok(());
        }
        Err(format!(
            "each connection has a buffer for its requests, and {connections} of them need {} MiB: use fewer connections (-c), shorter content, or requests without placeholders",
            bytes >> 20
        ))
    }
}

/// The cookies of the `Cookie` fields of all requests.
fn cookies(specs: &[Spec]) -> Result<Vec<(String, String)>, String> {
    let mut all: Vec<(String, String)> = Vec::new();
    for spec in specs {
        for field in spec.values_of("cookie") {
            for (name, value) in jar::pairs(field).map_err(|error| spec.wrong(error))? {
                match all.iter().find(|known| known.0 == name) {
                    Some(known) if known.1 != value => {
                        return Err(spec.wrong(format!(
                            "the cookie {name} has another value in another request: with --cookies, all requests of a connection have the same cookies"
                        )));
                    }
                    Some(_) => {}
                    None => all.push((name, value)),
                }
            }
        }
    }
    Ok(all)
}
