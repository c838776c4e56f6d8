#include "gateway/worker_words.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "lib/base/clock.h"
#include "lib/base/limits.h"
#include "lib/base/utf8.h"

namespace kefu {
namespace {

constexpr std::size_t kImAccountBytesMax = 32;  // reference: IM, UserID

// The beginning of it that fits, cut between characters.
std::string beginning(std::string_view text, std::size_t bytes_max) {
  auto clean = clean_utf8(text.substr(0, bytes_max + 1));
  if (clean.size() <= bytes_max) return clean;
  return split_utf8(clean, bytes_max).front();
}

bool is_printable(std::string_view text) {
  return std::none_of(text.begin(), text.end(), [](char c) { return (c >= 0 && c < ' ') || c == '\x7F'; });
}

// Oldest first: what is cut off the next sweep finds.
void cut_found(v1::Verdict& verdict) {
  std::size_t bytes = 0;
  int keep = 0;
  for (const auto& found : verdict.found()) {
    bytes += found.ByteSizeLong();
    if (bytes > limits::kFoundBytesMax || keep == static_cast<int>(limits::kFoundMax)) break;
    ++keep;
  }
  verdict.mutable_found()->DeleteSubrange(keep, verdict.found_size() - keep);
}

}  // namespace

std::string problem_with(const v1::Hello& hello) {
  if (hello.protocol() != limits::kProtocolVersion) {
    return "this gateway (" KEFU_VERSION ") speaks queue protocol " +
           std::to_string(limits::kProtocolVersion) + ", the worker (" +
           beginning(hello.version(), limits::kVersionBytesMax) + ") " + std::to_string(hello.protocol()) +
           ": upgrade the older one";
  }
  if (hello.queue() != v1::QUEUE_RELAY && hello.queue() != v1::QUEUE_NOTIFIER)
    return "the worker names no queue of this gateway";
  const auto& name = hello.worker_id();
  if (name.empty() || name.size() > limits::kWorkerNameBytesMax || !is_printable(name))
    return "the worker must name itself, in 1 to " + std::to_string(limits::kWorkerNameBytesMax) +
           " bytes without control characters";
  if (hello.slots() == 0) return "the worker must have a slot at least";
  return {};
}

v1::Verdict within_limits(v1::Verdict verdict) {
  verdict.set_after_ms(std::clamp<std::int64_t>(verdict.after_ms(), 0, Millis(limits::kAfterMax).count()));
  verdict.set_progress(std::min(verdict.progress(), limits::kPartsMax));
  verdict.set_reason(beginning(verdict.reason(), limits::kReasonBytesMax));
  verdict.set_left_out(beginning(verdict.left_out(), limits::kLeftOutBytesMax));
  if (verdict.account().im_user().size() > kImAccountBytesMax) verdict.clear_account();
  cut_found(verdict);
  return verdict;
}

}  // namespace kefu
