# SPDX-License-Identifier: BSD-2-Clause
"""The other end of tests/guest/initramfs/peer.c, on a port of the loopback."""
import socketserver
import struct
import threading

from pattern import BLOCK, pattern

HEAD = struct.Struct("=Q")
DATA = 127
AT_ONCE = 64


class _Datagram(socketserver.BaseRequestHandler):
    def handle(self):
        data, socket = self.request
        if len(data) < HEAD.size:
            self.server.log.append(None)
            return
        (number,) = HEAD.unpack_from(data)
        right = data[HEAD.size:] == pattern(number, DATA)
        self.server.log.append(number if right else None)
        socket.sendto(data[:HEAD.size] + pattern(number, DATA, turned=True),
                      self.client_address)


class _Stream(socketserver.StreamRequestHandler):
    rbufsize = BLOCK * AT_ONCE

    def handle(self):
        head = self.rfile.read(HEAD.size)
        if len(head) < HEAD.size:
            return
        blocks = HEAD.unpack(head)[0] // BLOCK
        wrong = sum(self.rfile.read(BLOCK) != pattern(i)
                    for i in range(blocks))
        self.server.log.append((blocks * BLOCK, wrong))
        for first in range(0, blocks, AT_ONCE):
            self.wfile.write(b"".join(
                pattern(i, turned=True)
                for i in range(first, min(first + AT_ONCE, blocks))))


class _TcpServer(socketserver.ThreadingTCPServer):
    daemon_threads = True


class Peer:
    """Answers while it is entered.  port: of UDP and TCP; datagrams: their
    numbers as they came, None for one with other contents; streams: the bytes
    of each and its wrong blocks."""

    def __init__(self):
        self.datagrams, self.streams = [], []
        self.servers = self._bind()
        self.port = self.servers[0].server_address[1]
        for server, log in zip(self.servers, (self.streams, self.datagrams)):
            server.log = log
        self.threads = [threading.Thread(target=server.serve_forever)
                        for server in self.servers]

    @staticmethod
    def _bind():
        """One number for both; another process may have it for UDP."""
        while True:
            tcp = _TcpServer(("127.0.0.1", 0), _Stream)
            try:
                return tcp, socketserver.UDPServer(tcp.server_address,
                                                   _Datagram)
            except OSError:
                tcp.server_close()

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        for server, thread in zip(self.servers, self.threads):
            server.shutdown()
            thread.join()
            server.server_close()
