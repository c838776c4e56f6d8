-- wrk: text pushes as WeChat sends them, each another message, from a few thousand customers.
-- One signed URL serves them all: the signature covers token, timestamp and nonce, not the body (reference: WeChat §1).
local customers = 4000
local threads = {}

function setup(thread)
  table.insert(threads, thread)
  thread:set("id", #threads)
end

function init()
  sent = 0
  refused = 0
end

local body = "<xml><ToUserName><![CDATA[gh_000000000000]]></ToUserName><FromUserName><![CDATA[oBench%022d]]></FromUserName>" ..
  "<CreateTime>%d</CreateTime><MsgType><![CDATA[text]]></MsgType><Content><![CDATA[你好，第 %d 条]]></Content>" ..
  "<MsgId>%d%010d</MsgId></xml>"
local headers = { ["Content-Type"] = "text/xml" }
local now = os.time()

function request()
  sent = sent + 1
  return wrk.format("POST", nil, headers, body:format(sent % customers, now, sent, 7000000 + id, sent))
end

function response(status)
  if status ~= 200 then refused = refused + 1 end
end

function done(summary, latency)
  local bad = 0
  for _, thread in ipairs(threads) do bad = bad + thread:get("refused") end
  local errors = summary.errors
  io.write(string.format(
    '\nRESULT {"requests":%d,"seconds":%.3f,"refused":%d,"errors":%d,"p50_ms":%.2f,"p99_ms":%.2f,"max_ms":%.2f}\n',
    summary.requests, summary.duration / 1e6, bad, errors.connect + errors.read + errors.write + errors.timeout,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3, latency.max / 1e3))
end
