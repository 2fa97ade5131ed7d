//! `envelope.json`: an envelope of each kind, envelopes that must be refused, and secrets that do not open.

use codec::{Cipher, KdfParams, KeyEnvelope, Lock, MasterKey, Unlock};
use model::StoreId;
use serde_json::{Value, json};

use super::{array, bytes, edited, hex, list, number, text, variant};

const MASTER: [u8; 32] = [0x42; 32];
const KEY_FILE: [u8; 32] = [0x24; 32];
const PASSPHRASE: &str = "correct horse battery stäple";

pub(crate) fn build() -> Value {
    let by_passphrase = seal(Cipher::Aes256Gcm, passphrase(KdfParams::default()));
    let weak = KdfParams::new(256, 2, 4).expect("in bounds");
    let by_weak = seal(Cipher::Aes256Gcm, passphrase(weak));
    let by_file = seal(Cipher::Aes256Gcm, Lock::KeyFile(&KEY_FILE));
    let open = seal(Cipher::None, Lock::Open);
    let with_passphrase = json!({"passphrase": PASSPHRASE});
    let with_file = json!({"key_file": hex(KEY_FILE)});
    json!({
        "about": "the secret opens the envelope to the master key",
        "master_key": hex(MASTER),
        "envelopes": [
            vector("a passphrase, as new envelopes have it", &by_passphrase, &with_passphrase),
            vector("a passphrase, cheap", &by_weak, &with_passphrase),
            vector("a key file", &by_file, &with_file),
            vector("open", &open, &json!({})),
        ],
        "refused": [
            refusal("wrong passphrase", by_weak.clone(), &json!({"passphrase": "Correct horse"})),
            refusal("wrong key file", by_file.clone(), &json!({"key_file": hex(MASTER)})),
            refusal("a key file instead of a passphrase", by_weak.clone(), &with_file),
            refusal("an open envelope for a passphrase", open.clone(), &with_passphrase),
            refusal("cut", by_file[..135].to_vec(), &with_file),
            refusal("another magic", edited(&by_file, 0, b"X"), &with_file),
            refusal("a later format", edited(&by_file, 4, &[2]), &with_file),
            refusal("rotten", edited(&by_file, 80, &[by_file[80] ^ 1]), &with_file),
            refusal("an unknown cipher", forged(&by_file, 5, &[2]), &with_file),
            refusal("another cipher", forged(&by_file, 5, &[0]), &with_file),
            refusal("an unknown lock", forged(&by_file, 6, &[3]), &with_file),
            refusal("another generation", forged(&by_file, 15, &[9]), &with_file),
            refusal("another store", forged(&by_file, 16, b"S"), &with_file),
            refusal("4 TiB of memory", forged(&by_weak, 32, &[0xff; 4]), &with_passphrase),
            refusal("too little memory", forged(&by_weak, 32, &[0, 0, 0, 31]), &with_passphrase),
            refusal("256 passes", forged(&by_weak, 36, &[0, 0, 1, 0]), &with_passphrase),
            refusal("no lanes", forged(&by_weak, 40, &[0; 4]), &with_passphrase),
            refusal("an encrypted store's key lying open", forged(&open, 5, &[1]), &json!({})),
        ],
    })
}

fn passphrase(params: KdfParams) -> Lock<'static> {
    Lock::Passphrase {
        passphrase: PASSPHRASE.as_bytes(),
        params,
        salt: *b"salt of vectors!",
    }
}

fn seal(cipher: Cipher, lock: Lock<'_>) -> Vec<u8> {
    let store = StoreId::from_bytes(*b"store of vectors");
    let master = MasterKey::from_bytes(MASTER);
    KeyEnvelope::seal(store, cipher, 3, &master, lock, [7; 12])
        .expect("a fitting lock")
        .to_bytes()
}

fn forged(envelope: &[u8], at: usize, new: &[u8]) -> Vec<u8> {
    let bytes = edited(envelope, at, new);
    let checksum = blake3::hash(&bytes[..120]);
    edited(&bytes, 120, &checksum.as_bytes()[..16])
}

fn vector(name: &str, envelope: &[u8], secret: &Value) -> Value {
    let read = KeyEnvelope::from_bytes(envelope).expect(name);
    json!({
        "name": name,
        "envelope": hex(envelope),
        "secret": secret,
        "store": hex(read.store().as_bytes()),
        "cipher": read.cipher().to_byte(),
        "lock": read.kind() as u8,
        "generation": read.generation(),
    })
}

fn refusal(name: &str, envelope: Vec<u8>, secret: &Value) -> Value {
    let error = open(&envelope, secret).err();
    json!({"name": name, "envelope": hex(envelope), "secret": secret, "error": error})
}

/// Opens an envelope, or names the error.
fn open(envelope: &[u8], secret: &Value) -> Result<MasterKey, String> {
    let envelope = KeyEnvelope::from_bytes(envelope).map_err(|error| variant(&error))?;
    let key_file = secret.get("key_file").map(array);
    let unlock = match (&key_file, secret.get("passphrase")) {
        (Some(key), _) => Unlock::KeyFile(key),
        (None, Some(passphrase)) => Unlock::Passphrase(text(passphrase).as_bytes()),
        (None, None) => Unlock::Open,
    };
    envelope.open(unlock).map_err(|error| variant(&error))
}

pub(crate) fn check(vectors: &Value) {
    let master = MasterKey::from_bytes(array(&vectors["master_key"]));
    for case in list(&vectors["envelopes"]) {
        let name = text(&case["name"]);
        let envelope = bytes(&case["envelope"]);
        assert_eq!(open(&envelope, &case["secret"]), Ok(master.clone()), "{name}");
        let read = KeyEnvelope::from_bytes(&envelope).expect(name);
        assert_eq!(read.to_bytes(), envelope, "{name}");
        assert_eq!(read.store(), StoreId::from_bytes(array(&case["store"])), "{name}");
        assert_eq!(
            u64::from(read.cipher().to_byte()),
            number(&case["cipher"]),
            "{name}"
        );
        assert_eq!(read.kind() as u64, number(&case["lock"]), "{name}");
        assert_eq!(read.generation(), number(&case["generation"]), "{name}");
    }
    for case in list(&vectors["refused"]) {
        let found = open(&bytes(&case["envelope"]), &case["secret"]);
        assert_eq!(found, Err(text(&case["error"]).to_owned()), "{}", case["name"]);
    }
}
