#include "lib/im/callback.h"

#include <array>
#include <charconv>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "lib/base/digest.h"
#include "lib/base/utf8.h"
#include "lib/im/json_read.h"

namespace kefu::im {
namespace {

using nlohmann::json;

constexpr std::int64_t kSignValidS = 60;
constexpr std::size_t kPlatformsMax = 16;

// 1, "1" or true.
bool is_set(const json& object, const char* key) {
  const auto* value = member(object, key);
  if (value != nullptr && value->is_boolean()) return value->get<bool>();
  return read_integer(object, key).value_or(0) != 0;
}

// reference: IM §2.5: seq_random_time.
std::string message_key_of(const json& body) {
  auto key = read_text(body, "MsgKey");
  if (!key.empty()) return key;
  const auto part = [&](const char* name) { return std::to_string(read_u32(body, name).value_or(0)); };
  return part("MsgSeq") + "_" + part("MsgRandom") + "_" + part("MsgTime");
}

Result<SentMessage> read_sent(const json& body) {
  SentMessage message;
  message.from = read_text(body, "From_Account");
  message.to = read_text(body, "To_Account");
  if (message.from.empty()) return Error{"a callback without From_Account"};
  if (message.to.empty()) return Error{"a callback without To_Account"};
  message.msg_key = message_key_of(body);
  message.msg_time = read_u32(body, "MsgTime").value_or(0);
  message.online_only = is_set(body, "OnlineOnlyFlag");
  message.send_result = read_integer(body, "SendMsgResult").value_or(0);
  if (const auto* elements = member(body, "MsgBody")) message.content = read_content(*elements);
  return message;
}

// KickedDevice: objects with a platform each, or the platforms themselves.
std::vector<std::string> read_platforms(const json& body) {
  std::vector<std::string> platforms;
  const auto* devices = member(body, "KickedDevice");
  if (devices == nullptr || !devices->is_array()) return platforms;
  for (const auto& device : *devices) {
    auto platform =
        device.is_string() ? clean_utf8(device.get<std::string>()) : read_text(device, "Platform");
    if (!platform.empty() && platforms.size() < kPlatformsMax) platforms.push_back(std::move(platform));
  }
  return platforms;
}

Presence read_presence(const json& body) {
  Presence presence;
  presence.at = Timestamp{read_integer(body, "EventTime").value_or(0)};
  presence.kicked = read_platforms(body);
  const auto* info = member(body, "Info");
  if (info == nullptr) return presence;
  presence.user = read_text(*info, "To_Account");
  presence.action = read_text(*info, "Action");
  presence.reason = read_text(*info, "Reason");
  return presence;
}

CallbackKind kind_of(std::string_view command) {
  using Kind = CallbackKind;
  static constexpr std::array<std::pair<std::string_view, Kind>, 8> kKinds{{
      {"C2C.CallbackBeforeSendMsg", Kind::before_send},
      {"C2C.CallbackAfterSendMsg", Kind::after_send},
      {"C2C.CallbackAfterMsgWithDraw", Kind::withdrawn},
      {"C2C.CallbackAfterModifyMsg", Kind::modified},
      {"C2C.CallbackAfterMsgReport", Kind::read},
      {"C2C.CallbackAfterMsgReadReceipt", Kind::read},
      {"State.StateChange", Kind::presence},
      {"ContentCallback.ResultNotify", Kind::moderation},
  }};
  for (const auto& [name, kind] : kKinds) {
    if (name == command) return kind;
  }
  if (command.substr(0, 4) == "Bot.") return Kind::bot;
  return command.substr(0, 6) == "Group." ? Kind::group : Kind::other;
}

bool is_about_message(CallbackKind kind) {
  return kind == CallbackKind::before_send || kind == CallbackKind::after_send ||
         kind == CallbackKind::withdrawn || kind == CallbackKind::modified;
}

}  // namespace

std::string callback_sign(std::string_view token, std::string_view request_time) {
  return sha256_hex(std::string(token).append(request_time));
}

bool callback_sign_holds(std::string_view token, std::string_view request_time, std::string_view sign,
                         Timestamp now) {
  if (!equal_constant_time(callback_sign(token, request_time), sign)) return false;
  std::int64_t asked_at = 0;
  const auto [end, problem] =
      std::from_chars(request_time.data(), request_time.data() + request_time.size(), asked_at);
  if (problem != std::errc{} || end != request_time.data() + request_time.size()) return false;
  const std::int64_t now_s = now.ms / 1000;
  return asked_at >= now_s - kSignValidS && asked_at <= now_s + kSignValidS;
}

Result<Callback> parse_callback(std::string_view body, std::string_view command) {
  const auto object = parse_mended_object(body);
  if (!object) return Error{"not a JSON object, or nested too deep"};
  Callback callback;
  callback.command = read_text(*object, "CallbackCommand");
  if (callback.command.empty()) callback.command = command;
  callback.kind = kind_of(callback.command);
  if (callback.kind == CallbackKind::presence) callback.presence = read_presence(*object);
  if (!is_about_message(callback.kind)) return callback;
  auto sent = read_sent(*object);
  if (!sent) return Error{sent.error()};
  callback.sent = *std::move(sent);
  return callback;
}

DedupKey message_key(const SentMessage& message) {
  return dedup_key({"im message", message.from, message.to, message.msg_key});
}

std::string_view callback_ok() {
  return R"({"ActionStatus":"OK","ErrorInfo":"","ErrorCode":0})";
}

}  // namespace kefu::im
