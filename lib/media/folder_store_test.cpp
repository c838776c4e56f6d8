#include <doctest/doctest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "lib/base/digest.h"
#include "lib/media/store.h"

using namespace kefu;
using namespace kefu::media;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

namespace {

struct Folder {
  const std::string path = (fs::temp_directory_path() / ("kefu-media-" + random_hex(8))).string();
  ~Folder() { fs::remove_all(path); }

  std::unique_ptr<MediaStore> open() const {
    auto store = open_media_folder(path);
    REQUIRE(store);
    return std::move(*store);
  }
};

std::string contents(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream out;
  out << file.rdbuf();
  return out.str();
}

Object kept(MediaStore& store, std::string_view bytes) {
  auto draft = store.draft();
  REQUIRE(draft);
  REQUIRE((*draft)->write(bytes));
  auto object = (*draft)->keep();
  REQUIRE(object);
  return *object;
}

std::size_t files_below(const std::string& path) {
  std::size_t files = 0;
  for (const auto& entry : fs::recursive_directory_iterator(path)) files += entry.is_regular_file() ? 1 : 0;
  return files;
}

// As if everything below had last been touched then.
void make_older(const std::string& path, std::chrono::hours by) {
  for (const auto& entry : fs::recursive_directory_iterator(path)) {
    if (entry.is_regular_file()) fs::last_write_time(entry, fs::file_time_type::clock::now() - by);
  }
}

}  // namespace

TEST_CASE("media folder: what was kept is found by its hash, also by another program") {
  const Folder folder;
  const auto store = folder.open();
  const auto object = kept(*store, "bytes");
  CHECK(object.hash == sha256_hex("bytes"));
  const auto other = folder.open();
  const auto path = other->path_of(object.hash);
  REQUIRE(path);
  CHECK(contents(*path) == "bytes");
  CHECK(kept(*other, "bytes") == object);
  CHECK(files_below(folder.path + "/objects") == 1);
  CHECK(files_below(folder.path + "/drafts") == 0);
  struct stat file {};
  REQUIRE(::stat(folder.path.c_str(), &file) == 0);
  CHECK((file.st_mode & 07777) == 0750);
}

TEST_CASE("media folder: facts are told with the object") {
  const Folder folder;
  const auto object = kept(*folder.open(), std::string("GIF89a\x02\x00\x03\x00", 10));
  CHECK(object.bytes == 10);
  CHECK(object.facts == Facts{Format::gif, 2, 3, Millis(0)});
}

TEST_CASE("media folder: names from outside are no paths") {
  const Folder folder;
  const auto store = folder.open();
  CHECK_FALSE(store->path_of("../../../../etc/passwd"));
  CHECK_FALSE(store->path_of(""));
  CHECK_FALSE(store->path_of(std::string(64, '.')));
  CHECK_FALSE(store->path_of(std::string(64, 'a')));
  const auto soon = wall_now() + 1h;
  CHECK(store->note("../../x\n/y", "value\nof two lines", soon) == "value\nof two lines");
  CHECK(store->noted("../../x\n/y", wall_now()) == "value\nof two lines");
}

TEST_CASE("media folder: a draft that is given up leaves nothing") {
  const Folder folder;
  const auto store = folder.open();
  {
    auto draft = store->draft();
    REQUIRE(draft);
    (*draft)->write("half");
  }
  CHECK(files_below(folder.path + "/drafts") == 0);
  CHECK(files_below(folder.path + "/objects") == 0);
}

TEST_CASE("media folder: a draft that another program wrote is kept as that left it") {
  const Folder folder;
  const auto store = folder.open();
  auto draft = store->draft();
  REQUIRE(draft);
  std::ofstream((*draft)->path()) << "converted";
  const auto object = (*draft)->keep();
  REQUIRE(object);
  CHECK(object->hash == sha256_hex("converted"));
}

TEST_CASE("media folder: a full disk is an error that names the folder") {
  const Folder folder;
  const auto store = folder.open();
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit little{1000, before.rlim_max};
  setrlimit(RLIMIT_FSIZE, &little);
  auto draft = store->draft();
  REQUIRE(draft);
  const bool stored = (*draft)->write(std::string(5000, 'x'));
  const auto object = (*draft)->keep();
  const auto noted = store->note("key", std::string(5000, 'x'), wall_now() + 1h);
  setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  CHECK_FALSE(stored);
  REQUIRE_FALSE(object);
  CHECK(object.error().find(folder.path) != std::string::npos);
  CHECK_FALSE(noted);
  CHECK_FALSE(store->noted("key", wall_now()));
}

TEST_CASE("media folder: a twentieth of the disk, at most 1 GiB, is left to others") {
  const Folder folder;
  fs::space_info space{};
  const auto store =
      std::move(*open_media_folder(folder.path, [&](const auto&) { return std::optional(space); }));
  const auto has_room = [&](std::uintmax_t capacity, std::uintmax_t available) {
    space.capacity = capacity;
    space.available = available;
    CHECK(store->has_room() == store->draft().ok());
    return store->has_room();
  };
  constexpr std::uintmax_t kGiB = 1ULL << 30;
  CHECK(has_room(2000, 100));
  CHECK_FALSE(has_room(2000, 99));
  CHECK(has_room(1000 * kGiB, kGiB));
  CHECK_FALSE(has_room(1000 * kGiB, kGiB - 1));
  CHECK(has_room(0, 0));  // as file systems tell that do not know
  CHECK_FALSE(has_room(2000, 99));
  CHECK(store->note("key", "value", wall_now() + 1h) == "value");  // it is small
}

TEST_CASE("media folder: a folder that cannot be is an error") {
  const Folder folder;
  std::ofstream(folder.path) << "a file";
  const auto store = open_media_folder(folder.path);
  REQUIRE_FALSE(store);
  CHECK(store.error().find(folder.path) != std::string::npos);
}

TEST_CASE("media folder: the first note holds until it expires") {
  const Folder folder;
  const auto store = folder.open();
  const auto now = wall_now();
  CHECK(store->note("key", "first", now + 1h) == "first");
  CHECK(store->note("key", "second", now + 2h) == "first");
  CHECK(store->noted("key", now) == "first");
  CHECK_FALSE(store->noted("key", now + 1h));
  CHECK_FALSE(store->noted("another", now));
  store->forget_note("key");
  CHECK_FALSE(store->noted("key", now));
  CHECK(store->note("key", "void", now - 1ms) == "void");
  CHECK(store->note("key", "fresh", now + 1h) == "fresh");
}

TEST_CASE("media folder: a broken note counts as none") {
  const Folder folder;
  const auto store = folder.open();
  for (const auto* broken : {"", "no number\nvalue", "12345"}) {
    CAPTURE(broken);
    store->note("key", "value", wall_now() + 1h);
    for (const auto& entry : fs::recursive_directory_iterator(folder.path + "/notes")) {
      if (entry.is_regular_file()) std::ofstream(entry.path()) << broken;
    }
    CHECK_FALSE(store->noted("key", wall_now()));
    CHECK(store->note("key", "again", wall_now() + 1h) == "again");
    store->forget_note("key");
  }
}

TEST_CASE("media folder: two programs that note at once agree on one value") {
  const Folder folder;
  for (const bool expired : {false, true}) {
    const auto key = expired ? "expired" : "new";
    if (expired) folder.open()->note(key, "old", wall_now() - 1ms);
    std::vector<std::string> seen(8);
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < seen.size(); ++i) {
      threads.emplace_back([&, i] {
        const auto store = open_media_folder(folder.path);
        seen[i] = (*store)->note(key, std::to_string(i), wall_now() + 1h).value_or("");
      });
    }
    for (auto& thread : threads) thread.join();
    for (const auto& value : seen) CHECK(value == folder.open()->noted(key, wall_now()));
  }
}

TEST_CASE("media folder: old things go, what was kept again stays") {
  const Folder folder;
  const auto store = folder.open();
  const auto old = kept(*store, "old");
  const auto again = kept(*store, "again");
  const auto linked = kept(*store, "linked");
  store->note("old", "value", wall_now() + 1h);
  const auto key = store->link_key();
  std::ofstream(folder.path + "/drafts/crashed") << "half";
  make_older(folder.path, 48h);
  kept(*store, "again");
  CHECK(store->keep_on(linked.hash));
  CHECK_FALSE(store->keep_on(std::string(64, 'a')));
  CHECK_FALSE(store->keep_on("../link_key"));
  store->note("new", "value", wall_now() + 1h);

  store->forget(wall_now() - 24h, {});
  CHECK_FALSE(store->path_of(old.hash));
  CHECK(store->path_of(again.hash));
  CHECK(store->path_of(linked.hash));
  CHECK_FALSE(store->noted("old", wall_now()));
  CHECK(store->noted("new", wall_now()));
  CHECK(files_below(folder.path + "/drafts") == 0);
  CHECK(*store->link_key() == *key);
}

TEST_CASE("media folder: forgetting ends when it is stopped") {
  const Folder folder;
  const auto store = folder.open();
  const auto old = kept(*store, "old");
  make_older(folder.path, 48h);
  std::stop_source stop;
  stop.request_stop();
  store->forget(wall_now() - 24h, stop.get_token());
  CHECK(store->path_of(old.hash));
  store->forget(wall_now() - 24h, {});
  CHECK_FALSE(store->path_of(old.hash));
}

TEST_CASE("media folder: keeping again while old things go never loses what was kept") {
  const Folder folder;
  const auto store = folder.open();
  std::atomic<bool> ended{false};
  std::thread forgetting([&] {
    const auto other = open_media_folder(folder.path);
    while (!ended) (*other)->forget(wall_now() - 24h, {});
  });
  for (int i = 0; i < 50; ++i) {
    make_older(folder.path + "/objects", 48h);
    CHECK(store->path_of(kept(*store, "again and again").hash));
  }
  ended = true;
  forgetting.join();
}

TEST_CASE("media folder: all have the same key for links, and nobody else can read it") {
  const Folder folder;
  std::vector<std::string> keys(4);
  std::vector<std::thread> threads;
  for (auto& key : keys) threads.emplace_back([&] { key = *folder.open()->link_key(); });
  for (auto& thread : threads) thread.join();
  for (const auto& key : keys) CHECK(key == keys.front());
  CHECK(keys.front().size() == 64);
  struct stat file {};
  REQUIRE(::stat((folder.path + "/link_key").c_str(), &file) == 0);
  CHECK((file.st_mode & 07777) == 0600);
  std::ofstream(folder.path + "/link_key") << "short";
  CHECK_FALSE(folder.open()->link_key());
}
