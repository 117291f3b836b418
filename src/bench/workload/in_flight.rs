//! The requests of a workload that are in flight on a connection: their bytes, and what their answers should be.
//!
//! The buffers belong to the connection and are used again, so that a request allocates nothing.

use super::Workload;
use super::jar::Jar;
use super::values::{Supply, Values};
use crate::bench::expect::Expected;
use crate::bench::request::Batch;

/// The requests of one connection, in the order in which they were sent.
#[derive(Debug, Default)]
pub(in crate::bench) struct InFlight {
    /// A single request that is always the same stands where it was prepared: this is its template.
    prepared: Option<usize>,
    batch: Batch,
    templates: Vec<usize>,
    /// The content that the answers should have, one behind the other, where it is not always the same.
    bodies: Vec<u8>,
    body_ends: Vec<usize>,
    jar: Option<Jar>,
}

/// What the next answer on a connection should be.
#[derive(Debug)]
pub(in crate::bench) struct Awaited<'a> {
    pub(in crate::bench) expected: Expected<'a>,
    /// The number of the name of its request.
    pub(in crate::bench) name: usize,
    /// Where its cookies go.
    pub(in crate::bench) jar: Option<&'a mut Jar>,
}

impl<'a> Awaited<'a> {
    /// Without a workload.
    #[inline]
    pub(in crate::bench) fn of(expected: Expected<'a>) -> Self {
        Self {
            expected,
            name: 0,
            jar: None,
        }
    }
}

/// Makes the requests of one thread.
#[derive(Debug)]
pub(in crate::bench) struct Composer {
    supply: Supply,
    values: Values,
}

impl Composer {
    pub(in crate::bench) fn new(workload: &Workload, thread: usize, threads: usize) -> Self {
        Self {
            supply: Supply::new(workload.seed, thread, threads),
            values: Values::default(),
        }
    }

    /// Makes the next `count` requests of a connection.
    #[inline]
    pub(in crate::bench) fn compose(
        &mut self,
        workload: &Workload,
        count: usize,
        requests: &mut InFlight,
    ) {
        requests.clear();
        if let Some(cookies) = &workload.cookies
            && requests.jar.is_none()
        {
            requests.jar = Some(Jar::new(cookies));
        }
        for position in 0..count {
            let number = workload.choose(&self.supply);
            let template = &workload.templates[number];
            requests.templates.push(number);
            if count == 1 && template.prepared.is_some() && template.slots.is_empty() {
                requests.prepared = Some(number);
                return;
            }
            let columns = &workload.columns;
            self.values
                .fill(&template.slots, position, columns, &mut self.supply);
            let cookies = requests.jar.as_ref().map_or(&b""[..], Jar::field);
            template.write(&self.values, cookies, &mut requests.batch);
            template.write_body(&self.values, &mut requests.bodies);
            requests.body_ends.push(requests.bodies.len());
        }
    }
}

#[cfg(test)]
impl Composer {
    pub(super) fn capacity(&self) -> usize {
        self.values.capacity()
    }
}

#[cfg(test)]
impl InFlight {
    pub(super) fn capacity(&self) -> usize {
        let numbers = self.templates.capacity() + self.body_ends.capacity();
        self.batch.capacity() + self.bodies.capacity() + numbers
    }
}

impl InFlight {
    fn clear(&mut self) {
        self.prepared = None;
        self.batch.clear();
        self.templates.clear();
        self.bodies.clear();
        self.body_ends.clear();
    }

    /// Their bytes.
    #[inline]
    pub(in crate::bench) fn batch<'a>(&'a self, workload: &'a Workload) -> &'a Batch {
        let prepared = self
            .prepared
            .and_then(|number| workload.templates[number].prepared.as_ref());
        prepared.unwrap_or(&self.batch)
    }

    /// The number of the name of the request at this position.
    #[inline]
    pub(in crate::bench) fn name(&self, workload: &Workload, position: usize) -> usize {
        workload.templates[self.templates[position]].name
    }

    #[inline]
    pub(in crate::bench) fn awaited<'a>(
        &'a mut self,
        workload: &'a Workload,
        position: usize,
    ) -> Awaited<'a> {
        let template = &workload.templates[self.templates[position]];
        let end = self.body_ends.get(position).copied().unwrap_or(0);
        let before = position.checked_sub(1);
        let start = before.and_then(|before| self.body_ends.get(before).copied());
        Awaited {
            expected: template.expected(&self.bodies[start.unwrap_or(0)..end]),
            name: template.name,
            jar: self.jar.as_mut(),
        }
    }
}
