// SPDX-License-Identifier: Apache-2.0
#include "router/handles.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

namespace berth::router {

ReplicaHandle::ReplicaHandle(const Replica& value) : replica(value) {
  auto* v4 = reinterpret_cast<sockaddr_in*>(&address);
  if (::inet_pton(AF_INET, value.address.c_str(), &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(value.port);
    address_size = sizeof(sockaddr_in);
    return;
  }
  auto* v6 = reinterpret_cast<sockaddr_in6*>(&address);
  ::inet_pton(AF_INET6, value.address.c_str(), &v6->sin6_addr);
  v6->sin6_family = AF_INET6;
  v6->sin6_port = htons(value.port);
  address_size = sizeof(sockaddr_in6);
}

void ReplicaHandle::close_idle() {
  for (auto* list : {&idle, &idle_http2})
    list->for_each([](Upstream& upstream) { upstream.close(); });
}

}  // namespace berth::router
