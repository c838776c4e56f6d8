#include "gateway/notice.h"

#include <doctest/doctest.h>

#include "lib/base/utf8.h"

using namespace kefu;
using namespace std::chrono_literals;

namespace {

const Texts& kEnglish = texts("en");

bool says(const std::string& notice, std::string_view part) {
  CAPTURE(notice);
  return notice.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("a notice of waiting says why and for how long") {
  CHECK(says(notice_of_waiting(45015, 48h, kEnglish), "48 hours"));
  CHECK(says(notice_of_waiting(45047, 47h + 59min, kEnglish), "5 replies"));
  CHECK(says(notice_of_waiting(45047, 47h + 59min, kEnglish), "48 hours at most"));
  CHECK(says(notice_of_waiting(45047, 61min, kEnglish), "1 hour at most"));
  CHECK(says(notice_of_waiting(45047, 29min, kEnglish), "29 minutes at most"));
  CHECK(says(notice_of_waiting(45047, 10s, kEnglish), "1 minute at most"));
  CHECK(says(notice_of_waiting(0, 1h, kEnglish), "1 hour at most"));
  CHECK(says(notice_of_waiting(45999, 1h, kEnglish), "(code 45999)"));
}

TEST_CASE("a notice of death quotes the beginning of the reply, cut between characters") {
  const auto told = [](std::string_view reply) {
    return notice_of_death(Death::window_over, 0, reply, kEnglish);
  };
  CHECK(says(told("yes, we have it"), "“yes, we have it”"));
  CHECK(says(told("12345678901234567890"), "“12345678901234567890”"));
  CHECK(says(told("123456789012345678901"), "“12345678901234567890…”"));
  CHECK(says(told("一二三四五六七八九十一二三四五六七八九十一"),
             "“一二三四五六七八九十一二三四五六七八九十…”"));
  CHECK(says(told("two\nlines"), "“two lines”"));
  // A family of four people is one character of seven code points.
  const std::string family = "👨‍👩‍👧‍👦";
  const auto cut = told("123456789012345" + family + family);
  CHECK(says(cut, "“123456789012345…”"));
  CHECK(is_valid_utf8(cut));
  CHECK(says(told("{why} {reply}"), "“{why} {reply}”"));
}

TEST_CASE("the cause of death is told in words") {
  CHECK(death_of(true, 0, v1::FAILURE_UNSPECIFIED) == Death::window_over);
  CHECK(death_of(false, 45015, v1::FAILURE_WAIT_FOR_CUSTOMER) == Death::window_over);
  CHECK(death_of(false, 0, v1::FAILURE_UNKNOWN_OUTCOME) == Death::maybe_sent);
  CHECK(death_of(false, 43004, v1::FAILURE_DEAD) == Death::customer_gone);
  CHECK(death_of(false, 40003, v1::FAILURE_UNSPECIFIED) == Death::customer_gone);
  CHECK(death_of(false, 45002, v1::FAILURE_SPLIT) == Death::too_long);
  CHECK(death_of(false, 48008, v1::FAILURE_DEAD) == Death::refused);
  CHECK(death_of(false, 0, v1::FAILURE_DEAD) == Death::refused);
  CHECK(death_of(false, -1, v1::FAILURE_RETRY) == Death::given_up);
  CHECK(death_of(false, 0, v1::FAILURE_UNREACHABLE) == Death::given_up);
  CHECK(says(notice_of_death(Death::refused, 48008, "hi", kEnglish), "(code 48008)"));
  CHECK_FALSE(says(notice_of_death(Death::refused, 0, "hi", kEnglish), "(code"));
}

TEST_CASE("every locale has words for everything, and no place is left open") {
  for (const auto* locale : {"zh-CN", "en", "ja"}) {
    const auto& words = texts(locale);
    std::vector<std::string> notices;
    for (const auto code : {0, 1, 45015, 45047}) {
      for (const Millis time : {Millis(1min), Millis(2min), Millis(1h), Millis(2h)})
        notices.push_back(notice_of_waiting(code, time, words));
    }
    for (const auto death : {Death::window_over, Death::customer_gone, Death::too_long, Death::refused,
                             Death::maybe_sent, Death::given_up, Death::withdrawn})
      notices.push_back(notice_of_death(death, 7, "reply", words));
    notices.push_back(notice_of_left_out("TIMImageElem", words));
    for (const auto& notice : notices) {
      CAPTURE(notice);
      CHECK(notice.size() > 20);
      CHECK(notice.starts_with("["));
      CHECK(notice.find_first_of("{}%") == std::string::npos);
    }
  }
}
