/** Tables of the local state file. All can be emptied at any time: the store holds what they say. */

/** Grows when a table changes in a way that an older version would misread. */
export const STATE_FORMAT = 1;

/**
 * `jobs`: `worker` holds the job until `until_ms` (a lease), or nobody does and it rests until then
 * (postponed). `span_ms` is how long that was meant to be, so that a wall clock that was set back cannot hold
 * a job for longer; `announced_ms` is when it was first announced, if that is known, `priority` its place in PRIORITIES. `quarantine`: one line per row;
 * `fence`: the last object of a lane that holds an ordering key; `state_facts` remembers that these two are complete.
 */
export const STATE_SCHEMA = `
CREATE TABLE IF NOT EXISTS jobs (
  id TEXT PRIMARY KEY,
  chain TEXT NOT NULL,
  ref TEXT NOT NULL,
  lane INTEGER NOT NULL,
  ord INTEGER NOT NULL,
  rows INTEGER NOT NULL,
  sha256 TEXT NOT NULL,
  attempts INTEGER NOT NULL DEFAULT 0,
  entries_done INTEGER NOT NULL DEFAULT 0,
  progress TEXT,
  worker TEXT,
  until_ms INTEGER NOT NULL DEFAULT 0,
  span_ms INTEGER NOT NULL DEFAULT 0,
  reason TEXT,
  announced_ms INTEGER,
  priority INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS jobs_in_order ON jobs (chain, lane, ord, id);
CREATE INDEX IF NOT EXISTS jobs_held ON jobs (chain, lane) WHERE worker IS NOT NULL;
CREATE TABLE IF NOT EXISTS quarantine (
  id TEXT PRIMARY KEY,
  chain TEXT NOT NULL,
  object TEXT NOT NULL,
  ref TEXT NOT NULL,
  entry INTEGER NOT NULL,
  row INTEGER NOT NULL,
  reason TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('held', 'released', 'discarded')),
  ordering_key TEXT,
  quarantined_at TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS quarantine_by_entry ON quarantine (chain, ref, entry);
CREATE INDEX IF NOT EXISTS quarantine_by_state ON quarantine (chain, state, reason);
CREATE TABLE IF NOT EXISTS fence (
  chain TEXT NOT NULL,
  lane INTEGER NOT NULL,
  key TEXT NOT NULL,
  ord INTEGER NOT NULL,
  PRIMARY KEY (chain, lane, key)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS state_facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
`;

/** Columns that tables of this format may still lack: they can be null, so no older version misreads them. */
export const ADDED_COLUMNS = [
  { table: 'jobs', column: 'announced_ms', type: 'INTEGER' },
  { table: 'jobs', column: 'priority', type: 'INTEGER' },
  { table: 'quarantine', column: 'ordering_key', type: 'TEXT' },
  { table: 'quarantine', column: 'quarantined_at', type: 'TEXT' },
] as const;
