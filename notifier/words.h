// What the notifier itself says to people, by locale (contract §3, KEFU_LOCALE): zh-CN, en, ja. Pure.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

namespace kefu::notifier {

struct Words {
  // What an element is, to customer and agent: "[图片]".
  std::string_view image, sound, video, file, location, face, merged, card;
  // Why one is left out, to the agent. In braces what is filled in.
  std::string_view too_large;     // {limit}
  std::string_view wrong_format;  // {formats}
  std::string_view gone;
  std::string_view not_allowed;
  std::string_view slow;          // WeChat has not taken it in time, again and again
  std::string_view refused;       // {code}, of WeChat
  std::string_view card_problem;  // {problem}
  std::string_view open;          // what a link to a file without a name says
  std::string_view and_also;      // between two of them
};

// REQUIRES: a locale of the contract.
const Words& words(std::string_view locale);

// "[图片] 太大，微信最多接收 10 MB"
std::string left_out(std::string_view what, std::string_view why);
std::string filled(std::string_view text, std::string_view name, std::string_view value);
// "12.3 MB", "640 KB"; empty of 0.
std::string shown_size(std::uint64_t bytes);

}  // namespace kefu::notifier
