// How a customer's message looks to the agent (reference: IM §3.11). Pure.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "kefu/v1/event.pb.h"
#include "lib/media/store.h"
#include "relay/customer_media.h"

namespace kefu::relay {

using Elements = std::vector<v1::Element>;  // of one message

// Where the agent finds an object.
using UrlOf = std::function<std::string(const media::Object&)>;

// One message or, of a long text, several. Location, link, file and mini-program as far as IM can show them,
// everything else as its text. Empty: it says nothing.
std::vector<Elements> composed(const v1::CustomerMessage& message);
// Of one whose media were asked for. REQUIRES: not not_now.
std::vector<Elements> composed(const v1::CustomerMessage& message, const CustomerMediaAnswer& media,
                               const UrlOf& url_of);

}  // namespace kefu::relay
