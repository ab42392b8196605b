#include "doc/withdrawn.h"

#include <inttypes.h>
#include <string.h>

#include "text/line.h"
#include "text/route.h"

static void add_text(struct mm_buf *out, const char *name, const char *text)
{
    mm_buf_printf(out, "\"%s\":", name);
    mm_canonical_add(out, text, strlen(text));
}

void mm_withdrawal_write(const struct mm_withdrawal *withdrawal, struct mm_buf *out)
{
    char hex[MM_HASH_HEX + 1];
    mm_buf_char(out, '{');
    if (withdrawal->revision) {
        mm_hex(hex, withdrawal->manifest_sha256, MM_HASH_BYTES);
        add_text(out, "manifest_sha256", hex);
        mm_buf_char(out, ',');
    }
    add_text(out, "model_id", withdrawal->model_id);
    if (withdrawal->notice_route[0]) {
        mm_buf_char(out, ',');
        add_text(out, "notice_route", withdrawal->notice_route);
    }
    mm_buf_char(out, ',');
    add_text(out, "reason", withdrawal->reason);
    if (withdrawal->revision)
        mm_buf_printf(out, ",\"revision\":%" PRIu64 ",", withdrawal->revision);
    else
        mm_buf_str(out, ",\"revision\":\"*\",");
    add_text(out, "time", withdrawal->time);
    mm_buf_char(out, '}');
}

bool mm_withdrawn_notice_valid(const char *route)
{
    char segment[MM_ROUTE_SEGMENT];
    size_t length = strlen(route);
    return mm_catalog_value_sound(MM_FIELD_MANIFEST_ROUTE, route, length) &&
           !mm_route_refused_ending(segment, mm_route_last_segment(route, length, segment));
}

bool mm_withdrawn_name(const char *text, size_t length, char separator, char model_id[static MM_MODEL_ID_MAX + 1],
                       uint64_t *revision)
{
    const char *at = memchr(text, separator, length);
    size_t rest = at ? (size_t)(text + length - at) - 1 : 0;
    *revision = 0;
    if (!at || !mm_catalog_model_id(text, (size_t)(at - text), model_id))
        return false;
    return (rest == 1 && at[1] == '*') || (mm_number(at + 1, rest, MM_CANONICAL_MAX, revision) && *revision > 0);
}

/* A string of at most SIZE - 1 bytes. */
static int read_text(struct mm_canonical *json, char *out, size_t size)
{
    struct mm_canonical_text text;
    size_t length;
    if (mm_canonical_text(json, &text) < 0)
        return -1;
    return mm_canonical_decode(&text, out, size, &length) ? 0 : mm_canonical_fails(json, text.at, "a shorter string");
}

static int read_model(struct mm_withdrawal *withdrawal, struct mm_canonical *json, bool *hash, bool *first)
{
    char hex[MM_HASH_HEX + 1];
    const char *at = json->at;
    if (mm_canonical_expect(json, "{") < 0)
        return -1;
    *hash = mm_canonical_member(json, "manifest_sha256", first);
    if (*hash && (read_text(json, hex, sizeof hex) < 0 || !mm_hex_hash(hex, strlen(hex), withdrawal->manifest_sha256)))
        return mm_canonical_fails(json, at, "64 lower-case hex digits");
    if (!mm_canonical_member(json, "model_id", first))
        return mm_canonical_fails(json, json->at, "model_id");
    at = json->at;
    if (read_text(json, withdrawal->model_id, sizeof withdrawal->model_id) < 0)
        return -1;
    char checked[MM_MODEL_ID_MAX + 1];
    if (!mm_catalog_model_id(withdrawal->model_id, strlen(withdrawal->model_id), checked))
        return mm_canonical_fails(json, at, "PUBLISHER/NAME");
    return 0;
}

static int read_why(struct mm_withdrawal *withdrawal, struct mm_canonical *json, bool *first)
{
    if (mm_canonical_member(json, "notice_route", first)) {
        const char *at = json->at;
        if (read_text(json, withdrawal->notice_route, sizeof withdrawal->notice_route) < 0)
            return -1;
        if (!mm_withdrawn_notice_valid(withdrawal->notice_route))
            return mm_canonical_fails(json, at, "an https URL that does not lead to weights");
    }
    if (!mm_canonical_member(json, "reason", first))
        return mm_canonical_fails(json, json->at, "reason");
    const char *at = json->at;
    if (read_text(json, withdrawal->reason, sizeof withdrawal->reason) < 0)
        return -1;
    return mm_value_sound(withdrawal->reason, strlen(withdrawal->reason))
               ? 0
               : mm_canonical_fails(json, at, "a reason of the manifest's grammar");
}

static int read_when(struct mm_withdrawal *withdrawal, struct mm_canonical *json, bool hash, bool *first)
{
    if (!mm_canonical_member(json, "revision", first))
        return mm_canonical_fails(json, json->at, "revision");
    const char *at = json->at;
    bool all = mm_canonical_take(json, "\"*\"");
    if (!all && mm_canonical_number(json, &withdrawal->revision) < 0)
        return -1;
    if (all == hash || all != (withdrawal->revision == 0))
        return mm_canonical_fails(json, at, "a revision from 1 with a manifest_sha256, or \"*\" without");
    if (!mm_canonical_member(json, "time", first))
        return mm_canonical_fails(json, json->at, "time");
    at = json->at;
    if (read_text(json, withdrawal->time, sizeof withdrawal->time) < 0)
        return -1;
    if (!mm_time_valid(withdrawal->time, strlen(withdrawal->time)))
        return mm_canonical_fails(json, at, "a time, YYYY-MM-DDTHH:MM:SSZ");
    if (mm_canonical_expect(json, "}") < 0)
        return -1;
    return json->at == json->end ? 0 : mm_canonical_fails(json, json->at, "the end of the line");
}

int mm_withdrawal_read(struct mm_withdrawal *withdrawal, const char *line, size_t length, uint64_t number,
                       struct mm_diags *diags)
{
    struct mm_canonical json = {line, line, line + length, number, MM_RULE_CATALOG_ENTRY, diags};
    bool hash, first = true;
    *withdrawal = (struct mm_withdrawal){0};
    if (length > MM_WITHDRAWN_LINE_MAX)
        return mm_diag_line(diags, MM_RULE_CATALOG_ENTRY, number, 1,
                            "expected a withdrawal of at most %d bytes, found %zu", MM_WITHDRAWN_LINE_MAX, length);
    return read_model(withdrawal, &json, &hash, &first) < 0 || read_why(withdrawal, &json, &first) < 0 ||
                   read_when(withdrawal, &json, hash, &first) < 0
               ? -1
               : 0;
}
