pub(super) fn probe(_: std::net::SocketAddr, _: &str, _: &str) -> Vec<super::record::Finding> {
    Vec::new()
}
