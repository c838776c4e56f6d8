#include "kefuctl/explain.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "lib/im/errors.h"
#include "lib/wechat/errors.h"

using namespace kefu::ctl;

namespace {

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

}  // namespace

TEST_CASE("a code that one cloud knows is told of that one, with the class of its table") {
  const auto found = explain("20003", "");
  REQUIRE(found.ok());
  REQUIRE(found->size() == 1);
  CHECK(found->front().cloud == "im");
  CHECK(found->front().error_class == "import_account");
  CHECK(contains(render_explanations(*found), "Tencent IM, code 20003: import_account\n"));
  CHECK(explain("45015", "")->front().error_class == "wait_for_customer");
  CHECK(explain("125000", "")->front().documented);  // a range of IM's
  CHECK(explain("125000", "")->size() == 1);
}

TEST_CASE("a code that both clouds use is told of both, unless one is asked for") {
  CHECK(explain("40001", "")->size() == 2);
  const auto one = explain("40001", "wechat");
  REQUIRE(one->size() == 1);
  CHECK(one->front().error_class == "refresh_token");
  CHECK(one->front().documented);
  CHECK(explain("40001", "im")->front().error_class == "dead");
}

TEST_CASE("a code that nobody documents is told as the queue would treat it") {
  const auto found = explain("424242", "");
  REQUIRE(found->size() == 2);
  CHECK_FALSE(found->front().documented);
  CHECK(found->front().error_class == name(kefu::im::explain(424242).error_class));
  CHECK(found->back().error_class == name(kefu::wechat::explain(424242).error_class));
  CHECK(contains(render_explanations(*found), "(not documented)"));
  CHECK_FALSE(explain("45015", "im")->front().documented);
  CHECK_FALSE(explain("20003", "wechat")->front().documented);
}

TEST_CASE("an unknown outcome has an entry of its own, with a rule per API") {
  const auto found = explain("unknown_outcome", "");
  REQUIRE(found->size() == 3);  // one of them is WeChat's -1
  const std::string text = render_explanations(*found);
  CHECK(contains(text, "admin_getroammsg"));
  CHECK(contains(text, "100 s"));
  CHECK(contains(text, "KEFU_NOTIFIER_ON_UNKNOWN"));
  CHECK(explain("unknown_outcome", "wechat")->size() == 2);
  CHECK(explain("-1", "wechat")->front().error_class == "unknown_outcome");
}

TEST_CASE("what concerns one account is said to leave the others alone") {
  for (const auto* code : {"70051", "70114", "70398"}) {
    const auto found = explain(code, "");
    REQUIRE(found->size() == 1);
    CHECK(found->front().error_class == "account");
    CHECK(contains(std::string(found->front().rule), "other customers' go on"));
  }
}

TEST_CASE("all there is: every row of both tables, each with a rule and an advice") {
  const auto all = explain("", "");
  REQUIRE(all.ok());
  CHECK(all->size() > kefu::im::error_table().size() + kefu::wechat::error_table().size());
  for (const auto& one : *all) {
    CAPTURE(one.meaning);
    CHECK_FALSE(one.rule.empty());
    CHECK_FALSE(one.advice.empty());
  }
  CHECK(contains(render_explanations(*all), "CLOUD"));
  CHECK(explain("", "im")->size() < all->size());
}

TEST_CASE("a class lists its codes, and nonsense is refused") {
  const auto throttled = explain("throttle", "");
  REQUIRE(throttled.ok());
  for (const auto& one : *throttled) CHECK(one.error_class == "throttle");
  CHECK_FALSE(explain("nonsense", "").ok());
  CHECK_FALSE(explain("20003x", "").ok());
  CHECK_FALSE(explain("resign", "wechat").ok());
}

TEST_CASE("for scripts it is one JSON object") {
  const auto json = nlohmann::json::parse(explanations_as_json(*explain("20003", "")));
  CHECK(json["ok"] == true);
  CHECK(json["errors"][0]["code"] == 20003);
  CHECK(json["errors"][0]["class"] == "import_account");
  CHECK(nlohmann::json::parse(explanations_as_json(*explain("unreachable", "")))["errors"][0]["code"]
            .is_null());
}
