// The real kefuctl against a gateway's sockets played by the test.
#include <doctest/doctest.h>
#include <pty.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <functional>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>
#include <zmq.hpp>

namespace {

using namespace std::chrono_literals;
using nlohmann::json;

struct Run {
  int status = -1;
  std::string output;  // both streams
};

Run kefuctl(const std::string& arguments) {
  const std::string command = "'" KEFU_BIN_DIR "/kefuctl' " + arguments + " 2>&1";
  FILE* pipe = popen(command.c_str(), "r");
  REQUIRE(pipe != nullptr);
  Run run;
  std::array<char, 4096> buffer{};
  std::size_t got = 0;
  while ((got = fread(buffer.data(), 1, buffer.size(), pipe)) > 0) run.output.append(buffer.data(), got);
  const int status = pclose(pipe);
  run.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return run;
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// Answers each question by its "cmd" and keeps what was asked.
class AdminStub {
 public:
  using Answers = std::map<std::string, std::string>;
  explicit AdminStub(Answers answers) : answers_(std::move(answers)), socket_(context_, ZMQ_REP) {
    socket_.set(zmq::sockopt::linger, 0);
    socket_.set(zmq::sockopt::rcvtimeo, 50);
    socket_.bind("tcp://127.0.0.1:*");
    address_ = socket_.get(zmq::sockopt::last_endpoint);
    thread_ = std::thread([this] { serve(); });
  }
  ~AdminStub() {
    stop_ = true;
    thread_.join();
  }
  const std::string& address() const { return address_; }
  std::string connect() const { return "--connect " + address_ + " "; }
  json asked() {
    const std::lock_guard lock(mutex_);
    return asked_;
  }

 private:
  void serve() {
    while (!stop_) {
      zmq::message_t question;
      if (!socket_.recv(question, zmq::recv_flags::none)) continue;
      const json parsed = json::parse(question.to_string_view());
      {
        const std::lock_guard lock(mutex_);
        asked_ = parsed;
      }
      const auto answer = answers_.find(parsed["cmd"].get<std::string>());
      socket_.send(
          zmq::buffer(answer == answers_.end() ? R"({"ok":false,"error":"no such thing"})" : answer->second));
    }
  }

  std::map<std::string, std::string> answers_;
  zmq::context_t context_;
  zmq::socket_t socket_;
  std::string address_;
  std::mutex mutex_;
  json asked_;
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

constexpr const char* kQueues =
    R"({"ok":true,"queues":[{"name":"relay","ready":1,"done":7,"workers":[{"id":"w1","capacity":32}]}]})";

// kefuctl with a terminal of its own.
class InTerminal {
 public:
  explicit InTerminal(const std::vector<std::string>& arguments) {
    std::vector<std::string> texts{KEFU_BIN_DIR "/kefuctl"};
    texts.insert(texts.end(), arguments.begin(), arguments.end());
    std::vector<char*> pointers;
    for (auto& text : texts) pointers.push_back(text.data());
    pointers.push_back(nullptr);
    winsize size{};
    size.ws_col = 60;
    size.ws_row = 20;
    pid_ = ::forkpty(&terminal_, nullptr, nullptr, &size);
    if (pid_ == 0) {
      ::execv(pointers[0], pointers.data());
      ::_exit(127);
    }
    REQUIRE(pid_ > 0);
  }
  ~InTerminal() { ::close(terminal_); }

  // Reads until `part` is there, or until the program has ended.
  bool shows(const std::string& part) {
    std::array<char, 4096> buffer{};
    while (output_.find(part) == std::string::npos) {
      const auto got = ::read(terminal_, buffer.data(), buffer.size());
      if (got <= 0) return false;
      output_.append(buffer.data(), static_cast<std::size_t>(got));
    }
    return true;
  }
  void press(char key) { REQUIRE(::write(terminal_, &key, 1) == 1); }
  void signal(int number) { ::kill(pid_, number); }
  bool echoes() {
    termios settings{};
    return ::tcgetattr(terminal_, &settings) == 0 && (settings.c_lflag & (ECHO | ICANON)) == (ECHO | ICANON);
  }
  int wait() {
    int status = 0;
    REQUIRE(::waitpid(pid_, &status, 0) == pid_);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  const std::string& output() const { return output_; }

 private:
  pid_t pid_ = -1;
  int terminal_ = -1;
  std::string output_;
};

}  // namespace

TEST_CASE("each verb asks the contract's question") {
  AdminStub gateway(AdminStub::Answers{{"queues", R"({"ok":true,"queues":[]})"},
                                       {"list", R"({"ok":true,"events":[]})"},
                                       {"show", R"({"ok":true,"id":42})"},
                                       {"replay", R"({"ok":true,"count":2})"},
                                       {"drop", R"({"ok":true,"count":1})"},
                                       {"trace", R"({"ok":true,"events":[]})"},
                                       {"customer", R"({"ok":true,"customer":{"following":true}})"},
                                       {"jobs", R"({"ok":true,"jobs":[]})"},
                                       {"pause", R"({"ok":true})"},
                                       {"resume", R"({"ok":true})"}});
  struct Case {
    std::string arguments;
    json question;
    std::string says;
  };
  const std::vector<Case> cases{
      {"queues", {{"cmd", "queues"}}, "no workers connected"},
      {"list relay",
       {{"cmd", "list"}, {"queue", "relay"}, {"state", "dead"}, {"limit", 20}},
       "no such events"},
      {"list --queue notifier --state waiting --limit 5",
       {{"cmd", "list"}, {"queue", "notifier"}, {"state", "waiting"}, {"limit", 5}},
       "no such events"},
      {"show 42", {{"cmd", "show"}, {"id", 42}}, "\"id\": 42"},
      {"replay 42", {{"cmd", "replay"}, {"id", 42}}, "2 events replayed"},
      {"replay relay", {{"cmd", "replay"}, {"queue", "relay"}}, "2 events replayed"},
      {"trace 42", {{"cmd", "trace"}, {"what", "42"}, {"limit", 20}}, "no such events"},
      {"customer oA", {{"cmd", "customer"}, {"openid", "oA"}}, "follows            yes"},
      {"jobs", {{"cmd", "jobs"}}, "no replays"},
      {"drop 7", {{"cmd", "drop"}, {"id", 7}}, "1 event dropped"},
      {"pause relay", {{"cmd", "pause"}, {"queue", "relay"}}, "relay paused"},
      {"resume relay", {{"cmd", "resume"}, {"queue", "relay"}}, "relay resumed"},
  };
  for (const Case& one : cases) {
    CAPTURE(one.arguments);
    const Run run = kefuctl(gateway.connect() + one.arguments);
    CHECK(run.status == 0);
    CHECK(gateway.asked() == one.question);
    CHECK(contains(run.output, one.says));
  }
}

TEST_CASE("quarantined pushes are listed, shown whole and submitted") {
  AdminStub gateway(AdminStub::Answers{
      {"quarantine",
       R"({"ok":true,"waiting":1,"next":null,"pushes":[{"id":7,"at":1700000000000,"source":"wechat",
           "class":"undecryptable","reason":"wrong \u001b[31mpadding","bytes":900,"can_be_submitted":true,"submitted_at":null}]})"},
      {"quarantine_submit",
       R"({"ok":true,"submitted":20,"duplicates":1,"failed":[{"reason":"wrong padding","count":3}],"next":null})"}});
  const Run list = kefuctl(gateway.connect() + "quarantine --class undecryptable");
  CHECK(list.status == 0);
  CHECK(gateway.asked() == json{{"cmd", "quarantine"}, {"class", "undecryptable"}, {"limit", 100}});
  CHECK(contains(list.output, "undecryptable"));
  CHECK(contains(list.output, "1 waits to be submitted"));
  CHECK_FALSE(contains(list.output, "\x1b"));
  kefuctl(gateway.connect() + "quarantine 7");
  CHECK(gateway.asked() == json{{"cmd", "quarantine"}, {"id", 7}});
  const Run submit = kefuctl(gateway.connect() + "quarantine submit");
  CHECK(submit.status == 1);
  CHECK(gateway.asked() == json{{"cmd", "quarantine_submit"}});
  CHECK(contains(submit.output, "20 pushes submitted, 1 were there already"));
  CHECK(contains(submit.output, "3 still cannot be delivered: wrong padding"));
  kefuctl(gateway.connect() + "quarantine submit 7");
  CHECK(gateway.asked() == json{{"cmd", "quarantine_submit"}, {"id", 7}});
}

TEST_CASE("--json prints the answer as it came, wherever the flag stands") {
  AdminStub gateway(AdminStub::Answers{{"queues", R"({"ok":true,"queues":[{"name":"relay"}]})"}});
  const std::string whole = "{\"ok\":true,\"queues\":[{\"name\":\"relay\"}]}\n";
  CHECK(kefuctl(gateway.connect() + "--json queues").output == whole);
  CHECK(kefuctl("queues --json " + gateway.connect()).output == whole);
}

TEST_CASE("the address may come from the environment") {
  AdminStub gateway(AdminStub::Answers{{"pause", R"({"ok":true})"}});
  const std::string address = gateway.connect().substr(std::string("--connect ").size());
  setenv("KEFU_ADMIN_CONNECT", address.substr(0, address.size() - 1).c_str(), 1);
  const Run run = kefuctl("pause relay");
  unsetenv("KEFU_ADMIN_CONNECT");
  CHECK(run.status == 0);
}

TEST_CASE("a refusal ends with status 1 and the gateway's reason") {
  AdminStub gateway(AdminStub::Answers{});
  const Run run = kefuctl(gateway.connect() + "show 1");
  CHECK(run.status == 1);
  CHECK(contains(run.output, "no such thing"));
}

TEST_CASE("a silent gateway ends with status 3 and says what to check") {
  zmq::context_t context;
  zmq::socket_t nobody(context, ZMQ_REP);  // bound, so that no other program has the port; never answers
  nobody.bind("tcp://127.0.0.1:*");
  const std::string address = nobody.get(zmq::sockopt::last_endpoint);
  const Run run = kefuctl("--timeout 100 queues --connect " + address);
  CHECK(run.status == 3);
  CHECK(contains(run.output, address));
  CHECK(contains(run.output, "KEFU_ADMIN_LISTEN"));
}

TEST_CASE("wrong usage ends with status 2") {
  CHECK(kefuctl("").status == 2);
  CHECK(kefuctl("dance").status == 2);
  CHECK(kefuctl("show").status == 2);
  CHECK(kefuctl("show seven").status == 2);
  CHECK(kefuctl("--connect nonsense queues").status == 2);
  CHECK(kefuctl("tap --tap-connect nonsense").status == 2);
  CHECK(kefuctl("--check-config --connect nonsense").status == 2);
}

TEST_CASE("help, version and a good configuration end with status 0") {
  CHECK(kefuctl("--help").status == 0);
  CHECK(contains(kefuctl("--help").output, "Examples:"));
  CHECK(kefuctl("--version").output == "kefuctl " KEFU_VERSION "\n");
  CHECK(kefuctl("--check-config").status == 0);
}

TEST_CASE("tap prints the steps that fit its filter and stops after as many as asked") {
  zmq::context_t context;
  zmq::socket_t tap(context, ZMQ_XPUB);  // XPUB tells when the subscription is there
  tap.set(zmq::sockopt::linger, 1000);
  tap.set(zmq::sockopt::rcvtimeo, 20'000);
  tap.bind("tcp://127.0.0.1:*");
  const std::string address = tap.get(zmq::sockopt::last_endpoint);

  Run run;
  std::thread watcher(
      [&] { run = kefuctl("--json tap --queue relay --customer oA --count 2 --tap-connect " + address); });
  zmq::message_t subscription;
  const bool subscribed = tap.recv(subscription, zmq::recv_flags::none).has_value();
  for (const auto& [step, customer] : {std::pair{"accepted", "oA"}, {"accepted", "oB"}, {"done", "oA"}}) {
    const json body{{"queue", "relay"}, {"step", step}, {"customer", customer}};
    tap.send(zmq::buffer(std::string("relay.") + step + "." + customer), zmq::send_flags::sndmore);
    tap.send(zmq::buffer(body.dump()), zmq::send_flags::sndmore);
    tap.send(zmq::buffer(std::string("protobuf")), zmq::send_flags::none);
  }
  watcher.join();
  CHECK(subscribed);
  CHECK(subscription.to_string() == "\x01relay.");
  CHECK(run.status == 0);
  CHECK(run.output ==
        "{\"customer\":\"oA\",\"queue\":\"relay\",\"step\":\"accepted\"}\n"
        "{\"customer\":\"oA\",\"queue\":\"relay\",\"step\":\"done\"}\n");
}

TEST_CASE("health of a page that is not there ends with status 1") {
  const Run run = kefuctl("health http://127.0.0.1:1/readyz");
  CHECK(run.status == 1);
  CHECK(contains(run.output, "127.0.0.1:1"));
}

TEST_CASE("health tells scripts in JSON what it tells people in words, with the same exit status") {
  const Run run = kefuctl("--json health http://127.0.0.1:1/readyz");
  CHECK(run.status == 1);
  const auto told = nlohmann::json::parse(run.output, nullptr, false);
  REQUIRE(told.is_object());
  CHECK(told["ok"] == false);
  CHECK(told["pages"][0]["url"] == "http://127.0.0.1:1/readyz");
  CHECK(told["pages"][0]["status"] == 0);
}

TEST_CASE("the help of check names the exit status that wrong usage has") {
  const Run help = kefuctl("check --help");
  CHECK(contains(help.output, "3 UNKNOWN; wrong usage is\n3, too"));
  CHECK(kefuctl("check --no-such-option").status == 3);
}

TEST_CASE("what strangers wrote steers no terminal, in JSON neither") {
  AdminStub gateway(AdminStub::Answers{
      {"show", "{\"ok\":true,\"event\":{\"id\":7,\"content\":\"\\u001b[2J\xc2\x9b\u202e\"}}"}});
  for (const auto* options : {"show 7", "--json show 7"}) {
    const Run run = kefuctl(gateway.connect() + options);
    CHECK(run.status == 0);
    CHECK(contains(run.output, R"(\u001b[2J\u009b\u202e)"));
  }
}

TEST_CASE("check tells monitoring in one line and its exit status how the queues are") {
  AdminStub gateway(AdminStub::Answers{
      {"queues",
       R"({"ok":true,"queues":[{"name":"relay","dead":12,"workers":[{"id":"w1"}]},{"name":"notifier","workers":[]}]})"}});
  CHECK(kefuctl(gateway.connect() + "check").status == 2);
  CHECK(kefuctl(gateway.connect() + "check relay").status == 1);
  CHECK(kefuctl(gateway.connect() + "check relay --dead-crit 12").status == 2);
  CHECK(kefuctl(gateway.connect() + "check relay --dead-warn 13").status == 0);
  CHECK(kefuctl(gateway.connect() + "check --dead-warn many").status == 3);
  const Run run = kefuctl(gateway.connect() + "check relay");
  CHECK(run.output.starts_with("KEFU WARNING - relay: 12 dead | relay_dead=12;1;100 "));
  CHECK(std::count(run.output.begin(), run.output.end(), '\n') == 1);
}

TEST_CASE("check is critical when the gateway does not answer, unknown when the address cannot be one") {
  const Run run = kefuctl("check --timeout 100 --connect tcp://127.0.0.1:1");
  CHECK(run.status == 2);
  CHECK(run.output.starts_with("KEFU CRITICAL - no answer from the gateway at tcp://127.0.0.1:1"));
  CHECK(kefuctl("check --connect nonsense").status == 3);
}

TEST_CASE("explain needs no gateway, and takes negative codes, too") {
  CHECK(contains(kefuctl("explain 45015").output, "WeChat, code 45015: wait_for_customer"));
  CHECK(contains(kefuctl("explain -1").output, "WeChat is busy"));
  CHECK(json::parse(kefuctl("--json explain 40001 --cloud im").output)["errors"][0]["class"] == "dead");
  CHECK(contains(kefuctl("explain").output, "unknown_outcome"));
  CHECK(kefuctl("explain nonsense").status == 2);
  CHECK(kefuctl("explain 1 2").status == 2);
}

TEST_CASE("top draws a terminal again and again and leaves it as it was") {
  AdminStub gateway(AdminStub::Answers{{"queues", kQueues}});
  InTerminal top(
      {"--connect", gateway.address(), "--tap-connect", "tcp://127.0.0.1:1", "top", "--interval", "0.1"});
  REQUIRE(top.shows("\x1b[?1049h"));
  REQUIRE(top.shows("NEWEST FAILURES"));
  REQUIRE(top.shows("\x1b[J\x1b[H"));  // the second frame stands where the first one stood
  CHECK_FALSE(top.echoes());
  SUBCASE("q") {
    top.press('q');
  }
  SUBCASE("Ctrl-C") {
    top.press('\x03');
  }
  SUBCASE("SIGTERM") {
    top.signal(SIGTERM);
  }
  CHECK(top.shows("\x1b[?25h\x1b[?1049l"));
  CHECK(top.wait() == 0);
  CHECK(top.echoes());
}

TEST_CASE("without a terminal top prints frames without control characters") {
  AdminStub gateway(AdminStub::Answers{{"queues", kQueues}});
  const std::string where = gateway.connect() + "--tap-connect tcp://127.0.0.1:1 ";
  const Run run = kefuctl(where + "top --count 2 --interval 0.1");
  CHECK(run.status == 0);
  CHECK_FALSE(contains(run.output, "\x1b"));
  const auto first = run.output.find("NEWEST FAILURES");
  REQUIRE(first != std::string::npos);
  CHECK(run.output.find("NEWEST FAILURES", first + 1) != std::string::npos);
  const json told = json::parse(kefuctl(where + "--json top --count 1").output);
  CHECK(told["queues"][0]["name"] == "relay");
  CHECK(kefuctl("top --count 1 --timeout 50 --connect tcp://127.0.0.1:1").status == 3);
}

TEST_CASE("replay waits for the gateway's job, unless told not to, and says when it was lost") {
  AdminStub::Answers answers{
      {"replay", R"({"ok":true,"count":500,"job":1})"},
      {"jobs",
       R"({"ok":true,"jobs":[{"id":1,"queue":"relay","total":500,"replayed":499,"finished_at":5}]})"}};
  {
    AdminStub gateway(answers);
    const Run run = kefuctl(gateway.connect() + "replay relay");
    CHECK(run.status == 0);
    CHECK(run.output == "499 events replayed\n");
    CHECK(kefuctl(gateway.connect() + "replay relay --no-wait").output ==
          "500 events to be replayed by job 1\n");
  }
  answers["jobs"] = R"({"ok":true,"jobs":[]})";
  AdminStub restarted(answers);
  const Run run = kefuctl(restarted.connect() + "replay relay");
  CHECK(run.status == 1);
  CHECK(contains(run.output, "the gateway was restarted"));
}
