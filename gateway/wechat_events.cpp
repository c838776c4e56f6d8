#include "gateway/wechat_events.h"

#include <algorithm>
#include <iterator>

#include "lib/base/ascii.h"

namespace kefu {
namespace {

using Kind = CustomerPush::Kind;

constexpr WeChatEvent kEvents[] = {
    {"subscribe", Kind::follow},
    {"unsubscribe", Kind::unfollow},
    {"SCAN", Kind::scan},
    {"CLICK", Kind::menu},
    {"scancode_push", Kind::menu},
    {"scancode_waitmsg", Kind::menu},
    {"VIEW", Kind::visit},
    {"view_miniprogram", Kind::visit},
    {"pic_sysphoto", Kind::visit},
    {"pic_photo_or_album", Kind::visit},
    {"pic_weixin", Kind::visit},
    {"location_select", Kind::visit},
    {"LOCATION", Kind::position},
    {"user_enter_tempsession", Kind::report},
    {"TEMPLATESENDJOBFINISH", Kind::report},
    {"MASSSENDJOBFINISH", Kind::report},
    {"PUBLISHJOBFINISH", Kind::report},
    {"FREEPUBLISHJOBFINISH", Kind::report},
    {"kf_create_session", Kind::report},
    {"kf_close_session", Kind::report},
    {"kf_switch_session", Kind::report},
    {"subscribe_msg_popup_event", Kind::report},
    {"subscribe_msg_change_event", Kind::report},
    {"subscribe_msg_sent_event", Kind::report},
    {"user_authorization_revoke", Kind::report},
    {"user_info_modified", Kind::report},
    {"qualification_verify_success", Kind::report},
    {"qualification_verify_fail", Kind::report},
    {"naming_verify_success", Kind::report},
    {"naming_verify_fail", Kind::report},
    {"annual_renew", Kind::report},
    {"verify_expired", Kind::report},
};

// Of a report: what an agent can make use of, and not the rest of a long one.
constexpr std::size_t kReportFieldsMax = 12;

std::string selected_place(const wechat::Push& push) {
  return joined(
      {push.field("SendLocationInfo/Poiname"), push.field("SendLocationInfo/Label"),
       point(push.field("SendLocationInfo/Location_X"), push.field("SendLocationInfo/Location_Y"))});
}

// "TEMPLATESENDJOBFINISH: MsgID 200163836, Status success".
std::string report(const wechat::Push& push, const WeChatEvent& event) {
  std::string text(event.name);
  std::size_t told = 0;
  for (const auto& [path, value] : push.fields) {
    if (value.empty() || told == kReportFieldsMax) continue;
    text.append(told++ == 0 ? ": " : ", ").append(path.substr(path.rfind('/') + 1)).append(" ").append(value);
  }
  return text;
}

}  // namespace

const WeChatEvent* find_wechat_event(std::string_view event) {
  const auto found = std::find_if(std::begin(kEvents), std::end(kEvents),
                                  [&](const WeChatEvent& known) { return lower_ascii(known.name) == event; });
  return found == std::end(kEvents) ? nullptr : found;
}

Result<std::set<std::string>> forwarded_events(const std::vector<std::string>& names) {
  std::set<std::string> events;
  std::string unknown;
  for (const auto& name : names) {
    auto event = lower_ascii(name);
    if (!find_wechat_event(event)) unknown += (unknown.empty() ? "" : ", ") + name;
    events.insert(std::move(event));
  }
  if (unknown.empty()) return events;
  std::string known;
  for (const auto& event : kEvents) known.append(known.empty() ? "" : ", ").append(event.name);
  return Error{"names " + unknown + ", which is no event of WeChat: give any of " + known};
}

std::string scene_of(const wechat::Push& push) {
  constexpr std::string_view kPrefix = "qrscene_";
  if (push.event == "scan") return push.event_key;
  if (push.event != "subscribe") return "";
  return push.event_key.starts_with(kPrefix) ? push.event_key.substr(kPrefix.size()) : push.event_key;
}

std::string event_note(const wechat::Push& push, const Texts& texts) {
  const auto& event = push.event;
  if (event == "subscribe") {
    const auto scene = scene_of(push);
    return scene.empty() ? "" : joined({texts.followed_by_scene, scene});
  }
  if (event == "unsubscribe") return std::string(texts.unfollowed);
  if (event == "scan") return joined({texts.scanned_scene, push.event_key});
  if (event == "click") return joined({texts.clicked, push.event_key});
  if (event == "view") return joined({texts.opened_page, push.event_key});
  if (event == "view_miniprogram") return joined({texts.opened_mini_program, push.event_key});
  if (event.starts_with("scancode_"))
    return joined({texts.scanned_code, push.field("ScanCodeInfo/ScanResult")});
  if (event.starts_with("pic_")) return joined({texts.chose_pictures, push.field("SendPicsInfo/Count")});
  if (event == "location_select") return joined({texts.chose_place, selected_place(push)});
  if (event == "location")
    return joined({texts.is_at, point(push.field("Latitude"), push.field("Longitude"))});
  return joined({texts.reported, report(push, *find_wechat_event(event))});
}

}  // namespace kefu
