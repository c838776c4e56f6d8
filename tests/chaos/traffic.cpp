#include "tests/chaos/traffic.h"

#include <algorithm>
#include <ctime>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "lib/im/callback.h"
#include "lib/wechat/signature.h"

namespace kefu::chaos {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kConnections = 96;
constexpr auto kPatience = 5s;  // WeChat's with a push (reference: WeChat §2)
constexpr Moment kAgainAfter = 5'000;
constexpr int kAttempts = 4;
constexpr double kShareOfAgents = 0.4;
constexpr double kShareTwins = 0.01;    // pushed twice at the same instant
constexpr double kShareRepeats = 0.01;  // pushed again although answered

std::string element(const std::string& name, const std::string& text) {
  return "<" + name + "><![CDATA[" + text + "]]></" + name + ">";
}

}  // namespace

Traffic::Traffic(TrafficOptions options, Ledger& ledger, Clouds& clouds)
    : options_(std::move(options)),
      ledger_(ledger),
      clouds_(clouds),
      chance_(options_.seed),
      customers_(options_.customers) {
  http::ClientOptions client;
  client.idle_connections_max = kConnections;
  auto made = http::Client::make(options_.gateway_url, client);
  if (!made) throw std::runtime_error(made.error());
  client_ = std::move(*made);
}

Traffic::~Traffic() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  for (auto& thread : threads_) thread.join();
}

void Traffic::start() {
  threads_.emplace_back([this] { offer_until_stopped(); });
  for (std::size_t i = 0; i < kConnections; ++i) threads_.emplace_back([this] { push_until_stopped(); });
}

void Traffic::stop_offering() {
  const std::lock_guard lock(mutex_);
  offering_ = false;
}

// --- what arises ---

void Traffic::offer_until_stopped() {
  const auto began = std::chrono::steady_clock::now();
  std::uint64_t offered = 0;
  for (;; std::this_thread::sleep_for(5ms)) {
    const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - began;
    const auto wanted = static_cast<std::uint64_t>(passed.count() * options_.rate);
    const std::lock_guard lock(mutex_);
    if (stopping_ || !offering_) return;
    for (; offered < wanted; ++offered) offer_one();
  }
}

void Traffic::offer_one() {
  const auto number = static_cast<std::uint32_t>(uniform() * options_.customers);
  auto& customer = customers_[std::min(number, options_.customers - 1)];
  const bool by_agent = uniform() < kShareOfAgents;
  if (!customer.asked_to_follow) {
    customer.asked_to_follow = true;
    put(number, Side::customer, {{Side::customer, number, kFollow}, std::time(nullptr)});
    return;
  }
  write(number, by_agent && customer.known ? Side::agent : Side::customer);
}

void Traffic::write(std::uint32_t customer, Side side) {
  const Message message{side, customer, lane(customer, side).next_number++};
  put(customer, side, {message, std::time(nullptr)});
}

void Traffic::put(std::uint32_t customer, Side side, Push push) {
  ++figures_.offered;
  ++figures_.waiting;
  figures_.most_waiting = std::max(figures_.most_waiting, figures_.waiting);
  auto& its = lane(customer, side);
  its.outbox.push_back(push);
  if (its.scheduled) return;
  its.scheduled = true;
  due_.push({moment_now(), side, customer});
  changed_.notify_one();
}

void Traffic::have_written(std::uint32_t customer) {
  const std::lock_guard lock(mutex_);
  write(customer, Side::customer);
}

// --- what is pushed ---

void Traffic::push_until_stopped() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    if (due_.empty()) {
      changed_.wait(lock);
      continue;
    }
    if (const Moment wait = due_.top().at - moment_now(); wait > 0) {
      changed_.wait_for(lock, std::chrono::milliseconds(wait));
      continue;
    }
    const Due due = due_.top();
    due_.pop();
    if (!due.echo && lane(due.customer, due.side).outbox.front().attempts == 0 && uniform() < kShareTwins)
      maybe_repeat(lane(due.customer, due.side).outbox.front(), moment_now());
    const Push push = due.echo ? *due.echo : lane(due.customer, due.side).outbox.front();
    ++figures_.attempts;
    lock.unlock();
    const Moment began = moment_now();
    const int status = deliver(push);
    lock.lock();
    settle(due, push, status, began);
  }
}

void Traffic::maybe_repeat(const Push& push, Moment at) {
  auto echo = std::make_shared<Push>(push);
  echo->echo = true;
  ++figures_.repeats;
  ++figures_.waiting;
  due_.push({at, push.message.side, push.message.customer, std::move(echo)});
  changed_.notify_one();
}

// The HTTP status; 0: no answer came.
int Traffic::deliver(const Push& push) {
  if (push.message.side == Side::customer) clouds_.customer_wrote(push.message.customer);
  const auto result =
      client_->post(target_of(push), body_of(push),
                    push.message.side == Side::customer ? "text/xml" : "application/json", kPatience);
  return result.kind == http::CallResult::Kind::answered ? result.status : 0;
}

void Traffic::settle(const Due& due, const Push& push, int status, Moment began) {
  const Moment now = moment_now();
  const bool follows = push.message.number == kFollow;
  if (status == 0) ++figures_.no_answer;
  if (status == 503) ++figures_.refused_503;
  if (status != 0 && status != 200 && status != 503) ++figures_.odd_answers[status];
  if (status == 200) {
    auto& customer = customers_[push.message.customer];
    customer.known = true;
    customer.follows = customer.follows || follows;
    if (!follows) ledger_.answered(push.message, now, !push.echo);
  }
  if (due.echo) {
    --figures_.waiting;
    return;
  }
  auto& its = lane(due.customer, due.side);
  auto& first = its.outbox.front();
  if (status != 200 && ++first.attempts < kAttempts) {
    due_.push({std::max(now, began + kAgainAfter), due.side, due.customer});
    changed_.notify_one();
    return;
  }
  if (status == 200) {
    ++figures_.accepted;
    if (uniform() < kShareRepeats)
      maybe_repeat(push, now + static_cast<Moment>(uniform() * static_cast<double>(options_.repeats_within)));
  } else {
    ++figures_.abandoned;
    if (!follows) ledger_.abandoned(push.message);
  }
  its.outbox.pop_front();
  --figures_.waiting;
  its.scheduled = !its.outbox.empty();
  if (its.scheduled) due_.push({now, due.side, due.customer});
}

std::string Traffic::target_of(const Push& push) const {
  const auto time = std::to_string(std::time(nullptr));
  if (push.message.side == Side::customer) {
    return "/?signature=" + wechat::url_signature(options_.wechat_token, time, "77") + "&timestamp=" + time +
           "&nonce=77";
  }
  return "/imcallback?SdkAppid=" + options_.sdk_app_id +
         "&CallbackCommand=C2C.CallbackAfterSendMsg&contenttype=json&ClientIP=127.0.0.1&OptPlatform=Windows"
         "&RequestTime=" +
         time + "&Sign=" + im::callback_sign(options_.callback_token, time);
}

std::string Traffic::body_of(const Push& push) const {
  const auto& message = push.message;
  const auto customer = openid_of(message.customer);
  if (message.number == kFollow) {
    return "<xml>" + element("ToUserName", "gh_1") + element("FromUserName", customer) + "<CreateTime>" +
           std::to_string(push.created) + "</CreateTime>" + element("MsgType", "event") +
           element("Event", "subscribe") + "</xml>";
  }
  if (message.side == Side::customer) {
    const auto id = (std::uint64_t{message.customer} + 1) * 10'000'000 + message.number;
    return "<xml>" + element("ToUserName", "gh_1") + element("FromUserName", customer) + "<CreateTime>" +
           std::to_string(push.created) + "</CreateTime>" + element("MsgType", "text") +
           element("Content", text_of(message) + " 你好") + "<MsgId>" + std::to_string(id) + "</MsgId></xml>";
  }
  const auto seq = message.customer * 100'000 + message.number;
  return nlohmann::json{
      {"CallbackCommand", "C2C.CallbackAfterSendMsg"},
      {"From_Account", options_.agents[message.customer % options_.agents.size()]},
      {"To_Account", customer},
      {"MsgSeq", seq},
      {"MsgRandom", 1234},
      {"MsgTime", push.created},
      {"MsgKey", std::to_string(seq) + "_1234_" + std::to_string(push.created)},
      {"OnlineOnlyFlag", 0},
      {"SendMsgResult", 0},
      {"MsgBody", {{{"MsgType", "TIMTextElem"}, {"MsgContent", {{"Text", text_of(message) + " 您好"}}}}}}}
      .dump();
}

Traffic::Figures Traffic::figures() const {
  const std::lock_guard lock(mutex_);
  return figures_;
}

std::vector<std::uint32_t> Traffic::followers() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::uint32_t> out;
  for (std::uint32_t i = 0; i < customers_.size(); ++i) {
    if (customers_[i].follows) out.push_back(i);
  }
  return out;
}

}  // namespace kefu::chaos
