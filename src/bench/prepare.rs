//! From flags to a plan, or to a sentence that says what is wrong with them.

use std::thread::available_parallelism;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::options::BenchOptions;
use super::pace::Arrivals;
use super::plan::{Offer, Plan, RunLength};
use super::rates::{Profile, Rates};
use super::report::Settings;
use super::requests::requests;
use super::socket::Destination;
use super::tls::{self, TlsSettings};
use super::url::{Url, host_and_port, reachable};
use crate::terminal::clean;
use crate::tls::Client;
use crate::units;

/// Descriptors other than connections: standard streams, pollers, timers, files, clients of --metrics.
const DESCRIPTORS_RESERVED: u64 = 64;
const DESCRIPTORS_PER_THREAD: u64 = 3;

/// The plan of the run, and the settings for its report.
pub(super) fn prepare(options: &BenchOptions) -> Result<(Plan, Settings), String> {
    let text = options.url.as_deref().unwrap_or_default();
    let url = Url::parse(text)?;
    let requests = requests(options, &url)?;
    let (tls, tls_settings) = secured(options, &url)?.unzip();
    let (destination, lookup_ns) = destination(options, &url)?;
    let connections = options.connections() as usize;
    let length = length(options)?;
    let threads = threads(options);
    allow_descriptors(connections as u64, threads as u64)?;
    let plan = Plan {
        destination,
        tls,
        pipeline: usize::from(options.pipeline),
        batch: requests.batch,
        expect: requests.expect,
        workload: requests.workload,
        length,
        warmup: options.warmup,
        start_at: options.hosts.start_at,
        align: options.align.filter(|nanos| *nanos > 0),
        connections,
        threads,
        grows: options.has_auto_connections(),
        offer: offer(options, length)?,
        deadline: deadline(options)?,
        pace: options.rate_per_connection.map(|rate| (1e9 / rate) as u64),
        timeout: Some(options.timeout).filter(|nanos| *nanos > 0),
        poll: options.poll,
        keepalive: !requests.closes,
        requests_per_connection: options.requests_per_connection.unwrap_or(u64::MAX),
    };
    let settings = Settings {
        url: text.to_owned(),
        method: requests.method,
        tls: tls_settings,
        lookup_ns,
        ..settings(options, &plan)
    };
    Ok((plan, settings))
}

/// What https needs.
fn secured(options: &BenchOptions, url: &Url) -> Result<Option<(Client, TlsSettings)>, String> {
    // As in hey, --host is also the name that the certificate must be for.
    let authority = options.host.as_ref().unwrap_or(&url.authority);
    let name = url.is_https.then(|| host_and_port(authority)).transpose()?;
    tls::setup(&options.tls, name.map(|(host, _)| host))
}

/// What the report says about the plan; the URL and what is known of its requests are to be filled in.
fn settings(options: &BenchOptions, plan: &Plan) -> Settings {
    let rate = plan.offered();
    let changing = options.rate.as_ref().filter(|rates| !rates.is_constant());
    Settings {
        url: String::new(),
        method: None,
        request_file: options
            .request_file
            .as_ref()
            .map(|path| clean(&path.display().to_string())),
        cookies: options.cookies,
        connections: plan.connections as u64,
        connections_auto: plan.grows,
        threads: plan.threads as u64,
        pipeline: plan.pipeline as u64,
        requests: match plan.length {
            RunLength::Requests(requests) => Some(requests),
            RunLength::Time(_) => None,
        },
        duration_ns: options.duration,
        warmup_ns: options.warmup,
        repeat: u64::from(options.repeat),
        rate: rate.map(|(offer, nanos)| offer.profile.mean(nanos)),
        rates: changing.map(Rates::text),
        arrivals: plan.offer.as_ref().map(|offer| offer.arrivals),
        rate_per_connection: options.rate_per_connection,
        timeout_ns: plan.timeout,
        deadline_ns: plan.deadline,
        poll_ns: plan.poll,
        keepalive: plan.keepalive,
        requests_per_connection: options.requests_per_connection,
        tls: None,
        lookup_ns: 0,
    }
}

fn length(options: &BenchOptions) -> Result<RunLength, String> {
    match options.duration {
        Some(0) => Err("-z 0 would send nothing".to_owned()),
        Some(nanos) => Ok(RunLength::Time(nanos)),
        // hey refuses it too: some connections would stay idle.
        None if options.requests < u64::from(options.connections())
            && options.rate.is_none()
            && !options.has_auto_connections() =>
        {
            Err(format!(
                "-n {} is less than -c {}: each connection must send at least one request",
                options.requests,
                options.connections()
            ))
        }
        None => Ok(RunLength::Requests(options.requests)),
    }
}

fn offer(options: &BenchOptions, length: RunLength) -> Result<Option<Offer>, String> {
    let Some(rates) = &options.rate else {
        if options.arrivals.is_some() && options.find.is_none() {
            return Err("--arrivals needs --rate or --find".to_owned());
        }
        let needs_rate = "-c auto needs --rate: without it, a connection is needed for each request in flight, however many there are";
        return if options.has_auto_connections() {
            Err(needs_rate.to_owned())
        } else {
            Ok(None)
        };
    };
    let arrivals = options.arrivals.unwrap_or_default();
    if options.pipeline > 1 && (arrivals == Arrivals::Poisson || !rates.is_constant()) {
        return Err("--pipeline needs a constant --rate, and --arrivals constant: the requests of one write are due at equal distances".to_owned());
    }
    let time = match length {
        RunLength::Time(nanos) => Some(nanos),
        RunLength::Requests(_) => None,
    };
    Ok(Some(Offer {
        profile: rates.over(time)?,
        warmup: Profile::constant(rates.first()),
        arrivals,
        seed: options.seed,
    }))
}

fn deadline(options: &BenchOptions) -> Result<Option<u64>, String> {
    match (options.deadline, options.duration) {
        (Some(0), _) => Err("--deadline 0 would end the run before it begins".to_owned()),
        (Some(deadline), Some(duration)) if deadline < duration => Err(format!(
            "--deadline {} is before the end of -z {}: give the shorter time as -z",
            units::show_nanos(deadline),
            units::show_nanos(duration)
        )),
        (deadline, _) => Ok(deadline),
    }
}

fn threads(options: &BenchOptions) -> usize {
    let cores = || available_parallelism().map_or(1, std::num::NonZero::get);
    let wanted = options.threads.map_or_else(cores, usize::from);
    wanted.min(options.connections() as usize)
}

fn destination(options: &BenchOptions, url: &Url) -> Result<(Destination, u64), String> {
    if let Some(path) = &options.unix_socket {
        return Ok((Destination::Unix(path.clone()), 0));
    }
    let (addresses, took) = url.resolve()?;
    let address = reachable(&addresses).ok_or_else(|| format!("{} has no address", url.host))?;
    // An address needs no lookup.
    let is_name = url.host.parse::<std::net::IpAddr>().is_err();
    let lookup_ns = if is_name { took.as_nanos() as u64 } else { 0 };
    Ok((Destination::Tcp(address), lookup_ns))
}

/// Raises the soft limit on open files if necessary.
fn allow_descriptors(connections: u64, threads: u64) -> Result<(), String> {
    let needed = connections + threads * DESCRIPTORS_PER_THREAD + DESCRIPTORS_RESERVED;
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_none_or(|current| current >= needed) {
        return Ok(());
    }
    let wanted = Rlimit {
        current: Some(needed),
        maximum: limit.maximum,
    };
    let is_allowed = limit.maximum.is_none_or(|maximum| maximum >= needed);
    if is_allowed && setrlimit(Resource::Nofile, wanted).is_ok() {
        return Ok(());
    }
    Err(format!(
        "{connections} connections need {needed} open files, but the limit is {}: raise it with ulimit -n, or use fewer with -c",
        limit.maximum.unwrap_or(needed)
    ))
}
