//! The emulator's levers: time, faults, and a look inside.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::calendar::unix_ms;
use crate::faults::{ApiFault, LineFaults, Toward};
use crate::processes;
use crate::service::Status;
use crate::shared::Shared;

/// Pulls the levers of a running emulator. Cheap to clone; the same as `POST /_emulator/command`.
#[derive(Clone, Debug)]
pub struct Control {
    pub(crate) shared: Arc<Shared>,
}

/// One pull of a lever, as JSON: `{"command": "suspend", "region": "eu-west-1"}`.
///
/// A region that is left out means all regions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum Command {
    /// Lets requests of the API go wrong.
    FailApi(ApiFault),
    /// Takes back all faults. What was cut, wiped or suspended stays so.
    ClearFaults,
    /// The next `failing` environments of a region come to nothing; creations take `taking_ms`.
    SpoilCreations {
        /// Where.
        region: String,
        /// How many fail.
        #[serde(default)]
        failing: u32,
        /// Instead of the configured delay.
        #[serde(default)]
        taking_ms: Option<u64>,
    },
    /// The tokens of an access key are expired.
    ExpireToken {
        /// Of the credential.
        access_key_id: String,
    },
    /// Drops all data channels, without a word.
    DropSockets {
        /// Where.
        #[serde(default)]
        region: Option<String>,
    },
    /// Drops a region's data channels, once, when one of them has carried more than this since it was opened.
    DropSocketsAfter {
        /// Where.
        region: String,
        /// Both directions together.
        bytes: u64,
    },
    /// Makes the data channels of a region bad in one direction; the faults that were there are replaced.
    SetLine {
        /// Where.
        region: String,
        /// Which way.
        toward: Toward,
        /// How bad.
        faults: LineFaults,
    },
    /// Sends `pause_publication` and `start_publication` that often, at most 100 times.
    PauseBurst {
        /// Where.
        #[serde(default)]
        region: Option<String>,
        /// How often.
        count: u32,
    },
    /// Suspends running environments now.
    Suspend {
        /// Where.
        #[serde(default)]
        region: Option<String>,
    },
    /// Empties homes.
    WipeHomes {
        /// Where.
        #[serde(default)]
        region: Option<String>,
    },
    /// Kills whatever runs in the environments; they stay awake, and their sessions end with their shells.
    KillProcesses {
        /// Where.
        #[serde(default)]
        region: Option<String>,
    },
    /// Uses up the month's hours.
    ExhaustHours {
        /// Where.
        #[serde(default)]
        region: Option<String>,
    },
    /// Answers unsigned upgrades of data channels with 401, or no longer.
    RequireSignedUpgrades {
        /// Where.
        #[serde(default)]
        region: Option<String>,
        /// Whether from now on, or no longer.
        is_on: bool,
    },
    /// Whether `getFileUploadUrls` is permitted.
    OfferUploads {
        /// Where.
        #[serde(default)]
        region: Option<String>,
        /// It is, at first.
        is_on: bool,
    },
    /// Puts the clock of environments, tokens and presigned addresses forward. Signatures keep the machine's time.
    AdvanceClock {
        /// By how much.
        seconds: u64,
    },
}

impl Control {
    /// Pulls a lever; everything it brings about at once has happened on return.
    ///
    /// May take some milliseconds, in which processes are ended.
    pub fn apply(&self, command: Command) {
        let Self { shared } = self;
        let faults = &shared.faults;
        match command {
            Command::FailApi(fault) => faults.add_api_fault(fault),
            Command::ClearFaults => faults.clear(),
            Command::SpoilCreations {
                region,
                failing,
                taking_ms,
            } => {
                faults.spoil_creations(
                    &region,
                    failing,
                    taking_ms.map(|ms| Duration::from_millis(ms).min(TAKING_MAX)),
                );
            }
            Command::ExpireToken { access_key_id } => shared.expire(&access_key_id),
            Command::DropSockets { region } => faults.sever(region.as_deref()),
            Command::DropSocketsAfter { region, bytes } => faults.sever_after(&region, bytes),
            Command::SetLine {
                region,
                toward,
                faults: line,
            } => faults.set_line(&region, toward, line),
            Command::PauseBurst { region, count } => {
                for session in shared.sessions_in(region.as_deref()) {
                    session.pause_burst(count);
                }
            }
            Command::Suspend { region } => {
                shared.with_service(|service, now| service.suspend_region(region.as_deref(), now));
            }
            Command::WipeHomes { region } => {
                shared.with_service(|service, _| service.wipe_homes(region.as_deref()));
            }
            Command::KillProcesses { region } => {
                shared.with_service(|service, _| service.kill_processes(region.as_deref()));
            }
            Command::ExhaustHours { region } => {
                shared.with_service(|service, now| service.exhaust_hours(region.as_deref(), now));
            }
            Command::RequireSignedUpgrades { region, is_on } => {
                faults.set_signed_upgrades_only(region, is_on)
            }
            Command::OfferUploads { region, is_on } => faults.set_uploads_offered(region, is_on),
            Command::AdvanceClock { seconds } => shared.advance_clock(Duration::from_secs(seconds)),
        }
    }

    /// Looks at everything there is.
    pub fn state(&self) -> EmulatorState {
        let shared = &self.shared;
        let mut state = shared.with_service(|service, now| EmulatorState {
            now_ms: unix_ms(now),
            environments: service
                .environments()
                .iter()
                .map(|owned| EnvironmentState {
                    id: owned.id.as_hyphenated().to_string(),
                    principal: owned.owner.principal.clone(),
                    region: owned.owner.region.clone(),
                    name: owned.vpc.as_ref().map(|vpc| vpc.name.clone()),
                    status: owned.environment.status(),
                    sessions: service
                        .sessions()
                        .iter()
                        .filter(|(_, session)| session.environment == owned.id)
                        .map(|(id, _)| id.clone())
                        .collect(),
                    heartbeats: owned.heartbeats,
                    inputs: owned.inputs,
                    processes: 0,
                })
                .collect(),
            hours: service
                .hours()
                .map(|((account, region), used)| HoursState {
                    account: account.clone(),
                    region: region.clone(),
                    used_seconds: used.as_secs(),
                })
                .collect(),
            refused_frames: shared.counters.refused_frames(),
        });
        for environment in &mut state.environments {
            environment.processes = environment.id.parse().map(processes::count).unwrap_or_default();
        }
        state
    }
}

/// All of an emulator at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EmulatorState {
    /// The emulator's clock, in milliseconds since 1970.
    pub now_ms: u64,
    /// Also deleted ones, while they are listed.
    pub environments: Vec<EnvironmentState>,
    /// Of each account and region with an environment.
    pub hours: Vec<HoursState>,
    /// Messages that were none, or whose digest was wrong where that counts.
    pub refused_frames: u64,
}

/// One environment at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnvironmentState {
    /// A UUID.
    pub id: String,
    /// Whose it is.
    pub principal: String,
    /// Where it is.
    pub region: String,
    /// Of a VPC environment.
    pub name: Option<String>,
    /// What it does.
    pub status: Status,
    /// Sessions that count, connected or not.
    pub sessions: Vec<String>,
    /// `sendHeartBeat` that arrived while it ran.
    pub heartbeats: u64,
    /// Messages of input.
    pub inputs: u64,
    /// Processes that were started in it and live, where `/proc` shows them.
    pub processes: usize,
}

/// Hours used this month.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoursState {
    /// Twelve digits.
    pub account: String,
    /// Where.
    pub region: String,
    /// Running time of all its environments.
    pub used_seconds: u64,
}

/// A creation that takes longer than a day is never seen to end.
const TAKING_MAX: Duration = Duration::from_secs(24 * 3600);
