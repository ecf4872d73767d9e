// SPDX-License-Identifier: Apache-2.0
//
// The address that people are given for an app: by the API, a push, `berth open` and the dashboard.
#pragma once

#include <string>

#include "platform/config.hpp"
#include "platform/model.hpp"

namespace berth::platform {

/// How the router is reached.
struct RouterPorts {
  int http = 8080;          ///< 0: router.listen is not ADDRESS:PORT
  int https = 0;            ///< 0: it speaks no HTTPS
  bool is_trusted = false;  ///< browsers trust what it shows for the platform's names
  [[nodiscard]] static RouterPorts of(const Config& config);
};

/// "https://shop.example.com", without a slash at the end: by HTTPS if browsers trust it or the app
/// sends them there anyway, else by HTTP.
[[nodiscard]] std::string web_url(const App& app, const std::string& domain,
                                  const RouterPorts& ports);

/// "http://api.example.com:8080"; the scheme's own port does not stand in it.
[[nodiscard]] std::string url_of(const std::string& scheme, const std::string& host, int port);

}  // namespace berth::platform
