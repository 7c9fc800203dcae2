#!lua name=tunnel_@TUNNEL_LIBRARY@
-- What a hub asks of Redis in one step. There is no rollback, so each function checks first and
-- writes then. A lost answer means that nobody knows whether it ran, so each may be sent again.
-- Numbers that matter are compared as text; times are milliseconds since 1970.

local function now()
    local t = redis.call('TIME')
    return t[1] * 1000 + math.floor(t[2] / 1000)
end

local function digits(n)
    return string.format('%.0f', n)
end

-- A version that none before had, also when what had them is gone.
local function next_version(v)
    if v == '0' then
        return digits(now())
    end
    return digits(tonumber(v) + 1)
end

local function conflict(key, v)
    local answer = {0, v}
    for _, text in ipairs(redis.call('HGETALL', key)) do
        answer[#answer + 1] = text
    end
    return answer
end

-- put KEY | v request expire field value ...  -> {1, v'} or {0, v, field, value ...}
-- Writes the fields if the record's version is v ("0": there is no record). `request` is the
-- caller's name for this change: what it did before is done. expire: when the record goes; "0":
-- never; "": as it was.
local function put(keys, args)
    local key = keys[1]
    local have = redis.call('HMGET', key, 'v', 'q')
    local v = have[1] or '0'
    if have[2] and have[2] == args[2] then
        return {1, v}
    end
    if v ~= args[1] then
        return conflict(key, v)
    end
    local new = next_version(v)
    redis.call('HSET', key, 'v', new, 'q', args[2], unpack(args, 4))
    if args[3] == '0' then
        redis.call('PERSIST', key)
    elseif args[3] ~= '' then
        redis.call('PEXPIREAT', key, args[3])
    end
    return {1, new}
end

-- drop KEY | v  -> {1, "0"} or {0, v, field, value ...}
-- Removes the record if its version is v, or if it is gone already.
local function drop(keys, args)
    local v = redis.call('HGET', keys[1], 'v')
    if v and v ~= args[1] then
        return conflict(keys[1], v)
    end
    redis.call('DEL', keys[1])
    return {1, '0'}
end

-- slot KEY | now member expires max  -> {1, members} or {0, members}
-- A place among at most `max` ("0": no limit) members whose time has not come; one that has its
-- place keeps it. ZREM gives it back.
local function slot(keys, args)
    local key = keys[1]
    redis.call('ZREMRANGEBYSCORE', key, '-inf', args[1])
    local n = redis.call('ZCARD', key)
    local max = tonumber(args[4])
    if redis.call('ZSCORE', key, args[2]) then
        n = n - 1
    elseif max > 0 and n >= max then
        return {0, n}
    end
    redis.call('ZADD', key, args[3], args[2])
    local last = redis.call('ZRANGE', key, -1, -1, 'WITHSCORES')
    redis.call('PEXPIREAT', key, digits(tonumber(last[2])))
    return {1, n + 1}
end

-- spend KEY | member max [expire]  -> {1, members} or {0, members}
-- One of at most `max` uses; a member that has used it may again. expire: when the uses are
-- forgotten.
local function spend(keys, args)
    local key = keys[1]
    local n = redis.call('SCARD', key)
    if redis.call('SISMEMBER', key, args[1]) == 1 then
        return {1, n}
    end
    if n >= tonumber(args[2]) then
        return {0, n}
    end
    redis.call('SADD', key, args[1])
    if args[3] then
        redis.call('PEXPIREAT', key, args[3])
    end
    return {1, n + 1}
end

-- The nodes of a cluster: a hash with a field for each, "EPOCH BEAT STATE INSTANCE INFO", and with
-- #id (of the cluster), #schema and #epoch (the last one given). A node's process has an INSTANCE
-- of its own; INFO is its own business. What a clock says decides nothing.

local function read_node(key, name)
    local text = redis.call('HGET', key, name)
    if not text then
        return nil
    end
    local epoch, beat, state, instance, info = text:match('^(%d+) (%d+) (%l+) (%w+) ?(.*)$')
    return {epoch = epoch, beat = beat, state = state, instance = instance, info = info}
end

local function write_node(key, name, n)
    redis.call('HSET', key, name,
               table.concat({n.epoch, n.beat, n.state, n.instance, n.info}, ' '))
end

-- Forgets the dead when there are too many nodes; false: there still are.
local function make_room(key, most)
    if redis.call('HLEN', key) < most then
        return true
    end
    for _, name in ipairs(redis.call('HKEYS', key)) do
        local n = read_node(key, name)
        if name:sub(1, 1) ~= '#' and n and n.state == 'dead' then
            redis.call('HDEL', key, name)
        end
    end
    return redis.call('HLEN', key) < most
end

-- join KEY | name instance info schema known new epoch beat most
--   -> {1, time, epoch, id}                    joined, under an epoch that none had
--      {0, epoch, beat, info}                  a node of that name is there; it may be replaced by
--                                              naming its epoch and beat, if it still has these
--      {2, schema, id}                         another schema or cluster ("": nothing is there)
--      {3}                                     there are `most` nodes
-- known: the id of the cluster that the node has seen before, or ""; new: the id to give if there
-- is none.
local function join(keys, args)
    local key, name = keys[1], args[1]
    local have = redis.call('HMGET', key, '#schema', '#id', '#epoch')
    local schema, id = have[1] or '', have[2] or ''
    if id == '' and args[5] == '' then
        schema, id = args[4], args[6]
    end
    if schema ~= args[4] or (args[5] ~= '' and args[5] ~= id) then
        return {2, schema, id}
    end
    local n = read_node(key, name)
    if n and n.instance == args[2] and n.state ~= 'dead' then
        return {1, now(), n.epoch, id}
    end
    if n and n.state ~= 'dead' and (n.epoch ~= args[7] or n.beat ~= args[8]) then
        return {0, n.epoch, n.beat, n.info}
    end
    if not n and not make_room(key, tonumber(args[9]) + 3) then
        return {3}
    end
    local epoch = digits(math.max(tonumber(have[3] or '0') + 1, now()))
    redis.call('HSET', key, '#schema', schema, '#id', id, '#epoch', epoch)
    write_node(key, name, {epoch = epoch, beat = '0', state = 'up', instance = args[2],
                           info = args[3]})
    return {1, now(), epoch, id}
end

-- beat KEY | name epoch instance state info  -> {code, time, id, field, value ...}
-- code: 1: it is alive; 0: it was fenced, or is not there; 2: another process has its name; 3: the
-- cluster is not there. Then all fields of the hash.
local function beat(keys, args)
    local key = keys[1]
    local id = redis.call('HGET', key, '#id')
    if not id then
        return {3, now(), ''}
    end
    local n = read_node(key, args[1])
    local code = 0
    if n and n.state ~= 'dead' and n.instance ~= args[3] then
        code = 2
    elseif n and n.state ~= 'dead' and n.epoch == args[2] then
        code = 1
        n.beat, n.state, n.info = digits(tonumber(n.beat) + 1), args[4], args[5]
        write_node(key, args[1], n)
    end
    local answer = {code, now(), id}
    for _, text in ipairs(redis.call('HGETALL', key)) do
        answer[#answer + 1] = text
    end
    return answer
end

-- fence KEY | name epoch beat  -> {1} or {0}
-- The node is dead, if that was its last beat.
local function fence(keys, args)
    local n = read_node(keys[1], args[1])
    if not n or n.epoch ~= args[2] or n.beat ~= args[3] then
        return {0}
    end
    n.state = 'dead'
    write_node(keys[1], args[1], n)
    return {1}
end

-- leave KEY | name epoch  -> {1}
local function leave(keys, args)
    local n = read_node(keys[1], args[1])
    if n and n.epoch == args[2] then
        redis.call('HDEL', keys[1], args[1])
    end
    return {1}
end

-- A name ends with the text's hash: names of functions are shared by all libraries.
local function register(name, callback, ...)
    redis.register_function{function_name = name .. '_@TUNNEL_LIBRARY@', callback = callback,
                            flags = {...}}
end

register('put', put)
register('keep', put, 'allow-oom')
register('drop', drop, 'allow-oom')
register('slot', slot)
register('spend', spend)
register('join', join, 'allow-oom')
register('beat', beat, 'allow-oom')
register('fence', fence, 'allow-oom')
register('leave', leave, 'allow-oom')
