//! One conversation as a server: requests in, responses out.

mod body;
mod date;
mod head;
mod limits;
mod method;
mod output;
mod reject;
mod response;
mod scan;
mod session;
mod target;

pub use head::Request;
pub use limits::Limits;
pub use method::Method;
pub use output::Output;
pub use reject::Reject;
pub use response::{Field, Responded, ResponseWriter, Status};
pub use session::{Handler, Phase, Reason, Session, Shared, Step, Wants};
