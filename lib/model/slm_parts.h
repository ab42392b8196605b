/* What the parts of .slm share: slm.c (a model in memory, its checks), slm_facts.c (the facts section), slm_write.c and
 * slm_head.c (all bytes before the data) and slm_read.c (a whole file). Nobody else includes this. */
#ifndef MM_MODEL_SLM_PARTS_H
#define MM_MODEL_SLM_PARTS_H

#include "model/slm.h"

#define MM_SLM_ENTRY 96 /* bytes of a tensor's entry */

#define MM_SLM_TOKENIZER_HEADER 32 /* bytes before the settings */
enum { MM_SLM_FLAG_SCORES = 1, MM_SLM_FLAG_TYPES = 2 };

/* Offsets of the header's fields. */
enum {
    MM_SLM_AT_VERSION = 8,
    MM_SLM_AT_RESERVED = 12,
    MM_SLM_AT_FILE_SIZE = 16,
    MM_SLM_AT_SECTIONS = 24, /* offset and size of each */
    MM_SLM_AT_TENSORS = 88,
    MM_SLM_AT_SHA256 = 96, /* of the first three sections */
    MM_SLM_AT_HEAD_SHA256 = 192,
    MM_SLM_AT_REST = 224,
};

/* Offsets in an entry of the table. */
enum {
    MM_SLM_ENTRY_OFFSET = 0,
    MM_SLM_ENTRY_SIZE = 8,
    MM_SLM_ENTRY_DIMS = 16,
    MM_SLM_ENTRY_DTYPE = 48,
    MM_SLM_ENTRY_RANK = 52,
    MM_SLM_ENTRY_NAME = 56,
    MM_SLM_ENTRY_NAME_LENGTH = 60,
    MM_SLM_ENTRY_SHA256 = 64,
};

enum mm_slm_section { MM_SLM_FACTS, MM_SLM_TOKENIZER, MM_SLM_TABLE, MM_SLM_DATA, MM_SLM_SECTIONS };

struct mm_slm_span {
    uint64_t offset, size;
};

/* Computes where the sections are from their sizes. Returns how many of them end below 2^63. */
int mm_slm_place_sections(struct mm_slm_span sections[static MM_SLM_SECTIONS]);

/* The lines of the facts section, in their order. */
enum mm_slm_fact {
    MM_SLM_FACT_ARCHITECTURE,
    MM_SLM_FACT_NAME,
    MM_SLM_FACT_LICENSE,
    MM_SLM_FACT_NUMBERS,
    MM_SLM_FACT_ROPE_BASE = MM_SLM_FACT_NUMBERS + MM_LLAMA_NUMBERS,
    MM_SLM_FACT_ROPE_SCALING,
    MM_SLM_FACT_NORM_EPSILON,
    MM_SLM_FACT_QUANTIZATION,
    MM_SLM_FACT_COUNT
};

/* The key of a line. */
const char *mm_slm_fact_key(enum mm_slm_fact fact);

/* Where in a file things stand that were read from it; all zeros for a model that comes from elsewhere. */
struct mm_slm_places {
    uint64_t facts[MM_SLM_FACT_COUNT]; /* of the values */
    uint64_t tokenizer, table;
};

static inline uint64_t mm_slm_entry_place(const struct mm_slm_places *places, size_t tensor)
{
    return places->table ? places->table + tensor * MM_SLM_ENTRY : 0;
}

/* slm.c: a copy of a name or licence into *TEXT, which is NULL. Returns 0, or -1 with IO_MEMORY. */
int mm_slm_keep_text(char **text, const char *value, size_t length, struct mm_diags *diags);

/* slm.c: rules that hang on one part alone, and those that need what the caller knows to be sound. A finding each; 0 or -1. */
int mm_slm_check_facts(const struct mm_slm *slm, const struct mm_slm_places *places, struct mm_diags *diags);
int mm_slm_check_vocabulary(const struct mm_slm *slm, const struct mm_slm_places *places, struct mm_diags *diags);
int mm_slm_check_tensors(const struct mm_slm *slm, const struct mm_slm_places *places, struct mm_diags *diags);

/* True for the dtypes (indices into mm_dtypes) that an .slm holds. */
bool mm_slm_dtype(int dtype);

/* The size that dtype and dimensions give TENSOR, and its number of elements. False with a finding at PLACE (TENSOR_OVERFLOW,
 * TENSOR_BLOCK). */
bool mm_slm_tensor_size(const struct mm_slm_tensor *tensor, uint64_t place, uint64_t *elements, uint64_t *bytes,
                        struct mm_diags *diags);

/* The dtype that most bytes of the tensors have. */
const char *mm_slm_quantization(const struct mm_slm *slm);

/* slm_facts.c: the text of a model's facts, and back. What the reading finds (SLM_FACTS, SLM_ARCHITECTURE) stands at offsets of
 * the file, the section being at OFFSET. QUANTIZATION gets what is stated. */
#define MM_SLM_WORD_MAX 64
void mm_slm_write_facts(const struct mm_slm *slm, struct mm_buf *out);
int mm_slm_read_facts(struct mm_slm *slm, const char *text, size_t length, uint64_t offset,
                      struct mm_slm_places *places, char quantization[static MM_SLM_WORD_MAX + 1],
                      struct mm_diags *diags);

/* True if VALUE may be the value of a line, and leads nowhere; otherwise a finding at PLACE. */
bool mm_slm_check_text(const char *key, const char *value, uint64_t place, struct mm_diags *diags);

/* slm_head.c: which parts of a head were found to be as they have to be, however broken the others are. */
struct mm_slm_sound {
    bool facts, tokenizer; /* the sections were read without a finding */
    bool layout;           /* the tensors' places and hashes can be relied on */
    bool table;            /* so can their dtypes and dimensions */
    unsigned char tokenizer_sha256[MM_HASH_BYTES];
};

int mm_slm_read_sections(struct mm_slm *slm, const unsigned char *head, size_t length, uint64_t file_size,
                         struct mm_slm_sound *sound, struct mm_diags *diags);

/* The number of bytes before the data that a HEADER of MM_SLM_HEADER bytes claims; 0 where it claims nothing sensible. */
uint64_t mm_slm_head_size(const unsigned char *header);

#endif
