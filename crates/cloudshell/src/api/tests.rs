//! The client against a socket that answers fixed bytes, or nothing.

use std::sync::Mutex;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::sign::tests::{BODY, KEY_ID, SECRET, noon};
use super::*;
use crate::credentials::static_credentials;

/// Answers requests with the given bytes, one after the other, the last for ever; keeps what it was asked.
struct Server {
    url: Url,
    asked: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    async fn start(answers: Vec<Vec<u8>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("bound"));
        let asked = Arc::new(Mutex::new(Vec::new()));
        let task = tokio::spawn(serve(listener, answers, Arc::clone(&asked)));
        Self {
            url: url.parse().expect("a URL"),
            asked,
            task,
        }
    }

    async fn saying(status: &str, body: &str) -> Self {
        Self::start(vec![answer(status, body)]).await
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().expect("nobody panicked").clone()
    }

    fn api(&self) -> Api {
        self.api_with(RetryPolicy {
            delay_min: Duration::from_millis(1),
            ..RetryPolicy::default()
        })
    }

    fn api_with(&self, retry: RetryPolicy) -> Api {
        let config = ApiConfig {
            endpoint: Some(self.url.clone()),
            retry,
            attempt_timeout: Duration::from_secs(2),
            clock: noon,
            ..ApiConfig::new("eu-west-1", static_credentials(KEY_ID, SECRET, None))
        };
        Api::new(config).expect("it can be made")
    }
}

fn answer(status: &str, body: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

async fn serve(listener: TcpListener, answers: Vec<Vec<u8>>, asked: Arc<Mutex<Vec<String>>>) {
    let mut answers = answers.into_iter().peekable();
    while let Ok((mut socket, _)) = listener.accept().await {
        let request = read_request(&mut socket).await;
        asked.lock().expect("nobody panicked").push(request);
        let Some(bytes) = answers.peek().cloned() else {
            // Silence: the connection stays open for as long as the server.
            tokio::spawn(async move {
                let _kept = socket.read_u8().await;
            });
            continue;
        };
        let is_last = answers.len() == 1;
        if !is_last {
            answers.next();
        }
        // A client that has seen enough may hang up.
        let _ = socket.write_all(&bytes).await;
    }
}

async fn read_request(socket: &mut TcpStream) -> String {
    let mut request = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&request).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .find_map(|line| {
                    line.to_ascii_lowercase()
                        .strip_prefix("content-length: ")?
                        .parse()
                        .ok()
                })
                .unwrap_or(0);
            if body.len() >= length {
                return text;
            }
        }
        match socket.read_buf(&mut request).await {
            Ok(1..) => {}
            _ => return text,
        }
    }
}

#[tokio::test]
async fn a_session_is_asked_for_as_other_clients_do() {
    let grant = r#"{"SessionId":"s-1","TokenValue":"t","StreamUrl":"wss://x/y?a=b+c/=","Surprise":{}}"#;
    let server = Server::saying("200 OK", grant).await;
    let found = server
        .api()
        .create_session("11111111-2222-4333-8444-555555555555")
        .await
        .expect("it is granted");
    assert_eq!(
        (found.session_id.as_str(), found.token_value.as_str()),
        ("s-1", "t")
    );
    assert_eq!(found.stream_url, "wss://x/y?a=b+c/=");
    assert_eq!(format!("{found:?}"), "SessionGrant(s-1)", "the token is a secret");

    let asked = server.asked();
    let request = asked[0].to_ascii_lowercase();
    assert!(
        request.starts_with("post /createsession http/1.1\r\n"),
        "{request}"
    );
    assert!(
        request.contains("\r\nx-amz-date: 20261123t120000z\r\n"),
        "{request}"
    );
    assert!(
        request.contains("credential=akidexample/20261123/eu-west-1/cloudshell/aws4_request, signedheaders=content-type;host;x-amz-date"),
        "{request}"
    );
    assert!(
        asked[0].ends_with(r#"{"EnvironmentId":"11111111-2222-4333-8444-555555555555","QCliDisabled":true}"#),
        "{}",
        asked[0]
    );
}

#[tokio::test]
async fn what_is_sent_is_what_was_signed() {
    let server = Server::saying("200 OK", r#"{"Status":"RUNNING"}"#).await;
    let api = server.api();
    let status = api
        .environment_status("11111111-2222-4333-8444-555555555555")
        .await
        .expect("an answer");
    assert!(status.is_running());
    let request = server.asked().remove(0);
    assert!(request.as_bytes().ends_with(BODY));
    let signer = api.signer().await.expect("there are credentials");
    let url = format!("{}getEnvironmentStatus", server.url);
    let headers = [("content-type", CONTENT_TYPE)];
    let signed = sign(&signer, "cloudshell", "POST", &url, &headers, BODY).expect("signed");
    let authorization = signed
        .iter()
        .find(|(name, _)| name == "authorization")
        .expect("a signature");
    assert!(request.contains(&authorization.1), "{request}");
}

#[tokio::test]
async fn operations_have_their_paths_and_tolerate_empty_answers() {
    let server = Server::saying("200 OK", "").await;
    let api = server.api();
    assert_eq!(api.describe_environments().await.expect("a list"), []);
    api.start_environment("e").await.expect("done");
    api.stop_environment("e").await.expect("done");
    api.delete_environment("e").await.expect("done");
    api.delete_session("e", "s").await.expect("done");
    api.send_heartbeat("e").await.expect("done");
    assert_eq!(api.environment_status("e").await.expect("an answer").status, "");
    let error = api
        .create_environment()
        .await
        .expect_err("an environment has an id");
    assert_eq!(error.kind(), ErrorKind::Refused, "{error}");
    let paths: Vec<_> = server
        .asked()
        .iter()
        .map(|request| request.split(' ').nth(1).unwrap_or_default().to_owned())
        .collect();
    assert_eq!(
        paths,
        [
            "/describeEnvironments",
            "/startEnvironment",
            "/stopEnvironment",
            "/deleteEnvironment",
            "/deleteSession",
            "/sendHeartBeat",
            "/getEnvironmentStatus",
            "/createEnvironment"
        ]
    );
}

#[tokio::test]
async fn only_what_may_pass_is_asked_again() {
    let cases = [
        ("503 Service Unavailable", "", ErrorKind::ServiceFault, 5),
        ("429 Too Many Requests", "", ErrorKind::Throttled, 5),
        (
            "400 Bad Request",
            r#"{"code":"ThrottlingException"}"#,
            ErrorKind::Throttled,
            5,
        ),
        ("403 Forbidden", "", ErrorKind::NotAllowed, 1),
        (
            "400 Bad Request",
            r#"{"code":"InvalidStatusException"}"#,
            ErrorKind::WrongState,
            1,
        ),
        ("302 Found", "", ErrorKind::Refused, 1),
    ];
    for (status, body, kind, attempts) in cases {
        let server = Server::saying(status, body).await;
        let error = server.api().create_session("e").await.expect_err("it is refused");
        assert_eq!(
            (error.kind(), server.asked().len()),
            (kind, attempts),
            "{status}: {error}"
        );
    }
}

#[tokio::test]
async fn a_passing_problem_passes() {
    let answers = vec![
        answer(
            "500 Internal Server Error",
            r#"{"code":"InternalServerException"}"#,
        ),
        Vec::new(),
        answer("200 OK", r#"{"Status":"SUSPENDED","StatusReason":null}"#),
    ];
    let server = Server::start(answers).await;
    let status = server.api().environment_status("e").await.expect("in the end");
    assert_eq!(status.status, "SUSPENDED");
    assert_eq!(server.asked().len(), 3);
}

#[tokio::test]
async fn a_session_whose_answer_was_lost_is_not_opened_twice() {
    let server = Server::start(vec![Vec::new()]).await;
    let error = server.api().create_session("e").await.expect_err("no answer");
    assert_eq!(
        (error.kind(), server.asked().len()),
        (ErrorKind::Network, 1),
        "{error}"
    );
}

#[tokio::test]
async fn endless_answers_and_silence_end() {
    let long = format!(r#"{{"x":"{}"}}"#, "x".repeat(2 * ANSWER_LEN_MAX));
    let server = Server::saying("200 OK", &long).await;
    let error = server.api().describe_environments().await.expect_err("too long");
    assert!(error.message().contains("longer than 1048576"), "{error}");

    let server = Server::start(Vec::new()).await;
    let once = RetryPolicy {
        attempts_max: 1,
        ..RetryPolicy::default()
    };
    let begun = Instant::now();
    let error = server
        .api_with(once)
        .describe_environments()
        .await
        .expect_err("silence");
    assert_eq!(error.kind(), ErrorKind::Network, "{error}");
    assert!(begun.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn nobody_there_is_a_network_error() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("bound");
    drop(listener);
    let config = ApiConfig {
        endpoint: format!("http://{address}").parse().ok(),
        retry: RetryPolicy {
            attempts_max: 2,
            ..RetryPolicy::default()
        },
        ..ApiConfig::new("eu-west-1", static_credentials(KEY_ID, SECRET, None))
    };
    let api = Api::new(config).expect("it can be made");
    let error = api.create_session("e").await.expect_err("nobody is there");
    assert_eq!(error.kind(), ErrorKind::Network, "{error}");
    assert!(error.is_transient());
}

#[test]
fn a_region_is_part_of_a_host_name() {
    for region in ["eu-west-1", "us-gov-west-1", "local"] {
        assert!(is_region(region), "{region}");
    }
    for region in ["", "eu.west", "evil.com/", "EU-WEST-1", "-", "a--b", "x@y"] {
        assert!(!is_region(region), "{region}");
        let config = ApiConfig::new(region, static_credentials(KEY_ID, SECRET, None));
        assert!(
            matches!(Api::new(config), Err(ApiSetupError::Region { .. })),
            "{region}"
        );
    }
}
