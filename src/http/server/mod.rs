//! One conversation as a server: requests in, responses out.

mod answers;
mod body;
mod date;
mod etag;
mod field;
mod handler;
mod head;
mod limits;
mod method;
mod output;
mod preconditions;
mod reject;
mod request;
mod response;
mod response_value;
mod scan;
mod session;
mod shared;
mod status;
mod target;

pub use answers::Answers;
pub use etag::{ETag, InvalidETag};
pub use field::{Field, FieldError};
pub use handler::Handler;
pub use limits::{Limits, OutOfRange};
pub use method::Method;
pub use output::Output;
pub use preconditions::Precondition;
pub use reject::Reject;
pub use request::{QueryPairs, Request, Version};
pub use response::{Responded, ResponseWriter};
pub use response_value::Response;
pub use session::{Overload, Phase, Reason, Session, Step, Wants};
pub use shared::Shared;
pub use status::{InvalidStatus, Status};
