#include "gateway/worker_words.h"

#include <doctest/doctest.h>

#include "lib/base/clock.h"
#include "lib/base/limits.h"
#include "lib/base/utf8.h"

using namespace kefu;

TEST_CASE("what a verdict says is cut to what an honest worker can mean") {
  v1::Verdict verdict;
  verdict.set_event_id(7);
  verdict.set_lease(8);
  verdict.set_outcome(v1::OUTCOME_RETRY);
  SUBCASE("what is within the limits stays") {
    verdict.set_reason("忙");
    verdict.set_after_ms(1500);
    verdict.set_progress(3);
    verdict.mutable_account()->set_im_user("oAlice");
    verdict.add_found()->set_msg_key("1_2_3");
    CHECK(within_limits(verdict).SerializeAsString() == verdict.SerializeAsString());
  }
  SUBCASE("times and counts") {
    verdict.set_after_ms(-1);
    CHECK(within_limits(verdict).after_ms() == 0);
    verdict.set_after_ms(INT64_MAX);
    CHECK(Millis(within_limits(verdict).after_ms()) == limits::kAfterMax);
    verdict.set_progress(UINT32_MAX);
    CHECK(within_limits(verdict).progress() == limits::kPartsMax);
  }
  SUBCASE("texts, between characters and without what a terminal would obey") {
    std::string long_text = "a";
    while (long_text.size() <= limits::kLeftOutBytesMax) long_text += "忙";
    verdict.set_reason(long_text);
    verdict.set_left_out("\x1B[2J" + long_text);
    const auto cut = within_limits(verdict);
    CHECK(cut.reason().size() <= limits::kReasonBytesMax);
    CHECK(cut.reason().size() > limits::kReasonBytesMax - 4);
    CHECK(is_valid_utf8(cut.reason()));
    CHECK(cut.left_out().size() <= limits::kLeftOutBytesMax);
    CHECK(cut.left_out().substr(0, 4) == "[2Ja");
  }
  SUBCASE("an account that can be none") {
    verdict.mutable_account()->set_im_user(std::string(1000, 'o'));
    CHECK_FALSE(within_limits(verdict).has_account());
  }
  SUBCASE("what a sweep found") {
    for (int i = 0; i < 3; ++i)
      verdict.add_found()->set_left_out(std::string(limits::kFoundBytesMax / 2 - 100, 'x'));
    CHECK(within_limits(verdict).found_size() == 2);
    verdict.clear_found();
    for (std::size_t i = 0; i <= limits::kFoundMax; ++i) verdict.add_found();
    CHECK(within_limits(verdict).found_size() == static_cast<int>(limits::kFoundMax));
  }
}
