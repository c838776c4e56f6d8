#include "gateway/journal/wal.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <fstream>
#include <sstream>
#include <string_view>
#include <utility>
#include <vector>

#include "gateway/journal/journal.h"

namespace kefu {
namespace {

// https://www.sqlite.org/fileformat2.html#the_write_ahead_log
constexpr std::size_t kHeaderBytes = 32;
constexpr std::size_t kFrameHeaderBytes = 24;
constexpr std::uint32_t kMagic = 0x377f0682;  // the last bit: checksums are big-endian
constexpr std::uint32_t kVersion = 3007000;
constexpr std::size_t kMarkBytes =
    64;  // always so many, so that a shorter line leaves nothing of a longer one

using Bytes = std::vector<unsigned char>;

std::uint32_t number_at(const unsigned char* at, bool big_endian = true) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) value = value << 8 | at[big_endian ? i : 3 - i];
  return value;
}

// The log's own checksum, which goes on from frame to frame.
struct Checksum {
  bool big_endian = false;
  std::uint32_t first = 0;
  std::uint32_t second = 0;

  // `size` is a multiple of 8.
  void add(const unsigned char* bytes, std::size_t size) {
    for (std::size_t at = 0; at < size; at += 8) {
      first += number_at(bytes + at, big_endian) + second;
      second += number_at(bytes + at + 4, big_endian) + first;
    }
  }
  bool is(const unsigned char* kept) const {
    return first == number_at(kept) && second == number_at(kept + 4);
  }
};

bool is_page_size(std::uint32_t size) {
  return size >= 512 && size <= 65536 && (size & (size - 1)) == 0;
}

bool read(std::ifstream& file, Bytes& bytes) {
  return static_cast<bool>(
      file.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(bytes.size())));
}

}  // namespace

WalScan scan_wal(const std::string& path) {
  WalScan scan;
  std::ifstream file(path, std::ios::binary);
  Bytes header(kHeaderBytes);
  if (!read(file, header)) return scan;
  const auto magic = number_at(header.data());
  const auto page = number_at(&header[8]);
  Checksum checksum{(magic & 1) != 0};
  checksum.add(header.data(), kHeaderBytes - 8);
  if ((magic & ~1U) != kMagic || number_at(&header[4]) != kVersion || !is_page_size(page) ||
      !checksum.is(&header[24]))
    return scan;
  scan.is_readable = true;
  scan.salt1 = number_at(&header[16]);
  scan.salt2 = number_at(&header[20]);
  bool fits = true;
  bool commit_is_left_out = false;
  Bytes frame(kFrameHeaderBytes + page);
  for (std::uint64_t number = 1; read(file, frame); ++number) {
    // Frames of an earlier time, before the log began anew, have other salts.
    const bool is_of_now = std::memcmp(&frame[8], &header[16], 8) == 0;
    const bool ends_transaction = number_at(&frame[4]) != 0;
    if (fits) {
      checksum.add(frame.data(), 8);
      checksum.add(&frame[kFrameHeaderBytes], page);
      fits = is_of_now && number_at(frame.data()) != 0 && checksum.is(&frame[16]);
    }
    if (fits) {
      if (ends_transaction) scan.frames = number;
    } else if (is_of_now) {
      scan.is_broken = scan.is_broken || commit_is_left_out;
      commit_is_left_out = commit_is_left_out || ends_transaction;
    }
  }
  return scan;
}

std::string missing_in(const WalScan& wal, const std::optional<WalMark>& mark) {
  const auto pages = [](std::uint64_t count) { return std::to_string(count) + " pages"; };
  if (mark && !wal.is_readable)
    return "it is missing or has no readable beginning, and held " + pages(mark->frames);
  if (mark && wal.salt1 == mark->salt1 && wal.salt2 == mark->salt2) {
    if (wal.frames < mark->frames)
      return "of " + pages(mark->frames) + " that were synced only " + std::to_string(wal.frames) +
             " can be read";
  } else if (mark && static_cast<std::int32_t>(wal.salt1 - mark->salt1) <= 0) {
    return "it is an older one, or of another journal";
  }
  if (wal.is_broken) return "whole transactions stand behind a page that cannot be read";
  return {};
}

WalMarkFile::WalMarkFile(const std::string& path)
    : descriptor_(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, S_IRUSR | S_IWUSR)) {
  if (descriptor_ < 0) throw JournalError(path + " cannot be written: " + std::strerror(errno));
}

WalMarkFile::~WalMarkFile() {
  ::close(descriptor_);
}

std::optional<WalMark> WalMarkFile::read(const std::string& path) {
  std::ifstream file(path);
  std::string word;
  WalMark mark;
  if (!(file >> word >> mark.salt1 >> mark.salt2 >> mark.frames) || word != "running") return std::nullopt;
  return mark;
}

void WalMarkFile::write(const WalMark& mark) const {
  put("running " + std::to_string(mark.salt1) + " " + std::to_string(mark.salt2) + " " +
      std::to_string(mark.frames));
}

void WalMarkFile::clear() const {
  put("closed");
  sync();
}

void WalMarkFile::sync() const {
  if (::fsync(descriptor_) != 0)
    throw JournalError(std::string("journal.db.state cannot be synced: ") + std::strerror(errno));
}

void WalMarkFile::put(std::string line) const {
  line.resize(kMarkBytes - 1, ' ');
  line += '\n';
  if (::pwrite(descriptor_, line.data(), line.size(), 0) != static_cast<ssize_t>(line.size()))
    throw JournalError(std::string("journal.db.state cannot be written: ") + std::strerror(errno));
}

}  // namespace kefu
