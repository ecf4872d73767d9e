#include <arpa/inet.h>
#include <fmt/core.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

int main() {
  const char* port = std::getenv("PORT");
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<unsigned short>(std::atoi(port ? port : "8080")));
  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  if (bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) return 1;
  listen(listener, 64);
  for (;;) {
    const int peer = accept(listener, nullptr, nullptr);
    if (peer < 0) continue;
    char request[4096];
    if (read(peer, request, sizeof request) > 0) {
      const std::string body = fmt::format("Hello from C++ {}", 17);
      const std::string answer = fmt::format(
          "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{}", body.size(),
          body);
      if (write(peer, answer.data(), answer.size()) < 0) return 1;
    }
    close(peer);
  }
}
