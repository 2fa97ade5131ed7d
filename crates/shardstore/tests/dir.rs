//! `DirStore` keeps the contract.

use shardstore::{DirStore, contract};
use tempfile::TempDir;

shardstore::contract_tests!(async {
    let dir = TempDir::new().expect("a temporary directory");
    (
        DirStore::open(dir.path(), contract::CAPACITY_BYTES_MAX).expect("opens"),
        dir,
    )
});
