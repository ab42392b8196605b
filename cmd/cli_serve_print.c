/* What peer-serve prints: where it is to be found, and who asked for what. */
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "cli_serve.h"

/* ---- the log ---- */

static void add_member(struct cli_serve *c, const char *name, const char *value)
{
    if (c->cli.json) {
        mm_buf_printf(&c->line, ",\"%s\":", name);
        mm_buf_json_str(&c->line, value);
    } else {
        mm_buf_char(&c->line, '\t');
        mm_buf_escaped(&c->line, value, strlen(value));
    }
}

static void add_number(struct cli_serve *c, const char *name, uint64_t value)
{
    if (c->cli.json)
        mm_buf_printf(&c->line, ",\"%s\":%" PRIu64, name, value);
    else
        mm_buf_printf(&c->line, "\t%" PRIu64, value);
}

/* TIME STATUS BYTES MILLISECONDS METHOD PATH, and who asked where that is asked for. */
void cli_serve_log(void *context, const struct mm_peer_served *request)
{
    struct cli_serve *c = context;
    char time[MM_TIME_SIZE], id[MM_PEER_ID_TEXT], address[MM_UDP_TEXT];
    union mm_udp_address from;
    mm_time_now(time);
    mm_buf_printf(&c->line, c->cli.json ? "{\"time\":\"%s\"" : "%s", time);
    add_number(c, "status", (uint64_t)request->status);
    add_number(c, "bytes", request->sent);
    add_number(c, "milliseconds", request->time / 1000000);
    add_member(c, "method", request->method);
    add_member(c, "path", request->path);
    if (c->log_clients) {
        socklen_t length = request->from->sa_family == AF_INET6 ? sizeof from.v6 : sizeof from.v4;
        bool known = mm_udp_address(&from, request->from, length);
        add_member(c, "peer-id", request->client ? mm_peer_id_write(id, request->client) : "-");
        add_member(c, "from", known ? mm_udp_text(address, &from) : "-");
    }
    mm_buf_str(&c->line, c->cli.json ? "}\n" : "\n");
    if (cli_print(&c->cli, &c->line) < 0) /* nobody reads it: that ends the command, but not this call */
        mm_h3_stop(mm_peer_server_h3(c->server));
}

/* ---- what is said first ---- */

static void add_address(struct cli_serve *c, struct mm_buf *out, const union mm_udp_address *address)
{
    char text[MM_UDP_TEXT], id[MM_PEER_ID_TEXT];
    struct mm_buf whole = {0};
    mm_buf_printf(&whole, MM_PEER_SCHEME "%s#%s", mm_udp_text(text, address),
                  mm_peer_id_write(id, mm_peer_identity_key(c->identity)));
    if (c->cli.json)
        mm_buf_json_str(out, mm_buf_text(&whole) ? whole.data : "");
    else
        mm_buf_printf(out, "address: %s\n", mm_buf_text(&whole) ? whole.data : "");
    mm_buf_release(&whole);
}

int cli_serve_print_beginning(struct cli_serve *c)
{
    struct mm_buf out = {0};
    char id[MM_PEER_ID_TEXT];
    union mm_udp_address address;
    cli_fact(&c->cli, &out, "peer-id", mm_peer_id_write(id, mm_peer_identity_key(c->identity)), false);
    cli_number(&c->cli, &out, "models", mm_shares_models(c->shares));
    if (c->directory)
        cli_fact(&c->cli, &out, "catalog", c->catalog_id, false);
    mm_buf_str(&out, c->cli.json ? ",\"addresses\":[" : "");
    for (size_t i = 0; mm_quic_address(mm_h3_quic(mm_peer_server_h3(c->server)), i, &address); i++) {
        mm_buf_str(&out, c->cli.json && i ? "," : "");
        add_address(c, &out, &address);
    }
    mm_buf_str(&out, c->cli.json ? "]}\n" : "");
    int result = cli_print(&c->cli, &out);
    mm_buf_release(&out);
    return result;
}
