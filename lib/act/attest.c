#include "act/attest.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "act/attest_bundle.h"
#include "act/folder.h"
#include "base/checked.h"
#include "hash/sha256.h"
#include "text/path.h"

#define NO_INPUT SIZE_MAX
#define METADATA ".metadata"
#define POINTER ".pointer"

/* Entries of one operand that are named as speaking of other files; the rest is counted. */
#define OTHERS_NAMED 16

/* Names of one file on either side of the one that is found, from which the most like is taken. */
#define LINKS_COMPARED 256

void mm_attest_release(struct mm_attest *attest)
{
    for (size_t i = 0; i < attest->file_count; i++)
        free(attest->files[i].path);
    free(attest->identities);
    free(attest->sorted);
    free(attest->git);
    free(attest->files);
    free(attest->operands);
    free(attest->claims);
    *attest = (struct mm_attest){0};
}

/* ---- which input a name means ---- */

static int by_inode(const void *a, const void *b)
{
    const struct mm_attest_identity *x = a, *y = b;
    if (x->device != y->device)
        return x->device < y->device ? -1 : 1;
    return x->inode < y->inode ? -1 : x->inode > y->inode;
}

/* Which file NAME is, seen from FOLDER; links are followed, nothing is opened. Returns 0, or -1 with IO_READ. */
static int identify(int folder, const char *name, struct mm_attest_identity *identity, struct mm_diags *diags)
{
    struct stat info;
    *identity = (struct mm_attest_identity){0};
    if (fstatat(folder, name, &info, 0) == 0) {
        identity->device = (uint64_t)info.st_dev;
        identity->inode = (uint64_t)info.st_ino;
        identity->known = true;
        return 0;
    }
    bool absent = errno == ENOENT || errno == ENOTDIR || errno == ELOOP || errno == ENAMETOOLONG || errno == EACCES;
    return absent ? 0 : mm_diag_errno(diags, MM_RULE_IO_READ, "cannot look at a file", errno);
}

int mm_attest_begin(struct mm_attest *attest, const struct mm_gather *gather, struct mm_diags *diags)
{
    *attest = (struct mm_attest){.gather = gather};
    attest->identities = calloc(gather->count + 1, sizeof *attest->identities);
    attest->sorted = calloc(gather->count + 1, sizeof *attest->sorted);
    attest->git = calloc(gather->count + 1, sizeof *attest->git);
    if (!attest->identities || !attest->sorted || !attest->git)
        return mm_diag_memory(diags);
    for (size_t i = 0; i < gather->count; i++) {
        const struct mm_input *input = &gather->inputs[i];
        if (identify(input->folder, input->name, &attest->identities[i], diags) < 0)
            return -1;
        attest->identities[i].input = i;
        if (attest->identities[i].known)
            attest->sorted[attest->sorted_count++] = attest->identities[i];
    }
    qsort(attest->sorted, attest->sorted_count, sizeof *attest->sorted, by_inode);
    return 0;
}

static int by_path(const void *key, const void *item)
{
    return strcmp(key, ((const struct mm_input *)item)->path);
}

/* The input whose path in the manifest is PATH, or NO_INPUT. */
static size_t input_at(const struct mm_attest *attest, const char *path)
{
    const struct mm_input *input = attest->gather->count ? bsearch(path, attest->gather->inputs, attest->gather->count,
                                                                   sizeof *attest->gather->inputs, by_path)
                                                         : NULL;
    return input ? (size_t)(input - attest->gather->inputs) : NO_INPUT;
}

/* A name that may be looked at: relative, and never upwards. */
static bool stays_beneath(const char *name)
{
    if (*name == '/' || !*name)
        return false;
    for (const char *part = name; part; part = strchr(part, '/') ? strchr(part, '/') + 1 : NULL)
        if (strncmp(part, "..", 2) == 0 && (part[2] == '/' || !part[2]))
            return false;
    return true;
}

/* How many components the ends of A and B have in common. */
static size_t common_end(const char *a, const char *b)
{
    size_t i = strlen(a), j = strlen(b), count = 0;
    while (i > 0 && j > 0 && a[i - 1] == b[j - 1]) {
        i--, j--;
        count += a[i] == '/';
    }
    return count + ((i == 0 || a[i - 1] == '/') && (j == 0 || b[j - 1] == '/'));
}

/* Of the inputs that are the same file as FOUND, one of the sorted, the one whose path is most like NAME. */
static size_t most_like(const struct mm_attest *attest, const struct mm_attest_identity *found, const char *name)
{
    const struct mm_attest_identity *end = attest->sorted + attest->sorted_count;
    size_t most = 0;
    for (int i = 0; i < LINKS_COMPARED && found > attest->sorted && by_inode(found - 1, found) == 0; i++)
        found--;
    const struct mm_attest_identity *best = found;
    for (const struct mm_attest_identity *at = found;
         at < end && at - found <= 2 * LINKS_COMPARED && by_inode(at, found) == 0; at++) {
        size_t common = common_end(attest->gather->inputs[at->input].path, name);
        if (common > most) {
            best = at;
            most = common;
        }
    }
    return best->input;
}

/* The input that is the file NAME, seen from FOLDER; NO_INPUT for none. */
static int seen_from(const struct mm_attest *attest, int folder, const char *name, size_t *input,
                     struct mm_diags *diags)
{
    struct mm_attest_identity seen;
    *input = NO_INPUT;
    if (!stays_beneath(name) || !attest->sorted_count)
        return 0;
    if (identify(folder, name, &seen, diags) < 0)
        return -1;
    const struct mm_attest_identity *found =
        seen.known ? bsearch(&seen, attest->sorted, attest->sorted_count, sizeof *attest->sorted, by_inode) : NULL;
    if (found)
        *input = most_like(attest, found, name);
    return 0;
}

/* ---- what was read ---- */

static int add_claim(struct mm_attest *attest, size_t input, const struct mm_attested *said, struct mm_diags *diags)
{
    if (attest->claim_count >= MM_ATTEST_CLAIMS_MAX)
        return mm_diag(diags, MM_RULE_IO_LIMIT, "at most %d entries of attestations are compared",
                       MM_ATTEST_CLAIMS_MAX);
    if (!mm_grow(&attest->claims, attest->claim_count, &attest->claim_capacity, sizeof *attest->claims))
        return mm_diag_memory(diags);
    attest->claims[attest->claim_count++] = (struct mm_attest_claim){input, *said};
    attest->files[attest->file_count - 1].count++;
    if (said->git && input != NO_INPUT)
        attest->git[input] = true;
    return 0;
}

static void note_other(struct mm_attest_operand *operand, const char *name, size_t length, struct mm_diags *diags)
{
    char shown[MM_SHOWN];
    if (operand->others++ < OTHERS_NAMED)
        mm_note(diags, MM_RULE_ATTEST_OTHER, "speaks of '%s', which is not described", mm_show(shown, name, length));
}

/* An item's name, or "" where it holds NUL, as no file's does. */
static const char *name_of(const struct mm_attestation *read, size_t i)
{
    const char *name = mm_attested_name(read, &read->items[i]);
    return strlen(name) == read->items[i].name_length ? name : "";
}

/* All names of one attestation count from one place: from FOLDER, where it lies, if any of them leads from there to an input, and
 * otherwise they are paths in the manifest. So a file beside the attestation is not taken for the model's file of that name. */
static int take_named(struct mm_attest *attest, const struct mm_attestation *read, int folder, struct mm_diags *diags)
{
    struct mm_attest_operand *operand = &attest->operands[attest->operand_count - 1];
    size_t input = NO_INPUT;
    for (size_t i = 0; i < read->count && input == NO_INPUT; i++)
        if (seen_from(attest, folder, name_of(read, i), &input, diags) < 0)
            return -1;
    bool here = input != NO_INPUT;
    for (size_t i = 0; i < read->count; i++) {
        const struct mm_attested *item = &read->items[i];
        input = here ? NO_INPUT : input_at(attest, name_of(read, i));
        if (here && seen_from(attest, folder, name_of(read, i), &input, diags) < 0)
            return -1;
        if (input == NO_INPUT)
            note_other(operand, mm_attested_name(read, item), item->name_length, diags);
        else if (add_claim(attest, input, item, diags) < 0)
            return -1;
    }
    return 0;
}

/* A bundle of a model that is one file and has no name. */
static int take_only(struct mm_attest *attest, const struct mm_attestation *read, struct mm_diags *diags)
{
    if (attest->gather->count != 1)
        return mm_diag(diags, MM_RULE_ATTEST_FORM,
                       "expected one described file, as the bundle speaks of a single one without name, found %zu",
                       attest->gather->count);
    return add_claim(attest, 0, &read->items[0], diags);
}

/* True if PATH is the end of WHOLE, from a slash on. */
static bool ends_in_path(const char *whole, const char *path)
{
    size_t length = strlen(whole), size = strlen(path);
    return length > size && whole[length - size - 1] == '/' && strcmp(whole + length - size, path) == 0;
}

/* The input that has the name of WHOLE; where several have, the one whose path WHOLE ends in, the longest. */
static int find_namesake(const struct mm_attest *attest, const char *whole, size_t *input, struct mm_diags *diags)
{
    size_t same = 0, last = NO_INPUT, within = NO_INPUT, longest = 0;
    const char *base = mm_path_name(whole);
    for (size_t i = 0; i < attest->gather->count; i++) {
        const char *path = attest->gather->inputs[i].path;
        if (strcmp(mm_path_name(path), base) != 0)
            continue;
        same++;
        last = i;
        if (ends_in_path(whole, path) && strlen(path) > longest) {
            longest = strlen(path);
            within = i;
        }
    }
    *input = same == 1 ? last : within;
    if (same <= 1 || within != NO_INPUT)
        return 0;
    return mm_diag(diags, MM_RULE_ATTEST_FORM,
                   "expected one described file of the attestation's name that it can speak of, found %zu", same);
}

/* Where a pointer or metadata stands, and the file that it speaks of. */
struct place {
    char whole[PATH_MAX];  /* of the file that is meant */
    char folder[PATH_MAX]; /* from which its name counts */
    const char *name;      /* points into `whole` */
    bool downloaded;       /* it is .../.cache/huggingface/download/NAME.metadata, which speaks of .../NAME */
};

/* PATH with its folder as it really is; the last component may be a link. */
static int locate(const char *path, struct place *place, struct mm_diags *diags)
{
    char folder[PATH_MAX];
    size_t length = mm_path_folder_length(path);
    if (length >= sizeof folder)
        return mm_diag(diags, MM_RULE_IO_OPEN, "expected a shorter path");
    memcpy(folder, path, length);
    strcpy(folder + length, length ? "" : ".");
    if (!realpath(folder, place->folder))
        return mm_diag_errno(diags, MM_RULE_IO_OPEN, "cannot open the attestation's folder", errno);
    const char *slash = place->folder[1] ? "/" : ""; /* the root ends in one */
    if ((size_t)snprintf(place->whole, sizeof place->whole, "%s%s%s", place->folder, slash, path + length) >=
        sizeof place->whole)
        return mm_diag(diags, MM_RULE_IO_OPEN, "expected a shorter path");
    place->name = mm_path_name(place->whole);
    place->downloaded = false;
    return 0;
}

static void leave_download_folder(struct place *place)
{
    static const char *const folders[] = {"/.cache/huggingface/download/", "/.huggingface/download/"};
    for (size_t i = 0; i < sizeof folders / sizeof *folders && !place->downloaded; i++) {
        const char *last = NULL;
        for (const char *at = strstr(place->whole, folders[i]); at; at = strstr(at + 1, folders[i]))
            last = at;
        if (!last)
            continue;
        place->downloaded = true;
        place->name = last + strlen(folders[i]);
        snprintf(place->folder, sizeof place->folder, "%.*s", last == place->whole ? 1 : (int)(last - place->whole),
                 place->whole);
    }
}

/* The place of what a pointer or metadata at PATH speaks of, and its open folder; -1 with a finding. */
static int open_place(const char *path, enum mm_attestation_kind kind, struct place *place, struct mm_diags *diags)
{
    const char *ending = kind == MM_ATTEST_HF_METADATA ? METADATA : POINTER;
    if (locate(path, place, diags) < 0)
        return -1;
    if (mm_path_ends_in(place->whole, ending))
        place->whole[strlen(place->whole) - strlen(ending)] = '\0';
    if (kind == MM_ATTEST_HF_METADATA)
        leave_download_folder(place);
    return mm_file_open_folder(place->folder, diags);
}

/* The input that a pointer or metadata at PATH speaks of. */
static int find_own(const struct mm_attest *attest, const char *path, enum mm_attestation_kind kind,
                    struct mm_attest_operand *operand, size_t *input, struct mm_diags *diags)
{
    struct place place;
    int folder = open_place(path, kind, &place, diags);
    if (folder < 0)
        return -1;
    int result = seen_from(attest, folder, place.name, input, diags);
    close(folder);
    if (result == 0 && *input == NO_INPUT && !place.downloaded)
        result = find_namesake(attest, place.whole, input, diags);
    else if (result == 0 && *input == NO_INPUT && !operand->here)
        *input = input_at(attest, place.name);
    if (result == 0 && *input == NO_INPUT)
        note_other(operand, place.name, strlen(place.name), diags);
    return result;
}

/* Does the metadata at PATH speak of an input that is seen from its folder? What cannot be looked at is a finding later. */
static bool speaks_from_here(const struct mm_attest *attest, const char *path)
{
    struct place place;
    struct mm_diags ignored;
    size_t input = NO_INPUT;
    mm_diags_init(&ignored);
    int folder = open_place(path, MM_ATTEST_HF_METADATA, &place, &ignored);
    if (folder >= 0) {
        seen_from(attest, folder, place.name, &input, &ignored);
        close(folder);
    }
    mm_diags_release(&ignored);
    return input != NO_INPUT;
}

/* ---- files ---- */

static int take_own(struct mm_attest *attest, const struct mm_attestation *read, const char *path,
                    struct mm_diags *diags)
{
    struct mm_attest_operand *operand = &attest->operands[attest->operand_count - 1];
    size_t input;
    if (find_own(attest, path, read->kind, operand, &input, diags) < 0)
        return -1;
    return input == NO_INPUT ? 0 : add_claim(attest, input, &read->items[0], diags);
}

static int take_digests(struct mm_attest *attest, const struct mm_attestation *read, struct mm_diags *diags)
{
    for (size_t i = 0; i < read->count; i++)
        if (add_claim(attest, NO_INPUT, &read->items[i], diags) < 0)
            return -1;
    return 0;
}

static int take_names(struct mm_attest *attest, const struct mm_attestation *read, const char *path,
                      struct mm_diags *diags)
{
    struct place place;
    int folder = locate(path, &place, diags) < 0 ? -1 : mm_file_open_folder(place.folder, diags);
    if (folder < 0)
        return -1;
    int result = take_named(attest, read, folder, diags);
    close(folder);
    return result;
}

static int take(struct mm_attest *attest, struct mm_attest_file *file, struct mm_attestation *read,
                const struct mm_buf *text, struct mm_diags *diags)
{
    file->kind = read->kind;
    switch (read->kind) {
    case MM_ATTEST_LFS_POINTER:
    case MM_ATTEST_HF_METADATA:
        if (file->stream)
            return mm_diag(diags, MM_RULE_ATTEST_FORM,
                           "expected a file, as the name of this kind tells of what it speaks");
        return take_own(attest, read, file->path, diags);
    case MM_ATTEST_OLLAMA: return take_digests(attest, read, diags);
    case MM_ATTEST_OMS:
        if (mm_attest_read_bundle(attest, file, text, read, diags) < 0)
            return -1;
        return read->count == 1 && strcmp(name_of(read, 0), ".") == 0 ? take_only(attest, read, diags)
                                                                      : take_names(attest, read, file->path, diags);
    default: return take_names(attest, read, file->path, diags);
    }
}

static int read_bytes(int fd, struct mm_buf *text, unsigned char sha256[static MM_HASH_BYTES], struct mm_diags *diags)
{
    int result = mm_file_read_all(fd, MM_ATTESTATION_MAX, text, diags);
    struct mm_sha256 *sha = result < 0 ? NULL : mm_sha256_new();
    if (result < 0 || !sha)
        return result < 0 ? -1 : mm_diag_memory(diags);
    mm_sha256_once(sha, mm_buf_text(text), text->length, sha256);
    mm_sha256_free(sha);
    return 0;
}

static struct mm_attest_file *new_file(struct mm_attest *attest, const char *path, struct mm_diags *diags)
{
    if (attest->file_count >= MM_ATTEST_FILES_MAX) {
        mm_diag(diags, MM_RULE_IO_LIMIT, "at most %d attestations are compared", MM_ATTEST_FILES_MAX);
        return NULL;
    }
    if (!mm_grow(&attest->files, attest->file_count, &attest->file_capacity, sizeof *attest->files)) {
        mm_diag_memory(diags);
        return NULL;
    }
    struct mm_attest_file *file = &attest->files[attest->file_count];
    *file = (struct mm_attest_file){.path = strdup(path), .first = attest->claim_count};
    if (!file->path) {
        mm_diag_memory(diags);
        return NULL;
    }
    attest->file_count++;
    attest->operands[attest->operand_count - 1].count++;
    return file;
}

/* Reads FD as FILE; METADATA: it has to be that. */
static int read_file(struct mm_attest *attest, struct mm_attest_file *file, int fd, bool metadata,
                     struct mm_diags *diags)
{
    struct mm_attestation read = {0};
    struct mm_buf text = {0};
    int result = read_bytes(fd, &text, file->sha256, diags);
    if (result == 0)
        result = mm_attestation_read(&read, mm_buf_text(&text), text.length, diags);
    if (result == 0 && metadata && read.kind != MM_ATTEST_HF_METADATA)
        result = mm_diag(diags, MM_RULE_ATTEST_FORM, "expected download metadata, found something else");
    if (result == 0)
        result = take(attest, file, &read, &text, diags);
    mm_attestation_release(&read);
    mm_buf_release(&text);
    return result;
}

static int add_file(struct mm_attest *attest, const char *path, bool metadata, struct mm_diags *diags)
{
    struct mm_attest_file *file = new_file(attest, path, diags);
    if (!file)
        return -1;
    diags->file = file->path;
    int fd = mm_file_open(path, diags);
    int result = fd < 0 ? -1 : read_file(attest, file, fd, metadata, diags);
    if (fd >= 0)
        close(fd);
    diags->file = "";
    return result;
}

/* ---- folders of download metadata ---- */

static bool is_folder(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

/* FOLDER itself, or the folder of downloads beneath it, into OUT. Returns 0, or -1 with a finding. */
static int find_downloads(const char *folder, char out[static PATH_MAX], struct mm_diags *diags)
{
    static const char *const beneath[] = {".cache/huggingface/download", ".huggingface/download"};
    char real[PATH_MAX];
    struct stat info;
    if (!realpath(folder, real))
        return mm_diag_errno(diags, MM_RULE_IO_OPEN, "cannot open the folder", errno);
    bool fits = (size_t)snprintf(out, PATH_MAX, "%s", folder) < PATH_MAX;
    for (size_t i = 0; fits && i < sizeof beneath / sizeof *beneath; i++)
        if (ends_in_path(real, beneath[i]))
            return 0;
    for (size_t i = 0; fits && i < sizeof beneath / sizeof *beneath; i++) {
        fits = (size_t)snprintf(out, PATH_MAX, "%s/%s", folder, beneath[i]) < PATH_MAX;
        bool there = fits && stat(out, &info) == 0;
        if (there && S_ISDIR(info.st_mode))
            return 0;
        if (fits && !there && errno != ENOENT && errno != ENOTDIR)
            return mm_diag_errno(diags, MM_RULE_IO_OPEN, "cannot look for the folder of downloads", errno);
    }
    if (!fits)
        return mm_diag(diags, MM_RULE_IO_OPEN, "expected a shorter path");
    return mm_diag(diags, MM_RULE_ATTEST_FORM,
                   "expected a file, or a folder .cache/huggingface/download or what holds it, found another folder");
}

/* The path of the entry beneath FOLDER if it is metadata, into PATH. */
static bool is_metadata(const char *folder, const struct mm_folder_entry *entry, char path[static PATH_MAX])
{
    return entry->kind == MM_ENTRY_FILE && mm_path_ends_in(entry->path, METADATA) &&
           (size_t)snprintf(path, PATH_MAX, "%s/%s", folder, entry->path) < PATH_MAX;
}

static int add_entries(struct mm_attest *attest, const char *folder, const struct mm_folder *list,
                       struct mm_diags *diags)
{
    struct mm_attest_operand *operand = &attest->operands[attest->operand_count - 1];
    char path[PATH_MAX];
    size_t found = 0;
    int result = 0;
    for (size_t i = 0; i < list->count && !operand->here; i++)
        operand->here = is_metadata(folder, &list->entries[i], path) && speaks_from_here(attest, path);
    for (size_t i = 0; i < list->count; i++) {
        if (list->entries[i].kind != MM_ENTRY_FILE || !mm_path_ends_in(list->entries[i].path, METADATA))
            continue;
        found++;
        if (!is_metadata(folder, &list->entries[i], path))
            result = mm_diag(diags, MM_RULE_IO_OPEN, "expected shorter paths");
        else if (add_file(attest, path, true, diags) < 0)
            result = -1; /* the others are worth a look too */
    }
    return result < 0 || found ? result
                               : mm_diag(diags, MM_RULE_ATTEST_NOTHING, "expected files NAME.metadata, found none");
}

static int add_folder(struct mm_attest *attest, const char *operand, struct mm_diags *diags)
{
    char path[PATH_MAX];
    struct mm_folder list;
    diags->file = operand;
    int folder = find_downloads(operand, path, diags) < 0 ? -1 : mm_file_open_folder(path, diags);
    if (folder < 0)
        return -1;
    int result = mm_folder_list(&list, folder, diags);
    close(folder);
    if (result == 0)
        result = add_entries(attest, path, &list, diags);
    mm_folder_release(&list);
    return result;
}

static int begin_operand(struct mm_attest *attest, const char *operand, struct mm_diags *diags)
{
    if (!mm_grow(&attest->operands, attest->operand_count, &attest->operand_capacity, sizeof *attest->operands))
        return mm_diag_memory(diags);
    attest->operands[attest->operand_count++] =
        (struct mm_attest_operand){.path = operand, .first = attest->file_count};
    return 0;
}

/* After the last entry of the present operand. */
static void count_others(const struct mm_attest *attest, struct mm_diags *diags)
{
    const struct mm_attest_operand *operand = &attest->operands[attest->operand_count - 1];
    diags->file = operand->path;
    if (operand->others > OTHERS_NAMED)
        mm_note(diags, MM_RULE_ATTEST_OTHER, "speaks of %zu more files that are not described",
                operand->others - OTHERS_NAMED);
    diags->file = "";
}

int mm_attest_add(struct mm_attest *attest, const char *operand, struct mm_diags *diags)
{
    if (begin_operand(attest, operand, diags) < 0)
        return -1;
    int result = is_folder(operand) ? add_folder(attest, operand, diags) : add_file(attest, operand, false, diags);
    count_others(attest, diags);
    return result;
}

int mm_attest_add_stream(struct mm_attest *attest, int fd, const char *shown, struct mm_diags *diags)
{
    struct mm_attest_file *file = begin_operand(attest, shown, diags) < 0 ? NULL : new_file(attest, shown, diags);
    if (!file)
        return -1;
    file->stream = true;
    diags->file = file->path;
    int result = read_file(attest, file, fd, false, diags);
    count_others(attest, diags);
    return result;
}
