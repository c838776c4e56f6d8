#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "lib/im/elements.h"
#include "lib/im/rest.h"
#include "lib/wechat/send.h"
#include "tests/simulation/im_model.h"
#include "tests/simulation/wechat_model.h"

using namespace kefu;
using namespace kefu::simulation;

namespace {

constexpr Timestamp kNow{1'700'000'000'000};

std::string message(std::uint32_t seq, std::uint32_t random, const std::string& text) {
  v1::Element element;
  element.set_text(text);
  return im::send_body({ImUserId("oAlice"), "kf1", seq, random, {element}});
}

struct Im {
  ImModel model{{.locks_deleted = true, .text_bytes_max = 100}, {"kf1"}};
  ImModel::Answer import() {
    return model.call(im::kAccountImport, im::import_body(ImUserId("oAlice"), "Alice"), kNow);
  }
  ImModel::Answer send(const std::string& body, Millis after = Millis(0)) {
    return model.call(im::kSendMessage, body, kNow + after);
  }
};

}  // namespace

TEST_CASE("the modelled IM shows a message once within 120 s, and again after that") {
  Im im;
  CHECK(im.send(message(1, 2, "hello")).code == 90012);
  CHECK(im.import().code == 0);
  CHECK(im.send(message(1, 2, "hello")).shown);
  const auto again = im.send(message(1, 2, "hello"), Millis(119'999));
  CHECK(again.code == 0);
  CHECK_FALSE(again.shown);
  CHECK(im.send(message(1, 2, "other words")).shown);
  CHECK(im.send(message(1, 3, "hello")).shown);
  CHECK(im.send(message(1, 2, "hello"), Millis(120'000)).shown);
  CHECK(im.send(message(4, 4, std::string(101, 'x'))).code == 93000);
}

TEST_CASE("the modelled IM locks a deleted account and says what roams") {
  Im im;
  im.import();
  im.send(message(5, 6, "hello"));
  const nlohmann::json ask{{"Operator_Account", "kf1"},
                           {"Peer_Account", "oAlice"},
                           {"MaxCnt", 100},
                           {"MinTime", kNow.ms / 1000 - 1},
                           {"MaxTime", kNow.ms / 1000 + 1}};
  const auto roaming = nlohmann::json::parse(im.model.call("openim/admin_getroammsg", ask.dump(), kNow).body);
  REQUIRE(roaming["MsgList"].size() == 1);
  CHECK(roaming["MsgList"][0]["MsgSeq"] == 5);
  CHECK(im.model.call(im::kAccountDelete, im::delete_body(std::vector{ImUserId("oAlice")}), kNow).code == 0);
  CHECK(im.import().code == 70399);
}

TEST_CASE("the modelled WeChat takes five replies in 48 hours after a message, with the token it gave") {
  WechatModel model;
  const auto token = [&](bool force) {
    const auto body = wechat::stable_token_body("app", "secret", force);
    return wechat::parse_token_answer(model.call("/cgi-bin/stable_token", body, kNow).body)->token;
  };
  const auto send = [&](const std::string& with, Timestamp now) {
    return model
        .call("/cgi-bin/message/custom/send?access_token=" + with,
              wechat::text_message_body(OpenId("oAlice"), "hi"), now)
        .code;
  };
  const auto first = token(false);
  CHECK(first == token(false));
  CHECK(send(first, kNow) == 40003);
  model.wrote("oAlice", kNow);
  for (int i = 0; i < 5; ++i) CHECK(send(first, kNow) == 0);
  CHECK(send(first, kNow) == 45047);
  model.wrote("oAlice", kNow);
  const auto second = token(true);
  CHECK(send(first, kNow) == 40001);
  CHECK(send(second, kNow) == 0);
  CHECK(send(second, kNow + std::chrono::hours(3)) == 42001);
  model.revoke();
  const auto third = token(false);
  CHECK(third != second);
  model.left("oAlice");
  CHECK(send(third, kNow) == 43004);
  model.wrote("oAlice", kNow - std::chrono::hours(48));
  CHECK(send(third, kNow) == 45015);
}
