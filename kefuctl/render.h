// The gateway's JSON answers as tables and lines for people (contract §7). Pure. What an answer leaves
// out shows as "-"; what is no JSON at all is returned as it is. Nothing that is returned steers a terminal
// (printable.h).
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace kefu::ctl {

std::string render_queues(std::string_view answer);
std::string render_events(std::string_view answer);      // of "list"
std::string render_pretty(std::string_view answer);      // of "show": indented JSON
std::string render_trace(std::string_view answer);       // of "trace": each event and its way, hop by hop
std::string render_customer(std::string_view answer);    // of "customer"
std::string render_agents(std::string_view answer);      // of "agents"
std::string render_jobs(std::string_view answer);        // of "jobs"
std::string render_quarantine(std::string_view answer);  // of "quarantine"
std::string render_submitted(std::string_view answer);   // of "quarantine_submit"
std::string render_count(std::string_view answer, std::string_view what_happened);  // "3 events replayed"

// Parts of the above, of one queue and of the whole answer to "queues".
std::string state_cell(const nlohmann::json& queue);     // "running", "no worker", or what holds it back
std::string state_word(const nlohmann::json& queue);     // the same without the reason, at most 9 columns
std::string render_rates(const nlohmann::json& answer);  // "rates: im_send 140 of 200/s"; empty without any
std::string render_workers(const nlohmann::json& answer);

}  // namespace kefu::ctl
