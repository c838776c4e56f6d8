// The page's files and the sample media, part of the program (made from sandbox/page and sandbox/samples by
// the build).
#pragma once

#include <span>
#include <string_view>

namespace kefu::sandbox {

struct PageFile {
  std::string_view path;  // "/style.css", "/samples/photo.jpg"; index.html is "/"
  std::string_view content_type;
  std::string_view content;
};

std::span<const PageFile> page_files();

}  // namespace kefu::sandbox
