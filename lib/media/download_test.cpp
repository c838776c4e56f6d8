#include "lib/media/download.h"

#include <doctest/doctest.h>

#include <map>
#include <utility>

#include "lib/http/scripted_client.h"

using namespace kefu;
using namespace std::chrono_literals;
using http::AnswerHead;
using http::CallResult;
using media::AllowedHosts;
using media::Downloaded;
using media::read_web_url;
using Kind = Downloaded::Kind;
using Why = Downloaded::Why;

namespace {

bool allowed(const AllowedHosts& hosts, std::string_view text) {
  const auto url = read_web_url(text);
  return url && hosts.allow(*url);
}

struct TextDraft : media::Draft {
  std::string bytes;
  bool full = false;
  bool write(std::string_view more) override {
    bytes += more;
    return !full;
  }
  std::string path() const override { return {}; }
  Result<media::Object> keep() override { return Error{"not here"}; }
};

// A web of answers by address.
struct Web {
  struct Page {
    AnswerHead head{200, "image/png", "", "", {}};
    std::string body;
    CallResult::Kind kind = CallResult::Kind::answered;
  };
  std::map<std::string, Page> pages;
  std::vector<std::string> asked;
  Timestamp now{1000};
  TextDraft draft;

  Downloaded fetch(const std::string& url, std::uint64_t bytes_max = 1000) {
    const media::Downloader downloader(
        AllowedHosts({"files.example.com"}, {}),
        [this](const std::string& origin) {
          auto client = std::make_unique<http::ScriptedClient>("");
          client->play_download = [this, origin](const std::string& target, const http::Sink& sink) {
            asked.push_back(origin + target);
            const auto& page = pages[origin + target];
            if (page.head.status != 0 && (!sink.begins(page.head) || !sink.takes(page.body)))
              return CallResult{CallResult::Kind::unsure, 0, "", "given up"};
            return CallResult{page.kind, page.head.status, "", "GET " + origin + target + ": timed out"};
          };
          return Result<std::unique_ptr<http::Client>>(std::move(client));
        },
        [this] { return now; });
    return downloader.fetch(url, draft, bytes_max, now + 5s);
  }
};

const std::string kHost = "https://files.example.com:443";

}  // namespace

TEST_CASE("an address is read strictly") {
  const auto url = read_web_url("HTTPS://CDN.Example.com.:8443/a/b?c=d#e");
  REQUIRE(url);
  CHECK(url->origin() == "https://cdn.example.com:8443");
  CHECK(url->target == "/a/b?c=d");
  CHECK(read_web_url("http://e.cn")->origin() == "http://e.cn:80");
  CHECK(read_web_url("http://e.cn?q")->target == "/?q");
  CHECK(read_web_url("https://e.cn/图.png")->target == "/%E5%9B%BE.png");
  for (const auto* bad : {"",
                          "e.cn/a",
                          "//e.cn/a",
                          "ftp://e.cn/a",
                          "file:///etc/passwd",
                          "https://",
                          "https:///a",
                          "https://user@e.cn/",
                          "https://e.cn@evil.cn/",
                          "https://e.cn:x/",
                          "https://e.cn:0/",
                          "https://e.cn:70000/",
                          "https://e.cn:+80/",
                          "https://e.cn:/",
                          "https://e..cn/",
                          "https://.e.cn/",
                          "https://e cn/",
                          "https://e.cn/a b",
                          "https://e.cn/\r\nX: y",
                          "https://e.cn\\@evil.cn/",
                          "https://e%2ecn/",
                          "https://例子.cn/",
                          "https://[::ffff:127.0.0.1]/",
                          "https://[fe80::1%25eth0]/",
                          "https://2130706433/",
                          "https://0x7f000001/",
                          "https://0177.0.0.1/",
                          "https://127.1/",
                          "https://1.2.3.4.5/",
                          "https://256.1.1.1/",
                          "https://e.cn:443:443/"}) {
    CAPTURE(bad);
    CHECK_FALSE(read_web_url(bad).has_value());
  }
}

TEST_CASE("Tencent's hosts may be asked, and nobody who only looks like them") {
  const AllowedHosts hosts({}, {"https://api.weixin.qq.com"});
  for (const auto* good :
       {"https://mmbiz.qpic.cn/a", "https://vweixinf.tc.qq.com/a",
        "https://1400000000-cn.rich.my-imcloud.com/a", "https://b-1250000000.cos.ap-shanghai.myqcloud.com/a",
        "https://MMBIZ.QPIC.CN./a", "https://api.weixin.qq.com/a", "https://cn.im.qcloud.com:443/"}) {
    CAPTURE(good);
    CHECK(allowed(hosts, good));
  }
  for (const auto* bad : {"https://evilqq.com/a", "https://qq.com.evil.cn/a", "https://qq.com/a?x=.qq.com",
                          "https://mmbiz.qpic.cn:8080/a", "http://mmbiz.qpic.cn:443/",
                          "http://mmbiz.qpic.cn/a", "https://169.254.169.254/", "http://127.0.0.1/",
                          "http://localhost/", "http://[::1]/", "https://example.com/#.qq.com"}) {
    CAPTURE(bad);
    CHECK_FALSE(allowed(hosts, bad));
  }
}

TEST_CASE("an operator may name more hosts, and those of the settings are known") {
  const AllowedHosts hosts({"files.example.com", "cdn.example.com:8443", ".corp.example", "not a host"},
                           {"http://sandbox:8000/x", ""});
  CHECK(allowed(hosts, "https://files.example.com/a"));
  CHECK_FALSE(allowed(hosts, "https://files.example.com:8443/a"));
  CHECK_FALSE(allowed(hosts, "https://x.files.example.com/a"));
  CHECK(allowed(hosts, "https://cdn.example.com:8443/a"));
  CHECK_FALSE(allowed(hosts, "https://cdn.example.com/a"));
  CHECK(allowed(hosts, "https://a.b.corp.example/a"));
  CHECK_FALSE(allowed(hosts, "https://corp.example/a"));
  CHECK(allowed(hosts, "http://sandbox:8000/a"));
  CHECK_FALSE(allowed(hosts, "http://sandbox:8001/a"));
  CHECK_FALSE(allowed(hosts, "http://127.0.0.1:8000/a"));
}

TEST_CASE("a plain address is asked over https, unless the settings name its host") {
  const AllowedHosts hosts({"files.example.com", ".tc.qq.com"}, {"http://sandbox:8000/x"});
  const auto secured = [&](const std::string& url) {
    const auto asked = hosts.secured(*read_web_url(url));
    return asked.origin() + asked.target;
  };
  CHECK(secured("http://mmbiz.qpic.cn/a?b") == "https://mmbiz.qpic.cn:443/a?b");
  CHECK(secured("http://mmbiz.qpic.cn:8080/a") == "http://mmbiz.qpic.cn:8080/a");
  CHECK(secured("http://files.example.com/a") == "http://files.example.com:80/a");
  CHECK(secured("http://vweixinf.tc.qq.com/a") == "http://vweixinf.tc.qq.com:80/a");
  CHECK(secured("http://sandbox:8000/a") == "http://sandbox:8000/a");
  CHECK(secured("http://evil.cn/a") == "http://evil.cn:80/a");
  CHECK_FALSE(allowed(hosts, "http://evil.cn/a"));
  CHECK_FALSE(allowed(hosts, "http://mmbiz.qpic.cn:8080/a"));

  Web web;
  web.pages["https://mmbiz.qpic.cn:443/a"].body = "PNG";
  web.pages[kHost + "/to"].head = {302, "", "", "http://mmbiz.qpic.cn/a", {}};
  for (const auto* url : {"http://mmbiz.qpic.cn/a", "https://files.example.com/to"})
    CHECK(web.fetch(url).kind == Kind::fetched);
  for (const auto& asked : web.asked) CHECK(asked.starts_with("https://"));
  CHECK(web.fetch("http://evil.cn/a").why == Why::not_allowed);
}

TEST_CASE("what an operator names is a host, one with a port, or what hosts end with") {
  CHECK(AllowedHosts::problem_with({"a.cn", "a.cn:8443", ".a.cn", "localhost", "10.0.0.1"}).empty());
  for (const auto* bad : {"https://a.cn", "*.a.cn", "a.cn/x", "a b", ".", "u@a.cn", "a.cn:x"}) {
    CAPTURE(bad);
    CHECK(AllowedHosts::problem_with({"a.cn", bad}).find(bad) == 1);
  }
}

TEST_CASE("where the cloud is on loopback, all of loopback is, and no more") {
  const AllowedHosts hosts({}, {"http://127.0.0.1:8000"});
  CHECK(allowed(hosts, "http://127.0.0.1:9999/a"));
  CHECK(allowed(hosts, "http://localhost:1/a"));
  CHECK(allowed(hosts, "http://[::1]:1/a"));
  CHECK_FALSE(allowed(hosts, "http://10.0.0.1:8000/a"));
  CHECK_FALSE(allowed(hosts, "http://127.0.0.1.evil.cn/a"));
}

TEST_CASE("a file is fetched into the draft") {
  Web web;
  web.pages[kHost + "/a?k=v"].body = "PNG";
  const auto got = web.fetch("https://files.example.com/a?k=v");
  CHECK(got.kind == Kind::fetched);
  CHECK(web.draft.bytes == "PNG");
}

TEST_CASE("redirects are followed three times, each to a host that may be asked") {
  Web web;
  const auto redirect = [&](const std::string& from, const std::string& to, int status = 302) {
    web.pages[kHost + from].head = {status, "", "", to, {}};
  };
  redirect("/1", "/2");
  redirect("/2", "//files.example.com/dir/3", 301);
  redirect("/dir/3", "4?x=://y", 307);
  web.pages[kHost + "/dir/4?x=://y"].body = "PNG";
  CHECK(web.fetch("https://files.example.com/1").kind == Kind::fetched);
  CHECK(web.draft.bytes == "PNG");

  redirect("/0", "/1");
  CHECK(web.fetch("https://files.example.com/0").kind == Kind::impossible);

  web.asked.clear();
  redirect("/away", "http://169.254.169.254/latest/meta-data");
  const auto away = web.fetch("https://files.example.com/away");
  CHECK(away.why == Why::not_allowed);
  CHECK(away.reason.find("169.254.169.254:80") != std::string::npos);
  CHECK(web.asked.size() == 1);
  redirect("/nowhere", "");
  CHECK(web.fetch("https://files.example.com/nowhere").why == Why::gone);
}

TEST_CASE("what is not there, too large or empty stays impossible; what fails may work later") {
  Web web;
  const auto page = [&](int status, const std::string& body) -> Web::Page& {
    web.pages[kHost + "/a"] = {{status, "", "", "", {}}, body};
    return web.pages[kHost + "/a"];
  };
  const auto fetch = [&] { return web.fetch("https://files.example.com/a", 5); };
  for (const int status : {204, 400, 401, 403, 404, 410}) {
    page(status, "no");
    CHECK(fetch().why == Why::gone);
  }
  page(200, "");
  CHECK(fetch().why == Why::gone);
  page(200, "123456");
  CHECK(fetch().why == Why::too_large);
  page(200, "12345").head.content_length = 6;
  CHECK(fetch().why == Why::too_large);
  for (const int status : {408, 429, 500, 503}) {
    page(status, "busy");
    CHECK(fetch().kind == Kind::not_now);
  }
  page(200, "123").kind = CallResult::Kind::unsure;
  CHECK(fetch().kind == Kind::not_now);
  page(0, "").kind = CallResult::Kind::not_sent;
  CHECK(fetch().kind == Kind::not_now);
  web.draft.full = true;
  page(200, "123");
  CHECK(fetch().reason == "it cannot be stored");
}

TEST_CASE("a reason names the host, never the path, which may be a key") {
  Web web;
  for (const auto kind : {CallResult::Kind::unsure, CallResult::Kind::not_sent}) {
    web.pages[kHost + "/media/k3y.png"] = {{0, "", "", "", {}}, "", kind};
    CHECK(web.fetch(kHost + "/media/k3y.png").reason == "files.example.com: timed out");
  }
}

TEST_CASE("nothing is asked of a host that may not be") {
  Web web;
  const auto got = web.fetch("https://evil.example.com/a?secret=1");
  CHECK(got.why == Why::not_allowed);
  CHECK(got.reason.find("secret") == std::string::npos);
  CHECK(web.fetch("javascript:alert(1)").kind == Kind::impossible);
  CHECK(web.asked.empty());
}
