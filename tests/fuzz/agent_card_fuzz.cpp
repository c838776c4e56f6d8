// Cards: JSON that an agent's client, or who pretends to be one, puts into a message.
#include <nlohmann/json.hpp>

#include "lib/wechat/card.h"
#include "tests/fuzz/fuzz.h"

using namespace kefu;
using fuzz::must;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto card_data = wechat::read_card_data(fuzz::bytes(data, size));
  if (!card_data || card_data->type.empty()) return 0;
  const auto card = wechat::parse_card(card_data->type, card_data->json);
  if (!card) {
    must(!card.error().empty(), "a refusal says why");
    return 0;
  }
  const auto body =
      nlohmann::json::parse(wechat::card_message_body(OpenId("oAlice"), *card, "thumb"), nullptr, false);
  must(body.is_object() && body.contains("touser") && body["touser"] == "oAlice",
       "a card goes to its customer");
  must(body.contains("msgtype") && body["msgtype"] == card->type && body.contains(card->type),
       "a card is of its type");
  return 0;
}
