-- Who waits for whom. KEYS: the generation, and what is held. ARGV: the generation, bytes for all and for one system,
-- the margin in seconds; then for each system five: its name, its horizons in days, labels, waiting, judging.
-- Answers for each system, packed: claimed, found, their labels, overflowed.
-- A judgement for which there is no room is one that finds no partner.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return redis.error_reply('GENERATION lost') end
local bytes_max, system_bytes_max, margin = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local PREFIX, NONE, DAY = '{flyball:ingest}:join:', string.rep('\0', 8), 86400
-- What an entry takes beside its own bytes: its place in a packed map, its share of the map; a key with its expiry.
local ENTRY_BYTES, KEY_BYTES, EARLY_BYTES_MAX = 12, 200, 16384
local sub, byte, unpack_from, pack, floor = string.sub, string.byte, struct.unpack, struct.pack, math.floor
local now = tonumber(redis.call('TIME')[1])
local LOW = {}
for i = 0, 255 do LOW[i] = string.char(i - i % 8) end

-- Epochs are quarters of a horizon, or days in which judgements came early (horizon 0). What is held in one goes with it.
local held, own, epochs, grown = 0, 0, {}, {}
local rows = redis.call('HGETALL', KEYS[2])
for i = 1, #rows, 2 do
    local bytes, expires = string.match(rows[i + 1], '^(%d+)@(%d+)$')
    if tonumber(expires) <= now then
        redis.call('HDEL', KEYS[2], rows[i])
    else
        held = held + bytes
        local days, epoch = string.match(rows[i], '^(%d+):(%d+)$')
        days, epoch = tonumber(days), tonumber(epoch)
        epochs[days] = epochs[days] or {}
        table.insert(epochs[days], epoch)
        grown[rows[i]] = { bytes = tonumber(bytes), expires = tonumber(expires), by = 0 }
    end
end
for _, known in pairs(epochs) do table.sort(known) end

local function grow(days, epoch, bytes, seconds)
    local name = days .. ':' .. epoch
    local known = grown[name]
    if not known then
        known = { bytes = 0, expires = 0, by = 0 }
        grown[name] = known
        epochs[days] = epochs[days] or {}
        table.insert(epochs[days], epoch)
        table.sort(epochs[days])
    end
    known.by = known.by + bytes
    known.expires = math.max(known.expires, now + seconds)
    held = held + bytes
end

local function life(days) return days * DAY * 5 / 4 + margin end
local function epoch_of(days, recorded) return floor(recorded * 4 / (days * DAY)) end
local prefixes = {}
local function prefix_of(days, epoch)
    local name = epoch * 128 + days
    if not prefixes[name] then prefixes[name] = PREFIX .. days .. ':' .. epoch .. ':' end
    return prefixes[name]
end
local function slot(prefix, id) return prefix .. sub(id, 1, 1) .. LOW[byte(id, 2)] end
local function knows_truth(value) return byte(value, 1) % 2 == 1 end
local function place_of(value) return knows_truth(value) and sub(value, 10, 17) or sub(value, 2, 9) end
local function recorded_of(value) return (unpack_from('>I4', value, knows_truth(value) and 18 or 10)) end

-- The first outcome holds, whenever it asks again.
local function is_truth(key, id, value, place, days, epoch)
    if knows_truth(value) then return sub(value, 2, 9) == place end
    redis.call('HSET', key, id, string.char(byte(value, 1) + 1) .. place .. sub(value, 2))
    grow(days, epoch, 8, life(days))
    return true
end

-- Judgements that came before what they judge: ``state claimer place recorded days payload``.
local function claim(number, id, value, days, epoch, key, claimed)
    local name = PREFIX .. 'early:' .. id
    local list = redis.call('GET', name)
    if not list then return end
    local known = key and redis.call('HGET', key, id) or value
    local place, recorded, truth, at = place_of(value), recorded_of(value), knows_truth(known), 1
    while at <= #list do
        local state, by, judge, judged_at, its_days, payload, next = unpack_from('>c1c8c8I4I1I2c0', list, at)
        if state == 't' then truth = true end
        local in_time = math.abs(judged_at - recorded) <= math.min(days, its_days) * DAY
        if state == 'w' and in_time then
            by, state = place, 'c'
            if sub(payload, 1, 1) == 'o' then
                state = truth and 's' or 't'
                if state == 't' then
                    truth = true
                    if key then is_truth(key, id, known, judge, days, epoch) end
                end
            end
            redis.call('SETRANGE', name, at - 1, state .. by)
        end
        if state ~= 'w' and by == place then
            claimed[#claimed + 1] = pack('>I4I1I2', number, state == 's' and 0 or 1, #payload) .. payload
        end
        at = next
    end
end

local function waits_early(list, place)
    local at = 1
    while at <= #list do
        local _, _, judge, _, _, _, next = unpack_from('>c1c8c8I4I1I2c0', list, at)
        if judge == place then return true end
        at = next
    end
    return false
end

local function find(id, recorded, horizons)
    for _, days in ipairs(horizons) do
        local reach = math.min(days, horizons[1]) * DAY
        for _, epoch in ipairs(epochs[days] or {}) do
            if epoch >= epoch_of(days, recorded - reach) and epoch <= epoch_of(days, recorded + reach) then
                local key = slot(prefix_of(days, epoch), id)
                local value = redis.call('HGET', key, id)
                if value and math.abs(recorded_of(value) - recorded) <= reach then return value, key, days, epoch end
            end
        end
    end
end

local function expire_new(name, seconds)
    if redis.call('HLEN', name) == 1 then redis.call('EXPIRE', name, seconds) end
end

local function keep_labels(labels, days, used)
    for epoch in pairs(used) do
        local name, at = prefix_of(days, epoch) .. 'labels', 1
        while at <= #labels do
            local code, text, next = unpack_from('>c8I2c0', labels, at)
            if redis.call('HSETNX', name, code, text) == 1 then
                expire_new(name, life(days))
                grow(days, epoch, #text + 100, life(days))
            end
            at = next
        end
    end
end

local function held_of(system, days)
    local sum = 0
    for _, epoch in ipairs(epochs[days] or {}) do
        sum = sum + (redis.call('HGET', prefix_of(days, epoch) .. 'systems', system) or 0)
    end
    return sum
end

local function is_mine(known, value) return place_of(known) == sub(value, 2, 9) end

local function there_is_room() return held < bytes_max and own < system_bytes_max end

local function grow_system(system, days, epoch, bytes, seconds)
    local name = prefix_of(days, epoch) .. 'systems'
    redis.call('HINCRBY', name, system, bytes)
    redis.call('EXPIRE', name, seconds)
    grow(days, epoch, bytes, seconds)
end

local function take_waiting(system, days, labels, waiting)
    local claimed, overflowed, used, at, number, ttl = {}, {}, {}, 1, 0, life(days)
    local quarter, size = days * DAY / 4, #waiting
    while at <= size do
        local high, low = byte(waiting, at + 8, at + 9)
        local next = at + 10 + high * 256 + low
        local id, value = sub(waiting, at, at + 7), sub(waiting, at + 10, next - 1)
        local epoch = floor(unpack_from('>I4', waiting, at + 19) / quarter)
        local key, mine, kept = slot(prefix_of(days, epoch), id), true, true
        if there_is_room() then
            if redis.call('HSETNX', key, id, value) == 1 then
                expire_new(key, ttl)
                local bytes = next - at + ENTRY_BYTES
                used[epoch] = (used[epoch] or 0) + bytes
                own, held = own + bytes, held + bytes
            else
                mine = is_mine(redis.call('HGET', key, id), value)
            end
        else
            local known = redis.call('HGET', key, id)
            if known then mine = is_mine(known, value) else
                kept = false
                overflowed[#overflowed + 1] = pack('>I4', number)
            end
        end
        if mine and epochs[0] then claim(number, id, value, days, epoch, kept and key, claimed) end
        at, number = next, number + 1
    end
    for epoch, bytes in pairs(used) do
        grow_system(system, days, epoch, bytes, ttl)
        held = held - bytes
    end
    keep_labels(labels, days, used)
    return table.concat(claimed), table.concat(overflowed)
end

local function take_judging(system, horizons, judging)
    local found, labels, kept, at, number, days = {}, {}, 0, 1, 0, horizons[1]
    while at <= #judging do
        local id, rest, next = unpack_from('>c8I2c0', judging, at)
        local place, recorded = sub(rest, 1, 8), unpack_from('>I4', rest, 9)
        local name = PREFIX .. 'early:' .. id
        local list = epochs[0] and redis.call('GET', name) or ''
        if not waits_early(list, place) then
            local value, key, its_days, epoch = find(id, recorded, horizons)
            if value then
                local first = sub(rest, 13, 13) ~= 'o' or is_truth(key, id, value, place, its_days, epoch)
                if knows_truth(value) then value = string.char(byte(value, 1) - 1) .. sub(value, 10) end
                local code = sub(value, 18, 25)
                labels[code] = labels[code] or redis.call('HGET', prefix_of(its_days, epoch) .. 'labels', code)
                found[#found + 1] = pack('>I4I1I2', number, first and 1 or 0, #value) .. value
            elseif there_is_room() and #list < EARLY_BYTES_MAX then
                local entry = 'w' .. NONE .. pack('>c8I4I1I2', place, recorded, days, #rest - 12) .. sub(rest, 13)
                redis.call('APPEND', name, entry)
                redis.call('EXPIRE', name, days * DAY + margin)
                local bytes = #entry + (list == '' and KEY_BYTES or 0)
                grow(0, floor(now / DAY), 0, days * DAY + margin)
                own, held, kept = own + bytes, held + bytes, kept + bytes
            end
        end
        at, number = next, number + 1
    end
    if kept > 0 then
        held = held - kept
        grow_system(system, 0, floor(now / DAY), kept, days * DAY + margin)
    end
    local texts = {}
    for code, text in pairs(labels) do texts[#texts + 1] = pack('>c8I2', code, #text) .. text end
    return table.concat(found), table.concat(texts)
end

local answers = {}
for i = 5, #ARGV, 5 do
    local horizons = {}
    for days in string.gmatch(ARGV[i + 1], '%d+') do horizons[#horizons + 1] = tonumber(days) end
    own = held_of(ARGV[i], horizons[1]) + held_of(ARGV[i], 0)
    local claimed, overflowed = take_waiting(ARGV[i], horizons[1], ARGV[i + 2], ARGV[i + 3])
    local found, labels = take_judging(ARGV[i], horizons, ARGV[i + 4])
    answers[#answers + 1] = { claimed, found, labels, overflowed }
end
for name, known in pairs(grown) do
    if known.by > 0 then redis.call('HSET', KEYS[2], name, (known.bytes + known.by) .. '@' .. math.ceil(known.expires)) end
end
return answers
