//! The environment of one region.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ::cloudshell::{Api, ApiError, EnvironmentShell, ErrorKind, ShellOptions};
use async_trait::async_trait;
use engine::Node;
use node::{Again, Environment, EnvironmentError, EnvironmentState};
use shell::Shell;

use super::Ledger;
use crate::daemon::now_unix_ms;

/// The default environment of the caller in a region, and its shell.
#[derive(Debug)]
pub(super) struct Region {
    api: Api,
    node: Arc<Node>,
    ledger: Arc<Ledger>,
    /// The environment as last found, and its shell: sessions are used again.
    found: Mutex<Option<Found>>,
}

#[derive(Clone, Debug)]
struct Found {
    id: String,
    shell: Arc<EnvironmentShell>,
}

impl Region {
    pub(super) fn new(api: Api, node: Arc<Node>, ledger: Arc<Ledger>) -> Self {
        Self {
            api,
            node,
            ledger,
            found: Mutex::new(None),
        }
    }

    /// Remembers an environment; another one has other sessions.
    fn remember(&self, id: &str) {
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        if found.as_ref().is_none_or(|found| found.id != id) {
            *found = Some(Found {
                id: id.to_owned(),
                shell: Arc::new(EnvironmentShell::new(
                    self.api.clone(),
                    id,
                    ShellOptions::default(),
                )),
            });
        }
    }

    fn forget(&self) {
        *self.found.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn found(&self) -> Option<Found> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn id(&self) -> Result<String, EnvironmentError> {
        self.found()
            .map(|found| found.id)
            .ok_or_else(|| EnvironmentError {
                reason: "the region has no environment".to_owned(),
                again: Again::Soon,
            })
    }

    /// Asks the environment that is known, else looks for one.
    async fn state(&self) -> Result<EnvironmentState, ApiError> {
        if let Some(Found { id, .. }) = self.found() {
            match self.api.environment_status(&id).await {
                Ok(status) => return Ok(state_of(&status.status)),
                Err(error) if error.kind() == ErrorKind::Gone => self.forget(),
                Err(error) => return Err(error),
            }
        }
        self.search().await
    }

    /// A removed environment may stay in the list for a while; each is asked.
    async fn search(&self) -> Result<EnvironmentState, ApiError> {
        let environments = self.api.describe_environments().await?;
        for environment in environments.iter().filter(|environment| environment.is_default()) {
            let id = &environment.environment_id;
            match self.api.environment_status(id).await {
                Ok(status) => {
                    let state = state_of(&status.status);
                    if state != EnvironmentState::Absent {
                        self.remember(id);
                        return Ok(state);
                    }
                }
                Err(error) if error.kind() == ErrorKind::Gone => {}
                Err(error) => return Err(error),
            }
        }
        Ok(EnvironmentState::Absent)
    }

    /// Writes the hours down, and shows them.
    async fn account(&self, is_awake: bool) {
        let (ledger, region) = (Arc::clone(&self.ledger), self.api.region().to_owned());
        let observe = move || ledger.observe(&region, is_awake, now_unix_ms());
        if let Ok(allowance) = tokio::task::spawn_blocking(observe).await {
            self.node.set_allowance(allowance);
        }
    }
}

#[async_trait]
impl Environment for Region {
    async fn look(&self) -> Result<EnvironmentState, EnvironmentError> {
        let state = self.state().await.map_err(explain)?;
        self.account(is_awake(state)).await;
        Ok(state)
    }

    async fn create(&self) -> Result<(), EnvironmentError> {
        let environment = self.api.create_environment().await.map_err(explain)?;
        self.remember(&environment.environment_id);
        Ok(())
    }

    async fn wake(&self) -> Result<(), EnvironmentError> {
        self.api.start_environment(&self.id()?).await.map_err(explain)
    }

    async fn sleep(&self) -> Result<(), EnvironmentError> {
        self.api.stop_environment(&self.id()?).await.map_err(explain)?;
        self.account(false).await;
        Ok(())
    }

    async fn heartbeat(&self) -> Result<(), EnvironmentError> {
        self.api.send_heartbeat(&self.id()?).await.map_err(explain)?;
        self.account(true).await;
        Ok(())
    }

    async fn close(&self) {
        if let Some(found) = self.found() {
            found.shell.close().await;
        }
    }

    async fn shell(&self) -> Result<Arc<dyn Shell>, EnvironmentError> {
        let id = self.id()?;
        let found = self.found().filter(|found| found.id == id);
        found
            .map(|found| found.shell as Arc<dyn Shell>)
            .ok_or_else(|| EnvironmentError {
                reason: "the environment has changed".to_owned(),
                again: Again::Soon,
            })
    }
}

/// The service's words; one that is new is taken for a state that passes.
fn state_of(status: &str) -> EnvironmentState {
    match status {
        "RUNNING" => EnvironmentState::Running,
        "SUSPENDED" => EnvironmentState::Asleep,
        "SUSPENDING" => EnvironmentState::FallingAsleep,
        "RESUMING" => EnvironmentState::Waking,
        "CREATION_FAILED" => EnvironmentState::Failed,
        "DELETING" => EnvironmentState::Leaving,
        "DELETED" => EnvironmentState::Absent,
        _ => EnvironmentState::Creating,
    }
}

fn is_awake(state: EnvironmentState) -> bool {
    matches!(state, EnvironmentState::Running | EnvironmentState::FallingAsleep)
}

fn explain(error: ApiError) -> EnvironmentError {
    let again = match error.kind() {
        ErrorKind::NotAllowed => Again::After(Duration::from_secs(5 * 60)),
        ErrorKind::Quota => Again::After(Duration::from_secs(3600)),
        ErrorKind::Credentials | ErrorKind::ClockSkew => Again::After(Duration::from_secs(60)),
        _ => Again::Soon,
    };
    EnvironmentError {
        reason: error.to_string(),
        again,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_that_is_new_is_waited_for() {
        assert_eq!(state_of("RUNNING"), EnvironmentState::Running);
        assert_eq!(state_of("MIGRATING"), EnvironmentState::Creating);
    }
}
