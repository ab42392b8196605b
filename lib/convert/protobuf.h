/* Messages of protocol buffers, read strictly and from memory: fields that a table names, with the wire type that it gives them,
 * once each unless it says otherwise, and numbers in their shortest form. Two readers cannot take such a message for two things. */
#ifndef MM_CONVERT_PROTOBUF_H
#define MM_CONVERT_PROTOBUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"

enum mm_wire { MM_WIRE_VARINT = 0, MM_WIRE_BYTES = 2, MM_WIRE_FOUR = 5 };

/* A field that a message may have. */
struct mm_proto_known {
    uint8_t number; /* from 1, below 64 */
    uint8_t wire;   /* enum mm_wire */
    bool repeated;
    const char *name;
};

struct mm_proto {
    const char *message; /* its name, for findings */
    const struct mm_proto_known *known;
    size_t known_count;
    const unsigned char *bytes; /* of the file, so that places are the file's */
    size_t at, end;             /* of the message */
    uint64_t seen;              /* a bit for each field number that came */
    struct mm_diags *diags;
};

struct mm_proto_field {
    const struct mm_proto_known *known;
    size_t at;       /* where it begins in the file; bytes of MM_WIRE_BYTES begin there */
    uint64_t number; /* MM_WIRE_VARINT */
    float real;      /* MM_WIRE_FOUR */
    size_t length;   /* MM_WIRE_BYTES */
};

/* The next field. Returns 1; 0 at the message's end; -1 with PACK_TOKENIZER. */
int mm_proto_next(struct mm_proto *proto, struct mm_proto_field *field);

#endif
