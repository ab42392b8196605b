/* JSON that lies in memory, taken member by member: what the two readers of model-signing bundles share. Everything that is not as
 * expected is OMS_FORM. */
#ifndef MM_TRUST_OMS_JSON_H
#define MM_TRUST_OMS_JSON_H

#include "base/buf.h"
#include "text/json.h"

#define MM_OMS_MEMBER 64 /* bytes of a name that is known, and NUL */

struct mm_oms_json {
    struct mm_source source;
    struct mm_json json;
    const char *text;         /* borrowed */
    char name[MM_OMS_MEMBER]; /* of the present member; a longer name, which is none that is known, is empty */
    struct mm_diags *diags;
};

/* Takes one member or element, whose first event is EVENT. Returns 0, or -1 with a finding. */
typedef int mm_oms_json_fn(void *context, struct mm_oms_json *j, enum mm_json_event event);

/* Reads TEXT, which has to be an object in which no object has a name twice: EACH is called for its members. Returns 0, or -1 with a
 * finding. */
int mm_oms_json_read(const char *text, size_t length, mm_oms_json_fn *each, void *context, struct mm_diags *diags);

/* Members that a document has to have, by the bits that their readers set in SEEN: one of WHAT that lacks is a finding, and -1. */
struct mm_oms_needed {
    unsigned bit;
    const char *name;
};
int mm_oms_json_check_seen(unsigned seen, const struct mm_oms_needed *needed, size_t count, const char *what,
                           struct mm_diags *diags);

/* The object or array WHAT that begins with EVENT. */
int mm_oms_json_object(struct mm_oms_json *j, enum mm_json_event event, const char *what, mm_oms_json_fn *each,
                       void *context);
int mm_oms_json_array(struct mm_oms_json *j, enum mm_json_event event, const char *what, mm_oms_json_fn *each,
                      void *context);

/* The string WHAT, which is in j->json.text then: not empty, without NUL, no longer than MM_JSON_TEXT. */
int mm_oms_json_string(struct mm_oms_json *j, enum mm_json_event event, const char *what);

/* The same, and it has to be VALUE. */
int mm_oms_json_exactly(struct mm_oms_json *j, enum mm_json_event event, const char *what, const char *value);

/* The number WHAT, a whole one of 1 to MAX however it is spelt: protobuf writes 7 as 7.0, and others 1e9. */
int mm_oms_json_whole(struct mm_oms_json *j, enum mm_json_event event, const char *what, uint64_t max, uint64_t *value);

/* The bytes that the string WHAT, however long, is the base64 of: padded, of either alphabet, without spaces, one at least. */
int mm_oms_json_base64(struct mm_oms_json *j, enum mm_json_event event, const char *what, struct mm_buf *out);

/* Passes over a value of any kind. */
int mm_oms_json_pass(struct mm_oms_json *j, enum mm_json_event event);

/* A finding about the present member, which WHAT must not have. */
int mm_oms_json_unknown(struct mm_oms_json *j, const char *what);

#endif
