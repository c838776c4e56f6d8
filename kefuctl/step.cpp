#include "kefuctl/step.h"

#include <algorithm>
#include <array>
#include <utility>

#include "kefu/v1/event.pb.h"
#include "kefuctl/fields.h"
#include "kefuctl/printable.h"
#include "kefuctl/table.h"
#include "lib/base/ascii.h"

namespace kefu::ctl {
namespace {

using nlohmann::json;

bool is_or_empty(const std::string& wanted, const json& object, const char* key) {
  return wanted.empty() || cell(object, key) == wanted;
}

}  // namespace

std::string render_step(std::string_view step) {
  const json parsed = parse(step);
  if (!parsed.is_object()) return printable(step);
  std::string line = time_cell(parsed, "at");
  // Widths of the longest queue, step and type, so that lines stand in columns without knowing the next one.
  constexpr std::array<std::pair<const char*, std::size_t>, 4> kColumns{
      {{"queue", 8}, {"step", 9}, {"type", 16}, {"id", 8}}};
  for (const auto& [key, width] : kColumns) {
    std::string text = cell(parsed, key);
    if (text.size() < width) text.resize(width, ' ');
    line += "  " + text;
  }
  line += "  " + cell(parsed, "customer");
  const std::string attempt = cell(parsed, "attempt");
  if (attempt != "-" && attempt != "0" && attempt != "1") line += "  attempt " + attempt;
  if (const std::string worker = cell(parsed, "worker"); worker != "-") line += "  " + worker;
  if (cell(parsed, "unsure") == "true") line += "  may have been delivered";
  if (const std::string error = cell(parsed, "error"); error != "-") line += "  " + error;
  if (const std::string text = cell(parsed, "text"); text != "-") line += "  \"" + text + "\"";
  return line;
}

std::string with_content(std::string_view step, std::string_view event) {
  json told = parse(step);
  v1::Event decoded;
  if (!told.is_object() || !decoded.ParseFromArray(event.data(), static_cast<int>(event.size())))
    return std::string(step);
  if (!decoded.source_id().empty()) told["source_id"] = decoded.source_id();
  if (decoded.has_customer_message()) told["text"] = decoded.customer_message().text();
  if (decoded.has_agent_message()) {
    told["text"] = decoded.agent_message().text();
    told["agent"] = decoded.agent_message().agent();
  }
  if (!decoded.follow().scene().empty()) told["scene"] = decoded.follow().scene();
  return told.dump(-1, ' ', false, json::error_handler_t::replace);
}

bool StepFilter::lets_pass(std::string_view step_json) const {
  const json parsed = parse(step_json);
  const bool has_error = error.empty() ||
                         lower_ascii(cell(parsed, "error")).find(lower_ascii(error)) != std::string::npos ||
                         cell(parsed, "code") == error;
  return has_error && is_or_empty(queue, parsed, "queue") && is_or_empty(step, parsed, "step") &&
         is_or_empty(type, parsed, "type") && is_or_empty(customer, parsed, "customer");
}

std::string StepFilter::topic() const {
  if (queue.empty()) return "";
  if (step.empty()) return queue + ".";
  return queue + "." + step + "." + customer;
}

MissedSteps::MissedSteps(const StepFilter& filter)
    : number_(filter.queue.empty()      ? "seq"
              : filter.step.empty()     ? "queue_seq"
              : filter.customer.empty() ? "step_seq"
                                        : "") {}

std::uint64_t MissedSteps::before(std::string_view step_json) {
  const json parsed = parse(step_json);
  const auto now = static_cast<std::uint64_t>(std::max<std::int64_t>(number(parsed, number_), 0));
  if (now == 0) return 0;
  const bool goes_on = last_ != 0 && now > last_;
  const std::uint64_t missed = goes_on ? now - last_ - 1 : 0;
  last_ = now;
  return missed;
}

}  // namespace kefu::ctl
