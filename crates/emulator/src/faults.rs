//! What goes wrong on purpose.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use crate::service::Creation;

/// An answer of the API that is not the truth.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApiFault {
    /// Such as `createSession`; all operations if it is left out.
    #[serde(default)]
    pub operation: Option<String>,
    /// All regions if it is left out.
    #[serde(default)]
    pub region: Option<String>,
    /// How many requests are concerned; all until the faults are cleared, if it is left out.
    #[serde(default)]
    pub times: Option<u32>,
    /// What happens to them.
    pub effect: ApiEffect,
}

/// What happens to a request instead of, or before, what was asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ApiEffect {
    /// It is refused with a JSON body of this code and message.
    Refuse {
        /// 400 to 599.
        status: u16,
        /// Such as `InternalServerException`.
        code: String,
        /// For people.
        message: String,
    },
    /// It is answered with exactly this.
    Answer {
        /// 200 to 599.
        status: u16,
        /// Need not be JSON.
        body: String,
    },
    /// It is answered with 429, `ThrottlingException`, and `Retry-After`.
    Throttle {
        /// What `Retry-After` says.
        retry_after_s: u32,
    },
    /// It is done, but later.
    Delay {
        /// At most a minute.
        delay_ms: u64,
    },
}

/// Which way a message of the data channel goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Toward {
    /// Output, and acknowledgements of input.
    Client,
    /// Input, and acknowledgements of output.
    Agent,
}

/// What a bad line does to the messages of a region's data channels in one direction. Chances are in thousandths.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LineFaults {
    /// Messages that vanish.
    pub loss_permille: u16,
    /// Acknowledgements that vanish, besides.
    pub ack_loss_permille: u16,
    /// Messages that come twice.
    pub duplication_permille: u16,
    /// Messages that come after later ones.
    pub reordering_permille: u16,
    /// How long every message takes, at least; at most a minute.
    pub delay_ms: u64,
    /// What is drawn on top of it; reordered messages get at least this and 20 ms more.
    pub jitter_ms: u64,
    /// Of the generator all chances are drawn from.
    pub seed: u64,
}

/// All faults there are.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    api: Vec<ApiFault>,
    lines: HashMap<(String, Toward), (LineFaults, SplitMix)>,
    /// Counts how often a region's sockets were dropped.
    severed: HashMap<String, watch::Sender<u64>>,
    sever_after: HashMap<String, u64>,
    creations_failing: HashMap<String, u32>,
    creations_taking: HashMap<String, Duration>,
    signed_upgrades_only: Vec<Option<String>>,
    no_uploads: Vec<Option<String>>,
}

impl Faults {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn add_api_fault(&self, fault: ApiFault) {
        let mut state = self.state();
        if state.api.len() < API_FAULTS_MAX {
            state.api.push(fault);
        }
    }

    /// What happens to a request: one effect of each kind of fault that concerns it. Uses them up.
    pub(crate) fn take_api_effects(&self, operation: &str, region: &str) -> Vec<ApiEffect> {
        let mut state = self.state();
        let mut effects = Vec::new();
        for fault in &mut state.api {
            if fault.concerns(operation, region) {
                fault.times = fault.times.map(|times| times.saturating_sub(1));
                effects.push(fault.effect.clone());
                if !matches!(fault.effect, ApiEffect::Delay { .. }) {
                    break;
                }
            }
        }
        state.api.retain(|fault| fault.times != Some(0));
        effects
    }

    /// Everything is well again. Sockets that were cut stay cut.
    pub(crate) fn clear(&self) {
        let mut state = self.state();
        let severed = std::mem::take(&mut state.severed);
        *state = State {
            severed,
            ..State::default()
        };
    }

    pub(crate) fn set_line(&self, region: &str, toward: Toward, faults: LineFaults) {
        let mut state = self.state();
        if state.lines.len() < REGIONS_MAX {
            state
                .lines
                .insert((region.to_owned(), toward), (faults, SplitMix(faults.seed)));
        }
    }

    /// Cuts all sockets of a region, or of all regions.
    pub(crate) fn sever(&self, region: Option<&str>) {
        let state = self.state();
        for (name, severed) in &state.severed {
            if region.is_none_or(|region| region == name) {
                severed.send_modify(|count| *count += 1);
            }
        }
    }

    pub(crate) fn sever_after(&self, region: &str, bytes: u64) {
        self.state().sever_after.insert(region.to_owned(), bytes);
    }

    /// The next creations in a region go wrong, or take this long.
    pub(crate) fn spoil_creations(&self, region: &str, failing: u32, taking: Option<Duration>) {
        let mut state = self.state();
        state.creations_failing.insert(region.to_owned(), failing);
        match taking {
            Some(taking) => state.creations_taking.insert(region.to_owned(), taking),
            None => state.creations_taking.remove(region),
        };
    }

    pub(crate) fn creation(&self, region: &str) -> Creation {
        let mut state = self.state();
        let failing = state
            .creations_failing
            .get_mut(region)
            .filter(|count| **count > 0);
        let fails = failing.map(|count| *count -= 1).is_some();
        Creation {
            takes: state.creations_taking.get(region).copied(),
            fails,
        }
    }

    pub(crate) fn set_signed_upgrades_only(&self, region: Option<String>, is_on: bool) {
        set(&mut self.state().signed_upgrades_only, region, is_on);
    }

    pub(crate) fn wants_signed_upgrades(&self, region: &str) -> bool {
        concerns(&self.state().signed_upgrades_only, region)
    }

    pub(crate) fn set_uploads_offered(&self, region: Option<String>, is_on: bool) {
        set(&mut self.state().no_uploads, region, !is_on);
    }

    pub(crate) fn offers_uploads(&self, region: &str) -> bool {
        !concerns(&self.state().no_uploads, region)
    }

    /// The line between a region's clients and agents.
    pub(crate) fn line(&self, region: &str) -> Line {
        let mut state = self.state();
        let severed = state.severed.entry(region.to_owned()).or_default().subscribe();
        Line {
            region: region.to_owned(),
            faults: Self {
                state: Arc::clone(&self.state),
            },
            severed,
            carried: Arc::default(),
        }
    }
}

impl ApiFault {
    fn concerns(&self, operation: &str, region: &str) -> bool {
        self.operation.as_deref().is_none_or(|name| name == operation)
            && self.region.as_deref().is_none_or(|name| name == region)
    }
}

fn set(list: &mut Vec<Option<String>>, region: Option<String>, is_on: bool) {
    match region {
        None => list.clear(),
        Some(_) => list.retain(|listed| *listed != region),
    }
    if is_on && list.len() < REGIONS_MAX {
        list.push(region);
    }
}

fn concerns(list: &[Option<String>], region: &str) -> bool {
    list.iter()
        .any(|listed| listed.as_deref().is_none_or(|listed| listed == region))
}

/// One socket's line.
#[derive(Debug)]
pub(crate) struct Line {
    region: String,
    faults: Faults,
    severed: watch::Receiver<u64>,
    carried: Arc<std::sync::atomic::AtomicU64>,
}

impl Line {
    /// Waits until the line is cut.
    pub(crate) async fn severed(&self) {
        let mut severed = self.severed.clone();
        if severed.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Puts a message into the queue, never, once or twice.
    pub(crate) fn pass(&self, toward: Toward, bytes: Bytes, queue: &mut Delayed) {
        let mut state = self.faults.state();
        self.count(&mut state, bytes.len());
        let Some((faults, random)) = state.lines.get_mut(&(self.region.clone(), toward)) else {
            return queue.push(Instant::now(), bytes);
        };
        let is_ack = bytes.get(4..15) == Some(b"acknowledge");
        if random.happens(faults.loss_permille) || (is_ack && random.happens(faults.ack_loss_permille)) {
            return;
        }
        let copies = 1 + u32::from(random.happens(faults.duplication_permille));
        for _ in 0..copies {
            let delay = faults.draw_delay(random);
            queue.push(Instant::now() + delay, bytes.clone());
        }
    }

    /// Cuts the region's sockets when this one has carried as much as it may.
    fn count(&self, state: &mut State, len: usize) {
        use std::sync::atomic::Ordering::Relaxed;
        let carried = self.carried.fetch_add(len as u64, Relaxed) + len as u64;
        if state
            .sever_after
            .get(&self.region)
            .is_some_and(|limit| carried > *limit)
        {
            state.sever_after.remove(&self.region);
            state.sever(&self.region);
        }
    }
}

impl State {
    fn sever(&mut self, region: &str) {
        if let Some(severed) = self.severed.get(region) {
            severed.send_modify(|count| *count += 1);
        }
    }
}

impl LineFaults {
    fn draw_delay(&self, random: &mut SplitMix) -> Duration {
        let jitter = random.below(self.jitter_ms.min(DELAY_MS_MAX) + 1);
        let is_reordered = random.happens(self.reordering_permille);
        let late = if is_reordered {
            self.jitter_ms.min(DELAY_MS_MAX) + REORDERING_MS
        } else {
            0
        };
        Duration::from_millis(self.delay_ms.min(DELAY_MS_MAX) + jitter + late)
    }
}

/// Messages on their way.
#[derive(Debug, Default)]
pub(crate) struct Delayed {
    queue: BinaryHeap<Reverse<(Instant, u64, Bytes)>>,
    count: u64,
}

impl Delayed {
    fn push(&mut self, due: Instant, bytes: Bytes) {
        self.count += 1;
        self.queue.push(Reverse((due, self.count, bytes)));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Whether the line can hold no more.
    pub(crate) fn is_full(&self) -> bool {
        self.queue.len() >= DELAYED_MAX
    }

    /// Waits for the next message to arrive; for ever if there is none. Safe to cancel.
    pub(crate) async fn next(&mut self) -> Bytes {
        let Some(Reverse((due, _, _))) = self.queue.peek() else {
            return std::future::pending().await;
        };
        if *due > Instant::now() {
            sleep_until(*due).await;
        }
        self.queue
            .pop()
            .map(|Reverse((_, _, bytes))| bytes)
            .unwrap_or_default()
    }
}

/// SplitMix64 (Steele et al. 2014).
#[derive(Clone, Debug, Default)]
pub(crate) struct SplitMix(u64);

impl SplitMix {
    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.bits() % bound
    }

    fn happens(&mut self, permille: u16) -> bool {
        permille > 0 && self.below(1000) < u64::from(permille)
    }
}

const DELAY_MS_MAX: u64 = 60_000;
/// More would only be a mistake.
const API_FAULTS_MAX: usize = 1000;
const REGIONS_MAX: usize = 1000;
const REORDERING_MS: u64 = 20;
/// With messages of at most 64 KiB, a line holds 16 MiB at the very most.
const DELAYED_MAX: usize = 256;
