//! Where does a control plane keep its data, and who removes what a killed one left behind?

use std::fs::{self, DirBuilder, File};
use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use crate::error::Error;

#[cfg(test)]
mod tests;

/// A folder of one control plane alone, and the lock beside it that says that it is in use.
#[derive(Debug)]
pub(crate) struct DataFolder {
    folder: PathBuf,
    lock_path: PathBuf,
    _lock: File,
}

impl DataFolder {
    const PREFIX: &str = "rocketlawyer-control-plane-";
    const ATTEMPTS: u32 = 100;

    /// Removes what killed users and watchers left, and makes a new folder that only this user can read.
    pub(crate) fn create() -> Result<Self, Error> {
        sweep();
        let mut attempt = 0;
        loop {
            match Self::try_create(attempt) {
                // Another container that shares the folder may have our process number.
                Err(Error::Io { source, .. })
                    if source.kind() == ErrorKind::AlreadyExists && attempt < Self::ATTEMPTS =>
                {
                    attempt += 1;
                }
                other => return other,
            }
        }
    }

    /// The folder.
    pub(crate) fn path(&self) -> &Path {
        &self.folder
    }

    /// The file beside it.
    pub(crate) fn lock_path(&self) -> &Path {
        &self.lock_path
    }

    /// Removes it, when nobody uses it any more.
    pub(crate) fn remove(&self) {
        let _ = fs::remove_dir_all(&self.folder);
        let _ = fs::remove_file(&self.lock_path);
    }

    /// The lock comes first: a folder without a lock belongs to nobody a sweep would spare.
    fn try_create(attempt: u32) -> Result<Self, Error> {
        let name = format!("{}{}-{attempt}", Self::PREFIX, std::process::id());
        let folder = std::env::temp_dir().join(name);
        let lock_path = folder.with_extension("lock");
        let lock = File::create_new(&lock_path).map_err(Error::io("create", &lock_path))?;
        lock.lock().map_err(Error::io("lock", &lock_path))?;
        DirBuilder::new().mode(0o700).create(&folder).map_err(Error::io("create", &folder))?;
        Ok(Self { folder, lock_path, _lock: lock })
    }
}

fn sweep() {
    let Ok(entries) = fs::read_dir(std::env::temp_dir()) else {
        return;
    };
    for lock_path in entries.flatten().map(|entry| entry.path()) {
        let name = lock_path.file_stem().unwrap_or_default().to_string_lossy();
        let is_lock = lock_path.extension().is_some_and(|extension| extension == "lock");
        if !(is_lock && name.starts_with(DataFolder::PREFIX)) {
            continue;
        }
        let Ok(lock) = File::options().write(true).open(&lock_path) else {
            continue;
        };
        // Free means that its holder is dead, however it died.
        if lock.try_lock().is_ok() {
            let _ = fs::remove_dir_all(lock_path.with_extension(""));
            let _ = fs::remove_file(&lock_path);
        }
    }
}
