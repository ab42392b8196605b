"""Ed25519 (RFC 8032) in plain numbers: slow, and for tests alone. Keys and signatures are bytes."""

import hashlib

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT = pow(2, (P - 1) // 4, P)  # of -1


def add(a, b):
    """Points as (X, Y, Z, T), x = X/Z, y = Y/Z, xy = T/Z."""
    m, n = (a[1] - a[0]) * (b[1] - b[0]) % P, (a[1] + a[0]) * (b[1] + b[0]) % P
    t, z = 2 * a[3] * b[3] * D % P, 2 * a[2] * b[2] % P
    e, f, g, h = n - m, z - t, z + t, n + m
    return e * f % P, g * h % P, f * g % P, e * h % P


NEUTRAL = (0, 1, 1, 0)


def times(number, point):
    result = NEUTRAL
    while number:
        if number & 1:
            result = add(result, point)
        point = add(point, point)
        number >>= 1
    return result


def encode(point):
    inverse = pow(point[2], P - 2, P)
    x, y = point[0] * inverse % P, point[1] * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, "little")


def decode(data):
    """The point, or None where DATA is not the one spelling of one."""
    number = int.from_bytes(data, "little")
    sign, y = number >> 255, number & (1 << 255) - 1
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if x * x % P != square:
        x = x * ROOT % P
    if x * x % P != square or (x == 0 and sign):
        return None
    x = P - x if x & 1 != sign else x
    return x, y, 1, x * y % P


BASE = decode((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))


def same(a, b):
    return (a[0] * b[2] - b[0] * a[2]) % P == 0 and (a[1] * b[2] - b[1] * a[2]) % P == 0


def is_small(point):
    return same(times(8, point), NEUTRAL)


def is_good_key(data):
    """A canonical point of the prime-order group, and not its neutral one."""
    point = decode(data)
    return point is not None and not same(point, NEUTRAL) and same(times(ORDER, point), NEUTRAL)


def hashed(*parts):
    return int.from_bytes(hashlib.sha512(b"".join(parts)).digest(), "little") % ORDER


def verify(key, message, signature):
    first, scalar = decode(signature[:32]), int.from_bytes(signature[32:], "little")
    point = decode(key)
    if first is None or point is None or scalar >= ORDER or is_small(first):
        return False
    right = add(first, times(hashed(signature[:32], key, message), point))
    return same(times(scalar, BASE), right)


class Secret:
    def __init__(self, seed):
        digest = hashlib.sha512(seed).digest()
        clamped = int.from_bytes(digest[:32], "little") & (1 << 254) - 8 | 1 << 254
        self.scalar, self.prefix = clamped, digest[32:]
        self.public = encode(times(clamped, BASE))

    def sign(self, message):
        nonce = hashed(self.prefix, message)
        first = encode(times(nonce, BASE))
        scalar = (nonce + hashed(first, self.public, message) * self.scalar) % ORDER
        return first + scalar.to_bytes(32, "little")
