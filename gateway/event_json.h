// Events as the admin socket tells and takes them (contract §7). Pure.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>

#include "gateway/journal/journal.h"
#include "gateway/queue/event_queue.h"
#include "lib/base/result.h"

namespace kefu {

// One line about an event: what "list" tells.
nlohmann::json brief(const StoredEvent& stored, queue::State state);
// All of its content, for people; null when it cannot be told.
nlohmann::json content_of(const v1::Event& event);
// Its way so far. `flight`: the delivery that has not ended, as the last hop.
nlohmann::json told_hops(const std::vector<Hop>& hops, const std::optional<queue::FlightView>& flight,
                         const StoredEvent& stored);

// What another journal needs to take the event over: what `imported` reads.
nlohmann::json exported(const StoredEvent& stored, queue::State state);
// The error says what of the line is wrong. REQUIRES nothing of `told`: it may be anybody's.
Result<StoredEvent> imported(const nlohmann::json& told);

}  // namespace kefu
