//! The status of a final response, with its reason phrase.

use std::error::Error;
use std::fmt;

/// The status of a final response: a code from 200 to 599 (RFC 9110 section 15).
///
/// There is a constant for each status that IANA has registered, and [`Status::new`] for others. A
/// recipient treats a status that it does not know as the first of its class. A 1xx is not a
/// `Status`: it is an interim response, which the engine sends itself. Nor is anything from 600 on,
/// which section 15 calls invalid.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Status(u16);

/// Makes the constants and the reason phrases from one list.
macro_rules! statuses {
    ($($code:literal $name:ident $phrase:literal)*) => {
        impl Status {
            $(
                #[doc = concat!("`", $code, " ", $phrase, "`")]
                pub const $name: Self = Self($code);
            )*

            /// The registered reason phrase, as in `Not Found`. It is empty if there is none.
            #[must_use]
            pub const fn reason(self) -> &'static str {
                match self.0 {
                    $($code => $phrase,)*
                    _ => "",
                }
            }

            #[cfg(test)]
            const REGISTERED: &'static [Self] = &[$(Self::$name,)*];
        }
    };
}

// <https://www.iana.org/assignments/http-status-codes>. 306 and 418 are reserved and have no meaning.
statuses! {
    200 OK "OK"
    201 CREATED "Created"
    202 ACCEPTED "Accepted"
    203 NON_AUTHORITATIVE_INFORMATION "Non-Authoritative Information"
    204 NO_CONTENT "No Content"
    205 RESET_CONTENT "Reset Content"
    206 PARTIAL_CONTENT "Partial Content"
    207 MULTI_STATUS "Multi-Status"
    208 ALREADY_REPORTED "Already Reported"
    226 IM_USED "IM Used"
    300 MULTIPLE_CHOICES "Multiple Choices"
    301 MOVED_PERMANENTLY "Moved Permanently"
    302 FOUND "Found"
    303 SEE_OTHER "See Other"
    304 NOT_MODIFIED "Not Modified"
    305 USE_PROXY "Use Proxy"
    307 TEMPORARY_REDIRECT "Temporary Redirect"
    308 PERMANENT_REDIRECT "Permanent Redirect"
    400 BAD_REQUEST "Bad Request"
    401 UNAUTHORIZED "Unauthorized"
    402 PAYMENT_REQUIRED "Payment Required"
    403 FORBIDDEN "Forbidden"
    404 NOT_FOUND "Not Found"
    405 METHOD_NOT_ALLOWED "Method Not Allowed"
    406 NOT_ACCEPTABLE "Not Acceptable"
    407 PROXY_AUTHENTICATION_REQUIRED "Proxy Authentication Required"
    408 REQUEST_TIMEOUT "Request Timeout"
    409 CONFLICT "Conflict"
    410 GONE "Gone"
    411 LENGTH_REQUIRED "Length Required"
    412 PRECONDITION_FAILED "Precondition Failed"
    413 CONTENT_TOO_LARGE "Content Too Large"
    414 URI_TOO_LONG "URI Too Long"
    415 UNSUPPORTED_MEDIA_TYPE "Unsupported Media Type"
    416 RANGE_NOT_SATISFIABLE "Range Not Satisfiable"
    417 EXPECTATION_FAILED "Expectation Failed"
    421 MISDIRECTED_REQUEST "Misdirected Request"
    422 UNPROCESSABLE_CONTENT "Unprocessable Content"
    423 LOCKED "Locked"
    424 FAILED_DEPENDENCY "Failed Dependency"
    425 TOO_EARLY "Too Early"
    426 UPGRADE_REQUIRED "Upgrade Required"
    428 PRECONDITION_REQUIRED "Precondition Required"
    429 TOO_MANY_REQUESTS "Too Many Requests"
    431 REQUEST_HEADER_FIELDS_TOO_LARGE "Request Header Fields Too Large"
    451 UNAVAILABLE_FOR_LEGAL_REASONS "Unavailable For Legal Reasons"
    500 INTERNAL_SERVER_ERROR "Internal Server Error"
    501 NOT_IMPLEMENTED "Not Implemented"
    502 BAD_GATEWAY "Bad Gateway"
    503 SERVICE_UNAVAILABLE "Service Unavailable"
    504 GATEWAY_TIMEOUT "Gateway Timeout"
    505 HTTP_VERSION_NOT_SUPPORTED "HTTP Version Not Supported"
    506 VARIANT_ALSO_NEGOTIATES "Variant Also Negotiates"
    507 INSUFFICIENT_STORAGE "Insufficient Storage"
    508 LOOP_DETECTED "Loop Detected"
    510 NOT_EXTENDED "Not Extended"
    511 NETWORK_AUTHENTICATION_REQUIRED "Network Authentication Required"
}

impl Status {
    /// The status with this code. `None`: it is not from 200 to 599.
    #[must_use]
    pub const fn new(code: u16) -> Option<Self> {
        match code {
            200..=599 => Some(Self(code)),
            _ => None,
        }
    }

    /// The status code, from 200 to 599.
    #[must_use]
    pub const fn code(self) -> u16 {
        self.0
    }

    /// The first digit of the code, from 2 to 5.
    #[must_use]
    pub const fn class(self) -> u8 {
        (self.0 / 100) as u8
    }

    /// Whether a response with this status may have content. A 204 and a 304 have none (RFC 9110
    /// section 6.4.1), nor has a 205 (section 15.3.6).
    #[must_use]
    pub const fn has_content(self) -> bool {
        !matches!(
            self,
            Self::NO_CONTENT | Self::RESET_CONTENT | Self::NOT_MODIFIED
        )
    }

    /// Whether a response with this status has Content-Length. Section 8.6 forbids it in a 204. In a
    /// 304 it would be the length of another response. Section 15.3.6 lets a 205 say that it is 0.
    pub(super) const fn has_length(self) -> bool {
        !matches!(self, Self::NO_CONTENT | Self::NOT_MODIFIED)
    }

    /// How many statuses there may be.
    pub(crate) const COUNT: usize = 400;

    /// Its place among all that there may be.
    pub(crate) const fn place(self) -> usize {
        self.0 as usize - 200
    }

    /// The status in this place.
    pub(crate) fn at(place: usize) -> Option<Self> {
        Self::new(u16::try_from(place).ok()?.checked_add(200)?)
    }

    /// The three digits of the code.
    pub(super) const fn digits(self) -> [u8; 3] {
        let [hundreds, tens, ones] = [self.0 / 100, self.0 / 10 % 10, self.0 % 10];
        [b'0' + hundreds as u8, b'0' + tens as u8, b'0' + ones as u8]
    }
}

impl TryFrom<u16> for Status {
    type Error = InvalidStatus;

    fn try_from(code: u16) -> Result<Self, InvalidStatus> {
        Self::new(code).ok_or(InvalidStatus(code))
    }
}

impl From<Status> for u16 {
    fn from(status: Status) -> Self {
        status.code()
    }
}

/// `404 Not Found`, or the code alone if it has no reason phrase.
impl fmt::Display for Status {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.reason() {
            "" => write!(out, "{}", self.0),
            reason => write!(out, "{} {reason}", self.0),
        }
    }
}

impl fmt::Debug for Status {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Status({self})")
    }
}

/// A code that is not that of a final response: it is not from 200 to 599.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidStatus(u16);

impl fmt::Display for InvalidStatus {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let code = self.0;
        write!(
            out,
            "{code} is not the status of a final response: it must be from 200 to 599"
        )
    }
}

impl Error for InvalidStatus {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_that_of_a_final_response() {
        for code in 0..=u16::MAX {
            let status = Status::try_from(code);
            assert_eq!(status.is_ok(), (200..=599).contains(&code), "{code}");
            let Ok(status) = status else { continue };
            assert_eq!(u16::from(status), code);
            assert_eq!(status.class(), (code / 100) as u8);
            assert!(status.place() < Status::COUNT && Status::at(status.place()) == Some(status));
            assert_eq!(status.digits(), code.to_string().as_bytes());
        }
        let message = "100 is not the status of a final response: it must be from 200 to 599";
        assert_eq!(Status::try_from(100).unwrap_err().to_string(), message);
    }

    #[test]
    fn a_status_is_shown_as_in_its_line() {
        for (code, shown) in [
            (200, "200 OK"),
            (404, "404 Not Found"),
            (299, "299"),
            (418, "418"),
        ] {
            let status = Status::new(code).unwrap();
            assert_eq!(status.to_string(), shown);
            assert_eq!(format!("{status:?}"), format!("Status({shown})"));
        }
    }

    #[test]
    fn registered_statuses_are_in_order_and_have_a_reason() {
        assert!(Status::REGISTERED.is_sorted_by(|a, b| a < b));
        for status in Status::REGISTERED {
            assert!(Status::new(status.code()).is_some(), "{status}");
            assert!(!status.reason().is_empty(), "{status}");
        }
        assert_eq!(Status::REGISTERED.len(), 57);
    }

    #[test]
    fn few_statuses_have_no_content() {
        let without = |has: fn(Status) -> bool| -> Vec<u16> {
            let codes = 200..=599;
            codes.filter(|&code| !has(Status(code))).collect()
        };
        assert_eq!(without(Status::has_content), [204, 205, 304]);
        assert_eq!(without(Status::has_length), [204, 304]);
    }
}
