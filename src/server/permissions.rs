//! Who may connect to a Unix socket.

use std::fs;
use std::io;
use std::os::unix::fs::{PermissionsExt as _, lchown};
use std::path::Path;

/// Who may connect to a Unix socket: those who may write to its file. `None`: as the umask, the user and
/// the group of this process make it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SocketPermissions {
    /// The mode of the file, such as `0o660`.
    pub mode: Option<u32>,
    /// The number of the user who owns the file. To set another one than one's own needs a privilege.
    pub user: Option<u32>,
    /// The number of the file's group.
    pub group: Option<u32>,
}

impl SocketPermissions {
    /// Sets [`mode`](Self::mode).
    #[must_use]
    pub fn mode(self, mode: impl Into<Option<u32>>) -> Self {
        Self {
            mode: mode.into(),
            ..self
        }
    }

    /// Sets [`user`](Self::user).
    #[must_use]
    pub fn user(self, user: impl Into<Option<u32>>) -> Self {
        Self {
            user: user.into(),
            ..self
        }
    }

    /// Sets [`group`](Self::group).
    #[must_use]
    pub fn group(self, group: impl Into<Option<u32>>) -> Self {
        Self {
            group: group.into(),
            ..self
        }
    }

    pub(super) fn apply(self, path: &Path) -> io::Result<()> {
        if self.user.is_some() || self.group.is_some() {
            lchown(path, self.user, self.group)?;
        }
        if let Some(mode) = self.mode {
            fs::set_permissions(path, fs::Permissions::from_mode(mode))?;
        }
        Ok(())
    }
}
