#include "relay/accounts.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace kefu::relay {
namespace {

using im::ErrorClass;
using work::Outcome;

constexpr std::int64_t kDeletionNotAllowed = 71000;

Outcome imported() {
  auto outcome = work::done();
  outcome.account = v1::AccountChange::KIND_IMPORTED;
  return outcome;
}

Outcome deleted() {
  auto outcome = work::done();
  outcome.account = v1::AccountChange::KIND_DELETED;
  return outcome;
}

// One that is not there (70107), or was deleted before (70399), is as good as deleted.
bool is_gone(ErrorClass error_class) {
  return error_class == ErrorClass::import_account || error_class == ErrorClass::locked;
}

Outcome deletion_outcome(std::int64_t code, const std::string& told) {
  if (is_gone(im::explain(code).error_class)) return deleted();
  auto outcome = outcome_of("account_delete", code, told);
  return outcome.kind == v1::OUTCOME_DONE ? deleted() : outcome;
}

// It is about the app, the call or the moment: another account would have failed alike.
bool concerns_all(const ImCall& call) {
  switch (call.error_class) {
    case ErrorClass::retry:
    case ErrorClass::throttle:
    case ErrorClass::resign:
    case ErrorClass::configuration:
      return true;
    default:
      return call.code == kDeletionNotAllowed || call.code == im::kNoMoreAccounts;
  }
}

void fill(std::span<Outcome> outcomes, const Outcome& outcome) {
  std::fill(outcomes.begin(), outcomes.end(), outcome);
}

}  // namespace

Accounts::Accounts(ImApi& api, std::string nick_word) : api_(api), nick_word_(std::move(nick_word)) {}

ImCall Accounts::import(const v1::Delivery& delivery, Timestamp deadline) {
  const ImUserId user(delivery.im_user());
  const auto nick = im::generated_nick(nick_word_, OpenId(delivery.event().customer()));
  auto call = api_.call(im::kAccountImport, im::import_body(user, nick), deadline);
  // 40005, 40601: only the name is refused.
  if (call.code == 40005 || call.error_class == ErrorClass::split)
    call = api_.call(im::kAccountImport, im::import_body(user, {}), deadline);
  if (call.outcome.kind == v1::OUTCOME_DONE) call.outcome = imported();
  return call;
}

std::vector<Outcome> Accounts::import_all(Deliveries deliveries, Timestamp deadline) {
  std::vector<Outcome> outcomes(deliveries.size());
  import_together(deliveries, outcomes, deadline);
  return outcomes;
}

std::vector<Outcome> Accounts::delete_all(Deliveries deliveries, Timestamp deadline) {
  std::vector<Outcome> outcomes(deliveries.size());
  delete_together(deliveries, outcomes, deadline);
  return outcomes;
}

// When IM refuses the call for an account that it does not name, the halves find it: a bad one among a
// hundred costs fourteen calls more.
void Accounts::import_together(Deliveries deliveries, Outcomes outcomes, Timestamp deadline) {
  if (deliveries.size() == 1) {
    outcomes[0] = import(deliveries[0], deadline).outcome;
    return;
  }
  std::vector<im::Account> accounts;
  for (const auto& delivery : deliveries) {
    accounts.push_back(
        {ImUserId(delivery.im_user()), im::generated_nick(nick_word_, OpenId(delivery.event().customer()))});
  }
  const auto call = api_.call(im::kAccountsImport, im::import_body(accounts), deadline);
  if (!call.ok()) {
    if (concerns_all(call)) return fill(outcomes, call.outcome);
    const auto half = deliveries.size() / 2;
    import_together(deliveries.first(half), outcomes.first(half), deadline);
    return import_together(deliveries.subspan(half), outcomes.subspan(half), deadline);
  }

  // IM does not say why an account failed; alone it does.
  const auto failed = im::failed_accounts(call.body);
  std::optional<ImCall> hopeless;
  for (std::size_t i = 0; i < deliveries.size(); ++i) {
    if (!failed.contains(deliveries[i].im_user())) {
      outcomes[i] = imported();
      continue;
    }
    const auto alone = hopeless ? *hopeless : import(deliveries[i], deadline);
    outcomes[i] = alone.outcome;
    if (!alone.ok() && concerns_all(alone)) hopeless = alone;
  }
}

void Accounts::delete_together(Deliveries deliveries, Outcomes outcomes, Timestamp deadline) {
  std::vector<ImUserId> users;
  for (const auto& delivery : deliveries) users.emplace_back(delivery.im_user());
  const auto call = api_.call(im::kAccountDelete, im::delete_body(users), deadline);
  if (!call.ok()) {
    if (deliveries.size() == 1 && !concerns_all(call)) {
      outcomes[0] = is_gone(call.error_class) ? deleted() : call.outcome;
      return;
    }
    if (concerns_all(call)) return fill(outcomes, call.outcome);
    const auto half = deliveries.size() / 2;
    delete_together(deliveries.first(half), outcomes.first(half), deadline);
    return delete_together(deliveries.subspan(half), outcomes.subspan(half), deadline);
  }

  // One that IM says nothing of is deleted like the others.
  fill(outcomes, deleted());
  const auto results = im::account_results(call.body);
  for (std::size_t i = 0; i < deliveries.size(); ++i) {
    const auto result = std::find_if(results.begin(), results.end(), [&](const auto& one) {
      return one.user == deliveries[i].im_user() || (one.user.empty() && deliveries.size() == 1);
    });
    if (result != results.end()) outcomes[i] = deletion_outcome(result->code, api_.told(result->message));
  }
}

}  // namespace kefu::relay
