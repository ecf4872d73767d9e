// SPDX-License-Identifier: Apache-2.0
//
// The router alone, for its benchmark: bench_router PORT TABLE-FILE [THREADS
// [HTTPS-PORT [epoll|io_uring [CONTROL-SOCKET]]]].
#include <cstdlib>
#include <string_view>

#include "router/router.hpp"

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  berth::router::Options options;
  options.listen = {std::string("127.0.0.1:") + argv[1]};
  options.table_file = argv[2];
  options.threads = argc > 3 ? static_cast<unsigned>(std::atoi(argv[3])) : 1;
  if (argc > 4) options.listen_https = {std::string("127.0.0.1:") + argv[4]};
  if (argc > 5 && std::string_view(argv[5]) == "io_uring")
    options.io = berth::router::Io::io_uring;
  if (argc > 6) options.control_socket = argv[6];
  options.drain_timeout = std::chrono::milliseconds(0);
  return berth::router::run(options);
}
