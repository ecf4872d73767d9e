// SPDX-License-Identifier: Apache-2.0
#include "runtime/engine/local/agent_protocol.hpp"

#include <doctest/doctest.h>
#include <sys/socket.h>

namespace berth::runtime {

TEST_CASE("the last words of a peer are heard, though it went without reading what it was sent") {
  Fd ours;
  Fd theirs;
  REQUIRE(agent_socket_pair(ours, theirs));
  REQUIRE(send_packet(ours.get(), AgentMessage::run, "a program"));
  REQUIRE(send_packet(theirs.get(), AgentMessage::failed, "no such directory"));
  theirs.reset();
  AgentPacket packet;
  REQUIRE(receive_packet(ours.get(), packet, MSG_DONTWAIT) == 1);
  CHECK(packet.type == AgentMessage::failed);
  CHECK(packet.payload == "no such directory");
  CHECK(receive_packet(ours.get(), packet, MSG_DONTWAIT) == 0);
}

}  // namespace berth::runtime
