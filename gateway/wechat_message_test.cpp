#include "gateway/wechat_message.h"

#include <doctest/doctest.h>

#include <fstream>
#include <sstream>

using namespace kefu;

namespace {

wechat::Push sample(const std::string& name) {
  std::ifstream file(KEFU_TEST_VECTORS "/wechat-xml/" + name + ".xml", std::ios::binary);
  const auto push = wechat::parse_push((std::ostringstream() << file.rdbuf()).str());
  REQUIRE(push.ok());
  return *push;
}

wechat::Push message(const std::string& type, std::map<std::string, std::string, std::less<>> fields) {
  wechat::Push push;
  push.type = type;
  push.fields = std::move(fields);
  return push;
}

std::string note(const wechat::Push& push) {
  return readable_note(push, texts("en"));
}

}  // namespace

TEST_CASE("media travel by their ids") {
  const auto image = content_of(sample("image"));
  CHECK(image.media().media_id().ends_with("_img"));
  CHECK(image.media().picture_url() == "http://mmbiz.qpic.cn/mmbiz_jpg/aBcDeF0123456789/0");
  CHECK(note(sample("image")) == "[Picture] http://mmbiz.qpic.cn/mmbiz_jpg/aBcDeF0123456789/0");

  const auto voice = content_of(sample("voice-no-16k-no-recognition"));
  CHECK(voice.media().media_id().ends_with("_amr2"));
  CHECK(voice.media().format() == "speex");
  CHECK(note(sample("voice-no-16k-no-recognition")) == "[Voice message]");
  CHECK(note(message("voice", {{"Recognition", "good day"}})) == "[Voice message] good day");

  const auto video = content_of(sample("video"));
  CHECK(video.media().media_id().ends_with("_vid"));
  CHECK(video.media().thumb_media_id().ends_with("_thumb"));
  const auto short_video = content_of(message("shortvideo", {{"MediaId", "m"}, {"ThumbMediaId", "t"}}));
  CHECK(short_video.media().thumb_media_id() == "t");
  CHECK(note(message("shortvideo", {})) == "[Video]");

  CHECK_FALSE(content_of(message("image", {})).has_media());
}

TEST_CASE("X of a location is its latitude") {
  const auto location = content_of(sample("location")).location();
  CHECK(location.latitude() == doctest::Approx(31.239703));
  CHECK(location.longitude() == doctest::Approx(121.499718));
  CHECK(location.description() == "上海市浦东新区 \"示例路\" 1 号 <2F>");
  CHECK(note(sample("location")) == "[Location] 上海市浦东新区 \"示例路\" 1 号 <2F> (31.239703, 121.499718)");
}

TEST_CASE("a location that is none on earth stays a note") {
  for (const std::string latitude : {"", "north", "91", "nan", "1e999", "31.2 "}) {
    CAPTURE(latitude);
    CHECK_FALSE(
        content_of(message("location", {{"Location_X", latitude}, {"Location_Y", "1"}})).has_location());
  }
  CHECK(note(message("location", {})) == "[Location]");
}

TEST_CASE("links, files and mini programs") {
  const auto link = message(
      "link", {{"Title", "News"}, {"Description", "of today"}, {"Url", "https://example.com/?a=1&b=2"}});
  CHECK(content_of(link).link().url() == "https://example.com/?a=1&b=2");
  CHECK(content_of(link).link().title() == "News");
  CHECK(note(link) == "[Link] News of today https://example.com/?a=1&b=2");

  const auto file = content_of(sample("file-undocumented")).file();
  CHECK(file.name() == "报价.xlsx");
  CHECK(file.bytes() == 52743);
  CHECK(file.md5() == "d41d8cd98f00b204e9800998ecf8427e");
  CHECK(note(sample("file-undocumented")) == "[File] 报价.xlsx (51.5 KB)");
  CHECK(note(message("file", {{"Title", "a"}, {"FileTotalLen", "1023"}})) == "[File] a (1023 B)");
  CHECK(note(message("file", {{"Title", "a"}, {"FileTotalLen", "1024"}})) == "[File] a (1 KB)");
  CHECK(note(message("file", {{"Title", "a"}, {"FileTotalLen", "5242880"}})) == "[File] a (5 MB)");
  CHECK(note(message("file", {{"Title", "a"}, {"FileTotalLen", "big"}})) == "[File] a");

  const auto page = content_of(sample("miniprogrampage")).mini_program_page();
  CHECK(page.app_id() == "wx99887766554433aa");
  CHECK(page.path() == "pages/index/index?x=1&y=2");
  CHECK_FALSE(page.thumb_media_id().empty());
  CHECK(note(sample("miniprogrampage")).find("wx99887766554433aa pages/index/index?x=1&y=2") !=
        std::string::npos);
}

TEST_CASE("a placeholder is not the customer's words") {
  CHECK(message_type_of(sample("text-unsupported-sticker")) == "unsupported");
  CHECK(message_type_of(sample("text")) == "text");
  CHECK(content_of(sample("text")).content_case() == v1::CustomerMessage::CONTENT_NOT_SET);
  CHECK(note(message("hologram", {})) == "[Unsupported message] hologram");
  CHECK_FALSE(is_known_message_type("hologram"));
}
