//! The answer to a plain request, with which the answers under load are compared.

use std::net::SocketAddr;

use super::{Asker, PATIENCE};
use crate::race::workload::Workload;

/// Longer content is not compared byte by byte, since it has to fit into a command line.
const CONTENT_BYTES_MAX: usize = 64 * 1024;

/// An answer as expected under load.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::race) struct Plain {
    pub(in crate::race) status: u16,
    pub(in crate::race) content_bytes: usize,
    /// None if it varies, is not text, or is long.
    pub(in crate::race) content: Option<String>,
    /// Whether two answers to the same request, or to two random paths, differed.
    pub(in crate::race) varies: bool,
}

/// Requests the path of the load, by the requests of the load. `is_random`: the path is random, so its answer must be that of any other
/// random path, except for the path itself.
///
/// # Errors
///
/// If there is no answer, or if the server treats the path of the load differently.
pub(in crate::race) fn plain(
    address: SocketAddr,
    host: &str,
    path: &str,
    is_random: bool,
    workload: &Workload,
) -> Result<Plain, String> {
    let asker = Asker {
        address,
        host,
        path,
        patience: PATIENCE,
    };
    let others = [(); 2].map(|()| {
        if is_random {
            asker.random_path()
        } else {
            path.to_owned()
        }
    });
    let [first, second] = &others;
    let answer = |path: &str| answer(&asker, path, workload);
    let before = answer(first)?;
    let (status, content) = answer(path)?;
    let after = answer(second)?;
    let bare = |(status, content): &(u16, Vec<u8>), path: &str| {
        let text = String::from_utf8_lossy(content).replace(path, "{path}");
        (*status, text)
    };
    let ours = bare(&(status, content.clone()), path);
    let varies = bare(&before, first) != bare(&after, second);
    if !varies && ours != bare(&before, first) {
        return Err(if is_random {
            "answers the path of the load differently from other paths".to_owned()
        } else {
            "does not always answer the same request in the same way".to_owned()
        });
    }
    let is_short = content.len() <= CONTENT_BYTES_MAX;
    Ok(Plain {
        status,
        content_bytes: content.len(),
        content: String::from_utf8(content)
            .ok()
            // hullo bench would replace {n}.
            .filter(|text| !varies && is_short && !text.contains(['{', '\0'])),
        varies,
    })
}

/// The status of the answer to a request of the load, if there is one.
pub(in crate::race) fn status(
    address: SocketAddr,
    host: &str,
    path: &str,
    workload: &Workload,
) -> Option<u16> {
    let asker = Asker {
        address,
        host,
        path,
        patience: PATIENCE,
    };
    let answer = answer(&asker, path, workload);
    answer.ok().map(|(status, _)| status)
}

fn answer(asker: &Asker<'_>, path: &str, workload: &Workload) -> Result<(u16, Vec<u8>), String> {
    let mut peer = asker.connect().map_err(|miss| miss.to_string())?;
    peer.send(workload.bytes(path, asker.host));
    let answer = peer.answer(workload.method == "HEAD");
    let answer = answer.map_err(|miss| format!("does not answer a plain request: {miss}"))?;
    Ok((answer.status, answer.content))
}

/// A path that is new to every server.
pub(in crate::race) fn random_path() -> String {
    format!("/{}/{}", super::letters(5), super::letters(5))
}
