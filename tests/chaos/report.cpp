#include "tests/chaos/report.h"

#include <sys/utsname.h>
#include <unistd.h>

#include <array>
#include <ctime>
#include <fstream>
#include <sstream>
#include <thread>

namespace kefu::chaos {
namespace {

std::string processor() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
  }
  return "unknown processor";
}

std::string machine() {
  utsname system{};
  ::uname(&system);
  const auto gib = static_cast<double>(::sysconf(_SC_PHYS_PAGES)) *
                   static_cast<double>(::sysconf(_SC_PAGE_SIZE)) / (1 << 30);
  std::ostringstream out;
  out.precision(3);
  out << std::thread::hardware_concurrency() << " cores (" << processor() << "), " << gib << " GiB, Linux "
      << system.release << ", shared with the run's own clouds and senders";
  return out.str();
}

class Page {
 public:
  Page() { text_.precision(1), text_ << std::fixed; }

  void line(const std::string& text) { text_ << text << "\n"; }
  void head(const std::string& left, const std::string& right) {
    text_ << "\n| " << left << " | " << right << " |\n|---|---|\n";
  }
  template <class Value>
  void row(const std::string& what, const Value& value) {
    text_ << "| " << what << " | " << value << " |\n";
  }
  void rows(const std::map<std::string, std::uint64_t>& all) {
    for (const auto& [what, count] : all) row(what, count);
  }
  std::string text() const { return text_.str(); }

 private:
  std::ostringstream text_;
};

std::string seconds_of(Moment milliseconds) {
  std::ostringstream out;
  out.precision(1);
  out << std::fixed << static_cast<double>(milliseconds) / 1000 << " s";
  return out.str();
}

void put_figures(Page& page, const Run& run) {
  const auto& traffic = run.traffic;
  const auto& verdict = run.verdict;
  page.head("figure", "value");
  page.row("asked for, messages/s", run.rate);
  page.row("offered in the storm, messages/s", static_cast<double>(run.offered_in_storm) / run.seconds);
  page.row("answered 200 during the storm, messages/s",
           static_cast<double>(run.accepted_in_storm) / run.seconds);
  page.row("offered in all", traffic.offered);
  page.row("answered 200 in all", traffic.accepted);
  page.row("given up by the sender after 4 attempts without a 200", traffic.abandoned);
  page.row("most that waited at their senders", traffic.most_waiting);
  page.row("HTTP pushes made, repeats among them", traffic.attempts);
  page.row("repeated on purpose (twins at the same instant, repeats after their 200)", traffic.repeats);
  page.row("answered 503", traffic.refused_503);
  page.row("not answered within 5 s, or no connection", traffic.no_answer);
  for (const auto& [status, count] : traffic.odd_answers)
    page.row("answered " + std::to_string(status), count);
  page.row("messages answered 200 that must arrive", verdict.answered - verdict.refused - verdict.doubtful);
  page.row("… arrived", verdict.arrived);
  page.row("… refused by a cloud for good, on order", verdict.refused);
  page.row("… given up after unknown outcomes, and told so", verdict.doubtful);
  page.row("**lost**", verdict.lost);
  page.row("**reordered**", verdict.reordered);
  page.row("**doubled on IM, as the agent sees it**", verdict.doubled_at_agent);
  page.row("repeats that IM dropped", run.clouds.repeats_dropped);
  page.row("doubled at WeChat, which drops no repeats", verdict.doubled_at_customer);
  page.row("**… of those without a reason** (outcome known, worker and gateway unhurt)",
           verdict.doubled_without_reason);
  page.row("follows answered 200", run.follows);
  page.row("**… never imported**", run.never_imported);
  page.row("longest from a 200 to the arrival", seconds_of(verdict.worst_delay));
  page.row("until the queues were empty after the storm, s", run.drain_seconds);
  page.row("memory of the gateway at the end, MiB", static_cast<double>(run.gateway_memory_kib) / 1024);
  page.row("… at most, as seen every second, MiB", static_cast<double>(run.gateway_memory_most_kib) / 1024);
  page.row("notices to agents", run.clouds.notices);
}

void put_list(Page& page, const std::string& title, const std::vector<std::string>& lines) {
  if (lines.empty()) return;
  page.line("\n## " + title + "\n");
  for (const auto& line : lines) page.line("```\n" + line + "\n```");
}

}  // namespace

std::string utc_now() {
  const auto now = std::time(nullptr);
  std::array<char, 32> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M UTC", std::gmtime(&now));
  return text.data();
}

std::string markdown(const Run& run) {
  Page page;
  page.line(std::string("# Chaos run: ") + (run.good() ? "passed" : "FAILED"));
  std::ostringstream how;
  how.precision(1);
  how << std::fixed;
  how << "\n"
      << run.started << ", Kefu Bridge " << KEFU_VERSION << ", seed " << run.seed << ", " << run.seconds / 60
      << " minutes of storm, " << run.customers << " customers.\nMachine: " << machine() << ".";
  page.line(how.str());
  put_figures(page, run);
  page.head("done to the processes", "times");
  page.rows(run.deeds);
  page.head("trouble of the clouds (" + std::to_string(run.spells) + " spells)", "calls");
  page.rows(run.clouds.troubles);
  if (run.outage > 0) page.row("IM down for longer than it drops repeats", seconds_of(run.outage));
  page.head("calls to the clouds", "times");
  page.rows(run.clouds.calls);
  page.row("not understood", run.clouds.malformed);
  page.head("dead events, by reason", "events");
  page.rows(run.dead);
  put_list(page, "Examples of what is wrong", run.verdict.examples);
  put_list(page, "Complaints", run.complaints);
  return page.text();
}

}  // namespace kefu::chaos
