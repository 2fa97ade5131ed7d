//! Nodes in AWS CloudShell: one for each region.

mod ledger;
mod region;
mod regions;

use std::sync::Arc;
use std::time::Duration;

use ::cloudshell::{Api, ApiConfig};
use aws_credential_types::provider::SharedCredentialsProvider;
use engine::Node;
use model::NodeId;
use node::{Environment, KeepAwake};
use url::{Host, Url};

use super::DaemonError;
pub(crate) use ledger::Ledger;
use region::Region;
pub(crate) use regions::REGIONS;

/// What all regions share.
#[derive(Clone, Debug)]
pub(crate) struct CloudShell {
    pub(crate) credentials: SharedCredentialsProvider,
    /// In place of AWS: an emulator.
    pub(crate) endpoint: Option<Url>,
    pub(crate) keep_awake: KeepAwake,
    pub(crate) ledger: Arc<Ledger>,
}

impl CloudShell {
    /// The environment of a region; the node is named after it.
    pub(crate) fn environment(&self, node: Arc<Node>) -> Result<Arc<dyn Environment>, DaemonError> {
        let region = node.id().to_string();
        let config = ApiConfig {
            endpoint: self.endpoint.clone(),
            ..ApiConfig::new(region, self.credentials.clone())
        };
        let api = Api::new(config).map_err(|error| DaemonError::Setting {
            setting: "region",
            reason: error.to_string(),
        })?;
        Ok(Arc::new(Region::new(api, node, Arc::clone(&self.ledger))))
    }

    /// Whether its environments are on other machines than this one.
    pub(crate) fn is_elsewhere(&self) -> bool {
        let is_loopback = |url: &Url| match url.host() {
            Some(Host::Ipv4(ip)) => ip.is_loopback(),
            Some(Host::Ipv6(ip)) => ip.is_loopback(),
            Some(Host::Domain(name)) => name == "localhost",
            None => false,
        };
        !self.endpoint.as_ref().is_some_and(is_loopback)
    }

    /// Whether the name is a region that this program knows, or anything that looks like one if it asks an emulator.
    pub(crate) fn check_region(&self, id: &NodeId) -> Result<(), DaemonError> {
        if self.endpoint.is_some() || REGIONS.iter().any(|region| region.name == id.as_str()) {
            return Ok(());
        }
        let known: Vec<_> = REGIONS.iter().map(|region| region.name).collect();
        Err(DaemonError::Setting {
            setting: "region",
            reason: format!("CloudShell has no region {id}; it has {}", known.join(", ")),
        })
    }
}

/// The provider of nodes in CloudShell.
pub(crate) const CLOUDSHELL: &str = "cloudshell";

/// Its home has 1 GB, of which the agent and the file system take some.
pub(crate) const REGION_CAPACITY_BYTES: u64 = 900 << 20;

/// Hours a month and region, over all principals of the account.
const AWAKE_MAX: Duration = Duration::from_secs(200 * 3600);

/// A home that was not used for so long is removed.
const RETENTION: Duration = Duration::from_secs(120 * 24 * 3600);
