#include "kefuctl/verbs.h"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <iostream>
#include <thread>

#include "kefuctl/printable.h"

namespace kefu::ctl {
namespace {

using namespace std::chrono_literals;

volatile std::sig_atomic_t stop_asked = 0;

}  // namespace

int complain(const std::string& line, ExitStatus status) {
  std::cerr << "kefuctl: " << printable(line) << "\n";
  return status;
}

Answer ask(const Common& common, const nlohmann::json& question) {
  return ask(common.connect, question.dump(), std::chrono::milliseconds(common.timeout_ms));
}

int failed(const Common& common, const Answer& answer) {
  switch (answer.kind) {
    case Answer::Kind::refused:
      if (common.as_json) std::cout << printable_json(answer.json) << "\n";
      return complain(answer.error, kRefused);
    case Answer::Kind::none:
      return complain(answer.error, kNoAnswer);
    default:
      return complain(answer.error, kUsage);
  }
}

int ask_and_print(const Common& common, const nlohmann::json& question,
                  const std::function<std::string(const std::string&)>& render) {
  const Answer answer = ask(common, question);
  if (answer.kind != Answer::Kind::accepted) return failed(common, answer);
  std::cout << (common.as_json ? printable_json(answer.json) + "\n" : render(answer.json));
  return kDone;
}

std::function<bool()> stop_on_signals() {
  std::signal(SIGINT, [](int) { stop_asked = 1; });
  std::signal(SIGTERM, [](int) { stop_asked = 1; });
  return [] { return stop_asked != 0; };
}

void sleep_unless(const std::function<bool()>& stop, std::chrono::milliseconds time) {
  const auto until = std::chrono::steady_clock::now() + time;
  while (!stop() && std::chrono::steady_clock::now() < until) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
    std::this_thread::sleep_for(std::clamp(left, 1ms, 50ms));
  }
}

}  // namespace kefu::ctl
