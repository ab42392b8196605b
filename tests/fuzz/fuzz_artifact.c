/* An artifact of a format that is found out, then of that format by name. Hashes are those of the bytes, whatever the
 * readers made of them. */
#include <string.h>

#include "model/artifact.h"
#include "source.h"

struct expected {
    struct mm_sha256 *sha;
    unsigned char sha256[MM_HASH_BYTES];
};

static void check_hashes(const struct mm_artifact *artifact, const struct expected *expected, size_t size)
{
    const struct mm_chunk_facts *chunks = &artifact->chunks;
    unsigned char leaf[MM_HASH_BYTES];
    must(chunks->bytes == size && chunks->count == mm_chunk_count(size, chunks->size));
    must(chunks->has_sha256 && memcmp(chunks->sha256, expected->sha256, MM_HASH_BYTES) == 0);
    if (chunks->count == 1) {
        mm_merkle_leaf(expected->sha, expected->sha256, leaf);
        must(memcmp(chunks->root, leaf, MM_HASH_BYTES) == 0);
    }
}

/* Reads DATA as a file called NAME; returns the format found if it is valid, -1 otherwise. */
static int read_as(const char *name, int format, const uint8_t *data, size_t size, const struct expected *expected)
{
    struct mm_artifact_options options = {.format = format, .chunk_size = MM_CHUNK_SIZE_MIN, .whole = true};
    struct mm_artifact artifact;
    struct mm_diags diags;
    int fd = source_fd(data, size);
    mm_diags_init(&diags);
    must(mm_artifact_read(fd, name, &options, &artifact, &diags) == 0);
    must(artifact.valid == (diags.errors == 0));
    must(!(artifact.valid && (artifact.refused || artifact.unsupported)));
    must(artifact.unsupported == (mm_diags_answer(&diags) == MM_UNKNOWN));
    check_hashes(&artifact, expected, size);
    if (artifact.valid && artifact.model.facts.has_tensors)
        model_must_fit(&artifact.model, size);
    int found = artifact.valid ? (int)artifact.model.format : -1;
    mm_artifact_release(&artifact);
    mm_diags_release(&diags);
    close(fd);
    return found;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = {"model.gguf", "model.safetensors", "config.json", "README.md"};
    struct expected expected = {.sha = mm_sha256_new()};
    must(expected.sha);
    mm_sha256_once(expected.sha, data, size, expected.sha256);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        int found = read_as(names[i], MM_FORMAT_DETECT, data, size, &expected);
        if (found >= 0)
            must(read_as(names[i], found, data, size, &expected) == found);
    }
    mm_sha256_free(expected.sha);
    return 0;
}
