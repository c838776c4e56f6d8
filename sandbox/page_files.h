// The page's files, part of the program (made from sandbox/page by the build).
#pragma once

#include <span>
#include <string_view>

namespace kefu::sandbox {

struct PageFile {
  std::string_view path;  // "/style.css"; index.html is "/"
  std::string_view content_type;
  std::string_view content;
};

std::span<const PageFile> page_files();

}  // namespace kefu::sandbox
