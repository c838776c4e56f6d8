#include "lib/im/rest.h"

#include <nlohmann/json.hpp>

#include "lib/base/digest.h"
#include "lib/im/json_read.h"

namespace kefu::im {
namespace {

using nlohmann::ordered_json;

// Members in the order given here, raw UTF-8: the same value gives the same bytes. A stray bad byte must not
// throw.
std::string dumped(const ordered_json& value) {
  return value.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

std::string percent_encoded(std::string_view text) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const bool plain =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
    if (plain) {
      out += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out += {'%', kHex[byte >> 4], kHex[byte & 15]};
  }
  return out;
}

}  // namespace

std::string request_target(std::string_view command, std::uint32_t sdk_app_id, std::string_view identifier,
                           std::string_view usersig, std::uint32_t random) {
  std::string target = "/v4/";
  target.append(command);
  target.append("?sdkappid=").append(std::to_string(sdk_app_id));
  target.append("&identifier=").append(percent_encoded(identifier));
  target.append("&usersig=").append(usersig);  // its alphabet needs no encoding (§1.2)
  target.append("&random=").append(std::to_string(random));
  return target.append("&contenttype=json");
}

std::string import_body(const ImUserId& user, std::string_view nick) {
  ordered_json body{{"UserID", user.value}};
  if (!nick.empty()) body["Nick"] = nick;
  return dumped(body);
}

std::string delete_body(const ImUserId& user) {
  ordered_json item{{"UserID", user.value}};
  ordered_json body;
  body["DeleteItem"] = ordered_json::array({item});
  return dumped(body);
}

std::string send_body(const TextMessage& message) {
  ordered_json element;
  element["MsgType"] = "TIMTextElem";
  element["MsgContent"]["Text"] = message.text;

  ordered_json body;
  body["SyncOtherMachine"] = 2;  // the customer has no device of their own in IM
  body["From_Account"] = message.from.value;
  body["To_Account"] = message.to;
  body["MsgSeq"] = message.msg_seq;
  body["MsgRandom"] = message.msg_random;
  body["ForbidCallbackControl"] = {"ForbidBeforeSendMsgCallback", "ForbidAfterSendMsgCallback"};
  body["MsgBody"] = ordered_json::array({element});
  return dumped(body);
}

Result<Answer> parse_answer(std::string_view body) {
  const auto object = parse_object(body);
  if (!object) return Error{"IM's answer is no JSON object"};
  const auto code = read_integer(*object, "ErrorCode");
  if (!code) return Error{"IM's answer has no ErrorCode"};
  Answer answer{*code, read_text(*object, "ErrorInfo"), read_text(*object, "MsgKey")};

  // account_delete may say OK as a whole and tell the failure of the one item (§2.3).
  const auto* items = member(*object, "ResultItem");
  if (items != nullptr && items->is_array() && !items->empty()) {
    const auto& item = items->front();
    if (const auto item_code = read_integer(item, "ResultCode"); item_code.value_or(0) != 0) {
      answer.code = *item_code;
      answer.message = read_text(item, "ResultInfo");
    }
  }
  return answer;
}

std::string generated_nick(std::string_view word, const OpenId& customer) {
  std::string nick(word);
  if (!nick.empty()) nick += ' ';
  return nick + sha256_hex(customer.value).substr(0, 6);
}

}  // namespace kefu::im
