"""What clients should not do, done to a server of HTTP/3 with aioquic.
usage: aioquic_attacks.py PORT PATH RANGED-PATH       prints "NAME: OUTCOME" for each attack
"""
import asyncio
import ssl
import sys

from aioquic.asyncio import QuicConnectionProtocol, connect
from aioquic.buffer import encode_uint_var
from aioquic.h3.connection import H3_ALPN, H3Connection
from aioquic.h3.events import DataReceived, HeadersReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.events import ConnectionTerminated, StopSendingReceived, StreamReset

LARGEST = (1 << 62) - 1


def frame(kind, length, body=b''):
    return encode_uint_var(kind) + encode_uint_var(length) + body


class Client(QuicConnectionProtocol):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.http = H3Connection(self._quic)
        self.closed = asyncio.get_event_loop().create_future()
        self.answers, self.bytes, self.waiting = {}, {}, {}

    def outcome(self, stream, what):
        if stream in self.waiting and not self.waiting[stream].done():
            self.waiting[stream].set_result(what)

    def quic_event_received(self, event):
        if isinstance(event, ConnectionTerminated) and not self.closed.done():
            self.closed.set_result(f'closed {event.error_code:#x}')
            for stream in self.waiting:
                self.outcome(stream, 'closed')
        elif isinstance(event, (StreamReset, StopSendingReceived)):
            self.outcome(event.stream_id, f'reset {event.error_code:#x}')
        for e in self.http.handle_event(event):
            if isinstance(e, HeadersReceived):
                self.answers[e.stream_id] = dict(e.headers)[b':status'].decode()
            elif isinstance(e, DataReceived):
                self.bytes[e.stream_id] = self.bytes.get(e.stream_id, 0) + len(e.data)
            if getattr(e, 'stream_ended', False):
                self.outcome(e.stream_id, f'{self.answers.get(e.stream_id)} {self.bytes.get(e.stream_id, 0)}')

    def stream(self):
        stream = self._quic.get_next_available_stream_id()
        self.waiting[stream] = asyncio.get_event_loop().create_future()
        return stream

    def ask(self, path, extra=(), method=b'GET', end=True):
        stream = self.stream()
        self.http.send_headers(stream, [(b':method', method), (b':scheme', b'https'), (b':authority', b'x'), (b':path', path.encode()), *extra], end_stream=end)
        self.transmit()
        return stream

    def raw(self, data, end=False):
        stream = self.stream()
        self._quic.send_stream_data(stream, data, end_stream=end)
        self.transmit()
        return stream

    async def end_of(self, stream):
        return await asyncio.wait_for(self.waiting[stream], 20)

    async def end(self):
        return await asyncio.wait_for(asyncio.shield(self.closed), 20)


async def many_fields(c, path, ranged):
    return await c.end_of(c.ask(path, [(b'x-field-%d' % i, b'v') for i in range(300)]))


async def large_field(c, path, ranged):
    return await c.end_of(c.ask(path, [(b'x-field', b'v' * 60000)]))


async def fields_without_end(c, path, ranged):
    """Trailer after trailer."""
    stream = c.ask(path, end=False)
    for i in range(2000):
        if c.waiting[stream].done():
            break
        try:
            c._quic.send_stream_data(stream, frame(1, 8, b'\0\0\x27\x01x\x03abc'[:8]))
        except AssertionError:
            break
        c.transmit()
        await asyncio.sleep(0)
    return await c.end_of(stream)


async def two_paths(c, path, ranged):
    return await c.end_of(c.ask(path, [(b':path', b'/other')]))


async def lengths_that_overflow(c, path, ranged):
    """A frame of 2^62-1 bytes; of an unknown kind it is passed over as far as it comes."""
    c.raw(frame(1, LARGEST, b'\0\0' + b'\xff' * 1000))
    c.raw(frame(0x21, LARGEST, b'x' * 1000))
    return await c.end_of(c.ask(path))


async def data_before_fields(c, path, ranged):
    c.raw(frame(0, 5, b'early'))
    return await c.end()


async def body_without_end(c, path, ranged):
    stream = c.ask(path, method=b'POST', end=False)
    for i in range(200):
        if c.waiting[stream].done():
            break
        c._quic.send_stream_data(stream, frame(0, 4000, b'x' * 4000))
        c.transmit()
        await asyncio.sleep(0.001)
    return (await c.end_of(stream)).split()[0]


async def half_a_request(c, path, ranged):
    """Many that are never ended do not keep a whole one from its answer."""
    for i in range(8):
        c.raw(frame(1, 100, b'\0\0'))
    return await c.end_of(c.ask(path))


async def second_control_stream(c, path, ranged):
    stream = c._quic.get_next_available_stream_id(is_unidirectional=True)
    c._quic.send_stream_data(stream, b'\0' + frame(4, 0))
    c.transmit()
    return await c.end()


async def many_ranges(c, path, ranged):
    """One field with as many ranges as fit is passed over: the whole is sent, once."""
    some = ','.join(f'{2 * i}-{2 * i}' for i in range(1000))
    return await c.end_of(c.ask(ranged, [(b'range', b'bytes=' + some.encode())]))


async def flood_of_ranges(c, path, ranged):
    """Two thousand bytes, each asked for by itself, on one connection."""
    streams = [c.ask(ranged, [(b'range', b'bytes=%d-%d' % (i, i))]) for i in range(2000)]
    ends = [await c.end_of(stream) for stream in streams]
    return f'{ends.count("206 1")} of {len(ends)}'


async def early_data(c, path, ranged):
    """Without a ticket there is nothing to resume, and nothing that can be sent early."""
    await c.end_of(c.ask(path))
    await asyncio.sleep(0.5)
    return 'tickets ' + str(len(tickets))


async def honest(c, path, ranged):
    return (await c.end_of(c.ask(path))).split()[0]


ATTACKS = [many_fields, large_field, fields_without_end, two_paths, lengths_that_overflow, data_before_fields, body_without_end, half_a_request,
           second_control_stream, many_ranges, flood_of_ranges, early_data]
tickets = []


async def one(port, attack, path, ranged):
    how = QuicConfiguration(is_client=True, alpn_protocols=H3_ALPN, verify_mode=ssl.CERT_NONE)
    try:
        async with connect('127.0.0.1', port, configuration=how, create_protocol=Client, session_ticket_handler=tickets.append) as client:
            try:
                return await attack(client, path, ranged)
            except asyncio.TimeoutError:
                return 'nothing came'
    except ConnectionError:
        return 'no connection'


async def main(port, path, ranged):
    for attack in ATTACKS:
        print(f'{attack.__name__}: {await one(port, attack, path, ranged)}', flush=True)
        after = await one(port, honest, path, ranged)
        if after != '200':
            sys.exit(f'after {attack.__name__} the server answers {after}')


asyncio.run(main(int(sys.argv[1]), sys.argv[2], sys.argv[3]))
