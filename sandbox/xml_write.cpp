#include "sandbox/xml_write.h"

namespace kefu::sandbox {

std::string element(std::string_view name, std::string_view content) {
  std::string out = "<";
  return out.append(name).append(">").append(content).append("</").append(name).append(">");
}

std::string cdata(std::string_view name, std::string_view text) {
  return element(name, std::string("<![CDATA[").append(text).append("]]>"));
}

std::string content_of(std::string_view xml, std::string_view name) {
  const std::string open = "<" + std::string(name) + ">", close = "</" + std::string(name) + ">";
  const auto begin = xml.find(open);
  const auto end = xml.find(close);
  if (begin == std::string_view::npos || end == std::string_view::npos || end < begin) return {};
  auto text = xml.substr(begin + open.size(), end - begin - open.size());
  constexpr std::string_view kOpen = "<![CDATA[", kClose = "]]>";
  if (text.substr(0, kOpen.size()) == kOpen && text.size() >= kOpen.size() + kClose.size())
    text = text.substr(kOpen.size(), text.size() - kOpen.size() - kClose.size());
  return std::string(text);
}

}  // namespace kefu::sandbox
