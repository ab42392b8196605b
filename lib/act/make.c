#include "act/make.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "act/make_parts.h"
#include "text/line.h"
#include "trust/secret_form.h"

/* ---- the model's fields: given, else from the earlier revision, else the publisher's, else a default ---- */

static const char *given(const struct mm_making *m, enum mm_field field)
{
    for (size_t i = 0; i < m->options->given_count; i++)
        if (m->options->given[i].field == field)
            return m->options->given[i].value;
    return NULL;
}

static void add_line(struct mm_making *m, enum mm_field field, const char *value)
{
    mm_buf_printf(&m->text, "%s: %s\n", mm_fields[field].key, value);
}

static void add_entry(struct mm_making *m, const struct mm_entry *entry)
{
    mm_buf_add(&m->text, entry->key, entry->key_length);
    mm_buf_str(&m->text, ": ");
    mm_buf_add(&m->text, entry->value, entry->value_length);
    mm_buf_char(&m->text, '\n');
}

/* The value that FIELD has without a default, in OUT; false if it has none. */
static bool known_value(const struct mm_making *m, enum mm_field field, char out[static MM_VALUE_MAX + 1])
{
    const char *value = given(m, field);
    const struct mm_manifest *sources[] = {m->options->from, m->options->publisher};
    if (value) {
        snprintf(out, MM_VALUE_MAX + 1, "%s", value);
        return true;
    }
    for (size_t i = 0; i < 2; i++)
        if (sources[i] && mm_manifest_get(sources[i], 0, field)) {
            mm_manifest_text(sources[i], 0, field, out);
            return true;
        }
    return false;
}

/* --model-id NAME alone is completed by the publisher file. */
static bool model_id(const struct mm_making *m, char out[static MM_VALUE_MAX + 1])
{
    char publisher[MM_VALUE_MAX + 1], name[MM_VALUE_MAX + 1];
    if (m->options->is_private && !given(m, MM_FIELD_MODEL_ID) && !m->options->from) {
        snprintf(out, MM_VALUE_MAX + 1, "local/%s", m->options->private_name);
        return true;
    }
    if (!known_value(m, MM_FIELD_MODEL_ID, out))
        return false;
    if (strchr(out, '/') || !m->options->publisher || !mm_manifest_get(m->options->publisher, 0, MM_FIELD_PUBLISHER_ID))
        return true;
    snprintf(name, sizeof name, "%s", out);
    mm_manifest_text(m->options->publisher, 0, MM_FIELD_PUBLISHER_ID, publisher);
    if ((size_t)snprintf(out, MM_VALUE_MAX + 1, "%s/%s", publisher, name) > MM_VALUE_MAX)
        return false;
    return true;
}

/* True if the manifest will be a later revision of `from`: the model-id is the same. */
static bool continues(const struct mm_making *m)
{
    char id[MM_VALUE_MAX + 1], old[MM_VALUE_MAX + 1];
    return m->options->from && model_id(m, id) &&
           strcmp(id, mm_manifest_text(m->options->from, 0, MM_FIELD_MODEL_ID, old)) == 0;
}

/* A revision that is given has to be above that of `from`. */
static int check_revision(const struct mm_making *m)
{
    char old[MM_VALUE_MAX + 1];
    uint64_t before, after;
    const char *value = given(m, MM_FIELD_REVISION);
    if (!value || !continues(m))
        return 0;
    mm_manifest_text(m->options->from, 0, MM_FIELD_REVISION, old);
    if (mm_number(old, strlen(old), MM_NUMBER_MAX, &before) && mm_number(value, strlen(value), MM_NUMBER_MAX, &after) &&
        after > before)
        return 0;
    return mm_diag(m->diags, MM_RULE_VALUE_RANGE,
                   "expected a revision above %s, that of the manifest given by --from, found %s", old, value);
}

/* The path of the first input with ROLE, for the routes to licence and card, or NULL. */
static const char *path_with_role(const struct mm_making *m, enum mm_role role)
{
    for (size_t i = 0; i < m->gather->count; i++)
        if (m->made[i].role == role && (m->made[i].used || !m->read))
            return m->made[i].input->path;
    return NULL;
}

static const char *private_default(enum mm_field field)
{
    switch (field) {
    case MM_FIELD_VERSION: return "0";
    case MM_FIELD_LICENSE: return "LicenseRef-unknown";
    case MM_FIELD_LICENSE_ROUTE:
    case MM_FIELD_MODEL_CARD_ROUTE:
    case MM_FIELD_TAKEDOWN_ROUTE: return "none";
    case MM_FIELD_SOURCE_LANE: return "mirrored";
    default: return NULL;
    }
}

/* The value that a once-field of the model takes, in OUT; false where it lacks. */
static bool settle(const struct mm_making *m, enum mm_field field, char out[static MM_VALUE_MAX + 1])
{
    const char *value = NULL;
    char id[MM_VALUE_MAX + 1];
    if (field == MM_FIELD_MODEL_ID)
        return model_id(m, out);
    if (field == MM_FIELD_CREATED && !given(m, field)) {
        mm_time_written(out);
        return true;
    }
    if (field == MM_FIELD_REVISION && !given(m, field)) {
        uint64_t revision = 0;
        const struct mm_entry *old = continues(m) ? mm_manifest_get(m->options->from, 0, field) : NULL;
        if (old && !mm_number(old->value, old->value_length, MM_NUMBER_MAX - 1, &revision))
            return false; /* the last one there is */
        snprintf(out, MM_VALUE_MAX + 1, "%" PRIu64, revision + 1);
        return true;
    }
    if (field == MM_FIELD_PUBLISHER_ID) {
        if (!model_id(m, id))
            return false;
        snprintf(out, MM_VALUE_MAX + 1, "%.*s", (int)strcspn(id, "/"), id);
        return true;
    }
    if (field == MM_FIELD_SIGNATURE_SCHEME) {
        strcpy(out, known_value(m, MM_FIELD_KEY_ID, id) && strcmp(id, "none") != 0 ? "minisign" : "none");
        return true;
    }
    if (known_value(m, field, out))
        return true;
    switch (field) {
    case MM_FIELD_KEY_ID:
    case MM_FIELD_PEER_HINT: value = "none"; break;
    case MM_FIELD_LICENSE_ROUTE: value = path_with_role(m, MM_ROLE_LICENSE); break;
    case MM_FIELD_MODEL_CARD_ROUTE: value = path_with_role(m, MM_ROLE_CARD); break;
    case MM_FIELD_DISPLAY_NAME: value = model_id(m, id) ? (strchr(id, '/') ? strchr(id, '/') + 1 : id) : NULL; break;
    default: break;
    }
    if (!value && m->options->is_private)
        value = private_default(field);
    if (value)
        snprintf(out, MM_VALUE_MAX + 1, "%s", value);
    return value != NULL;
}

static bool is_computed(enum mm_field field)
{
    return field == MM_FIELD_ARCHITECTURE || field == MM_FIELD_PARAMETERS || field == MM_FIELD_QUANTIZATION ||
           field == MM_FIELD_MODEL_SHAPE;
}

/* The earlier revision's lines of FIELD, which may be MM_ENTRY_X. */
static void take_over(struct mm_making *m, int field)
{
    const struct mm_manifest *from = m->options->from;
    for (size_t i = 0; from && i < from->groups[0].count; i++)
        if (from->entries[from->groups[0].first + i].field == field)
            add_entry(m, &from->entries[from->groups[0].first + i]);
}

/* Optional and repeated fields: as given; else those of the earlier revision that still hold. */
static void add_others(struct mm_making *m, enum mm_field field)
{
    const struct mm_manifest *from = m->options->from;
    bool any = false;
    for (size_t i = 0; i < m->options->given_count; i++)
        if (m->options->given[i].field == field) {
            any = true;
            if (m->options->given[i].value[0])
                add_line(m, field, m->options->given[i].value);
        }
    if (any || !from)
        return;
    if (field == MM_FIELD_PREVIOUS_MANIFEST) {
        if (!continues(m))
            return;
        char hex[MM_HASH_HEX + 1];
        mm_hex(hex, from->sha256, MM_HASH_BYTES);
        add_line(m, field, hex);
    } else if (field == MM_FIELD_EXPIRES || field == MM_FIELD_EVIDENCE) {
        if (m->read && mm_manifest_get(from, 0, field)) /* they were said of other bytes and another time */
            mm_note(m->diags, MM_RULE_MAKE_SKIPPED, "%s is not taken over from the earlier revision",
                    mm_fields[field].key);
    } else {
        take_over(m, (int)field);
    }
}

/* What lacks, all at once, and how a call looks that has it. */
static int report_lacks(struct mm_making *m, const bool lacks[static MM_FIELD_COUNT])
{
    static const struct {
        enum mm_field field;
        const char *sample;
    } samples[] = {
        {MM_FIELD_MODEL_ID, "PUBLISHER/NAME"},
        {MM_FIELD_VERSION, "1.0"},
        {MM_FIELD_REVISION, "1"},
        {MM_FIELD_LICENSE, "Apache-2.0"},
        {MM_FIELD_LICENSE_ROUTE, "https://example.org/license"},
        {MM_FIELD_MODEL_CARD_ROUTE, "https://example.org/card"},
        {MM_FIELD_TAKEDOWN_ROUTE, "mailto:abuse@example.org"},
        {MM_FIELD_SOURCE_LANE, "original"},
        {MM_FIELD_SOURCE, "'- hf://org/name'"},
    };
    struct mm_buf command = {0};
    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
        const struct mm_field_info *field = &mm_fields[samples[i].field];
        if (!lacks[samples[i].field])
            continue;
        mm_diag(m->diags, MM_RULE_MAKE_LACKS, "expected %s, %s: give --%s", field->key, field->meaning, field->key);
        mm_buf_printf(&command, " --%s %s", field->key, samples[i].sample);
    }
    if (command.length && !command.failed)
        mm_note(m->diags, MM_RULE_MAKE_LACKS, "for example: manifest-make%s%s", command.data, m->options->call);
    int result = command.length || command.failed ? 1 : 0;
    mm_buf_release(&command);
    return result;
}

static int add_model_fields(struct mm_making *m)
{
    bool lacks[MM_FIELD_COUNT] = {false};
    char value[MM_VALUE_MAX + 1];
    for (int field = 0; field < MM_FIELD_FIRST_OF_ARTIFACT; field++) {
        if (is_computed(field))
            continue;
        if (mm_fields[field].often != MM_OFTEN_ONCE)
            add_others(m, field);
        else if (settle(m, field, value))
            add_line(m, field, value);
        else
            lacks[field] = true;
    }
    take_over(m, MM_ENTRY_X);
    bool source_given =
        given(m, MM_FIELD_SOURCE) || (m->options->from && mm_manifest_get(m->options->from, 0, MM_FIELD_SOURCE));
    if (!source_given && settle(m, MM_FIELD_SOURCE_LANE, value) && strcmp(value, "original") != 0) {
        if (m->options->is_private)
            add_line(m, MM_FIELD_SOURCE, "- unknown");
        else
            lacks[MM_FIELD_SOURCE] = true;
    }
    return report_lacks(m, lacks);
}

/* ---- roles ---- */

static int role_given(struct mm_making *m, const char *path)
{
    for (size_t i = 0; i < m->options->role_count; i++) {
        struct mm_role_given *role = &m->options->roles[i];
        if (strlen(path) == role->path_length && memcmp(path, role->path, role->path_length) == 0) {
            role->used = true;
            return (int)role->role;
        }
    }
    return -1;
}

static int role_before(const struct mm_making *m, const char *path)
{
    const struct mm_manifest *from = m->options->from;
    for (size_t group = 1; from && group <= mm_manifest_artifacts(from); group++)
        if (mm_entry_is(&from->entries[from->groups[group].first], path)) {
            const struct mm_entry *role = mm_manifest_get(from, group, MM_FIELD_ARTIFACT_ROLE);
            return mm_role_of(role->value, role->value_length);
        }
    return -1;
}

void mm_make_choose_role(struct mm_making *m, struct mm_made *made, const struct mm_model *model)
{
    int role = role_given(m, made->input->path);
    if (role < 0)
        role = role_before(m, made->input->path);
    if (role < 0)
        role = made->input->role;
    made->role = role >= 0 ? (enum mm_role)role : mm_role_guess(made->input->path, model);
}

static int check_roles(struct mm_making *m)
{
    for (size_t i = 0; i < m->options->role_count; i++)
        if (!m->options->roles[i].used)
            return mm_diag(m->diags, MM_RULE_MAKE_NAME, "expected --role for a file that is described, found '%.*s'",
                           (int)m->options->roles[i].path_length, m->options->roles[i].path);
    return 0;
}

/* ---- chunk lists ---- */

static bool is_input(const struct mm_making *m, const char *path)
{
    bool input = false;
    for (size_t i = 0; m->options->force && i < m->gather->count && !input; i++)
        input = mm_file_is(path, m->gather->inputs[i].folder, m->gather->inputs[i].name);
    return input;
}

static int write_list(struct mm_making *m, const struct mm_made *made)
{
    struct mm_buf text = {0};
    struct mm_writer writer;
    char path[4096];
    int result = -1;
    mm_chunk_list_write(&made->artifact.chunks, &made->hashes, &text);
    if (text.failed)
        mm_diag_memory(m->diags);
    else if ((size_t)snprintf(path, sizeof path, "%s/%s.chunks", m->options->chunk_lists, made->input->path) >=
             sizeof path)
        mm_diag(m->diags, MM_RULE_IO_WRITE, "expected a shorter path for the chunk list");
    else if (is_input(m, path))
        mm_diag(m->diags, MM_RULE_IO_EXISTS, "will not replace %s, which is described", path);
    else if (mm_writer_open(&writer, path, m->options->force, m->diags) == 0) {
        result = mm_writer_write(&writer, text.data, text.length, m->diags);
        if (result == 0)
            result = mm_writer_commit(&writer, m->diags);
        mm_writer_abandon(&writer);
    }
    mm_buf_release(&text);
    return result;
}

/* After everything else is done: a call that fails leaves no lists behind. */
static int write_lists(struct mm_making *m)
{
    for (size_t i = 0; m->options->chunk_lists && i < m->member_count; i++)
        if (write_list(m, &m->made[m->member_made[i]]) < 0)
            return -1;
    return 0;
}

/* ---- what others say ---- */

static bool is_given(const struct mm_making *m, enum mm_field field, const char *value)
{
    for (size_t i = 0; i < m->options->given_count; i++)
        if (m->options->given[i].field == field && strcmp(m->options->given[i].value, value) == 0)
            return true;
    return false;
}

/* A line `evidence: x-KIND pass SHA256 -` for each that agreed. */
static int add_attested(struct mm_making *m)
{
    struct mm_buf evidence = {0};
    struct mm_attest_found *found = calloc(m->gather->count, sizeof *found);
    if (!found)
        return mm_diag_memory(m->diags);
    for (size_t i = 0; i < m->gather->count; i++) {
        const struct mm_artifact *artifact = &m->made[i].artifact;
        found[i] = (struct mm_attest_found){m->made[i].used, artifact->chunks.bytes, artifact->chunks.sha256,
                                            artifact->has_git ? artifact->git : NULL};
    }
    int result = mm_attest_compare(m->options->attest, found, &evidence, m->diags);
    for (char *line = evidence.data, *end; result == 0 && line && (end = strchr(line, '\n')); line = end + 1) {
        *end = '\0';
        if (!is_given(m, MM_FIELD_EVIDENCE, line))
            add_line(m, MM_FIELD_EVIDENCE, line);
    }
    mm_buf_release(&evidence);
    free(found);
    return result;
}

/* ---- lines ---- */

static void add_number(struct mm_making *m, enum mm_field field, uint64_t value)
{
    mm_buf_printf(&m->text, "%s: %" PRIu64 "\n", mm_fields[field].key, value);
}

static void add_hash(struct mm_making *m, enum mm_field field, const unsigned char *hash)
{
    char hex[MM_HASH_HEX + 1];
    mm_hex(hex, hash, MM_HASH_BYTES);
    add_line(m, field, hex);
}

static void add_digest(struct mm_making *m, enum mm_field field, struct mm_digest digest)
{
    if (digest.known)
        add_hash(m, field, digest.bytes);
}

static int add_facts(struct mm_making *m)
{
    struct mm_set_facts facts;
    mm_set_facts(m->members, m->member_count, &facts);
    if (facts.failed)
        return mm_diag_memory(m->diags);
    add_line(m, MM_FIELD_ARCHITECTURE, facts.architecture);
    if (facts.has_parameters)
        add_number(m, MM_FIELD_PARAMETERS, facts.parameters);
    add_line(m, MM_FIELD_QUANTIZATION, facts.quantization);
    if (facts.has_shape)
        add_line(m, MM_FIELD_MODEL_SHAPE, facts.shape);
    return 0;
}

static void add_artifact(struct mm_making *m, size_t which)
{
    const struct mm_made *made = &m->made[m->member_made[which]];
    const struct mm_chunk_facts *chunks = &made->artifact.chunks;
    const struct mm_facts *facts = &made->artifact.model.facts;
    add_line(m, MM_FIELD_ARTIFACT, made->input->path);
    add_line(m, MM_FIELD_ARTIFACT_ROLE, mm_role_names[made->role]);
    add_line(m, MM_FIELD_ARTIFACT_FORMAT, mm_format_names[made->artifact.model.format]);
    add_number(m, MM_FIELD_ARTIFACT_BYTES, chunks->bytes);
    add_hash(m, MM_FIELD_ARTIFACT_SHA256, chunks->sha256);
    struct mm_digest tokenizer;
    mm_set_tokenizer(m->members, m->member_count, which, &tokenizer);
    add_digest(m, MM_FIELD_TOKENIZER_SHA256, tokenizer);
    add_digest(m, MM_FIELD_CHAT_TEMPLATE_SHA256, facts->chat_template);
    add_digest(m, MM_FIELD_TENSOR_LAYOUT_SHA256, facts->layout);
    add_line(m, MM_FIELD_CHUNK_SCHEME, MM_CHUNK_SCHEME);
    add_number(m, MM_FIELD_CHUNK_SIZE, chunks->size);
    add_number(m, MM_FIELD_CHUNK_COUNT, chunks->count);
    add_hash(m, MM_FIELD_MERKLE_ROOT, chunks->root);
    if (m->options->chunk_lists) {
        mm_buf_printf(&m->text, "%s: %s.chunks\n", mm_fields[MM_FIELD_CHUNK_LIST_ROUTE].key, made->input->path);
        add_hash(m, MM_FIELD_CHUNK_LIST_SHA256, made->list_sha256);
    }
}

/* The lines as a manifest: in order, and found good by the linter. */
static int finish(struct mm_making *m, struct mm_buf *out)
{
    struct mm_manifest draft = {0}, final = {0};
    struct mm_diags ignored; /* the order of the draft's lines */
    mm_diags_init(&ignored);
    size_t start = out->length;
    int result = -1;
    mm_manifest_read(&draft, m->text.data, m->text.length, &ignored);
    if (m->text.length > MM_MANIFEST_MAX)
        mm_diag(m->diags, MM_RULE_TEXT_SIZE, "expected a manifest of at most %d bytes, found %zu: describe fewer files",
                MM_MANIFEST_MAX, m->text.length);
    else if (ignored.unknown)
        mm_diag_memory(m->diags);
    else
        result = mm_manifest_write(&draft, out, m->diags);
    m->diags->file = "(the manifest made)";
    if (result == 0)
        result = mm_manifest_read(&final, out->data + start, out->length - start, m->diags);
    m->diags->file = "";
    mm_manifest_release(&draft);
    mm_manifest_release(&final);
    mm_diags_release(&ignored);
    return result;
}

static int make(struct mm_making *m, struct mm_buf *out)
{
    bool checked;
    for (size_t i = 0; i < m->gather->count; i++) {
        m->made[i].input = &m->gather->inputs[i];
        mm_make_choose_role(m, &m->made[i], NULL);
    }
    /* once to see what lacks before anything is read, and again when it is known which files are left out */
    if (check_roles(m) < 0 || check_revision(m) < 0)
        return -1;
    if (add_model_fields(m) > 0)
        return 1;
    if (mm_make_read(m) < 0)
        return -1;
    m->read = true;
    mm_buf_clear(&m->text);
    mm_buf_str(&m->text, MM_MANIFEST_TYPE " 0\n");
    if (add_model_fields(m) > 0)
        return 1;
    if (m->options->attest && add_attested(m) < 0)
        return -1;
    if (mm_set_check(m->members, m->member_count, &checked, m->diags) < 0)
        return -1;
    if (add_facts(m) < 0)
        return -1;
    for (size_t i = 0; i < m->member_count; i++)
        add_artifact(m, i);
    if (m->text.failed)
        return mm_diag_memory(m->diags);
    return finish(m, out) < 0 ? -1 : write_lists(m);
}

static uint64_t chunk_size_of(const struct mm_make_options *options)
{
    struct mm_claim claim;
    if (options->chunk_size)
        return options->chunk_size;
    if (!options->from || mm_manifest_artifacts(options->from) == 0)
        return MM_CHUNK_SIZE_DEFAULT;
    mm_manifest_claim(options->from, 1, &claim);
    return claim.chunks.size;
}

static void release_made(struct mm_made *made)
{
    mm_artifact_release(&made->artifact);
    mm_hashes_release(&made->hashes);
}

int mm_make(const struct mm_gather *gather, const struct mm_make_options *options, struct mm_buf *out,
            struct mm_diags *diags)
{
    if (gather->count > MM_MAKE_FILES_MAX)
        return mm_diag(diags, MM_RULE_TEXT_SIZE,
                       "expected at most %d files, which is what a manifest of 1 MiB holds, found %zu",
                       MM_MAKE_FILES_MAX, gather->count);
    struct mm_making m = {.gather = gather, .options = options, .diags = diags, .chunk_size = chunk_size_of(options)};
    m.made = calloc(gather->count, sizeof *m.made);
    m.members = calloc(gather->count, sizeof *m.members);
    m.member_made = calloc(gather->count, sizeof *m.member_made);
    int result = m.made && m.members && m.member_made ? make(&m, out) : mm_diag_memory(diags);
    for (size_t i = 0; m.made && i < gather->count; i++)
        release_made(&m.made[i]);
    free(m.made);
    free(m.members);
    free(m.member_made);
    mm_buf_release(&m.text);
    return result;
}

int mm_make_folders(const struct mm_gather *gather, const char *chunk_lists, struct mm_diags *diags)
{
    char path[4096];
    for (size_t i = 0; i < gather->count; i++) {
        int base = snprintf(path, sizeof path, "%s/", chunk_lists);
        if (base < 0 || (size_t)(base + snprintf(path + base, sizeof path - (size_t)base, "%s",
                                                 gather->inputs[i].path)) >= sizeof path)
            return mm_diag(diags, MM_RULE_IO_WRITE, "expected a shorter path for the chunk lists");
        for (char *slash = path + base; (slash = strchr(slash, '/')); slash++) {
            *slash = '\0';
            if (mkdir(path, 0777) < 0 && errno != EEXIST)
                return mm_diag(diags, MM_RULE_IO_WRITE, "cannot create the folder %s: %s", path, strerror(errno));
            *slash = '/';
        }
    }
    return 0;
}
