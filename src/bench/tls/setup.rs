//! From flags to a client.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use serde::{Deserialize, Serialize};

use crate::bench::input;
use crate::tls::{Client, ClientOptions, Trust};

/// The flags of https.
#[derive(Args, Clone, Debug)]
pub(in crate::bench) struct TlsFlags {
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

    /// https: resume sessions on new connections, or make a full handshake on each
    #[arg(long, value_name = "WHEN", value_enum, default_value_t = Resumption::On, hide_default_value = true)]
    pub(super) tls_resumption: Resumption,
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
pub(in crate::bench) struct TlsSettings {
    /// Certificates were verified.
    pub(in crate::bench) verified: bool,
    /// Sessions were resumed on new connections, where the server allowed it.
    pub(in crate::bench) resumption: bool,
    pub(in crate::bench) client_certificate: bool,
}

/// What a run over https needs; nothing over http. The certificate must be for `host`.
pub(in crate::bench) fn setup(
    flags: &TlsFlags,
    host: Option<&str>,
) -> Result<Option<(Client, TlsSettings)>, String> {
    let Some(host) = host else {
        return flags.refuse_for_http().map(|()| None);
    };
    let identity = match (&flags.cert, &flags.key) {
        (Some(chain), Some(key)) => Some((read("--cert", chain)?, read("--key", key)?)),
        _ => None,
    };
    let trust = match &flags.cacert {
        _ if flags.insecure => Trust::Anything,
        Some(path) => Trust::Authorities(read("--cacert", path)?),
        None => Trust::System,
    };
    let settings = TlsSettings {
        verified: trust != Trust::Anything,
        resumption: flags.tls_resumption == Resumption::On,
        client_certificate: identity.is_some(),
    };
    let client = Client::new(&ClientOptions {
        name: host.to_owned(),
        trust,
        identity,
        resumption: settings.resumption,
    })?;
    Ok(Some((client, settings)))
}

impl TlsFlags {
    fn refuse_for_http(&self) -> Result<(), String> {
        let flag = if self.cacert.is_some() {
            "--cacert"
        } else if self.cert.is_some() {
            "--cert"
        } else if self.tls_resumption == Resumption::Off {
            "--tls-resumption off"
        } else {
            return Ok(());
        };
        Err(format!("{flag} is for https, but the URL is http://"))
    }
}

fn read(flag: &str, path: &Path) -> Result<Vec<u8>, String> {
    let bytes = input::read(path, input::FILE_BYTES_MAX);
    bytes.map_err(|error| format!("{flag}: cannot read {}: {error}", path.display()))
}
