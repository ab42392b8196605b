#include "cli_anchor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"

void cli_anchor_key(const struct cli *cli, struct cli_anchor *anchor, struct mm_chain_keys *keys, const char *path)
{
    if (keys->count == CLI_ANCHOR_KEYS)
        cli_usage(cli, "expected at most %d public keys", CLI_ANCHOR_KEYS);
    anchor->key_paths[keys->count++] = path;
}

/* Reads at most LIMIT bytes of the file PATH, and one more where it is longer, so that it is refused as such. */
static int read_file(struct cli *cli, const char *path, size_t limit, struct mm_buf *out)
{
    const char *shown = cli->diags.file;
    cli->diags.file = path;
    int fd = mm_file_open(path, &cli->diags);
    int result = fd < 0 ? -1 : mm_file_read_all(fd, limit, out, &cli->diags);
    if (fd >= 0)
        close(fd);
    cli->diags.file = shown;
    return result < 0 ? -1 : 0;
}

static int read_key(struct cli *cli, const char *path, struct mm_public_key *key)
{
    struct mm_buf text = {0};
    const char *shown = cli->diags.file;
    int result = read_file(cli, path, MM_SIGNATURE_MAX, &text);
    cli->diags.file = path;
    if (result == 0)
        result = mm_public_key_read(key, text.data ? text.data : "", text.length, &cli->diags);
    cli->diags.file = shown;
    mm_buf_release(&text);
    return result;
}

char *cli_anchor_signature(struct cli *cli, const char *path)
{
    struct mm_buf name = {0};
    mm_buf_printf(&name, "%s" MM_SIGNATURE_SUFFIX, path);
    if (!mm_buf_text(&name)) {
        mm_diag_memory(&cli->diags);
        mm_buf_release(&name);
    }
    return name.data;
}

int cli_anchor_read(struct cli *cli, struct cli_anchor *anchor, struct mm_chain_keys *keys)
{
    for (size_t i = 0; i < keys->count; i++)
        if (read_key(cli, anchor->key_paths[i], &anchor->keys[i]) < 0)
            return -1;
    keys->items = anchor->keys;
    if (!anchor->path)
        return 0;
    char *signature = cli_anchor_signature(cli, anchor->path);
    int result = signature ? read_file(cli, anchor->path, MM_ANCHOR_MAX, &anchor->document) : -1;
    if (result == 0)
        result = read_file(cli, signature, MM_SIGNATURE_MAX, &anchor->signature);
    free(signature);
    return result;
}

int cli_anchor_verify(struct cli *cli, struct cli_anchor *anchor, const struct mm_chain_keys *keys)
{
    const char *shown = cli->diags.file;
    cli->diags.file = anchor->path;
    int result = mm_anchor_verify(&anchor->anchor, &anchor->document, &anchor->signature, keys, &cli->diags);
    cli->diags.file = shown;
    return result;
}

int cli_anchor_compare(struct cli *cli, const struct cli_anchor *anchor, const struct mm_chain_facts *facts)
{
    const char *shown = cli->diags.file;
    if (!anchor->path)
        return 0;
    cli->diags.file = anchor->path;
    int result = mm_anchor_compare(&anchor->anchor, facts, &cli->diags);
    cli->diags.file = shown;
    return result;
}

void cli_anchor_release(struct cli_anchor *anchor)
{
    mm_buf_release(&anchor->document);
    mm_buf_release(&anchor->signature);
}
