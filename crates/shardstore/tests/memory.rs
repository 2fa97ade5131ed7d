//! `MemoryStore` keeps the contract of every store.

use shardstore::{MemoryStore, contract};

shardstore::contract_tests!(async { (MemoryStore::new(contract::CAPACITY_BYTES_MAX), ()) });
