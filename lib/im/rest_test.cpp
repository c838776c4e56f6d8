#include "lib/im/rest.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <set>

using namespace kefu;
using nlohmann::json;

TEST_CASE("a call's target has the parameters in their spelling, the identifier percent-encoded") {
  CHECK(im::request_target(im::kSendMessage, 1400000001, "admin 1/ä", "eJ*-_", 4294967295u) ==
        "/v4/openim/"
        "sendmsg?sdkappid=1400000001&identifier=admin%201%2F%C3%A4&usersig=eJ*-_&random=4294967295&"
        "contenttype=json");
}

TEST_CASE("accounts are imported and deleted") {
  CHECK(im::import_body(ImUserId("oA"), "微信用户 3f9a1c") == R"({"UserID":"oA","Nick":"微信用户 3f9a1c"})");
  CHECK(im::import_body(ImUserId("oA"), "") == R"({"UserID":"oA"})");
  const std::vector<im::Account> accounts = {{ImUserId("oA"), "微信用户 3f9a1c"}, {ImUserId("oB"), ""}};
  CHECK(im::import_body(accounts) ==
        R"({"AccountList":[{"UserID":"oA","Nick":"微信用户 3f9a1c"},{"UserID":"oB"}]})");
  const std::vector<ImUserId> users = {ImUserId("oA"), ImUserId("oB")};
  CHECK(im::delete_body(users) == R"({"DeleteItem":[{"UserID":"oA"},{"UserID":"oB"}]})");
}

TEST_CASE("the verdict is the ErrorCode") {
  const auto sent = im::parse_answer(
      R"({"ActionStatus":"OK","ErrorInfo":"","ErrorCode":0,"MsgTime":1735689600,"MsgKey":"93847636_1287657_1735689600"})");
  REQUIRE(sent.ok());
  CHECK(sent->code == 0);
  CHECK(sent->msg_key == "93847636_1287657_1735689600");
  CHECK(im::parse_answer(R"({"ActionStatus":"FAIL","ErrorInfo":"x","ErrorCode":70107})")->code == 70107);
  CHECK(im::parse_answer(R"({"ErrorCode":"70107"})")->code == 70107);
  for (const char* bad : {"", "OK", "{}", "[]", R"({"ErrorCode":null})", R"({"ErrorCode":1.5})", "<html>"}) {
    CAPTURE(bad);
    CHECK_FALSE(im::parse_answer(bad));
  }
}

TEST_CASE("an answer that is OK as a whole names the accounts that failed") {
  CHECK(im::failed_accounts(R"({"ErrorCode":0,"FailAccounts":["oA","oB"]})") ==
        std::set<std::string>{"oA", "oB"});
  CHECK(im::failed_accounts(R"({"ErrorCode":0,"FailAccounts":[7,null,"oB"]})") ==
        std::set<std::string>{"oB"});
  for (const char* none : {R"({"ErrorCode":0,"FailAccounts":[]})", R"({"ErrorCode":0})",
                           R"({"ErrorCode":0,"FailAccounts":"oA"})", "[]", "no JSON"}) {
    CAPTURE(none);
    CHECK(im::failed_accounts(none).empty());
  }

  const auto results = im::account_results(
      R"({"ErrorCode":0,"ResultItem":[{"UserID":"oA","ResultCode":70107,"ResultInfo":"Err_TLS"},
          {"UserID":"oB","ResultCode":0,"ResultInfo":""},{"UserID":"oC"},7]})");
  REQUIRE(results.size() == 2);
  CHECK(results[0].user == "oA");
  CHECK(results[0].code == 70107);
  CHECK(results[0].message == "Err_TLS");
  CHECK(results[1].user == "oB");
  CHECK(results[1].code == 0);
  CHECK(im::account_results(R"({"ErrorCode":0})").empty());
}

TEST_CASE("what was written is asked for in pages, and read") {
  CHECK(
      im::roam_body({"kf1", "oA", 1735689600, 1735690600, ""}) ==
      R"({"Operator_Account":"kf1","Peer_Account":"oA","MaxCnt":100,"MinTime":1735689600,"MaxTime":1735690600})");
  CHECK(im::roam_body({"kf1", "oA", 1, 2, "7_8_2"}).ends_with(R"("MaxTime":2,"LastMsgKey":"7_8_2"})"));

  // As the page of admin_getroammsg shows it.
  const auto page = im::parse_roam_page(R"({"ActionStatus":"OK","ErrorInfo":"","ErrorCode":0,"Complete":1,
      "MsgCnt":3,"LastMsgTime":1735689601,"LastMsgKey":"549396494_2578554_1735689601","MsgList":[
      {"From_Account":"oA","To_Account":"kf1","MsgSeq":549396494,"MsgRandom":4294967295,
       "MsgTimeStamp":1735689601,"MsgFlagBits":0,"IsPeerRead":0,"MsgKey":"549396494_2578554_1735689601",
       "MsgBody":[{"MsgType":"TIMTextElem","MsgContent":{"Text":"1"}}],"CloudCustomData":""},
      {"From_Account":"kf1","To_Account":"oA","MsgSeq":1054803289,"MsgRandom":7204,"MsgFlagBits":8},
      {"From_Account":"kf1","To_Account":"oA","MsgSeq":-1,"MsgRandom":7204}]})");
  REQUIRE(page.ok());
  CHECK(page->complete);
  CHECK(page->last_s == 1735689601);
  CHECK(page->last_key == "549396494_2578554_1735689601");
  REQUIRE(page->messages.size() == 2);
  CHECK(page->messages[0].from == "oA");
  CHECK(page->messages[0].to == "kf1");
  CHECK(page->messages[0].msg_seq == 549396494);
  CHECK(page->messages[0].msg_random == 4294967295u);

  CHECK_FALSE(im::parse_roam_page(R"({"Complete":0})")->complete);
  CHECK(im::parse_roam_page(R"({"Complete":1,"MsgCnt":0})")->messages.empty());
  for (const char* bad : {"", "{}", "[]", R"({"Complete":"yes"})"}) {
    CAPTURE(bad);
    CHECK_FALSE(im::parse_roam_page(bad));
  }
}

TEST_CASE("a cut character or a deep forward costs no page of what was written") {
  const auto page_with = [](const std::string& text, const std::string& more = "") {
    return R"({"ErrorCode":0,"Complete":1,"MsgList":[{"From_Account":"kf1","To_Account":"oA","MsgSeq":1,)"
           R"("MsgRandom":2,"MsgBody":[{"MsgType":"TIMTextElem","MsgContent":{"Text":")" +
           text + "\"}}]" + more + "}]}";
  };
  for (const auto& [cut, read] : {std::pair<std::string, std::string>{R"(a\ud83d b)", "a\xEF\xBF\xBD b"},
                                  {"a\xF0\x9F b", "a\xEF\xBF\xBD b"},
                                  {R"(\ud83d\ude00)", "\xF0\x9F\x98\x80"}}) {
    CAPTURE(cut);
    CHECK(im::parse_answer(page_with(cut)).ok());
    const auto page = im::parse_roam_page(page_with(cut));
    REQUIRE(page.ok());
    CHECK(page->messages.at(0).content.text() == read);
  }
  // As deep as a callback may be: there the message is the outermost object.
  const auto nested = [&](std::size_t depth) {
    return page_with("x", ",\"More\":" + std::string(depth - 1, '[') + std::string(depth - 1, ']'));
  };
  CHECK(im::parse_roam_page(nested(32)).ok());
  CHECK(im::parse_answer(nested(32)).ok());
  CHECK_FALSE(im::parse_roam_page(nested(33)));
}

TEST_CASE("a generated nick is the same for the same customer, and theirs alone") {
  const auto nick = im::generated_nick("微信用户", OpenId("oA"));
  CHECK(nick.size() == std::string("微信用户 ").size() + 6);
  CHECK(nick.starts_with("微信用户 "));
  CHECK(nick == im::generated_nick("微信用户", OpenId("oA")));
  CHECK(nick != im::generated_nick("微信用户", OpenId("oB")));
}
