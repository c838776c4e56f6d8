// The gateway dies at every point of a turn and of a transaction, under load. What was answered with 200 is
// there exactly once, in order.
#include <doctest/doctest.h>

#include <atomic>
#include <csignal>
#include <map>
#include <thread>

#include "gateway/queue_loop.h"
#include "tests/process/faults.h"
#include "tests/process/stack.h"

using namespace kefu::test;

namespace {

constexpr int kCustomers = 4;
constexpr int kFailingCode = 91000;  // an internal error of IM: tried again

// WeChat's and IM's side of a customer: every push is repeated until it is answered with 200, as both do.
class Talk {
 public:
  Talk(Stack& stack, int customer)
      : stack_(stack), name_("oCustomer" + std::to_string(customer)), thread_([this] { run(); }) {}

  const std::string& name() const { return name_; }
  void stop() {
    stopping_ = true;
    thread_.join();
  }
  int said() const { return said_; }
  int answered() const { return answered_; }

 private:
  void run() {
    while (!stopping_) {
      insist([&, body = stack_.text_body(name_, std::to_string(said_) + std::string(300, '.'))] {
        return stack_.push(body);
      });
      ++said_;
      if (said_ % 5 != 0) continue;
      insist([&, body = stack_.reply_body(name_, std::to_string(answered_) + ".")] {
        return stack_.callback(body);
      });
      ++answered_;
    }
  }
  template <class Push>
  void insist(const Push& push) {
    while (push().status != 200) std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }

  Stack& stack_;
  std::string name_;
  int said_ = 0;
  int answered_ = 0;
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

void check_order(const Talk& talk, const std::vector<Call>& calls, const std::string& name_field,
                 int expected) {
  std::string last;
  int next = 0;
  for (const auto& call : calls) {
    if (call.text(name_field) != talk.name()) continue;
    if (call.raw == last) continue;  // the same message again, which the cloud drops
    CHECK(text_of(call).starts_with(std::to_string(next++) + "."));
    last = call.raw;
  }
  CHECK(next == expected);
}

template <class Points>
void die_at_each_of(const Points& points) {
  // The clouds played here take any number of calls; at IM's own pace the backlog would only grow.
  Stack stack(
      Environment{{"KEFU_RETRY_FIRST", "100ms"}, {"KEFU_RATE_IM_SEND", "0"}, {"KEFU_RATE_WECHAT_SEND", "0"}});
  stack.gateway_program = kFaultyGateway;
  const std::string file = stack.data_folder() + "/fault";
  const Faults faults(file);
  stack.gateway_settings[kFaultFile] = file;
  stack.start_all();
  std::vector<std::unique_ptr<Talk>> talks;
  for (int i = 0; i < kCustomers; ++i) talks.push_back(std::make_unique<Talk>(stack, i));
  std::size_t failed = 0;
  for (const auto point : points) {
    for (const int count : {1, 4}) {
      CAPTURE(point);
      CAPTURE(count);
      // Work is in full swing again, and one call fails: a retry is under way too.
      stack.clouds.wait_for("sendmsg", stack.clouds.count("sendmsg") + 2 * kCustomers);
      stack.clouds.fail_next("sendmsg", kFailingCode);
      ++failed;
      faults.die_at(point, count);
      const bool died = eventually([&] { return !stack.gateway->running(); });
      CHECK_MESSAGE(died, "the point was never passed");
      if (died) CHECK(stack.gateway->wait() == -SIGKILL);
      faults.none();
      stack.start_gateway();
    }
  }
  std::size_t said = 0;
  std::size_t answered = 0;
  for (auto& talk : talks) {
    talk->stop();
    said += static_cast<std::size_t>(talk->said());
    answered += static_cast<std::size_t>(talk->answered());
  }
  CHECK(eventually(
      [&] { return stack.queue("relay")["done"] == said && stack.queue("notifier")["done"] == answered; }));
  const auto sends = stack.clouds.calls("sendmsg");
  const auto replies = stack.clouds.calls("custom_send");
  for (const auto& talk : talks) {
    check_order(*talk, sends, "From_Account", talk->said());
    check_order(*talk, replies, "touser", talk->answered());
  }
  CHECK(sends.size() == said + failed);  // the worker was there all the time and remembers: no second call
  CHECK(replies.size() == answered);
}

}  // namespace

TEST_CASE("fault points: killed at each point of a turn, the gateway loses, doubles and reorders nothing") {
  die_at_each_of(kefu::kTurnPoints);
}

TEST_CASE(
    "fault points: killed at each step of a transaction, the gateway loses, doubles and reorders nothing") {
  die_at_each_of(kDiskPoints);
}

TEST_CASE("fault points: a bug of the gateway ends it, is no failing disk, and loses nothing") {
  Stack stack;
  stack.gateway_program = kFaultyGateway;
  const std::string file = stack.data_folder() + "/fault";
  const Faults faults(file);
  stack.gateway_settings[kFaultFile] = file;
  stack.start_gateway();
  REQUIRE(stack.say("oAlice", "one").status == 200);
  faults.throw_at("taken");
  CHECK(stack.say("oAlice", "two").status != 200);
  CHECK(stack.gateway->wait() != 0);
  const auto output = stack.gateway->output();
  CHECK(output.find("a bug: the gateway ends") != std::string::npos);
  CHECK(output.find("a bug that a test made") != std::string::npos);
  CHECK(output.find("pushes are refused until the journal") == std::string::npos);
  faults.none();
  stack.start_gateway();
  stack.start_relay();
  stack.clouds.wait_for("sendmsg", 1);
  CHECK(text_of(stack.clouds.calls("sendmsg").at(0)) == "one");
}

TEST_CASE("fault points: a bug in a question, in the tap or in the figures harms nothing else") {
  Stack stack;
  stack.gateway_program = kFaultyGateway;
  const std::string file = stack.data_folder() + "/fault";
  const Faults faults(file);
  stack.gateway_settings[kFaultFile] = file;
  stack.start_all();
  std::size_t said = 0;
  for (const auto point : kefu::kHarmlessPoints) {
    CAPTURE(point);
    faults.throw_at(point);
    CHECK(stack.say("oAlice", "hello").status == 200);
    stack.clouds.wait_for("sendmsg", ++said);
    const auto answer = stack.ask({{"cmd", "queues"}});
    CHECK(answer["ok"] == (point != "question"));
    if (point == "question")
      CHECK(answer["error"] ==
            "the gateway failed at this question, and at nothing else: a bug that a test made");
    const auto figures = stack.ops("/metrics").body;
    CHECK(figures.find("kefu_bugs_total{where=\"" + std::string(point) + "\"}") != std::string::npos);
    CHECK(figures.find("kefu_journal_up 1") != std::string::npos);
    faults.none();
  }
  CHECK(stack.gateway->running());
  CHECK(stack.gateway->output().find("the journal can be opened") == std::string::npos);
}
