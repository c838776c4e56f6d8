#include "gateway/mailbox.h"

#include <doctest/doctest.h>
#include <poll.h>

#include <optional>

using namespace kefu;
using namespace std::chrono_literals;

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

TEST_CASE("mailbox: nobody waits longer than they have patience") {
  Mailbox mailbox;
  mailbox.open();
  CHECK(mailbox.submit_and_wait(some_push(), 1ms).kind == Receipt::Kind::refused);
  std::vector<Mailbox::Letter> letters;
  mailbox.take(letters);
  REQUIRE(letters.size() == 1);
  letters[0].tell({Receipt::Kind::stored});  // nobody is there any more
}
