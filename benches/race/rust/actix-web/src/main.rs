//! The greeting in actix-web: `race-actix-web PORT WORKERS`.

use actix_web::{App, HttpRequest, HttpServer, web};

async fn greet(req: HttpRequest) -> String {
    format!("Hello, visitor! You've requested: {}\n", req.path())
}

#[actix_web::main]
async fn main() -> std::io::Result<()> {
    let args: Vec<String> = std::env::args().collect();
    let (port, workers): (u16, usize) = (args[1].parse().unwrap(), args[2].parse().unwrap());
    HttpServer::new(|| App::new().default_service(web::to(greet)))
        .workers(workers)
        // 30 s by default: a race does not wait that long for open connections.
        .shutdown_timeout(1)
        .bind(("127.0.0.1", port))?
        .run()
        .await
}
