//! What `put` is to store.

use std::collections::HashSet;
use std::fs::{FileType, Metadata};
use std::path::{Path, PathBuf};

use model::ObjectPath;
use walkdir::WalkDir;

use crate::client::object_path;
use crate::command::Failures;
use crate::error::CommandError;

/// A file to store, and under which path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Source {
    pub(crate) input: Input,
    pub(crate) path: ObjectPath,
    /// Length when it was looked at, to plan with; it may be another when the file is read.
    pub(crate) size: u64,
}

/// Where bytes come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Input {
    File(PathBuf),
    /// A pipe or a device: nobody knows how long it is.
    Special(PathBuf),
    Stdin,
}

/// What was found, what was left out and why, and what could not be looked at.
#[derive(Debug, Default)]
pub(crate) struct Sources {
    pub(crate) files: Vec<Source>,
    pub(crate) skipped: Vec<String>,
    pub(crate) failures: Failures,
    taken: HashSet<ObjectPath>,
}

/// Where sources go.
#[derive(Clone, Copy, Debug)]
enum Destination<'a> {
    /// Below this folder, under their own names.
    Folder(&'a str),
    /// There is one source, and this is its path.
    Exactly(&'a str),
}

impl Sources {
    /// Looks at what was named on the command line; `dest` is where it goes.
    ///
    /// # Errors
    ///
    /// Only for what makes no sense as it was typed; what cannot be looked at is among the failures.
    pub(crate) fn find(
        named: &[PathBuf],
        dest: Option<&str>,
        is_recursive: bool,
    ) -> Result<Self, CommandError> {
        let mut sources = Self::default();
        let dest = Destination::new(dest, named.len());
        for path in named {
            sources.add(path, dest, is_recursive)?;
        }
        Ok(sources)
    }

    /// The length of all files, unless one of them has none.
    pub(crate) fn size(&self) -> Option<u64> {
        let size = |source: &Source| matches!(source.input, Input::File(_)).then_some(source.size);
        self.files.iter().map(size).sum()
    }

    fn add(&mut self, named: &Path, dest: Destination<'_>, is_recursive: bool) -> Result<(), CommandError> {
        if named == Path::new("-") {
            return self.add_stdin(dest);
        }
        let metadata = match std::fs::metadata(named) {
            Ok(metadata) => metadata,
            Err(error) => {
                self.failures.add(named.display(), cannot_look(&error));
                return Ok(());
            }
        };
        if !metadata.is_dir() {
            return self.add_named(named, dest, &metadata);
        }
        if !is_recursive {
            return Err(CommandError::usage(format!("{} is a folder", named.display()))
                .with_hint("use -r to store it with all that is in it"));
        }
        self.add_folder(named, dest)
    }

    fn add_stdin(&mut self, dest: Destination<'_>) -> Result<(), CommandError> {
        match dest {
            Destination::Exactly(path) => self.push(Input::Stdin, object_path(path)?, 0),
            Destination::Folder(_) => Err(CommandError::usage("standard input needs a name: put - NAME")),
        }
    }

    fn add_named(
        &mut self,
        file: &Path,
        dest: Destination<'_>,
        metadata: &Metadata,
    ) -> Result<(), CommandError> {
        let path = match dest {
            Destination::Exactly(path) => path.to_owned(),
            Destination::Folder(folder) => join(folder, &name_of(file)?),
        };
        let input = if metadata.is_file() {
            Input::File(file.to_owned())
        } else {
            Input::Special(file.to_owned())
        };
        self.push(input, object_path(&path)?, metadata.len())
    }

    /// All files below a folder, in order, under the folder's own name.
    fn add_folder(&mut self, folder: &Path, dest: Destination<'_>) -> Result<(), CommandError> {
        let (Destination::Folder(dest) | Destination::Exactly(dest)) = dest;
        let base = if is_nameless(folder) {
            dest.to_owned()
        } else {
            join(dest, &name_of(folder)?)
        };
        if !base.is_empty() {
            object_path(base.trim_end_matches('/'))?;
        }
        for entry in WalkDir::new(folder).min_depth(1).sort_by_file_name() {
            match entry {
                Ok(entry) => self.add_entry(&entry, folder, &base)?,
                Err(error) => self.add_unreadable(&error, folder),
            }
        }
        Ok(())
    }

    fn add_entry(
        &mut self,
        entry: &walkdir::DirEntry,
        folder: &Path,
        base: &str,
    ) -> Result<(), CommandError> {
        let kind = entry.file_type();
        if kind.is_dir() {
            return Ok(());
        }
        if !kind.is_file() {
            let note = format!("{}: {}, not stored", entry.path().display(), special(kind));
            self.skipped.push(note);
            return Ok(());
        }
        let below = entry.path().strip_prefix(folder).unwrap_or(entry.path());
        let size = entry.metadata().map_or(0, |metadata| metadata.len());
        match text_of(below).and_then(|below| object_path(&join(base, below))) {
            Ok(path) => self.push(Input::File(entry.path().to_owned()), path, size),
            Err(error) => {
                self.failures
                    .add(entry.path().display(), CommandError::failed(error.message()));
                Ok(())
            }
        }
    }

    fn add_unreadable(&mut self, error: &walkdir::Error, folder: &Path) {
        let place = error.path().unwrap_or(folder).display();
        let reason = error
            .io_error()
            .map_or_else(|| error.to_string(), ToString::to_string);
        self.failures.add(place, CommandError::failed(reason));
    }

    /// Notes a file; two files cannot become one object.
    fn push(&mut self, input: Input, path: ObjectPath, size: u64) -> Result<(), CommandError> {
        if !self.taken.insert(path.clone()) {
            return Err(CommandError::usage(format!(
                "two sources would be stored as {path}"
            )));
        }
        self.files.push(Source { input, path, size });
        Ok(())
    }
}

impl<'a> Destination<'a> {
    /// As with `cp`: several sources need a folder, and a name that ends in `/` is one.
    fn new(dest: Option<&'a str>, sources: usize) -> Self {
        match dest {
            Some(dest) if sources == 1 && !dest.is_empty() && !dest.ends_with('/') => Self::Exactly(dest),
            Some(dest) => Self::Folder(dest),
            None => Self::Folder(""),
        }
    }
}

fn cannot_look(error: &std::io::Error) -> CommandError {
    if error.kind() == std::io::ErrorKind::NotFound {
        CommandError::not_found("there is no such file here")
    } else {
        CommandError::failed(error.to_string())
    }
}

/// What is in `.`, `..`, `/` and `folder/.` goes right to the destination, as with `cp -r`.
fn is_nameless(folder: &Path) -> bool {
    // `Path` itself takes no notice of a dot at the end.
    folder.file_name().is_none() || folder.as_os_str().as_encoded_bytes().ends_with(b"/.")
}

fn special(kind: FileType) -> &'static str {
    if kind.is_symlink() {
        "a symbolic link"
    } else {
        "no ordinary file"
    }
}

fn name_of(path: &Path) -> Result<String, CommandError> {
    let name = path.file_name().map(Path::new);
    let name = name.ok_or_else(|| CommandError::usage(format!("{} has no name", path.display())))?;
    text_of(name).map(str::to_owned)
}

fn text_of(path: &Path) -> Result<&str, CommandError> {
    let not_utf8 = || {
        CommandError::usage(format!(
            "{path:?} is not UTF-8, so it cannot be a path in the store"
        ))
    };
    path.to_str().ok_or_else(not_utf8)
}

fn join(folder: &str, name: &str) -> String {
    match folder.trim_end_matches('/') {
        "" => name.to_owned(),
        folder => format!("{folder}/{name}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder_of(files: &[&str]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().expect("a temporary directory");
        for file in files {
            let file = dir.path().join(file);
            std::fs::create_dir_all(file.parent().expect("a folder")).expect("made");
            std::fs::write(&file, "four").expect("written");
        }
        dir
    }

    fn find(dir: &Path, named: &[&str], dest: Option<&str>) -> Result<Sources, CommandError> {
        let named: Vec<_> = named.iter().map(|name| dir.join(name)).collect();
        Sources::find(&named, dest, true)
    }

    fn paths(dir: &Path, named: &[&str], dest: Option<&str>) -> Vec<String> {
        let found = find(dir, named, dest).expect("it makes sense");
        found.files.iter().map(|source| source.path.to_string()).collect()
    }

    #[test]
    fn destinations_follow_cp() {
        let dir = folder_of(&["a", "b", "folder/z", "folder/sub/y"]);
        let dir = dir.path();
        assert_eq!(paths(dir, &["a"], None), ["a"]);
        assert_eq!(paths(dir, &["a"], Some("c")), ["c"]);
        assert_eq!(paths(dir, &["a"], Some("c/")), ["c/a"]);
        assert_eq!(paths(dir, &["a", "b"], Some("c")), ["c/a", "c/b"]);
        assert_eq!(paths(dir, &["folder"], None), ["folder/sub/y", "folder/z"]);
        assert_eq!(paths(dir, &["folder/."], None), ["sub/y", "z"]);
        assert_eq!(
            paths(dir, &["folder"], Some("c")),
            ["c/folder/sub/y", "c/folder/z"]
        );
        assert_eq!(
            paths(dir, &["folder", "a"], Some("c/d/")),
            ["c/d/folder/sub/y", "c/d/folder/z", "c/d/a"]
        );
    }

    #[test]
    fn the_size_is_that_of_all_files() {
        let dir = folder_of(&["a", "folder/z"]);
        assert_eq!(
            find(dir.path(), &["a", "folder"], None).expect("found").size(),
            Some(8)
        );
        let stdin = Sources::find(&["-".into()], Some("x"), false).expect("named");
        assert_eq!(stdin.size(), None);
    }

    #[test]
    fn two_files_do_not_become_one_object() {
        let dir = folder_of(&["a/same", "b/same"]);
        let error = find(dir.path(), &["a/same", "b/same"], Some("c")).expect_err("one would be lost");
        assert_eq!(error.message(), "two sources would be stored as c/same");
    }

    #[test]
    fn links_inside_folders_are_named_and_left_out() {
        let dir = folder_of(&["folder/a"]);
        std::os::unix::fs::symlink("a", dir.path().join("folder/link")).expect("linked");
        let found = find(dir.path(), &["folder"], None).expect("found");
        assert_eq!(found.files.len(), 1);
        let expected = format!(
            "{}/folder/link: a symbolic link, not stored",
            dir.path().display()
        );
        assert_eq!(found.skipped, [expected]);
    }
}
