#include "lib/media/download.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "lib/base/ascii.h"

namespace kefu::media {
namespace {

using namespace std::chrono_literals;
using http::CallResult;
using Kind = Downloaded::Kind;
using Why = Downloaded::Why;

// Below these Tencent alone gives out names. What they point to is not looked at: inside Tencent's own
// network they are private addresses. The buckets below myqcloud.com are anybody's, which only means that
// what we fetch is a stranger's file, as all media are.
constexpr std::array<std::string_view, 9> kTencent = {
    ".qq.com",             // reference: WeChat §7.2, video_url; mp.weixin.qq.com; im: *.tim.qq.com
    ".qpic.cn",            // reference: WeChat §3.2, PicUrl is on mmbiz.qpic.cn
    ".qlogo.cn",           // pictures of people
    ".myqcloud.com",       // IM's media until September 2024: *.cos.*.myqcloud.com
    ".tencentcos.cn",      // the same buckets by their newer name
    ".qcloud.com",         // *.im.qcloud.com
    ".my-imcloud.com",     // IM's media since then: <SDKAppID>-cn.rich.my-imcloud.com
    ".tencent-cloud.com",  // IM of the international site
    ".tencentcloud.com",
};

constexpr int kRedirectsMax = 3;
constexpr std::size_t kUrlBytesMax = 4096;
constexpr std::size_t kHostBytesMax = 253;

int port_of(std::string_view scheme) {
  return scheme == "https" ? 443 : 80;
}

std::optional<int> read_number(std::string_view text, int least, int most) {
  int number = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failure != std::errc() || end != text.data() + text.size() || number < least || number > most)
    return std::nullopt;
  return number;
}

std::vector<std::string_view> split(std::string_view text, char at) {
  std::vector<std::string_view> parts;
  for (;;) {
    const auto end = text.find(at);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

bool is_label(std::string_view label) {
  return !label.empty() && label.size() <= 63 && std::all_of(label.begin(), label.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  });
}

bool is_digits(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

// Four decimal numbers as everybody writes them: 127.1, 0x7f.1 and 0177.0.0.1 are addresses, too, for some.
bool is_ipv4(const std::vector<std::string_view>& labels) {
  return labels.size() == 4 && std::all_of(labels.begin(), labels.end(), [](std::string_view label) {
           return is_digits(label) && (label.size() == 1 || label.front() != '0') &&
                  read_number(label, 0, 255).has_value();
         });
}

bool is_host(std::string_view host) {
  if (host == "[::1]") return true;  // of all IPv6 addresses the one that our own settings may name
  if (host.empty() || host.size() > kHostBytesMax) return false;
  const auto labels = split(host, '.');
  if (!std::all_of(labels.begin(), labels.end(), is_label)) return false;
  const bool numeric = is_digits(labels.back()) || labels.back().starts_with("0x");
  return !numeric || is_ipv4(labels);
}

bool is_loopback(std::string_view host) {
  return host == "localhost" || host == "[::1]" || (host.starts_with("127.") && is_ipv4(split(host, '.')));
}

struct Authority {
  std::string host;
  std::optional<int> port;
};

std::optional<Authority> read_authority(std::string_view text) {
  const auto host_end = text.starts_with('[') ? text.find(']') + 1 : std::min(text.find(':'), text.size());
  if (host_end == 0) return std::nullopt;
  Authority read{lower_ascii(text.substr(0, host_end)), std::nullopt};
  if (read.host.ends_with('.')) read.host.pop_back();
  if (!is_host(read.host)) return std::nullopt;
  if (host_end == text.size()) return read;
  const auto port = text.substr(host_end + 1);
  if (text[host_end] != ':' || !is_digits(port)) return std::nullopt;
  read.port = read_number(port, 1, 65535);
  return read.port ? std::optional(read) : std::nullopt;
}

std::string encoded_beyond_ascii(std::string_view text) {
  std::string made;
  for (const char c : text) made += c < 0 ? http::percent_encode({&c, 1}) : std::string(1, c);
  return made;
}

// A redirect's address, which may be relative (RFC 3986 §5).
std::string resolved(const WebUrl& from, std::string_view location) {
  const auto slashes = location.find("://");
  if (slashes != std::string_view::npos && slashes < location.find_first_of("/?#"))
    return std::string(location);
  if (location.starts_with("//")) return from.scheme + ":" + std::string(location);
  if (location.starts_with("/")) return from.origin() + std::string(location);
  const auto path = from.target.substr(0, from.target.find('?'));
  return from.origin() + path.substr(0, path.rfind('/') + 1) + std::string(location);
}

Downloaded impossible(Why why, std::string reason) {
  return {Kind::impossible, why, std::move(reason)};
}

// What a client tells is "GET https://host/path: why", and a path may be a key to the file.
std::string without_address(const std::string& error) {
  const auto colon = error.rfind(": ");
  return colon == std::string::npos ? error : error.substr(colon + 2);
}

// One answer on its way into a draft.
class Arrival {
 public:
  Arrival(Draft& into, std::uint64_t bytes_max) : into_(into), bytes_max_(bytes_max) {}

  http::Sink sink() {
    return {[this](const http::AnswerHead& head) { return begins(head); },
            [this](std::string_view piece) { return takes(piece); }};
  }

  // Where to ask next.
  std::optional<std::string> redirect() const {
    const bool redirected = head_.status == 301 || head_.status == 302 || head_.status == 303 ||
                            head_.status == 307 || head_.status == 308;
    return redirected && !head_.location.empty() ? std::optional(head_.location) : std::nullopt;
  }

  Downloaded judged(const std::string& host, const CallResult& result) const {
    if (too_large_)
      return impossible(Why::too_large, "it is larger than " + std::to_string(bytes_max_) + " bytes");
    if (not_stored_) return {Kind::not_now, Why::none, "it cannot be stored"};
    if (head_.status == 408 || head_.status == 429 || head_.status >= 500)
      return {Kind::not_now, Why::none, host + " answers with HTTP status " + std::to_string(head_.status)};
    if (head_.status != 0 && head_.status != 200)
      return impossible(Why::gone, host + " answers with HTTP status " + std::to_string(head_.status));
    if (result.kind != CallResult::Kind::answered)
      return {Kind::not_now, Why::none, host + ": " + without_address(result.error)};
    if (bytes_ == 0) return impossible(Why::gone, host + " has an empty file there");
    return {Kind::fetched, Why::none, {}};
  }

 private:
  bool begins(const http::AnswerHead& head) {
    head_ = head;
    too_large_ = head.status == 200 && head.content_length && *head.content_length > bytes_max_;
    return head.status == 200 && !too_large_;
  }

  bool takes(std::string_view piece) {
    bytes_ += piece.size();
    too_large_ = bytes_ > bytes_max_;
    if (too_large_) return false;
    not_stored_ = !into_.write(piece);
    return !not_stored_;
  }

  Draft& into_;
  const std::uint64_t bytes_max_;
  http::AnswerHead head_;
  std::uint64_t bytes_ = 0;
  bool too_large_ = false;
  bool not_stored_ = false;
};

}  // namespace

std::string WebUrl::origin() const {
  return scheme + "://" + host + ":" + std::to_string(port);
}

std::optional<WebUrl> read_web_url(std::string_view text) {
  const bool odd = std::any_of(text.begin(), text.end(),
                               [](char c) { return (c >= 0 && c <= ' ') || c == '\x7F' || c == '\\'; });
  if (odd || text.size() > kUrlBytesMax) return std::nullopt;
  const auto scheme_end = text.find("://");
  if (scheme_end == std::string_view::npos) return std::nullopt;
  WebUrl url;
  url.scheme = lower_ascii(text.substr(0, scheme_end));
  if (url.scheme != "http" && url.scheme != "https") return std::nullopt;
  auto rest = text.substr(scheme_end + 3);
  rest = rest.substr(0, rest.find('#'));
  const auto path_at = std::min(rest.find_first_of("/?"), rest.size());
  const auto authority = read_authority(rest.substr(0, path_at));
  if (!authority) return std::nullopt;
  url.host = authority->host;
  url.port = authority->port.value_or(port_of(url.scheme));
  url.target = encoded_beyond_ascii(rest.substr(path_at));
  if (!url.target.starts_with('/')) url.target.insert(0, "/");
  return url;
}

std::string AllowedHosts::problem_with(const std::vector<std::string>& named) {
  const auto bad = std::find_if(named.begin(), named.end(), [](const std::string& text) {
    return !read_authority(text.starts_with('.') ? std::string_view(text).substr(1) : text);
  });
  return bad == named.end() ? ""
                            : "'" + *bad + "' is no host: give such as files.example.com or .example.com";
}

AllowedHosts::AllowedHosts(const std::vector<std::string>& named, const std::vector<std::string>& own) {
  for (const auto suffix : kTencent) places_.push_back({std::string(suffix), 0, false});
  for (const auto& text : named) {
    const bool suffix = text.starts_with('.');
    const auto read = read_authority(suffix ? std::string_view(text).substr(1) : text);
    if (read) places_.push_back({(suffix ? "." : "") + read->host, read->port.value_or(0), true});
  }
  for (const auto& text : own) {
    const auto url = read_web_url(text);
    if (!url) continue;
    places_.push_back({url->host, url->port, true});
    loopback_ = loopback_ || is_loopback(url->host);
  }
}

bool AllowedHosts::allow(const WebUrl& url) const {
  if (loopback_ && is_loopback(url.host)) return true;
  return std::any_of(places_.begin(), places_.end(), [&](const Place& place) {
    const bool named = place.host.starts_with('.') ? url.host.ends_with(place.host) : url.host == place.host;
    return named && (place.plain || url.scheme == "https") &&
           url.port == (place.port != 0 ? place.port : port_of(url.scheme));
  });
}

WebUrl AllowedHosts::secured(WebUrl url) const {
  if (url.scheme != "http" || url.port != port_of("http") || allow(url)) return url;
  WebUrl over_tls = url;
  over_tls.scheme = "https";
  over_tls.port = port_of("https");
  return allow(over_tls) ? over_tls : url;
}

Downloader::Downloader(AllowedHosts hosts, Connect connect, std::function<Timestamp()> now)
    : hosts_(std::move(hosts)),
      connect_(connect ? std::move(connect)
                       : [](const std::string& origin) { return http::Client::make(origin); }),
      now_(std::move(now)) {}

bool Downloader::may_fetch(const std::string& url) const {
  const auto at = read_web_url(url);
  return at && hosts_.allow(hosts_.secured(*at));
}

Downloaded Downloader::fetch(const std::string& url, Draft& into, std::uint64_t bytes_max,
                             Timestamp deadline) const {
  std::string address = url;
  for (int asked = 0; asked <= kRedirectsMax; ++asked) {
    auto at = read_web_url(address);
    if (!at) return impossible(Why::not_allowed, "that is no address of a file on the web");
    at = hosts_.secured(std::move(*at));
    if (!hosts_.allow(*at))
      return impossible(Why::not_allowed, at->host + ":" + std::to_string(at->port) +
                                              " is not a host from which media may be fetched over " +
                                              at->scheme + " (KEFU_MEDIA_HOSTS)");
    const auto left = deadline - now_();
    if (left <= 0ms) return {Kind::not_now, Why::none, "no time left to ask " + at->host};
    const auto client = connect_(at->origin());
    if (!client) return impossible(Why::not_allowed, client.error());
    Arrival arrival(into, bytes_max);
    const auto result = (*client)->download(at->target, arrival.sink(), left);
    const auto redirect = arrival.redirect();
    if (!redirect) return arrival.judged(at->host, result);
    address = resolved(*at, *redirect);
  }
  return impossible(Why::gone, "it is redirected more than three times");
}

}  // namespace kefu::media
