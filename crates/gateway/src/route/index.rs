//! The root.

/// What this is
#[utoipa::path(get, path = "/", tag = "about", responses((status = OK, body = String, content_type = "text/plain")))]
pub(crate) async fn index() -> &'static str {
    "This is the daemon of a CloudShell Store; its API is described at /api/v1/openapi.json\n"
}
