#include "tests/chaos/weather.h"

#include <algorithm>

namespace kefu::chaos {
namespace {

struct Kind {
  Trouble trouble;
  std::string_view name;
  double weight;     // among the spells
  double share_max;  // of the calls in a spell
  Moment longest;    // of a spell, ms
  double always;     // share of all calls, spell or not, while the storm lasts
};

constexpr Kind kKinds[kTroubles] = {
    {Trouble::none, "none", 0, 0, 0, 0},
    {Trouble::error, "error of the cloud", 4, 1.0, 15'000, 0.001},
    {Trouble::throttle, "throttled", 2, 0.5, 8'000, 0},
    {Trouble::page, "HTTP 502", 2, 1.0, 10'000, 0},
    {Trouble::garbage, "no JSON", 1, 0.5, 5'000, 0},
    {Trouble::reset, "reset", 2, 0.5, 10'000, 0},
    {Trouble::hang, "hanging", 2, 0.2, 8'000, 0},
    {Trouble::act_then_reset, "done, then reset", 3, 0.5, 10'000, 0.001},
    {Trouble::act_then_hang, "done, then hanging", 3, 0.2, 10'000, 0},
    {Trouble::slow, "slow", 1, 0.2, 10'000, 0},
    {Trouble::credentials, "credentials refused", 1, 0.3, 3'000, 0},
    {Trouble::settings, "settings refused", 0.5, 1.0, 4'000, 0},
    {Trouble::forget, "account forgotten", 0, 0, 0, 0.0005},
    {Trouble::close, "reply window closed", 0, 0, 0, 0.0005},
    {Trouble::refuse, "refused for good", 0, 0, 0, 0.0005},
};

constexpr Moment kShortestSpell = 1'000;
constexpr Moment kLongestCalm = 8'000;
constexpr Moment kSpellsAtLeast = 8;  // about so many in a short run too
// IM drops repeats for 120 s.
constexpr Moment kShortestOutage = 125'000;
constexpr double kOutageSpread = 20'000;
constexpr Moment kBeforeOutage = 3'000;
constexpr Moment kRoomForOutage = 400'000;  // the backlog has to be worked off as well
constexpr double kLeastShare = 0.02;

bool happens_at(Cloud cloud, Trouble trouble) {
  if (trouble == Trouble::forget) return cloud == Cloud::im;
  if (trouble == Trouble::close) return cloud == Cloud::wechat;
  return true;
}

const Kind& kind_of(Trouble trouble) {
  return kKinds[static_cast<std::size_t>(trouble)];
}

}  // namespace

std::string_view name(Trouble trouble) {
  return kind_of(trouble).name;
}

Weather::Weather(std::uint64_t seed, Moment from, Moment until) : chance_(seed), from_(from), until_(until) {
  plan(Cloud::wechat, from, until);
  const Moment back = plan_outage(from, until);
  plan(Cloud::im, back, until);
}

// When it is over.
Moment Weather::plan_outage(Moment from, Moment until) {
  if (until - from < kRoomForOutage) return from;
  outage_ = kShortestOutage + static_cast<Moment>(uniform() * kOutageSpread);
  const Moment begin = from + static_cast<Moment>(uniform() * kOutageSpread);
  const Moment end = begin + kBeforeOutage + outage_;
  auto& spells = spells_[static_cast<std::size_t>(Cloud::im)];
  spells.push_back({Cloud::im, Trouble::act_then_reset, 0.5, begin, begin + kBeforeOutage});
  spells.push_back({Cloud::im, Trouble::error, 1, begin + kBeforeOutage, end});
  return end;
}

void Weather::plan(Cloud cloud, Moment from, Moment until) {
  std::vector<double> weights;
  for (const auto& kind : kKinds) weights.push_back(kind.weight);
  std::discrete_distribution<std::size_t> choice(weights.begin(), weights.end());
  const auto between = [&](Moment least, Moment most) {
    return least + static_cast<Moment>(uniform() * static_cast<double>(most - least));
  };
  const Moment longest = std::max<Moment>((until - from) / kSpellsAtLeast, 2 * kShortestSpell);
  const Moment calm = std::min(kLongestCalm, longest);
  for (Moment at = from + between(0, calm); at < until;) {
    const Kind& kind = kKinds[choice(chance_)];
    Spell spell{cloud, kind.trouble, kLeastShare + uniform() * (kind.share_max - kLeastShare), at,
                std::min(until, at + between(kShortestSpell, std::min(kind.longest, longest)))};
    at = spell.until + between(0, calm);
    spells_[static_cast<std::size_t>(cloud)].push_back(spell);
  }
}

Trouble Weather::of_call(Cloud cloud, Moment now) {
  const std::lock_guard lock(mutex_);
  if (now < from_ || now >= until_) return Trouble::none;
  for (const auto& spell : spells_[static_cast<std::size_t>(cloud)]) {
    if (spell.from <= now && now < spell.until && uniform() < spell.share) return spell.trouble;
  }
  double chance = uniform();
  for (const auto& kind : kKinds) {
    if (!happens_at(cloud, kind.trouble)) continue;
    if (chance < kind.always) return kind.trouble;
    chance -= kind.always;
  }
  return Trouble::none;
}

bool Weather::needs_operator(Cloud cloud, Moment from, Moment until) const {
  const std::lock_guard lock(mutex_);
  const auto& spells = spells_[static_cast<std::size_t>(cloud)];
  return std::any_of(spells.begin(), spells.end(), [&](const Spell& spell) {
    return spell.trouble == Trouble::settings && spell.from < until && spell.until > from;
  });
}

std::size_t Weather::spells() const {
  const std::lock_guard lock(mutex_);
  return spells_[0].size() + spells_[1].size();
}

Moment Weather::longest_outage() const {
  const std::lock_guard lock(mutex_);
  return outage_;
}

}  // namespace kefu::chaos
