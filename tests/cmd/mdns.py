"""Sends multicast DNS as nobody should: answers about _minimodel._udp that are hostile, and packets that are none.

mdns.py ADDRESS PEERID   from the interface that has ADDRESS; PEERID is one that an honest announcement could have
"""

import random
import socket
import struct
import sys
import time

TYPE = [b'_minimodel', b'_udp', b'local']
WRONG = '10.77.0.66' # of what nobody should find
A, PTR, TXT, AAAA, SRV = 1, 12, 16, 28, 33


def name(labels):
    return b''.join(bytes([len(label)]) + label for label in labels) + b'\0'


def record(labels, kind, data, flush=True):
    return name(labels) + struct.pack('>HHIH', kind, 0x8001 if flush and kind != PTR else 1, 120, len(data)) + data


def packet(records):
    return struct.pack('>HHHHHH', 0, 0x8400, 0, len(records), 0, 0) + b''.join(records)


def instance(label, texts, port=4433, address='10.77.0.9', host=None, kind=A):
    host = [host or b'host-' + bytes(str(random.getrandbits(40)), 'ascii'), b'local']
    there = [label] + TYPE
    data = socket.inet_pton(socket.AF_INET6 if kind == AAAA else socket.AF_INET, address)
    return packet([record(TYPE, PTR, name(there)),
                   record(there, SRV, struct.pack('>HHH', 0, 0, port) + name(host)),
                   record(there, TXT, b''.join(bytes([len(text)]) + text for text in texts) or b'\0'),
                   record(host, kind, data)])


def malformed():
    """Packets that are cut off, loop, or say more than they have."""
    whole = instance(b'cut', [b'peer-id=x'])
    yield from (whole[:length] for length in range(0, len(whole), 7))
    yield whole[:6] + b'\xff\xff' + whole[8:]
    yield struct.pack('>HHHHHH', 0, 0x8400, 0, 1, 0, 0) + b'\xc0\x0c' + struct.pack('>HHIH', PTR, 1, 120, 2) + b'\xc0\x0c'
    yield packet([record(TYPE, TXT, b'\xff' + b'x' * 10), record(TYPE, SRV, b'\0')])
    yield packet([name([b'x' * 63] * 4)[:-1] + b'\0' + struct.pack('>HHIH', PTR, 1, 120, 0)])
    for seed in range(300):
        generator = random.Random(seed)
        spoiled = bytearray(whole)
        for _ in range(1 + seed % 8):
            spoiled[generator.randrange(len(spoiled))] = generator.getrandbits(8)
        yield bytes(spoiled)
        yield generator.randbytes(generator.randrange(1400))


def main(address, peer):
    good = b'peer-id=' + peer.encode()
    sending = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sending.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sending.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    sending.bind((address, 5353))
    sending.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 255)
    sending.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(address))

    def send(data):
        sending.sendto(data, ('224.0.0.251', 5353))

    random.seed(1)
    for data in malformed():
        send(data)
    time.sleep(1)  # what follows is to be heard: a receiver's buffer may be full by now
    send(instance(b'\x1b[31mred\nline\ttab\xe2\x80\xae', [good]))
    send(instance(b'no text', [], address=WRONG))
    send(instance(b'no peer', [b'peer-id', b'peer-id=' + b'a' * 52], address=WRONG))
    send(instance(b'wrong one first', [b'peer-id=', good], address=WRONG))
    send(instance(b'long', [b'peer-id=' + b'a' * 247, b'x' * 255], address=WRONG))
    send(instance(b'no port', [good], port=0, address=WRONG))
    for place in ('127.0.0.1', '0.0.0.0', '224.0.0.251', '255.255.255.255'):
        send(instance(place.encode(), [good], address=place))
    for place in ('::1', 'fe80::1', 'ff02::fb', '::ffff:127.0.0.1', '::'):
        send(instance(place.encode(), [good], address=place, kind=AAAA))
    time.sleep(2)  # so that those above are among the first that are found
    for number in range(1500):
        send(instance(b'flood %d' % number, [good], port=1 + number, address='10.77.%d.%d' % (1 + number // 250, 1 + number % 250)))


if __name__ == '__main__':
    main(*sys.argv[1:])
