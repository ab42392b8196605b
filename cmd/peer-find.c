/* peer-find: which peers the local network tells of, as peer-fetch takes them. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/number.h"
#include "cli.h"
#include "peer/lan.h"

#define WAIT 3       /* seconds */
#define WAIT_MAX 600 /* likewise */
#define MOMENT 0.3   /* seconds in which the other addresses of a peer come */

enum { WAIT_SECONDS };

static const struct cli_option options[] = {
    [WAIT_SECONDS] = {'w', "wait", "SECONDS", "listen so long, unless every PEERID is found before (default: 3)"},
};

static const struct cli_command command = {
    "peer-find",
    "[PEERID...]",
    "Print where peers are that announce themselves in the local network: all, or those with a PEERID.",
    options,
    sizeof options / sizeof *options,
    MM_GROUP_PEER,
};

struct call {
    struct cli cli;
    uint64_t wait; /* seconds */
    unsigned char (*wanted)[MM_PEER_KEY_BYTES];
    bool *seen; /* of those that are wanted */
    size_t wanted_count;
    struct mm_lan lan;
    struct mm_discoveries found;
};

/* Notes that FOUND is one of those that are wanted; true where all are. */
static bool is_wanted(struct call *c, const struct mm_discovered *found)
{
    bool wanted = c->wanted_count == 0;
    for (size_t i = 0; i < c->wanted_count; i++) {
        if (memcmp(c->wanted[i], found->key, MM_PEER_KEY_BYTES) != 0)
            continue;
        wanted = true;
        c->seen[i] = c->seen[i] || mm_discovered_is_sound(found);
    }
    return wanted;
}

static bool have_all(const struct call *c)
{
    for (size_t i = 0; i < c->wanted_count; i++)
        if (!c->seen[i])
            return false;
    return true;
}

static int look(struct call *c)
{
    double end = mm_clock_seconds() + (double)c->wait, left;
    bool all = false;
    while ((left = end - mm_clock_seconds()) > 0) {
        struct mm_discovered found;
        int result = mm_lan_found(&c->lan, (int)(left * 1000) + 1, &found, &c->cli.diags);
        if (result < 0)
            return -1;
        if (result > 0 && is_wanted(c, &found))
            mm_discoveries_add(&c->found, &found);
        if (!all && c->wanted_count > 0 && have_all(c)) {
            all = true;
            end = left > MOMENT ? mm_clock_seconds() + MOMENT : end;
        }
    }
    return 0;
}

static void add_line(const struct call *c, const struct mm_discovered *found, struct mm_buf *out)
{
    struct mm_peer_address address;
    struct mm_buf text = {0};
    char id[MM_PEER_ID_TEXT];
    mm_discovered_address(found, &address);
    mm_peer_address_write(&address, c->cli.json ? &text : out);
    if (c->cli.json) {
        mm_buf_str(out, "{\"address\":");
        mm_buf_json_str(out, mm_buf_text(&text) ? text.data : "");
        mm_buf_printf(out, ",\"peer-id\":\"%s\",\"name\":", mm_peer_id_write(id, found->key));
        mm_buf_json_str(out, found->name);
        mm_buf_str(out, "}\n");
    } else {
        mm_buf_char(out, '\t');
        mm_buf_escaped(out, found->name, strlen(found->name));
        mm_buf_char(out, '\n');
    }
    mm_buf_release(&text);
}

static int print(struct call *c)
{
    struct mm_buf out = {0};
    mm_discoveries_sort(&c->found);
    for (size_t i = 0; i < c->found.count; i++)
        add_line(c, &c->found.items[i], &out);
    if (c->found.left_out)
        mm_note(&c->cli.diags, MM_RULE_IO_LIMIT, "%" PRIu64 " more addresses were announced than are kept",
                c->found.left_out);
    int result = cli_print(&c->cli, &out);
    mm_buf_release(&out);
    return result;
}

static int run(struct call *c)
{
    if (mm_lan_browser(&c->lan, &c->cli.diags) < 0 || cli_sandbox(&c->cli, NULL, 0) < 0)
        return -1;
    int result = look(c);
    mm_lan_end(&c->lan);
    return print(c) < 0 ? -1 : result;
}

static void take_peers(struct call *c)
{
    size_t count = (size_t)c->cli.argc;
    c->wanted = calloc(count + 1, sizeof *c->wanted);
    c->seen = calloc(count + 1, sizeof *c->seen);
    if (!c->wanted || !c->seen)
        exit(cli_no_memory(command.name));
    for (; c->wanted_count < count; c->wanted_count++) {
        const char *id = c->cli.argv[c->wanted_count];
        if (!mm_peer_id_read(id, strlen(id), c->wanted[c->wanted_count]))
            cli_usage(&c->cli, "expected a peer id, found '%s'", id);
    }
}

int main(int argc, char **argv)
{
    struct call c = {.wait = WAIT, .lan = MM_LAN_NONE};
    const char *value;
    cli_init(&c.cli, &command, argc, argv);
    while (cli_next(&c.cli, &value) >= 0)
        if (!mm_number(value, strlen(value), WAIT_MAX, &c.wait) || c.wait == 0)
            cli_usage(&c.cli, "--wait: expected seconds from 1 to %d, found '%s'", WAIT_MAX, value);
    take_peers(&c);
    int result = run(&c);
    bool yes = c.found.count > 0 && have_all(&c);
    mm_discoveries_release(&c.found);
    free(c.wanted);
    free(c.seen);
    return cli_finish(&c.cli, result < 0 ? cli_failed(&c.cli) : yes ? MM_YES : MM_NO);
}
