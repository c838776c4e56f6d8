#include "gateway/quarantine_log.h"

#include <string>

#include "lib/ops/log.h"

namespace kefu {
namespace {

// The reason may name an event or a type as a stranger wrote it.
constexpr std::size_t kReasonBytesMax = 200;

}  // namespace

void QuarantineLog::tell(const Quarantined& push, Timestamp now) {
  const auto left_out =
      limiter_.admit(std::string(name(push.kind)) + " " + push.source + " " + push.agent, now);
  if (!left_out) return;
  const auto reason = push.reason.substr(0, kReasonBytesMax);
  switch (push.kind) {
    case QuarantineClass::undecryptable:
      log::error(
          "a push that WECHAT_TOKEN signed could not be opened: set WECHAT_AES_KEY (EncodingAESKey) and "
          "WECHAT_APP_ID as the WeChat console shows them, restart, then run kefuctl quarantine submit; it "
          "is "
          "kept until then",
          {{"why", reason}, {"not_logged", *left_out}});
      break;
    case QuarantineClass::not_understood:
      log::warning("a push was not understood and is kept: kefuctl quarantine shows it",
                   {{"source", push.source}, {"why", reason}, {"not_logged", *left_out}});
      break;
    case QuarantineClass::unknown_agent:
      log::warning(
          "somebody who is not in IM_AGENTS wrote to a customer; the message is kept: add the account to "
          "IM_AGENTS, restart, then run kefuctl quarantine submit",
          {{"account", push.agent}, {"not_logged", *left_out}});
      break;
    case QuarantineClass::unknown_customer:
      log::warning(
          "an agent wrote to somebody whom the journal does not know; the message is kept: kefuctl "
          "quarantine shows it",
          {{"agent", push.agent}, {"not_logged", *left_out}});
      break;
    case QuarantineClass::left_out:
    case QuarantineClass::informational:
      log::info("a push is kept to be looked at: kefuctl quarantine shows it",
                {{"source", push.source}, {"why", reason}, {"not_logged", *left_out}});
      break;
  }
}

void QuarantineLog::tell_forgotten(std::uint64_t count) {
  if (count == 0) return;
  log::warning("quarantined pushes were forgotten by their age though nobody had submitted them",
               {{"count", count}});
}

}  // namespace kefu
