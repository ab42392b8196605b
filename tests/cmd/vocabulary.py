"""Tokenizers made with the libraries that define their files, and what an .slm has to hold of them.

    vocabulary.py make DIR WHAT          writes tokenizer.json or tokenizer.model into DIR, whose model has 300 pieces
    vocabulary.py check DIR WHAT FILE    compares FILE.slm with what the library says of the same file
"""
import json
import os
import random
import sys

import sentencepiece
import tokenizers
from tokenizers import decoders, models, normalizers, pre_tokenizers, processors, trainers

import folder

SPACE = '\u2581'


def lines():
    source = random.Random(1)
    words = [''.join(source.choice('abcdefghij') for _ in range(source.randint(1, 6))) for _ in range(300)]
    return [' '.join(source.choice(words) for _ in range(12)) for _ in range(600)]


def train(directory, kind, **more):
    text = os.path.join(directory, 'text')
    with open(text, 'w') as f:
        f.write('\n'.join(lines()))
    options = {'byte_fallback': True, 'normalization_rule_name': 'identity', 'vocab_size': 300, 'character_coverage': 1.0,
               'minloglevel': 2, **more}
    sentencepiece.SentencePieceTrainer.train(input=text, model_prefix=os.path.join(directory, 'tokenizer'), model_type=kind, **options)
    os.remove(text)
    os.remove(os.path.join(directory, 'tokenizer.vocab'))


def load(directory):
    return sentencepiece.SentencePieceProcessor(model_file=os.path.join(directory, 'tokenizer.model'))


def merges_of(model):
    """All partings of each piece, by the piece's score: how a list of merges follows from sentencepiece's pieces."""
    ids = {model.id_to_piece(i): i for i in range(model.get_piece_size())}
    normal = {piece for piece, i in ids.items() if not (model.is_control(i) or model.is_unknown(i) or model.is_byte(i))}
    return [(piece[:at], piece[at:]) for piece in sorted(normal, key=lambda p: -model.get_score(ids[p]))
            for at in range(1, len(piece)) if piece[:at] in normal and piece[at:] in normal]


def as_json(directory):
    """The same tokenizer as tokenizer.json."""
    model = load(directory)
    vocabulary = {model.id_to_piece(i): i for i in range(model.get_piece_size())}
    made = tokenizers.Tokenizer(models.BPE(vocabulary, merges_of(model), unk_token='<unk>', fuse_unk=True, byte_fallback=True))
    made.normalizer = normalizers.Sequence([normalizers.Prepend(SPACE), normalizers.Replace(' ', SPACE)])
    made.decoder = decoders.Sequence([decoders.Replace(SPACE, ' '), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(' ', 1, 0)])
    made.post_processor = processors.TemplateProcessing(single='<s> $A', pair='<s> $A <s> $B', special_tokens=[('<s>', 1)])
    made.add_special_tokens([tokenizers.AddedToken(name, special=True, normalized=False) for name in ('<unk>', '<s>', '</s>')])
    os.remove(os.path.join(directory, 'tokenizer.model'))
    made.save(os.path.join(directory, 'tokenizer.json'))


def byte_level(directory):
    made = tokenizers.Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    made.train_from_iterator(lines(), trainers.BpeTrainer(vocab_size=299, special_tokens=['<|end|>'], show_progress=False,
                                                          initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    made.add_tokens(['[x y]'])
    made.save(os.path.join(directory, 'tokenizer.json'))


def make(directory, what):
    if what == 'bytes':
        byte_level(directory)
    elif what == 'nfkc':
        train(directory, 'bpe', normalization_rule_name='nmt_nfkc')
    elif what == 'suffix':
        train(directory, 'bpe', treat_whitespace_as_suffix=True)
    elif what == 'word':
        train(directory, 'word', byte_fallback=False, hard_vocab_limit=False)
    elif what == 'unigram':
        train(directory, 'unigram')
    else:
        train(directory, 'bpe', **({'user_defined_symbols': ['[x y]'], 'pad_id': 3, 'add_dummy_prefix': False} if what == 'more' else {}))
        if what == 'json':
            as_json(directory)


def check_model(found, model):
    for i in range(model.get_piece_size()):
        kind = 6 if model.is_byte(i) else 3 if model.is_control(i) else 2 if model.is_unknown(i) else 1
        if model.id_to_piece(i) == '[x y]':
            kind = 4
        assert (found['pieces'][i], found['types'][i], found['scores'][i]) == (model.id_to_piece(i), kind, model.get_score(i)), i
    ids = [model.bos_id(), model.eos_id(), model.unk_id(), model.pad_id()]
    assert [found['settings'].get(number, -1) for number in (1, 2, 3, 5)] == ids, found['settings']


def merged(pieces, scores, text):
    """Kind llama: the neighbours that make the piece of the best score are joined, the first ones on a tie."""
    symbols = list(text)
    while True:
        best = max(((scores[pieces[a + b]], -i) for i, (a, b) in enumerate(zip(symbols, symbols[1:])) if a + b in pieces), default=None)
        if best is None:
            return [pieces[symbol] for symbol in symbols]
        at = -best[1]
        symbols[at:at + 2] = [symbols[at] + symbols[at + 1]]


def check(directory, what, path):
    found = folder.read_tokenizer(path)
    with_types = dict(zip(found['pieces'], range(300)))
    if what == 'bytes':
        made = tokenizers.Tokenizer.from_file(os.path.join(directory, 'tokenizer.json'))
        with open(os.path.join(directory, 'tokenizer.json'), encoding='utf-8') as f:
            merges = json.load(f)['model']['merges']
        assert found['pieces'] == [made.id_to_token(i) for i in range(300)]
        assert [[found['pieces'][i] for i in pair] for pair in found['merges']] == merges
        assert [i for i, kind in enumerate(found['types']) if kind != 1] == [0, 299] and found['types'][299] == 4
        assert (found['kind'], found['pre']) == ('gpt2', 'gpt-2')
    elif what == 'json':
        made = tokenizers.Tokenizer.from_file(os.path.join(directory, 'tokenizer.json'))
        for line in lines()[:100]:
            wanted = made.encode(line, add_special_tokens=False).ids
            assert merged(with_types, found['scores'], SPACE + line.replace(' ', SPACE)) == wanted, line
        assert [found['settings'][number] for number in (1, 3, 32, 33, 35)] == [1, 0, 1, 0, 1]
    else:
        check_model(found, load(directory))
        assert found['settings'][35] == (what != 'more') and found['settings'][36] == 1
    print('same')


if __name__ == '__main__':
    if sys.argv[1] == 'make':
        make(*sys.argv[2:])
    else:
        check(*sys.argv[2:])
