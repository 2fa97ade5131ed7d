//! Credentials are found where other AWS programs find them. Each case runs in a process of its own, since what is read
//! is the process's environment.

use std::path::Path;
use std::process::Command;

use aws_credential_types::provider::ProvideCredentials as _;
use cloudshell::load_credentials;

/// What [`prints_what_it_finds`] prints in an environment.
fn found(home: &Path, profile: &str, environment: &[(&str, &str)]) -> String {
    let mut child = Command::new(std::env::current_exe().expect("a test runs"));
    child
        .args(["--exact", "prints_what_it_finds", "--ignored", "--nocapture"])
        .env_clear()
        .env("HOME", home)
        .env("PATH", "/usr/bin:/bin")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("TEST_PROFILE", profile)
        .envs(environment.iter().copied());
    let output = child.output().expect("the test runs again");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let (_, behind) = text.split_once("found: ").expect("it prints");
    behind.lines().next().unwrap_or_default().to_owned()
}

#[tokio::test]
#[ignore = "run by the other tests, in environments of their own"]
async fn prints_what_it_finds() {
    let profile = std::env::var("TEST_PROFILE")
        .ok()
        .filter(|profile| !profile.is_empty());
    match load_credentials(profile.as_deref(), "eu-west-1").await {
        Ok(provider) => {
            let credentials = provider.provide_credentials().await.expect("they were there");
            let token = credentials.session_token().unwrap_or("none");
            println!("found: {} {token}", credentials.access_key_id());
        }
        Err(error) => println!("found: {error}"),
    }
}

#[test]
fn keys_come_from_the_environment_a_profile_or_a_process() {
    let home = tempfile::tempdir().expect("a directory");
    let aws = home.path().join(".aws");
    std::fs::create_dir(&aws).expect("made");
    let credentials =
        "[work]\naws_access_key_id = AKIDWORK\naws_secret_access_key = s\naws_session_token = t\n";
    std::fs::write(aws.join("credentials"), credentials).expect("written");
    let process = r#"[profile tool]
credential_process = echo '{"Version": 1, "AccessKeyId": "AKIDTOOL", "SecretAccessKey": "s"}'
"#;
    std::fs::write(aws.join("config"), process).expect("written");

    let environment = [("AWS_ACCESS_KEY_ID", "AKIDENV"), ("AWS_SECRET_ACCESS_KEY", "s")];
    assert_eq!(found(home.path(), "", &environment), "AKIDENV none");
    assert_eq!(
        found(home.path(), "work", &environment),
        "AKIDWORK t",
        "who names a profile means it"
    );
    assert_eq!(found(home.path(), "tool", &[]), "AKIDTOOL none");
    assert_eq!(found(home.path(), "", &[("AWS_PROFILE", "work")]), "AKIDWORK t");
}

#[test]
fn their_absence_is_a_sentence_with_a_next_step() {
    let home = tempfile::tempdir().expect("a directory");
    for (profile, parts) in [
        (
            "work",
            [
                "no AWS credentials: ",
                "tried the profile \"work\"",
                "aws sso login",
            ],
        ),
        ("", ["no AWS credentials: ", "AWS_ACCESS_KEY_ID", "aws configure"]),
    ] {
        let absent = found(home.path(), profile, &[]);
        for part in parts {
            assert!(absent.contains(part), "{absent}");
        }
    }
}
