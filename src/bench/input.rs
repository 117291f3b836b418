//! Reads files that flags name, up to a bound: a pipe or a device may have no end.

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::Path;

use crate::units;

/// Of a file that is parsed: results, requests, values, certificates.
pub(super) const FILE_BYTES_MAX: u64 = 256 << 20;

/// Of the content of a request.
pub(super) const CONTENT_BYTES_MAX: u64 = 1 << 30;

/// The file, if it is not larger than this.
pub(super) fn read(path: impl AsRef<Path>, bytes_max: u64) -> io::Result<Vec<u8>> {
    read_from(File::open(path)?, bytes_max)
}

/// What is left of the source, if it is not more than this.
pub(super) fn read_from(source: impl Read, bytes_max: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    source.take(bytes_max + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > bytes_max {
        let most = units::show_bytes(bytes_max);
        let sentence = format!("it is larger than {most}");
        return Err(io::Error::new(ErrorKind::FileTooLarge, sentence));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_end_is_refused() {
        let bytes = [b'x'; 1025];
        assert_eq!(read_from(&bytes[..1024], 1024).unwrap(), bytes[..1024]);
        for error in [
            read_from(&bytes[..], 1024).unwrap_err(),
            read("/dev/zero", 1024).unwrap_err(),
        ] {
            assert_eq!(error.to_string(), "it is larger than 1KiB");
        }
        let missing = read("/nowhere/at.all", 1024).unwrap_err();
        assert_eq!(missing.kind(), ErrorKind::NotFound);
    }
}
