#include "notifier/outgoing.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "lib/base/digest.h"
#include "lib/base/limits.h"
#include "lib/http/scripted_client.h"
#include "lib/media/links.h"
#include "notifier/wechat_handler.h"

using namespace kefu;
using namespace std::chrono_literals;
using namespace std::string_literals;
using http::CallResult;

namespace {

// The least that tells a format.
const std::string kPng = "\x89PNG\r\n\x1A\n\0\0\0\x0DIHDR\0\0\0\x08\0\0\0\x08\x08\x02\0\0\0crc"s;
const std::string kJpeg = "\xFF\xD8\xFF\xC0\0\x0B\x08\0\x08\0\x08\x01\x11\0\xFF\xDA\0\x02x\xFF\xD9"s;
const std::string kAmrFrame = "\x3C"s + std::string(31, '\0');  // 20 ms
const std::string kMp4 = "\0\0\0\x14"s + "ftypisom\0\0\0\0mp41"s;
const std::string kWebp = "RIFF\x16\0\0\0WEBPVP8X\x0A\0\0\0\0\0\0\0\x07\0\0\x07\0\0"s;

std::string amr(int seconds) {
  std::string made = "#!AMR\n";
  for (int i = 0; i < 50 * seconds; ++i) made += kAmrFrame;
  return made;
}

// The notifier with its handler, a web that has files, and WeChat, which says "0" unless told otherwise.
struct Bench {
  struct Page {
    std::string body;
    int status = 200;
  };

  std::string folder = (std::filesystem::temp_directory_path() / ("kefu-outgoing-" + random_hex(6))).string();
  std::unique_ptr<media::MediaStore> store = [this] {
    auto opened = media::open_media_folder(folder);
    REQUIRE(opened.ok());
    return std::move(*opened);
  }();
  http::ScriptedClient client{"application/json; charset=utf-8"};
  ops::Metrics metrics;
  std::map<std::string, Page> web;
  std::vector<std::string> fetched;
  std::vector<std::string> calls;      // of WeChat, but for the token: "upload image …", or a body
  std::map<std::string, int> refuses;  // errcode by what a call begins with, once
  int uploads = 0;
  Millis upload_takes{0};
  Timestamp now = wall_now();  // as the store's notes
  notifier::OutgoingOptions options{"wx1", "https://bridge.example.com/media/"};

  wechat_client::WechatApi api{client, "wx1", "s3cret", metrics, [this] { return now; }};
  wechat_client::TokenCache tokens{[](bool, Timestamp) {
                                     return wechat_client::FetchedToken{"T", 7200s, {}};
                                   },
                                   [this] { return now; }};
  media::Downloader downloader{media::AllowedHosts({"im.example.com"}, {}),
                               [this](const std::string& origin) { return page_client(origin); },
                               [this] { return now; }};

  Bench() {
    client.play = [this](const std::string& target, const std::string& body) { return act(target, body); };
  }
  ~Bench() { std::filesystem::remove_all(folder); }

  Result<std::unique_ptr<http::Client>> page_client(const std::string&) {
    auto made = std::make_unique<http::ScriptedClient>("");
    made->play_download = [this](const std::string& target, const http::Sink& sink) {
      fetched.push_back(target);
      const auto page = web.find(target);
      if (page == web.end()) return CallResult{CallResult::Kind::not_sent, 0, "", "cannot connect"};
      if (!sink.begins({page->second.status, "", "", "", {}}) || !sink.takes(page->second.body))
        return CallResult{CallResult::Kind::unsure, 0, "", "given up"};
      return CallResult{CallResult::Kind::answered, page->second.status, "", ""};
    };
    return Result<std::unique_ptr<http::Client>>(std::move(made));
  }

  CallResult act(const std::string& target, const std::string& body) {
    const bool upload = target.find("media/upload") != std::string::npos;
    calls.push_back(upload ? "upload " + target.substr(target.find("type=") + 5) + " " + body : body);
    const auto refused = std::find_if(refuses.begin(), refuses.end(), [&](const auto& entry) {
      return calls.back().find(entry.first) != std::string::npos;
    });
    if (upload) now = now + upload_takes;
    if (refused != refuses.end()) {
      const auto code = refused->second;
      if (code > 0) refuses.erase(refused);
      if (code == -2) return {CallResult::Kind::unsure, 0, "", "timed out"};
      if (code == -3) return {CallResult::Kind::not_sent, 0, "", "the file cannot be read"};
      if (code == -4) return http::ScriptedClient::answer(429, "slow down");
      return http::ScriptedClient::answer(200, R"({"errcode":)" + std::to_string(code) + "}");
    }
    if (!upload) return http::ScriptedClient::answer(200, R"({"errcode":0})");
    const bool thumb = target.ends_with("thumb");
    return http::ScriptedClient::answer(
        200, (thumb ? R"({"thumb_media_id":"M)" : R"({"media_id":"M)") + std::to_string(++uploads) + "\"}");
  }

  work::Outcome handle(const v1::Delivery& delivery) {
    notifier::Outgoing outgoing(api, tokens, downloader, *store, std::nullopt, notifier::words("en"), options,
                                [this] { return now; });
    notifier::WechatHandler handler(api, tokens, notifier::OnUnknown::resend, &outgoing,
                                    notifier::words("en"));
    return handler.handle(delivery, now + limits::kHandlerBudget);
  }
  // The message types sent, with what they hold: "text:…", "image:M1".
  std::vector<std::string> sent() const {
    std::vector<std::string> all;
    for (const auto& call : calls) {
      if (!call.starts_with('{')) continue;
      const auto body = nlohmann::json::parse(call);
      const auto type = body["msgtype"].get<std::string>();
      const auto& object = body[type];
      all.push_back(type + ":" + object.value(type == "text" ? "content" : "media_id", std::string()));
    }
    return all;
  }
};

struct Reply {
  v1::Delivery made;
  Reply() {
    made.mutable_event()->set_customer("oC");
    made.mutable_event()->set_accepted_at_ms(1'800'000'000'000);
    made.mutable_event()->mutable_agent_message()->set_agent("kf1");
  }
  v1::Element& add() { return *made.mutable_event()->mutable_agent_message()->add_elements(); }
  Reply& text(const std::string& text) {
    add().set_text(text);
    return *this;
  }
  Reply& image(const std::string& path) {
    add().mutable_image()->set_url("https://im.example.com" + path);
    return *this;
  }
  Reply& sound(const std::string& path) {
    add().mutable_sound()->set_url("https://im.example.com" + path);
    return *this;
  }
  Reply& video(const std::string& path, const std::string& thumb = "") {
    auto& video = *add().mutable_video();
    video.mutable_video()->set_url("https://im.example.com" + path);
    if (!thumb.empty()) video.mutable_thumb()->set_url("https://im.example.com" + thumb);
    return *this;
  }
  Reply& file(const std::string& path, const std::string& name, std::uint64_t bytes = 0) {
    auto& file = *add().mutable_file();
    file.set_url("https://im.example.com" + path);
    file.set_name(name);
    file.set_bytes(bytes);
    return *this;
  }
  Reply& card(const std::string& type, const std::string& json) {
    auto& card = *add().mutable_card();
    card.set_type(type);
    card.set_json(json);
    return *this;
  }
};

using Sent = std::vector<std::string>;

}  // namespace

TEST_CASE("text, picture, text arrive in order, the picture uploaded on the way") {
  Bench bench;
  bench.web["/a"] = {kPng};
  const auto outcome = bench.handle(Reply().text("before").image("/a").text("after").made);
  CHECK(outcome.kind == v1::OUTCOME_DONE);
  CHECK(outcome.progress == 3);
  CHECK(outcome.left_out.empty());
  CHECK(bench.sent() == Sent{"text:before", "image:M1", "text:after"});
  const auto name = sha256_hex(kPng).substr(0, 16) + ".png";
  CHECK((bench.calls.at(1) == "upload image media " + name + " image/png " + kPng));
}

TEST_CASE("what is uploaded once is not uploaded again while WeChat keeps it") {
  Bench bench;
  bench.web["/a"] = {kPng};
  bench.web["/b"] = {kPng};
  bench.handle(Reply().image("/a").made);
  bench.handle(Reply().image("/a").made);
  bench.handle(Reply().image("/b").made);
  CHECK(bench.sent() == Sent{"image:M1", "image:M1", "image:M1"});
  CHECK(bench.fetched == Sent{"/a", "/b"});

  Bench later;
  later.web["/a"] = {kPng};
  later.store->note("wechat upload/wx1/image/" + sha256_hex(kPng), "M0", later.now - 1s);
  later.handle(Reply().image("/a").made);
  CHECK(later.sent() == Sent{"image:M1"});
}

TEST_CASE("an id of earlier that WeChat no longer knows is replaced") {
  Bench bench;
  bench.web["/a"] = {kPng};
  bench.handle(Reply().image("/a").made);
  bench.refuses["\"media_id\":\"M1\""] = 40007;
  CHECK(bench.handle(Reply().image("/a").made).kind == v1::OUTCOME_DONE);
  CHECK(bench.sent() == Sent{"image:M1", "image:M1", "image:M2"});
}

TEST_CASE("an id of just now that WeChat does not know yet is tried again a little later, not replaced") {
  Bench bench;
  bench.web["/a"] = {kPng};
  bench.refuses["\"media_id\":\"M1\""] = 40007;
  const auto outcome = bench.handle(Reply().image("/a").made);
  CHECK(outcome.kind == v1::OUTCOME_RETRY);
  CHECK(outcome.failure == v1::FAILURE_ELSEWHERE);
  CHECK(outcome.after == 3s);
  CHECK(bench.handle(Reply().image("/a").made).kind == v1::OUTCOME_DONE);
  CHECK(bench.sent() == Sent{"image:M1", "image:M1"});
  CHECK(bench.uploads == 1);
}

TEST_CASE("ids that WeChat never knows end in a link, and in a card that is left out") {
  Bench bench;
  bench.web["/s"] = {amr(2)};
  bench.web["/t"] = {kJpeg};
  const auto sound = Reply().sound("/s");
  const auto card =
      Reply().text("see").card("miniprogrampage", R"({"title":"t","appid":"wx2","pagepath":"p",)"
                                                  R"("thumb_url":"https://im.example.com/t"})");
  const auto handle = [&](const Reply& reply) {
    for (int id = 1; id < 10; ++id) bench.refuses["media_id\":\"M" + std::to_string(id)] = 40007;
    return bench.handle(reply.made);
  };
  for (const auto* reply : {&sound, &card, &sound, &card}) CHECK(handle(*reply).kind == v1::OUTCOME_RETRY);
  CHECK(handle(sound).kind == v1::OUTCOME_DONE);
  CHECK(bench.sent().back().starts_with("text:[Voice message] <a href=\"https://bridge.example.com/media/"));
  CHECK(handle(card).left_out == "[Card] is refused by WeChat (code 40007)");
}

TEST_CASE("a voice goes as voice when WeChat takes it, else as a link") {
  Bench bench;
  bench.web["/short"] = {amr(2)};
  bench.web["/long"] = {amr(61)};
  bench.web["/webp"] = {kWebp};
  bench.handle(Reply().sound("/short").sound("/long").made);
  REQUIRE(bench.sent().size() == 2);
  CHECK(bench.sent()[0] == "voice:M1");
  CHECK(bench.calls[0].starts_with("upload voice media "));
  const auto text = bench.sent()[1];
  CHECK(text.starts_with("text:[Voice message] <a href=\"https://bridge.example.com/media/"));
  CHECK(text.ends_with(".amr\">open</a> (96 KB)"));
  const auto begin = text.find("media/") + 6;
  const auto linked = media::read_link_name(
      *bench.store->link_key(), text.substr(begin, text.find("\">") - begin), Timestamp{1'800'000'000'000});
  REQUIRE(linked);
  CHECK(linked->hash == sha256_hex(amr(61)));
  CHECK(linked->expires == Timestamp{1'800'000'000'000} + 168h);
}

TEST_CASE("a video goes with its picture, if that is one that WeChat takes") {
  Bench bench;
  bench.web["/v"] = {kMp4};
  bench.web["/t"] = {kJpeg};
  bench.web["/p"] = {kPng};
  bench.handle(Reply().video("/v", "/t").made);
  CHECK(bench.calls.back().find(R"("video":{"media_id":"M1","thumb_media_id":"M2"})") != std::string::npos);
  bench.handle(Reply().video("/v", "/p").made);
  CHECK(bench.calls.back().find(R"("video":{"media_id":"M1"})") != std::string::npos);
  bench.handle(Reply().video("/v", "/nowhere").made);
  CHECK(bench.sent().back() == "video:M1");
  bench.web["/large"] = {kMp4 + std::string(10 << 20, '\0')};
  bench.handle(Reply().video("/large").made);
  CHECK(bench.sent().back().starts_with("text:[Video] <a href=\"https://bridge.example.com/media/"));
}

TEST_CASE("a file is what its bytes are, else a link that names it") {
  Bench bench;
  bench.web["/f"] = {kPng};
  bench.web["/d"] = {"%PDF-1.7 …"};
  bench.handle(Reply().file("/f", "picture.doc").file("/d", "a<b>\"c\".pdf").made);
  CHECK(bench.sent() ==
        Sent{"image:M1", "text:[File] <a href=\"https://im.example.com/d\">a b \"c\".pdf</a> (1 KB)"});
  // What is larger than what we fetch is not fetched.
  bench.fetched.clear();
  bench.handle(Reply().file("/huge", "film.mkv", 90 << 20).made);
  CHECK(bench.sent().back() == "text:[File] <a href=\"https://im.example.com/huge\">film.mkv</a> (90 MB)");
  CHECK(bench.fetched.empty());
}

TEST_CASE("what the agent forwards of our own media comes from the store, not from the web") {
  for (const std::string url : {"https://bridge.example.com/media", "https://bridge.example.com/media/"}) {
    CAPTURE(url);
    Bench bench;
    bench.options.media_url = url;
    const auto keep = [&](const std::string& bytes) {
      auto draft = bench.store->draft();
      REQUIRE(draft.ok());
      (*draft)->write(bytes);
      return (*draft)->keep()->hash;
    };
    const auto link = [&](const std::string& hash, media::Format format, Timestamp until) {
      return "https://bridge.example.com/media/" +
             media::link_name(*bench.store->link_key(), hash, format, until);
    };
    const auto png = keep(kPng);
    Reply reply;
    const auto image = [&](const std::string& at) { reply.add().mutable_image()->set_url(at); };
    image(link(png, media::Format::png, bench.now + 1h));
    reply.add().mutable_sound()->set_url(link(keep(amr(2)), media::Format::amr, bench.now + 1h));
    reply.add().mutable_sound()->set_url(link(keep(amr(61)), media::Format::amr, bench.now + 1h));
    image(link(png, media::Format::png, bench.now - 1s));
    image("https://bridge.example.com/media/" + png + ".png");
    image("https://bridge.example.com/mediator");
    const auto outcome = bench.handle(reply.made);
    CHECK(outcome.left_out ==
          "[Picture] can no longer be downloaded; [Picture] can no longer be downloaded; "
          "[Picture] lies where nothing may be fetched from (KEFU_MEDIA_HOSTS)");
    CHECK(bench.fetched.empty());
    REQUIRE(bench.sent().size() == 3);
    CHECK(bench.sent()[0] == "image:M1");
    CHECK(bench.sent()[1] == "voice:M2");
    CHECK(bench.sent()[2].starts_with("text:[Voice message] <a href=\"https://bridge.example.com/media/"));
  }
}

TEST_CASE("without KEFU_MEDIA_URL links are those of IM") {
  Bench bench;
  bench.options.media_url.clear();
  bench.web["/long"] = {amr(61)};
  bench.handle(Reply().sound("/long").made);
  CHECK(bench.sent().back() ==
        "text:[Voice message] <a href=\"https://im.example.com/long\">open</a> (96 KB)");
}

TEST_CASE("what WeChat does not take is left out and told, and the rest goes on") {
  Bench bench;
  bench.web["/webp"] = {kWebp};
  bench.web["/large"] = {kPng + std::string(10 << 20, '\0')};
  bench.web["/gone"] = {"", 404};
  Reply reply;
  reply.image("/webp").image("/large").image("/gone").text("rest");
  reply.add().mutable_image()->set_url("http://169.254.169.254/latest");
  reply.add().mutable_file()->set_url("https://evil.example.com/x");
  const auto outcome = bench.handle(reply.made);
  CHECK(outcome.kind == v1::OUTCOME_DONE);
  CHECK(outcome.progress == 6);
  CHECK(outcome.left_out ==
        "[Picture] has the wrong format: WeChat takes JPEG, PNG, GIF; "
        "[Picture] is too large: WeChat takes 10 MB at most; "
        "[Picture] can no longer be downloaded; "
        "[Picture] lies where nothing may be fetched from (KEFU_MEDIA_HOSTS); "
        "[File] lies where nothing may be fetched from (KEFU_MEDIA_HOSTS)");
  CHECK(bench.sent() == Sent{"text:rest"});
}

TEST_CASE("a refused upload is left out, or goes as a link") {
  Bench bench;
  bench.web["/a"] = {kPng};
  bench.web["/s"] = {amr(2)};
  bench.refuses = {{"upload image", 45001}, {"upload voice", 45007}};
  const auto outcome = bench.handle(Reply().image("/a").sound("/s").made);
  CHECK(outcome.left_out == "[Picture] is refused by WeChat (code 45001)");
  REQUIRE(bench.sent().size() == 1);
  CHECK(bench.sent()[0].starts_with("text:[Voice message] <a"));
}

TEST_CASE("what fails for now is tried again from the same part, three times") {
  Bench bench;
  auto reply = Reply().text("before").image("/away").text("after");
  auto outcome = bench.handle(reply.made);
  CHECK(outcome.kind == v1::OUTCOME_RETRY);
  CHECK(outcome.failure == v1::FAILURE_ELSEWHERE);
  CHECK_FALSE(outcome.unsure);
  CHECK(outcome.progress == 1);
  CHECK(outcome.reason.find("cannot connect") != std::string::npos);
  reply.made.set_progress(1);
  CHECK(bench.handle(reply.made).kind == v1::OUTCOME_RETRY);
  outcome = bench.handle(reply.made);
  CHECK(outcome.kind == v1::OUTCOME_DONE);
  CHECK(outcome.progress == 3);
  CHECK(outcome.left_out == "[Picture] took too long to carry over, again and again");
  CHECK(bench.sent() == Sent{"text:before", "text:after"});

  // An upload that never ends.
  bench.web["/s"] = {amr(2)};
  bench.refuses["upload voice"] = -2;
  auto slow = Reply().sound("/s");
  CHECK(bench.handle(slow.made).kind == v1::OUTCOME_RETRY);
  CHECK(bench.handle(slow.made).kind == v1::OUTCOME_RETRY);
  CHECK(bench.handle(slow.made).kind == v1::OUTCOME_DONE);
  CHECK(bench.sent().back().starts_with("text:[Voice message] <a"));
}

TEST_CASE("an upload that fails for now stops nobody else's replies, and goes without after three tries") {
  // 45009, 45011: quotas of uploads, which are others than those of messages. -2 to -4: see Bench::act.
  for (const int code : {45009, 45011, -1, -2, -3, -4}) {
    CAPTURE(code);
    Bench bench;
    bench.web["/s"] = {amr(2)};
    bench.web["/t"] = {kJpeg};
    const auto handle = [&](const Reply& reply) {
      bench.refuses = {{"upload ", code}};
      return bench.handle(reply.made);
    };
    const auto sound = Reply().sound("/s");
    const auto card =
        Reply().text("see").card("miniprogrampage", R"({"title":"t","appid":"wx2","pagepath":"p",)"
                                                    R"("thumb_url":"https://im.example.com/t"})");
    for (const auto* reply : {&sound, &card, &sound, &card}) {
      const auto outcome = handle(*reply);
      CHECK(outcome.kind == v1::OUTCOME_RETRY);
      CHECK(outcome.failure == v1::FAILURE_ELSEWHERE);
      CHECK_FALSE(outcome.unsure);
      CHECK(outcome.progress == (reply == &card ? 1 : 0));
      CHECK_FALSE(outcome.reason.empty());
    }
    CHECK(handle(sound).kind == v1::OUTCOME_DONE);
    CHECK(bench.sent().back().starts_with("text:[Voice message] <a"));
    CHECK(handle(card).left_out == "[Card] took too long to carry over, again and again");
  }
}

TEST_CASE("a picture that cannot be uploaded in time goes as a link, if there is an address") {
  Bench bench;
  bench.web["/a"] = {kPng};
  bench.refuses = {{"upload image", -2}};
  const auto reply = Reply().image("/a");
  for (int i = 0; i < 2; ++i) CHECK(bench.handle(reply.made).kind == v1::OUTCOME_RETRY);
  const auto outcome = bench.handle(reply.made);
  CHECK(outcome.kind == v1::OUTCOME_DONE);
  CHECK(outcome.left_out.empty());
  REQUIRE(bench.sent().size() == 1);
  CHECK(bench.sent()[0].starts_with("text:[Picture] <a href=\"https://bridge.example.com/media/"));
}

TEST_CASE("without a token nothing is uploaded, and that is no matter of the file") {
  Bench bench;
  bench.web["/a"] = {kPng};
  wechat_client::TokenCache none(
      [](bool, Timestamp) {
        return wechat_client::FetchedToken{
            {}, 0s, work::failed(v1::OUTCOME_UNAVAILABLE, v1::FAILURE_UNREACHABLE, "cannot connect")};
      },
      [&] { return bench.now; });
  notifier::Outgoing outgoing(bench.api, none, bench.downloader, *bench.store, std::nullopt,
                              notifier::words("en"), bench.options, [&] { return bench.now; });
  notifier::WechatHandler handler(bench.api, none, notifier::OnUnknown::resend, &outgoing);
  for (int i = 0; i < 4; ++i) {
    const auto outcome = handler.handle(Reply().image("/a").made, bench.now + limits::kHandlerBudget);
    CHECK(outcome.kind == v1::OUTCOME_UNAVAILABLE);
    CHECK(outcome.failure == v1::FAILURE_UNREACHABLE);
  }
}

TEST_CASE("what there was no time for does not count as tried") {
  Bench bench;
  bench.web["/a"] = {kPng};
  notifier::Outgoing outgoing(bench.api, bench.tokens, bench.downloader, *bench.store, std::nullopt,
                              notifier::words("en"), bench.options, [&] { return bench.now; });
  notifier::WechatHandler handler(bench.api, bench.tokens, notifier::OnUnknown::resend, &outgoing);
  const auto reply = Reply().image("/a");
  for (int i = 0; i < 5; ++i) CHECK(handler.handle(reply.made, bench.now + 900ms).kind == v1::OUTCOME_RETRY);
  CHECK(bench.fetched.empty());
  CHECK(bench.handle(reply.made).left_out.empty());
}

TEST_CASE("after a long upload the message goes with the next attempt, which need not upload") {
  Bench bench;
  bench.web["/a"] = {kPng};
  bench.upload_takes = 5500ms;
  auto reply = Reply().text("before").image("/a");
  const auto outcome = bench.handle(reply.made);
  CHECK(outcome.kind == v1::OUTCOME_RETRY);
  CHECK(outcome.failure == v1::FAILURE_ELSEWHERE);
  CHECK(outcome.progress == 1);
  CHECK(bench.sent() == Sent{"text:before"});
  reply.made.set_progress(1);
  CHECK(bench.handle(reply.made).kind == v1::OUTCOME_DONE);
  CHECK(bench.sent() == Sent{"text:before", "image:M1"});
  CHECK(bench.uploads == 1);
}

TEST_CASE("an upload that the account may not make waits for the operator, however often") {
  Bench bench;
  bench.web["/a"] = {kPng};
  for (int i = 0; i < 5; ++i) {
    bench.refuses = {{"upload image", 48001}};
    const auto outcome = bench.handle(Reply().image("/a").made);
    CHECK(outcome.kind == v1::OUTCOME_UNAVAILABLE);
    CHECK(outcome.failure == v1::FAILURE_CONFIGURATION);
  }
}

TEST_CASE("a customer who cannot be written to is no matter of the picture") {
  Bench bench;
  bench.web["/a"] = {kPng};
  bench.refuses = {{"\"msgtype\":\"image\"", 45015}};
  CHECK(bench.handle(Reply().image("/a").made).kind == v1::OUTCOME_PARKED);
  bench.refuses = {{"\"msgtype\":\"image\"", 43004}};
  CHECK(bench.handle(Reply().image("/a").made).kind == v1::OUTCOME_DEAD);
}

TEST_CASE("cards are sent as the message of their type, their picture uploaded") {
  Bench bench;
  bench.web["/t"] = {kJpeg};
  bench.web["/p"] = {kPng};
  bench.web["/large"] = {kJpeg + std::string(64 << 10, '\0')};
  const auto page = [](const std::string& thumb) {
    return R"({"title":"t","appid":"wx2","pagepath":"p","thumb_url":"https://im.example.com)" + thumb + "\"}";
  };
  bench.handle(Reply().card("wxcard", R"({"card_id":"1"})").card("miniprogrampage", page("/t")).made);
  CHECK(bench.calls.at(0) == R"({"touser":"oC","msgtype":"wxcard","wxcard":{"card_id":"1"}})");
  CHECK(bench.calls.at(2) ==
        R"({"touser":"oC","msgtype":"miniprogrampage","miniprogrampage":{"title":"t","appid":"wx2",)"
        R"("pagepath":"p","thumb_media_id":"M1"}})");
  const auto left_out = [&](const std::string& type, const std::string& json) {
    return bench.handle(Reply().card(type, json).made).left_out;
  };
  CHECK(left_out("miniprogrampage", page("/p")) == "[Card] has the wrong format: WeChat takes JPEG");
  CHECK(left_out("miniprogrampage", page("/large")) == "[Card] is too large: WeChat takes 64 KB at most");
  CHECK(left_out("template", "{}") == "[Card] is not right: no card is called \"template\"");
  bench.refuses = {{"msgmenu", 40200}};
  CHECK(left_out("msgmenu", R"({"list":[{"id":"1","content":"a"}]})") ==
        "[Card] is refused by WeChat (code 40200)");
}

TEST_CASE("typing is told once, whatever WeChat says") {
  Bench bench;
  notifier::WechatHandler handler(bench.api, bench.tokens);
  v1::Typing typing;
  typing.set_customer("oC");
  bench.refuses = {{"Typing", 45015}};
  handler.type(typing, bench.now + 3s);
  typing.set_stopped(true);
  handler.type(typing, bench.now + 3s);
  CHECK(bench.calls ==
        Sent{R"({"touser":"oC","command":"Typing"})", R"({"touser":"oC","command":"CancelTyping"})"});
}
