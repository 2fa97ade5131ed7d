//! Who may ask at all: `Host`, `Origin`, and the bearer token.
//!
//! A daemon on loopback can be reached by every page that a browser on the same machine shows. A page of another site
//! can send requests (the browser then says whose page it is in `Origin`), and a site can point its own name at
//! 127.0.0.1 to make its pages same-origin (DNS rebinding: then the name is in `Host`). Both are refused here, before
//! anything is read or done.

use std::net::{IpAddr, SocketAddr};

use axum::http::header::{AUTHORIZATION, HOST, ORIGIN, WWW_AUTHENTICATE};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri};

use crate::BearerToken;
use crate::api::ErrorCode;
use crate::error::ApiError;

/// Decides whether a request may be looked at.
#[derive(Debug)]
pub(crate) struct Guard {
    bound: IpAddr,
    host_names: Vec<String>,
    token: Option<BearerToken>,
}

impl Guard {
    pub(crate) fn new(bound: SocketAddr, host_names: &[String], token: Option<BearerToken>) -> Self {
        Self {
            bound: bound.ip(),
            host_names: host_names.iter().map(|name| name.to_ascii_lowercase()).collect(),
            token,
        }
    }

    /// `local` is the address at which this connection arrived: the concrete one, where the bound one is a wildcard.
    pub(crate) fn admit(
        &self,
        uri: &Uri,
        headers: &HeaderMap,
        local: Option<IpAddr>,
    ) -> Result<(), ApiError> {
        let host = host_of(headers)?;
        self.check_host(&host, local)?;
        if let Some(authority) = uri.authority() {
            self.check_host(authority, local)?;
        }
        check_origin(headers, &host)?;
        self.check_token(headers)
    }

    fn check_host(&self, host: &Authority, local: Option<IpAddr>) -> Result<(), ApiError> {
        let name = host.host().to_ascii_lowercase();
        let is_ours = match parse_ip(&name) {
            Some(ip) => ip.is_loopback() || ip == self.bound || Some(ip) == local.map(|ip| ip.to_canonical()),
            None => name == "localhost",
        };
        if is_ours || self.host_names.contains(&name) {
            return Ok(());
        }
        Err(forbidden(format!("this daemon is not called {name:?}"))
            .hint("use its address, or configure the name"))
    }

    fn check_token(&self, headers: &HeaderMap) -> Result<(), ApiError> {
        let Some(token) = &self.token else {
            return Ok(());
        };
        let offered = headers.get(AUTHORIZATION).and_then(bearer);
        let problem = match offered {
            Some(offered) if token.is(offered) => return Ok(()),
            Some(_) => "the token is wrong",
            None => "this daemon asks for a token",
        };
        Err(
            ApiError::new(StatusCode::UNAUTHORIZED, ErrorCode::Unauthorized, problem)
                .hint("send it as: Authorization: Bearer TOKEN")
                .header(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer")),
        )
    }
}

/// RFC 9112 §3.2: a request has exactly one `Host`.
fn host_of(headers: &HeaderMap) -> Result<Authority, ApiError> {
    let mut hosts = headers.get_all(HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else {
        return Err(ApiError::bad_request("the request must have one Host"));
    };
    let plain = |host: &Authority| !host.as_str().contains('@');
    parse_authority(host)
        .filter(plain)
        .ok_or_else(|| ApiError::bad_request("the request's Host is malformed"))
}

fn check_origin(headers: &HeaderMap, host: &Authority) -> Result<(), ApiError> {
    let mut origins = headers.get_all(ORIGIN).iter();
    match (origins.next(), origins.next()) {
        (None, _) => Ok(()),
        (Some(origin), None) if is_same_origin(origin, host) => Ok(()),
        _ => Err(forbidden(
            "the request comes from a page of another site".to_owned(),
        )),
    }
}

/// Whether a page with this origin was loaded from this host. The scheme is not compared: a proxy in front may speak TLS.
fn is_same_origin(origin: &HeaderValue, host: &Authority) -> bool {
    let uri = Uri::try_from(origin.as_bytes()).ok();
    let Some((uri, port)) = uri.and_then(|uri| default_port(&uri).map(|port| (uri, port))) else {
        return false;
    };
    uri.authority().is_some_and(|origin| {
        origin.host().eq_ignore_ascii_case(host.host())
            && origin.port_u16().unwrap_or(port) == host.port_u16().unwrap_or(port)
    })
}

fn default_port(uri: &Uri) -> Option<u16> {
    match uri.scheme_str()? {
        "http" => Some(80),
        "https" => Some(443),
        _ => None,
    }
}

fn parse_authority(value: &HeaderValue) -> Option<Authority> {
    Authority::try_from(value.as_bytes()).ok()
}

/// An address, without the brackets of IPv6.
fn parse_ip(host: &str) -> Option<IpAddr> {
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let ip: IpAddr = bare.unwrap_or(host).parse().ok()?;
    Some(ip.to_canonical())
}

fn bearer(value: &HeaderValue) -> Option<&[u8]> {
    let (scheme, token) = value.as_bytes().split_at_checked(b"Bearer ".len())?;
    scheme
        .eq_ignore_ascii_case(b"Bearer ")
        .then(|| token.trim_ascii())
}

fn forbidden(message: String) -> ApiError {
    ApiError::new(StatusCode::FORBIDDEN, ErrorCode::Forbidden, message)
}
