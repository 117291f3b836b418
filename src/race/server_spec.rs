//! A server as the command line gives it: `NAME=COMMAND` or `NAME=URL`.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use super::record::NAME_CHARS_MAX;
use crate::bench::{Url, reachable};
use crate::tls::Client;

/// A server to race.
#[derive(Clone, Debug)]
pub(super) struct ServerSpec {
    pub(super) name: String,
    pub(super) source: Source,
    /// Path and query; empty until [`ServerSpec::at`] gives it the path of the race.
    pub(super) path: String,
    /// The value of `Host`, if not where it listens.
    pub(super) host: Option<String>,
    pub(super) is_https: bool,
    /// For connections to it over https, once it is known which certificates are accepted.
    pub(super) tls: Option<Client>,
}

/// How to reach it.
#[derive(Clone, Debug)]
pub(super) enum Source {
    /// A shell command, with `{port}` and `{workers}`.
    Command(String),
    /// It is already running.
    Running { address: SocketAddr, url: Url },
}

/// A command to start, and how its server is asked.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(super) struct Program {
    pub(super) command: String,
    pub(super) path: String,
    /// The value of `Host`, if not where it listens.
    pub(super) host: Option<String>,
    pub(super) is_https: bool,
    /// Value of `{workers}`.
    pub(super) workers: usize,
    pub(super) cores: Vec<usize>,
}

impl ServerSpec {
    /// Takes `NAME=...` apart, or says what is wrong with it.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let (name, what) = text.split_once('=').ok_or_else(|| {
            format!("{text:?} has no name: write NAME='COMMAND {{port}}' or NAME=http://host:port/")
        })?;
        let (name, what) = (name.trim(), what.trim());
        let length = name.chars().count();
        if length == 0 || length > NAME_CHARS_MAX || name.chars().any(char::is_control) {
            return Err(format!(
                "{name:?} is not a name: write 1 to {NAME_CHARS_MAX} characters before the ="
            ));
        }
        if name.contains("://") || name.contains(" -") || name.starts_with(['.', '/']) {
            return Err(format!(
                "{name:?} is a command or URL, not a name: write NAME='{text}'"
            ));
        }
        if what.is_empty() {
            return Err(format!(
                "{name} has no command: write {name}='COMMAND {{port}} {{workers}}'"
            ));
        }
        let (source, path) = if is_url(what) {
            let url = Url::parse(what)?;
            let (addresses, _) = url.resolve()?;
            let address = reachable(&addresses).ok_or_else(|| format!("{what} has no address"))?;
            if url.path.contains('{') {
                return Err(
                    "a path with { cannot be raced: hullo bench would replace {n}".to_owned(),
                );
            }
            // http://host:port has no path, http://host:port/ has.
            let has_none = url.path == "/" && !what.ends_with('/');
            let path = if has_none { "" } else { &url.path }.to_owned();
            (Source::Running { address, url }, path)
        } else {
            (Source::Command(what.to_owned()), String::new())
        };
        Ok(Self {
            name: name.to_owned(),
            is_https: matches!(&source, Source::Running { url, .. } if url.is_https),
            source,
            path,
            host: None,
            tls: None,
        })
    }

    /// `http` or `https`.
    pub(super) fn scheme(&self) -> &'static str {
        if self.is_https { "https" } else { "http" }
    }

    /// The same, asked for this path unless its URL has one.
    pub(super) fn at(&self, path: &str) -> Self {
        let mut spec = self.clone();
        if spec.path.is_empty() {
            path.clone_into(&mut spec.path);
        }
        spec
    }
}

/// Takes the path of `--path`, or says what is wrong with it.
pub(super) fn parse_path(text: &str) -> Result<String, String> {
    if !text.starts_with('/') {
        return Err("a path begins with /".to_owned());
    }
    if text.contains('{') {
        return Err("a path with { cannot be raced: hullo bench would replace {n}".to_owned());
    }
    let url = Url::parse(&format!("http://127.0.0.1{text}"))?;
    if url.path == text {
        Ok(url.path)
    } else {
        Err(format!("not the path of a request: write {}", url.path))
    }
}

/// Whether it begins with a scheme.
fn is_url(text: &str) -> bool {
    let scheme = text.split_once("://").map(|(scheme, _)| scheme);
    scheme.is_some_and(|scheme| {
        !scheme.is_empty() && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_and_urls_are_distinguished() {
        let spec = ServerSpec::parse("a=./server --port={port} http://x").unwrap();
        assert!(
            matches!(spec.source, Source::Command(ref command) if command == "./server --port={port} http://x")
        );
        assert_eq!((spec.name.as_str(), spec.path.as_str()), ("a", ""));
        assert_eq!(spec.at("/x").path, "/x");
        let spec = ServerSpec::parse("b = http://127.0.0.1:81/x?y=z").unwrap();
        assert!(matches!(spec.source, Source::Running { .. }));
        assert_eq!((spec.name.as_str(), spec.path.as_str()), ("b", "/x?y=z"));
        assert_eq!(spec.scheme(), "http");
        let spec = ServerSpec::parse("b=https://127.0.0.1/x").unwrap();
        assert!(matches!(spec.source, Source::Running { address, .. } if address.port() == 443));
        assert_eq!((spec.scheme(), spec.path.as_str()), ("https", "/x"));
        for (url, path) in [
            ("http://127.0.0.1:81", "/common"),
            ("http://127.0.0.1:81/", "/"),
        ] {
            let spec = ServerSpec::parse(&format!("c={url}")).unwrap();
            assert_eq!(spec.at("/common").path, path);
        }
        assert_eq!(parse_path("/a?b=c").unwrap(), "/a?b=c");
        for wrong in ["", "a", "/{n}", "/a b", "/a#b"] {
            assert!(parse_path(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (text, words) in [
            ("./server", "has no name"),
            ("=x", "is not a name"),
            ("a=", "has no command"),
            ("a=ftp://x/", "ftp"),
            ("a\tb=x", "is not a name"),
            ("./server --port=80", "NAME='./server --port=80'"),
            ("http://127.0.0.1/?a=b", "not a name"),
            ("a=http://127.0.0.1/{n}", "hullo bench"),
        ] {
            let error = ServerSpec::parse(text).unwrap_err();
            assert!(error.contains(words), "{text}: {error}");
        }
    }
}
