//! The status codes that are sent, with their reason phrases.

/// The statuses that are sent here (RFC 9110 section 15). All of them are final.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each is described by its reason phrase")]
pub enum Status {
    Ok,
    NoContent,
    BadRequest,
    NotFound,
    MethodNotAllowed,
    RequestTimeout,
    ContentTooLarge,
    UriTooLong,
    ExpectationFailed,
    FieldsTooLarge,
    InternalServerError,
    NotImplemented,
    ServiceUnavailable,
    VersionNotSupported,
}

impl Status {
    /// The status code and the reason phrase, as in `200 OK`.
    #[must_use]
    pub const fn line(self) -> &'static str {
        match self {
            Self::Ok => "200 OK",
            Self::NoContent => "204 No Content",
            Self::BadRequest => "400 Bad Request",
            Self::NotFound => "404 Not Found",
            Self::MethodNotAllowed => "405 Method Not Allowed",
            Self::RequestTimeout => "408 Request Timeout",
            Self::ContentTooLarge => "413 Content Too Large",
            Self::UriTooLong => "414 URI Too Long",
            Self::ExpectationFailed => "417 Expectation Failed",
            Self::FieldsTooLarge => "431 Request Header Fields Too Large",
            Self::InternalServerError => "500 Internal Server Error",
            Self::NotImplemented => "501 Not Implemented",
            Self::ServiceUnavailable => "503 Service Unavailable",
            Self::VersionNotSupported => "505 HTTP Version Not Supported",
        }
    }

    /// The first digit of the status code (RFC 9110 section 15).
    pub(super) const fn class(self) -> usize {
        let class = self.line().as_bytes()[0] - b'0';
        assert!(matches!(class, 2..=5), "a final status");
        class as usize
    }

    /// RFC 9110 section 8.6: a 204 has neither content nor Content-Length.
    pub(super) const fn has_content(self) -> bool {
        !matches!(self, Self::NoContent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As RFC 9110 section 15 and RFC 6585 name them.
    #[test]
    fn reason_phrases_are_those_of_the_rfcs() {
        for (status, line) in [
            (Status::Ok, "200 OK"),
            (Status::NoContent, "204 No Content"),
            (Status::BadRequest, "400 Bad Request"),
            (Status::NotFound, "404 Not Found"),
            (Status::MethodNotAllowed, "405 Method Not Allowed"),
            (Status::RequestTimeout, "408 Request Timeout"),
            (Status::ContentTooLarge, "413 Content Too Large"),
            (Status::UriTooLong, "414 URI Too Long"),
            (Status::ExpectationFailed, "417 Expectation Failed"),
            (
                Status::FieldsTooLarge,
                "431 Request Header Fields Too Large",
            ),
            (Status::InternalServerError, "500 Internal Server Error"),
            (Status::NotImplemented, "501 Not Implemented"),
            (Status::ServiceUnavailable, "503 Service Unavailable"),
            (
                Status::VersionNotSupported,
                "505 HTTP Version Not Supported",
            ),
        ] {
            assert_eq!(status.line(), line);
        }
    }
}
