#include "trust/oms_bundle.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "trust/oms_json.h"

#define MEDIA_PREFIX "application/vnd.dev.sigstore.bundle"
#define MEDIA_TYPE MEDIA_PREFIX ".v0.3+json"

/* Members that were seen, for what must be there. */
enum {
    MEDIA = 1,
    MATERIAL = 2,
    ENVELOPE = 4,
    PAYLOAD = 8,
    TYPE = 16,
    SIGNATURE = 32,
    KEY = 64,
    CHAIN = 128,
    RAW = 256
};

struct reading {
    struct mm_oms_bundle *bundle;
    unsigned seen;
};

void mm_oms_bundle_release(struct mm_oms_bundle *bundle)
{
    for (size_t i = 0; i < bundle->chain_count; i++)
        mm_buf_release(&bundle->chain[i]);
    mm_buf_release(&bundle->payload);
    mm_buf_release(&bundle->signature);
    *bundle = (struct mm_oms_bundle){0};
}

/* ---- the verification material ---- */

static int take_hint(struct mm_oms_bundle *bundle, struct mm_oms_json *j, enum mm_json_event event)
{
    if (mm_oms_json_string(j, event, "hint") < 0)
        return -1;
    if (!mm_hex_hash(j->json.text, j->json.length, NULL))
        return mm_diag_offset(j->diags, MM_RULE_OMS_FORM, j->json.offset,
                              "expected a hint of 64 lower-case hex digits, found another string");
    memcpy(bundle->hint, j->json.text, MM_HASH_HEX + 1);
    return 0;
}

static int take_key_member(void *context, struct mm_oms_json *j, enum mm_json_event event)
{
    struct reading *r = context;
    r->seen |= strcmp(j->name, "rawBytes") == 0 ? RAW : 0;
    return strcmp(j->name, "hint") == 0 ? take_hint(r->bundle, j, event) : mm_oms_json_pass(j, event);
}

static int take_certificate_member(void *context, struct mm_oms_json *j, enum mm_json_event event)
{
    struct mm_oms_bundle *bundle = context;
    if (strcmp(j->name, "rawBytes") != 0)
        return mm_oms_json_pass(j, event);
    return mm_oms_json_base64(j, event, "rawBytes", &bundle->chain[bundle->chain_count - 1]);
}

static int take_certificate(void *context, struct mm_oms_json *j, enum mm_json_event event)
{
    struct mm_oms_bundle *bundle = context;
    if (bundle->chain_count == MM_OMS_CHAIN_MAX)
        return mm_diag_offset(j->diags, MM_RULE_IO_LIMIT, j->json.offset, "at most %d certificates are read",
                              MM_OMS_CHAIN_MAX);
    bundle->chain_count++;
    if (mm_oms_json_object(j, event, "a certificate", take_certificate_member, bundle) < 0)
        return -1;
    return bundle->chain[bundle->chain_count - 1].length
               ? 0
               : mm_diag(j->diags, MM_RULE_OMS_FORM, "expected a certificate with rawBytes, found none");
}

static int take_chain_member(void *context, struct mm_oms_json *j, enum mm_json_event event)
{
    if (strcmp(j->name, "certificates") != 0)
        return mm_oms_json_pass(j, event);
    return mm_oms_json_array(j, event, "certificates", take_certificate, context);
}

static int take_material(void *context, struct mm_oms_json *j, enum mm_json_event event)
{
    struct reading *r = context;
    if (strcmp(j->name, "publicKey") == 0) {
        r->seen |= KEY;
        return mm_oms_json_object(j, event, "publicKey", take_key_member, r);
    }
    if (strcmp(j->name, "x509CertificateChain") == 0) {
        r->seen |= CHAIN;
        r->bundle->material = MM_OMS_CERTIFICATES;
        return mm_oms_json_object(j, event, "x509CertificateChain", take_chain_member, r->bundle);
    }
    if (strcmp(j->name, "certificate") == 0)
        return mm_diag_offset(j->diags, MM_RULE_OMS_UNSUPPORTED, j->json.offset,
                              "expected a key or a chain of certificates, found a signature by way of Sigstore");
    if (strcmp(j->name, "tlogEntries") == 0 || strcmp(j->name, "timestampVerificationData") == 0)
        return mm_oms_json_pass(j, event); /* neither proves anything of a key that is given */
    return mm_oms_json_unknown(j, "verificationMaterial");
}

/* ---- the envelope ---- */

static int take_signature_member(void *context, struct mm_oms_json *j, enum mm_json_event event)
{
    struct reading *r = context;
    if (strcmp(j->name, "sig") == 0)
        return mm_oms_json_base64(j, event, "sig", &r->bundle->signature);
    if (strcmp(j->name, "keyid") == 0) /* says nothing: the key is named in the material */
        return event == MM_JSON_STRING || event == MM_JSON_NULL
                   ? 0
                   : mm_diag_offset(j->diags, MM_RULE_OMS_FORM, j->json.offset,
                                    "expected keyid to be a string or null, found something else");
    return mm_oms_json_unknown(j, "a signature");
}

static int take_signature(void *context, struct mm_oms_json *j, enum mm_json_event event)
{
    struct reading *r = context;
    if (r->seen & SIGNATURE)
        return mm_diag_offset(j->diags, MM_RULE_OMS_FORM, j->json.offset, "expected one signature, found more");
    r->seen |= SIGNATURE;
    return mm_oms_json_object(j, event, "a signature", take_signature_member, r);
}

static int take_envelope(void *context, struct mm_oms_json *j, enum mm_json_event event)
{
    struct reading *r = context;
    if (strcmp(j->name, "payload") == 0) {
        r->seen |= PAYLOAD;
        return mm_oms_json_base64(j, event, "payload", &r->bundle->payload);
    }
    if (strcmp(j->name, "payloadType") == 0) {
        r->seen |= TYPE;
        return mm_oms_json_exactly(j, event, "payloadType", MM_OMS_PAYLOAD_TYPE);
    }
    if (strcmp(j->name, "signatures") == 0)
        return mm_oms_json_array(j, event, "signatures", take_signature, r);
    return mm_oms_json_unknown(j, "dsseEnvelope");
}

/* ---- the bundle ---- */

/* Versions whose members mean the same as far as they are read here. */
static int take_media_type(struct mm_oms_json *j, enum mm_json_event event)
{
    static const char *const known[] = {MEDIA_TYPE, MEDIA_PREFIX "+json;version=0.3", MEDIA_PREFIX "+json;version=0.2",
                                        MEDIA_PREFIX "+json;version=0.1"};
    char shown[MM_SHOWN];
    if (mm_oms_json_string(j, event, "mediaType") < 0)
        return -1;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(j->json.text, known[i]) == 0)
            return 0;
    bool other_version = strncmp(j->json.text, MEDIA_PREFIX, sizeof MEDIA_PREFIX - 1) == 0;
    return mm_diag_offset(j->diags, other_version ? MM_RULE_OMS_UNSUPPORTED : MM_RULE_OMS_FORM, j->json.offset,
                          "expected the mediaType '%s', found '%s'", MEDIA_TYPE,
                          mm_show(shown, j->json.text, j->json.length));
}

static int take_member(void *context, struct mm_oms_json *j, enum mm_json_event event)
{
    struct reading *r = context;
    if (strcmp(j->name, "mediaType") == 0) {
        r->seen |= MEDIA;
        return take_media_type(j, event);
    }
    if (strcmp(j->name, "verificationMaterial") == 0) {
        r->seen |= MATERIAL;
        return mm_oms_json_object(j, event, "verificationMaterial", take_material, r);
    }
    if (strcmp(j->name, "dsseEnvelope") == 0) {
        r->seen |= ENVELOPE;
        return mm_oms_json_object(j, event, "dsseEnvelope", take_envelope, r);
    }
    return mm_oms_json_unknown(j, "a bundle");
}

static int check_whole(const struct reading *r, struct mm_diags *diags)
{
    static const struct mm_oms_needed needed[] = {{MEDIA, "mediaType"},       {MATERIAL, "verificationMaterial"},
                                                  {ENVELOPE, "dsseEnvelope"}, {PAYLOAD, "payload"},
                                                  {TYPE, "payloadType"},      {SIGNATURE, "signature"}};
    if (mm_oms_json_check_seen(r->seen, needed, sizeof needed / sizeof *needed, "bundle", diags) < 0)
        return -1;
    if (!r->bundle->signature.length)
        return mm_diag(diags, MM_RULE_OMS_FORM, "expected a signature with sig, found none");
    if (!(r->seen & (KEY | CHAIN)) || (r->seen & (KEY | CHAIN)) == (KEY | CHAIN))
        return mm_diag(diags, MM_RULE_OMS_FORM,
                       "expected either publicKey or x509CertificateChain in verificationMaterial, found %s",
                       r->seen & KEY ? "both" : "neither");
    if (r->seen & KEY && !r->bundle->hint[0] && !(r->seen & RAW))
        return mm_diag(diags, MM_RULE_OMS_FORM, "expected publicKey with hint or rawBytes, found neither");
    if (r->seen & CHAIN && !r->bundle->chain_count)
        return mm_diag(diags, MM_RULE_OMS_FORM, "expected at least one certificate, found none");
    return 0;
}

int mm_oms_bundle_read(struct mm_oms_bundle *bundle, const char *text, size_t length, struct mm_diags *diags)
{
    struct reading r = {.bundle = bundle};
    *bundle = (struct mm_oms_bundle){0};
    return mm_oms_json_read(text, length, take_member, &r, diags) < 0 ? -1 : check_whole(&r, diags);
}

int mm_oms_bundle_read_file(struct mm_oms_bundle *bundle, int fd, struct mm_diags *diags)
{
    struct mm_buf text = {0};
    *bundle = (struct mm_oms_bundle){0};
    int result = mm_file_read_all(fd, MM_OMS_BUNDLE_MAX, &text, diags);
    if (result > 0)
        result =
            mm_diag(diags, MM_RULE_IO_LIMIT, "expected a bundle of at most %u bytes, found more", MM_OMS_BUNDLE_MAX);
    if (result == 0)
        result = mm_oms_bundle_read(bundle, text.data ? text.data : "", text.length, diags);
    mm_buf_release(&text);
    return result;
}

/* ---- writing ---- */

static void add_base64(struct mm_buf *out, const struct mm_buf *bytes)
{
    size_t size = sodium_base64_encoded_len(bytes->length, sodium_base64_VARIANT_ORIGINAL);
    char *text = malloc(size);
    if (text)
        mm_buf_str(out, sodium_bin2base64(text, size, (const unsigned char *)bytes->data, bytes->length,
                                          sodium_base64_VARIANT_ORIGINAL));
    else
        out->failed = true;
    free(text);
}

void mm_oms_bundle_write(const struct mm_oms_bundle *bundle, struct mm_buf *out)
{
    mm_buf_str(out, "{\"mediaType\":\"" MEDIA_TYPE "\",\"verificationMaterial\":{");
    if (bundle->material == MM_OMS_KEY)
        mm_buf_printf(out, "\"publicKey\":{\"hint\":\"%s\"}", bundle->hint);
    else
        mm_buf_str(out, "\"x509CertificateChain\":{\"certificates\":[");
    for (size_t i = 0; i < bundle->chain_count; i++) {
        mm_buf_str(out, i ? ",{\"rawBytes\":\"" : "{\"rawBytes\":\"");
        add_base64(out, &bundle->chain[i]);
        mm_buf_str(out, "\"}");
    }
    mm_buf_str(out, bundle->material == MM_OMS_KEY ? ",\"tlogEntries\":[]}" : "]},\"tlogEntries\":[]}");
    mm_buf_str(out, ",\"dsseEnvelope\":{\"payload\":\"");
    add_base64(out, &bundle->payload);
    mm_buf_str(out, "\",\"payloadType\":\"" MM_OMS_PAYLOAD_TYPE "\",\"signatures\":[{\"sig\":\"");
    add_base64(out, &bundle->signature);
    mm_buf_str(out, "\",\"keyid\":\"\"}]}}\n");
}

void mm_oms_signed_bytes(const struct mm_oms_bundle *bundle, struct mm_buf *out)
{
    mm_buf_printf(out, "DSSEv1 %zu %s %zu ", strlen(MM_OMS_PAYLOAD_TYPE), MM_OMS_PAYLOAD_TYPE, bundle->payload.length);
    mm_buf_add(out, bundle->payload.data, bundle->payload.length);
}
