// What every actor of a simulated world shares.
#pragma once

#include "tests/simulation/agenda.h"
#include "tests/simulation/chance.h"
#include "tests/simulation/ledger.h"
#include "tests/simulation/logbook.h"
#include "tests/simulation/mutation.h"

namespace kefu::simulation {

struct Parts {
  Agenda agenda;
  Chance chance;
  Ledger ledger;
  Logbook log;
  Mutation mutation = Mutation::none;

  Timestamp now() const { return agenda.now(); }
  template <class Make>
  void note(Make make) {
    log.note(agenda.now(), make);
  }
};

}  // namespace kefu::simulation
