// SPDX-License-Identifier: Apache-2.0
//
// Which certificates the router has, and for which hosts: those that apps' owners uploaded, the
// operator's for the platform's own names (router.certificate), and for names without one those of
// an authority that is made at the first start, so that HTTPS works before anybody has a
// certificate. Does nothing unless router.https is set. Used on the strand.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "api/control.hpp"
#include "base/certificate.hpp"
#include "platform/config.hpp"
#include "platform/store.hpp"
#include "server/router_link.hpp"

namespace berth::server {

class Certificates final {
 public:
  Certificates(const platform::Config& config, platform::Store& store, RouterLink& router);

  /// Reads the operator's certificate, and reads or makes the authority.
  [[nodiscard]] Result<void> start();
  /// Brings the app's certificates to what the store says.
  void publish(const platform::App& app);
  void app_destroyed(const platform::AppId& app);
  /// Takes over a renewed certificate of the operator's, and renews those of the authority. Cheap
  /// if nothing is due: call it every second.
  void renew(Time at);
  /// What clients may trust in development; an error says why there is none.
  [[nodiscard]] Result<std::string> development_authority() const;
  /// For the app's own name; nothing where HTTPS is off.
  [[nodiscard]] std::optional<api::PlatformCertificate> shown_for(const platform::App& app) const;

 private:
  /// A certificate of a store, as the router has it.
  struct Published {
    Time updated_at{};
    std::vector<std::string> hosts;
    friend bool operator==(const Published&, const Published&) = default;
  };
  /// One of the development authority.
  struct Issued {
    Time due{};  ///< it is renewed then
    api::PlatformCertificate shown;
  };
  struct AppRecord {
    std::string own_host;
    std::map<std::string, Published> by_id;
  };

  [[nodiscard]] bool on() const { return !config_.router.https.empty(); }
  [[nodiscard]] Result<void> open_authority();
  [[nodiscard]] Result<void> read_operators();
  [[nodiscard]] std::string own_host(const platform::App& app) const;
  void issue(const std::string& host);
  void withdraw(const std::string& host);

  const platform::Config& config_;
  platform::Store& store_;
  RouterLink& router_;
  std::optional<CertificateAuthority> authority_;
  std::optional<CertificatePem> operators_;  ///< as it was read last
  api::PlatformCertificate shown_operators_;
  std::string refused_;                      ///< why a newer one is not used
  std::map<std::string, Issued> issued_;     ///< by host
  std::map<platform::AppId, AppRecord> apps_;
  Time looked_at_{};
};

}  // namespace berth::server
