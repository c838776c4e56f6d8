// What the gateway itself says to people, by locale (contract §3, KEFU_LOCALE): zh-CN, en, ja.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

namespace kefu {

struct Texts {
  std::string_view welcome;
  std::string_view please_wait;
  std::string_view offline;  // nobody is at the desk
  // To the agent (gateway/notice.h). What stands in braces is filled in.
  std::string_view waits_window_closed, waits_replies_used_up, waits;  // the last: {code}
  std::string_view waits_for;                                          // {time}: ends each of them
  std::string_view hours, hour, minutes, minute;                       // {n}
  std::string_view code;                                               // {n}
  std::string_view dead;                                               // {reply}, {why}: one of the next
  std::string_view died_window_over, died_customer_gone, died_too_long, died_maybe_sent, died_given_up,
      died_withdrawn;
  std::string_view died_refused;                  // {code}
  std::string_view left_out;                      // {what}
  std::string_view not_recalled, not_edited;      // {reply}
  std::string_view edit_of_dead, delivered_late;  // {reply}
  std::string_view image, voice, video, location, link, file, mini_program, sticker, merged, card, unknown;
  // Before what happened (gateway/wechat_events.h).
  std::string_view followed_by_scene, unfollowed, scanned_scene, clicked, opened_page, opened_mini_program,
      scanned_code, chose_pictures, chose_place, is_at, reported;
};

// REQUIRES: a locale of the contract.
const Texts& texts(std::string_view locale);

// "[File] offer.pdf (51.5 KB)": those of the words that are not empty, with a blank between them.
std::string joined(std::initializer_list<std::string_view> words);
// "(31.2, 121.4)"; empty when either is.
std::string point(std::string_view latitude, std::string_view longitude);

}  // namespace kefu
