// SPDX-License-Identifier: Apache-2.0
//
// Passwords that people chose, kept as what cannot be turned back: Argon2id with a salt of its own
// each (libsodium), 12 MiB and three passes, as OWASP advises. To check one takes some 20 ms of CPU
// and that memory, which is the point: it is for threads that may take their time.
#pragma once

#include <string>
#include <string_view>

namespace berth {

/// "$argon2id$…", in printable characters.
[[nodiscard]] std::string hash_password(std::string_view password);
/// Whether it has the form of one.
[[nodiscard]] bool is_password_hash(std::string_view hash);
[[nodiscard]] bool matches_password(const std::string& hash, std::string_view password);

}  // namespace berth
