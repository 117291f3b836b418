#![doc = "See `Cargo.toml`."]
