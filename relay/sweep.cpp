#include "relay/sweep.h"

#include <algorithm>
#include <chrono>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "lib/im/rest.h"

namespace kefu::relay {
namespace {

using namespace std::chrono_literals;
using Message = im::RoamPage::Message;

constexpr int kPagesMax = 10;
constexpr auto kClocksDiffer = 10min;  // IM's and ours

work::Outcome refused(std::string why) {
  auto outcome = work::done();
  outcome.reason = "not looked up: " + std::move(why);
  return outcome;
}

bool is_carried(const Message& message, const v1::Delivery& delivery) {
  const bool theirs = message.from == delivery.event().sweep().agent() && message.to == delivery.im_user();
  const bool says_something = !message.content.elements.empty() || !message.content.left_out.empty();
  return theirs && !message.recalled && !message.msg_key.empty() && says_something;
}

v1::FoundMessage found(Message message) {
  v1::FoundMessage told;
  told.set_from(message.from);
  told.set_to(message.to);
  told.set_msg_key(message.msg_key);
  told.set_sent_at_s(message.sent_at_s);
  told.set_left_out(message.content.left_out);
  told.mutable_message()->set_agent(message.from);
  told.mutable_message()->set_text(message.content.text());
  told.mutable_message()->mutable_elements()->Add(message.content.elements.begin(),
                                                  message.content.elements.end());
  return told;
}

}  // namespace

work::Outcome sweep(ImApi& api, const v1::Delivery& delivery, Timestamp wall_now, Timestamp deadline) {
  const auto& asked = delivery.event().sweep();
  // As the customer sees it: what was sent without a copy for the sender is visible to the recipient alone.
  im::RoamQuery query{delivery.im_user(), asked.agent(), asked.since_s(),
                      (wall_now + kClocksDiffer).ms / 1000};
  std::vector<Message> messages;
  for (int pages = 0; pages < kPagesMax; ++pages) {
    const auto call = api.call(im::kRoamMessages, im::roam_body(query), deadline);
    const bool answered = call.code != 0 && call.error_class != im::ErrorClass::throttle;
    if (!call.ok()) return answered ? refused(call.outcome.reason) : call.outcome;
    auto page = im::parse_roam_page(call.body);
    if (!page) return refused(page.error());
    for (auto& message : page->messages) {
      if (is_carried(message, delivery)) messages.push_back(std::move(message));
    }
    if (page->complete || page->last_key.empty() || page->last_key == query.last_key) break;
    query.to_s = page->last_s;
    query.last_key = page->last_key;
  }
  // MsgSeq orders what was sent in the same second (reference: IM §2.5).
  std::stable_sort(messages.begin(), messages.end(), [](const Message& a, const Message& b) {
    return std::tie(a.sent_at_s, a.msg_seq) < std::tie(b.sent_at_s, b.msg_seq);
  });
  auto outcome = work::done();
  for (auto& message : messages) outcome.found.push_back(found(std::move(message)));
  return outcome;
}

}  // namespace kefu::relay
