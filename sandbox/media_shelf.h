// The files that a cloud keeps for a time, and where they come from: the samples that are part of the
// program, or somebody's own. Pure.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "lib/base/clock.h"
#include "lib/base/result.h"
#include "sandbox/media_facts.h"

namespace kefu::sandbox {

struct StoredFile {
  std::string id;
  std::string kind;  // WeChat's type: image, voice, video, thumb; else empty
  std::string name;
  MediaFacts facts;
  std::shared_ptr<const std::string> bytes;
  Timestamp at;
};

class Shelf {
 public:
  // `prefix`: what their paths begin with, such as "/im-media/".
  Shelf(std::string prefix, Millis kept_for, std::function<std::uint64_t()> chance);

  // The oldest give way when all together exceed 256 MiB.
  const StoredFile& put(std::string kind, std::string name, std::string bytes, Timestamp now);
  const StoredFile* find(std::string_view id, Timestamp now) const;  // null when unknown or kept too long
  std::string path_of(const StoredFile& file) const;                 // "/im-media/<id>.jpg"
  const StoredFile* at_path(std::string_view path, Timestamp now) const;

 private:
  std::string prefix_;
  Millis kept_for_;
  std::function<std::uint64_t()> chance_;
  std::map<std::string, StoredFile, std::less<>> files_;
  std::deque<std::string> order_;
  std::size_t bytes_ = 0;
  std::uint64_t last_ = 0;
};

inline constexpr std::size_t kFileBytesMax = 10 << 20;

struct Picked {
  std::string name;
  std::string bytes;
};
// `what`: {"base64", "name"?}, or {"sample": "photo.jpg"}, or neither: the sample named here.
Result<Picked> picked_file(const nlohmann::json& what, std::string_view sample);
// Empty when there is none of that name.
std::string_view sample_bytes(std::string_view name);

}  // namespace kefu::sandbox
