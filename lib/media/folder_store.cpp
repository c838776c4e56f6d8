// objects/aa/<hash>   what media hold
// notes/aa/<hash of the key>   expiry (Unix ms), a line end, the value
// drafts/   on their way into the other two
// link_key
// lock   held for the moment in which something is put in place or taken away
#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <mutex>
#include <system_error>
#include <utility>

#include "lib/base/digest.h"
#include "lib/media/store.h"
#include "lib/ops/log.h"

namespace kefu::media {
namespace {

namespace fs = std::filesystem;

constexpr mode_t kFolderMode = 0750;
constexpr mode_t kFileMode = 0640;
constexpr mode_t kSecretMode = 0600;
constexpr std::size_t kNoteBytesMax = 64 << 10;
constexpr std::size_t kLinkKeyBytes = 32;
constexpr std::uintmax_t kReserveMax = 1ULL << 30;  // bytes left to others, as is
constexpr std::uintmax_t kReservePart = 20;         // of so many, one
constexpr Millis kWarnEvery = std::chrono::minutes(1);

Error trouble(const std::string& what, int number) {
  return {what + ": " + std::strerror(number)};
}

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  explicit operator bool() const { return number_ >= 0; }
  int operator*() const { return number_; }

 private:
  const int number_;
};

Descriptor create(const std::string& path, mode_t mode) {
  const int number = ::open(path.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC | O_NOFOLLOW, mode);
  if (number >= 0) ::fchmod(number, mode);  // whatever the umask
  return Descriptor(number);
}

// 0, or the error's number.
int write_all(int descriptor, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto written = ::write(descriptor, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return errno;
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return 0;
}

int sync_folder(const std::string& path) {
  const Descriptor folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  return folder && ::fsync(*folder) == 0 ? 0 : errno;
}

std::optional<std::string> read_small_file(const std::string& path) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return std::nullopt;
  std::string text;
  std::array<char, 4096> piece{};
  while (text.size() <= kNoteBytesMax) {
    const auto bytes = ::read(*file, piece.data(), piece.size());
    if (bytes < 0 && errno == EINTR) continue;
    if (bytes < 0) return std::nullopt;
    if (bytes == 0) return text;
    text.append(piece.data(), static_cast<std::size_t>(bytes));
  }
  return std::nullopt;
}

bool is_hash(std::string_view text) {
  return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

// Lower than any file system's clock can be wrong by.
Timestamp changed_at(const struct stat& file) {
  return {static_cast<std::int64_t>(file.st_mtim.tv_sec) * 1000 + file.st_mtim.tv_nsec / 1'000'000};
}

// The bytes of a file without holding them: the system reads them in and lets go of them as it likes.
class Mapped {
 public:
  Mapped(int descriptor, std::size_t size) : size_(size) {
    if (size_ > 0) start_ = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, descriptor, 0);
  }
  ~Mapped() {
    if (size_ > 0 && start_ != MAP_FAILED) ::munmap(start_, size_);
  }
  Mapped(const Mapped&) = delete;
  Mapped& operator=(const Mapped&) = delete;

  bool ok() const { return start_ != MAP_FAILED; }
  std::string_view bytes() const { return {static_cast<const char*>(start_), size_}; }

 private:
  const std::size_t size_;
  void* start_ = nullptr;
};

struct Note {
  Timestamp expires{};
  std::string value;
};

std::string written(std::string_view value, Timestamp expires) {
  return std::to_string(expires.ms).append("\n").append(value);
}

// Nothing when it is not there, or is not what we write.
std::optional<Note> read_note(const std::string& path) {
  const auto text = read_small_file(path);
  if (!text) return std::nullopt;
  Note note;
  const auto [end, failure] = std::from_chars(text->data(), text->data() + text->size(), note.expires.ms);
  if (failure != std::errc() || end == text->data() + text->size() || *end != '\n') return std::nullopt;
  note.value.assign(end + 1, text->data() + text->size());
  return note;
}

class FolderDraft;

class FolderStore : public MediaStore {
 public:
  FolderStore(std::string folder, SpaceOf space) : folder_(std::move(folder)), space_(std::move(space)) {}

  std::optional<Error> set_up() {
    std::error_code failed;
    const auto parent = fs::path(folder_).parent_path();
    if (!parent.empty()) fs::create_directories(parent, failed);
    for (const auto* name : {"", "/objects", "/notes", "/drafts"}) {
      const auto path = folder_ + name;
      if (::mkdir(path.c_str(), kFolderMode) != 0 && errno != EEXIST) return trouble(path, errno);
    }
    const auto probe = fresh_draft_path();
    if (!create(probe, kFileMode)) return trouble(folder_, errno);
    ::unlink(probe.c_str());
    return std::nullopt;
  }

  Result<std::unique_ptr<Draft>> draft() override;

  bool has_room() override {
    const auto space = space_(folder_);
    return !space || space->available >= std::min(kReserveMax, space->capacity / kReservePart);
  }

  std::optional<std::string> path_of(std::string_view hash) override {
    if (!is_hash(hash)) return std::nullopt;
    auto path = place("objects", hash);
    struct stat file {};
    if (::stat(path.c_str(), &file) != 0 || !S_ISREG(file.st_mode)) return std::nullopt;
    return path;
  }

  bool keep_on(std::string_view hash) override {
    const auto lock = locked();
    const auto path = path_of(hash);
    return path && ::utimensat(AT_FDCWD, path->c_str(), nullptr, 0) == 0;
  }

  std::optional<std::string> note(std::string_view key, std::string_view value, Timestamp expires) override {
    const auto fresh = fresh_draft_path();
    const auto at = place("notes", sha256_hex(key));
    if (const int failed = write_synced(fresh, written(value, expires), kFileMode); failed != 0) {
      ::unlink(fresh.c_str());
      log::warning("a note about media cannot be kept", {{"why", trouble(folder_, failed).message}});
      return std::nullopt;
    }
    const auto lock = locked();
    const auto present = read_note(at);
    if (present && wall_now() < present->expires) {
      ::unlink(fresh.c_str());
      return present->value;
    }
    if (const int failed = move_into_place(fresh, at); failed != 0) {
      ::unlink(fresh.c_str());
      log::warning("a note about media cannot be kept", {{"why", trouble(folder_, failed).message}});
      return std::nullopt;
    }
    return std::string(value);
  }

  std::optional<std::string> noted(std::string_view key, Timestamp now) override {
    auto note = read_note(place("notes", sha256_hex(key)));
    if (!note || now >= note->expires) return std::nullopt;
    return std::move(note->value);
  }

  void forget_note(std::string_view key) override {
    const auto lock = locked();
    ::unlink(place("notes", sha256_hex(key)).c_str());
  }

  void forget(Timestamp before, const std::stop_token& stop) override {
    for (const auto* kind : {"/objects", "/notes"}) {
      std::error_code failed;
      for (const auto& folder : fs::directory_iterator(folder_ + kind, failed))
        forget_files_in(folder.path(), before, stop);
    }
    forget_files_in(folder_ + "/drafts", before, stop);  // of programs that crashed
  }

  Result<std::string> link_key() override {
    const auto path = folder_ + "/link_key";
    auto key = read_small_file(path);
    if (!key) {
      const auto fresh = fresh_draft_path();
      const int failed = write_synced(fresh, random_hex(kLinkKeyBytes), kSecretMode);
      // Who comes first gives the key to all.
      const bool made = failed == 0 && (::link(fresh.c_str(), path.c_str()) == 0 || errno == EEXIST);
      const int why = failed != 0 ? failed : errno;
      ::unlink(fresh.c_str());
      if (!made) return trouble(path, why);
      sync_folder(folder_);
      key = read_small_file(path);
    }
    if (!key || key->size() != 2 * kLinkKeyBytes)
      return Error{path + ": cannot be read or is broken; without it a new one is made"};
    return *std::move(key);
  }

  std::string fresh_draft_path() const { return folder_ + "/drafts/" + random_hex(16); }

  // Syncs the folder, too. 0, or the error's number. REQUIRES: a synced file, and the lock.
  int move_into_place(const std::string& from, const std::string& to) const {
    const auto folder = to.substr(0, to.rfind('/'));
    if (::mkdir(folder.c_str(), kFolderMode) == 0) {
      sync_folder(folder.substr(0, folder.rfind('/')));
    } else if (errno != EEXIST) {
      return errno;
    }
    if (::rename(from.c_str(), to.c_str()) != 0) return errno;
    return sync_folder(folder);
  }

  std::string place(std::string_view kind, std::string_view hash) const {
    return std::string(folder_)
        .append("/")
        .append(kind)
        .append("/")
        .append(hash.substr(0, 2))
        .append("/")
        .append(hash);
  }

  // Between threads and programs, until it is closed. Without it (no descriptor left) races could lose what
  // was just kept, which is then fetched again.
  Descriptor locked() const {
    const int file = ::open((folder_ + "/lock").c_str(), O_CREAT | O_RDWR | O_CLOEXEC, kFileMode);
    while (file >= 0 && ::flock(file, LOCK_EX) != 0 && errno == EINTR) {
    }
    return Descriptor(file);
  }

 private:
  static int write_synced(const std::string& path, std::string_view text, mode_t mode) {
    const auto file = create(path, mode);
    if (!file) return errno;
    if (const int failed = write_all(*file, text); failed != 0) return failed;
    return ::fsync(*file) == 0 ? 0 : errno;
  }

  void forget_files_in(const fs::path& folder, Timestamp before, const std::stop_token& stop) const {
    const auto is_old = [&](const std::string& path) {
      struct stat file {};
      return ::lstat(path.c_str(), &file) == 0 && S_ISREG(file.st_mode) && changed_at(file) < before;
    };
    std::error_code failed;
    for (const auto& entry : fs::directory_iterator(folder, failed)) {
      if (stop.stop_requested()) return;
      const auto& path = entry.path().native();
      if (!is_old(path)) continue;
      const auto lock = locked();
      if (is_old(path)) ::unlink(path.c_str());  // unless it was just kept again
    }
  }

  // At most once a minute, however many ask.
  void warn_of_no_room() {
    const auto now = steady_now().ms;
    auto last = warned_.load();
    if (last != 0 && now - last < kWarnEvery.count()) return;
    if (warned_.compare_exchange_strong(last, now))
      log::warning("the disk has no room for media", {{"folder", folder_}});
  }

  const std::string folder_;
  const SpaceOf space_;
  std::atomic<std::int64_t> warned_{0};  // steady_now() of the last warning; 0: none
};

class FolderDraft : public Draft {
 public:
  FolderDraft(const FolderStore& store, std::string path)
      : store_(store), path_(std::move(path)), file_(create(path_, kFileMode)), failed_(file_ ? 0 : errno) {}
  ~FolderDraft() override { ::unlink(path_.c_str()); }
  FolderDraft(const FolderDraft&) = delete;
  FolderDraft& operator=(const FolderDraft&) = delete;

  int failed() const { return failed_; }

  bool write(std::string_view bytes) override {
    if (failed_ == 0) failed_ = write_all(*file_, bytes);
    return failed_ == 0;
  }

  std::string path() const override { return path_; }

  // Read anew: another program may have written it.
  Result<Object> keep() override {
    if (failed_ != 0) return trouble(path_, failed_);
    const Descriptor file(::open(path_.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW));
    struct stat status {};
    if (!file || ::fchmod(*file, kFileMode) != 0 || ::fstat(*file, &status) != 0)
      return trouble(path_, errno);
    const Mapped mapped(*file, static_cast<std::size_t>(status.st_size));
    if (!mapped.ok()) return trouble(path_, errno);
    const Object object{sha256_hex(mapped.bytes()), static_cast<std::uint64_t>(status.st_size),
                        facts_of(mapped.bytes())};
    if (::futimens(*file, nullptr) != 0 || ::fsync(*file) != 0) return trouble(path_, errno);
    const auto lock = store_.locked();
    // In the place of the same bytes, if they are there: so they count as kept now.
    const int failed = store_.move_into_place(path_, store_.place("objects", object.hash));
    if (failed != 0) return trouble(path_, failed);
    return object;
  }

 private:
  const FolderStore& store_;
  const std::string path_;
  const Descriptor file_;
  int failed_;  // errno of the first failure
};

Result<std::unique_ptr<Draft>> FolderStore::draft() {
  if (!has_room()) {
    warn_of_no_room();
    return Error{folder_ + ": no room, the rest of the disk is left to others"};
  }
  auto draft = std::make_unique<FolderDraft>(*this, fresh_draft_path());
  if (draft->failed() != 0) return trouble(draft->path(), draft->failed());
  return Result<std::unique_ptr<Draft>>(std::move(draft));
}

}  // namespace

std::optional<fs::space_info> space_of(const std::string& folder) {
  std::error_code failed;
  const auto space = fs::space(folder, failed);
  return failed ? std::nullopt : std::optional(space);
}

Result<std::unique_ptr<MediaStore>> open_media_folder(const std::string& folder, SpaceOf space) {
  auto store = std::make_unique<FolderStore>(folder, std::move(space));
  if (auto failed = store->set_up()) return *std::move(failed);
  return Result<std::unique_ptr<MediaStore>>(std::move(store));
}

}  // namespace kefu::media
