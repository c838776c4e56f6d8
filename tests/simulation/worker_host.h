// A worker process in virtual time: the real Session and the real handler. It can be killed (in a call too),
// frozen, cut off, and asked to leave.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lib/ops/ops_page.h"
#include "lib/work/session.h"
#include "notifier/wechat_handler.h"
#include "relay/im_handler.h"
#include "tests/simulation/cloud_wire.h"
#include "tests/simulation/parts.h"

namespace kefu::simulation {

class WorkerHost : public std::enable_shared_from_this<WorkerHost> {
 public:
  // False: the connection is known to be broken.
  using Send = std::function<bool(v1::FromWorker message)>;

  WorkerHost(Parts& parts, Clouds& clouds, ops::Metrics& metrics, v1::Queue queue, WorkerId id,
             std::uint32_t slots, Send send);

  const WorkerId& id() const { return id_; }
  v1::Queue queue() const { return queue_; }
  void begin();
  void receive(v1::ToWorker message);

  // --- fate ---
  void kill();
  void freeze(Timestamp until);
  void leave();  // SIGTERM
  void dies_in_next_call() { dies_in_next_call_ = true; }
  bool alive() const { return alive_; }

 private:
  // On the worker's own clock, which nobody else shares.
  Timestamp clock() const { return parts_.now() + clock_offset_; }
  // When it is not frozen, and only while it lives.
  void later(Millis delay, std::function<void()> what);
  void tick();
  void plan_tick();
  void carry_out(work::Session::Work& work);
  void start(const work::Session::Group& group);
  void run(const work::Session::Group& group, Timestamp deadline);
  std::vector<work::Outcome> handle(const work::Session::Group& group, Timestamp deadline);
  void finish(const v1::Delivery& delivery, const work::Outcome& outcome);
  void try_to_leave();
  v1::ToWorker mutated(v1::ToWorker message) const;
  void mutate(v1::Delivery& delivery) const;

  Parts& parts_;
  v1::Queue queue_;
  WorkerId id_;
  Send send_;
  Millis clock_offset_;
  work::Session session_;
  CloudWire wire_;
  relay::UserSigSource usersig_;
  relay::ImApi im_api_;
  relay::ImHandler im_handler_;
  wechat_client::WechatApi wechat_api_;
  wechat_client::TokenCache tokens_;
  notifier::WechatHandler wechat_handler_;
  bool alive_ = true;
  bool dies_in_next_call_ = false;
  Timestamp frozen_until_{};
  std::optional<Timestamp> next_tick_;
  std::optional<Timestamp> leave_by_;
};

}  // namespace kefu::simulation
