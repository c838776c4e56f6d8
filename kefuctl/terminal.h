// A terminal that shows one frame after another and is as before when the object goes.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "kefuctl/top.h"

namespace kefu::ctl {

class Terminal {
 public:
  // Whether standard output is one.
  static bool there();

  // Alternate screen, no cursor, keys without Enter and without echo.
  Terminal();
  ~Terminal();
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  Screen size() const;
  void show(const std::vector<std::string>& lines);
  // A key that was pressed; 0: none.
  char key();

 private:
  struct Before;
  std::unique_ptr<Before> before_;
};

}  // namespace kefu::ctl
