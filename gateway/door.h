// A ZeroMQ socket of the gateway's to which others connect: how it is opened, and what comes in through it.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace zmq {
class socket_t;
}

namespace kefu {

// Binds `socket` to tcp://host:port (IPv6 in brackets; * for every address) or ipc:///path. The file of an
// ipc endpoint is for our user alone from its first moment; one that a killed gateway left is replaced,
// another file is not. Gives the endpoint as it is. Throws std::runtime_error that names the setting.
// REQUIRES: no other thread makes files meanwhile.
std::string open_door(zmq::socket_t& socket, const std::string& endpoint, const std::string& setting);

// One message, whole.
struct Incoming {
  std::vector<std::string> frames;
  int connection = -1;    // its descriptor; -1: unknown
  std::size_t bytes = 0;  // of all frames
};
// What waits; nothing when nothing does. Of a message with more frames than anybody sends the rest is thrown
// away: it has kFramesMax + 1 then.
inline constexpr std::size_t kFramesMax = 16;
std::optional<Incoming> receive(zmq::socket_t& socket);

// A question to a ROUTER as a REQ socket asks it.
struct Question {
  std::vector<std::string> envelope;  // comes before the answer, unchanged
  std::vector<std::string> frames;    // one, if the asker knows what it does
};
// No value: nobody can be answered, for there is no empty frame before the question.
std::optional<Question> question_of(Incoming incoming);
// False: the asker is gone, or does not read.
bool answer_to(zmq::socket_t& router, const std::vector<std::string>& envelope, const std::string& answer);

}  // namespace kefu
