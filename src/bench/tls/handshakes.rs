//! What is counted of handshakes, and its place in the report.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::super::distribution::Distribution;
use super::super::times::Times;
use crate::terminal::clean;
use crate::tls::Handshake;

/// The counts of a thread, or of all.
#[derive(Clone, Debug, Default)]
pub(in crate::bench) struct Handshakes {
    /// From the first bytes sent to the end of the handshake.
    times: Times,
    resumed: u64,
    /// CPU nanoseconds.
    cpu: u64,
    /// Including those of the warm-up.
    protocols: BTreeMap<String, u64>,
}

impl Handshakes {
    /// The warm-up has ended.
    pub(in crate::bench) fn begin(&mut self) {
        *self = Self {
            protocols: std::mem::take(&mut self.protocols),
            ..Self::default()
        };
    }

    pub(in crate::bench) fn record(&mut self, handshake: &Handshake, nanos: u64, cpu: u64) {
        self.times.record(nanos, 1);
        self.resumed += u64::from(handshake.is_resumed);
        self.cpu = self.cpu.saturating_add(cpu);
        match self.protocols.get_mut(&handshake.protocol) {
            Some(count) => *count += 1,
            None => {
                self.protocols.insert(handshake.protocol.clone(), 1);
            }
        }
    }

    pub(in crate::bench) fn add(&mut self, other: &Self) {
        self.times.add(&other.times);
        self.resumed = self.resumed.saturating_add(other.resumed);
        self.cpu = self.cpu.saturating_add(other.cpu);
        for (protocol, count) in &other.protocols {
            let sum = self.protocols.entry(protocol.clone()).or_default();
            *sum = sum.saturating_add(*count);
        }
    }
}

/// Handshakes.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct Tls {
    /// From the first bytes sent on a connection to the end of its handshake.
    pub(crate) handshake: Distribution,
    /// How many of them resumed a session.
    pub(crate) resumed: u64,
    /// The CPU time of the generator in handshakes, without system calls: what the cryptography costs.
    pub(in crate::bench) handshake_cpu_ns: u64,
    pub(in crate::bench) cpu_ns_per_handshake: f64,
    /// Handshakes, including those of the warm-up, by version and cipher suite, such as `TLSv1.3 TLS_AES_128_GCM_SHA256`.
    pub(in crate::bench) protocols: BTreeMap<String, u64>,
}

impl Tls {
    pub(in crate::bench) fn of(handshakes: &Handshakes) -> Self {
        let count = handshakes.times.count();
        Self {
            handshake: Distribution::of(&handshakes.times),
            resumed: handshakes.resumed,
            handshake_cpu_ns: handshakes.cpu,
            cpu_ns_per_handshake: handshakes.cpu as f64 / count.max(1) as f64,
            protocols: handshakes.protocols.clone(),
        }
    }

    pub(in crate::bench) fn handshakes(&self) -> Handshakes {
        Handshakes {
            times: self.handshake.times(),
            resumed: self.resumed,
            cpu: self.handshake_cpu_ns,
            protocols: self.protocols.clone(),
        }
    }

    /// For people; `time` writes nanoseconds.
    pub(in crate::bench) fn lines(&self, time: fn(f64) -> String) -> Vec<String> {
        let times = &self.handshake;
        let mut lines = Vec::new();
        if times.count > 0 {
            let full = times.count - self.resumed;
            let [mean, median, p99] = [
                times.mean_ns,
                times.percentiles_ns.p50 as f64,
                times.percentiles_ns.p99 as f64,
            ]
            .map(time);
            lines.push(format!(
                "handshakes:\t{}, {full} full and {} resumed",
                times.count, self.resumed
            ));
            lines.push(format!(
                "time:\taverage {mean}, 50% in {median}, 99% in {p99}"
            ));
            lines.push(format!(
                "CPU/handshake:\t{:.1} \u{b5}s",
                self.cpu_ns_per_handshake / 1e3
            ));
        }
        let protocols = self.protocols.iter();
        lines.extend(protocols.map(|(name, count)| format!("{}:\t{count}", clean(name))));
        lines
    }
}
