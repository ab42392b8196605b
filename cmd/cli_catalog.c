#include "cli_catalog.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/file.h"

static int read_text(struct cli *cli, const char *path, struct mm_buf *text)
{
    int fd = cli_open(cli, path);
    if (fd < 0)
        return -1;
    int result = mm_file_read_all(fd, MM_CATALOG_HEAD_MAX, text, &cli->diags);
    if (fd > STDERR_FILENO)
        close(fd);
    return result < 0 ? -1 : 0; /* one that is too long is no head */
}

static int read_signature(struct cli *cli, const char *path, struct mm_signed_head *head)
{
    struct mm_buf name = {0};
    mm_buf_printf(&name, "%s" MM_SIGNATURE_SUFFIX, path);
    if (!mm_buf_text(&name))
        return mm_diag_memory(&cli->diags);
    int fd = mm_file_open_beneath(AT_FDCWD, name.data, MM_LINKS_FOLLOW), result = 0;
    if (fd < 0 && errno != ENOENT)
        result = mm_diag_errno(&cli->diags, MM_RULE_IO_OPEN, "cannot open its signature", errno);
    if (fd >= 0) {
        result = mm_file_read_all(fd, MM_SIGNATURE_MAX, &head->signature, &cli->diags) < 0 ? -1 : 0;
        head->has_signature = true;
        close(fd);
    }
    mm_buf_release(&name);
    return result;
}

int cli_catalog_head(struct cli *cli, const char *path, bool signature, struct mm_signed_head *head)
{
    *head = (struct mm_signed_head){0};
    if (read_text(cli, path, &head->text) < 0 ||
        mm_catalog_head_read(&head->head, mm_buf_text(&head->text), head->text.length, &cli->diags) < 0)
        return -1;
    return signature ? read_signature(cli, path, head) : 0;
}

void cli_catalog_hash(const struct cli *cli, struct mm_buf *out, const char *key, const unsigned char *hash)
{
    char hex[MM_HASH_HEX + 1];
    mm_hex(hex, hash, MM_HASH_BYTES);
    cli_fact(cli, out, key, hex, false);
}

void cli_catalog_facts(const struct cli *cli, struct mm_buf *out, const struct mm_catalog_head *head,
                       const char *key_id)
{
    cli_fact(cli, out, "catalog-id", head->catalog_id, false);
    cli_fact(cli, out, "publisher-id", head->publisher_id, false);
    cli_number(cli, out, "sequence", head->sequence);
    cli_fact(cli, out, "created", head->created, false);
    cli_fact(cli, out, "expires", head->expires, false);
    cli_number(cli, out, "entry-count", head->entry_count);
    cli_number(cli, out, "withdrawn-count", head->withdrawn_count);
    cli_catalog_hash(cli, out, "head-sha256", head->sha256);
    if (key_id)
        cli_fact(cli, out, "key-id", key_id[0] ? key_id : "none", false);
}

int cli_catalog_print(struct cli *cli, struct mm_buf *out)
{
    if (cli->json)
        mm_buf_str(out, "}\n");
    int result = cli_print(cli, out);
    mm_buf_release(out);
    return result;
}
