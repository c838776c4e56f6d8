#include "lib/base/grapheme.h"

#include <doctest/doctest.h>

#include <fstream>
#include <sstream>
#include <string>
#include <vector>

using namespace kefu;

namespace {

struct Case {
  std::string line;
  std::vector<char32_t> points;
  std::vector<bool> begins;
};

Case read_case(const std::string& line) {
  Case one{line, {}, {}};
  std::istringstream words(line);
  for (std::string mark, point; words >> mark >> point;) {
    one.begins.push_back(mark == "/");
    one.points.push_back(static_cast<char32_t>(std::stoul(point, nullptr, 16)));
  }
  return one;
}

std::string seen(const std::vector<char32_t>& points) {
  grapheme::Breaks breaks;
  std::string out;
  for (const auto point : points) out += breaks.begins(point) ? '/' : 'x';
  return out;
}

}  // namespace

TEST_CASE("texts are cut where the Unicode standard's test cuts them") {
  std::ifstream file(KEFU_TEST_VECTORS "/grapheme-breaks.txt");
  int cases = 0;
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line[0] == '#') continue;
    const auto one = read_case(line);
    grapheme::Breaks breaks;
    for (std::size_t i = 0; i < one.points.size(); ++i) {
      CAPTURE(line);
      CAPTURE(i);
      CHECK(breaks.begins(one.points[i]) == one.begins[i]);
    }
    ++cases;
  }
  CHECK(cases > 600);
}

TEST_CASE("what people write together stays together") {
  CHECK(seen({0x1100, 0x1161, 0x11A8}) == "/xx");           // jamo of one syllable
  CHECK(seen({0xAC00, 0x11A8, 0xAC01, 0x11A8}) == "/x/x");  // syllables with an ending
  CHECK(seen({0x0915, 0x094D, 0x0937, 0x0940}) == "/xxx");  // a conjunct: ksha, with its vowel
  CHECK(seen({0x0915, 0x094D, 0x200D, 0x0937}) == "/xxx");  // written half
  CHECK(seen({0x0915, 0x0937}) == "//");
  CHECK(seen({'1', 0xFE0F, 0x20E3}) == "/xx");                            // a keycap
  CHECK(seen({0x1F468, 0x1F3FD, 0x200D, 0x1F4BB, 'a'}) == "/xxx/");       // a man at his computer
  CHECK(seen({0x1F3F4, 0xE0067, 0xE0062, 0xE007F, 'a'}) == "/xxx/");      // a flag of tags
  CHECK(seen({0x1F1E8, 0x1F1F3, 0x1F1EF, 0x1F1F5, 0x1F1E8}) == "/x/x/");  // two flags and a half
  CHECK(seen({'a', 0x200D, 'b'}) == "/x/");                               // a joiner joins pictures only
  CHECK(seen({0x0E01, 0x0E33, 0x0644, 0x064E, 0x064F}) == "/x/xx");       // Thai am, Arabic vowels
  CHECK(seen({'\r', '\n', 0x0301}) == "/x/");
}
