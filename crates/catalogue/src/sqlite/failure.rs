//! What SQLite says went wrong, in the catalogue's words.

use sqlx::migrate::MigrateError;

use crate::CatalogueError;

impl From<sqlx::Error> for CatalogueError {
    fn from(error: sqlx::Error) -> Self {
        let sqlx::Error::Database(cause) = &error else {
            return Self::from_client(error);
        };
        // The low byte of an extended result code is the primary one: <https://sqlite.org/rescode.html>.
        let code = cause.code().and_then(|code| code.parse::<i32>().ok());
        match code.map(|code| code & 0xff) {
            Some(SQLITE_FULL) => Self::Full,
            Some(SQLITE_CORRUPT | SQLITE_NOTADB) => Self::corrupt(cause),
            _ => Self::Database(error.into()),
        }
    }
}

impl CatalogueError {
    /// An error that sqlx itself found.
    fn from_client(error: sqlx::Error) -> Self {
        match error {
            // A column holds what it cannot: another type, text that is not UTF-8.
            sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) | sqlx::Error::RowNotFound => {
                Self::corrupt(error)
            }
            error => Self::Database(error.into()),
        }
    }

    pub(super) fn corrupt(what: impl ToString) -> Self {
        Self::Corrupt {
            what: what.to_string(),
        }
    }
}

impl From<MigrateError> for CatalogueError {
    fn from(error: MigrateError) -> Self {
        match error {
            MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => error.into(),
            error @ (MigrateError::VersionMismatch(_) | MigrateError::Dirty(_)) => Self::corrupt(error),
            error => Self::Database(error.into()),
        }
    }
}

const SQLITE_CORRUPT: i32 = 11;
const SQLITE_FULL: i32 = 13;
const SQLITE_NOTADB: i32 = 26;
