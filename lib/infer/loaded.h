/* A model that is loaded to be run: opened and hashed, its text encoder made, and, once it is known how many positions are needed, one engine or more. */
#ifndef MM_INFER_LOADED_H
#define MM_INFER_LOADED_H

#include "base/number.h"
#include "infer/cpu.h"
#include "infer/encoder.h"
#include "infer/gpu.h"

#define MM_LOADED_ENGINES 4

struct mm_loaded {
    struct mm_checkpoint checkpoint;
    struct mm_encoder *encoder;
    size_t artifact; /* of the checkpoint's files: the first that holds tensors */
    struct mm_network network;
    struct mm_crew *crew;
    struct mm_engine engines[MM_LOADED_ENGINES];
    size_t engine_count;
    struct mm_engine *beside; /* of the CPU, for the threads of the crew but the first; see mm_loaded_abreast */
    size_t beside_count;
};

/* How it is run. */
struct mm_loading {
    size_t context;           /* positions */
    size_t sequences;         /* that are to be run, 0: one; several may go at once then */
    unsigned threads;         /* from 1 */
    const char *instructions; /* of the kernels, as mm_kernels_names has them; NULL: the best */
    bool fast;                /* activations may be rounded to 8 bits */
    struct mm_gpu *const
        *gpus; /* of each engine, NULL: the CPU; all of them are the CPU where this is NULL. Borrowed */
    uint64_t beside,
        max_memory; /* bytes that the caller will need for its own part of a sequence, and that all may need, weights that are mapped aside */
};

/* Opens the COUNT files at PATHS, or the one folder, and makes the encoder. LOADED is overwritten. Returns 0, or -1 with findings of
 * mm_checkpoint_open_files and mm_encoder_new; release LOADED in every case. */
int mm_loaded_open(struct mm_loaded *loaded, const char *const *paths, size_t count,
                   const struct mm_checkpoint_options *options, struct mm_diags *diags);

/* The positions that the model was made for. */
uint64_t mm_loaded_context(const struct mm_loaded *loaded);

/* The SHA-256 of the artifact, of the file that is open, read whole. Returns 0, or -1 with IO_READ, IO_CHANGED or IO_MEMORY. */
int mm_loaded_hash(const struct mm_loaded *loaded, unsigned char sha256[static MM_HASH_BYTES], struct mm_diags *diags);

/* The bytes that are needed beside mapped weights to run it so with ENGINES engines; UINT64_MAX where it is more than can be told. Nothing is allocated for it. */
uint64_t mm_loaded_memory(const struct mm_loaded *loaded, const struct mm_loading *how, size_t engines);

/* Binds the weights and makes COUNT engines. Returns 0, or -1 with INFER_MEMORY where more than max_memory is needed, INFER_DEVICE where this
 * processor lacks the instructions, what mm_gpu_engine finds, INFER_UNSUPPORTED, IO_READ or IO_MEMORY. */
int mm_loaded_start(struct mm_loaded *loaded, const struct mm_loading *how, size_t count, struct mm_diags *diags);

/* How many sequences can go at once on engine WHICH: 1, or, where it is the CPU and the network so small that threads do not share its rows, as many as the crew has
 * threads. Thread 0 has the engine itself, thread I then BESIDE[I - 1], which gives the same answers. */
size_t mm_loaded_abreast(const struct mm_loaded *loaded, size_t which);

/* Returns 0 if no file was changed or lost while it was run, else -1 with IO_CHANGED. */
int mm_loaded_finish(const struct mm_loaded *loaded, struct mm_diags *diags);
void mm_loaded_release(struct mm_loaded *loaded);

#endif
