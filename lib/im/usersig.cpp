#include "lib/im/usersig.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <optional>
#include <stdexcept>

#include "lib/base/digest.h"
#include "lib/im/json_read.h"

namespace kefu::im {
namespace {

using nlohmann::ordered_json;

constexpr std::size_t kInflatedBytesMax = 8 << 10;

// reference: IM §5.1, steps 1 and 2. `userbuf` is Base64, or empty: none.
std::string mac(std::string_view key, const UserSigFields& fields, std::string_view userbuf) {
  std::string content = "TLS.identifier:" + fields.identifier + "\n";
  content += "TLS.sdkappid:" + std::to_string(fields.sdk_app_id) + "\n";
  content += "TLS.time:" + std::to_string(fields.time_s) + "\n";
  content += "TLS.expire:" + std::to_string(fields.expire_s) + "\n";
  if (!userbuf.empty()) content.append("TLS.userbuf:").append(userbuf).append("\n");
  return base64_encode(hmac_sha256(key, content));
}

std::string deflated(const std::string& text) {
  uLongf size = compressBound(static_cast<uLong>(text.size()));
  std::string out(size, '\0');
  const auto status = compress(reinterpret_cast<Bytef*>(out.data()), &size,
                               reinterpret_cast<const Bytef*>(text.data()), static_cast<uLong>(text.size()));
  if (status != Z_OK) throw std::runtime_error("zlib refuses to compress");
  out.resize(size);
  return out;
}

// Nothing when it is no zlib stream, has bytes behind it, or holds more than the cap.
std::optional<std::string> inflated(const std::string& bytes) {
  std::string out(kInflatedBytesMax, '\0');
  uLongf size = out.size();
  uLong used = bytes.size();
  const auto status = uncompress2(reinterpret_cast<Bytef*>(out.data()), &size,
                                  reinterpret_cast<const Bytef*>(bytes.data()), &used);
  if (status != Z_OK || used != bytes.size()) return std::nullopt;
  out.resize(size);
  return out;
}

// Not RFC 4648's base64url (§5.1, step 4).
constexpr std::array<std::array<char, 2>, 3> kSubstitutes{{{'+', '*'}, {'/', '-'}, {'=', '_'}}};

std::string substituted(std::string text) {
  for (const auto& [plain, substitute] : kSubstitutes)
    std::replace(text.begin(), text.end(), plain, substitute);
  return text;
}

std::optional<std::string> restored(std::string text) {
  for (const auto& [plain, substitute] : kSubstitutes) {
    if (text.find(plain) != text.npos) return std::nullopt;
    std::replace(text.begin(), text.end(), substitute, plain);
  }
  return text;
}

// An identifier is signed as its bytes: it must not be mended on the way.
std::optional<std::string> exact_text(const nlohmann::json& object, const char* key) {
  const auto* value = member(object, key);
  if (value == nullptr || !value->is_string()) return std::nullopt;
  return value->get<std::string>();
}

}  // namespace

std::string make_usersig(std::uint32_t sdk_app_id, std::string_view key, std::string_view identifier,
                         std::int64_t time_s, std::int64_t expire_s) {
  const UserSigFields fields{std::string(identifier), sdk_app_id, time_s, expire_s};
  ordered_json json;
  json["TLS.ver"] = "2.0";
  json["TLS.identifier"] = identifier;
  json["TLS.sdkappid"] = sdk_app_id;
  json["TLS.expire"] = expire_s;
  json["TLS.time"] = time_s;
  json["TLS.sig"] = mac(key, fields, {});
  return substituted(
      base64_encode(deflated(json.dump(-1, ' ', false, ordered_json::error_handler_t::replace))));
}

Result<UserSigFields> check_usersig(std::string_view usersig, std::string_view key) {
  const auto base64 = restored(std::string(usersig));
  const auto packed = base64 ? base64_decode(*base64) : std::nullopt;
  if (!packed) return Error{"the UserSig is not in its Base64"};
  const auto text = inflated(*packed);
  if (!text) return Error{"the UserSig does not inflate, or to more than it may"};
  const auto json = parse_object(*text);
  if (!json) return Error{"the UserSig holds no JSON object"};

  const auto version = exact_text(*json, "TLS.ver");
  const auto identifier = exact_text(*json, "TLS.identifier");
  const auto sig = exact_text(*json, "TLS.sig");
  const auto sdk_app_id = read_u32(*json, "TLS.sdkappid");
  const auto time_s = read_integer(*json, "TLS.time");
  const auto expire_s = read_integer(*json, "TLS.expire");
  if (version != "2.0") return Error{"the UserSig is not of version 2.0"};
  if (!identifier || !sig || !sdk_app_id || !time_s || !expire_s) return Error{"the UserSig lacks a field"};

  UserSigFields fields{*identifier, *sdk_app_id, *time_s, *expire_s};
  const auto userbuf = exact_text(*json, "TLS.userbuf").value_or("");
  if (!equal_constant_time(mac(key, fields, userbuf), *sig))
    return Error{"the UserSig was made with another key"};
  return fields;
}

}  // namespace kefu::im
