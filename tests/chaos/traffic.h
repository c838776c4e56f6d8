// WeChat's and IM's webhooks as a run plays them: customers who follow and write, agents who answer, pushed
// as the clouds push. An open loop: messages arise at the rate whether or not the gateway keeps up, and wait
// at their sender. One message of a side of a conversation is under way at a time, so that order means
// something. What gets no 200 within five seconds is pushed again, three times, as the same message.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <queue>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "lib/http/client.h"
#include "tests/chaos/clouds.h"
#include "tests/chaos/ledger.h"

namespace kefu::chaos {

struct TrafficOptions {
  std::string gateway_url;
  std::string wechat_token;
  std::string callback_token;
  std::string sdk_app_id;
  std::vector<std::string> agents;
  std::uint32_t customers = 0;
  double rate = 0;  // messages a second
  std::uint64_t seed = 0;
  Moment repeats_within = 0;  // some pushes come again so long after their 200
};

class Traffic {
 public:
  Traffic(TrafficOptions options, Ledger& ledger, Clouds& clouds);
  ~Traffic();
  Traffic(const Traffic&) = delete;
  Traffic& operator=(const Traffic&) = delete;

  void start();
  void stop_offering();                       // what has arisen is still pushed
  void have_written(std::uint32_t customer);  // one more message of theirs

  struct Figures {
    std::uint64_t offered = 0;    // messages that arose, follows among them
    std::uint64_t accepted = 0;   // got their 200
    std::uint64_t abandoned = 0;  // never did
    std::uint64_t attempts = 0;   // pushes made, repeats among them
    std::uint64_t repeats = 0;    // of messages that had their 200, or at the same instant
    std::uint64_t waiting = 0;    // not pushed yet, or under way
    std::uint64_t most_waiting = 0;
    std::uint64_t refused_503 = 0;
    std::uint64_t no_answer = 0;
    std::map<int, std::uint64_t> odd_answers{};  // statuses other than 200 and 503
  };
  Figures figures() const;
  std::vector<std::uint32_t> followers() const;  // whose follow got its 200

 private:
  static constexpr std::uint32_t kFollow = 0xffffffff;  // in place of a number

  struct Push {
    Message message;           // number kFollow: the customer follows
    std::int64_t created = 0;  // Unix seconds
    int attempts = 0;
    bool echo = false;  // a repeat of what is pushed anyway
  };
  struct Lane {
    std::deque<Push> outbox;
    std::uint32_t next_number = 0;
    bool scheduled = false;
  };
  struct Due {
    Moment at = 0;
    Side side = Side::customer;
    std::uint32_t customer = 0;
    std::shared_ptr<Push> echo{};  // set: this instead of the lane's first
    bool operator>(const Due& other) const { return at > other.at; }
  };
  struct Customer {
    Lane lanes[2];
    bool asked_to_follow = false;
    bool known = false;    // to the gateway: agents can write to them
    bool follows = false;  // and the gateway knows that
  };

  void offer_until_stopped();
  void offer_one();
  void write(std::uint32_t customer, Side side);
  void put(std::uint32_t customer, Side side, Push push);
  void push_until_stopped();
  int deliver(const Push& push);
  void settle(const Due& due, const Push& push, int status, Moment began);
  void maybe_repeat(const Push& push, Moment at);
  std::string target_of(const Push& push) const;
  std::string body_of(const Push& push) const;
  double uniform() { return std::uniform_real_distribution<>(0, 1)(chance_); }
  Lane& lane(std::uint32_t customer, Side side) {
    return customers_[customer].lanes[side == Side::customer ? 0 : 1];
  }

  const TrafficOptions options_;
  Ledger& ledger_;
  Clouds& clouds_;
  std::unique_ptr<http::Client> client_;

  mutable std::mutex mutex_;  // guards all below but the threads
  std::condition_variable changed_;
  bool stopping_ = false;
  bool offering_ = true;
  std::mt19937_64 chance_;
  std::vector<Customer> customers_;
  std::priority_queue<Due, std::vector<Due>, std::greater<>> due_;
  Figures figures_;

  std::vector<std::thread> threads_;
};

}  // namespace kefu::chaos
