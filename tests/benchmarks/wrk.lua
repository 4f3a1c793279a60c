-- Sends one packet over and over, and tells what came of it in one line that a program can read.
-- Argument: the file that holds the packet.

function init(arguments)
   local file = assert(io.open(arguments[1], "rb"))
   wrk.method = "POST"
   wrk.headers["Content-Type"] = "application/json"
   wrk.body = file:read("*a")
   file:close()
end

function done(summary, latency, requests)
   local errors = summary.errors
   local all = errors.connect + errors.read + errors.write + errors.status + errors.timeout
   io.write(string.format("REQUESTS %d MICROSECONDS %d ERRORS %d\n", summary.requests, summary.duration, all))
end
