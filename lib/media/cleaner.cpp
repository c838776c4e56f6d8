#include "lib/media/cleaner.h"

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <stop_token>

namespace kefu::media {
namespace {

constexpr auto kCleanEvery = std::chrono::hours(1);

void clean_until_stopped(const std::stop_token& stop, MediaStore& store, Millis keep) {
  std::mutex mutex;
  std::condition_variable_any stopped;
  std::unique_lock lock(mutex);
  while (!stop.stop_requested()) {
    store.forget(wall_now() - keep, stop);
    stopped.wait_for(lock, stop, kCleanEvery, [] { return false; });
  }
}

}  // namespace

Cleaner::Cleaner(MediaStore& store, Millis keep)
    : thread_([&store, keep](const std::stop_token& stop) { clean_until_stopped(stop, store, keep); }) {}

}  // namespace kefu::media
