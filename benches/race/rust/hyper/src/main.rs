//! The greeting in hyper: `race-hyper PORT WORKERS`. Each worker is a thread with a runtime and a
//! listening socket of its own: nothing is shared between them.

use std::{convert::Infallible, io, net::SocketAddr, net::TcpListener, thread};

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Request, Response, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use socket2::{Domain, Socket, Type};
use tokio::runtime;

async fn greet(req: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let body = format!("Hello, visitor! You've requested: {}\n", req.uri().path());
    let mut response = Response::new(Full::from(body));
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, plain);
    Ok(response)
}

fn listen(port: u16) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&SocketAddr::from(([127, 0, 0, 1], port)).into())?;
    socket.listen(4096)?;
    Ok(socket.into())
}

fn work(listener: TcpListener) -> io::Result<()> {
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            tokio::spawn(async move {
                // The timer arms hyper's own time-out for heads.
                let _ = http1::Builder::new()
                    .timer(TokioTimer::new())
                    .pipeline_flush(true)
                    .serve_connection(TokioIo::new(stream), service_fn(greet))
                    .await;
            });
        }
    })
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let (port, workers): (u16, usize) = (args[1].parse().unwrap(), args[2].parse().unwrap());
    let workers: Vec<_> = (0..workers)
        .map(|_| {
            let listener = listen(port).expect("listen");
            thread::spawn(|| work(listener))
        })
        .collect();
    for worker in workers {
        worker.join().expect("a worker panicked").expect("accept");
    }
}
