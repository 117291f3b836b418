pub(super) fn picture(_: &super::record::Record) -> String {
    String::new()
}
