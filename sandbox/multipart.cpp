#include "sandbox/multipart.h"

#include <algorithm>

#include "lib/base/ascii.h"

namespace kefu::sandbox {
namespace {

// The value of `name=` or `name="…"` among parameters; the name is not the end of a longer one.
std::string parameter(std::string_view line, const std::string& name) {
  const auto folded = lower_ascii(line);
  for (std::size_t at = folded.find(name + "="); at != std::string::npos;
       at = folded.find(name + "=", at + 1)) {
    if (at > 0 && folded[at - 1] != ' ' && folded[at - 1] != ';' && folded[at - 1] != '\t') continue;
    auto value = line.substr(at + name.size() + 1);
    if (!value.empty() && value.front() == '"') {
      value.remove_prefix(1);
      return std::string(value.substr(0, value.find('"')));
    }
    return std::string(value.substr(0, value.find_first_of("; \t\r")));
  }
  return {};
}

std::string_view disposition_of(std::string_view head) {
  while (!head.empty()) {
    const auto end = std::min(head.find("\r\n"), head.size());
    const auto line = head.substr(0, end);
    if (lower_ascii(line.substr(0, 20)) == "content-disposition:") return line.substr(20);
    head.remove_prefix(std::min(end + 2, head.size()));
  }
  return {};
}

}  // namespace

Upload read_upload(std::string_view content_type, std::string_view body, std::string_view field) {
  const auto boundary = parameter(content_type, "boundary");
  if (lower_ascii(content_type.substr(0, 19)) != "multipart/form-data" || boundary.empty())
    return {UploadProblem::no_boundary, {}};
  const std::string line = "--" + boundary, end = "\r\n" + line;
  auto at = body.find(line);
  while (at != std::string_view::npos) {
    const auto part = body.substr(at + line.size());
    const auto head_end = part.find("\r\n\r\n");
    const auto part_end = part.find(end);
    if (part.substr(0, 2) == "--" || head_end == std::string_view::npos ||
        part_end == std::string_view::npos || part_end < head_end + 2)
      break;
    const auto disposition = disposition_of(part.substr(2, head_end - 2));
    if (parameter(disposition, "name") == field) {
      const auto content_at = std::min(head_end + 4, part_end);
      return {UploadProblem::none,
              {parameter(disposition, "filename"), part.substr(content_at, part_end - content_at)}};
    }
    at += line.size() + part_end + 2;
  }
  return {UploadProblem::no_such_part, {}};
}

}  // namespace kefu::sandbox
