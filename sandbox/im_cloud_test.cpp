#include "sandbox/im_cloud.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "lib/im/callback.h"
#include "lib/im/elements.h"
#include "lib/im/rest.h"
#include "lib/im/usersig.h"

namespace kefu::sandbox {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

constexpr Timestamp kNow{1'735'689'600'000};
constexpr std::uint32_t kApp = 1'400'000'000;
const ImUserId kLiAlone[] = {ImUserId("oLi")};

std::string usersig(const std::string& identifier, std::uint32_t app = kApp, std::string_view key = "key",
                    std::int64_t expire_s = 600) {
  return im::make_usersig(app, key, identifier, kNow.ms / 1000, expire_s);
}

struct Office {
  ImCloud cloud{{kApp, "key", "administrator", {"agent-1", "agent-2"}, "token", false},
                [next = std::uint64_t{1}]() mutable { return next++; }};
  Timestamp now = kNow;

  ImOutcome call(std::string_view command, const std::string& body) {
    return cloud.call(command, {std::to_string(kApp), "administrator", usersig("administrator")}, body, now,
                      kNow);
  }
  std::int64_t import(const std::string& user) {
    return call(im::kAccountImport, im::import_body(ImUserId(user), "微信用户 1")).answer.code;
  }
  ImOutcome send(const std::string& text, std::uint32_t random = 7, const std::string& from = "oLi") {
    v1::Element element;
    element.set_text(text);
    return call(im::kSendMessage, im::send_body({ImUserId(from), "agent-1", 5, random, {element}}));
  }
  std::int64_t code(json changes) {
    json body = {{"From_Account", "oLi"},
                 {"To_Account", "agent-1"},
                 {"MsgSeq", 1},
                 {"MsgRandom", 1},
                 {"MsgBody", {{{"MsgType", "TIMTextElem"}, {"MsgContent", {{"Text", "x"}}}}}}};
    body.merge_patch(changes);
    return call(im::kSendMessage, body.dump()).answer.code;
  }
  std::size_t shown() const {
    const auto found = cloud.conversations().find({"agent-1", "oLi"});
    return found == cloud.conversations().end() ? 0 : found->second.size();
  }
};

std::int64_t access(const ImQuery& query, Timestamp wall = kNow) {
  Office office;
  return office.cloud
      .call("im_open_login_svc/account_check", query, R"({"CheckItem":[{"UserID":"agent-1"}]})", kNow, wall)
      .answer.code;
}

}  // namespace

TEST_CASE("the REST API is for the admin with a fresh UserSig of this app") {
  const auto app = std::to_string(kApp);
  CHECK(access({app, "administrator", usersig("administrator")}) == 0);
  CHECK(access({"", "administrator", usersig("administrator")}) == 60012);
  CHECK(access({"1400000001", "administrator", usersig("administrator")}) == 60006);
  CHECK(access({app, "administrator", ""}) == 70002);
  CHECK(access({app, "administrator", "not-a-usersig"}) == 70003);
  CHECK(access({app, "administrator", usersig("administrator", kApp, "other key")}) == 70009);
  CHECK(access({app, "administrator", usersig("administrator", kApp + 1)}) == 70014);
  CHECK(access({app, "administrator", usersig("agent-1")}) == 70013);
  CHECK(access({app, "agent-1", usersig("agent-1")}) == 60010);
  CHECK(access({app, "administrator", usersig("administrator")}, kNow + 600s) == 0);
  CHECK(access({app, "administrator", usersig("administrator")}, kNow + 601s) == 70001);
}

TEST_CASE("an account is there after import and gone after deletion") {
  Office office;
  CHECK_FALSE(office.cloud.exists("oLi"));
  CHECK(office.import("oLi") == 0);
  CHECK(office.import("oLi") == 0);
  CHECK(office.cloud.accounts().at("oLi").nick == "微信用户 1");
  const auto gone = office.call(im::kAccountDelete, im::delete_body(kLiAlone));
  CHECK(im::parse_answer(gone.answer.body)->code == 0);
  CHECK_FALSE(office.cloud.exists("oLi"));
  const auto again = office.call(im::kAccountDelete, im::delete_body(kLiAlone));
  CHECK(im::account_results(again.answer.body).at(0).code == 70107);
  CHECK_FALSE(again.answer.acted);
}

TEST_CASE("a deleted account comes back at once on a trial, after three months on a paid edition") {
  Office office;
  for (const bool paid : {false, true}) {
    office.cloud.set_paid_edition(paid);
    REQUIRE(office.import("oLi") == 0);
    office.call(im::kAccountDelete, im::delete_body(kLiAlone));
    CHECK(office.import("oLi") == (paid ? 70399 : 0));
  }
  CHECK_FALSE(office.cloud.exists("oLi"));
  CHECK(office.import("oLi-1") == 0);
  office.now = office.now + 24h * 90;
  CHECK(office.import("oLi") == 0);
}

TEST_CASE("an import that breaks the rules is refused") {
  Office office;
  const auto code = [&](const std::string& body) {
    return office.call(im::kAccountImport, body).answer.code;
  };
  CHECK(code("{") == 60003);
  CHECK(code("{}") == 70402);
  CHECK(code(R"({"UserID":7})") == 60015);
  CHECK(office.import(std::string(33, 'o')) == 70402);
  CHECK(code(json({{"UserID", "oLi"}, {"Nick", std::string(501, 'n')}}).dump()) == 40601);
  CHECK(office.call("openim/dance", "{}").answer.code == 60009);
}

TEST_CASE("many accounts are imported at once, in the old form and in the new one") {
  Office office;
  const auto answer = office.call("im_open_login_svc/multiaccount_import",
                                  R"({"AccountList":[{"UserID":"u1","Nick":"A"},{"UserID":"not good"}]})");
  CHECK(json::parse(answer.answer.body)["FailAccounts"] == json::array({"not good"}));
  office.call("im_open_login_svc/multiaccount_import", R"({"Accounts":["u2"]})");
  const auto check =
      office.call("im_open_login_svc/account_check", R"({"CheckItem":[{"UserID":"u2"},{"UserID":"u3"}]})");
  const auto items = json::parse(check.answer.body)["ResultItem"];
  CHECK(items[0]["AccountStatus"] == "Imported");
  CHECK(items[1]["AccountStatus"] == "NotImported");
}

TEST_CASE("a message needs both accounts and all of its parts") {
  Office office;
  CHECK(office.send("hi").answer.code == 90048);
  REQUIRE(office.import("oLi") == 0);
  CHECK(office.code(json::object()) == 0);
  CHECK(office.code({{"To_Account", "nobody"}}) == 90012);
  CHECK(office.code({{"To_Account", nullptr}}) == 90003);
  CHECK(office.code({{"MsgRandom", nullptr}}) == 90005);
  CHECK(office.code({{"MsgRandom", 4294967296}}) == 90005);
  CHECK(office.code({{"MsgSeq", "1"}}) == 90044);
  CHECK(office.code({{"MsgBody", "x"}}) == 90007);
  CHECK(office.code({{"MsgBody", json::array()}}) == 90002);
  CHECK(office.code({{"CloudCustomData", std::string(12'000, 'c')}}) == 93000);
  CHECK(office.shown() == 1);
}

TEST_CASE("a repeat within 120 seconds is answered alike and shown once") {
  Office office;
  REQUIRE(office.import("oLi") == 0);
  const auto first = office.send("hi"), repeat = office.send("hi");
  CHECK(first.answer.acted);
  CHECK(repeat.answer.code == 0);
  CHECK_FALSE(repeat.answer.acted);
  CHECK_FALSE(repeat.shown.has_value());
  CHECK(im::parse_answer(first.answer.body)->msg_key == im::parse_answer(repeat.answer.body)->msg_key);
  CHECK(office.shown() == 1);
  CHECK(office.send("hi", 8).answer.acted);
  CHECK(office.send("ho", 7).answer.acted);
  office.now = office.now + 121s;
  CHECK(office.send("hi").answer.acted);
  CHECK(office.shown() == 4);
}

TEST_CASE("a REST message makes a callback unless it forbids one") {
  Office office;
  REQUIRE(office.import("oLi") == 0);
  CHECK_FALSE(office.send("quiet").callback.has_value());
  const auto loud =
      office.call(im::kSendMessage,
                  json({{"From_Account", "oLi"},
                        {"To_Account", "agent-1"},
                        {"MsgRandom", 9},
                        {"MsgBody", {{{"MsgType", "TIMTextElem"}, {"MsgContent", {{"Text", "loud"}}}}}}})
                      .dump());
  REQUIRE(loud.callback.has_value());
  CHECK(loud.callback->platform == "RESTAPI");
  CHECK(im::parse_callback(loud.callback->body)->sent.content.text() == "loud");
}

TEST_CASE("an agent's answer is a callback that says who wrote what to whom") {
  Office office;
  CHECK_FALSE(office.cloud.reply("agent-1", "oLi", "hello", kNow).ok());
  REQUIRE(office.import("oLi") == 0);
  CHECK_FALSE(office.cloud.reply("stranger", "oLi", "hello", kNow).ok());
  const auto sent = office.cloud.reply("agent-1", "oLi", "hello", kNow);
  REQUIRE(sent.ok());
  const auto callback = im::parse_callback(sent->callback.body);
  REQUIRE(callback.ok());
  CHECK(callback->command == "C2C.CallbackAfterSendMsg");
  CHECK(callback->sent.from == "agent-1");
  CHECK(callback->sent.to == "oLi");
  CHECK(callback->sent.content.text() == "hello");
  CHECK(callback->sent.send_result == 0);
  CHECK_FALSE(callback->sent.online_only);
  CHECK(callback->sent.msg_key == sent->message.msg_key);
  CHECK(office.shown() == 1);
}

TEST_CASE("an app may ask who is online: agents are from the start, customers never") {
  Office office;
  REQUIRE(office.import("oLi") == 0);
  const auto statuses = [&] {
    const auto answer = office.call(
        "openim/query_online_status",
        json{{"To_Account", {"agent-1", "agent-2", "oLi", "nobody"}}, {"IsNeedDetail", 1}}.dump());
    const auto told = json::parse(answer.answer.body);
    CHECK(told["ErrorCode"] == 0);
    CHECK(told["ErrorList"] == json::array({{{"To_Account", "nobody"}, {"ErrorCode", 70107}}}));
    std::string line;
    for (const auto& one : told["QueryResult"])
      line += one["To_Account"].get<std::string>() + " " + one["Status"].get<std::string>() + ", ";
    return line;
  };
  CHECK(statuses() == "agent-1 Online, agent-2 Online, oLi Offline, ");
  REQUIRE(office.cloud.presence("agent-1", false, false, kNow).ok());
  REQUIRE(office.cloud.presence("agent-2", false, true, kNow).ok());
  CHECK(statuses() == "agent-1 Offline, agent-2 PushOnline, oLi Offline, ");
  REQUIRE(office.cloud.presence("agent-1", true, false, kNow).ok());
  CHECK(statuses() == "agent-1 Online, agent-2 PushOnline, oLi Offline, ");
  CHECK(office.call("openim/query_online_status", R"({"To_Account":["nobody"]})").answer.code == 70107);
  CHECK(office.call("openim/query_online_status", R"({"To_Account":[]})").answer.code == 90003);
  CHECK(office.call("openim/query_online_status", R"({"To_Account":[7]})").answer.code == 90003);
}

TEST_CASE("a typing notice is online only and stays in no conversation") {
  Office office;
  REQUIRE(office.import("oLi") == 0);
  const auto notice = office.cloud.typing("agent-1", "oLi", false, kNow);
  REQUIRE(notice.ok());
  CHECK(im::parse_callback(notice->body)->sent.online_only);
  CHECK(office.shown() == 0);
}

TEST_CASE("a roaming query finds what was said, newest part first in pages") {
  Office office;
  REQUIRE(office.import("oLi") == 0);
  for (std::uint32_t i = 1; i <= 3; ++i) office.send("m" + std::to_string(i), i);
  const auto ask = [&](int count, const std::string& last_key = "") {
    return json::parse(office
                           .call("openim/admin_getroammsg", json({{"Operator_Account", "agent-1"},
                                                                  {"Peer_Account", "oLi"},
                                                                  {"MaxCnt", count},
                                                                  {"LastMsgKey", last_key},
                                                                  {"MinTime", kNow.ms / 1000 - 1},
                                                                  {"MaxTime", kNow.ms / 1000 + 1}})
                                                                .dump())
                           .answer.body);
  };
  CHECK(ask(10)["MsgCnt"] == 3);
  CHECK(ask(10)["Complete"] == 1);
  CHECK(ask(2)["MsgCnt"] == 2);
  CHECK(ask(2)["Complete"] == 0);
  CHECK(ask(2)["MsgList"][1]["MsgBody"][0]["MsgContent"]["Text"] == "m3");

  const auto rest = ask(2, ask(2)["LastMsgKey"].get<std::string>());
  CHECK(rest["MsgCnt"] == 1);
  CHECK(rest["Complete"] == 1);
  CHECK(rest["MsgList"][0]["MsgBody"][0]["MsgContent"]["Text"] == "m1");

  for (std::uint32_t i = 11; i <= 13; ++i) office.send(std::string(6000, 'x'), i);
  CHECK(ask(10)["MsgCnt"] == 2);  // 13K and no more
  CHECK(ask(10)["Complete"] == 0);
}

TEST_CASE("a message can be recalled once") {
  Office office;
  REQUIRE(office.import("oLi") == 0);
  const auto key = im::parse_answer(office.send("oops").answer.body)->msg_key;
  const auto recall = [&](const std::string& of) {
    return office
        .call("openim/admin_msgwithdraw",
              json({{"From_Account", "oLi"}, {"To_Account", "agent-1"}, {"MsgKey", of}}).dump())
        .answer.code;
  };
  CHECK(recall("1_2_3") == 20022);
  CHECK(recall(key) == 0);
  CHECK(recall(key) == 20023);
  CHECK(office.cloud.conversations().at({"agent-1", "oLi"}).front().recalled);
}

TEST_CASE("a hundred accounts come and go with one call, the bad ones by themselves") {
  Office office;
  office.cloud.set_paid_edition(true);
  REQUIRE(office.import("oLocked") == 0);
  const ImUserId locked[] = {ImUserId("oLocked")};
  office.call(im::kAccountDelete, im::delete_body(locked));

  const std::vector<im::Account> accounts{{ImUserId("oLi"), "微信用户 1"},
                                          {ImUserId("oLocked"), ""},
                                          {ImUserId("oWang"), std::string(501, 'x')},
                                          {ImUserId("oZhao"), ""}};
  const auto made = office.call(im::kAccountsImport, im::import_body(accounts));
  CHECK(made.answer.code == 0);
  CHECK(im::failed_accounts(made.answer.body) == std::set<std::string>{"oLocked", "oWang"});
  CHECK(made.accounts == std::vector<std::string>{"oLi", "oZhao"});
  CHECK(office.cloud.accounts().at("oLi").nick == "微信用户 1");

  const ImUserId leaving[] = {ImUserId("oLi"), ImUserId("oNobody"), ImUserId("oZhao")};
  const auto gone = office.call(im::kAccountDelete, im::delete_body(leaving));
  const auto results = im::account_results(gone.answer.body);
  REQUIRE(results.size() == 3);
  CHECK(results[0].code == 0);
  CHECK(results[1].code == 70107);
  CHECK(results[2].code == 0);
  CHECK(gone.accounts == std::vector<std::string>{"oLi", "oZhao"});

  const std::vector<im::Account> too_many(101, {ImUserId("oLi"), ""});
  CHECK(office.call(im::kAccountsImport, im::import_body(too_many)).answer.code == 70402);
}

}  // namespace kefu::sandbox
