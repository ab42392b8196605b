#include "doc/receipt_log.h"

#include <stdio.h>
#include <string.h>

#define STAMP_LENGTH 16 /* YYYYMMDDTHHMMSSZ */
#define NAME_HASH 16    /* digits of the hash in a name */
#define ENDING ".receipt"
#define NEW_CHAIN "new-chain: "
#define FILE_LENGTH (STAMP_LENGTH + 1 + NAME_HASH + sizeof ENDING - 1)

/* ---- names ---- */

/* YYYY-MM-DDTHH:MM:SSZ without its separators. */
static void write_stamp(char out[static STAMP_LENGTH + 1], const char *created)
{
    size_t used = 0;
    for (const char *at = created; *at && used < STAMP_LENGTH; at++)
        if (*at != '-' && *at != ':')
            out[used++] = *at;
    out[used] = '\0';
}

void mm_receipt_name(char name[static MM_RECEIPT_NAME], const char *model_id, const char *created,
                     const unsigned char sha256[static MM_HASH_BYTES])
{
    char stamp[STAMP_LENGTH + 1], hex[MM_HASH_HEX + 1];
    write_stamp(stamp, created);
    mm_hex(hex, sha256, MM_HASH_BYTES);
    snprintf(name, MM_RECEIPT_NAME, "%s/%s-%.*s" ENDING, model_id, stamp, NAME_HASH, hex);
}

static void read_stamp(char out[static MM_TIME_SIZE], const char *stamp)
{
    snprintf(out, MM_TIME_SIZE, "%.4s-%.2s-%.5s:%.2s:%.3s", stamp, stamp + 4, stamp + 6, stamp + 11, stamp + 13);
}

static bool stamp_valid(const char *stamp)
{
    char time[MM_TIME_SIZE];
    read_stamp(time, stamp);
    return mm_time_valid(time, strlen(time));
}

void mm_receipt_name_time(char out[static MM_TIME_SIZE], const char *name)
{
    read_stamp(out, strrchr(name, '/') + 1);
}

bool mm_receipt_name_valid(const char *name, size_t length)
{
    struct mm_value_fault fault = {0};
    if (length >= MM_RECEIPT_NAME || length <= FILE_LENGTH + 1 || name[length - FILE_LENGTH - 1] != '/')
        return false;
    const char *file = name + length - FILE_LENGTH, *hash = file + STAMP_LENGTH + 1;
    for (size_t i = 0; i < NAME_HASH; i++)
        if (!((hash[i] >= '0' && hash[i] <= '9') || (hash[i] >= 'a' && hash[i] <= 'f')))
            return false;
    return mm_field_check(MM_FIELD_MODEL_ID, name, length - FILE_LENGTH - 1, &fault) && stamp_valid(file) &&
           file[STAMP_LENGTH] == '-' && memcmp(hash + NAME_HASH, ENDING, sizeof ENDING - 1) == 0;
}

/* ---- reading ---- */

int mm_receipt_log_open(struct mm_receipt_log *log, int fd, struct mm_diags *diags)
{
    *log = (struct mm_receipt_log){0};
    return mm_source_open(&log->source, fd, diags);
}

int mm_receipt_log_close(struct mm_receipt_log *log, struct mm_diags *diags)
{
    int result = log->source.window ? mm_source_finish(&log->source, diags) : -1;
    mm_source_release(&log->source);
    return result;
}

static void keep(struct mm_receipt_log *log, const unsigned char *bytes, size_t length)
{
    if (length > sizeof log->line - log->length) {
        length = sizeof log->line - log->length;
        log->overlong = true;
    }
    memcpy(log->line + log->length, bytes, length);
    log->length += length;
}

/* Takes the next line, its LF included, into `line`. False at the end, and where the last bytes have no LF. */
static bool take_line(struct mm_receipt_log *log)
{
    const unsigned char *bytes;
    size_t some;
    log->length = 0;
    log->overlong = false;
    while ((some = mm_source_some(&log->source, &bytes)) > 0) {
        const unsigned char *feed = memchr(bytes, '\n', some);
        size_t length = feed ? (size_t)(feed - bytes) + 1 : some;
        keep(log, bytes, length);
        mm_source_advance(&log->source, length);
        if (feed) {
            log->number++;
            log->whole = mm_source_offset(&log->source);
            return true;
        }
    }
    log->torn = log->length > 0;
    return false;
}

/* What stands behind the hash and a space in LINE's value, as text of at most SIZE - 1 bytes. */
static bool take_rest(const struct mm_line *line, size_t hash_length, char *out, size_t size)
{
    if (hash_length + 1 >= line->value_length || line->value[hash_length] != ' ')
        return false;
    size_t length = line->value_length - hash_length - 1;
    if (length >= size || line->value[hash_length + 1] == ' ')
        return false;
    memcpy(out, line->value + hash_length + 1, length);
    out[length] = '\0';
    return true;
}

static int judge_receipt(struct mm_log_line *out, const struct mm_line *line, struct mm_diags *diags)
{
    char shown[MM_SHOWN], hex[MM_HASH_HEX + 1];
    out->hash.known = line->value_length > MM_HASH_HEX && mm_hex_hash(line->value, MM_HASH_HEX, out->hash.bytes);
    if (!out->hash.known || !take_rest(line, MM_HASH_HEX, out->name, sizeof out->name) ||
        !mm_receipt_name_valid(out->name, strlen(out->name)))
        return mm_diag_line(diags, MM_RULE_RECEIPT_REPORT, line->number, mm_line_value_column(line),
                            "expected 'SHA256 PUBLISHER/NAME/TIME-HASH.receipt', found '%s'",
                            mm_show(shown, line->value, line->value_length));
    const char *file = strrchr(out->name, '/') + 1;
    mm_hex(hex, out->hash.bytes, MM_HASH_BYTES);
    if (memcmp(file + STAMP_LENGTH + 1, hex, NAME_HASH) != 0)
        return mm_diag_line(diags, MM_RULE_RECEIPT_CHANGED, line->number, mm_line_value_column(line),
                            "expected a name with the first digits of its SHA-256, %.*s, found '%s'", NAME_HASH, hex,
                            file);
    out->sound = true;
    return 0;
}

static int judge_new_chain(struct mm_log_line *out, const struct mm_line *line, struct mm_diags *diags)
{
    char shown[MM_SHOWN];
    out->kind = MM_LOG_NEW_CHAIN;
    out->hash.known = line->value_length > MM_HASH_HEX && mm_hex_hash(line->value, MM_HASH_HEX, out->hash.bytes);
    bool none = line->value_length > 4 && memcmp(line->value, "none", 4) == 0;
    out->sound = (out->hash.known || none) &&
                 take_rest(line, out->hash.known ? MM_HASH_HEX : 4, out->reason, sizeof out->reason);
    if (out->sound)
        return 0;
    return mm_diag_line(diags, MM_RULE_RECEIPT_REPORT, line->number, mm_line_value_column(line),
                        "expected the old head or 'none', and a reason, found '%s'",
                        mm_show(shown, line->value, line->value_length));
}

static int judge_line(struct mm_receipt_log *log, struct mm_log_line *out, struct mm_diags *diags)
{
    struct mm_lines lines = {
        .text = log->line, .at = log->line, .end = log->line + log->length, .number = log->number - 1};
    struct mm_line line;
    char shown[MM_SHOWN];
    *out = (struct mm_log_line){.number = log->number};
    if (log->restarts && strncmp(log->line, NEW_CHAIN, strlen(NEW_CHAIN)) != 0)
        return -1;
    if (log->overlong)
        return mm_diag_line(diags, MM_RULE_TEXT_VALUE_LENGTH, log->number, 1,
                            "expected a line of at most %zu bytes, found more", sizeof log->line);
    if (!mm_lines_next(&lines, &line, diags) || !line.sound)
        return -1;
    if (mm_line_is(&line, "receipt"))
        return judge_receipt(out, &line, diags);
    if (mm_line_is(&line, "new-chain"))
        return judge_new_chain(out, &line, diags);
    return mm_diag_line(diags, MM_RULE_TEXT_FIELD_ORDER, line.number, 1,
                        "expected 'receipt' or 'new-chain' here, found '%s'",
                        mm_show(shown, line.key, line.key_length));
}

bool mm_receipt_log_next(struct mm_receipt_log *log, struct mm_log_line *line, struct mm_diags *diags)
{
    struct mm_lines first;
    if (!take_line(log))
        return false;
    if (log->number == 1) {
        mm_lines_begin(&first, log->line, log->length, MM_RECEIPT_LOG_TYPE, diags);
        if (!take_line(log))
            return false;
    }
    judge_line(log, line, diags);
    return true;
}

bool mm_receipt_log_mendable(const struct mm_receipt_log *log)
{
    static const char *const beginnings[] = {"receipt: ", NEW_CHAIN};
    static const char first[] = MM_RECEIPT_LOG_TYPE " 0";
    size_t zeros = 0;
    while (zeros < log->length && log->line[zeros] == '\0')
        zeros++;
    if (log->overlong)
        return false;
    if (zeros == log->length) /* after a power loss the size may be on a disk before the bytes */
        return true;
    if (log->whole == 0)
        return log->length < sizeof first && memcmp(log->line, first, log->length) == 0;
    for (size_t i = 0; i < sizeof beginnings / sizeof *beginnings; i++) {
        size_t size = strlen(beginnings[i]);
        if (memcmp(log->line, beginnings[i], log->length < size ? log->length : size) == 0)
            return true;
    }
    return false;
}

/* ---- writing ---- */

void mm_receipt_log_write(struct mm_buf *out, const unsigned char sha256[static MM_HASH_BYTES], const char *name)
{
    char hex[MM_HASH_HEX + 1];
    mm_hex(hex, sha256, MM_HASH_BYTES);
    mm_buf_printf(out, "receipt: %s %s\n", hex, name);
}

void mm_receipt_log_write_new_chain(struct mm_buf *out, const struct mm_digest *old_head, const char *reason)
{
    char hex[MM_HASH_HEX + 1] = "none";
    if (old_head->known)
        mm_hex(hex, old_head->bytes, MM_HASH_BYTES);
    mm_buf_printf(out, NEW_CHAIN "%s %s\n", hex, reason);
}
