# SPDX-License-Identifier: Apache-2.0
"""
Ed25519 of RFC 8032 section 5.1, written from its text for the tests alone: it shares nothing with
libsodium and OpenSSL, and it is slow and not constant in time. A few milliseconds a signature.
"""
import hashlib

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT_OF_MINUS_1 = pow(2, (P - 1) // 4, P)

# Points are (X, Y, Z, T): x = X/Z, y = Y/Z, x * y = T/Z.
NEUTRAL = (0, 1, 1, 0)


def _add(p, q):
    a = (p[1] - p[0]) * (q[1] - q[0]) % P
    b = (p[1] + p[0]) * (q[1] + q[0]) % P
    c = 2 * p[3] * q[3] * D % P
    d = 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def _times(scalar, point):
    total = NEUTRAL
    while scalar:
        if scalar & 1:
            total = _add(total, point)
        point = _add(point, point)
        scalar >>= 1
    return total


def _same(p, q):
    return (p[0] * q[2] - q[0] * p[2]) % P == 0 and (p[1] * q[2] - q[1] * p[2]) % P == 0


def _x_of(y, odd):
    """The x of the curve's point at y, or None."""
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT_OF_MINUS_1 % P
    if (x * x - square) % P or (x == 0 and odd):
        return None
    return P - x if x & 1 != odd else x


def _encode(point):
    inverse = pow(point[2], P - 2, P)
    x, y = point[0] * inverse % P, point[1] * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, "little")


def _decode(raw):
    number = int.from_bytes(raw, "little")
    y, odd = number & ((1 << 255) - 1), number >> 255
    x = _x_of(y, odd) if y < P else None
    return None if x is None else (x, y, 1, x * y % P)


_BASE_Y = 4 * pow(5, P - 2, P) % P
_BASE_X = _x_of(_BASE_Y, 0)
BASE = (_BASE_X, _BASE_Y, 1, _BASE_X * _BASE_Y % P)


def _scalar(data):
    return int.from_bytes(hashlib.sha512(data).digest(), "little") % L


def _expand(seed):
    digest = hashlib.sha512(seed).digest()
    secret = int.from_bytes(digest[:32], "little") & ((1 << 254) - 8) | 1 << 254
    return secret, digest[32:]


def public(seed):
    """The public key of 32 bytes."""
    return _encode(_times(_expand(seed)[0], BASE))


def sign(seed, message):
    secret, prefix = _expand(seed)
    key = _encode(_times(secret, BASE))
    nonce = _scalar(prefix + message)
    commitment = _encode(_times(nonce, BASE))
    return commitment + ((nonce + _scalar(commitment + key + message) * secret) % L).to_bytes(32, "little")


def fits(key, message, signature):
    """Whether `signature` is that of `key` over `message`."""
    if len(key) != 32 or len(signature) != 64:
        return False
    point, commitment = _decode(key), _decode(signature[:32])
    response = int.from_bytes(signature[32:], "little")
    if point is None or commitment is None or response >= L:
        return False
    challenge = _scalar(signature[:32] + key + message)
    return _same(_times(response, BASE), _add(commitment, _times(challenge, point)))
