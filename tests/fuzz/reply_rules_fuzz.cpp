// The [[reply]] tables of the configuration file: TOML of our own reading, written by people.
#include "gateway/reply_rules.h"
#include "lib/base/utf8.h"
#include "tests/fuzz/fuzz.h"

using namespace kefu;
using fuzz::must;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto read = read_reply_rules(fuzz::bytes(data, size), "kefu.conf", 0);
  for (const auto& problem : read.problems) must(!problem.empty(), "a problem says what it is");
  wechat::Push push;
  push.from_user = OpenId("oAlice");
  push.to_user = "gh_1";
  push.type = "text";
  push.content = "hello";
  for (const auto& rule : read.rules)
    must(is_valid_utf8(wechat::reply_xml(push, rule.reply)), "a reply is UTF-8");
  static_cast<void>(reply_for(read.rules, push, true));
  return 0;
}
