#!/usr/bin/env python3
"""Build the folders in which two well-known programs keep models, around the files that are given.

    scripts/make-layouts.py hf FOLDER ORG/NAME FILE[=NAME]...
        a Hugging Face cache, FOLDER/models--ORG--NAME: blobs named by SHA-256 (model files) or by git object id (the
        rest), refs/main, and a snapshot of links. Prints the snapshot's folder.
    scripts/make-layouts.py ollama FOLDER NAME:TAG MODEL [LICENCE]
        an Ollama store in FOLDER: blobs/sha256-HEX and a manifest. Prints the manifest's path.
"""

import hashlib
import json
import os
import sys

LARGE = (".gguf", ".safetensors", ".bin", ".pt", ".onnx")  # what a repository keeps in LFS
COMMIT = "0123456789abcdef0123456789abcdef01234567"


def read(path):
    with open(path, "rb") as file:
        return file.read()


def write(path, data):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(data if isinstance(data, bytes) else data.encode())


def blob_name(name, data):
    if name.endswith(LARGE):
        return hashlib.sha256(data).hexdigest()
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def hugging_face(folder, repository, *files):
    cache = os.path.join(folder, "models--" + repository.replace("/", "--"))
    snapshot = os.path.join(cache, "snapshots", COMMIT)
    os.makedirs(snapshot)
    write(os.path.join(cache, "refs", "main"), COMMIT)
    for file in files:
        path, _, name = file.partition("=")
        name = name or os.path.basename(path)
        data = read(path)
        blob = blob_name(name, data)
        write(os.path.join(cache, "blobs", blob), data)
        link = os.path.join(snapshot, name)
        os.makedirs(os.path.dirname(link), exist_ok=True)
        os.symlink("../" * (2 + name.count("/")) + "blobs/" + blob, link)
    return snapshot


def ollama(folder, reference, model, licence=None):
    name, _, tag = reference.partition(":")
    image = "application/vnd.ollama.image."

    def layer(media_type, data):
        digest = hashlib.sha256(data).hexdigest()
        write(os.path.join(folder, "blobs", "sha256-" + digest), data)
        return {"mediaType": media_type, "digest": "sha256:" + digest, "size": len(data)}

    layers = [layer(image + "model", read(model)), layer(image + "params", b'{"stop":["<end>"]}')]
    if licence:
        layers.append(layer(image + "license", read(licence)))
    config = layer("application/vnd.docker.container.image.v1+json", b'{"model_format":"gguf","architecture":"amd64","os":"linux"}')
    manifest = {"schemaVersion": 2, "mediaType": "application/vnd.docker.distribution.manifest.v2+json", "config": config, "layers": layers}
    path = os.path.join(folder, "manifests", "registry.ollama.ai", "library", name, tag or "latest")
    write(path, json.dumps(manifest))
    return path


def main():
    try:
        print({"hf": hugging_face, "ollama": ollama}[sys.argv[1]](*sys.argv[2:]))
    except (IndexError, KeyError, TypeError):
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
