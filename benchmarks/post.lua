-- The requests of requests.py for wrk, told by the environment what to make:
-- BENCH_KEYS begins each Idempotency-Key, BENCH_BATCH is the orders of a request,
-- BENCH_API_KEY goes with every request.
-- Prints the summary of tally.py as a line of JSON.
local keys = os.getenv("BENCH_KEYS") or ""
local batch = tonumber(os.getenv("BENCH_BATCH") or "0")
local v1 = wrk.path:sub(1, 4) == "/v1/"
local api_key = os.getenv("BENCH_API_KEY") or ""
local number = 0

wrk.method = "POST"
wrk.headers["Content-Type"] = batch > 0 and "application/x-ndjson" or "application/json"
if api_key ~= "" then
  wrk.headers["Authorization"] = "Bearer " .. api_key
end

local function order(n)
  local price = n % 5 == 0 and 1500 or 499
  local user, product = n % 10000 + 1, n % 500 + 1
  if v1 then
    return string.format(
      '{"user_id":%d,"currency":"EUR","items":[{"product_id":%d,"quantity":2,"line_total":"%d.00"}],"total":"%d.00"}',
      user, product, price, price)
  end
  return string.format('{"user_id":%d,"product_id":%d,"quantity":2,"total_price":%d}', user, product, price)
end

function request()
  number = number + 1
  local count = math.max(batch, 1)
  local lines = {}
  for place = 0, count - 1 do
    lines[place + 1] = order(number * count + place)
  end
  if keys ~= "" then
    wrk.headers["Idempotency-Key"] = keys .. "-" .. number
  end
  return wrk.format(nil, nil, nil, table.concat(lines, "\n"))
end

function done(summary, latency, requests)
  local e = summary.errors
  io.write(string.format(
    '{"seconds":%.6f,"answered":%d,"accepted":%d,"lost":%d,"p50_ms":%.3f,"p99_ms":%.3f,"p999_ms":%.3f,"max_ms":%.3f,"late_ms":0}\n',
    summary.duration / 1e6, summary.requests, summary.requests - e.status,
    e.connect + e.read + e.write + e.timeout,
    latency:percentile(50) / 1000, latency:percentile(99) / 1000,
    latency:percentile(99.9) / 1000, latency.max / 1000))
end
