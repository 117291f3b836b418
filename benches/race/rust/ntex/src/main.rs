//! The greeting in ntex: `race-ntex PORT WORKERS`.

use ntex::{time::Seconds, web};

async fn greet(req: web::HttpRequest) -> String {
    format!("Hello, visitor! You've requested: {}\n", req.path())
}

#[ntex::main]
async fn main() -> std::io::Result<()> {
    let args: Vec<String> = std::env::args().collect();
    let (port, workers): (u16, usize) = (args[1].parse().unwrap(), args[2].parse().unwrap());
    web::HttpServer::new(async || web::App::new().default_service(web::to(greet)))
        .workers(workers)
        // 30 s by default: a race does not wait that long for open connections.
        .shutdown_timeout(Seconds(1))
        .bind(("127.0.0.1", port))?
        .run()
        .await
}
