#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "lib/base/digest.h"
#include "sandbox/media_facts.h"
#include "sandbox/media_shelf.h"
#include "sandbox/multipart.h"

namespace kefu::sandbox {
namespace {

using namespace std::chrono_literals;

constexpr Timestamp kNow{1'735'689'600'000};

Shelf shelf() {
  return {"/im-media/", 72h, [next = std::uint64_t{1}]() mutable { return next++; }};
}

std::string form(const std::string& disposition, const std::string& content) {
  return "--b\r\nContent-Disposition: form-data; " + disposition + "\r\nContent-Type: image/png\r\n\r\n" +
         content + "\r\n--b--\r\n";
}

Upload uploaded(const std::string& body, const std::string& type = "multipart/form-data; boundary=b") {
  return read_upload(type, body, "media");
}

}  // namespace

TEST_CASE("the samples are what they should be") {
  const auto photo = facts_of(sample_bytes("photo.jpg"));
  CHECK(photo.extension == "jpg");
  CHECK(photo.width == 320);
  CHECK(photo.height == 240);
  const auto tea = facts_of(sample_bytes("tea.png"));
  CHECK(tea.mime == "image/png");
  CHECK(tea.width == 320);
  CHECK(facts_of(sample_bytes("voice.amr")).mime == "audio/amr");
  CHECK(facts_of(sample_bytes("voice.amr")).seconds == doctest::Approx(2.4).epsilon(0.1));
  CHECK(facts_of(sample_bytes("voice.mp3")).mime == "audio/mpeg");
  CHECK(facts_of(sample_bytes("voice.mp3")).seconds == doctest::Approx(2.4).epsilon(0.1));
  CHECK(facts_of(sample_bytes("clip.mp4")).seconds == doctest::Approx(2.0).epsilon(0.1));
  CHECK(facts_of(sample_bytes("prices.txt")).extension == "txt");
  CHECK(facts_of(std::string("\x00\x01\xff", 3)).extension == "bin");
  CHECK(facts_of("").extension == "bin");
}

TEST_CASE("broken files are measured without going astray") {
  for (const auto* name : {"photo.jpg", "tea.png", "voice.amr", "voice.mp3", "clip.mp4"}) {
    const auto whole = sample_bytes(name);
    for (std::size_t size = 0; size < std::min<std::size_t>(whole.size(), 600); ++size)
      (void)facts_of(whole.substr(0, size));
  }
}

TEST_CASE("a file lies on its shelf for a time, under an address that tells its type") {
  auto files = shelf();
  const auto& file = files.put("", "a.png", std::string(sample_bytes("tea.png")), kNow);
  const auto path = files.path_of(file);
  CHECK(file.id.size() == 64);
  CHECK(path == "/im-media/" + file.id + ".png");
  REQUIRE(files.at_path(path, kNow) != nullptr);
  CHECK(*files.at_path(path, kNow)->bytes == sample_bytes("tea.png"));
  CHECK(files.at_path(path, kNow + 72h) == nullptr);
  CHECK(files.at_path("/wechat-media/" + file.id, kNow) == nullptr);
}

TEST_CASE("a file is a sample or comes in base64") {
  CHECK(picked_file(nlohmann::json::object(), "tea.png")->name == "tea.png");
  CHECK(picked_file({{"sample", "photo.jpg"}}, "tea.png")->name == "photo.jpg");
  CHECK(picked_file({{"base64", base64_encode("hello")}, {"name", "x.txt"}}, "tea.png")->bytes == "hello");
  CHECK_FALSE(picked_file({{"base64", "?"}}, "tea.png").ok());
  CHECK_FALSE(picked_file({{"sample", "../secret"}}, "tea.png").ok());
}

TEST_CASE("an upload is the part named media") {
  const auto body = form("name=\"media\"; filename=\"a.png\"", "PNG\r\n--x");
  const auto good = uploaded(body);
  CHECK(good.problem == UploadProblem::none);
  CHECK(good.part.filename == "a.png");
  CHECK(good.part.content == "PNG\r\n--x");
  const auto before = "--b\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\n1\r\n";
  CHECK(uploaded(before + form("name=\"media\"; filename=\"a.png\"", "PNG")).part.content == "PNG");
  CHECK(uploaded(form("filename=\"a.png\"; name=media", "PNG")).part.filename == "a.png");
  CHECK(uploaded(form("name=\"media\"; filename=\"a.png\"", "")).part.content.empty());
}

TEST_CASE("what WeChat does not understand in an upload is not understood") {
  CHECK(uploaded(form("name=\"media\"; filename*=UTF-8''a.png", "PNG")).part.filename.empty());
  CHECK(uploaded(form("name=\"file\"; filename=\"a.png\"", "PNG")).problem == UploadProblem::no_such_part);
  CHECK(uploaded("PNG").problem == UploadProblem::no_such_part);
  CHECK(uploaded("PNG", "image/png").problem == UploadProblem::no_boundary);
  CHECK(uploaded("PNG", "multipart/form-data").problem == UploadProblem::no_boundary);
  for (const auto* cut : {"--b", "--b\r\n", "--b\r\n\r\n", "--b\r\n\r\n\r\n--b", "--b--"})
    CHECK(uploaded(cut).problem == UploadProblem::no_such_part);
}

}  // namespace kefu::sandbox
