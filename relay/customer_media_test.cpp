#include "relay/customer_media.h"

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <future>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "lib/base/digest.h"
#include "lib/media/links.h"

using namespace kefu;
using namespace kefu::relay;
using namespace std::chrono_literals;
using namespace std::string_literals;
using wechat_client::Fetched;
using Kind = CustomerMediaAnswer::Kind;
namespace fs = std::filesystem;

namespace {

const std::string kGif = "GIF89a\x02\x00\x03\x00"s;
const std::string kAmr = "#!AMR\n\x3C"s + std::string(31, '\0');
const std::string kMp4 = "\0\0\0\x18"s + "ftypisom" + std::string(12, '\0');

// WeChat's side: what lies under a media id, or how it fails.
struct Cloud {
  std::map<std::string, std::string> files;
  std::map<std::string, Fetched> failures;
  std::atomic<int> calls{0};
  std::promise<void> opened;
  std::shared_future<void> open = opened.get_future().share();

  Fetched get(const std::string& id, media::Draft& into) {
    ++calls;
    calls.notify_all();
    if (id == "slow") open.wait();
    if (const auto failure = failures.find(id); failure != failures.end()) return failure->second;
    const auto file = files.find(id);
    if (file == files.end()) return {Fetched::Kind::impossible, "40007", {}, media::Downloaded::Why::gone};
    into.write(file->second);
    return {Fetched::Kind::fetched, {}, {}};
  }
};

struct Fixture {
  const std::string folder = (fs::temp_directory_path() / ("kefu-customer-media-" + random_hex(8))).string();
  fs::space_info space{1000, 1000, 1000};
  std::unique_ptr<media::MediaStore> store =
      std::move(*media::open_media_folder(folder, [this](const auto&) { return std::optional(space); }));
  ops::Metrics metrics;
  Cloud cloud;
  Timestamp accepted_at = wall_now();
  std::unique_ptr<CustomerMedia> media = relay();

  ~Fixture() {
    media.reset();
    fs::remove_all(folder);
  }

  // One more, on the same folder.
  std::unique_ptr<CustomerMedia> relay(std::optional<media::Converter> converter = {},
                                       std::size_t waiting_max = 4) {
    auto made = CustomerMedia::make(
        *store, [this](const auto& id, auto& into, auto) { return cloud.get(id, into); },
        std::move(converter), {"wx1", "en", "https://h/media/", Millis(24h), waiting_max}, metrics);
    REQUIRE(made);
    return std::move(*made);
  }

  v1::Delivery delivery(const std::string& kind, const std::string& id, const std::string& thumb = {}) const {
    v1::Delivery made;
    made.set_attempt(1);
    made.mutable_event()->set_accepted_at_ms(accepted_at.ms);
    auto& message = *made.mutable_event()->mutable_customer_message();
    message.set_kind(kind);
    message.mutable_media()->set_media_id(id);
    message.mutable_media()->set_thumb_media_id(thumb);
    return made;
  }
  CustomerMediaAnswer get(const v1::Delivery& delivery, Millis wait = 10s) {
    return media->get(delivery, steady_now() + wait + 1500ms);
  }
};

}  // namespace

TEST_CASE_FIXTURE(Fixture, "customer media: fetched once, whoever asks how often") {
  cloud.files["m"] = kGif;
  const auto first = get(delivery("image", "m"));
  REQUIRE(first.kind == Kind::kept);
  CHECK(first.object.facts.width == 2);
  CHECK(store->path_of(first.object.hash));
  media = relay();
  const auto again = get(delivery("image", "m"));
  CHECK(again.kind == Kind::kept);
  CHECK(again.object == first.object);
  CHECK(cloud.calls == 1);
}

TEST_CASE_FIXTURE(Fixture, "customer media: a link that the gateway takes, the same each time") {
  cloud.files["m"] = kGif;
  accepted_at = wall_now() - 240h;  // replayed
  const auto begun = wall_now();
  const auto [kind, object, thumb, until, why, outage] = get(delivery("image", "m"));
  CHECK(until >= begun + Millis(24h));
  CHECK(until <= wall_now() + Millis(24h));
  media = relay();
  CHECK(get(delivery("image", "m")).links_until == until);
  CHECK(cloud.calls == 1);
  CHECK(store->noted("wechat media/wx1/m", until - 1ms));
  const auto url = media->url_of(object, until);
  REQUIRE(url.substr(0, 16) == "https://h/media/");
  const auto linked = media::read_link_name(*store->link_key(), url.substr(16), begun);
  REQUIRE(linked);
  CHECK(linked->hash == object.hash);
  CHECK(linked->expires.ms / 1000 == until.ms / 1000);
}

TEST_CASE_FIXTURE(Fixture, "customer media: what is impossible stays so, with its reason") {
  cloud.failures["large"] = {Fetched::Kind::impossible, "x", {}, media::Downloaded::Why::too_large};
  cloud.failures["far"] = {Fetched::Kind::impossible, "x", {}, media::Downloaded::Why::not_allowed};
  cloud.files["text"] = "hello";
  CHECK(get(delivery("image", "gone")).why == "(could not be fetched: WeChat does not have it any more)");
  CHECK(get(delivery("video", "large")).why == "(could not be fetched: it is too large)");
  CHECK(get(delivery("video", "far")).why ==
        "(could not be fetched: it lies on a host that may not be asked)");
  CHECK(get(delivery("image", "text")).why == "(could not be fetched: its format is not known)");
  cloud.files["gone"] = kGif;  // too late: the agent was told
  CHECK(get(delivery("image", "gone")).kind == Kind::impossible);
}

TEST_CASE_FIXTURE(Fixture,
                  "customer media: what is not to be had now is tried anew, and given up in the end") {
  cloud.failures["m"] = {Fetched::Kind::not_now, "x", work::failed(v1::OUTCOME_RETRY, {}, "busy")};
  CHECK(get(delivery("image", "m")).kind == Kind::not_now);
  CHECK(get(delivery("image", "m")).why == "busy");
  CHECK(cloud.calls == 2);
  auto late = delivery("image", "m");
  late.mutable_event()->set_accepted_at_ms((wall_now() - 11min).ms);
  CHECK(get(late).kind == Kind::not_now);  // the first attempts of a message that IM's outage has held up
  late.set_attempt(4);
  CHECK(get(late).why == "(could not be fetched: WeChat did not give it in time)");
  cloud.failures.clear();
  cloud.files["m"] = kGif;
  CHECK(get(late).kind == Kind::impossible);
}

TEST_CASE_FIXTURE(Fixture,
                  "customer media: while WeChat gives nothing to anyone, none is given up for hours") {
  cloud.failures["m"] = {Fetched::Kind::not_now, "x", work::failed(v1::OUTCOME_UNAVAILABLE, {}, "down")};
  auto late = delivery("image", "m");
  late.set_attempt(9);
  late.mutable_event()->set_accepted_at_ms((wall_now() - 119min).ms);
  CHECK(get(late).why == "down");
  late.mutable_event()->set_accepted_at_ms((wall_now() - 121min).ms);
  CHECK(get(late).why == "(could not be fetched: WeChat did not give it in time)");
}

TEST_CASE_FIXTURE(Fixture, "customer media: what waits its turn in a backlog is not given up") {
  cloud.files["slow"] = kGif;
  auto late = delivery("image", "slow");
  late.set_attempt(9);
  late.mutable_event()->set_accepted_at_ms((wall_now() - 24h).ms);
  CHECK(get(late, 20ms).kind == Kind::not_now);
  auto crowded = relay({}, 0);
  CHECK(crowded->get(late, steady_now() + 10s).kind == Kind::not_now);
  cloud.opened.set_value();
  CHECK(get(late).kind == Kind::kept);
}

TEST_CASE_FIXTURE(Fixture, "customer media: a slow fetch goes on behind, and the next attempt joins it") {
  cloud.files["slow"] = kGif;
  CHECK(get(delivery("image", "slow"), 20ms).kind == Kind::not_now);
  CHECK(get(delivery("image", "slow"), 20ms).kind == Kind::not_now);
  cloud.opened.set_value();
  CHECK(get(delivery("image", "slow")).kind == Kind::kept);
  CHECK(cloud.calls == 1);
}

TEST_CASE_FIXTURE(Fixture, "customer media: of many deliveries only some wait") {
  media = relay({}, 0);
  cloud.files["slow"] = kGif;
  const auto begun = steady_now();
  CHECK(get(delivery("image", "slow")).kind == Kind::not_now);
  CHECK(steady_now() - begun < 5s);
  cloud.opened.set_value();
}

TEST_CASE_FIXTURE(Fixture, "customer media: stopping ends what still comes") {
  cloud.files["slow"] = kGif;
  CHECK(get(delivery("image", "slow"), 1ms).kind == Kind::not_now);
  cloud.calls.wait(0);  // what has not begun by then would end at once
  CHECK_FALSE(media->stop(1ms));
  cloud.opened.set_value();
  CHECK(media->stop(10s));
  auto late = delivery("image", "m");
  late.set_attempt(9);
  late.mutable_event()->set_accepted_at_ms((wall_now() - 24h).ms);
  CHECK(get(late).why == "the relay stops");
}

TEST_CASE_FIXTURE(Fixture, "customer media: a voice becomes MP3 where it can, else stays as it is") {
  cloud.files["m"] = kAmr;
  cloud.files["n"] = kAmr + kAmr.substr(6);
  const auto program = folder + "/ffmpeg";
  std::ofstream(program)
      << "#!/bin/sh\nfor last; do :; done\nprintf '\\377\\373\\220\\000%0413d' 0 > ${last#file:}\n";
  fs::permissions(program, fs::perms::owner_all);
  media = relay(media::Converter(program));
  CHECK(get(delivery("voice", "m")).object.facts.format == media::Format::mp3);
  media = relay(media::Converter("/no/such/program"));
  CHECK(get(delivery("voice", "m")).object.facts.format == media::Format::mp3);  // as was noted
  CHECK(get(delivery("voice", "n")).object.facts.format == media::Format::amr);
}

TEST_CASE_FIXTURE(Fixture, "customer media: a video always has a thumbnail") {
  cloud.files["v"] = kMp4;
  cloud.files["w"] = kMp4;
  cloud.files["t"] = "\x89PNG\r\n\x1A\n\0\0\0\x0DIHDR\0\0\0\x10\0\0\0\x09........."s;
  const auto with = get(delivery("video", "v", "t"));
  REQUIRE(with.thumb);
  CHECK(with.thumb->facts.format == media::Format::png);
  CHECK(with.thumb->facts.width == 16);
  const auto without = get(delivery("shortvideo", "w", "gone"));
  REQUIRE(without.thumb);
  CHECK(without.thumb->facts.format == media::Format::jpeg);
  CHECK(without.thumb->facts.width == 160);
  CHECK(without.thumb->facts.height == 120);
}

TEST_CASE_FIXTURE(Fixture, "customer media: what cannot be noted is not told as if it held for all") {
  cloud.files["m"] = kGif;
  fs::remove_all(folder + "/notes");
  std::ofstream(folder + "/notes") << "no folder";
  CHECK(get(delivery("image", "m")).kind == Kind::not_now);
  CHECK(get(delivery("image", "gone")).kind == Kind::not_now);
  auto late = delivery("image", "m");
  late.set_attempt(4);
  late.mutable_event()->set_accepted_at_ms((wall_now() - 3h).ms);
  CHECK(get(late).why == "(could not be fetched: WeChat did not give it in time)");
}

TEST_CASE_FIXTURE(Fixture,
                  "customer media: without room on the disk the agent is told at once, for this time") {
  cloud.files["m"] = kGif;
  space.available = 0;
  const auto answer = get(delivery("image", "m"));
  CHECK(answer.kind == Kind::impossible);
  CHECK(answer.why == "(could not be fetched: there is no room on our disk)");
  CHECK(cloud.calls == 0);
  space.available = 1000;
  CHECK(get(delivery("image", "m")).kind == Kind::kept);
}

TEST_CASE_FIXTURE(Fixture, "customer media: a broken note is made anew") {
  cloud.files["m"] = kGif;
  store->note("wechat media/wx1/m", "nonsense", wall_now() + 1h);
  CHECK(get(delivery("image", "m")).kind == Kind::kept);
}
