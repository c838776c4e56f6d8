#include "relay/im_handler.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "lib/base/limits.h"
#include "lib/http/scripted_client.h"
#include "lib/im/usersig.h"

using namespace kefu;
using namespace std::chrono_literals;
using http::CallResult;

namespace {

constexpr Timestamp kStart{1735689600000};

CallResult answer(int status, std::string body) {
  return http::ScriptedClient::answer(status, std::move(body));
}
CallResult code(int number, const std::string& info = "") {
  return answer(200, R"({"ActionStatus":"X","ErrorInfo":")" + info + R"(","ErrorCode":)" +
                         std::to_string(number) + "}");
}

struct Relay {
  http::ScriptedClient client{"application/json"};
  ops::Metrics metrics;
  relay::UserSigSource usersig{1400000001, "k3y", "admin"};
  relay::ImApi api{client,  usersig, 1400000001,
                   "admin", metrics, {[this] { return client.now; }, [this] { return client.now; }}};
  relay::ImHandler handler{api, "微信用户", {[this] { return client.now; }, [this] { return client.now; }}};

  explicit Relay(std::vector<CallResult> script) { client.script = {script.begin(), script.end()}; }

  work::Outcome handle(const v1::Delivery& delivery) {
    return handler.handle(delivery, client.now + limits::kHandlerBudget);
  }
  std::vector<work::Outcome> handle_together(const std::vector<v1::Delivery>& deliveries) {
    return handler.handle_together(deliveries, client.now + limits::kHandlerBudget);
  }
  // The commands called, in order.
  std::string called() const {
    std::string list;
    for (const auto& one : client.sent) {
      const auto path = one.target.substr(0, one.target.find('?'));
      list += (list.empty() ? "" : " ") + path.substr(path.rfind('/') + 1);
    }
    return list;
  }
};

v1::Delivery delivery() {
  v1::Delivery made;
  made.set_im_user("oCustomer");
  made.set_agent("kf1");
  made.mutable_event()->set_customer("oCustomer");
  return made;
}
v1::Delivery follow() {
  auto made = delivery();
  made.mutable_event()->mutable_follow();
  return made;
}
v1::Delivery unfollow() {
  auto made = delivery();
  made.mutable_event()->mutable_unfollow();
  return made;
}
v1::Delivery message(const std::string& text = "你好") {
  auto made = delivery();
  made.set_imported(true);
  made.mutable_event()->set_accepted_at_ms(kStart.ms);
  auto& body = *made.mutable_event()->mutable_customer_message();
  body.set_text(text);
  body.set_msg_seq(41);
  body.set_msg_random(4294967295u);
  return made;
}

// As many customers, each with an account of their own.
std::vector<v1::Delivery> many(std::size_t count, const v1::Delivery& like) {
  std::vector<v1::Delivery> deliveries(count, like);
  for (std::size_t i = 0; i < count; ++i) {
    deliveries[i].set_im_user("oCustomer" + std::to_string(i));
    deliveries[i].mutable_event()->set_customer(deliveries[i].im_user());
  }
  return deliveries;
}

// The last page of what IM has: messages of these numbers.
CallResult arrived(const std::vector<std::pair<std::uint32_t, std::uint32_t>>& numbers,
                   const std::string& from = "oCustomer", const std::string& to = "kf1") {
  nlohmann::json page = {{"ErrorCode", 0}, {"Complete", 1}, {"MsgList", nlohmann::json::array()}};
  for (const auto& [seq, random] : numbers) {
    page["MsgList"].push_back(
        {{"From_Account", from}, {"To_Account", to}, {"MsgSeq", seq}, {"MsgRandom", random}});
  }
  return answer(200, page.dump());
}

std::string usersig_of(const std::string& target) {
  const auto begin = target.find("usersig=") + 8;
  return target.substr(begin, target.find('&', begin) - begin);
}

}  // namespace

TEST_CASE("a new follower gets an account with a generated name") {
  Relay relay({code(0)});
  const auto outcome = relay.handle(follow());
  CHECK(outcome.kind == v1::OUTCOME_DONE);
  CHECK(outcome.account == v1::AccountChange::KIND_IMPORTED);
  REQUIRE(relay.client.sent.size() == 1);
  const auto& call = relay.client.sent[0];
  CHECK(call.target.starts_with(
      "/v4/im_open_login_svc/account_import?sdkappid=1400000001&identifier=admin&usersig="));
  CHECK(im::check_usersig(usersig_of(call.target), "k3y").ok());
  CHECK(call.body.starts_with(R"({"UserID":"oCustomer","Nick":"微信用户 )"));
  CHECK(call.deadline == limits::kHttpDeadline);
}

TEST_CASE("a generated name begins in the language of the locale") {
  const std::vector<std::pair<std::string, std::string>> words = {
      {"zh-CN", "微信用户 "}, {"en", "WeChat user "}, {"ja", "WeChat ユーザー "}};
  for (const auto& [locale, word] : words) {
    CAPTURE(locale);
    Relay relay({code(0)});
    relay::ImHandler handler(relay.api, relay::nick_word(locale));
    handler.handle(follow(), relay.client.now + limits::kHandlerBudget);
    const auto nick = nlohmann::json::parse(relay.client.sent.at(0).body)["Nick"].get<std::string>();
    CHECK(nick.starts_with(word));
    CHECK(nick.size() == word.size() + 6);
  }
}

TEST_CASE("a name that IM refuses is left out") {
  for (const int refused : {40005, 40601}) {
    Relay relay({code(refused), code(0)});
    CHECK(relay.handle(follow()).kind == v1::OUTCOME_DONE);
    CHECK(relay.client.sent.at(1).body == R"({"UserID":"oCustomer"})");
  }
}

TEST_CASE(
    "a message goes from the customer to the agent, with the event's numbers and the same bytes on every "
    "attempt") {
  Relay relay({code(0), code(0)});
  const auto outcome = relay.handle(message());
  CHECK(outcome.kind == v1::OUTCOME_DONE);
  CHECK(outcome.progress == 1);
  CHECK(outcome.account == v1::AccountChange::KIND_UNSPECIFIED);
  relay.client.now = relay.client.now + 13h;
  relay.handle(message());
  CHECK(relay.client.sent[0].body == relay.client.sent[1].body);
  const auto body = nlohmann::json::parse(relay.client.sent[0].body);
  CHECK(body["From_Account"] == "oCustomer");
  CHECK(body["To_Account"] == "kf1");
  CHECK(body["MsgSeq"] == 41);
  CHECK(body["MsgRandom"] == 4294967295u);
  CHECK(body["MsgBody"][0]["MsgContent"]["Text"] == "你好");
}

TEST_CASE("a customer whom IM does not know is imported, and the message sent again") {
  for (const int missing : {20003, 70107, 90012, 90048}) {
    Relay relay({code(missing), code(0), code(0)});
    const auto outcome = relay.handle(message());
    CHECK(outcome.kind == v1::OUTCOME_DONE);
    CHECK(outcome.account == v1::AccountChange::KIND_IMPORTED);
    CHECK(relay.called() == "sendmsg account_import sendmsg");
    CHECK(relay.client.sent[0].body == relay.client.sent[2].body);
  }
}

TEST_CASE("an agent whom IM does not know is named") {
  Relay relay({code(20003), code(0), code(20003, "err_checkpair")});
  const auto outcome = relay.handle(message());
  CHECK(outcome.kind == v1::OUTCOME_RETRY);
  CHECK(outcome.code == 20003);
  CHECK(outcome.account == v1::AccountChange::KIND_IMPORTED);
  CHECK(outcome.reason.find("kf1") != std::string::npos);
  CHECK(outcome.reason.find("IM_AGENTS") != std::string::npos);
  CHECK(outcome.reason.find("err_checkpair") != std::string::npos);
}

TEST_CASE("a locked account asks the gateway for another id, wherever it shows") {
  for (auto& [script, what] : std::vector<std::pair<std::vector<CallResult>, v1::Delivery>>{
           {{code(70399)}, follow()}, {{code(70107), code(70399)}, message()}, {{code(70399)}, message()}}) {
    Relay relay(script);
    const auto outcome = relay.handle(what);
    CHECK(outcome.kind == v1::OUTCOME_RETRY);
    CHECK(outcome.account == v1::AccountChange::KIND_LOCKED);
    CHECK(outcome.code == 70399);
  }
}

TEST_CASE("an account is deleted when the customer leaves; one that is gone is deleted") {
  const auto item = answer(
      200, R"({"ActionStatus":"OK","ErrorCode":0,"ErrorInfo":"","ResultItem":[{"ResultCode":70107}]})");
  for (const auto& said : {code(0), code(70107), code(70399), item}) {
    Relay relay({said});
    const auto outcome = relay.handle(unfollow());
    CHECK(outcome.kind == v1::OUTCOME_DONE);
    CHECK(outcome.account == v1::AccountChange::KIND_DELETED);
    CHECK(relay.client.sent[0].body == R"({"DeleteItem":[{"UserID":"oCustomer"}]})");
  }
  Relay relay({code(71000)});
  const auto refused = relay.handle(unfollow());
  CHECK(refused.kind == v1::OUTCOME_DEAD);
  CHECK(refused.account == v1::AccountChange::KIND_UNSPECIFIED);
}

TEST_CASE("a refused UserSig is minted afresh once; refused again, an operator is told what to fix") {
  Relay healed({code(70001), code(0)});
  CHECK(healed.handle(message()).kind == v1::OUTCOME_DONE);
  CHECK(healed.client.sent[0].body == healed.client.sent[1].body);

  Relay relay({code(70003), code(70003)});
  const auto outcome = relay.handle(message());
  CHECK(outcome.kind == v1::OUTCOME_UNAVAILABLE);
  CHECK(outcome.after > 0ms);
  CHECK(outcome.code == 70003);
  CHECK(outcome.reason.find("IM_SECRET_KEY") != std::string::npos);
  CHECK(relay.client.sent.size() == 2);
}

TEST_CASE("a customer who is not imported yet is, before their message is sent") {
  auto first = message();
  first.set_imported(false);
  Relay relay({code(0), code(0)});
  const auto outcome = relay.handle(first);
  CHECK(outcome.kind == v1::OUTCOME_DONE);
  CHECK(outcome.account == v1::AccountChange::KIND_IMPORTED);
  CHECK(relay.called() == "account_import sendmsg");

  Relay locked({code(70399)});
  CHECK(locked.handle(first).account == v1::AccountChange::KIND_LOCKED);
  CHECK(locked.called() == "account_import");

  // Imported and refused all the same: a second import would change nothing.
  Relay stranger({code(0), code(20003)});
  const auto refused = stranger.handle(first);
  CHECK(stranger.called() == "account_import sendmsg");
  CHECK(refused.kind == v1::OUTCOME_RETRY);
  CHECK(refused.account == v1::AccountChange::KIND_IMPORTED);
  CHECK(refused.reason.find("IM_AGENTS") != std::string::npos);
}

TEST_CASE("every failure names its class") {
  const auto failure_of = [](CallResult result) {
    Relay relay({result, result, result});
    return relay.handle(message()).failure;
  };
  CHECK(failure_of(code(0)) == v1::FAILURE_UNSPECIFIED);
  CHECK(failure_of(code(91000)) == v1::FAILURE_RETRY);
  CHECK(failure_of(code(60018)) == v1::FAILURE_THROTTLE);
  CHECK(failure_of(answer(429, "")) == v1::FAILURE_THROTTLE);
  CHECK(failure_of(code(70003)) == v1::FAILURE_CREDENTIALS);
  CHECK(failure_of(code(70107)) == v1::FAILURE_IMPORT);
  CHECK(failure_of(code(93000)) == v1::FAILURE_SPLIT);
  CHECK(failure_of(code(70009)) == v1::FAILURE_CONFIGURATION);
  CHECK(failure_of(code(80001)) == v1::FAILURE_DEAD);
  CHECK(failure_of({CallResult::Kind::not_sent, 0, "", "refused"}) == v1::FAILURE_UNREACHABLE);
  CHECK(failure_of({CallResult::Kind::unsure, 0, "", "timed out"}) == v1::FAILURE_UNKNOWN_OUTCOME);
  CHECK(failure_of(answer(502, "bad")) == v1::FAILURE_UNKNOWN_OUTCOME);
  CHECK(failure_of(answer(404, "no")) == v1::FAILURE_RETRY);
}

TEST_CASE("an address that IM refuses is named") {
  Relay relay({code(60021, "ip 198.51.100.23 is not in the white list")});
  const auto outcome = relay.handle(message());
  CHECK(outcome.failure == v1::FAILURE_CONFIGURATION);
  CHECK(outcome.reason.find("; the address is 198.51.100.23 (") != std::string::npos);
}

TEST_CASE("throttling and wrong settings stop the queue, not the message") {
  const auto outcome_of = [](int number) {
    Relay relay({code(number)});
    return relay.handle(message());
  };
  CHECK(outcome_of(60007).kind == v1::OUTCOME_UNAVAILABLE);
  CHECK(outcome_of(60007).after == 1s);
  CHECK(outcome_of(70050).kind == v1::OUTCOME_UNAVAILABLE);
  CHECK(outcome_of(70050).after == 60s);
  CHECK(outcome_of(70009).kind == v1::OUTCOME_UNAVAILABLE);
  CHECK(outcome_of(70009).after == 30s);
  CHECK(outcome_of(60010).reason.find("IM_ADMIN") != std::string::npos);
  CHECK(outcome_of(91000).kind == v1::OUTCOME_RETRY);
  CHECK(outcome_of(91000).code == 91000);
  CHECK(outcome_of(424242).kind == v1::OUTCOME_RETRY);
  CHECK(outcome_of(80001).kind == v1::OUTCOME_DEAD);
  CHECK(outcome_of(20022).kind == v1::OUTCOME_DONE);
}

TEST_CASE("a call without an answer is told by whether it may have acted") {
  const auto outcome_of = [](CallResult result) {
    Relay relay({std::move(result)});
    return relay.handle(message());
  };
  const auto down = outcome_of({CallResult::Kind::not_sent, 0, "", "connection refused"});
  CHECK(down.kind == v1::OUTCOME_UNAVAILABLE);
  CHECK_FALSE(down.unsure);
  CHECK(down.reason.find("connection refused") != std::string::npos);
  const auto late = outcome_of({CallResult::Kind::unsure, 0, "", "timed out"});
  CHECK(late.kind == v1::OUTCOME_RETRY);
  CHECK(late.unsure);
  CHECK(outcome_of(answer(429, "")).kind == v1::OUTCOME_UNAVAILABLE);
  CHECK(outcome_of(answer(502, "bad")).kind == v1::OUTCOME_RETRY);
  CHECK(outcome_of(answer(502, "bad")).unsure);
  CHECK(outcome_of(answer(404, "no")).kind == v1::OUTCOME_RETRY);
  CHECK_FALSE(outcome_of(answer(404, "no")).unsure);
  CHECK(outcome_of(answer(200, "<html>")).kind == v1::OUTCOME_RETRY);
  CHECK(outcome_of(answer(200, "{}")).kind == v1::OUTCOME_RETRY);
}

TEST_CASE("a long text goes in parts, and a later attempt goes on where this one ended") {
  const std::string text =
      std::string(limits::kImTextBytesMax, 'a') + std::string(limits::kImTextBytesMax, 'b') + "c";
  Relay relay({code(0), code(91000), code(0), code(0)});
  const auto first = relay.handle(message(text));
  CHECK(first.kind == v1::OUTCOME_RETRY);
  CHECK(first.progress == 1);

  auto again = message(text);
  again.set_progress(first.progress);
  const auto second = relay.handle(again);
  CHECK(second.kind == v1::OUTCOME_DONE);
  CHECK(second.progress == 3);
  CHECK(relay.client.sent.size() == 4);
  CHECK(relay.client.sent[1].body == relay.client.sent[2].body);
  const auto last = nlohmann::json::parse(relay.client.sent[3].body);
  CHECK(last["MsgBody"][0]["MsgContent"]["Text"] == "c");
  CHECK(last["MsgRandom"] == 1);  // 4294967295 + 2
  CHECK(last["MsgSeq"] == 43);
}

TEST_CASE("a part that IM finds too long is cut finer; a short one that it refuses is dead") {
  const std::string text(4500, 'x');
  Relay relay({code(93000), code(0), code(0), code(0)});
  const auto outcome = relay.handle(message(text));
  CHECK(outcome.kind == v1::OUTCOME_DONE);
  CHECK(outcome.progress == 1);
  REQUIRE(relay.client.sent.size() == 4);
  std::string whole;
  for (int i = 1; i < 4; ++i) {
    whole += nlohmann::json::parse(
                 relay.client.sent[static_cast<std::size_t>(i)].body)["MsgBody"][0]["MsgContent"]["Text"]
                 .get<std::string>();
  }
  CHECK(whole == text);

  Relay refused({code(93000), code(80002)});
  CHECK(refused.handle(message(text)).kind == v1::OUTCOME_DEAD);
  Relay small({code(93000)});
  CHECK(small.handle(message("x")).kind == v1::OUTCOME_DEAD);
}

TEST_CASE("an internal error of IM may have acted, a refusal has not") {
  const auto unsure = [](int number) {
    Relay relay({code(number)});
    return relay.handle(message()).unsure;
  };
  CHECK(unsure(91000));
  CHECK(unsure(60008));
  CHECK_FALSE(unsure(60018));
  CHECK_FALSE(unsure(80001));
  CHECK_FALSE(unsure(70009));
}

TEST_CASE("what may have arrived is repeated alike for 100 seconds, and looked up afterwards") {
  auto repeated = message();
  repeated.set_attempt(2);
  repeated.set_unsure_for_ms(100'000);
  Relay soon({code(0)});
  CHECK(soon.handle(repeated).kind == v1::OUTCOME_DONE);
  CHECK(soon.called() == "sendmsg");

  SUBCASE("later by its age") {
    repeated.set_unsure_for_ms(100'001);
  }
  SUBCASE("later because it waited here") {}
  const bool waited = repeated.unsure_for_ms() == 100'000;
  Relay late({arrived({{41, 4294967295u}})});
  late.client.now = late.client.now + 1h;
  const auto outcome =
      late.handler.handle(repeated, late.client.now + limits::kHandlerBudget - (waited ? 1ms : 0ms));
  CHECK(outcome.kind == v1::OUTCOME_DONE);
  CHECK(outcome.progress == 1);
  CHECK(late.called() == "admin_getroammsg");
  const auto asked = nlohmann::json::parse(late.client.sent[0].body);
  CHECK(asked["Operator_Account"] == "kf1");  // the customer's own view does not have it
  CHECK(asked["Peer_Account"] == "oCustomer");
  CHECK(asked["MinTime"] == kStart.ms / 1000 - 600);
  CHECK(asked["MaxTime"] == kStart.ms / 1000 + 3600 + 600);
}

TEST_CASE("what has not arrived is sent after all, with the same bytes") {
  auto repeated = message();
  repeated.set_unsure_for_ms(3'600'000);
  Relay first({code(0)});
  first.handle(message());
  // A message of the same numbers by somebody else, and another one of the customer's.
  for (const auto& history :
       {arrived({}), arrived({{41, 7}, {42, 4294967295u}}), arrived({{41, 4294967295u}}, "kf1", "oCustomer"),
        arrived({{41, 4294967295u}}, "oCustomer", "kf2")}) {
    Relay relay({history, code(0)});
    CHECK(relay.handle(repeated).kind == v1::OUTCOME_DONE);
    CHECK(relay.called() == "admin_getroammsg sendmsg");
    CHECK(relay.client.sent.at(1).body == first.client.sent.at(0).body);
  }
  Relay nobody({code(90048), code(0)});  // the account is gone, so is what it wrote
  CHECK(nobody.handle(repeated).kind == v1::OUTCOME_DONE);
  CHECK(nobody.called() == "admin_getroammsg sendmsg");
}

TEST_CASE("of a long text only the parts that have not arrived are sent") {
  auto repeated =
      message(std::string(limits::kImTextBytesMax, 'a') + std::string(limits::kImTextBytesMax, 'b') + "c");
  repeated.set_unsure_for_ms(200'000);
  repeated.set_progress(1);
  Relay relay({arrived({{42, 0}}), code(0)});
  const auto outcome = relay.handle(repeated);
  CHECK(outcome.kind == v1::OUTCOME_DONE);
  CHECK(outcome.progress == 3);
  CHECK(relay.called() == "admin_getroammsg sendmsg");
  CHECK(nlohmann::json::parse(relay.client.sent[1].body)["MsgBody"][0]["MsgContent"]["Text"] == "c");
}

TEST_CASE("of a part that was cut finer only the pieces that have not arrived are sent") {
  auto repeated = message(std::string(4500, 'x'));
  repeated.set_unsure_for_ms(200'000);
  Relay relay({arrived({{1041, 999}, {1042, 1000}}), code(93000), code(0)});
  CHECK(relay.handle(repeated).kind == v1::OUTCOME_DONE);
  CHECK(relay.called() == "admin_getroammsg sendmsg sendmsg");
  CHECK(nlohmann::json::parse(relay.client.sent[2].body)["MsgSeq"] == 1043);
}

// Found by the simulation: an attempt long after it sent them again.
TEST_CASE("pieces that have arrived leave a doubt when a later one fails, whatever the failure") {
  const auto long_text = message(std::string(4500, 'x'));
  for (const int failure : {60007, 80001, 60021}) {
    CAPTURE(failure);
    Relay some({code(93000), code(0), code(failure)});
    CHECK(some.handle(long_text).unsure);
    Relay none({code(93000), code(failure)});
    CHECK_FALSE(none.handle(long_text).unsure);
  }
}

TEST_CASE("a look-up goes through all pages, from the newest to the oldest") {
  auto repeated = message();
  repeated.set_unsure_for_ms(200'000);
  Relay relay({answer(200, R"({"ErrorCode":0,"Complete":0,"LastMsgTime":1735689700,"LastMsgKey":"9_9_9",)"
                           R"("MsgList":[]})"),
               arrived({{41, 4294967295u}})});
  CHECK(relay.handle(repeated).kind == v1::OUTCOME_DONE);
  CHECK(relay.called() == "admin_getroammsg admin_getroammsg");
  const auto second = nlohmann::json::parse(relay.client.sent[1].body);
  CHECK(second["LastMsgKey"] == "9_9_9");
  CHECK(second["MaxTime"] == 1735689700);
}

TEST_CASE("what cannot be looked up is not sent, and stays as doubtful as it was") {
  auto repeated = message();
  repeated.set_unsure_for_ms(200'000);
  const auto outcome_of = [&](std::vector<CallResult> script) {
    Relay relay(std::move(script));
    const auto outcome = relay.handle(repeated);
    CHECK(relay.called().find("sendmsg") == std::string::npos);
    CHECK_FALSE(outcome.unsure);
    CHECK(outcome.reason.find("looked up") != std::string::npos);
    return outcome;
  };
  CHECK(outcome_of({code(91000)}).kind == v1::OUTCOME_RETRY);
  CHECK(outcome_of({code(90001)}).kind == v1::OUTCOME_RETRY);  // dead as a look-up, not as a message
  CHECK(outcome_of({answer(502, "bad")}).kind == v1::OUTCOME_RETRY);
  CHECK(outcome_of({answer(502, "bad")}).failure == v1::FAILURE_RETRY);
  CHECK(outcome_of({{CallResult::Kind::unsure, 0, "", "timed out"}}).kind == v1::OUTCOME_RETRY);
  CHECK(outcome_of({answer(200, R"({"ErrorCode":0})")}).kind == v1::OUTCOME_RETRY);
  CHECK(outcome_of({code(60018)}).kind == v1::OUTCOME_UNAVAILABLE);
  CHECK(outcome_of({code(60018)}).failure == v1::FAILURE_THROTTLE);
  const auto endless = answer(200, R"({"ErrorCode":0,"Complete":0,"LastMsgTime":1,"LastMsgKey":"1_1_1"})");
  CHECK(outcome_of({endless, endless}).kind == v1::OUTCOME_RETRY);
  CHECK(outcome_of({answer(200, R"({"ErrorCode":0,"Complete":0})")}).kind == v1::OUTCOME_RETRY);
}

TEST_CASE("a hundred followers get their accounts with one call, each with a name") {
  Relay relay({answer(200, R"({"ActionStatus":"OK","ErrorInfo":"","ErrorCode":0,"FailAccounts":[]})")});
  const auto outcomes = relay.handle_together(many(100, follow()));
  CHECK(relay.called() == "multiaccount_import");
  REQUIRE(outcomes.size() == 100);
  for (const auto& outcome : outcomes) {
    CHECK(outcome.kind == v1::OUTCOME_DONE);
    CHECK(outcome.account == v1::AccountChange::KIND_IMPORTED);
  }
  const auto asked = nlohmann::json::parse(relay.client.sent[0].body)["AccountList"];
  REQUIRE(asked.size() == 100);
  CHECK(asked[99]["UserID"] == "oCustomer99");
  CHECK(asked[99]["Nick"].get<std::string>().starts_with("微信用户 "));
  CHECK(asked[98]["Nick"] != asked[99]["Nick"]);
}

TEST_CASE("an account that failed among many is tried alone, to learn why") {
  Relay relay({answer(200, R"({"ErrorCode":0,"FailAccounts":["oCustomer1","oCustomer3"]})"), code(70399),
               code(40005), code(0)});
  const auto outcomes = relay.handle_together(many(4, follow()));
  CHECK(relay.called() == "multiaccount_import account_import account_import account_import");
  REQUIRE(outcomes.size() == 4);
  CHECK(outcomes[0].account == v1::AccountChange::KIND_IMPORTED);
  CHECK(outcomes[1].kind == v1::OUTCOME_RETRY);
  CHECK(outcomes[1].account == v1::AccountChange::KIND_LOCKED);
  CHECK(outcomes[2].account == v1::AccountChange::KIND_IMPORTED);
  CHECK(outcomes[3].account == v1::AccountChange::KIND_IMPORTED);
}

TEST_CASE("what is wrong with the app is not asked for each account again") {
  Relay relay({answer(200, R"({"ErrorCode":0,"FailAccounts":["oCustomer0","oCustomer1","oCustomer2"]})"),
               code(70009)});
  const auto outcomes = relay.handle_together(many(3, follow()));
  CHECK(relay.called() == "multiaccount_import account_import");
  for (const auto& outcome : outcomes) {
    CHECK(outcome.kind == v1::OUTCOME_UNAVAILABLE);
    CHECK(outcome.failure == v1::FAILURE_CONFIGURATION);
  }
}

TEST_CASE("that the app may have no more accounts stops new customers alone, with one question for all") {
  for (const bool named : {false, true}) {
    Relay relay(
        {named ? answer(200, R"({"ErrorCode":0,"FailAccounts":["oCustomer0","oCustomer1"]})") : code(70398),
         code(70398)});
    const auto outcomes = relay.handle_together(many(named ? 2 : 3, follow()));
    CHECK(relay.client.sent.size() == (named ? 2 : 1));
    for (const auto& outcome : outcomes) {
      CHECK(outcome.kind == v1::OUTCOME_RETRY);
      CHECK(outcome.failure == v1::FAILURE_ELSEWHERE);  // which never closes the queue
    }
  }
}

TEST_CASE("an account that IM has blocked fails alone") {
  for (const int blocked : {70051, 70114}) {
    CAPTURE(blocked);
    Relay relay({code(blocked)});
    const auto outcome = relay.handle(message("hi"));
    CHECK(outcome.kind == v1::OUTCOME_RETRY);
    CHECK_FALSE(outcome.unsure);
    Relay crowd({});
    crowd.client.play = [&](const std::string&, const std::string& body) {
      return code(body.find("oCustomer42\"") != std::string::npos ? blocked : 0);
    };
    const auto outcomes = crowd.handle_together(many(100, follow()));
    for (std::size_t i = 0; i < outcomes.size(); ++i)
      CHECK((outcomes[i].kind == v1::OUTCOME_DONE) == (i != 42));
  }
}

TEST_CASE("a bad account that spoils the call for all is found, and fails alone") {
  for (const int refused : {40005, 40601, 70402, 70399}) {
    CAPTURE(refused);
    Relay relay({});
    relay.client.play = [&](const std::string& target, const std::string& body) {
      const bool bad = body.find("oCustomer42\"") != std::string::npos;
      const bool alone = target.find("multi") == std::string::npos;
      return code(!bad ? 0 : alone && refused == 40005 ? 70402 : refused);
    };
    const auto outcomes = relay.handle_together(many(100, follow()));
    REQUIRE(outcomes.size() == 100);
    for (std::size_t i = 0; i < outcomes.size(); ++i) {
      CAPTURE(i);
      CHECK((outcomes[i].kind == v1::OUTCOME_DONE) == (i != 42));
    }
    CHECK(relay.client.sent.size() <= 17);
  }
}

TEST_CASE("a call that fails as a whole fails for each, and none is lost") {
  const auto outcome_of = [](CallResult result) {
    Relay relay({std::move(result)});
    const auto outcomes = relay.handle_together(many(3, follow()));
    REQUIRE(outcomes.size() == 3);
    CHECK(relay.client.sent.size() == 1);
    CHECK(outcomes[0].kind == outcomes[2].kind);
    return outcomes[2];
  };
  CHECK(outcome_of(code(60018)).failure == v1::FAILURE_THROTTLE);
  CHECK(outcome_of(code(70500)).kind == v1::OUTCOME_RETRY);
  CHECK(outcome_of(code(70009)).failure == v1::FAILURE_CONFIGURATION);
  CHECK(outcome_of({CallResult::Kind::not_sent, 0, "", "refused"}).failure == v1::FAILURE_UNREACHABLE);
  CHECK(outcome_of({CallResult::Kind::unsure, 0, "", "timed out"}).unsure);
}

TEST_CASE("accounts are deleted together, each with its own result") {
  Relay relay({answer(200, R"({"ErrorCode":0,"ResultItem":[{"UserID":"oCustomer0","ResultCode":0},)"
                           R"({"UserID":"oCustomer2","ResultCode":30008,"ResultInfo":"conflict"},)"
                           R"({"UserID":"oCustomer1","ResultCode":70107,"ResultInfo":"none"},)"
                           R"({"UserID":"oCustomer3","ResultCode":70399,"ResultInfo":"locked"}]})")});
  const auto outcomes = relay.handle_together(many(4, unfollow()));
  CHECK(relay.called() == "account_delete");
  CHECK(nlohmann::json::parse(relay.client.sent[0].body)["DeleteItem"].size() == 4);
  REQUIRE(outcomes.size() == 4);
  CHECK(outcomes[0].account == v1::AccountChange::KIND_DELETED);
  CHECK(outcomes[1].account == v1::AccountChange::KIND_DELETED);
  CHECK(outcomes[2].kind == v1::OUTCOME_RETRY);
  CHECK(outcomes[2].code == 30008);
  CHECK(outcomes[2].reason.find("conflict") != std::string::npos);
  CHECK(outcomes[3].account == v1::AccountChange::KIND_DELETED);

  Relay forbidden({code(71000)});
  for (const auto& outcome : forbidden.handle_together(many(3, unfollow()))) {
    CHECK(outcome.kind == v1::OUTCOME_DEAD);
    CHECK(outcome.reason.find("IM_ON_UNSUBSCRIBE") != std::string::npos);
  }
  CHECK(forbidden.client.sent.size() == 1);
}

TEST_CASE("a bad account does not keep the others from being deleted") {
  Relay relay({});
  relay.client.play = [&](const std::string&, const std::string& body) {
    return code(body.find("oCustomer2\"") != std::string::npos ? 70402 : 0);
  };
  const auto outcomes = relay.handle_together(many(5, unfollow()));
  for (std::size_t i = 0; i < outcomes.size(); ++i)
    CHECK(outcomes[i].kind == (i == 2 ? v1::OUTCOME_DEAD : v1::OUTCOME_DONE));
}

TEST_CASE("no call begins that could not end in time") {
  Relay relay({code(0), code(0), code(0)});
  relay.client.takes = 7600ms;
  const auto outcome = relay.handle(message(std::string(2 * limits::kImTextBytesMax, 'a')));
  CHECK(outcome.kind == v1::OUTCOME_RETRY);
  CHECK(outcome.progress == 1);
  CHECK(relay.client.sent.size() == 1);
  CHECK(outcome.reason.find("no time") != std::string::npos);

  Relay slow({code(0), code(0)});
  slow.client.takes = 5000ms;
  slow.handle(message(std::string(2 * limits::kImTextBytesMax, 'a')));
  REQUIRE(slow.client.sent.size() == 2);
  CHECK(slow.client.sent[1].deadline == 3000ms);
}

TEST_CASE("no reason tells a UserSig") {
  Relay relay({});
  const auto sig = relay.usersig.get(kStart);
  relay.client.script = {code(91000, "bad usersig " + sig + " end")};
  const auto outcome = relay.handle(message());
  CHECK(outcome.reason.find(sig) == std::string::npos);
  CHECK(outcome.reason.find("bad usersig") != std::string::npos);
}

TEST_CASE("an incomplete delivery, or one of the future, is not dropped") {
  Relay relay({});
  auto nobody = message();
  nobody.clear_im_user();
  CHECK(relay.handle(nobody).kind == v1::OUTCOME_RETRY);
  auto no_agent = message();
  no_agent.clear_agent();
  CHECK(relay.handle(no_agent).kind == v1::OUTCOME_RETRY);
  CHECK(relay.handle(delivery()).kind == v1::OUTCOME_RETRY);
  CHECK(relay.handle(message("")).kind == v1::OUTCOME_DEAD);
  CHECK(relay.client.sent.empty());
}

TEST_CASE("calls are counted by class and timed") {
  Relay relay({code(20003), code(0), {CallResult::Kind::unsure, 0, "", "timed out"}});
  relay.handle(message());
  const auto text = relay.metrics.text();
  for (const char* line : {R"(kefu_cloud_calls_total{api="sendmsg",class="import_account",cloud="im"} 1)",
                           R"(kefu_cloud_calls_total{api="account_import",class="ok",cloud="im"} 1)",
                           R"(kefu_cloud_calls_total{api="sendmsg",class="unsure",cloud="im"} 1)",
                           R"(kefu_cloud_call_seconds_count{api="sendmsg",cloud="im"} 2)"}) {
    CAPTURE(line);
    CHECK(text.find(line) != std::string::npos);
  }
}

namespace {

v1::Delivery sweep_delivery() {
  auto made = delivery();
  made.mutable_event()->mutable_sweep()->set_agent("kf1");
  made.mutable_event()->mutable_sweep()->set_since_s(kStart.ms / 1000 - 3600);
  return made;
}

nlohmann::json said(std::uint32_t seq, std::int64_t at_s, const std::string& text, int flags = 0,
                    const std::string& from = "kf1", const std::string& to = "oCustomer") {
  return {
      {"From_Account", from},
      {"To_Account", to},
      {"MsgSeq", seq},
      {"MsgRandom", 7},
      {"MsgTimeStamp", at_s},
      {"MsgFlagBits", flags},
      {"MsgKey", std::to_string(seq) + "_7_" + std::to_string(at_s)},
      {"MsgBody", nlohmann::json::array({{{"MsgType", "TIMTextElem"}, {"MsgContent", {{"Text", text}}}}})}};
}

CallResult roam_page(const nlohmann::json& messages, bool complete = true, const std::string& last_key = "") {
  return answer(200, nlohmann::json{{"ErrorCode", 0},
                                    {"Complete", complete ? 1 : 0},
                                    {"LastMsgTime", 100},
                                    {"LastMsgKey", last_key},
                                    {"MsgList", messages}}
                         .dump());
}

}  // namespace

TEST_CASE("a sweep finds what the agent wrote, oldest first, and nothing else") {
  Relay relay({roam_page({said(9, 103, "three"), said(2, 102, "two")}, false, "k"),
               roam_page({said(1, 102, "one"), said(3, 101, "recalled", 8),
                          said(4, 100, "the customer's own", 0, "oCustomer", "kf1")})});
  const auto outcome = relay.handle(sweep_delivery());
  CHECK(outcome.kind == v1::OUTCOME_DONE);
  CHECK(outcome.reason.empty());
  REQUIRE(outcome.found.size() == 3);
  CHECK(outcome.found[0].message().text() == "one");
  CHECK(outcome.found[1].message().text() == "two");
  CHECK(outcome.found[2].message().text() == "three");
  CHECK(outcome.found[2].msg_key() == "9_7_103");
  CHECK(outcome.found[2].from() == "kf1");
  const auto asked = nlohmann::json::parse(relay.client.sent.at(0).body);
  CHECK(asked["Operator_Account"] == "oCustomer");
  CHECK(asked["Peer_Account"] == "kf1");
  CHECK(asked["MinTime"] == kStart.ms / 1000 - 3600);
  CHECK(nlohmann::json::parse(relay.client.sent.at(1).body)["LastMsgKey"] == "k");
}

TEST_CASE("a sweep that IM refuses is over, and says so; only an IM that is away is waited for") {
  for (const int refusal : {60010, 90001, 20003, 91000, 60020}) {
    CAPTURE(refusal);
    Relay relay({code(refusal)});
    const auto outcome = relay.handle(sweep_delivery());
    CHECK(outcome.kind == v1::OUTCOME_DONE);
    CHECK(outcome.reason.find("not looked up") == 0);
    CHECK(outcome.found.empty());
  }
  Relay garbled({answer(200, R"({"ErrorCode":0})")});
  CHECK_FALSE(garbled.handle(sweep_delivery()).reason.empty());
  Relay throttled({code(60007)});
  CHECK(throttled.handle(sweep_delivery()).kind == v1::OUTCOME_UNAVAILABLE);
  Relay away({CallResult{CallResult::Kind::not_sent, 0, "", "refused"}});
  CHECK(away.handle(sweep_delivery()).kind == v1::OUTCOME_UNAVAILABLE);
}

namespace {

v1::Delivery presence_delivery() {
  v1::Delivery made;  // there is no customer in it
  made.mutable_event()->mutable_presence_query()->add_agents("kf1");
  made.mutable_event()->mutable_presence_query()->add_agents("kf2");
  return made;
}

}  // namespace

TEST_CASE("IM is asked which agents are online") {
  Relay relay({answer(200, R"({"ActionStatus":"OK","ErrorCode":0,"QueryResult":[
    {"To_Account":"kf1","Status":"PushOnline"},{"To_Account":"kf2","Status":"Offline"},
    {"To_Account":"kf3","Status":"Online"},{"To_Account":"kf4","Status":"of another time"},7],
    "ErrorList":[{"To_Account":"kf5","ErrorCode":70107}]})")});
  const auto outcome = relay.handle(presence_delivery());
  CHECK(relay.called() == "query_online_status");
  CHECK(nlohmann::json::parse(relay.client.sent.at(0).body)["To_Account"] ==
        nlohmann::json::array({"kf1", "kf2"}));
  CHECK(outcome.kind == v1::OUTCOME_DONE);
  CHECK(outcome.reason.empty());
  REQUIRE(outcome.presence.size() == 3);
  CHECK(outcome.presence[0].agent() == "kf1");
  CHECK(outcome.presence[0].status() == v1::AgentStatus::STATUS_PUSH_ONLINE);
  CHECK(outcome.presence[1].status() == v1::AgentStatus::STATUS_OFFLINE);
  CHECK(outcome.presence[2].status() == v1::AgentStatus::STATUS_ONLINE);
}

TEST_CASE("a question about presence that IM refuses is over and holds nothing") {
  for (const int refusal : {60009, 60010, 70107, 91000}) {
    CAPTURE(refusal);
    Relay relay({code(refusal)});
    const auto outcome = relay.handle(presence_delivery());
    CHECK(outcome.kind == v1::OUTCOME_DONE);
    CHECK(outcome.reason.find("presence is not known") == 0);
    CHECK(outcome.presence.empty());
  }
  Relay garbled({answer(200, R"({"ErrorCode":0})")});
  CHECK_FALSE(garbled.handle(presence_delivery()).reason.empty());
  Relay away({CallResult{CallResult::Kind::not_sent, 0, "", "refused"}});
  CHECK(away.handle(presence_delivery()).kind == v1::OUTCOME_UNAVAILABLE);
}

TEST_CASE("a sweep ends after ten pages") {
  std::vector<CallResult> script;
  for (int i = 0; i < 20; ++i)
    script.push_back(roam_page(nlohmann::json::array(), false, "k" + std::to_string(i)));
  Relay relay(script);
  const auto outcome = relay.handle(sweep_delivery());
  CHECK(outcome.kind == v1::OUTCOME_DONE);
  CHECK(outcome.reason.find("not looked up") == 0);
  CHECK(relay.client.sent.size() == 10);
}

TEST_CASE("a sweep that could not look at everything tells what it found, and that it is not all") {
  const auto first = roam_page(nlohmann::json::array({said(9, 103, "newest")}), false, "k");
  const auto found_by = [](std::vector<CallResult> script) {
    Relay relay(std::move(script));
    const auto outcome = relay.handle(sweep_delivery());
    CHECK(outcome.kind == v1::OUTCOME_DONE);
    CHECK(outcome.reason.find("not looked up") == 0);
    return outcome.found.size();
  };
  CHECK(found_by({first, code(60007)}) == 1);
  CHECK(found_by({first, answer(200, R"({"ErrorCode":0})")}) == 1);
  CHECK(found_by({first, CallResult{CallResult::Kind::not_sent, 0, "", "refused"}}) == 1);
  const std::string big(100'000, 'x');
  std::vector<CallResult> pages;
  for (std::uint32_t i = 0; i < 9; ++i)
    pages.push_back(roam_page(nlohmann::json::array({said(i, 103, big)}), false, "k" + std::to_string(i)));
  const auto some = found_by(pages);
  CHECK(some >= 1);
  CHECK(some < 4);
}

TEST_CASE("a sweep looks back ten minutes at least and a day at most, whatever the gateway's clock says") {
  const auto since = [](std::int64_t asked_s) {
    Relay relay({roam_page(nlohmann::json::array())});
    auto made = sweep_delivery();
    made.mutable_event()->mutable_sweep()->set_since_s(asked_s);
    const auto now_s = relay.client.now.ms / 1000;
    CHECK(relay.handle(made).reason.empty());
    return now_s - nlohmann::json::parse(relay.client.sent.at(0).body)["MinTime"].get<std::int64_t>();
  };
  CHECK(since(kStart.ms / 1000 + 7200) == 600);
  CHECK(since(kStart.ms / 1000 - 1800) == 1800);
  CHECK(since(0) == 86400);
}

TEST_CASE("a sweep takes three seconds at most") {
  Relay relay({roam_page(nlohmann::json::array())});
  relay.handle(sweep_delivery());
  CHECK(relay.client.sent.at(0).deadline <= 3s);
}
