// SPDX-License-Identifier: Apache-2.0
#include "runtime/engine/local/shim/network.hpp"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/engine/local/netlink.hpp"

namespace berth::runtime::shim {

namespace {

/// For interfaces to come in the network namespace that we are in. Where the kernel has no IPv6
/// there is nothing to set.
void set_default(const char* name, char value) {
  const std::string path = std::string("/proc/sys/net/ipv6/conf/default/") + name;
  const Fd file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (file) (void)!::write(file.get(), &value, 1);
}

/// eth0 will have what we give it and make nothing up: no address of its own, none that a router
/// announces, no way that one shows.
void expect_ipv6(bool wanted) {
  set_default("disable_ipv6", wanted ? '0' : '1');
  set_default("addr_gen_mode", '1');  // IN6_ADDR_GEN_MODE_NONE
  for (const char* name : {"accept_ra", "accept_redirects", "accept_dad"}) set_default(name, '0');
}

Result<Netlink> open_in(int network_namespace, bool ipv6) {
  const Fd ours(::open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC));
  if (!ours) return system_error("open own network namespace");
  if (::setns(network_namespace, CLONE_NEWNET) != 0) return system_error("enter network namespace");
  expect_ipv6(ipv6);
  auto inside = Netlink::open();
  if (::setns(ours.get(), CLONE_NEWNET) != 0) return system_error("leave network namespace");
  return inside;
}

Result<IpAddress> parse_address(const std::string& text) {
  if (const auto address = IpAddress::parse(text)) return *address;
  return Error{ErrorKind::invalid, "'" + text + "' is not an address"};
}

/// Everything goes by the bridge, whose place is told: who looks for neighbours, of whom there are
/// none else, takes room that the kernel has once, for all of the machine.
Result<void> lead_out(Netlink& inside, int eth0, const std::string& gateway,
                      const HardwareAddress& bridge) {
  BERTH_ASSIGN(const IpAddress nearest, parse_address(gateway));
  BERTH_TRY(inside.add_neighbour(eth0, nearest, bridge));
  return inside.add_default_route(eth0, nearest);
}

}  // namespace

Result<void> connect_network(const ShimConf& conf, pid_t pid) {
  const std::string path = "/proc/" + std::to_string(pid) + "/ns/net";
  const Fd target(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!target) return system_error("open " + path);
  BERTH_ASSIGN(Netlink inside, open_in(target.get(), !conf.address6.empty()));
  BERTH_ASSIGN(const int loopback, inside.index_of("lo"));
  BERTH_TRY(inside.set_up(loopback));
  if (conf.veth.empty()) return {};

  BERTH_ASSIGN(Netlink host, Netlink::open());
  BERTH_ASSIGN(const int bridge, host.index_of(conf.bridge));
  BERTH_TRY(host.delete_link(conf.veth));  // of an earlier life that nobody swept
  BERTH_ASSIGN(const std::uint32_t address, parse_ipv4(conf.address));
  BERTH_TRY(host.create_veth({.host_name = conf.veth,
                              .peer_name = "eth0",
                              .peer_address = hardware_address_of(address),
                              .peer_namespace = target.get(),
                              .bridge = bridge,
                              .mtu = conf.mtu}));
  BERTH_ASSIGN(const int port, host.index_of(conf.veth));
  BERTH_TRY(host.isolate_port(port));
  BERTH_TRY(host.set_up(port));
  BERTH_ASSIGN(const int eth0, inside.index_of("eth0"));
  BERTH_TRY(inside.add_address(eth0, {.address = address, .length = 32}));
  if (conf.network_rate != 0) {
    BERTH_TRY(host.limit_rate(port, conf.network_rate));
    BERTH_TRY(inside.limit_rate(eth0, conf.network_rate));
  }
  BERTH_TRY(inside.set_up(eth0));
  BERTH_ASSIGN(const HardwareAddress nearest, host.hardware_address(conf.bridge));
  BERTH_TRY(lead_out(inside, eth0, conf.gateway, nearest));
  if (!conf.address6.empty()) {
    BERTH_ASSIGN(const IpAddress address6, parse_address(conf.address6));
    BERTH_TRY(inside.add_address(eth0, address6, 128));
    BERTH_TRY(lead_out(inside, eth0, conf.gateway6, nearest));
  }
  // What a program says first is lost else, now and then.
  BERTH_TRY(host.wait_until_running(conf.veth));
  return host.wait_until_running(conf.bridge);
}

namespace {

Result<void> hold_network(pid_t pid, const std::string& path) {
  const std::string source = "/proc/" + std::to_string(pid) + "/ns/net";
  if (::mknod(path.c_str(), S_IFREG | 0600, 0) != 0) return system_error("create " + path);
  if (::mount(source.c_str(), path.c_str(), nullptr, MS_BIND, nullptr) != 0)
    return system_error("hold the network namespace at " + path);
  return {};
}

}  // namespace

Result<void> make_network(const ShimConf& conf, const std::string& path) {
  // A namespace needs a process to be made and to be spoken of, and none to live on.
  const pid_t child = static_cast<pid_t>(
      ::syscall(SYS_clone, CLONE_NEWNET | SIGCHLD, nullptr, nullptr, nullptr, 0));
  if (child < 0) return system_error("create network namespace");
  if (child == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (;;) ::pause();
  }
  auto made = connect_network(conf, child);
  if (!made.has_error()) made = hold_network(child, path);
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  return made;
}

}  // namespace berth::runtime::shim
