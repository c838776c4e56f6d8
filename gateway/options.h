// From the settings of contract §3 to what each part of the gateway takes.
#pragma once

#include <string>
#include <vector>

#include "gateway/queue_loop.h"
#include "gateway/web/im_webhook.h"
#include "gateway/web/wechat_webhook.h"
#include "lib/base/settings.h"

namespace kefu {

// What only the gateway can judge; adds a line for each problem.
void check_gateway_settings(const Settings& settings, std::vector<std::string>& problems);

QueueLoopOptions queue_loop_options(const Settings& settings);
WeChatWebhookOptions wechat_webhook_options(const Settings& settings);
ImWebhookOptions im_webhook_options(const Settings& settings);

}  // namespace kefu
