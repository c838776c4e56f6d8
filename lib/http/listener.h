// A TCP socket that listens, and what comes to it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "lib/base/result.h"

namespace kefu::http {

struct Accepted {
  int socket = -1;             // the caller's from then on
  std::string remote_address;  // without the port
};

class Listener {
 public:
  // "127.0.0.1:8080", "[::1]:8080", "localhost:0". The error names the address.
  static Result<Listener> open(const std::string& address);
  Listener(Listener&& other) noexcept;
  Listener& operator=(Listener&& other) noexcept;
  ~Listener();  // refuses those who wait

  int descriptor() const { return descriptor_; }
  int port() const { return port_; }

  // Without waiting.
  enum class Came { one, none, no_room };  // no_room: descriptors or memory ran out; try again later
  Came accept(Accepted& to) const;

 private:
  Listener(int descriptor, int port) : descriptor_(descriptor), port_(port) {}

  int descriptor_;
  int port_;
};

}  // namespace kefu::http
