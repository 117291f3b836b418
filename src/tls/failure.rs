//! The cause of an error of rustls.

use std::io::Error as IoError;

use rustls::{AlertDescription, CertificateError, Error, PeerMisbehaved};

use super::cause::{Cause, Failure};

impl Failure {
    /// `is_first` before anything that the peer sent was TLS.
    pub(super) fn new(error: &Error, is_first: bool) -> Self {
        Self {
            cause: cause(error, is_first),
            detail: error.to_string(),
        }
    }

    /// An error of rustls' own buffers: the peer sent more than the protocol allows.
    pub(super) fn of_buffer(error: &IoError) -> Self {
        Self {
            cause: Cause::Broken,
            detail: error.to_string(),
        }
    }
}

fn cause(error: &Error, is_first: bool) -> Cause {
    match error {
        Error::InvalidCertificate(error) => certificate(error),
        Error::NoCertificatesPresented => Cause::Certificate,
        Error::AlertReceived(alert) => self::alert(*alert),
        Error::NoApplicationProtocol
        | Error::PeerMisbehaved(PeerMisbehaved::SelectedUnofferedApplicationProtocol) => {
            Cause::NoHttp1
        }
        Error::PeerIncompatible(_) => Cause::Incompatible,
        Error::InvalidMessage(_) | Error::InappropriateMessage { .. } if is_first => Cause::NotTls,
        _ => Cause::Broken,
    }
}

fn certificate(error: &CertificateError) -> Cause {
    match error {
        // A bad signature: of an authority that has only the name of one that is trusted.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => Cause::Untrusted,
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => Cause::Expired,
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            Cause::NotYetValid
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            Cause::OtherName
        }
        _ => Cause::Certificate,
    }
}

/// RFC 8446 section 6.2.
fn alert(alert: AlertDescription) -> Cause {
    match alert {
        AlertDescription::CertificateRequired => Cause::AlertCertificateRequired,
        AlertDescription::BadCertificate
        | AlertDescription::UnsupportedCertificate
        | AlertDescription::CertificateRevoked
        | AlertDescription::CertificateExpired
        | AlertDescription::CertificateUnknown
        | AlertDescription::UnknownCA
        | AlertDescription::AccessDenied => Cause::AlertClientCertificate,
        AlertDescription::UnrecognisedName => Cause::AlertUnrecognisedName,
        AlertDescription::NoApplicationProtocol => Cause::NoHttp1,
        AlertDescription::HandshakeFailure => Cause::AlertHandshakeFailure,
        AlertDescription::ProtocolVersion => Cause::AlertProtocolVersion,
        AlertDescription::InternalError => Cause::AlertInternalError,
        _ => Cause::AlertOther,
    }
}
