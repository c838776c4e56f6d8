#include "tests/simulation/world.h"

#include <algorithm>
#include <set>

#include "gateway/journal/sqlite_journal.h"
#include "lib/base/digest.h"
#include "lib/base/limits.h"

namespace kefu::simulation {
namespace {

constexpr Timestamp kBegin{1'700'000'000'000};
constexpr Millis kAllMustEndWithin = std::chrono::minutes(90);  // after the chaos
constexpr Millis kLastEffects{40'000};                   // of what was still under way when the chaos ended
constexpr Millis kReplyWindow = std::chrono::hours(48);  // reference: WeChat §6.4
constexpr int kPushAttempts = 3;                         // reference: WeChat §2.3
constexpr Millis kPushAgain{5'000};
constexpr std::size_t kWorkersMost = 8;

ImModel::Rules im_rules(Chance& chance) {
  return {chance.in(0.3), chance.in(0.3) ? std::size_t{3'000} : std::size_t{12'000}};
}

// In memory where there is such a folder: a disk's sync is not what is looked at here.
std::filesystem::path new_folder() {
  const std::filesystem::path shared = "/dev/shm";
  const auto base = std::filesystem::exists(shared) ? shared : std::filesystem::temp_directory_path();
  auto folder = base / ("kefu-simulation-" + random_hex(8));
  std::filesystem::create_directories(folder);
  return folder;
}

}  // namespace

Report run_world(const WorldOptions& options) {
  return World(options).run();
}

World::World(const WorldOptions& options)
    : options_(options),
      parts_{Agenda(kBegin), Chance(options.seed), Ledger({}),
             Logbook(options.log_lines > 0, options.log_lines), options.mutation},
      pace_(parts_.chance.in(0.15) ? 6 : 1),
      clouds_{ImModel(im_rules(parts_.chance), agents_), WechatModel(), Weather(parts_.chance, pace_),
              Weather(parts_.chance, pace_)} {
  nobody_writes_again_ = parts_.chance.in(0.15);
  if (options_.journal == JournalKind::sqlite) folder_ = new_folder();
  const auto customers = parts_.chance.pick(3, 7);
  for (int i = 1; i <= customers; ++i) customers_.push_back("o" + std::to_string(i));
  gateway_ = std::make_unique<GatewayHost>(
      parts_, dispatcher_options(), [this] { return open_journal(); },
      [this](const std::string& route, const v1::ToWorker& message) { return send(route, message); });
}

World::~World() {
  gateway_.reset();
  std::error_code ignored;
  if (!folder_.empty()) std::filesystem::remove_all(folder_, ignored);
}

DispatcherOptions World::dispatcher_options() {
  auto& chance = parts_.chance;
  DispatcherOptions options;
  options.agents = agents_;
  options.delete_on_unfollow = chance.in(0.8);
  options.please_wait_always = chance.in(0.3);
  options.notices = &texts("en");
  options.relay.retry.max = chance.of(std::vector<Millis>{Millis(5'000), Millis(20'000), Millis(60'000)});
  options.relay.retry.attempts_max = chance.in(0.3) ? 6 : 100;
  options.notifier = options.relay;
  if (chance.in(0.5)) options.relay.limits = {20, 5, 5, 0};
  options.notifier.retry.unsure_max = chance.in(0.5) ? 5 : 0;
  return options;
}

std::unique_ptr<Journal> World::open_journal() {
  if (options_.journal == JournalKind::memory) return open_memory_journal(disk_);
  return open_sqlite_journal((folder_ / "journal.db").string());
}

Report World::run() {
  chaos_ends_ = kBegin + pace_ * parts_.chance.between(Millis(40'000), Millis(110'000));
  gateway_->start();
  for (const auto which : {v1::QUEUE_RELAY, v1::QUEUE_NOTIFIER}) {
    const auto count = parts_.chance.pick(1, 3);
    for (int i = 0; i < count; ++i) hire(which);
  }
  act_soon();
  disturb_soon();
  operate_soon();
  while (!parts_.ledger.complaint() && parts_.agenda.step()) {
    if (!calm_ && parts_.now() >= chaos_ends_) calm_down();
    if (over()) break;
    if (calm_ && parts_.now() > give_up_at_) break;
  }
  if (!parts_.ledger.complaint()) check_end();
  Report report{parts_.ledger.complaint(), parts_.ledger.figures, {}};
  report.figures.virtual_seconds = static_cast<std::uint64_t>((parts_.now() - kBegin).count() / 1000);
  report.log.assign(parts_.log.lines().begin(), parts_.log.lines().end());
  return report;
}

// --- people ---

void World::act_soon() {
  parts_.agenda.in(pace_ * parts_.chance.between(Millis(0), Millis(900)), [this] {
    if (calm_) return;
    act();
    act_soon();
  });
}

void World::act() {
  const auto& customer = parts_.chance.of(customers_);
  const auto luck = parts_.chance.uniform();
  if (luck < 0.3) return agent_replies();
  if (!clouds_.wechat.follows(customer)) return customer_follows(customer);
  if (luck < 0.34) return customer_leaves(customer);
  customer_writes(customer);
}

// Unique wherever it is cut.
std::string World::new_text(const char* kind, std::size_t long_bytes) {
  const auto number = std::to_string(++pushes_);
  std::string text = kind + number;
  if (!parts_.chance.in(0.03)) return text;
  for (int word = 0; text.size() < long_bytes; ++word) text += " " + number + "." + std::to_string(word);
  return text;
}

void World::customer_writes(const std::string& customer) {
  CustomerPush out;
  out.text = new_text("question ", 13'000);
  out.key = dedup_key({"wechat", std::to_string(pushes_)});
  out.customer = OpenId(customer);
  out.kind = CustomerPush::Kind::message;
  out.message_type = "text";
  out.source_id = std::to_string(1'000'000 + pushes_);
  clouds_.wechat.wrote(customer, parts_.now());
  parts_.note([&] { return customer + " writes: " + out.text.substr(0, 20); });
  push(out);
}

void World::customer_follows(const std::string& customer) {
  CustomerPush out;
  out.key = dedup_key({"wechat", std::to_string(++pushes_)});
  out.customer = OpenId(customer);
  out.kind = CustomerPush::Kind::follow;
  clouds_.wechat.followed(customer, parts_.now());
  parts_.note([&] { return customer + " follows"; });
  push(out);
}

void World::customer_leaves(const std::string& customer) {
  CustomerPush out;
  out.key = dedup_key({"wechat", std::to_string(++pushes_)});
  out.customer = OpenId(customer);
  out.kind = CustomerPush::Kind::unfollow;
  clouds_.wechat.left(customer);
  parts_.note([&] { return customer + " leaves"; });
  push(out);
}

void World::agent_replies() {
  const auto& agent = parts_.chance.of(agents_);
  const auto at = clouds_.im.conversations().find(agent);
  if (at == clouds_.im.conversations().end()) return;
  const std::vector<std::string> accounts(at->second.begin(), at->second.end());
  const auto& to = parts_.chance.of(accounts);
  AgentPush out;
  out.text = new_text("answer ", 4'500);
  out.key = dedup_key({"im", std::to_string(pushes_)});
  out.agent = agent;
  out.to = ImUserId(to);
  out.source_id = std::to_string(pushes_) + "_im";
  parts_.note([&] { return agent + " answers " + to + ": " + out.text.substr(0, 20); });
  push(out);
}

void World::push(const Submission& submission) {
  ++parts_.ledger.figures.pushes;
  const auto delay = parts_.chance.between(Millis(0), Millis(200));
  parts_.agenda.in(delay, [this, submission] { try_push(submission, 1); });
  if (calm_) return;
  // The same again: at the same instant on another connection, or much later though it was answered.
  if (parts_.chance.in(0.03))
    parts_.agenda.in(delay, [this, submission] { try_push(submission, kPushAttempts); });
  if (parts_.chance.in(0.04)) {
    parts_.agenda.in(parts_.chance.between(Millis(100), Millis(40'000)),
                     [this, submission] { try_push(submission, kPushAttempts); });
  }
}

// Again when there is no success within 5 s.
void World::try_push(const Submission& submission, int attempt) {
  const auto answered = std::make_shared<bool>(false);
  const bool lost_answer = !calm_ && parts_.chance.in(0.02);
  gateway_->submit(submission, [answered, lost_answer](const std::optional<Receipt>& receipt) {
    const bool success = receipt && receipt->kind != Receipt::Kind::refused;
    if (success && !lost_answer) *answered = true;
  });
  if (attempt >= kPushAttempts) return;
  parts_.agenda.in(kPushAgain, [this, submission, attempt, answered] {
    if (!*answered) try_push(submission, attempt + 1);
  });
}

// --- operators ---

void World::operate_soon() {
  parts_.agenda.in(pace_ * parts_.chance.between(Millis(500), Millis(9'000)), [this] {
    if (calm_) return;
    operate();
    operate_soon();
  });
}

void World::operate() {
  const auto which = parts_.chance.in(0.5) ? v1::QUEUE_RELAY : v1::QUEUE_NOTIFIER;
  const auto luck = parts_.chance.uniform();
  if (luck < 0.25) {
    gateway_->operate([which](Dispatcher& dispatcher, Journal&) { dispatcher.pause(which); });
    parts_.agenda.in(parts_.chance.between(Millis(200), Millis(6'000)), [this, which] {
      gateway_->operate([which](Dispatcher& dispatcher, Journal&) { dispatcher.resume(which); });
    });
    return;
  }
  gateway_->operate([this, which, luck](Dispatcher& dispatcher, Journal& journal) {
    if (luck < 0.6) {
      replay_one(dispatcher, journal, which);
    } else if (luck < 0.8) {
      replay_all(dispatcher, journal, which);
    } else {
      drop_one(dispatcher, journal, which);
    }
  });
}

std::optional<EventId> World::any_in(Journal& journal, v1::Queue which,
                                     std::initializer_list<queue::State> states) {
  std::vector<EventId> found;
  for (const auto state : states) {
    for (const auto& stored : journal.list(which, state, 20)) found.push_back(EventId{stored.event.id()});
  }
  if (found.empty()) return std::nullopt;
  return parts_.chance.of(found);
}

void World::replay_one(Dispatcher& dispatcher, Journal& journal, v1::Queue which) {
  const auto event = any_in(
      journal, which, {queue::State::dead, queue::State::parked, queue::State::waiting, queue::State::done});
  if (!event) return;
  parts_.note([&] { return "an operator replays event " + std::to_string(event->value); });
  if (dispatcher.replay(*event, parts_.now())) parts_.ledger.replayed(*event);
}

void World::replay_all(Dispatcher& dispatcher, Journal& journal, v1::Queue which) {
  parts_.note([&] { return "an operator replays all"; });
  for (const auto event : journal.dead(which)) parts_.ledger.replayed(event);
  dispatcher.replay_all(which, parts_.now());
}

void World::drop_one(Dispatcher& dispatcher, Journal& journal, v1::Queue which) {
  const auto event = any_in(
      journal, which, {queue::State::dead, queue::State::parked, queue::State::waiting, queue::State::ready});
  if (!event) return;
  parts_.note([&] { return "an operator drops event " + std::to_string(event->value); });
  if (dispatcher.drop(*event, parts_.now())) parts_.ledger.dropped(*event);
}

// --- fate ---

void World::disturb_soon() {
  parts_.agenda.in(pace_ * parts_.chance.between(Millis(100), Millis(2'500)), [this] {
    if (calm_) return;
    disturb();
    disturb_soon();
  });
}

void World::disturb() {
  auto& chance = parts_.chance;
  bury_the_dead();
  const auto luck = chance.uniform();
  if (luck < 0.07) return kill_gateway();
  if (luck < 0.09) return gateway_->break_disk(parts_.now() + chance.between(Millis(100), Millis(6'000)));
  if (luck < 0.13) return gateway_->slow_disk(parts_.now() + chance.between(Millis(1'000), Millis(8'000)));
  if (luck < 0.17) return clouds_.im.remove(chance.of(customers_));
  if (luck < 0.19) return clouds_.wechat.revoke();
  disturb_worker();
}

void World::kill_gateway() {
  using enum CrashPoint;
  const auto at =
      parts_.chance.of(std::vector{between_turns, before_commit, after_commit, amid_answers, amid_handouts});
  if (!gateway_->up()) return;
  gateway_->crash_in_next_turn(at);
  // Whatever point it was to be: by then it is dead.
  parts_.agenda.in(Millis(1'500), [this] { gateway_->crash(); });
  const auto away = parts_.chance.in(0.2) ? parts_.chance.between(Millis(9'000), Millis(20'000))
                                          : parts_.chance.between(Millis(100), Millis(4'000));
  parts_.agenda.in(Millis(1'500) + away, [this] { start_gateway(); });
}

void World::start_gateway() {
  if (gateway_->up()) return;
  for (auto& worker : workers_) worker.link->close();
  gateway_->start();
  for (auto& worker : workers_) connect_soon(worker.host, *worker.link);
}

void World::connect_soon(const std::shared_ptr<WorkerHost>& host, Link& link) {
  parts_.agenda.in(parts_.chance.between(Millis(0), Millis(1'500)), [host, &link] {
    if (host->alive() && !link.open()) link.connect();
  });
}

World::Worker* World::any_worker() {
  if (workers_.empty()) return nullptr;
  return &workers_[static_cast<std::size_t>(
      parts_.chance.pick(0, static_cast<std::int64_t>(workers_.size()) - 1))];
}

void World::disturb_worker() {
  auto& chance = parts_.chance;
  auto* worker = any_worker();
  if (!worker) return;
  auto& host = *worker->host;
  auto& link = *worker->link;
  const auto which = host.queue();
  const auto back_in = chance.between(Millis(100), Millis(4'000));
  const auto luck = chance.uniform();
  if (luck < 0.2) {
    if (chance.in(0.5)) {
      host.dies_in_next_call();
    } else {
      host.kill();
    }
    if (workers_.size() < kWorkersMost) parts_.agenda.in(back_in, [this, which] { hire(which); });
  } else if (luck < 0.35) {
    host.leave();
    parts_.agenda.in(back_in, [this, which] { hire(which); });
  } else if (luck < 0.4 && workers_.size() < kWorkersMost) {
    hire(which);
  } else if (luck < 0.6) {
    host.freeze(parts_.now() + (chance.in(0.7) ? chance.between(Millis(100), Millis(3'000))
                                               : chance.between(Millis(3'000), Millis(15'000))));
  } else if (luck < 0.75) {
    link.stall(parts_.now() + chance.between(Millis(100), Millis(2'900)));
  } else {
    ++parts_.ledger.figures.cuts;
    parts_.note([&] { return "the link of " + host.id().value + " is cut"; });
    link.cut();
    const auto mends = chance.in(0.7) ? chance.between(Millis(500), Millis(4'000))
                                      : chance.between(Millis(4'000), Millis(25'000));
    // Heartbeats tell both sides after 3 s.
    parts_.agenda.in(std::min(mends, Millis(3'000)), [&link] { link.close(); });
    parts_.agenda.in(mends, [this, host = worker->host, &link] {
      if (gateway_->up()) connect_soon(host, link);
    });
  }
}

void World::bury_the_dead() {
  for (auto& worker : workers_) {
    if (worker.host->alive()) continue;
    worker.link->close();
    old_links_.push_back(std::move(worker.link));
  }
  std::erase_if(workers_, [](const auto& worker) { return !worker.link; });
}

void World::hire(v1::Queue which) {
  const auto wanted = which == v1::QUEUE_RELAY ? "relay-" : "notifier-";
  const WorkerId id(wanted + std::to_string(++hired_));
  auto link = std::make_unique<Link>(
      parts_, id.value,
      [this](const std::string& route, const v1::FromWorker& message) { gateway_->receive(route, message); },
      [this, id](const v1::ToWorker& message) {
        for (const auto& worker : workers_) {
          if (worker.host->id() == id) worker.host->receive(message);
        }
      });
  if (calm_) link->calm();
  auto host = std::make_shared<WorkerHost>(
      parts_, clouds_, metrics_, which, id, static_cast<std::uint32_t>(parts_.chance.pick(1, 4)),
      [at = link.get()](v1::FromWorker message) { return at->up(std::move(message)); });
  if (gateway_->up()) link->connect();
  workers_.push_back({std::move(link), host});
  host->begin();
}

bool World::send(const std::string& route, const v1::ToWorker& message) {
  for (auto& worker : workers_) {
    if (worker.link->route() == route) return worker.host->alive() && worker.link->down(message);
  }
  return false;
}

// --- the end ---

void World::calm_down() {
  calm_ = true;
  give_up_at_ = parts_.now() + kAllMustEndWithin;
  parts_.note([] { return "all is calm from here"; });
  clouds_.im_weather.calm();
  clouds_.wechat_weather.calm();
  gateway_->break_disk(parts_.now());
  gateway_->slow_disk(parts_.now());
  bury_the_dead();
  // Later than anything that was still to happen.
  parts_.agenda.in(Millis(30'000), [this] {
    start_gateway();
    bury_the_dead();
    for (const auto which : {v1::QUEUE_RELAY, v1::QUEUE_NOTIFIER}) {
      gateway_->operate([which](Dispatcher& dispatcher, Journal&) { dispatcher.resume(which); });
      hire(which);
    }
    for (auto& worker : workers_) {
      worker.link->calm();
      if (!worker.link->open()) worker.link->connect();
    }
    comfort_customers();
  });
}

bool World::over() {
  return calm_ && parts_.now() > chaos_ends_ + kLastEffects && parts_.ledger.unfinished().empty();
}

// Those whose replies are parked write again, as long as there are any; or nobody does until the reply window
// has ended.
void World::comfort_customers() {
  std::set<std::string> waiting;
  if (auto* journal = gateway_->journal()) {
    for (const auto& stored : journal->list(v1::QUEUE_NOTIFIER, queue::State::parked, 100))
      waiting.insert(stored.event.customer());
  }
  if (waiting.empty() || !nobody_writes_again_) {
    for (const auto& customer : waiting) customer_writes(customer);
  } else if (parts_.now() > chaos_ends_ + kLastEffects * 10) {
    nobody_writes_again_ = false;
    parts_.note([] { return "nothing happens for two days"; });
    parts_.agenda.sleep(kReplyWindow);
    give_up_at_ = parts_.now() + kAllMustEndWithin;
  }
  parts_.agenda.in(Millis(10'000), [this] { comfort_customers(); });
}

void World::check_end() {
  auto* journal = gateway_->journal();
  if (!journal) return parts_.ledger.complain("the gateway does not run though all is calm");
  parts_.ledger.close(*journal);
}

}  // namespace kefu::simulation
