#include "sandbox/api.h"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "sandbox/cloud_api.h"
#include "sandbox/json_read.h"
#include "sandbox/page_files.h"

namespace kefu::sandbox {
namespace {

using nlohmann::json;

constexpr std::size_t kRequestBytesMax = 64 << 10;
constexpr std::size_t kFileRequestBytesMax = 15 << 20;  // a file of 10 MiB in base64
constexpr std::size_t kUploadBytesMax = 12 << 20;       // WeChat's largest file is 10 MiB
constexpr std::int64_t kAdvanceMax = std::int64_t{10} * 365 * 24 * 3600 * 1000;

http::Response answered(int status, const json& value) {
  return {status, dumped(value) + "\n", "application/json; charset=utf-8", {{"Cache-Control", "no-store"}}};
}

http::Response refused(int status, std::string_view why) {
  return answered(status, {{"error", why}});
}

using Action = std::function<http::Response(const json&)>;

void post(http::Server& server, const std::string& path, Action action,
          std::size_t bytes_max = kRequestBytesMax) {
  const auto act = [action = std::move(action), bytes_max](const http::Request& request) {
    if (request.body.size() > bytes_max) return refused(413, "the body is too large");
    const auto body = parse_object(request.body.empty() ? "{}" : request.body);
    return body ? action(*body) : refused(400, "the body is no JSON object");
  };
  server.post(path, act, {.bytes_max = std::max(bytes_max, kBodyBytesMax)});
}

// With "wait": when the gateway has answered, with what it said. Else at once.
http::Response accepted(const json& request, Result<Delivery> delivery, json more = json::object()) {
  if (!delivery) return refused(409, delivery.error());
  more["accepted"] = true;
  if (!read_flag(request, "wait")) return answered(200, more);
  try {
    const Delivered outcome = delivery->get();
    more["status"] = outcome.status;
    more["answer"] = outcome.answer;
    more["attempts"] = outcome.attempts;
    return answered(200, more);
  } catch (const std::future_error&) {
    return refused(503, "the sandbox is stopping");
  }
}

std::uint64_t since_of(const http::Request& request) {
  std::uint64_t since = 0;
  const auto text = request.parameter("since").value_or("0");
  std::from_chars(text.data(), text.data() + text.size(), since);
  return since;
}

// ---- People
// -------------------------------------------------------------------------------------------------

http::Response follow(Sandbox& sandbox, const json& request) {
  const auto made = sandbox.make_customer(read_text(request, "customer").value_or(""),
                                          read_text(request, "nick").value_or(""));
  if (!made) return refused(400, made.error());
  return accepted(request, sandbox.follow(*made, read_text(request, "scene").value_or("")),
                  {{"customer", made->value}});
}

http::Response as_customer(const json& request, const std::function<Result<Delivery>(const OpenId&)>& act) {
  const auto customer = read_text(request, "customer");
  if (!customer) return refused(400, "customer is missing");
  return accepted(request, act(OpenId(*customer)));
}

http::Response say(Sandbox& sandbox, const json& request) {
  const auto text = read_text(request, "text");
  if (!text) return refused(400, "text is missing");
  return as_customer(request, [&](const OpenId& id) { return sandbox.say(id, *text); });
}

http::Response reply(Sandbox& sandbox, const json& request) {
  const auto customer = read_text(request, "customer"), text = read_text(request, "text");
  if (!customer || !text) return refused(400, "customer and text are needed");
  return accepted(request, sandbox.reply(read_text(request, "agent").value_or(""), *customer, *text));
}

http::Response typing(Sandbox& sandbox, const json& request) {
  const auto customer = read_text(request, "customer");
  if (!customer) return refused(400, "customer is missing");
  return accepted(request, sandbox.typing(read_text(request, "agent").value_or(""), *customer,
                                          read_flag(request, "stopped")));
}

// As an agent, about a customer.
http::Response as_agent(
    const json& request,
    const std::function<Result<Delivery>(const std::string& agent, const std::string& customer)>& act) {
  const auto customer = read_text(request, "customer");
  if (!customer) return refused(400, "customer is missing");
  return accepted(request, act(read_text(request, "agent").value_or(""), *customer));
}

const json& elements_of(const json& request) {
  static const json kNone = json::array();
  const json* elements = member(request, "elements");
  return elements == nullptr ? kNone : *elements;
}

http::Response agent_send(Sandbox& sandbox, const json& request) {
  const auto customer = read_text(request, "customer");
  if (!customer) return refused(400, "customer is missing");
  std::string msg_key;
  auto sent =
      sandbox.agent_send(read_text(request, "agent").value_or(""), *customer, elements_of(request), msg_key);
  return accepted(request, std::move(sent), {{"msg_key", msg_key}});
}

void serve_agents(http::Server& server, Sandbox& sandbox) {
  post(
      server, "/api/agent/send", [&](const json& request) { return agent_send(sandbox, request); },
      kFileRequestBytesMax);
  post(server, "/api/agent/recall", [&](const json& request) {
    return as_agent(request, [&](const std::string& agent, const std::string& customer) {
      return sandbox.recall(agent, customer, read_text(request, "msg_key").value_or(""));
    });
  });
  post(
      server, "/api/agent/edit",
      [&](const json& request) {
        return as_agent(request, [&](const std::string& agent, const std::string& customer) {
          return sandbox.edit(agent, customer, read_text(request, "msg_key").value_or(""),
                              elements_of(request));
        });
      },
      kFileRequestBytesMax);
  post(server, "/api/agent/read", [&](const json& request) {
    return as_agent(request, [&](const std::string& agent, const std::string& customer) {
      return sandbox.read_all(agent, customer);
    });
  });
  post(server, "/api/agent/presence", [&](const json& request) {
    const auto agent = read_text(request, "agent");
    if (!agent) return refused(400, "agent is missing");
    return accepted(request,
                    sandbox.presence(*agent, read_flag(request, "online"), read_flag(request, "lost")));
  });
}

void serve_people(http::Server& server, Sandbox& sandbox) {
  post(server, "/api/customers", [&](const json& request) {
    const auto made =
        sandbox.make_customer(read_text(request, "id").value_or(""), read_text(request, "nick").value_or(""));
    return made ? answered(200, {{"id", made->value}}) : refused(400, made.error());
  });
  post(server, "/api/follow", [&](const json& request) { return follow(sandbox, request); });
  post(server, "/api/unfollow", [&](const json& request) {
    return as_customer(request, [&](const OpenId& id) { return sandbox.unfollow(id); });
  });
  post(
      server, "/api/send",
      [&](const json& request) {
        return as_customer(request, [&](const OpenId& id) { return sandbox.send(id, request); });
      },
      kFileRequestBytesMax);
  post(server, "/api/event", [&](const json& request) {
    return as_customer(request, [&](const OpenId& id) { return sandbox.event(id, request); });
  });
  post(server, "/api/say", [&](const json& request) { return say(sandbox, request); });
  post(server, "/api/reply", [&](const json& request) { return reply(sandbox, request); });
  post(server, "/api/typing", [&](const json& request) { return typing(sandbox, request); });
}

// ---- Trouble on order
// ---------------------------------------------------------------------------------------

http::Response order_fault(Sandbox& sandbox, const json& request) {
  const auto cloud = read_text(request, "cloud"), api = read_text(request, "api");
  const auto mode = fault_mode(read_text(request, "mode").value_or(""));
  if (!cloud || (*cloud != "im" && *cloud != "wechat") || !api || !mode) {
    return refused(400, "cloud (im, wechat), api and mode are needed");
  }
  Fault fault;
  fault.cloud = *cloud;
  fault.api = *api;
  fault.mode = *mode;
  fault.code = read_integer(request, "code").value_or(-1);
  fault.status = static_cast<int>(read_u32(request, "status").value_or(500));
  fault.wait = Millis(read_u32(request, "ms").value_or(30'000));
  fault.times = static_cast<int>(std::min<std::uint32_t>(read_u32(request, "times").value_or(1), 1'000'000));
  if (fault.status < 200 || fault.status > 599 || fault.times < 1) {
    return refused(400, "status is 200 to 599, times at least 1");
  }
  sandbox.faults().add(fault);
  return answered(200, {{"accepted", true}});
}

json view_of(const CallbackSwitches& switches) {
  return {{"before", switches.before}, {"after", switches.after}, {"withdraw", switches.withdraw},
          {"modify", switches.modify}, {"read", switches.read},   {"state", switches.state},
          {"lose", switches.lose}};
}

http::Response set_callbacks(Sandbox& sandbox, const json& request) {
  auto switches = sandbox.callbacks();
  const std::pair<const char*, bool*> all[] = {{"before", &switches.before},     {"after", &switches.after},
                                               {"withdraw", &switches.withdraw}, {"modify", &switches.modify},
                                               {"read", &switches.read},         {"state", &switches.state}};
  for (const auto& [name, on] : all) {
    if (member(request, name) != nullptr) *on = read_flag(request, name);
  }
  if (const auto lose = read_u32(request, "lose"))
    switches.lose = static_cast<int>(std::min<std::uint32_t>(*lose, 1'000'000));
  sandbox.set_callbacks(switches);
  return answered(200, view_of(switches));
}

json pending_faults(Sandbox& sandbox) {
  json list = json::array();
  for (const auto& fault : sandbox.faults().pending()) {
    list.push_back({{"cloud", fault.cloud},
                    {"api", fault.api},
                    {"mode", name(fault.mode)},
                    {"code", fault.code},
                    {"status", fault.status},
                    {"ms", fault.wait.count()},
                    {"times", fault.times}});
  }
  return list;
}

http::Response set_limit(Sandbox& sandbox, const json& request) {
  const auto cloud = read_text(request, "cloud"), api = read_text(request, "api");
  if (!cloud || (*cloud != "im" && *cloud != "wechat") || !api || api->empty())
    return refused(400, "cloud (im, wechat) and api are needed");
  const json* wanted = member(request, "per_second");
  const auto per_second = read_u32(request, "per_second");
  if (wanted != nullptr && !wanted->is_null() && !per_second)
    return refused(400, "per_second is a number of calls; without it there is no limit");
  sandbox.limits().set(*cloud, *api, per_second);
  return answered(200, {{"accepted", true}});
}

json all_limits(Sandbox& sandbox) {
  json list = json::array();
  for (const auto& row : sandbox.limits().rows()) {
    json seconds = json::array();
    for (const auto& second : row.seconds)
      seconds.push_back({{"at", second.at_s * 1000}, {"used", second.used}, {"refused", second.refused}});
    list.push_back({{"cloud", row.cloud},
                    {"api", row.api},
                    {"per_second", row.per_second ? json(*row.per_second) : json()},
                    {"used", row.used},
                    {"refused", row.refused},
                    {"seconds", std::move(seconds)}});
  }
  return list;
}

// The target of a hostile push: signed as it should be, then bent as `query` says. A null takes a parameter
// out.
std::string bent_target(const json& request, WirePush& wire) {
  if (const auto raw = read_text(request, "target")) return *raw;
  if (const json* changes = member(request, "query"); changes != nullptr && changes->is_object()) {
    for (const auto& [name, value] : changes->items()) {
      std::erase_if(wire.query, [&name = name](const auto& parameter) { return parameter.first == name; });
      if (value.is_string()) wire.query.emplace_back(name, value.get<std::string>());
    }
  }
  return target_of(wire.query);
}

http::Response push_anything(Sandbox& sandbox, const json& request) {
  const OpenId customer(read_text(request, "customer").value_or("oSandboxStranger000000000000"));
  const auto msg_id = read_text(request, "msg_id").value_or("23000000000000001");
  const auto xml = read_text(request, "xml")
                       .value_or(sandbox.push_xml(customer, read_text(request, "text").value_or(""), msg_id));
  WirePush wire = sandbox.sign(customer, xml);
  const auto target = bent_target(request, wire);
  const auto body = read_text(request, "body").value_or(wire.body);
  const auto type = read_text(request, "content_type").value_or("text/xml");
  const bool get = read_text(request, "method") == "GET";
  const auto result = sandbox.knock(target, body, type, get);
  const bool has_answer = result.kind == http::CallResult::Kind::answered;
  return answered(200, {{"status", has_answer ? result.status : 0},
                        {"answer", has_answer ? result.body : result.error},
                        {"target", target}});
}

http::Response advance_clock(Sandbox& sandbox, const json& request) {
  const auto by = read_integer(request, "advance_ms").value_or(-1);
  if (by < 0 || by > kAdvanceMax) return refused(400, "advance_ms is 0 to ten years");
  sandbox.advance(Millis(by));
  return answered(200, {{"now", sandbox.now().ms}});
}

void serve_trouble(http::Server& server, Sandbox& sandbox) {
  post(server, "/api/fault", [&](const json& request) { return order_fault(sandbox, request); });
  server.get("/api/faults", [&](const http::Request&) { return answered(200, pending_faults(sandbox)); });
  post(server, "/api/faults/clear", [&](const json&) {
    sandbox.faults().clear();
    return answered(200, {{"accepted", true}});
  });
  post(server, "/api/limit", [&](const json& request) { return set_limit(sandbox, request); });
  server.get("/api/limits", [&](const http::Request&) { return answered(200, all_limits(sandbox)); });
  post(
      server, "/api/push", [&](const json& request) { return push_anything(sandbox, request); },
      kBodyBytesMax);
  post(server, "/api/callbacks", [&](const json& request) { return set_callbacks(sandbox, request); });
  server.get("/api/callbacks",
             [&](const http::Request&) { return answered(200, view_of(sandbox.callbacks())); });
  post(server, "/api/clock", [&](const json& request) { return advance_clock(sandbox, request); });
  post(server, "/api/tokens/revoke", [&](const json&) {
    sandbox.revoke_tokens();
    return answered(200, {{"accepted", true}});
  });
  post(server, "/api/edition", [&](const json& request) {
    sandbox.set_paid_edition(read_flag(request, "paid"));
    return answered(200, {{"accepted", true}});
  });
  post(server, "/api/reset", [&](const json&) {
    sandbox.reset();
    return answered(200, {{"accepted", true}});
  });
}

// ---- What can be read
// ---------------------------------------------------------------------------------------

void stream_events(Sandbox& sandbox, const http::Request& request, const http::StreamSink& sink) {
  if (!sink("retry: 1000\n\n")) return;
  sandbox.feed().follow(since_of(request), [&sink](std::uint64_t number, std::string_view line) {
    if (line.empty()) return sink(": still here\n\n");
    if (number == 0) return sink("data: {\"type\":\"gap\"}\n\n");
    std::string text = "id: " + std::to_string(number) + "\ndata: ";
    return sink(text.append(line).append("\n\n"));
  });
}

void serve_views(http::Server& server, Sandbox& sandbox) {
  const auto found = [](const std::optional<json>& view) {
    return view ? answered(200, *view) : refused(404, "no such one");
  };
  server.get("/api/customers", [&](const http::Request&) { return answered(200, sandbox.customers()); });
  server.get("/api/customer", [&sandbox, found](const http::Request& request) {
    return found(sandbox.customer(OpenId(request.parameter("id").value_or(""))));
  });
  server.get("/api/agent", [&sandbox, found](const http::Request& request) {
    return found(sandbox.agent(request.parameter("id").value_or("")));
  });
  server.get("/api/calls",
             [&](const http::Request& request) { return answered(200, sandbox.calls(since_of(request))); });
  server.get("/api/state", [&](const http::Request&) { return answered(200, sandbox.state()); });
  server.stream("/api/events", [&](const http::Request& request, const http::StreamSink& sink) {
    stream_events(sandbox, request, sink);
  });
}

void serve_page(http::Server& server) {
  for (const auto& file : page_files()) {
    server.get(std::string(file.path), [file](const http::Request&) {
      return http::Response{200,
                            std::string(file.content),
                            std::string(file.content_type),
                            {{"Cache-Control", "no-cache"},
                             {"X-Content-Type-Options", "nosniff"},
                             {"Content-Security-Policy",
                              "default-src 'self'; img-src 'self' data: http: https:; "
                              "media-src 'self' http: https:"}}};
    });
  }
}

// Where pushes' PicUrl, WeChat's video_url and the elements of agents' messages lead.
std::optional<http::Response> serve_file(Sandbox& sandbox, const http::Request& request) {
  if (request.method != "GET" && request.method != "HEAD") return std::nullopt;
  const auto file = sandbox.file_at(request.path);
  if (!file) return std::nullopt;
  return http::Response{200,
                        *file->bytes,
                        file->content_type,
                        {{"X-Content-Type-Options", "nosniff"}, {"Content-Security-Policy", "sandbox"}}};
}

}  // namespace

void serve(http::Server& server, Sandbox& sandbox) {
  serve_page(server);
  serve_people(server, sandbox);
  serve_agents(server, sandbox);
  serve_trouble(server, sandbox);
  serve_views(server, sandbox);
  server.post("/cgi-bin/media/upload",
              [&](const http::Request& request) { return *answer_cloud_call(sandbox, request); },
              {.bytes_max = kUploadBytesMax, .multipart = true});
  server.fallback([&](const http::Request& request) {
    if (auto file = serve_file(sandbox, request)) return *file;
    if (auto answer = answer_cloud_call(sandbox, request)) return *answer;
    if (request.method == "DELETE" && request.path == "/api/faults") {
      sandbox.faults().clear();
      return answered(200, {{"accepted", true}});
    }
    return refused(404, "nothing here");
  });
}

}  // namespace kefu::sandbox
