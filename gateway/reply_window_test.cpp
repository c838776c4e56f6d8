#include "gateway/reply_window.h"

#include <doctest/doctest.h>

using namespace kefu;
using namespace std::chrono_literals;
using Opener = ReplyWindow::Opener;

namespace {
constexpr Timestamp kNow{1'700'000'000'000};
}

TEST_CASE("a message opens five replies for 48 hours, anything else three for a minute") {
  ReplyWindow window;
  CHECK_FALSE(window.is_open(kNow));
  window.open(Opener::message, kNow);
  CHECK(window.replies_left == 5);
  CHECK(window.ends_at == kNow + 48h);
  CHECK(window.is_open(kNow + 48h - 1ms));
  CHECK_FALSE(window.is_open(kNow + 48h));
  for (const auto opener : {Opener::follow, Opener::scan, Opener::menu}) {
    window = {};
    window.open(opener, kNow);
    CHECK(window.replies_left == 3);
    CHECK(window.ends_at == kNow + 1min);
    CHECK(window.opened_by == opener);
  }
}

TEST_CASE("every part of a reply uses one, and there is no less than none") {
  ReplyWindow window;
  window.open(Opener::message, kNow);
  window.use(2);
  CHECK(window.replies_left == 3);
  window.use(4);
  CHECK(window.replies_left == 0);
  CHECK(window.is_open(kNow));
}

TEST_CASE("a new message starts a fresh window, whatever there was") {
  ReplyWindow window;
  window.open(Opener::message, kNow);
  SUBCASE("used up") {
    window.use_up();
  }
  SUBCASE("closed") {
    window.close(kNow);
  }
  SUBCASE("half used") {
    window.use(2);
  }
  SUBCASE("a tap between") {
    window.open(Opener::menu, kNow + 1s);
  }
  window.open(Opener::message, kNow + 1h);
  CHECK(window.replies_left == 5);
  CHECK(window.ends_at == kNow + 49h);
  CHECK(window.opened_by == Opener::message);
}

TEST_CASE("where occasions overlap, the later end and the larger number stay") {
  ReplyWindow window;
  window.open(Opener::message, kNow);
  SUBCASE("a tap takes nothing away from a message") {
    window.open(Opener::menu, kNow + 1h);
    CHECK(window.replies_left == 5);
  }
  SUBCASE("a tap fills up to three") {
    window.use(4);
    window.open(Opener::menu, kNow + 1h);
    CHECK(window.replies_left == 3);
  }
  SUBCASE("WeChat's no does not outlive the next occasion") {
    window.use_up();
    window.open(Opener::scan, kNow + 1h);
    CHECK(window.replies_left == 3);
  }
  CHECK(window.ends_at == kNow + 48h);
  CHECK(window.opened_by == Opener::message);
  window.open(Opener::menu, kNow + 48h - 1s);
  CHECK(window.ends_at == kNow + 48h + 59s);
  CHECK(window.opened_by == Opener::menu);
}

TEST_CASE("what a window that is over had left is gone") {
  ReplyWindow window;
  window.open(Opener::message, kNow);
  window.open(Opener::follow, kNow + 49h);
  CHECK(window.replies_left == 3);
  CHECK(window.ends_at == kNow + 49h + 1min);
}

TEST_CASE("replies end with the window of the customer's message, where one is known") {
  ReplyWindow window;
  CHECK(window.replies_end_at() == Timestamp{});
  window.open(Opener::follow, kNow);
  CHECK(window.replies_end_at() == Timestamp{});
  window.open(Opener::message, kNow);
  CHECK(window.replies_end_at() == kNow + 48h);
  SUBCASE("its end counts also when WeChat has said so") {
    window.close(kNow + 49h);
    CHECK(window.replies_end_at() == kNow + 48h);
  }
  SUBCASE("closed before its end by WeChat or the customer") {
    window.close(kNow + 2h);
    CHECK_FALSE(window.is_open(kNow + 2h));
    CHECK(window.replies_end_at() == Timestamp{});
  }
}
