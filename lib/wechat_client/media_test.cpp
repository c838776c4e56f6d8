#include "lib/wechat_client/media.h"

#include <doctest/doctest.h>

#include <deque>
#include <memory>
#include <utility>

#include "lib/http/scripted_client.h"

using namespace kefu;
using namespace std::chrono_literals;
using http::AnswerHead;
using http::CallResult;
using wechat_client::Fetched;
using Kind = Fetched::Kind;
using Why = media::Downloaded::Why;

namespace {

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

struct Answer {
  AnswerHead head;
  std::string body;
};
Answer file(std::string body) {
  return {{200, "image/jpeg", "attachment; filename=\"a\"", "", {}}, std::move(body)};
}
Answer json(std::string body) {
  return {{200, "text/plain", "", "", {}}, std::move(body)};
}

std::function<CallResult(const std::string&, const http::Sink&)> playing(std::deque<Answer>& script) {
  return [&script](const std::string&, const http::Sink& sink) {
    if (script.empty()) return CallResult{CallResult::Kind::unsure, 0, "", "timed out"};
    const auto answer = script.front();
    script.pop_front();
    if (!sink.begins(answer.head) || !sink.takes(answer.body))
      return CallResult{CallResult::Kind::unsure, 0, "", "given up"};
    return CallResult{CallResult::Kind::answered, answer.head.status, "", ""};
  };
}

struct Wechat {
  http::ScriptedClient client{"application/json; charset=utf-8"};
  ops::Metrics metrics;
  wechat_client::WechatApi api{client, "wx1", "s3cret", metrics, [this] { return client.now; }};
  wechat_client::TokenCache tokens{
      [this](bool, Timestamp) {
        return wechat_client::FetchedToken{"T" + std::to_string(++tokens_given), 7200s, {}};
      },
      [this] { return client.now; }};
  int tokens_given = 0;
  std::deque<Answer> script;
  std::deque<Answer> videos;
  std::string video_origin;
  media::Downloader downloader{media::AllowedHosts({}, {}),
                               [this](const std::string& origin) {
                                 video_origin = origin;
                                 auto made = std::make_unique<http::ScriptedClient>("");
                                 made->play_download = playing(videos);
                                 return Result<std::unique_ptr<http::Client>>(std::move(made));
                               },
                               [this] { return client.now; }};
  wechat_client::Media media{api, tokens, downloader};
  TextDraft draft;

  explicit Wechat(std::deque<Answer> answers) : script(std::move(answers)) {
    client.play_download = playing(script);
  }
  Fetched get() { return media.get("M1", draft, client.now + 30s); }
};

}  // namespace

TEST_CASE("a customer's file goes into the draft") {
  Wechat wechat({file("JPEG")});
  CHECK(wechat.get().kind == Kind::fetched);
  CHECK(wechat.draft.bytes == "JPEG");
  CHECK(wechat.client.sent[0].target == "/cgi-bin/media/get?access_token=T1&media_id=M1");
}

TEST_CASE("a refused token is replaced once, and leaves nothing in the draft") {
  const auto refused = json(R"({"errcode":40001,"errmsg":"invalid credential"})");
  Wechat wechat({refused, file("JPEG")});
  CHECK(wechat.get().kind == Kind::fetched);
  CHECK(wechat.draft.bytes == "JPEG");
  CHECK(wechat.client.sent[1].target.find("access_token=T2") != std::string::npos);
  Wechat twice({refused, refused});
  const auto got = twice.get();
  CHECK(got.kind == Kind::not_now);
  CHECK(got.outcome.failure == v1::FAILURE_CREDENTIALS);
}

TEST_CASE("what WeChat no longer has is impossible, what fails is not") {
  Wechat gone({json(R"({"errcode":40007,"errmsg":"invalid media_id"})")});
  const auto got = gone.get();
  CHECK(got.kind == Kind::impossible);
  CHECK(got.why == Why::gone);
  CHECK(got.reason.find("40007") != std::string::npos);
  Wechat busy({json(R"({"errcode":-1,"errmsg":"system error"})")});
  CHECK(busy.get().kind == Kind::not_now);
  Wechat silent({});
  const auto late = silent.get();
  CHECK(late.kind == Kind::not_now);
  CHECK_FALSE(late.outcome.unsure);
}

TEST_CASE("a video is fetched over https from the address that WeChat names, if that is one of Tencent's") {
  Wechat wechat({json(R"({"video_url":"http://vweixinf.tc.qq.com/a.mp4"})")});
  wechat.videos = {file("MP4")};
  CHECK(wechat.get().kind == Kind::fetched);
  CHECK(wechat.draft.bytes == "MP4");
  CHECK(wechat.video_origin == "https://vweixinf.tc.qq.com:443");

  Wechat lured({json(R"({"video_url":"http://169.254.169.254/"})")});
  const auto got = lured.get();
  CHECK(got.kind == Kind::impossible);
  CHECK(got.why == Why::not_allowed);
  CHECK(lured.video_origin.empty());

  Wechat down({json(R"({"video_url":"http://vweixinf.tc.qq.com/a.mp4"})")});
  CHECK(down.get().kind == Kind::not_now);
}

TEST_CASE("what is too large or cannot be stored is told as such") {
  Wechat large({file("J")});
  large.script[0].head.content_length = wechat_client::Media::kBytesMax + 1;
  CHECK(large.get().why == Why::too_large);
  Wechat endless({file(std::string(wechat_client::Media::kBytesMax + 1, 'a'))});
  CHECK(endless.get().why == Why::too_large);
  CHECK(endless.draft.bytes.empty());
  Wechat full({file("JPEG")});
  full.draft.full = true;
  CHECK(full.get().kind == Kind::not_now);
}
