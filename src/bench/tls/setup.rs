//! From flags to a client.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use serde::{Deserialize, Serialize};

use crate::bench::input;
use crate::tls::{Client, ClientOptions, Trust};

/// The flags of https.
#[derive(Args, Clone, Debug)]
pub(crate) struct TlsFlags {
    /// https: accept any certificate, for any name
    #[arg(short = 'k', long)]
    pub(in crate::bench) insecure: bool,

    /// https: accept certificates of the authorities in this PEM file only [default: those of the system]
    #[arg(long, value_name = "FILE", conflicts_with = "insecure")]
    pub(super) cacert: Option<PathBuf>,

    /// https: client certificate, with its chain, in a PEM file
    #[arg(long, value_name = "FILE", requires = "key")]
    pub(super) cert: Option<PathBuf>,

    /// https: private key of --cert, in a PEM file
    #[arg(long, value_name = "FILE", requires = "cert")]
    pub(super) key: Option<PathBuf>,

    /// https: resume sessions on new connections, or make a full handshake on each [default: on; in a race: off]
    #[arg(long, value_name = "WHEN", value_enum)]
    pub(super) tls_resumption: Option<Resumption>,
}

/// Whether sessions are resumed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::bench) enum Resumption {
    On,
    Off,
}

/// What the user asked of https.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct TlsSettings {
    /// Certificates were verified.
    pub(crate) verified: bool,
    /// Sessions were resumed on new connections, where the server allowed it.
    pub(crate) resumption: bool,
    pub(crate) client_certificate: bool,
}

/// What a run over https needs; nothing over http. The certificate must be for `host`.
pub(in crate::bench) fn setup(
    flags: &TlsFlags,
    host: Option<&str>,
) -> Result<Option<(Client, TlsSettings)>, String> {
    let Some(host) = host else {
        return match flags.only_for_https() {
            Some(flag) => Err(format!("{flag} is for https, but the URL is http://")),
            None => Ok(None),
        };
    };
    let settings = flags.settings(true);
    Ok(Some((flags.client(host, settings)?, settings)))
}

impl TlsFlags {
    /// One of those that mean nothing without https, if it was given.
    pub(crate) fn only_for_https(&self) -> Option<&'static str> {
        if self.cacert.is_some() {
            Some("--cacert")
        } else if self.cert.is_some() {
            Some("--cert")
        } else {
            match self.tls_resumption {
                Some(Resumption::Off) => Some("--tls-resumption off"),
                Some(Resumption::On) => Some("--tls-resumption on"),
                None => None,
            }
        }
    }

    /// `resumption`: whether sessions are resumed if the flags do not say.
    pub(crate) fn settings(&self, resumption: bool) -> TlsSettings {
        TlsSettings {
            verified: !self.insecure,
            resumption: self.resumption().unwrap_or(resumption),
            client_certificate: self.cert.is_some(),
        }
    }

    /// Whether sessions are resumed, if the flags say.
    pub(crate) fn resumption(&self) -> Option<bool> {
        self.tls_resumption.map(|when| when == Resumption::On)
    }

    /// Makes connections to a server whose certificate must be for `host`.
    pub(crate) fn client(&self, host: &str, settings: TlsSettings) -> Result<Client, String> {
        let identity = match (&self.cert, &self.key) {
            (Some(chain), Some(key)) => Some((read("--cert", chain)?, read("--key", key)?)),
            _ => None,
        };
        let trust = match &self.cacert {
            _ if self.insecure => Trust::Anything,
            Some(path) => Trust::Authorities(read("--cacert", path)?),
            None => Trust::System,
        };
        Client::new(&ClientOptions {
            name: host.to_owned(),
            trust,
            identity,
            resumption: settings.resumption,
        })
    }

    /// The same flags, for a `hullo bench` with these settings.
    pub(crate) fn arguments(&self, settings: TlsSettings) -> Vec<String> {
        let resumption = if settings.resumption { "on" } else { "off" };
        let mut words = vec![format!("--tls-resumption={resumption}")];
        words.extend(self.insecure.then(|| "--insecure".to_owned()));
        let files = [
            ("--cacert", &self.cacert),
            ("--cert", &self.cert),
            ("--key", &self.key),
        ];
        for (flag, path) in files {
            if let Some(path) = path {
                words.extend([flag.to_owned(), path.display().to_string()]);
            }
        }
        words
    }
}

fn read(flag: &str, path: &Path) -> Result<Vec<u8>, String> {
    let bytes = input::read(path, input::FILE_BYTES_MAX);
    bytes.map_err(|error| format!("{flag}: cannot read {}: {error}", path.display()))
}
