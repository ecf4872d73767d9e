# SPDX-License-Identifier: Apache-2.0
"""Clients that ask apps, each on a connection that it keeps, and remember how each request ended."""
import http.client
import threading
import time
from dataclasses import dataclass


@dataclass
class Request:
    id: str
    app: str
    opened: float  # its connection
    begun: float
    ended: float
    status: int  # 0: no response
    code: str  # the router's, or the client's failure

    @property
    def failed(self):
        return self.status != 200


class Load:
    def __init__(self, port, apps, clients, pause):
        """`clients` for each app, each so many seconds apart from one request to the next."""
        self.port, self.pause = port, pause
        self.ended = threading.Event()
        self.requests = {}  # by client, so that none waits for another
        self.threads = []
        for app in apps:
            for client in range(clients):
                name = f"{app}-{client}"
                self.requests[name] = []
                self.threads.append(threading.Thread(target=self.ask, args=(app, name, self.requests[name])))
        for thread in self.threads:
            thread.start()

    def ask(self, app, client, requests):
        connection, opened = None, 0
        while not self.ended.is_set():
            if connection is None:
                connection, opened = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60), time.monotonic()
            request = Request(f"{client}-{len(requests)}".ljust(20, "-"), app, opened, time.monotonic(), 0, 0, "")
            try:
                connection.request("GET", "/", headers={"Host": f"{app}.localhost", "X-Request-Id": request.id})
                response = connection.getresponse()
                response.read()
                request.status, request.code = response.status, response.headers.get("X-Berth-Error", "")
            except (OSError, http.client.HTTPException) as failure:
                request.code = type(failure).__name__
                connection.close()
                connection = None
            request.ended = time.monotonic()
            requests.append(request)
            self.ended.wait(self.pause)

    def stop(self):
        """All requests, once the last has ended."""
        self.ended.set()
        for thread in self.threads:
            thread.join()
        return [request for requests in self.requests.values() for request in requests]
