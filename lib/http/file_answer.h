// Answers whose body is a file, or a part of one (RFC 9110 §14).
#pragma once

#include "lib/http/answer.h"
#include "lib/http/connection.h"
#include "lib/http/head.h"
#include "lib/http/server.h"

namespace kefu::http {

// Sends the file, or the range that the head asks for; 404 when it cannot be opened, 416 when there is no
// such range. False: it was not sent whole. REQUIRES: a file in the answer.
bool send_file(Connection& connection, const Head& head, const Response& answer, const KeepAlive& keep_alive);

}  // namespace kefu::http
