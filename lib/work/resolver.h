// From "tcp://gateway:5555" to the endpoints of every address that name has now.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace kefu::work {

// True: the host is an address already and needs no asking.
bool is_literal(const std::string& endpoint);

// Asks the system's resolver and may take seconds; empty when the name has no address now. IPv4 addresses if
// there are any, else IPv6.
std::vector<std::string> resolve(const std::string& endpoint);

// Asks again and again on a thread of its own; destroying it does not wait for a resolver that does not
// answer.
class NameWatch {
 public:
  explicit NameWatch(std::vector<std::string> endpoints);
  ~NameWatch();
  NameWatch(const NameWatch&) = delete;
  NameWatch& operator=(const NameWatch&) = delete;

  int descriptor() const;  // readable when take() has something
  // The addresses, when they have changed since the last call.
  std::optional<std::vector<std::string>> take();

 private:
  struct State;
  std::shared_ptr<State> state_;  // the thread's too, which may outlive us inside the system's resolver
};

}  // namespace kefu::work
