// Cards: JSON that an agent's client, or who pretends to be one, puts into a message.
#include <nlohmann/json.hpp>

#include "lib/im/elements.h"
#include "lib/wechat/card.h"
#include "tests/fuzz/fuzz.h"

using namespace kefu;
using fuzz::must;
using nlohmann::json;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const json element{{"MsgType", "TIMCustomElem"}, {"MsgContent", {{"Data", fuzz::bytes(data, size)}}}};
  const auto content =
      im::parse_content(json::array({element}).dump(-1, ' ', false, json::error_handler_t::replace));
  if (content.elements.empty()) return 0;
  must(content.elements.size() == 1 && content.elements[0].has_card(),
       "a custom element is a card or nothing");
  const auto card = wechat::parse_card(content.elements[0].card().type(), content.elements[0].card().json());
  if (!card) {
    must(!card.error().empty(), "a refusal says why");
    return 0;
  }
  const auto body = json::parse(wechat::card_message_body(OpenId("oAlice"), *card, "thumb"), nullptr, false);
  must(body.is_object() && body.contains("touser") && body["touser"] == "oAlice",
       "a card goes to its customer");
  must(body.contains("msgtype") && body["msgtype"] == card->type && body.contains(card->type),
       "a card is of its type");
  return 0;
}
