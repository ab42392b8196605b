/* Evidence as files. */
#include "cli_evidence.h"

#include <stdio.h>
#include <string.h>

/* PUBLISHER/NAME for a file that says nothing of it: local, and its name as far as a model-id may have it. */
void cli_evidence_name(const char *path, char out[static MM_EVIDENCE_MODEL_ID + 1])
{
    char name[64] = "";
    size_t length = 0, whole = strlen(path);
    while (whole > 1 && path[whole - 1] == '/')
        whole--;
    size_t start = whole;
    while (start > 0 && path[start - 1] != '/')
        start--;
    for (size_t i = start; i < whole && length < sizeof name - 1; i++) {
        char c = path[i] >= 'A' && path[i] <= 'Z' ? (char)(path[i] - 'A' + 'a') : path[i];
        bool alphanumeric = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        if (alphanumeric || (length > 0 && strchr("._-", c)))
            name[length++] = c;
    }
    while (length > 0 && strchr("._-", name[length - 1]))
        name[--length] = '\0';
    snprintf(out, MM_EVIDENCE_MODEL_ID + 1, "local/%s", length ? name : "model");
}

void cli_evidence_heads(struct cli *cli, const struct mm_evidence *expected, const struct mm_evidence *found)
{
    if (expected->case_count == 0)
        return;
    if (strcmp(expected->model_id, found->model_id) != 0)
        mm_note(&cli->diags, MM_RULE_INFER_OTHER, "the evidence was recorded with %s, this is %s", expected->model_id,
                found->model_id);
    if (memcmp(expected->artifact_sha256, found->artifact_sha256, MM_HASH_BYTES) != 0)
        mm_note(&cli->diags, MM_RULE_INFER_OTHER, "the evidence was recorded with another artifact");
}

/* What is written can be read again: whatever is too long for a document is found here. */
int cli_evidence_write(struct cli *cli, const char *path, struct mm_writer *writer, const struct mm_evidence *found)
{
    struct mm_buf text = {0};
    struct mm_evidence again = {0};
    cli->diags.file = cli_shown(path);
    mm_evidence_write(found, &text);
    int result = mm_buf_text(&text) ? mm_evidence_read(&again, text.data, text.length, &cli->diags)
                                    : mm_diag_memory(&cli->diags);
    if (result == 0 && strcmp(path, "-") == 0)
        result = cli_print(cli, &text);
    else if (result == 0 && (result = mm_writer_write(writer, text.data, text.length, &cli->diags)) == 0)
        result = mm_writer_commit(writer, &cli->diags);
    mm_evidence_release(&again);
    mm_buf_release(&text);
    return result;
}
