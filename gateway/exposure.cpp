#include "gateway/exposure.h"

#include <array>

namespace kefu {
namespace {

constexpr std::array kDoors{
    Exposure{
        "KEFU_OPS_LISTEN",
        "the ops page asks nobody who they are and can be reached from other machines: bind it to 127.0.0.1, "
        "or keep its port on a private network"},
    Exposure{"KEFU_QUEUE_LISTEN",
             "whoever reaches the queue's port gets customers' messages as a worker: bind it to 127.0.0.1, "
             "or keep "
             "its port on a private network"},
    Exposure{"KEFU_TAP_LISTEN",
             "whoever reaches the tap's port reads customers' messages: bind it to 127.0.0.1, set it to off, "
             "or keep "
             "its port on a private network"},
    Exposure{"KEFU_ADMIN_LISTEN",
             "whoever reaches the admin port reads, repeats and drops customers' messages: bind it to "
             "127.0.0.1, or "
             "keep its port on a private network"},
};
constexpr Exposure kPlain{
    "WECHAT_AES_KEY",
    "it is not set: pushes come in plain mode, in which no signature covers what a customer says; set the "
    "EncodingAESKey here and safe mode in the WeChat console"};
constexpr Exposure kUnsigned{
    "IM_CALLBACK_INSECURE",
    "callbacks are taken from anybody, who can thereby write to customers in an agent's name; set "
    "IM_CALLBACK_TOKEN, here and in the console of Tencent IM, and take this setting out"};

}  // namespace

bool is_local(std::string_view address) {
  if (address.empty() || address == "off") return true;
  if (address.starts_with("ipc://") || address.starts_with("inproc://")) return true;
  if (address.starts_with("tcp://")) address.remove_prefix(6);
  const auto host = address.substr(0, address.rfind(':'));
  return host.starts_with("127.") || host == "localhost" || host == "[::1]" || host == "::1";
}

std::vector<Exposure> exposures(const Settings& settings) {
  std::vector<Exposure> found;
  for (const auto& door : kDoors) {
    if (!is_local(settings.text(door.setting))) found.push_back(door);
  }
  if (!settings.has("WECHAT_AES_KEY")) found.push_back(kPlain);
  if (!settings.has("IM_CALLBACK_TOKEN")) found.push_back(kUnsigned);
  return found;
}

}  // namespace kefu
