use axum::http::{HeaderName, HeaderValue};
use proptest::prelude::*;

use super::*;

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
const BODY: &[u8] = br#"{"EnvironmentId":"11111111-2222-4333-8444-555555555555"}"#;
const WITHOUT_TOKEN: &str = "eb02660ab8f84f2db12c7d7371a5454981fedd3f9f0bbf412922575a8fa02a9f";
const WITH_TOKEN: &str = "647701cce67a64bb9db189526f4b5dbe9f7df0133d139829a1c6f6f921358d48";

fn credential(session_token: Option<&str>) -> Credential {
    Credential {
        access_key_id: "AKIDEXAMPLE".to_owned(),
        secret_access_key: SECRET.to_owned(),
        session_token: session_token.map(str::to_owned),
        ..Credential::random()
    }
}

/// A request to be checked, that is right until something is changed.
struct Case {
    method: &'static str,
    path: &'static str,
    query: &'static str,
    body: &'static [u8],
    service: &'static str,
    headers: HeaderMap,
    credential: Credential,
    now: SystemTime,
}

impl Case {
    fn new(date: &str, scope: &str, signed_headers: &str, signature: &str) -> Self {
        let mut case = Self {
            method: "GET",
            path: "/",
            query: "",
            body: b"",
            service: "service",
            headers: HeaderMap::new(),
            credential: credential(None),
            now: parse_compact(date).unwrap(),
        };
        case.set("x-amz-date", date);
        case.set(
            "authorization",
            &format!(
                "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/{scope}, SignedHeaders={signed_headers}, Signature={signature}"
            ),
        );
        case
    }

    /// The request of the reference, with or without a session token.
    fn recorded(session_token: Option<&str>) -> Self {
        let scope = "20261123/eu-west-1/cloudshell/aws4_request";
        let (names, signature) = match session_token {
            None => ("content-type;host;x-amz-date", WITHOUT_TOKEN),
            Some(_) => ("content-type;host;x-amz-date;x-amz-security-token", WITH_TOKEN),
        };
        let mut case = Self::new("20261123T120000Z", scope, names, signature);
        (case.method, case.path, case.body, case.service) = ("POST", "/createSession", BODY, "cloudshell");
        case.credential = credential(session_token);
        case.set("host", "cloudshell.eu-west-1.amazonaws.com");
        case.set("content-type", "application/x-amz-json-1.1");
        if let Some(token) = session_token {
            case.set("x-amz-security-token", token);
        }
        case
    }

    /// One of the published examples, of 30 August 2015.
    fn published(signature: &str) -> Self {
        let scope = "20150830/us-east-1/service/aws4_request";
        let mut case = Self::new("20150830T123600Z", scope, "host;x-amz-date", signature);
        case.set("host", "example.amazonaws.com");
        case
    }

    fn set(&mut self, name: &'static str, value: &str) {
        let value = HeaderValue::from_str(value).unwrap();
        self.headers.insert(HeaderName::from_static(name), value);
    }

    fn verify(&self) -> Result<String, SignatureError> {
        let request = Request {
            method: self.method,
            path: self.path,
            query: self.query,
            headers: &self.headers,
            body: self.body,
        };
        let credentials = [self.credential.clone()];
        verify(&request, self.service, &credentials, self.now, self.now).map(|(_, region)| region)
    }
}

#[test]
fn the_recorded_requests_are_believed() {
    assert_eq!(Case::recorded(None).verify().as_deref(), Ok("eu-west-1"));
    assert_eq!(
        Case::recorded(Some("TOKENEXAMPLE")).verify().as_deref(),
        Ok("eu-west-1")
    );
}

#[test]
fn the_published_requests_are_believed() {
    let get = Case::published("5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31");
    assert_eq!(get.verify().as_deref(), Ok("us-east-1"));
    let mut post = Case::published("5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b");
    post.method = "POST";
    assert_eq!(post.verify().as_deref(), Ok("us-east-1"));
    let mut query = Case::published("b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500");
    query.query = "Param2=value2&Param1=value1";
    assert_eq!(query.verify().as_deref(), Ok("us-east-1"));
}

#[test]
fn whatever_is_changed_is_noticed() {
    let check = |change: fn(&mut Case), expected: SignatureError| {
        let mut case = Case::recorded(Some("TOKENEXAMPLE"));
        change(&mut case);
        assert_eq!(case.verify(), Err(expected));
    };
    check(|case| case.body = b"{}", SignatureError::Mismatch);
    check(|case| case.path = "/deleteSession", SignatureError::Mismatch);
    check(|case| case.query = "a=b", SignatureError::Mismatch);
    check(|case| case.method = "GET", SignatureError::Mismatch);
    check(|case| case.set("host", "elsewhere"), SignatureError::Mismatch);
    check(
        |case| case.credential.secret_access_key.push('x'),
        SignatureError::Mismatch,
    );
    check(
        |case| case.credential.access_key_id.push('x'),
        SignatureError::UnknownKey,
    );
    check(
        |case| case.credential.session_token = None,
        SignatureError::UnknownKey,
    );
    check(|case| case.service = "ssmmessages", SignatureError::Scope);
    check(
        |case| case.now += Duration::from_secs(301),
        SignatureError::Skewed,
    );
    check(
        |case| case.now -= Duration::from_secs(301),
        SignatureError::Skewed,
    );
    check(
        |case| case.credential.expires_at = Some(case.now),
        SignatureError::Expired,
    );
    check(
        |case| drop(case.headers.remove("authorization")),
        SignatureError::Missing,
    );
    check(
        |case| drop(case.headers.remove("x-amz-date")),
        SignatureError::Incomplete("no date"),
    );
}

#[test]
fn five_minutes_off_is_near_enough() {
    let mut case = Case::recorded(None);
    case.now += Duration::from_secs(300);
    assert_eq!(case.verify().as_deref(), Ok("eu-west-1"));
}

#[test]
fn white_space_around_and_between_words_does_not_count() {
    let mut case = Case::recorded(None);
    case.set("content-type", "  application/x-amz-json-1.1 ");
    assert_eq!(case.verify().as_deref(), Ok("eu-west-1"));
}

#[test]
fn a_plus_sign_may_be_a_space_or_itself() {
    let queries = canonical_queries("b=1+2&a=%2F/");
    assert!(
        queries.contains("a=%2F%2F&b=1%2B2") && queries.contains("a=%2F%2F&b=1%202"),
        "{queries:?}"
    );
}

#[test]
fn only_regions_are_regions() {
    for region in ["eu-west-1", "us-gov-west-1", "ap-southeast-5"] {
        assert!(is_region(region), "{region}");
    }
    for text in [
        "",
        "-",
        "..",
        "../../x-1",
        "eu/west-1",
        "eu-west",
        "eu-west-",
        "EU-WEST-1",
        "a-b-c-d-1",
        "eu-west-123",
    ] {
        assert!(!is_region(text), "{text}");
    }
}

proptest! {
    #[test]
    fn no_header_is_too_strange(text in "(AWS4-HMAC-SHA256)?[ -~]{0,80}", query in "[ -~]{0,40}") {
        let mut case = Case::recorded(None);
        case.set("authorization", &text);
        let request = Request { method: "POST", path: "/%", query: &query, headers: &case.headers, body: b"" };
        let credentials = [case.credential.clone()];
        prop_assert!(verify(&request, "cloudshell", &credentials, case.now, case.now).is_err());
    }
}
