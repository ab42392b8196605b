"""Model-signing bundles made and looked at by means of python and openssl alone, for test_oms.sh.

    oms.py make CASE KEY MODEL OUT     a bundle over MODEL, signed by the openssl program, with one thing about it that CASE names
    oms.py all KEY MODEL FOLDER        one of each case, FOLDER/CASE.sig; prints CASE<TAB>EXIT<TAB>TEXT: what slm-verify has to answer, and say
    oms.py seeds FOLDER                FOLDER/oms/*: bundles that nobody signed, and statements, for the fuzzer
    oms.py check PUBLIC MODEL BUNDLE   every layer of a bundle, recomputed
    oms.py flip BUNDLE OUT AT          one bit of the byte AT changed
"""
import base64
import functools
import hashlib
import json
import os
import subprocess
import sys
import tempfile

TYPE = 'application/vnd.in-toto+json'
MEDIA = 'application/vnd.dev.sigstore.bundle'
PREDICATE = 'https://model_signing/signature/v1.0'
IGNORED = ('.git', '.gitattributes', '.github', '.gitignore')


def files(model):
    found = []
    for folder, folders, names in os.walk(model):
        for name in names:
            path = os.path.relpath(os.path.join(folder, name), model)
            if path.split('/')[0] not in IGNORED:
                found.append(path)
    return sorted(found)


def digest(path, hash_name, start=0, end=None):
    with open(path, 'rb') as f:
        f.seek(start)
        data = f.read() if end is None else f.read(end - start)
    return hashlib.new(hash_name, data).hexdigest()


def resources(model, hash_name='sha256', shard=0, algorithm=None):
    listed = []
    for name in files(model):
        path = os.path.join(model, name)
        size = os.path.getsize(path)
        ranges = [(at, min(at + shard, size)) for at in range(0, size, shard)] if shard else [(None, None)]
        for start, end in ranges:
            label = name if start is None else f'{name}:{start}:{end}'
            listed.append({'name': label, 'algorithm': algorithm or hash_name,
                           'digest': digest(path, hash_name, start or 0, end)})
    return listed


def root_of(listed):
    return hashlib.sha256(b''.join(bytes.fromhex(r['digest']) for r in listed)).hexdigest()


def statement(model, hash_name='sha256', shard=0, algorithm=None):
    listed = resources(model, hash_name, shard, algorithm)
    how = {'method': 'shards' if shard else 'files', 'hash_type': hash_name, 'allow_symlinks': False,
           'ignore_paths': list(IGNORED)}
    if shard:
        how['shard_size'] = shard
    return {'_type': 'https://in-toto.io/Statement/v1',
            'subject': [{'name': 'model', 'digest': {'sha256': root_of(listed)}}],
            'predicateType': PREDICATE,
            'predicate': {'serialization': how, 'resources': listed}}


def pae(payload, kind=TYPE):
    return b'DSSEv1 %d %s %d %s' % (len(kind), kind.encode(), len(payload), payload)


def openssl(*arguments, data=b''):
    return subprocess.run(('openssl',) + arguments, input=data, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=True).stdout


@functools.lru_cache(None)
def hash_of(public):
    bits = {b'256': 'sha256', b'384': 'sha384', b'521': 'sha512'}
    text = openssl('pkey', '-pubin', '-in', public, '-noout', '-text')
    return bits[text.split(b'Public-Key: (')[1].split(b' ')[0]]


@functools.lru_cache(None)
def public_of(key):
    return openssl('pkey', '-in', key, '-pubout')


def sign(key, message):
    return openssl('dgst', '-' + hash_of_private(key), '-sign', key, data=message)


@functools.lru_cache(None)
def hash_of_private(key):
    with tempfile.NamedTemporaryFile() as public:
        public.write(public_of(key))
        public.flush()
        return hash_of(public.name)


# ---- what is wrong with the statement, then signed as it is: name -> (exit, text, change) ----

def resource(change):
    def apply(s):
        listed = s['predicate']['resources']
        change(listed)
        s['subject'][0]['digest']['sha256'] = root_of(listed)
    return apply


def renamed(name):
    def change(listed):
        listed[0]['name'] = name
        listed.sort(key=lambda r: r['name'])
    return resource(change)


def serialization(**values):
    def apply(s):
        for name, value in values.items():
            if value is None:
                del s['predicate']['serialization'][name]
            else:
                s['predicate']['serialization'][name] = value
    return apply


def member(path, value):
    def apply(s):
        for name in path[:-1]:
            s = s[name]
        if value is None:
            del s[path[-1]]
        else:
            s[path[-1]] = value
    return apply


def hash_type(name):
    def apply(s):
        s['predicate']['serialization']['hash_type'] = name
        for r in s['predicate']['resources']:
            r['algorithm'] = name
    return apply


FORM = '[oms-form]'
UNSUPPORTED = '[oms-unsupported]'
STATEMENTS = {
    'name-up': (1, FORM, renamed('../secret')),
    'name-up-within': (1, FORM, renamed('a/../f1')),
    'name-absolute': (1, FORM, renamed('/etc/passwd')),
    'name-dot': (1, FORM, renamed('./f1')),
    'name-alone': (1, FORM, renamed('.')),
    'name-empty-part': (1, FORM, renamed('a//1')),
    'name-folder': (1, FORM, renamed('a/')),
    'name-backslash': (1, FORM, renamed('a\\1')),
    'name-line-end': (1, FORM, renamed('f\n1')),
    'name-escape': (1, FORM, renamed('f\x1b[31m')),
    'name-nul': (1, FORM, renamed('f1\0.txt')),
    'name-empty': (1, FORM, renamed('')),
    'name-long': (1, FORM, renamed('n' * 5000)),
    'name-twice': (1, FORM, resource(lambda l: l.insert(0, dict(l[0])))),
    'name-twice-far': (1, FORM, resource(lambda l: l.append(dict(l[0])))),
    'name-number': (1, FORM, resource(lambda l: l[0].update(name=1))),
    'unsorted': (1, FORM, resource(lambda l: l.reverse())),
    'none': (1, FORM, resource(lambda l: l.clear())),
    'root-wrong': (1, FORM, member(('subject', 0, 'digest', 'sha256'), '0' * 64)),
    'root-missing': (1, FORM, member(('subject', 0, 'digest'), {'sha512': '0' * 128})),
    'subject-two': (1, FORM, lambda s: s['subject'].append(s['subject'][0])),
    'subject-none': (1, FORM, member(('subject',), [])),
    'subject-unnamed': (1, FORM, member(('subject', 0, 'name'), None)),
    'subject-other-name': (0, 'verdict: pass', member(('subject', 0, 'name'), 'any \x1b[31m name')),
    'subject-more': (0, 'verdict: pass', member(('subject', 0, 'uri'), 'https://example.org/')),
    'statement-type': (1, FORM, member(('_type',), 'https://in-toto.io/Statement/v0.1')),
    'statement-more': (1, FORM, member(('extra',), 1)),
    'predicate-type': (1, FORM, member(('predicateType',), 'https://slsa.dev/provenance/v1')),
    'predicate-before': (3, UNSUPPORTED, member(('predicateType',), 'https://model_signing/Digests/v0.1')),
    'predicate-missing': (1, FORM, member(('predicate',), None)),
    'predicate-more': (1, FORM, member(('predicate', 'extra'), 1)),
    'resource-more': (0, 'verdict: pass', resource(lambda l: l[0].update(mediaType='text/plain', annotations={'a': [1]}))),
    'resource-no-digest': (1, FORM, lambda s: s['predicate']['resources'][0].pop('digest')),
    'resource-no-algorithm': (1, FORM, lambda s: s['predicate']['resources'][0].pop('algorithm')),
    'digest-upper': (1, FORM, lambda s: s['predicate']['resources'][0].update(digest='A' * 64)),
    'digest-short': (1, FORM, resource(lambda l: l[0].update(digest=l[0]['digest'][:62]))),
    'digest-odd': (1, FORM, lambda s: s['predicate']['resources'][0].update(digest='a' * 63)),
    'digest-short-all': (1, FORM, resource(lambda l: [r.update(digest=r['digest'][:2]) for r in l])),
    'algorithm-mixed': (1, FORM, lambda s: s['predicate']['resources'][0].update(algorithm='blake2b')),
    'algorithm-other': (1, FORM, lambda s: [r.update(algorithm='md5') for r in s['predicate']['resources']]),
    'hash-blake3': (3, UNSUPPORTED, hash_type('blake3')),
    'hash-md5': (3, UNSUPPORTED, hash_type('md5')),
    'hash-mislabelled': (1, FORM, hash_type('blake2b')),
    'method-other': (3, UNSUPPORTED, serialization(method='tensors')),
    'method-missing': (1, FORM, serialization(method=None)),
    'links-missing': (1, FORM, serialization(allow_symlinks=None)),
    'links-text': (1, FORM, serialization(allow_symlinks='false')),
    'shard-of-files': (1, FORM, serialization(shard_size=5)),
    'shard-missing': (1, FORM, serialization(method='shards')),
    'shard-zero': (1, FORM, serialization(method='shards', shard_size=0)),
    'shard-negative': (1, FORM, serialization(method='shards', shard_size=-1)),
    'shard-fraction': (1, FORM, serialization(method='shards', shard_size=1.5)),
    'shard-huge': (1, FORM, serialization(method='shards', shard_size=1 << 64)),
    'shard-names': (1, FORM, serialization(method='shards', shard_size=1000)),
    'ignored-missing': (0, 'verdict: pass', serialization(ignore_paths=None)),
    'ignored-up': (0, "leaves out '../x', which is no path beneath the model", serialization(ignore_paths=['../x', '../f1', 'a/../f1'])),
    'ignored-all': (0, "leaves out '.'", serialization(ignore_paths=['.', './', './/'])),
    'ignored-absolute': (0, "leaves out '/x'", serialization(ignore_paths=['/x'])),
    'ignored-as-typed': (0, 'verdict: pass', serialization(ignore_paths=['./x', 'y/', './/z//'])),
    'ignored-many': (3, '[io-limit]', serialization(ignore_paths=['/x'] * 1001)),
    'ignored-text': (1, FORM, serialization(ignore_paths='x')),
    'serialization-more': (1, FORM, serialization(extra=1)),
}

# ---- what is wrong with the bundle, behind the signature ----


def altered(text, at):
    raw = bytearray(base64.b64decode(text))
    raw[at] ^= 1
    return base64.b64encode(bytes(raw)).decode()


def envelope(change):
    return lambda b: change(b['dsseEnvelope'])


def material(change):
    return lambda b: change(b['verificationMaterial'])


def longer(text):
    return base64.b64encode(base64.b64decode(text) + b'\0').decode()


def unpadded(text):
    while not text.endswith('='):
        text = longer(text)
    return text.rstrip('=')


def only_raw(b):
    b['verificationMaterial']['publicKey'] = {'rawBytes': base64.b64encode(b'another key').decode(), 'keyDetails': 'x'}


def url_safe(e):
    e['payload'] = e['payload'].replace('+', '-').replace('/', '_')
    e['signatures'][0]['sig'] = e['signatures'][0]['sig'].replace('+', '-').replace('/', '_')


SIGNATURE = '[oms-signature]'
PASS = 'verdict: pass'
BUNDLES = {
    'sound': (0, PASS, lambda b: None),
    'url-safe': (0, PASS, envelope(url_safe)),
    'signatures-two': (1, FORM, envelope(lambda e: e['signatures'].append(dict(e['signatures'][0])))),
    'signatures-none': (1, FORM, envelope(lambda e: e['signatures'].clear())),
    'signature-empty': (1, FORM, envelope(lambda e: e['signatures'][0].update(sig=''))),
    'signature-missing': (1, FORM, envelope(lambda e: e['signatures'][0].pop('sig'))),
    'signature-altered': (1, SIGNATURE, envelope(lambda e: e['signatures'][0].update(sig=altered(e['signatures'][0]['sig'], -1)))),
    'signature-longer': (1, SIGNATURE, envelope(lambda e: e['signatures'][0].update(sig=longer(e['signatures'][0]['sig'])))),
    'signature-more': (1, FORM, envelope(lambda e: e['signatures'][0].update(cert='x'))),
    'keyid-null': (0, PASS, envelope(lambda e: e['signatures'][0].update(keyid=None))),
    'keyid-absent': (0, PASS, envelope(lambda e: e['signatures'][0].pop('keyid'))),
    'keyid-other': (0, PASS, envelope(lambda e: e['signatures'][0].update(keyid='attacker'))),
    'keyid-number': (1, FORM, envelope(lambda e: e['signatures'][0].update(keyid=1))),
    'payload-altered': (1, SIGNATURE, envelope(lambda e: e.update(payload=altered(e['payload'], 100)))),
    'payload-longer': (1, SIGNATURE, envelope(lambda e: e.update(payload=longer(e['payload'])))),
    'payload-spaced': (1, FORM, envelope(lambda e: e.update(payload=e['payload'][:8] + ' ' + e['payload'][8:]))),
    'payload-unpadded': (1, FORM, envelope(lambda e: e.update(payload=unpadded(e['payload'])))),
    'payload-no-ascii': (1, FORM, envelope(lambda e: e['signatures'][0].update(sig='\u00e9' + e['signatures'][0]['sig'][2:]))),
    'payload-empty': (1, FORM, envelope(lambda e: e.update(payload=''))),
    'payload-missing': (1, FORM, envelope(lambda e: e.pop('payload'))),
    'payload-number': (1, FORM, envelope(lambda e: e.update(payload=7))),
    'type-other': (1, FORM, envelope(lambda e: e.update(payloadType='text/plain'))),
    'type-missing': (1, FORM, envelope(lambda e: e.pop('payloadType'))),
    'envelope-more': (1, FORM, envelope(lambda e: e.update(extra=1))),
    'envelope-list': (1, FORM, lambda b: b.update(dsseEnvelope=[])),
    'envelope-missing': (1, FORM, lambda b: b.pop('dsseEnvelope')),
    'bundle-more': (1, FORM, lambda b: b.update(messageSignature={})),
    'media-later': (3, UNSUPPORTED, lambda b: b.update(mediaType=MEDIA + '.v9+json')),
    'media-0.2': (0, PASS, lambda b: b.update(mediaType=MEDIA + '+json;version=0.2')),
    'media-other': (1, FORM, lambda b: b.update(mediaType='application/json')),
    'media-missing': (1, FORM, lambda b: b.pop('mediaType')),
    'material-missing': (1, FORM, lambda b: b.pop('verificationMaterial')),
    'material-empty': (1, FORM, lambda b: b.update(verificationMaterial={})),
    'material-more': (1, FORM, material(lambda m: m.update(extra=1))),
    'material-no-log': (0, PASS, material(lambda m: m.pop('tlogEntries'))),
    'material-both': (1, FORM, material(lambda m: m.update(x509CertificateChain={'certificates': [{'rawBytes': 'AAAA'}]}))),
    'material-chain': (1, '[oms-key]', lambda b: b.update(verificationMaterial={
        'x509CertificateChain': {'certificates': [{'rawBytes': 'AAAA'}]}})),
    'material-no-certificate': (1, FORM, lambda b: b.update(verificationMaterial={'x509CertificateChain': {'certificates': []}})),
    'material-many': (3, '[io-limit]', lambda b: b.update(verificationMaterial={
        'x509CertificateChain': {'certificates': [{'rawBytes': 'AAAA'}] * 100}})),
    'material-sigstore': (3, UNSUPPORTED, lambda b: b.update(verificationMaterial={'certificate': {'rawBytes': 'AAAA'}, 'tlogEntries': [{}]})),
    'hint-other': (1, '[oms-key]', material(lambda m: m['publicKey'].update(hint='0' * 64))),
    'hint-text': (1, FORM, material(lambda m: m['publicKey'].update(hint='my key'))),
    'hint-empty': (1, FORM, material(lambda m: m['publicKey'].update(hint=''))),
    'key-unnamed': (1, FORM, material(lambda m: m.update(publicKey={}))),
    'key-carried': (0, PASS, only_raw),  # as before version 1.1; what it is plays no part
}

# ---- what is wrong with the text of a layer ----

TEXTS = {
    'text-twice': (1, '[json-duplicate]', lambda t: t.replace('"dsseEnvelope"', '"mediaType": "%s", "dsseEnvelope"' % (MEDIA + '.v0.3+json'), 1)),
    'text-behind': (1, '[json-syntax]', lambda t: t + '{}'),
    'text-empty': (1, '[json-syntax]', lambda t: ''),
    'text-half': (1, '[json-syntax]', lambda t: t[:len(t) // 2]),
    'text-list': (1, FORM, lambda t: '[' + t + ']'),
    'text-deep': (1, '[json-depth]', lambda t: t.replace('"tlogEntries": []', '"tlogEntries": ' + '[' * 100000, 1)),
    'text-long': (3, '[io-limit]', lambda t: t + ' ' * (33 << 20)),
}
PAYLOADS = {
    'payload-no-json': (1, '[json-syntax]', lambda t: 'no json'),
    'payload-list': (1, FORM, lambda t: '[' + t + ']'),
    'payload-twice': (1, '[json-duplicate]', lambda t: t.replace('"resources"', '"resources": [], "resources"', 1)),
    'payload-behind': (1, '[json-syntax]', lambda t: t + ' {}'),
    'payload-deep': (1, '[json-depth]', lambda t: t.replace('"subject": [{', '"subject": [{"uri": ' + '[' * 1000, 1)),
}

# ---- other ways to be right, or nearly ----


def without_range(listed):
    at = max(i for i, r in enumerate(listed) if r['name'].startswith('a/b/big:'))
    del listed[at]


def without_first(listed):
    at = min(i for i, r in enumerate(listed) if r['name'].startswith('a/b/big:0:'))
    del listed[at]


def overlapping(listed):
    at = next(i for i, r in enumerate(listed) if r['name'] == 'a/b/big:0:1000')
    listed.insert(at, dict(listed[at], name='a/b/big:0:100'))


def by_components(listed):
    """The order of the reference program: component for component, ranges by number."""
    def key(r):
        name, start = (r['name'].rsplit(':', 2)[0], int(r['name'].rsplit(':', 2)[1])) if ':' in r['name'] else (r['name'], 0)
        return name.split('/'), start
    listed.sort(key=key)


OTHERS = {
    'blake2b': (0, PASS, {'hash_name': 'blake2b'}, lambda s: None),
    'shards': (0, PASS, {'shard': 1000}, lambda s: None),
    'shards-blake2b': (0, PASS, {'hash_name': 'blake2b', 'shard': 4096}, lambda s: None),
    'shards-of-reference': (0, PASS, {'shard': 1000, 'algorithm': 'sha256-sharded-1000'}, resource(by_components)),
    'shards-mislabelled': (1, FORM, {'shard': 1000, 'algorithm': 'sha256-sharded-2000'}, lambda s: None),
    'shards-large': (0, PASS, {'shard': 1 << 40}, lambda s: None),
    'shards-as-protobuf': (0, PASS, {'shard': 1000}, serialization(shard_size=1000.0)),
    'shards-links': (0, PASS, {'shard': 1000}, serialization(allow_symlinks=True)),
    'shards-no-last': (1, '[oms-file]', {'shard': 1000}, resource(without_range)),
    'shards-no-first': (1, FORM, {'shard': 1000}, resource(without_first)),
    'shards-overlap': (1, FORM, {'shard': 1000}, resource(overlapping)),
    'shards-other-size': (1, FORM, {'shard': 1000}, serialization(shard_size=999)),
    'order-of-reference': (0, PASS, {}, resource(by_components)),
}


def assemble(hint, payload, signature):
    return {'mediaType': MEDIA + '.v0.3+json',
            'verificationMaterial': {'publicKey': {'hint': hint}, 'tlogEntries': []},
            'dsseEnvelope': {'payload': base64.b64encode(payload).decode(), 'payloadType': TYPE,
                             'signatures': [{'sig': base64.b64encode(signature).decode(), 'keyid': ''}]}}


def bundle_of(key, payload, message=None):
    return assemble(hashlib.sha256(public_of(key)).hexdigest(), payload, sign(key, message or pae(payload)))


def make(case, key, model, out):
    arguments = OTHERS[case][2] if case in OTHERS else {}
    said = statement(model, **arguments)
    if case in STATEMENTS:
        STATEMENTS[case][2](said)
    if case in OTHERS:
        OTHERS[case][3](said)
    if case == 'links-allowed':
        said['predicate']['serialization']['allow_symlinks'] = True
    if case == 'one-file-by-name' or case == 'one-file-by-dot':
        r = said['predicate']['resources'] = [x for x in said['predicate']['resources'] if x['name'] == 'f1']
        r[0]['name'] = 'f1' if case == 'one-file-by-name' else '.'
        said['subject'][0]['digest']['sha256'] = root_of(r)
    payload = json.dumps(said)
    if case in PAYLOADS:
        payload = PAYLOADS[case][2](payload)
    payload = payload.encode()
    bundle = bundle_of(key, payload, {
        'pae-without-type': b'DSSEv1 %d %s' % (len(payload), payload),
        'pae-without': payload,
        'pae-other-type': pae(payload, 'text/plain'),
    }.get(case))
    if case in BUNDLES:
        BUNDLES[case][2](bundle)
    text = json.dumps(bundle, ensure_ascii=False)
    if case in TEXTS:
        text = TEXTS[case][2](text)
    with open(out, 'w') as f:
        f.write(text)


def make_all(key, model, folder):
    wanted = {name: entry[:2] for table in (STATEMENTS, BUNDLES, TEXTS, PAYLOADS, OTHERS) for name, entry in table.items()}
    wanted.update({name: (1, SIGNATURE) for name in ('pae-without-type', 'pae-without', 'pae-other-type')})
    for name, (code, text) in wanted.items():
        make(name, key, model, os.path.join(folder, name + '.sig'))
        print(name, code, text, sep='\t')


def seeds(folder):
    os.makedirs(os.path.join(folder, 'oms'), exist_ok=True)
    with tempfile.TemporaryDirectory() as model:
        for name in ('f1', 'a/1', 'a/b/big', 'a-b'):
            os.makedirs(os.path.dirname(os.path.join(model, name)), exist_ok=True)
            open(os.path.join(model, name), 'w').write(name * 500)
        said = {case: statement(model, **entry[2]) for case, entry in OTHERS.items()}
        for case, entry in OTHERS.items():
            try:
                entry[3](said[case])
            except (StopIteration, ValueError):
                pass
        for case, entry in STATEMENTS.items():
            said[case] = statement(model)
            entry[2](said[case])
    for case, content in said.items():
        with open(os.path.join(folder, 'oms', case + '.json'), 'w') as f:
            json.dump(content, f)
    payload = json.dumps(said['order-of-reference']).encode()
    for case, entry in BUNDLES.items():
        bundle = assemble('0' * 64, payload, b'0' * 70)
        entry[2](bundle)
        with open(os.path.join(folder, 'oms', 'bundle-' + case + '.json'), 'w') as f:
            json.dump(bundle, f)


def check(public, model, path):
    bundle = json.load(open(path), object_pairs_hook=lambda pairs: dict(pairs) if len(dict(pairs)) == len(pairs) else 1 / 0)
    assert set(bundle) == {'mediaType', 'verificationMaterial', 'dsseEnvelope'}
    assert bundle['mediaType'] == MEDIA + '.v0.3+json'
    hint = hashlib.sha256(openssl('pkey', '-pubin', '-in', public, '-pubout')).hexdigest()
    assert bundle['verificationMaterial'] == {'publicKey': {'hint': hint}, 'tlogEntries': []}
    sealed = bundle['dsseEnvelope']
    assert set(sealed) == {'payload', 'payloadType', 'signatures'} and sealed['payloadType'] == TYPE
    [one] = sealed['signatures']
    assert one['keyid'] == '' and set(one) == {'sig', 'keyid'}
    payload = base64.b64decode(sealed['payload'], validate=True)
    with tempfile.NamedTemporaryFile() as signature:
        signature.write(base64.b64decode(one['sig'], validate=True))
        signature.flush()
        said = openssl('dgst', '-' + hash_of(public), '-verify', public, '-signature', signature.name, data=pae(payload))
        assert b'Verified OK' in said
    found = json.loads(payload)
    out = set(found['predicate']['serialization']['ignore_paths']) - set(IGNORED)
    expected = statement(model)
    expected['predicate']['resources'] = listed = [r for r in expected['predicate']['resources'] if r['name'] not in out]
    expected['subject'][0]['digest']['sha256'] = root_of(listed)
    assert out <= {os.path.basename(path)}, out
    expected['subject'][0]['name'] = os.path.basename(os.path.realpath(model))
    expected['predicate']['serialization']['ignore_paths'] = found['predicate']['serialization']['ignore_paths']
    assert set(IGNORED) <= set(found['predicate']['serialization']['ignore_paths'])
    assert found == expected, found


def flip(source, out, at):
    data = bytearray(open(source, 'rb').read())
    data[int(at) % len(data)] ^= 1 << int(at) % 8
    open(out, 'wb').write(bytes(data))


if __name__ == '__main__':
    {'make': make, 'all': make_all, 'seeds': seeds, 'check': check, 'flip': flip}[sys.argv[1]](*sys.argv[2:])
