//! What is said to whoever asks for what cannot be had: what kind of refusal it is, and what to do next.

use cloudshell::{ApiError, ErrorKind};
use emulator::{ApiEffect, ApiFault, Command, Credential};
use shell::{Shell as _, ShellError};

use crate::world::World;

/// A refusal is of a kind, repeats the service's own name for it, and names a next step.
fn check(error: &ApiError, kind: ErrorKind, code: &str, next_step: &str) {
    assert_eq!((error.kind(), error.code()), (kind, Some(code)), "{error}");
    let text = error.to_string();
    assert!(text.contains("in eu-west-1") && text.contains(code), "{text}");
    assert!(text.contains(next_step), "{text}");
    assert!(text.len() < 500, "{text}");
}

#[tokio::test]
async fn a_wrong_secret_is_a_matter_of_signing_in() {
    let world = World::start().await;
    let wrong = Credential {
        secret_access_key: "wrong".to_owned(),
        ..world.credential()
    };
    let error = world
        .api_as(&wrong)
        .describe_environments()
        .await
        .expect_err("refused");
    let next_step = "sign in again (aws sso login, or new keys)";
    check(
        &error,
        ErrorKind::Credentials,
        "InvalidSignatureException",
        next_step,
    );
    assert!(!error.to_string().contains("wrong"), "a secret is shown: {error}");
}

#[tokio::test]
async fn an_unknown_key_is_a_matter_of_signing_in() {
    let world = World::start().await;
    let error = world.api_as(&Credential::random()).describe_environments().await;
    let error = error.expect_err("refused");
    check(
        &error,
        ErrorKind::Credentials,
        "UnrecognizedClientException",
        "sign in again",
    );
}

#[tokio::test]
async fn an_expired_token_is_a_matter_of_signing_in() {
    let temporary = Credential {
        session_token: Some("token".to_owned()),
        ..Credential::random()
    };
    let world = World::with(|config| config.credentials = vec![temporary]).await;
    let api = world.api();
    api.describe_environments().await.expect("the token is good");
    let access_key_id = world.credential().access_key_id;
    world.apply(Command::ExpireToken { access_key_id });
    let error = api.describe_environments().await.expect_err("refused");
    check(
        &error,
        ErrorKind::Credentials,
        "ExpiredTokenException",
        "sign in again",
    );
}

#[tokio::test]
async fn an_unknown_environment_is_gone() {
    let world = World::start().await;
    let error = world
        .api()
        .environment_status("00112233-4455-4677-8899-aabbccddeeff")
        .await;
    let error = error.expect_err("refused");
    let next_step = "list the environments, and create one if there is none";
    check(&error, ErrorKind::Gone, "ResourceNotFoundException", next_step);
}

#[tokio::test]
async fn a_running_environment_is_not_started() {
    let world = World::start().await;
    let error = world.api().start_environment(world.environment_id()).await;
    let error = error.expect_err("refused");
    let next_step = "wait until it has settled";
    check(&error, ErrorKind::WrongState, "InvalidStatusException", next_step);
}

#[tokio::test]
async fn a_suspended_environment_has_no_shell_until_it_is_started() {
    let world = World::start().await;
    world.apply(Command::Suspend { region: None });
    let error = world.shell().put_file("file", b"bytes", false).await;
    let Err(ShellError::Unavailable { reason }) = error else {
        panic!("{error:?}");
    };
    assert!(
        reason.contains("SUSPEND") && reason.ends_with("; start it"),
        "{reason}"
    );
}

#[tokio::test]
async fn exhausted_hours_are_over_a_limit() {
    let world = World::start().await;
    world.apply(Command::ExhaustHours { region: None });
    let next_step = "the hours of a month begin anew with the next one";
    let error = world.api().start_environment(world.environment_id()).await;
    let error = error.expect_err("refused");
    check(
        &error,
        ErrorKind::Quota,
        "ServiceQuotaExceededException",
        next_step,
    );
}

#[tokio::test]
async fn too_many_sessions_are_over_a_limit() {
    let world = World::with(|config| config.service.sessions_max = 1).await;
    let api = world.api();
    api.create_session(world.environment_id())
        .await
        .expect("the first");
    let error = api
        .create_session(world.environment_id())
        .await
        .expect_err("refused");
    let next_step = "sessions can be deleted";
    check(
        &error,
        ErrorKind::Quota,
        "ServiceQuotaExceededException",
        next_step,
    );
}

#[tokio::test]
async fn who_is_throttled_for_long_is_told_to_ask_less() {
    let world = World::start().await;
    world.apply(throttle(None, 3600));
    let error = world.api().describe_environments().await.expect_err("refused");
    check(
        &error,
        ErrorKind::Throttled,
        "ThrottlingException",
        "ask less, or later",
    );
    assert!(error.is_transient());
}

#[tokio::test]
async fn who_is_throttled_for_a_moment_does_not_notice() {
    let world = World::start().await;
    world.apply(throttle(Some(2), 0));
    let listed = world
        .api()
        .describe_environments()
        .await
        .expect("the third attempt");
    assert_eq!(listed.len(), 1);
}

fn throttle(times: Option<u32>, retry_after_s: u32) -> Command {
    Command::FailApi(ApiFault {
        operation: None,
        region: None,
        times,
        effect: ApiEffect::Throttle { retry_after_s },
    })
}
