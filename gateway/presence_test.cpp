#include "gateway/presence.h"

#include <doctest/doctest.h>

using namespace kefu;

namespace {

constexpr Timestamp kStart{1'700'000'000'000};
constexpr Millis kSecond{1000};

AgentPresence offline_since(Timestamp at) {
  return {"a", "offline", "Unregister", "", at};
}
AgentPresence online_since(Timestamp at) {
  return {"a", "online", "Register", "", at};
}
std::string state(const PresenceBook& book, const std::string& agent = "a") {
  const auto* known = book.find(agent);
  return known ? known->state : "";
}

}  // namespace

TEST_CASE("IM is asked at start, every ten minutes, and again in a minute when it could not be reached") {
  PresenceBook book({"a", "b"}, kStart);
  CHECK(book.next_due() == kStart);
  const auto asked = book.next(kStart);
  REQUIRE(asked);
  CHECK(*asked == std::vector<std::string>{"a", "b"});
  CHECK_FALSE(book.next(kStart + PresenceBook::kEvery));
  CHECK_FALSE(book.next_due());
  SUBCASE("answered") {
    book.ended(true, kStart);
    CHECK(book.next_due() == kStart + PresenceBook::kEvery);
  }
  SUBCASE("not reached") {
    book.ended(false, kStart);
    CHECK(book.next_due() == kStart + PresenceBook::kAgain);
  }
  book.ended(false, kStart + kSecond);  // told twice
  CHECK(book.next_due() > kStart + kSecond);
}

TEST_CASE("more agents than one question takes are asked about one question after the other") {
  std::vector<std::string> agents;
  for (int i = 0; i < 501; ++i) agents.push_back("agent" + std::to_string(i));
  PresenceBook book(agents, kStart);
  CHECK(book.next(kStart)->size() == 500);
  book.ended(true, kStart);
  CHECK(*book.next(kStart) == std::vector<std::string>{"agent500"});
  book.ended(true, kStart);
  CHECK(book.next_due() == kStart + PresenceBook::kEvery);
}

TEST_CASE("an answer corrects what a callback said long ago") {
  PresenceBook book({"a"}, kStart);
  book.restore(offline_since(kStart - std::chrono::hours(100)));
  book.next(kStart);
  const auto kept = book.answered("a", "online", kStart);
  REQUIRE(kept);
  CHECK(kept->state == "online");
  CHECK(kept->since == kStart);
  CHECK_FALSE(book.answered("a", "online", kStart + kSecond));  // nothing new
  CHECK(book.find("a")->since == kStart);
}

TEST_CASE("an answer changes nothing about an agent who was heard of since the question") {
  PresenceBook book({"a"}, kStart);
  book.next(kStart);
  // By IM's clock, which may be late, it was before.
  CHECK(book.called_back(online_since(kStart - 5 * kSecond), kStart + kSecond));
  CHECK_FALSE(book.answered("a", "offline", kStart));
  CHECK(state(book) == "online");
}

TEST_CASE("a callback counts after an answer, however far our clock is ahead of IM's") {
  PresenceBook book({"a"}, kStart);
  book.next(kStart);
  book.answered("a", "offline", kStart);
  SUBCASE("in one run") {}
  SUBCASE("over a restart") {
    const auto known = *book.find("a");
    book = PresenceBook({"a"}, kStart);
    book.restore(known);
  }
  const auto kept = book.called_back(online_since(kStart - std::chrono::hours(2)), kStart + kSecond);
  REQUIRE(kept);
  CHECK(kept->state == "online");
  CHECK(kept->since == kStart);  // time goes on
}

TEST_CASE("a callback that is older than another changes nothing") {
  PresenceBook book({"a"}, kStart);
  CHECK(book.called_back(online_since(kStart), kStart));
  CHECK_FALSE(book.called_back(offline_since(kStart - Millis(1)), kStart));
  CHECK(state(book) == "online");
}

TEST_CASE("IM is asked soon when an agent leaves: they may be there with another client") {
  PresenceBook book({"a"}, kStart);
  book.next(kStart);
  book.ended(true, kStart);
  CHECK(book.called_back(online_since(kStart + kSecond), kStart + kSecond));
  CHECK(book.next_due() == kStart + PresenceBook::kEvery);
  CHECK(book.called_back(offline_since(kStart + 2 * kSecond), kStart + 2 * kSecond));
  CHECK(book.next_due() == kStart + PresenceBook::kNotSooner);
  SUBCASE("also when a question is under way") {
    const auto second = kStart + PresenceBook::kNotSooner;
    book.next(second);
    book.called_back(offline_since(second), second);
    book.ended(true, second);
    CHECK(book.next_due() == second + PresenceBook::kNotSooner);
  }
}

TEST_CASE("whoever writes is there, and IM is asked to make sure") {
  PresenceBook book({"a"}, kStart);
  CHECK_FALSE(book.wrote("a", kStart));  // unknown counts as there
  book.next(kStart);
  book.answered("a", "offline", kStart);
  book.ended(true, kStart);
  const auto kept = book.wrote("a", kStart + 20 * kSecond);
  REQUIRE(kept);
  CHECK(kept->state == "online");
  CHECK_FALSE(book.wrote("a", kStart + 20 * kSecond));
  CHECK(book.next_due() == kStart + 20 * kSecond);
}

TEST_CASE("of an agent nobody told about nothing is known") {
  PresenceBook book({"a"}, kStart);
  CHECK(book.find("a") == nullptr);
}
