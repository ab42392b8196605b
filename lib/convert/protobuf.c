#include "convert/protobuf.h"

#include <inttypes.h>
#include <string.h>

#include "base/number.h"

#define VARINT_MAX 10 /* bytes of 64 bits, seven in each */

/* A number in groups of seven bits, the lowest first; its last group is zero only if it is the only one. */
static int take_varint(struct mm_proto *p, uint64_t *number)
{
    size_t start = p->at;
    *number = 0;
    for (unsigned i = 0; i < VARINT_MAX && p->at < p->end; i++) {
        unsigned char byte = p->bytes[p->at++];
        if (i == VARINT_MAX - 1 && byte > 1)
            break;
        *number |= (uint64_t)(byte & 0x7F) << (7 * i);
        if (byte & 0x80)
            continue;
        if (byte == 0 && i > 0)
            return mm_diag_offset(p->diags, MM_RULE_PACK_TOKENIZER, start,
                                  "expected a number in its shortest form, found %u bytes that end in zero", i + 1);
        return 0;
    }
    return mm_diag_offset(p->diags, MM_RULE_PACK_TOKENIZER, start,
                          "expected a number of at most 64 bits inside %s, found more or the end", p->message);
}

static const struct mm_proto_known *known_field(const struct mm_proto *p, uint64_t number)
{
    for (size_t i = 0; i < p->known_count; i++)
        if (p->known[i].number == number)
            return &p->known[i];
    return NULL;
}

/* The tag: a field that the table has, with its wire type, and not twice. */
static int take_tag(struct mm_proto *p, struct mm_proto_field *field)
{
    uint64_t tag;
    size_t start = p->at;
    if (take_varint(p, &tag) < 0)
        return -1;
    field->known = known_field(p, tag >> 3);
    if (!field->known)
        return mm_diag_offset(p->diags, MM_RULE_PACK_TOKENIZER, start,
                              "expected a field that %s of sentencepiece has, found number %" PRIu64, p->message,
                              tag >> 3);
    if ((tag & 7) != field->known->wire)
        return mm_diag_offset(p->diags, MM_RULE_PACK_TOKENIZER, start, "expected wire type %u for %s, found %u",
                              field->known->wire, field->known->name, (unsigned)(tag & 7));
    uint64_t bit = UINT64_C(1) << field->known->number;
    if (!field->known->repeated && p->seen & bit)
        return mm_diag_offset(p->diags, MM_RULE_PACK_TOKENIZER, start, "expected %s once in %s, found it again",
                              field->known->name, p->message);
    p->seen |= bit;
    return 0;
}

int mm_proto_next(struct mm_proto *p, struct mm_proto_field *field)
{
    uint64_t length = 4;
    *field = (struct mm_proto_field){0};
    if (p->at == p->end)
        return 0;
    if (take_tag(p, field) < 0)
        return -1;
    field->at = p->at;
    if (field->known->wire == MM_WIRE_VARINT)
        return take_varint(p, &field->number) < 0 ? -1 : 1;
    if (field->known->wire == MM_WIRE_BYTES && take_varint(p, &length) < 0)
        return -1;
    if (length > p->end - p->at)
        return mm_diag_offset(p->diags, MM_RULE_PACK_TOKENIZER, field->at,
                              "expected at most the %zu bytes that are left of %s in %s, found %" PRIu64,
                              p->end - p->at, p->message, field->known->name, length);
    field->at = p->at;
    field->length = (size_t)length;
    p->at += (size_t)length;
    if (field->known->wire == MM_WIRE_FOUR) {
        uint32_t bits = (uint32_t)mm_little_endian(p->bytes + field->at, 4);
        memcpy(&field->real, &bits, sizeof bits);
    }
    return 1;
}
