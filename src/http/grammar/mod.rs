//! What both roles read alike: the rules of RFC 9110 and RFC 9112 that do not depend on who sends.

pub(super) mod bytes;
