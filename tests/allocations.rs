//! A plain request on a kept-alive connection allocates nothing: neither the server nor this
//! client, for they share a process and its counter.
#![allow(missing_docs)]

use std::alloc::System;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::num::NonZeroUsize;

use hullo::Greeting;
use hullo::server::{Options, Server};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static COUNTED: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

fn play(stream: &mut TcpStream, requests: &[u8], block: &mut [u8], replies_bytes: usize) {
    stream.write_all(requests).unwrap();
    stream.read_exact(&mut block[..replies_bytes]).unwrap();
}

#[test]
fn plain_requests_allocate_nothing() {
    let options = Options::default()
        .address(SocketAddr::from(([127, 0, 0, 1], 0)))
        .workers(NonZeroUsize::MIN);
    let server = Server::bind(options).unwrap().start(Greeting).unwrap();
    let mut stream = TcpStream::connect(server.local_addr()).unwrap();
    let one =
        b"GET /abcdef HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nUser-Agent: x\r\nAccept: */*\r\n\r\n";
    let sixteen = one.repeat(16);
    let mut block = vec![0; 65536];

    stream.write_all(one).unwrap();
    let reply_bytes = stream.read(&mut block).unwrap();
    assert!(block[..reply_bytes].ends_with(b"You've requested: /abcdef\n"));
    play(&mut stream, &sixteen, &mut block, 16 * reply_bytes);

    let region = Region::new(COUNTED);
    for _ in 0..5000 {
        play(&mut stream, one, &mut block, reply_bytes);
        play(&mut stream, &sixteen, &mut block, 16 * reply_bytes);
    }
    let change = region.change();
    assert_eq!(change.allocations + change.reallocations, 0, "{change:?}");

    // The counter sees the server: a request in two pieces leaves something over.
    stream.write_all(&one[..10]).unwrap();
    std::thread::sleep(std::time::Duration::from_millis(100));
    play(&mut stream, &one[10..], &mut block, reply_bytes);
    assert!(region.change().allocations > 0);
}
