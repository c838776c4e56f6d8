// Lets go of what a store has kept long enough, every hour, on a thread of its own that stops at once.
#pragma once

#include <thread>

#include "lib/base/clock.h"
#include "lib/media/store.h"

namespace kefu::media {

class Cleaner {
 public:
  // `store` must live longer.
  Cleaner(MediaStore& store, Millis keep);

 private:
  std::jthread thread_;
};

}  // namespace kefu::media
