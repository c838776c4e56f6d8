// The body of a push that carried a good signature: whoever writes to the shop chooses most of its bytes.
#include "lib/base/utf8.h"
#include "lib/wechat/push.h"
#include "lib/wechat/reply.h"
#include "lib/wechat/xml.h"
#include "tests/fuzz/fuzz.h"

using namespace kefu;
using fuzz::must;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto body = fuzz::bytes(data, size);
  const auto push = wechat::parse_push(body);
  if (!push) {
    must(!push.error().empty(), "a refusal says why");
    return 0;
  }
  must(is_plain_account_id(push->from_user.value), "the sender is a plain account id");
  must(!push->type.empty() && (!push->is_event() || !push->event.empty()), "a push says what it is");
  must(is_valid_utf8(push->content) && is_valid_utf8(push->event_key) && is_valid_utf8(push->to_user),
       "texts are UTF-8");
  for (const auto& [name, text] : push->fields)
    must(is_valid_utf8(name) && is_valid_utf8(text), "fields are UTF-8");
  must(wechat::push_key(*push) == wechat::push_key(*wechat::parse_push(body)),
       "the same push has the same key");

  // Whatever a customer wrote, our own XML around it says it again and nothing else.
  const auto reply = wechat::fields_of(wechat::text_reply(*push, push->content));
  must(reply.ok(), "a reply is XML");
  const auto* to = wechat::last_field(*reply, "ToUserName");
  const auto* content = wechat::last_field(*reply, "Content");
  must(to && to->text == push->from_user.value, "a reply goes to the sender");
  must(content && content->text == push->content, "a reply says what it was told to");
  return 0;
}
