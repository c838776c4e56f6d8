#include "gateway/notice.h"

#include <algorithm>
#include <array>
#include <cassert>

#include "lib/base/utf8.h"
#include "lib/wechat/errors.h"

namespace kefu {
namespace {

constexpr std::size_t kQuotedCharacters = 20;
constexpr std::int32_t kTooLong = 45002;
// Permanent for this customer (reference: WeChat §6.6).
constexpr std::array<std::int32_t, 6> kCustomerGone{40003, 43004, 43019, 46004, 48002, 50005};

std::string filled(std::string_view text, std::string_view place, std::string_view value) {
  std::string out(text);
  const auto at = out.find(place);
  assert(at != std::string::npos);
  return at == std::string::npos ? out : out.replace(at, place.size(), value);
}

std::string in_words(Millis time, const Texts& texts) {
  using namespace std::chrono;
  const auto whole_hours = round<hours>(time).count();
  if (whole_hours > 0)
    return filled(whole_hours == 1 ? texts.hour : texts.hours, "{n}", std::to_string(whole_hours));
  const auto whole_minutes = std::max<std::int64_t>(1, round<minutes>(time).count());
  return filled(whole_minutes == 1 ? texts.minute : texts.minutes, "{n}", std::to_string(whole_minutes));
}

std::string with_code(std::string_view text, std::int32_t code, const Texts& texts) {
  return filled(text, "{code}", code != 0 ? filled(texts.code, "{n}", std::to_string(code)) : std::string());
}

// The first characters on one line; three dots stand for the rest.
std::string quoted(std::string_view reply) {
  std::size_t bytes = 0;
  for (std::size_t characters = 0; bytes < reply.size(); ++bytes) {
    const bool begins = (static_cast<unsigned char>(reply[bytes]) & 0xC0) != 0x80;
    if (begins && ++characters > kQuotedCharacters) break;
  }
  std::string beginning(reply);
  if (bytes < reply.size()) {
    // Cut where a person sees no character cut.
    const auto parts = split_utf8(reply, std::max<std::size_t>(bytes, 4));
    beginning = parts.front() + "…";
  }
  std::replace_if(
      beginning.begin(), beginning.end(), [](char c) { return c == '\n' || c == '\r' || c == '\t'; }, ' ');
  return beginning;
}

std::string_view words_for(Death death, const Texts& texts) {
  switch (death) {
    case Death::window_over:
      return texts.died_window_over;
    case Death::customer_gone:
      return texts.died_customer_gone;
    case Death::too_long:
      return texts.died_too_long;
    case Death::refused:
      return texts.died_refused;
    case Death::maybe_sent:
      return texts.died_maybe_sent;
    case Death::withdrawn:
      return texts.died_withdrawn;
    case Death::given_up:
      break;
  }
  return texts.died_given_up;
}

}  // namespace

std::string notice_of_waiting(std::int32_t code, Millis at_most, const Texts& texts) {
  const auto text = code == kWindowClosed    ? std::string(texts.waits_window_closed)
                    : code == kRepliesUsedUp ? std::string(texts.waits_replies_used_up)
                                             : with_code(texts.waits, code, texts);
  return text + filled(texts.waits_for, "{time}", in_words(at_most, texts));
}

Death death_of(bool was_parked, std::int32_t code, v1::Failure failure) {
  if (was_parked || code == kWindowClosed || code == kRepliesUsedUp) return Death::window_over;
  if (failure == v1::FAILURE_UNKNOWN_OUTCOME) return Death::maybe_sent;
  if (std::find(kCustomerGone.begin(), kCustomerGone.end(), code) != kCustomerGone.end())
    return Death::customer_gone;
  if (failure == v1::FAILURE_SPLIT || code == kTooLong) return Death::too_long;
  const bool refused = code != 0 && wechat::explain(code).error_class == wechat::ErrorClass::dead;
  return refused || failure == v1::FAILURE_DEAD ? Death::refused : Death::given_up;
}

std::string notice_of_death(Death death, std::int32_t code, std::string_view reply, const Texts& texts) {
  std::string why(words_for(death, texts));
  if (death == Death::refused) why = with_code(why, code, texts);
  return filled(filled(texts.dead, "{why}", why), "{reply}", quoted(reply));
}

std::string notice_of_recall(std::string_view reply, const Texts& texts) {
  return filled(texts.not_recalled, "{reply}", quoted(reply));
}

std::string notice_of_edit(std::string_view reply, const Texts& texts) {
  return filled(texts.not_edited, "{reply}", quoted(reply));
}

std::string notice_of_edit_of_dead(std::string_view reply, const Texts& texts) {
  return filled(texts.edit_of_dead, "{reply}", quoted(reply));
}

std::string notice_of_late_success(std::string_view reply, const Texts& texts) {
  return filled(texts.delivered_late, "{reply}", quoted(reply));
}

std::string notice_of_left_out(std::string_view what, const Texts& texts) {
  return filled(texts.left_out, "{what}", what);
}

}  // namespace kefu
