-- wrk's script: sends the lines of $REQUESTS in turn (`token <tab> body`) and looks whether the answers are pages.
local prepared, turn = {}, 0
bad = 0

function setup(thread) last = thread end

function init()
  local headers = { ["content-type"] = "application/json", ["accept"] = "application/json" }
  for line in io.lines(os.getenv("REQUESTS")) do
    local token, body = line:match("^(%S*)\t(.*)$")
    headers["authorization"] = token ~= "" and "Bearer " .. token or nil
    prepared[#prepared + 1] = wrk.format("POST", nil, headers, body)
  end
end

function request()
  turn = turn % #prepared + 1
  return prepared[turn]
end

function response(status, headers, body)
  if status ~= 200 or body:find('"errors":', 1, true) then bad = bad + 1 end
end

function done(summary, latency)
  local lost = summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout
  io.write(string.format('SENT {"requests":%d,"bad":%d,"seconds":%f,"p50_ms":%f,"p99_ms":%f}',
    summary.requests, last:get("bad") + lost, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3))
end
