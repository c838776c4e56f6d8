#include "gateway/journal/checksum.h"

#include <zlib.h>

#include <array>
#include <cstddef>

namespace kefu {
namespace {

uLong add(uLong sum, std::string_view bytes) {
  return ::crc32_z(sum, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size());
}

}  // namespace

std::int64_t checksum_of(const EventColumns& row) {
  const std::array<std::int64_t, 8> numbers{row.id,
                                            row.queue,
                                            row.kind,
                                            row.accepted_at,
                                            row.reply,
                                            static_cast<std::int64_t>(row.customer.size()),
                                            static_cast<std::int64_t>(row.dedup.size()),
                                            static_cast<std::int64_t>(row.source.size())};
  // Least significant byte first, on every machine.
  std::array<char, sizeof(numbers)> bytes{};
  std::size_t at = 0;
  for (const auto number : numbers) {
    for (int shift = 0; shift < 64; shift += 8)
      bytes[at++] = static_cast<char>(static_cast<std::uint64_t>(number) >> shift);
  }
  uLong sum = add(0, {bytes.data(), bytes.size()});
  for (const auto column : {row.customer, row.dedup, row.source, row.payload}) {
    if (!column.empty()) sum = add(sum, column);  // no bytes at all would begin the sum anew
  }
  return static_cast<std::int64_t>(sum);
}

}  // namespace kefu
