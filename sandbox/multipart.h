// The one file of an upload, out of multipart/form-data as WeChat reads it: plain `name` and `filename` only
// (reference: WeChat §7.1). Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace kefu::sandbox {

struct UploadPart {
  std::string filename;  // empty: none that WeChat understands (`filename*` is not)
  std::string_view content;
};

enum class UploadProblem { none, no_boundary, no_such_part };

struct Upload {
  UploadProblem problem = UploadProblem::none;
  UploadPart part;
};

// The part named `field`. The result looks into `body`.
Upload read_upload(std::string_view content_type, std::string_view body, std::string_view field);

}  // namespace kefu::sandbox
