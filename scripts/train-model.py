#!/usr/bin/env python3
"""Train the small shipped model from its corpus and write it as GGUF.

Needs Python 3.9 or later and numpy, nothing else.  One core is enough.

The model has the llama architecture: RMSNorm, rotary embedding on
interleaved pairs, grouped-query attention, SwiGLU, and the embedding
matrix used again as the output matrix.  Forward and backward passes are
written out by hand below; --check-gradients compares them with finite
differences.

Shapes in the comments:
  B windows in a batch, T tokens in a window, N = B*T tokens in all
  D model width, F feed-forward width, V vocabulary size
  H query heads, K key/value heads, G = H/K, C = D/H width of one head
"""

import argparse
import math
import os
import re
import struct
import sys
import time
from collections import Counter, namedtuple

# One thread: set before numpy loads its matrix library.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import numpy as np  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
MODEL_DIR = os.path.join(HERE, os.pardir, "share", "model")
CORPUS = os.path.normpath(os.path.join(MODEL_DIR, "corpus.txt"))
OUTPUT = os.path.normpath(
    os.path.join(MODEL_DIR, "mini-keeper-200k-f16.gguf"))

Config = namedtuple(
    "Config", "layers width heads kv_heads ffn vocab context base eps")

CONFIG = Config(layers=4, width=64, heads=4, kv_heads=2, ffn=160,
                vocab=384, context=256, base=10000.0, eps=1e-5)

END = "<|end|>"          # stands between two pieces of text
STORY_BREAK = "%"        # a line of its own in the corpus file

CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "{% if message['role'] == 'assistant' %}"
    "{{ 'Keeper: ' + message['content'] + '\\n' }}"
    "{% elif message['role'] == 'user' %}"
    "{{ 'Ask: ' + message['content'] + '\\n' }}"
    "{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ 'Keeper:' }}{% endif %}")


def log(text):
    print(text, file=sys.stderr, flush=True)


# ---------------------------------------------------------------- tokenizer

# GPT-2's split pattern.  The text is ASCII, so letters and digits can be
# named directly and Python's own re module is enough.
SPLIT = re.compile(
    r"'s|'t|'re|'ve|'m|'ll|'d| ?[A-Za-z]+| ?[0-9]+"
    r"| ?[^\sA-Za-z0-9]+|\s+(?!\S)|\s+", re.ASCII)


def byte_symbols():
    """GPT-2's list of (byte, visible character), in token order."""
    visible = (list(range(0x21, 0x7F)) + list(range(0xA1, 0xAD))
               + list(range(0xAE, 0x100)))
    pairs = [(byte, chr(byte)) for byte in visible]
    hidden = [byte for byte in range(256) if byte not in visible]
    return pairs + [(byte, chr(256 + i)) for i, byte in enumerate(hidden)]


def merge_word(word, pair):
    """Join every occurrence of the pair in a tuple of symbols."""
    joined, i = [], 0
    while i < len(word):
        if word[i:i + 2] == pair:
            joined.append(word[i] + word[i + 1])
            i += 2
        else:
            joined.append(word[i])
            i += 1
    return tuple(joined)


def count_pairs(words):
    counts = Counter()
    for word, times in words.items():
        for pair in zip(word, word[1:]):
            counts[pair] += times
    return counts


def learn_merges(words, how_many):
    """Byte-pair merges; equal counts go to the smaller pair."""
    merges = []
    for _ in range(how_many):
        counts = count_pairs(words)
        if not counts:
            raise SystemExit("corpus too small for this vocabulary")
        best = min(counts, key=lambda pair: (-counts[pair], pair))
        merges.append(best)
        words = {merge_word(w, best): n for w, n in words.items()}
    return merges


class Tokenizer:
    """Byte-level BPE: 256 byte symbols, merges, one end-of-text token."""

    def __init__(self, stories, vocab):
        self.symbol = dict(byte_symbols())
        self.byte = {char: byte for byte, char in self.symbol.items()}
        words = Counter(self.spell(piece) for story in stories
                        for piece in SPLIT.findall(story))
        self.merges = learn_merges(words, vocab - 256 - 1)
        self.tokens = [char for _, char in byte_symbols()]
        self.tokens += [a + b for a, b in self.merges] + [END]
        self.ids = {token: i for i, token in enumerate(self.tokens)}
        if not len(self.ids) == len(self.tokens) == vocab:
            raise SystemExit("two merges give the same token")
        self.end = self.ids[END]
        self.rank = {pair: i for i, pair in enumerate(self.merges)}
        self.known = {}

    def spell(self, piece):
        return tuple(self.symbol[b] for b in piece.encode("utf-8"))

    def encode_piece(self, piece):
        word = self.spell(piece)
        while len(word) > 1:
            best = min(zip(word, word[1:]),
                       key=lambda p: self.rank.get(p, math.inf))
            if best not in self.rank:
                break
            word = merge_word(word, best)
        return [self.ids[symbol] for symbol in word]

    def encode(self, text):
        out = []
        for piece in SPLIT.findall(text):
            if piece not in self.known:
                self.known[piece] = self.encode_piece(piece)
            out += self.known[piece]
        return out

    def decode(self, ids):
        chars = "".join(self.tokens[i] for i in ids if i != self.end)
        return bytes(self.byte[c] for c in chars).decode("utf-8", "replace")


# --------------------------------------------------------------- parameters

def parameter_shapes(cfg):
    """Tensor name -> shape (rows, row length), in file order."""
    d, f = cfg.width, cfg.ffn
    kv = cfg.width // cfg.heads * cfg.kv_heads
    shapes = {"token_embd.weight": (cfg.vocab, d)}
    for i in range(cfg.layers):
        block = {"attn_norm": (d,), "attn_q": (d, d), "attn_k": (kv, d),
                 "attn_v": (kv, d), "attn_output": (d, d),
                 "ffn_norm": (d,), "ffn_gate": (f, d), "ffn_up": (f, d),
                 "ffn_down": (d, f)}
        for name, shape in block.items():
            shapes["blk.%d.%s.weight" % (i, name)] = shape
    shapes["output_norm.weight"] = (d,)
    return shapes


def new_parameters(cfg, rng, dtype=np.float32):
    """Norms are one; matrices are small and random."""
    params = {}
    for name, shape in parameter_shapes(cfg).items():
        if len(shape) == 1:
            params[name] = np.ones(shape, dtype)
            continue
        std = 0.05 if name.startswith("token_embd") else shape[1] ** -0.5
        if "attn_output" in name or "ffn_down" in name:
            std /= math.sqrt(2 * cfg.layers)
        params[name] = (std * rng.standard_normal(shape)).astype(dtype)
    return params


def round_to_file(params):
    """The values as the file holds them: matrices f16, norms f32."""
    return {name: w.astype(np.float16).astype(np.float32)
            if w.ndim == 2 else w.astype(np.float32)
            for name, w in params.items()}


# ------------------------------------------------------- forward / backward

def rms_norm(x, gain, eps):
    # x (N, D), gain (D) -> (N, D)
    inverse = 1 / np.sqrt(np.mean(x * x, axis=1, keepdims=True) + eps)
    unit = x * inverse
    return unit * gain, (unit, inverse, gain)


def rms_norm_back(dy, tape):
    unit, inverse, gain = tape            # (N, D), (N, 1), (D)
    dgain = np.sum(dy * unit, axis=0)     # (D)
    dunit = dy * gain                     # (N, D)
    along = np.mean(dunit * unit, axis=1, keepdims=True)
    return inverse * (dunit - unit * along), dgain


def linear(x, w):
    return x @ w.T                        # (N, in) @ (in, out) -> (N, out)


def linear_back(dy, x, w):
    return dy @ w, dy.T @ x               # (N, in), (out, in)


def rope_table(cfg, length, dtype):
    """Cosine and sine for each position and pair, shape (T, 1, C/2)."""
    half = cfg.width // cfg.heads // 2
    rate = cfg.base ** (-np.arange(half) / half)
    angle = np.arange(length)[:, None, None] * rate
    return np.cos(angle).astype(dtype), np.sin(angle).astype(dtype)


def rope(x, cos, sin):
    # x (B, T, heads, C): turn each pair (x[2i], x[2i+1])
    even, odd = x[..., 0::2], x[..., 1::2]
    out = np.empty_like(x)
    out[..., 0::2] = even * cos - odd * sin
    out[..., 1::2] = even * sin + odd * cos
    return out


def rope_back(dy, cos, sin):
    return rope(dy, cos, -sin)            # turn the other way


def split_queries(x, cfg):
    # (B, T, H, C) -> (B, K, G*T, C): one stack per key/value head
    b, t, h, c = x.shape
    k = cfg.kv_heads
    x = x.reshape(b, t, k, h // k, c).transpose(0, 2, 3, 1, 4)
    return x.reshape(b, k, h // k * t, c)


def join_queries(x, cfg, t):
    # (B, K, G*T, C) -> (B, T, H, C)
    b, k, gt, c = x.shape
    x = x.reshape(b, k, gt // t, t, c).transpose(0, 3, 1, 2, 4)
    return np.ascontiguousarray(x).reshape(b, t, cfg.heads, c)


def split_keys(x):
    # (B, T, K, C) -> (B, K, T, C), and back again
    return np.ascontiguousarray(x.transpose(0, 2, 1, 3))


def causal_softmax(scores, t):
    # scores (B, K, G*T, T): row r looks from position r mod T
    b, k, gt, _ = scores.shape
    rows = scores.reshape(b, k, gt // t, t, t)
    hidden = np.triu(np.ones((t, t), bool), 1)
    rows += np.where(hidden, -np.inf, 0).astype(scores.dtype)
    rows -= rows.max(axis=-1, keepdims=True)
    np.exp(rows, out=rows)
    rows /= rows.sum(axis=-1, keepdims=True)
    return rows.reshape(scores.shape)


def attention(q, k, v, cfg, table):
    # q (B, T, H, C), k and v (B, T, K, C) -> (B, T, H, C)
    t, scale = q.shape[1], q.shape[3] ** -0.5
    q = split_queries(rope(q, *table), cfg)      # (B, K, G*T, C)
    k = split_keys(rope(k, *table))              # (B, K, T, C)
    v = split_keys(v)                            # (B, K, T, C)
    scores = q @ k.transpose(0, 1, 3, 2)         # (B, K, G*T, T)
    scores *= scale
    p = causal_softmax(scores, t)
    out = p @ v                                  # (B, K, G*T, C)
    return join_queries(out, cfg, t), (q, k, v, p)


def attention_back(dout, tape, cfg, table):
    q, k, v, p = tape
    t, scale = k.shape[2], q.shape[3] ** -0.5
    dout = split_queries(dout, cfg)              # (B, K, G*T, C)
    dv = p.transpose(0, 1, 3, 2) @ dout          # (B, K, T, C)
    dp = dout @ v.transpose(0, 1, 3, 2)          # (B, K, G*T, T)
    along = np.einsum("bkrt,bkrt->bkr", dp, p)   # (B, K, G*T)
    dp -= along[..., None]
    dp *= p
    dp *= scale
    dq = join_queries(dp @ k, cfg, t)            # (B, T, H, C)
    dk = split_keys(dp.transpose(0, 1, 3, 2) @ q)    # (B, T, K, C)
    return rope_back(dq, *table), rope_back(dk, *table), split_keys(dv)


def swiglu(gate, up):
    # (N, F), (N, F) -> (N, F)
    sigmoid = 1 / (1 + np.exp(-gate))
    return gate * sigmoid * up, (gate, up, sigmoid)


def swiglu_back(dy, tape):
    gate, up, sigmoid = tape
    silu = gate * sigmoid
    dgate = dy * up * (sigmoid + silu * (1 - sigmoid))
    return dgate, dy * silu


def attention_block(x, params, prefix, cfg, table, shape):
    b, t = shape
    h, norm = rms_norm(x, params[prefix + "attn_norm.weight"], cfg.eps)
    q, k, v = (linear(h, params[prefix + name + ".weight"])
               .reshape(b, t, -1, cfg.width // cfg.heads)
               for name in ("attn_q", "attn_k", "attn_v"))
    mixed, inner = attention(q, k, v, cfg, table)
    mixed = mixed.reshape(b * t, cfg.width)      # (N, D)
    out = linear(mixed, params[prefix + "attn_output.weight"])
    return x + out, (norm, h, inner, mixed)


def attention_block_back(dx, params, grads, prefix, cfg, table, shape,
                         tape):
    norm, h, inner, mixed = tape
    name = prefix + "attn_output.weight"
    dmixed, grads[name] = linear_back(dx, mixed, params[name])
    dmixed = dmixed.reshape(*shape, cfg.heads, -1)   # (B, T, H, C)
    parts = attention_back(dmixed, inner, cfg, table)
    dh = 0
    for part, dpart in zip(("attn_q", "attn_k", "attn_v"), parts):
        name = prefix + part + ".weight"
        dpart = dpart.reshape(len(h), -1)        # (N, heads*C)
        more, grads[name] = linear_back(dpart, h, params[name])
        dh = dh + more                           # (N, D)
    dnorm, grads[prefix + "attn_norm.weight"] = rms_norm_back(dh, norm)
    return dx + dnorm


def ffn_block(x, params, prefix, cfg):
    h, norm = rms_norm(x, params[prefix + "ffn_norm.weight"], cfg.eps)
    gate = linear(h, params[prefix + "ffn_gate.weight"])    # (N, F)
    up = linear(h, params[prefix + "ffn_up.weight"])        # (N, F)
    act, inner = swiglu(gate, up)
    out = linear(act, params[prefix + "ffn_down.weight"])   # (N, D)
    return x + out, (norm, h, inner, act)


def ffn_block_back(dx, params, grads, prefix, tape):
    norm, h, inner, act = tape
    name = prefix + "ffn_down.weight"
    dact, grads[name] = linear_back(dx, act, params[name])  # (N, F)
    dgate, dup = swiglu_back(dact, inner)
    name = prefix + "ffn_gate.weight"
    dh, grads[name] = linear_back(dgate, h, params[name])   # (N, D)
    name = prefix + "ffn_up.weight"
    more, grads[name] = linear_back(dup, h, params[name])   # (N, D)
    dnorm, grads[prefix + "ffn_norm.weight"] = rms_norm_back(dh + more,
                                                             norm)
    return dx + dnorm


def forward(params, ids, cfg):
    """Token ids (B, T) -> logits (N, V) and what backward needs."""
    embd = params["token_embd.weight"]                      # (V, D)
    table = rope_table(cfg, ids.shape[1], embd.dtype)
    x = embd[ids.reshape(-1)]                               # (N, D)
    blocks = []
    for i in range(cfg.layers):
        prefix = "blk.%d." % i
        x, attn = attention_block(x, params, prefix, cfg, table, ids.shape)
        x, ffn = ffn_block(x, params, prefix, cfg)
        blocks.append((prefix, attn, ffn))
    h, norm = rms_norm(x, params["output_norm.weight"], cfg.eps)
    logits = linear(h, embd)                                # (N, V)
    return logits, (ids, table, blocks, h, norm)


def backward(params, dlogits, tape, cfg):
    """Gradient of the loss for every parameter, given dlogits (N, V)."""
    ids, table, blocks, h, norm = tape
    grads = {}
    embd = params["token_embd.weight"]                      # (V, D)
    dh, dembd = linear_back(dlogits, h, embd)               # (N, D), (V, D)
    dx, grads["output_norm.weight"] = rms_norm_back(dh, norm)
    for prefix, attn, ffn in reversed(blocks):
        dx = ffn_block_back(dx, params, grads, prefix, ffn)
        dx = attention_block_back(dx, params, grads, prefix, cfg, table,
                                  ids.shape, attn)
    np.add.at(dembd, ids.reshape(-1), dx)    # the matrix is used twice
    grads["token_embd.weight"] = dembd
    return grads


def cross_entropy(logits, targets):
    """Mean loss in nats per token, and its gradient (N, V)."""
    n = len(logits)
    shifted = logits - logits.max(axis=1, keepdims=True)
    p = np.exp(shifted)
    total = p.sum(axis=1, keepdims=True)
    right = shifted[np.arange(n), targets]
    loss = np.mean(np.log(total[:, 0]) - right)
    p /= total
    p[np.arange(n), targets] -= 1
    return float(loss), p / n


# ----------------------------------------------------------------- training

class Adam:
    """Adam; matrices also shrink a little at each step (weight decay)."""

    def __init__(self, params, beta1=0.9, beta2=0.99, eps=1e-8, decay=1.0):
        self.beta1, self.beta2, self.eps = beta1, beta2, eps
        self.decay = decay
        self.mean = {k: np.zeros_like(w) for k, w in params.items()}
        self.square = {k: np.zeros_like(w) for k, w in params.items()}
        self.step = 0

    def update(self, params, grads, rate):
        self.step += 1
        fix1 = 1 - self.beta1 ** self.step
        fix2 = 1 - self.beta2 ** self.step
        for name, grad in grads.items():
            mean, square = self.mean[name], self.square[name]
            if grad.ndim == 2:
                params[name] *= 1 - rate * self.decay
            mean += (1 - self.beta1) * (grad - mean)
            square += (1 - self.beta2) * (grad * grad - square)
            params[name] -= (rate / fix1) * mean / (
                np.sqrt(square / fix2) + self.eps)


def clip(grads, limit=1.0):
    """Shorten the whole gradient to the limit if it is longer."""
    norm = math.sqrt(sum(float(np.vdot(g, g)) for g in grads.values()))
    if norm > limit:
        for grad in grads.values():
            grad *= limit / norm


def learning_rate(done, step, peak=4e-3, floor=4e-5, warmup=100):
    """A short rise, then a cosine down; done goes from 0 to 1."""
    wave = 0.5 * (1 + math.cos(math.pi * min(done, 1.0)))
    return min(1.0, (step + 1) / warmup) * (floor + (peak - floor) * wave)


def draw_windows(stream, starts, rng, batch, length):
    """Half of the windows begin with a story, half anywhere."""
    at = rng.integers(0, len(stream), batch)
    at[:batch // 2] = rng.choice(starts, batch // 2)
    index = (at[:, None] + np.arange(length + 1)) % len(stream)
    window = stream[index]                       # (B, T+1)
    return window[:, :-1], window[:, 1:].reshape(-1)


def add_noise(ids, rng, share, vocab):
    """Put random tokens in some places of the input (not the targets).

    The text is short and the model would soon know it by heart; with
    noise it keeps to sentences also after words that it has not seen.
    """
    return np.where(rng.random(ids.shape) < share,
                    rng.integers(0, vocab, ids.shape), ids)


class Schedule:
    """How much of the training is done, from 0 to 1.

    Counted in steps, so that a run can be repeated, as long as all steps
    will fit into the time; after that by the clock, and it says so.
    """

    def __init__(self, steps, minutes):
        self.steps, self.minutes = steps, minutes
        self.begun, self.by_clock, self.done = time.monotonic(), False, 0.0

    def elapsed(self):
        return (time.monotonic() - self.begun) / 60

    def at(self, step):
        spent = self.elapsed()
        if not self.by_clock and self.too_slow(step, spent):
            self.by_clock = True
            log("not enough time for %d steps: the clock decides, and "
                "another run may give another model" % self.steps)
        clock = spent / self.minutes if self.by_clock else 0.0
        self.done = max(self.done, step / self.steps, clock)
        return self.done

    def too_slow(self, step, spent):
        if spent >= self.minutes:
            return True
        return step >= 100 and spent / step * self.steps > self.minutes


def train_step(params, adam, cfg, ids, targets, rate):
    logits, tape = forward(params, ids, cfg)
    loss, dlogits = cross_entropy(logits, targets)
    grads = backward(params, dlogits, tape, cfg)
    clip(grads)
    adam.update(params, grads, rate)
    return loss


def train(cfg, stream, starts, args):
    """New parameters, trained for --steps or --minutes."""
    rng = np.random.default_rng(args.seed)
    params = new_parameters(cfg, rng)
    adam, average = Adam(params), None
    schedule = Schedule(args.steps, args.minutes)
    for step in range(args.steps):
        done = schedule.at(step)
        if done >= 1:
            break
        ids, targets = draw_windows(stream, starts, rng, args.batch,
                                    cfg.context)
        ids = add_noise(ids, rng, args.noise, cfg.vocab)
        loss = train_step(params, adam, cfg, ids, targets,
                          learning_rate(done, step))
        average = loss if average is None else 0.98 * average + 0.02 * loss
        if step % 50 == 0 or step == args.steps - 1:
            log("step %5d  loss %.4f  %5.1f min"
                % (step, average, schedule.elapsed()))
    return params


def mean_loss(params, stream, cfg):
    """Nats per token over the whole stream, in windows side by side."""
    total = count = 0
    for at in range(0, len(stream) - 1, cfg.context):
        piece = stream[at:at + cfg.context + 1]
        logits, _ = forward(params, piece[None, :-1], cfg)
        loss, _ = cross_entropy(logits, piece[1:])
        total += loss * (len(piece) - 1)
        count += len(piece) - 1
    return total / count


def continue_greedily(params, ids, how_many, cfg, end):
    """Always take the likeliest token; stop at the end token."""
    ids, begin = list(ids), len(ids)
    while len(ids) < begin + how_many:
        window = np.array([ids[-cfg.context:]])
        logits, _ = forward(params, window, cfg)
        best = int(np.argmax(logits[-1]))
        if best == end:
            break
        ids.append(best)
    return ids[begin:]


# ----------------------------------------------------------- gradient check

def check_gradients(seed):
    """Compare backward with central differences, in double precision."""
    cfg = Config(layers=2, width=16, heads=4, kv_heads=2, ffn=12, vocab=20,
                 context=7, base=100.0, eps=1e-5)
    rng = np.random.default_rng(seed)
    params = new_parameters(cfg, rng, np.float64)
    for w in params.values():
        w += 0.3 * rng.standard_normal(w.shape)
    ids = rng.integers(0, cfg.vocab, (2, cfg.context))
    targets = rng.integers(0, cfg.vocab, ids.size)
    logits, tape = forward(params, ids, cfg)
    grads = backward(params, cross_entropy(logits, targets)[1], tape, cfg)
    worst = 0.0
    for name, w in params.items():
        error = tensor_error(params, w, grads[name], ids, targets, cfg, rng)
        worst = max(worst, error)
        print("%-26s relative error %.1e" % (name, error))
    print("worst relative error %.1e" % worst)
    return worst < 1e-6


def tensor_error(params, w, grad, ids, targets, cfg, rng, tries=20):
    """Largest difference at random places, relative to the gradient."""
    flat, scale, worst = w.reshape(-1), np.abs(grad).max(), 0.0
    for i in rng.choice(w.size, min(tries, w.size), replace=False):
        old, side = flat[i], []
        for step in (1e-5, -1e-5):
            flat[i] = old + step
            logits, _ = forward(params, ids, cfg)
            side.append(cross_entropy(logits, targets)[0])
        flat[i] = old
        slope = (side[0] - side[1]) / 2e-5
        worst = max(worst, abs(slope - grad.reshape(-1)[i]) / scale)
    return worst


# ------------------------------------------------------------- GGUF writing

U32, I32, F32, BOOL, STRING, ARRAY = 4, 5, 6, 7, 8, 9
TENSOR_F32, TENSOR_F16 = 0, 1
ALIGNMENT = 32


def gguf_string(text):
    raw = text.encode("utf-8")
    return struct.pack("<Q", len(raw)) + raw


def gguf_scalar(kind, value):
    if kind == STRING:
        return gguf_string(value)
    code = {U32: "<I", I32: "<i", F32: "<f", BOOL: "<?"}[kind]
    return struct.pack(code, value)


def gguf_pair(key, kind, value, item=None):
    head = gguf_string(key) + struct.pack("<I", kind)
    if kind != ARRAY:
        return head + gguf_scalar(kind, value)
    head += struct.pack("<IQ", item, len(value))
    return head + b"".join(gguf_scalar(item, v) for v in value)


def metadata(cfg, tok):
    """Every key of the file, in order: (key, type, value[, item type])."""
    types = [1] * (cfg.vocab - 1) + [3]          # 1 normal, 3 control
    return [
        ("general.architecture", STRING, "llama"),
        ("general.name", STRING, "Mini Keeper 200K"),
        ("general.license", STRING, "cc0-1.0"),
        ("general.file_type", U32, 1),           # mostly f16
        ("llama.block_count", U32, cfg.layers),
        ("llama.context_length", U32, cfg.context),
        ("llama.embedding_length", U32, cfg.width),
        ("llama.feed_forward_length", U32, cfg.ffn),
        ("llama.attention.head_count", U32, cfg.heads),
        ("llama.attention.head_count_kv", U32, cfg.kv_heads),
        ("llama.attention.layer_norm_rms_epsilon", F32, cfg.eps),
        ("llama.rope.dimension_count", U32, cfg.width // cfg.heads),
        ("llama.rope.freq_base", F32, cfg.base),
        ("llama.vocab_size", U32, cfg.vocab),
        ("tokenizer.ggml.model", STRING, "gpt2"),
        ("tokenizer.ggml.pre", STRING, "gpt-2"),
        ("tokenizer.ggml.tokens", ARRAY, tok.tokens, STRING),
        ("tokenizer.ggml.token_type", ARRAY, types, I32),
        ("tokenizer.ggml.merges", ARRAY,
         ["%s %s" % pair for pair in tok.merges], STRING),
        ("tokenizer.ggml.bos_token_id", U32, tok.end),
        ("tokenizer.ggml.eos_token_id", U32, tok.end),
        ("tokenizer.ggml.add_bos_token", BOOL, False),
        ("tokenizer.chat_template", STRING, CHAT_TEMPLATE),
    ]


def padding(length):
    return b"\0" * (-length % ALIGNMENT)


def tensor_bytes(w):
    kind = "<f2" if w.ndim == 2 else "<f4"
    return np.ascontiguousarray(w, dtype=kind).tobytes()


def tensor_entry(name, w, offset):
    dims = w.shape[::-1]                         # row length first
    kind = TENSOR_F16 if w.ndim == 2 else TENSOR_F32
    return (gguf_string(name) + struct.pack("<I", len(dims))
            + struct.pack("<%dQ" % len(dims), *dims)
            + struct.pack("<IQ", kind, offset))


def gguf_file(params, cfg, tok):
    """The whole file as bytes."""
    pairs = metadata(cfg, tok)
    head = b"GGUF" + struct.pack("<IQQ", 3, len(params), len(pairs))
    head += b"".join(gguf_pair(*pair) for pair in pairs)
    data = b""
    for name, w in params.items():
        head += tensor_entry(name, w, len(data))
        raw = tensor_bytes(w)
        data += raw + padding(len(raw))
    return head + padding(len(head)) + data


def write_file(path, data):
    """All or nothing: a half-written file never has the final name."""
    partial = path + ".part"
    with open(partial, "wb") as out:
        out.write(data)
    os.replace(partial, path)


# --------------------------------------------------------------------- main

def read_stories(path):
    with open(path, encoding="ascii", newline="") as source:
        text = source.read()
    parts = re.split(r"^%s\n" % STORY_BREAK, text, flags=re.MULTILINE)
    return [part.strip() for part in parts if part.strip()]


def make_stream(stories, tok):
    """All tokens in a row, and where each story begins."""
    ids, starts = [], []
    for story in stories:
        starts.append(len(ids))
        ids += tok.encode(story) + [tok.end]
    return np.array(ids), np.array(starts)


def parse_arguments():
    parser = argparse.ArgumentParser(
        description="Train the small model from its corpus and write it "
        "as a GGUF file.  With the same seed, corpus, numpy and kind of "
        "processor the file comes out the same, byte for byte, as long "
        "as all the steps fit into the time.")
    add = parser.add_argument
    add("--corpus", default=CORPUS, metavar="FILE",
        help="ASCII text, stories separated by a line with a single %% "
        "(default: share/model/corpus.txt)")
    add("--out", default=OUTPUT, metavar="FILE",
        help="file to write (default: share/model/"
        "mini-keeper-200k-f16.gguf)")
    add("--minutes", type=float, default=9.5, metavar="M",
        help="train no longer than this (default: %(default)s)")
    add("--steps", type=int, default=3000, metavar="N",
        help="training steps (default: %(default)s)")
    add("--batch", type=int, default=8, metavar="B",
        help="windows in one step (default: %(default)s)")
    add("--noise", type=float, default=0.2, metavar="P",
        help="share of random tokens in the input while training "
        "(default: %(default)s)")
    add("--seed", type=int, default=1, metavar="S",
        help="seed of the random numbers (default: %(default)s)")
    add("--check-gradients", action="store_true",
        help="only compare the gradients with finite differences; "
        "exit status 1 if they differ")
    return parser.parse_args()


def report(params, stories, stream, cfg, tok):
    loss = mean_loss(params, stream, cfg)
    size = sum(len(story) for story in stories)
    print("final loss: %.4f nats per token, %.4f bits per byte"
          % (loss, loss / math.log(2) * len(stream) / size))
    prompt = " ".join(stories[0].split()[:6])
    ids = continue_greedily(params, tok.encode(prompt), 100, cfg, tok.end)
    print("prompt:       %s" % prompt)
    print("continuation: %s" % tok.decode(ids))


def main():
    args = parse_arguments()
    if args.check_gradients:
        sys.exit(0 if check_gradients(args.seed) else 1)
    stories = read_stories(args.corpus)
    tok = Tokenizer(stories, CONFIG.vocab)
    stream, starts = make_stream(stories, tok)
    log("%d stories, %d tokens" % (len(stories), len(stream)))
    params = round_to_file(train(CONFIG, stream, starts, args))
    log("%d parameters" % sum(w.size for w in params.values()))
    data = gguf_file(params, CONFIG, tok)
    write_file(args.out, data)
    log("wrote %s, %d bytes" % (args.out, len(data)))
    report(params, stories, stream, CONFIG, tok)


if __name__ == "__main__":
    main()
