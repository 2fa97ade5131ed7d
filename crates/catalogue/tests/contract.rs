//! `SqliteCatalogue` keeps the contract of every catalogue.

use catalogue::SqliteCatalogue;
use tempfile::TempDir;

catalogue::contract_tests!(async {
    let dir = TempDir::new().expect("a temporary directory");
    let catalogue = SqliteCatalogue::open(dir.path().join("catalogue.sqlite")).await;
    (catalogue.expect("opens"), dir)
});
