#include "model/artifact.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/file.h"
#include "base/utf8.h"
#include "model/pickle.h"
#include "model/refused.h"
#include "model/slm.h"
#include "text/path.h"

const char *const mm_role_names[MM_ROLE_COUNT] = {
    [MM_ROLE_WEIGHTS] = "weights", [MM_ROLE_ADAPTER] = "adapter", [MM_ROLE_TOKENIZER] = "tokenizer",
    [MM_ROLE_CONFIG] = "config",   [MM_ROLE_LICENSE] = "license", [MM_ROLE_CARD] = "card",
    [MM_ROLE_OTHER] = "other",
};

int mm_role_of(const char *word, size_t length)
{
    for (int i = 0; i < MM_ROLE_COUNT; i++)
        if (strlen(mm_role_names[i]) == length && memcmp(mm_role_names[i], word, length) == 0)
            return i;
    return -1;
}

bool mm_format_holds_tensors(enum mm_format format)
{
    return format == MM_FORMAT_GGUF || format == MM_FORMAT_SAFETENSORS || format == MM_FORMAT_SLM;
}

enum mm_role mm_role_guess(const char *path, const struct mm_model *model)
{
    static const struct {
        const char *prefix;
        enum mm_role role;
    } names[] = {
        {"tokenizer", MM_ROLE_TOKENIZER},
        {"vocab.", MM_ROLE_TOKENIZER},
        {"merges.txt", MM_ROLE_TOKENIZER},
        {"special_tokens_map.json", MM_ROLE_TOKENIZER},
        {"added_tokens.json", MM_ROLE_TOKENIZER},
        {"chat_template", MM_ROLE_TOKENIZER},
        {"spiece.model", MM_ROLE_TOKENIZER},
        {"sentencepiece", MM_ROLE_TOKENIZER},
        {"license", MM_ROLE_LICENSE},
        {"licence", MM_ROLE_LICENSE},
        {"copying", MM_ROLE_LICENSE},
        {"notice", MM_ROLE_LICENSE},
        {"readme", MM_ROLE_CARD},
        {"model_card", MM_ROLE_CARD},
        {"modelcard", MM_ROLE_CARD},
    };
    const char *base = mm_path_name(path);
    if (model && mm_format_holds_tensors(model->format))
        return model->facts.adapter || strncasecmp(base, "adapter_model.", 14) == 0 ? MM_ROLE_ADAPTER : MM_ROLE_WEIGHTS;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strncasecmp(base, names[i].prefix, strlen(names[i].prefix)) == 0)
            return names[i].role;
    return model && model->format == MM_FORMAT_JSON ? MM_ROLE_CONFIG : MM_ROLE_OTHER;
}

#define KNOWN_WINDOW (16u << 20)
#define KNOWN_NARROW (2u << 20) /* smaller files go through one window that is used again */

/* Everything that looks at all of a file's bytes. */
struct reading {
    struct mm_chunker *chunker; /* NULL where the hashes are known */
    struct mm_git_blob *git;    /* NULL where it is not asked for */
    struct mm_utf8_stream utf8;
    struct mm_refused_tail *tail;
    bool tensors; /* the format explains every byte: no text, no pickle; but its last tensor may end in a zip */
    struct mm_pickle pickle;
    struct mm_buf *keep; /* the first bytes, NULL: nobody wants them */
    size_t keep_most;
    uint64_t offset;
    bool not_text;
    uint64_t not_text_at;
};

static void look(void *context, const unsigned char *bytes, size_t length)
{
    struct reading *reading = context;
    if (reading->chunker)
        mm_chunker_update(reading->chunker, bytes, length);
    if (reading->git)
        mm_git_blob_update(reading->git, bytes, length);
    if (!reading->tensors && !reading->not_text) {
        const unsigned char *nul = memchr(bytes, 0, length);
        size_t held = reading->utf8.held, text = mm_utf8_stream(&reading->utf8, bytes, length);
        if (nul && (size_t)(nul - bytes) < text)
            text = (size_t)(nul - bytes);
        reading->not_text = text < length;
        reading->not_text_at = reading->offset + text - (text == 0 ? held : 0); /* where the character begins */
    }
    if (reading->keep && reading->offset < reading->keep_most)
        mm_buf_add(reading->keep, bytes,
                   length < reading->keep_most - reading->offset ? length
                                                                 : (size_t)(reading->keep_most - reading->offset));
    mm_refused_tail_add(reading->tail, bytes, length);
    if (!reading->tensors)
        mm_pickle_feed(&reading->pickle, bytes, length);
    reading->offset += length;
}

static void settle_chunks(void *context, uint64_t offset)
{
    const struct reading *reading = context;
    mm_chunker_settle(reading->chunker, offset);
}

/* The magic and a small version in either byte order; a text may begin with the word. */
static bool begins_as_gguf(const unsigned char *head, size_t length)
{
    if (length < 4 || (memcmp(head, "GGUF", 4) != 0 && memcmp(head, "FUGG", 4) != 0))
        return false;
    return length < 8 || (head[4] == 0 && head[5] == 0) || (head[6] == 0 && head[7] == 0);
}

/* A header length below 2^32, then a JSON object. The length's bytes may look like the start of something else. */
static bool begins_as_safetensors(const unsigned char *head, size_t length)
{
    return length > 9 && head[8] == '{' && head[9] && strchr("\"} \t\r\n", head[9]) && !head[4] && !head[5] &&
           !head[6] && !head[7];
}

/* The magic up to where a transfer in text mode changes it. */
static bool begins_as_slm(const unsigned char *head, size_t length)
{
    return length >= 4 && memcmp(head, mm_slm_magic, 4) == 0;
}

/* What the first bytes and the name make of a file; text and opaque are told apart at its end. */
static enum mm_format detect(const unsigned char *head, size_t length, const char *path)
{
    if (begins_as_slm(head, length))
        return MM_FORMAT_SLM;
    if (begins_as_gguf(head, length))
        return MM_FORMAT_GGUF;
    if (begins_as_safetensors(head, length))
        return MM_FORMAT_SAFETENSORS;
    if (mm_path_ends_in_any_case(path, ".gguf"))
        return MM_FORMAT_GGUF;
    if (mm_path_ends_in_any_case(path, ".slm"))
        return MM_FORMAT_SLM;
    if (mm_path_ends_in_any_case(path, ".safetensors"))
        return MM_FORMAT_SAFETENSORS;
    return mm_path_ends_in_any_case(path, ".json") ? MM_FORMAT_JSON : MM_FORMAT_OPAQUE;
}

/* Findings that a config.json or a shard index keeps although JSON itself is sound. */
static bool is_about_facts(enum mm_rule rule)
{
    return rule == MM_RULE_JSON_FACT || rule == MM_RULE_SET_INDEX || rule == MM_RULE_JSON_DUPLICATE;
}

/* What could not be found out stays so, whatever the format may be. */
static void pass_on(const struct mm_diags *found, struct mm_diags *diags)
{
    for (size_t i = 0; i < found->count; i++)
        if (mm_rule_info(found->items[i].rule)->answer == MM_UNKNOWN) {
            mm_diag_offset(diags, found->items[i].rule, found->items[i].offset, "%s", found->items[i].text);
            return;
        }
    mm_diag_memory(diags);
}

/* Runs the format's own reader. Findings of a .json that turns out not to be JSON are not the caller's business when the
 * format is detected: such a file is text. */
static void read_format(struct mm_source *source, const char *path, enum mm_format format, bool detected,
                        struct mm_artifact *artifact, struct mm_diags *diags)
{
    struct mm_diags ignored;
    switch (format) {
    case MM_FORMAT_SLM: mm_slm_read(source, &artifact->model, diags); break;
    case MM_FORMAT_GGUF: mm_gguf_read(source, &artifact->model, diags); break;
    case MM_FORMAT_SAFETENSORS: mm_safetensors_read(source, &artifact->model, diags); break;
    case MM_FORMAT_JSON:
        mm_diags_init(&ignored);
        if (mm_config_read(source, mm_path_name(path), &artifact->model, detected ? &ignored : diags) < 0 && detected) {
            if (ignored.unknown)
                pass_on(&ignored, diags);
            else if (ignored.count && is_about_facts(ignored.items[0].rule))
                mm_diag_offset(diags, ignored.items[0].rule, ignored.items[0].offset, "%s", ignored.items[0].text);
            else
                artifact->model.format = MM_FORMAT_OPAQUE;
        }
        mm_diags_release(&ignored);
        break;
    default: artifact->model.format = format;
    }
}

static void refuse(const char *found, const struct mm_artifact_options *options, struct mm_artifact *artifact,
                   struct mm_diags *diags)
{
    artifact->refused = true;
    if (options->refusal_is_note)
        mm_note_offset(diags, MM_RULE_ARTIFACT_REFUSED, 0, "left out: expected no archive and no pickle, found %s",
                       found);
    else
        mm_diag_offset(diags, MM_RULE_ARTIFACT_REFUSED, 0, "expected no archive and no pickle, found %s", found);
}

/* After the whole file was seen: text or opaque, and archives whose directory stands at the end. */
static void settle(const struct reading *reading, const struct mm_artifact_options *options,
                   struct mm_artifact *artifact, struct mm_diags *diags)
{
    bool detected = options->format == MM_FORMAT_DETECT;
    bool text = !reading->not_text && reading->utf8.held == 0;
    if (detected && artifact->model.format == MM_FORMAT_OPAQUE && text)
        artifact->model.format = MM_FORMAT_TEXT;
    if (!detected && artifact->model.format == MM_FORMAT_TEXT && !text)
        mm_diag_offset(diags, MM_RULE_ARTIFACT_TEXT, reading->not_text ? reading->not_text_at : reading->offset,
                       "expected well-formed UTF-8 without NUL, found other bytes");
    const char *refused = mm_pickle_found(&reading->pickle)       ? "a pickle"
                          : mm_refused_tail_is_zip(reading->tail) ? "a zip archive behind other bytes"
                                                                  : NULL;
    if (refused) {
        refuse(refused, options, artifact, diags);
    }
}

static void read_content(struct mm_source *source, const char *path, const struct mm_artifact_options *options,
                         struct reading *reading, struct mm_artifact *artifact, struct mm_diags *diags)
{
    const unsigned char *head;
    size_t length = mm_source_peek(source, MM_REFUSED_HEAD, &head);
    bool detected = options->format == MM_FORMAT_DETECT;
    enum mm_format found = detect(head, length, path);
    enum mm_format format = detected ? found : (enum mm_format)options->format;
    artifact->model.format = format;
    if (source->error)
        return;
    bool model = begins_as_slm(head, length) || begins_as_gguf(head, length) || begins_as_safetensors(head, length);
    const char *refused = model ? NULL : mm_refused_head(head, length);
    if (refused) {
        refuse(refused, options, artifact, diags);
        return;
    }
    if (!detected && !mm_format_holds_tensors(format) && mm_format_holds_tensors(found))
        mm_diag(diags, MM_RULE_ARTIFACT_FORMAT, "expected %s, found %s", mm_format_names[format],
                mm_format_names[found]);
    reading->tensors = mm_format_holds_tensors(format);
    if (!detected && (format == MM_FORMAT_TEXT || format == MM_FORMAT_OPAQUE) && mm_config_speaks(mm_path_name(path))) {
        read_format(source, path, MM_FORMAT_JSON, true, artifact, diags);
        if (artifact->model.format == MM_FORMAT_JSON)
            mm_diag(diags, MM_RULE_ARTIFACT_FORMAT, "expected %s, found json: what this file says counts",
                    mm_format_names[format]);
        artifact->model.format = format;
        return;
    }
    read_format(source, path, format, detected, artifact, diags);
}

static int read_all(struct mm_source *source, const char *path, const struct mm_artifact_options *options,
                    struct reading *reading, struct mm_artifact *artifact, struct mm_diags *diags)
{
    struct mm_diags before = *diags; /* only the counts and flags are compared */
    diags->no = diags->unknown = false;
    read_content(source, path, options, reading, artifact, diags);
    bool no = diags->no;
    int result = mm_source_finish(source, diags);
    diags->no = no && result == 0; /* bytes that could not be read, or changed meanwhile, prove nothing */
    if (result == 0) {
        if (!artifact->refused)
            settle(reading, options, artifact, diags);
        artifact->valid = diags->errors == before.errors && !artifact->refused;
        artifact->unsupported = !artifact->valid && !diags->no;
        if (reading->chunker)
            result = mm_chunker_finish(reading->chunker, &artifact->chunks, diags);
        else
            artifact->chunks = *options->known;
        artifact->has_git = reading->git;
        if (reading->git)
            mm_git_blob_take(reading->git, artifact->git);
    }
    diags->no = diags->no || before.no;
    diags->unknown = diags->unknown || before.unknown;
    return result;
}

/* git's id begins with the file's size. */
static int begin_git(struct reading *reading, const struct mm_source *source, const struct mm_artifact_options *options,
                     struct mm_diags *diags)
{
    if (!options->git || !source->regular)
        return 0;
    reading->git = mm_git_blob_new(source->size);
    return reading->git ? 0 : mm_diag_memory(diags);
}

/* The chunker that takes the hashes, if they are not known, and a source that feeds it. */
static int begin_hashes(struct reading *reading, struct mm_source *source, int fd,
                        const struct mm_artifact_options *options, struct mm_diags *diags)
{
    const struct mm_chunker_options how = {
        .size = options->chunk_size,
        .whole = options->whole,
        .expected = options->origin ? options->origin->size : mm_file_size(fd),
        .lasting = true,
        .means = options->means,
        .each = options->each,
        .context = options->each_context,
    };
    /* bytes that nobody hashes are hardly looked at: large windows of them cost no memory, and a small file no fresh pages */
    const struct mm_source_shape shape =
        options->known ? (struct mm_source_shape){.window = KNOWN_WINDOW, .count = 1} : mm_chunker_shape(&how);
    if (options->known && !options->origin && how.expected <= KNOWN_NARROW)
        return mm_source_open(source, fd, diags);
    reading->chunker = options->known ? NULL : mm_chunker_new(&how, diags);
    if ((!reading->chunker && !options->known) || mm_source_open_wide(source, fd, options->origin, &shape, diags) < 0)
        return -1;
    source->settle = options->known ? NULL : settle_chunks;
    return 0;
}

static int begin_reading(struct reading *reading, struct mm_source *source, int fd,
                         const struct mm_artifact_options *options, struct mm_diags *diags)
{
    if (begin_hashes(reading, source, fd, options, diags) < 0)
        return -1;
    source->sink = look;
    source->sink_context = reading;
    source->progress = options->progress;
    source->progress_context = options->progress_context;
    return begin_git(reading, source, options, diags);
}

int mm_artifact_read(int fd, const char *path, const struct mm_artifact_options *options, struct mm_artifact *artifact,
                     struct mm_diags *diags)
{
    struct reading reading = {
        .tail = malloc(sizeof *reading.tail), .keep = options->keep, .keep_most = options->keep_most};
    struct mm_source source = {0};
    int result = -1;
    memset(artifact, 0, sizeof *artifact);
    artifact->model.keep_pairs = options->keep_pairs;
    if (!reading.tail) {
        mm_diag_memory(diags);
    } else if (begin_reading(&reading, &source, fd, options, diags) == 0) {
        reading.tail->length = 0;
        reading.tail->total = 0;
        result = read_all(&source, path, options, &reading, artifact, diags);
    }
    mm_source_release(&source); /* first: it settles the chunks that were shown */
    mm_chunker_free(reading.chunker);
    mm_git_blob_free(reading.git);
    free(reading.tail);
    return result;
}

void mm_artifact_release(struct mm_artifact *artifact)
{
    mm_model_release(&artifact->model);
}
