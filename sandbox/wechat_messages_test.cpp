#include "sandbox/wechat_messages.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "sandbox/json_read.h"
#include "sandbox/xml_write.h"

namespace kefu::sandbox {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

constexpr Timestamp kNow{1'735'689'600'000};
const std::string kUrl = "http://sandbox:8000";

struct Desk {
  Shelf shelf{"/wechat-media/", 72h, [next = std::uint64_t{1}]() mutable { return next++; }};
  MediaRoom room{shelf, kUrl, kNow};

  std::string put(const std::string& kind, const char* sample) {
    return shelf.put(kind, sample, std::string(sample_bytes(sample)), kNow).id;
  }
  Composed say(const json& request) {
    auto composed = compose_message(request, room);
    REQUIRE_MESSAGE(composed.ok(), (composed ? "" : composed.error()));
    return *composed;
  }
  std::int64_t judge(const std::string& type, const json& content, const json& more = json::object()) {
    json message = {{"touser", "o"}, {"msgtype", type}, {type, content}};
    message.update(more);
    return judge_message(message, message.dump(), room).code;
  }
};

}  // namespace

TEST_CASE("the customer's messages have the fields of their type") {
  Desk desk;
  const auto image = desk.say({{"type", "image"}});
  const auto id = content_of(image.fields, "MediaId");
  REQUIRE(desk.shelf.find(id, kNow) != nullptr);
  CHECK(content_of(image.fields, "PicUrl") == kUrl + "/wechat-media/" + id + ".jpg");
  const auto voice = desk.say({{"type", "voice"}});
  CHECK(content_of(voice.fields, "Format") == "amr");
  CHECK(!content_of(voice.fields, "MediaId").empty());
  CHECK(parse_object(voice.shown.content)->at("play") == "/samples/voice.mp3");
  const auto video = desk.say({{"type", "shortvideo"}});
  CHECK(video.type == "shortvideo");
  CHECK(desk.shelf.find(content_of(video.fields, "ThumbMediaId"), kNow)->kind == "thumb");
  const auto place =
      desk.say({{"type", "location"}, {"latitude", 39.9}, {"longitude", 116.4}, {"label", "北京"}});
  CHECK(content_of(place.fields, "Location_X") == "39.900000");
  CHECK(content_of(place.fields, "Location_Y") == "116.400000");
  CHECK(content_of(place.fields, "Label") == "北京");
  const auto link = desk.say({{"type", "link"}, {"title", "T"}, {"url", "https://e.com/?a=1&b=2"}});
  CHECK(content_of(link.fields, "Url") == "https://e.com/?a=1&b=2");
  CHECK(content_of(desk.say({{"type", "file"}}).fields, "Title") == "prices.txt");
  CHECK(content_of(desk.say({{"type", "miniprogrampage"}, {"appid", "wx1"}}).fields, "AppId") == "wx1");
  CHECK(desk.say({{"type", "unsupported"}}).type == "text");
}

TEST_CASE("what WeChat has no form for cannot be sent") {
  Desk desk;
  CHECK_FALSE(compose_message({{"type", "voice"}, {"sample", "photo.jpg"}}, desk.room).ok());
  CHECK_FALSE(compose_message({{"type", "sticker"}}, desk.room).ok());
  CHECK_FALSE(compose_message({{"type", "text"}}, desk.room).ok());
}

TEST_CASE("a tap on our menu is a text with the item's id and opens less") {
  Desk desk;
  const auto tap = desk.say({{"type", "text"}, {"text", "Yes"}, {"bizmsgmenuid", "101"}});
  CHECK(tap.fields == "<Content><![CDATA[Yes]]></Content><bizmsgmenuid>101</bizmsgmenuid>");
  CHECK(tap.grant == Grant::tap);
}

TEST_CASE("events carry what they are about") {
  const auto click = compose_event({{"event", "CLICK"}, {"key", "hours"}}, 1);
  CHECK(click->fields == "<EventKey><![CDATA[hours]]></EventKey>");
  CHECK(click->grant == Grant::tap);
  CHECK(content_of(compose_event({{"event", "SCAN"}, {"key", "7"}}, 1)->fields, "Ticket") == "TICKET1");
  CHECK(content_of(compose_event({{"event", "LOCATION"}}, 1)->fields, "Precision") == "65.000000");
  CHECK(compose_event({{"event", "VIEW"}, {"key", "https://e.com"}}, 1)->grant == Grant::none);
  CHECK_FALSE(compose_event({{"event", "subscribe"}}, 1).ok());
  CHECK_FALSE(compose_event(json::object(), 1).ok());
}

TEST_CASE("the customer-service API takes every type as it should be") {
  Desk desk;
  const auto image = desk.put("image", "photo.jpg"), voice = desk.put("voice", "voice.amr");
  const auto video = desk.put("video", "clip.mp4"), thumb = desk.put("thumb", "clip.jpg");
  CHECK(desk.judge("text", {{"content", "hi"}}) == 0);
  CHECK(desk.judge("image", {{"media_id", image}}) == 0);
  CHECK(desk.judge("voice", {{"media_id", voice}}) == 0);
  CHECK(desk.judge("video", {{"media_id", video}, {"thumb_media_id", thumb}, {"title", "t"}}) == 0);
  CHECK(desk.judge("music", {{"musicurl", "u"}, {"hqmusicurl", "u"}, {"thumb_media_id", thumb}}) == 0);
  CHECK(desk.judge("news", {{"articles", {{{"title", "t"}, {"url", "u"}}}}}) == 0);
  CHECK(desk.judge("mpnewsarticle", {{"article_id", "a"}}) == 0);
  CHECK(desk.judge("msgmenu", {{"list", {{{"id", "1"}, {"content", "yes"}}}}}) == 0);
  CHECK(desk.judge("wxcard", {{"card_id", "c"}}) == 0);
  CHECK(desk.judge("miniprogrampage",
                   {{"title", "t"}, {"appid", "a"}, {"pagepath", "p"}, {"thumb_media_id", thumb}}) == 0);
}

TEST_CASE("the customer-service API says what is wrong") {
  Desk desk;
  const auto image = desk.put("image", "photo.jpg");
  CHECK(desk.judge("image", {{"media_id", "unknown"}}) == 40007);
  CHECK(desk.judge("voice", {{"media_id", image}}) == 40007);
  desk.room.now = kNow + 72h;
  CHECK(desk.judge("image", {{"media_id", image}}) == 40007);
  CHECK(desk.judge("image", {{"media_id", image}, {"content", "hi"}}) == 45162);
  CHECK(desk.judge("text", {{"content", "hi"}}, {{"image", {{"media_id", image}}}}) == 45162);
  CHECK(desk.judge("news", {{"articles", {{{"title", "1"}}, {{"title", "2"}}}}}) == 45008);
  CHECK(desk.judge("news", {{"articles", json::array()}}) == 44003);
  CHECK(desk.judge("mpnews", {{"media_id", image}}) == 40007);
  CHECK(desk.judge("wxcard", json::object()) == 40035);
  CHECK(desk.judge("text", json::object()) == 44004);
  CHECK(desk.judge("text", {{"content", 1}}) == 47001);
  CHECK(desk.judge("sticker", json::object()) == 40008);
}

TEST_CASE("an upload is judged by its type, name, bytes and size") {
  const auto jpg = sample_bytes("photo.jpg"), amr = sample_bytes("voice.amr");
  CHECK(upload_problem("image", "a.jpg", jpg) == 0);
  CHECK(upload_problem("image", "a.JPEG", jpg) == 0);
  CHECK(upload_problem("thumb", "a.jpg", jpg) == 0);
  CHECK(upload_problem("voice", "a.amr", amr) == 0);
  CHECK(upload_problem("video", "a.mp4", sample_bytes("clip.mp4")) == 0);
  CHECK(upload_problem("picture", "a.jpg", jpg) == 40004);
  CHECK(upload_problem("image", "", jpg) == 41005);
  CHECK(upload_problem("image", "a.jpg", "") == 44001);
  CHECK(upload_problem("image", "a.amr", amr) == 40005);
  CHECK(upload_problem("image", "a.png", jpg) == 40113);
  CHECK(upload_problem("image", "a", jpg) == 40113);
  CHECK(upload_problem("thumb", "a.jpg", std::string(jpg) + std::string(65536, 'x')) == 40012);
  std::string long_voice(amr);
  while (long_voice.size() < 70'000) long_voice += amr.substr(6);
  CHECK(upload_problem("voice", "a.amr", long_voice) == 45007);
}

TEST_CASE("passive replies of every type are shown, with media that exist") {
  Desk desk;
  const auto image = desk.put("image", "photo.jpg"), thumb = desk.put("thumb", "clip.jpg");
  CHECK(read_reply("image", "<xml><Image><MediaId>" + image + "</MediaId></Image></xml>", desk.room)->type ==
        "image");
  CHECK_FALSE(
      read_reply("voice", "<xml><Voice><MediaId>" + image + "</MediaId></Voice></xml>", desk.room).ok());
  CHECK(read_reply("music", "<xml><Music><ThumbMediaId>" + thumb + "</ThumbMediaId></Music></xml>", desk.room)
            .ok());
  const std::string item = "<item><Title><![CDATA[T]]></Title><Url>u</Url></item>";
  const auto news = [&](int count, const std::string& items) {
    return read_reply("news",
                      "<xml><ArticleCount>" + std::to_string(count) + "</ArticleCount><Articles>" + items +
                          "</Articles></xml>",
                      desk.room);
  };
  CHECK(parse_object(news(2, item + item)->content)->at("articles").size() == 2);
  CHECK_FALSE(news(1, item + item).ok());
  CHECK_FALSE(news(0, "").ok());
}

}  // namespace kefu::sandbox
