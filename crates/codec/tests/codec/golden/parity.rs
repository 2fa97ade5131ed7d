//! `parity.json`: the parity rows of some geometries, from the reference.

use codec::{Cipher, MasterKey, SHARD_HEADER_LEN, Sealer};
use model::{Geometry, StoreId, StripeId};
use serde_json::{Value, json};

use super::{bytes, hex, list, number};
use crate::reference;

pub(crate) fn build() -> Value {
    let geometries = [(1, 2), (2, 1), (4, 2), (6, 3), (10, 4), (17, 3)];
    let cases = geometries.map(|(data, parity)| {
        let rows = reference::matrix(data, parity).split_off(data);
        json!({"k": data, "m": parity, "parity_rows": rows.iter().map(hex).collect::<Vec<_>>()})
    });
    json!({"about": "rows k … n - 1 of the matrix M", "cases": cases})
}

/// A stripe of the bytes 0 … 0 1 0 … 0 has the column of that 1 as its parity.
pub(crate) fn check(vectors: &Value) {
    for case in list(&vectors["cases"]) {
        let (data, parity) = (number(&case["k"]) as u8, number(&case["m"]) as u8);
        let rows: Vec<_> = list(&case["parity_rows"]).iter().map(bytes).collect();
        for column in 0..usize::from(data) {
            let expected: Vec<_> = rows.iter().map(|row| row[column]).collect();
            assert_eq!(
                parity_of_unit(data, parity, column),
                expected,
                "{data} + {parity}, column {column}"
            );
        }
    }
}

fn parity_of_unit(data: u8, parity: u8, column: usize) -> Vec<u8> {
    let sealer = Sealer::new(
        StoreId::from_bytes([0; 16]),
        Cipher::None,
        &MasterKey::from_bytes([0; 32]),
    );
    let mut unit = vec![0; data.into()];
    unit[column] = 1;
    let geometry = Geometry::new(data, parity).expect("narrow enough");
    let shards = sealer
        .seal(StripeId::record([0; 32]), geometry, &unit, &mut || [0; 12])
        .expect("short enough");
    shards[data.into()..]
        .iter()
        .map(|shard| shard[SHARD_HEADER_LEN])
        .collect()
}
