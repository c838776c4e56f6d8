// Where media lie, by what is in them, with notes beside them. Thread-safe; several programs may share one
// store. Nothing outside may assume files.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "lib/base/clock.h"
#include "lib/base/result.h"
#include "lib/media/facts.h"

namespace kefu::media {

// The same bytes are the same object.
struct Object {
  std::string hash;  // SHA-256, lower-case hex
  std::uint64_t bytes = 0;
  Facts facts{};

  bool operator==(const Object&) const = default;
};

// Bytes on their way into the store; given up when it dies before keep().
class Draft {
 public:
  virtual ~Draft() = default;
  virtual bool write(std::string_view bytes) = 0;  // false: cannot be stored; keep() says why
  virtual std::string path() const = 0;            // for other programs (ffmpeg) to read and write
  virtual Result<Object> keep() = 0;               // whole, on disk and synced
};

class MediaStore {
 public:
  virtual ~MediaStore() = default;

  // An error as well while has_room() is false.
  virtual Result<std::unique_ptr<Draft>> draft() = 0;
  // False: less is free than is left to others on the same disk, of which the journal is one.
  virtual bool has_room() = 0;
  // A file that holds the object's bytes; nothing when it is not there (any more). Good until forget().
  virtual std::optional<std::string> path_of(std::string_view hash) = 0;
  // The object counts as kept now: for who gives out a link to what was kept before. False: it is not there.
  virtual bool keep_on(std::string_view hash) = 0;

  // Short facts that outlive a process and are seen by all: what became of a WeChat media id, which media id
  // an upload got. The first note under a key stays until it expires (Unix ms), and is what note() tells;
  // nothing: none can be kept.
  virtual std::optional<std::string> note(std::string_view key, std::string_view value,
                                          Timestamp expires) = 0;
  virtual std::optional<std::string> noted(std::string_view key, Timestamp now) = 0;
  virtual void forget_note(std::string_view key) = 0;

  // What was last kept or noted before `before` goes away. Stops at once; the rest goes the next time.
  virtual void forget(Timestamp before, const std::stop_token& stop) = 0;
  // The secret that links are signed with (links.h); made by whoever needs it first, the same for all.
  virtual Result<std::string> link_key() = 0;
};

// How large the disk under a folder is, and what is free. Nothing: it cannot be told.
using SpaceOf = std::function<std::optional<std::filesystem::space_info>(const std::string& folder)>;
std::optional<std::filesystem::space_info> space_of(const std::string& folder);

// In a folder, which is made. The error names it. A twentieth of its disk, at most 1 GiB, is left to others.
Result<std::unique_ptr<MediaStore>> open_media_folder(const std::string& folder, SpaceOf space = space_of);

}  // namespace kefu::media
