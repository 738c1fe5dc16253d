-- Which of these events are seen for the first time? Keeps the places of those that are.
-- KEYS: generation, segments, mark of ids in the layout of release 1.
-- ARGV: generation, horizon in ms, seconds a segment takes ids, seconds its ids live after that,
--       ids (30 bytes each: fingerprint 16, place 8, append time in ms 6), earliest and latest append time in ms.
-- Answers with one character for each id: 1 if it is the first sighting.
--
-- Ids lie in segments, the newest of which takes new ones. The first bits of a fingerprint choose one of a segment's
-- maps, so many that each stays so small that Redis packs it: an id then takes its own bytes and little more.
local ID, FIELD_FROM, FIELD_TO, PLACE, PER_MAP, BITS_MIN, BITS_MAX = 30, 4, 13, 8, 64, 14, 23
local byte, sub, floor, call = string.byte, string.sub, math.floor, redis.call
if call('GET', KEYS[1]) ~= ARGV[1] then return redis.error_reply('GENERATION lost') end
local horizon_ms, open_seconds, live_seconds = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local ids, earliest_ms, latest_ms = ARGV[5], tonumber(ARGV[6]), tonumber(ARGV[7])
local now = tonumber(call('TIME')[1])

local function number(text, from, to)
    local value = 0
    for at = from, to do value = value * 256 + byte(text, at) end
    return value
end

-- Segments: number, bits, ids, earliest and latest append time in ms, second in which it was opened.
local stored = call('GET', KEYS[2])
local segments, last = {}, 0
for _, segment in ipairs(stored and cjson.decode(stored) or {}) do
    last = segment[1]
    if now <= segment[6] + open_seconds + live_seconds then segments[#segments + 1] = segment end
end

local function is_full(segment) return segment[3] >= PER_MAP * 2 ^ segment[2] end

local current = segments[#segments]
if not current or is_full(current) or now > current[6] + open_seconds then
    local bits = BITS_MIN
    if current then
        bits = current[2]
        if is_full(current) then bits = bits + 3
        elseif current[3] < PER_MAP * 2 ^ (bits - 2) then bits = bits - 1 end
    end
    current = {last + 1, math.max(BITS_MIN, math.min(BITS_MAX, bits)), 0, earliest_ms, latest_ms, now}
    segments[#segments + 1] = current
end
current[4], current[5] = math.min(current[4], earliest_ms), math.max(current[5], latest_ms)

local function map_of(segment, hash)
    return '{flyball:ingest}:ids:' .. segment[1] .. ':' .. floor(hash / 2 ^ (24 - segment[2]))
end

local earlier = {}
for at = 1, #segments - 1 do
    local segment = segments[at]
    if segment[5] >= earliest_ms - horizon_ms and segment[4] <= latest_ms + horizon_ms then
        earlier[#earlier + 1] = segment
    end
end
local has_old = call('EXISTS', KEYS[3]) == 1

-- '1': this very place was the first. '0': another one was. nil: nothing within the horizon.
local function verdict(known, id)
    if not known then return nil end
    if sub(known, 1, PLACE) == sub(id, 17, 24) then return '1' end
    if math.abs(number(id, 25, 30) - number(known, PLACE + 1, PLACE + 6)) <= horizon_ms then return '0' end
    return nil
end

local function verdict_of_old(id)
    local known = call('GET', '{flyball:ingest}:id:' .. sub(id, 1, 16))
    if not known then return nil end
    local partition, offset, known_ms = string.match(known, '^(%d+):(%d+)@(%d+)$')
    if tonumber(partition) == number(id, 17, 18) and tonumber(offset) == number(id, 19, 24) then return '1' end
    if math.abs(number(id, 25, 30) - tonumber(known_ms)) <= horizon_ms then return '0' end
    return nil
end

local function keep(map, field, id)
    local value = sub(id, 17, 30)
    if call('HSETNX', map, field, value) == 1 then
        current[3] = current[3] + 1
        if call('HLEN', map) == 1 then call('EXPIRE', map, open_seconds + live_seconds) end
        return '1'
    end
    local found = verdict(call('HGET', map, field), id)
    if not found then call('HSET', map, field, value) end
    return found or '1'
end

local answers = {}
for at = 1, #ids, ID do
    local id = sub(ids, at, at + ID - 1)
    local first, second, third = byte(id, 1, 3)
    local hash, field = first * 65536 + second * 256 + third, sub(id, FIELD_FROM, FIELD_TO)
    local found
    if has_old then found = verdict_of_old(id) end
    for each = 1, #earlier do
        if found then break end
        found = verdict(call('HGET', map_of(earlier[each], hash), field), id)
    end
    answers[#answers + 1] = found or keep(map_of(current, hash), field, id)
end
call('SET', KEYS[2], cjson.encode(segments))
return table.concat(answers)
