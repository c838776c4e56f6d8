// XML as WeChat writes it, and the little reading that its answers need. Pure.
#pragma once

#include <string>
#include <string_view>

namespace kefu::sandbox {

std::string element(std::string_view name, std::string_view content);
// The text goes in as it is: WeChat does not escape `]]>` (reference: WeChat §3.4).
std::string cdata(std::string_view name, std::string_view text);
// Of the first element of that name, out of its CDATA; empty when missing.
std::string content_of(std::string_view xml, std::string_view name);

}  // namespace kefu::sandbox
