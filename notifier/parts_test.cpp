#include "notifier/parts.h"

#include <doctest/doctest.h>

#include "lib/base/limits.h"

using namespace kefu;
using notifier::CardPart;
using notifier::MediaPart;
using notifier::parts_of;
using notifier::TextPart;
using notifier::words;

namespace {

struct Message {
  v1::AgentMessage made;
  v1::Element& add() { return *made.add_elements(); }
  Message& text(const std::string& text) {
    add().set_text(text);
    return *this;
  }
  Message& face(const std::string& data) {
    add().mutable_face()->set_data(data);
    return *this;
  }
  Message& image(const std::string& url) {
    add().mutable_image()->set_url(url);
    return *this;
  }
  // A text part as it is, of others what they are.
  std::vector<std::string> parts(std::string_view locale = "zh-CN") const {
    std::vector<std::string> shown;
    for (const auto& part : parts_of(made, words(locale))) {
      if (const auto* text = std::get_if<TextPart>(&part)) {
        shown.push_back(text->text);
      } else if (const auto* media = std::get_if<MediaPart>(&part)) {
        shown.push_back(std::to_string(static_cast<int>(media->as)) + " " + media->file.url());
      } else {
        shown.push_back(std::get<CardPart>(part).type);
      }
    }
    return shown;
  }
};

using Parts = std::vector<std::string>;

}  // namespace

TEST_CASE("a message without elements is its text") {
  Message message;
  message.made.set_text("您好");
  CHECK(message.parts() == Parts{"您好"});
  CHECK(Message().parts().empty());
}

TEST_CASE("elements become parts in order, and texts that touch are one") {
  Message message;
  message.text("看").face("/::)").text("这个").image("https://a.cn/1").text("和").image("https://a.cn/2");
  CHECK(message.parts() == Parts{"看/::)这个", "0 https://a.cn/1", "和", "0 https://a.cn/2"});
  Message others;
  others.add().mutable_sound()->set_url("s");
  others.add().mutable_video()->mutable_video()->set_url("v");
  others.add().mutable_file()->set_url("f");
  others.add().mutable_card()->set_type("news");
  others.add();  // of a newer gateway
  CHECK(others.parts() == Parts{"1 s", "2 v", "3 f", "news"});
}

TEST_CASE("a long text is cut into what WeChat takes, wherever it stands") {
  Message message;
  message.text(std::string(limits::kWeChatTextBytesMax + 1, 'a'))
      .image("i")
      .text(std::string(limits::kWeChatTextBytesMax, 'b'));
  const auto parts = message.parts();
  REQUIRE(parts.size() == 4);
  CHECK(parts[0].size() + parts[1].size() == limits::kWeChatTextBytesMax + 1);
  CHECK(parts[3].size() == limits::kWeChatTextBytesMax);
}

TEST_CASE("a face reads as text, or is named") {
  for (const auto* readable : {"/::)", "/:rose", "[微笑]", "😀"})
    CHECK(Message().face(readable).parts() == Parts{readable});
  for (const auto* name : {"", "tt01@2x", "[TUIEmoji_Smile]", "\x01\xE2\x98\xBA"})
    CHECK(Message().face(name).parts() == Parts{"[表情]"});
  CHECK(Message().face("x").parts("en") == Parts{"[Sticker]"});
  CHECK(Message().face("x").parts("ja") == Parts{"[スタンプ]"});
}

TEST_CASE("a location is a text with a link to the map") {
  Message message;
  auto& location = *message.add().mutable_location();
  location.set_latitude(39.984154);
  location.set_longitude(-116.30749);
  CHECK(
      message.parts() ==
      Parts{"[位置] <a href=\"https://apis.map.qq.com/uri/v1/marker?marker=coord:39.984154,-116.307490;title:"
            "39.984154%2C-116.307490&referer=kefu-bridge\">39.984154,-116.307490</a>"});
  location.set_description("总部 <b>\"A\"");
  CHECK(message.parts()[0].ends_with(
      "title:%E6%80%BB%E9%83%A8%20%3Cb%3E%22A%22&referer=kefu-bridge\">总部  b \"A\"</a>"));
}

TEST_CASE("messages forwarded together are their title and lines") {
  Message message;
  auto& merged = *message.add().mutable_merged();
  merged.set_title("甲和乙的聊天记录");
  merged.add_lines("甲: 在吗");
  merged.add_lines("乙: 在");
  CHECK(message.parts() == Parts{"[聊天记录] 甲和乙的聊天记录\n甲: 在吗\n乙: 在"});
}

TEST_CASE("sizes are told as people read them") {
  CHECK(notifier::shown_size(0).empty());
  CHECK(notifier::shown_size(1) == "1 KB");
  CHECK(notifier::shown_size(640 << 10) == "640 KB");
  CHECK(notifier::shown_size(10 << 20) == "10 MB");
  CHECK(notifier::shown_size((12 << 20) + 300'000) == "12.2 MB");
}
