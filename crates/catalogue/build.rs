//! Builds the crate anew when a migration is added: `sqlx::migrate!` cannot say that it looked at a folder.

fn main() {
    println!("cargo:rerun-if-changed=migrations");
}
