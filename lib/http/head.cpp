#include "lib/http/head.h"

#include <algorithm>
#include <charconv>

#include "lib/base/ascii.h"
#include "lib/http/characters.h"

namespace kefu::http {
namespace {

constexpr std::string_view kLineEnd = "\r\n";

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

bool is_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), is_token_character);
}

bool has_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(), is_control);
}

// Servers must take the absolute form too (RFC 9112 §3.2.2).
std::string_view without_authority(std::string_view target) {
  if (lower_ascii(target.substr(0, 7)) != "http://") return target;
  const auto path = target.find('/', 7);
  return path == std::string_view::npos ? "/" : target.substr(path);
}

int parse_request_line(std::string_view line, Head& head) {
  const auto first = line.find(' ');
  const auto last = line.rfind(' ');
  if (first == std::string_view::npos || first == last) return 400;
  const auto version = line.substr(last + 1);
  const auto target = without_authority(line.substr(first + 1, last - first - 1));
  if (target.size() > limits::kTargetBytesMax) return 414;
  if (version != "HTTP/1.1" && version != "HTTP/1.0") return version.substr(0, 5) == "HTTP/" ? 505 : 400;
  head.method = line.substr(0, first);
  head.target = target;
  head.keep_alive = version == "HTTP/1.1";
  const bool good_target =
      (target == "*" || target.substr(0, 1) == "/") && target.find_first_of(" \t") == std::string_view::npos;
  return is_token(head.method) && good_target && !has_control(target) ? 0 : 400;
}

// Digits alone, and once: two lengths are two requests.
bool read_content_length(std::string_view value, std::optional<std::size_t>& length) {
  if (length || value.empty() || value.front() < '0' || value.front() > '9') return false;
  std::size_t bytes = 0;
  const auto [end, failure] = std::from_chars(value.data(), value.data() + value.size(), bytes);
  if (failure != std::errc() || end != value.data() + value.size()) return false;
  length = bytes;
  return true;
}

// What is remembered while the lines go by.
struct Framing {
  std::optional<std::size_t> length;
  bool close = false;
  std::size_t hosts = 0;
};

int take_header(std::string_view line, Head& head, Framing& framing) {
  const auto colon = line.find(':');
  if (colon == std::string_view::npos || !is_token(line.substr(0, colon)) || has_control(line)) return 400;
  const std::string name = lower_ascii(line.substr(0, colon));
  const auto value = trimmed(line.substr(colon + 1));
  if (name == "content-length") return read_content_length(value, framing.length) ? 0 : 400;
  if (name == "host") {
    ++framing.hosts;
    return value.find_first_of(" \t,") == std::string_view::npos ? 0 : 400;
  }
  if (name == "transfer-encoding") {
    if (head.chunked || lower_ascii(value) != "chunked") return 400;
    head.chunked = true;
  } else if (name == "connection") {
    framing.close = framing.close || lower_ascii(value).find("close") != std::string::npos;
  } else if (name == "expect") {
    head.expects_continue = lower_ascii(value) == "100-continue";
  } else if (name == "content-type") {
    head.content_type = value;
  } else if (name == "content-encoding") {
    head.content_encoding = lower_ascii(value);
  } else if (name == "range") {
    if (!head.range.empty()) head.range += ',';
    head.range += value;
  } else if (name == "if-range") {
    head.if_range = value;
  }
  return 0;
}

int check_framing(Head& head, const Framing& framing) {
  const bool speaks_1_1 = head.keep_alive;
  // RFC 9112 §3.2: two hosts are two requests to those behind a proxy that chooses by it.
  if (framing.hosts > 1 || (speaks_1_1 && framing.hosts == 0)) return 400;
  if (head.chunked && (framing.length || !speaks_1_1)) return 400;
  head.content_length = framing.length.value_or(0);
  head.keep_alive = speaks_1_1 && !framing.close;
  return 0;
}

int parse_into(std::string_view text, Head& head) {
  Framing framing;
  std::size_t headers = 0;
  bool in_request_line = true;
  while (!text.empty()) {
    const auto end = text.find(kLineEnd);
    if (end == std::string_view::npos) return 400;
    const auto line = text.substr(0, end);
    text.remove_prefix(end + kLineEnd.size());
    if (line.empty()) break;
    if (!in_request_line && ++headers > kHeadersMax) return 431;
    const int refusal = in_request_line ? parse_request_line(line, head) : take_header(line, head, framing);
    if (refusal != 0) return refusal;
    in_request_line = false;
  }
  return in_request_line ? 400 : check_framing(head, framing);
}

// A '%' without two hex digits stays as it is.
std::string percent_decoded(std::string_view text, bool plus_is_blank) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const int high = text[i] == '%' && i + 2 < text.size() ? hex_value(text[i + 1]) : -1;
    const int low = high >= 0 ? hex_value(text[i + 2]) : -1;
    if (low >= 0) {
      out += static_cast<char>(high * 16 + low);
      i += 2;
    } else {
      out += plus_is_blank && text[i] == '+' ? ' ' : text[i];
    }
  }
  return out;
}

}  // namespace

std::optional<std::size_t> head_end(std::string_view bytes, std::size_t searched) {
  const auto end = bytes.find("\r\n\r\n", searched - std::min<std::size_t>(searched, 3));
  if (end == std::string_view::npos) return std::nullopt;
  return end + 4;
}

int refusal_of_growing_head(std::string_view bytes) {
  const bool in_request_line = bytes.find('\n') == std::string_view::npos;
  if (in_request_line && bytes.size() > kRequestLineBytesMax) return 414;
  return bytes.size() > kHeadBytesMax ? 431 : 0;
}

Head parse_head(std::string_view text) {
  Head head;
  head.refusal = parse_into(text, head);
  return head;
}

Target parse_target(std::string_view target) {
  Target parsed;
  target = target.substr(0, target.find('#'));
  const auto mark = target.find('?');
  parsed.path = percent_decoded(target.substr(0, mark), false);
  if (mark == std::string_view::npos) return parsed;
  auto query = target.substr(mark + 1);
  while (!query.empty()) {
    const auto end = std::min(query.find('&'), query.size());
    const auto pair = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    if (pair.empty()) continue;
    const auto equals = std::min(pair.find('='), pair.size());
    const auto value = equals < pair.size() ? pair.substr(equals + 1) : std::string_view();
    parsed.query.emplace_back(percent_decoded(pair.substr(0, equals), true), percent_decoded(value, true));
  }
  return parsed;
}

std::string_view reason_phrase(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 204:
      return "No Content";
    case 206:
      return "Partial Content";
    case 302:
      return "Found";
    case 304:
      return "Not Modified";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 413:
      return "Content Too Large";
    case 414:
      return "URI Too Long";
    case 415:
      return "Unsupported Media Type";
    case 416:
      return "Range Not Satisfiable";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 502:
      return "Bad Gateway";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    case 505:
      return "HTTP Version Not Supported";
    default:
      return "Other";
  }
}

}  // namespace kefu::http
