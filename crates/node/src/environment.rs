//! What stands behind a node.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use shell::Shell;

/// The machine behind a node, which may sleep: a CloudShell environment, or one that is always there.
///
/// Calls end within a minute, whatever the other side does, and may be given up at any moment.
#[async_trait]
pub trait Environment: Debug + Send + Sync {
    /// What state it is in.
    async fn look(&self) -> Result<EnvironmentState, EnvironmentError>;

    /// Begins to make it, with an empty home.
    async fn create(&self) -> Result<(), EnvironmentError>;

    /// Begins to wake it.
    async fn wake(&self) -> Result<(), EnvironmentError>;

    /// Begins to put it to sleep; its processes end, its home stays.
    async fn sleep(&self) -> Result<(), EnvironmentError>;

    /// Says that it is in use.
    async fn heartbeat(&self) -> Result<(), EnvironmentError>;

    /// Gives back what it holds of the service, as far as that takes no longer than a few seconds.
    async fn close(&self) {}

    /// A shell in it; of use only while it runs.
    async fn shell(&self) -> Result<Arc<dyn Shell>, EnvironmentError>;
}

/// What an environment is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EnvironmentState {
    /// There is none yet, or none any more.
    Absent,
    /// It is being made.
    Creating,
    /// It could not be made.
    Failed,
    /// Shells can be opened.
    Running,
    /// It is going to sleep.
    FallingAsleep,
    /// It sleeps; its home is kept.
    Asleep,
    /// It is waking.
    Waking,
    /// It is being removed.
    Leaving,
}

/// Why an environment did not do what was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct EnvironmentError {
    /// For a person: what happened and what to do.
    pub reason: String,
    /// When asking again may help.
    pub again: Again,
}

/// When asking again may help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Again {
    /// Soon: it may pass by itself.
    Soon,
    /// After so long, or after somebody changed something.
    After(Duration),
}

/// A machine that is always there.
#[derive(Clone, Debug)]
pub struct AlwaysOn {
    shell: Arc<dyn Shell>,
}

impl AlwaysOn {
    /// The machine that this shell leads to.
    pub fn new(shell: Arc<dyn Shell>) -> Self {
        Self { shell }
    }
}

#[async_trait]
impl Environment for AlwaysOn {
    async fn look(&self) -> Result<EnvironmentState, EnvironmentError> {
        Ok(EnvironmentState::Running)
    }

    async fn create(&self) -> Result<(), EnvironmentError> {
        Ok(())
    }

    async fn wake(&self) -> Result<(), EnvironmentError> {
        Ok(())
    }

    async fn sleep(&self) -> Result<(), EnvironmentError> {
        Ok(())
    }

    async fn heartbeat(&self) -> Result<(), EnvironmentError> {
        Ok(())
    }

    async fn shell(&self) -> Result<Arc<dyn Shell>, EnvironmentError> {
        Ok(Arc::clone(&self.shell))
    }
}
