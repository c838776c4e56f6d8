#include "notifier/wechat_handler.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "lib/base/limits.h"
#include "lib/http/scripted_client.h"

using namespace kefu;
using namespace std::chrono_literals;
using http::CallResult;

namespace {

CallResult answer(int status, std::string body) {
  return http::ScriptedClient::answer(status, std::move(body));
}
CallResult code(int number, const std::string& message = "") {
  return answer(200, R"({"errcode":)" + std::to_string(number) + R"(,"errmsg":")" + message + "\"}");
}
CallResult token(const std::string& text) {
  return answer(200, R"({"access_token":")" + text + R"(","expires_in":7200})");
}

struct Notifier {
  http::ScriptedClient client{"application/json; charset=utf-8"};
  ops::Metrics metrics;
  wechat_client::WechatApi api{client, "wx1", "s3cret", metrics, [this] { return client.now; }};
  wechat_client::TokenCache tokens{
      [this](bool force, Timestamp deadline) { return api.fetch_token(force, deadline); },
      [this] { return client.now; }};
  notifier::WechatHandler handler{api, tokens};

  explicit Notifier(std::vector<CallResult> script) { client.script = {script.begin(), script.end()}; }

  work::Outcome handle(const v1::Delivery& delivery) {
    return handler.handle(delivery, client.now + limits::kHandlerBudget);
  }
  std::string text_sent(std::size_t call) const {
    return nlohmann::json::parse(client.sent.at(call).body)["text"]["content"].get<std::string>();
  }
};

v1::Delivery reply(const std::string& text = "您好") {
  v1::Delivery made;
  made.mutable_event()->set_customer("oCustomer");
  made.mutable_event()->mutable_agent_message()->set_agent("kf1");
  made.mutable_event()->mutable_agent_message()->set_text(text);
  return made;
}

}  // namespace

TEST_CASE("an agent's reply goes to the customer with a token that is fetched once") {
  Notifier notifier({token("T/1"), code(0), code(0)});
  const auto outcome = notifier.handle(reply());
  CHECK(outcome.kind == v1::OUTCOME_DONE);
  CHECK(outcome.progress == 1);
  notifier.handle(reply());
  REQUIRE(notifier.client.sent.size() == 3);
  CHECK(notifier.client.sent[0].target == "/cgi-bin/stable_token");
  CHECK(notifier.client.sent[0].body ==
        R"({"grant_type":"client_credential","appid":"wx1","secret":"s3cret","force_refresh":false})");
  CHECK(notifier.client.sent[1].target == "/cgi-bin/message/custom/send?access_token=T%2F1");
  CHECK(notifier.client.sent[1].body ==
        R"({"touser":"oCustomer","msgtype":"text","text":{"content":"您好"}})");
  CHECK(notifier.client.sent[1].deadline == limits::kHttpDeadline);
}

TEST_CASE("a long reply goes in parts, in order, and a later attempt goes on where this one ended") {
  std::string text;
  for (int i = 0; i < 1500; ++i) text += "字";
  Notifier notifier({token("T"), code(0), code(-1), code(0), code(0)});
  const auto first = notifier.handle(reply(text));
  CHECK(first.kind == v1::OUTCOME_RETRY);
  CHECK(first.progress == 1);
  CHECK(first.code == -1);

  auto again = reply(text);
  again.set_progress(first.progress);
  const auto second = notifier.handle(again);
  CHECK(second.kind == v1::OUTCOME_DONE);
  CHECK(second.progress == 3);
  CHECK(notifier.text_sent(1).size() <= limits::kWeChatTextBytesMax);
  CHECK(notifier.text_sent(2) == notifier.text_sent(3));
  CHECK(notifier.text_sent(1) + notifier.text_sent(3) + notifier.text_sent(4) == text);
}

TEST_CASE("a refused token is healed once and the part repeated") {
  for (const int refused : {40001, 40014, 42001}) {
    Notifier notifier({token("A"), code(refused), token("B"), code(0)});
    CHECK(notifier.handle(reply()).kind == v1::OUTCOME_DONE);
    CHECK(notifier.client.sent[3].target.ends_with("=B"));
    CHECK(notifier.client.sent[3].body == notifier.client.sent[1].body);
  }
  Notifier notifier({token("A"), code(40001), token("B"), code(40001, "invalid credential")});
  const auto outcome = notifier.handle(reply());
  CHECK(outcome.kind == v1::OUTCOME_UNAVAILABLE);
  CHECK(outcome.code == 40001);
  CHECK(outcome.after > 0ms);
  CHECK(outcome.reason.find("WECHAT_APP_SECRET") != std::string::npos);
  CHECK(notifier.client.sent.size() == 4);
}

TEST_CASE("the very token that failed is forced out") {
  Notifier notifier({token("A"), code(40001), token("A"), token("B"), code(0)});
  CHECK(notifier.handle(reply()).kind == v1::OUTCOME_DONE);
  CHECK(nlohmann::json::parse(notifier.client.sent[2].body)["force_refresh"] == false);
  CHECK(nlohmann::json::parse(notifier.client.sent[3].body)["force_refresh"] == true);
}

TEST_CASE("the errcode says what becomes of a reply") {
  const auto outcome_of = [](int number, const std::string& message = "") {
    Notifier notifier({token("T"), code(number, message)});
    return notifier.handle(reply());
  };
  CHECK(outcome_of(45015).kind == v1::OUTCOME_PARKED);
  CHECK(outcome_of(45047).kind == v1::OUTCOME_PARKED);
  CHECK(outcome_of(45011).kind == v1::OUTCOME_UNAVAILABLE);
  CHECK(outcome_of(45011).after == 60s);
  CHECK(outcome_of(45009).kind == v1::OUTCOME_UNAVAILABLE);
  CHECK(outcome_of(48001).kind == v1::OUTCOME_UNAVAILABLE);
  CHECK(outcome_of(48001).after == 30s);
  CHECK(outcome_of(48001).reason.find("certified") != std::string::npos);
  CHECK(outcome_of(-1).kind == v1::OUTCOME_RETRY);
  CHECK(outcome_of(-1).unsure);
  CHECK(outcome_of(40003).kind == v1::OUTCOME_DEAD);
  CHECK(outcome_of(45002, "content size out of limit rid: 1").reason.find("rid: 1") != std::string::npos);
  CHECK(outcome_of(99999).kind == v1::OUTCOME_DEAD);
  const auto not_allowed =
      outcome_of(40164, "invalid ip 1.2.3.4 ipv6 ::ffff:1.2.3.4, not in whitelist rid: 6");
  CHECK(not_allowed.kind == v1::OUTCOME_UNAVAILABLE);
  CHECK(not_allowed.reason.find("the address is 1.2.3.4 (") != std::string::npos);
}

TEST_CASE("every failure names its class") {
  const auto failure_of = [](CallResult result) {
    Notifier notifier({token("T"), result, token("U"), result});
    return notifier.handle(reply()).failure;
  };
  CHECK(failure_of(code(0)) == v1::FAILURE_UNSPECIFIED);
  CHECK(failure_of(code(-1)) == v1::FAILURE_UNKNOWN_OUTCOME);
  CHECK(failure_of(code(61450)) == v1::FAILURE_RETRY);
  CHECK(failure_of(code(45011)) == v1::FAILURE_THROTTLE);
  CHECK(failure_of(answer(429, "slow down")) == v1::FAILURE_THROTTLE);
  CHECK(failure_of(code(42001)) == v1::FAILURE_CREDENTIALS);
  CHECK(failure_of(code(45047)) == v1::FAILURE_WAIT_FOR_CUSTOMER);
  CHECK(failure_of(code(48001)) == v1::FAILURE_CONFIGURATION);
  CHECK(failure_of(code(43004)) == v1::FAILURE_DEAD);
  CHECK(failure_of({CallResult::Kind::not_sent, 0, "", "refused"}) == v1::FAILURE_UNREACHABLE);
  CHECK(failure_of({CallResult::Kind::unsure, 0, "", "timed out"}) == v1::FAILURE_UNKNOWN_OUTCOME);
  CHECK(failure_of(answer(502, "bad")) == v1::FAILURE_UNKNOWN_OUTCOME);
  CHECK(failure_of(answer(404, "no")) == v1::FAILURE_RETRY);

  const auto without_token = [](CallResult result) {
    Notifier notifier({std::move(result)});
    return notifier.handle(reply()).failure;
  };
  CHECK(without_token(code(-1)) == v1::FAILURE_RETRY);
  CHECK(without_token(code(45009)) == v1::FAILURE_THROTTLE);
  CHECK(without_token(code(40001)) == v1::FAILURE_CONFIGURATION);
  // The reply itself has not gone out.
  CHECK(without_token({CallResult::Kind::unsure, 0, "", "timed out"}) == v1::FAILURE_UNREACHABLE);
  CHECK(without_token(answer(502, "bad")) == v1::FAILURE_UNREACHABLE);
}

TEST_CASE("a refused address is named, whichever way WeChat says it") {
  const auto reason_of = [](int number, const std::string& message) {
    Notifier notifier({token("T"), code(number, message)});
    return notifier.handle(reply()).reason;
  };
  const std::string wanted = "; the address is 198.51.100.23 (";
  CHECK(reason_of(61004, "access clientip is not registered requestIP: 198.51.100.23 rid: 1").find(wanted) !=
        std::string::npos);
  CHECK(reason_of(89503, "this ip 198.51.100.23 requires admin confirm rid: 1").find(wanted) !=
        std::string::npos);
  CHECK(reason_of(40003, "invalid openid 198.51.100.23").find(wanted) == std::string::npos);
}

TEST_CASE("a reply that may have been delivered is sent again, or not, as the operator has chosen") {
  const auto outcome_of = [](notifier::OnUnknown chosen, CallResult result) {
    Notifier notifier({token("T"), code(0), std::move(result)});
    notifier::WechatHandler handler(notifier.api, notifier.tokens, chosen);
    return handler.handle(reply(std::string(limits::kWeChatTextBytesMax + 1, 'a')),
                          notifier.client.now + limits::kHandlerBudget);
  };
  for (const auto& result :
       {CallResult{CallResult::Kind::unsure, 0, "", "timed out"}, answer(502, "bad"), code(-1)}) {
    const auto again = outcome_of(notifier::OnUnknown::resend, result);
    CHECK(again.kind == v1::OUTCOME_RETRY);
    CHECK(again.unsure);
    CHECK(again.progress == 1);
    CHECK(again.reason.find("may get it twice") != std::string::npos);
    const auto dead = outcome_of(notifier::OnUnknown::dead, result);
    CHECK(dead.kind == v1::OUTCOME_DEAD);
    CHECK(dead.unsure);
    CHECK(dead.failure == v1::FAILURE_UNKNOWN_OUTCOME);
    CHECK(dead.progress == 1);
    CHECK(dead.reason.find("may have been delivered") != std::string::npos);
    CHECK(dead.reason.find("KEFU_NOTIFIER_ON_UNKNOWN") != std::string::npos);
  }
  // What surely did not arrive is another matter.
  CHECK(outcome_of(notifier::OnUnknown::dead, code(61450)).kind == v1::OUTCOME_RETRY);
  CHECK(outcome_of(notifier::OnUnknown::dead, {CallResult::Kind::not_sent, 0, "", "refused"}).kind ==
        v1::OUTCOME_UNAVAILABLE);
}

TEST_CASE("the errcode decides, not the HTTP status") {
  Notifier parked({token("T"), answer(500, R"({"errcode":45015,"errmsg":"x"})")});
  CHECK(parked.handle(reply()).kind == v1::OUTCOME_PARKED);
  Notifier done({token("T"), answer(412, R"({"errcode":0,"errmsg":"ok"})")});
  CHECK(done.handle(reply()).kind == v1::OUTCOME_DONE);
}

TEST_CASE("a call without an answer is told by whether it may have acted") {
  const auto outcome_of = [](CallResult result) {
    Notifier notifier({token("T"), std::move(result)});
    return notifier.handle(reply());
  };
  CHECK(outcome_of({CallResult::Kind::not_sent, 0, "", "refused"}).kind == v1::OUTCOME_UNAVAILABLE);
  const auto late = outcome_of({CallResult::Kind::unsure, 0, "", "timed out"});
  CHECK(late.kind == v1::OUTCOME_RETRY);
  CHECK(late.unsure);
  CHECK(outcome_of(answer(429, "slow down")).kind == v1::OUTCOME_UNAVAILABLE);
  CHECK(outcome_of(answer(502, "bad")).kind == v1::OUTCOME_RETRY);
  CHECK(outcome_of(answer(502, "bad")).unsure);
  CHECK(outcome_of(answer(200, "<html>")).kind == v1::OUTCOME_RETRY);
  CHECK_FALSE(outcome_of(answer(404, "no")).unsure);
}

TEST_CASE("without a token nothing is sent, and the failure is not the message's") {
  const auto outcome_of = [](CallResult result) {
    Notifier notifier({std::move(result)});
    auto outcome = notifier.handle(reply());
    CHECK(notifier.client.sent.size() == 1);
    return outcome;
  };
  CHECK(outcome_of(code(40001)).kind == v1::OUTCOME_UNAVAILABLE);
  CHECK(outcome_of(code(40125)).reason.find("WECHAT_APP_SECRET") != std::string::npos);
  CHECK(outcome_of(code(40164, "invalid ip 1.2.3.4, not in whitelist")).reason.find("1.2.3.4") !=
        std::string::npos);
  CHECK(outcome_of(code(99999)).kind == v1::OUTCOME_UNAVAILABLE);
  for (const int busy : {-1, 61450, 9001002}) {
    CAPTURE(busy);
    CHECK(outcome_of(code(busy)).kind == v1::OUTCOME_UNAVAILABLE);
    CHECK(outcome_of(code(busy)).after == 1s);
    CHECK(outcome_of(code(busy)).code == busy);
  }
  CHECK(outcome_of({CallResult::Kind::unsure, 0, "", "timed out"}).kind == v1::OUTCOME_UNAVAILABLE);
  CHECK_FALSE(outcome_of({CallResult::Kind::unsure, 0, "", "timed out"}).unsure);
  CHECK(outcome_of(answer(200, "<html>")).kind == v1::OUTCOME_UNAVAILABLE);
}

TEST_CASE("no reason tells a token or the secret") {
  Notifier notifier({token("T0ken"), code(-1, "access_token T0ken is odd")});
  CHECK(notifier.handle(reply()).reason.find("T0ken") == std::string::npos);
  Notifier refused({code(40125, "secret s3cret is wrong")});
  CHECK(refused.handle(reply()).reason.find("s3cret") == std::string::npos);
}

TEST_CASE("no call begins that could not end in time") {
  Notifier notifier({token("T"), code(0), code(0)});
  notifier.client.takes = 3900ms;
  const auto outcome = notifier.handle(reply(std::string(3 * limits::kWeChatTextBytesMax, 'a')));
  CHECK(outcome.kind == v1::OUTCOME_RETRY);
  CHECK(outcome.progress == 1);
  CHECK(notifier.client.sent.size() == 2);
  CHECK(notifier.client.sent[1].deadline == 4100ms);
}

TEST_CASE("a part that might be cut off by the deadline waits for the next attempt, and blames nobody") {
  Notifier notifier({token("T"), code(0), code(0), code(0)});
  notifier.client.takes = 1800ms;
  const auto outcome = notifier.handle(reply(std::string(4 * limits::kWeChatTextBytesMax, 'a')));
  CHECK(outcome.kind == v1::OUTCOME_RETRY);
  CHECK(outcome.failure == v1::FAILURE_ELSEWHERE);
  CHECK_FALSE(outcome.unsure);
  CHECK(outcome.after == 0ms);
  CHECK(outcome.progress == 2);
  CHECK(notifier.client.sent.size() == 3);
}

TEST_CASE("an empty message and an unknown kind are told, not sent") {
  Notifier notifier({});
  CHECK(notifier.handle(reply("")).kind == v1::OUTCOME_DEAD);
  CHECK(notifier.handle(v1::Delivery{}).kind == v1::OUTCOME_RETRY);
  CHECK(notifier.client.sent.empty());
}

TEST_CASE("calls are counted by class and timed") {
  Notifier notifier({token("T"), code(45015)});
  notifier.handle(reply());
  const auto text = notifier.metrics.text();
  for (const char* line :
       {R"(kefu_cloud_calls_total{api="stable_token",class="ok",cloud="wechat"} 1)",
        R"(kefu_cloud_calls_total{api="custom/send",class="wait_for_customer",cloud="wechat"} 1)",
        R"(kefu_cloud_call_seconds_count{api="custom/send",cloud="wechat"} 1)"}) {
    CAPTURE(line);
    CHECK(text.find(line) != std::string::npos);
  }
}
