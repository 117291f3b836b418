//! Metrics in the text formats of Prometheus and `OpenMetrics`, and the answer to a client that asks for them.

mod accept;

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{
    DescriptorEncoder, EncodeCounterValue, EncodeGaugeValue, NoLabelSet, prometheus_text, text,
};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::{Registry, Unit};

pub(crate) use self::accept::Format;
use crate::http::{Field, Response, Status};

/// What is of this moment is not kept.
pub(crate) const NO_STORE: Field<'static> = Field::from_static("Cache-Control", "no-store");
/// No browser takes it for anything else.
pub(crate) const NO_SNIFF: Field<'static> = Field::from_static("X-Content-Type-Options", "nosniff");
const VARY: Field<'static> = Field::from_static("Vary", "Accept");

/// All metrics of a collector.
pub(crate) fn encode(metrics: impl Collector + 'static, format: Format) -> String {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(metrics));
    let mut out = String::new();
    // It writes into a string, which does not fail.
    let _ = match format {
        Format::Prometheus => prometheus_text::encode(&mut out, &registry),
        Format::OpenMetrics => text::encode(&mut out, &registry),
    };
    out
}

impl Format {
    /// The answer to a client that has asked for this format.
    pub(crate) fn response(self, text: String) -> Response {
        Response::new(Status::OK)
            .content_type(self.content_type())
            .with_field(NO_STORE)
            .with_field(NO_SNIFF)
            .with_field(VARY)
            .content(text.into_bytes())
    }
}

pub(crate) type Labels = Vec<(&'static str, String)>;

/// What a family of metrics is called and means. The unit, and `_total` of a counter, are added to the name.
pub(crate) struct Family {
    pub(crate) name: &'static str,
    pub(crate) help: &'static str,
    pub(crate) unit: Option<Unit>,
}

pub(crate) const fn family(name: &'static str, unit: Option<Unit>, help: &'static str) -> Family {
    Family { name, help, unit }
}

/// Counts of times.
pub(crate) struct Histogram {
    /// A time in seconds, and how many were not longer, in increasing order.
    pub(crate) within: Vec<(f64, u64)>,
    pub(crate) count: u64,
    /// In seconds.
    pub(crate) sum: f64,
}

/// Writes families of metrics.
pub(crate) struct Writer<'e, 'w>(pub(crate) &'e mut DescriptorEncoder<'w>);

impl Writer<'_, '_> {
    pub(crate) fn counters<V: EncodeCounterValue>(
        &mut self,
        family: &Family,
        rows: impl Iterator<Item = (Labels, V)>,
    ) -> fmt::Result {
        let Family { name, help, unit } = family;
        let kind = MetricType::Counter;
        let mut metric = self.0.encode_descriptor(name, help, unit.as_ref(), kind)?;
        for (labels, value) in rows {
            let mut row = metric.encode_family(&labels)?;
            row.encode_counter::<NoLabelSet, _, u64>(&value, None)?;
        }
        Ok(())
    }

    pub(crate) fn counter(
        &mut self,
        family: &Family,
        value: impl EncodeCounterValue,
    ) -> fmt::Result {
        self.counters(family, [(Labels::new(), value)].into_iter())
    }

    pub(crate) fn gauges<V: EncodeGaugeValue>(
        &mut self,
        family: &Family,
        rows: impl Iterator<Item = (Labels, V)>,
    ) -> fmt::Result {
        let Family { name, help, unit } = family;
        let kind = MetricType::Gauge;
        let mut metric = self.0.encode_descriptor(name, help, unit.as_ref(), kind)?;
        for (labels, value) in rows {
            metric.encode_family(&labels)?.encode_gauge(&value)?;
        }
        Ok(())
    }

    pub(crate) fn gauge(&mut self, family: &Family, value: impl EncodeGaugeValue) -> fmt::Result {
        self.gauges(family, [(Labels::new(), value)].into_iter())
    }

    pub(crate) fn gauge_if_known(&mut self, family: &Family, value: Option<u64>) -> fmt::Result {
        value.map_or(Ok(()), |value| self.gauge(family, value))
    }

    pub(crate) fn info(
        &mut self,
        family: &Family,
        labels: &[(&'static str, String)],
    ) -> fmt::Result {
        let Family { name, help, .. } = family;
        let mut metric = self
            .0
            .encode_descriptor(name, help, None, MetricType::Info)?;
        metric.encode_info(&labels)
    }

    pub(crate) fn histogram(&mut self, family: &Family, histogram: &Histogram) -> fmt::Result {
        let Family { name, help, unit } = family;
        let kind = MetricType::Histogram;
        let mut metric = self.0.encode_descriptor(name, help, unit.as_ref(), kind)?;
        let mut below = 0;
        let mut buckets = Vec::with_capacity(histogram.within.len() + 1);
        for (seconds, within) in &histogram.within {
            buckets.push((*seconds, within.saturating_sub(below)));
            below = *within;
        }
        buckets.push((f64::INFINITY, histogram.count.saturating_sub(below)));
        metric.encode_histogram::<NoLabelSet>(histogram.sum, histogram.count, &buckets, None)
    }
}
