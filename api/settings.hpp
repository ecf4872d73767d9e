// SPDX-License-Identifier: Apache-2.0
//
// What the API is told at its start.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "platform/config.hpp"
#include "platform/web_address.hpp"

namespace berth::api {

struct Settings {
  std::string domain = "localhost";
  platform::RouterPorts router = {};      ///< as users reach it
  bool automatic_certificates = false;    ///< there is an authority to ask
  std::string listen = "127.0.0.1:7070";  ///< port 0: any free one (Server::port tells)
  std::filesystem::path dashboard_directory = {};
  std::string version = BERTH_VERSION;
  std::string owner = "admin";     ///< owns every app
  std::string stack = "bookworm";  ///< name of the stack in answers
  std::string region = "local";
  std::uint64_t max_upload_bytes = 8ULL << 30;  ///< of an archive: source or an image
  std::uint64_t max_push_bytes = platform::Config::Git{}.max_push_bytes;
  std::map<std::string, platform::SizeClass> sizes = {{"standard", {}}};
  std::size_t max_connections = 1000;
  std::chrono::milliseconds heartbeat = std::chrono::seconds(15);     ///< of event streams
  std::chrono::milliseconds idle_timeout = std::chrono::seconds(60);  ///< of a kept connection
  std::chrono::milliseconds io_timeout =
      std::chrono::seconds(30);  ///< for a peer that does not move
  std::chrono::milliseconds stop_grace = std::chrono::seconds(5);  ///< for requests at stop()
};

}  // namespace berth::api
