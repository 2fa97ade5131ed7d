//! Whom to trust over TLS.

use std::sync::Arc;

use rustls::crypto::{CryptoProvider, ring};
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt as _;
use tracing::debug;

/// The machine's own trust, or Mozilla's where the machine has none, as in a bare container.
pub(crate) fn client_config() -> ClientConfig {
    let provider = Arc::new(ring::default_provider());
    let machine = builder(Arc::clone(&provider)).with_platform_verifier();
    match machine {
        Ok(builder) => builder.with_no_client_auth(),
        Err(error) => {
            debug!(%error, "no certificates on this machine, those built in are used");
            let mut roots = RootCertStore::empty();
            roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
            builder(provider)
                .with_root_certificates(roots)
                .with_no_client_auth()
        }
    }
}

fn builder(provider: Arc<CryptoProvider>) -> rustls::ConfigBuilder<ClientConfig, rustls::WantsVerifier> {
    ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("ring knows TLS 1.2 and 1.3")
}
