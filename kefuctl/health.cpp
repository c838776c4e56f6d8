#include "kefuctl/health.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "lib/http/client.h"

namespace kefu::ctl {
namespace {

struct Address {
  std::string base;
  std::string path;
};

Address split(const std::string& url) {
  const std::string full = url.find("://") == std::string::npos ? "http://" + url : url;
  const auto slash = full.find('/', full.find("://") + 3);
  if (slash == std::string::npos) return {full, "/readyz"};
  const std::string path = full.substr(slash);
  return {full.substr(0, slash), path == "/" ? "/readyz" : path};
}

}  // namespace

Health ask_health(const std::string& url, std::chrono::milliseconds limit) {
  const Address address = split(url);
  auto client = http::Client::make(address.base, {.connect_timeout = limit});
  if (!client) return {Health::Kind::bad_address, "'" + url + "': " + client.error(), url};
  const http::CallResult result = (*client)->get(address.path, limit);
  if (result.kind != http::CallResult::Kind::answered) {
    return {Health::Kind::unwell, "no answer from " + url + ": " + result.error, url};
  }
  const auto kind = result.status == 200 ? Health::Kind::well : Health::Kind::unwell;
  return {kind, std::to_string(result.status) + " " + result.body, url, result.status};
}

std::string health_as_json(const std::vector<Health>& pages) {
  using nlohmann::json;
  json told = json::array();
  bool all_well = true;
  for (const auto& page : pages) {
    const bool is_well = page.kind == Health::Kind::well;
    all_well = all_well && is_well;
    told.push_back({{"url", page.url}, {"ok", is_well}, {"status", page.status}, {"says", page.says}});
  }
  return json{{"ok", all_well}, {"pages", std::move(told)}}.dump(-1, ' ', false,
                                                                 json::error_handler_t::replace);
}

}  // namespace kefu::ctl
