#![forbid(unsafe_code)]
//! The greeting of hullo, after a busy loop: `slowed PORT WORKERS TURNS`. A turn of the loop costs
//! about as much as an addition of each processor that cannot begin before the last one has ended.

use std::hint::black_box;
use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroUsize;

use hullo::Greeting;
use hullo::http::{Responded, ResponseWriter, Request, Handler};
use hullo::server::{Options, Server, raise_open_file_limit};

#[derive(Clone)]
struct Slowed {
    turns: u64,
}

impl Handler for Slowed {
    fn handle(&self, request: &Request<'_>, reply: ResponseWriter<'_>) -> Responded {
        let mut sum = 0_u64;
        for turn in 0..self.turns {
            sum = black_box(sum.wrapping_add(turn));
        }
        Greeting.handle(request, reply)
    }
}

fn main() -> Result<(), String> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [port, workers, turns] = arguments.as_slice() else {
        return Err("usage: slowed PORT WORKERS TURNS".to_owned());
    };
    let number = |text: &str| text.parse::<u64>().map_err(|error| format!("{text}: {error}"));
    raise_open_file_limit();
    let port = u16::try_from(number(port)?).map_err(|error| error.to_string())?;
    let workers = usize::try_from(number(workers)?).ok().and_then(NonZeroUsize::new);
    let options = Options::default().address(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).workers(workers.ok_or("no workers")?);
    let turns = number(turns)?;
    Server::bind(options)
        .and_then(|server| server.start(Slowed { turns }))
        .and_then(hullo::server::ServerHandle::wait)
        .map_err(|error| error.to_string())
}
