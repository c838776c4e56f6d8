// What the Dispatcher does with pushes that make no event: keeps them, tells of them, submits them again.
#include <numeric>
#include <utility>

#include "gateway/dispatcher.h"

namespace kefu {
namespace {

constexpr std::size_t kSubmitBytesAtOnce = 4 << 20;  // bodies in one turn: some 20 ms

std::uint64_t sum_of(const QuarantineCounts& counts) {
  return std::accumulate(counts.begin(), counts.end(), std::uint64_t{0},
                         [](std::uint64_t sum, const auto& count) { return sum + count.second; });
}

// The events of a quarantined push say when it came, and not when somebody submitted it.
void stamp(Submission& submission, Timestamp came_at) {
  if (auto* push = std::get_if<CustomerPush>(&submission)) push->came_at = came_at;
  if (auto* push = std::get_if<AgentPush>(&submission)) push->said_at = came_at;
}

}  // namespace

Receipt Dispatcher::take(const RawPush& push, Timestamp now) {
  quarantine(push, now);
  return {Receipt::Kind::stored, ReplyKind::none};
}

void Dispatcher::quarantine(const RawPush& push, Timestamp now) {
  QuarantinedPush row;
  row.at = now;
  row.source = push.source;
  row.kind = push.kind;
  row.reason = push.reason;
  row.query = push.query;
  row.body = push.body;
  journal_.quarantine(row);
  quarantined_.push_back({push.source, push.kind, push.reason, push.agent});
}

std::vector<Quarantined> Dispatcher::quarantined() {
  return std::exchange(quarantined_, {});
}

bool Dispatcher::forget_quarantined(Timestamp now, std::uint32_t at_once) {
  const auto waited = sum_of(journal_.quarantine_waiting());
  const auto kept_for = std::max(options_.keep_done, kQuarantineKeptFor);
  const bool more = journal_.forget_quarantined(now - kept_for, at_once) >= at_once;
  quarantine_forgotten_ += waited - std::min(waited, sum_of(journal_.quarantine_waiting()));
  return more;
}

std::uint64_t Dispatcher::quarantine_forgotten() {
  return std::exchange(quarantine_forgotten_, 0);
}

Result<Receipt> Dispatcher::submit_again(const QuarantinedPush& row, Timestamp now) {
  if (!can_be_submitted(row.kind))
    return Error{"push " + std::to_string(row.id) + " is kept to be looked at; there is nothing to submit"};
  if (row.submitted_at != Timestamp{})
    return Error{"push " + std::to_string(row.id) + " was submitted already"};
  auto submission = options_.read_again(row);
  if (!submission) return Error{submission.error()};
  const auto* reply = std::get_if<AgentPush>(&*submission);
  if (reply && !journal_.customer_of(reply->to))
    return Error{"its recipient is still not a customer that the journal knows"};
  stamp(*submission, row.at);
  const auto receipt = accept(*submission, now);
  journal_.mark_submitted(row.id, now);
  return receipt;
}

Result<QuarantineSubmitted> Dispatcher::submit_quarantined(std::uint64_t id, Timestamp now) {
  const auto row = journal_.quarantined(id);
  if (!row) return Error{"there is no quarantined push " + std::to_string(id)};
  const auto receipt = submit_again(*row, now);
  if (!receipt) return Error{receipt.error()};
  QuarantineSubmitted told;
  ++(receipt->kind == Receipt::Kind::duplicate ? told.duplicates : told.submitted);
  return told;
}

QuarantineSubmitted Dispatcher::submit_quarantined(const QuarantineFilter& wanted, std::uint32_t limit,
                                                   Timestamp now) {
  QuarantineSubmitted told;
  const auto rows = journal_.quarantined(wanted, limit);
  if (rows.size() == limit) told.next = rows.back().id;
  std::size_t bytes = 0;
  for (const auto& brief : rows) {
    if (!can_be_submitted(brief.kind)) continue;
    const auto row = journal_.quarantined(brief.id);
    if (!row) continue;
    bytes += row->body.size();
    const auto receipt = submit_again(*row, now);
    if (receipt) {
      ++(receipt->kind == Receipt::Kind::duplicate ? told.duplicates : told.submitted);
    } else {
      ++told.failed[receipt.error()];
    }
    if (bytes < kSubmitBytesAtOnce) continue;
    if (brief.id != rows.back().id) told.next = brief.id;
    break;
  }
  return told;
}

}  // namespace kefu
