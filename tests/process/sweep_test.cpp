// A callback that never came, through the real binaries.
#include <doctest/doctest.h>

#include "tests/process/stack.h"

using namespace kefu::test;
using nlohmann::json;

namespace {

const std::string kAlice = "oAlice_0123456789-abcdefghij";

json said(std::uint32_t seq, const std::string& text, int flags = 0) {
  return {{"From_Account", "agent1"},
          {"To_Account", kAlice},
          {"MsgSeq", seq},
          {"MsgRandom", 7},
          {"MsgTimeStamp", 1'735'689'600 + seq},
          {"MsgFlagBits", flags},
          {"MsgKey", std::to_string(seq) + "_7_" + std::to_string(1'735'689'600 + seq)},
          {"MsgBody", json::array({{{"MsgType", "TIMTextElem"}, {"MsgContent", {{"Text", text}}}}})}};
}

}  // namespace

TEST_CASE(
    "sweep: what an agent wrote reaches the customer though its callback never came, once and in order") {
  Stack stack(Environment{{"KEFU_SWEEP", "1s"}});
  stack.start_all();
  stack.say(kAlice, "hello?");
  stack.clouds.wait_for("sendmsg", 1);
  const json told{{"ActionStatus", "OK"},
                  {"ErrorCode", 0},
                  {"Complete", 1},
                  {"MsgList", json::array({said(1, "one"), said(2, "recalled", 8), said(3, "two")})}};
  for (int i = 0; i < 3; ++i)
    stack.clouds.answer_next("admin_getroammsg", {200, told.dump(), "application/json"});
  stack.clouds.wait_for("admin_getroammsg", 3);
  stack.clouds.wait_for("custom_send", 2);
  CHECK(stack.clouds.count("custom_send") == 2);
  CHECK(text_of(stack.clouds.calls("custom_send")[0]) == "one");
  CHECK(text_of(stack.clouds.calls("custom_send")[1]) == "two");
  const auto asked = stack.clouds.calls("admin_getroammsg")[0].body;
  CHECK(asked["Operator_Account"] == kAlice);
  CHECK(asked["Peer_Account"] == "agent1");
  // The questions themselves are nobody's events.
  CHECK(eventually([&] { return stack.queue("notifier")["done"] == 2; }));
  CHECK(stack.queue("relay")["done"] == 1);
  CHECK(stack.queue("relay")["dead"] == 0);
}
