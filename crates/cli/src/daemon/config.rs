//! What `serve` is told: file, then environment, then flags.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::Args;
use model::{ByteCount, Geometry, NodeId};
use node::KeepAwake;
use serde::Deserialize;
use url::Url;

use super::DaemonError;
use super::cloudshell::REGIONS;
use super::store_dir::{StoreDir, read_limited};

/// What `serve` is told on the command line and by the environment.
#[derive(Args, Clone, Debug)]
pub(crate) struct ServeArguments {
    /// Where the store's files are [default: the platform's data directory]
    #[arg(long, env = "CLOUDSHELL_STORE_DIR", value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
    /// Settings [default: config.toml in the store's directory]
    #[arg(long, env = "CLOUDSHELL_STORE_CONFIG", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Address of the API [default: 127.0.0.1:8080]
    #[arg(long, env = "CLOUDSHELL_STORE_ADDR", value_name = "ADDR")]
    pub(crate) addr: Option<SocketAddr>,
    /// Nodes of a new store: local:N starts N agents on this machine [default: local:9, or none with --regions]
    #[arg(long, env = "CLOUDSHELL_STORE_NODES", value_name = "NODES")]
    pub(crate) nodes: Option<String>,
    /// CloudShell regions to use, separated by commas, or 'all' that every account has
    #[arg(long, env = "CLOUDSHELL_STORE_REGIONS", value_name = "REGIONS")]
    pub(crate) regions: Option<String>,
    /// When regions are awake: 'on-demand' by traffic and a quarter of an hour longer, or 'always' [default: on-demand]
    #[arg(long, env = "CLOUDSHELL_STORE_KEEP_AWAKE", value_name = "WHEN")]
    pub(crate) keep_awake: Option<String>,
    /// The AWS profile whose credentials are used [default: as the AWS tools choose]
    #[arg(long, env = "CLOUDSHELL_STORE_PROFILE", value_name = "NAME")]
    pub(crate) profile: Option<String>,
    /// Where CloudShell's API is, in place of AWS: an emulator [default: AWS_ENDPOINT_URL, or AWS]
    #[arg(long, env = "AWS_ENDPOINT_URL_CLOUDSHELL", value_name = "URL")]
    pub(crate) endpoint_url: Option<Url>,
    /// The most that each new node may keep [default: 1GiB, in a region 900MiB]
    #[arg(long, env = "CLOUDSHELL_STORE_CAPACITY", value_name = "SIZE")]
    pub(crate) capacity: Option<String>,
    /// The passphrase; others can see it in the process list, so better set CLOUDSHELL_STORE_KEY
    #[arg(long, value_name = "PASSPHRASE", conflicts_with = "key_file")]
    pub(crate) key: Option<String>,
    /// A file with the passphrase, or the key file of a store without one
    #[arg(long, env = "CLOUDSHELL_STORE_KEY_FILE", value_name = "FILE")]
    pub(crate) key_file: Option<PathBuf>,
    /// A file with the token that clients must send; needed beyond loopback
    #[arg(long, env = "CLOUDSHELL_STORE_TOKEN_FILE", value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    /// The agent program [default: cloudshell-store-agent beside this program]
    #[arg(long, env = "CLOUDSHELL_STORE_AGENT", value_name = "FILE")]
    pub(crate) agent: Option<PathBuf>,
}

impl ServeArguments {
    /// What nobody typed, but for the directory and the address.
    pub(crate) fn new(dir: PathBuf, addr: SocketAddr) -> Self {
        Self {
            dir: Some(dir),
            config: None,
            addr: Some(addr),
            nodes: None,
            regions: None,
            keep_awake: None,
            profile: None,
            endpoint_url: None,
            capacity: None,
            key: None,
            key_file: None,
            token_file: None,
            agent: None,
        }
    }
}

/// The configuration file; every key is optional.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct ConfigFile {
    addr: Option<SocketAddr>,
    token_file: Option<PathBuf>,
    nodes: Option<String>,
    regions: Option<String>,
    keep_awake: Option<String>,
    profile: Option<String>,
    endpoint_url: Option<Url>,
    capacity: Option<String>,
    key_file: Option<PathBuf>,
    agent: Option<PathBuf>,
    link_addr: Option<SocketAddr>,
    geometry: Option<String>,
    spare_shards_min: Option<usize>,
}

/// What it all means.
#[derive(Clone, Debug)]
pub(crate) struct ServeConfig {
    pub(crate) addr: SocketAddr,
    pub(crate) token_file: Option<PathBuf>,
    /// `None` if nobody said: nine for a store that has no nodes and gets no regions.
    pub(crate) local_nodes: Option<usize>,
    pub(crate) regions: Vec<NodeId>,
    pub(crate) keep_awake: KeepAwake,
    pub(crate) profile: Option<String>,
    pub(crate) endpoint_url: Option<Url>,
    pub(crate) capacity: Option<ByteCount>,
    pub(crate) key_file: Option<PathBuf>,
    pub(crate) agent: Option<PathBuf>,
    /// `None` if nobody said: loopback, unless a node is elsewhere.
    pub(crate) link_addr: Option<SocketAddr>,
    pub(crate) geometry: Geometry,
    pub(crate) spare_shards_min: usize,
}

impl ServeConfig {
    /// Puts the layers together.
    pub(crate) fn resolve(arguments: &ServeArguments, dir: &StoreDir) -> Result<Self, DaemonError> {
        let file = read_config(arguments.config.as_deref(), &dir.config())?;
        let typed = arguments.clone();
        let regions = typed.regions.or(file.regions);
        let regions = regions.map_or(Ok(Vec::new()), |text| parse_regions(&text))?;
        let nodes = typed.nodes.or(file.nodes);
        let capacity = typed.capacity.or(file.capacity);
        let keep_awake = typed.keep_awake.or(file.keep_awake);
        let endpoint_url = typed.endpoint_url.or(file.endpoint_url).or_else(aws_endpoint_url);
        Ok(Self {
            addr: typed
                .addr
                .or(file.addr)
                .unwrap_or(SocketAddr::from(([127, 0, 0, 1], 8080))),
            token_file: typed.token_file.or(file.token_file),
            local_nodes: nodes.map(|text| parse_nodes(&text)).transpose()?,
            keep_awake: keep_awake.map_or(Ok(KeepAwake::ON_DEMAND), |text| parse_keep_awake(&text))?,
            profile: typed.profile.or(file.profile),
            endpoint_url,
            regions,
            capacity: capacity.map(|text| parse_capacity(&text)).transpose()?,
            key_file: typed.key_file.or(file.key_file),
            agent: typed.agent.or(file.agent),
            link_addr: file.link_addr,
            geometry: file
                .geometry
                .map_or(Ok(Geometry::default()), |text| parse_geometry(&text))?,
            spare_shards_min: file.spare_shards_min.unwrap_or(1),
        })
    }
}

fn read_config(named: Option<&Path>, default: &Path) -> Result<ConfigFile, DaemonError> {
    let path = named.unwrap_or(default);
    if named.is_none() && !path.exists() {
        return Ok(ConfigFile::default());
    }
    let bytes = read_limited(path, CONFIG_LEN_MAX).map_err(DaemonError::io(path))?;
    let text = String::from_utf8_lossy(&bytes);
    toml::from_str(&text).map_err(|source| DaemonError::Config {
        path: path.to_owned(),
        source: Box::new(source),
    })
}

fn parse_nodes(text: &str) -> Result<usize, DaemonError> {
    let count = text.strip_prefix("local:").and_then(|count| count.parse().ok());
    match count {
        Some(count) if count <= LOCAL_NODES_MAX => Ok(count),
        _ => Err(setting(
            "nodes",
            &format!("{text:?} is not local:N with N up to {LOCAL_NODES_MAX}"),
        )),
    }
}

fn parse_regions(text: &str) -> Result<Vec<NodeId>, DaemonError> {
    if text == "all" {
        let own = REGIONS.iter().filter(|region| !region.is_opt_in);
        return Ok(own
            .map(|region| region.name.parse().expect("a plain name"))
            .collect());
    }
    let names = text.split(',').map(str::trim).filter(|name| !name.is_empty());
    names
        .map(|name| name.parse().map_err(|error| setting("regions", &error)))
        .collect()
}

fn parse_keep_awake(text: &str) -> Result<KeepAwake, DaemonError> {
    match text {
        "on-demand" => Ok(KeepAwake::ON_DEMAND),
        "always" => Ok(KeepAwake::Always),
        _ => Err(setting(
            "keep_awake",
            &format!("{text:?} is neither on-demand nor always"),
        )),
    }
}

/// What the AWS tools read as well.
fn aws_endpoint_url() -> Option<Url> {
    std::env::var("AWS_ENDPOINT_URL").ok()?.parse().ok()
}

fn parse_capacity(text: &str) -> Result<ByteCount, DaemonError> {
    text.parse()
        .map_err(|error| setting("capacity", &error))
        .and_then(useful_capacity)
}

fn parse_geometry(text: &str) -> Result<Geometry, DaemonError> {
    let parts = text
        .split_once('+')
        .and_then(|(k, m)| Some((k.trim().parse().ok()?, m.trim().parse().ok()?)));
    let (data, parity) = parts.ok_or_else(|| setting("geometry", &format!("{text:?} is not like 6+3")))?;
    Geometry::new(data, parity).map_err(|error| setting("geometry", &error))
}

/// A capacity that a node can do something with.
pub(super) fn useful_capacity(capacity: ByteCount) -> Result<ByteCount, DaemonError> {
    if capacity < CAPACITY_MIN {
        let reason = format!("{capacity} is too little for a node; give it at least {CAPACITY_MIN}");
        return Err(setting("capacity", &reason));
    }
    Ok(capacity)
}

fn setting(setting: &'static str, reason: &dyn std::fmt::Display) -> DaemonError {
    DaemonError::Setting {
        setting,
        reason: reason.to_string(),
    }
}

/// Written into a new store's directory; shows every key.
pub(crate) const DEFAULT_CONFIG: &str = include_str!("default.toml");

/// Less than an empty store and a handful of shards take on the medium.
const CAPACITY_MIN: ByteCount = ByteCount(16 << 20);

/// More agents than that on one machine rehearse nothing.
const LOCAL_NODES_MAX: usize = 64;
const CONFIG_LEN_MAX: u64 = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    /// The defaults that the file shows, as if they were not commented out.
    fn shown_defaults() -> String {
        let is_setting = |line: &&str| line.starts_with("# ") && line.contains(" = ");
        DEFAULT_CONFIG
            .lines()
            .filter(is_setting)
            .map(|line| format!("{}\n", &line[2..]))
            .collect()
    }

    fn arguments() -> ServeArguments {
        ServeArguments {
            dir: None,
            addr: None,
            ..ServeArguments::new(PathBuf::new(), SocketAddr::from(([127, 0, 0, 1], 0)))
        }
    }

    #[test]
    fn the_shown_defaults_are_the_defaults() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let store = StoreDir::locate(Some(dir.path().to_owned())).expect("a directory");
        let defaults = ServeConfig::resolve(&arguments(), &store).expect("defaults are valid");
        std::fs::write(store.config(), shown_defaults()).expect("written");
        let shown = ServeConfig::resolve(&arguments(), &store).expect("what is shown is valid");
        let comparable = |config: &ServeConfig| {
            let config = config.clone();
            (
                config.addr,
                config.local_nodes.unwrap_or(9),
                config.keep_awake,
                // Of a local node.
                config.capacity.unwrap_or(ByteCount(1 << 30)),
                config.link_addr.unwrap_or(SocketAddr::from(([127, 0, 0, 1], 0))),
                config.geometry,
                config.spare_shards_min,
            )
        };
        assert_eq!(comparable(&shown), comparable(&defaults));
        assert_eq!(shown_defaults().lines().count(), 13, "every key is shown");
    }

    #[test]
    fn flags_come_before_the_file_and_unknown_keys_are_refused() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let store = StoreDir::locate(Some(dir.path().to_owned())).expect("a directory");
        std::fs::write(store.config(), "capacity = \"2GiB\"\nnodes = \"local:4\"\n").expect("written");
        let typed = ServeArguments {
            capacity: Some("50MiB".to_owned()),
            ..arguments()
        };
        let config = ServeConfig::resolve(&typed, &store).expect("valid");
        assert_eq!(
            (config.capacity, config.local_nodes),
            (Some(ByteCount(50 << 20)), Some(4))
        );

        std::fs::write(store.config(), "capacty = \"2GiB\"\n").expect("written");
        let error = ServeConfig::resolve(&arguments(), &store).expect_err("a typing error");
        assert!(
            matches!(&error, DaemonError::Config { source, .. } if source.to_string().contains("capacty"))
        );
    }

    #[test]
    fn settings_that_make_no_sense_are_named() {
        for (text, is_good) in [
            ("local:9", true),
            ("local:0", true),
            ("local:65", false),
            ("9", false),
            ("local:", false),
        ] {
            assert_eq!(parse_nodes(text).is_ok(), is_good, "{text:?}");
        }
        assert_eq!(
            parse_geometry("4 + 2").expect("good"),
            Geometry::new(4, 2).expect("good")
        );
        for text in ["6", "0+3", "200+100", "a+b"] {
            assert!(parse_geometry(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_node_without_room_is_refused() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let store = StoreDir::locate(Some(dir.path().to_owned())).expect("a directory");
        for (capacity, is_useful) in [("0", false), ("1MiB", false), ("16MiB", true)] {
            let mut arguments = arguments();
            arguments.capacity = Some(capacity.to_owned());
            let resolved = ServeConfig::resolve(&arguments, &store);
            assert_eq!(resolved.is_ok(), is_useful, "{capacity}");
        }
    }
}
