#include "lib/wechat_client/wechat_api.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <vector>

#include "lib/http/scripted_client.h"

using namespace kefu;
using namespace std::chrono_literals;
using http::AnswerHead;
using http::CallResult;
using wechat::ErrorClass;
using wechat_client::MediaType;

namespace {

CallResult answer(int status, std::string body) {
  return http::ScriptedClient::answer(status, std::move(body));
}
CallResult code(int number) {
  return answer(200, R"({"errcode":)" + std::to_string(number) + R"(,"errmsg":"m"})");
}

struct Wechat {
  http::ScriptedClient client{"application/json; charset=utf-8"};
  ops::Metrics metrics;
  wechat_client::WechatApi api{client, "wx1", "s3cret", metrics, [this] { return client.now; }};
  Timestamp deadline = client.now + 8s;
  std::string file;  // what the sink has got
  http::Sink sink{[](const AnswerHead&) { return true; },
                  [this](std::string_view piece) {
                    file += piece;
                    return true;
                  }};

  explicit Wechat(std::vector<CallResult> script) { client.script = {script.begin(), script.end()}; }

  wechat_client::GotMedia get(AnswerHead head, std::vector<std::string> pieces) {
    client.play_download = [head = std::move(head), pieces = std::move(pieces)](const std::string&,
                                                                                const http::Sink& to) {
      bool wanted = to.begins(head);
      for (const auto& piece : pieces) wanted = wanted && to.takes(piece);
      return wanted ? CallResult{CallResult::Kind::answered, head.status, "", ""}
                    : CallResult{CallResult::Kind::unsure, 0, "", "given up"};
    };
    return api.get_media("T", "M/1", sink, deadline);
  }
};

struct File {
  std::string path =
      (std::filesystem::temp_directory_path() / ("kefu-api-test-" + std::to_string(getpid()))).string();
  explicit File(const std::string& bytes) { std::ofstream(path, std::ios::binary) << bytes; }
  ~File() { std::filesystem::remove(path); }
};

}  // namespace

TEST_CASE("an upload names the file as WeChat wants it, and brings the id") {
  const File file("PNG");
  Wechat wechat({answer(200, R"({"type":"image","media_id":"M1"})")});
  const auto uploaded = wechat.api.upload_media("T/1", MediaType::image,
                                                {"", "a.png", "image/png", file.path}, wechat.deadline);
  CHECK(uploaded.call.ok());
  CHECK(uploaded.media_id == "M1");
  CHECK(wechat.client.sent[0].target == "/cgi-bin/media/upload?access_token=T%2F1&type=image");
  CHECK(wechat.client.sent[0].body == "media a.png image/png PNG");
  CHECK(wechat.client.sent[0].deadline == limits::kHttpDeadline);
}

TEST_CASE("a failed upload may be repeated: nobody has seen anything of it") {
  const File file("PNG");
  const auto upload = [&](CallResult result) {
    Wechat wechat({std::move(result)});
    return wechat.api
        .upload_media("T", MediaType::thumb, {"", "a.jpg", "image/jpeg", file.path}, wechat.deadline)
        .call;
  };
  const auto late = upload({CallResult::Kind::unsure, 0, "", "timed out"});
  CHECK(late.outcome.kind == v1::OUTCOME_RETRY);
  CHECK_FALSE(late.outcome.unsure);
  CHECK(upload(code(45001)).error_class == ErrorClass::dead);
  CHECK(upload(code(42001)).error_class == ErrorClass::refresh_token);
  const auto chunked = upload(answer(412, ""));
  CHECK(chunked.outcome.kind == v1::OUTCOME_RETRY);
  CHECK(chunked.outcome.reason.find("412") != std::string::npos);
}

TEST_CASE("a file of WeChat's goes to the sink, JSON does not") {
  const AnswerHead image{200, "image/jpeg", "attachment; filename=\"a.jpg\"", "", 6};
  Wechat wechat({});
  CHECK(wechat.get(image, {"abc", "def"}).call.ok());
  CHECK(wechat.file == "abcdef");
  CHECK(wechat.client.sent[0].target == "/cgi-bin/media/get?access_token=T&media_id=M%2F1");
  CHECK(wechat.client.sent[0].deadline == 8s);

  // A file that calls itself text, or has no name, is still one unless it begins as an object does.
  wechat.file.clear();
  CHECK(wechat.get({200, "text/plain", "", "", {}}, {"#!AMR\n", "x"}).call.ok());
  CHECK(wechat.file == "#!AMR\nx");
}

TEST_CASE("JSON instead of a file is an error or a video's address, whatever it calls itself") {
  for (const std::string type : {"text/plain", "application/json; encoding=utf-8", "", "image/jpeg"}) {
    CAPTURE(type);
    Wechat wechat({});
    const auto gone = wechat.get({200, type, "", "", {}}, {"{\"errco", "de\":40007,\"errmsg\":\"m\"}"});
    CHECK(gone.call.error_class == ErrorClass::dead);
    CHECK(gone.call.outcome.code == 40007);
    CHECK(wechat.get({200, type, "", "", {}}, {R"({"video_url":"http://v.qq.com/a"})"}).video_url ==
          "http://v.qq.com/a");
    CHECK(wechat.file.empty());
  }
}

TEST_CASE("a page that stands before WeChat is no file") {
  Wechat wechat({});
  const auto got = wechat.get({502, "text/html", "attachment", "", {}}, {"<html>"});
  CHECK(got.call.outcome.kind == v1::OUTCOME_RETRY);
  CHECK_FALSE(got.call.outcome.unsure);
  CHECK(wechat.file.empty());
  CHECK_FALSE(wechat.get({200, "text/plain", "", "", {}}, {}).call.ok());
}

TEST_CASE("a typing notice that WeChat refuses for no harm is no failure") {
  for (const int harmless : {0, 45080, 45081, 45082, 40200}) {
    Wechat wechat({code(harmless)});
    CHECK(wechat.api.typing("T", OpenId("oC"), false, wechat.deadline).ok());
    CHECK(wechat.client.sent[0].target == "/cgi-bin/message/custom/typing?access_token=T");
    CHECK(wechat.client.sent[0].body == R"({"touser":"oC","command":"Typing"})");
  }
  Wechat wechat({code(45015)});
  CHECK_FALSE(wechat.api.typing("T", OpenId("oC"), true, wechat.deadline).ok());
}
