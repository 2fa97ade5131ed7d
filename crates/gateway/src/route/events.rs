//! What happens, as server-sent events.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::sse::{self, KeepAlive, Sse};
use futures_util::{Stream, StreamExt as _};
use tokio_stream::wrappers::BroadcastStream;
use tokio_stream::wrappers::errors::BroadcastStreamRecvError::Lagged;

use crate::api::{ErrorBody, EventData};
use crate::error::ApiError;
use crate::gateway::Gateway;

/// What happens from now on, as server-sent events: named, with the data as JSON
#[utoipa::path(
    get,
    path = "/api/v1/events",
    tag = "store",
    responses(
        (status = OK, description = "Events; each has this as its data", body = EventData, content_type = "text/event-stream"),
        (status = "default", description = "An error", body = ErrorBody)
    )
)]
pub(crate) async fn events(
    State(gateway): State<Arc<Gateway>>,
) -> Result<Sse<impl Stream<Item = Result<sse::Event, axum::Error>>>, ApiError> {
    let permit = gateway.event_permit()?;
    let happenings = BroadcastStream::new(gateway.engine.subscribe());
    let events = happenings
        .map(|event| match event {
            Ok(event) => event.into(),
            Err(Lagged(missed)) => EventData::Lagged { missed },
        })
        .map(|data| sse::Event::default().event(data.name()).json_data(data))
        .inspect(move |_| {
            let _held_until_the_stream_ends = &permit;
        })
        .take_until(gateway.closing.clone().cancelled_owned());
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)))
}

/// Half of the shortest idle time after which proxies commonly cut a connection (30 s).
const KEEP_ALIVE: Duration = Duration::from_secs(15);
