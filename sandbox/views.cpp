#include "sandbox/views.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace kefu::sandbox {

using nlohmann::json;

json view_of(const Seen& seen) {
  json view = {{"at", seen.at.ms}, {"kind", name(seen.kind)}, {"type", seen.type}, {"text", seen.text}};
  if (!seen.content.empty()) view["content"] = json::parse(seen.content);
  return view;
}

json view_of(const Customer& customer, Timestamp now) {
  const Window& window = customer.window;
  const bool running = window.opened && now < window.until;
  return {{"id", customer.id.value},
          {"number", customer.number},
          {"nick", customer.nick},
          {"following", customer.following},
          {"window",
           {{"open", window.open(now)},
            {"replies_left", running ? std::max(window.left, 0) : 0},
            {"until", window.opened ? window.until.ms : 0},
            {"ms_left", running ? (window.until - now).count() : 0}}}};
}

json view_with_seen(const Customer& customer, Timestamp now) {
  json view = view_of(customer, now);
  json seen = json::array();
  for (const auto& item : customer.seen) seen.push_back(view_of(item));
  view["seen"] = std::move(seen);
  return view;
}

json view_of(const ImAccount& account) {
  return {
      {"id", account.id}, {"nick", account.nick}, {"deleted", account.deleted}, {"online", account.online}};
}

json view_of(const ImMessage& message) {
  return {{"from", message.from},
          {"to", message.to},
          {"text", message.text},
          {"at", message.at.ms},
          {"msg_key", message.msg_key},
          {"msg_seq", message.msg_seq},
          {"msg_random", message.msg_random},
          {"recalled", message.recalled},
          {"edited", message.edited},
          {"elements", json::parse(message.body)}};
}

json view_of_agent(const ImCloud& im, const std::string& agent) {
  json conversations = json::object();
  for (const auto& [pair, messages] : im.conversations()) {
    if (pair.first != agent && pair.second != agent) continue;
    json& list = conversations[pair.first == agent ? pair.second : pair.first] = json::array();
    for (const auto& message : messages) {
      const bool hidden = message.hidden_from_sender && message.from == agent;
      if (!hidden) list.push_back(view_of(message));
    }
  }
  return {{"id", agent}, {"conversations", std::move(conversations)}};
}

}  // namespace kefu::sandbox
