#include "relay/compose.h"

#include <doctest/doctest.h>

#include <chrono>
#include <nlohmann/json.hpp>
#include <string>

#include "lib/im/elements.h"

using namespace kefu;
using namespace kefu::relay;
using namespace std::chrono_literals;
using nlohmann::json;

namespace {

std::string url_of(const media::Object& object) {
  return "https://h/media/" + object.hash + "." + std::string(media::extension(object.facts.format));
}

CustomerMediaAnswer kept(media::Format format, std::uint32_t width = 0, std::uint32_t height = 0,
                         Millis duration = {}) {
  CustomerMediaAnswer answer;
  answer.kind = CustomerMediaAnswer::Kind::kept;
  answer.object = {"abc", 1234, {format, width, height, duration}};
  return answer;
}

v1::CustomerMessage message(const std::string& kind, const std::string& text = "[note]") {
  v1::CustomerMessage made;
  made.set_kind(kind);
  made.set_text(text);
  return made;
}

// The MsgBody of the only message.
json body_of(const std::vector<Elements>& messages) {
  REQUIRE(messages.size() == 1);
  return json::parse(im::body_of(messages.front()));
}

}  // namespace

TEST_CASE("compose: text is text, cut where it is too long") {
  const auto short_one = composed(message("text", "hello"));
  CHECK(body_of(short_one) == json::parse(R"([{"MsgType":"TIMTextElem","MsgContent":{"Text":"hello"}}])"));
  CHECK(composed(message("text", std::string(25'000, 'x'))).size() == 3);
  CHECK(composed(message("text", "")).empty());
}

TEST_CASE("compose: an image carries its real size") {
  const auto body = body_of(composed(message("image"), kept(media::Format::png, 640, 480), url_of));
  REQUIRE(body.size() == 1);
  CHECK(body[0]["MsgType"] == "TIMImageElem");
  const auto& content = body[0]["MsgContent"];
  CHECK(content["UUID"] == "abc");
  CHECK(content["ImageFormat"] == 3);
  CHECK(content["ImageInfoArray"] ==
        json::parse(R"([{"Type":1,"Size":1234,"Width":640,"Height":480,"URL":"https://h/media/abc.png"}])"));
}

TEST_CASE("compose: a voice lasts its seconds, rounded up") {
  const auto body = body_of(composed(message("voice"), kept(media::Format::mp3, 0, 0, 2001ms), url_of));
  CHECK(body[0]["MsgType"] == "TIMSoundElem");
  CHECK(body[0]["MsgContent"]["Second"] == 3);
  CHECK(body[0]["MsgContent"]["Url"] == "https://h/media/abc.mp3");
  CHECK(body[0]["MsgContent"]["Download_Flag"] == 2);
}

TEST_CASE("compose: a video has its thumbnail with it") {
  auto answer = kept(media::Format::mp4, 1280, 720, 4000ms);
  answer.thumb = media::Object{"def", 99, {media::Format::jpeg, 320, 180, {}}};
  const auto content = body_of(composed(message("shortvideo"), answer, url_of))[0]["MsgContent"];
  CHECK(content["VideoUrl"] == "https://h/media/abc.mp4");
  CHECK(content["VideoSecond"] == 4);
  CHECK(content["ThumbUrl"] == "https://h/media/def.jpg");
  CHECK(content["ThumbWidth"] == 320);
  CHECK(content["ThumbHeight"] == 180);
  CHECK(content["ThumbFormat"] == "JPG");
}

TEST_CASE("compose: impossible media are the note, and why") {
  CustomerMediaAnswer answer;
  answer.kind = CustomerMediaAnswer::Kind::impossible;
  answer.why = "(too large)";
  CHECK(body_of(composed(message("video"), answer, url_of))[0]["MsgContent"]["Text"] ==
        "[note]\n(too large)");
}

TEST_CASE("compose: a location is one, with its label") {
  auto where = message("location");
  where.mutable_location()->set_latitude(23.134521);
  where.mutable_location()->set_longitude(113.358803);
  where.mutable_location()->set_description("广州市");
  CHECK(body_of(composed(where)) == json::parse(R"([{"MsgType":"TIMLocationElem","MsgContent":
      {"Desc":"广州市","Latitude":23.134521,"Longitude":113.358803}}])"));
}

TEST_CASE("compose: link, file and mini-program are readable, and data for programs") {
  auto link = message("link", "[链接] T https://x");
  link.mutable_link()->set_title("T \"quoted\"");
  link.mutable_link()->set_url("https://x");
  auto body = body_of(composed(link));
  REQUIRE(body.size() == 2);
  CHECK(body[0]["MsgContent"]["Text"] == "[链接] T https://x");
  CHECK(body[1]["MsgType"] == "TIMCustomElem");
  CHECK(body[1]["MsgContent"]["Desc"] == "[链接] T https://x");
  CHECK(json::parse(body[1]["MsgContent"]["Data"].get<std::string>()) ==
        json::parse(R"({"kefu":"link","link":{"title":"T \"quoted\"","description":"","url":"https://x"}})"));

  auto file = message("file");
  file.mutable_file()->set_name("a.pdf");
  file.mutable_file()->set_bytes(77);
  CHECK(json::parse(body_of(composed(file))[1]["MsgContent"]["Data"].get<std::string>())["file"]["bytes"] ==
        77);
  auto page = message("miniprogrampage");
  page.mutable_mini_program_page()->set_app_id("wx1");
  const auto data = json::parse(body_of(composed(page))[1]["MsgContent"]["Data"].get<std::string>());
  CHECK(data["miniprogrampage"]["appid"] == "wx1");
}

TEST_CASE("compose: what would be too much for one message is its text alone") {
  auto link = message("link", "[note]");
  link.mutable_link()->set_url("https://" + std::string(9000, 'x'));
  CHECK(body_of(composed(link)).size() == 1);
}

TEST_CASE("compose: the same message gives the same bytes") {
  auto link = message("link");
  link.mutable_link()->set_title("T");
  CHECK(im::body_of(composed(link).front()) == im::body_of(composed(link).front()));
}
