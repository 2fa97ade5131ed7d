//! Shows that the API answers as the service does, refuses what the service refuses, and lies when told to.

mod client;

use std::time::{Duration, SystemTime};

use client::{REGION, World};
use emulator::{ApiEffect, ApiFault, Command, EmulatorState};
use serde_json::{Value, json};
use testkit::Lottery;

#[tokio::test]
async fn the_default_environment_is_created_once() {
    let world = World::start().await;
    let client = world.client();
    assert_eq!(
        client.ok("describeEnvironments", json!({})).await,
        json!({"Environments": []})
    );
    let id = client.environment().await;
    assert_eq!(
        client.ok("createEnvironment", json!({})).await,
        json!({"EnvironmentId": id, "Status": "RUNNING"})
    );
    let listed = client.ok("describeEnvironments", json!({})).await;
    assert_eq!(listed, json!({"Environments": [{"EnvironmentId": id}]}));
    let status = client
        .ok("getEnvironmentStatus", json!({"EnvironmentId": id}))
        .await;
    assert_eq!(
        status,
        json!({"EnvironmentId": id, "Status": "RUNNING", "StatusReason": null})
    );
    assert_eq!(
        client.ok("sendHeartBeat", json!({"EnvironmentId": id})).await,
        json!({})
    );
    assert_eq!(world.control().state().environments[0].heartbeats, 1);
}

#[tokio::test]
async fn an_empty_body_is_an_empty_object() {
    let world = World::start().await;
    for operation in ["describeEnvironments", "createEnvironment"] {
        assert_eq!(world.client().send(operation, b"").await.status(), 200);
    }
}

#[tokio::test]
async fn starting_what_runs_is_refused_in_the_services_words() {
    let world = World::start().await;
    let client = world.client();
    let id = client.environment().await;
    let response = client
        .send(
            "startEnvironment",
            json!({"EnvironmentId": id}).to_string().as_bytes(),
        )
        .await;
    assert_eq!(response.status(), 400);
    assert_eq!(response.headers()["x-amzn-errortype"], "InvalidStatusException");
    let text = response.text().await.unwrap();
    let attested = r#"{"code":"InvalidStatusException","message":"Expected the environment status to be in SUSPENDED."}"#;
    assert_eq!(text, attested);
}

#[tokio::test]
async fn a_session_has_what_the_plugin_needs() {
    let world = World::start().await;
    let client = world.client();
    let id = client.environment().await;
    let session = client.session(&id).await;
    let url = session["StreamUrl"].as_str().unwrap();
    let path = format!(
        "/v1/data-channel/{}?role=publish_subscribe&cell-number=AAEAA",
        session["SessionId"].as_str().unwrap()
    );
    assert!(url.starts_with("ws://127.0.0.1:") && url.contains(&path), "{url}");
    assert!(url.contains('+') && url.ends_with('='), "{url}");
    assert_eq!(session["EnvironmentId"], id);
    assert!(session["TokenValue"].as_str().unwrap().len() >= 200);
}

#[tokio::test]
async fn requests_that_are_wrong_are_refused() {
    let world = World::start().await;
    let client = world.client();
    let id = client.environment().await;
    let unknown = "11111111-2222-4333-8444-555555555555";
    for operation in [
        "getEnvironmentStatus",
        "stopEnvironment",
        "deleteEnvironment",
        "createSession",
        "sendHeartBeat",
    ] {
        client
            .refused(operation, json!({}), 400, "ValidationException")
            .await;
        client
            .refused(operation, json!({"EnvironmentId": 7}), 400, "ValidationException")
            .await;
        client
            .refused(
                operation,
                json!({"EnvironmentId": unknown}),
                404,
                "ResourceNotFoundException",
            )
            .await;
    }
    client
        .refused("openSesame", json!({}), 404, "UnknownOperationException")
        .await;
    let session = json!({"EnvironmentId": id, "SessionId": "none"});
    client
        .refused("deleteSession", session, 404, "ResourceNotFoundException")
        .await;
    for (kind, tab) in [
        ("TMUX", json!(null)),
        ("TMUX", json!("x")),
        ("TMUX", json!("00000000-0000-1000-8000-000000000000")),
        ("SCREEN", json!(null)),
    ] {
        let request = json!({"EnvironmentId": id, "SessionType": kind, "TabId": tab});
        client
            .refused("createSession", request, 400, "ValidationException")
            .await;
    }
    client
        .ok(
            "createSession",
            json!({"EnvironmentId": id, "QCliDisabled": true, "Unheard": [1]}),
        )
        .await;
}

#[tokio::test]
async fn vpc_environments_have_names_and_limits() {
    let world = World::start().await;
    let client = world.client();
    let vpc = json!({"VpcId": "vpc-1", "SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"]});
    let create = |name: &str| json!({"EnvironmentName": name, "VpcConfig": vpc});
    client
        .refused(
            "createEnvironment",
            json!({"VpcConfig": vpc}),
            400,
            "ValidationException",
        )
        .await;
    client
        .refused(
            "createEnvironment",
            create(&"x".repeat(29)),
            400,
            "ValidationException",
        )
        .await;
    let created = client.ok("createEnvironment", create("one")).await;
    assert_eq!(
        (&created["EnvironmentName"], &created["VpcConfig"]),
        (&json!("one"), &vpc)
    );
    client
        .refused("createEnvironment", create("one"), 400, "ValidationException")
        .await;
    client.ok("createEnvironment", create("two")).await;
    client
        .refused(
            "createEnvironment",
            create("three"),
            400,
            "ServiceQuotaExceededException",
        )
        .await;
}

#[tokio::test]
async fn the_eleventh_shell_is_one_too_many() {
    let world = World::start().await;
    let client = world.client();
    let id = client.environment().await;
    for _ in 0..10 {
        client.session(&id).await;
    }
    client
        .refused(
            "createSession",
            json!({"EnvironmentId": id}),
            402,
            "ServiceQuotaExceededException",
        )
        .await;
}

#[tokio::test]
async fn signatures_are_checked() {
    let world = World::start().await;
    let mut client = world.client();
    let old = SystemTime::now() - Duration::from_secs(400);
    let response = client.send_at("describeEnvironments", b"", old).await;
    assert_eq!(response.status(), 403);
    let unsigned = client
        .http
        .post(format!("{}/describeEnvironments", client.endpoint))
        .send()
        .await
        .unwrap();
    assert_eq!(
        unsigned.headers()["x-amzn-errortype"],
        "MissingAuthenticationTokenException"
    );
    client.credential.secret_access_key.push('x');
    client
        .refused(
            "describeEnvironments",
            json!({}),
            403,
            "InvalidSignatureException",
        )
        .await;
    client.credential.access_key_id.push('x');
    client
        .refused(
            "describeEnvironments",
            json!({}),
            403,
            "UnrecognizedClientException",
        )
        .await;
}

#[tokio::test]
async fn session_tokens_are_required_and_expire() {
    let world = World::with(|config| config.credentials[0].session_token = Some("TOKEN+/=".to_owned())).await;
    let mut client = world.client();
    client.ok("describeEnvironments", json!({})).await;
    let access_key_id = client.credential.access_key_id.clone();
    world.control().apply(Command::ExpireToken { access_key_id });
    client
        .refused("describeEnvironments", json!({}), 403, "ExpiredTokenException")
        .await;
    client.credential.session_token = None;
    client
        .refused(
            "describeEnvironments",
            json!({}),
            403,
            "UnrecognizedClientException",
        )
        .await;
}

#[tokio::test]
async fn faults_concern_the_requests_they_name_as_often_as_they_say() {
    let world = World::start().await;
    let client = world.client();
    let fault = ApiFault {
        operation: Some("createEnvironment".to_owned()),
        region: Some(REGION.to_owned()),
        times: Some(2),
        effect: ApiEffect::Refuse {
            status: 500,
            code: "InternalServerException".to_owned(),
            message: "no".to_owned(),
        },
    };
    world.control().apply(Command::FailApi(fault));
    client.ok("describeEnvironments", json!({})).await;
    for _ in 0..2 {
        client
            .refused("createEnvironment", json!({}), 500, "InternalServerException")
            .await;
    }
    client.environment().await;
}

#[tokio::test]
async fn other_programs_can_pull_the_levers() {
    let world = World::start().await;
    let client = world.client();
    client.environment().await;
    let command = format!("{}/_emulator/command", client.endpoint);
    let send = |body: Value| client.http.post(&command).json(&body).send();
    let throttle = json!({"command": "fail_api", "effect": {"throttle": {"retry_after_s": 7}}});
    assert_eq!(send(throttle).await.unwrap().status(), 204);
    let response = client.send("describeEnvironments", b"").await;
    assert_eq!(
        (response.status().as_u16(), &response.headers()["retry-after"]),
        (429, &"7".parse().unwrap())
    );
    assert_eq!(
        send(json!({"command": "clear_faults"})).await.unwrap().status(),
        204
    );
    client.ok("describeEnvironments", json!({})).await;
    assert_eq!(
        send(json!({"command": "suspend", "region": REGION}))
            .await
            .unwrap()
            .status(),
        204
    );
    let state = client
        .http
        .get(format!("{}/_emulator/state", client.endpoint))
        .send()
        .await
        .unwrap();
    let state: EmulatorState = state.json().await.unwrap();
    assert_eq!(state.environments[0].status, emulator::Status::Suspended);
    assert_eq!(send(json!({"command": "dance"})).await.unwrap().status(), 422);
    let from_page = client
        .http
        .post(&command)
        .header("origin", "http://evil")
        .json(&json!({"command": "clear_faults"}));
    assert_eq!(from_page.send().await.unwrap().status(), 403);
    let rebound = client
        .http
        .post(&command)
        .header("host", "evil.example")
        .json(&json!({"command": "clear_faults"}));
    assert_eq!(rebound.send().await.unwrap().status(), 403);
}

#[tokio::test]
async fn an_answer_may_have_members_nobody_knows() {
    let world = World::with(|config| config.service.has_unknown_members = true).await;
    let listed = world.client().ok("describeEnvironments", json!({})).await;
    assert!(listed["UnheardOf"].is_object(), "{listed}");
}

#[tokio::test]
async fn forwarded_credentials_need_a_token_of_the_console() {
    let world = World::start().await;
    let client = world.client();
    let id = client.environment().await;
    let put = |token: &str| json!({"EnvironmentId": id, "KeyBase": "k", "RefreshToken": token});
    client
        .refused("putCredentials", put("forged"), 400, "TokenDecryptionException")
        .await;
    let redeem = json!({"AuthCode": "a", "CodeVerifier": "v", "EnvironmentId": id, "KeyBase": "k", "RedirectUri": "r"});
    let token = client.ok("redeemCode", redeem).await;
    client
        .ok("putCredentials", put(token["RefreshToken"].as_str().unwrap()))
        .await;
}

#[tokio::test]
async fn no_body_is_too_strange() {
    let world = World::start().await;
    let client = world.client();
    let mut lottery = Lottery::from_env();
    let operations = [
        "createEnvironment",
        "createSession",
        "deleteSession",
        "getFileUploadUrls",
        "redeemCode",
        "putCredentials",
    ];
    for _ in 0..200 {
        let operation = operations[lottery.below(operations.len())];
        let body = strange(&mut lottery);
        let status = client.send(operation, &body).await.status().as_u16();
        assert!(
            [200, 400, 404].contains(&status),
            "{operation} {body:?}: {status}"
        );
    }
    let response = client.send("createEnvironment", &vec![b' '; 100 << 10]).await;
    assert_eq!(response.status(), 413);
    client.environment().await;
}

/// Bytes, or JSON that is almost what is expected.
fn strange(lottery: &mut Lottery) -> Vec<u8> {
    let values = [
        json!(null),
        json!(1e300),
        json!("x".repeat(3000)),
        json!([]),
        json!({"VpcId": []}),
        json!("../../.."),
    ];
    if lottery.once_in(3) {
        let len = lottery.below(100);
        return lottery.bytes(len);
    }
    let names = [
        "EnvironmentId",
        "VpcConfig",
        "EnvironmentName",
        "SessionId",
        "TabId",
        "SessionType",
        "FileUploadPath",
    ];
    let members = names
        .iter()
        .map(|name| ((*name).to_owned(), values[lottery.below(values.len())].clone()));
    Value::Object(members.collect()).to_string().into_bytes()
}
