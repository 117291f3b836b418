//! The flags of a run on several machines.

use clap::Args;

/// The flags of `--hosts`, and those that it gives to each host.
#[derive(Args, Clone, Debug)]
pub(in crate::bench) struct HostsFlags {
    /// Run on these hosts at once, by ssh, and join the results; -c, -n and --rate are for each. Hosts are as in
    /// ssh: NAME or USER@NAME, with keys or an agent
    #[arg(long, value_name = "HOST,...", value_delimiter = ',', conflicts_with_all = ["merge", "find", "align", "timeline", "metrics", "samples", "svg", "html", "compare"])]
    pub(in crate::bench) hosts: Vec<String>,

    /// hullo on each of --hosts [default: this binary is copied, and removed at the end]
    #[arg(long, value_name = "PATH", requires = "hosts")]
    pub(in crate::bench) hosts_binary: Option<String>,

    /// ssh of --hosts, and its options
    #[arg(
        long,
        value_name = "COMMAND",
        default_value = "ssh",
        hide_default_value = true,
        requires = "hosts"
    )]
    pub(in crate::bench) ssh: String,

    /// Start at this time, in Unix nanoseconds.
    #[arg(long, hide = true)]
    pub(in crate::bench) start_at: Option<u64>,

    /// Stop when standard input ends.
    #[arg(long, hide = true)]
    pub(in crate::bench) until_stdin_ends: bool,
}
