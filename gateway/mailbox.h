// How the web sides hand work to the queue loop: a bounded box, woken by an eventfd, and a receipt that is
// told. Thread-safe.
#pragma once

#include <chrono>
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

  // Any thread: hands it in; refused at once when the box is full or closed.
  void submit(Submission submission, Tell tell);
  // Waits for the receipt; refused when none comes within `patience`. A letter given up may still be stored:
  // the sender's repeat is then a duplicate.
  Receipt submit_and_wait(Submission submission, std::chrono::milliseconds patience);

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
