//! The greeting in axum: `race-axum PORT WORKERS`.

use axum::{Router, http::Uri, routing::get, serve::ListenerExt};
use tokio::{net::TcpListener, runtime};

async fn greet(uri: Uri) -> String {
    format!("Hello, visitor! You've requested: {}\n", uri.path())
}

fn main() -> std::io::Result<()> {
    let args: Vec<String> = std::env::args().collect();
    let (port, workers): (u16, usize) = (args[1].parse().unwrap(), args[2].parse().unwrap());
    let runtime = runtime::Builder::new_multi_thread()
        .worker_threads(workers)
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let app = Router::new()
            .route("/", get(greet))
            .route("/{*path}", get(greet));
        let listener = TcpListener::bind(("127.0.0.1", port)).await?;
        let nodelay = listener.tap_io(|stream| {
            let _ = stream.set_nodelay(true);
        });
        axum::serve(nodelay, app).await
    })
}
