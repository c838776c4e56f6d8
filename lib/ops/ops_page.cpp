#include "lib/ops/ops_page.h"

#include <utility>

#include "lib/http/server.h"

namespace kefu::ops {
namespace {

constexpr auto kMetricsType = "text/plain; version=0.0.4; charset=utf-8";

// Small: it is asked every few seconds.
http::ServerOptions options_for(std::string listen) {
  http::ServerOptions options;
  options.listen = std::move(listen);
  options.threads = 2;
  options.threads_max = 8;
  options.body_bytes_max = 0;
  return options;
}

http::Response answer_readiness(const Readiness& readiness) {
  if (readiness.missing.empty()) return {200, "ready\n"};
  std::string lines;
  for (const auto& line : readiness.missing) lines += line + "\n";
  return {503, lines};
}

}  // namespace

struct OpsPage::Impl {
  Impl(std::string listen, Metrics& given_metrics, std::function<Readiness()> given_readiness,
       std::function<void()> given_before_metrics)
      : off(listen == "off"),
        metrics(given_metrics),
        readiness(std::move(given_readiness)),
        before_metrics(std::move(given_before_metrics)),
        server(options_for(std::move(listen))) {
    server.get("/healthz", [](const http::Request&) { return http::Response{200, "ok\n"}; });
    server.get("/readyz", [this](const http::Request&) { return answer_readiness(readiness()); });
    server.get("/metrics", [this](const http::Request&) {
      if (before_metrics) before_metrics();
      return http::Response{200, metrics.text(), kMetricsType};
    });
  }

  const bool off;
  Metrics& metrics;
  const std::function<Readiness()> readiness;
  const std::function<void()> before_metrics;
  http::Server server;
};

OpsPage::OpsPage(std::string listen, Metrics& metrics, std::function<Readiness()> readiness,
                 std::function<void()> before_metrics)
    : impl_(std::make_unique<Impl>(std::move(listen), metrics, std::move(readiness),
                                   std::move(before_metrics))) {}

OpsPage::~OpsPage() = default;

Result<int> OpsPage::start() {
  if (impl_->off) return 0;
  return impl_->server.start();
}

void OpsPage::stop() {
  impl_->server.stop();
}

}  // namespace kefu::ops
