// A gateway, its workers, both clouds, customers, agents and operators, in virtual time from a seed.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gateway/journal/memory_journal.h"
#include "tests/simulation/gateway_host.h"
#include "tests/simulation/link.h"
#include "tests/simulation/worker_host.h"

namespace kefu::simulation {

enum class JournalKind { memory, sqlite };

struct WorldOptions {
  std::uint64_t seed = 1;
  JournalKind journal = JournalKind::memory;
  Mutation mutation = Mutation::none;
  std::size_t log_lines = 0;  // 0: no log
};

struct Report {
  std::optional<std::string> complaint;  // the first rule that was broken
  Figures figures;
  std::vector<std::string> log;  // the last steps
};

// The same options, the same report.
Report run_world(const WorldOptions& options);

class World {
 public:
  explicit World(const WorldOptions& options);
  ~World();

  Report run();

 private:
  struct Worker {
    std::unique_ptr<Link> link;
    std::shared_ptr<WorkerHost> host;
  };

  // --- what the seed decides once ---
  DispatcherOptions dispatcher_options();
  std::unique_ptr<Journal> open_journal();

  // --- people ---
  void act_soon();
  void act();
  void customer_writes(const std::string& customer);
  void customer_follows(const std::string& customer);
  void customer_leaves(const std::string& customer);
  void agent_replies();
  void push(const Submission& submission);
  void try_push(const Submission& submission, int attempt);
  std::string new_text(const char* kind, std::size_t long_bytes);

  // --- operators ---
  void operate_soon();
  void operate();
  void replay_one(Dispatcher& dispatcher, Journal& journal, v1::Queue which);
  void replay_all(Dispatcher& dispatcher, Journal& journal, v1::Queue which);
  void drop_one(Dispatcher& dispatcher, Journal& journal, v1::Queue which);
  std::optional<EventId> any_in(Journal& journal, v1::Queue which,
                                std::initializer_list<queue::State> states);

  // --- fate ---
  void disturb_soon();
  void disturb();
  void kill_gateway();
  void start_gateway();
  void disturb_worker();
  void hire(v1::Queue which);
  void connect_soon(const std::shared_ptr<WorkerHost>& host, Link& link);
  Worker* any_worker();
  bool send(const std::string& route, const v1::ToWorker& message);
  void bury_the_dead();

  // --- the end ---
  void calm_down();
  bool over();
  void comfort_customers();
  void check_end();

  WorldOptions options_;
  const std::vector<std::string> agents_{"kf1", "kf2"};
  Parts parts_;
  const int pace_;  // 1; more in a world where everything lasts longer
  Clouds clouds_;
  ops::Metrics metrics_;
  MemoryDisk disk_;
  std::filesystem::path folder_;
  std::unique_ptr<GatewayHost> gateway_;
  std::vector<Worker> workers_;
  std::vector<std::unique_ptr<Link>> old_links_;  // things under way may still name them
  std::vector<std::string> customers_;
  Timestamp chaos_ends_{};
  Timestamp give_up_at_{};
  bool nobody_writes_again_ = false;  // until the reply window has ended
  bool calm_ = false;
  int hired_ = 0;
  int pushes_ = 0;
};

}  // namespace kefu::simulation
