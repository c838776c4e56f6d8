#include "relay/im_handler.h"

#include <utility>

#include "lib/base/limits.h"
#include "lib/base/utf8.h"

namespace kefu::relay {
namespace {

using im::ErrorClass;
using work::Outcome;

constexpr std::size_t kShortTextBytes = 2000;   // fits every limit that IM was ever said to have
constexpr std::uint32_t kPiecesPerPart = 1000;  // more than there can be: keeps their MsgRandoms apart

Outcome ended(v1::Outcome kind, std::string reason) {
  Outcome outcome;
  outcome.kind = kind;
  outcome.reason = std::move(reason);
  return outcome;
}

// The same message for the same part on every attempt, or IM could not tell a repeat (DESIGN §4.7). MsgSeq
// rises so that parts of one second stay in order.
im::TextMessage numbered(const im::TextMessage& whole, std::uint32_t number, std::string text) {
  return {whole.from, whole.to, whole.msg_seq + number, whole.msg_random + number, std::move(text)};
}

}  // namespace

std::string nick_word(std::string_view locale) {
  if (locale == "en") return "WeChat user";
  if (locale == "ja") return "WeChat ユーザー";
  return "微信用户";
}

ImHandler::ImHandler(ImApi& api, std::string nick_word) : api_(api), nick_word_(std::move(nick_word)) {}

Outcome ImHandler::handle(const v1::Delivery& delivery, Timestamp deadline) {
  if (delivery.im_user().empty())
    return ended(v1::OUTCOME_RETRY, "the gateway named no IM account of the customer");
  switch (delivery.event().body_case()) {
    case v1::Event::kFollow:
      return follow(delivery, deadline);
    case v1::Event::kUnfollow:
      return unfollow(delivery, deadline);
    case v1::Event::kCustomerMessage:
      return customer_message(delivery, deadline);
    default:
      return ended(v1::OUTCOME_RETRY,
                   "a kind of event that this relay does not know: is it older than the gateway?");
  }
}

Outcome ImHandler::follow(const v1::Delivery& delivery, Timestamp deadline) {
  auto outcome = import_account(delivery, deadline).outcome;
  if (outcome.kind == v1::OUTCOME_DONE) outcome.account = v1::AccountChange::KIND_IMPORTED;
  return outcome;
}

Outcome ImHandler::unfollow(const v1::Delivery& delivery, Timestamp deadline) {
  auto call = api_.call(im::kAccountDelete, im::delete_body(ImUserId(delivery.im_user())), deadline);
  // An account that is not there (70107) is as good as deleted.
  if (call.error_class == ErrorClass::import_account) call.outcome = ended(v1::OUTCOME_DONE, {});
  if (call.outcome.kind == v1::OUTCOME_DONE) call.outcome.account = v1::AccountChange::KIND_DELETED;
  return call.outcome;
}

Outcome ImHandler::customer_message(const v1::Delivery& delivery, Timestamp deadline) {
  const auto& event = delivery.event().customer_message();
  if (delivery.agent().empty()) return ended(v1::OUTCOME_RETRY, "the gateway named no agent");
  const auto parts = split_utf8(event.text(), limits::kImTextBytesMax);
  if (parts.empty()) return ended(v1::OUTCOME_DEAD, "the message has no text");

  const im::TextMessage whole{
      ImUserId(delivery.im_user()), delivery.agent(), event.msg_seq(), event.msg_random(), {}};
  auto account = v1::AccountChange::KIND_UNSPECIFIED;
  Outcome outcome = ended(v1::OUTCOME_DONE, {});
  std::uint32_t sent = delivery.progress();
  for (; sent < parts.size(); ++sent) {
    outcome = send_part(delivery, numbered(whole, sent, parts[sent]), sent, deadline, account).outcome;
    if (outcome.kind != v1::OUTCOME_DONE) break;
  }
  outcome.progress = sent;
  if (outcome.account == v1::AccountChange::KIND_UNSPECIFIED) outcome.account = account;
  return outcome;
}

ImCall ImHandler::import_account(const v1::Delivery& delivery, Timestamp deadline) {
  const ImUserId user(delivery.im_user());
  const auto nick = im::generated_nick(nick_word_, OpenId(delivery.event().customer()));
  auto call = api_.call(im::kAccountImport, im::import_body(user, nick), deadline);
  // 40005, 40601: only the name is refused.
  if (call.code != 40005 && call.error_class != ErrorClass::split) return call;
  return api_.call(im::kAccountImport, im::import_body(user, {}), deadline);
}

ImCall ImHandler::send(const v1::Delivery& delivery, const im::TextMessage& message, Timestamp deadline,
                       v1::AccountChange::Kind& account) {
  const auto body = im::send_body(message);
  auto sent = api_.call(im::kSendMessage, body, deadline);
  if (sent.error_class != ErrorClass::import_account) return sent;

  auto imported = import_account(delivery, deadline);
  if (!imported.ok()) return imported;
  account = v1::AccountChange::KIND_IMPORTED;
  sent = api_.call(im::kSendMessage, body, deadline);
  if (sent.error_class == ErrorClass::import_account) {
    sent.outcome.reason +=
        "; the customer's account is imported now, so it is most likely the agent's account " +
        delivery.agent() + " that IM does not know: check IM_AGENTS or import it in the IM console";
  }
  return sent;
}

ImCall ImHandler::send_part(const v1::Delivery& delivery, const im::TextMessage& part, std::uint32_t number,
                            Timestamp deadline, v1::AccountChange::Kind& account) {
  auto sent = send(delivery, part, deadline, account);
  if (sent.error_class != ErrorClass::split) return sent;

  const auto pieces = split_utf8(part.text, kShortTextBytes);
  if (pieces.size() < 2) return sent;
  // A later attempt begins again with the whole part, is refused as now, and repeats these very pieces: IM
  // drops the repeats.
  std::uint32_t piece_number = kPiecesPerPart * (number + 1);
  for (const auto& piece : pieces) {
    sent = send(delivery, numbered(part, piece_number++, piece), deadline, account);
    if (!sent.ok()) break;
  }
  return sent;
}

}  // namespace kefu::relay
