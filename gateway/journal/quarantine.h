// Pushes and callbacks that made no event, or not the whole of one: kept so that people can look at them and,
// where that makes sense, submit them again.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "lib/base/clock.h"

namespace kefu {

// The numbers are in the journal.
enum class QuarantineClass : std::uint8_t {
  undecryptable = 1,     // it was signed with our token, and no key of ours opens it
  not_understood = 2,    // it says nothing that we understand
  unknown_agent = 3,     // somebody who is not in IM_AGENTS wrote to a customer
  unknown_customer = 4,  // an agent wrote to somebody whom the journal does not know
  left_out = 5,          // it became an event, but not all of it could be carried over
  informational = 6,     // it is nothing to be delivered
};
inline constexpr std::array kQuarantineClasses{
    QuarantineClass::undecryptable,    QuarantineClass::not_understood, QuarantineClass::unknown_agent,
    QuarantineClass::unknown_customer, QuarantineClass::left_out,       QuarantineClass::informational};

// "undecryptable", "not_understood", …
std::string_view name(QuarantineClass kind);

// Submitting it again can make an event of it once the cause is mended; others are kept to be looked at.
constexpr bool can_be_submitted(QuarantineClass kind) {
  return kind != QuarantineClass::left_out && kind != QuarantineClass::informational;
}

// Of every class but undecryptable so many rows are kept at most, all together, and so many bytes of each
// body: what was refused must not fill the disk. What could not be opened is kept whole for a day at least.
inline constexpr std::size_t kQuarantineRowsMax = 10'000;
inline constexpr std::size_t kQuarantineBodyBytesMax = 64 << 10;
inline constexpr Millis kQuarantineKeptFor = std::chrono::hours(24);

struct QuarantinedPush {
  std::uint64_t id = 0;  // rises in the order of arrival; 0: not kept yet
  Timestamp at{};
  std::string source;  // "wechat", "im"
  QuarantineClass kind = QuarantineClass::not_understood;
  std::string reason;
  // Parameters of the request's address that are needed to take it again; never a secret.
  std::map<std::string, std::string> query{};
  std::string body{};
  std::size_t body_bytes = 0;  // before it was cut
  Timestamp submitted_at{};    // 0: not yet

  // REQUIRES: the row was read with its body.
  bool is_cut() const { return body_bytes > body.size(); }
};

// Which rows are wanted, in the order of ids.
struct QuarantineFilter {
  std::uint64_t after = 0;                // ids from the next one on
  std::string source{};                   // empty: any
  std::optional<QuarantineClass> kind{};  // none: any
  bool submitted = false;                 // those that were submitted, too
};

// Rows that can be submitted and were not, by source and class.
using QuarantineCounts = std::map<std::pair<std::string, QuarantineClass>, std::uint64_t>;

}  // namespace kefu
