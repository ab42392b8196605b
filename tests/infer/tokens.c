/* Texts into tokens and back, for tests that compare with what other programs recorded.
 *
 *   tokens FILE [NAME]     FILE: anything that holds a tokenizer; NAME: what the model calls itself
 *
 * Reads lines of standard input and answers each with one:
 *   encode FLAGS HEX         the tokens of the bytes; FLAGS: 1 what begins and ends a text too, 2 control pieces too
 *   decode FLAGS TOKEN...    the bytes in hex; FLAGS: 1 the tokens begin a text, 2 control pieces too
 *   ends TOKEN               0 or 1
 *   pieces                   a line for each piece: its bytes in hex, control pieces too
 * A text that cannot be spelled is answered with "error RULE". */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "convert/sources.h"
#include "infer/encoder.h"

static void report(struct mm_diags *diags)
{
    for (size_t i = 0; i < diags->count; i++)
        if (diags->items[i].severity == MM_ERROR)
            fprintf(stderr, "%s: %s [%s]\n", diags->items[i].file, diags->items[i].text,
                    mm_rule_info(diags->items[i].rule)->name);
}

static void print_hex(struct mm_buf *text)
{
    for (size_t i = 0; i < text->length; i++)
        printf("%02x", (unsigned char)text->data[i]);
    putchar('\n');
    mm_buf_clear(text);
}

static void print_error(struct mm_diags *diags)
{
    printf("error %s\n", diags->count ? mm_rule_info(diags->items[0].rule)->name : "");
    mm_diags_clear(diags);
}

static void encode(const struct mm_encoder *encoder, unsigned flags, char *hex, struct mm_diags *diags)
{
    struct mm_tokens tokens = {0};
    size_t length = strlen(hex) / 2;
    for (size_t i = 0; i < length; i++) {
        char pair[] = {hex[2 * i], hex[2 * i + 1], '\0'};
        hex[i] = (char)strtoul(pair, NULL, 16);
    }
    if (mm_encode(encoder, hex, length, flags, &tokens, diags) < 0) {
        print_error(diags);
    } else {
        for (size_t i = 0; i < tokens.count; i++)
            printf("%s%" PRIu32, i ? " " : "", tokens.ids[i]);
        putchar('\n');
    }
    mm_tokens_release(&tokens);
}

static void decode(const struct mm_encoder *encoder, unsigned flags, const char *list, struct mm_diags *diags)
{
    struct mm_tokens tokens = {0};
    struct mm_buf text = {0};
    char *end;
    for (unsigned long id; id = strtoul(list, &end, 10), end != list; list = end)
        mm_tokens_add(&tokens, (uint32_t)id, diags);
    if (mm_decode(encoder, tokens.ids, tokens.count, flags & 1, flags & 2, &text, diags) < 0)
        print_error(diags);
    else
        print_hex(&text);
    mm_buf_release(&text);
    mm_tokens_release(&tokens);
}

static void answer(const struct mm_encoder *encoder, const struct mm_tokenizer *tokenizer, char *line,
                   struct mm_diags *diags)
{
    struct mm_buf text = {0};
    line[strcspn(line, "\n")] = '\0';
    if (strncmp(line, "encode ", 7) == 0 && strlen(line) >= 9)
        encode(encoder, (unsigned)(line[7] - '0'), line + 9, diags);
    else if (strncmp(line, "decode ", 7) == 0 && strlen(line) >= 8)
        decode(encoder, (unsigned)(line[7] - '0'), line + 8, diags);
    else if (strncmp(line, "ends ", 5) == 0)
        printf("%d\n", mm_encoder_ends(encoder, (uint32_t)strtoul(line + 5, NULL, 10)));
    else
        for (uint32_t i = 0; i < tokenizer->piece_count; i++) {
            mm_decode_piece(encoder, i, true, &text);
            print_hex(&text);
        }
    mm_buf_release(&text);
}

int main(int argc, char **argv)
{
    struct mm_checkpoint checkpoint = {0};
    struct mm_encoder *encoder = NULL;
    struct mm_diags diags;
    char *line = NULL;
    size_t room = 0;
    mm_diags_init(&diags);
    if (argc < 2 || mm_tokenizer_open(&checkpoint, argv[1], 0, NULL, &diags) < 0 ||
        mm_encoder_new(&encoder, &checkpoint.slm.tokenizer, &diags) < 0) {
        report(&diags);
        return 1;
    }
    mm_encoder_named(encoder, argc > 2 ? argv[2] : "");
    while (getline(&line, &room, stdin) > 0)
        answer(encoder, &checkpoint.slm.tokenizer, line, &diags);
    free(line);
    mm_encoder_free(encoder);
    mm_checkpoint_release(&checkpoint);
    mm_diags_release(&diags);
    return 0;
}
