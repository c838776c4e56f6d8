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

Receipt Mailbox::submit(Submission submission, std::chrono::milliseconds patience) {
  auto letter = std::make_shared<Letter>(std::move(submission));
  {
    const std::lock_guard lock(mutex_);
    if (!open_ || letters_.size() >= limits::kMailboxRequestsMax) return {};
    letters_.push_back(letter);
    if (letters_.size() == 1) ::eventfd_write(descriptor_, 1);
  }
  if (!letter->answered.try_acquire_for(patience)) return {};
  return letter->receipt;
}

std::vector<std::shared_ptr<Mailbox::Letter>> Mailbox::take() {
  const std::lock_guard lock(mutex_);
  eventfd_t ignored = 0;
  ::eventfd_read(descriptor_, &ignored);
  return std::exchange(letters_, {});
}

void Mailbox::answer(Letter& letter, Receipt receipt) {
  letter.receipt = receipt;
  letter.answered.release();
}

void Mailbox::close() {
  std::vector<std::shared_ptr<Letter>> left;
  {
    const std::lock_guard lock(mutex_);
    open_ = false;
    left = std::exchange(letters_, {});
  }
  for (auto& letter : left) answer(*letter, {});
}

void Mailbox::open() {
  const std::lock_guard lock(mutex_);
  open_ = true;
}

}  // namespace kefu
