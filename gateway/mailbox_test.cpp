#include "gateway/mailbox.h"

#include <doctest/doctest.h>
#include <poll.h>

#include <optional>

#include "lib/base/limits.h"

using namespace kefu;

namespace {

bool is_readable(int descriptor) {
  pollfd waiting{descriptor, POLLIN, 0};
  return poll(&waiting, 1, 0) == 1;
}

Submission some_push() {
  return RawPush{"wechat", "why", "body"};
}

struct Told {
  std::optional<Receipt::Kind> kind;
  Mailbox::Tell tell() {
    return [this](Receipt receipt) { kind = receipt.kind; };
  }
};

}  // namespace

TEST_CASE("mailbox: readable while letters wait, and only then") {
  Mailbox mailbox;
  mailbox.open();
  CHECK_FALSE(is_readable(mailbox.descriptor()));
  Told first;
  Told second;
  mailbox.submit(some_push(), first.tell());
  mailbox.submit(some_push(), second.tell());
  CHECK(is_readable(mailbox.descriptor()));
  std::vector<Mailbox::Letter> letters;
  mailbox.take(letters);
  REQUIRE(letters.size() == 2);
  CHECK_FALSE(is_readable(mailbox.descriptor()));
  letters[1].tell({Receipt::Kind::stored});
  CHECK_FALSE(first.kind);
  CHECK(second.kind == Receipt::Kind::stored);
  mailbox.take(letters);
  CHECK(letters.empty());
}

TEST_CASE("mailbox: closing refuses those who wait, and leaves nothing to wake for") {
  Mailbox mailbox;
  Told early;
  mailbox.submit(some_push(), early.tell());
  CHECK(early.kind == Receipt::Kind::refused);
  mailbox.open();
  Told waiting;
  mailbox.submit(some_push(), waiting.tell());
  mailbox.close();
  CHECK(waiting.kind == Receipt::Kind::refused);
  CHECK_FALSE(is_readable(mailbox.descriptor()));
  mailbox.open();
  Told again;
  mailbox.submit(some_push(), again.tell());
  CHECK(is_readable(mailbox.descriptor()));
}

TEST_CASE("mailbox: a backlog of pushes, which are repeated, keeps no callback out, which is not") {
  Mailbox mailbox;
  mailbox.open();
  for (std::size_t i = 0; i < limits::kMailboxRequestsMax; ++i)
    mailbox.submit(some_push(), [](const Receipt&) {});
  Told push;
  mailbox.submit(some_push(), push.tell());
  CHECK(push.kind == Receipt::Kind::refused);
  std::vector<Told> callbacks(limits::kMailboxReserved + 1);
  for (auto& callback : callbacks) mailbox.submit(some_push(), callback.tell(), Mailbox::Room::reserved);
  CHECK_FALSE(callbacks.front().kind);
  CHECK_FALSE(callbacks[limits::kMailboxReserved - 1].kind);
  CHECK(callbacks.back().kind == Receipt::Kind::refused);  // memory has an end even so
  std::vector<Mailbox::Letter> letters;
  mailbox.take(letters);
  CHECK(letters.size() == limits::kMailboxRequestsMax + limits::kMailboxReserved);
}
