//! `hullo serve --test-endpoints`: an origin whose responses the query of each request programs.
//!
//! [`Plan`] is how a request is answered; [`query`] makes one from a query, [`Origin`] carries it out.

mod echo;
mod parameters;
mod plan;
mod query;
mod sending;
mod shares;
mod spread;
mod stream;

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use self::plan::{Bounds, Content as Answer, Echo, Ending, Plan};
use self::sending::{Data, Sending};
use super::greeting::{Greeting, greeting_of};
use crate::http::{
    Content, Field, Handler, Method, Produced, Request, Responded, Response, ResponseWriter, Status,
};
use crate::random::Random;

/// How the test endpoints are set up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Settings {
    /// Without it there are none.
    pub(super) is_on: bool,
    /// What each request is answered with, as far as its query does not say so.
    pub(super) defaults: String,
    pub(super) max_delay: Duration,
    /// In bytes.
    pub(super) max_size: u64,
    /// `None`: another one in each run.
    pub(super) seed: Option<u64>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            is_on: false,
            defaults: String::new(),
            max_delay: Duration::from_secs(60),
            max_size: 1 << 30,
            seed: None,
        }
    }
}

/// The handler of one worker.
#[derive(Clone, Debug)]
pub(super) struct Origin {
    setup: Arc<Setup>,
    random: Random,
}

/// What the workers have in common.
#[derive(Debug)]
struct Setup {
    defaults: Plan,
    /// Without a query there is nothing but the greeting.
    is_plain: bool,
    bounds: Bounds,
    hostname: String,
    seed: u64,
}

const PLAIN: Field<'static> = Field::from_static("Content-Type", "text/plain; charset=utf-8");
const JSON: Field<'static> = Field::from_static("Content-Type", "application/json");

impl Origin {
    /// The handler of the first worker. `seed` is used if the settings have none.
    ///
    /// # Errors
    ///
    /// A sentence that says what is wrong with the defaults.
    pub(super) fn new(settings: &Settings, seed: u64, hostname: String) -> Result<Self, String> {
        let max_delay = u64::try_from(settings.max_delay.as_nanos()).unwrap_or(u64::MAX);
        let bounds = Bounds::new(max_delay, settings.max_size);
        let pairs = form_urlencoded::parse(settings.defaults.as_bytes());
        let defaults = Plan::default().changed(pairs, &bounds);
        let defaults = defaults.map_err(|line| format!("--test-defaults: {}", line.trim_end()))?;
        let setup = Setup {
            is_plain: defaults == Plan::default(),
            defaults,
            bounds,
            hostname,
            seed: settings.seed.unwrap_or(seed),
        };
        let random = Random::new(setup.seed, 0);
        let setup = Arc::new(setup);
        Ok(Self { setup, random })
    }

    /// The handler of another worker.
    pub(super) fn for_worker(&self, number: u64) -> Self {
        Self {
            setup: Arc::clone(&self.setup),
            random: Random::new(self.setup.seed, number),
        }
    }

    /// What determines the random choices.
    pub(super) fn seed(&self) -> u64 {
        self.setup.seed
    }

    /// How a request is to be answered, or the line that says what is wrong with its query.
    fn plan(&self, request: &Request<'_>) -> Result<Cow<'_, Plan>, String> {
        let defaults = &self.setup.defaults;
        match request.query() {
            None | Some(b"") => Ok(Cow::Borrowed(defaults)),
            Some(_) => {
                let plan = defaults.changed(request.query_pairs(), &self.setup.bounds);
                plan.map(Cow::Owned)
            }
        }
    }

    fn status(&self, plan: &Plan) -> Status {
        let shares = plan.status.as_ref();
        shares.map_or(Status::OK, |shares| shares.draw(&self.random))
    }

    fn carry_out(
        &self,
        plan: &Plan,
        request: &Request<'_>,
        response: ResponseWriter<'_>,
    ) -> Responded {
        let delay = plan.delay.as_ref();
        let delay = Duration::from_nanos(delay.map_or(0, |delay| delay.draw(&self.random)));
        let status = self.status(plan);
        let (data, content_type) = self.data(plan, request);
        let has_content =
            request.method() != Method::Head && status.has_content() && data.length() > 0;
        let ending = match plan.ending {
            Ending::CloseEarly if !has_content => Ending::Close,
            Ending::ResetEarly if !has_content => Ending::Reset,
            ending => ending,
        };
        let response = match ending {
            Ending::Abort => return response.abort_after(delay),
            Ending::Reset => return response.reset_after(delay),
            Ending::Close => response.close(),
            Ending::Keep | Ending::CloseEarly | Ending::ResetEarly => response,
        };
        let value = self.head(plan, status, content_type);
        let value = with_content(value, plan, ending, data);
        if delay.is_zero() {
            response.respond(value)
        } else {
            response.respond_after(delay, value)
        }
    }

    fn data<'r>(&self, plan: &Plan, request: &Request<'r>) -> (Data, Option<Field<'r>>) {
        match &plan.content {
            Answer::Greeting => {
                let content = greeting_of(request.path()).concat();
                (Data::Bytes(content.into()), Some(PLAIN))
            }
            Answer::Pattern(size) => (Data::pattern(size.draw(&self.random)), Some(PLAIN)),
            Answer::Echo(Echo::Json) => {
                let json = echo::json(request, &self.setup.hostname);
                (Data::Bytes(json.into()), Some(JSON))
            }
            Answer::Echo(Echo::Content | Echo::Stream) => {
                let content = request.content().to_vec();
                (Data::Bytes(content.into()), content_type(request))
            }
        }
    }

    /// The response without its content. A `Content-Type` of the plan is the only one.
    fn head(&self, plan: &Plan, status: Status, content_type: Option<Field<'_>>) -> Response {
        let mut response = Response::new(status);
        let is_type = |name: &str| name.eq_ignore_ascii_case("Content-Type");
        let has_type = plan.fields.iter().any(|(name, _)| is_type(name));
        let fields = plan.fields.iter();
        let fields = fields.filter_map(|(name, value)| Field::new(name, value).ok());
        let hostname = plan.has_hostname.then_some(self.setup.hostname.as_str());
        let hostname = hostname.and_then(|name| Field::new("X-Hostname", name).ok());
        let content_type = content_type.filter(|_| !has_type);
        for field in content_type.into_iter().chain(fields).chain(hostname) {
            response = response.with_field(field);
        }
        response
    }
}

/// Whether a request with this method comes to [`Handler::handle`].
fn is_handled(method: Method) -> bool {
    !matches!(method, Method::Options | Method::Trace | Method::Unknown)
}

/// The `Content-Type` of a request.
fn content_type<'r>(request: &Request<'r>) -> Option<Field<'r>> {
    let value = request.field("Content-Type")?;
    Field::from_bytes("Content-Type", value).ok()
}

fn with_content(response: Response, plan: &Plan, ending: Ending, data: Data) -> Response {
    let length = data.length();
    let sending = match (ending, data) {
        (Ending::CloseEarly, data) => Sending::cut(data, Produced::Failed),
        (Ending::ResetEarly, data) => Sending::cut(data, Produced::Reset),
        (_, Data::Bytes(bytes)) if plan.trickle.is_none() && !plan.is_chunked => {
            return response.content(bytes);
        }
        (_, data) => Sending::whole(data),
    };
    let sending = sending.at_pace(plan.trickle);
    if plan.is_chunked {
        response.stream(sending)
    } else {
        response.stream_sized(length, sending)
    }
}

impl Handler for Origin {
    fn handle(&self, request: &Request<'_>, response: ResponseWriter<'_>) -> Responded {
        if self.setup.is_plain && request.query().is_none() {
            return Greeting.handle(request, response);
        }
        match self.plan(request) {
            Ok(plan) => self.carry_out(&plan, request, response),
            Err(line) => response.send(Status::BAD_REQUEST, &[PLAIN], &[line.as_bytes()]),
        }
    }

    fn content(&self, request: &Request<'_>) -> Content {
        if !is_handled(request.method()) {
            return Content::Skip;
        }
        // A wrong query is answered by `handle`, after the content.
        let Ok(plan) = self.plan(request) else {
            return Content::Skip;
        };
        match (&plan.content, plan.ending) {
            (_, Ending::Abort | Ending::Reset) => Content::Skip,
            (Answer::Greeting | Answer::Pattern(_), _) => Content::Skip,
            (Answer::Echo(Echo::Json | Echo::Content), _) => Content::Collect { max: usize::MAX },
            (Answer::Echo(Echo::Stream), _) => {
                let (reader, source) = stream::stream();
                let head = self.head(&plan, self.status(&plan), content_type(request));
                Content::Exchange {
                    reader: Box::new(reader),
                    response: head.stream(source),
                }
            }
        }
    }
}

#[cfg(test)]
#[path = "handler_tests.rs"]
mod tests;
