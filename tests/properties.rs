//! What holds for any input: the answers do not depend on how it was cut, their heads hold nothing
//! of it, and two naive twins agree with the engine on what a head and a chunked body is.

mod common;

mod properties {
    mod engine;
    mod fields;
    mod inputs;
    mod naive_chunks;
    mod naive_head;
    mod twins;
    mod whole;
}
