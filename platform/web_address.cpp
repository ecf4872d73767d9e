// SPDX-License-Identifier: Apache-2.0
#include "platform/web_address.hpp"

#include <charconv>

namespace berth::platform {

namespace {

/// Of ADDRESS:PORT; 0 for anything else.
int port_of(const std::string& address) {
  int port = 0;
  if (const std::size_t colon = address.rfind(':'); colon != std::string::npos)
    std::from_chars(address.data() + colon + 1, address.data() + address.size(), port);
  return port >= 1 && port <= 65'535 ? port : 0;
}

}  // namespace

RouterPorts RouterPorts::of(const Config& config) {
  return {.http = port_of(config.router.listen.front()),
          .https = config.router.https.empty() ? 0 : port_of(config.router.https.front()),
          .is_trusted = !config.router.certificate.empty()};
}

std::string web_url(const App& app, const std::string& domain, const RouterPorts& ports) {
  const std::string host = app.name + "." + domain;
  const bool secure = ports.https != 0 && (ports.is_trusted || app.https.redirect);
  return secure ? url_of("https", host, ports.https) : url_of("http", host, ports.http);
}

std::string url_of(const std::string& scheme, const std::string& host, int port) {
  const int own = scheme == "https" ? 443 : 80;
  return scheme + "://" + host + (port == own ? "" : ":" + std::to_string(port));
}

}  // namespace berth::platform
