//! Signature version 4.

use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign as sign_request};
use aws_sigv4::sign::v4;

/// Who signs, when, for which region.
pub(crate) struct Signer {
    pub(crate) credentials: Credentials,
    pub(crate) region: String,
    pub(crate) time: SystemTime,
}

/// The headers that sign a request, to be added to it. `host` is signed with the URL's.
///
/// Errors are sentences: they mean that something that AWS gave cannot be signed, and nobody can act on that.
pub(crate) fn sign(
    signer: &Signer,
    service: &str,
    method: &str,
    url: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Result<Vec<(String, String)>, String> {
    let identity = signer.credentials.clone().into();
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region(&signer.region)
        .name(service)
        .time(signer.time)
        .settings(SigningSettings::default())
        .build()
        .map_err(|error| error.to_string())?
        .into();
    let request = SignableRequest::new(method, url, headers.iter().copied(), SignableBody::Bytes(body))
        .map_err(|error| error.to_string())?;
    let (instructions, _signature) = sign_request(request, &parameters)
        .map_err(|error| error.to_string())?
        .into_parts();
    Ok(instructions
        .headers()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect())
}

#[cfg(test)]
pub(super) mod tests {
    use std::time::Duration;

    use super::*;

    pub(crate) const KEY_ID: &str = "AKIDEXAMPLE";
    pub(crate) const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
    pub(crate) const BODY: &[u8] = br#"{"EnvironmentId":"11111111-2222-4333-8444-555555555555"}"#;

    /// 2026-11-23 12:00:00 UTC.
    pub(crate) fn noon() -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_435_200)
    }

    fn signature(token: Option<&str>) -> Vec<(String, String)> {
        let signer = Signer {
            credentials: Credentials::new(KEY_ID, SECRET, token.map(str::to_owned), None, "test"),
            region: "eu-west-1".to_owned(),
            time: noon(),
        };
        let headers = [("content-type", "application/x-amz-json-1.1")];
        let url = "https://cloudshell.eu-west-1.amazonaws.com/createSession";
        sign(&signer, "cloudshell", "POST", url, &headers, BODY).expect("it can be signed")
    }

    fn header<'a>(headers: &'a [(String, String)], name: &str) -> &'a str {
        let found = headers.iter().find(|(found, _)| found == name);
        found.map(|(_, value)| value.as_str()).unwrap_or_default()
    }

    #[test]
    fn recorded_signatures_are_made() {
        let headers = signature(None);
        assert_eq!(header(&headers, "x-amz-date"), "20261123T120000Z");
        assert_eq!(
            header(&headers, "authorization"),
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261123/eu-west-1/cloudshell/aws4_request, \
             SignedHeaders=content-type;host;x-amz-date, \
             Signature=eb02660ab8f84f2db12c7d7371a5454981fedd3f9f0bbf412922575a8fa02a9f"
        );
        let headers = signature(Some("TOKENEXAMPLE"));
        assert_eq!(header(&headers, "x-amz-security-token"), "TOKENEXAMPLE");
        assert!(
            header(&headers, "authorization")
                .ends_with("Signature=647701cce67a64bb9db189526f4b5dbe9f7df0133d139829a1c6f6f921358d48"),
            "{headers:?}"
        );
    }
}
