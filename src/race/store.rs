//! The file of `--json`, which is written after each round: as a whole or not at all.

use std::fs::{self, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

/// Of a new file, before the umask.
const MODE: u32 = 0o666;

/// Replaces a file, in such a way that it never holds a part of the text: not after a crash, nor with a full
/// disk. What is not a plain file, such as a pipe, is written to.
pub(super) fn replace(path: &Path, text: &str) -> io::Result<()> {
    let known = fs::metadata(path).ok();
    if known.as_ref().is_some_and(|known| !known.is_file()) {
        return fs::write(path, text);
    }
    // A symbolic link stays one.
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let mode = known.map_or(MODE, |known| known.permissions().mode());
    let mut file = tempfile::Builder::new();
    file.prefix(".hullo-race-")
        .permissions(Permissions::from_mode(mode));
    let mut file = match file.tempfile_in(folder) {
        Ok(file) => file,
        // The file can be written, its folder cannot.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            return fs::write(path, text);
        }
        Err(error) => return Err(error),
    };
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

/// Whether it can be replaced more than once: a pipe cannot.
pub(super) fn is_plain(path: &Path) -> bool {
    fs::metadata(path).map_or(true, |known| known.is_file())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_file_is_replaced_and_nothing_is_left_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let [file, link] = ["race.json", "link.json"].map(|name| folder.path().join(name));
        replace(&file, "one").unwrap();
        fs::set_permissions(&file, Permissions::from_mode(0o640)).unwrap();
        symlink(&file, &link).unwrap();
        replace(&link, "two").unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "two");
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        let mode = fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o640);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
        let lost = folder.path().join("no/such/folder.json");
        assert!(replace(&lost, "three").is_err());
        assert!(is_plain(&file) && is_plain(&lost) && !is_plain(Path::new("/dev/null")));
        replace(Path::new("/dev/null"), "four").unwrap();
        assert!(!is_plain(Path::new("/dev/null")));
    }
}
