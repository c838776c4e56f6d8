#include "lib/wechat/xml.h"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <pugixml.hpp>
#include <utility>

#include "lib/base/utf8.h"

namespace kefu::wechat {
namespace {

constexpr std::string_view kCdataBegin = "<![CDATA[";
constexpr std::string_view kCdataEnd = "]]>";
constexpr std::string_view kBlanks = " \t\r\n";

void append_utf8(std::string& out, char32_t c) {
  const auto tail = [&](int shift) { out += static_cast<char>(0x80 | (c >> shift & 0x3F)); };
  if (c < 0x80) {
    out += static_cast<char>(c);
  } else if (c < 0x800) {
    out += static_cast<char>(0xC0 | c >> 6);
    tail(0);
  } else if (c < 0x10000) {
    out += static_cast<char>(0xE0 | c >> 12);
    tail(6), tail(0);
  } else {
    out += static_cast<char>(0xF0 | c >> 18);
    tail(12), tail(6), tail(0);
  }
}

bool is_xml_character(std::uint32_t c) {
  if (c < 0x20) return c == '\t' || c == '\n' || c == '\r';
  return (c < 0xD800 || c > 0xDFFF) && c <= 0x10FFFF;
}

// `name` is what stands between & and ;.
bool append_entity(std::string& out, std::string_view name) {
  constexpr std::pair<std::string_view, char> kNamed[] = {
      {"amp", '&'}, {"lt", '<'}, {"gt", '>'}, {"quot", '"'}, {"apos", '\''}};
  for (const auto& [known, character] : kNamed) {
    if (name == known) return out += character, true;
  }
  if (!name.starts_with('#')) return false;
  name.remove_prefix(1);
  const bool hex = name.starts_with('x');
  if (hex) name.remove_prefix(1);
  std::uint32_t code = 0;
  const auto [end, problem] = std::from_chars(name.data(), name.data() + name.size(), code, hex ? 16 : 10);
  if (problem != std::errc{} || end != name.data() + name.size() || !is_xml_character(code)) return false;
  append_utf8(out, code);
  return true;
}

struct Unescaped {
  std::string text;  // what is no entity stays as it is
  bool well_formed = true;
};

// pugixml could do this too, but does not tell a bare & or ]]> from an escaped one.
Unescaped unescape(std::string_view raw) {
  Unescaped result;
  result.well_formed = raw.find(kCdataEnd) == raw.npos;
  while (!raw.empty()) {
    const auto ampersand = std::min(raw.find('&'), raw.size());
    result.text += raw.substr(0, ampersand);
    raw.remove_prefix(ampersand);
    if (raw.empty()) break;
    const auto end = raw.substr(0, 12).find(';');
    if (end != raw.npos && append_entity(result.text, raw.substr(1, end - 1))) {
      raw.remove_prefix(end + 1);
    } else {
      result.well_formed = false;
      result.text += '&';
      raw.remove_prefix(1);
    }
  }
  return result;
}

// From the root element on. Only here is a DTD looked for: a customer may well type <!DOCTYPE html>.
Result<std::string_view> without_prolog(std::string_view text) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  for (;;) {
    text = trimmed(text);
    std::string_view end;
    if (text.starts_with("<?")) {
      end = "?>";
    } else if (text.starts_with("<!--")) {
      end = "-->";
    } else {
      break;
    }
    const auto at = text.find(end, 2);
    if (at == text.npos) return Error{"the XML prolog does not end"};
    text.remove_prefix(at + end.size());
  }
  if (text.starts_with("<!")) return Error{"a DTD is refused"};
  if (!text.starts_with("<xml") || text.size() < 5 ||
      (kBlanks.find(text[4]) == text.npos && text[4] != '>')) {
    return Error{"the root element is not <xml>"};
  }
  return text;
}

bool has_elements(pugi::xml_node node) {
  return std::any_of(node.begin(), node.end(),
                     [](pugi::xml_node child) { return child.type() == pugi::node_element; });
}

std::optional<std::string> text_of(pugi::xml_node element) {
  std::string text;
  for (const pugi::xml_node child : element.children()) {
    if (child.type() == pugi::node_cdata) text += child.value();
    if (child.type() != pugi::node_pcdata) continue;
    const auto piece = unescape(child.value());
    if (!piece.well_formed) return std::nullopt;
    text += piece.text;
  }
  return text;
}

// Real pushes are a few levels deep and have a few dozen fields.
constexpr int kDepthMax = 8;
constexpr std::size_t kPathBytesMax = 256;
constexpr std::size_t kInnerFieldsMax = 1000;

// The fields below `parent`, by path. False: one of them is not well-formed.
bool read_below(pugi::xml_node parent, const std::string& path, int depth, std::vector<Field>& fields) {
  if (depth > kDepthMax || path.size() > kPathBytesMax) return true;
  std::map<std::string, int, std::less<>> seen;
  for (const pugi::xml_node child : parent.children()) {
    if (child.type() != pugi::node_element) continue;
    if (fields.size() >= kInnerFieldsMax) return true;
    auto name = path + "/" + child.name();
    if (const int count = ++seen[child.name()]; count > 1) name += "[" + std::to_string(count) + "]";
    if (has_elements(child)) {
      if (!read_below(child, name, depth + 1, fields)) return false;
      continue;
    }
    auto text = text_of(child);
    if (!text) return false;
    fields.push_back({std::move(name), std::move(*text)});
  }
  return true;
}

// Nothing when the document is not well-formed, or <Content> is not one plain text: the customer's words were
// not escaped.
std::optional<std::vector<Field>> read_strictly(pugi::xml_node root) {
  std::vector<Field> fields;
  int contents = 0;
  for (const pugi::xml_node child : root.children()) {
    if (child.type() == pugi::node_pcdata && !trimmed(child.value()).empty()) return std::nullopt;
    if (child.type() != pugi::node_element) continue;
    const bool is_content = std::string_view(child.name()) == "Content";
    if (is_content && (has_elements(child) || ++contents > 1)) return std::nullopt;
    if (has_elements(child)) {
      if (!read_below(child, child.name(), 1, fields)) return std::nullopt;
      continue;
    }
    auto text = text_of(child);
    if (!text) return std::nullopt;
    fields.push_back({child.name(), std::move(*text)});
  }
  return fields;
}

std::string scanned_text(std::string_view inner) {
  const auto bare = trimmed(inner);
  if (bare.starts_with(kCdataBegin) && bare.ends_with(kCdataEnd) &&
      bare.size() >= kCdataBegin.size() + kCdataEnd.size()) {
    return std::string(bare.substr(kCdataBegin.size(), bare.size() - kCdataBegin.size() - kCdataEnd.size()));
  }
  return unescape(inner).text;
}

bool has_tags(std::string_view inner) {
  const auto bare = trimmed(inner);
  return !bare.starts_with(kCdataBegin) && bare.find('<') != bare.npos;
}

// The elements that follow each other in `text`, whatever stands between them.
void scan_siblings(std::string_view text, std::vector<Field>& fields) {
  while (!text.empty()) {
    const auto open = text.find('<');
    if (open == text.npos) return;
    text.remove_prefix(open + 1);
    const auto name_end = std::min(text.find_first_of("> \t\r\n/<!"), text.size());
    const std::string name(text.substr(0, name_end));
    if (name.empty() || name_end == text.size() || text[name_end] != '>') continue;
    const auto close = text.find("</" + name + ">", name_end);
    if (close == text.npos) return;  // to look on would cost a pass over the body for each such tag
    const auto inner = text.substr(name_end + 1, close - name_end - 1);
    if (!has_tags(inner)) fields.push_back({name, scanned_text(inner)});
    text.remove_prefix(close + name.size() + 3);
  }
}

// reference: WeChat §3.4. <Content> reaches from its first begin to its last end; nothing inside it is taken
// for a field.
Result<std::vector<Field>> scan(std::string_view text) {
  constexpr std::string_view kBegin = "<Content>";
  constexpr std::string_view kEnd = "</Content>";
  constexpr std::string_view kRootEnd = "</xml>";
  if (!text.ends_with(kRootEnd)) return Error{"the XML is cut off"};
  text.remove_suffix(kRootEnd.size());
  text.remove_prefix(std::min(text.find('>'), text.size() - 1) + 1);

  std::vector<Field> fields;
  const auto begin = text.find(kBegin);
  if (begin == text.npos) {
    scan_siblings(text, fields);
    return fields;
  }
  const auto end = text.rfind(kEnd);
  if (end == text.npos || end < begin) return Error{"<Content> does not end"};
  scan_siblings(text.substr(0, begin), fields);
  fields.push_back(
      {"Content", scanned_text(text.substr(begin + kBegin.size(), end - begin - kBegin.size()))});
  scan_siblings(text.substr(end + kEnd.size()), fields);
  return fields;
}

}  // namespace

Result<std::vector<Field>> fields_of(std::string_view body) {
  const std::string clean = clean_utf8(body);
  const auto text = without_prolog(clean);
  if (!text) return Error{text.error()};

  // No parse_eol: a customer's CR LF stays. ws_pcdata_single: a text of blanks alone is a text.
  pugi::xml_document document;
  const auto parsed = document.load_buffer(
      text->data(), text->size(), pugi::parse_cdata | pugi::parse_ws_pcdata_single, pugi::encoding_utf8);
  if (parsed.status == pugi::status_ok) {
    const auto roots = std::count_if(document.begin(), document.end(),
                                     [](pugi::xml_node node) { return node.type() == pugi::node_element; });
    if (roots != 1) return Error{"more than one root element"};
    if (auto fields = read_strictly(document.document_element())) return std::move(*fields);
  }
  return scan(*text);
}

const Field* last_field(const std::vector<Field>& fields, std::string_view name) {
  const auto found =
      std::find_if(fields.rbegin(), fields.rend(), [&](const Field& field) { return field.name == name; });
  return found == fields.rend() ? nullptr : &*found;
}

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(kBlanks);
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

std::string cdata(std::string_view text) {
  std::string out(kCdataBegin);
  for (;;) {
    const auto at = text.find(kCdataEnd);
    if (at == text.npos) break;
    out += text.substr(0, at + 2);
    out += "]]><![CDATA[";
    text.remove_prefix(at + 2);
  }
  return out.append(text).append(kCdataEnd);
}

}  // namespace kefu::wechat
