// Pushes as WeChat sends them, or callbacks as Tencent IM does, made whole before the clock starts: sending
// one costs the generator no more than a write.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/wechat/envelope.h"

namespace kefu::bench {

struct PushOptions {
  std::string token = "benchtoken";
  std::string app_id = "wx0000000000000000";
  std::optional<wechat::AesKey> aes_key{};  // set: safe mode
  std::uint64_t first_id = 1;               // MsgId; each push has the next one
  std::size_t count = 0;
  std::size_t customers = 4000;  // take turns
  bool keep_alive = true;        // false: the request says `Connection: close`
  bool callbacks = false;        // callbacks after an agent's message, with MsgKeys that begin with the ids
  std::string sdk_app_id = "1400000001";  // of callbacks, as all below
  std::string callback_token = "benchcb";
  std::string agent = "agent1";
};

// HTTP requests, one behind the other in memory.
class Pushes {
 public:
  explicit Pushes(const PushOptions& options);

  std::size_t size() const { return ends_.size(); }
  std::string_view operator[](std::size_t push) const {
    const auto begin = push == 0 ? 0 : ends_[push - 1];
    return std::string_view(bytes_).substr(begin, ends_[push] - begin);
  }
  std::uint64_t id(std::size_t push) const { return first_id_ + push; }

 private:
  std::uint64_t first_id_;
  std::string bytes_;
  std::vector<std::size_t> ends_;
};

}  // namespace kefu::bench
