#include "tests/chaos/ledger.h"

#include <algorithm>
#include <charconv>

namespace kefu::chaos {
namespace {

constexpr std::size_t kExamples = 20;

std::size_t index(Side side) {
  return side == Side::customer ? 0 : 1;
}

void note(Verdict& verdict, const std::string& what, const Message& message) {
  if (verdict.examples.size() < kExamples) verdict.examples.push_back(what + ": " + text_of(message));
}

}  // namespace

std::string text_of(const Message& message) {
  return (message.side == Side::customer ? "c" : "a") + std::to_string(message.customer) + "." +
         std::to_string(message.number) + ".";
}

std::optional<Message> message_in(std::string_view text) {
  if (text.empty() || (text[0] != 'c' && text[0] != 'a')) return std::nullopt;
  Message message{text[0] == 'c' ? Side::customer : Side::agent};
  const char* const end = text.data() + text.size();
  const auto customer = std::from_chars(text.data() + 1, end, message.customer);
  if (customer.ec != std::errc() || customer.ptr == end || *customer.ptr != '.') return std::nullopt;
  const auto number = std::from_chars(customer.ptr + 1, end, message.number);
  if (number.ec != std::errc() || number.ptr == end || *number.ptr != '.') return std::nullopt;
  return message;
}

Ledger::Ledger(std::uint32_t customers) {
  for (auto& lanes : lanes_) lanes.resize(customers);
}

Ledger::Record& Ledger::record(const Message& message) {
  auto& records = lanes_[index(message.side)].at(message.customer).records;
  if (records.size() <= message.number) records.resize(message.number + 1);
  return records[message.number];
}

void Ledger::answered(const Message& message, Moment now, bool in_turn) {
  const std::lock_guard lock(mutex_);
  auto& known = record(message);
  known.in_turn = known.in_turn || in_turn;
  if (known.answered_at == 0) known.answered_at = now;
}

void Ledger::abandoned(const Message& message) {
  const std::lock_guard lock(mutex_);
  record(message).abandoned = true;
}

void Ledger::refused(const Message& message) {
  const std::lock_guard lock(mutex_);
  record(message).refused = true;
}

void Ledger::doubted(const Message& message) {
  const std::lock_guard lock(mutex_);
  record(message).doubted = true;
}

void Ledger::arrived(const Message& message, const Arrival& arrival) {
  const std::lock_guard lock(mutex_);
  ++arrivals_;
  auto& known = record(message);
  if (known.last) {
    repeats_.push_back({message, *known.last, arrival});
  } else {
    known.first_arrival = arrival.at;
    lanes_[index(message.side)][message.customer].arrivals.push_back(message.number);
  }
  known.last = arrival;
}

void Ledger::happened(const Incident& incident) {
  const std::lock_guard lock(mutex_);
  incidents_.push_back(incident);
}

std::uint64_t Ledger::arrivals() const {
  const std::lock_guard lock(mutex_);
  return arrivals_;
}

bool Ledger::has_reason(const Repeat& repeat) const {
  if (!repeat.first.answer_known) return true;
  return std::any_of(incidents_.begin(), incidents_.end(), [&](const Incident& incident) {
    const bool concerns = incident.process == kGateway || incident.process == repeat.first.worker;
    return concerns && incident.from <= repeat.second.at && incident.until >= repeat.first.at;
  });
}

void Ledger::judge(const Lane& lane, Side side, std::uint32_t customer, Verdict& verdict) const {
  for (std::uint32_t number = 0; number < lane.records.size(); ++number) {
    const auto& known = lane.records[number];
    const Message message{side, customer, number};
    if (known.answered_at == 0) {
      if (known.abandoned) ++verdict.unanswered;
      continue;
    }
    ++verdict.answered;
    if (known.last) {
      ++verdict.arrived;
      verdict.worst_delay = std::max(verdict.worst_delay, known.first_arrival - known.answered_at);
    } else if (known.refused) {
      ++verdict.refused;
    } else if (known.doubted) {
      ++verdict.doubtful;
    } else {
      ++verdict.lost;
      note(verdict, "lost", message);
    }
  }
  std::optional<std::uint32_t> latest;
  for (const auto number : lane.arrivals) {
    if (!lane.records[number].in_turn) continue;
    if (latest && number < *latest) {
      ++verdict.reordered;
      note(verdict, "after " + std::to_string(*latest) + " came", {side, customer, number});
    }
    latest = std::max(latest.value_or(number), number);
  }
}

Verdict Ledger::verdict() const {
  const std::lock_guard lock(mutex_);
  Verdict verdict;
  for (const auto side : {Side::customer, Side::agent}) {
    const auto& lanes = lanes_[index(side)];
    for (std::uint32_t customer = 0; customer < lanes.size(); ++customer)
      judge(lanes[customer], side, customer, verdict);
  }
  for (const auto& repeat : repeats_) {
    const auto apart = " ms apart, by worker " + std::to_string(repeat.first.worker) + " and " +
                       std::to_string(repeat.second.worker);
    const auto what = "doubled " + std::to_string(repeat.second.at - repeat.first.at) + apart;
    if (repeat.message.side == Side::customer) {
      ++verdict.doubled_at_agent;
      note(verdict, what, repeat.message);
      continue;
    }
    ++verdict.doubled_at_customer;
    if (has_reason(repeat)) continue;
    ++verdict.doubled_without_reason;
    note(verdict, what + " without a reason", repeat.message);
  }
  return verdict;
}

}  // namespace kefu::chaos
