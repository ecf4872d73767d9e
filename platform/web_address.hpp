// SPDX-License-Identifier: Apache-2.0
//
// The addresses that people are given, for an app and for the platform's own hosts: by the API, a
// push, `berth open` and the dashboard.
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

/// The same of a host of the platform's own, "api.example.com": by HTTPS if browsers trust it.
[[nodiscard]] std::string own_url(const std::string& host, const RouterPorts& ports);

}  // namespace berth::platform
