#include "gateway/web/media_page.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "lib/base/digest.h"
#include "lib/media/links.h"

using namespace kefu;
using namespace std::chrono_literals;

namespace {

constexpr Timestamp kNow{1'700'000'000'000};
constexpr const char* kKey = "link key";

// Knows one object.
struct OneObject : media::MediaStore {
  std::string hash = sha256_hex("picture");

  Result<std::unique_ptr<media::Draft>> draft() override { return Error{"none"}; }
  bool has_room() override { return true; }
  bool keep_on(std::string_view asked) override { return asked == hash; }
  std::optional<std::string> path_of(std::string_view asked) override {
    return asked == hash ? std::optional<std::string>("/media/it") : std::nullopt;
  }
  std::optional<std::string> note(std::string_view, std::string_view, Timestamp) override { return {}; }
  std::optional<std::string> noted(std::string_view, Timestamp) override { return std::nullopt; }
  void forget_note(std::string_view) override {}
  void forget(Timestamp, const std::stop_token&) override {}
  Result<std::string> link_key() override { return std::string(kKey); }
};

struct Fixture {
  OneObject store;
  MediaPage page{store, kKey, "/media", 2};
  std::string name = media::link_name(kKey, store.hash, media::Format::jpeg, kNow + 1h);

  http::Response get(const std::string& path, Timestamp now = kNow) const {
    http::Request request;
    request.method = "GET";
    request.path = path;
    return page.get(request, now);
  }
};

std::string header(const http::Response& answer, const std::string& name) {
  const auto found = std::find_if(answer.headers.begin(), answer.headers.end(),
                                  [&](const auto& entry) { return entry.first == name; });
  return found != answer.headers.end() ? found->second : "";
}

}  // namespace

TEST_CASE("media page: the path of a URL") {
  CHECK(path_of_url("https://your.domain/media") == "/media");
  CHECK(path_of_url("https://your.domain/a/b/") == "/a/b");
  CHECK(path_of_url("https://your.domain/").empty());
  CHECK(path_of_url("https://your.domain").empty());
}

TEST_CASE_FIXTURE(Fixture,
                  "media page: a signed name gives the file, with a type that nobody may guess anew") {
  for (const auto& path : {"/media/" + name, "/" + name}) {
    const auto answer = get(path);
    CHECK(answer.status == 200);
    REQUIRE(answer.file);
    CHECK(answer.file->path == "/media/it");
    CHECK(answer.file->etag == "\"" + store.hash + "\"");
    CHECK(answer.content_type == "image/jpeg");
    CHECK(header(answer, "X-Content-Type-Options") == "nosniff");
    CHECK(header(answer, "Cache-Control") == "private, immutable, max-age=3600");
    CHECK(header(answer, "Access-Control-Allow-Origin") == "*");
    CHECK(header(answer, "Content-Disposition").substr(0, 7) == "inline;");
  }
}

TEST_CASE_FIXTURE(Fixture, "media page: what we have not signed is not found, whether it is there or not") {
  const std::vector<std::string> others{"/",
                                        "/media",
                                        "/media/",
                                        "/other/" + name,
                                        "/media/x/" + name,
                                        "/media/" + store.hash,
                                        "/media/" + store.hash + ".jpg",
                                        "/media/../" + name,
                                        name};
  for (const auto& path : others) {
    CAPTURE(path);
    CHECK(get(path).status == 404);
  }
}

TEST_CASE_FIXTURE(
    Fixture, "media page: what was given for a time is gone after it, and when it is not kept any more") {
  CHECK(get("/media/" + name, kNow + 1h).status == 410);
  CHECK(get("/media/" + media::link_name(kKey, sha256_hex("other"), media::Format::jpeg, kNow + 1h)).status ==
        410);
}

TEST_CASE_FIXTURE(Fixture, "media page: so many read at once, the next ones are asked to wait") {
  auto first = get("/media/" + name);
  {
    const auto second = get("/media/" + name);
    CHECK(second.status == 200);
    const auto third = get("/media/" + name);
    CHECK(third.status == 503);
    CHECK(header(third, "Retry-After") == "2");
  }
  CHECK(get("/media/" + name).status == 200);
}
