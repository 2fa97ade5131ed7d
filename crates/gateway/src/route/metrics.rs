//! Prometheus text.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use engine::{CounterValues, Health};
use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::registry::{Registry, Unit};

use super::nodes::snapshots;
use crate::api::{ErrorBody, Node};
use crate::error::ApiError;
use crate::gateway::Gateway;

/// Counters and gauges for Prometheus
#[utoipa::path(
    get,
    path = "/metrics",
    tag = "about",
    responses(
        (status = OK, description = "OpenMetrics text", body = String, content_type = "application/openmetrics-text"),
        (status = "default", description = "An error", body = ErrorBody)
    )
)]
pub(crate) async fn metrics(State(gateway): State<Arc<Gateway>>) -> Result<Response, ApiError> {
    let health = gateway.engine.health().await?;
    // The engine keeps the values; a registry of this moment only names them.
    let mut registry = Registry::with_prefix("cloudshell_store");
    register_counters(&mut registry, &gateway.engine.counters());
    register_health(&mut registry, &health);
    register_nodes(&mut registry, &snapshots(&gateway));
    register_allowances(&mut registry, &snapshots(&gateway));
    gateway.metrics.register(&mut registry);
    let mut page = String::new();
    text::encode(&mut page, &registry).expect("a string takes everything");
    Ok(([(CONTENT_TYPE, OPEN_METRICS)], page).into_response())
}

fn register_counters(registry: &mut Registry, counters: &CounterValues) {
    let counters = [
        ("puts", "Versions put and acknowledged", counters.puts),
        (
            "put_bytes",
            "Plaintext bytes of acknowledged versions",
            counters.put_bytes,
        ),
        ("gets", "Reads begun", counters.gets),
        (
            "get_bytes",
            "Plaintext bytes delivered to readers",
            counters.get_bytes,
        ),
        ("deletes", "Objects deleted", counters.deletes),
        (
            "chunks_deduplicated",
            "Chunks that were there already",
            counters.chunks_deduplicated,
        ),
        (
            "stripes_put_degraded",
            "Stripes acknowledged with shards missing",
            counters.stripes_degraded,
        ),
        (
            "reads_hedged",
            "Reads that asked a further node because the first were slow",
            counters.reads_hedged,
        ),
        (
            "shards_damaged",
            "Shards found damaged or gone",
            counters.shards_damaged,
        ),
        (
            "shards_unreachable",
            "Shards that a node did not deliver",
            counters.shards_unreachable,
        ),
    ];
    for (name, help, value) in counters {
        registry.register(name, help, ConstCounter::new(value));
    }
}

fn register_health(registry: &mut Registry, health: &Health) {
    let gauges = [
        ("objects", "Live objects", health.totals.objects as f64),
        (
            "object_bytes",
            "Bytes of live objects",
            health.totals.bytes as f64,
        ),
        (
            "used_bytes",
            "Bytes in use on all nodes that were ever asked",
            health.used_bytes as f64,
        ),
        (
            "stripes_degraded",
            "Stripes with shards that were never written",
            health.stripes_degraded as f64,
        ),
        (
            "domains_may_be_lost",
            "Further domains that may vanish with every object still readable; -1 if some object cannot be read now",
            tolerance(health.domains_may_be_lost),
        ),
    ];
    for (name, help, value) in gauges {
        registry.register(name, help, ConstGauge::new(value));
    }
    let stripes = Gauges::<ToleranceLabels>::default();
    for count in &health.stripes_by_tolerance {
        let domains_may_be_lost = count.domains_may_be_lost.map_or(-1, |domains| domains as i64);
        set(
            &stripes,
            ToleranceLabels { domains_may_be_lost },
            count.stripes as f64,
        );
    }
    registry.register(
        "stripes",
        "Stripes of live objects by how many domains may vanish",
        stripes,
    );
}

fn register_nodes(registry: &mut Registry, nodes: &[Node]) {
    let (info, used, capacity) = (Gauges::default(), Gauges::default(), Gauges::default());
    let latency = Gauges::<NodeLabels>::default();
    for node in nodes {
        let labels = || NodeLabels {
            node: node.id.clone(),
        };
        set(&info, InfoLabels::of(node), 1.0);
        set(&capacity, labels(), node.capacity_bytes as f64);
        if let Some(used_bytes) = node.used_bytes {
            set(&used, labels(), used_bytes as f64);
        }
        if let Some(latency_ms) = node.latency_ms {
            set(&latency, labels(), latency_ms / 1000.0);
        }
    }
    registry.register(
        "node_info",
        "Always 1; how a node's link is doing, and which way it goes",
        info,
    );
    registry.register_with_unit("node_used", "Bytes in use when last asked", Unit::Bytes, used);
    registry.register_with_unit(
        "node_capacity",
        "Bytes that the node may use",
        Unit::Bytes,
        capacity,
    );
    registry.register_with_unit(
        "node_latency",
        "Round-trip time of the link",
        Unit::Seconds,
        latency,
    );
}

/// What providers allow, where something is counted.
fn register_allowances(registry: &mut Registry, nodes: &[Node]) {
    let (awake, awake_max) = (Gauges::<NodeLabels>::default(), Gauges::<NodeLabels>::default());
    let kept_until = Gauges::<NodeLabels>::default();
    for node in nodes {
        let Some(allowance) = node.allowance else {
            continue;
        };
        let labels = || NodeLabels {
            node: node.id.clone(),
        };
        set(&awake, labels(), allowance.awake_hours * 3600.0);
        set(&awake_max, labels(), allowance.awake_hours_max * 3600.0);
        if let Some(unix_ms) = allowance.kept_until_unix_ms {
            set(&kept_until, labels(), unix_ms as f64 / 1000.0);
        }
    }
    let seconds = [
        ("node_awake", "How long the node was awake this month", awake),
        ("node_awake_max", "How long it may be awake in a month", awake_max),
        (
            "node_kept_until",
            "When its home is removed if it is not used before, since 1970",
            kept_until,
        ),
    ];
    for (name, help, gauges) in seconds {
        registry.register_with_unit(name, help, Unit::Seconds, gauges);
    }
}

type Gauges<L> = Family<L, Gauge<f64, std::sync::atomic::AtomicU64>>;

fn set<L: Clone + Eq + std::hash::Hash>(gauges: &Gauges<L>, labels: L, value: f64) {
    gauges.get_or_create(&labels).set(value);
}

fn tolerance(domains_may_be_lost: Option<usize>) -> f64 {
    domains_may_be_lost.map_or(-1.0, |domains| domains as f64)
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ToleranceLabels {
    domains_may_be_lost: i64,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct NodeLabels {
    node: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct InfoLabels {
    node: String,
    domain: String,
    provider: String,
    state: &'static str,
    path: &'static str,
}

impl InfoLabels {
    fn of(node: &Node) -> Self {
        Self {
            node: node.id.clone(),
            domain: node.domain.clone(),
            provider: node.provider.clone(),
            state: model::NodeState::from(node.state).as_str(),
            path: node
                .path
                .map_or("none", |path| model::PathKind::from(path).as_str()),
        }
    }
}

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
