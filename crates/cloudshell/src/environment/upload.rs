//! Putting a file into an environment.
//!
//! If the API offers a place in between, the file is posted there and fetched from there by the environment. Else it is
//! typed into a terminal, compressed and in base64. Either way it arrives under a temporary name, and is renamed once its
//! checksum is right.

use std::io::Write as _;
use std::time::Duration;

use data_encoding::{BASE64, HEXLOWER};
use flate2::Compression;
use flate2::write::GzEncoder;
use md5::Md5;
use reqwest::multipart::{Form, Part};
use sha2::{Digest as _, Sha256};
use shell::{Output, Shell as _, ShellError, quote};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::timeout;
use tracing::{debug, info, warn};
use uuid::Uuid;

use super::EnvironmentShell;
use crate::api::{FileUrls, limited_body};
use crate::credentials::chain;

/// Puts a file at a path below the home directory, whole or not at all.
pub(super) async fn put_file(
    shell: &EnvironmentShell,
    path: &str,
    bytes: &[u8],
    is_executable: bool,
) -> Result<(), ShellError> {
    let file = File::new(path, bytes, is_executable);
    file.check_len()?;
    file.check_folder(shell).await?;
    match put_over_bucket(shell, &file).await {
        Ok(()) => return Ok(()),
        Err(reason) => warn!(reason, "the file goes through the terminal, slowly"),
    }
    put_over_terminal(shell, &file).await
}

struct File<'a> {
    /// As the caller names it.
    path: &'a str,
    /// Never taken for an option.
    target: String,
    bytes: &'a [u8],
    sha256: String,
    mode: &'static str,
}

impl<'a> File<'a> {
    fn new(path: &'a str, bytes: &'a [u8], is_executable: bool) -> Self {
        let target = if path.starts_with('/') {
            path.to_owned()
        } else {
            format!("./{path}")
        };
        Self {
            path,
            target,
            bytes,
            sha256: HEXLOWER.encode(&Sha256::digest(bytes)),
            mode: if is_executable { "700" } else { "600" },
        }
    }

    fn check_len(&self) -> Result<(), ShellError> {
        if self.bytes.len() <= FILE_LEN_MAX {
            return Ok(());
        }
        let len = self.bytes.len();
        Err(self.not_written(format!("it has {len} bytes, and at most {FILE_LEN_MAX} are put")))
    }

    async fn check_folder(&self, shell: &EnvironmentShell) -> Result<(), ShellError> {
        let target = quote(&self.target);
        let script = format!(
            "d=$(dirname {target}); [ -d \"$d\" ] && [ -w \"$d\" ] && [ ! -d {target} ] || \
             {{ echo \"no folder to write it to, or a folder itself\"; exit 1; }}"
        );
        self.expect_success(shell.run(&script, COMMAND_TIMEOUT).await?)
    }

    fn temporary(&self) -> String {
        format!("{}.{}.new", self.target, Uuid::new_v4().simple())
    }

    /// The script that gives a temporary file its name, if it is right; else deletes it.
    fn finish(&self, temporary: &str) -> String {
        let (temporary, target, mode, sha256) =
            (quote(temporary), quote(&self.target), self.mode, &self.sha256);
        format!(
            "t={temporary}; p={target}; \
             if [ \"$(sha256sum < \"$t\" | cut -c 1-64)\" != {sha256} ]; \
             then rm -f \"$t\"; echo 'it arrived with another checksum'; exit {WRONG_CHECKSUM}; fi; \
             chmod {mode} \"$t\" && sync \"$t\" && mv -f \"$t\" \"$p\" && sync \"$(dirname \"$p\")\" \
             || {{ rm -f \"$t\"; exit 1; }}"
        )
    }

    fn expect_success(&self, output: Output) -> Result<(), ShellError> {
        if output.status == 0 {
            return Ok(());
        }
        Err(self.not_written(format!("status {}: {}", output.status, output.text.trim())))
    }

    fn not_written(&self, reason: String) -> ShellError {
        ShellError::NotWritten {
            path: self.path.to_owned(),
            reason,
        }
    }
}

/// Errors are sentences: whatever it is, the terminal is tried next.
async fn put_over_bucket(shell: &EnvironmentShell, file: &File<'_>) -> Result<(), String> {
    // The service is told a random name: it need not know what is stored where.
    let name = format!("{}.bin", Uuid::new_v4().simple());
    let urls = shell.api.file_upload_urls(&shell.environment_id, &name).await;
    let urls = urls.map_err(|error| error.to_string())?;
    post(shell, &urls, file.bytes).await?;
    let mut refusal = String::new();
    for headers in download_headers(&urls) {
        let temporary = file.temporary();
        let script = format!(
            "umask 077; {} || {{ s=$?; rm -f {}; exit $s; }}; {}",
            fetch(&urls.download_url, &headers, &temporary),
            quote(&temporary),
            file.finish(&temporary)
        );
        let output = shell
            .run(&script, TRANSFER_TIMEOUT)
            .await
            .map_err(|error| error.to_string())?;
        if output.status == 0 {
            info!(bytes = file.bytes.len(), "file fetched by the environment");
            return Ok(());
        }
        refusal = format!("status {}: {}", output.status, output.text.trim());
        debug!(refusal, "the environment could not fetch the file");
    }
    Err(format!("the environment could not fetch the file: {refusal}"))
}

/// A form of all fields, then the file: its length is known, as S3 wants it.
async fn post(shell: &EnvironmentShell, urls: &FileUrls, bytes: &[u8]) -> Result<(), String> {
    let mut form = Form::new();
    for (name, value) in &urls.upload_fields {
        form = form.text(name.clone(), value.clone());
    }
    form = form.part("file", Part::bytes(bytes.to_vec()).file_name("file"));
    let request = shell.api.http().post(&urls.upload_url).multipart(form);
    // The URL has secrets in it, which an error would repeat.
    let failed =
        |error: reqwest::Error| format!("the file could not be posted: {}", chain(&error.without_url()));
    let answer = request.timeout(TRANSFER_TIMEOUT).send().await.map_err(failed)?;
    let status = answer.status();
    let said = limited_body(answer).await.map_err(|error| error.to_string())?;
    if status.is_success() {
        return Ok(());
    }
    let said: String = String::from_utf8_lossy(&said).chars().take(SAID_MAX).collect();
    Err(format!("the file could not be posted: HTTP {status}: {said}"))
}

/// The headers that open the file, without and then with the key's checksum: which of them are wanted is not known.
fn download_headers(urls: &FileUrls) -> Vec<Vec<(&'static str, String)>> {
    let Some(key) = urls.download_key.as_ref().filter(|key| !key.is_empty()) else {
        return vec![Vec::new()];
    };
    let algorithm = urls.upload_fields.get(ALGORITHM).cloned();
    let algorithm = algorithm.unwrap_or_else(|| "AES256".to_owned());
    let short = vec![(ALGORITHM, algorithm), (KEY, key.clone())];
    let hash = urls.download_key_hash.clone().or_else(|| key_md5(key));
    let Some(hash) = hash else { return vec![short] };
    let long = short.iter().cloned().chain([(KEY_MD5, hash)]).collect::<Vec<_>>();
    vec![short, long]
}

fn key_md5(key: &str) -> Option<String> {
    let key = BASE64.decode(key.as_bytes()).ok()?;
    Some(BASE64.encode(&Md5::digest(key)))
}

fn fetch(url: &str, headers: &[(&str, String)], temporary: &str) -> String {
    let headers: String = headers
        .iter()
        .map(|(name, value)| format!(" -H {}", quote(&format!("{name}: {value}"))))
        .collect();
    let seconds = TRANSFER_TIMEOUT.as_secs() - 10;
    format!(
        "curl -sS -f -g --connect-timeout 15 --max-time {seconds}{headers} -o {} -- {}",
        quote(temporary),
        quote(url)
    )
}

/// Goes on where an earlier try stopped.
async fn put_over_terminal(shell: &EnvironmentShell, file: &File<'_>) -> Result<(), ShellError> {
    let text = encode(file.bytes).map_err(|error| file.not_written(error.to_string()))?;
    let partial = format!(
        "{}.{}.part",
        file.target,
        file.sha256.get(..16).unwrap_or_default()
    );
    let mut last_problem = "it did not arrive".to_owned();
    for _ in 0..ROUNDS_MAX {
        let arrived = match arrived_len(shell, file, &partial, text.len()).await {
            // The session may be cut here as well; the next round has another.
            Err(error @ ShellError::Unavailable { .. }) => {
                last_problem = error.to_string();
                continue;
            }
            arrived => arrived?,
        };
        if arrived == text.len() {
            match shell.run(&unpack(file, &partial), TRANSFER_TIMEOUT).await {
                Ok(output) if output.status == WRONG_CHECKSUM => last_problem = output.text.trim().to_owned(),
                Ok(output) => return file.expect_success(output),
                Err(error @ ShellError::Unavailable { .. }) => last_problem = error.to_string(),
                Err(error) => return Err(error),
            }
            continue;
        }
        debug!(arrived, len = text.len(), "typing the file");
        if let Err(error) = send_rest(shell, &partial, text.get(arrived..).unwrap_or_default()).await {
            warn!(%error, "the file did not arrive whole, it goes on");
            last_problem = error.to_string();
        }
    }
    Err(file.not_written(last_problem))
}

/// Lines of base64, all of the same length but the last.
fn encode(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut compressed = GzEncoder::new(Vec::new(), Compression::best());
    compressed.write_all(bytes)?;
    let encoded = BASE64.encode(&compressed.finish()?).into_bytes();
    Ok(encoded
        .chunks(LINE_LEN - 1)
        .flat_map(|line| line.iter().copied().chain([b'\n']))
        .collect())
}

/// How much of the text is there: whole lines, since the end of an interrupted transfer is not to be trusted.
async fn arrived_len(
    shell: &EnvironmentShell,
    file: &File<'_>,
    partial: &str,
    len: usize,
) -> Result<usize, ShellError> {
    let script = format!(
        "umask 077; p={}; touch \"$p\" && n=$(wc -c < \"$p\") && \
         if [ $n -gt {len} ]; then : > \"$p\" && echo 0; elif [ \"$(tail -c 1 \"$p\" | wc -l)\" -eq 1 ]; then echo $n; \
         else n=$((n / {LINE_LEN} * {LINE_LEN})) && truncate -s $n \"$p\" && echo $n; fi",
        quote(partial)
    );
    let output = shell.run(&script, COMMAND_TIMEOUT).await?;
    output
        .text
        .trim()
        .parse()
        .map_err(|_| file.not_written(output.text.trim().to_owned()))
}

async fn send_rest(shell: &EnvironmentShell, partial: &str, rest: &[u8]) -> Result<(), ShellError> {
    let command = format!(
        "head -c {} >> {} && sync {} && echo done",
        rest.len(),
        quote(partial),
        quote(partial)
    );
    let mut stream = shell.stream(&command).await?;
    for part in rest.chunks(PART_LEN) {
        let written = timeout(PART_TIMEOUT, stream.writer.write_all(part)).await;
        written
            .map_err(|_| super::unavailable("the terminal takes nothing"))?
            .map_err(super::unavailable)?;
    }
    let mut answer = [0; 4];
    let answered = timeout(PART_TIMEOUT, stream.reader.read_exact(&mut answer)).await;
    answered
        .map_err(|_| super::unavailable("the end of the file did not arrive"))?
        .map_err(super::unavailable)?;
    Ok(())
}

fn unpack(file: &File<'_>, partial: &str) -> String {
    let temporary = file.temporary();
    format!(
        "umask 077; base64 -d < {0} | gzip -d > {1}; rm -f {0}; {2}",
        quote(partial),
        quote(&temporary),
        file.finish(&temporary)
    )
}

const ALGORITHM: &str = "x-amz-server-side-encryption-customer-algorithm";
const KEY: &str = "x-amz-server-side-encryption-customer-key";
const KEY_MD5: &str = "x-amz-server-side-encryption-customer-key-md5";

/// Programs have some megabytes; the home directory has a thousand.
const FILE_LEN_MAX: usize = 256 << 20;
const SAID_MAX: usize = 300;
/// A line of the file as typed, with its end: short enough for any terminal.
const LINE_LEN: usize = 961;
const PART_LEN: usize = 16 << 10;
/// A part in this time would be 0.3 KB/s: the terminal stands still.
const PART_TIMEOUT: Duration = Duration::from_secs(60);
const COMMAND_TIMEOUT: Duration = Duration::from_secs(30);
const TRANSFER_TIMEOUT: Duration = Duration::from_secs(600);
/// A session lasts an hour, in which hundreds of megabytes pass: more rounds would not help.
const ROUNDS_MAX: u32 = 6;
/// The status of a script that found a wrong checksum.
const WRONG_CHECKSUM: i32 = 65;
