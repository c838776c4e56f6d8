// The private HTTP page of every program: /healthz, /readyz, /metrics (contract §3, KEFU_OPS_LISTEN). Metrics
// over prometheus-cpp.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/result.h"

namespace kefu::ops {

using Labels = std::map<std::string, std::string>;

// Named once, used from any thread. Names follow Prometheus: kefu_accepted_total, kefu_cloud_call_seconds.
class Metrics {
 public:
  Metrics();
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  class Counter;
  class Gauge;
  class Histogram;

  // The same name and labels give the same object; it lives as long as the Metrics. Look it up once where it
  // is hot.
  Counter& counter(const std::string& name, const std::string& help, const Labels& labels = {});
  Gauge& gauge(const std::string& name, const std::string& help, const Labels& labels = {});
  // Buckets fit calls and waits from 1 ms to 60 s.
  Histogram& histogram(const std::string& name, const std::string& help, const Labels& labels = {});

  std::string text() const;  // Prometheus text format 0.0.4

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

class Metrics::Counter {
 public:
  virtual ~Counter() = default;
  virtual void add(double by = 1) = 0;
};
class Metrics::Gauge {
 public:
  virtual ~Gauge() = default;
  virtual void set(double value) = 0;
};
class Metrics::Histogram {
 public:
  virtual ~Histogram() = default;
  virtual void observe(double seconds) = 0;
};

// Ready, or why not (one line a reason, for people).
struct Readiness {
  std::vector<std::string> missing;
};

class OpsPage {
 public:
  // `readiness` and `before_metrics` are called on the page's threads.
  OpsPage(std::string listen, Metrics& metrics, std::function<Readiness()> readiness,
          std::function<void()> before_metrics = {});
  ~OpsPage();

  // "off" listens nowhere and succeeds with port 0.
  Result<int> start();
  void stop();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace kefu::ops
