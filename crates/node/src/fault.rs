//! Store errors on the wire. Each side translates once, in one exhaustive match.

use shardstore::StoreError;
use wire::Fault;

/// What an agent answers when its store fails.
pub(crate) fn to_wire(error: StoreError) -> Fault {
    match error {
        StoreError::NotFound => Fault::NotFound,
        StoreError::Full {
            needed_bytes,
            free_bytes,
            capacity_bytes,
        } => Fault::Full {
            needed_bytes,
            free_bytes,
            capacity_bytes,
        },
        StoreError::Corrupt { reason } => Fault::Corrupt(reason),
        StoreError::Poisoned { reason } => Fault::Poisoned(reason),
        StoreError::Refused { reason } => Fault::Refused(reason),
        StoreError::Unavailable { reason } => Fault::Unavailable(reason),
        other => Fault::Unavailable(other.to_string()),
    }
}

/// What a daemon makes of an agent's answer.
pub(crate) fn from_wire(fault: Fault) -> StoreError {
    match fault {
        Fault::NotFound => StoreError::NotFound,
        Fault::Full {
            needed_bytes,
            free_bytes,
            capacity_bytes,
        } => StoreError::Full {
            needed_bytes,
            free_bytes,
            capacity_bytes,
        },
        Fault::Corrupt(reason) => StoreError::Corrupt { reason },
        Fault::Poisoned(reason) => StoreError::Poisoned { reason },
        Fault::Refused(reason) => StoreError::Refused { reason },
        Fault::Unavailable(reason) => StoreError::Unavailable { reason },
    }
}
