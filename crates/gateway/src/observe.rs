//! What is counted and traced of every request.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::extract::{MatchedPath, Request, State};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::Response;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use tokio::time::Instant;
use tracing::Instrument as _;

use crate::gateway::Gateway;

/// Counts and times a request, and gives it a span. The time ends when the answer's first bytes are known: an
/// object's length is not the daemon's fault.
pub(crate) async fn observe(State(gateway): State<Arc<Gateway>>, request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().cloned();
    let route = route.as_ref().map_or("unmatched", MatchedPath::as_str);
    let method = known_method(request.method());
    let id = gateway.metrics.next_id.fetch_add(1, Ordering::Relaxed);
    let span = tracing::debug_span!("http.request", id, method, route);
    let begun = Instant::now();
    let response = next.run(request).instrument(span).await;
    gateway
        .metrics
        .count(method, route, response.status().as_u16(), begun.elapsed());
    response
}

/// Requests by route and status, with their durations.
#[derive(Debug)]
pub(crate) struct RequestMetrics {
    next_id: AtomicU64,
    durations: Family<RequestLabels, Histogram, fn() -> Histogram>,
}

/// All values come from closed sets: a client cannot make up new ones to fill the memory.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    method: &'static str,
    route: String,
    status: u16,
}

impl RequestMetrics {
    fn count(&self, method: &'static str, route: &str, status: u16, duration: Duration) {
        let labels = RequestLabels {
            method,
            route: route.to_owned(),
            status,
        };
        self.durations
            .get_or_create(&labels)
            .observe(duration.as_secs_f64());
    }

    /// Shows them at the next scrape. The number of requests is the histogram's `_count`.
    pub(crate) fn register(&self, registry: &mut Registry) {
        registry.register(
            "http_request_duration_seconds",
            "Time from a request's head to its answer's head",
            self.durations.clone(),
        );
    }
}

impl Default for RequestMetrics {
    fn default() -> Self {
        Self {
            next_id: AtomicU64::new(1),
            durations: Family::new_with_constructor(new_histogram),
        }
    }
}

fn new_histogram() -> Histogram {
    Histogram::new(BUCKETS)
}

/// Anybody can send a method of their own invention.
fn known_method(method: &Method) -> &'static str {
    let known = ["GET", "HEAD", "PUT", "POST", "DELETE", "OPTIONS", "PATCH"];
    let found = known.into_iter().find(|known| method.as_str() == *known);
    found.unwrap_or("other")
}

/// From a catalogue look-up to a long upload, in seconds.
const BUCKETS: [f64; 10] = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 60.0];
