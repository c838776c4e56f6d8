// Both clouds of a run over HTTP: light enough for thousands of calls a second, in trouble as the weather has
// it, and telling the ledger what the two sides see. Thread-safe.
//
// Each worker calls a base URL of its own, so that every call tells which process made it.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>

#include "lib/http/server.h"
#include "tests/chaos/im_cloud.h"
#include "tests/chaos/ledger.h"
#include "tests/chaos/weather.h"

namespace kefu::chaos {

std::string openid_of(std::uint32_t customer);
std::optional<std::uint32_t> customer_in(std::string_view openid);

class Clouds {
 public:
  Clouds(Ledger& ledger, Weather& weather, std::uint32_t customers);
  ~Clouds();
  Clouds(const Clouds&) = delete;
  Clouds& operator=(const Clouds&) = delete;

  std::string url_for(std::uint32_t worker) const;

  // A customer who writes opens their reply window.
  void customer_wrote(std::uint32_t customer);
  std::vector<std::uint32_t> closed() const;  // whose window is not open
  bool was_imported(std::uint32_t customer) const;

  struct Figures {
    std::map<std::string, std::uint64_t> calls{};     // by API
    std::map<std::string, std::uint64_t> troubles{};  // by cloud and kind
    std::uint64_t repeats_dropped = 0;                // by IM's de-duplication
    std::uint64_t notices = 0;                        // told to agents by the gateway itself
    std::uint64_t malformed = 0;                      // calls that no cloud would understand
  };
  Figures figures() const;

 private:
  // A call on its way through.
  struct Call {
    Cloud cloud = Cloud::im;
    std::string api;
    std::uint32_t worker = 0;
    Trouble trouble = Trouble::none;
    const http::Request* request = nullptr;
    nlohmann::json body{};
  };

  http::Response serve(const http::Request& request);
  http::Response answer(Call& call);
  http::Response failed(const Call& call, std::int64_t im_code, std::int64_t wechat_code);
  nlohmann::json act(const Call& call);
  nlohmann::json send_to_agent(const Call& call);
  nlohmann::json send_to_customer(const Call& call);
  http::Response refuse(const Call& call);
  http::Response forget(const Call& call);
  http::Response close(const Call& call);
  http::Response spoil_credentials(const Call& call);
  void hang(Moment time);
  bool signed_in(const Call& call) const;

  Ledger& ledger_;
  Weather& weather_;
  const std::uint32_t customers_;

  mutable std::mutex mutex_;  // guards all below but the server
  std::condition_variable released_;
  bool stopping_ = false;
  ImCloud im_;
  std::uint64_t token_ = 1;
  std::unordered_set<std::uint32_t> closed_;
  Figures figures_;

  int port_ = 0;
  std::unique_ptr<http::Server> server_;
};

}  // namespace kefu::chaos
