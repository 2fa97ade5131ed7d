-- The words are those of docs/architecture.md. Ids are binary: a stripe's id is its kind byte and 32 bytes, a stamp is
-- 16 bytes, big-endian, so that both compare byte by byte like the values themselves. Paths are UTF-8 and must compare
-- byte by byte too: SQLite does so by itself, PostgreSQL with COLLATE "C".

-- A node's number stands for it in placements. It is never used again: readers may remember it.
CREATE TABLE node (
    num            INTEGER PRIMARY KEY AUTOINCREMENT CHECK (num BETWEEN 1 AND 65535),
    id             TEXT    NOT NULL UNIQUE,
    domain         TEXT    NOT NULL,
    provider       TEXT    NOT NULL,
    capacity_bytes INTEGER NOT NULL
);

-- A geometry and the node of each shard: one little-endian u16 node number per shard, 0 for none.
-- Thousands of stripes share a placement, so it is a row of its own, which also counts them: a row per shard would
-- be nine times the work, and the store's tolerance would have to be computed from a million rows.
CREATE TABLE placement (
    num     INTEGER PRIMARY KEY,
    data    INTEGER NOT NULL,
    parity  INTEGER NOT NULL,
    nodes   BLOB    NOT NULL,
    stripes INTEGER NOT NULL,
    UNIQUE (nodes, data, parity)
);

CREATE TABLE stripe (
    id        BLOB    NOT NULL PRIMARY KEY,
    len       INTEGER NOT NULL,
    placement INTEGER NOT NULL REFERENCES placement (num)
) WITHOUT ROWID;

-- Every version ever committed, tombstones and superseded ones among them; restoring and collecting look here.
-- In order of path, so that a page of a listing reads neighbouring rows: with a key of its own for the order of
-- commits, a page of objects that were put in another order took three times as long.
CREATE TABLE version (
    path             TEXT    NOT NULL,
    stamp            BLOB    NOT NULL,
    num              INTEGER NOT NULL, -- stands for the version in version_chunk
    record           BLOB    NOT NULL,
    is_tombstone     BOOLEAN NOT NULL,
    is_inline        BOOLEAN NOT NULL,
    size             INTEGER NOT NULL,
    modified_unix_ms INTEGER NOT NULL,
    content_type     TEXT,
    metadata         TEXT,             -- a JSON object; NULL if there is none
    data             INTEGER NOT NULL,
    parity           INTEGER NOT NULL,
    PRIMARY KEY (path, stamp)
) WITHOUT ROWID;

-- The current version of each live object: a listing never meets a tombstone or an old version.
CREATE TABLE object (
    path  TEXT NOT NULL PRIMARY KEY,
    stamp BLOB NOT NULL,
    FOREIGN KEY (path, stamp) REFERENCES version (path, stamp)
) WITHOUT ROWID;

CREATE TABLE version_chunk (
    version INTEGER NOT NULL,          -- its num
    seq     INTEGER NOT NULL,
    stripe  BLOB    NOT NULL,          -- not a reference: versions may be recovered before their stripes
    len     INTEGER NOT NULL,
    PRIMARY KEY (version, seq)
) WITHOUT ROWID;

-- "Is this chunk part of any version?"
CREATE INDEX version_chunk_stripe ON version_chunk (stripe);

-- Counts over all, kept in the transactions that change them.
CREATE TABLE total (
    num      INTEGER PRIMARY KEY CHECK (num = 1),
    objects  INTEGER NOT NULL,
    bytes    INTEGER NOT NULL,
    stripes  INTEGER NOT NULL,
    versions INTEGER NOT NULL, -- ever committed; the next one's num
    latest   BLOB
);

INSERT INTO total (num, objects, bytes, stripes, versions) VALUES (1, 0, 0, 0, 0);
