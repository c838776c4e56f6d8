// reference: WeChat §1.2 and §2.1: lower-case hex SHA-1 of the bytewise sorted strings, joined.
#pragma once

#include <string>
#include <string_view>

namespace kefu::wechat {

// `signature` of GET / and of plain pushes. It covers no byte of the body.
std::string url_signature(std::string_view token, std::string_view timestamp, std::string_view nonce);
// `msg_signature` of encrypted pushes and replies.
std::string message_signature(std::string_view token, std::string_view timestamp, std::string_view nonce,
                              std::string_view encrypt);

// False too for an empty `given`. Constant time.
bool url_signature_holds(std::string_view token, std::string_view timestamp, std::string_view nonce,
                         std::string_view given);
bool message_signature_holds(std::string_view token, std::string_view timestamp, std::string_view nonce,
                             std::string_view encrypt, std::string_view given);

}  // namespace kefu::wechat
