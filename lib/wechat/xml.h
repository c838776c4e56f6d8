// The XML of WeChat's pushes, as WeChat really writes it (reference: WeChat §3.4): user text is not escaped,
// control characters and cut UTF-8 occur. Pure; private to lib/wechat, over pugixml (its only includer is
// xml.cpp).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lib/base/result.h"

namespace kefu::wechat {

// An element that has no elements of its own.
struct Field {
  // Of a child of <xml> its name; of deeper ones the path, as names repeat in different parents
  // (reference: WeChat §3.3): "ScanCodeInfo/ScanResult", of the second of its name in its parent
  // "List[2]/TemplateId".
  std::string name;
  std::string text;  // its text and CDATA joined, entities resolved, blanks round it kept; clean UTF-8
};

// In the order of the document, repeats of the children of <xml> under the same name. What lies unreasonably
// deep, or comes after very many fields, is left out. Cleans the bytes, refuses a DTD before the root
// element, parses strictly; a body that is not well-formed, or in which the user's text has closed <Content>
// by force, is read by a tag scanner instead. The error says what is wrong and does not repeat the body.
Result<std::vector<Field>> fields_of(std::string_view body);

// The last field of that name, or nothing: what WeChat writes behind a customer's words, which may forge
// another before it.
const Field* last_field(const std::vector<Field>& fields, std::string_view name);

// Without the blanks, tabs and line ends round it.
std::string_view trimmed(std::string_view text);

// One or more CDATA sections that together are `text`: `]]>` in it is split.
std::string cdata(std::string_view text);

}  // namespace kefu::wechat
