//! Shows that a file goes through the presigned form and address, and only as they were given.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod client;

use client::{REGION, World};
use emulator::Command;
use reqwest::header::CONTENT_TYPE;
use serde_json::{Value, json};

const KEY: &str = "x-amz-server-side-encryption-customer-key";
const ALGORITHM: &str = "x-amz-server-side-encryption-customer-algorithm";

struct Upload {
    world: World,
    urls: Value,
}

impl Upload {
    async fn start() -> Self {
        Self::of(World::start().await).await
    }

    async fn of(world: World) -> Self {
        let client = world.client();
        let id = client.environment().await;
        let urls = client
            .ok(
                "getFileUploadUrls",
                json!({"EnvironmentId": id, "FileUploadPath": "a/b c.bin"}),
            )
            .await;
        Self { world, urls }
    }

    /// Sends the form, without or with changed fields; returns the status.
    async fn post(&self, change: impl Fn(&str, &str) -> Option<String>, file: &[u8]) -> u16 {
        let mut body = Vec::new();
        for (name, value) in self.urls["FileUploadPresignedFields"].as_object().unwrap() {
            if let Some(value) = change(name, value.as_str().unwrap()) {
                body.extend(
                    format!("--line\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
                        .bytes(),
                );
            }
        }
        body.extend(b"--line\r\ncontent-disposition: form-data; name=\"file\"; filename=\"f\"\r\n\r\n");
        body.extend(file);
        body.extend(b"\r\n--line--\r\n");
        let url = self.urls["FileUploadPresignedUrl"].as_str().unwrap();
        let request = self.world.client().http.post(url).body(body);
        let response = request
            .header(CONTENT_TYPE, "multipart/form-data; boundary=line")
            .send()
            .await
            .unwrap();
        response.status().as_u16()
    }

    async fn get(&self, headers: &[(&str, &str)]) -> (u16, Vec<u8>) {
        let url = self.urls["FileDownloadPresignedUrl"].as_str().unwrap();
        let mut request = self.world.client().http.get(url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request.send().await.unwrap();
        (
            response.status().as_u16(),
            response.bytes().await.unwrap().to_vec(),
        )
    }

    fn key(&self) -> &str {
        self.urls["FileDownloadPresignedKey"].as_str().unwrap()
    }
}

fn unchanged(_: &str, value: &str) -> Option<String> {
    Some(value.to_owned())
}

#[tokio::test]
async fn a_file_comes_back_to_whoever_has_the_key() {
    let upload = Upload::start().await;
    let file: Vec<u8> = (0..300_000_u32).map(|number| number as u8).collect();
    assert_eq!(upload.get(&[(KEY, upload.key())]).await.0, 404);
    assert_eq!(upload.post(unchanged, &file).await, 204);
    let hash = upload.urls["FileDownloadPresignedKeyHash"].as_str().unwrap();
    let md5 = "x-amz-server-side-encryption-customer-key-md5";
    let (status, bytes) = upload
        .get(&[(ALGORITHM, "AES256"), (KEY, upload.key()), (md5, hash)])
        .await;
    assert_eq!((status, bytes == file), (200, true));
    assert_eq!(upload.get(&[(KEY, upload.key())]).await.0, 200);
    assert_eq!(upload.get(&[]).await.0, 400);
    assert_eq!(upload.get(&[(KEY, "AAAA")]).await.0, 403);
    assert_eq!(
        upload.get(&[(KEY, upload.key()), (ALGORITHM, "DES")]).await.0,
        400
    );
    assert_eq!(upload.get(&[(KEY, upload.key()), (md5, "AAAA")]).await.0, 400);
}

#[tokio::test]
async fn every_field_must_come_back_unchanged() {
    let upload = Upload::start().await;
    let names: Vec<_> = upload.urls["FileUploadPresignedFields"]
        .as_object()
        .unwrap()
        .keys()
        .cloned()
        .collect();
    for name in names {
        let without = |field: &str, value: &str| (field != name).then(|| value.to_owned());
        assert_eq!(upload.post(without, b"x").await, 403, "without {name}");
        let changed = |field: &str, value: &str| {
            Some(if field == name {
                format!("{value}x")
            } else {
                value.to_owned()
            })
        };
        assert!(
            [403, 404].contains(&upload.post(changed, b"x").await),
            "changed {name}"
        );
    }
    assert_eq!(upload.post(unchanged, b"x").await, 204);
}

#[tokio::test]
async fn addresses_expire() {
    let upload = Upload::start().await;
    assert_eq!(upload.post(unchanged, b"x").await, 204);
    upload
        .world
        .control()
        .apply(Command::AdvanceClock { seconds: 15 * 60 });
    assert_eq!(upload.post(unchanged, b"x").await, 403);
    assert_eq!(upload.get(&[(KEY, upload.key())]).await.0, 403);
}

#[tokio::test]
async fn a_file_that_is_too_long_is_refused() {
    let upload = Upload::of(World::with(|config| config.bucket.object_len_max = 1000).await).await;
    assert_eq!(upload.post(unchanged, &[0; 1001]).await, 400);
    assert_eq!(upload.get(&[(KEY, upload.key())]).await.0, 404);
    assert_eq!(upload.post(unchanged, &[0; 1000]).await, 204);
}

#[tokio::test]
async fn a_shell_can_fetch_the_file() {
    let upload = Upload::start().await;
    assert_eq!(upload.post(unchanged, b"from the bucket").await, 204);
    let mut terminal = upload.world.client().terminal().await;
    terminal.read_until("$ ").await;
    if terminal
        .run("command -v curl >/dev/null || echo none")
        .await
        .contains("none")
    {
        return;
    }
    let url = upload.urls["FileDownloadPresignedUrl"].as_str().unwrap();
    let command = format!(
        "curl -sS -H '{ALGORITHM}: AES256' -H '{KEY}: {}' '{url}'",
        upload.key()
    );
    assert_eq!(terminal.run(&command).await, "from the bucket");
}

#[tokio::test]
async fn uploads_need_not_be_offered() {
    let world = World::start().await;
    let client = world.client();
    let id = client.environment().await;
    world.control().apply(Command::OfferUploads {
        region: Some(REGION.to_owned()),
        is_on: false,
    });
    client
        .refused(
            "getFileUploadUrls",
            json!({"EnvironmentId": id}),
            403,
            "AccessDeniedException",
        )
        .await;
    world.control().apply(Command::OfferUploads {
        region: None,
        is_on: true,
    });
    client.ok("getFileUploadUrls", json!({"EnvironmentId": id})).await;
}
