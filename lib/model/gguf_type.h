/* The types of values in GGUF files, for those that read and write them. */
#ifndef MM_MODEL_GGUF_TYPE_H
#define MM_MODEL_GGUF_TYPE_H

#include <stdint.h>

/* Value types, by their numbers in the file. */
enum mm_gguf_type {
    MM_GGUF_U8,
    MM_GGUF_I8,
    MM_GGUF_U16,
    MM_GGUF_I16,
    MM_GGUF_U32,
    MM_GGUF_I32,
    MM_GGUF_F32,
    MM_GGUF_BOOL,
    MM_GGUF_STRING,
    MM_GGUF_ARRAY,
    MM_GGUF_U64,
    MM_GGUF_I64,
    MM_GGUF_F64,
    MM_GGUF_COUNT
};

/* Their names, and their sizes in bytes (0: it varies). */
struct mm_gguf_type_info {
    const char *name;
    uint8_t size;
};
extern const struct mm_gguf_type_info mm_gguf_types[MM_GGUF_COUNT];

#endif
