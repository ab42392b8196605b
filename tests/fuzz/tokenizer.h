/* What the harnesses of tokenizers share: what holds of every tokenizer that was read. */
#ifndef TESTS_FUZZ_TOKENIZER_H
#define TESTS_FUZZ_TOKENIZER_H

#include "convert/sources.h"
#include "source.h"

static inline void tokenizer_must_hold(const struct mm_tokenizer *tokenizer)
{
    must(tokenizer->kind == MM_TOKENIZER_LLAMA || tokenizer->kind == MM_TOKENIZER_GPT2);
    must(tokenizer->piece_count > 0 && tokenizer->piece_count <= MM_TOKENIZER_PIECES_MAX);
    must(tokenizer->kind == MM_TOKENIZER_GPT2 || tokenizer->merge_count == 0);
    must(tokenizer->has_scores == (tokenizer->kind == MM_TOKENIZER_LLAMA) && tokenizer->has_types);
    size_t at = 0;
    for (size_t i = 0; i < tokenizer->piece_count; i++) {
        must(tokenizer->pieces[i].at == at && tokenizer->pieces[i].type >= MM_PIECE_NORMAL &&
             tokenizer->pieces[i].type <= MM_PIECE_BYTE);
        at += tokenizer->pieces[i].length;
    }
    must(at == tokenizer->texts.length);
    for (size_t i = 0; i < tokenizer->merge_count; i++)
        must(tokenizer->merges[i].left < tokenizer->piece_count && tokenizer->merges[i].right < tokenizer->piece_count);
    for (size_t i = 0; i < tokenizer->setting_count; i++)
        must(tokenizer->settings[i].value <
             (mm_tokenizer_setting(tokenizer->settings[i].number)->token ? tokenizer->piece_count : 2));
}

/* Reads DATA with READ: an answer is either a tokenizer or a finding. */
static inline void tokenizer_file(const uint8_t *data, size_t size,
                                  int (*read)(struct mm_tokenizer *, int, struct mm_diags *))
{
    struct mm_tokenizer tokenizer = {0};
    struct mm_diags diags;
    int fd = source_fd(data, size);
    mm_diags_init(&diags);
    int result = read(&tokenizer, fd, &diags);
    must((result == 0) == (diags.errors == 0));
    if (result == 0)
        tokenizer_must_hold(&tokenizer);
    mm_tokenizer_release(&tokenizer);
    mm_diags_release(&diags);
    close(fd);
}

#endif
