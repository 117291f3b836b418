//! The same interface in a build without TLS: there is no client, so the rest cannot be reached.

use std::convert::Infallible;

use super::{ClientOptions, Failure, Handshake, Received};

#[derive(Clone, Debug)]
pub(crate) struct Client(Infallible);

#[derive(Debug)]
pub(crate) struct ClientSession(Infallible);

impl Client {
    pub(crate) fn new(_: &ClientOptions) -> Result<Self, String> {
        Err("this hullo was built without TLS, so it cannot use https: build it with the default features, or with --features tls".to_owned())
    }

    pub(crate) fn with_own_sessions(&self, _: usize) -> Self {
        match self.0 {}
    }

    pub(crate) fn session(&self) -> Result<ClientSession, Failure> {
        match self.0 {}
    }
}

impl ClientSession {
    pub(crate) fn receive(&mut self, _: &[u8], _: &mut [u8]) -> Result<Received, Failure> {
        match self.0 {}
    }

    pub(crate) fn send(&mut self, _: &[u8], _: &mut Vec<u8>) -> Result<(), Failure> {
        match self.0 {}
    }

    pub(crate) fn close(&mut self, _: &mut Vec<u8>) {
        match self.0 {}
    }

    pub(crate) fn take_output(&mut self, _: &mut Vec<u8>) {
        match self.0 {}
    }

    pub(crate) fn is_handshaking(&self) -> bool {
        match self.0 {}
    }

    pub(crate) fn handshake(&self) -> Handshake {
        match self.0 {}
    }
}
