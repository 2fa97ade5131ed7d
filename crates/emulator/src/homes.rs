//! Home directories.

use std::io;
use std::path::{Path, PathBuf};

use uuid::Uuid;

use crate::service::{Caller, Home};
use crate::sigv4::is_region;

/// The directory under which all homes are.
#[derive(Clone, Debug)]
pub(crate) struct Homes {
    root: PathBuf,
}

/// Where one home is, and what belongs to it.
#[derive(Clone, Debug)]
pub(crate) struct HomePath {
    base: PathBuf,
}

impl HomePath {
    /// The home itself.
    pub(crate) fn directory(&self) -> PathBuf {
        self.base.join("home")
    }

    /// What a shell reads first. It is not in the home: the home belongs to its user.
    pub(crate) fn startup_file(&self) -> PathBuf {
        self.base.join("startup.bash")
    }

    fn id_file(&self) -> PathBuf {
        self.base.join("environment")
    }
}

impl Homes {
    pub(crate) fn new(root: PathBuf) -> Self {
        Self { root }
    }

    pub(crate) fn path(&self, home: &Home) -> HomePath {
        let region = self.root.join(&home.principal).join(&home.region);
        let base = match home.vpc_environment {
            None => region,
            Some(id) => region.join("vpc").join(id.as_hyphenated().to_string()),
        };
        HomePath { base }
    }

    /// Makes the home unless it is there, and what its shells read.
    pub(crate) fn make(&self, home: &Home) -> io::Result<()> {
        let path = self.path(home);
        std::fs::create_dir_all(path.directory())?;
        std::fs::write(path.startup_file(), startup(&path.base))
    }

    /// Notes whose home it is, for a later run.
    pub(crate) fn note_id(&self, home: &Home, id: Uuid) -> io::Result<()> {
        let path = self.path(home);
        std::fs::create_dir_all(&path.base)?;
        std::fs::write(path.id_file(), id.as_hyphenated().to_string())
    }

    /// Removes the home with all that belongs to it. What is in it is first put out of the way, at once.
    pub(crate) fn remove(&self, home: &Home) -> io::Result<()> {
        let path = self.path(home);
        let _ = std::fs::remove_file(path.id_file());
        let grave = path.base.join(format!("removed-{}", Uuid::new_v4().simple()));
        match std::fs::rename(path.directory(), &grave) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            moved => moved?,
        }
        std::thread::spawn(move || {
            if let Err(error) = std::fs::remove_dir_all(&grave) {
                tracing::warn!(path = %grave.display(), %error, "an old home was not removed");
            }
        });
        Ok(())
    }

    /// Finds the default environments that an earlier run left asleep.
    pub(crate) fn left_by(&self, account: &str, principal: &str) -> Vec<(Uuid, Caller)> {
        let Ok(regions) = std::fs::read_dir(self.root.join(principal)) else {
            return Vec::new();
        };
        let names = regions.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let restored = names.filter(|name| is_region(name)).filter_map(|region| {
            let home = Home {
                principal: principal.to_owned(),
                region: region.clone(),
                vpc_environment: None,
            };
            let path = self.path(&home);
            let id = std::fs::read_to_string(path.id_file()).ok()?.parse().ok()?;
            let owner = Caller {
                account: account.to_owned(),
                principal: principal.to_owned(),
                region,
            };
            path.directory().is_dir().then_some((id, owner))
        });
        restored.collect()
    }
}

/// Sets the prompt, then reads the user's own file as an interactive shell does.
fn startup(base: &Path) -> String {
    use std::hash::{Hash as _, Hasher as _};
    let mut hasher = std::hash::DefaultHasher::new();
    base.hash(&mut hasher);
    let [a, b, c, ..] = hasher.finish().to_be_bytes();
    format!(
        "PS1='[cloudshell-user@ip-10-{a}-{b}-{c} \\W]$ '\nunset PROMPT_COMMAND\n[ -f ~/.bashrc ] && . ~/.bashrc\n:\n"
    )
}
