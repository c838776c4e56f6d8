#include "tests/chaos/services.h"

#include <csignal>
#include <fstream>
#include <stdexcept>
#include <zmq.hpp>

#include "lib/http/client.h"

namespace kefu::chaos {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kLastWords = 3000;  // bytes
constexpr auto kPatienceWithEnds = 60s;

std::string loopback(int port) {
  return "127.0.0.1:" + std::to_string(port);
}
std::string endpoint(int port) {
  return "tcp://" + loopback(port);
}

std::string last_words(const test::Process& process) {
  auto words = process.output();
  return words.size() > kLastWords ? words.substr(words.size() - kLastWords) : words;
}

}  // namespace

Services::Services(const Clouds& clouds, std::string log_level)
    : clouds_(clouds), log_level_(std::move(log_level)) {}

test::Environment Services::gateway_settings() const {
  std::string agents;
  for (const auto& agent : Services::agents()) agents += (agents.empty() ? "" : ",") + agent;
  return {{"KEFU_OPS_LISTEN", loopback(ops_port_)},
          {"KEFU_HTTP_LISTEN", loopback(http_port_)},
          {"KEFU_QUEUE_LISTEN", endpoint(queue_port_)},
          {"KEFU_TAP_LISTEN", endpoint(tap_port_)},
          {"KEFU_ADMIN_LISTEN", endpoint(admin_port_)},
          {"KEFU_DATA_DIR", folder_.path() + "/data"},
          {"KEFU_LOG_LEVEL", log_level_},
          {"KEFU_LOCALE", "en"},
          {"KEFU_RETRY_FIRST", "500ms"},
          {"KEFU_RETRY_MAX", "10s"},
          // No limit: the clouds here have none, and at the real ones' a storm would last for hours.
          {"KEFU_RATE_IM_SEND", "0"},
          {"KEFU_RATE_IM_IMPORT", "0"},
          {"KEFU_RATE_IM_DELETE", "0"},
          {"KEFU_RATE_WECHAT_SEND", "0"},
          {"WECHAT_TOKEN", kWechatToken},
          {"WECHAT_APP_ID", "wx0123456789abcdef"},
          {"IM_SDK_APP_ID", kSdkAppId},
          {"IM_AGENTS", agents},
          {"IM_CALLBACK_TOKEN", kCallbackToken}};
}

test::Environment Services::worker_settings(Job job, std::uint32_t number) const {
  const auto url = clouds_.url_for(number);
  test::Environment settings{{"KEFU_OPS_LISTEN", "off"},
                             {"KEFU_QUEUE_CONNECT", endpoint(queue_port_)},
                             {"KEFU_MEDIA_DIR", folder_.path() + "/media"},
                             {"KEFU_LOG_LEVEL", log_level_}};
  if (job == Job::relay) {
    settings["IM_API"] = url;
    settings["IM_SDK_APP_ID"] = kSdkAppId;
    settings["IM_ADMIN"] = "administrator";
    settings["IM_SECRET_KEY"] = "5f4dcc3b5aa765d61d8327deb882cf992b95990a9151374abd8ff8c5a7a0fe08";
  } else {
    settings["WECHAT_API"] = url;
    settings["WECHAT_APP_ID"] = "wx0123456789abcdef";
    settings["WECHAT_APP_SECRET"] = "wechatsecret";
  }
  return settings;
}

void Services::start_gateway() {
  gateway_ = std::make_unique<test::Process>("kefu-gateway", gateway_settings());
}

void Services::await_gateway() {
  const bool up = test::eventually([this] { return ready() || !gateway_->running(); }, 120s);
  if (!up || !gateway_->running())
    throw std::runtime_error("the gateway does not come up:\n" + last_words(*gateway_));
}

void Services::start_worker(Job job) {
  const auto number = next_worker_++;
  const auto* program = job == Job::relay ? "kefu-relay" : "kefu-notifier";
  workers_.push_back(
      {number, job, false, std::make_unique<test::Process>(program, worker_settings(job, number))});
}

std::size_t Services::count(Job job) const {
  std::size_t found = 0;
  for (const auto& worker : workers_) found += worker.job == job ? 1 : 0;
  return found;
}

void Services::kill_gateway() {
  gateway_->kill();
  gateway_.reset();
}

void Services::stop_gateway() {
  gateway_->signal(SIGTERM);
  test::eventually([this] { return !gateway_->running(); }, kPatienceWithEnds);
  judge_end(*gateway_, "the gateway");
  gateway_.reset();
}

void Services::kill_worker(std::size_t at) {
  workers_[at].process->kill();
  workers_.erase(workers_.begin() + static_cast<std::ptrdiff_t>(at));
}

void Services::dismiss_worker(std::size_t at) {
  auto& worker = workers_[at];
  worker.process->signal(SIGCONT);
  worker.process->signal(SIGTERM);
  dismissed_.push_back(std::move(worker));
  workers_.erase(workers_.begin() + static_cast<std::ptrdiff_t>(at));
}

void Services::await_the_dismissed() {
  test::eventually(
      [this] {
        look_for_the_dead();
        return dismissed_.empty();
      },
      kPatienceWithEnds);
  for (auto& worker : dismissed_) judge_end(*worker.process, "worker " + std::to_string(worker.number));
  dismissed_.clear();
}

void Services::judge_end(test::Process& process, const std::string& who) {
  if (process.running()) {
    complain(process, who + " does not end within a minute of SIGTERM");
    process.kill();
  } else if (const int status = process.wait(); status != 0) {
    complain(process, who + " ended on SIGTERM with status " + std::to_string(status));
  }
}

void Services::look_for_the_dead() {
  if (gateway_ && !gateway_->running()) {
    complain(*gateway_, "the gateway ended by itself with status " + std::to_string(gateway_->wait()));
    gateway_.reset();
  }
  std::erase_if(workers_, [this](Worker& worker) {
    if (worker.process->running()) return false;
    complain(*worker.process, "worker " + std::to_string(worker.number) + " ended by itself with status " +
                                  std::to_string(worker.process->wait()));
    return true;
  });
  std::erase_if(dismissed_, [this](Worker& worker) {
    if (worker.process->running()) return false;
    judge_end(*worker.process, "worker " + std::to_string(worker.number));
    return true;
  });
}

void Services::complain(const test::Process& process, const std::string& what) {
  complaints_.push_back(what + ":\n" + last_words(process));
}

std::optional<nlohmann::json> Services::ask(const nlohmann::json& question) const {
  zmq::context_t context;
  zmq::socket_t socket(context, zmq::socket_type::req);
  socket.set(zmq::sockopt::linger, 0);
  socket.set(zmq::sockopt::rcvtimeo, 5000);
  socket.connect(endpoint(admin_port_));
  socket.send(zmq::buffer(question.dump()), zmq::send_flags::none);
  zmq::message_t answer;
  if (!socket.recv(answer)) return std::nullopt;
  const auto parsed = nlohmann::json::parse(answer.to_string(), nullptr, false);
  return parsed.is_object() ? std::optional(parsed) : std::nullopt;
}

bool Services::ready() const {
  const auto client = http::Client::make("http://" + loopback(ops_port_));
  return client && (*client)->get("/readyz", 2s).status == 200;
}

std::uint64_t Services::gateway_memory_kib() const {
  std::ifstream status("/proc/" + std::to_string(gateway_->pid()) + "/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmRSS:")) return std::stoull(line.substr(6));
  }
  return 0;
}

}  // namespace kefu::chaos
