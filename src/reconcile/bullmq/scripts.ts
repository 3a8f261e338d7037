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
-- Place among the classes, the highest 0; 1 is what says nothing of it.
local function classOf(base, id)
  local data = redis.call('HGET', base .. id, 'data')
  local isJson, job = pcall(cjson.decode, data or '')
  if not isJson or type(job) ~= 'table' or type(job.priority) ~= 'number' then return 1 end
  return job.priority
end
local function place(base)
  for _, id in ipairs(redis.call('LRANGE', base .. 'wait', 0, 999)) do
    redis.call('LREM', base .. 'wait', 0, id)
    redis.call('ZADD', base .. 'prioritized', orderOf(base, id), id)
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

/**
 * `look` before a change: it doubts when jobs are gone. `note` after it. Jobs without a place are not counted, because they
 * may have been added after the others were gone.
 */
const HOLDING = `
local function lanesOf(held)
  local lanes = {}
  for _, field in ipairs(redis.call('HKEYS', held)) do
    if string.match(field, '^%d+$') then table.insert(lanes, field) end
  end
  return lanes
end
local function count(base)
  return redis.call('LLEN', base .. 'active') + redis.call('LLEN', base .. 'wait')
    + redis.call('ZCOUNT', base .. 'prioritized', '-inf', '(9007194959773696')
end
local function doubt(held)
  redis.call('HINCRBY', held, 'doubts', 1)
  redis.call('HDEL', held, 'filled')
end
local function note(held, lane, base)
  redis.call('HSET', held, lane, count(base))
end
local function look(held, lane, base)
  if count(base) >= tonumber(redis.call('HGET', held, lane) or 0) then return true end
  doubt(held)
  note(held, lane, base)
  return false
end
local function lookAtAll(held, prefix)
  local isWhole = true
  for _, lane in ipairs(lanesOf(held)) do
    isWhole = look(held, lane, prefix .. ':lane-' .. lane .. ':') and isWhole
  end
  return isWhole
end
`;

export interface Script {
  readonly name: string;
  readonly numberOfKeys: number;
  readonly lua: string;
}

/**
 * The free lane whose head has the highest class, of equal ones the oldest, and lanes whose job has lost its lock. A job that does not decode comes first: it
 * is thrown out by whoever claims it. A lane that BullMQ would give nothing of, paused or at a limit, is not free. KEYS
 * held. ARGV prefix, limit of jobs per lane, lanes that are wanted (`*` or `,0,1,`), lanes to pass over.
 */
const nextLane: Script = {
  name: 'tierfallNextLane',
  numberOfKeys: 1,
  lua: `${PLACING}${HOLDING}
if not lookAtAll(KEYS[1], ARGV[1]) or redis.call('HEXISTS', KEYS[1], 'filled') == 0 then return {'forgot', ''} end
local best, bestOrder, bestClass = '', nil, nil
local passed = {}
for at = 4, #ARGV do passed[ARGV[at]] = true end
local answer = {'ok', ''}
for _, lane in ipairs(lanesOf(KEYS[1])) do
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
    note(KEYS[1], lane, base)
    local head = redis.call('ZRANGE', base .. 'prioritized', 0, 0, 'WITHSCORES')
    if #head > 0 then
      local class, order = classOf(base, head[1]), tonumber(head[2])
      -- What does not decode is thrown out before anything else is run.
      if order < 0 then class = -1 end
      if bestOrder == nil or class < bestClass or (class == bestClass and order < bestOrder) then
        best, bestOrder, bestClass = lane, order, class
      end
    end
  end
end
if best ~= '' then redis.call('HSET', ARGV[1] .. ':lane-' .. best .. ':meta', 'concurrency', 1) end
answer[2] = best
return answer`,
};

/**
 * Gives announced jobs their places, also those that are in no list any more. KEYS held. ARGV prefix, who announces, and of
 * each job lane, id and order.
 * @returns of each whether it was this announcement that added it: 1 also when it was claimed and completed in between
 */
const placeJobs: Script = {
  name: 'tierfallPlaceJobs',
  numberOfKeys: 1,
  lua: `${HOLDING}
local function isOf(data, by)
  local isJson, job = pcall(cjson.decode, data)
  return isJson and type(job) == 'table' and job.by == by
end
local lanes, seen, answers = {}, {}, {}
for at = 3, #ARGV, 3 do
  local lane, id = ARGV[at], ARGV[at + 1]
  local base = ARGV[1] .. ':lane-' .. lane .. ':'
  if not lanes[lane] then
    lanes[lane] = base
    look(KEYS[1], lane, base)
    redis.call('HSET', base .. 'meta', 'concurrency', 1)
  end
  local data = redis.call('HGET', base .. id, 'data')
  table.insert(answers, not seen[id] and (not data or isOf(data, ARGV[2])) and 1 or 0)
  seen[id] = true
  if data and not (redis.call('LPOS', base .. 'active', id) or redis.call('LPOS', base .. 'wait', id)) then
    for _, state in ipairs({'completed', 'failed', 'delayed', 'waiting-children'}) do
      redis.call('ZREM', base .. state, id)
    end
    redis.call('ZADD', base .. 'prioritized', ARGV[at + 2], id)
  end
end
for lane, base in pairs(lanes) do note(KEYS[1], lane, base) end
return answers`,
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
 * is whichever job that is. KEYS held. ARGV prefix, lane, id, token, rest in milliseconds.
 */
const putBackJob: Script = {
  name: 'tierfallPutBackJob',
  numberOfKeys: 1,
  lua: `${PLACING}${HOLDING}${RELEASING}
local base = ARGV[1] .. ':lane-' .. ARGV[2] .. ':'
look(KEYS[1], ARGV[2], base)
local id = release(base, ARGV[3], ARGV[4])
if not id then return 0 end
redis.call('ZADD', base .. 'prioritized', orderOf(base, id), id)
note(KEYS[1], ARGV[2], base)
if tonumber(ARGV[5]) > 0 then redis.call('SET', base .. 'limiter', '9007199254740991', 'PX', ARGV[5]) end
return 1`,
};

/** Ends a claimed job and forgets it, if the token holds it. KEYS held. ARGV prefix, lane, id, token. */
const completeJob: Script = {
  name: 'tierfallCompleteJob',
  numberOfKeys: 1,
  lua: `${HOLDING}${RELEASING}
local base = ARGV[1] .. ':lane-' .. ARGV[2] .. ':'
look(KEYS[1], ARGV[2], base)
local id = release(base, ARGV[3], ARGV[4])
if not id then return 0 end
redis.call('DEL', base .. id, base .. id .. ':logs')
note(KEYS[1], ARGV[2], base)
return 1`,
};

/**
 * Takes a claimed job out for good, if the token holds it; `*` is whichever that is. What it stood for, if anything, has to
 * be announced again before its lane goes on, also by a sweep that has counted it already. KEYS held. ARGV prefix, lane, id,
 * token.
 */
const discardJob: Script = {
  name: 'tierfallDiscardJob',
  numberOfKeys: 1,
  lua: `${HOLDING}${RELEASING}
local base = ARGV[1] .. ':lane-' .. ARGV[2] .. ':'
local id = release(base, ARGV[3], ARGV[4])
if not id then return 0 end
redis.call('DEL', base .. id, base .. id .. ':logs')
doubt(KEYS[1])
note(KEYS[1], ARGV[2], base)
return 1`,
};

/** Which of these ids will be run, as their places in the list. KEYS held. ARGV prefix, ids. */
const knownJobs: Script = {
  name: 'tierfallKnownJobs',
  numberOfKeys: 1,
  lua: `${HOLDING}
local known = {}
for _, lane in ipairs(lanesOf(KEYS[1])) do
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
 * first jobs of each lane, and beyond those as their mean. KEYS held. ARGV prefix, limit, jobs counted per lane.
 */
const countJobs: Script = {
  name: 'tierfallCountJobs',
  numberOfKeys: 1,
  lua: `${PLACING}${HOLDING}
local waiting, active, postponed, rows, oldest = 0, 0, 0, 0, nil
for _, lane in ipairs(lanesOf(KEYS[1])) do
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

/** The payloads of a part of a lane; the first part has the running ones too. KEYS held. ARGV prefix, lane, from, to. */
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

/** Makes a sweep necessary, also where one is under way. KEYS held. */
const doubt: Script = {
  name: 'tierfallDoubt',
  numberOfKeys: 1,
  lua: `${HOLDING}
doubt(KEYS[1])`,
};

const ANSWERING = `
local function questions(held)
  return redis.call('HGET', held, 'memory') .. '/' .. (redis.call('HGET', held, 'doubts') or '0')
end
`;

/**
 * Begins a sweep, and remembers which doubts it answers, in which memory. KEYS filling, held. ARGV prefix, seconds that it
 * may take, the name of a new memory.
 */
const beginFill: Script = {
  name: 'tierfallBeginFill',
  numberOfKeys: 2,
  lua: `${HOLDING}${ANSWERING}
redis.call('HSETNX', KEYS[2], 'memory', ARGV[3])
lookAtAll(KEYS[2], ARGV[1])
redis.call('SET', KEYS[1], questions(KEYS[2]), 'EX', ARGV[2])`,
};

/**
 * Ends a sweep that began with this key, if nothing was forgotten and nobody doubted meanwhile. KEYS filling, held. ARGV
 * prefix.
 */
const endFill: Script = {
  name: 'tierfallEndFill',
  numberOfKeys: 2,
  lua: `${HOLDING}${ANSWERING}
local answered = redis.call('GET', KEYS[1])
redis.call('DEL', KEYS[1])
if redis.call('HEXISTS', KEYS[2], 'memory') == 0 or not lookAtAll(KEYS[2], ARGV[1]) then return 0 end
if answered ~= questions(KEYS[2]) then return 0 end
redis.call('HSET', KEYS[2], 'filled', 1)
return 1`,
};

/**
 * Marks of ordering keys, '' where there is none, after the name of this memory, which lies beside them so that whoever
 * loses the marks loses it too. KEYS marks. ARGV a new name, keys.
 */
const findMarks: Script = {
  name: 'tierfallFindMarks',
  numberOfKeys: 1,
  lua: `
redis.call('HSETNX', KEYS[1], 'memory', ARGV[1])
local answer = {redis.call('HGET', KEYS[1], 'memory')}
for at = 2, #ARGV do table.insert(answer, redis.call('HGET', KEYS[1], 'key ' .. ARGV[at]) or '') end
return answer`,
};

/** Keeps the mark for those keys that have no newer one. KEYS marks. ARGV mark, keys. */
const addMarks: Script = {
  name: 'tierfallAddMarks',
  numberOfKeys: 1,
  lua: `
for at = 2, #ARGV do
  local known = redis.call('HGET', KEYS[1], 'key ' .. ARGV[at])
  if not known or known < ARGV[1] then redis.call('HSET', KEYS[1], 'key ' .. ARGV[at], ARGV[1]) end
end`,
};

/** Takes away the marks of these objects. KEYS marks. ARGV key, ref, key, ref … */
const removeMarks: Script = {
  name: 'tierfallRemoveMarks',
  numberOfKeys: 1,
  lua: `
for at = 1, #ARGV, 2 do
  local mark = redis.call('HGET', KEYS[1], 'key ' .. ARGV[at])
  if mark and string.sub(mark, 18) == ARGV[at + 1] then redis.call('HDEL', KEYS[1], 'key ' .. ARGV[at]) end
end`,
};

export const SCRIPTS = {
  nextLane,
  placeJobs,
  putBackJob,
  completeJob,
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
