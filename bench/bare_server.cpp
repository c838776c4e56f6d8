// The baseline of bench/run: the HTTP library alone. Answers POST / with `success` once the body is read, and
// keeps nothing. Usage: kefu-bench-bare PORT
#include <httplib.h>

#include <cstdio>
#include <cstdlib>

int main(int argc, char** argv) {
  const int port = argc == 2 ? std::atoi(argv[1]) : 0;
  if (port < 1 || port > 65535) {
    std::fputs("usage: kefu-bench-bare PORT\n", stderr);
    return 2;
  }
  httplib::Server server;
  // As many threads as wrk has connections, and no Nagle: without these two the comparison would flatter us.
  server.new_task_queue = [] { return new httplib::ThreadPool(64); };
  server.set_tcp_nodelay(true);
  server.set_keep_alive_max_count(1'000'000'000);
  server.Get("/healthz",
             [](const httplib::Request&, httplib::Response& to) { to.set_content("ok", "text/plain"); });
  server.Post(
      "/", [](const httplib::Request&, httplib::Response& to) { to.set_content("success", "text/plain"); });
  if (server.listen("127.0.0.1", port)) return 0;
  std::fprintf(stderr, "cannot listen on 127.0.0.1:%d\n", port);
  return 1;
}
