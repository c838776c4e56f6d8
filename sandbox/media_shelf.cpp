#include "sandbox/media_shelf.h"

#include <nlohmann/json.hpp>

#include "lib/base/digest.h"
#include "sandbox/json_read.h"
#include "sandbox/page_files.h"

namespace kefu::sandbox {
namespace {

constexpr std::size_t kShelfBytesMax = 256 << 20;
constexpr std::size_t kIdBytes = 64;  // as long as WeChat's media ids

// Never the same twice, whatever chance brings: the last four characters count.
std::string new_id(const std::function<std::uint64_t()>& chance, std::uint64_t number) {
  static constexpr std::string_view kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
  std::string id;
  while (id.size() < kIdBytes - 4) id += kAlphabet[chance() % kAlphabet.size()];
  for (int bits = 18; bits >= 0; bits -= 6) id += kAlphabet[number >> bits & 63];
  return id;
}

}  // namespace

Shelf::Shelf(std::string prefix, Millis kept_for, std::function<std::uint64_t()> chance)
    : prefix_(std::move(prefix)), kept_for_(kept_for), chance_(std::move(chance)) {}

const StoredFile& Shelf::put(std::string kind, std::string name, std::string bytes, Timestamp now) {
  bytes_ += bytes.size();
  while (bytes_ > kShelfBytesMax && !order_.empty()) {
    bytes_ -= files_.at(order_.front()).bytes->size();
    files_.erase(order_.front());
    order_.pop_front();
  }
  StoredFile file;
  file.id = new_id(chance_, ++last_);
  file.kind = std::move(kind);
  file.name = std::move(name);
  file.facts = facts_of(bytes);
  file.bytes = std::make_shared<const std::string>(std::move(bytes));
  file.at = now;
  order_.push_back(file.id);
  return files_.emplace(file.id, file).first->second;
}

const StoredFile* Shelf::find(std::string_view id, Timestamp now) const {
  const auto found = files_.find(id);
  return found != files_.end() && now - found->second.at < kept_for_ ? &found->second : nullptr;
}

std::string Shelf::path_of(const StoredFile& file) const {
  return prefix_ + file.id + "." + file.facts.extension;
}

const StoredFile* Shelf::at_path(std::string_view path, Timestamp now) const {
  if (path.substr(0, prefix_.size()) != prefix_) return nullptr;
  path.remove_prefix(prefix_.size());
  return find(path.substr(0, path.find('.')), now);
}

std::string_view sample_bytes(std::string_view name) {
  const auto path = "/samples/" + std::string(name);
  for (const auto& file : page_files()) {
    if (file.path == path) return file.content;
  }
  return {};
}

Result<Picked> picked_file(const nlohmann::json& what, std::string_view sample) {
  if (const auto encoded = read_text(what, "base64")) {
    auto bytes = base64_decode(*encoded);
    if (!bytes || bytes->empty()) return Error{"base64 holds no file"};
    if (bytes->size() > kFileBytesMax) return Error{"the file is larger than 10 MiB"};
    return Picked{read_text(what, "name").value_or("file"), std::move(*bytes)};
  }
  const auto name = read_text(what, "sample").value_or(std::string(sample));
  const auto bytes = sample_bytes(name);
  if (bytes.empty()) return Error{"no such sample"};
  return Picked{name, std::string(bytes)};
}

}  // namespace kefu::sandbox
