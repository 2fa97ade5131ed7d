//! An emulator, and the client's side of it.

use std::path::PathBuf;
use std::time::Duration;

use cloudshell::{
    Api, ApiConfig, EnvironmentShell, EnvironmentStatus, RetryPolicy, ShellOptions, static_credentials,
};
use emulator::{
    Command, Control, Credential, Emulator, EmulatorConfig, EnvironmentState, LineFaults, RunningEmulator,
    Toward,
};
use tempfile::TempDir;
use testkit::Lottery;

pub(crate) const REGION: &str = "eu-west-1";

/// An emulator with one environment that runs.
pub(crate) struct World {
    emulator: RunningEmulator,
    dir: TempDir,
    environment_id: String,
}

impl World {
    pub(crate) async fn start() -> Self {
        Self::with(|_| ()).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut EmulatorConfig)) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let mut config = EmulatorConfig::fast(dir.path());
        change(&mut config);
        let emulator = Emulator::start(config).await.expect("it starts");
        let api = api_of(&emulator, &emulator.credentials()[0]);
        let environment_id = api
            .create_environment()
            .await
            .expect("it is created")
            .environment_id;
        let status = api.environment_status(&environment_id).await;
        assert!(
            status.as_ref().is_ok_and(EnvironmentStatus::is_running),
            "{status:?}"
        );
        Self {
            emulator,
            dir,
            environment_id,
        }
    }

    pub(crate) fn control(&self) -> Control {
        self.emulator.control()
    }

    pub(crate) fn apply(&self, command: Command) {
        self.control().apply(command);
    }

    pub(crate) fn credential(&self) -> Credential {
        self.emulator.credentials().remove(0)
    }

    pub(crate) fn environment_id(&self) -> &str {
        &self.environment_id
    }

    pub(crate) fn api(&self) -> Api {
        self.api_as(&self.credential())
    }

    pub(crate) fn api_as(&self, credential: &Credential) -> Api {
        api_of(&self.emulator, credential)
    }

    pub(crate) fn shell(&self) -> EnvironmentShell {
        EnvironmentShell::new(self.api(), &self.environment_id, ShellOptions::default())
    }

    /// A file below the environment's home directory.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        let home = format!("{}/{REGION}/home", self.credential().principal);
        self.dir.path().join(home).join(name)
    }

    pub(crate) fn environment(&self) -> EnvironmentState {
        self.control().state().environments.remove(0)
    }

    /// Both directions lose, repeat and reorder messages.
    pub(crate) fn spoil_line(&self, lottery: &mut Lottery) {
        for toward in [Toward::Client, Toward::Agent] {
            let faults = LineFaults {
                loss_permille: 2,
                ack_loss_permille: 5,
                duplication_permille: 20,
                reordering_permille: 20,
                delay_ms: 0,
                jitter_ms: 3,
                seed: lottery.bits(),
            };
            let region = REGION.to_owned();
            self.apply(Command::SetLine {
                region,
                toward,
                faults,
            });
        }
    }
}

fn api_of(emulator: &RunningEmulator, credential: &Credential) -> Api {
    let credentials = static_credentials(
        &credential.access_key_id,
        &credential.secret_access_key,
        credential.session_token.clone(),
    );
    let retry = RetryPolicy {
        delay_min: Duration::from_millis(1),
        total_max: Duration::from_millis(500),
        ..RetryPolicy::default()
    };
    Api::new(ApiConfig {
        endpoint: emulator.endpoint().parse().ok(),
        retry,
        ..ApiConfig::new(REGION, credentials)
    })
    .expect("it can be made")
}
