// What people write arrives as they wrote it, byte for byte, in both directions; a long text in parts between
// which nobody sees a character cut.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "lib/base/utf8.h"
#include "tests/process/stack.h"

using namespace kefu;
using namespace kefu::test;

namespace {

std::string times(int count, const std::string& piece) {
  std::string out;
  for (int i = 0; i < count; ++i) out += piece;
  return out;
}

struct Text {
  std::string what;
  std::string text;
};

const std::string kFamily = "👨‍👩‍👧‍👦";
const std::string kWriter = "👩🏿‍💻";
const std::string kScotland = "🏴󠁧󠁢󠁳󠁣󠁴󠁿";

std::vector<Text> texts() {
  return {
      {"one letter", "a"},
      {"joined emoji", kFamily + kWriter + "❤️‍🔥"},
      {"flags", "🇨🇳🇯🇵" + kScotland},
      {"skin tones", "👍🏻👍🏽👍🏿"},
      {"keycaps", "1️⃣#️⃣"},
      {"WeChat's own codes", "/::) /:rose [微笑] [Smile]"},
      {"a link", R"(<a href="https://shop.example/?a=1&b=2">店铺</a> & <b>"x"</b> &amp; &lt;)"},
      {"a mini program's link", R"(<a data-miniprogram-appid="wx1" data-miniprogram-path="p?q=1">open</a>)"},
      {"the end of a CDATA section", "a]]>b ]] > ]]&gt;"},
      {"fields of a push", "</Content><FromUserName>oEve</FromUserName><Content>"},
      {"lines", "one\ntwo\n\nfour"},
      {"Windows lines and tabs", "one\r\ntwo\tthree\rfour"},
      {"blanks at the ends", "  in the middle  "},
      {"right to left", "مرحبا، كم السعر؟ שלום 123 ‏abc‎"},
      {"directional isolates", "⁦abc⁩ ⁧אבג⁩ ‮x‬"},
      {"marks", "e\u0301 a\u0308\u0323 Z\u0351\u036B\u0343"},
      {"Indic", "क्षत्रिय नमस्ते தமிழ் ক্ষ"},
      {"Hangul as jamo", "\u1112\u1161\u11AB\u1100\u1173\u11AF"},
      {"Thai", "สวัสดีค่ะ น้ำ"},
      {"JSON and percent", R"({"a":"\u0041\\ \" \n"} %41 %%s %n ${x} \)"},
      {"outside the BMP", "𠮷野家 𝒜 \U0010FFFD"},
      {"what marks the ends of texts", "\uFEFFx\u200B\u00ADy\uFFFD\u2028z"},
      {"WeChat's longest", times(1024, "é")},
  };
}

bool short_enough_and_whole(const std::vector<std::string>& parts, std::size_t bytes_max) {
  for (const auto& part : parts) {
    if (part.empty() || part.size() > bytes_max || !is_valid_utf8(part)) return false;
  }
  return true;
}

std::string joined(const std::vector<std::string>& parts) {
  std::string out;
  for (const auto& part : parts) out += part;
  return out;
}

// Whether what a person sees as `piece` is never cut: each part is some of them whole.
bool made_of(const std::vector<std::string>& parts, const std::string& piece) {
  for (const auto& part : parts) {
    if (part.size() % piece.size() != 0 || part != times(static_cast<int>(part.size() / piece.size()), piece))
      return false;
  }
  return true;
}

std::vector<std::string> to_agent(const Stack& stack, const std::string& customer) {
  std::vector<std::string> parts;
  for (const auto& call : stack.clouds.calls("sendmsg")) {
    if (call.text("From_Account") == customer) parts.push_back(text_of(call));
  }
  return parts;
}

std::vector<std::string> to_customer(const Stack& stack, const std::string& customer) {
  std::vector<std::string> parts;
  for (const auto& call : stack.clouds.calls("custom_send")) {
    if (call.text("touser") == customer) parts.push_back(text_of(call));
  }
  return parts;
}

constexpr std::size_t kWeChatBytes = 2000;
constexpr std::size_t kImBytes = 10000;

}  // namespace

TEST_CASE("fidelity: what customers and agents write arrives byte for byte") {
  Stack stack;
  stack.start_all();
  const auto all = texts();
  for (std::size_t i = 0; i < all.size(); ++i) {
    const auto customer = "oFidelity" + std::to_string(i);
    CHECK(stack.say(customer, all[i].text).status == 200);
    CHECK(stack.reply(customer, all[i].text).status == 200);
  }
  REQUIRE(eventually([&] {
    return stack.queue("relay")["done"] == all.size() && stack.queue("notifier")["done"] == all.size();
  }));
  for (std::size_t i = 0; i < all.size(); ++i) {
    CAPTURE(all[i].what);
    const auto customer = "oFidelity" + std::to_string(i);
    CHECK(to_agent(stack, customer) == std::vector{all[i].text});
    const auto parts = to_customer(stack, customer);
    CHECK(joined(parts) == all[i].text);
    CHECK(short_enough_and_whole(parts, kWeChatBytes));
  }
}

TEST_CASE("fidelity: long texts come in parts that cut no character") {
  const std::vector<std::string> pieces = {"x",   "汉",      kFamily,         kWriter, kScotland,
                                           "🇨🇳",  "1️⃣", "e\u0301\u0323", "क्षि",   "\u1112\u1161\u11AB",
                                           "\r\n"};
  Stack stack;
  stack.start_all();
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    const auto customer = "oLong" + std::to_string(i);
    stack.say(customer, "tell me everything");
    stack.reply(customer, times(static_cast<int>(12'000 / pieces[i].size()), pieces[i]));
  }
  REQUIRE(eventually([&] { return stack.queue("notifier")["done"] == pieces.size(); }));
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    CAPTURE(pieces[i]);
    const auto parts = to_customer(stack, "oLong" + std::to_string(i));
    CHECK(parts.size() >= 6);
    CHECK(joined(parts) == times(static_cast<int>(12'000 / pieces[i].size()), pieces[i]));
    CHECK(short_enough_and_whole(parts, kWeChatBytes));
    CHECK(made_of(parts, pieces[i]));
  }
}

TEST_CASE("fidelity: more than IM takes in one text comes to the agent in parts") {
  Stack stack;
  stack.start_all();
  const auto text = times(480, kFamily);  // 12,000 bytes
  stack.say("oLong", text);
  REQUIRE(eventually([&] { return stack.queue("relay")["done"] == 1; }));
  const auto parts = to_agent(stack, "oLong");
  CHECK(joined(parts) == text);
  CHECK(short_enough_and_whole(parts, kImBytes));
  CHECK(made_of(parts, kFamily));
}
