// The gateway's three ZeroMQ doors, and strangers who misuse them.
#include <doctest/doctest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>
#include <zmq.hpp>

#include "tests/process/stack.h"
#include "tests/raw_peer.h"

using namespace kefu::test;

namespace {

bool cut(Stack& stack, const std::string& door, const std::string& why) {
  return stack.ops("/metrics")
             .body.find("kefu_connections_cut_total{door=\"" + door + "\",why=\"" + why + "\"}") !=
         std::string::npos;
}

std::size_t resident_kib(pid_t process) {
  std::ifstream status("/proc/" + std::to_string(process) + "/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmHWM:")) return std::stoul(line.substr(6));
  }
  return 0;
}

// A message goes all the way, and questions are answered.
void check_works(Stack& stack) {
  const auto before = stack.clouds.count("sendmsg");
  CHECK(stack.say("oAlice", "hello").status == 200);
  stack.clouds.wait_for("sendmsg", before + 1);
  CHECK(stack.ask({{"cmd", "queues"}})["ok"] == true);
}

}  // namespace

TEST_CASE("doors: messages without an end and endless subscriptions are cut before they fill the memory") {
  Stack stack;
  stack.start_all();
  const std::string part(64 << 10, 'x');
  for (const int port : {stack.queue_port(), stack.admin_port()}) {
    const RawPeer peer(port, "DEALER");
    int parts = 0;
    while (parts < 20'000 && peer.send_frame(part, true)) ++parts;
    CHECK(parts < 20'000);
  }
  const RawPeer watcher(stack.tap_port(), "SUB");
  int subscriptions = 0;
  while (subscriptions < 200'000 &&
         watcher.send_frame("\x01" + std::to_string(subscriptions) + std::string(1000, 'x'), false))
    ++subscriptions;
  CHECK(subscriptions < 200'000);
  CHECK(RawPeer(stack.tap_port(), "SUB").send_frame("\x01" + std::string(2000, 'x'), false));
  for (const auto* door : {"queue", "admin", "tap"}) {
    CAPTURE(door);
    CHECK(eventually([&] { return cut(stack, door, "unfinished"); }));
  }
  CHECK(resident_kib(stack.gateway->pid()) < 600 << 10);
  check_works(stack);
}

TEST_CASE("doors: more connections than descriptors neither end the gateway nor keep others out") {
  Stack stack;
  stack.start_all();
  rlimit limit{};
  REQUIRE(::prlimit(stack.gateway->pid(), RLIMIT_NOFILE, nullptr, &limit) == 0);
  limit.rlim_cur = 160;
  REQUIRE(::prlimit(stack.gateway->pid(), RLIMIT_NOFILE, &limit, nullptr) == 0);
  {
    std::vector<RawPeer> peers;
    peers.reserve(300);
    for (int i = 0; i < 300; ++i) peers.emplace_back(i % 2 == 0 ? stack.queue_port() : stack.tap_port());
    CHECK(eventually([&] { return cut(stack, "queue", "too_many") && cut(stack, "tap", "too_many"); }));
    check_works(stack);
  }
  check_works(stack);
  CHECK(stack.gateway->running());
}

TEST_CASE("doors: whatever comes in at the admin socket, questions are answered") {
  Stack stack;
  stack.start_gateway();
  const RawPeer noise(stack.admin_port());
  noise.send(std::string(10'000, '\xA5'));
  CHECK(noise.hangs_up());
  zmq::context_t context;
  zmq::socket_t dealer(context, zmq::socket_type::dealer);
  dealer.set(zmq::sockopt::linger, 0);
  dealer.set(zmq::sockopt::rcvtimeo, 30'000);
  dealer.connect("tcp://127.0.0.1:" + std::to_string(stack.admin_port()));
  const auto send = [&](const std::vector<std::string>& frames) {
    for (std::size_t i = 0; i < frames.size(); ++i)
      dealer.send(zmq::buffer(frames[i]),
                  i + 1 < frames.size() ? zmq::send_flags::sndmore : zmq::send_flags::none);
  };
  const std::string question = R"({"cmd":"queues"})";
  send({question});                            // no delimiter: nobody to be answered
  send({std::string("\0\xFF", 2), "x", "y"});  // nor here
  send(std::vector<std::string>(40, ""));
  send({"", question, question});
  send({"", "\xFF\xFE{"});
  send({"", question});
  const auto answer = [&] {
    zmq::message_t delimiter;
    zmq::message_t text;
    REQUIRE(dealer.recv(delimiter));
    CHECK(delimiter.size() == 0);
    REQUIRE(dealer.recv(text));
    return nlohmann::json::parse(text.to_string());
  };
  CHECK(answer()["error"] == "a question is one frame");
  CHECK(answer()["ok"] == false);
  CHECK(answer()["ok"] == true);
  CHECK(stack.ask({{"cmd", "queues"}})["ok"] == true);
  CHECK(stack.ops("/metrics").body.find("kefu_rejected_total{reason=\"admin_frame\"} 3") !=
        std::string::npos);
}

TEST_CASE("doors: names of a megabyte are refused and not remembered") {
  Stack stack;
  stack.start_gateway();
  const auto hello = [](const std::string& name) {
    const auto length = [](std::size_t size) {
      std::string text;
      for (; size > 0x7F; size >>= 7) text += static_cast<char>((size & 0x7F) | 0x80);
      return text + static_cast<char>(size);
    };
    // FromWorker.hello: protocol 1, worker_id, queue 1, slots 1.
    const std::string inside = "\x08\x01\x12" + length(name.size()) + name + "\x18\x01\x20\x01";
    return "\x0A" + length(inside.size()) + inside;
  };
  {
    std::vector<RawPeer> peers;
    peers.reserve(30);
    for (int i = 0; i < 30; ++i) {
      peers.emplace_back(stack.queue_port(), "DEALER");
      peers.back().send_frame(hello(std::to_string(i) + std::string(1'000'000, 'w')), false);
    }
    CHECK(eventually([&] {
      return stack.ops("/metrics").body.find("kefu_rejected_total{reason=\"worker_refused\"} 30") !=
             std::string::npos;
    }));
  }
  CHECK(stack.queue("relay")["workers"].empty());
  CHECK(std::filesystem::file_size(stack.data_folder() + "/data/journal.db-wal") < 2 << 20);
}

TEST_CASE("doors: all three may be files that our user alone may use, also after a kill") {
  Stack stack;
  const std::string folder = stack.data_folder();
  const std::string queue = "ipc://" + folder + "/queue";
  stack.gateway_settings = {{"KEFU_QUEUE_LISTEN", queue},
                            {"KEFU_TAP_LISTEN", "ipc://" + folder + "/tap"},
                            {"KEFU_ADMIN_LISTEN", "ipc://" + folder + "/admin"}};
  stack.start_gateway();
  stack.gateway->kill();
  stack.start_gateway();
  for (const auto* name : {"/queue", "/tap", "/admin"}) {
    struct stat found {};
    REQUIRE(::stat((folder + name).c_str(), &found) == 0);
    CHECK((found.st_mode & 0777) == 0600);
  }
  auto environment = stack.environment("relay", free_port());
  environment["KEFU_QUEUE_CONNECT"] = queue;
  Process relay("kefu-relay", environment);
  CHECK(stack.say("oAlice", "hello").status == 200);
  stack.clouds.wait_for("sendmsg", 1);
  Process kefuctl("kefuctl", {}, {"--connect", "ipc://" + folder + "/admin", "queues"});
  CHECK(kefuctl.wait() == 0);
}

TEST_CASE("doors: all three may be on IPv6, and the admin socket may be closed") {
  if (!std::filesystem::exists("/proc/net/if_inet6")) return;
  Stack stack;
  const auto endpoint = [](int port) { return "tcp://[::1]:" + std::to_string(port); };
  stack.gateway_settings = {{"KEFU_QUEUE_LISTEN", endpoint(stack.queue_port())},
                            {"KEFU_TAP_LISTEN", endpoint(stack.tap_port())},
                            {"KEFU_ADMIN_LISTEN", endpoint(stack.admin_port())}};
  stack.start_gateway();
  auto environment = stack.environment("relay", free_port());
  environment["KEFU_QUEUE_CONNECT"] = endpoint(stack.queue_port());
  Process relay("kefu-relay", environment);
  CHECK(stack.say("oAlice", "hello").status == 200);
  stack.clouds.wait_for("sendmsg", 1);
  Process kefuctl("kefuctl", {}, {"--connect", endpoint(stack.admin_port()), "queues"});
  CHECK(kefuctl.wait() == 0);
  Process tap("kefuctl", {}, {"--tap-connect", endpoint(stack.tap_port()), "tap"});
  CHECK(eventually([&] {
    stack.say("oAlice", "again");
    return tap.output().find("accepted") != std::string::npos || !tap.running();
  }));
  CHECK(tap.running());
  stack.gateway_settings["KEFU_ADMIN_LISTEN"] = "off";
  CHECK(stack.gateway->stop() == 0);
  stack.start_gateway();
  CHECK_FALSE(RawPeer(stack.admin_port()).connected());
}
