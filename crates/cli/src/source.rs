//! What `put` is to store.

use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use crate::error::CommandError;

/// A file to store, and under which path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Source {
    pub(crate) file: Input,
    pub(crate) path: String,
    /// Length when it was looked at; the upload fails if it is another.
    pub(crate) size: u64,
    pub(crate) modified_unix_ms: Option<i64>,
}

/// Where bytes come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Input {
    File(PathBuf),
    Stdin,
}

/// What was found, and what was left out and why.
#[derive(Debug, Default)]
pub(crate) struct Sources {
    pub(crate) files: Vec<Source>,
    pub(crate) skipped: Vec<String>,
}

impl Sources {
    /// Looks at what was named on the command line; `dest` is where it goes.
    pub(crate) fn find(
        named: &[PathBuf],
        dest: Option<&str>,
        is_recursive: bool,
    ) -> Result<Self, CommandError> {
        let is_folder = named.len() > 1 || dest.is_some_and(|dest| dest.is_empty() || dest.ends_with('/'));
        let mut sources = Self::default();
        for path in named {
            sources.add(path, dest, is_folder, is_recursive)?;
        }
        Ok(sources)
    }

    fn add(
        &mut self,
        named: &Path,
        dest: Option<&str>,
        is_folder: bool,
        is_recursive: bool,
    ) -> Result<(), CommandError> {
        if named == Path::new("-") {
            let path = dest
                .filter(|_| !is_folder)
                .ok_or_else(|| CommandError::usage("standard input needs a name: put - NAME"))?;
            self.files.push(Source {
                file: Input::Stdin,
                path: path.to_owned(),
                size: 0,
                modified_unix_ms: None,
            });
            return Ok(());
        }
        let metadata =
            std::fs::metadata(named).map_err(|error| CommandError::from(error).about(named.display()))?;
        if metadata.is_dir() {
            if !is_recursive {
                return Err(CommandError::usage(format!("{} is a folder", named.display()))
                    .with_hint("use -r to store it with all that is in it"));
            }
            return self.add_folder(named, dest);
        }
        let path = match dest {
            Some(dest) if is_folder => join(dest, &name_of(named)?),
            Some(dest) => dest.to_owned(),
            None => name_of(named)?,
        };
        self.add_file(named, path, &metadata);
        Ok(())
    }

    /// All files below a folder, in order, under the folder's own name.
    fn add_folder(&mut self, folder: &Path, dest: Option<&str>) -> Result<(), CommandError> {
        let base = match folder.file_name() {
            Some(_) => join(dest.unwrap_or_default(), &name_of(folder)?),
            // `.` and `/` have no name: what is in them goes right to the destination.
            None => dest.unwrap_or_default().trim_end_matches('/').to_owned(),
        };
        for entry in WalkDir::new(folder).min_depth(1).sort_by_file_name() {
            let entry = entry.map_err(|error| CommandError::failed(error.to_string()))?;
            let kind = entry.file_type();
            if kind.is_dir() {
                continue;
            }
            if !kind.is_file() {
                let what = if kind.is_symlink() {
                    "a symbolic link"
                } else {
                    "no ordinary file"
                };
                self.skipped
                    .push(format!("{}: {what}, not stored", entry.path().display()));
                continue;
            }
            let below = entry.path().strip_prefix(folder).unwrap_or(entry.path());
            let Some(below) = below.to_str() else {
                return Err(CommandError::failed(format!(
                    "{:?} is not UTF-8, so it cannot be a path in the store",
                    entry.path()
                )));
            };
            let metadata = entry
                .metadata()
                .map_err(|error| CommandError::failed(error.to_string()))?;
            self.add_file(entry.path(), join(&base, below), &metadata);
        }
        Ok(())
    }

    fn add_file(&mut self, file: &Path, path: String, metadata: &std::fs::Metadata) {
        let modified_unix_ms = metadata.modified().ok().map(crate::output::unix_ms);
        self.files.push(Source {
            file: Input::File(file.to_owned()),
            path,
            size: metadata.len(),
            modified_unix_ms,
        });
    }
}

fn name_of(path: &Path) -> Result<String, CommandError> {
    let absolute = std::path::absolute(path)?;
    let name = path.file_name().or_else(|| absolute.file_name());
    let name = name.ok_or_else(|| CommandError::usage(format!("{} has no name", path.display())))?;
    let not_utf8 = || {
        CommandError::failed(format!(
            "{path:?} is not UTF-8, so it cannot be a path in the store"
        ))
    };
    name.to_str().map(str::to_owned).ok_or_else(not_utf8)
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

    fn paths(named: &[&str], dest: Option<&str>, dir: &Path) -> Vec<String> {
        let named: Vec<_> = named.iter().map(|name| dir.join(name)).collect();
        let found = Sources::find(&named, dest, true).expect("they exist");
        found.files.into_iter().map(|source| source.path).collect()
    }

    #[test]
    fn destinations_follow_cp() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        std::fs::create_dir_all(dir.path().join("folder/sub")).expect("made");
        for file in ["a", "b", "folder/z", "folder/sub/y"] {
            std::fs::write(dir.path().join(file), file).expect("written");
        }
        let dir = dir.path();
        assert_eq!(paths(&["a"], None, dir), ["a"]);
        assert_eq!(paths(&["a"], Some("c"), dir), ["c"]);
        assert_eq!(paths(&["a"], Some("c/"), dir), ["c/a"]);
        assert_eq!(paths(&["a", "b"], Some("c"), dir), ["c/a", "c/b"]);
        assert_eq!(paths(&["folder"], None, dir), ["folder/sub/y", "folder/z"]);
        assert_eq!(
            paths(&["folder"], Some("c"), dir),
            ["c/folder/sub/y", "c/folder/z"]
        );
        assert_eq!(
            paths(&["folder", "a"], Some("c/d/"), dir),
            ["c/d/folder/sub/y", "c/d/folder/z", "c/d/a"]
        );
    }

    #[test]
    fn links_inside_folders_are_named_and_left_out() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        std::fs::create_dir(dir.path().join("folder")).expect("made");
        std::fs::write(dir.path().join("folder/a"), "a").expect("written");
        std::os::unix::fs::symlink("a", dir.path().join("folder/link")).expect("linked");
        let found = Sources::find(&[dir.path().join("folder")], None, true).expect("found");
        assert_eq!(found.files.len(), 1);
        assert!(
            found.skipped[0].contains("folder/link: a symbolic link"),
            "{:?}",
            found.skipped
        );
    }
}
