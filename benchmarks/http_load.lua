-- What wrk sends, by its arguments: CALL ITEM_IDS USERS. Ends with one line of JSON.
-- CALL is one of stateless, storing, cached, computed; ITEM_IDS a comma-separated list; USERS how many stored users there are.

local JSON_HEADERS = {["Content-Type"] = "application/json"}
local RATINGS = 10
local ids = {}
local users

local function ratings()
  -- Ten neighbours in the list from a random one on: distinct, and never the same request twice.
  local start, given = math.random(#ids), {}
  for place = 1, RATINGS do
    local id = ids[(start + place) % #ids + 1]
    given[place] = string.format('{"item_id":"%s","rating":%d}', id, math.random(1, 5))
  end
  return '{"ratings":[' .. table.concat(given, ",") .. ']'
end

local function user()
  return "/v1/users/u" .. math.random(users)
end

local calls = {
  stateless = function()
    return wrk.format("POST", "/v1/recommendations", JSON_HEADERS, ratings() .. ',"n":10}')
  end,
  storing = function()
    -- Somebody new, as whose first ratings these are.
    return wrk.format("POST", "/v1/users/new" .. math.random(1000000000) .. "/ratings?n=10", JSON_HEADERS, ratings() .. "}")
  end,
  cached = function()
    return wrk.format("GET", user() .. "/recommendations?n=10")
  end,
  computed = function()
    -- What is left out is part of a cached answer's key, and this has never been left out before.
    return wrk.format("GET", user() .. "/recommendations?n=10&exclude=none" .. math.random(1000000000))
  end,
}

function init(arguments)
  request = calls[arguments[1]]
  for id in string.gmatch(arguments[2], "[^,]+") do table.insert(ids, id) end
  users = tonumber(arguments[3])
  math.randomseed(os.time())
end

function done(summary, latency)
  local errors = summary.errors
  print(string.format(
    '{"requests":%d,"seconds":%.3f,"errors":%d,"p50_ms":%.3f,"p95_ms":%.3f,"p99_ms":%.3f,"max_ms":%.3f}',
    summary.requests, summary.duration / 1e6,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout,
    latency:percentile(50) / 1e3, latency:percentile(95) / 1e3, latency:percentile(99) / 1e3, latency.max / 1e3))
end
