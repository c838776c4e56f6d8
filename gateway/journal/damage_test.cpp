// What a damaged journal does: what it lost is told, and everything else travels.
#include <doctest/doctest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "gateway/admin.h"
#include "gateway/dispatcher.h"
#include "gateway/journal/sqlite_journal.h"
#include "gateway/journal/statement.h"
#include "lib/base/digest.h"
#include "lib/base/limits.h"

using namespace kefu;
using nlohmann::json;

namespace {

constexpr const char* kRoute = "route";

// A gateway's inside over a file that the test damages while it is closed.
class DamagedBench {
 public:
  DamagedBench() {
    std::filesystem::create_directories(folder_);
    options_.agents = {"agent1"};
    open();
  }
  ~DamagedBench() {
    close();
    std::filesystem::remove_all(folder_);
  }
  DamagedBench(const DamagedBench&) = delete;
  DamagedBench& operator=(const DamagedBench&) = delete;

  void restart_after(const std::string& sql) {
    close();
    Database((folder_ / "journal.db").string()).run(sql.c_str());
    open();
  }

  EventId say(const std::string& text, const std::string& customer = "oAlice") {
    CustomerPush push;
    push.key = dedup_key({text});
    push.customer = OpenId(customer);
    push.kind = CustomerPush::Kind::message;
    push.text = text;
    push.message_type = "text";
    const EventId id{dispatcher_->accept(push, now_).kind == Receipt::Kind::stored
                         ? journal_->find(push.customer, push.key)->id
                         : EventId{}};
    turn();
    return id;
  }

  void hello() {
    v1::FromWorker message;
    auto& hello = *message.mutable_hello();
    hello.set_protocol(limits::kProtocolVersion);
    hello.set_worker_id("relay");
    hello.set_queue(v1::QUEUE_RELAY);
    hello.set_slots(8);
    dispatcher_->receive(kRoute, message, now_);
    turn();
  }

  // Until nothing more is handed out: the texts, in their order, each delivered at once.
  std::vector<std::string> delivered() {
    std::vector<std::string> texts;
    for (int turns = 0; turns < 20; ++turns) {
      for (const auto& out : dispatcher_->handouts(now_)) {
        const auto& delivery = out.message.delivery();
        texts.push_back(delivery.event().customer_message().text());
        v1::FromWorker message;
        message.mutable_verdict()->set_event_id(delivery.event().id());
        message.mutable_verdict()->set_lease(delivery.lease());
        message.mutable_verdict()->set_outcome(v1::OUTCOME_DONE);
        dispatcher_->receive(kRoute, message, now_);
      }
      turn();
    }
    return texts;
  }

  json ask(const json& question) {
    auto answer = json::parse(answer_admin(question.dump(), *dispatcher_, *journal_, now_));
    turn();
    return answer;
  }
  json dead() { return ask({{"cmd", "list"}, {"queue", "relay"}, {"state", "dead"}})["events"]; }
  int damaged_steps() const { return damaged_steps_; }

 private:
  void open() {
    journal_ = open_sqlite_journal((folder_ / "journal.db").string());
    dispatcher_ = std::make_unique<Dispatcher>(
        options_, *journal_, [] { return 0.5; }, now_);
    turn();
  }
  void close() {
    dispatcher_.reset();
    journal_.reset();
  }
  void turn() {
    dispatcher_->tick(now_);
    dispatcher_->commit(now_);
    for (const auto& step : dispatcher_->steps()) damaged_steps_ += step.damaged ? 1 : 0;
  }

  std::filesystem::path folder_ = std::filesystem::temp_directory_path() / ("kefu-" + random_hex(8));
  DispatcherOptions options_;
  Timestamp now_{1'700'000'000'000};
  std::unique_ptr<Journal> journal_;
  std::unique_ptr<Dispatcher> dispatcher_;
  int damaged_steps_ = 0;
};

}  // namespace

TEST_CASE("a damaged event becomes a dead letter with its bytes, and its customer's next ones travel") {
  DamagedBench bench;
  const auto first = bench.say("first");
  bench.say("second");
  bench.say("third", "oBob");
  std::string damage;
  SUBCASE("what cannot be parsed") {
    damage = "payload = x'ffffff'";
  }
  SUBCASE("what can be parsed and is something else") {
    damage = "payload = CAST(replace(CAST(payload AS TEXT), 'first', 'worst') AS BLOB)";
  }
  SUBCASE("a customer that is another one") {
    damage = "source = 'other'";
  }
  SUBCASE("content that its kind does not fit, of an older format") {
    damage = "kind = 2, checksum = NULL";
  }
  bench.restart_after("UPDATE events SET " + damage + " WHERE id = " + std::to_string(first.value));
  bench.hello();
  CHECK(bench.delivered() == std::vector<std::string>{"third", "second"});
  CHECK(bench.damaged_steps() == 1);

  const auto dead = bench.dead();
  REQUIRE(dead.size() == 1);
  CHECK(dead[0]["id"] == first.value);
  CHECK(dead[0]["damaged"] == true);
  CHECK(dead[0]["error"].get<std::string>().starts_with("damaged: "));
  const auto shown = bench.ask({{"cmd", "show"}, {"id", first.value}})["event"];
  CHECK(shown["customer"] == "oAlice");
  CHECK_FALSE(shown["damaged_base64"].get<std::string>().empty());
  const auto trace = bench.ask({{"cmd", "trace"}, {"what", "oAlice"}});
  CHECK(trace["ok"] == true);
  const auto exported = bench.ask({{"cmd", "export"}, {"queue", "relay"}, {"state", "dead"}})["events"];
  REQUIRE(exported.size() == 1);
  CHECK(bench.ask({{"cmd", "import"}, {"events", exported}})["error"].get<std::string>().find("damaged") !=
        std::string::npos);
  const auto replayed = bench.ask({{"cmd", "replay"}, {"id", first.value}});
  CHECK(replayed["ok"] == false);
  CHECK(replayed["error"].get<std::string>().find("damaged") != std::string::npos);
  CHECK(bench.ask({{"cmd", "replay"}, {"queue", "relay"}})["count"] == 0);
  CHECK(bench.ask({{"cmd", "drop"}, {"id", first.value}})["ok"] == true);
  CHECK(bench.dead().empty());
  CHECK(bench.ask({{"cmd", "show"}, {"id", first.value}})["ok"] == true);
}

TEST_CASE("a damaged event whose bytes can be read again is replayed") {
  DamagedBench bench;
  const auto id = bench.say("hello");
  bench.restart_after("CREATE TABLE kept AS SELECT payload FROM events; UPDATE events SET payload = x'ff'");
  bench.hello();
  CHECK(bench.delivered().empty());
  CHECK(bench.ask({{"cmd", "show"}, {"id", id.value}})["event"]["damaged_base64"] == "/w==");
  bench.restart_after("UPDATE events SET payload = (SELECT payload FROM kept)");
  CHECK(bench.ask({{"cmd", "replay"}, {"id", id.value}})["count"] == 1);
  bench.hello();
  CHECK(bench.delivered() == std::vector<std::string>{"hello"});
}

TEST_CASE("a row that the program does not know stops neither the start nor anybody else") {
  DamagedBench bench;
  const auto first = bench.say("first");
  bench.say("second");
  std::string damage;
  bool content_is_sound = false;
  SUBCASE("an unknown kind") {
    damage = "kind = 99";
  }
  SUBCASE("an unknown queue") {
    damage = "queue = -7";
    content_is_sound = true;
  }
  SUBCASE("an unknown state above those that are known") {
    damage = "state = 77";
    content_is_sound = true;
  }
  SUBCASE("an unknown state below those that are known") {
    damage = "state = -1";
    content_is_sound = true;
  }
  bench.restart_after("UPDATE events SET " + damage + " WHERE id = " + std::to_string(first.value));
  bench.hello();
  CHECK(bench.delivered() == std::vector<std::string>{"second"});
  const auto dead = bench.dead();
  REQUIRE(dead.size() == 1);
  CHECK(dead[0]["id"] == first.value);
  CHECK(dead[0]["error"].get<std::string>().starts_with("damaged: "));
  CHECK(bench.damaged_steps() == 1);
  CHECK(bench.ask({{"cmd", "replay"}, {"id", first.value}})["ok"] == content_is_sound);
  CHECK(bench.delivered() ==
        (content_is_sound ? std::vector<std::string>{"first"} : std::vector<std::string>{}));
}
