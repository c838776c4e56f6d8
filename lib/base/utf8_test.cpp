#include "lib/base/utf8.h"

#include <doctest/doctest.h>

#include <random>

using kefu::clean_utf8;
using kefu::is_valid_utf8;
using kefu::split_utf8;

namespace {

using Parts = std::vector<std::string>;

std::string joined(const Parts& parts) {
  std::string out;
  for (const auto& part : parts) out += part;
  return out;
}

const std::string kFamily = "👨‍👩‍👧‍👦";  // four people, three joiners: 25 bytes
const std::string kChina = "🇨🇳";                          // two regional indicators: 8 bytes
const std::string kJapan = "🇯🇵";
const std::string kDarkThumb = "👍🏿";                     // skin tone: 8 bytes
const std::string kScotland = "🏴󠁧󠁢󠁳󠁣󠁴󠁿";  // tags: 28 bytes
const std::string kHeart = "❤️";                           // variation selector: 6 bytes
const std::string kComposed = "e\xCC\x81";                     // e and a combining acute: 3 bytes

}  // namespace

TEST_CASE("valid UTF-8 is told from everything else") {
  for (const auto* good :
       {"", "abc", "你好", "👍", "\x7F", "\xC2\x80", "\xED\x9F\xBF", "\xEE\x80\x80", "\xF4\x8F\xBF\xBF"}) {
    CAPTURE(good);
    CHECK(is_valid_utf8(good));
  }
  for (const auto* bad : {"\x80", "\xC0\x80", "\xC1\xBF", "\xC3", "\xE0\x80\x80", "\xE0\x9F\xBF",
                          "\xED\xA0\x80", "\xED\xBF\xBF", "\xF0\x80\x80\x80", "\xF4\x90\x80\x80",
                          "\xF5\x80\x80\x80", "\xFF", "ok\xE4\xBD", "\xE4\xBD."}) {
    CAPTURE(bad);
    CHECK_FALSE(is_valid_utf8(bad));
  }
}

TEST_CASE("cleaning leaves good text as it is") {
  for (const auto& text :
       {std::string(""), std::string("你好, world\r\n\t!"), kFamily, std::string("\x7F\xC2\x85")}) {
    CHECK(clean_utf8(text) == text);
  }
}

TEST_CASE("cleaning replaces each bad sequence by one U+FFFD and goes on") {
  CHECK(clean_utf8("a\xFFz") == "a\uFFFDz");
  CHECK(clean_utf8("\xC0\xAF") == "\uFFFD\uFFFD");
  CHECK(clean_utf8("你\xE5\xA5") == "你\uFFFD");
  CHECK(clean_utf8("\xE5\xA5你") == "\uFFFD你");
  CHECK(clean_utf8("\xF0\x9F\x91.") == "\uFFFD.");
  CHECK(clean_utf8("\xED\xA0\x80") == "\uFFFD\uFFFD\uFFFD");
}

TEST_CASE("cleaning drops control characters but TAB, LF and CR") {
  CHECK(clean_utf8(std::string("a\0b\x01\x1F\x1B[0m\t\r\n", 12)) == "ab[0m\t\r\n");
}

TEST_CASE("whatever is cleaned is valid, and cleaning it again changes nothing") {
  std::mt19937 random(20240607);
  for (int round = 0; round < 2000; ++round) {
    std::string text(random() % 40, '\0');
    for (auto& c : text) c = static_cast<char>(random());
    const auto cleaned = clean_utf8(text);
    REQUIRE(is_valid_utf8(cleaned));
    REQUIRE(clean_utf8(cleaned) == cleaned);
  }
}

TEST_CASE("an empty text has no parts and a short one is one part") {
  CHECK(split_utf8("", 10).empty());
  CHECK(split_utf8("hello", 5) == Parts{"hello"});
  CHECK(split_utf8("你好", 2000) == Parts{"你好"});
}

TEST_CASE("a part is filled as far as whole characters go") {
  CHECK(split_utf8("hello world", 5) == Parts{"hello", " worl", "d"});
  CHECK(split_utf8("你好世界", 7) == Parts{"你好", "世界"});
  CHECK(split_utf8("ab你好", 4) == Parts{"ab", "你", "好"});
}

TEST_CASE("what a person sees as one character is not cut") {
  CHECK(split_utf8("ab" + kFamily, 26) == Parts{"ab", kFamily});
  CHECK(split_utf8("ab" + kDarkThumb, 9) == Parts{"ab", kDarkThumb});
  CHECK(split_utf8("ab" + kScotland, 29) == Parts{"ab", kScotland});
  CHECK(split_utf8("ab" + kHeart, 7) == Parts{"ab", kHeart});
  CHECK(split_utf8("ab" + kComposed, 4) == Parts{"ab", kComposed});
  CHECK(split_utf8("abc\r\n", 4) == Parts{"abc", "\r\n"});
}

TEST_CASE("flags are cut between flags") {
  CHECK(split_utf8(kChina + kJapan, 12) == Parts{kChina, kJapan});
  CHECK(split_utf8("a" + kChina + kJapan + kChina, 17) == Parts{"a" + kChina + kJapan, kChina});
}

TEST_CASE("a character that is longer than a part is cut between code points") {
  const auto parts = split_utf8(kFamily, 10);
  CHECK(joined(parts) == kFamily);
  for (const auto& part : parts) {
    CHECK(part.size() <= 10);
    CHECK(is_valid_utf8(part));
  }
  std::string endless = "a";
  for (int i = 0; i < 5000; ++i) endless += "\xCC\x81";
  CHECK(joined(split_utf8(endless, 2000)) == endless);
}

TEST_CASE("parts of any text are valid, short enough, never empty, and together the text") {
  const Parts pieces = {"a",        "é",       "你",      "👍",    kFamily,  kChina,
                        kDarkThumb, kScotland, kComposed, "\r\n", "\u200D", "\U0001F1E6"};
  std::mt19937 random(7);
  for (int round = 0; round < 2000; ++round) {
    std::string text;
    for (auto n = random() % 30; n > 0; --n) text += pieces[random() % pieces.size()];
    const std::size_t bytes_max = 4 + random() % 60;
    const auto parts = split_utf8(text, bytes_max);
    REQUIRE(joined(parts) == text);
    for (const auto& part : parts) {
      REQUIRE(!part.empty());
      REQUIRE(part.size() <= bytes_max);
      REQUIRE(is_valid_utf8(part));
    }
  }
}
