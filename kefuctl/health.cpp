#include "kefuctl/health.h"

#include "kefuctl/table.h"
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
  if (!client) return {Health::Kind::bad_address, "'" + url + "': " + client.error()};
  const http::CallResult result = (*client)->get(address.path, limit);
  if (result.kind != http::CallResult::Kind::answered) {
    return {Health::Kind::unwell, "no answer from " + url + ": " + result.error};
  }
  const auto kind = result.status == 200 ? Health::Kind::well : Health::Kind::unwell;
  return {kind, std::to_string(result.status) + " " + printable(result.body)};
}

}  // namespace kefu::ctl
