//! Shown: the right secret opens an envelope; every other secret and every changed bit is refused by name, and a
//! forged envelope cannot make the reader work for long.

use codec::{Cipher, EnvelopeError, KdfParams, KeyEnvelope, Lock, LockKind, MasterKey, Unlock};
use model::StoreId;
use proptest::prelude::*;

const SALT: [u8; 16] = [5; 16];
const NONCE: [u8; 12] = [6; 12];

fn master() -> MasterKey {
    MasterKey::from_bytes([0x77; 32])
}

fn seal(cipher: Cipher, lock: Lock<'_>) -> Result<KeyEnvelope, EnvelopeError> {
    KeyEnvelope::seal(StoreId::from_bytes([3; 16]), cipher, 4, &master(), lock, NONCE)
}

fn passphrase(passphrase: &[u8]) -> Lock<'_> {
    Lock::Passphrase {
        passphrase,
        params: KdfParams::WEAK,
        salt: SALT,
    }
}

/// One envelope of each kind, with the secret that opens it.
fn each_kind() -> [(KeyEnvelope, Unlock<'static>); 3] {
    let open = |cipher, lock| seal(cipher, lock).expect("a fitting lock");
    [
        (
            open(Cipher::Aes256Gcm, passphrase(b"correct horse")),
            Unlock::Passphrase(b"correct horse"),
        ),
        (
            open(Cipher::Aes256Gcm, Lock::KeyFile(&[8; 32])),
            Unlock::KeyFile(&[8; 32]),
        ),
        (open(Cipher::None, Lock::Open), Unlock::Open),
    ]
}

/// Changes a byte and makes the checksum fit, as a forger would.
fn forged(envelope: &KeyEnvelope, at: usize, value: u8) -> Vec<u8> {
    let mut bytes = envelope.to_bytes();
    bytes[at] = value;
    let checksum = blake3::hash(&bytes[..120]);
    bytes[120..].copy_from_slice(&checksum.as_bytes()[..16]);
    bytes
}

#[test]
fn the_right_secret_opens_each_kind() {
    let kinds = [LockKind::Passphrase, LockKind::KeyFile, LockKind::Open];
    for ((envelope, unlock), kind) in each_kind().into_iter().zip(kinds) {
        let bytes = envelope.to_bytes();
        assert_eq!(bytes.len(), KeyEnvelope::LEN);
        let read = KeyEnvelope::from_bytes(&bytes).unwrap();
        assert_eq!(read, envelope);
        assert_eq!((read.kind(), read.generation()), (kind, 4));
        assert_eq!(read.store(), StoreId::from_bytes([3; 16]));
        assert_eq!(read.open(unlock), Ok(master()));
    }
}

#[test]
fn other_secrets_are_told_apart() {
    let [(by_passphrase, _), (by_file, _), (open, _)] = each_kind();
    let wrong = |envelope: &KeyEnvelope, unlock| envelope.open(unlock).unwrap_err();
    assert_eq!(
        wrong(&by_passphrase, Unlock::Passphrase(b"correct horsf")),
        EnvelopeError::WrongPassphrase
    );
    assert_eq!(
        wrong(&by_passphrase, Unlock::Passphrase(b"")),
        EnvelopeError::WrongPassphrase
    );
    assert_eq!(
        wrong(&by_file, Unlock::KeyFile(&[9; 32])),
        EnvelopeError::WrongKeyFile
    );
    let other = |needed, given| EnvelopeError::OtherLock { needed, given };
    assert_eq!(
        wrong(&by_passphrase, Unlock::Open),
        other(LockKind::Passphrase, LockKind::Open)
    );
    assert_eq!(
        wrong(&by_file, Unlock::Passphrase(b"x")),
        other(LockKind::KeyFile, LockKind::Passphrase)
    );
    // Whoever gives a passphrase must not end up in a store that a node made up.
    assert_eq!(
        wrong(&open, Unlock::Passphrase(b"x")),
        other(LockKind::Open, LockKind::Passphrase)
    );
}

#[test]
fn a_changed_passphrase_keeps_the_key() {
    let (old, unlock) = &each_kind()[0];
    let key = old.open(*unlock).unwrap();
    let new = KeyEnvelope::seal(old.store(), old.cipher(), 5, &key, passphrase(b"new"), [9; 12]).unwrap();
    assert_eq!(new.open(Unlock::Passphrase(b"new")), Ok(master()));
    assert_eq!(new.open(*unlock), Err(EnvelopeError::WrongPassphrase));
    assert!(new.generation() > old.generation());
}

#[test]
fn an_encrypted_store_has_no_open_envelope() {
    assert_eq!(
        seal(Cipher::Aes256Gcm, Lock::Open),
        Err(EnvelopeError::OpenButEncrypted)
    );
    let [.., (open, _)] = each_kind();
    let found = KeyEnvelope::from_bytes(&forged(&open, 5, 1));
    assert_eq!(found, Err(EnvelopeError::OpenButEncrypted));
}

#[test]
fn every_flipped_bit_is_damage() {
    for (envelope, _) in each_kind() {
        let good = envelope.to_bytes();
        for (at, bit) in (0..good.len()).flat_map(|at| (0..8).map(move |bit| (at, bit))) {
            let mut bytes = good.clone();
            bytes[at] ^= 1 << bit;
            let expected = match at {
                0..4 => EnvelopeError::BadMagic,
                4 => EnvelopeError::NewerVersion { version: bytes[4] },
                _ => EnvelopeError::Damaged,
            };
            assert_eq!(
                KeyEnvelope::from_bytes(&bytes),
                Err(expected),
                "bit {bit} of byte {at}"
            );
        }
    }
}

#[test]
fn lengths_are_exact() {
    let good = each_kind()[0].0.to_bytes();
    for len_bytes in 0..good.len() {
        let found = KeyEnvelope::from_bytes(&good[..len_bytes]);
        assert_eq!(
            found,
            Err(EnvelopeError::BadLength {
                len_bytes,
                needed_bytes: 136
            })
        );
    }
    let found = KeyEnvelope::from_bytes(&[&good[..], &[0]].concat());
    assert_eq!(
        found,
        Err(EnvelopeError::BadLength {
            len_bytes: 137,
            needed_bytes: 136
        })
    );
}

#[test]
fn forged_fields_are_refused_or_do_not_open() {
    let (envelope, unlock) = &each_kind()[0];
    let read = |at, value| KeyEnvelope::from_bytes(&forged(envelope, at, value));
    assert_eq!(read(5, 7), Err(EnvelopeError::UnknownCipher { cipher: 7 }));
    assert_eq!(read(6, 7), Err(EnvelopeError::UnknownLock { lock: 7 }));
    for at in [5, 8, 15, 16, 31, 44, 59, 60, 71, 72, 103, 104, 119] {
        let value = envelope.to_bytes()[at] ^ 1;
        let opened = read(at, value).unwrap().open(*unlock);
        assert_eq!(opened, Err(EnvelopeError::WrongPassphrase), "byte {at}");
    }
}

#[test]
fn hostile_parameters_are_refused_before_any_work() {
    let (envelope, _) = &each_kind()[0];
    let read = |at, value| KeyEnvelope::from_bytes(&forged(envelope, at, value));
    let out = |memory_kib, passes, lanes| {
        Err(EnvelopeError::KdfOutOfBounds {
            memory_kib,
            passes,
            lanes,
        })
    };
    assert_eq!(read(32, 0xff), out(0xff00_0040, 1, 1));
    assert_eq!(read(35, 7), out(7, 1, 1));
    assert_eq!(read(38, 1), out(64, 257, 1));
    assert_eq!(read(39, 0), out(64, 0, 1));
    assert_eq!(read(43, 17), out(64, 1, 17));
    assert_eq!(read(43, 0), out(64, 1, 0));
    assert_eq!(read(40, 0xff), out(64, 1, 0xff00_0001));
}

#[test]
fn parameters_have_bounds() {
    assert_eq!(KdfParams::new(64, 1, 1), Ok(KdfParams::WEAK));
    assert_eq!(KdfParams::new(65536, 3, 4), Ok(KdfParams::default()));
    let params = KdfParams::new(
        KdfParams::MEMORY_KIB_MAX,
        KdfParams::PASSES_MAX,
        KdfParams::LANES_MAX,
    )
    .unwrap();
    assert_eq!(
        (params.memory_kib(), params.passes(), params.lanes()),
        (1 << 20, 16, 16)
    );
    let refused = EnvelopeError::KdfOutOfBounds {
        memory_kib: 31,
        passes: 1,
        lanes: 4,
    };
    assert_eq!(KdfParams::new(31, 1, 4), Err(refused));
}

#[test]
fn secrets_are_not_shown() {
    let (envelope, unlock) = &each_kind()[2];
    let lock = passphrase(b"hunter2");
    assert_eq!(
        format!("{envelope:?} {unlock:?} {lock:?}"),
        "KeyEnvelope { store: StoreId(03030303), cipher: None, generation: 4, kind: Open, .. } Unlock::Open(..) \
         Lock::Passphrase(..)"
    );
}

proptest! {
    #[test]
    fn random_bytes_are_no_envelope(mut bytes in prop::collection::vec(any::<u8>(), 130..142), with_start: bool) {
        if with_start {
            bytes[..5].copy_from_slice(b"CSKE\x01");
        }
        prop_assert!(KeyEnvelope::from_bytes(&bytes).is_err());
    }

    #[test]
    fn forged_bytes_never_open_to_another_key(at in 0usize..120, value: u8) {
        for (envelope, unlock) in &each_kind()[..2] {
            // Parameters far above the test's own would only take time.
            prop_assume!(!(32..44).contains(&at));
            let opened = KeyEnvelope::from_bytes(&forged(envelope, at, value)).and_then(|read| read.open(*unlock));
            if let Ok(key) = opened {
                prop_assert_eq!(key, master());
            }
        }
    }
}
