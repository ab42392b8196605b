"""Holds tokens against those of the library tokenizers, on vocabularies that are made here.

    tokens_made.py TOOL FOLDER [WAY]     FOLDER: where to write; WAY: a pre-tokenizer's name, or llama; else all of them

The vocabulary of kind gpt2 is trained without any cuts, so that its merges reach over words, digits and spaces: then a text that is cut in another place has other
tokens. Prints "same N" with the number of texts, or what differs.
"""
import json
import os
import random
import struct
import subprocess
import sys

import tokenizers
from tokenizers import AddedToken, Regex, decoders, models, normalizers, pre_tokenizers, trainers

SPACE = '\u2581'
CONTRACTIONS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
REST = '\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+'
UPPER, LOWER = '[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]', '[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]'
OLD_HAN = '[\u4e00-\u9fa5\u0800-\u4e00\uac00-\ud7ff]+'


def words(digits):
    return f'{CONTRACTIONS}|[^\\r\\n\\p{{L}}\\p{{N}}]?\\p{{L}}+|\\p{{N}}{digits}| ?[^\\s\\p{{L}}\\p{{N}}]+[\\r\\n]*|{REST}'


def cased(digits, behind):
    lead = '[^\\r\\n\\p{L}\\p{N}]?'
    return f'{lead}{UPPER}*{LOWER}+{behind}|{lead}{UPPER}+{LOWER}*{behind}|\\p{{N}}{digits}| ?[^\\s\\p{{L}}\\p{{N}}]+[\\r\\n/]*|{REST}'


def splits(*patterns):
    return [pre_tokenizers.Split(Regex(p), 'isolated') if isinstance(p, str) else p for p in patterns] + [
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]


BYTE_LEVEL = pre_tokenizers.ByteLevel(add_prefix_space=False)
# name in GGUF: (steps of the library, whether whole words are pieces)
WAYS = {
    'gpt-2': ([BYTE_LEVEL], False),
    'starcoder': ([pre_tokenizers.Digits(True), BYTE_LEVEL], False),
    'llama-bpe': (splits(words('{1,3}')), True),
    'dbrx': (splits(words('{1,3}')), False),
    'qwen2': (splits(words('')), False),
    'tekken': (splits(cased('', '')), True),
    'gpt-4o': (splits(cased('{1,3}', CONTRACTIONS + '?')), False),
    'seed-coder': (splits(f'{CONTRACTIONS}|[^\\r\\n\\p{{L}}\\p{{N}}]?\\p{{L}}+|\\p{{N}}| ?[^\\s\\p{{L}}\\p{{N}}\\r\\n]+|{REST}'), False),
    'deepseek-coder': (splits('[\\r\\n]', '\\s?\\p{L}+', '\\s?\\p{P}+', OLD_HAN, pre_tokenizers.Digits(True)), False),
    'deepseek-v3': (splits('\\p{N}{1,3}', '[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+',
                           '[!"#$%&\'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+|'
                           f' ?[\\p{{P}}\\p{{S}}]+[\\r\\n]*|{REST}'), False),
    'bloom': (splits(' ?[^\\s|().,!?\u2026\u3002\uff0c\u3001\u0964\u06d4\u060c]+'), False),
}
WORDS = ("Hello world I'm you'RE we'll THEY'VE it's 'sup don't can'T 'D iPhone XMLHttpRequest snake_case 3.14 12345 1 22 333 4444 55555 $100 "
         "\u20ac5 a+b=c x<y ~tilde~ ~~ ^^ `code` |pipe| \u65e5\u672c\u8a9e \u4e2d\u6587\u5b57\u7b26 \ud55c\uad6d\uc5b4 \u041f\u0440\u0438\u0432\u0435\u0442 \u00c9COLE "
         "\u00e9cole \u00e9A a\u00c9 \u01c5a \u02b0 \u00f1 \u00df \U0001f999 ... !!! ?! -- __ == // \\ \u0627\u0644\u0639\u0631\u0628\u064a\u0629 "
         "\u0939\u093f\u0928\u094d\u0926\u0940 \u0e44\u0e17\u0e22 \u00bd \u00b2 \u2167 \uff11\uff12\uff13 \uff5e \u3001\u3002 \u201cq\u201d \u2026").split(' ')
SPACES = [' ', '  ', '   ', '\n', '\n\n', '\r\n', '\t', ' \n', '\n ', '\u00a0', '\u3000', '\u2028', '\x0b', '\x85', '      ', '']
ADDED = ['<|start|>', '<|stop|>', '[[x y]]', '[[x', '\n\n\n']


def text(source, most=10):
    out = []
    for _ in range(source.randint(0, most)):
        out.append(source.choice(WORDS if source.random() < 0.6 else SPACES))
        if source.random() < 0.1:
            out.append(''.join(source.choice("abcABC019 '.,!~$\n\r\t/-") for _ in range(6)))
    return ''.join(out)


def train():
    """Pieces and merges over everything."""
    source = random.Random(7)
    made = tokenizers.Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    made.train_from_iterator([text(source, 30) for _ in range(3000)], trainers.BpeTrainer(
        vocab_size=4000, show_progress=False, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), max_token_length=12))
    model = json.loads(made.to_str())['model']
    return model['vocab'], [tuple(merge) if isinstance(merge, list) else tuple(merge.split(' ')) for merge in model['merges']]


def string(value):
    data = value.encode()
    return struct.pack('<Q', len(data)) + data


def pair(key, kind, value):
    return string(f'tokenizer.ggml.{key}') + struct.pack('<I', kind) + value


def write_gguf(path, way, vocab, merges):
    pieces = sorted(vocab, key=vocab.get) + ADDED
    def strings(items):
        return struct.pack('<IQ', 8, len(items)) + b''.join(map(string, items))
    pairs = [pair('model', 8, string('gpt2')), pair('pre', 8, string(way)), pair('tokens', 9, strings(pieces)),
             pair('token_type', 9, struct.pack(f'<IQ{len(pieces)}i', 5, len(pieces), *([1] * len(vocab) + [4] * len(ADDED)))),
             pair('merges', 9, strings([' '.join(merge) for merge in merges])), pair('add_bos_token', 7, b'\0')]
    with open(path, 'wb') as file:
        file.write(b'GGUF' + struct.pack('<IQQ', 3, 0, len(pairs)) + b''.join(pairs))


def ask(tool, path, questions):
    made = subprocess.run([tool, path], input='\n'.join(questions) + '\n', capture_output=True, text=True)
    if made.returncode:
        sys.exit(made.stderr)
    return made.stdout.splitlines()


def compare(tool, path, made, what, decodes, texts):
    wanted = [made.encode(t, add_special_tokens=False).ids for t in texts]
    found = ask(tool, path, [f'encode 0 {t.encode().hex()}' for t in texts])
    back = ask(tool, path, [f'decode 1 {" ".join(map(str, ids))}' for ids in wanted])
    for t, ids, mine, decoded in zip(texts, wanted, found, back):
        if mine != ' '.join(map(str, ids)):
            sys.exit(f'{what}: {t!r}\nexpected {[made.id_to_token(i) for i in ids]}\nfound    {[made.id_to_token(int(i)) for i in mine.split()]}')
        if decodes and bytes.fromhex(decoded) != t.encode():
            sys.exit(f'{what}: {t!r}\nback as  {bytes.fromhex(decoded)!r}')
    return len(texts)


def compare_way(tool, folder, way, vocab, merges):
    steps, whole = WAYS[way]
    source = random.Random(way)
    path = os.path.join(folder, 'made.gguf')
    write_gguf(path, way, vocab, merges)
    made = tokenizers.Tokenizer(models.BPE(vocab, merges, ignore_merges=whole))
    made.pre_tokenizer = pre_tokenizers.Sequence(steps)
    made.add_tokens([AddedToken(name, normalized=False) for name in ADDED])
    return compare(tool, path, made, way, True, [text(source) + source.choice(['', *ADDED]) + text(source) for _ in range(1000)])


def make_llama(folder):
    """Pieces with spaces as U+2581, and a piece for each byte."""
    source = random.Random(11)
    raw = tokenizers.Tokenizer(models.BPE())
    raw.normalizer = normalizers.Sequence([normalizers.Prepend(SPACE), normalizers.Replace(' ', SPACE)])
    raw.train_from_iterator([text(source, 30) for _ in range(3000)], trainers.BpeTrainer(
        vocab_size=3000, show_progress=False, limit_alphabet=90, max_token_length=12))
    model = json.loads(raw.to_str())['model']
    names = ['<unk>', '<s>', '</s>', *(f'<0x{byte:02X}>' for byte in range(256)), *sorted(model['vocab'], key=model['vocab'].get)]
    known = set(names[259:])
    # all partings of each piece, in the order of pieces: what scores say
    merges = [(piece[:at], piece[at:]) for piece in names[259:] for at in range(1, len(piece)) if piece[:at] in known and piece[at:] in known]
    made = tokenizers.Tokenizer(models.BPE({name: i for i, name in enumerate(names)}, merges, unk_token='<unk>', fuse_unk=True, byte_fallback=True))
    made.normalizer = raw.normalizer
    made.decoder = decoders.Sequence([decoders.Replace(SPACE, ' '), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(' ', 1, 0)])
    made.add_special_tokens([AddedToken(name, normalized=False) for name in ('<unk>', '<s>', '</s>')])
    made.save(os.path.join(folder, 'tokenizer.json'))
    return made


def compare_llama(tool, folder):
    source = random.Random(13)
    made = make_llama(folder)
    texts = [t for t in (text(source) for _ in range(1000)) if t]
    return compare(tool, os.path.join(folder, 'tokenizer.json'), made, 'llama', True, texts)


def main():
    tool, folder, *asked = sys.argv[1:]
    asked = asked or [*WAYS, 'llama']
    count = compare_llama(tool, folder) if 'llama' in asked else 0
    ways = [way for way in asked if way != 'llama']
    if ways:
        vocab, merges = train()
        count += sum(compare_way(tool, folder, way, vocab, merges) for way in ways)
    print('same', count)


if __name__ == '__main__':
    main()
