#include "cli_written.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "doc/manifest_field.h"

int cli_written_begin(struct cli *cli, struct mm_writer *writer, const char *output, bool force)
{
    struct mm_sandbox_rule rules[2];
    size_t count = 0;
    if (mm_writer_open(writer, output, force, &cli->diags) < 0)
        return -1;
    rules[count++] = (struct mm_sandbox_rule){writer->folder, MM_SANDBOX_WRITE};
    int all = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (all >= 0)
        rules[count++] = (struct mm_sandbox_rule){all, MM_SANDBOX_READ};
    int result = cli_sandbox(cli, rules, count);
    if (all >= 0)
        close(all);
    return result;
}

int cli_written_check(struct cli *cli, const char *output, const struct mm_checkpoint *checkpoint)
{
    for (size_t i = 0; i < checkpoint->file_count; i++)
        if (mm_file_is_open(output, checkpoint->files[i].fd))
            return mm_diag(&cli->diags, MM_RULE_IO_EXISTS, "will not replace %s, which is read", output);
    return 0;
}

static void print_number(const struct cli *cli, struct mm_buf *out, const char *key, uint64_t value)
{
    char digits[24];
    snprintf(digits, sizeof digits, "%" PRIu64, value);
    cli_fact(cli, out, key, digits, true);
}

static void print_hash(const struct cli *cli, struct mm_buf *out, enum mm_field field, const unsigned char *hash)
{
    char hex[MM_HASH_HEX + 1];
    mm_hex(hex, hash, MM_HASH_BYTES);
    cli_fact(cli, out, mm_fields[field].key, hex, false);
}

int cli_written_print(struct cli *cli, const struct mm_artifact *artifact)
{
    const struct mm_model *model = &artifact->model;
    struct mm_buf out = {0};
    print_number(cli, &out, mm_fields[MM_FIELD_PARAMETERS].key, model->facts.parameters);
    cli_fact(cli, &out, mm_fields[MM_FIELD_QUANTIZATION].key, mm_facts_quantization(model->facts.dtypes), false);
    print_number(cli, &out, "tensors", model->tensors.count);
    cli_fact(cli, &out, mm_fields[MM_FIELD_ARTIFACT_FORMAT].key, mm_format_names[model->format], false);
    print_number(cli, &out, mm_fields[MM_FIELD_ARTIFACT_BYTES].key, artifact->chunks.bytes);
    print_hash(cli, &out, MM_FIELD_ARTIFACT_SHA256, artifact->chunks.sha256);
    print_hash(cli, &out, MM_FIELD_TOKENIZER_SHA256, model->facts.tokenizer.bytes);
    print_hash(cli, &out, MM_FIELD_TENSOR_LAYOUT_SHA256, model->facts.layout.bytes);
    if (cli->json)
        mm_buf_str(&out, "}\n");
    int result = cli_print(cli, &out);
    mm_buf_release(&out);
    return result;
}
