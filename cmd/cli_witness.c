#include "cli_witness.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/checked.h"
#include "base/file.h"
#include "cli_catalog.h"
#include "doc/catalog_proof.h"
#include "text/path.h"

/* ---- their keys, and what was found of them ---- */

int cli_witness_keys(struct cli *cli, struct cli_witness *witness)
{
    if (witness->key_count == 0)
        return 0;
    witness->keys = mm_realloc_array(NULL, witness->key_count, sizeof *witness->keys);
    if (!witness->keys)
        return mm_diag_memory(&cli->diags);
    for (size_t i = 0; i < witness->key_count; i++) {
        int fd = cli_open(cli, witness->key_paths[i]);
        int result = fd < 0 ? -1 : mm_public_key_read_file(&witness->keys[i], fd, &cli->diags);
        if (fd > STDERR_FILENO)
            close(fd);
        if (result < 0)
            return -1;
    }
    cli->diags.file = "";
    return 0;
}

void cli_witness_release(struct cli_witness *witness)
{
    free(witness->keys);
    free(witness->key_paths);
}

/* Ids, words and publishers' names need no escape. */
static void add_json(struct mm_buf *out, const struct mm_catalog_witness *one, bool first)
{
    mm_buf_printf(out, "%s{\"key-id\":\"%s\",\"outcome\":\"%s\"", first ? "" : ",", one->key_id,
                  mm_witness_words[one->outcome]);
    if (one->publisher[0])
        mm_buf_printf(out, ",\"publisher\":\"%s\"", one->publisher);
    mm_buf_char(out, '}');
}

void cli_witness_facts(const struct cli *cli, struct mm_buf *out, const struct mm_catalog_witnesses *found)
{
    struct mm_buf text = {0};
    if (cli->json)
        mm_buf_char(&text, '[');
    for (size_t i = 0; i < found->count; i++) {
        const struct mm_catalog_witness *one = &found->items[i];
        if (cli->json) {
            add_json(&text, one, i == 0);
            continue;
        }
        mm_buf_clear(&text);
        mm_buf_printf(&text, "%s %s%s%s", one->key_id, mm_witness_words[one->outcome], one->publisher[0] ? " " : "",
                      one->publisher);
        if (mm_buf_text(&text))
            cli_fact(cli, out, "witness", mm_buf_text(&text), false);
    }
    if (cli->json)
        mm_buf_char(&text, ']');
    if (text.failed)
        out->failed = true;
    else if (cli->json)
        cli_fact(cli, out, "witnesses", mm_buf_text(&text), true);
    mm_buf_release(&text);
    cli_number(cli, out, "countersigned", found->counted);
}

/* ---- signing ---- */

struct signing {
    struct cli *cli;
    struct mm_countersigning how;
    struct mm_witness_file file;
    struct mm_catalog_folder folder; /* of the catalog, or fd alone: where the head is */
    struct mm_countersigned done;
    struct mm_signed_head *heads;
    struct mm_buf proof;
    const char *proof_path; /* NULL for none */
    bool of_heads;          /* the operands are heads, not a catalog */
};

static int print(struct signing *s)
{
    struct mm_buf out = {0};
    cli_fact(s->cli, &out, "state", "countersigned", false);
    cli_fact(s->cli, &out, "witness", s->done.key_id, false);
    cli_catalog_facts(s->cli, &out, &s->done.head, s->done.publisher_key_id);
    if (s->done.since)
        cli_number(s->cli, &out, "since", s->done.since);
    cli_catalog_hash(s->cli, &out, "log-root", s->done.log_root);
    if (s->cli->json) {
        cli_fact(s->cli, &out, "signature", mm_buf_text(&s->done.path), false);
    } else {
        mm_buf_str(&out, "signature: ");
        mm_buf_escaped(&out, mm_buf_text(&s->done.path), s->done.path.length);
        mm_buf_char(&out, '\n');
    }
    return cli_catalog_print(s->cli, &out);
}

/* Writing stays possible beside the state and beside the head. */
static int enter_sandbox(struct signing *s, int reading)
{
    struct mm_sandbox_rule rules[] = {
        {s->file.folder, MM_SANDBOX_WRITE}, {s->folder.fd, MM_SANDBOX_WRITE}, {reading, MM_SANDBOX_READ}};
    return cli_sandbox(s->cli, rules, reading >= 0 ? 3 : 2);
}

static int sign_catalog(struct signing *s, int keyring)
{
    if (enter_sandbox(s, keyring) < 0)
        return -1;
    return mm_countersign_catalog(&s->done, &s->how, &s->folder, &s->cli->diags);
}

static int read_proof(struct signing *s)
{
    if (!s->proof_path)
        return 0;
    int fd = cli_open(s->cli, s->proof_path);
    int result = fd < 0 ? -1 : mm_file_read_all(fd, MM_CATALOG_PROOF_MAX, &s->proof, &s->cli->diags);
    if (fd > STDERR_FILENO)
        close(fd);
    return result < 0 ? -1 : 0; /* one that is too long is refused as such */
}

/* The heads are read here, the last with its signature, before the proof that comes from where nobody is trusted. */
static int sign_heads(struct signing *s)
{
    struct cli *cli = s->cli;
    size_t count = (size_t)cli->argc;
    struct mm_heads_to_sign to_sign = {.paths = (const char *const *)cli->argv, .count = count, .folder = s->folder.fd};
    int all = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC), result = enter_sandbox(s, all);
    if (all >= 0)
        close(all);
    s->heads = calloc(count, sizeof *s->heads);
    if (!s->heads)
        return mm_diag_memory(&cli->diags);
    for (size_t i = 0; result == 0 && i < count; i++)
        result = cli_catalog_head(cli, cli->argv[i], i + 1 == count, &s->heads[i]);
    if (result == 0)
        result = read_proof(s);
    to_sign.heads = s->heads;
    to_sign.proof = s->proof_path ? &s->proof : NULL;
    return result < 0 ? -1 : mm_countersign_heads(&s->done, &s->how, &to_sign, &cli->diags);
}

/* Opens the folder of the operand PATH, or of the head PATH. */
static int open_folder(struct signing *s, const char *path)
{
    size_t length = mm_path_folder_length(path);
    if (!s->of_heads)
        return mm_catalog_folder_open(&s->folder, path, &s->cli->diags);
    char *name = length ? strndup(path, length) : strdup(".");
    if (!name)
        return mm_diag_memory(&s->cli->diags);
    s->folder.fd = mm_file_open_folder(name, &s->cli->diags);
    free(name);
    return s->folder.fd < 0 ? -1 : 0;
}

static bool is_folder(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

int cli_countersign(struct cli *cli, const struct cli_witness *witness, const struct mm_catalog_trust *trust,
                    const struct mm_secret_key *key, int keyring, const char *now, const char *proof_path)
{
    struct signing s = {.cli = cli, .folder = {.fd = -1}, .proof_path = proof_path};
    s.of_heads = proof_path || cli->argc > 1 || !is_folder(cli->argv[0]);
    s.how = (struct mm_countersigning){*trust, key, &s.file, now};
    cli->diags.file = witness->state;
    int result = mm_witness_file_open(&s.file, witness->state, witness->first, &cli->diags);
    if (result == 0) {
        cli->diags.file = cli->argv[cli->argc - 1];
        result = open_folder(&s, cli->argv[cli->argc - 1]);
    }
    if (result == 0)
        result = s.of_heads ? sign_heads(&s) : sign_catalog(&s, keyring);
    int answer = result < 0 ? cli_failed(cli) : print(&s) < 0 ? MM_UNKNOWN : MM_YES;
    for (int i = 0; s.heads && i < cli->argc; i++)
        mm_signed_head_release(&s.heads[i]);
    free(s.heads);
    mm_buf_release(&s.proof);
    mm_countersigned_release(&s.done);
    mm_catalog_folder_release(&s.folder);
    mm_witness_file_release(&s.file);
    return answer;
}
