#include "gateway/mailbox.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

#include "lib/base/limits.h"

namespace kefu {

Mailbox::Mailbox() : descriptor_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  if (descriptor_ < 0) throw std::system_error(errno, std::generic_category(), "eventfd");
}

Mailbox::~Mailbox() {
  ::close(descriptor_);
}

void Mailbox::submit(Submission submission, Tell tell, Room room) {
  const auto reserved = room == Room::reserved ? limits::kMailboxReserved : 0;
  {
    const std::lock_guard lock(mutex_);
    if (open_ && letters_.size() < limits::kMailboxRequestsMax + reserved) {
      if (letters_.empty()) ::eventfd_write(descriptor_, 1);
      letters_.push_back({std::move(submission), std::move(tell)});
      return;
    }
  }
  tell({});
}

void Mailbox::take(std::vector<Letter>& to) {
  to.clear();
  const std::lock_guard lock(mutex_);
  if (letters_.empty()) return;
  eventfd_t ignored = 0;
  ::eventfd_read(descriptor_, &ignored);
  letters_.swap(to);
}

void Mailbox::close() {
  std::vector<Letter> left;
  {
    const std::lock_guard lock(mutex_);
    open_ = false;
    left = std::exchange(letters_, {});
    eventfd_t ignored = 0;
    ::eventfd_read(descriptor_, &ignored);
  }
  for (const auto& letter : left) letter.tell({});
}

void Mailbox::open() {
  const std::lock_guard lock(mutex_);
  open_ = true;
}

}  // namespace kefu
