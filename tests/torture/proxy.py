"""A proxy of byte streams, over unix and TCP sockets, whose connections can be cut, held and refused: one link for each endpoint that stands behind it."""

import asyncio
import os
import threading

CHUNK = 65536


class Link:
    def __init__(self, target):
        self.target = target  # path of a unix socket
        self.pairs = []  # of writers: (client, server)
        self.going = asyncio.Event()
        self.going.set()
        self.refusing = False

    async def accept(self, reader, writer):
        if self.refusing:
            writer.transport.abort()
            return
        try:
            there, back = await asyncio.open_unix_connection(self.target)
        except OSError:
            writer.transport.abort()
            return
        pair = (writer, back)
        self.pairs.append(pair)
        tasks = [asyncio.ensure_future(self.relay(reader, back)), asyncio.ensure_future(self.relay(there, writer))]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        self.end(pair)
        await asyncio.wait(tasks)

    async def relay(self, reader, writer):
        try:
            while True:
                data = await reader.read(CHUNK)
                if not data:
                    return
                await self.going.wait()
                writer.write(data)
                await writer.drain()
        except OSError:
            pass

    def end(self, pair):
        for writer in pair:
            writer.transport.abort()
        if pair in self.pairs:
            self.pairs.remove(pair)


class Proxy:
    """Runs in a thread of its own; its methods may be called from any other."""

    def __init__(self):
        self.loop = asyncio.new_event_loop()
        self.links = {}
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()

    def call(self, function, *arguments):
        async def run():
            result = function(*arguments)
            return await result if asyncio.iscoroutine(result) else result
        return asyncio.run_coroutine_threadsafe(run(), self.loop).result(20)

    def unix(self, name, path, target):
        """Listens at path; the ZeroMQ endpoint to connect to."""
        os.makedirs(os.path.dirname(path), exist_ok=True)
        self.call(self._listen, name, target, lambda accept: asyncio.start_unix_server(accept, path))
        return "ipc://" + path

    def tcp(self, name, target):
        server = self.call(self._listen, name, target, lambda accept: asyncio.start_server(accept, "127.0.0.1", 0))
        return "tcp://127.0.0.1:%d" % server.sockets[0].getsockname()[1]

    async def _listen(self, name, target, serve):
        self.links[name] = Link(target)
        return await serve(self.links[name].accept)

    # ---- Faults; each is over by itself after so many seconds ----

    def cut(self, name, which=None, refuse=0.0):
        """Ends one of the link's connections (which: 0 to 1) or all, and takes no new ones for a while."""
        def run():
            link = self.links[name]
            pairs = list(link.pairs)
            if which is not None and pairs:
                pairs = [pairs[int(which * len(pairs))]]
            for pair in pairs:
                link.end(pair)
            if refuse:
                link.refusing = True
                self.loop.call_later(refuse, setattr, link, "refusing", False)
        self.call(run)

    def hold(self, name, seconds):
        """Nothing passes, though nothing ends; what waits is passed on afterwards."""
        def run():
            link = self.links[name]
            link.going.clear()
            self.loop.call_later(seconds, link.going.set)
        self.call(run)

    def heal(self):
        def run():
            for link in self.links.values():
                link.refusing = False
                link.going.set()
        self.call(run)

    def close(self):
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(5)
