#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>
#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <sstream>
#include <utility>

#include "lib/base/clock.h"
#include "lib/ops/ops_page.h"

namespace kefu::ops {
namespace {

class PrometheusCounter : public Metrics::Counter {
 public:
  explicit PrometheusCounter(prometheus::Counter& counter) : counter_(counter) {}
  void add(double by) override { counter_.Increment(by); }

 private:
  prometheus::Counter& counter_;
};

class PrometheusGauge : public Metrics::Gauge {
 public:
  explicit PrometheusGauge(prometheus::Gauge& gauge) : gauge_(gauge) {}
  void set(double value) override { gauge_.Set(value); }

 private:
  prometheus::Gauge& gauge_;
};

class PrometheusHistogram : public Metrics::Histogram {
 public:
  explicit PrometheusHistogram(prometheus::Histogram& histogram) : histogram_(histogram) {}
  void observe(double seconds) override { histogram_.Observe(seconds); }

 private:
  prometheus::Histogram& histogram_;
};

const prometheus::Histogram::BucketBoundaries& seconds_from_1_ms_to_60_s() {
  static const prometheus::Histogram::BucketBoundaries bounds = {
      0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60};
  return bounds;
}

// 0 when the system does not tell.
double resident_bytes() {
  std::ifstream file("/proc/self/statm");
  double total_pages = 0;
  double resident_pages = 0;
  file >> total_pages >> resident_pages;
  return resident_pages * static_cast<double>(sysconf(_SC_PAGESIZE));
}

double open_descriptors() {
  std::error_code failure;
  std::filesystem::directory_iterator entries("/proc/self/fd", failure);
  const auto count = failure ? 1 : std::distance(begin(entries), end(entries));
  return static_cast<double>(count - 1);  // one is the listing's own
}

}  // namespace

struct Metrics::Impl {
  using Key = std::pair<std::string, Labels>;

  prometheus::Registry registry;
  std::mutex mutex;  // guards what is below
  std::map<Key, std::unique_ptr<Counter>> counters;
  std::map<Key, std::unique_ptr<Gauge>> gauges;
  std::map<Key, std::unique_ptr<Histogram>> histograms;

  // Constant after construction.
  Gauge* resident = nullptr;
  Gauge* descriptors = nullptr;
};

Metrics::Metrics() : impl_(std::make_unique<Impl>()) {
  impl_->resident = &gauge("process_resident_memory_bytes", "Resident memory");
  impl_->descriptors = &gauge("process_open_fds", "Open file descriptors");
  gauge("process_start_time_seconds", "Start of the process, Unix seconds")
      .set(static_cast<double>(wall_now().ms) / 1000);
}

Metrics::~Metrics() = default;

Metrics::Counter& Metrics::counter(const std::string& name, const std::string& help, const Labels& labels) {
  const std::lock_guard lock(impl_->mutex);
  auto& made = impl_->counters[{name, labels}];
  if (!made) {
    auto& family = prometheus::BuildCounter().Name(name).Help(help).Register(impl_->registry);
    made = std::make_unique<PrometheusCounter>(family.Add(labels));
  }
  return *made;
}

Metrics::Gauge& Metrics::gauge(const std::string& name, const std::string& help, const Labels& labels) {
  const std::lock_guard lock(impl_->mutex);
  auto& made = impl_->gauges[{name, labels}];
  if (!made) {
    auto& family = prometheus::BuildGauge().Name(name).Help(help).Register(impl_->registry);
    made = std::make_unique<PrometheusGauge>(family.Add(labels));
  }
  return *made;
}

Metrics::Histogram& Metrics::histogram(const std::string& name, const std::string& help,
                                       const Labels& labels) {
  const std::lock_guard lock(impl_->mutex);
  auto& made = impl_->histograms[{name, labels}];
  if (!made) {
    auto& family = prometheus::BuildHistogram().Name(name).Help(help).Register(impl_->registry);
    made = std::make_unique<PrometheusHistogram>(family.Add(labels, seconds_from_1_ms_to_60_s()));
  }
  return *made;
}

std::string Metrics::text() const {
  impl_->resident->set(resident_bytes());
  impl_->descriptors->set(open_descriptors());
  std::ostringstream out;
  prometheus::TextSerializer().Serialize(out, impl_->registry.Collect());
  return out.str();
}

}  // namespace kefu::ops
