// Callbacks of Tencent IM, whose texts, cards and addresses strangers choose, and which drift.
#include "lib/base/utf8.h"
#include "lib/im/callback.h"
#include "lib/im/elements.h"
#include "tests/fuzz/fuzz.h"

using namespace kefu;
using fuzz::must;

namespace {

void check(const im::Content& content) {
  must(content.elements.size() <= im::kElementsMax, "no more elements than the limit");
  must(is_valid_utf8(content.text()) && is_valid_utf8(content.left_out), "texts are UTF-8");
  for (const auto& element : content.elements) {
    v1::Element again;
    must(again.ParseFromString(element.SerializeAsString()), "what is read can be kept");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto body = fuzz::bytes(data, size);
  static_cast<void>(im::callback_sign_holds("token", body.substr(0, body.size() / 2),
                                            body.substr(body.size() / 2), Timestamp{1'735'689'600'000}));
  if (const auto callback = im::parse_callback(body)) {
    check(callback->sent.content);
    must(im::message_key(callback->sent) == im::message_key(im::parse_callback(body)->sent),
         "the same message has the same key");
  }
  const auto content = im::parse_content(body);
  check(content);
  return 0;
}
