// Distinct types for distinct ids: none converts into another by accident.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

namespace kefu {

template <class Tag>
struct TextId {
  std::string value;

  TextId() = default;
  explicit TextId(std::string text) : value(std::move(text)) {}
  bool empty() const { return value.empty(); }
  auto operator<=>(const TextId&) const = default;
};

using OpenId = TextId<struct OpenIdTag>;      // a customer of one Official Account
using ImUserId = TextId<struct ImUserIdTag>;  // an account in Tencent IM: 1..32 of [A-Za-z0-9_-]
using WorkerId = TextId<struct WorkerIdTag>;  // one run of one worker process

// Rises in the order of acceptance; 0 is no event.
struct EventId {
  std::uint64_t value = 0;
  auto operator<=>(const EventId&) const = default;
};

// Names one delivery of one event; unique over restarts. 0 is no delivery.
struct Lease {
  std::uint64_t value = 0;
  auto operator<=>(const Lease&) const = default;
};

// Same key, same push. See lib/wechat/push.h and lib/im/callback.h for what goes in.
struct DedupKey {
  std::array<std::byte, 16> value{};
  auto operator<=>(const DedupKey&) const = default;
};

// True for 1..32 characters of [A-Za-z0-9_-]: what Tencent IM surely takes as UserID, and what every openid
// is.
bool is_plain_account_id(std::string_view text);

}  // namespace kefu

template <class Tag>
struct std::hash<kefu::TextId<Tag>> {
  std::size_t operator()(const kefu::TextId<Tag>& id) const noexcept {
    return std::hash<std::string>{}(id.value);
  }
};
template <>
struct std::hash<kefu::EventId> {
  std::size_t operator()(kefu::EventId id) const noexcept { return std::hash<std::uint64_t>{}(id.value); }
};
