"""HTTP/3 by aioquic, which others wrote: a client and a server to hold this project's against.

client PORT [--range A-B] [--check KEY-HEX] [--version2] PATH...  prints "STATUS LENGTH SHA256 PATH" for each path
server FOLDER                                                     serves the files of FOLDER, prints its port
"""

import asyncio
import datetime
import hashlib
import os
import ssl
import sys
import tempfile

from aioquic.asyncio import QuicConnectionProtocol, connect, serve
from aioquic.h3.connection import H3_ALPN, H3Connection
from aioquic.h3.events import DataReceived, HeadersReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.packet import QuicProtocolVersion
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


class Client(QuicConnectionProtocol):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.http = H3Connection(self._quic)
        self.answers = {}

    async def get(self, path, extra):
        stream = self._quic.get_next_available_stream_id()
        done = asyncio.get_running_loop().create_future()
        self.answers[stream] = [None, hashlib.sha256(), 0, done]
        self.http.send_headers(stream, [(b':method', b'GET'), (b':scheme', b'https'), (b':authority', b'peer.test'),
                                        (b':path', path.encode())] + extra, end_stream=True)
        self.transmit()
        await done
        return self.answers[stream]

    def quic_event_received(self, event):
        for event in self.http.handle_event(event):
            answer = self.answers.get(event.stream_id)
            if answer is None:
                continue
            if isinstance(event, HeadersReceived):
                answer[0] = dict(event.headers)
            elif isinstance(event, DataReceived):
                answer[1].update(event.data)
                answer[2] += len(event.data)
            if event.stream_ended and not answer[3].done():
                answer[3].set_result(None)


async def client(words):
    configuration = QuicConfiguration(is_client=True, alpn_protocols=H3_ALPN, verify_mode=ssl.CERT_NONE)
    port, extra, key = int(words.pop(0)), [], None
    while words and words[0].startswith('--'):
        option = words.pop(0)
        if option == '--range':
            extra = [(b'range', b'bytes=' + words.pop(0).encode())]
        elif option == '--check':
            key = words.pop(0)
        elif option == '--version2':
            configuration.original_version = QuicProtocolVersion.VERSION_2
    async with connect('127.0.0.1', port, configuration=configuration, create_protocol=Client) as protocol:
        shown = protocol._quic.tls._peer_certificate.public_key()
        raw = shown.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw).hex()
        if key and raw != key:
            sys.exit('another key: ' + raw)
        answers = await asyncio.gather(*(protocol.get(path, extra) for path in words))
    for path, answer in zip(words, answers):
        fields = answer[0]
        if fields.get(b'content-length') not in (None, b'%d' % answer[2]):
            sys.exit('content-length is wrong')
        print(fields[b':status'].decode(), answer[2], answer[1].hexdigest(), path)


class Server(QuicConnectionProtocol):
    folder = None

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.http = H3Connection(self._quic)

    def quic_event_received(self, event):
        for event in self.http.handle_event(event):
            if isinstance(event, HeadersReceived):
                self.answer(event.stream_id, dict(event.headers))

    def answer(self, stream, fields):
        name = fields[b':path'].decode().lstrip('/')
        path = os.path.join(self.folder, os.path.basename(name))
        if not name or not os.path.isfile(path):
            self.http.send_headers(stream, [(b':status', b'404')], end_stream=True)
        else:
            with open(path, 'rb') as file:
                data = file.read()
            status = b'200'
            if b'range' in fields:
                first, last = fields[b'range'].decode().split('=')[1].split('-')
                data, status = data[int(first):int(last) + 1], b'206'
            self.http.send_headers(stream, [(b':status', status), (b'content-length', b'%d' % len(data))])
            self.http.send_data(stream, data, end_stream=True)
        self.transmit()


def write_certificate(folder):
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, 'peer.test')])
    now = datetime.datetime.now(datetime.timezone.utc)
    certificate = (x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
                   .serial_number(1).not_valid_before(now - datetime.timedelta(days=1))
                   .not_valid_after(now + datetime.timedelta(days=1)).sign(key, hashes.SHA256()))
    with open(folder + '/cert.pem', 'wb') as file:
        file.write(certificate.public_bytes(serialization.Encoding.PEM))
    with open(folder + '/key.pem', 'wb') as file:
        file.write(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))


async def server(words):
    Server.folder = words[0]
    configuration = QuicConfiguration(is_client=False, alpn_protocols=H3_ALPN)
    with tempfile.TemporaryDirectory() as folder:
        write_certificate(folder)
        configuration.load_cert_chain(folder + '/cert.pem', folder + '/key.pem')
    running = await serve('127.0.0.1', 0, configuration=configuration, create_protocol=Server)
    print(running._transport.get_extra_info('sockname')[1], flush=True)
    await asyncio.Event().wait()


if __name__ == '__main__':
    asyncio.run({'client': client, 'server': server}[sys.argv[1]](sys.argv[2:]))
