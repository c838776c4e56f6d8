#include "sandbox/lanes.h"

#include <doctest/doctest.h>

#include <atomic>
#include <future>

#include "sandbox/faults.h"
#include "sandbox/feed.h"

namespace kefu::sandbox {

using namespace std::chrono_literals;

TEST_CASE("work of one lane runs in order, one piece at a time") {
  Lanes lanes(8);
  std::vector<int> order;
  std::atomic<int> inside = 0;
  bool overlapped = false;
  std::promise<void> done;
  for (int i = 0; i < 200; ++i) {
    lanes.run("one", [&, i] {
      overlapped = overlapped || ++inside != 1;
      order.push_back(i);
      --inside;
      if (i == 199) done.set_value();
    });
  }
  REQUIRE(done.get_future().wait_for(10s) == std::future_status::ready);
  lanes.stop();
  CHECK_FALSE(overlapped);
  REQUIRE(order.size() == 200);
  for (int i = 0; i < 200; ++i) CHECK(order[static_cast<std::size_t>(i)] == i);
}

TEST_CASE("a lane that is stuck holds up no other") {
  Lanes lanes(8);
  std::promise<void> release, other_done;
  const auto released = release.get_future().share();
  lanes.run("stuck", [released] { released.wait(); });
  lanes.run("other", [&] { other_done.set_value(); });
  CHECK(other_done.get_future().wait_for(10s) == std::future_status::ready);
  release.set_value();
}

TEST_CASE("stopping drops what has not begun") {
  Lanes lanes(2);
  auto promise = std::make_shared<std::promise<void>>();
  const auto dropped = promise->get_future().share();  // ready when the second piece is run or dropped
  std::promise<void> begun;
  std::atomic<bool> second_ran = false;
  lanes.run("one", [&begun, dropped] {
    begun.set_value();
    dropped.wait();
  });
  lanes.run("one", [&second_ran, promise = std::move(promise)] { second_ran = true; });
  begun.get_future().wait();
  lanes.stop();
  CHECK_THROWS_AS(dropped.get(), std::future_error);
  CHECK_FALSE(second_ran);
}

TEST_CASE("a fault strikes the calls it was ordered for, so many times") {
  Faults faults;
  faults.add({"im", "sendmsg", Fault::Mode::error, 60008, 200, 0ms, 2});
  faults.add({"im", "*", Fault::Mode::reset, 0, 200, 0ms, 1});
  CHECK_FALSE(faults.take("wechat", "sendmsg").has_value());
  CHECK(faults.take("im", "sendmsg")->code == 60008);
  CHECK(faults.take("im", "account_import")->mode == Fault::Mode::reset);
  CHECK(faults.take("im", "sendmsg")->code == 60008);
  CHECK_FALSE(faults.take("im", "sendmsg").has_value());
}

TEST_CASE("clearing the faults releases what hangs") {
  Faults faults;
  auto hanging = std::async(std::launch::async, [&] { faults.hang(1h); });
  while (hanging.wait_for(1ms) != std::future_status::ready) faults.clear();
  CHECK(faults.pending().empty());
}

TEST_CASE("a watcher gets every line in order, late ones too, and hears of gaps") {
  Feed feed;
  for (int i = 1; i <= 2500; ++i) feed.publish(std::to_string(i));
  std::vector<std::string> got;
  feed.follow(2400, [&](std::uint64_t number, std::string_view line) {
    CHECK(std::to_string(number) == line);
    got.emplace_back(line);
    return got.size() < 100;
  });
  CHECK(got.front() == "2401");
  CHECK(got.back() == "2500");
  std::string first;
  feed.follow(1, [&](std::uint64_t, std::string_view line) {
    first = line;
    return false;
  });
  CHECK(first == "gap");
  auto following = std::async(
      std::launch::async, [&] { feed.follow(2500, [](std::uint64_t, std::string_view) { return true; }); });
  feed.stop();
  CHECK(following.wait_for(10s) == std::future_status::ready);
}

}  // namespace kefu::sandbox
