#include "tests/process/clouds.h"

#include <doctest/doctest.h>

#include <set>
#include <stdexcept>

#include "tests/process/process.h"

namespace kefu::test {
namespace {

using nlohmann::json;

const std::map<std::string, std::string> kPaths{
    {"/v4/im_open_login_svc/account_import", "account_import"},
    {"/v4/im_open_login_svc/multiaccount_import", "multiaccount_import"},
    {"/v4/im_open_login_svc/account_delete", "account_delete"},
    {"/v4/openim/admin_getroammsg", "admin_getroammsg"},
    {"/v4/openim/query_online_status", "query_online_status"},
    {"/v4/openim/sendmsg", "sendmsg"},
    {"/cgi-bin/stable_token", "stable_token"},
    {"/cgi-bin/message/custom/send", "custom_send"},
    {"/cgi-bin/message/custom/typing", "typing"}};

http::Response json_answer(const json& body) {
  return {200, body.dump(), "application/json"};
}

bool is_im(const std::string& api) {
  static const std::set<std::string> kWechat{"stable_token", "custom_send", "media_get", "media_upload",
                                             "typing"};
  return !kWechat.contains(api);
}

}  // namespace

Clouds::Clouds() {
  http::ServerOptions options;
  options.listen = "127.0.0.1:0";
  options.unauthenticated_bytes_max = 1 << 30;  // uploads
  server_ = std::make_unique<http::Server>(options);
  for (const auto& [path, api] : kPaths) {
    server_->post(path, [this, api = api](const http::Request& request) { return serve(api, request); });
  }
  server_->get("/cgi-bin/media/get",
               [this](const http::Request& request) { return serve("media_get", request); });
  server_->post("/cgi-bin/media/upload",
                [this](const http::Request& request) { return serve("media_upload", request); },
                {12 << 20, true});
  server_->get_below("/im-media/",
                     [this](const http::Request& request) { return serve("im_media", request); });
  const auto port = server_->start();
  if (!port) throw std::runtime_error(port.error());
  port_ = *port;
}

Clouds::~Clouds() {
  release();
  server_->stop();
}

http::Response Clouds::serve(const std::string& api, const http::Request& request) {
  std::unique_lock lock(mutex_);
  Call call{api,
            {request.query.begin(), request.query.end()},
            request.body,
            json::parse(request.body, nullptr, false)};
  calls_.push_back(std::move(call));
  const auto number = calls_.size();
  changed_.wait(lock, [&] { return held_ != api; });
  auto& scripted = scripted_[api];
  if (scripted.empty()) return good_answer(api, number);
  auto response = scripted.front();
  scripted.pop_front();
  return response;
}

http::Response Clouds::good_answer(const std::string& api, std::size_t number) {
  if (api == "stable_token")
    return json_answer({{"access_token", "token-" + std::to_string(number)}, {"expires_in", 7200}});
  if (api == "custom_send" || api == "typing") return json_answer({{"errcode", 0}, {"errmsg", "ok"}});
  if (api == "media_upload") return json_answer({{"media_id", "media-" + std::to_string(number)}});
  if (api == "im_media") return {404, "no such file"};
  if (api == "media_get") return json_answer({{"errcode", 40007}, {"errmsg", "invalid media_id rid: 1-2-3"}});
  json body{{"ActionStatus", "OK"}, {"ErrorInfo", ""}, {"ErrorCode", 0}};
  if (api == "query_online_status")
    return json_answer({{"ActionStatus", "FAIL"}, {"ErrorInfo", "played"}, {"ErrorCode", 60009}});
  if (api == "sendmsg") body["MsgKey"] = "1_2_3";
  if (api == "multiaccount_import") body["FailAccounts"] = json::array();
  if (api == "account_delete") body["ResultItem"] = json::array();
  if (api == "admin_getroammsg") body["Complete"] = 1;
  return json_answer(body);
}

void Clouds::answer_next(const std::string& api, const http::Response& response) {
  const std::lock_guard lock(mutex_);
  scripted_[api].push_back(response);
}

void Clouds::fail_next(const std::string& api, std::int64_t code) {
  answer_next(api, is_im(api)
                       ? json_answer({{"ActionStatus", "FAIL"}, {"ErrorInfo", "played"}, {"ErrorCode", code}})
                       : json_answer({{"errcode", code}, {"errmsg", "played rid: 1-2-3"}}));
}

void Clouds::hold(const std::string& api) {
  const std::lock_guard lock(mutex_);
  held_ = api;
}

void Clouds::release() {
  {
    const std::lock_guard lock(mutex_);
    held_.clear();
  }
  changed_.notify_all();
}

std::vector<Call> Clouds::calls(const std::string& api) const {
  const std::lock_guard lock(mutex_);
  std::vector<Call> out;
  for (const auto& call : calls_) {
    if (call.api == api) out.push_back(call);
  }
  return out;
}

void Clouds::wait_for(const std::string& api, std::size_t wanted) const {
  const bool came = eventually([&] { return count(api) >= wanted; });
  REQUIRE_MESSAGE(came, api << " was called " << count(api) << " times, not " << wanted);
}

}  // namespace kefu::test
