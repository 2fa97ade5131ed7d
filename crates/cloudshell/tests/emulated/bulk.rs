//! Many random bytes through the shell, over a line that loses, repeats and reorders messages both ways: they come out
//! as they went in.
//!
//! `BULK_MB` says how many megabytes each test sends (10⁶ bytes), `TEST_SEED` which ones. By default it is 12, which takes
//! some 20 seconds: a client types at most a kilobyte a millisecond, and base64 makes a third more of it.

use std::time::{Duration, Instant};

use data_encoding::BASE64;
use emulator::Command;
use shell::{Shell as _, ShellError};
use testkit::Lottery;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::timeout;

use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_typed_into_a_terminal_unharmed() {
    let mut lottery = Lottery::from_env();
    let world = World::start().await;
    world.spoil_line(&mut lottery);
    world.apply(Command::OfferUploads {
        region: None,
        is_on: false,
    });
    let bytes = lottery.bytes(bulk_len());
    put_and_compare(&world, &bytes, "typed").await;
    let typed = typed_messages(bytes.len());
    let inputs = world.environment().inputs;
    assert!(
        inputs >= typed,
        "{inputs} messages cannot carry the file, which needs {typed}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_fetched_from_the_bucket_unharmed() {
    let mut lottery = Lottery::from_env();
    let world = World::start().await;
    world.spoil_line(&mut lottery);
    let bytes = lottery.bytes(bulk_len());
    put_and_compare(&world, &bytes, "posted and fetched").await;
    let inputs = world.environment().inputs;
    assert!(inputs < 100, "{inputs} messages: the file was typed");
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_go_through_a_command_and_come_back_unharmed() {
    let mut lottery = Lottery::from_env();
    let world = World::start().await;
    world.spoil_line(&mut lottery);
    let shell = world.shell();
    let mut stream = shell.stream("exec cat").await.expect("the shell runs");
    let text = lines(&lottery.bytes(bulk_len()));
    let mut back = vec![0; text.len()];
    let begun = Instant::now();
    let writing = async { stream.writer.write_all(&text).await.expect("it is taken") };
    let reading = stream.reader.read_exact(&mut back);
    let both = async { tokio::join!(writing, reading).1 };
    timeout(time_limit(), both)
        .await
        .expect("it comes back in time")
        .expect("it comes back");
    report("through `cat` and back, as text", text.len(), begun);
    assert!(back == text, "the text was changed on its way");
    drop(stream);
    shell.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_typed_file_goes_on_where_its_connections_were_cut() {
    let mut lottery = Lottery::from_env();
    let world = World::start().await;
    world.apply(Command::OfferUploads {
        region: None,
        is_on: false,
    });
    let bytes = lottery.bytes(1_000_000);
    world.apply(Command::DropSocketsAfter {
        region: crate::world::REGION.to_owned(),
        // Behind three quarters of the file: a message of a kilobyte and its acknowledgement take one and a half.
        bytes: 1_500_000,
    });
    let shell = world.shell();
    // The session that is kept for commands is cut too. If that is noticed only when it is used, the file is put again.
    let mut puts = 1;
    while let Err(error) = shell.put_file("bulk", &bytes, false).await {
        assert!(
            matches!(error, ShellError::Unavailable { .. }) && puts < 3,
            "{error}"
        );
        puts += 1;
    }
    let written = std::fs::read(world.file("bulk")).expect("it is there");
    assert!(written == bytes, "the file was changed on its way");
    let (typed, inputs) = (typed_messages(bytes.len()), world.environment().inputs);
    assert!(
        (typed..typed + typed / 2).contains(&inputs),
        "{inputs} messages of input for a file of {typed}: it was begun anew"
    );
}

async fn put_and_compare(world: &World, bytes: &[u8], how: &str) {
    let shell = world.shell();
    let begun = Instant::now();
    timeout(time_limit(), shell.put_file("bulk", bytes, false))
        .await
        .expect("it arrives in time")
        .expect("it arrives");
    report(how, bytes.len(), begun);
    let written = std::fs::read(world.file("bulk")).expect("it is there");
    assert!(written == bytes, "the file was changed on its way");
    shell.close().await;
}

fn bulk_len() -> usize {
    bulk_mb() * 1_000_000
}

fn bulk_mb() -> usize {
    let chosen = std::env::var("BULK_MB").ok();
    chosen.map_or(BULK_MB, |mb| {
        mb.parse().expect("BULK_MB is a number of megabytes")
    })
}

/// Far more than it takes on a busy machine: only a transfer that stands still waits for it.
fn time_limit() -> Duration {
    Duration::from_secs(60 + 15 * bulk_mb() as u64)
}

/// How many messages of a kilobyte the base64 of so many bytes fills.
fn typed_messages(len: usize) -> u64 {
    (len.div_ceil(3) * 4).div_ceil(1024) as u64
}

fn lines(bytes: &[u8]) -> Vec<u8> {
    let line = |part: &[u8]| format!("{}\n", BASE64.encode(part));
    bytes.chunks(57).map(line).collect::<String>().into_bytes()
}

fn report(how: &str, len: usize, begun: Instant) {
    let (mb, seconds) = (len as f64 / 1e6, begun.elapsed().as_secs_f64());
    println!("{mb:.1} MB {how}: {seconds:.1} s, {:.2} MB/s", mb / seconds);
}

const BULK_MB: usize = 12;
