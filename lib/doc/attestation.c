#include "doc/attestation.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "hash/git_blob.h"
#include "text/json_tree.h"

const char *const mm_attestation_words[MM_ATTEST_KINDS] = {
    [MM_ATTEST_SHA256SUMS] = "sha256sums",
    [MM_ATTEST_LFS_POINTER] = "lfs-pointer",
    [MM_ATTEST_HF_METADATA] = "hf-metadata",
    [MM_ATTEST_OLLAMA] = "ollama",
    [MM_ATTEST_OMS] = "oms",
};

#define LFS_BEGIN "version "
#define BUNDLE_TYPE "application/vnd.dev.sigstore.bundle"
#define MODEL_LAYER "application/vnd.ollama.image.model"

void mm_attestation_release(struct mm_attestation *attestation)
{
    free(attestation->items);
    mm_buf_release(&attestation->names);
    *attestation = (struct mm_attestation){0};
}

int mm_attestation_add(struct mm_attestation *attestation, const char *name, size_t name_length,
                       struct mm_attested item, struct mm_diags *diags)
{
    if (!mm_grow(&attestation->items, attestation->count, &attestation->capacity, sizeof *attestation->items))
        return mm_diag_memory(diags);
    item.name = attestation->names.length;
    item.name_length = name_length;
    mm_buf_add(&attestation->names, name, name_length);
    mm_buf_char(&attestation->names, '\0');
    if (attestation->names.failed)
        return mm_diag_memory(diags);
    attestation->items[attestation->count++] = item;
    return 0;
}

/* ---- lines ---- */

struct lines {
    const char *at, *end;
    uint64_t number; /* of the line that was read last */
};

/* The next line without its LF and a CR before that, which writers on Windows leave. False at the end. */
static bool next_line(struct lines *lines, const char **line, size_t *length)
{
    if (lines->at == lines->end)
        return false;
    const char *feed = memchr(lines->at, '\n', (size_t)(lines->end - lines->at));
    const char *end = feed ? feed : lines->end;
    *line = lines->at;
    *length = (size_t)(end - lines->at);
    if (feed && *length && (*line)[*length - 1] == '\r')
        --*length;
    lines->at = feed ? feed + 1 : lines->end;
    lines->number++;
    return true;
}

static int wrong_line(struct mm_diags *diags, uint64_t number, const char *expected, const char *line, size_t length)
{
    char shown[MM_SHOWN];
    return mm_diag_line(diags, MM_RULE_ATTEST_FORM, number, 1, "expected %s, found '%s'", expected,
                        mm_show(shown, line, length));
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* Exactly 2 * SIZE digits of either case: sha256sum takes both. */
static bool read_hex(const char *text, size_t length, unsigned char *out, size_t size)
{
    if (length != 2 * size)
        return false;
    for (size_t i = 0; i < size; i++) {
        int high = hex_digit(text[2 * i]), low = hex_digit(text[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        out[i] = (unsigned char)(high << 4 | low);
    }
    return true;
}

/* ---- SHA256SUMS ---- */

/* The name in a line `\HEX  NAME`: backslash, LF and CR are written as \\, \n and \r. */
static bool unescape(const char *name, size_t length, struct mm_buf *out)
{
    for (size_t i = 0; i < length; i++) {
        if (name[i] != '\\') {
            mm_buf_char(out, name[i]);
            continue;
        }
        if (++i == length || !strchr("\\nr", name[i]))
            return false;
        mm_buf_char(out, name[i] == 'n' ? '\n' : name[i] == 'r' ? '\r' : '\\');
    }
    return true;
}

static int add_sum(struct mm_attestation *attestation, const char *name, size_t length, const struct mm_attested *item,
                   struct mm_diags *diags)
{
    while (length > 2 && name[0] == '.' && name[1] == '/') {
        size_t more = 2;
        while (more < length - 1 && name[more] == '/') /* .//name is no absolute one */
            more++;
        name += more;
        length -= more;
    }
    return mm_attestation_add(attestation, name, length, *item, diags);
}

/* `HEX  NAME` or `HEX *NAME`. */
static bool split_plain(const char *line, size_t length, const char **name, size_t *name_length,
                        unsigned char digest[static MM_HASH_BYTES])
{
    if (length < MM_HASH_HEX + 3 || line[MM_HASH_HEX] != ' ' || !strchr(" *", line[MM_HASH_HEX + 1]))
        return false;
    *name = line + MM_HASH_HEX + 2;
    *name_length = length - MM_HASH_HEX - 2;
    return read_hex(line, MM_HASH_HEX, digest, MM_HASH_BYTES);
}

/* `SHA256 (NAME) = HEX`, as BSD has it, or `SHA2-256(NAME)= HEX`, as openssl writes it. The hash ends the line, so a name may hold
 * what looks like the end of one. */
static bool split_tagged(const char *line, size_t length, const char **name, size_t *name_length,
                         unsigned char digest[static MM_HASH_BYTES])
{
    static const char *const begins[] = {"SHA256 (", "SHA256(", "SHA2-256 (", "SHA2-256("};
    size_t begin = 0;
    for (size_t i = 0; i < sizeof begins / sizeof *begins && begin == 0; i++)
        if (length > strlen(begins[i]) && memcmp(line, begins[i], strlen(begins[i])) == 0)
            begin = strlen(begins[i]);
    if (begin == 0 || length < begin + 1 + strlen(")= ") + MM_HASH_HEX)
        return false;
    size_t end = length - MM_HASH_HEX - 2;
    if (memcmp(line + end, "= ", 2) != 0)
        return false;
    if (line[end - 1] == ' ')
        end--;
    if (end < begin + 2 || line[end - 1] != ')')
        return false;
    *name = line + begin;
    *name_length = end - 1 - begin;
    return read_hex(line + length - MM_HASH_HEX, MM_HASH_HEX, digest, MM_HASH_BYTES);
}

static int read_sum(struct mm_attestation *attestation, const char *line, size_t length, uint64_t number,
                    struct mm_diags *diags)
{
    struct mm_attested item = {.line = number};
    struct mm_buf plain = {0};
    bool escaped = line[0] == '\\';
    const char *from = line + escaped, *name;
    size_t left = length - escaped, name_length;
    if (!split_plain(from, left, &name, &name_length, item.digest) &&
        !split_tagged(from, left, &name, &name_length, item.digest))
        return wrong_line(diags, number, "'HEX  NAME' or 'SHA256 (NAME) = HEX' with a SHA-256 of 64 digits", line,
                          length);
    int result = 0;
    if (!escaped)
        result = add_sum(attestation, name, name_length, &item, diags);
    else if (!unescape(name, name_length, &plain))
        result = wrong_line(diags, number, "the escapes \\\\, \\n and \\r", line, length);
    else
        result = plain.failed ? mm_diag_memory(diags) : add_sum(attestation, plain.data, plain.length, &item, diags);
    mm_buf_release(&plain);
    return result;
}

static int read_sums(struct mm_attestation *attestation, const char *text, size_t length, struct mm_diags *diags)
{
    struct lines lines = {text, text + length, 0};
    const char *line;
    size_t size;
    attestation->kind = MM_ATTEST_SHA256SUMS;
    while (next_line(&lines, &line, &size))
        if (size && line[0] != '#' && read_sum(attestation, line, size, lines.number, diags) < 0)
            return -1;
    if (attestation->count == 0)
        return mm_diag(diags, MM_RULE_ATTEST_FORM, "expected lines with hashes, found none");
    return mm_attestation_check_names(attestation, diags);
}

struct by_name {
    const struct mm_attestation *attestation;
    const struct mm_attested *item;
};

static int compare_names(const void *a, const void *b)
{
    const struct by_name *x = a, *y = b;
    return mm_bytes_compare(mm_attested_name(x->attestation, x->item), x->item->name_length,
                            mm_attested_name(y->attestation, y->item), y->item->name_length);
}

int mm_attestation_check_names(const struct mm_attestation *attestation, struct mm_diags *diags)
{
    char shown[MM_SHOWN];
    int result = 0;
    struct by_name *sorted = calloc(attestation->count + 1, sizeof *sorted);
    if (!sorted)
        return mm_diag_memory(diags);
    for (size_t i = 0; i < attestation->count; i++)
        sorted[i] = (struct by_name){attestation, &attestation->items[i]};
    qsort(sorted, attestation->count, sizeof *sorted, compare_names);
    for (size_t i = 1; result == 0 && i < attestation->count; i++)
        if (compare_names(&sorted[i - 1], &sorted[i]) == 0 &&
            memcmp(sorted[i - 1].item->digest, sorted[i].item->digest, MM_HASH_BYTES) != 0)
            result = mm_diag_line(
                diags, MM_RULE_ATTEST_FORM, sorted[i].item->line, 1,
                "expected one hash of a file, found two different ones of '%s'",
                mm_show(shown, mm_attested_name(attestation, sorted[i].item), sorted[i].item->name_length));
    free(sorted);
    return result;
}

/* ---- Git LFS pointers ---- */

static bool is_lfs_version(const char *line, size_t length)
{
    static const char *const versions[] = {
        LFS_BEGIN "https://git-lfs.github.com/spec/v1",
        LFS_BEGIN "https://hawser.github.com/spec/v1", /* the program's first name */
    };
    for (size_t i = 0; i < sizeof versions / sizeof *versions; i++)
        if (strlen(versions[i]) == length && memcmp(line, versions[i], length) == 0)
            return true;
    return false;
}

/* What stands behind KEY and a space in the next line, which has to end in LF. NULL with a finding otherwise. */
static const char *pointer_value(struct lines *lines, const char *key, size_t *length, struct mm_diags *diags)
{
    const char *line = lines->end;
    size_t size = 0;
    bool read = next_line(lines, &line, &size);
    if (!read || line + size == lines->end || line[size] != '\n' || size <= strlen(key) ||
        memcmp(line, key, strlen(key)) != 0) {
        mm_diag_line(diags, MM_RULE_ATTEST_FORM, read ? lines->number : lines->number + 1, 1,
                     "expected '%s' and a value, then LF, as a Git LFS pointer has it", key);
        return NULL;
    }
    *length = size - strlen(key);
    return line + strlen(key);
}

/* Three lines. A pointer with extensions names what is stored and not the file, so it is none that can be compared. */
static int read_pointer(struct mm_attestation *attestation, const char *text, size_t length, struct mm_diags *diags)
{
    struct lines lines = {text, text + length, 0};
    struct mm_attested item = {.has_size = true, .line = 2};
    const char *value;
    size_t size;
    attestation->kind = MM_ATTEST_LFS_POINTER;
    if (length > MM_LFS_POINTER_MAX)
        return mm_diag(diags, MM_RULE_ATTEST_FORM, "expected a Git LFS pointer of at most %d bytes, found %zu",
                       MM_LFS_POINTER_MAX, length);
    if (!(value = pointer_value(&lines, LFS_BEGIN, &size, diags)))
        return -1;
    if (!is_lfs_version(text, (size_t)(value + size - text)))
        return wrong_line(diags, 1, "version https://git-lfs.github.com/spec/v1", text, (size_t)(value + size - text));
    if (!(value = pointer_value(&lines, "oid sha256:", &size, diags)))
        return -1;
    if (!mm_hex_hash(value, size, item.digest))
        return wrong_line(diags, 2, "an oid of 64 lower-case hex digits", value, size);
    if (!(value = pointer_value(&lines, "size ", &size, diags)))
        return -1;
    if (!mm_number(value, size, MM_NUMBER_MAX, &item.size))
        return wrong_line(diags, 3, "a size in bytes", value, size);
    if (lines.at != lines.end)
        return wrong_line(diags, 4, "nothing behind the size", lines.at, (size_t)(lines.end - lines.at));
    return mm_attestation_add(attestation, "", 0, item, diags);
}

/* ---- Hugging Face's download metadata: commit, etag, time ---- */

static bool is_time(const char *text, size_t length)
{
    size_t digits = 0, points = 0;
    for (size_t i = 0; i < length; i++) {
        digits += text[i] >= '0' && text[i] <= '9';
        points += text[i] == '.' && i > 0;
    }
    return digits > 0 && points <= 1 && digits + points == length;
}

static int read_metadata(struct mm_attestation *attestation, const char *text, size_t length, struct mm_diags *diags)
{
    struct lines lines = {text, text + length, 0};
    struct mm_attested item = {.line = 2};
    const char *line;
    size_t size;
    attestation->kind = MM_ATTEST_HF_METADATA;
    if (length > MM_HF_METADATA_MAX)
        return mm_diag(diags, MM_RULE_ATTEST_FORM, "expected download metadata of at most %d bytes, found %zu",
                       MM_HF_METADATA_MAX, length);
    next_line(&lines, &line, &size); /* the commit, by which the kind was told */
    if (!next_line(&lines, &line, &size))
        return mm_diag_line(diags, MM_RULE_ATTEST_FORM, 2, 1, "expected the etag, found the end");
    item.git = size == MM_GIT_HEX;
    if (!(item.git ? read_hex(line, size, item.digest, MM_GIT_BYTES) : mm_hex_hash(line, size, item.digest)))
        return wrong_line(diags, 2, "an etag that is a SHA-256 or a git id, 64 or 40 hex digits", line, size);
    if (!next_line(&lines, &line, &size) || !is_time(line, size))
        return mm_diag_line(diags, MM_RULE_ATTEST_FORM, 3, 1, "expected seconds since 1970");
    if (lines.at != lines.end)
        return mm_diag_line(diags, MM_RULE_ATTEST_FORM, 4, 1, "expected three lines, found more");
    return mm_attestation_add(attestation, "", 0, item, diags);
}

/* ---- JSON: Ollama manifests, and bundles, which are only told ---- */

static int wrong_layer(const struct mm_json_tree *tree, const struct mm_json_value *value, uint64_t offset,
                       const char *expected, struct mm_diags *diags)
{
    char shown[MM_SHOWN];
    return mm_diag_offset(diags, MM_RULE_ATTEST_FORM, value ? value->offset : offset, "expected %s, found %s", expected,
                          mm_json_shown(tree, value, shown));
}

static int add_layer(struct mm_attestation *attestation, const struct mm_json_tree *tree,
                     const struct mm_json_value *layer, struct mm_diags *diags)
{
    const struct mm_json_value *type = mm_json_member(tree, layer, "mediaType");
    const struct mm_json_value *digest = mm_json_member(tree, layer, "digest");
    const struct mm_json_value *size = mm_json_member(tree, layer, "size");
    const char *hex = mm_json_kind(digest, MM_JSON_STRING) ? mm_json_text(tree, digest) : "";
    struct mm_attested item = {.has_size = true, .weights = mm_json_is(tree, type, MODEL_LAYER)};
    if (!mm_json_kind(layer, MM_JSON_OBJECT))
        return wrong_layer(tree, layer, layer->offset, "a layer with mediaType, digest and size", diags);
    if (!mm_json_kind(type, MM_JSON_STRING))
        return wrong_layer(tree, type, layer->offset, "a mediaType in text", diags);
    if (strncmp(hex, "sha256:", 7) != 0 || !mm_hex_hash(hex + 7, digest->length - 7, item.digest))
        return wrong_layer(tree, digest, layer->offset, "a digest sha256: and 64 hex digits", diags);
    if (!mm_json_whole(tree, size, MM_NUMBER_MAX, &item.size))
        return wrong_layer(tree, size, layer->offset, "a size in bytes", diags);
    for (size_t i = 0; i < attestation->count; i++)
        if (memcmp(attestation->items[i].digest, item.digest, MM_HASH_BYTES) == 0 &&
            attestation->items[i].size != item.size)
            return wrong_layer(tree, size, layer->offset, "one size of one digest", diags);
    return mm_attestation_add(attestation, "", 0, item, diags);
}

static int read_ollama(struct mm_attestation *attestation, const struct mm_json_tree *tree,
                       const struct mm_json_value *layers, struct mm_diags *diags)
{
    const struct mm_json_value *top = tree->values;
    const struct mm_json_value *version = mm_json_member(tree, top, "schemaVersion");
    const struct mm_json_value *config = mm_json_member(tree, top, "config");
    uint64_t number;
    attestation->kind = MM_ATTEST_OLLAMA;
    if (!mm_json_whole(tree, version, 2, &number) || number != 2)
        return wrong_layer(tree, version, 0, "schemaVersion 2", diags);
    if (!mm_json_kind(layers, MM_JSON_ARRAY) || !mm_json_first(tree, layers))
        return wrong_layer(tree, layers, 0, "a list of one layer at least", diags);
    if (!config)
        return wrong_layer(tree, config, 0, "a config", diags);
    if (add_layer(attestation, tree, config, diags) < 0)
        return -1;
    size_t count = 0;
    for (const struct mm_json_value *v = mm_json_first(tree, layers); v; v = mm_json_following(tree, v)) {
        if (++count > MM_OLLAMA_LAYERS)
            return mm_diag_offset(diags, MM_RULE_IO_LIMIT, v->offset, "at most %d layers are read", MM_OLLAMA_LAYERS);
        if (add_layer(attestation, tree, v, diags) < 0)
            return -1;
    }
    return 0;
}

static int read_json(struct mm_attestation *attestation, const char *text, size_t length, struct mm_diags *diags)
{
    struct mm_json_tree tree = {0};
    int result = mm_json_tree_read_text(&tree, text, length, diags);
    const struct mm_json_value *top = result == 0 ? tree.values : NULL;
    const struct mm_json_value *layers = mm_json_member(&tree, top, "layers");
    const struct mm_json_value *type = mm_json_member(&tree, top, "mediaType");
    if (result == 0 && layers && length > MM_OLLAMA_MAX)
        result = mm_diag(diags, MM_RULE_ATTEST_FORM, "expected an Ollama manifest of at most %u bytes, found %zu",
                         MM_OLLAMA_MAX, length);
    else if (result == 0 && layers)
        result = read_ollama(attestation, &tree, layers, diags);
    else if (result == 0 && mm_json_kind(type, MM_JSON_STRING) &&
             strncmp(mm_json_text(&tree, type), BUNDLE_TYPE, strlen(BUNDLE_TYPE)) == 0)
        attestation->kind = MM_ATTEST_OMS;
    else if (result == 0)
        result = mm_diag(diags, MM_RULE_ATTEST_FORM,
                         "expected an Ollama manifest or a model-signing bundle, found other JSON");
    mm_json_tree_release(&tree);
    return result;
}

/* ---- the kind ---- */

/* The first line is 40 hex digits: a commit, as no line of SHA256SUMS is. */
static bool begins_with_commit(const char *text, size_t length)
{
    struct lines lines = {text, text + length, 0};
    unsigned char commit[MM_GIT_BYTES];
    const char *line;
    size_t size;
    return next_line(&lines, &line, &size) && read_hex(line, size, commit, sizeof commit);
}

static bool begins_with_object(const char *text, size_t length)
{
    size_t i = 0;
    while (i < length && strchr(" \t\r\n", text[i]))
        i++;
    return i < length && text[i] == '{';
}

int mm_attestation_read(struct mm_attestation *attestation, const char *text, size_t length, struct mm_diags *diags)
{
    *attestation = (struct mm_attestation){0};
    if (length > MM_ATTESTATION_MAX)
        return mm_diag(diags, MM_RULE_ATTEST_FORM, "expected at most %u bytes, found more", MM_ATTESTATION_MAX);
    if (length && memchr(text, '\0', length))
        return mm_diag(diags, MM_RULE_ATTEST_FORM, "expected text, found NUL");
    if (begins_with_object(text, length))
        return read_json(attestation, text, length, diags);
    if (length >= strlen(LFS_BEGIN) && memcmp(text, LFS_BEGIN, strlen(LFS_BEGIN)) == 0)
        return read_pointer(attestation, text, length, diags);
    if (begins_with_commit(text, length))
        return read_metadata(attestation, text, length, diags);
    return read_sums(attestation, text, length, diags);
}
