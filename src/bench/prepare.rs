//! From flags to a plan, or to a sentence that says what is wrong with them.

use std::fs;
use std::thread::available_parallelism;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::expect::Expect;
use super::options::BenchOptions;
use super::pace::Arrivals;
use super::plan::{Offer, Plan, RunLength};
use super::rates::{Profile, Rates};
use super::report::Settings;
use super::request::{self, Batch, PLACEHOLDER, Request, method};
use super::socket::Destination;
use super::tls;
use super::url::{Url, host_and_port, reachable};
use crate::units;

/// Descriptors other than connections: standard streams, pollers, timers, files, clients of --metrics.
const DESCRIPTORS_RESERVED: u64 = 64;
const DESCRIPTORS_PER_THREAD: u64 = 3;

/// The plan of the run, and the settings for its report.
pub(super) fn prepare(options: &BenchOptions) -> Result<(Plan, Settings), String> {
    let text = options.url.as_deref().unwrap_or_default();
    let url = Url::parse(text)?;
    let request = request(options, &url)?;
    // As in hey, --host is also the name that the certificate must be for.
    let authority = options.host.as_ref().unwrap_or(&url.authority);
    let name = url.is_https.then(|| host_and_port(authority)).transpose()?;
    let (tls, tls_settings) = tls::setup(&options.tls, name.map(|(host, _)| host))?.unzip();
    let (destination, lookup_ns) = destination(options, &url)?;
    let connections = options.connections() as usize;
    let length = length(options)?;
    let threads = threads(options);
    allow_descriptors(connections as u64, threads as u64)?;
    let plan = Plan {
        destination,
        tls,
        batch: Batch::new(&request, usize::from(options.pipeline)),
        expect: expect(options, &request)?,
        length,
        warmup: options.warmup,
        align: options.align.filter(|nanos| *nanos > 0),
        connections,
        threads,
        grows: options.has_auto_connections(),
        offer: offer(options, length)?,
        deadline: deadline(options)?,
        pace: options.rate_per_connection.map(|rate| (1e9 / rate) as u64),
        timeout: Some(options.timeout).filter(|nanos| *nanos > 0),
        keepalive: !request.closes,
        requests_per_connection: options.requests_per_connection.unwrap_or(u64::MAX),
    };
    let rate = plan.offered();
    let changing = options.rate.as_ref().filter(|rates| !rates.is_constant());
    let settings = Settings {
        url: text.to_owned(),
        method: request.method,
        connections: connections as u64,
        connections_auto: plan.grows,
        threads: threads as u64,
        pipeline: plan.batch.len() as u64,
        requests: match length {
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
        keepalive: plan.keepalive,
        requests_per_connection: options.requests_per_connection,
        tls: tls_settings,
        lookup_ns,
    };
    Ok((plan, settings))
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

fn request(options: &BenchOptions, url: &Url) -> Result<Request, String> {
    let body = body(options)?;
    let fields = fields(options, !body.is_empty())?;
    let host = options.host.as_ref().unwrap_or(&url.authority);
    let (_, host) = request::field(&format!("Host: {host}"))?;
    let asks_to_close = fields.iter().any(|(name, value)| {
        let mut options = value.split(',').map(str::trim);
        name.eq_ignore_ascii_case("connection") && options.any(|o| o.eq_ignore_ascii_case("close"))
    });
    if asks_to_close && options.pipeline > 1 {
        return Err(
            "Connection: close cannot be used with --pipeline: the server answers nothing after it"
                .to_owned(),
        );
    }
    Ok(Request {
        method: method(&options.method)?,
        path: url.path.clone(),
        host,
        fields,
        body,
        closes: options.disable_keepalive || asks_to_close,
    })
}

fn body(options: &BenchOptions) -> Result<Vec<u8>, String> {
    match (&options.data, &options.data_file) {
        (Some(text), _) => Ok(text.clone().into_bytes()),
        (None, Some(path)) => {
            fs::read(path).map_err(|error| format!("cannot read {}: {error}", path.display()))
        }
        (None, None) => Ok(Vec::new()),
    }
}

fn fields(options: &BenchOptions, has_body: bool) -> Result<Vec<(String, String)>, String> {
    let mut fields = options.fields.clone();
    let has_type = fields
        .iter()
        .any(|(name, _)| name.eq_ignore_ascii_case("content-type"));
    let mut add = |name: &str, value: &str| -> Result<(), String> {
        fields.push(request::field(&format!("{name}: {value}"))?);
        Ok(())
    };
    if let Some(types) = &options.accept {
        add("Accept", types)?;
    }
    if let Some(user) = &options.auth {
        let credentials = request::base64(user.as_bytes());
        add("Authorization", &format!("Basic {credentials}"))?;
    }
    match &options.content_type {
        Some(content_type) => add("Content-Type", content_type)?,
        None if has_body && !has_type => add("Content-Type", "text/html")?,
        None => {}
    }
    Ok(fields)
}

fn expect(options: &BenchOptions, request: &Request) -> Result<Expect, String> {
    let head_only = request.method == "HEAD";
    if head_only && options.expect_body.is_some() {
        return Err("--expect-body cannot be used with HEAD: its answers have no body".to_owned());
    }
    let positions = 0..usize::from(options.pipeline);
    let bodies = options.expect_body.as_ref().map(|text| {
        positions
            .map(|position| {
                text.replace(PLACEHOLDER, &position.to_string())
                    .into_bytes()
            })
            .collect()
    });
    Ok(Expect {
        statuses: options.expect_status.clone(),
        bodies,
        head_only,
    })
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
