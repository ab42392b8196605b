/* Where the bytes of a model can come from: folders that hold its files, chunk sets, and models that the store has already. */
#ifndef MM_ACT_SUPPLY_H
#define MM_ACT_SUPPLY_H

#include "act/shelf.h"
#include "act/store.h"
#include "base/file.h"
#include "base/source.h"
#include "doc/chunk_list.h"

/* A source as the user named it, or a model's folder of a medium. */
struct mm_supply_root {
    char *path;                                   /* for people */
    int folder;                                   /* open; files and chunk sets are sought beneath it */
    bool is_set;                                  /* it is a chunk set itself: HH/HEX */
    bool removable;                               /* it is on a removable device, as far as the system tells */
    bool serves_one;                              /* it serves one manifest alone */
    char *manifest;                               /* the name of the manifest that stands there, NULL for none */
    unsigned char manifest_sha256[MM_HASH_BYTES]; /* of it, or of the one that it serves */
};

/* A manifest that was found in one of them. */
struct mm_supply_manifest {
    char *path; /* for people */
    int fd;
    size_t root; /* the source it was found in */
    unsigned char sha256[MM_HASH_BYTES];
};

/* A folder that media-export filled, or a store: it has models/PUBLISHER/NAME/REVISION. */
struct mm_supply_medium {
    char *path; /* for people */
    int folder;
};

struct mm_supply {
    enum mm_links links; /* how far symbolic links in the sources lead */
    bool incomplete;     /* a source could not be read: what the others lack may be there */
    struct mm_supply_medium *media;
    size_t medium_count, medium_capacity;
    struct mm_supply_root *roots;
    size_t root_count, root_capacity;
    struct mm_supply_manifest *manifests;
    size_t manifest_count, manifest_capacity;
};

/* Adds what PATH names: a manifest (its folder is the source), a folder (with one manifest or none; a model's folder of a store, whose
 * files stand in files/), a chunk set, or a medium with all its models. Returns 0, or -1 with a finding (STORE_SOURCE, IO_OPEN ...). */
int mm_supply_add(struct mm_supply *supply, const char *path, struct mm_diags *diags);
void mm_supply_release(struct mm_supply *supply);

/* From here on each folder with a manifest serves that one alone: those of several publishers may have files of the same names. */
void mm_supply_set_apart(struct mm_supply *supply);

/* VIEW becomes what of SUPPLY serves manifest WHICH, which is its only one: folders of other models on media are left out, as their files
 * have the same names. It borrows all it has from SUPPLY; release it with mm_supply_view_release. Returns 0, or -1 with IO_MEMORY. */
int mm_supply_view(struct mm_supply *view, const struct mm_supply *supply, size_t which, struct mm_diags *diags);
void mm_supply_view_release(struct mm_supply *view);

/* The source whose folder has a signature beside a copy of manifest WHICH, after SKIP others; NULL where there are no more. */
const struct mm_supply_root *mm_supply_signed(const struct mm_supply *supply, size_t which, size_t skip);

/* True where a file that could not be opened with ERROR may be there all the same: what is absent, leads astray or is no file is none. */
bool mm_supply_is_trouble(int error);

/* The artifact's chunk list of any source, as stored, into STORED; its name ends in ".gz" if *COMPRESSED, and then TEXT is what it inflates to. The one that
 * the manifest names comes first, then others with its ending. One that is not a list of this artifact is passed over. Returns 1 if there is one, 0 if
 * there is none, and -1 with findings (IO_OPEN, IO_READ, IO_MEMORY) where none was found but one could not be read. */
int mm_supply_chunk_list(const struct mm_supply *supply, const struct mm_claim *claim, struct mm_buf *stored,
                         struct mm_buf *text, bool *compressed, struct mm_diags *diags);

/* The same for the list PATH beneath the open folder FOLDER; *STATED says whether it is the very one that the manifest names. */
int mm_supply_read_list(int folder, const char *path, enum mm_links links, const struct mm_claim *claim,
                        struct mm_buf *stored, struct mm_buf *text, bool *stated, struct mm_diags *diags);

/* Chunks of earlier revisions in the store that are equal to chunks of the artifact. */
#define MM_INTAKE_NO_FILE UINT32_MAX
struct mm_known_chunk {
    uint32_t file; /* index into files, or MM_INTAKE_NO_FILE */
    uint32_t index;
};

/* One artifact's bytes, wherever they are. */
struct mm_intake {
    const struct mm_supply *supply;
    const struct mm_claim *claim;
    int *files;                       /* for each root: the open file, or -1 */
    int *sets;                        /* for each root: the open chunk set, or -1 */
    bool longer;                      /* a source's file is longer than the artifact */
    struct stat *before;              /* of the files */
    bool forget;                      /* what was read leaves the page cache */
    const struct mm_chunk_list *list; /* NULL: chunks cannot be told apart by hash */
    struct mm_known_chunk *known;     /* NULL, or for each chunk where the store has it */
    int *known_files;                 /* open files of the store */
    size_t known_file_count, known_file_capacity;
    struct mm_sha256 *sha;
    unsigned char *block;
    int error;            /* errno of the last read that failed, ENOENT left out */
    int open_error;       /* errno of a file or set that is there and cannot be opened, 0 */
    uint64_t piece_index; /* the chunk of a set that is open as `piece` */
    int piece, piece_root;
};

#define MM_INTAKE_BLOCK 262144

/* What a chunk's bytes came from. */
enum mm_intake_from { MM_FROM_NOWHERE, MM_FROM_STORE, MM_FROM_FILE, MM_FROM_SET, MM_FROM_COUNT };

/* Opens what the sources have of the artifact. Returns 0, or -1 with IO_MEMORY. Release INTAKE in every case. */
int mm_intake_open(struct mm_intake *intake, const struct mm_supply *supply, const struct mm_claim *claim,
                   struct mm_diags *diags);
void mm_intake_release(struct mm_intake *intake);

/* Lets chunks be taken from the other revisions of MODEL in the store, which SHELF tells, as LIST and their lists tell: artifacts of
 * the same path first, 64 at most. Nothing is an error: what cannot be read is not used. */
void mm_intake_know(struct mm_intake *intake, int home, const struct mm_shelf *shelf,
                    const struct mm_store_model *model, const struct mm_chunk_list *list);

/* Reads up to LENGTH bytes at OFFSET from the first place that has them: the store, a file, a chunk set; what is read at once ends where
 * another place may come first. A read that fails is tried again. Returns their number, or -1 with errno set where no place has them. */
ssize_t mm_intake_read(struct mm_intake *intake, uint64_t offset, void *out, size_t length, enum mm_intake_from *from);

/* Where `forget` is set: the bytes FROM to TO of the sources' files need not stay in the page cache any longer. */
void mm_intake_forget(struct mm_intake *intake, uint64_t from, uint64_t to);

/* Tries every place in turn for chunk INDEX and writes it to OUT, a descriptor, at its offset. With a list a chunk counts only
 * if its hash is the listed one, and each place is tried twice. Returns 0; 1 where no place has it; -1 with IO_WRITE. READ and
 * FROM tell the bytes read from sources and where the chunk came from. */
int mm_intake_fetch(struct mm_intake *intake, uint64_t index, int out, uint64_t *read, enum mm_intake_from *from,
                    struct mm_diags *diags);

/* Checks that no file that was read changed meanwhile. Returns 0, or -1 with IO_CHANGED. */
int mm_intake_finish(const struct mm_intake *intake, struct mm_diags *diags);

#endif
