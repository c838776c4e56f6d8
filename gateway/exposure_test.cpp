#include "gateway/exposure.h"

#include <doctest/doctest.h>

#include <array>
#include <map>

using namespace kefu;

namespace {

std::vector<std::string> exposed_with(const std::map<std::string, std::string>& more) {
  std::map<std::string, std::string> environment{
      {"WECHAT_TOKEN", "token"},         {"WECHAT_APP_ID", "wx1"},
      {"IM_SDK_APP_ID", "1400000001"},   {"IM_AGENTS", "agent1"},
      {"IM_CALLBACK_TOKEN", "callback"}, {"WECHAT_AES_KEY", "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"}};
  for (const auto& [name, value] : more) environment[name] = value;
  std::array<const char*, 1> program{"kefu-gateway"};
  const auto loaded = Settings::load("gateway", 1, program.data(), environment);
  REQUIRE(loaded.problems.empty());
  std::vector<std::string> names;
  for (const auto& one : exposures(loaded.settings)) names.emplace_back(one.setting);
  return names;
}

}  // namespace

TEST_CASE("the defaults with a key and a token expose nothing") {
  CHECK(exposed_with({}).empty());
  CHECK(exposed_with({{"KEFU_TAP_LISTEN", "off"}, {"KEFU_OPS_LISTEN", "off"}}).empty());
}

TEST_CASE("each setting that lets strangers in is named") {
  for (const auto* name : {"KEFU_QUEUE_LISTEN", "KEFU_TAP_LISTEN", "KEFU_ADMIN_LISTEN"})
    CHECK(exposed_with({{name, "tcp://0.0.0.0:5555"}}) == std::vector<std::string>{name});
  CHECK(exposed_with({{"KEFU_OPS_LISTEN", "0.0.0.0:9101"}}) == std::vector<std::string>{"KEFU_OPS_LISTEN"});
  CHECK(exposed_with({{"WECHAT_AES_KEY", ""}}) == std::vector<std::string>{"WECHAT_AES_KEY"});
  CHECK(exposed_with({{"IM_CALLBACK_TOKEN", ""}, {"IM_CALLBACK_INSECURE", "1"}}) ==
        std::vector<std::string>{"IM_CALLBACK_INSECURE"});
}

TEST_CASE("what only this machine can reach is local") {
  for (const auto* address : {"127.0.0.1:9101", "tcp://127.0.0.1:5555", "tcp://127.8.8.8:1", "localhost:80",
                              "tcp://[::1]:5555", "[::1]:9101", "ipc:///run/kefu/queue", "off", ""})
    CHECK(is_local(address));
  for (const auto* address : {"0.0.0.0:9101", "tcp://*:5555", "tcp://10.0.0.7:5555", "tcp://eth0:5555",
                              "[::]:9101", "tcp://[::]:5555", "localhost.example.com:80"})
    CHECK_FALSE(is_local(address));
}
