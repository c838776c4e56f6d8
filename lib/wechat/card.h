// Cards: messages that only WeChat has, written by the agent's side as JSON (docs/cards.md). Pure.
#pragma once

#include <string>
#include <string_view>

#include "lib/base/ids.h"
#include "lib/base/result.h"

namespace kefu::wechat {

struct Card {
  std::string type;       // msgtype
  std::string json;       // the object of that msgtype, in WeChat's order of fields
  std::string thumb_url;  // to be fetched and uploaded as the thumb; empty: none is needed
};
// Checked field by field: what is missing, unknown or of the wrong kind is an error that says so, for the
// agent. reference: WeChat §6.2.
Result<Card> parse_card(std::string_view type, std::string_view json);

// Body of custom/send. `thumb_media_id`: of the upload of card.thumb_url.
// REQUIRES: a card of parse_card.
std::string card_message_body(const OpenId& to, const Card& card, std::string_view thumb_media_id);

}  // namespace kefu::wechat
