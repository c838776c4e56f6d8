// Files from WeChat and from links of agents: what they are is told by their bytes. And the names under which
// they are asked for.
#include "lib/media/facts.h"
#include "lib/media/links.h"
#include "tests/fuzz/fuzz.h"

using namespace kefu;
using fuzz::must;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto input = fuzz::bytes(data, size);
  const auto facts = media::facts_of(input);
  must(!media::mime_type(facts.format).empty() && !media::extension(facts.format).empty(),
       "every format has a name");
  must(facts.duration.count() >= 0, "no sound lasts less than nothing");
  must(facts.format != media::Format::unknown || (facts.width == 0 && facts.height == 0),
       "nothing is told of the unknown");

  constexpr Timestamp now{1'700'000'000'000};
  must(!media::read_link_name("key", input, now), "nobody guesses a link");
  const auto name = media::link_name("key", std::string(64, 'a'), facts.format, Timestamp{1'700'000'060'000});
  must(media::read_link_name("key", name, now).has_value(), "a link that was made is good");
  return 0;
}
