//! The article's greeting in warp: `race-warp PORT WORKERS`.

use tokio::runtime;
use warp::Filter;

fn main() -> std::io::Result<()> {
    let args: Vec<String> = std::env::args().collect();
    let (port, workers): (u16, usize) = (args[1].parse().unwrap(), args[2].parse().unwrap());
    let runtime = runtime::Builder::new_multi_thread()
        .worker_threads(workers)
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let hello = warp::path::param()
            .map(|path: String| format!("Hello, visitor! You've requested: /{}", path));
        warp::serve(hello).run(([127, 0, 0, 1], port)).await;
    });
    Ok(())
}
