"""Holds the tokens of a vocabulary against those that others recorded.

    tokens_recorded.py TOOL DATA NAME FILE [MODEL-NAME]     DATA: the folder with vocab/ and golden/; NAME: of golden/tokens-NAME.json

Prints "same N" with the number of answers that were compared, or what differs.
"""
import hashlib
import json
import os
import subprocess
import sys


def ask(tool, arguments, questions):
    made = subprocess.run([tool, *arguments], input=''.join(f'{q}\n' for q in questions), capture_output=True, text=True)
    if made.returncode:
        sys.exit(made.stderr)
    return made.stdout.splitlines()


def recorded(data, name):
    """(question, answer) for each text of golden/tokens-NAME.json and of vocab/*.inp, and the hash of all pieces."""
    with open(os.path.join(data, 'golden', f'tokens-{name}.json'), encoding='utf-8') as file:
        golden = json.load(file)
    for case in golden['cases']:
        text = case['text'].encode().hex()
        yield f'encode 0 {text}', case['plain']
        yield f'encode 1 {text}', case['add_special']
        yield f'encode 3 {text}', case.get('add_special_parse_special', case['add_special'])
        yield f'decode 1 {" ".join(map(str, case["plain"]))}', case['detokenized_hex']
    path = os.path.join(data, golden['model_file'])
    if os.path.exists(f'{path}.inp'):
        with open(f'{path}.inp', 'rb') as texts, open(f'{path}.out', encoding='ascii') as tokens:
            for text, ids in zip(texts.read().split(b'\n__ggml_vocab_test__\n'), tokens):
                yield f'encode 0 {text.hex()}', [int(word) for word in ids.split()]
    yield 'pieces', golden['all_pieces_sha256']


def main():
    tool, data, name, *arguments = sys.argv[1:]
    pairs = list(recorded(data, name))
    answers = ask(tool, arguments, [question for question, _ in pairs])
    for number, (question, wanted) in enumerate(pairs):
        if question == 'pieces':
            found = hashlib.sha256('\n'.join(answers[number:]).encode()).hexdigest()
            wrong = wanted not in (found, hashlib.sha256('\n'.join([*answers[number:], '']).encode()).hexdigest())
        else:
            found = answers[number]
            wrong = found != (wanted if isinstance(wanted, str) else ' '.join(map(str, wanted)))
        if wrong:
            sys.exit(f'{name}: {question}\nexpected {wanted}\nfound    {found}')
    print('same', len(pairs))


if __name__ == '__main__':
    main()
