#include "gateway/presence.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace kefu {
namespace {

// In `reason`, where else IM's word for it stands.
constexpr const char* kAsked = "query_online_status";
constexpr const char* kWrote = "wrote";

// Its time is by our clock, not by IM's.
bool is_ours(const AgentPresence& presence) {
  return presence.reason == kAsked || presence.reason == kWrote;
}

}  // namespace

PresenceBook::PresenceBook(std::vector<std::string> agents, Timestamp now)
    : agents_(std::move(agents)), due_(now) {}

void PresenceBook::restore(const AgentPresence& known) {
  known_[known.agent] = {known, is_ours(known) ? Timestamp{} : known.since, {}};
}

std::optional<AgentPresence> PresenceBook::called_back(AgentPresence told, Timestamp now) {
  auto& known = known_[told.agent];
  if (told.since < known.called_back_at) return std::nullopt;
  const auto called_back_at = told.since;
  told.since = std::max(told.since, known.presence.since);
  known = {std::move(told), called_back_at, now};
  // They may be there with another client.
  if (known.presence.state != "online") ask_soon(now);
  return known.presence;
}

std::optional<AgentPresence> PresenceBook::wrote(const std::string& agent, Timestamp now) {
  const auto at = known_.find(agent);
  if (at == known_.end() || at->second.presence.state == "online") return std::nullopt;
  const auto since = std::max(now, at->second.presence.since);
  at->second = {{agent, "online", kWrote, "", since}, at->second.called_back_at, now};
  ask_soon(now);
  return at->second.presence;
}

std::optional<AgentPresence> PresenceBook::answered(const std::string& agent, std::string_view state,
                                                    Timestamp asked_at) {
  auto& known = known_[agent];
  if (known.heard_at >= asked_at || known.presence.state == state) return std::nullopt;
  const auto since = std::max(asked_at, known.presence.since);
  known.presence = {agent, std::string(state), kAsked, "", since};
  return known.presence;
}

const AgentPresence* PresenceBook::find(const std::string& agent) const {
  const auto at = known_.find(agent);
  const bool said = at != known_.end() && !at->second.presence.state.empty();
  return said ? &at->second.presence : nullptr;
}

void PresenceBook::ask_soon(Timestamp now) {
  in_doubt_ = true;
  if (!under_way_) due_ = std::min(due_, std::max(now, asked_at_ + kNotSooner));
}

std::optional<std::vector<std::string>> PresenceBook::next(Timestamp now) {
  if (under_way_ || now < due_) return std::nullopt;
  if (page_ == 0) in_doubt_ = false;
  under_way_ = true;
  asked_at_ = now;
  const auto begin = agents_.begin() + static_cast<std::ptrdiff_t>(page_);
  const auto count = std::min(kAgentsAtOnce, agents_.size() - page_);
  return std::vector<std::string>(begin, begin + static_cast<std::ptrdiff_t>(count));
}

void PresenceBook::ended(bool reached, Timestamp now) {
  if (!std::exchange(under_way_, false)) return;
  const auto next_page = page_ + kAgentsAtOnce;
  if (reached && next_page < agents_.size()) {
    page_ = next_page;
    due_ = now;
    return;
  }
  page_ = 0;
  due_ = now + (reached ? kEvery : kAgain);
  if (in_doubt_) due_ = std::min(due_, std::max(now, asked_at_ + kNotSooner));
}

std::optional<Timestamp> PresenceBook::next_due() const {
  if (under_way_) return std::nullopt;
  return due_;
}

}  // namespace kefu
