// Every limit and deadline that parts must agree on, with its unit, and how they relate.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace kefu::limits {

using namespace std::chrono_literals;

// Queue protocol (docs/queue.md).
inline constexpr std::uint32_t kProtocolVersion = 1;
inline constexpr auto kHttpDeadline = 6000ms;   // one cloud call, all in all
inline constexpr auto kHandlerBudget = 8000ms;  // one delivery, all its calls
inline constexpr auto kWorkerLostAfter =
    10000ms;                           // silence after which a worker's deliveries are given to others
inline constexpr auto kPing = 1000ms;  // sign of life of a worker
// After a restart recovered lanes wait for the workers to report; so long only for one that is cut off, which
// may still be at work.
inline constexpr auto kRestartQuiet = 9999ms;
inline constexpr auto kDrain = 9000ms;  // SIGTERM to exit, the contract says 10 s
static_assert(kHttpDeadline < kHandlerBudget && kHandlerBudget < kWorkerLostAfter,
              "a worker must end a call before the gateway gives the event to another one");
static_assert(3 * kPing < kRestartQuiet && kRestartQuiet < kWorkerLostAfter,
              "a worker must have had three chances to report what it holds");
static_assert(kHandlerBudget < kDrain, "a draining worker finishes what it began");

inline constexpr std::size_t kFrameBytesMax = 1 << 20;  // one ZeroMQ message
inline constexpr std::size_t kAdminFrameBytesMax =
    4 << 20;                                   // above kFrameBytesMax a question is refused in words
inline constexpr std::size_t kAskersMax = 64;  // connections of the admin socket
inline constexpr std::size_t kTapsMax = 64;    // connections of the tap
inline constexpr std::size_t kSubscriptionBytesMax = 1 << 10;
inline constexpr std::size_t kTapBytesMax = 128 << 10;  // of all that one connection subscribes to
inline constexpr std::uint32_t kSlotsMax = 1024;        // KEFU_CONCURRENCY
// What the gateway takes of what workers say: anybody may connect. An honest worker stays far below.
inline constexpr std::size_t kWorkersMax = 1024;  // at a time, of each queue
inline constexpr std::size_t kWorkerNameBytesMax = 128;
inline constexpr std::size_t kVersionBytesMax = 64;   // Hello.version
inline constexpr std::size_t kReasonBytesMax = 2048;  // Verdict.reason
inline constexpr std::size_t kLeftOutBytesMax = 4096;
inline constexpr auto kAfterMax = 24h;            // Verdict.after_ms: a cloud's quota of a day
inline constexpr std::uint32_t kPartsMax = 1000;  // Verdict.progress
inline constexpr std::size_t kFoundMax = 2000;    // messages that one sweep finds
inline constexpr std::size_t kFoundBytesMax = 512 << 10;
inline constexpr std::uint32_t kTypingMax = 4;   // typing notices that a worker passes on at once
inline constexpr auto kTypingDeadline = 3000ms;  // of one; later it would say what is no longer true
static_assert(kTypingDeadline < kDrain, "a draining worker waits for it");
inline constexpr std::uint32_t kBundleMax = 100;  // reference: IM §2.2, §2.3, accounts in one call
inline constexpr std::size_t kMailboxRequestsMax =
    4096;  // HTTP requests that wait for the queue loop; more get 503
inline constexpr std::size_t kMailboxReserved =
    1024;                                          // more of them that only callbacks of Tencent IM may use
inline constexpr auto kCallbackHeard = 2000ms;     // Tencent IM reads no answer later (reference: IM §4.2)
inline constexpr auto kCallbackDeadline = 4500ms;  // without a receipt by then a 503 that IM does not read
inline constexpr auto kReceiptDeadline = 4500ms;   // WeChat hangs up after 5 s; no receipt by then is a 503

// HTTP (contract §4).
inline constexpr std::size_t kBodyBytesMax = 1 << 20;
inline constexpr std::size_t kTargetBytesMax = 8 << 10;
// Unfinished requests of which it is not known that they are authentic, all connections together.
inline constexpr std::size_t kUnauthenticatedBytesMax = 32 << 20;
static_assert(2 * kBodyBytesMax <= kUnauthenticatedBytesMax, "one body alone is never too much");

// Clouds.
inline constexpr std::size_t kWeChatTextBytesMax = 2000;  // reference: WeChat custom/send, errcode 45002
inline constexpr std::size_t kImTextBytesMax = 10000;     // reference: IM sendmsg, code 93000
inline constexpr std::size_t kCloudAnswerBytesMax = 256 << 10;

// Conversations.
inline constexpr auto kConversationIdle = 30min;  // contract §3, KEFU_REPLY_TRANSFER_WHEN=session
// A customer who comes back within this time of the last word goes to the agent they know (docs/agents.md).
inline constexpr auto kAgentKnownFor = 24h * 30;
static_assert(kConversationIdle < kAgentKnownFor, "an agent is known for longer than the conversation lasts");

}  // namespace kefu::limits
