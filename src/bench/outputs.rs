//! The files that the flags name for results. Each is written as a whole: two results in one file would damage each
//! other.

use std::path::{Path, PathBuf, absolute};

use super::options::BenchOptions;

/// Refuses a file that two flags name. What is not a regular file, such as `/dev/null`, may take several results.
pub(super) fn check(options: &BenchOptions) -> Result<(), String> {
    let mut files: Vec<(&str, PathBuf)> = Vec::new();
    let own = [
        ("--json", options.json.as_ref()),
        ("--hdr", options.hdr.as_ref()),
        ("--svg", options.svg.as_ref()),
        ("--html", options.html.as_ref()),
    ];
    for (flag, path) in own.into_iter().chain(options.live.outputs()) {
        let Some(path) = path.filter(|path| is_regular(path)) else {
            continue;
        };
        let file = absolute(path).unwrap_or_else(|_| path.clone());
        if let Some((other, _)) = files.iter().find(|(_, known)| *known == file) {
            let name = path.display();
            return Err(format!(
                "{other} and {flag} both write {name}: give each a file of its own"
            ));
        }
        files.push((flag, file));
    }
    Ok(())
}

/// A file that is not there yet will be one.
fn is_regular(path: &Path) -> bool {
    path.metadata().map_or(true, |file| file.is_file())
}
