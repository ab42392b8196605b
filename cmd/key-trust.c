/* key-trust: whose keys are trusted here, and why: adds, lists, removes, revokes and checks keys of the keyring. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <termios.h>
#include <unistd.h>

#include "base/file.h"
#include "cli.h"
#include "text/line.h"
#include "trust/keyring.h"

enum { FINGERPRINT, KEYRING, REASON, TIME, FIRST_USE };

static const struct cli_option options[] = {
    [FINGERPRINT] = {0, "fingerprint", "F", "add: trust the key if it has this fingerprint, without asking"},
    [KEYRING] = {0, "keyring", "DIR", "the keyring (default: MINIMODEL_KEYRING)"},
    [REASON] = {0, "reason", "TEXT", "revoke KEYID: why; 'compromised...' takes earlier imports along"},
    [TIME] = {0, "time", "TIME", "revoke KEYID: since when, YYYY-MM-DDTHH:MM:SSZ (default: now)"},
    [FIRST_USE] = {0, "trust-on-first-use", NULL, "add: trust the key unseen if the publisher has none here"},
};

static const struct cli_command command = {
    "key-trust",
    "add PUBLISHER FILE | list [PUBLISHER] | remove PUBLISHER KEYID | revoke PUBLISHER KEYID|FILE | check [PUBLISHER]",
    "Say whose keys are trusted: FILE is a KEYID.pub, a KEYID.successor or a KEYID.revoked.",
    options,
    sizeof options / sizeof *options,
    MM_GROUP_TEXT | MM_GROUP_TRUST,
};

#define SUCCESSOR_ENDING ".successor"
#define ANSWER_MAX 64 /* bytes of what is typed */

enum action { ADD, LIST, REMOVE, REVOKE, CHECK, ACTION_COUNT };
static const struct {
    const char *word;
    int least, most; /* operands behind it */
} actions[ACTION_COUNT] = {
    [ADD] = {"add", 2, 2},       [LIST] = {"list", 0, 1},   [REMOVE] = {"remove", 2, 2},
    [REVOKE] = {"revoke", 2, 2}, [CHECK] = {"check", 0, 1},
};

struct call {
    struct cli cli;
    enum action action;
    const char *keyring_path, *fingerprint, *reason, *time;
    bool first_use;
    const char *publisher, *operand; /* the latter: KEYID or FILE */
    bool by_id;                      /* it is a KEYID */
    unsigned char id[MM_KEY_ID_BYTES];
    struct mm_keyring keyring;
    int file, signature, terminal; /* what is read, open; -1 for none */
    struct mm_buf text, signature_text;
    size_t listed;
};

/* ---- printing ---- */

static void fact(const struct call *c, struct mm_buf *out, const char *key, const char *value)
{
    cli_fact(&c->cli, out, key, value, false);
}

static int print_facts(struct call *c, struct mm_buf *out)
{
    if (c->cli.json)
        mm_buf_str(out, "}\n");
    int result = cli_print(&c->cli, out);
    mm_buf_release(out);
    return result;
}

static int print_trusted(struct call *c, const struct mm_public_key *key, const char *because)
{
    struct mm_buf out = {0};
    char id[MM_KEY_ID_TEXT], fingerprint[MM_KEY_FINGERPRINT_TEXT];
    fact(c, &out, "publisher", c->publisher);
    fact(c, &out, "key-id", mm_key_id_text(id, key->id));
    fact(c, &out, "fingerprint", mm_public_key_fingerprint(fingerprint, key));
    fact(c, &out, "state", "trusted");
    fact(c, &out, "because", because);
    return print_facts(c, &out);
}

static int print_revoked(struct call *c, const struct mm_revocation *revocation)
{
    struct mm_buf out = {0};
    char id[MM_KEY_ID_TEXT];
    fact(c, &out, "publisher", c->publisher);
    fact(c, &out, "key-id", mm_key_id_text(id, revocation->key_id));
    fact(c, &out, "state", "revoked");
    if (revocation->revoked[0]) {
        fact(c, &out, "revoked", revocation->revoked);
        fact(c, &out, "reason", revocation->reason);
    }
    return print_facts(c, &out);
}

/* Why a key of the list has its state. */
static void because(const struct mm_known_key *key, struct mm_buf *out)
{
    if (key->revoked && key->revocation_read)
        mm_buf_printf(out, "%s %s", key->revocation.revoked, key->revocation.reason);
    else if (key->revoked)
        mm_buf_str(out, "its revocation cannot be read");
    else if (key->by_succession)
        mm_buf_printf(out, "%s names it as its successor", key->predecessor);
    else
        mm_buf_printf(out, "%s.pub is in the keyring%s%s%s", key->id, key->predecessor[0] ? ", and " : "",
                      key->predecessor, key->predecessor[0] ? " names it as its successor" : "");
}

static int print_known(void *context, const struct mm_known_key *key)
{
    struct call *c = context;
    struct mm_buf out = {0}, why = {0};
    char fingerprint[MM_KEY_FINGERPRINT_TEXT];
    const char *state = key->revoked ? "revoked" : "trusted";
    because(key, &why);
    const char *text = mm_buf_text(&why) ? mm_buf_text(&why) : "";
    mm_public_key_fingerprint(fingerprint, &key->key);
    c->listed++;
    if (!c->cli.json) {
        mm_buf_printf(&out, "%s\t%s\t%s\t%s\t%s\n", key->id, key->publisher, fingerprint, state, text);
    } else {
        fact(c, &out, "publisher", key->publisher);
        fact(c, &out, "key-id", key->id);
        fact(c, &out, "fingerprint", fingerprint);
        fact(c, &out, "state", state);
        fact(c, &out, "because", text);
        if (key->revocation_read) {
            fact(c, &out, "revoked", key->revocation.revoked);
            fact(c, &out, "reason", key->revocation.reason);
        }
        if (key->predecessor[0])
            fact(c, &out, "predecessor", key->predecessor);
        if (key->successor[0])
            fact(c, &out, "successor", key->successor);
        mm_buf_str(&out, "}\n");
    }
    int result = cli_print(&c->cli, &out);
    mm_buf_release(&out);
    mm_buf_release(&why);
    return result < 0 ? 1 : 0;
}

/* ---- add ---- */

static int read_answer(struct call *c, char answer[static ANSWER_MAX])
{
    size_t length = 0;
    char byte = 0;
    for (;;) {
        ssize_t got = read(c->terminal, &byte, 1);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return mm_diag_errno(&c->cli.diags, MM_RULE_IO_READ, "cannot read from the terminal", errno);
        if (got == 0 || byte == '\n')
            break;
        if (length < ANSWER_MAX - 1)
            answer[length++] = byte;
    }
    answer[length] = '\0';
    return 0;
}

/* Shows KEY on the terminal and asks for a yes. What was typed or pasted before is no answer to what nobody had seen. */
static int ask(struct call *c, const struct mm_public_key *key)
{
    struct mm_buf question = {0};
    char id[MM_KEY_ID_TEXT], fingerprint[MM_KEY_FINGERPRINT_TEXT], answer[ANSWER_MAX] = "", shown[MM_SHOWN];
    mm_buf_printf(&question,
                  "publisher: %s\nkey-id: %s\nfingerprint: %s\n"
                  "Is that the fingerprint that %s told you in another way? Type yes to trust the key: ",
                  c->publisher, mm_key_id_text(id, key->id), mm_public_key_fingerprint(fingerprint, key), c->publisher);
    int result = mm_buf_text(&question) ? 0 : mm_diag_memory(&c->cli.diags);
    if (result == 0 && tcflush(c->terminal, TCIFLUSH) < 0)
        result = mm_diag_errno(&c->cli.diags, MM_RULE_IO_READ, "cannot ask at the terminal", errno);
    if (result == 0)
        result = mm_file_write_all(c->terminal, question.data, question.length, "the terminal", &c->cli.diags);
    mm_buf_release(&question);
    if (result == 0)
        result = read_answer(c, answer);
    if (result == 0 && strcmp(answer, "yes") != 0)
        result = mm_diag(&c->cli.diags, MM_RULE_KEY_FINGERPRINT, "expected 'yes', found '%s': the key is not trusted",
                         mm_show(shown, answer, strlen(answer)));
    return result;
}

/* Has KEY the fingerprint that was given? */
static int check_fingerprint(struct call *c, const struct mm_public_key *key)
{
    char own[MM_KEY_FINGERPRINT_TEXT], shown[MM_SHOWN];
    if (!c->fingerprint || mm_public_key_has_fingerprint(key, c->fingerprint))
        return 0;
    return mm_diag(&c->cli.diags, MM_RULE_KEY_FINGERPRINT, "expected the fingerprint %s, found %s",
                   mm_show(shown, c->fingerprint, strlen(c->fingerprint)), mm_public_key_fingerprint(own, key));
}

static int add_key(struct call *c)
{
    struct mm_public_key key;
    if (mm_public_key_read(&key, c->text.data, c->text.length, &c->cli.diags) < 0 || check_fingerprint(c, &key) < 0)
        return -1;
    if (c->terminal >= 0 && ask(c, &key) < 0)
        return -1;
    if (mm_keyring_add(&c->keyring, c->publisher, &key, c->first_use, &c->cli.diags) < 0)
        return -1;
    if (c->first_use)
        mm_note(&c->cli.diags, MM_RULE_KEYRING_FIRST,
                "trusted on first use: nobody compared the fingerprint with %s's, so do that now", c->publisher);
    return print_trusted(c, &key,
                         c->first_use       ? "it is the publisher's first key here, on first use"
                         : c->terminal >= 0 ? "its fingerprint was confirmed"
                                            : "it has the fingerprint that was given");
}

static int add_successor(struct call *c)
{
    struct mm_public_key key;
    char id[MM_KEY_ID_TEXT], because_of[64];
    /* read for its fingerprint first, so that nothing is written that was not asked for */
    if (c->fingerprint &&
        (mm_public_key_read(&key, c->text.data, c->text.length, &c->cli.diags) < 0 || check_fingerprint(c, &key) < 0))
        return -1;
    if (mm_keyring_add_successor(&c->keyring, c->publisher, c->id, &c->text, &c->signature_text, &key, &c->cli.diags) <
        0)
        return -1;
    snprintf(because_of, sizeof because_of, "%s, which is trusted, signed it", mm_key_id_text(id, c->id));
    return print_trusted(c, &key, because_of);
}

/* ---- the other actions ---- */

static int list(struct call *c, bool strict)
{
    int result = mm_keyring_each(&c->keyring, c->publisher, strict, print_known, c, &c->cli.diags);
    if (result == 0 && c->publisher && c->listed == 0)
        result = mm_diag(&c->cli.diags, MM_RULE_KEYRING_KEY, "expected a key of %s, found none", c->publisher);
    return result == 0 ? 0 : -1;
}

static int remove_key(struct call *c)
{
    struct mm_buf out = {0};
    if (mm_keyring_remove(&c->keyring, c->publisher, c->id, &c->cli.diags) < 0)
        return -1;
    fact(c, &out, "publisher", c->publisher);
    fact(c, &out, "key-id", c->operand);
    fact(c, &out, "state", "removed");
    return print_facts(c, &out);
}

static int revoke_key(struct call *c)
{
    struct mm_revocation revocation = {0};
    if (!c->by_id)
        return mm_keyring_import_revocation(&c->keyring, c->publisher, &c->text, &c->signature_text, &revocation,
                                            &c->cli.diags) < 0
                   ? -1
                   : print_revoked(c, &revocation);
    memcpy(revocation.key_id, c->id, sizeof revocation.key_id);
    memcpy(revocation.reason, c->reason, strlen(c->reason) + 1); /* mm_value_sound has bounded it */
    if (c->time)
        memcpy(revocation.revoked, c->time, MM_TIME_SIZE);
    else
        mm_time_written(revocation.revoked);
    if (strncasecmp(c->reason, MM_REVOCATION_COMPROMISED, strlen(MM_REVOCATION_COMPROMISED)) == 0 &&
        !mm_revocation_is_compromise(&revocation))
        mm_note(&c->cli.diags, MM_RULE_REVOCATION_FORM, "only '%s' in small letters takes earlier imports along",
                MM_REVOCATION_COMPROMISED);
    return mm_keyring_revoke(&c->keyring, c->publisher, &revocation, &c->cli.diags) < 0 ? -1
                                                                                        : print_revoked(c, &revocation);
}

/* ---- the call ---- */

/* The successor's key id is that of the key before it: OLDKEYID.successor. Returns whether the operand is one. */
static bool is_successor(const struct call *c, unsigned char id[static MM_KEY_ID_BYTES])
{
    const char *slash = strrchr(c->operand, '/'), *name = slash ? slash + 1 : c->operand;
    size_t length = strlen(name), ending = strlen(SUCCESSOR_ENDING);
    if (length < ending || strcmp(name + length - ending, SUCCESSOR_ENDING) != 0)
        return false;
    if (!mm_key_id_read(name, length - ending, id))
        cli_usage(&c->cli, "expected a name that begins with the id of the key before it, found '%s'", name);
    return true;
}

/* Opens the operand, and its signature beside it if SIGNED. */
static int open_files(struct call *c, bool is_signed)
{
    char *path = NULL;
    c->file = cli_open(&c->cli, c->operand);
    if (c->file < 0 || !is_signed)
        return c->file < 0 ? -1 : 0;
    if (asprintf(&path, "%s" MM_SIGNATURE_SUFFIX, c->operand) < 0)
        return mm_diag_memory(&c->cli.diags);
    c->cli.diags.file = path;
    c->signature = mm_file_open(path, &c->cli.diags);
    c->cli.diags.file = c->operand;
    free(path);
    return c->signature < 0 ? -1 : 0;
}

/* Whoever may look at the fingerprint sits at the terminal. */
static int open_terminal(struct call *c)
{
    c->terminal = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
    if (c->terminal >= 0)
        return 0;
    return mm_diag(&c->cli.diags, MM_RULE_IO_OPEN,
                   "no terminal to ask whether the key is to be trusted: give its --fingerprint");
}

static int read_text(struct call *c, int fd, enum mm_rule rule, struct mm_buf *text)
{
    int result = mm_file_read_all(fd, MM_SIGNATURE_MAX, text, &c->cli.diags);
    if (result > 0)
        return mm_diag(&c->cli.diags, rule, "expected at most %d bytes, found more", MM_SIGNATURE_MAX);
    mm_buf_str(text, "");
    return result < 0 ? -1 : text->failed ? mm_diag_memory(&c->cli.diags) : 0;
}

static int run_inside(struct call *c, bool successor)
{
    enum mm_rule rule = c->action == ADD ? MM_RULE_KEY_FORM : MM_RULE_REVOCATION_FORM;
    if (c->file >= 0 && read_text(c, c->file, rule, &c->text) < 0)
        return -1;
    if (c->signature >= 0 && read_text(c, c->signature, MM_RULE_SIGNATURE_FORM, &c->signature_text) < 0)
        return -1;
    switch (c->action) {
    case ADD: return successor ? add_successor(c) : add_key(c);
    case REMOVE: return remove_key(c);
    case REVOKE: return revoke_key(c);
    default: return list(c, c->action == CHECK);
    }
}

static int run(struct call *c)
{
    bool successor = c->action == ADD && c->operand && is_successor(c, c->id);
    bool reads = c->action == LIST || c->action == CHECK,
         from_file = c->action == ADD || (c->action == REVOKE && !c->by_id);
    if (successor && c->first_use)
        cli_usage(&c->cli, "--trust-on-first-use is not for a successor");
    if (from_file && open_files(c, c->action == REVOKE || successor) < 0)
        return -1;
    if (c->action == ADD && !successor && !c->fingerprint && !c->first_use && open_terminal(c) < 0)
        return -1;
    if (mm_keyring_open(&c->keyring, c->keyring_path, c->action == ADD && !successor, &c->cli.diags) < 0)
        return -1;
    struct mm_sandbox_rule rule = {c->keyring.folder, reads ? MM_SANDBOX_READ : MM_SANDBOX_WRITE};
    if (cli_sandbox(&c->cli, &rule, c->keyring.folder >= 0) < 0)
        return -1;
    return run_inside(c, successor);
}

/* ---- options ---- */

static void take_operands(struct call *c)
{
    char **operands = c->cli.argv + 1;
    int count = c->cli.argc - 1;
    if (count < 0)
        cli_usage(&c->cli, "expected add, list, remove, revoke or check");
    while (c->action < ACTION_COUNT && strcmp(c->cli.argv[0], actions[c->action].word) != 0)
        c->action++;
    if (c->action == ACTION_COUNT)
        cli_usage(&c->cli, "expected add, list, remove, revoke or check, found '%s'", c->cli.argv[0]);
    if (count < actions[c->action].least || count > actions[c->action].most)
        cli_usage(&c->cli, "%s: expected %s, found %d operands", actions[c->action].word,
                  actions[c->action].least ? "PUBLISHER and one more" : "PUBLISHER or nothing", count);
    c->publisher = count > 0 ? operands[0] : NULL;
    c->operand = count > 1 ? operands[1] : NULL;
    if (c->publisher && !mm_keyring_publisher(c->publisher))
        cli_usage(&c->cli, "expected a publisher-id, found '%s'", c->publisher);
    c->by_id = c->operand && c->action != ADD && mm_key_id_read(c->operand, strlen(c->operand), c->id);
    if (c->action == REMOVE && !c->by_id)
        cli_usage(&c->cli, "expected a KEYID, 16 upper-case hex digits, found '%s'", c->operand);
}

static void check_options(const struct call *c)
{
    if (c->action != ADD && (c->fingerprint || c->first_use))
        cli_usage(&c->cli, "--fingerprint and --trust-on-first-use go with add");
    if (c->fingerprint && c->first_use)
        cli_usage(&c->cli, "--fingerprint and --trust-on-first-use exclude each other");
    bool own_word = c->action == REVOKE && c->by_id;
    if (!own_word && (c->reason || c->time))
        cli_usage(&c->cli, "--reason and --time go with revoke PUBLISHER KEYID");
    if (own_word && !c->reason)
        cli_usage(&c->cli, "revoke PUBLISHER KEYID: expected --reason TEXT");
    if (c->reason && !mm_value_sound(c->reason, strlen(c->reason)))
        cli_usage(&c->cli, "expected a reason of printable text without spaces around it, found '%s'", c->reason);
    if (c->time && !mm_time_valid(c->time, strlen(c->time)))
        cli_usage(&c->cli, "expected a time, YYYY-MM-DDTHH:MM:SSZ, found '%s'", c->time);
}

static void take_option(struct call *c, int option, const char *value)
{
    switch (option) {
    case FINGERPRINT: c->fingerprint = value; break;
    case KEYRING: c->keyring_path = value; break;
    case REASON: c->reason = value; break;
    case TIME: c->time = value; break;
    default: c->first_use = true; break;
    }
}

static void release(struct call *c)
{
    int files[] = {c->file, c->signature, c->terminal};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        if (files[i] >= 0)
            close(files[i]);
    mm_buf_release(&c->text);
    mm_buf_release(&c->signature_text);
    mm_keyring_release(&c->keyring);
}

int main(int argc, char **argv)
{
    struct call c = {.keyring = {.folder = -1}, .file = -1, .signature = -1, .terminal = -1};
    const char *value;
    int option;
    cli_init(&c.cli, &command, argc, argv);
    while ((option = cli_next(&c.cli, &value)) >= 0)
        take_option(&c, option, value);
    take_operands(&c);
    check_options(&c);
    int answer = run(&c) < 0 ? cli_failed(&c.cli) : MM_YES;
    release(&c);
    return cli_finish(&c.cli, answer);
}
