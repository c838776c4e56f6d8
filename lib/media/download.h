// Fetches media from the hosts that may be asked, and from no others: addresses come from outside, and a
// bridge that fetches any of them can be sent to look into its own network. Thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/clock.h"
#include "lib/base/result.h"
#include "lib/http/client.h"
#include "lib/media/store.h"

namespace kefu::media {

// An address as strictly read: http or https, no user, no fragment.
struct WebUrl {
  std::string scheme;  // lower case, as the host, which has no trailing dot
  std::string host;    // an IPv6 address keeps its brackets
  int port = 0;        // the scheme's own when none is named
  std::string target;  // "/path?query"; bytes beyond ASCII are percent-encoded

  std::string origin() const;  // "https://host:port"
};
// Nothing when it is no such address, or one that two readers could understand differently.
std::optional<WebUrl> read_web_url(std::string_view text);

class AllowedHosts {
 public:
  // The first of `named` that is none of what the constructor takes; empty when there is none.
  static std::string problem_with(const std::vector<std::string>& named);

  // `named`: host, host:port or .suffix (KEFU_MEDIA_HOSTS); `own`: URLs of our own settings, whose host and
  // port may be asked. All others are asked over https alone. Where one of these is loopback, every port of
  // loopback may be: it is a test or a demo.
  AllowedHosts(const std::vector<std::string>& named, const std::vector<std::string>& own);

  bool allow(const WebUrl& url) const;
  // The address that may be asked instead of `url`: the same over https, when that alone is what may be.
  // WeChat itself names its hosts with http.
  WebUrl secured(WebUrl url) const;

 private:
  struct Place {
    std::string host;    // ".suffix" means every host below it
    int port = 0;        // 0: the scheme's own
    bool plain = false;  // may be asked over http
  };
  std::vector<Place> places_;
  bool loopback_ = false;
};

struct Downloaded {
  enum class Kind {
    fetched,
    impossible,  // now and later
    not_now,     // it may work later
  };
  enum class Why { none, not_allowed, too_large, gone };

  Kind kind = Kind::not_now;
  Why why = Why::none;   // of what is impossible
  std::string reason{};  // for people; names the host, not the address, which may hold a key
};

class Downloader {
 public:
  // Makes the client for "https://host:port"; tests give their own.
  using Connect = std::function<Result<std::unique_ptr<http::Client>>(const std::string& origin)>;

  explicit Downloader(AllowedHosts hosts, Connect connect = {}, std::function<Timestamp()> now = steady_now);

  bool may_fetch(const std::string& url) const;
  // An http address of Tencent's hosts is asked over https. Writes what is there into `into`, which is of no
  // use afterwards unless it was fetched. Follows up to three redirects, each to a host that may be asked.
  Downloaded fetch(const std::string& url, Draft& into, std::uint64_t bytes_max, Timestamp deadline) const;

 private:
  const AllowedHosts hosts_;
  const Connect connect_;
  const std::function<Timestamp()> now_;
};

}  // namespace kefu::media
