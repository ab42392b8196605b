/* Reports, receipts and their log: what is accepted is written back to the same bytes. */
#include <string.h>

#include "doc/receipt.h"
#include "doc/receipt_log.h"
#include "source.h"

static void check_artifacts(const struct mm_receipt *receipt)
{
    size_t at = receipt->head_end;
    must(receipt->artifact_count > 0);
    for (size_t i = 0; i < receipt->artifact_count; i++) {
        const struct mm_receipt_artifact *artifact = &receipt->artifacts[i];
        must(artifact->begin == at && artifact->end > at && artifact->path[0]);
        must(!artifact->fingerprint.known || artifact->fingerprint.size == artifact->bytes);
        at = artifact->end;
    }
    must(at == receipt->lines.length && receipt->model_id[0] && receipt->revision > 0);
}

static void check_report(const uint8_t *data, size_t size)
{
    struct mm_receipt receipt;
    struct mm_diags diags;
    struct mm_buf text = {0};
    mm_diags_init(&diags);
    int result = mm_receipt_read_report(&receipt, (const char *)data, size, &diags);
    must((result == 0) == (diags.errors == 0));
    if (result == 0) {
        check_artifacts(&receipt);
        mm_buf_str(&text, MM_REPORT_TYPE " 0\n");
        mm_buf_add(&text, receipt.lines.data, receipt.lines.length);
        mm_buf_printf(&text, "verdict: %s\n", mm_verdict_names[receipt.verdict]);
        must(!text.failed && text.length == size && memcmp(text.data, data, size) == 0);
    }
    mm_buf_release(&text);
    mm_receipt_release(&receipt);
    mm_diags_release(&diags);
}

static void check_receipt(const uint8_t *data, size_t size)
{
    struct mm_receipt receipt;
    struct mm_diags diags;
    struct mm_buf text = {0}, json = {0};
    mm_diags_init(&diags);
    int result = mm_receipt_read(&receipt, (const char *)data, size, &diags);
    must((result == 0) == (diags.errors == 0));
    if (result == 0) {
        check_artifacts(&receipt);
        must(receipt.verdict == MM_VERDICT_PASS && receipt.execution_consent == (receipt.action == MM_ACTION_CONSENTED));
        mm_receipt_write(&receipt, &text);
        must(!text.failed && text.length == size && memcmp(text.data, data, size) == 0);
        mm_receipt_write_json(&receipt, &json);
        must(!json.failed && json.data[json.length - 1] == '\n');
    }
    mm_buf_release(&text);
    mm_buf_release(&json);
    mm_receipt_release(&receipt);
    mm_diags_release(&diags);
}

static void check_log(const uint8_t *data, size_t size)
{
    struct mm_receipt_log log;
    struct mm_log_line line;
    struct mm_diags diags;
    struct mm_buf text = {0};
    mm_diags_init(&diags);
    int fd = source_fd(data, size);
    must(mm_receipt_log_open(&log, fd, &diags) == 0);
    mm_buf_str(&text, MM_RECEIPT_LOG_TYPE " 0\n");
    while (mm_receipt_log_next(&log, &line, &diags)) {
        must(line.sound || diags.errors > 0);
        if (line.sound && line.kind == MM_LOG_RECEIPT)
            mm_receipt_log_write(&text, line.hash.bytes, line.name);
        else if (line.sound)
            mm_receipt_log_write_new_chain(&text, &line.hash, line.reason);
    }
    if (log.torn)
        mm_receipt_log_mendable(&log);
    must(mm_receipt_log_close(&log, &diags) == 0);
    if (diags.errors == 0 && log.whole > 0)
        must(!text.failed && text.length == log.whole && memcmp(text.data, data, text.length) == 0);
    mm_buf_release(&text);
    mm_diags_release(&diags);
    close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check_report(data, size);
    check_receipt(data, size);
    check_log(data, size);
    return 0;
}
