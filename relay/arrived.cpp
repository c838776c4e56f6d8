#include "relay/arrived.h"

#include "lib/im/rest.h"

namespace kefu::relay {
namespace {

// The look-up itself has sent nothing, so it is never the end of the message, nor a doubt more.
Arrived failed(work::Outcome outcome) {
  outcome.unsure = false;
  if (outcome.kind != v1::OUTCOME_UNAVAILABLE) {
    outcome.kind = v1::OUTCOME_RETRY;
    outcome.failure = v1::FAILURE_RETRY;
  }
  outcome.reason = "an earlier attempt may have arrived, and it could not be looked up: " + outcome.reason;
  return {false, {}, std::move(outcome)};
}

Arrived unreadable(std::string why) {
  return failed(work::failed(v1::OUTCOME_RETRY, v1::FAILURE_RETRY, "IM admin_getroammsg: " + std::move(why)));
}

}  // namespace

Arrived look_up_arrived(ImApi& api, const ImUserId& customer, const std::string& agent, Timestamp from,
                        Timestamp to, Timestamp deadline) {
  // As the agent sees it: the customer, who is not synced, does not.
  im::RoamQuery query{agent, customer.value, from.ms / 1000, to.ms / 1000};
  Arrived arrived{true};
  for (;;) {
    const auto call = api.call(im::kRoamMessages, im::roam_body(query), deadline);
    if (call.error_class == im::ErrorClass::import_account) return arrived;  // nobody there, nothing arrived
    if (!call.ok()) return failed(call.outcome);
    const auto page = im::parse_roam_page(call.body);
    if (!page) return unreadable(page.error());
    for (const auto& message : page->messages) {
      if (message.from == customer.value && message.to == agent)
        arrived.messages.insert({message.msg_seq, message.msg_random});
    }
    if (page->complete) return arrived;
    if (page->last_key.empty() || page->last_key == query.last_key)
      return unreadable("it does not go on after a page that is not the last");
    query.to_s = page->last_s;
    query.last_key = page->last_key;
  }
}

}  // namespace kefu::relay
