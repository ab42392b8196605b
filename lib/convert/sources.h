/* The kinds of sources that mm_checkpoint_open tells apart, one function each, and what they share. Nobody outside lib/convert
 * includes this. Each function returns 0, or -1 with findings; whatever they fill is released by mm_checkpoint_release. */
#ifndef MM_CONVERT_SOURCES_H
#define MM_CONVERT_SOURCES_H

#include "convert/checkpoint.h"
#include "model/artifact.h"

/* checkpoint.c: opens PATH and keeps it open to the end, when every file is looked at again. Whatever a source says is read from
 * files that are kept so. Returns the descriptor, which is the checkpoint's, or -1. */
int mm_checkpoint_keep_file(struct mm_checkpoint *checkpoint, const char *path, struct mm_diags *diags);

/* checkpoint.c: the same, and validates it whole as FORMAT (or MM_FORMAT_DETECT) into ARTIFACT, which the caller
 * releases. Returns the descriptor, or -1. */
int mm_checkpoint_add_file(struct mm_checkpoint *checkpoint, const char *path, int format, struct mm_artifact *artifact,
                           struct mm_diags *diags);

/* checkpoint.c: adds tensor NAME (.slm's), stored at OFFSET of FD as DTYPE with these dimensions, the fastest first. */
int mm_checkpoint_add_tensor(struct mm_checkpoint *checkpoint, const char *name, const uint64_t *dims, unsigned rank,
                             const struct mm_stored *stored, struct mm_diags *diags);

/* True if KEY is named by a --drop; then a note says that it is left out. OPTIONS may be NULL. */
bool mm_checkpoint_drops(const struct mm_checkpoint_options *options, const char *key, struct mm_diags *diags);

/* gguf_source.c, slm_source.c, llama2c_source.c, safetensors_source.c. FD is open and validated, ARTIFACT what was found; the
 * last takes a folder with config.json, one or more safetensors files and perhaps a tokenizer. Facts and tensors are added;
 * the tokenizer too, unless options->tokenizer names another (then mm_checkpoint_open takes it from there). */
int mm_source_gguf(struct mm_checkpoint *checkpoint, int fd, const struct mm_artifact *artifact,
                   const struct mm_checkpoint_options *options, struct mm_diags *diags);
int mm_source_gguf_parts(struct mm_checkpoint *checkpoint, const char *const *paths, size_t count,
                         const struct mm_checkpoint_options *options, struct mm_diags *diags); /* gguf_split.c */
int mm_source_slm(struct mm_checkpoint *checkpoint, int fd, const struct mm_artifact *artifact,
                  const struct mm_checkpoint_options *options, struct mm_diags *diags);
int mm_source_llama2c(struct mm_checkpoint *checkpoint, int fd, const struct mm_checkpoint_options *options,
                      struct mm_diags *diags);
int mm_source_safetensors(struct mm_checkpoint *checkpoint, const char *folder,
                          const struct mm_checkpoint_options *options, struct mm_diags *diags);

/* tokenizer_source.c: fills CHECKPOINT's empty tokenizer from the file PATH by what it holds: GGUF, .slm, tokenizer.json, sentencepiece's
 * tokenizer.model, llama2.c's tok.bin. PIECES: how many the model's embedding has (0: not known); missing ones at the end become
 * unused pieces "[PAD<index>]". CONFIG_FOLDER: where tokenizer_config.json, generation_config.json and config.json may stand
 * that say more of special tokens, or NULL. */
int mm_tokenizer_open(struct mm_checkpoint *checkpoint, const char *path, uint32_t pieces, const char *config_folder,
                      struct mm_diags *diags);

/* tokenizer_gguf.c: from the pairs of a GGUF header, HEAD being the file's first LENGTH bytes, its data section not included.
 * Keys that do not begin with tokenizer.ggml. are not looked at. OPTIONS may be NULL. */
int mm_tokenizer_from_gguf(struct mm_tokenizer *tokenizer, const unsigned char *head, size_t length,
                           const struct mm_checkpoint_options *options, struct mm_diags *diags);

/* tokenizer_gguf.c: where the space stands that parts the halves of a merge in GGUF, 0 for nowhere. A half may begin with a
 * space, as for the readers of the format: the first one is no parting. */
size_t mm_tokenizer_merge_space(const char *text, size_t length);

/* tokenizer_json.c, tokenizer_model.c, tokenizer_bin.c: from the file open as FD. NORMALIZES: whether a normalizer spells spaces
 * before added tokens that ask for it are looked for. */
int mm_tokenizer_from_json(struct mm_tokenizer *tokenizer, int fd, bool *normalizes, struct mm_diags *diags);
int mm_tokenizer_from_model(struct mm_tokenizer *tokenizer, int fd, struct mm_diags *diags);
int mm_tokenizer_from_bin(struct mm_tokenizer *tokenizer, int fd, uint32_t pieces, struct mm_diags *diags);

/* special_settings.c: takes over what files of FOLDER say of special tokens, the first that names one: tokenizer_config.json,
 * config.json, generation_config.json. Files that are not there say nothing. NORMALIZES: as above. FIXED: what the tokenizer says
 * of the tokens that begin and end a text is not to be changed. Returns 0, or -1 with findings. */
int mm_special_tokens(struct mm_checkpoint *checkpoint, const char *folder, bool normalizes, bool fixed,
                      struct mm_diags *diags);

#endif
