// SPDX-License-Identifier: Apache-2.0
#include "router/tls/ticket_keys.hpp"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>

#include "base/result.hpp"

namespace berth::router {

TicketKeys::~TicketKeys() { OPENSSL_cleanse(keys.data(), sizeof keys); }

std::shared_ptr<const TicketKeys> TicketKeys::rotated(const TicketKeys* last) {
  auto next = std::make_shared<TicketKeys>();
  Key& fresh = next->keys.front();
  BERTH_ASSERT(RAND_bytes(fresh.name.data(), static_cast<int>(fresh.name.size())) == 1 &&
               RAND_priv_bytes(fresh.cipher.data(), static_cast<int>(fresh.cipher.size())) == 1 &&
               RAND_priv_bytes(fresh.mac.data(), static_cast<int>(fresh.mac.size())) == 1);
  next->count = 1;
  if (last) {
    const std::size_t old = std::min(last->count, kept - 1);
    std::copy_n(last->keys.begin(), old, next->keys.begin() + 1);
    next->count += old;
  }
  return next;
}

Fd TicketKeys::to_memory_file() const {
  Fd file(::memfd_create("berth-ticket-keys", MFD_CLOEXEC));
  const auto size = static_cast<ssize_t>(count * sizeof(Key));
  if (!file || ::pwrite(file.get(), keys.data(), count * sizeof(Key), 0) != size) return {};
  return file;
}

std::shared_ptr<const TicketKeys> TicketKeys::from_file(const Fd& file) {
  auto read = std::make_shared<TicketKeys>();
  const ssize_t size = ::pread(file.get(), read->keys.data(), sizeof read->keys, 0);
  if (size <= 0 || static_cast<std::size_t>(size) % sizeof(Key) != 0) return nullptr;
  read->count = static_cast<std::size_t>(size) / sizeof(Key);
  return read;
}

}  // namespace berth::router
