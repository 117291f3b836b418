//! From flags to a plan, or to a sentence that says why there is none.

use std::fs;
use std::thread::available_parallelism;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::expect::Expect;
use super::options::Options;
use super::plan::{Plan, Work};
use super::report::Settings;
use super::request::{self, Batch, PLACE, Request};
use super::stream::Destination;
use super::target::{Target, reachable};

/// Descriptors that are not connections: standard streams, pollers, timers, files.
const DESCRIPTORS_RESERVED: u64 = 16;
const DESCRIPTORS_PER_THREAD: u64 = 3;

/// What to do, and how it is described afterwards.
pub(super) fn prepare(options: &Options) -> Result<(Plan, Settings), String> {
    let url = options.url.as_deref().unwrap_or_default();
    let target = Target::parse(url)?;
    let request = request(options, &target)?;
    let (destination, lookup_ns) = destination(options, &target)?;
    let connections = options.connections() as usize;
    let work = work(options)?;
    let threads = threads(options);
    allow_descriptors(connections as u64, threads as u64)?;
    let plan = Plan {
        destination,
        batch: Batch::new(&request, usize::from(options.pipeline)),
        expect: expect(options, &request)?,
        work,
        warmup: options.warmup,
        align: options.align.filter(|nanos| *nanos > 0),
        connections,
        threads,
        rate: options.rate,
        pace: options.rate_per_connection.map(|rate| (1e9 / rate) as u64),
        timeout: Some(options.timeout).filter(|nanos| *nanos > 0),
        keepalive: !request.closes,
    };
    let settings = Settings {
        url: url.to_owned(),
        method: request.method,
        connections: connections as u64,
        threads: threads as u64,
        pipeline: plan.batch.len() as u64,
        requests: match work {
            Work::Count(requests) => Some(requests),
            Work::Time(_) => None,
        },
        duration_ns: options.duration,
        warmup_ns: options.warmup,
        repeat: u64::from(options.repeat),
        rate: options.rate,
        rate_per_connection: options.rate_per_connection,
        timeout_ns: plan.timeout,
        keepalive: plan.keepalive,
        lookup_ns,
    };
    Ok((plan, settings))
}

fn work(options: &Options) -> Result<Work, String> {
    match options.duration {
        Some(0) => Err("-z 0 would send nothing".to_owned()),
        Some(nanos) => Ok(Work::Time(nanos)),
        // hey refuses it too: some connections would have nothing to do.
        None if options.requests < u64::from(options.connections()) && options.rate.is_none() => {
            Err(format!(
                "-n {} is less than -c {}: each connection sends at least one request",
                options.requests,
                options.connections()
            ))
        }
        None => Ok(Work::Count(options.requests)),
    }
}

fn threads(options: &Options) -> usize {
    let cores = || available_parallelism().map_or(1, std::num::NonZero::get);
    let wanted = options.threads.map_or_else(cores, usize::from);
    wanted.min(options.connections() as usize)
}

fn destination(options: &Options, target: &Target) -> Result<(Destination, u64), String> {
    if let Some(path) = &options.unix_socket {
        return Ok((Destination::Unix(path.clone()), 0));
    }
    let (addresses, took) = target.resolve()?;
    let address = reachable(&addresses).ok_or_else(|| format!("{} has no address", target.host))?;
    // An address needs no asking.
    let is_name = target.host.parse::<std::net::IpAddr>().is_err();
    let lookup_ns = if is_name { took.as_nanos() as u64 } else { 0 };
    Ok((Destination::Tcp(address), lookup_ns))
}

fn request(options: &Options, target: &Target) -> Result<Request, String> {
    let body = body(options)?;
    let fields = fields(options, !body.is_empty())?;
    let host = options.host.as_ref().unwrap_or(&target.authority);
    let (_, host) = request::field(&format!("Host: {host}"))?;
    let asks_to_close = fields.iter().any(|(name, value)| {
        let mut options = value.split(',').map(str::trim);
        name.eq_ignore_ascii_case("connection") && options.any(|o| o.eq_ignore_ascii_case("close"))
    });
    if asks_to_close && options.pipeline > 1 {
        return Err(
            "after Connection: close nothing is answered: it does not go with --pipeline"
                .to_owned(),
        );
    }
    Ok(Request {
        method: method(&options.method)?,
        path: target.path.clone(),
        host,
        fields,
        body,
        closes: options.disable_keepalive || asks_to_close,
    })
}

/// As hey does, whatever the case it was typed in.
pub(super) fn method(text: &str) -> Result<String, String> {
    let method = text.to_ascii_uppercase();
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if method.is_empty() || !method.bytes().all(is_token) {
        return Err(format!("{method:?} is no method"));
    }
    if method == "CONNECT" {
        return Err(
            "CONNECT makes a tunnel, and what is in it is no HTTP to be measured".to_owned(),
        );
    }
    Ok(method)
}

fn body(options: &Options) -> Result<Vec<u8>, String> {
    match (&options.data, &options.data_file) {
        (Some(text), _) => Ok(text.clone().into_bytes()),
        (None, Some(path)) => {
            fs::read(path).map_err(|error| format!("cannot read {}: {error}", path.display()))
        }
        (None, None) => Ok(Vec::new()),
    }
}

fn fields(options: &Options, has_body: bool) -> Result<Vec<(String, String)>, String> {
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

fn expect(options: &Options, request: &Request) -> Result<Expect, String> {
    let head_only = request.method == "HEAD";
    if head_only && options.expect_body.is_some() {
        return Err("no answer to HEAD has a body: --expect-body could not fail".to_owned());
    }
    let places = 0..usize::from(options.pipeline);
    let bodies = options.expect_body.as_ref().map(|text| {
        places
            .map(|place| text.replace(PLACE, &place.to_string()).into_bytes())
            .collect()
    });
    Ok(Expect {
        statuses: options.expect_status.clone(),
        bodies,
        head_only,
    })
}

/// Raises the soft limit on open files as far as is needed and allowed.
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
        "{connections} connections need {needed} open files, and the limit is {}: raise it with ulimit -n, or take fewer with -c",
        limit.maximum.unwrap_or(needed)
    ))
}
