#include "sandbox/im_elements.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "lib/im/elements.h"

namespace kefu::sandbox {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

constexpr Timestamp kNow{1'735'689'600'000};
const std::string kUrl = "http://sandbox:8000";

Result<json> composed(const json& wanted) {
  Shelf files("/im-media/", 24h, [next = std::uint64_t{1}]() mutable { return next++; });
  return compose_elements(json::array({wanted}), files, kUrl, kNow);
}

// The element that an agent's client makes, without one field.
std::int64_t without(const char* type, const char* key) {
  json elements = *composed({{"type", type}});
  json& content = elements[0]["MsgContent"];
  (content.contains("ImageInfoArray") && !content.contains(key) ? content["ImageInfoArray"][0] : content)
      .erase(key);
  return elements_problem(elements);
}

}  // namespace

TEST_CASE("what agents' clients make of every type is good, and other readers understand it") {
  for (const auto* type : {"image", "sound", "video", "file", "location", "face", "merged"}) {
    CAPTURE(type);
    const auto made = composed({{"type", type}});
    REQUIRE(made.ok());
    CHECK(elements_problem(*made) == 0);
    const auto read = im::read_content(*made);
    CHECK(read.elements.size() == 1);
    CHECK(read.left_out.empty());
  }
  const auto image = im::read_content(*composed({{"type", "image"}})).elements[0].image();
  CHECK(image.width() == 320);
  CHECK(image.url().substr(0, kUrl.size()) == kUrl);
  const auto card =
      composed({{"type", "card"}, {"data", {{"kefu", "wxcard"}, {"wxcard", {{"card_id", "p1"}}}}}});
  CHECK(im::read_content(*card).elements[0].card().type() == "wxcard");
}

TEST_CASE("a MsgBody can be given as it is, and nonsense is refused") {
  const json odd = {{"MsgType", "TIMStreamElem"}, {"MsgContent", {{"markdown", "x"}}}};
  CHECK((*composed(odd))[0] == odd);
  CHECK(elements_problem(json::array({odd})) == 90002);
  CHECK_FALSE(composed({{"type", "hologram"}}).ok());
  CHECK_FALSE(composed({{"type", "card"}}).ok());
  CHECK_FALSE(composed("text").ok());
}

TEST_CASE("what clients cannot do without is asked for") {
  for (const auto* key : {"UUID", "ImageFormat", "ImageInfoArray", "URL", "Width", "Height"})
    CHECK_MESSAGE(without("image", key) == 90002, key);
  for (const auto* key : {"Url", "UUID", "Download_Flag"}) CHECK_MESSAGE(without("sound", key) == 90002, key);
  for (const auto* key : {"Url", "UUID", "Download_Flag"}) CHECK_MESSAGE(without("file", key) == 90002, key);
  for (const auto* key : {"VideoUrl", "VideoUUID", "VideoDownloadFlag", "ThumbUrl", "ThumbUUID", "ThumbWidth",
                          "ThumbHeight", "ThumbDownloadFlag"})
    CHECK_MESSAGE(without("video", key) == 90002, key);
  for (const auto* key : {"Desc", "Latitude", "Longitude"})
    CHECK_MESSAGE(without("location", key) == 90002, key);
  json flat = *composed({{"type", "image"}});
  flat[0]["MsgContent"]["ImageInfoArray"][0]["Width"] = 0;
  CHECK(elements_problem(flat) == 90002);
}

TEST_CASE("one message holds one custom element") {
  const json custom = {{"MsgType", "TIMCustomElem"}, {"MsgContent", {{"Data", "{}"}}}};
  CHECK(elements_problem(json::array({custom})) == 0);
  CHECK(elements_problem(json::array({custom, custom})) == 90002);
}

TEST_CASE("a message is shown in words") {
  const auto text = *composed({{"type", "text"}, {"text", "hi"}});
  const auto place = *composed({{"type", "location"}});
  CHECK(shown_text({text[0], place[0]}) == "hi\n[TIMLocationElem]");
}

}  // namespace kefu::sandbox
