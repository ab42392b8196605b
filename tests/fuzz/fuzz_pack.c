/* Packing: what can be opened can be packed; what was packed is valid, and unpacked and packed again it is the same. */
#include <stdlib.h>
#include <string.h>

#include "convert/pack.h"
#include "convert/unpack.h"
#include "source.h"

/* A writer into memory, never committed; its file lives as long as the writer. */
static struct mm_writer writer_of(char path[32])
{
    struct mm_writer writer = {.fd = memfd_create("written", MFD_CLOEXEC), .folder = -1};
    must(writer.fd >= 0);
    snprintf(path, 32, "/proc/self/fd/%d", writer.fd);
    must((writer.path = strdup(path)) != NULL);
    return writer;
}

static struct mm_buf bytes_of(const char *path, struct mm_diags *diags)
{
    struct mm_buf bytes = {0};
    int fd = mm_file_open(path, diags);
    must(fd >= 0 && mm_file_read_all(fd, SIZE_MAX / 2, &bytes, diags) == 0);
    close(fd);
    return bytes;
}

/* Packs PATH into WRITER. False where it cannot be opened, which has to be said. */
static bool pack(const char *path, const struct mm_pack_options *how, struct mm_writer *writer, struct mm_diags *diags)
{
    static const char *const drop[] = {"*"};
    const struct mm_checkpoint_options options = {.drop = drop, .drop_count = 1};
    struct mm_checkpoint checkpoint;
    struct mm_artifact artifact = {0};
    bool opened = mm_checkpoint_open(&checkpoint, path, &options, diags) == 0;
    must(opened == (diags->errors == 0));
    /* values that a block cannot hold are the one thing that opening does not see */
    bool packed = opened && mm_pack(&checkpoint, how, writer, &artifact, diags) == 0;
    must(packed || !opened || how->dtype != MM_PACK_KEEP);
    must(packed == (diags->errors == 0));
    mm_artifact_release(&artifact);
    mm_checkpoint_release(&checkpoint);
    return packed;
}

static bool unpack(const char *path, struct mm_writer *writer, struct mm_diags *diags)
{
    struct mm_checkpoint checkpoint;
    struct mm_artifact artifact = {0};
    must(mm_checkpoint_open_slm(&checkpoint, path, diags) == 0);
    bool told = mm_unpack(&checkpoint, writer, NULL, NULL, &artifact, diags) == 0;
    must(told == (diags->errors == 0));
    mm_artifact_release(&artifact);
    mm_checkpoint_release(&checkpoint);
    return told;
}

static void there_and_back(const char *packed, struct mm_diags *diags)
{
    const struct mm_pack_options as_it_is = {.dtype = MM_PACK_KEEP};
    char told[32], again[32];
    struct mm_writer gguf = writer_of(told), slm = writer_of(again);
    if (unpack(packed, &gguf, diags)) {
        must(pack(told, &as_it_is, &slm, diags));
        struct mm_buf one = bytes_of(packed, diags), two = bytes_of(again, diags);
        must(one.length == two.length && memcmp(one.data, two.data, one.length) == 0);
        mm_buf_release(&one);
        mm_buf_release(&two);
    }
    mm_writer_abandon(&gguf);
    mm_writer_abandon(&slm);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint32_t dtypes[] = {0, 8, 2};
    struct mm_diags diags;
    int fd = source_fd(data, size);
    char path[32];
    mm_diags_init(&diags);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    for (size_t i = 0; i < sizeof dtypes / sizeof *dtypes; i++) {
        const struct mm_pack_options how = {.dtype = dtypes[i] ? mm_dtype_of_ggml(dtypes[i]) : MM_PACK_KEEP};
        char packed[32];
        struct mm_writer writer = writer_of(packed);
        mm_diags_clear(&diags);
        bool opened = pack(path, &how, &writer, &diags);
        if (opened)
            there_and_back(packed, &diags);
        mm_writer_abandon(&writer);
        if (!opened && i == 0)
            break;
    }
    mm_diags_release(&diags);
    close(fd);
    return 0;
}
