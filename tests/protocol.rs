//! What is answered, row by row of the table that the project promises to keep. Each conversation
//! is played whole, byte by byte, at every cut, behind another request and with something after it.

#![allow(
    clippy::doc_markdown,
    reason = "rows of the table are quoted as they stand"
)]

mod common;

mod protocol {
    mod answers;
    mod bodies;
    mod check;
    mod chunked;
    mod exchanges;
    mod fields;
    mod handlers;
    mod hostile;
    mod hostile_bodies;
    mod hostile_heads;
    mod hostile_long;
    mod limits;
    mod meaning;
    mod observing;
    mod preconditions;
    mod request_line;
    mod requests;
    mod responses;
    mod scripted;
}
