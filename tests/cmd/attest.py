#!/usr/bin/env python3
"""Writes what others say of files, by recipe, for test_attest.sh.

    attest.py sums FOLDER NAME...            lines as sha256sum writes them
    attest.py pointer FILE                   a Git LFS pointer of FILE
    attest.py metadata FOLDER NAME...        FOLDER/.cache/huggingface/download as the downloader of Hugging Face leaves it: files
                                             above 64 KiB by their SHA-256, the others by git's id
    attest.py ollama MODEL [OTHER]...        an Ollama manifest whose layer of the kind model is MODEL
    attest.py bundle KEY FOLDER NAME...      a model-signing bundle, signed with openssl by the EC key in the PEM file KEY
    attest.py bundle KEY FILE                one of a single file, as the reference program calls it: "."
"""

import base64
import hashlib
import json
import os
import subprocess
import sys
import tempfile


def read(*path):
    with open(os.path.join(*path), "rb") as f:
        return f.read()


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def sums(folder, *names):
    return "".join(f"{sha256(read(folder, name))}  {name}\n" for name in names)


def pointer(path):
    data = read(path)
    return f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256(data)}\nsize {len(data)}\n"


def metadata(folder, *names):
    top = os.path.join(folder, ".cache", "huggingface")
    for name in names:
        data = read(folder, name)
        etag = sha256(data) if len(data) > 65536 else hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
        path = os.path.join(top, "download", name + ".metadata")
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="ascii") as f:
            f.write(f"{'0123456789' * 4}\n{etag}\n{1700000000.25}\n")
        open(path[:-len("metadata")] + "lock", "wb").close()
    with open(os.path.join(top, ".gitignore"), "w", encoding="ascii") as f:
        f.write("*")
    return ""


def ollama(*paths):
    def layer(kind, data):
        return {"mediaType": f"application/vnd.{kind}", "digest": f"sha256:{sha256(data)}", "size": len(data)}

    kinds = ["ollama.image.model"] + ["ollama.image.template"] * (len(paths) - 1)
    return json.dumps({"schemaVersion": 2, "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
                       "config": layer("docker.container.image.v1+json", b"{}"),
                       "layers": [layer(kind, read(path)) for kind, path in zip(kinds, paths)]})


def bundle(key, folder, *names):
    digests = {name: hashlib.sha256(read(folder, name)).digest() for name in sorted(names)}
    if not names:
        digests = {".": hashlib.sha256(read(folder)).digest()}
    whole = hashlib.sha256(b"".join(digests.values())).hexdigest()
    statement = {"_type": "https://in-toto.io/Statement/v1", "subject": [{"name": "model", "digest": {"sha256": whole}}],
                 "predicateType": "https://model_signing/signature/v1.0",
                 "predicate": {"serialization": {"method": "files", "hash_type": "sha256", "allow_symlinks": False, "ignore_paths": []},
                               "resources": [{"name": name, "algorithm": "sha256", "digest": digest.hex()} for name, digest in digests.items()]}}
    payload, kind = json.dumps(statement).encode(), b"application/vnd.in-toto+json"
    with tempfile.NamedTemporaryFile() as signed:
        signed.write(b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload))
        signed.flush()
        signature = subprocess.run(["openssl", "dgst", "-sha256", "-sign", key, signed.name], check=True, capture_output=True).stdout
    public = subprocess.run(["openssl", "pkey", "-in", key, "-pubout"], check=True, capture_output=True).stdout
    return json.dumps({"mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
                       "verificationMaterial": {"publicKey": {"hint": sha256(public)}, "tlogEntries": []},
                       "dsseEnvelope": {"payload": base64.b64encode(payload).decode(), "payloadType": kind.decode(),
                                        "signatures": [{"sig": base64.b64encode(signature).decode()}]}})


if __name__ == "__main__":
    sys.stdout.write({"sums": sums, "pointer": pointer, "metadata": metadata, "ollama": ollama, "bundle": bundle}[sys.argv[1]](*sys.argv[2:]))
