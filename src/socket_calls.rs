//! To read from a socket and to write to it.
//!
//! The recv and send of the C library are cancellation points: in a process with several threads, they change the
//! state of the thread before and after each call, atomically. rustix calls the kernel directly.

use std::io;
use std::os::fd::AsFd;

use rustix::net::{RecvFlags, SendFlags};

/// Reads once: 0 bytes at the end of the stream.
#[inline]
pub(crate) fn receive(socket: impl AsFd, block: &mut [u8]) -> io::Result<usize> {
    let (_, bytes) = rustix::net::recv(socket, block, RecvFlags::empty())?;
    Ok(bytes)
}

/// Writes once, as much as there is room for.
#[inline]
pub(crate) fn send(socket: impl AsFd, bytes: &[u8]) -> io::Result<usize> {
    Ok(rustix::net::send(socket, bytes, SendFlags::NOSIGNAL)?)
}

/// The same; the kernel may keep the bytes until more comes, or the end of the stream.
#[inline]
pub(crate) fn send_more(socket: impl AsFd, bytes: &[u8]) -> io::Result<usize> {
    let flags = SendFlags::NOSIGNAL | SendFlags::MORE;
    Ok(rustix::net::send(socket, bytes, flags)?)
}
