#include "gateway/door.h"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <zmq.hpp>

#include "lib/base/digest.h"

using namespace kefu;

namespace {

struct Sockets {
  zmq::context_t context{1};
  zmq::socket_t door{context, zmq::socket_type::router};
  zmq::socket_t peer{context, zmq::socket_type::dealer};
  std::string folder = (std::filesystem::temp_directory_path() / ("kefu-" + random_hex(8))).string();

  Sockets() {
    std::filesystem::create_directories(folder);
    door.set(zmq::sockopt::linger, 0);
    door.set(zmq::sockopt::rcvtimeo, 30'000);
    peer.set(zmq::sockopt::linger, 0);
    peer.set(zmq::sockopt::ipv6, true);
  }
  ~Sockets() { std::filesystem::remove_all(folder); }
  std::string file() const { return folder + "/door"; }

  // Whether a word from there comes in.
  bool hears(const std::string& endpoint) {
    peer.connect(endpoint);
    peer.send(zmq::str_buffer("hello"), zmq::send_flags::none);
    zmq::pollitem_t item{door.handle(), 0, ZMQ_POLLIN, 0};
    zmq::poll(&item, 1, std::chrono::seconds(30));
    const auto incoming = receive(door);
    return incoming && incoming->frames.back() == "hello";
  }
};

bool has_ipv6() {
  return std::filesystem::exists("/proc/net/if_inet6");
}

std::optional<Question> asked(std::vector<std::string> frames) {
  Incoming incoming;
  incoming.frames = std::move(frames);
  return question_of(std::move(incoming));
}

using Frames = std::vector<std::string>;

}  // namespace

TEST_CASE("the file of an ipc door is for our user alone") {
  Sockets sockets;
  CHECK(open_door(sockets.door, "ipc://" + sockets.file(), "A_SETTING") == "ipc://" + sockets.file());
  struct stat found {};
  REQUIRE(::stat(sockets.file().c_str(), &found) == 0);
  CHECK((found.st_mode & 0777) == 0600);
  CHECK(sockets.hears("ipc://" + sockets.file()));
}

TEST_CASE("an ipc door replaces the file of a gateway that was killed, and no other") {
  Sockets sockets;
  SUBCASE("a socket") {
    {
      zmq::context_t other;
      zmq::socket_t killed(other, zmq::socket_type::router);
      killed.set(zmq::sockopt::linger, 0);
      killed.bind("ipc://" + sockets.file() + "-first");
      std::filesystem::create_hard_link(sockets.file() + "-first", sockets.file());
    }
    REQUIRE(std::filesystem::is_socket(sockets.file()));
    open_door(sockets.door, "ipc://" + sockets.file(), "A_SETTING");
    CHECK(sockets.hears("ipc://" + sockets.file()));
  }
  SUBCASE("somebody's file") {
    std::ofstream(sockets.file()) << "precious";
    CHECK_THROWS_WITH(
        open_door(sockets.door, "ipc://" + sockets.file(), "A_SETTING"),
        ("A_SETTING: cannot listen on ipc://" + sockets.file() + ": there is a file of another kind")
            .c_str());
    CHECK(std::filesystem::file_size(sockets.file()) == 8);
  }
}

TEST_CASE("a door may be on IPv6") {
  if (!has_ipv6()) return;
  Sockets sockets;
  SUBCASE("loopback") {
    const auto endpoint = open_door(sockets.door, "tcp://[::1]:*", "A_SETTING");
    CHECK(sockets.hears(endpoint));
  }
  SUBCASE("every address, of IPv4 too") {
    auto endpoint = open_door(sockets.door, "tcp://[::]:*", "A_SETTING");
    const auto port = endpoint.substr(endpoint.rfind(':'));
    CHECK(sockets.hears("tcp://127.0.0.1" + port));
    CHECK(sockets.hears("tcp://[::1]" + port));
  }
}

TEST_CASE("what is no question of a REQ socket has nobody to be answered") {
  CHECK_FALSE(asked({}));
  CHECK_FALSE(asked({"id"}));
  CHECK_FALSE(asked({"id", "no delimiter"}));
  CHECK_FALSE(asked(Frames(kFramesMax + 1, "")));
  const auto plain = asked({"id", "", "question"});
  REQUIRE(plain);
  CHECK(plain->envelope == Frames{"id", ""});
  CHECK(plain->frames == Frames{"question"});
  const auto through_a_proxy = asked({"proxy", "id", "", "question"});
  REQUIRE(through_a_proxy);
  CHECK(through_a_proxy->envelope == Frames{"proxy", "id", ""});
  CHECK(asked({"id", ""})->frames.empty());
  CHECK(asked({"id", "", "", "two"})->frames == Frames{"", "two"});
}

TEST_CASE("of a message with very many frames no more are kept than tell that it is no good") {
  Sockets sockets;
  const auto endpoint = open_door(sockets.door, "tcp://127.0.0.1:*", "A_SETTING");
  sockets.peer.connect(endpoint);
  for (int i = 0; i < 1000; ++i) sockets.peer.send(zmq::str_buffer("x"), zmq::send_flags::sndmore);
  sockets.peer.send(zmq::str_buffer("x"), zmq::send_flags::none);
  sockets.peer.send(zmq::str_buffer("next"), zmq::send_flags::none);
  zmq::pollitem_t item{sockets.door.handle(), 0, ZMQ_POLLIN, 0};
  zmq::poll(&item, 1, std::chrono::seconds(30));
  CHECK(receive(sockets.door)->frames.size() == kFramesMax + 1);
  zmq::poll(&item, 1, std::chrono::seconds(30));
  CHECK(receive(sockets.door)->frames.back() == "next");
}
