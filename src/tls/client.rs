//! The client's configuration: whom it trusts, who it is, what it resumes.

use std::sync::Arc;

use rustls::client::{Resumption, WantsClientCert};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, ConfigBuilder, RootCertStore};

use super::cause::{Cause, Failure};
use super::session::Session;
use super::tickets::Tickets;
use super::verify::AcceptAny;
use super::{ClientOptions, Trust};

/// The only protocol of hullo: RFC 7301 section 6.
const ALPN: &[u8] = b"http/1.1";

/// The least tickets to keep: as many as rustls does.
const TICKETS_MIN: usize = 8;

pub(crate) type ClientSession = Session<ClientConnection>;

/// Makes sessions with one server.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
    resumption: bool,
}

impl Client {
    /// The error says which of the options is wrong.
    pub(crate) fn new(options: &ClientOptions) -> Result<Self, String> {
        let name = ServerName::try_from(options.name.clone())
            .map_err(|_| format!("{:?} is not a name that TLS can use", options.name))?;
        let provider = Arc::new(ring::default_provider());
        let algorithms = provider.signature_verification_algorithms;
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?;
        let builder = match &options.trust {
            Trust::Anything => builder
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(AcceptAny(algorithms))),
            Trust::System => builder.with_root_certificates(system()?),
            Trust::Authorities(pem) => builder.with_root_certificates(authorities(pem)?),
        };
        let mut config = with_identity(builder, options.identity.as_ref())?;
        config.alpn_protocols = vec![ALPN.to_vec()];
        config.resumption = Resumption::disabled();
        Ok(Self {
            config: Arc::new(config),
            name,
            resumption: options.resumption,
        })
    }

    /// The same with sessions of its own to resume, for so many connections.
    pub(crate) fn with_own_sessions(&self, connections: usize) -> Self {
        let mut config = ClientConfig::clone(&self.config);
        if self.resumption {
            // Servers send two tickets.
            let tickets = connections.saturating_mul(2).max(TICKETS_MIN);
            config.resumption = Resumption::store(Arc::new(Tickets::new(tickets)));
        }
        Self {
            config: Arc::new(config),
            ..self.clone()
        }
    }

    pub(crate) fn session(&self) -> Result<ClientSession, Failure> {
        let connection = ClientConnection::new(Arc::clone(&self.config), self.name.clone());
        let connection = connection.map_err(|error| Failure {
            cause: Cause::Broken,
            detail: error.to_string(),
        })?;
        Ok(Session::new(connection))
    }
}

fn with_identity(
    builder: ConfigBuilder<ClientConfig, WantsClientCert>,
    identity: Option<&(Vec<u8>, Vec<u8>)>,
) -> Result<ClientConfig, String> {
    let Some((chain, key)) = identity else {
        return Ok(builder.with_no_client_auth());
    };
    let chain = certificates(chain).map_err(|why| format!("--cert: {why}"))?;
    let key = PrivateKeyDer::from_pem_slice(key)
        .map_err(|error| format!("--key: not a private key in PEM: {error}"))?;
    let with_identity = builder.with_client_auth_cert(chain, key);
    with_identity.map_err(|error| format!("--cert and --key do not fit each other: {error}"))
}

fn system() -> Result<RootCertStore, String> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        let why = found.errors.first().map(|error| format!(" ({error})"));
        return Err(format!(
            "this system has no certificates of authorities{}: name one with --cacert FILE, install the package ca-certificates, or accept any certificate with -k",
            why.unwrap_or_default()
        ));
    }
    Ok(roots)
}

fn authorities(pem: &[u8]) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(pem).map_err(|why| format!("--cacert: {why}"))? {
        let added = roots.add(certificate);
        added.map_err(|error| format!("--cacert: a certificate cannot be used: {error}"))?;
    }
    Ok(roots)
}

/// At least one.
fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let all = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>();
    match all {
        Ok(all) if all.is_empty() => Err("there is no certificate in PEM in it".to_owned()),
        Ok(all) => Ok(all),
        Err(error) => Err(format!("not certificates in PEM: {error}")),
    }
}
