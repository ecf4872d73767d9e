// SPDX-License-Identifier: Apache-2.0
//
// How the router reads HTTP/1: byte streams on standard input, one a line in hexadecimal; on
// standard output for each a line of JSON with its messages, as they were read and as they would be
// forwarded, and why it stopped. Texts are in hexadecimal. differential.js compares.
#include <iostream>
#include <string>

#include "base/crypto.hpp"
#include "base/json.hpp"
#include "router/http/body.hpp"
#include "router/http/rewrite.hpp"
#include "tests/support/hex.hpp"

namespace berth::router::http {
namespace {

std::string forwarded_head(const RequestHead& head) {
  std::string out(rewritten_request_bound(head.size), '\0');
  const RequestContext context{.client_ip = "192.0.2.1",
                               .proto = "http",
                               .port = "80",
                               .request_id = "0123456789abcdef0123",
                               .started_ms = 1};
  out.resize(rewrite_request(head, context, out.data()).size);
  return out;
}

json::object shown(const RequestHead& head) {
  json::array fields;
  for (const Field& field : head.fields.all())
    fields.push_back(json::array{hex(field.name()), hex(field.value())});
  return {{"method", hex(head.method)},     {"target", hex(head.target)},
          {"host", hex(head.host)},         {"minor", head.minor_version},
          {"keep_alive", head.keep_alive},     {"upgrade", !head.upgrade.empty()},
          {"chunked", head.framing.chunked},   {"length", head.framing.length},
          {"fields", fields}};
}

json::object read(std::string_view stream) {
  json::array messages;
  std::string why = "the end of the stream";
  for (std::size_t at = 0; at < stream.size();) {
    RequestHead head;
    const Scan scan = scan_request(stream.substr(at), head);
    if (scan.status != ScanStatus::complete) {
      why = scan.status == ScanStatus::invalid ? scan.reason : "an incomplete head";
      break;
    }
    at += head.size;
    std::string content(stream.substr(at));
    std::string trailers;
    Body body = Body::of_request(head.framing);
    const Body::Step step =
        body.complete() ? Body::Step{} : body.decode(content.data(), content.size(), &trailers);
    json::object message = shown(head);
    message["complete"] = body.complete();
    message["body"] = hex(std::string_view(content).substr(0, step.payload));
    message["trailers"] = hex(trailers);
    message["end"] = at + step.consumed;
    message["forwarded"] =
        hex(forwarded_head(head) + std::string(stream.substr(at, step.consumed)));
    messages.push_back(std::move(message));
    at += step.consumed;
    if (!step.valid) why = "an invalid chunk";
    else if (!body.complete()) why = "an incomplete body";
    else if (!head.keep_alive || !head.upgrade.empty()) why = "the last message";
    else continue;
    break;
  }
  return {{"messages", messages}, {"why", why}};
}

}  // namespace
}  // namespace berth::router::http

int main() {
  for (std::string line; std::getline(std::cin, line);) {
    const auto stream = berth::test::from_hex(line);
    if (!stream) {
      std::cerr << "http1_reader: a line is not hexadecimal: " << line << "\n";
      return 2;
    }
    std::cout << berth::to_text(berth::router::http::read(*stream)) << std::endl;
  }
  return 0;
}
