-- Sends whole requests out of a file, separated by NUL, in turn; eight @ in one become the next number each time.
local requests, numbered, turn, serial = {}, {}, 0, 0

function init(arguments)
  local file = assert(io.open(arguments[1], "rb"))
  for one in file:read("*a"):gmatch("[^%z]+") do
    requests[#requests + 1] = one
    numbered[#requests] = one:find("@@@@@@@@", 1, true) ~= nil
  end
  file:close()
  serial = tonumber(arguments[2])
end

function request()
  turn = turn % #requests + 1
  if not numbered[turn] then
    return requests[turn]
  end
  serial = serial + 1
  return (requests[turn]:gsub("@@@@@@@@", string.format("%08d", serial)))
end

function done(summary, latency)
  local wrong = summary.errors
  print(string.format(
    '{"requests": %d, "seconds": %.6f, "p50": %.4f, "p99": %.4f, "bytes": %d, "failed": %d}',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3, summary.bytes,
    wrong.connect + wrong.read + wrong.write + wrong.status + wrong.timeout
  ))
end
