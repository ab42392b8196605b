/* chunk-merkle: chunk hashes, Merkle roots, lists, proofs, and a filter that lets only verified bytes pass. */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "act/chunks.h"
#include "act/filter.h"
#include "base/file.h"
#include "cli.h"
#include "cli_threads.h"
#include "doc/chunk_list.h"
#include "doc/manifest.h"

enum { SIZE, LIST, CHECK, PROVE, SIBLINGS_ONLY, CHECK_PROOF, FILTER, MANIFEST, ROOT, NO_SHA256, THREADS, FORCE };

static const struct cli_option options[] = {
    [SIZE] = {'s', "size", "SIZE", "chunk size: a power of two from 64K to 64M (default 1M)"},
    [LIST] = {'l', "list", "LIST", "also write the chunk list to LIST; - prints it instead"},
    [CHECK] = {'c', "check", "LIST", "compare FILE with LIST; print wrong chunks as bad ranges"},
    [PROVE] = {'p', "prove", "INDEX", "print the proof of chunk INDEX"},
    [SIBLINGS_ONLY] = {0, "siblings-only", NULL, "with --prove: the audit path alone, one hash a line"},
    [CHECK_PROOF] = {0, "check-proof", "PROOF", "verify a proof; --root or --manifest pins its root"},
    [FILTER] = {'f', "filter", "LIST", "copy standard input to standard output, verified chunks only"},
    [MANIFEST] = {'m', "manifest", "MANIFEST", "the root has to be that of an artifact of MANIFEST"},
    [ROOT] = {'r', "root", "HEX", "the root has to be HEX"},
    [NO_SHA256] = {0, "no-sha256", NULL, "leave out the whole-file hash"},
    [THREADS] = {0, "threads", "N", CLI_THREADS_HELP},
    [FORCE] = {0, "force", NULL, "replace an existing LIST"},
};

static const struct cli_command command = {
    "chunk-merkle",
    "[FILE]",
    "Hash FILE in chunks and print the manifest lines of its chunks and Merkle root.",
    options,
    sizeof options / sizeof *options,
    MM_GROUP_TEXT | MM_GROUP_MANIFEST | MM_GROUP_CHUNK,
};

struct call {
    struct cli cli;
    struct mm_chunks_options how;
    uint64_t index;
    const char *threads, *list, *check, *proof, *filter, *manifest, *root, *file;
    bool prove, siblings_only, force;
    bool list_printed;                   /* the list goes to standard output, in the place of the lines */
    unsigned char pinned[MM_HASH_BYTES]; /* by --root */
    struct mm_manifest pinning;          /* --manifest */
};

static void print_hash(const struct call *c, struct mm_buf *out, const char *key, const unsigned char *hash)
{
    char hex[MM_HASH_HEX + 1];
    mm_hex(hex, hash, MM_HASH_BYTES);
    cli_fact(&c->cli, out, key, hex, false);
}

static void print_number(const struct call *c, struct mm_buf *out, const char *key, uint64_t value)
{
    char digits[24];
    snprintf(digits, sizeof digits, "%" PRIu64, value);
    cli_fact(&c->cli, out, key, digits, true);
}

static void print_facts(const struct call *c, const struct mm_chunk_facts *facts, struct mm_buf *out)
{
    print_number(c, out, "artifact-bytes", facts->bytes);
    if (facts->has_sha256)
        print_hash(c, out, "artifact-sha256", facts->sha256);
    cli_fact(&c->cli, out, "chunk-scheme", MM_CHUNK_SCHEME, false);
    print_number(c, out, "chunk-size", facts->size);
    print_number(c, out, "chunk-count", facts->count);
    print_hash(c, out, "merkle-root", facts->root);
    if (c->cli.json)
        mm_buf_str(out, "}\n");
}

static int write_list(struct call *c, struct mm_writer *writer, const struct mm_chunk_facts *facts,
                      const struct mm_hashes *hashes)
{
    struct mm_buf text = {0};
    int result = -1;
    mm_chunk_list_write(facts, hashes, &text);
    if (text.failed)
        mm_diag_memory(&c->cli.diags);
    else if (c->list_printed)
        result = cli_print(&c->cli, &text);
    else if (mm_writer_write(writer, text.data, text.length, &c->cli.diags) == 0)
        result = mm_writer_commit(writer, &c->cli.diags);
    mm_buf_release(&text);
    return result;
}

static int print_described(struct call *c, const struct mm_chunk_facts *facts)
{
    struct mm_buf out = {0};
    print_facts(c, facts, &out);
    int result = cli_print(&c->cli, &out);
    mm_buf_release(&out);
    return result;
}

static int describe(struct call *c, int fd)
{
    struct mm_chunk_facts facts;
    struct mm_hashes hashes = {0};
    struct mm_writer writer = {.fd = -1, .folder = -1};
    bool file = c->list && !c->list_printed;
    if (file && mm_file_is_open(c->list, fd))
        return mm_diag(&c->cli.diags, MM_RULE_IO_EXISTS, "will not replace %s, which is read", c->list);
    int result = file ? mm_writer_open(&writer, c->list, c->force, &c->cli.diags) : 0;
    const struct mm_sandbox_rule rule = {writer.folder, MM_SANDBOX_WRITE};
    if (result == 0)
        result = cli_sandbox(&c->cli, &rule, file ? 1 : 0);
    if (result == 0)
        result = mm_chunks_hash(fd, &c->how, c->list ? &hashes : NULL, &facts, &c->cli.diags);
    if (result == 0 && c->list)
        result = write_list(c, &writer, &facts, &hashes);
    if (result == 0 && !c->list_printed)
        result = print_described(c, &facts);
    mm_writer_abandon(&writer);
    mm_hashes_release(&hashes);
    return result;
}

static void print_proof(const struct call *c, const struct mm_proof *proof, struct mm_buf *out)
{
    char hex[MM_HASH_HEX + 1];
    if (!c->siblings_only && !c->cli.json) {
        mm_proof_write(proof, out);
        return;
    }
    if (c->cli.json) {
        print_hash(c, out, "merkle-root", proof->root);
        print_number(c, out, "chunk-count", proof->count);
        print_number(c, out, "chunk-index", proof->index);
        print_hash(c, out, "chunk-sha256", proof->chunk);
        mm_buf_str(out, ",\"siblings\":[");
    }
    for (unsigned i = 0; i < proof->path.length; i++) {
        mm_hex(hex, proof->path.siblings[i], MM_HASH_BYTES);
        if (c->cli.json)
            mm_buf_printf(out, "%s\"%s\"", i ? "," : "", hex);
        else
            mm_buf_printf(out, "%s\n", hex);
    }
    if (c->cli.json)
        mm_buf_str(out, "]}\n");
}

static int prove(struct call *c, int fd)
{
    struct mm_proof proof;
    struct mm_buf out = {0};
    int result = cli_sandbox(&c->cli, NULL, 0);
    if (result == 0)
        result = mm_chunks_prove(fd, &c->how, c->index, &proof, &c->cli.diags);
    if (result == 0) {
        print_proof(c, &proof, &out);
        result = cli_print(&c->cli, &out);
    }
    mm_buf_release(&out);
    return result;
}

static void print_bad_json(const struct mm_chunk_compare *compare, const char *path, struct mm_buf *out)
{
    for (size_t i = 0; i < compare->bad_count; i++) {
        mm_buf_printf(out, "{\"chunk-index\":%" PRIu64 ",\"offset\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"path\":",
                      compare->bad[i].index, compare->bad[i].offset, compare->bad[i].bytes);
        mm_buf_json_str(out, path);
        mm_buf_str(out, "}\n");
    }
}

static int check(struct call *c, const struct mm_chunk_list *list, int fd)
{
    struct mm_chunk_compare compare;
    struct mm_buf out = {0};
    int result = mm_chunks_check(fd, &c->how, list, &compare, &c->cli.diags);
    if (c->cli.json)
        print_bad_json(&compare, c->file, &out);
    else
        mm_bad_ranges_write(&compare, c->file, &out);
    if ((out.length || out.failed) && cli_print(&c->cli, &out) < 0)
        result = -1;
    mm_buf_release(&out);
    mm_chunk_compare_release(&compare);
    return result;
}

/* ---- pins: whose root this has to be ---- */

/* True if an artifact of the pinning manifest has this root and, what a root does not show, these other facts too. */
static bool in_manifest(const struct mm_manifest *manifest, const struct mm_chunk_facts *facts)
{
    for (size_t group = 1; group <= mm_manifest_artifacts(manifest); group++) {
        struct mm_claim claim;
        mm_manifest_claim(manifest, group, &claim);
        bool whole = !facts->has_sha256 || (claim.chunks.bytes == facts->bytes && claim.chunks.size == facts->size &&
                                            memcmp(claim.chunks.sha256, facts->sha256, MM_HASH_BYTES) == 0);
        if (whole && claim.chunks.count == facts->count && memcmp(claim.chunks.root, facts->root, MM_HASH_BYTES) == 0)
            return true;
    }
    return false;
}

/* The largest number of chunks that the pinning manifest states, which bounds a list before it is read. */
static uint64_t most_chunks(const struct call *c)
{
    uint64_t most = c->manifest ? 0 : MM_CHUNK_COUNT_MAX;
    for (size_t group = 1; group <= mm_manifest_artifacts(&c->pinning); group++) {
        struct mm_claim claim;
        mm_manifest_claim(&c->pinning, group, &claim);
        most = claim.chunks.count > most ? claim.chunks.count : most;
    }
    return most;
}

/* A file that is opened before rights are given up, and parsed after. */
struct opened {
    const char *path; /* NULL for none */
    int fd;
};

static int open_first(struct call *c, struct opened *file, const char *path)
{
    *file = (struct opened){path, path ? cli_open(&c->cli, path) : -1};
    return path && file->fd < 0 ? -1 : 0;
}

static int read_pinning(struct call *c, const struct opened *manifest)
{
    if (!manifest->path)
        return 0;
    c->cli.diags.file = cli_shown(manifest->path);
    return mm_manifest_read_file(&c->pinning, manifest->fd, &c->cli.diags);
}

/* Checks FACTS, of a list (with the whole-file hash) or of a proof, against --root and --manifest, whichever were given. */
static int check_pins(struct call *c, const struct mm_chunk_facts *facts)
{
    if (c->root && memcmp(c->pinned, facts->root, MM_HASH_BYTES) != 0)
        return mm_diag(&c->cli.diags, MM_RULE_CHUNK_ROOT, "expected the root given by --root, found another");
    if (c->manifest && !in_manifest(&c->pinning, facts))
        return mm_diag(&c->cli.diags, MM_RULE_CHUNK_ROOT,
                       "expected the root and counts of an artifact of %s, found others", c->manifest);
    return 0;
}

static int check_proof_pins(struct call *c, const struct mm_proof *proof)
{
    struct mm_chunk_facts facts = {.count = proof->count};
    memcpy(facts.root, proof->root, MM_HASH_BYTES);
    return check_pins(c, &facts);
}

static int check_proof(struct call *c)
{
    struct mm_buf text = {0};
    struct mm_proof proof;
    struct opened manifest, file;
    if (open_first(c, &manifest, c->manifest) < 0 || open_first(c, &file, c->proof) < 0 ||
        cli_sandbox(&c->cli, NULL, 0) < 0 || read_pinning(c, &manifest) < 0)
        return -1;
    c->cli.diags.file = cli_shown(c->proof);
    int result = mm_file_read_all(file.fd, 16 << 20, &text, &c->cli.diags);
    if (result > 0)
        result = mm_diag_line(&c->cli.diags, MM_RULE_TEXT_SIZE, 1, 1, "expected a proof of at most 16 MiB, found more");
    if (result == 0)
        result = mm_proof_read(&proof, text.data ? text.data : "", text.length, &c->cli.diags);
    if (result == 0)
        result = check_proof_pins(c, &proof);
    mm_buf_release(&text);
    return result;
}

/* --check and --filter: reads the list, then works on the file. */
static int with_list(struct call *c, const char *path)
{
    struct mm_chunk_list list = {0};
    struct opened manifest, listed, file;
    if (open_first(c, &manifest, c->manifest) < 0 || open_first(c, &listed, path) < 0)
        return -1;
    int there = open_first(c, &file, c->file); /* where it is not, the list is still worth judging */
    if (cli_sandbox(&c->cli, NULL, 0) < 0 || read_pinning(c, &manifest) < 0)
        return -1;
    c->cli.diags.file = cli_shown(path);
    int result = mm_chunk_list_read(&list, listed.fd, most_chunks(c), &c->cli.diags);
    if (result == 0)
        result = check_pins(c, &list.facts) < 0 ? -1 : there;
    c->cli.diags.file = cli_shown(c->file);
    if (result == 0)
        result = c->filter ? mm_filter(file.fd, STDOUT_FILENO, &list, &c->cli.diags) : check(c, &list, file.fd);
    mm_chunk_list_release(&list);
    return result;
}

static int run(struct call *c)
{
    if (c->proof)
        return check_proof(c);
    if (c->filter || c->check)
        return with_list(c, c->filter ? c->filter : c->check);
    int fd = cli_open(&c->cli, c->file);
    if (fd < 0)
        return -1;
    return c->prove ? prove(c, fd) : describe(c, fd);
}

static void take_option(struct call *c, int option, const char *value)
{
    switch (option) {
    case SIZE:
        if (!mm_number_size(value, MM_CHUNK_SIZE_MAX, &c->how.size) || !mm_chunk_size_valid(c->how.size))
            cli_usage(&c->cli, "expected a chunk size that is a power of two from 65536 to 67108864, found '%s'",
                      value);
        break;
    case PROVE:
        c->prove = true;
        if (!mm_number(value, strlen(value), MM_NUMBER_MAX, &c->index))
            cli_usage(&c->cli, "expected a chunk's index, found '%s'", value);
        break;
    case ROOT:
        c->root = value;
        if (!mm_hex_hash(value, strlen(value), c->pinned))
            cli_usage(&c->cli, "expected 64 lower-case hex digits, found '%s'", value);
        break;
    case LIST:
        c->list = value;
        c->list_printed = strcmp(value, "-") == 0;
        break;
    case CHECK: c->check = value; break;
    case SIBLINGS_ONLY: c->siblings_only = true; break;
    case CHECK_PROOF: c->proof = value; break;
    case FILTER: c->filter = value; break;
    case MANIFEST: c->manifest = value; break;
    case NO_SHA256: c->how.whole = false; break;
    case THREADS: c->threads = value; break;
    default: c->force = true; break;
    }
}

static void check_call(struct call *c)
{
    int modes = (c->check != NULL) + (c->proof != NULL) + (c->filter != NULL) + c->prove + (c->list != NULL);
    if (modes > 1)
        cli_usage(&c->cli, "--list, --check, --prove, --check-proof and --filter exclude each other");
    if (c->proof ? c->cli.argc != 0 : c->filter ? c->cli.argc > 1 : c->cli.argc != 1)
        cli_usage(&c->cli, c->proof ? "--check-proof takes no operand" : "expected one FILE");
    if (c->filter && !c->root && !c->manifest)
        cli_usage(&c->cli, "--filter needs --manifest or --root, which say that LIST is to be believed");
    if (c->filter && c->cli.argc == 1 && strcmp(c->cli.argv[0], "-") != 0)
        cli_usage(&c->cli, "--filter reads standard input");
    if ((c->root || c->manifest) && !c->check && !c->proof && !c->filter)
        cli_usage(&c->cli, "--root and --manifest go with --check, --check-proof or --filter");
    if (c->siblings_only && !c->prove)
        cli_usage(&c->cli, "--siblings-only goes with --prove");
    if (c->list && !c->how.whole)
        cli_usage(&c->cli, "a chunk list holds the whole-file hash: --list and --no-sha256 exclude each other");
    c->file = c->cli.argc ? c->cli.argv[0] : "-";
    const char *read[] = {c->manifest, c->check, c->filter, c->proof, c->proof ? NULL : c->file};
    int standard = 0;
    for (size_t i = 0; i < sizeof read / sizeof *read; i++)
        standard += read[i] && strcmp(read[i], "-") == 0;
    if (standard > 1)
        cli_usage(&c->cli, "standard input can be read once");
}

int main(int argc, char **argv)
{
    struct call c = {.how = {.size = MM_CHUNK_SIZE_DEFAULT, .whole = true, .progress = cli_progress}};
    const char *value;
    int option;
    cli_init(&c.cli, &command, argc, argv);
    c.how.progress_context = &c.cli;
    while ((option = cli_next(&c.cli, &value)) >= 0)
        take_option(&c, option, value);
    check_call(&c);
    c.how.means = cli_hash_means(&c.cli, c.threads);
    int answer = cli_finish(&c.cli, run(&c) < 0 ? cli_failed(&c.cli) : 0);
    mm_manifest_release(&c.pinning);
    return answer;
}
