//! From flags to the requests of a run.

use std::path::Path;

use clap::{Args as _, FromArgMatches as _};

use super::expect::Expect;
use super::input;
use super::options::BenchOptions;
use super::request::{self, Batch, method};
use super::url::Url;
use super::workload::{self, Content, Curl, Defaults, Spec, Table, Workload};

/// All requests.
pub(super) struct Requests {
    /// Those of one write, if they are always the same, and what is expected of their answers.
    pub(super) batch: Batch,
    pub(super) expect: Expect,
    /// Otherwise.
    pub(super) workload: Option<Workload>,
    /// Of all of them; `None` with a request file.
    pub(super) method: Option<String>,
    /// They ask the server to close the connection.
    pub(super) closes: bool,
}

pub(super) fn requests(options: &BenchOptions, url: &Url) -> Result<Requests, String> {
    let specs = specs(options, url)?;
    let closes = specs.iter().any(|spec| spec.closes);
    if closes && options.pipeline > 1 {
        return Err(
            "Connection: close cannot be used with --pipeline: the server answers nothing after it"
                .to_owned(),
        );
    }
    let table = options.csv.as_deref().map(Table::read).transpose()?;
    let workload = Workload::new(&specs, table.as_ref(), options.seed, options.cookies)?;
    if table.is_some() && !workload.has_columns() {
        return Err(
            "--csv: no request has a value of this file: write {csv:COLUMN} where it belongs"
                .to_owned(),
        );
    }
    let pipeline = usize::from(options.pipeline);
    workload.check_buffers(options.connections() as usize, pipeline)?;
    let method = match (&options.request_file, specs.as_slice()) {
        (None, [spec]) => Some(spec.method.clone()),
        _ => None,
    };
    // Each name of a request file has its counts, also if there is only one request.
    let fixed = workload.fixed(pipeline);
    let fixed = fixed.filter(|_| options.request_file.is_none());
    let is_fixed = fixed.is_some();
    let (batch, expect) = fixed.unwrap_or_default();
    Ok(Requests {
        batch,
        expect,
        workload: (!is_fixed).then_some(workload),
        method,
        closes,
    })
}

/// Whether a run with these flags has requests to send, or what is wrong with them.
pub(crate) fn check_requests(flags: &[String]) -> Result<(), String> {
    // Of any server.
    const URL: &str = "http://localhost/";
    let program = BenchOptions::augment_args(clap::Command::new("bench"));
    let words = ["bench", URL].into_iter();
    let words = words.chain(flags.iter().map(String::as_str));
    let read = program.try_get_matches_from(words);
    let options = read.and_then(|found| BenchOptions::from_arg_matches(&found));
    let options = options.map_err(|error| error.to_string())?;
    requests(&options, &Url::parse(URL)?).map(|_| ())
}

fn specs(options: &BenchOptions, url: &Url) -> Result<Vec<Spec>, String> {
    match &options.request_file {
        Some(path) => of_file(options, url, path),
        None => Ok(vec![match &options.curl {
            Some(curl) => of_curl(options, url, curl)?,
            None => single(options, url)?,
        }]),
    }
}

fn of_file(options: &BenchOptions, url: &Url, path: &Path) -> Result<Vec<Spec>, String> {
    if url.path != "/" {
        return Err(format!(
            "the paths are in {}: leave {} out of the URL",
            path.display(),
            url.path
        ));
    }
    let fields = fields(options, options.fields.clone())?;
    let content_type = options.content_type.as_ref();
    let content_type = content_type.map(|text| request::field(&format!("Content-Type: {text}")));
    let defaults = Defaults {
        host: host(options, url)?,
        closes: options.disable_keepalive || ask_to_close(&fields),
        fields,
        statuses: options.expect_status.clone(),
        content_type: content_type.transpose()?.map(|(_, value)| value),
    };
    workload::read(path, &defaults)
}

/// Fields of the flags replace those of the command.
fn of_curl(options: &BenchOptions, url: &Url, curl: &Curl) -> Result<Spec, String> {
    let mut fields = curl.fields.clone();
    fields.retain(|(name, _)| {
        !options
            .fields
            .iter()
            .any(|given| given.0.eq_ignore_ascii_case(name))
    });
    fields.extend(options.fields.iter().cloned());
    if options.host.is_some() {
        fields.retain(|(name, _)| !name.eq_ignore_ascii_case("host"));
    }
    described(
        options,
        url,
        curl.method.clone(),
        fields,
        curl.content.clone(),
    )
}

fn single(options: &BenchOptions, url: &Url) -> Result<Spec, String> {
    let mut fields = fields(options, options.fields.clone())?;
    let content = if options.form.is_empty() {
        content(options)?
    } else {
        let (content, content_type) = workload::encode(&options.form);
        fields.retain(|(name, _)| !name.eq_ignore_ascii_case("content-type"));
        fields.push(("Content-Type".to_owned(), content_type));
        Content::Bytes(content)
    };
    let has_type = fields
        .iter()
        .any(|(name, _)| name.eq_ignore_ascii_case("content-type"));
    let content_type = match &options.content_type {
        Some(content_type) => Some(content_type.as_str()),
        None if !content.is_empty() && !has_type => Some("text/html"),
        None => None,
    };
    if let Some(content_type) = content_type {
        fields.push(request::field(&format!("Content-Type: {content_type}"))?);
    }
    let default = if options.form.is_empty() {
        "GET"
    } else {
        "POST"
    };
    let method = method(options.method.as_deref().unwrap_or(default))?;
    described(options, url, method, fields, content)
}

fn described(
    options: &BenchOptions,
    url: &Url,
    method: String,
    fields: Vec<(String, String)>,
    content: Content,
) -> Result<Spec, String> {
    if method == "HEAD" && options.expect_body.is_some() {
        return Err("--expect-body cannot be used with HEAD: its answers have no body".to_owned());
    }
    Ok(Spec {
        method,
        path: url.path.clone(),
        host: host(options, url)?,
        closes: options.disable_keepalive || ask_to_close(&fields),
        fields,
        content,
        weight: 1,
        statuses: options.expect_status.clone(),
        body: options.expect_body.clone(),
        ..Spec::default()
    })
}

fn host(options: &BenchOptions, url: &Url) -> Result<String, String> {
    let host = options.host.as_ref().unwrap_or(&url.authority);
    request::field(&format!("Host: {host}")).map(|(_, host)| host)
}

fn ask_to_close(fields: &[(String, String)]) -> bool {
    fields.iter().any(|(name, value)| {
        let mut options = value.split(',').map(str::trim);
        name.eq_ignore_ascii_case("connection") && options.any(|o| o.eq_ignore_ascii_case("close"))
    })
}

fn content(options: &BenchOptions) -> Result<Content, String> {
    match (&options.data, &options.data_file) {
        (Some(text), _) => Ok(Content::Text(text.clone())),
        (None, Some(path)) => {
            let bytes = input::read(path, input::CONTENT_BYTES_MAX);
            let failed = |error| format!("cannot read {}: {error}", path.display());
            bytes.map(Content::Bytes).map_err(failed)
        }
        (None, None) => Ok(Content::default()),
    }
}

/// Those of -H, and those that have a flag of their own.
fn fields(
    options: &BenchOptions,
    mut fields: Vec<(String, String)>,
) -> Result<Vec<(String, String)>, String> {
    let mut add = |name: &str, value: &str| -> Result<(), String> {
        fields.push(request::field(&format!("{name}: {value}"))?);
        Ok(())
    };
    if let Some(types) = &options.accept {
        add("Accept", types)?;
    }
    if let Some(user) = &options.auth {
        add("Authorization", &request::basic_credentials(user))?;
    }
    Ok(fields)
}
