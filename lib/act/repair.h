/* Mending a file from second copies of it: wrong and lacking chunks are fetched by their hashes, right ones stay, and the whole is read
 * and judged again (docs/formats/chunks.md). */
#ifndef MM_ACT_REPAIR_H
#define MM_ACT_REPAIR_H

#include "base/bits.h"
#include "base/file.h"
#include "base/source.h"
#include "doc/chunk_list.h"
#include "doc/manifest.h"

/* Before the SHA-256 of a file that is made anew: its name until it is whole. */
#define MM_REPAIR_BEGINNING MM_WRITER_TEMPORARY "repair-"

/* ---- second copies ---- */

/* One as the user named it: a folder, whose files have the artifacts' paths and which may be or hold chunk sets, or one file. */
struct mm_copy {
    char *path;   /* for people */
    int folder;   /* open, or -1 */
    int files;    /* its folder files/, where it is a model's folder of a store, or -1 */
    int file;     /* open, or -1 */
    int lists[2]; /* chunk lists that stand beside that file, plain and compressed, or -1 */
};

struct mm_copies {
    enum mm_links links; /* how far symbolic links in them lead */
    struct mm_copy *items;
    size_t count, capacity;
};

/* Adds what PATH names; a manifest stands for its folder. Returns 0, or -1 with a finding (IO_OPEN, IO_NOT_REGULAR ...). */
int mm_copies_add(struct mm_copies *copies, const char *path, struct mm_diags *diags);
void mm_copies_release(struct mm_copies *copies);

/* True if the open file FD begins as a manifest does. */
bool mm_repair_is_manifest(int fd);

/* What one copy gave for one file. */
struct mm_copy_counts {
    uint64_t
        chunks; /* that are right now because of it; one that was put together counts for the copy that completed it */
    uint64_t copied;     /* bytes of it that were written */
    uint64_t read;       /* bytes that were read */
    uint64_t wrong;      /* chunks that it has otherwise than listed */
    uint64_t unreadable; /* chunks that could not be read, or not to their end, because of an error */
};

/* ---- the files of a call ---- */

struct mm_repair_file;

/* Files that are there, by device and inode, each as often as it has names here. */
struct mm_repair_files {
    struct mm_repair_file *items; /* sorted */
    size_t count, capacity;
};

/* Adds the open file FD, which nothing is to be written to: a list, a manifest. Below 0 there is none. Returns 0, or -1 with IO_MEMORY. */
int mm_repair_files_add(struct mm_repair_files *files, int fd, struct mm_diags *diags);
int mm_repair_files_add_copies(struct mm_repair_files *files, const struct mm_copies *copies, struct mm_diags *diags);

/* Adds the file PATH beneath FOLDER, wherever a link leads, which has to be what CHUNKS says; nothing where it is not there. */
int mm_repair_files_add_target(struct mm_repair_files *files, int folder, const char *path,
                               const struct mm_chunk_facts *chunks, struct mm_diags *diags);

/* The same for every artifact of MANIFEST, to be mended or not. */
int mm_repair_files_add_artifacts(struct mm_repair_files *files, int folder, const struct mm_manifest *manifest,
                                  struct mm_diags *diags);

/* True if the file INFO is one of FILES. */
bool mm_repair_files_have(const struct mm_repair_files *files, const struct stat *info);

/* True if the file INFO, made what CHUNKS says, would be lost as another that it has to be too. */
bool mm_repair_files_clash(const struct mm_repair_files *files, const struct stat *info,
                           const struct mm_chunk_facts *chunks);
void mm_repair_files_release(struct mm_repair_files *files);

/* ---- what is mended ---- */

struct mm_repair_target {
    int folder;                   /* open: where PATH is sought */
    const char *path;             /* beneath it */
    const char *shown;            /* for people, and in bad ranges */
    const struct mm_claim *claim; /* what it has to be; its path is that in the copies */
    bool any_format;              /* no manifest says a format: its bytes alone are judged */
    bool alone;                   /* copies that are files are copies of it, whatever they are called */
    const struct mm_chunk_list
        *list;       /* its chunk list, or NULL: one is sought, which has to lead to the claim's root */
    int out_folder;  /* -1, or open: OUT is made there, and the file stays as it is */
    const char *out; /* a name in that folder */
};

/* Chunks that no copy has, for whoever may have them elsewhere: other machines. */
struct mm_repair_want {
    const struct mm_claim *claim;
    const struct mm_chunk_list *list; /* what they have to be */
    const struct mm_bits *lacks;      /* which ones */
    int fd;                           /* where each goes to its place, once its hash was compared */
};

struct mm_repair_options {
    const struct mm_copies *copies;

    /* Brings what it can, and adds to BROUGHT the number of each chunk that it wrote; NULL: there is nobody to ask. Returns 0, also where
     * chunks lack still, or -1 with a finding. What it wrote is read again like all the rest. */
    int (*bring)(void *context, const struct mm_repair_want *want, struct mm_bits *brought, struct mm_diags *diags);
    void *bring_context;
    enum mm_links
        links; /* how far symbolic links on the way to the file lead; it is read through them, never written */
    const struct mm_buf *bad;      /* the text of bad ranges: what else is right is not read first; or NULL */
    const char *bad_shown;         /* the name of that text in findings; NULL: the target */
    struct mm_repair_files *files; /* of the call, or NULL; what is made anew comes to them */
    bool incomplete;               /* a copy could not be used: what lacks may be there */
    bool force;                    /* a file of which no chunk is known to be right is replaced, and so is OUT */
    mm_progress_fn *progress;      /* may be NULL */
    void *progress_context;
};

enum mm_repair_state {
    MM_REPAIR_WHOLE,    /* it was right */
    MM_REPAIR_REPAIRED, /* it is right now */
    MM_REPAIR_LACKS,    /* chunks of it are still wrong */
    MM_REPAIR_FAILED    /* otherwise: a finding says why */
};

struct mm_repair_facts {
    enum mm_repair_state state;
    uint64_t total;                /* bytes that it has to have */
    uint64_t kept;                 /* bytes that were there */
    uint64_t copied;               /* bytes from the copies, and those that were brought */
    uint64_t wrong, mended;        /* chunks that were wrong or lacked; those of them that are right now */
    struct mm_bits lacks;          /* chunks that are wrong still */
    struct mm_copy_counts *copies; /* one for each copy */
};

/* Fills CLAIM, called PATH, with what LIST says. */
void mm_repair_claim(struct mm_claim *claim, const struct mm_chunk_list *list, const char *path);

/* Mends TARGET. Nothing is written to it whose hash was not compared before; however it is interrupted, what was right in it stays right.
 * A file that has several names, may not be written, is not there, or is to become OUT is made anew under a name that begins with
 * MM_REPAIR_BEGINNING, and gets its own once it is whole; a regular file of this user that has that name is what an earlier call left, unless
 * it is one of options->files or a copy (IO_EXISTS). Returns 0 where it is whole, or -1 with findings: STORE_CHUNK (no copy has a chunk),
 * IO_READ (none could be read that has it), CHUNK_WRONG (no chunk of the file is right, and no force), IO_NOT_REGULAR (a symbolic link, or
 * a file that has to be another one too). Release FACTS in every case. */
int mm_repair(const struct mm_repair_target *target, const struct mm_repair_options *options,
              struct mm_repair_facts *facts, struct mm_diags *diags);
void mm_repair_release(struct mm_repair_facts *facts);

/* Writes the chunks that are wrong still as bad ranges. Returns 0, or -1 with IO_WRITE or IO_MEMORY. */
int mm_repair_write_lacks(const struct mm_repair_target *target, const struct mm_repair_facts *facts,
                          struct mm_writer *writer, struct mm_diags *diags);

#endif
