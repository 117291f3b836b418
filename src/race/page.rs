pub(super) fn page(_: &super::record::Record) -> String {
    String::new()
}
