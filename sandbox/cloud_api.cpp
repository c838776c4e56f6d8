#include "sandbox/cloud_api.h"

#include <functional>

namespace kefu::sandbox {
namespace {

constexpr std::string_view kJson = "application/json; charset=utf-8";
constexpr std::int64_t kImTooOften = 60018;      // reference: IM §1.5
constexpr std::int64_t kWechatTooOften = 45011;  // reference: WeChat §6.6

struct Route {
  std::string cloud;
  std::string api;
  std::function<CloudAnswer()> act;
};

std::string parameter(const http::Request& request, std::string_view name) {
  return request.parameter(name).value_or("");
}

std::optional<Route> wechat_route(Sandbox& sandbox, const http::Request& request) {
  const auto route = [&](std::string api, auto act) {
    return Route{"wechat", api, [&sandbox, api, act] { return sandbox.wechat_api(api, act); }};
  };
  const auto post_only = [&](auto act) {
    return [&request, act](WeChatCloud& cloud, Timestamp now) {
      return request.method == "POST" ? act(cloud, now) : cloud.failure(43002, "");
    };
  };
  const auto& body = request.body;
  const auto& path = request.path;
  const auto token = parameter(request, "access_token");
  if (path == "/cgi-bin/stable_token") {
    return route("stable_token", post_only([&body](WeChatCloud& cloud, Timestamp now) {
                   return cloud.stable_token(body, now);
                 }));
  }
  if (path == "/cgi-bin/token") {
    return route("token", [&request](WeChatCloud& cloud, Timestamp now) {
      return cloud.plain_token(parameter(request, "grant_type"), parameter(request, "appid"),
                               parameter(request, "secret"), now);
    });
  }
  if (path == "/cgi-bin/message/custom/send") {
    return route("custom_send", post_only([&body, token](WeChatCloud& cloud, Timestamp now) {
                   return cloud.custom_send(token, body, now);
                 }));
  }
  if (path == "/cgi-bin/message/custom/typing") {
    return route("typing", post_only([&body, token](WeChatCloud& cloud, Timestamp now) {
                   return cloud.typing(token, body, now);
                 }));
  }
  if (path == "/cgi-bin/media/upload") {
    return route("media_upload", post_only([&request, token, type = parameter(request, "type")](
                                               WeChatCloud& cloud, Timestamp now) {
                   // A body of untold length never reaches it (reference: §7.1).
                   if (request.chunked) return CloudAnswer{412, "", false, "", 412, "text/html"};
                   return cloud.media_upload(token, type, request.content_type, request.body, now);
                 }));
  }
  if (path == "/cgi-bin/media/get") {
    return route("media_get", [&request, token](WeChatCloud& cloud, Timestamp now) {
      return cloud.media_get(token, parameter(request, "media_id"), now);
    });
  }
  if (path == "/cgi-bin/get_api_domain_ip" || path == "/cgi-bin/getcallbackip") {
    return route(path.substr(path.rfind('/') + 1),
                 [token](WeChatCloud& cloud, Timestamp now) { return cloud.own_addresses(token, now); });
  }
  return std::nullopt;
}

Route im_route(Sandbox& sandbox, const http::Request& request) {
  const auto command = request.path.substr(std::string_view("/v4/").size());
  return {"im", command.substr(command.find('/') + 1), [&sandbox, &request, command] {
            if (request.method != "POST") return sandbox.failure("im", 60002);
            const ImQuery query{parameter(request, "sdkappid"), parameter(request, "identifier"),
                                parameter(request, "usersig")};
            return sandbox.im_api(command, query, request.body);
          }};
}

http::Response response_of(const CloudAnswer& answer) {
  http::Response response{answer.status, answer.body,
                          answer.content_type.empty() ? std::string(kJson) : answer.content_type};
  if (!answer.disposition.empty()) response.headers.emplace_back("Content-disposition", answer.disposition);
  return response;
}

http::Response cut_off() {
  http::Response response;
  response.hang_up = true;
  return response;
}

// What the caller gets, and in `call` what is to be noted.
http::Response strike(Sandbox& sandbox, const Route& route, const Fault& fault, Call& call) {
  call.fault = name(fault.mode);
  CloudAnswer answer;
  if (fault.acts()) answer = route.act();
  call.acted = answer.acted;
  call.summary = answer.summary;
  call.status = 0;
  switch (fault.mode) {
    case Fault::Mode::error:
      answer = sandbox.failure(route.cloud, fault.code);
      break;
    case Fault::Mode::http:
      call.status = fault.status;
      return {fault.status, "<html><body>the sandbox was told to fail</body></html>", "text/html"};
    case Fault::Mode::reset:
    case Fault::Mode::act_then_reset:
      return cut_off();
    case Fault::Mode::hang:
    case Fault::Mode::act_then_hang:
      sandbox.record(call);  // now: whoever waits for the call should not wait for its end
      sandbox.faults().hang(fault.wait);
      return cut_off();
    case Fault::Mode::slow:
      sandbox.faults().hang(fault.wait);
      break;
  }
  call.status = answer.status;
  call.code = answer.code;
  return response_of(answer);
}

bool hangs(const Fault& fault) {
  return fault.mode == Fault::Mode::hang || fault.mode == Fault::Mode::act_then_hang;
}

}  // namespace

std::optional<http::Response> answer_cloud_call(Sandbox& sandbox, const http::Request& request) {
  std::optional<Route> route;
  if (request.path.rfind("/cgi-bin/", 0) == 0) route = wechat_route(sandbox, request);
  if (request.path.rfind("/v4/", 0) == 0) route = im_route(sandbox, request);
  if (!route) return std::nullopt;
  const bool secret = route->api == "stable_token" || route->api == "token";
  const bool binary = route->api == "media_upload";
  Call call;
  call.cloud = route->cloud;
  call.api = route->api;
  if (!secret && !binary) call.body = request.body;
  if (!sandbox.limits().admit(route->cloud, route->api, sandbox.now())) {
    const auto answer = sandbox.failure(route->cloud, route->cloud == "im" ? kImTooOften : kWechatTooOften);
    call.code = answer.code;
    sandbox.record(std::move(call));
    return response_of(answer);
  }
  if (const auto fault = sandbox.faults().take(route->cloud, route->api)) {
    auto response = strike(sandbox, *route, *fault, call);
    if (!hangs(*fault)) sandbox.record(call);
    return response;
  }
  const auto answer = route->act();
  call.status = answer.status;
  call.code = answer.code;
  call.acted = answer.acted;
  call.summary = answer.summary;
  sandbox.record(std::move(call));
  return response_of(answer);
}

}  // namespace kefu::sandbox
