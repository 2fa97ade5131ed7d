//! Where `get` puts files: whole, or not at all.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::error::CommandError;
use crate::output::system_time;

/// A file that appears under its name only when it is complete.
#[derive(Debug)]
pub(crate) struct PendingFile {
    temporary: NamedTempFile,
    dest: PathBuf,
    written: u64,
}

impl PendingFile {
    /// Begins a file beside its destination, whose folder is made if it is missing.
    pub(crate) fn create(dest: &Path) -> Result<Self, CommandError> {
        // Where a link leads, so that the link stays.
        let dest = &std::fs::canonicalize(dest).unwrap_or_else(|_| dest.to_owned());
        check_replaceable(dest)?;
        let folder = match dest.parent() {
            Some(parent) if parent != Path::new("") => parent,
            _ => Path::new("."),
        };
        let about = |error: io::Error| CommandError::from(error).about(folder.display());
        if folder.exists() && !folder.is_dir() {
            return Err(CommandError::failed(format!(
                "{}: it is no folder",
                folder.display()
            )));
        }
        std::fs::create_dir_all(folder).map_err(about)?;
        let name = dest.file_name().unwrap_or_default().to_string_lossy();
        // A name of the longest kind leaves no room for what is put around it.
        let short: String = name.chars().take(40).collect();
        let temporary = tempfile::Builder::new()
            .prefix(&format!(".{short}.partial-"))
            .tempfile_in(folder)
            .map_err(about)?;
        Ok(Self {
            temporary,
            dest: dest.to_owned(),
            written: 0,
        })
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), CommandError> {
        self.temporary
            .write_all(bytes)
            .map_err(|error| CommandError::from(error).about(self.dest.display()))?;
        self.written += bytes.len() as u64;
        Ok(())
    }

    /// Gives the file its name, if it is as long as it must be.
    pub(crate) fn finish(self, size: u64, modified_unix_ms: Option<i64>) -> Result<(), CommandError> {
        if self.written != size {
            return Err(CommandError::failed(format!(
                "{} of {size} bytes arrived",
                self.written
            )));
        }
        let about = |error: io::Error| CommandError::from(error).about(self.dest.display());
        let file = self.temporary.as_file();
        if let Some(modified) = modified_unix_ms {
            file.set_modified(system_time(modified)).map_err(about)?;
        }
        set_ordinary_mode(file).map_err(about)?;
        file.sync_all().map_err(about)?;
        let dest = self.dest.clone();
        self.temporary
            .persist(&dest)
            .map_err(|error| CommandError::from(error.error).about(dest.display()))?;
        Ok(())
    }
}

/// Folders, devices and pipes are no files that could be replaced by another.
fn check_replaceable(dest: &Path) -> Result<(), CommandError> {
    let refused = |what: &str| Err(CommandError::failed(format!("{} is {what}", dest.display())));
    match std::fs::metadata(dest) {
        Ok(metadata) if metadata.is_dir() => refused("a folder"),
        Ok(metadata) if !metadata.is_file() => refused("no ordinary file; '-' is standard output"),
        _ => Ok(()),
    }
}

/// Temporary files are private; a fetched file is like any other that the user makes.
fn set_ordinary_mode(file: &File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let mask = rustix::process::umask(rustix::fs::Mode::empty());
    rustix::process::umask(mask);
    file.set_permissions(std::fs::Permissions::from_mode(0o666 & !mask.bits()))
}

/// Where an object goes below a folder. Paths of the store have no `..` and no empty segment, and this checks it again:
/// the daemon may be somebody else's.
pub(crate) fn below(folder: &Path, path: &str) -> Result<PathBuf, CommandError> {
    let is_plain = |segment: &str| !matches!(segment, "" | "." | "..") && !segment.contains('\0');
    if !path.split('/').all(is_plain) {
        return Err(CommandError::failed(format!(
            "{path:?} would leave {}",
            folder.display()
        )));
    }
    Ok(path
        .split('/')
        .fold(folder.to_owned(), |place, segment| place.join(segment)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_put_outside_the_folder() {
        let folder = Path::new("out");
        assert_eq!(below(folder, "a/b").expect("plain"), Path::new("out/a/b"));
        for path in ["../a", "a/../../b", "/etc/passwd", "a//b", "", ".", "a\0b"] {
            assert!(below(folder, path).is_err(), "{path:?}");
        }
    }

    #[test]
    fn a_file_has_its_name_only_when_it_is_whole() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let dest = dir.path().join("sub/file");
        let mut pending = PendingFile::create(&dest).expect("begun");
        pending.write(b"12345").expect("written");
        assert!(!dest.exists());
        pending.finish(6, None).expect_err("a byte is missing");
        assert_eq!(
            std::fs::read_dir(dir.path().join("sub")).expect("there").count(),
            0,
            "nothing is left behind"
        );
        let mut pending = PendingFile::create(&dest).expect("begun");
        pending.write(b"12345").expect("written");
        pending.finish(5, Some(1_000_000_000_123)).expect("whole");
        assert_eq!(std::fs::read(&dest).expect("there"), b"12345");
        let modified = std::fs::metadata(&dest)
            .expect("there")
            .modified()
            .expect("a time");
        assert_eq!(crate::output::unix_ms(modified), 1_000_000_000_123);
    }
}
