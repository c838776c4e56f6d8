// How the web sides hand work to the queue loop: a bounded box, woken by an eventfd, and a receipt that is
// told. Thread-safe.
#pragma once

#include <functional>
#include <mutex>
#include <vector>

#include "gateway/submission.h"

namespace kefu {

class Mailbox {
 public:
  // Called once, on the caller's thread or the loop's: must be short and must not throw.
  using Tell = std::function<void(Receipt)>;
  struct Letter {
    Submission submission;
    Tell tell;
  };

  Mailbox();
  ~Mailbox();
  Mailbox(const Mailbox&) = delete;
  Mailbox& operator=(const Mailbox&) = delete;

  // What a submission may use of the box when much waits in it.
  enum class Room {
    shared,    // limits::kMailboxRequestsMax; for senders who repeat what is refused, as WeChat does
    reserved,  // limits::kMailboxReserved more; for those who never do, as Tencent IM does not
  };

  // Any thread: hands it in; refused at once when there is no room or the box is closed. What was taken is
  // stored whether or not anybody still waits for the receipt.
  void submit(Submission submission, Tell tell, Room room = Room::shared);

  // --- the loop ---
  int descriptor() const { return descriptor_; }  // readable while letters wait
  // Instead of what is in `to`, whose room is used for those to come.
  void take(std::vector<Letter>& to);
  // While closed, submissions are refused at once, waiting letters too.
  void close();
  void open();

 private:
  const int descriptor_;
  std::mutex mutex_;
  std::vector<Letter> letters_;  // guarded by mutex_
  bool open_ = false;            // guarded by mutex_
};

}  // namespace kefu
