"""An independent HTTP/3 client and server (aioquic), for peers to talk to.
usage: aioquic_peer.py get HOST PORT OUT PATH [RANGE [NAME: VALUE]...]
           prints the status, and the headers one a line; the body goes to OUT; RANGE "" is none
       aioquic_peer.py serve PEER.key FOLDER                serves FOLDER's files by their paths, as the peer of that key; prints the port
"""
import asyncio
import base64
import datetime
import os
import ssl
import sys

from aioquic.asyncio import QuicConnectionProtocol, connect, serve
from aioquic.h3.connection import H3_ALPN, H3Connection
from aioquic.h3.events import DataReceived, HeadersReceived
from aioquic.quic.configuration import QuicConfiguration
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.x509.oid import NameOID


class Client(QuicConnectionProtocol):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.http = H3Connection(self._quic)
        self.over = asyncio.get_event_loop().create_future()
        self.headers, self.body = [], b''

    def ask(self, authority, path, part, more):
        stream = self._quic.get_next_available_stream_id()
        headers = [(b':method', b'GET'), (b':scheme', b'https'), (b':authority', authority.encode()), (b':path', path.encode())]
        headers += [(b'range', part.encode())] if part else []
        headers += [tuple(text.encode().split(b': ', 1)) for text in more]
        self.http.send_headers(stream, headers, end_stream=True)
        self.transmit()
        return self.over

    def quic_event_received(self, event):
        for e in self.http.handle_event(event):
            if isinstance(e, HeadersReceived):
                self.headers = e.headers
            elif isinstance(e, DataReceived):
                self.body += e.data
            if getattr(e, 'stream_ended', False) and not self.over.done():
                self.over.set_result(None)


async def get(host, port, out, path, part, more):
    how = QuicConfiguration(is_client=True, alpn_protocols=H3_ALPN, verify_mode=ssl.CERT_NONE)
    async with connect(host, int(port), configuration=how, create_protocol=Client) as client:
        await asyncio.wait_for(client.ask(f'{host}:{port}', path, part, more), 20)
    for name, value in client.headers:
        print(f'{name.decode()}: {value.decode()}')
    with open(out, 'wb') as f:
        f.write(client.body)


def answer(folder, path, part):
    """Status, headers and body."""
    name = os.path.normpath(folder + path)
    if not name.startswith(folder + '/') or not os.path.isfile(name):
        return b'404', [], b''
    with open(name, 'rb') as f:
        body = f.read()
    if not part:
        return b'200', [], body
    first, last = (int(number) for number in part[len('bytes='):].split('-'))
    return b'206', [(b'content-range', f'bytes {first}-{last}/{len(body)}'.encode())], body[first:last + 1]


class Server(QuicConnectionProtocol):
    folder = None

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.http = H3Connection(self._quic)

    def quic_event_received(self, event):
        for e in self.http.handle_event(event):
            if not isinstance(e, HeadersReceived):
                continue
            asked = dict(e.headers)
            status, headers, body = answer(Server.folder, asked[b':path'].decode(), asked.get(b'range', b'').decode())
            self.http.send_headers(e.stream_id, [(b':status', status), (b'content-length', str(len(body)).encode())] + headers)
            self.http.send_data(e.stream_id, body, end_stream=True)
        self.transmit()


def certificate(path):
    """Key and certificate of the peer whose key is in the file PATH."""
    with open(path) as f:
        stored = base64.b64decode(f.read().splitlines()[1])
    key = Ed25519PrivateKey.from_private_bytes(stored[62:94])
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, 'anybody')])
    then = datetime.datetime(2001, 1, 1)
    made = x509.CertificateBuilder(name, name, key.public_key(), 7, then, then + datetime.timedelta(days=1)).sign(key, None)
    assert stored[94:126] == key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return key, made


async def stay(path, folder):
    how = QuicConfiguration(is_client=False, alpn_protocols=H3_ALPN)
    how.private_key, how.certificate = certificate(path)
    Server.folder = os.path.abspath(folder)
    server = await serve('127.0.0.1', 0, configuration=how, create_protocol=Server)
    print(server._transport.get_extra_info('sockname')[1], flush=True)
    await asyncio.Future()


if sys.argv[1:2] == ['get'] and len(sys.argv) >= 6:
    asyncio.run(get(*sys.argv[2:6], sys.argv[6] if len(sys.argv) > 6 else None, sys.argv[7:]))
elif sys.argv[1:2] == ['serve'] and len(sys.argv) == 4:
    asyncio.run(stay(*sys.argv[2:4]))
else:
    sys.exit(__doc__)
