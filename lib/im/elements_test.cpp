#include "lib/im/elements.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

using namespace kefu;
using nlohmann::json;

namespace {

std::string one(const char* type, const json& content) {
  return json::array({{{"MsgType", type}, {"MsgContent", content}}}).dump();
}

v1::Element only(const std::string& body) {
  const auto content = im::parse_content(body);
  CAPTURE(body);
  CHECK(content.left_out.empty());
  REQUIRE(content.elements.size() == 1);
  return content.elements[0];
}

json image(const json& infos) {
  return {{"UUID", "u"}, {"ImageFormat", 1}, {"ImageInfoArray", infos}};
}

}  // namespace

TEST_CASE("texts are joined in order, empty ones say nothing") {
  const auto content = im::parse_content(R"([{"MsgType":"TIMTextElem","MsgContent":{"Text":"a"}},
    {"MsgType":"TIMTextElem","MsgContent":{"Text":""}},{"MsgType":"TIMTextElem","MsgContent":{"Text":"b\n😀"}}])");
  CHECK(content.elements.size() == 2);
  CHECK(content.all_text());
  CHECK(content.text() == "a\nb\n😀");
  CHECK(content.left_out.empty());
}

TEST_CASE("elements keep their order, and a text beside them stays") {
  const auto content = im::parse_content(
      R"x([{"MsgType":"TIMTextElem","MsgContent":{"Text":"see"}},
      {"MsgType":"TIMFaceElem","MsgContent":{"Index":3,"Data":"/::)"}},
      {"MsgType":"TIMLocationElem","MsgContent":{"Desc":"Bund","Latitude":31.24,"Longitude":"121.49"}},
      {"MsgType":"TIMTextElem","MsgContent":{"Text":"there"}}])x");
  REQUIRE(content.elements.size() == 4);
  CHECK_FALSE(content.all_text());
  CHECK(content.elements[1].face().index() == 3);
  CHECK(content.elements[1].face().data() == "/::)");
  CHECK(content.elements[2].location().description() == "Bund");
  CHECK(content.elements[2].location().latitude() == doctest::Approx(31.24));
  CHECK(content.elements[2].location().longitude() == doctest::Approx(121.49));
  CHECK(content.text() == "see\nthere");
}

TEST_CASE("of an image the original is taken, else the largest that has an address") {
  const auto original = only(one(
      "TIMImageElem",
      image({{{"Type", 3}, {"Size", 99}, {"URL", "https://x/t"}},
             {{"Type", 1}, {"Size", "10"}, {"Width", 640}, {"Height", "480"}, {"Url", "https://x/o.jpg"}}})));
  CHECK(original.image().url() == "https://x/o.jpg");
  CHECK(original.image().bytes() == 10);
  CHECK(original.image().width() == 640);
  CHECK(original.image().height() == 480);
  CHECK(original.image().uuid() == "u");
  const auto large = only(one("TIMImageElem", image({{{"Type", 1}, {"Size", 100}},
                                                     {{"Type", 3}, {"Size", 1}, {"URL", "https://x/t"}},
                                                     {{"Type", 2}, {"Size", 5}, {"URL", "https://x/l"}}})));
  CHECK(large.image().url() == "https://x/l");
}

TEST_CASE("sounds, files and videos are read in every spelling") {
  const auto sound = only(
      one("TIMSoundElem",
          {{"Url", "https://x/s.amr"}, {"UUID", "s"}, {"Size", 4242}, {"Second", 7}, {"Download_Flag", 2}}));
  CHECK(sound.sound().url() == "https://x/s.amr");
  CHECK(sound.sound().bytes() == 4242);
  CHECK(sound.sound().seconds() == 7);
  CHECK(only(one("TIMSoundElem", {{"URL", "http://x/s"}, {"FileSize", "5"}})).sound().bytes() == 5);
  const auto file =
      only(one("TIMFileElem", {{"Url", "https://x/f"}, {"FileSize", 9}, {"FileName", "报价.pdf"}}));
  CHECK(file.file().name() == "报价.pdf");
  CHECK(file.file().bytes() == 9);
  const auto video = only(one("TIMVideoFileElem", {{"VideoUrl", "https://x/v.mp4"},
                                                   {"VideoUUID", "v"},
                                                   {"VideoSize", 1000},
                                                   {"VideoSecond", 12},
                                                   {"ThumbUrl", "https://x/t.jpg"},
                                                   {"ThumbUUID", "t"},
                                                   {"ThumbSize", 10},
                                                   {"ThumbWidth", 100},
                                                   {"ThumbHeight", 50}}));
  CHECK(video.video().video().seconds() == 12);
  CHECK(video.video().thumb().width() == 100);
  CHECK_FALSE(only(one("TIMVideoFileElem", {{"VideoUrl", "https://x/v"}})).video().has_thumb());
}

TEST_CASE("media that nobody can fetch are left out by name") {
  for (const auto* type : {"TIMSoundElem", "TIMFileElem", "TIMVideoFileElem", "TIMImageElem"}) {
    for (const auto& content :
         {json{{"UUID", "old SDK"}}, json{{"Url", "file:///etc/passwd"}}, json(7), json()}) {
      const auto read = im::parse_content(one(type, content));
      CHECK(read.elements.empty());
      CHECK(read.left_out == type);
    }
  }
  const auto nowhere = im::parse_content(one("TIMLocationElem", {{"Latitude", 1e9}, {"Longitude", 0}}));
  CHECK(nowhere.left_out == "TIMLocationElem");
}

TEST_CASE("forwarded messages are their title and abstract") {
  const auto merged =
      only(one("TIMRelayElem", {{"Title", "Chat"}, {"MsgNum", 2}, {"AbstractList", {"a: 1", 5, "b: 2"}}}));
  CHECK(merged.merged().title() == "Chat");
  REQUIRE(merged.merged().lines_size() == 2);
  CHECK(merged.merged().lines(1) == "b: 2");
  CHECK(only(one("TIMRelayElem", {{"CompatibleText", "old client"}})).merged().lines(0) == "old client");
}

TEST_CASE("a card of our vocabulary is taken, what others invented is left out by its name") {
  const auto card = only(one("TIMCustomElem", {{"Data", R"({"kefu":"news","news":{"title":"t"}})"}}));
  CHECK(card.card().type() == "news");
  CHECK(card.card().json() == R"({"title":"t"})");

  const auto left_out = [](const json& content) {
    const auto read = im::parse_content(one("TIMCustomElem", content));
    CHECK(read.elements.empty());
    CHECK_FALSE(read.typing);
    return read.left_out;
  };
  CHECK(left_out({{"Data", R"({"kefu":"news"})"}, {"Desc", "a card"}}) == "TIMCustomElem a card");
  CHECK(left_out({{"Data", "no json"}, {"Desc", "two\nlines"}}) == "TIMCustomElem two lines");
  CHECK(left_out({{"Data", R"({"businessID":"av_call","data":"{}"})"}}) == "TIMCustomElem av_call");
  CHECK(left_out({{"Data", R"({"data":"{\"businessID\":\"rtc_call\"}"})"}}) == "TIMCustomElem rtc_call");
  CHECK(left_out(json()) == "TIMCustomElem");
  for (const auto* nothing_of_ours :
       {"", "hello", "[]", "{}", "{\"kefu\"", R"({"kefu":1})", R"({"kefu":"wxcard"})", R"({"kefu":"","":{}})",
        R"({"kefu":"kefu"})", R"({"kefu":"wxcard","wxcard":1})"}) {
    CAPTURE(nothing_of_ours);
    CHECK(left_out({{"Data", nothing_of_ours}}) == "TIMCustomElem");
  }
}

TEST_CASE("typing notices are recognised in all their forms") {
  const auto typing = [](const std::string& data) {
    return im::parse_content(one("TIMCustomElem", {{"Data", data}})).typing;
  };
  CHECK(typing(R"({"businessID":"user_typing_status","typingStatus":1,"userAction":14,
    "actionParam":"EIMAMSG_InputStatus_Ing"})") == true);
  CHECK(typing(R"({"businessID":"user_typing_status","typingStatus":0,"userAction":0,
    "actionParam":"EIMAMSG_InputStatus_End"})") == false);
  CHECK(typing(R"({"userAction":14,"actionParam":"EIMAMSG_InputStatus_Ing"})") == true);
  CHECK(typing(R"({"businessID":"user_typing_status","userAction":"14"})") == true);
  CHECK(typing(R"({"businessID":"user_typing_status","userAction":0})") == false);
  CHECK(typing(R"({"data":"{\"businessID\":\"user_typing_status\",\"typingStatus\":\"1\"}"})") == true);
  CHECK_FALSE(typing(R"({"businessID":"order"})"));
  CHECK_FALSE(typing("14"));
}

TEST_CASE("unknown types, too many elements and strange shapes never fail") {
  CHECK(im::parse_content(R"([{"MsgType":"TIMStreamElem","MsgContent":{}},
    {"MsgType":"TIMStreamElem"},{"MsgType":7},{},5,null])")
            .left_out == "TIMStreamElem\n7");
  auto many = json::array();
  for (int i = 0; i < 300; ++i) many.push_back({{"MsgType", "TIMTextElem"}, {"MsgContent", {{"Text", "x"}}}});
  const auto content = im::parse_content(many.dump());
  CHECK(content.elements.size() == im::kElementsMax);
  CHECK(content.left_out == "TIMTextElem");
  for (const auto* strange : {"", "{}", "7", "null", "\"[]\"", "[[[", "[\"x\"]"}) {
    CHECK(im::parse_content(strange).elements.empty());
  }
  // An array in a string.
  CHECK(im::read_content(json(one("TIMTextElem", {{"Text", "x"}}))).text() == "x");
}

TEST_CASE("what is written is what IM demands, and reads back the same") {
  std::vector<v1::Element> elements(6);
  elements[0].set_text("看 \"图\" 😀");
  auto& image = *elements[1].mutable_image();
  image.set_url("https://x/media/a.png?x=.gif");
  image.set_uuid("h");
  image.set_bytes(10);
  image.set_width(2);
  image.set_height(3);
  auto& sound = *elements[2].mutable_sound();
  sound.set_url("https://x/s.mp3");
  sound.set_uuid("s");
  sound.set_seconds(4);
  auto& video = *elements[3].mutable_video();
  video.mutable_video()->set_url("https://x/v.mp4");
  video.mutable_video()->set_uuid("v");
  video.mutable_thumb()->set_url("https://x/t.jpg");
  video.mutable_thumb()->set_uuid("t");
  video.mutable_thumb()->set_width(5);
  elements[4].mutable_location()->set_latitude(31.25);
  elements[4].mutable_location()->set_longitude(-121.5);
  elements[4].mutable_location()->set_description("here");
  elements[5].mutable_card()->set_type("link");
  elements[5].mutable_card()->set_json(R"({"title":"t","url":"https://x"})");

  const auto text = im::body_of(elements);
  CHECK(text == im::body_of(elements));
  CHECK(text.find("看 \\\"图\\\" 😀") != std::string::npos);
  const auto body = json::parse(text);
  REQUIRE(body.size() == 6);
  CHECK(body[1]["MsgContent"]["ImageFormat"] == 3);
  CHECK(body[1]["MsgContent"]["ImageInfoArray"].size() == 1);
  CHECK(body[1]["MsgContent"]["ImageInfoArray"][0]["Type"] == 1);
  CHECK(body[1]["MsgContent"]["ImageInfoArray"][0]["Width"] == 2);
  CHECK(body[2]["MsgContent"]["Download_Flag"] == 2);
  for (const auto* needed :
       {"VideoUrl", "VideoUUID", "VideoSize", "VideoSecond", "VideoFormat", "VideoDownloadFlag", "ThumbUrl",
        "ThumbUUID", "ThumbSize", "ThumbWidth", "ThumbHeight", "ThumbFormat", "ThumbDownloadFlag"}) {
    CAPTURE(needed);
    CHECK(body[3]["MsgContent"].contains(needed));
  }
  CHECK(body[5]["MsgType"] == "TIMCustomElem");
  CHECK(body[5]["MsgContent"]["Desc"] == "看 \"图\" 😀");  // what is readable of the message

  const auto read = im::parse_content(text);
  REQUIRE(read.elements.size() == 6);
  for (std::size_t i = 0; i < elements.size(); ++i)
    CHECK(read.elements[i].SerializeAsString() == elements[i].SerializeAsString());
}

TEST_CASE("a message of a customer to an agent wakes no callbacks, and its bytes never change") {
  im::Message message{ImUserId("oA"), "kf2001", 4294967295u, 7, std::vector<v1::Element>(1)};
  message.elements[0].set_text("你好 \"<&>\"\n");
  CHECK(
      im::send_body(message) ==
      R"({"SyncOtherMachine":2,"From_Account":"oA","To_Account":"kf2001","MsgSeq":4294967295,"MsgRandom":7,)"
      R"("ForbidCallbackControl":["ForbidBeforeSendMsgCallback","ForbidAfterSendMsgCallback"],)"
      R"("MsgBody":[{"MsgType":"TIMTextElem","MsgContent":{"Text":"你好 \"<&>\"\n"}}]})");
}
