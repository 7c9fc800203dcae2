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
