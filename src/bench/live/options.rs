//! The flags for what is told while a run goes on.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

use crate::units;

/// Histograms have to be cleared and joined in that time.
const INTERVAL_NANOS_MIN: u64 = 10_000_000;

#[derive(Args, Clone, Debug)]
pub(in crate::bench) struct LiveOptions {
    /// Write a histogram for each interval of the run to a file: as JSON lines, or as an interval log of HDR
    /// histograms if its name ends in .hlog
    #[arg(long, value_name = "FILE", conflicts_with_all = ["merge", "find"])]
    pub(super) timeline: Option<PathBuf>,

    /// Length of an interval of --timeline
    #[arg(long, value_name = "TIME", value_parser = interval, default_value = "1s", requires = "timeline")]
    pub(super) timeline_interval: u64,

    /// Write a row for each request that was sent and has ended to a file, as CSV with the columns of hey -o csv and more
    #[arg(long, value_name = "FILE", conflicts_with_all = ["merge", "find"])]
    pub(super) samples: Option<PathBuf>,

    /// Tell Prometheus how the run goes, at /metrics of this address
    #[arg(long, value_name = "ADDRESS", value_parser = address, conflicts_with_all = ["merge", "find"])]
    pub(super) metrics: Option<SocketAddr>,

    /// Show no progress
    #[arg(long)]
    pub(super) quiet: bool,
}

impl LiveOptions {
    /// The files that are written, by flag.
    pub(in crate::bench) fn outputs(&self) -> [(&'static str, Option<&PathBuf>); 2] {
        [
            ("--timeline", self.timeline.as_ref()),
            ("--samples", self.samples.as_ref()),
        ]
    }
}

fn address(text: &str) -> Result<SocketAddr, String> {
    let wrong = |_| "not an address: write IP:PORT, such as 127.0.0.1:9464".to_owned();
    text.parse().map_err(wrong)
}

fn interval(text: &str) -> Result<u64, String> {
    match units::nanos(text)? {
        0..INTERVAL_NANOS_MIN => Err("too short: write 10ms or more".to_owned()),
        nanos => Ok(nanos),
    }
}
