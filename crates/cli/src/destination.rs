//! Where `get` puts files: whole, or not at all.

#[cfg(target_os = "linux")]
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

/// When a fetched file must be safe from a power cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Durable {
    /// Before it gets its name.
    AtOnce,
    /// When [`sync_all_below`] has been called: a folder's files share one sync instead of waiting for one each.
    AtTheEnd,
}

impl PendingFile {
    /// Begins a file beside its destination, whose folder is made if it is missing.
    pub(crate) fn create(dest: &Path) -> Result<Self, CommandError> {
        let dest = replaceable(dest)?;
        let folder = match dest.parent() {
            Some(parent) if parent != Path::new("") => parent,
            _ => Path::new("."),
        };
        let name = dest.file_name().unwrap_or_default().to_string_lossy();
        // A name of the longest kind leaves no room for what is put around it.
        let prefix: String = [
            ".".into(),
            name.chars().take(40).collect(),
            ".partial-".to_owned(),
        ]
        .concat();
        let temporary = temporary_file(&prefix, folder).map_err(|error| about_folder(error, folder))?;
        Ok(Self {
            temporary,
            dest,
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
    pub(crate) fn finish(
        self,
        size: u64,
        modified_unix_ms: Option<i64>,
        durable: Durable,
    ) -> Result<(), CommandError> {
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
        if durable == Durable::AtOnce || !CAN_SYNC_TOGETHER {
            file.sync_all().map_err(about)?;
        }
        let dest = self.dest.clone();
        self.temporary
            .persist(&dest)
            .map_err(|error| CommandError::from(error.error).about(dest.display()))?;
        Ok(())
    }
}

/// Makes all that was written below a folder durable.
pub(crate) fn sync_all_below(folder: &Path) -> Result<(), CommandError> {
    sync_file_system(folder).map_err(|error| CommandError::from(error).about(folder.display()))
}

#[cfg(target_os = "linux")]
fn sync_file_system(folder: &Path) -> io::Result<()> {
    Ok(rustix::fs::syncfs(File::open(folder)?)?)
}

#[cfg(not(target_os = "linux"))]
fn sync_file_system(_: &Path) -> io::Result<()> {
    Ok(())
}

/// Whether a file system can be told to make all durable that was written to it.
const CAN_SYNC_TOGETHER: bool = cfg!(target_os = "linux");

/// The file that `dest` means: where a link leads, so that the link stays. Folders, devices and pipes are no files
/// that could be replaced by another.
fn replaceable(dest: &Path) -> Result<PathBuf, CommandError> {
    let refused = |what: &str| Err(CommandError::failed(format!("{} is {what}", dest.display())));
    match std::fs::symlink_metadata(dest) {
        Ok(metadata) if metadata.is_symlink() => match std::fs::canonicalize(dest) {
            Ok(target) => replaceable(&target),
            Err(_) => Ok(dest.to_owned()),
        },
        Ok(metadata) if metadata.is_dir() => refused("a folder"),
        Ok(metadata) if !metadata.is_file() => refused("no ordinary file; '-' is standard output"),
        _ => Ok(dest.to_owned()),
    }
}

/// With the permissions of any other file that the user makes.
fn temporary_file(prefix: &str, folder: &Path) -> io::Result<NamedTempFile> {
    use std::os::unix::fs::PermissionsExt as _;

    let mut builder = tempfile::Builder::new();
    builder
        .prefix(prefix)
        .permissions(std::fs::Permissions::from_mode(0o666));
    match builder.tempfile_in(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            std::fs::create_dir_all(folder)?;
            builder.tempfile_in(folder)
        }
        made => made,
    }
}

fn about_folder(error: io::Error, folder: &Path) -> CommandError {
    match error.kind() {
        io::ErrorKind::NotADirectory => CommandError::failed("it is no folder"),
        _ => error.into(),
    }
    .about(folder.display())
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
        pending
            .finish(6, None, Durable::AtOnce)
            .expect_err("a byte is missing");
        assert_eq!(
            std::fs::read_dir(dir.path().join("sub")).expect("there").count(),
            0,
            "nothing is left behind"
        );
        let mut pending = PendingFile::create(&dest).expect("begun");
        pending.write(b"12345").expect("written");
        pending
            .finish(5, Some(1_000_000_000_123), Durable::AtOnce)
            .expect("whole");
        assert_eq!(std::fs::read(&dest).expect("there"), b"12345");
        let modified = std::fs::metadata(&dest)
            .expect("there")
            .modified()
            .expect("a time");
        assert_eq!(crate::output::unix_ms(modified), 1_000_000_000_123);
    }
}
