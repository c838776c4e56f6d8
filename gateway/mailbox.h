// How HTTP threads hand work to the queue loop: a bounded box, woken by an eventfd, and a receipt to wait
// for. Thread-safe.
#pragma once

#include <chrono>
#include <memory>
#include <mutex>
#include <semaphore>
#include <vector>

#include "gateway/submission.h"

namespace kefu {

class Mailbox {
 public:
  struct Letter {
    explicit Letter(Submission what) : submission(std::move(what)) {}
    Submission submission;
    Receipt receipt;  // written by the loop before it releases `answered`
    std::binary_semaphore answered{0};
  };

  Mailbox();
  ~Mailbox();
  Mailbox(const Mailbox&) = delete;
  Mailbox& operator=(const Mailbox&) = delete;

  // Any thread: hands it in and waits for the receipt; refused when the box is full or closed, or none comes
  // within `patience`. A letter given up may still be stored: the sender's repeat is then a duplicate.
  Receipt submit(Submission submission, std::chrono::milliseconds patience);

  // --- the loop ---
  int descriptor() const { return descriptor_; }  // readable while letters wait
  std::vector<std::shared_ptr<Letter>> take();
  static void answer(Letter& letter, Receipt receipt);
  // While closed, submissions are refused at once, waiting letters too.
  void close();
  void open();

 private:
  const int descriptor_;
  std::mutex mutex_;
  std::vector<std::shared_ptr<Letter>> letters_;  // guarded by mutex_
  bool open_ = false;                             // guarded by mutex_
};

}  // namespace kefu
