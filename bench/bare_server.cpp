// What the gateway is compared with in bench/run: the HTTP library alone. Answers POST / with `success` once
// the body is read, and keeps nothing. Usage: kefu-bench-bare PORT
#include <httplib.h>
#include <sys/socket.h>

#include <cstdio>
#include <cstdlib>

namespace {

// As many threads as there are connections, no Nagle, and a backlog that takes as many as come at once:
// without these the comparison would flatter us.
void set_up(httplib::Server& server) {
  server.new_task_queue = [] { return new httplib::ThreadPool(64); };
  server.set_tcp_nodelay(true);
  server.set_keep_alive_max_count(1'000'000'000);
  server.Get("/healthz",
             [](const httplib::Request&, httplib::Response& to) { to.set_content("ok", "text/plain"); });
  server.Post(
      "/", [](const httplib::Request&, httplib::Response& to) { to.set_content("success", "text/plain"); });
}

bool serve(httplib::Server& server, int port) {
  constexpr int kBacklog = 511;  // the library's own is 5
  int listening = -1;
  server.set_socket_options([&listening](int socket) { listening = socket; });
  return server.bind_to_port("127.0.0.1", port) && ::listen(listening, kBacklog) == 0 &&
         server.listen_after_bind();
}

}  // namespace

int main(int argc, char** argv) {
  const int port = argc == 2 ? std::atoi(argv[1]) : 0;
  if (port < 1 || port > 65535) {
    std::fputs("usage: kefu-bench-bare PORT\n", stderr);
    return 2;
  }
  httplib::Server server;
  set_up(server);
  if (serve(server, port)) return 0;
  std::fprintf(stderr, "cannot listen on 127.0.0.1:%d\n", port);
  return 1;
}
