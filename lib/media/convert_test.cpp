#include "lib/media/convert.h"

#include <doctest/doctest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>
#include <vector>

#include "lib/base/digest.h"

using namespace kefu;
using namespace kefu::media;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

namespace {

struct Fixture {
  const std::string folder = (fs::temp_directory_path() / ("kefu-convert-" + random_hex(8))).string();
  std::unique_ptr<MediaStore> store = std::move(*open_media_folder(folder));
  ~Fixture() { fs::remove_all(folder); }

  // One that does as the script says; its last argument is the file to write.
  Converter playing(const std::string& script) const {
    const auto program = folder + "/ffmpeg";
    std::ofstream(program) << "#!/bin/sh\nfor last; do :; done\nout=${last#file:}\n" << script << "\n";
    fs::permissions(program, fs::perms::owner_all);
    return Converter(program);
  }

  std::string a_voice() const {
    auto path = folder + "/voice.amr";
    std::ofstream file(path, std::ios::binary);
    file << "#!AMR\n";
    for (int i = 0; i < 100; ++i) file << '\x3C' << std::string(31, '\0');
    return path;
  }
};

}  // namespace

TEST_CASE_FIXTURE(Fixture, "convert: a real ffmpeg makes an MP3 of a voice") {
  const auto converter = Converter::find();
  if (!converter) {
    MESSAGE("no ffmpeg here");
    return;
  }
  const auto object = converter->to_mp3(a_voice(), Format::amr, *store, steady_now() + 30s);
  REQUIRE(object);
  CHECK(object->facts.format == Format::mp3);
  CHECK(object->facts.duration > 1900ms);
  CHECK(object->facts.duration < 2300ms);
}

TEST_CASE_FIXTURE(Fixture, "convert: what it made is kept, with nothing of our environment told to it") {
  const auto converter = playing(R"([ -z "$HOME" ] && printf '\377\373\220\000%0413d' 0 > "$out")");
  const auto object = converter.to_mp3("/nowhere", Format::amr, *store, steady_now() + 10s);
  REQUIRE(object);
  CHECK(object->bytes == 417);
  CHECK(store->path_of(object->hash));
}

TEST_CASE_FIXTURE(Fixture, "convert: failures are errors, and leave nothing") {
  const auto error_of = [&](const std::string& script) {
    const auto made = playing(script).to_mp3("/nowhere", Format::amr, *store, steady_now() + 10s);
    return made ? "" : made.error();
  };
  CHECK(error_of("exit 1") == "ffmpeg cannot convert it");
  CHECK(error_of("printf text > $out") == "ffmpeg made something else than was asked for");
  CHECK_FALSE(Converter("/no/such/program").to_mp3("/nowhere", Format::amr, *store, steady_now() + 10s));
  CHECK_FALSE(playing("exit 0").to_mp3("/nowhere", Format::png, *store, steady_now() + 10s));
  CHECK(fs::is_empty(folder + "/drafts"));
}

TEST_CASE_FIXTURE(Fixture,
                  "convert: it gets 1 GiB of memory, and is told how many pixels a picture may have") {
  const auto converter = playing(R"sh(while [ "$(ulimit -v)" = unlimited ]; do :; done
case "$*" in *"-max_pixels 40000000 "*" -i "*) ;; *) exit 1 ;; esac
[ "$(ulimit -v)" = 1048576 ] && printf '\377\373\220\000%0413d' 0 > "$out")sh");
  CHECK(converter.to_mp3("/nowhere", Format::amr, *store, steady_now() + 10s));
}

TEST_CASE_FIXTURE(Fixture, "convert: four at once, and no more") {
  fs::create_directory(folder + "/begun");
  const auto converter =
      playing("cd " + folder + "\n: > begun/$$\nwhile [ ! -e go ]; do sleep 0.01; done\nexit 1");
  const auto begun = [&] {
    return std::distance(fs::directory_iterator(folder + "/begun"), fs::directory_iterator());
  };
  const auto until = steady_now() + 10s;
  const auto convert = [&] { CHECK_FALSE(converter.to_mp3("/nowhere", Format::amr, *store, until)); };
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i) threads.emplace_back(convert);
  while (begun() < 4 && steady_now() < until) std::this_thread::yield();
  const auto fifth = converter.to_mp3("/nowhere", Format::amr, *store, steady_now() + 30ms);
  CHECK(begun() == 4);
  REQUIRE_FALSE(fifth);
  CHECK(fifth.error() == "too many conversions at once");
  std::ofstream(folder + "/go") << "go";
  threads.clear();
  convert();
  CHECK(begun() == 5);
}

TEST_CASE_FIXTURE(Fixture, "convert: one that hangs is ended at the deadline, and when it is stopped") {
  const auto converter = playing("sleep 1000");
  const auto begun = steady_now();
  CHECK_FALSE(converter.to_mp3("/nowhere", Format::amr, *store, begun + 50ms));
  std::stop_source stop;
  stop.request_stop();
  CHECK_FALSE(converter.to_mp3("/nowhere", Format::amr, *store, begun + 100s, stop.get_token()));
  CHECK(steady_now() - begun < 10s);
}
