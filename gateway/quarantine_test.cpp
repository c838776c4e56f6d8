// Pushes that make no event: kept, told, and submitted again in their order.
#include <doctest/doctest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "gateway/admin.h"
#include "gateway/dispatcher.h"
#include "gateway/journal/sqlite_journal.h"
#include "lib/base/digest.h"
#include "lib/base/utf8.h"

using namespace kefu;
using nlohmann::json;

namespace {

struct Bench {
  std::string folder = (std::filesystem::temp_directory_path() / ("kefu-" + random_hex(8))).string();
  DispatcherOptions options;
  Timestamp now{1'700'000'000'000};
  std::unique_ptr<Journal> journal;
  std::unique_ptr<Dispatcher> dispatcher;
  bool key_is_right = false;

  Bench() {
    std::filesystem::create_directories(folder);
    options.agents = {"agent1"};
    // The body of these pushes is the text of the message; its MsgId is the text, too.
    options.read_again = [this](const QuarantinedPush& row) -> Result<Submission> {
      if (!key_is_right) return Error{"wrong padding"};
      return Submission{message(clean_utf8(row.body))};
    };
    restart();
  }
  ~Bench() {
    dispatcher.reset();
    journal.reset();
    std::filesystem::remove_all(folder);
  }
  Bench(const Bench&) = delete;
  Bench& operator=(const Bench&) = delete;

  void restart() {
    dispatcher.reset();
    journal.reset();
    journal = open_sqlite_journal(folder + "/journal.db");
    dispatcher = std::make_unique<Dispatcher>(
        options, *journal, [] { return 0.5; }, now);
  }
  static CustomerPush message(const std::string& text) {
    CustomerPush push;
    push.key = dedup_key({text});
    push.customer = OpenId("oAlice");
    push.text = text;
    push.message_type = "text";
    return push;
  }
  void turn() {
    dispatcher->tick(now);
    dispatcher->commit(now);
    dispatcher->steps();
  }
  Receipt::Kind accept(const Submission& submission) {
    const auto kind = dispatcher->accept(submission, now).kind;
    turn();
    return kind;
  }
  Receipt::Kind broken(const std::string& text) {
    return accept(RawPush{"wechat", "wrong padding", text, QuarantineClass::undecryptable});
  }
  json ask(const json& question) {
    const auto answer = json::parse(answer_admin(question.dump(), *dispatcher, *journal, now));
    turn();
    return answer;
  }
  std::vector<std::string> texts_in_order() {
    std::vector<std::string> texts;
    for (const auto& stored : journal->page(v1::QUEUE_RELAY, std::nullopt, EventId{}, 1000))
      texts.push_back(stored.event.customer_message().text());
    return texts;
  }
};

std::vector<std::string> numbered(int count) {
  std::vector<std::string> texts;
  for (int i = 1; i <= count; ++i) texts.push_back("text " + std::to_string(i));
  return texts;
}

}  // namespace

TEST_CASE("quarantined pushes are submitted in their order, once, when they can be read") {
  Bench bench;
  const auto texts = numbered(25);
  for (const auto& text : texts) CHECK(bench.broken(text) == Receipt::Kind::stored);
  CHECK(bench.ask({{"cmd", "quarantine"}})["waiting"] == 25);
  auto answer = bench.ask({{"cmd", "quarantine_submit"}});
  CHECK(answer["submitted"] == 0);
  CHECK(answer["failed"] == json::array({{{"reason", "wrong padding"}, {"count", 25}}}));
  CHECK(bench.texts_in_order().empty());

  bench.key_is_right = true;
  bench.restart();
  SUBCASE("all in one answer") {
    answer = bench.ask({{"cmd", "quarantine_submit"}});
    CHECK(answer["submitted"] == 25);
    CHECK(answer["next"].is_null());
  }
  SUBCASE("a page at a time") {
    json after = 0;
    int submitted = 0;
    while (!after.is_null()) {
      answer = bench.ask({{"cmd", "quarantine_submit"}, {"limit", 10}, {"after", after}});
      submitted += answer["submitted"].get<int>();
      after = answer["next"];
    }
    CHECK(submitted == 25);
  }
  CHECK(bench.texts_in_order() == texts);
  CHECK(bench.ask({{"cmd", "quarantine_submit"}})["submitted"] == 0);
  CHECK(bench.texts_in_order() == texts);
  CHECK(bench.ask({{"cmd", "quarantine"}})["pushes"].empty());
  CHECK(bench.ask({{"cmd", "quarantine"}, {"all", true}, {"limit", 30}})["pushes"].size() == 25);
}

TEST_CASE("a quarantined push that came again in the meantime makes no second event") {
  Bench bench;
  bench.broken("hello");
  bench.broken("more");
  bench.key_is_right = true;
  bench.accept(Bench::message("hello"));
  const auto answer = bench.ask({{"cmd", "quarantine_submit"}});
  CHECK(answer["submitted"] == 1);
  CHECK(answer["duplicates"] == 1);
  CHECK(bench.texts_in_order() == std::vector<std::string>{"hello", "more"});
}

TEST_CASE("what was submitted is on disk with its event, or neither is") {
  Bench bench;
  bench.broken("hello");
  bench.key_is_right = true;
  answer_admin(R"({"cmd":"quarantine_submit"})", *bench.dispatcher, *bench.journal, bench.now);
  bench.restart();  // before the commit
  CHECK(bench.texts_in_order().empty());
  CHECK(bench.ask({{"cmd", "quarantine"}})["waiting"] == 1);
  bench.ask({{"cmd", "quarantine_submit"}});
  bench.restart();
  CHECK(bench.texts_in_order().size() == 1);
  CHECK(bench.ask({{"cmd", "quarantine"}})["waiting"] == 0);
}

TEST_CASE("the reply window of a quarantined message counts from when it came") {
  Bench bench;
  bench.broken("hello");
  const auto came_at = bench.now;
  bench.now = bench.now + std::chrono::hours(5);
  bench.key_is_right = true;
  bench.ask({{"cmd", "quarantine_submit"}});
  CHECK(bench.journal->customer(OpenId("oAlice"))->window.ends_at == came_at + ReplyWindow::kAfterMessage);
}

TEST_CASE("one quarantined push is shown whole, and says why it cannot be submitted") {
  Bench bench;
  bench.broken("hello\xff");
  bench.accept(RawPush{"im", "moderation", "{}", QuarantineClass::informational});
  const auto listed = bench.ask({{"cmd", "quarantine"}})["pushes"];
  REQUIRE(listed.size() == 2);
  const auto first = bench.ask({{"cmd", "quarantine"}, {"id", listed[0]["id"]}})["push"];
  CHECK(first["body_base64"] == base64_encode("hello\xff"));
  CHECK(first["class"] == "undecryptable");
  const auto second = bench.ask({{"cmd", "quarantine"}, {"id", listed[1]["id"]}})["push"];
  CHECK(second["body"] == "{}");
  CHECK(bench.ask({{"cmd", "quarantine_submit"}, {"id", listed[0]["id"]}})["error"] == "wrong padding");
  CHECK(bench.ask({{"cmd", "quarantine_submit"}, {"id", listed[1]["id"]}})["ok"] == false);
  CHECK(bench.ask({{"cmd", "quarantine_submit"}, {"id", 999}})["ok"] == false);
  CHECK(bench.ask({{"cmd", "quarantine"}, {"class", "nonsense"}})["ok"] == false);
  CHECK(bench.ask({{"cmd", "quarantine"}, {"source", "im"}})["pushes"].size() == 1);
  bench.key_is_right = true;
  CHECK(bench.ask({{"cmd", "quarantine_submit"}, {"id", listed[0]["id"]}})["submitted"] == 1);
  CHECK(bench.ask({{"cmd", "quarantine_submit"}, {"id", listed[0]["id"]}})["ok"] == false);
}

TEST_CASE("quarantined pushes are kept for a day at least, and told of when they go unsubmitted") {
  Bench bench;
  bench.options.keep_done = std::chrono::minutes(1);
  bench.restart();
  bench.broken("hello");
  CHECK(bench.dispatcher->quarantined().size() == 1);
  bench.now = bench.now + std::chrono::hours(24);
  bench.turn();
  CHECK(bench.dispatcher->quarantine_forgotten() == 0);
  CHECK(bench.ask({{"cmd", "quarantine"}})["waiting"] == 1);
  bench.now = bench.now + std::chrono::minutes(2);
  bench.turn();
  CHECK(bench.dispatcher->quarantine_forgotten() == 1);
  CHECK(bench.ask({{"cmd", "quarantine"}})["waiting"] == 0);
}
