#include "relay/sweep.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "lib/im/rest.h"

namespace kefu::relay {
namespace {

using namespace std::chrono_literals;
using Message = im::RoamPage::Message;

constexpr int kPagesMax = 10;
constexpr auto kClocksDiffer = 10min;  // IM's, ours and the gateway's
constexpr auto kLookBack = 24h;

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

struct Found {
  std::pair<std::int64_t, std::uint32_t> order;  // MsgSeq within the same second (reference: IM §2.5)
  v1::FoundMessage told;
};

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

// Whether the clocks differ or one was set: not too little, and no further than the gateway remembers.
std::int64_t since_s(const v1::Sweep& asked, Timestamp wall_now) {
  return std::clamp(asked.since_s(), (wall_now - kLookBack).ms / 1000, (wall_now - kClocksDiffer).ms / 1000);
}

struct Looked {
  std::vector<Found> messages;
  std::size_t bytes = 0;
  std::string left_off = "there is too much";  // why it is not all; empty: it is
};

// IM has refused to tell, or cannot.
work::Outcome not_looked(const ImCall& call) {
  const bool answered = call.code != 0 && call.error_class != im::ErrorClass::throttle;
  return answered ? refused(call.outcome.reason) : call.outcome;
}

// Adds the carried ones of a page.
void keep(im::RoamPage page, const v1::Delivery& delivery, Looked& looked) {
  for (auto& message : page.messages) {
    if (!is_carried(message, delivery)) continue;
    const auto order = std::pair(message.sent_at_s, message.msg_seq);
    looked.messages.push_back({order, found(std::move(message))});
    looked.bytes += looked.messages.back().told.ByteSizeLong();
  }
}

work::Outcome told(Looked looked) {
  std::stable_sort(looked.messages.begin(), looked.messages.end(),
                   [](const Found& a, const Found& b) { return a.order < b.order; });
  auto outcome = looked.left_off.empty() ? work::done() : refused("all of it: " + looked.left_off);
  for (auto& message : looked.messages) outcome.found.push_back(std::move(message.told));
  return outcome;
}

}  // namespace

work::Outcome sweep(ImApi& api, const v1::Delivery& delivery, Timestamp wall_now, Timestamp deadline) {
  const auto& asked = delivery.event().sweep();
  // As the customer sees it: what was sent without a copy for the sender is visible to the recipient alone.
  im::RoamQuery query{delivery.im_user(), asked.agent(), since_s(asked, wall_now),
                      (wall_now + kClocksDiffer).ms / 1000};
  Looked looked;
  for (int pages = 0; pages < kPagesMax && looked.bytes < kFoundBytesMax; ++pages) {
    const auto call = api.call(im::kRoamMessages, im::roam_body(query), deadline);
    if (!call.ok() && pages == 0) return not_looked(call);
    auto page = call.ok() ? im::parse_roam_page(call.body) : Result<im::RoamPage>(Error{call.outcome.reason});
    if (!page) {
      looked.left_off = page.error();
      break;
    }
    if (page->complete) looked.left_off.clear();
    const bool last = page->complete || page->last_key.empty() || page->last_key == query.last_key;
    query.to_s = page->last_s;
    query.last_key = page->last_key;
    keep(*std::move(page), delivery, looked);
    if (last) break;
  }
  return told(std::move(looked));
}

}  // namespace kefu::relay
