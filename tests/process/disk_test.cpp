// A disk that takes no more, fails or is slow: pushes are refused, nothing accepted is lost, and the gateway
// recovers by itself.
#include <doctest/doctest.h>
#include <sys/resource.h>

#include <algorithm>
#include <filesystem>
#include <set>
#include <thread>

#include "tests/process/faults.h"
#include "tests/process/stack.h"

using namespace kefu::test;

namespace {

void limit_file_size(pid_t process, rlim_t bytes) {
  rlimit limit{};
  REQUIRE(::prlimit(process, RLIMIT_FSIZE, nullptr, &limit) == 0);
  limit.rlim_cur = std::min(bytes, limit.rlim_max);
  REQUIRE(::prlimit(process, RLIMIT_FSIZE, &limit, nullptr) == 0);
}

}  // namespace

TEST_CASE("disk: a full disk refuses pushes, loses none, and is used again when it is back") {
  Stack stack;
  stack.start_gateway();
  limit_file_size(stack.gateway->pid(), 1 << 20);
  std::set<std::string> accepted;
  int number = 0;
  const auto push_one = [&] {
    const auto text = "message " + std::to_string(++number) + " " + std::string(1000, 'x');
    const auto answer = stack.say("oCustomer" + std::to_string(number), text);
    if (answer.status == 200) accepted.insert(text);
    return answer.status;
  };
  REQUIRE(eventually([&] { return push_one() == 503; }));
  CHECK(accepted.size() > 10);
  CHECK(stack.gateway->running());
  const auto ready = stack.ops("/readyz");
  CHECK(ready.status == 503);
  CHECK(ready.body.find("journal") != std::string::npos);
  CHECK(stack.ask({{"cmd", "queues"}})["ok"] == false);
  CHECK(stack.ask({{"cmd", "pause"}, {"queue", "relay"}})["ok"] == false);

  limit_file_size(stack.gateway->pid(), RLIM_INFINITY);
  CHECK(eventually([&] { return push_one() == 200; }));
  CHECK(stack.ops("/readyz").status == 200);
  stack.start_relay();
  CHECK(eventually([&] { return stack.queue("relay")["done"] >= accepted.size(); }));
  std::set<std::string> delivered;
  for (const auto& send : stack.clouds.calls("sendmsg")) delivered.insert(text_of(send));
  CHECK(std::includes(delivered.begin(), delivered.end(), accepted.begin(), accepted.end()));
}

namespace {

// A stack whose gateway stands on a disk that the test breaks.
struct BrokenDisk : Stack {
  Faults faults{data_folder() + "/fault"};
  BrokenDisk() {
    gateway_program = kFaultyGateway;
    gateway_settings[kFaultFile] = data_folder() + "/fault";
  }
  bool metrics_say(const std::string& line) { return ops("/metrics").body.find(line) != std::string::npos; }
};

// Somebody who pushes on and on, and repeats what is not answered with 200, as WeChat does.
class Pusher {
 public:
  Pusher(Stack& stack, std::string customer)
      : stack_(stack),
        customer_(std::move(customer)),
        thread_([this](const std::stop_token& stop) { run(stop); }) {}
  int stop() {
    thread_.request_stop();
    thread_.join();
    return accepted_;
  }

 private:
  void run(const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      const auto body = stack_.text_body(customer_, std::to_string(accepted_));
      while (stack_.push(body).status != 200) std::this_thread::sleep_for(std::chrono::milliseconds(20));
      ++accepted_;
    }
  }
  Stack& stack_;
  std::string customer_;
  int accepted_ = 0;
  std::jthread thread_;
};

}  // namespace

TEST_CASE("disk: an I/O error refuses pushes, loses none, and the disk is used again when it works") {
  BrokenDisk stack;
  stack.start_all();
  CHECK(stack.metrics_say("kefu_journal_up 1"));
  Pusher pusher(stack, "oAlice");
  stack.clouds.wait_for("sendmsg", 3);
  SUBCASE("of a write") {
    stack.faults.fail_writes();
  }
  SUBCASE("of a sync") {
    stack.faults.fail_syncs();
  }
  CHECK(eventually([&] { return stack.say("oBob", "hello?").status == 503; }));
  const auto ready = stack.ops("/readyz");
  CHECK(ready.status == 503);
  CHECK(ready.body.find("disk I/O error") != std::string::npos);
  CHECK(stack.ops("/healthz").status == 200);
  CHECK(stack.metrics_say("kefu_journal_up 0"));
  CHECK_FALSE(stack.metrics_say("kefu_journal_failures_total 0"));

  stack.faults.none();
  CHECK(eventually([&] { return stack.ops("/readyz").status == 200; }));
  CHECK(stack.metrics_say("kefu_journal_up 1"));
  const auto sent = stack.clouds.count("sendmsg");
  stack.clouds.wait_for("sendmsg", sent + 3);
  const auto accepted = pusher.stop();
  int next = 0;
  CHECK(eventually(
      [&] { return stack.queue("relay")["ready"] == 0 && stack.queue("relay")["in_flight"] == 0; }));
  for (const auto& call : stack.clouds.calls("sendmsg")) {
    if (call.text("From_Account") == "oAlice") CHECK(text_of(call) == std::to_string(next++));
  }
  CHECK(next == accepted);
}

TEST_CASE("disk: slow syncs slow acceptance down and starve no worker") {
  BrokenDisk stack;
  stack.start_all();
  stack.faults.slow_syncs(2000);  // longer than a worker may be silent for and still get work
  std::vector<std::unique_ptr<Pusher>> pushers;
  for (const auto* name : {"oAlice", "oBob", "oCarol"})
    pushers.push_back(std::make_unique<Pusher>(stack, name));
  stack.clouds.wait_for("sendmsg", 6);
  stack.faults.none();
  int accepted = 0;
  for (auto& pusher : pushers) accepted += pusher->stop();
  CHECK(eventually([&] { return stack.queue("relay")["done"] == accepted; }));
  CHECK(stack.clouds.count("sendmsg") == static_cast<std::size_t>(accepted));
}

TEST_CASE("disk: a sync that hangs is told on the ops page, and the push that waited for it is one event") {
  BrokenDisk stack;
  stack.start_all();
  stack.faults.slow_syncs(8000);
  const auto body = stack.text_body("oAlice", "hello");
  CHECK(stack.push(body).status == 503);
  const auto ready = stack.ops("/readyz");
  CHECK(ready.status == 503);
  CHECK(ready.body.find("slow") != std::string::npos);
  stack.faults.none();
  CHECK(eventually([&] { return stack.push(body).status == 200; }));
  CHECK(eventually([&] { return stack.ops("/readyz").status == 200; }));
  CHECK(eventually([&] { return stack.queue("relay")["done"] == 1; }));
  CHECK(stack.clouds.count("sendmsg") == 1);
}

TEST_CASE("disk: a callback that is stored later than IM waits is not refused, and is one event") {
  BrokenDisk stack;
  stack.start_all();
  stack.say("oAlice", "hello");
  REQUIRE(eventually([&] { return stack.queue("relay")["done"] == 1; }));  // no other sync is in its way
  stack.faults.slow_syncs(2200);
  CHECK(stack.reply("oAlice", "yes?").status == 200);
  stack.faults.none();
  CHECK(eventually([&] { return stack.queue("notifier")["done"] == 1; }));
  CHECK(stack.clouds.count("custom_send") == 1);
  CHECK(stack.metrics_say("kefu_callbacks_late_total 1"));
}

TEST_CASE("disk: a WAL that is gone after kill -9 refuses the start, until its loss is accepted") {
  Stack stack;
  stack.start_gateway();
  CHECK(stack.say("oAlice", "hello").status == 200);
  stack.gateway->kill();
  std::filesystem::remove(stack.data_folder() + "/data/journal.db-wal");
  Process refused("kefu-gateway", stack.environment("gateway", free_port()));
  CHECK(refused.wait() == 2);
  CHECK(refused.output().find("journal.db-wal") != std::string::npos);
  CHECK(refused.output().find("KEFU_JOURNAL_ACCEPT_LOSS=1") != std::string::npos);
  stack.gateway_settings["KEFU_JOURNAL_ACCEPT_LOSS"] = "1";
  stack.start_gateway();
  CHECK(stack.say("oAlice", "hello again").status == 200);
}

TEST_CASE("disk: a WAL that is deleted under the running gateway loses nothing that was answered 200") {
  Stack stack;
  stack.start_gateway();
  int accepted = 0;
  const auto push_one = [&] {
    if (stack.say("oAlice", "message " + std::to_string(accepted)).status == 200) ++accepted;
  };
  for (int i = 0; i < 20; ++i) push_one();
  std::filesystem::remove(stack.data_folder() + "/data/journal.db-wal");
  CHECK(eventually([&] {
    push_one();
    return stack.gateway->output().find("journal.db-wal was removed") != std::string::npos;
  }));
  CHECK(eventually([&] { return stack.ops("/readyz").status == 200; }));
  push_one();
  stack.gateway->kill();
  stack.start_gateway();
  CHECK(stack.queue("relay")["ready"] == accepted);
}
