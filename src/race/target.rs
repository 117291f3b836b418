//! What is raced: `NAME=COMMAND` or `NAME=URL`.

use std::net::SocketAddr;
use std::sync::OnceLock;

use super::probe;
use super::record::NAME_CHARS_MAX;
use crate::bench::{Url, reachable};

/// The path that is asked for, where a URL does not say another: the same for all servers of a race,
/// and in no other, so that no server can be made for it.
pub(super) fn random_path() -> &'static str {
    static PATH: OnceLock<String> = OnceLock::new();
    PATH.get_or_init(probe::random_path)
}

/// A server with a name.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub(super) name: String,
    pub(super) way: Way,
    /// Path and query.
    pub(super) path: String,
}

/// How to come to it.
#[derive(Clone, Debug)]
pub(super) enum Way {
    /// A shell's command, with `{port}` and `{workers}`.
    Command(String),
    /// It is running already.
    Running { address: SocketAddr, url: Url },
}

impl Target {
    /// Takes `NAME=...` apart, or says what is wrong with it.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let (name, what) = text.split_once('=').ok_or_else(|| {
            format!("{text:?} has no name: write NAME='COMMAND {{port}}' or NAME=http://host:port/")
        })?;
        let (name, what) = (name.trim(), what.trim());
        let length = name.chars().count();
        if length == 0 || length > NAME_CHARS_MAX || name.chars().any(char::is_control) {
            return Err(format!(
                "{name:?} is no name: take 1 to {NAME_CHARS_MAX} characters before the ="
            ));
        }
        if name.contains("://") || name.contains(" -") || name.starts_with(['.', '/']) {
            return Err(format!(
                "{name:?} is no name but what is to be raced: write NAME='{text}'"
            ));
        }
        if what.is_empty() {
            return Err(format!(
                "{name} has no command: write {name}='COMMAND {{port}} {{workers}}'"
            ));
        }
        let (way, path) = if is_url(what) {
            let url = Url::parse(what)?;
            let (addresses, _) = url.resolve()?;
            let address = reachable(&addresses).ok_or_else(|| format!("{what} has no address"))?;
            if url.path.contains('{') {
                return Err(
                    "a path with { in it is not raced: hullo bench would replace {n}".to_owned(),
                );
            }
            // http://host:port says no path, http://host:port/ does.
            let says_none = url.path == "/" && !what.ends_with('/');
            let path = if says_none { random_path() } else { &url.path }.to_owned();
            (Way::Running { address, url }, path)
        } else {
            (Way::Command(what.to_owned()), random_path().to_owned())
        };
        Ok(Self {
            name: name.to_owned(),
            way,
            path,
        })
    }
}

/// A scheme, and nothing that a URL cannot hold.
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
    fn commands_and_urls_are_told_apart() {
        let target = Target::parse("a=./server --port={port} http://x").unwrap();
        assert!(
            matches!(target.way, Way::Command(command) if command == "./server --port={port} http://x")
        );
        assert_eq!(
            (target.name.as_str(), target.path.as_str()),
            ("a", random_path())
        );
        let target = Target::parse("b = http://127.0.0.1:81/x?y=z").unwrap();
        assert!(matches!(target.way, Way::Running { .. }));
        assert_eq!(
            (target.name.as_str(), target.path.as_str()),
            ("b", "/x?y=z")
        );
        for (url, path) in [
            ("http://127.0.0.1:81", random_path()),
            ("http://127.0.0.1:81/", "/"),
        ] {
            assert_eq!(Target::parse(&format!("c={url}")).unwrap().path, path);
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (text, words) in [
            ("./server", "has no name"),
            ("=x", "is no name"),
            ("a=", "has no command"),
            ("a=https://x/", "https"),
            ("a=ftp://x/", "ftp"),
            ("a\tb=x", "is no name"),
            ("./server --port=80", "NAME='./server --port=80'"),
            ("http://127.0.0.1/?a=b", "is no name"),
            ("a=http://127.0.0.1/{n}", "hullo bench"),
        ] {
            let error = Target::parse(text).unwrap_err();
            assert!(error.contains(words), "{text}: {error}");
        }
    }
}
