#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""handshakes.py HOST PORT SECONDS: TLS 1.3 connections to 127.0.0.1, each with a full handshake and one
request; prints how many there were and how many failed. A part of the router's benchmark."""
import socket
import ssl
import sys
import time


def request(context, host, port):
    with socket.create_connection(("127.0.0.1", port), 5) as plain:
        with context.wrap_socket(plain, server_hostname=host) as secure:
            if secure.session_reused:
                raise RuntimeError("the handshake was abbreviated")
            secure.sendall(f"GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
            answer = b""
            while piece := secure.recv(65536):
                answer += piece
            return answer.startswith(b"HTTP/1.1 200 ")


def main():
    host, port, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.set_alpn_protocols(["http/1.1"])
    made = failed = 0
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            failed += not request(context, host, port)
        except OSError:
            failed += 1
        made += 1
    print(made, failed)


if __name__ == "__main__":
    main()
