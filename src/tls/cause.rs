//! Why TLS failed: a closed list, so that failures can be counted and joined.

use std::error::Error;
use std::fmt;

/// The one list of causes. It makes the enum, its order and the sentences.
macro_rules! causes {
    ($($cause:ident => $sentence:literal;)+) => {
        /// Why TLS failed.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Cause {
            $($cause,)+
        }

        impl Cause {
            /// All, in the order of [`index`](Self::index).
            pub(crate) const ALL: &'static [Self] = &[$(Self::$cause,)+];

            pub(crate) const fn sentence(self) -> &'static str {
                match self {
                    $(Self::$cause => $sentence,)+
                }
            }
        }
    };
}

causes! {
    Untrusted => "the certificate is not from an authority that is trusted (name the authority with --cacert FILE, or accept any certificate with -k)";
    OtherName => "the certificate is for another name (choose the name with --host, or accept any certificate with -k)";
    Expired => "the certificate has expired (accept it with -k)";
    NotYetValid => "the certificate is not valid yet (accept it with -k)";
    Certificate => "the certificate cannot be accepted (accept it with -k)";
    NotTls => "the server does not speak TLS on this port (for plain HTTP, write http://)";
    Ended => "the connection ended in the handshake";
    NoHttp1 => "the server does not speak HTTP/1.1 on this port (ALPN)";
    Incompatible => "the server and hullo have no protocol version or cipher suite in common";
    Broken => "the server violated the protocol";
    AlertCertificateRequired => "the server requires a client certificate (--cert FILE --key FILE)";
    AlertClientCertificate => "the server does not accept the client certificate";
    AlertUnrecognisedName => "the server does not know the name (choose it with --host)";
    AlertHandshakeFailure => "the server sent the alert handshake_failure";
    AlertProtocolVersion => "the server sent the alert protocol_version";
    AlertInternalError => "the server sent the alert internal_error";
    AlertOther => "the server sent another alert";
}

impl Cause {
    /// Its place in [`Self::ALL`].
    pub(crate) const fn index(self) -> usize {
        self as usize
    }
}

/// A failure that ends the connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) cause: Cause,
    /// What the TLS library says.
    pub(crate) detail: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

impl Error for Failure {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_have_the_index_of_their_place() {
        for (index, cause) in Cause::ALL.iter().enumerate() {
            assert_eq!(cause.index(), index);
            let same = |other: &&Cause| other.sentence() == cause.sentence();
            assert_eq!(Cause::ALL.iter().filter(same).count(), 1, "{cause:?}");
        }
    }
}
