// The target of a request: a path and a query that a client encoded as it liked.
#include <algorithm>
#include <string>

#include "lib/http/client.h"
#include "lib/http/head.h"
#include "lib/http/server.h"
#include "tests/fuzz/fuzz.h"

using namespace kefu;
using fuzz::must;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto text = fuzz::bytes(data, size);
  const auto target = http::parse_target(text);
  std::size_t bytes = target.path.size();
  for (const auto& [name, value] : target.query) bytes += name.size() + value.size();
  must(bytes <= size, "decoding makes nothing longer");

  http::Request request;
  request.query = target.query;
  for (const auto& pair : target.query) {
    const auto& name = pair.first;
    const auto times = std::count_if(target.query.begin(), target.query.end(),
                                     [&name](const auto& other) { return other.first == name; });
    const auto value = request.parameter(name);
    must(value.has_value() == (times == 1), "a parameter counts when it is there once");
    must(!value || *value == pair.second, "a parameter has its value");
  }

  // Encoded again, it says the same.
  std::string again = http::percent_encode(target.path) + "?";
  for (const auto& [name, value] : target.query)
    again += http::percent_encode(name) + "=" + http::percent_encode(value) + "&";
  const auto read_again = http::parse_target(again);
  must(read_again.path == target.path && read_again.query == target.query, "what was decoded reads back");
  return 0;
}
