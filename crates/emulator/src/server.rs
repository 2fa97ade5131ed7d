//! The listener, and which path means what.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum::Router;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{DefaultBodyLimit, Path, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use hyper::server::conn::http1;
use hyper::service::Service as _;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use crate::shared::Shared;
use crate::{admin, api, channel, s3, sigv4};

/// Accepts connections until the emulator ends.
pub(crate) async fn serve(shared: Arc<Shared>, listener: TcpListener) {
    let connections = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let router = router(Arc::clone(&shared));
    loop {
        let permit = Arc::clone(&connections).acquire_owned().await;
        match listener.accept().await {
            Ok((stream, _)) => {
                let (router, closing) = (router.clone(), shared.closing.clone());
                shared.tasks.spawn(async move {
                    let _permit = permit;
                    tokio::select! {
                        () = closing.cancelled() => {}
                        ended = converse(stream, router) => {
                            if let Err(error) = ended {
                                tracing::debug!(%error, "a connection failed");
                            }
                        }
                    }
                });
            }
            Err(error) => {
                tracing::warn!(%error, "a connection was not accepted");
                // Out of file descriptors, most likely: asking again at once would only burn the processor.
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn converse(stream: TcpStream, router: Router) -> Result<(), hyper::Error> {
    // Acknowledgements are small: waiting to join them would cost 40 ms each.
    let _: io::Result<()> = stream.set_nodelay(true);
    let service = TowerToHyperService::new(router);
    let service = hyper::service::service_fn(move |request| {
        let answer = service.call(request);
        async move { Ok::<_, Infallible>(answer.await.unwrap_or_else(|never| match never {})) }
    });
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME_MAX)
        .max_buf_size(BUFFER_LEN_MAX)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades()
        .await
}

fn router(shared: Arc<Shared>) -> Router {
    let mut router = Router::new()
        .route("/v1/data-channel/{session}", get(data_channel))
        .route("/s3/{bucket}", post(s3::put))
        .route("/s3/{bucket}/{*object}", get(s3::get))
        .layer(DefaultBodyLimit::disable());
    if shared.config.has_admin_api {
        router = router.nest("/_emulator", admin::router());
    }
    router.fallback(api::answer).with_state(shared)
}

/// A browser's page has no business here: it would be somebody else's page, in the user's browser.
async fn data_channel(
    State(shared): State<Arc<Shared>>,
    Path(session): Path<String>,
    upgrade: WebSocketUpgrade,
    request: Request,
) -> Response {
    if request.headers().contains_key("origin") {
        return StatusCode::FORBIDDEN.into_response();
    }
    let region = shared.region_of(&session);
    if region
        .is_some_and(|region| shared.faults.wants_signed_upgrades(&region) && !is_signed(&shared, &request))
    {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    channel::upgrade(shared, session, upgrade)
}

fn is_signed(shared: &Shared, request: &Request) -> bool {
    let signed = sigv4::Request {
        method: "GET",
        path: request.uri().path(),
        query: request.uri().query().unwrap_or_default(),
        headers: request.headers(),
        body: b"",
    };
    let credentials = shared.credentials();
    let verified = sigv4::verify(
        &signed,
        "ssmmessages",
        &credentials,
        SystemTime::now(),
        shared.clock.now(),
    );
    verified.is_ok()
}

/// Ten shells in each of thirty regions, and what asks for them.
const CONNECTIONS_MAX: usize = 1024;
const HEAD_TIME_MAX: Duration = Duration::from_secs(30);
const BUFFER_LEN_MAX: usize = 64 << 10;
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
