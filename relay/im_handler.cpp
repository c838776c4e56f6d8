#include "relay/im_handler.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "lib/base/limits.h"
#include "lib/base/utf8.h"
#include "lib/ops/log.h"
#include "relay/presence.h"
#include "relay/sweep.h"

namespace kefu::relay {
namespace {

using namespace std::chrono_literals;
using im::ErrorClass;
using work::Outcome;

constexpr std::size_t kShortTextBytes = 2000;   // fits every limit that IM was ever said to have
constexpr std::uint32_t kPiecesPerPart = 1000;  // more than there can be: keeps their MsgRandoms apart

// IM drops a repeat for 120 s (reference: IM §2.5); the rest is for the way of the delivery and of the call.
constexpr auto kRepeatDroppedFor = 100s;
constexpr auto kClocksDiffer = 10min;  // IM's and ours

Outcome not_now(std::string reason) {
  return work::failed(v1::OUTCOME_RETRY, v1::FAILURE_RETRY, std::move(reason));
}

// The same message for the same part on every attempt, or IM could not tell a repeat (DESIGN §4.7). MsgSeq
// rises so that parts of one second stay in order.
im::Message numbered(const im::Message& whole, std::uint32_t number, Elements elements) {
  return {whole.from, whole.to, whole.msg_seq + number, whole.msg_random + number, std::move(elements)};
}

v1::Element text_element(std::string text) {
  v1::Element element;
  element.set_text(std::move(text));
  return element;
}

}  // namespace

std::string nick_word(std::string_view locale) {
  if (locale == "en") return "WeChat user";
  if (locale == "ja") return "WeChat ユーザー";
  return "微信用户";
}

ImHandler::ImHandler(ImApi& api, std::string nick_word, ImApi::Clocks clocks, CustomerMedia* media)
    : api_(api), accounts_(api, std::move(nick_word)), clocks_(std::move(clocks)), media_(media) {}

Outcome ImHandler::handle(const v1::Delivery& delivery, Timestamp deadline) {
  if (delivery.event().has_presence_query()) return presence(delivery, deadline);
  if (delivery.im_user().empty()) return not_now("the gateway named no IM account of the customer");
  switch (delivery.event().body_case()) {
    case v1::Event::kFollow:
      return accounts_.import(delivery, deadline).outcome;
    case v1::Event::kUnfollow:
      return accounts_.delete_all({&delivery, 1}, deadline).front();
    case v1::Event::kCustomerMessage:
      return customer_message(delivery, deadline);
    case v1::Event::kSweep:
      return sweep(api_, delivery, clocks_.wall(), std::min(deadline, clocks_.steady() + kSweepBudget));
    default:
      return not_now("a kind of event that this relay does not know: is it older than the gateway?");
  }
}

std::vector<Outcome> ImHandler::handle_together(std::span<const v1::Delivery> deliveries,
                                                Timestamp deadline) {
  const auto all = [&](v1::Event::BodyCase kind) {
    return std::all_of(deliveries.begin(), deliveries.end(), [kind](const auto& delivery) {
      return delivery.event().body_case() == kind && !delivery.im_user().empty();
    });
  };
  if (all(v1::Event::kFollow)) return accounts_.import_all(deliveries, deadline);
  if (all(v1::Event::kUnfollow)) return accounts_.delete_all(deliveries, deadline);
  std::vector<Outcome> outcomes;
  for (const auto& delivery : deliveries) outcomes.push_back(handle(delivery, deadline));
  return outcomes;
}

// Every ten minutes the same refusal: it is told once.
Outcome ImHandler::presence(const v1::Delivery& delivery, Timestamp deadline) {
  auto outcome = query_presence(api_, delivery.event().presence_query(),
                                std::min(deadline, clocks_.steady() + kPresenceBudget));
  const bool refused = outcome.kind == v1::OUTCOME_DONE && !outcome.reason.empty();
  if (refused && !presence_refused_.exchange(true)) {
    log::warning("IM does not tell which agents are online: only its callbacks count",
                 {{"why", outcome.reason}});
  }
  return outcome;
}

Outcome ImHandler::customer_message(const v1::Delivery& delivery, Timestamp deadline) {
  const auto& event = delivery.event().customer_message();
  if (delivery.agent().empty()) return not_now("the gateway named no agent");
  std::vector<Elements> parts;
  if (event.has_media() && media_ != nullptr) {
    const auto media = media_->get(delivery, deadline);
    if (media.kind == CustomerMediaAnswer::Kind::not_now)
      return work::failed(v1::OUTCOME_RETRY, v1::FAILURE_ELSEWHERE, media.why);
    parts =
        composed(event, media, [&](const auto& object) { return media_->url_of(object, media.links_until); });
  } else {
    parts = composed(event);
  }
  if (parts.empty()) return work::failed(v1::OUTCOME_DEAD, v1::FAILURE_DEAD, "the message has no text");

  const im::Message whole{
      ImUserId(delivery.im_user()), delivery.agent(), event.msg_seq(), event.msg_random(), {}};
  Attempt attempt{delivery, deadline};
  auto outcome = send_parts(attempt, whole, parts);
  if (outcome.account == v1::AccountChange::KIND_UNSPECIFIED) outcome.account = attempt.account;
  return outcome;
}

Outcome ImHandler::send_parts(Attempt& attempt, const im::Message& whole,
                              const std::vector<Elements>& parts) {
  auto sent = attempt.delivery.progress();
  Outcome outcome = work::done();
  if (repeat_may_double(attempt)) {
    auto arrived = look_up_arrived(api_, whole.from, whole.to,
                                   Timestamp{attempt.delivery.event().accepted_at_ms()} - kClocksDiffer,
                                   clocks_.wall() + kClocksDiffer, attempt.deadline);
    if (!arrived.known) outcome = std::move(arrived.failure);
    attempt.arrived = std::move(arrived.messages);
  }
  if (outcome.kind == v1::OUTCOME_DONE && !attempt.delivery.imported())
    outcome = import_account(attempt).outcome;
  while (outcome.kind == v1::OUTCOME_DONE && sent < parts.size()) {
    outcome = send_part(attempt, numbered(whole, sent, parts[sent]), sent).outcome;
    if (outcome.kind == v1::OUTCOME_DONE) ++sent;
  }
  outcome.progress = sent;
  return outcome;
}

bool ImHandler::repeat_may_double(const Attempt& attempt) const {
  if (attempt.delivery.unsure_for_ms() <= 0) return false;
  const auto here_for = limits::kHandlerBudget - (attempt.deadline - clocks_.steady());
  return Millis(attempt.delivery.unsure_for_ms()) + here_for > kRepeatDroppedFor;
}

ImCall ImHandler::import_account(Attempt& attempt) {
  auto imported = accounts_.import(attempt.delivery, attempt.deadline);
  if (imported.ok()) attempt.account = v1::AccountChange::KIND_IMPORTED;
  return imported;
}

ImCall ImHandler::send(Attempt& attempt, const im::Message& message) {
  if (attempt.arrived.contains({message.msg_seq, message.msg_random}))
    return {ErrorClass::ok, 0, work::done()};
  const auto body = im::send_body(message);
  auto sent = api_.call(im::kSendMessage, body, attempt.deadline);
  if (sent.error_class == ErrorClass::import_account && attempt.account != v1::AccountChange::KIND_IMPORTED) {
    auto imported = import_account(attempt);
    if (!imported.ok()) return imported;
    sent = api_.call(im::kSendMessage, body, attempt.deadline);
  }
  if (sent.error_class == ErrorClass::import_account) {
    sent.outcome.reason +=
        "; the customer's account is imported now, so it is most likely the agent's account " +
        attempt.delivery.agent() + " that IM does not know: check IM_AGENTS or import it in the IM console";
  }
  // IM says of no internal error how far it had got.
  if (sent.error_class == ErrorClass::retry && sent.code != 0) sent.outcome.unsure = true;
  return sent;
}

ImCall ImHandler::send_part(Attempt& attempt, const im::Message& part, std::uint32_t number) {
  auto sent = send(attempt, part);
  const bool is_text = part.elements.size() == 1 && part.elements.front().has_text();
  if (sent.error_class != ErrorClass::split || !is_text) return sent;

  const auto pieces = split_utf8(part.elements.front().text(), kShortTextBytes);
  if (pieces.size() < 2) return sent;
  // A later attempt begins again with the whole part, is refused as now, and repeats these very pieces: IM
  // drops the repeats for a while, and after that it is to be looked up which of them have arrived.
  std::uint32_t piece_number = kPiecesPerPart * (number + 1);
  for (const auto& piece : pieces) {
    sent = send(attempt, numbered(part, piece_number++, {text_element(piece)}));
    if (sent.ok()) continue;
    sent.outcome.unsure = sent.outcome.unsure || &piece != &pieces.front();
    break;
  }
  return sent;
}

}  // namespace kefu::relay
