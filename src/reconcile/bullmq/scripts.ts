/**
 * What BullMQ has no command for, as scripts that Redis runs in one step. They look at all lanes of a chain, which share
 * a hash tag, so that a cluster keeps them in one slot.
 *
 * BullMQ takes the job of the lowest score from `prioritized`, and makes scores of at most 2^21 priorities. Jobs are
 * added with the last priority, which makes a score above that of any journal, and are then given their `order` as the score: so a
 * lane runs in the order of the journal, whatever order it was announced in. A job that is given back gets its place in
 * the same step; one that stalled BullMQ puts where it takes from first, and the next look for a lane places it.
 */

const PLACING = `
local UNPLACED = 9007194959773696
local function orderOf(base, id)
  local data = redis.call('HGET', base .. id, 'data')
  if not data then return -1 end
  local isJson, job = pcall(cjson.decode, data)
  if not isJson or type(job) ~= 'table' or type(job.order) ~= 'number' then return -1 end
  if job.order < 0 or job.order >= UNPLACED then return -1 end
  return job.order
end
local function place(base)
  for _, id in ipairs(redis.call('LRANGE', base .. 'wait', 0, 999)) do
    redis.call('LREM', base .. 'wait', 0, id)
    redis.call('ZADD', base .. 'prioritized', UNPLACED, id)
  end
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', base .. 'prioritized', UNPLACED, '+inf', 'LIMIT', 0, 1000)) do
    redis.call('ZADD', base .. 'prioritized', orderOf(base, id), id)
  end
end
local function isLimited(base, laneMax)
  local max = tonumber(redis.call('HGET', base .. 'meta', 'max') or '') or tonumber(laneMax)
  return tonumber(redis.call('GET', base .. 'limiter') or 0) >= max and redis.call('PTTL', base .. 'limiter') > 0
end
`;

export interface Script {
  readonly name: string;
  readonly numberOfKeys: number;
  readonly lua: string;
}

/**
 * The free lane with the oldest head, and lanes whose job has lost its lock. A job that does not decode comes first: it
 * is thrown out by whoever claims it. A lane that BullMQ would give nothing of, paused or at a limit, is not free. KEYS
 * lanes, filled. ARGV prefix, limit of jobs per lane, lanes that are wanted (`*` or `,0,1,`), lanes to pass over.
 */
const nextLane: Script = {
  name: 'tierfallNextLane',
  numberOfKeys: 2,
  lua: `${PLACING}
if redis.call('EXISTS', KEYS[2]) == 0 then return {'forgot', ''} end
local best, bestOrder = '', nil
local passed = {}
for at = 4, #ARGV do passed[ARGV[at]] = true end
local answer = {'ok', ''}
for _, lane in ipairs(redis.call('SMEMBERS', KEYS[1])) do
  local base = ARGV[1] .. ':lane-' .. lane .. ':'
  local active = redis.call('LRANGE', base .. 'active', 0, -1)
  for _, id in ipairs(active) do
    if redis.call('EXISTS', base .. id .. ':lock') == 0 then
      redis.call('SADD', base .. 'stalled', id)
      table.insert(answer, lane)
    end
  end
  local isWanted = ARGV[3] == '*' or string.find(ARGV[3], ',' .. lane .. ',', 1, true)
  local isHeldBack = not isWanted or passed[lane] or redis.call('HEXISTS', base .. 'meta', 'paused') == 1
  if #active == 0 and not isHeldBack and not isLimited(base, ARGV[2]) then
    place(base)
    local head = redis.call('ZRANGE', base .. 'prioritized', 0, 0, 'WITHSCORES')
    if #head > 0 and (bestOrder == nil or tonumber(head[2]) < bestOrder) then
      best, bestOrder = lane, tonumber(head[2])
    end
  end
end
if best ~= '' then redis.call('HSET', ARGV[1] .. ':lane-' .. best .. ':meta', 'concurrency', 1) end
answer[2] = best
return answer`,
};

/** Gives an announced job its place, also one that is in no list any more. KEYS lanes. ARGV prefix, lane, id, order. */
const placeJob: Script = {
  name: 'tierfallPlaceJob',
  numberOfKeys: 1,
  lua: `
local base, id = ARGV[1] .. ':lane-' .. ARGV[2] .. ':', ARGV[3]
redis.call('SADD', KEYS[1], ARGV[2])
redis.call('HSET', base .. 'meta', 'concurrency', 1)
local data = redis.call('HGET', base .. id, 'data')
if not data then return '' end
if redis.call('LPOS', base .. 'active', id) or redis.call('LPOS', base .. 'wait', id) then return data end
for _, state in ipairs({'completed', 'failed', 'delayed', 'waiting-children'}) do
  redis.call('ZREM', base .. state, id)
end
redis.call('ZADD', base .. 'prioritized', ARGV[4], id)
return data`,
};

const RELEASING = `
local function release(base, id, token)
  for _, held in ipairs(id == '*' and redis.call('LRANGE', base .. 'active', 0, -1) or {}) do
    if redis.call('GET', base .. held .. ':lock') == token then id = held end
  end
  if redis.call('GET', base .. id .. ':lock') ~= token then return nil end
  redis.call('LREM', base .. 'active', 0, id)
  redis.call('SREM', base .. 'stalled', id)
  redis.call('DEL', base .. id .. ':lock')
  return id
end
`;

/**
 * Gives a claimed job back to its place, if the token holds it, and lets nobody take anything of its lane for so long; `*`
 * is whichever job that is. KEYS lanes. ARGV prefix, lane, id, token, rest in milliseconds.
 */
const putBackJob: Script = {
  name: 'tierfallPutBackJob',
  numberOfKeys: 1,
  lua: `${PLACING}${RELEASING}
local base = ARGV[1] .. ':lane-' .. ARGV[2] .. ':'
local id = release(base, ARGV[3], ARGV[4])
if not id then return 0 end
redis.call('ZADD', base .. 'prioritized', orderOf(base, id), id)
if tonumber(ARGV[5]) > 0 then redis.call('SET', base .. 'limiter', '9007199254740991', 'PX', ARGV[5]) end
return 1`,
};

/**
 * Takes a claimed job out for good, if the token holds it; `*` is whichever that is. What it stood for, if anything, has to
 * be announced again before its lane goes on, also by a sweep that has counted it already. KEYS lanes, filled, doubts.
 * ARGV prefix, lane, id, token.
 */
const discardJob: Script = {
  name: 'tierfallDiscardJob',
  numberOfKeys: 3,
  lua: `${RELEASING}
local base = ARGV[1] .. ':lane-' .. ARGV[2] .. ':'
local id = release(base, ARGV[3], ARGV[4])
if not id then return 0 end
redis.call('DEL', base .. id, base .. id .. ':logs')
redis.call('INCR', KEYS[3])
redis.call('DEL', KEYS[2])
return 1`,
};

/** Which of these ids will be run, as their places in the list. KEYS lanes. ARGV prefix, ids. */
const knownJobs: Script = {
  name: 'tierfallKnownJobs',
  numberOfKeys: 1,
  lua: `
local known = {}
for _, lane in ipairs(redis.call('SMEMBERS', KEYS[1])) do
  local base = ARGV[1] .. ':lane-' .. lane .. ':'
  local held = {}
  for _, list in ipairs({'active', 'wait'}) do
    for _, id in ipairs(redis.call('LRANGE', base .. list, 0, -1)) do held[id] = true end
  end
  for at = 2, #ARGV do
    local isHeld = held[ARGV[at]] or redis.call('ZSCORE', base .. 'prioritized', ARGV[at])
    if isHeld and redis.call('EXISTS', base .. ARGV[at]) == 1 then table.insert(known, at - 2) end
  end
end
return known`,
};

/**
 * Waiting, active and postponed jobs, rows, and when the oldest was announced ('' = not known). Rows are counted over the
 * first jobs of each lane, and beyond those as their mean. KEYS lanes. ARGV prefix, limit, jobs counted per lane.
 */
const countJobs: Script = {
  name: 'tierfallCountJobs',
  numberOfKeys: 1,
  lua: `${PLACING}
local waiting, active, postponed, rows, oldest = 0, 0, 0, 0, nil
for _, lane in ipairs(redis.call('SMEMBERS', KEYS[1])) do
  local base = ARGV[1] .. ':lane-' .. lane .. ':'
  local ids = redis.call('LRANGE', base .. 'active', 0, -1)
  local held = 0
  for _, id in ipairs(ids) do held = held + redis.call('EXISTS', base .. id .. ':lock') end
  for _, id in ipairs(redis.call('LRANGE', base .. 'wait', 0, 99)) do table.insert(ids, id) end
  for _, id in ipairs(redis.call('ZRANGE', base .. 'prioritized', 0, tonumber(ARGV[3]) - 1)) do table.insert(ids, id) end
  local all = redis.call('LLEN', base .. 'active') + redis.call('LLEN', base .. 'wait')
    + redis.call('ZCARD', base .. 'prioritized')
  local left = all - held
  if held == 0 and left > 0 and isLimited(base, ARGV[2]) then
    postponed, left = postponed + 1, left - 1
  end
  waiting, active = waiting + left, active + held
  local counted = 0
  for _, id in ipairs(ids) do
    local job = redis.call('HMGET', base .. id, 'data', 'timestamp')
    local isJson, data = pcall(cjson.decode, job[1] or '')
    if isJson and type(data) == 'table' and type(data.rows) == 'number' then counted = counted + data.rows end
    local at = tonumber(job[2])
    if at and (oldest == nil or at < oldest) then oldest = at end
  end
  if #ids > 0 then rows = rows + counted * all / #ids end
end
return {waiting, active, postponed, math.floor(rows + 0.5), oldest and string.format('%.0f', oldest) or ''}`,
};

/** The payloads of a part of a lane; the first part has the running ones too. KEYS lanes. ARGV prefix, lane, from, to. */
const listPayloads: Script = {
  name: 'tierfallListPayloads',
  numberOfKeys: 1,
  lua: `
local base = ARGV[1] .. ':lane-' .. ARGV[2] .. ':'
local ids = redis.call('ZRANGE', base .. 'prioritized', ARGV[3], ARGV[4])
local payloads = {#ids}
if tonumber(ARGV[3]) == 0 then
  for _, list in ipairs({'active', 'wait'}) do
    for _, id in ipairs(redis.call('LRANGE', base .. list, 0, -1)) do table.insert(ids, id) end
  end
end
for _, id in ipairs(ids) do table.insert(payloads, redis.call('HGET', base .. id, 'data') or '') end
return payloads`,
};

/** Makes a sweep necessary, also where one is under way. KEYS filled, doubts. */
const doubt: Script = {
  name: 'tierfallDoubt',
  numberOfKeys: 2,
  lua: `
redis.call('INCR', KEYS[2])
redis.call('DEL', KEYS[1])`,
};

/** Begins a sweep, and remembers which doubts it answers. KEYS filling, doubts. ARGV seconds that it may take. */
const beginFill: Script = {
  name: 'tierfallBeginFill',
  numberOfKeys: 2,
  lua: `redis.call('SET', KEYS[1], redis.call('GET', KEYS[2]) or 0, 'EX', ARGV[1])`,
};

/**
 * Ends a sweep that began with this key, if nothing was forgotten and nobody doubted meanwhile. KEYS filling, filled,
 * doubts.
 */
const endFill: Script = {
  name: 'tierfallEndFill',
  numberOfKeys: 3,
  lua: `
local answered = redis.call('GET', KEYS[1])
redis.call('DEL', KEYS[1])
if answered ~= (redis.call('GET', KEYS[3]) or '0') then return 0 end
redis.call('SET', KEYS[2], 1)
return 1`,
};

/** Marks of ordering keys, '' where there is none, after the name of this memory. KEYS memory, marks. ARGV a new name, keys. */
const findMarks: Script = {
  name: 'tierfallFindMarks',
  numberOfKeys: 2,
  lua: `
redis.call('SET', KEYS[1], ARGV[1], 'NX')
local answer = {redis.call('GET', KEYS[1])}
for at = 2, #ARGV do table.insert(answer, redis.call('HGET', KEYS[2], ARGV[at]) or '') end
return answer`,
};

/** Keeps the mark for those keys that have no newer one. KEYS memory, marks. ARGV mark, keys. */
const addMarks: Script = {
  name: 'tierfallAddMarks',
  numberOfKeys: 2,
  lua: `
for at = 2, #ARGV do
  local known = redis.call('HGET', KEYS[2], ARGV[at])
  if not known or known < ARGV[1] then redis.call('HSET', KEYS[2], ARGV[at], ARGV[1]) end
end`,
};

/** Takes away the marks of these objects. KEYS memory, marks. ARGV key, ref, key, ref … */
const removeMarks: Script = {
  name: 'tierfallRemoveMarks',
  numberOfKeys: 2,
  lua: `
for at = 1, #ARGV, 2 do
  local mark = redis.call('HGET', KEYS[2], ARGV[at])
  if mark and string.sub(mark, 18) == ARGV[at + 1] then redis.call('HDEL', KEYS[2], ARGV[at]) end
end`,
};

export const SCRIPTS = {
  nextLane,
  placeJob,
  putBackJob,
  discardJob,
  knownJobs,
  countJobs,
  listPayloads,
  doubt,
  beginFill,
  endFill,
  findMarks,
  addMarks,
  removeMarks,
} as const satisfies Readonly<Record<string, Script>>;

export type ScriptName = keyof typeof SCRIPTS;
