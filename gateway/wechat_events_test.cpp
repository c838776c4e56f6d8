#include "gateway/wechat_events.h"

#include <doctest/doctest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

using namespace kefu;
using nlohmann::json;

namespace {

std::string sample(const std::string& name) {
  std::ifstream file(KEFU_TEST_VECTORS "/wechat-xml/" + name, std::ios::binary);
  return (std::ostringstream() << file.rdbuf()).str();
}

std::string note_of(const std::string& name) {
  const auto push = wechat::parse_push(sample(name + ".xml"));
  REQUIRE(push.ok());
  return event_note(*push, texts("en"));
}

std::string note_of_event(const std::string& event, const std::string& more) {
  const auto push = wechat::parse_push(
      "<xml><FromUserName>oA</FromUserName><CreateTime>1</CreateTime><MsgType>event</MsgType>"
      "<Event>" +
      event + "</Event>" + more + "</xml>");
  REQUIRE(push.ok());
  return event_note(*push, texts("en"));
}

}  // namespace

TEST_CASE("every event of the samples is known, and reads well in each language") {
  const auto index = json::parse(std::ifstream(KEFU_TEST_VECTORS "/wechat-xml/index.json"))["samples"];
  int checked = 0;
  for (const auto& [name, entry] : index.items()) {
    if (entry["kind"] != "event") continue;
    CAPTURE(name);
    const auto push = wechat::parse_push(sample(entry["file"].get<std::string>()));
    REQUIRE(push.ok());
    REQUIRE(find_wechat_event(push->event) != nullptr);
    for (const auto* locale : {"zh-CN", "en", "ja"})
      CHECK((name == "event-subscribe" || !event_note(*push, texts(locale)).empty()));
    ++checked;
  }
  CHECK(checked >= 15);
  CHECK(find_wechat_event("card_pass_check") == nullptr);
}

TEST_CASE("notes tell what happened") {
  CHECK(note_of("event-subscribe").empty());
  CHECK(note_of("event-subscribe-qrscene") == "[Followed through a QR code] Scene: 123123");
  CHECK(note_of("event-scan") == "[Scanned a QR code] Scene: 123123");
  CHECK(note_of("event-view") == "[Opened a page from the menu] https://example.com/a?b=1&c=2");
  CHECK(note_of("event-scancode-waitmsg") == "[Scanned] EAN_13,6901234567892");
  CHECK(note_of("event-location").starts_with("[Reported a position] (31.239700, "));
  CHECK(note_of("event-template-finish-user-block") ==
        "[WeChat reports] TEMPLATESENDJOBFINISH: MsgID 200163840, Status failed:user block");
  CHECK(note_of("event-subscribe-msg-change") ==
        "[WeChat reports] subscribe_msg_change_event: SubscribeStatusString reject, TemplateId "
        "VRR0UEO9VJOLs0MHlU0OilqX6MVFDwH3_3gz3Oc0NIc");
  CHECK(note_of_event("CLICK", "<EventKey>orders</EventKey>") == "[Tapped the menu] orders");
  CHECK(note_of_event("pic_weixin",
                      "<SendPicsInfo><Count>2</Count><PicList><item><PicMd5Sum>1</PicMd5Sum></item>"
                      "</PicList></SendPicsInfo>") == "[Pictures from the menu] Number: 2");
  CHECK(note_of_event(
            "location_select",
            "<SendLocationInfo><Location_X>23</Location_X><Location_Y>113</Location_Y><Scale>15</Scale>"
            "<Label>Street 1</Label><Poiname>Cafe</Poiname></SendLocationInfo>") ==
        "[Chose a place] Cafe Street 1 (23, 113)");
  CHECK(note_of_event("view_miniprogram", "<EventKey>pages/a</EventKey>") ==
        "[Opened a mini program] pages/a");
}

TEST_CASE("the prefix of a scene is stripped once") {
  wechat::Push push;
  push.event = "subscribe";
  push.event_key = "qrscene_qrscene_1";
  CHECK(scene_of(push) == "qrscene_1");
  push.event = "scan";
  CHECK(scene_of(push) == "qrscene_qrscene_1");
}

TEST_CASE("the events to forward are named in any case, and unknown ones with what is known") {
  const auto events = forwarded_events({"click", "Scan", "LOCATION"});
  REQUIRE(events.ok());
  CHECK(*events == std::set<std::string>{"click", "scan", "location"});
  CHECK(forwarded_events({})->empty());
  const auto wrong = forwarded_events({"CLICK", "clik", "sacn"});
  REQUIRE_FALSE(wrong.ok());
  CHECK(wrong.error().starts_with("names clik, sacn, which is no event of WeChat: give any of subscribe, "));
  CHECK(wrong.error().find("PUBLISHJOBFINISH") != std::string::npos);
}
