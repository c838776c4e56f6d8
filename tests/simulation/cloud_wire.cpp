#include "tests/simulation/cloud_wire.h"

#include <algorithm>

namespace kefu::simulation {
namespace {

using http::CallResult;

constexpr Millis kLatestArrival{2'500};  // of a call that timed out

CallResult unsure(std::string why) {
  return {CallResult::Kind::unsure, 0, "", std::move(why)};
}

// "/v4/openim/sendmsg?…" is "openim/sendmsg".
std::string command_of(const std::string& target) {
  constexpr std::string_view kPrefix = "/v4/";
  return target.substr(kPrefix.size(), target.find('?') - kPrefix.size());
}

bool is_im(const std::string& target) {
  return target.starts_with("/v4/");
}

}  // namespace

void CloudWire::begin(std::span<const v1::Delivery> deliveries, Timestamp now,
                      std::optional<int> dies_in_call) {
  deliveries_.assign(deliveries.begin(), deliveries.end());
  began_ = now;
  taken_ = Millis(0);
  dies_in_call_ = dies_in_call;
  calls_ = 0;
}

CallResult CloudWire::post(const std::string& target, const std::string& body, const std::string&,
                           std::chrono::milliseconds deadline) {
  auto& figures = parts_.ledger.figures;
  ++figures.calls;
  auto& weather = is_im(target) ? clouds_.im_weather : clouds_.wechat_weather;
  auto fault = weather.next(parts_.now());
  if (dies_in_call_ == ++calls_) {
    if (parts_.chance.in(0.5)) act(target, body, false);
    throw WorkerKilled{};
  }
  if (fault != Fault::none) {
    ++figures.faults;
    parts_.note([&] {
      return "fault for event " + std::to_string(deliveries_.front().event().id()) + ": " +
             std::string(name(fault)) + ", " + target.substr(0, target.find('?'));
    });
  }
  const Millis takes = fault == Fault::lost_before || fault == Fault::lost_and_late
                           ? std::max(deadline, Millis(1))
                           : std::min(deadline, parts_.chance.between(Millis(2), Millis(60)));
  taken_ += takes;
  switch (fault) {
    case Fault::not_sent:
      return {CallResult::Kind::not_sent, 0, "", "connection refused"};
    case Fault::lost_before:
      ++figures.unsure;
      return unsure("no answer in time");
    case Fault::lost_after:
      ++figures.unsure;
      act(target, body, false);
      return unsure("the connection was reset");
    case Fault::lost_and_late:
      ++figures.unsure;
      act_later(target, body);
      return unsure("no answer in time");
    case Fault::none: {
      auto answer = act(target, body, true);
      return {CallResult::Kind::answered, answer.status, std::move(answer.body), ""};
    }
    default: {
      auto answer = refused(fault, is_im(target));
      return {CallResult::Kind::answered, answer.status, std::move(answer.body), ""};
    }
  }
}

CloudWire::Answer CloudWire::refused(Fault fault, bool im) {
  const auto code = [&](std::int64_t of_im, std::int64_t of_wechat) -> Answer {
    return {200, im ? ImModel::error(of_im, "weather") : WechatModel::error(of_wechat, "weather")};
  };
  switch (fault) {
    case Fault::server_error:
      return {503, "<html>"};
    case Fault::http_429:
      return {429, "<html>"};
    case Fault::busy:
      return code(91000, 61450);
    case Fault::throttled:
      return code(60007, 45011);
    case Fault::credentials:
      if (!im) clouds_.wechat.revoke();
      return code(70003, 40001);
    case Fault::configuration:
      return code(60021, 40164);
    case Fault::dead:
      return code(80001, 40003);
    default:
      return {200, "<html>who are you</html>"};
  }
}

CloudWire::Answer CloudWire::act(const std::string& target, const std::string& body, bool sure) {
  return is_im(target) ? act_im(target, body, sure) : act_wechat(target, body, sure);
}

void CloudWire::act_later(const std::string& target, const std::string& body) {
  const auto delay = parts_.chance.between(Millis(0), kLatestArrival);
  parts_.agenda.in(taken_ + delay,
                   [&parts = parts_, &clouds = clouds_, deliveries = deliveries_, target, body] {
                     CloudWire wire(parts, clouds);
                     wire.begin(deliveries, parts.now(), std::nullopt);
                     wire.act(target, body, false);
                   });
}

CloudWire::Answer CloudWire::act_im(const std::string& target, const std::string& body, bool sure) {
  const auto answer = clouds_.im.call(command_of(target), body, parts_.now());
  if (answer.sent) {
    const auto& sent = *answer.sent;
    const auto& delivery = delivery_of(sent.text);
    parts_.note([&] {
      return "IM gets event " + std::to_string(delivery.event().id()) + ", MsgSeq " +
             std::to_string(sent.msg_seq) + (answer.shown ? "" : ", a repeat") + (sure ? "" : ", unheard");
    });
    parts_.ledger.sent(delivery, {sent.msg_seq, sent.msg_random, sent.text, sent.from}, answer.shown, sure,
                       parts_.now());
  } else if (answer.code == 0) {
    for (const auto& delivery : deliveries_) parts_.ledger.acted(delivery);
  }
  return {200, answer.body};
}

CloudWire::Answer CloudWire::act_wechat(const std::string& target, const std::string& body, bool sure) {
  const auto answer = clouds_.wechat.call(target, body, parts_.now());
  if (answer.shown) {
    const auto& delivery = deliveries_.front();
    parts_.note([&] {
      return "WeChat shows event " + std::to_string(delivery.event().id()) + (sure ? "" : ", unheard");
    });
    parts_.ledger.sent(delivery, {0, 0, *answer.shown, {}}, true, sure, parts_.now());
  }
  return {200, answer.body};
}

// Of several that are handled together, the one with the text.
const v1::Delivery& CloudWire::delivery_of(const std::string& text) const {
  const auto at = std::find_if(deliveries_.begin(), deliveries_.end(), [&](const auto& delivery) {
    return delivery.event().customer_message().text().find(text) != std::string::npos;
  });
  return at == deliveries_.end() ? deliveries_.front() : *at;
}

}  // namespace kefu::simulation
