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

/// The scheme's own port does not stand in it.
std::string url_of(const std::string& host, const RouterPorts& ports, bool by_https) {
  const bool secure = by_https && ports.https != 0;
  const int port = secure ? ports.https : ports.http;
  return (secure ? "https://" : "http://") + host +
         (port == (secure ? 443 : 80) ? "" : ":" + std::to_string(port));
}

}  // namespace

RouterPorts RouterPorts::of(const Config& config) {
  return {.http = port_of(config.router.listen.front()),
          .https = config.router.https.empty() ? 0 : port_of(config.router.https.front()),
          .is_trusted = !config.router.certificate.empty()};
}

std::string web_url(const App& app, const std::string& domain, const RouterPorts& ports) {
  return url_of(app.name + "." + domain, ports, ports.is_trusted || app.https.redirect);
}

std::string own_url(const std::string& host, const RouterPorts& ports) {
  return url_of(host, ports, ports.is_trusted);
}

}  // namespace berth::platform
