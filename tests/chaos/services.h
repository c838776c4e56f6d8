// The programs under test: one gateway and any number of workers, with settings of their own, started, hurt
// and ended. One thread uses it. What a process has to answer for itself (an end that nobody asked for, a bad
// exit status) is kept as a complaint.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "tests/chaos/clouds.h"
#include "tests/process/process.h"

namespace kefu::chaos {

enum class Job { relay, notifier };

class Services {
 public:
  Services(const Clouds& clouds, std::string log_level);

  struct Worker {
    std::uint32_t number = 0;
    Job job = Job::relay;
    bool frozen = false;
    std::unique_ptr<test::Process> process{};
  };

  void start_gateway();
  void await_gateway();  // throws when it does not come up
  void start_worker(Job job);
  test::Process* gateway() { return gateway_.get(); }
  std::vector<Worker>& workers() { return workers_; }
  std::size_t count(Job job) const;

  void kill_gateway();
  void stop_gateway();  // with SIGTERM, and waits for its end
  void kill_worker(std::size_t at);
  void dismiss_worker(std::size_t at);  // with SIGTERM; it takes its time
  // Those that ended by themselves, and whether the dismissed ended well.
  void look_for_the_dead();
  void await_the_dismissed();

  // The admin socket's answer; nothing when none comes in time.
  std::optional<nlohmann::json> ask(const nlohmann::json& question) const;
  bool ready() const;  // the gateway's /readyz
  std::uint64_t gateway_memory_kib() const;

  const std::vector<std::string>& complaints() const { return complaints_; }
  std::string gateway_url() const { return "http://127.0.0.1:" + std::to_string(http_port_); }
  const std::string& data_folder() const { return folder_.path(); }

  static constexpr const char* kWechatToken = "chaostoken";
  static constexpr const char* kCallbackToken = "callbacktoken";
  static constexpr const char* kSdkAppId = "1400000001";
  static std::vector<std::string> agents() { return {"agent1", "agent2", "agent3"}; }

 private:
  test::Environment gateway_settings() const;
  test::Environment worker_settings(Job job, std::uint32_t number) const;
  void judge_end(test::Process& process, const std::string& who);
  void complain(const test::Process& process, const std::string& what);

  const Clouds& clouds_;
  const std::string log_level_;
  test::Folder folder_;
  const int http_port_ = test::free_port();
  const int ops_port_ = test::free_port();
  const int queue_port_ = test::free_port();
  const int tap_port_ = test::free_port();
  const int admin_port_ = test::free_port();
  std::unique_ptr<test::Process> gateway_;
  std::vector<Worker> workers_;
  std::vector<Worker> dismissed_;
  std::uint32_t next_worker_ = kGateway + 1;
  std::vector<std::string> complaints_;
};

}  // namespace kefu::chaos
