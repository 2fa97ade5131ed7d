//! Every statement of the catalogue, in the words that SQLite and PostgreSQL share.
//!
//! Nothing here is particular to SQLite. PostgreSQL needs a migration of its own (types, `COLLATE "C"` on paths,
//! and `instr(text, text)` as another name of its `strpos`), and these same statements.

/// The columns that make a [`Object`](crate::Object), of `object o JOIN version v`.
macro_rules! object_columns {
    () => {
        "v.path, v.stamp, v.record, v.is_inline, v.size, v.modified_unix_ms, v.content_type, v.metadata, v.data, v.parity"
    };
}

pub(crate) const HEAD: &str = concat!(
    "SELECT ",
    object_columns!(),
    " FROM object o JOIN version v ON v.path = o.path AND v.stamp = o.stamp WHERE o.path = $1"
);

/// $1 the first path, $2 the first path behind the last, $3 the limit.
pub(crate) const LIST: &str = concat!(
    "SELECT ",
    object_columns!(),
    " FROM object o JOIN version v ON v.path = o.path AND v.stamp = o.stamp \
     WHERE o.path >= $1 AND o.path < $2 ORDER BY o.path LIMIT $3"
);

/// Like [`LIST`], but of the paths that agree up to the first delimiter behind the prefix only the first: from each
/// path it seeks the next entry, and never reads what lies between. $4 characters of the prefix, $5 the delimiter,
/// $6 a text greater than the rest of any path.
pub(crate) const LIST_FOLDED: &str = concat!(
    "WITH RECURSIVE entry (path, place) AS ( \
       SELECT (SELECT path FROM object WHERE path >= $1 AND path < $2 ORDER BY path LIMIT 1), 1 \
       UNION ALL \
       SELECT (SELECT o.path FROM object o WHERE o.path < $2 AND o.path >= \
                 CASE instr(substr(entry.path, $4 + 1), $5) \
                   WHEN 0 THEN entry.path || '\u{1}' \
                   ELSE substr(entry.path, 1, $4 + instr(substr(entry.path, $4 + 1), $5)) || $6 END \
               ORDER BY o.path LIMIT 1), place + 1 \
       FROM entry WHERE entry.path IS NOT NULL AND place < $3 \
     ) SELECT ",
    object_columns!(),
    " FROM entry JOIN object o ON o.path = entry.path JOIN version v ON v.path = o.path AND v.stamp = o.stamp ORDER BY entry.place"
);

pub(crate) const VERSION: &str = "SELECT num, data, parity FROM version WHERE path = $1 AND stamp = $2";

/// $1 the version, $2 and $3 the first chunk and the first behind the last.
pub(crate) const CHUNKS: &str = "SELECT c.stripe AS id, c.len AS chunk_len, s.len, p.data, p.parity, p.nodes \
     FROM version_chunk c LEFT JOIN stripe s ON s.id = c.stripe LEFT JOIN placement p ON p.num = s.placement \
     WHERE c.version = $1 AND c.seq >= $2 AND c.seq < $3 ORDER BY c.seq";

/// To be continued with the ids.
pub(crate) const STRIPES: &str = "SELECT s.id, s.len, p.data, p.parity, p.nodes \
     FROM stripe s JOIN placement p ON p.num = s.placement WHERE s.id IN (";

pub(crate) const NODES: &str = "SELECT num, id, domain, provider, capacity_bytes FROM node ORDER BY id";

pub(crate) const UPDATE_NODE: &str =
    "UPDATE node SET domain = $2, provider = $3, capacity_bytes = $4 WHERE id = $1";

pub(crate) const INSERT_NODE: &str =
    "INSERT INTO node (id, domain, provider, capacity_bytes) VALUES ($1, $2, $3, $4)";

pub(crate) const DELETE_NODE: &str = "DELETE FROM node WHERE id = $1";

pub(crate) const PLACEMENTS: &str = "SELECT data, parity, nodes, stripes FROM placement WHERE stripes > 0";

pub(crate) const FIND_PLACEMENT: &str =
    "SELECT num FROM placement WHERE nodes = $1 AND data = $2 AND parity = $3";

pub(crate) const INSERT_PLACEMENT: &str =
    "INSERT INTO placement (nodes, data, parity, stripes) VALUES ($1, $2, $3, 0) RETURNING num";

pub(crate) const COUNT_PLACEMENT: &str = "UPDATE placement SET stripes = stripes + $2 WHERE num = $1";

pub(crate) const INSERT_STRIPE: &str =
    "INSERT INTO stripe (id, len, placement) VALUES ($1, $2, $3) ON CONFLICT (id) DO NOTHING";

pub(crate) const STRIPE_PLACEMENT: &str = "SELECT placement FROM stripe WHERE id = $1";

pub(crate) const UPDATE_STRIPE: &str = "UPDATE stripe SET len = $2, placement = $3 WHERE id = $1";

pub(crate) const INSERT_VERSION: &str = "INSERT INTO version (path, stamp, num, record, is_tombstone, is_inline, size, \
     modified_unix_ms, content_type, metadata, data, parity) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) ON CONFLICT (path, stamp) DO NOTHING";

pub(crate) const INSERT_CHUNK: &str =
    "INSERT INTO version_chunk (version, seq, stripe, len) VALUES ($1, $2, $3, $4)";

/// The newest version of a path, and the size of the live object there, if there is one.
pub(crate) const NEWEST: &str = "SELECT \
     (SELECT stamp FROM version WHERE path = $1 ORDER BY stamp DESC LIMIT 1) AS newest, \
     (SELECT v.size FROM object o JOIN version v ON v.path = o.path AND v.stamp = o.stamp WHERE o.path = $1) AS live_size";

pub(crate) const PUT_OBJECT: &str = "INSERT INTO object (path, stamp) VALUES ($1, $2) \
     ON CONFLICT (path) DO UPDATE SET stamp = excluded.stamp";

pub(crate) const DELETE_OBJECT: &str = "DELETE FROM object WHERE path = $1";

pub(crate) const TOTALS: &str = "SELECT objects, bytes, stripes, versions, latest FROM total WHERE num = 1";

pub(crate) const ADD_TOTALS: &str = "UPDATE total SET objects = objects + $1, bytes = bytes + $2, \
     stripes = stripes + $3, versions = $4, \
     latest = CASE WHEN latest IS NULL OR latest < $5 THEN $5 ELSE latest END WHERE num = 1";
