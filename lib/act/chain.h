/* The chain of receipts in a store: HOME/receipts/PUBLISHER/NAME/TIME-HASH.receipt, in the order of HOME/receipts.log, under one
 * lock (receipts.md; docs/formats/receipt.md). Findings name files beneath the home. Each function takes the store's lock
 * itself, so none may be called by who holds it, nor by a function that mm_chain_each calls. */
#ifndef MM_ACT_CHAIN_H
#define MM_ACT_CHAIN_H

#include "doc/receipt.h"
#include "trust/secret_key.h"

/* A receipt's path beneath the home: receipts/PUBLISHER/NAME/FILE. */
#define MM_RECEIPT_PATH 320

/* Writes RECEIPT, whose `created` and `previous` are filled in here (the clock's time or, where that is behind, the newest receipt's;
 * SOURCE_DATE_EPOCH overrides both), as the new head of the chain
 * beneath the open folder HOME: its signature by KEY first (NULL: it gets none), then the receipt's file, then its line of the log, each
 * flushed; what an interrupted call
 * left behind is settled first. Waits for the lock. A log whose newest receipt is not sound is not appended to
 * (RECEIPT_CHANGED, RECEIPT_REMOVED ...). PATH and HEAD (its SHA-256) tell the new receipt. Returns 0, or -1 with findings:
 * then nothing was appended, unless taking back what was written failed too; the next call settles that. */
int mm_chain_append(int home, struct mm_receipt *receipt, const struct mm_secret_key *key,
                    char path[static MM_RECEIPT_PATH], unsigned char head[static MM_HASH_BYTES],
                    struct mm_diags *diags);

/* Settles what an interrupted append left, without appending: who decides by the receipts, and may write, does so first. A chain
 * that is not there is settled. Returns 0, or -1 with findings, as for an append. */
int mm_chain_settle(int home, struct mm_diags *diags);

/* For a chain that is damaged: appends a line to the log that names the old head and REASON, a value of a line; the next receipt
 * begins a new chain. What is wrong before that line becomes a note. Returns 0, or -1 with findings. */
int mm_chain_restart(int home, const char *reason, struct mm_diags *diags);

struct mm_chain_facts {
    uint64_t receipts;          /* of the present chain, since the last restart */
    struct mm_digest head;      /* not known: there is no receipt */
    char created[MM_TIME_SIZE]; /* the latest time in it, as mm_chain_head tells it; "" for none */
    /* what mm_chain_check also knows */
    uint64_t signatures; /* receipts of the present chain beside which a signature stands, */
    uint64_t verified;   /* and those whose signature is one of the given keys */
    uint64_t expected;   /* the place of the expected receipt in the present chain, from 1 on; 0: it is not there */
};

/* The head as the log has it; only its own receipt is looked at. Returns 0, or -1 with findings. */
int mm_chain_head(int home, struct mm_chain_facts *facts, struct mm_diags *diags);

/* The keys that somebody names as those of the store's owner; another key's signature is none. */
struct mm_chain_keys {
    const struct mm_public_key *items;
    size_t count;
    bool required; /* a receipt of the present chain without signature is a fault too */
};

/* Checks the whole chain; every fault is a finding at the receipt's file or the log's line. EXPECTED, if not NULL, must be the
 * head or a receipt before it in the present chain (RECEIPT_HEAD); signatures are verified by KEYS (RECEIPT_SIGNATURE), if not NULL. Returns 0, or -1. */
int mm_chain_check(int home, const unsigned char *expected, const struct mm_chain_keys *keys,
                   struct mm_chain_facts *facts, struct mm_diags *diags);

/* Calls EACH with every receipt, oldest first, those before a restart too, until it returns other than 0; damaged ones are
 * findings (before a restart: notes) and passed over. RECEIPT is EACH's only during the call. Returns what EACH returned
 * last, or -1 with a finding where the log cannot be read. */
typedef int mm_chain_fn(void *context, const struct mm_receipt *receipt, const char *path);
int mm_chain_each(int home, mm_chain_fn *each, void *context, struct mm_diags *diags);

/* The same for the receipts of the model MODEL_ID alone: others are not even opened. */
int mm_chain_each_of(int home, const char *model_id, mm_chain_fn *each, void *context, struct mm_diags *diags);

/* The same for those of the present chain, since the last restart. */
int mm_chain_each_present(int home, const char *model_id, mm_chain_fn *each, void *context, struct mm_diags *diags);

#endif
