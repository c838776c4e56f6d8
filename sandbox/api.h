// What drives the sandbox: the JSON API under /api/, the page, and everything else that its one port serves.
//
// Every body is a JSON object of at most 64 KiB, 15 MiB where it may hold a file; every answer is JSON. 200:
// done; 400: the request is no good; 404: no such thing; 409: the world is not in the state for it; each with
// {"error": "…"}. Times are Unix milliseconds of the sandbox's own clock. docs/sandbox.md has every field.
//
//   POST /api/customers      {id?, nick?}: somebody who does not follow yet
//   POST /api/follow         {customer?, nick?, scene?, wait?}: a new customer when none is named
//   POST /api/unfollow       {customer, wait?}
//   POST /api/say            {customer, text, wait?}
//   POST /api/send           {customer, type, …, wait?}: any message type; files in base64, or samples
//   POST /api/event          {customer, event, key?, …, wait?}
//   POST /api/reply          {agent?, customer, text, wait?}
//   POST /api/agent/send     {agent?, customer, elements, wait?}
//   POST /api/agent/recall   {agent?, customer, msg_key, wait?}
//   POST /api/agent/edit     {agent?, customer, msg_key, elements, wait?}
//   POST /api/agent/read     {agent?, customer, wait?}
//   POST /api/agent/presence {agent, online, lost?, wait?}
//   POST /api/typing         {agent?, customer, stopped?, wait?}: a callback that is online only
//   GET  /api/customers      [{id, number, nick, following, window}]
//   GET  /api/customer?id=   the same with "seen": [{at, kind, type, text, content}]
//   GET  /api/agent?id=      {"conversations": {"<IM account>": [message, …]}}
//   GET  /api/calls?since=   what the clouds' APIs were asked, and answered
//   POST /api/fault          {cloud, api, mode, code?, status?, ms?, times?}: the next calls fail
//   GET  /api/faults         those still to come
//   POST /api/faults/clear   or DELETE /api/faults
//   POST /api/limit          {cloud, api, per_second?}: so many calls in a second and no more; none: no limit
//   GET  /api/limits         [{cloud, api, per_second, used, refused, seconds: [{at, used, refused}]}]
//   POST /api/callbacks      {before?, after?, withdraw?, modify?, read?, state?, lose?}: switches of IM
//   POST /api/clock          {advance_ms}: the sandbox's own time goes ahead
//   POST /api/push           {customer?, text?, body?, query?, …}: a hostile push, as ordered
//   POST /api/tokens/revoke  every access_token dies at once
//   POST /api/edition        {paid}: a deleted IM account is locked for three months
//   POST /api/reset          everything is forgotten
//   GET  /api/state          all of it, and the number of the last event
//   GET  /api/events?since=  server-sent events: every change, as it happens
#pragma once

#include <cstddef>

#include "lib/http/server.h"
#include "sandbox/sandbox.h"

namespace kefu::sandbox {

// Of any request: hostile pushes may be larger than the gateway takes.
inline constexpr std::size_t kBodyBytesMax = 4 << 20;

// Registers everything. `sandbox` must live longer than `server`.
void serve(http::Server& server, Sandbox& sandbox);

}  // namespace kefu::sandbox
