/* What appending to a chain and checking it share; for lib/act/chain*.c alone. */
#ifndef MM_ACT_CHAIN_PARTS_H
#define MM_ACT_CHAIN_PARTS_H

#include "act/chain.h"
#include "doc/receipt_log.h"
#include "hash/name_set.h"

#define MM_CHAIN_LOG "receipts.log"
#define MM_CHAIN_FOLDER "receipts"

/* A chain that is open and locked. */
struct mm_chain {
    int home, lock;
    int log; /* -1: there is none */
    struct mm_sha256 *sha;
    struct mm_buf text;     /* of the receipt that was read last */
    uint64_t restart;       /* the number of the log's last line that begins a new chain, 0 for none */
    uint64_t whole;         /* bytes of the log up to its last LF */
    bool torn, mendable;    /* the log ends in bytes without LF; which can be the beginning of a line */
    struct mm_diags closed; /* findings before the restart, which become notes */
    struct mm_diags *diags;
};

/* True if A and B are one hash, or both are none. */
bool mm_chain_same(const struct mm_digest *a, const struct mm_digest *b);

/* Opens the chain beneath HOME, to write or to read; waits for the lock. Returns 0, or -1; close CHAIN in every case. */
int mm_chain_open(struct mm_chain *chain, int home, bool write, struct mm_diags *diags);
void mm_chain_close(struct mm_chain *chain);

/* Calls EACH with every line of the log, until it returns other than 0. Findings go to the DIAGS that it gets. Returns what
 * EACH returned last, or -1 where the log cannot be read. */
typedef int mm_chain_line_fn(void *context, const struct mm_log_line *line, struct mm_diags *diags);
int mm_chain_walk(struct mm_chain *chain, mm_chain_line_fn *each, void *context);

/* Reads the receipt NAME (beneath the folder of receipts), whose hash has to be EXPECTED, or for NULL the one that its name
 * begins; it is left in HASH. Returns 0, or -1 with a finding at the file; release RECEIPT in every case. */
int mm_chain_load(struct mm_chain *chain, const char *name, const unsigned char *expected,
                  unsigned char hash[static MM_HASH_BYTES], struct mm_receipt *receipt, struct mm_diags *diags);

/* Calls EACH with every file beneath the folder of receipts that is not one of NAMES, until it returns other than 0. NAME holds
 * whatever bytes a file's name can hold. UNFINISHED: it is what an interrupted write left, and no receipt. */
typedef int mm_chain_file_fn(void *context, const char *name, bool unfinished);
int mm_chain_each_unnamed(struct mm_chain *chain, const struct mm_name_set *names, mm_chain_file_fn *each,
                          void *context);

/* What a file beneath the folder of receipts, which is not one of NAMES, is the signature of. */
enum mm_chain_signs {
    MM_CHAIN_SIGNS_NOTHING, /* it is none by its name */
    MM_CHAIN_SIGNS_RECEIPT, /* of a receipt that is one of NAMES, or that stands beside it, or may */
    MM_CHAIN_SIGNS_ABSENT,  /* of a receipt that is not there */
};
enum mm_chain_signs mm_chain_signs(struct mm_chain *chain, const struct mm_name_set *names, const char *name);

#endif
