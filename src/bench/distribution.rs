//! A histogram in a report, with the figures that follow from it.

use serde::{Deserialize, Serialize};

#[cfg(test)]
use super::times::DIGITS;
use super::times::Times;

/// A distribution of times, in nanoseconds.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct Distribution {
    pub(crate) count: u64,
    pub(super) sum_ns: u64,
    pub(super) min_ns: u64,
    pub(crate) max_ns: u64,
    pub(super) mean_ns: f64,
    pub(super) stdev_ns: f64,
    pub(crate) percentiles_ns: Percentiles,
    pub(super) histogram: Buckets,
}

impl Distribution {
    pub(super) fn of(times: &Times) -> Self {
        Self {
            count: times.count(),
            sum_ns: times.sum(),
            min_ns: times.min(),
            max_ns: times.max(),
            mean_ns: times.mean(),
            stdev_ns: times.histogram().stdev(),
            percentiles_ns: Percentiles::of(times),
            histogram: Buckets::of(times),
        }
    }

    pub(super) fn times(&self) -> Times {
        let counts = &self.histogram.counts;
        Times::from_parts(counts, self.sum_ns, self.min_ns, self.max_ns)
    }
}

/// The one list of reported percentiles: field, name, quantile.
macro_rules! percentiles {
    ($($field:ident, $name:literal, $quantile:literal;)+) => {
        #[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
        #[cfg_attr(test, derive(schemars::JsonSchema))]
        #[serde(deny_unknown_fields)]
        pub(crate) struct Percentiles {
            $(#[serde(rename = $name)] pub(super) $field: u64,)+
        }

        impl Percentiles {
            pub(super) fn of(times: &Times) -> Self {
                Self::each(|quantile| times.quantile(quantile))
            }

            /// From the value of each quantile.
            pub(super) fn each(of: impl Fn(f64) -> u64) -> Self {
                Self { $($field: of($quantile),)+ }
            }

            /// Name and value, in increasing order.
            pub(crate) fn rows(&self) -> impl Iterator<Item = (&'static str, u64)> + use<> {
                [$(($name, self.$field),)+].into_iter()
            }
        }
    };
}

percentiles! {
    p10, "p10", 0.1;
    p25, "p25", 0.25;
    p50, "p50", 0.5;
    p75, "p75", 0.75;
    p90, "p90", 0.9;
    p95, "p95", 0.95;
    p99, "p99", 0.99;
    p99_9, "p99.9", 0.999;
    p99_99, "p99.99", 0.9999;
}

/// One number for each connection.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct Figures {
    pub(crate) count: u64,
    pub(super) sum: u64,
    pub(crate) min: u64,
    pub(crate) max: u64,
    pub(crate) p50: u64,
    pub(crate) p90: u64,
    pub(super) histogram: Buckets,
}

impl Figures {
    pub(super) fn of(times: &Times) -> Self {
        Self {
            count: times.count(),
            sum: times.sum(),
            min: times.min(),
            max: times.max(),
            p50: times.quantile(0.5),
            p90: times.quantile(0.9),
            histogram: Buckets::of(times),
        }
    }

    pub(super) fn times(&self) -> Times {
        Times::from_parts(&self.histogram.counts, self.sum, self.min, self.max)
    }
}

/// An HDR histogram.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct Buckets {
    #[cfg_attr(test, schemars(extend("const" = DIGITS)))]
    pub(super) significant_digits: u8,
    /// For each bucket that is not empty: its highest value, and its count.
    #[cfg_attr(test, schemars(schema_with = "schema_of_buckets"))]
    pub(super) counts: Vec<(u64, u64)>,
}

impl Buckets {
    fn of(times: &Times) -> Self {
        let histogram = times.histogram();
        let recorded = histogram.iter_recorded();
        Self {
            significant_digits: histogram.sigfig(),
            counts: recorded
                .map(|step| (step.value_iterated_to(), step.count_at_value()))
                .collect(),
        }
    }
}

/// What the type alone does not say.
#[cfg(test)]
fn schema_of_buckets(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({
        "type": "array",
        "items": {
            "type": "array",
            "prefixItems": [
                { "type": "integer", "minimum": 0 },
                { "type": "integer", "minimum": 1 },
            ],
            "minItems": 2,
            "maxItems": 2,
        },
    })
}
