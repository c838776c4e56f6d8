// What is done to the processes of a run: killed, frozen, ended and started again, scaled up and down, all
// drawn from a seed. The same seed plans the same deeds; what they hit depends on the moment.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "tests/chaos/ledger.h"
#include "tests/chaos/services.h"
#include "tests/chaos/weather.h"

namespace kefu::chaos {

class Mischief {
 public:
  // `pause`: the longest between two deeds.
  Mischief(std::uint64_t seed, Moment pause, Services& services, Ledger& ledger, const Weather& weather);

  // What is due; returns at once but for programs that take their time to end. `fresh`: a new deed may begin.
  void step(Moment now, bool fresh);
  // Everything thawed and running, `workers` of each kind.
  void calm(std::size_t workers);

  const std::map<std::string, std::uint64_t>& deeds() const { return deeds_; }

 private:
  struct Later {
    Moment at = 0;
    std::function<void(Moment)> deed;
  };

  void one_deed(Moment now);
  void hurt_gateway(Moment now);
  void hurt_worker(Moment now);
  void kill_gateway(Moment now, bool gently);
  void freeze_gateway(Moment now);
  void freeze_worker(std::size_t at, Moment now);
  void end_worker(std::size_t at, Moment now, bool gently);
  void scale(Moment now);
  void scale(Job job, std::size_t wanted, Moment now);
  void thaw_worker(std::uint32_t number);
  void resume_queues(Moment now);
  void replace_the_dead(Moment now);
  void later(Moment at, std::function<void(Moment)> deed) { later_.push_back({at, std::move(deed)}); }
  Moment between(Moment least, Moment most);
  std::size_t below(std::size_t count);

  std::mt19937_64 chance_;
  const Moment pause_;
  Services& services_;
  Ledger& ledger_;
  const Weather& weather_;
  std::map<std::string, std::uint64_t> deeds_;
  std::vector<Later> later_;
  Moment next_deed_ = 0;
  Moment resumed_until_ = 0;
  bool gateway_frozen_ = false;
};

}  // namespace kefu::chaos
