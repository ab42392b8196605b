/* What the parts of a repair share: repair.c (its course), repair_copies.c (where bytes may come from), repair_fetch.c (one chunk from
 * there), repair_file.c (the file that is written), repair_look.c (what a file is worth) and repair_whole.c (without a list). Nobody else includes this. */
#ifndef MM_ACT_REPAIR_PARTS_H
#define MM_ACT_REPAIR_PARTS_H

#include "act/repair.h"

/* ---- repair_fetch.c ---- */

#define MM_SECTOR 4096 /* bytes that are read alone where a larger read fails */
#define MM_PLACE_MAX 16383

/* Where bytes of the file may be. */
struct mm_place {
    int fd;      /* a file, or the folder of a chunk set */
    bool is_set; /* chunks by their hashes: HH/HEX */
    bool target; /* the file itself, as it was */
    size_t copy; /* which copy it is of */
};

/* A chunk's bytes as far as they could be read, and for each sector of it the place that it is from: its number and one, 0 for none. */
struct mm_piece {
    unsigned char *bytes;
    uint16_t *from;
    size_t lacking; /* sectors */
    bool used;
};

struct mm_fetch {
    const struct mm_chunk_facts *chunks;
    const struct mm_chunk_list *list; /* NULL: no chunk can be fetched */
    enum mm_links links;
    struct mm_place *places; /* in the order in which they are asked */
    size_t count, capacity;
    struct mm_copy_counts *counts;
    struct mm_sha256 *sha;
    struct mm_piece fresh, joined; /* what was read last; what is put together of several places */
    const struct mm_piece *taken;  /* the one that has the chunk */
    size_t completed;              /* the place that brought its last bytes */
    int error;                     /* errno of the last read that failed, 0 */
};

/* Makes room for chunks. Returns 0, or -1 with IO_MEMORY. */
int mm_fetch_begin(struct mm_fetch *fetch, struct mm_diags *diags);
void mm_fetch_release(struct mm_fetch *fetch);

/* Reads chunk INDEX from one place after another until its hash is the listed one; sectors that cannot be read in one place are filled from
 * others. The file itself is asked first if OWN, last otherwise. Returns true with the bytes in fetch->taken. */
bool mm_fetch_chunk(struct mm_fetch *fetch, uint64_t index, bool own);

/* The same from the file itself alone: is the chunk right there? */
bool mm_fetch_own(struct mm_fetch *fetch, uint64_t index);

/* What is absent, leads astray or is no file is none of what is sought; anything else that keeps it from being opened is told. */
bool mm_fetch_is_trouble(int error);

/* Counts what was taken last as written, for each place. Returns the bytes of it that copies gave. */
uint64_t mm_fetch_count(struct mm_fetch *fetch, uint64_t index);

/* ---- repair_look.c ---- */

/* What a file is, compared with what it has to be. */
struct mm_look {
    struct mm_bits bad; /* with a list: chunks that are not as listed, lack or cannot be read */
    bool whole;         /* size, chunks, root, SHA-256 and format are right */
    bool unread;        /* some bytes could not be read */
    uint64_t bytes;     /* that it has */
};

struct mm_repair_run {
    const struct mm_repair_target *target;
    const struct mm_repair_options *options;
    struct mm_repair_facts *facts;
    struct mm_diags *diags;
    const struct mm_chunk_list *list; /* NULL: chunks cannot be told apart */
    struct mm_chunk_list found;       /* where it was sought */
    struct mm_fetch fetch;
    struct mm_bits tried;    /* chunks that were sought in the copies, which is done once */
    struct mm_bits lacks;    /* those that no copy gave */
    struct mm_bits troubled; /* those of them of which something could not be read */
    bool list_unread;        /* a chunk list is there that could not be read */
    int open_error;          /* errno of a copy's file that is there and cannot be opened, 0 */
    /* repair_file.c */
    int old; /* the file as it is, -1 for none */
    struct stat before;
    bool changed;                                        /* something was written */
    bool hinted;                                         /* its bad chunks were said, and not looked for */
    bool linked;                                         /* its name leads through a symbolic link: it is read alone */
    bool in_place;                                       /* what is written is that file itself */
    bool taken_up;                                       /* what is written has bytes of an earlier call */
    int work;                                            /* what is written, -1 before */
    int parent;                                          /* the folder of the new file, -1 in place */
    const char *base;                                    /* its name there once it is whole */
    char made[sizeof MM_REPAIR_BEGINNING + MM_HASH_HEX]; /* and before */
    struct mm_look was; /* of the file as it is; its bad chunks are all of them where it is not there */
};

/* Reads the file FD from its beginning and compares it. What is wrong of it is a finding only if FINAL and only where no list tells it,
 * as the chunks that lack are told by themselves. Returns 0, or -1 with a finding where memory lacks or, if FINAL, the file changed
 * meanwhile. Release LOOK in every case. */
int mm_look_at(const struct mm_repair_run *run, int fd, bool final, struct mm_look *look);
void mm_look_release(struct mm_look *look);

/* ---- repair_whole.c ---- */

/* Wrong chunks cannot be told apart: a copy that is right as a whole takes the file's place. Returns 0, or -1 with findings. */
int mm_repair_whole(struct mm_repair_run *run);

/* ---- repair_copies.c ---- */

/* Opens what the copies have of the file, and the file itself. Returns 0, or -1 with IO_MEMORY or IO_LIMIT. */
int mm_places_open(struct mm_repair_run *run);

/* Reads the chunk list: the target's, the one that follows from the claim, or one beside the file or in a copy. Without any run->list stays
 * NULL. Returns 0, or -1 with a finding. */
int mm_repair_find_list(struct mm_repair_run *run);

/* ---- repair_file.c ---- */

/* Opens the file as it is, if it is there, and decides whether it can be written in place. Returns 0, or -1 with a finding. */
int mm_work_open(struct mm_repair_run *run);

/* From here on a new file is made, whatever was decided. */
void mm_work_anew(struct mm_repair_run *run);

/* Opens what is written: the file itself, or the new one, which shares the old one's blocks where the file system can do that. Returns 0,
 * or -1 with a finding. */
int mm_work_begin(struct mm_repair_run *run);

/* Flushes it, and lets what is read next come from the device. */
int mm_work_flush(struct mm_repair_run *run);

/* Gives the new file its name, or checks that the one in place still has it. Returns 0, or -1 with a finding. */
int mm_work_publish(struct mm_repair_run *run);

/* Removes the new file, where nothing in it is worth keeping; what an earlier call left stays. */
void mm_work_drop(struct mm_repair_run *run);

/* Names what an earlier call left beside a file that is whole in place: a note. */
void mm_work_tell_left(struct mm_repair_run *run);
void mm_work_release(struct mm_repair_run *run);

#endif
