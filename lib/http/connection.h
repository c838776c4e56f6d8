// One accepted connection: buffered bytes with deadlines. Used by one thread.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

namespace kefu::http {

// Raised once, seen by every poll() at the same time.
class StopSignal {
 public:
  StopSignal();  // throws std::system_error when the system has no descriptor left
  ~StopSignal();
  StopSignal(const StopSignal&) = delete;
  StopSignal& operator=(const StopSignal&) = delete;

  void raise();
  bool raised() const { return raised_; }
  int descriptor() const { return descriptor_; }

 private:
  const int descriptor_;
  std::atomic<bool> raised_ = false;
};

class Connection {
 public:
  using Deadline = std::chrono::steady_clock::time_point;

  // Owns `socket`.
  Connection(int socket, std::string remote_address, const StopSignal& stop);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  int socket() const { return socket_; }
  bool stopping() const { return stop_.raised(); }
  const std::string& remote_address() const { return remote_address_; }

  // What has come and was not consumed; valid until the next call.
  std::string_view received() const { return std::string_view(in_).substr(consumed_); }
  void consume(std::size_t bytes);

  // Takes what has come, or a part of it, without waiting. `last_bytes`: and nothing more was there.
  enum class Came { bytes, last_bytes, nothing, farewell };
  Came receive_now();

  // Keeps the bytes for flush(), which sends them in one go.
  void write(std::string_view bytes) { out_ += bytes; }
  bool flush();
  // Without waiting. Some are left when the peer reads slowly; flush() sends them.
  enum class Flushed { all, some, failed };
  Flushed flush_now();

  bool peer_is_gone() const;

  // Tells the peer that no more comes from us. It may still send, and what it sends has to be read: closing
  // with bytes unread resets the connection and can take our answer with it.
  void end_sending() const;

 private:
  bool wait(short events, Deadline deadline) const;

  const int socket_;
  const StopSignal& stop_;
  const std::string remote_address_;
  std::string in_;
  std::size_t consumed_ = 0;
  std::string out_;
};

}  // namespace kefu::http
