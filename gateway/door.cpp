#include "gateway/door.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <stdexcept>
#include <string_view>
#include <utility>
#include <zmq.hpp>

namespace kefu {
namespace {

constexpr std::string_view kIpc = "ipc://";
constexpr mode_t kForUsAlone = 0177;

// libzmq would unlink whatever has the path.
bool is_free(const std::string& path) {
  struct stat found {};
  return ::lstat(path.c_str(), &found) != 0 || S_ISSOCK(found.st_mode);
}

void bind(zmq::socket_t& socket, const std::string& endpoint) {
  const std::string_view address = std::string_view(endpoint).substr(std::min(endpoint.size(), kIpc.size()));
  const bool any_address = address.substr(0, 2) == "*:";
  socket.set(zmq::sockopt::ipv6, any_address || endpoint.find('[') != std::string::npos);
  if (!endpoint.starts_with(kIpc)) {
    socket.bind(endpoint);
    return;
  }
  if (!is_free(std::string(address))) throw std::runtime_error("there is a file of another kind");
  const mode_t before = ::umask(kForUsAlone);
  try {
    socket.bind(endpoint);
  } catch (...) {
    ::umask(before);
    throw;
  }
  ::umask(before);
}

// Nothing more of this message is kept.
void skip_rest(zmq::socket_t& socket) {
  zmq::message_t frame;
  while (socket.get(zmq::sockopt::rcvmore) != 0) static_cast<void>(socket.recv(frame, zmq::recv_flags::none));
}

bool take_frame(zmq::socket_t& socket, zmq::message_t& frame) {
  for (;;) {
    try {
      return socket.recv(frame, zmq::recv_flags::dontwait).has_value();
    } catch (const zmq::error_t& error) {
      if (error.num() != EINTR) throw;
    }
  }
}

}  // namespace

std::string open_door(zmq::socket_t& socket, const std::string& endpoint, const std::string& setting) {
  try {
    bind(socket, endpoint);
    return socket.get(zmq::sockopt::last_endpoint);
  } catch (const std::exception& error) {
    throw std::runtime_error(setting + ": cannot listen on " + endpoint + ": " + error.what());
  }
}

std::optional<Incoming> receive(zmq::socket_t& socket) {
  Incoming incoming;
  do {
    zmq::message_t frame;
    if (!take_frame(socket, frame)) return std::nullopt;
    incoming.bytes += frame.size();
    const auto* descriptor = ::zmq_msg_gets(frame.handle(), "__fd");
    if (descriptor) incoming.connection = std::atoi(descriptor);
    incoming.frames.push_back(frame.to_string());
    if (incoming.frames.size() > kFramesMax) skip_rest(socket);
  } while (socket.get(zmq::sockopt::rcvmore) != 0);
  return incoming;
}

std::optional<Question> question_of(Incoming incoming) {
  auto& frames = incoming.frames;
  if (frames.empty() || frames.size() > kFramesMax) return std::nullopt;
  const auto delimiter = std::find_if(std::next(frames.begin()), frames.end(),
                                      [](const std::string& frame) { return frame.empty(); });
  if (delimiter == frames.end()) return std::nullopt;
  const auto begin = std::next(delimiter);
  Question question;
  question.frames.assign(std::make_move_iterator(begin), std::make_move_iterator(frames.end()));
  frames.erase(begin, frames.end());
  question.envelope = std::move(frames);
  return question;
}

bool answer_to(zmq::socket_t& router, const std::vector<std::string>& envelope, const std::string& answer) {
  constexpr auto kFlags = zmq::send_flags::dontwait;
  try {
    for (const auto& frame : envelope) {
      if (!router.send(zmq::buffer(frame), kFlags | zmq::send_flags::sndmore)) return false;
    }
    return router.send(zmq::buffer(answer), kFlags).has_value();
  } catch (const zmq::error_t&) {
    return false;
  }
}

}  // namespace kefu
