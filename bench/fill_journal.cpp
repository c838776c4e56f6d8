// Fills a journal with messages that wait for a relay, as a gateway would have stored them during a long
// outage of IM.
#include <cstdio>
#include <cstdlib>
#include <string>

#include "gateway/journal/sqlite_journal.h"
#include "lib/base/digest.h"

namespace {

constexpr int kEventsPerCommit = 10000;

std::string numbered(const char* prefix, int number) {
  const auto digits = std::to_string(number);
  return prefix + std::string(28 - std::string_view(prefix).size() - digits.size(), '0') + digits;
}

void fill(kefu::Journal& journal, int events, int customers) {
  const auto now = kefu::steady_now();
  for (int i = 0; i < customers; ++i) {
    kefu::Customer customer;
    customer.openid = kefu::OpenId(numbered("oBacklog", i));
    customer.im_user = kefu::ImUserId(customer.openid.value);
    customer.imported = customer.following = true;
    customer.agent = "agent1";
    customer.active_at = now;
    journal.save(customer);
  }
  for (int i = 0; i < events; ++i) {
    const auto source = std::to_string(24'000'000'000'000'000 + i);
    kefu::v1::Event event;
    event.set_queue(kefu::v1::QUEUE_RELAY);
    event.set_customer(numbered("oBacklog", i % customers));
    event.set_accepted_at_ms(now.ms);
    event.set_source_id(source);
    auto& message = *event.mutable_customer_message();
    message.set_text("Is this still available in blue, and when could it be here? Message " + source);
    message.set_kind("text");
    message.set_agent("agent1");
    message.set_msg_seq(journal.next_sequence());
    message.set_msg_random(static_cast<std::uint32_t>(i) * 2654435761U);
    journal.put(event, kefu::dedup_key({"bench", source}), kefu::ReplyKind::none);
    if (i % kEventsPerCommit == 0) journal.commit();
  }
  journal.commit();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fputs("usage: kefu-bench-fill JOURNAL EVENTS CUSTOMERS\n", stderr);
    return 2;
  }
  try {
    const auto journal = kefu::open_sqlite_journal(argv[1]);
    fill(*journal, std::atoi(argv[2]), std::atoi(argv[3]));
  } catch (const kefu::JournalError& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
