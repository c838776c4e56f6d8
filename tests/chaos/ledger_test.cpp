#include "tests/chaos/ledger.h"

#include <doctest/doctest.h>

using namespace kefu::chaos;

namespace {

struct Book {
  Ledger ledger{3};
  Moment now = 1000;

  static Message message(std::uint32_t number, Side side = Side::customer) { return {side, 1, number}; }
  void answer(std::uint32_t number, Side side = Side::customer, bool in_turn = true) {
    ledger.answered(message(number, side), ++now, in_turn);
  }
  void arrive(std::uint32_t number, Side side = Side::customer, bool answer_known = true) {
    ledger.arrived(message(number, side), {++now, 7, answer_known});
  }
};

}  // namespace

TEST_CASE("ledger: a message tells itself from its text") {
  const auto found = message_in(text_of({Side::agent, 12, 34}) + "and more");
  REQUIRE(found.has_value());
  CHECK(found->side == Side::agent);
  CHECK(found->customer == 12);
  CHECK(found->number == 34);
  for (const auto* text : {"", "c", "c1", "c1.", "c1.2", "hello", "x1.2.", "c.1.", "c99999999999.1."}) {
    CHECK_FALSE(message_in(text).has_value());
  }
}

TEST_CASE("ledger: what was answered and arrived in order is good") {
  Book book;
  for (std::uint32_t i = 0; i < 3; ++i) book.answer(i);
  book.now += 500;
  for (std::uint32_t i = 0; i < 3; ++i) book.arrive(i);
  const auto verdict = book.ledger.verdict();
  CHECK(verdict.good());
  CHECK(verdict.answered == 3);
  CHECK(verdict.arrived == 3);
  CHECK(verdict.worst_delay >= 500);
}

TEST_CASE("ledger: answered and not arrived is lost, unless the cloud refused it for good") {
  Book book;
  book.answer(0);
  book.answer(1);
  book.ledger.refused(Book::message(1));
  CHECK(book.ledger.verdict().lost == 1);
  CHECK(book.ledger.verdict().refused == 1);
  CHECK_FALSE(book.ledger.verdict().good());
}

TEST_CASE("ledger: what was given up with an unknown outcome is no silent loss") {
  Book book;
  book.answer(0, Side::agent);
  book.ledger.doubted(Book::message(0, Side::agent));
  CHECK(book.ledger.verdict().doubtful == 1);
  CHECK(book.ledger.verdict().lost == 0);
}

TEST_CASE("ledger: what was never answered may arrive or not") {
  Book book;
  book.ledger.abandoned(Book::message(0));
  book.ledger.abandoned(Book::message(1));
  book.answer(2);
  book.arrive(2);
  book.arrive(1);
  CHECK(book.ledger.verdict().good());
  CHECK(book.ledger.verdict().unanswered == 2);
}

TEST_CASE("ledger: a later message that overtakes is seen") {
  Book book;
  for (std::uint32_t i = 0; i < 3; ++i) book.answer(i);
  for (const std::uint32_t number : {0, 2, 1}) book.arrive(number);
  CHECK(book.ledger.verdict().reordered == 1);
  CHECK_FALSE(book.ledger.verdict().good());
}

TEST_CASE("ledger: a push answered out of turn has no place in the order, but must arrive") {
  Book book;
  book.answer(1);
  book.answer(0, Side::customer, false);
  book.arrive(1);
  CHECK(book.ledger.verdict().lost == 1);
  book.arrive(0);
  CHECK(book.ledger.verdict().good());
}

TEST_CASE("ledger: the agent may never see a message twice") {
  Book book;
  book.answer(0);
  book.arrive(0, Side::customer, false);
  book.arrive(0);
  CHECK(book.ledger.verdict().doubled_at_agent == 1);
  CHECK_FALSE(book.ledger.verdict().good());
}

TEST_CASE("ledger: a customer may read a reply twice only when there is a reason") {
  Book book;
  book.answer(0, Side::agent);
  SUBCASE("the outcome of the first call was unknown") {
    book.arrive(0, Side::agent, false);
    book.arrive(0, Side::agent);
    CHECK(book.ledger.verdict().good());
  }
  SUBCASE("the worker that had made the call was killed") {
    book.arrive(0, Side::agent);
    book.ledger.happened({book.now + 1, book.now + 1, 7});
    book.now += 5;
    book.arrive(0, Side::agent);
    CHECK(book.ledger.verdict().good());
  }
  SUBCASE("another worker was killed") {
    book.arrive(0, Side::agent);
    book.ledger.happened({book.now + 1, book.now + 1, 8});
    book.now += 5;
    book.arrive(0, Side::agent);
    CHECK(book.ledger.verdict().doubled_without_reason == 1);
    CHECK_FALSE(book.ledger.verdict().good());
  }
  SUBCASE("the gateway was restarted before the first call") {
    book.ledger.happened({book.now - 5, book.now - 1, kGateway});
    book.arrive(0, Side::agent);
    book.arrive(0, Side::agent);
    CHECK(book.ledger.verdict().doubled_without_reason == 1);
  }
  CHECK(book.ledger.verdict().doubled_at_customer == 1);
}
