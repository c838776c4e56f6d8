#include "lib/base/json.h"

#include <nlohmann/json.hpp>
#include <string>

namespace kefu {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

// Reads a text to its end without keeping anything of it, and stops where it exceeds the limits.
class LimitCheck final : public nlohmann::json_sax<json> {
 public:
  explicit LimitCheck(const JsonLimits& limits) : limits_(limits) {}

  bool null() override { return count(); }
  bool boolean(bool) override { return count(); }
  bool number_integer(number_integer_t) override { return count(); }
  bool number_unsigned(number_unsigned_t) override { return count(); }
  bool number_float(number_float_t, const string_t&) override { return count(); }
  bool string(string_t&) override { return count(); }
  bool binary(binary_t&) override { return count(); }
  bool start_object(std::size_t) override { return open(); }
  bool start_array(std::size_t) override { return open(); }
  bool key(string_t&) override { return true; }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override {
    return false;
  }

 private:
  bool count() { return ++values_ <= limits_.values; }
  bool open() { return ++depth_ <= limits_.depth && count(); }
  bool close() {
    --depth_;
    return true;
  }

  JsonLimits limits_;
  int depth_ = 0;
  std::size_t values_ = 0;
};

template <class Json>
std::optional<Json> parsed(std::string_view text, const JsonLimits& limits) {
  LimitCheck check(limits);
  if (!json::sax_parse(text.begin(), text.end(), &check)) return std::nullopt;
  auto value = Json::parse(text.begin(), text.end(), nullptr, false);
  if (value.is_discarded()) return std::nullopt;
  return value;
}

}  // namespace

std::optional<json> parse_json(std::string_view text, const JsonLimits& limits) {
  return parsed<json>(text, limits);
}

std::optional<ordered_json> parse_ordered_json(std::string_view text, const JsonLimits& limits) {
  return parsed<ordered_json>(text, limits);
}

}  // namespace kefu
