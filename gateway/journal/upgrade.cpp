#include "gateway/journal/upgrade.h"

#include "gateway/queue/kind.h"

namespace kefu {
namespace {

constexpr const char* kSetAside = R"sql(
ALTER TABLE events RENAME TO old_events;
ALTER TABLE customers RENAME TO old_customers;
ALTER TABLE workers RENAME TO old_workers;
ALTER TABLE raws RENAME TO old_raws;
ALTER TABLE queues RENAME TO old_queues;
ALTER TABLE runs RENAME TO old_runs;
DROP INDEX unfinished;
DROP INDEX dead;
DROP INDEX done;
DROP INDEX customer_by_im_user;
DROP INDEX customer_by_activity;
DROP INDEX raws_by_age;
)sql";

constexpr const char* kTakeOver = R"sql(
INSERT INTO events (id, queue, kind, state, attempts, progress, accepted_at, age_from, due, settled_at, lease,
    error, reply, customer, dedup, source, payload)
  SELECT id, queue, CASE queue WHEN 2 THEN 3 ELSE 0 END, state, attempts, progress, accepted_at, age_from, due, settled_at, lease,
    error, reply, customer, coalesce(dedup, randomblob(16)), '', payload FROM old_events;
INSERT INTO customers (openid, im_user, generation, imported, following, agent, active_at)
  SELECT openid, im_user, generation, imported, following, agent, active_at FROM old_customers;
INSERT INTO workers (queue, id) SELECT queue, id FROM old_workers;
INSERT INTO raws (id, at, source, reason, body) SELECT id, at, source, reason, body FROM old_raws;
INSERT INTO queues (queue, done, paused) SELECT queue, done, paused FROM old_queues;
INSERT INTO runs (epoch, journal) SELECT epoch, journal FROM old_runs;
)sql";

constexpr const char* kClearAway = R"sql(
DROP TABLE old_events;
DROP TABLE old_customers;
DROP TABLE old_workers;
DROP TABLE old_raws;
DROP TABLE old_queues;
DROP TABLE old_runs;
)sql";

// They were in the payload only.
void fill_in_kinds_and_sources(Database& database) {
  Statement rows(database, "SELECT id, payload FROM old_events");
  Statement fill(database, "UPDATE events SET kind = ?, source = ? WHERE id = ?");
  while (rows.step()) {
    v1::Event event;
    // What cannot be read becomes a dead letter later. Its kind is not known: it keeps the one that was
    // filled in.
    if (!event.ParseFromString(rows.bytes(1))) continue;
    fill.bind(static_cast<int>(queue::kind_of(event)))
        .bind_text(event.source_id())
        .bind(rows.integer(0))
        .run();
  }
}

}  // namespace

void upgrade_from_format_1(Database& database, const char* schema) {
  database.run(kSetAside);
  database.run(schema);
  database.run(kTakeOver);
  fill_in_kinds_and_sources(database);
  database.run(kClearAway);
}

void upgrade_from_format_2(Database& database) {
  database.run("ALTER TABLE events ADD COLUMN checksum INTEGER");
  database.run("CREATE INDEX unknown_state ON events (id) WHERE state > 6");
}

}  // namespace kefu
