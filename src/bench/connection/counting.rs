//! How answers and errors are counted, and rows of requests made.

use super::Connection;
use crate::bench::context::Context;
use crate::bench::error::ErrorKind;
use crate::bench::live::{Sample, Samples};
use crate::bench::response::Answer;

impl Connection {
    /// A complete answer.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "on the path of every answer")]
    pub(super) fn finish(&mut self, answer: &Answer, name: usize, context: &mut Context<'_>) {
        let begun = self.begun_at.take();
        if let Some(begun) = begun {
            context.record_reading(begun);
        }
        if context.samples.is_some() {
            self.sample(answer, begun, context);
        }
        self.next += 1;
        context.tally.answer(answer, name);
        self.counts.errors += u64::from(answer.fault.is_some());
    }

    #[cold]
    fn sample(&mut self, answer: &Answer, begun: Option<u64>, context: &mut Context<'_>) {
        let sample = Sample {
            offset: self.oldest(context.interval),
            sent_at: self.sent_at,
            end: context.now,
            connect: std::mem::take(&mut self.connected_in),
            reading: begun.map_or(0, |begun| context.now.saturating_sub(begun)),
            status: answer.status,
            error: answer.fault.map_or("", ErrorKind::key),
        };
        if let Some(samples) = &mut context.samples {
            samples.push(sample);
        }
    }

    /// The requests in flight have failed.
    #[cold]
    pub(in crate::bench) fn sample_lost(
        &self,
        kind: ErrorKind,
        (now, interval): (u64, u64),
        samples: &mut Samples,
    ) {
        for position in self.next..self.end {
            samples.push(Sample {
                offset: self.since + position as u64 * interval,
                sent_at: self.sent_at,
                end: now,
                error: kind.key(),
                ..Sample::default()
            });
        }
    }

    /// The same, at the end of the connection.
    #[cold]
    pub(super) fn last(&mut self, answer: &Answer, name: usize, context: &mut Context<'_>) {
        self.finish(answer, name, context);
        self.count(self.next - 1, context);
    }

    /// Counts the answers from `first` on, which arrived in one read.
    #[inline]
    pub(super) fn count(&mut self, first: usize, context: &mut Context<'_>) {
        let answers = (self.next - first) as u64;
        self.counts.answers += answers;
        self.answered += answers;
        let took = context.latencies((self.since, self.sent_at), first, self.next);
        self.counts.latency_sum = self.counts.latency_sum.saturating_add(took);
        if let (Some(requests), Some(workload)) = (&self.requests, &context.plan.workload) {
            for place in first..self.next {
                let took = context
                    .now
                    .saturating_sub(self.since + place as u64 * context.interval);
                context
                    .tally
                    .template_took(requests.name(workload, place), took);
            }
        }
    }
}
