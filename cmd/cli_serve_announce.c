/* peer-serve tells the local network of itself. */
#include <arpa/inet.h>
#include <string.h>

#include "cli_serve.h"

void cli_serve_end_announcing(struct cli_serve *c)
{
    if (c->lan.fd >= 0)
        mm_quic_watch(mm_h3_quic(mm_peer_server_h3(c->server)), c->lan.fd, NULL, NULL, &c->cli.diags);
    mm_lan_end(&c->lan);
}

/* Whatever becomes of the announcement, who knows the address is served. */
static void on_lan(void *context)
{
    struct cli_serve *c = context;
    struct mm_diags mark = c->cli.diags;
    int fd = c->lan.fd;
    if (mm_lan_announced(&c->lan, &c->cli.diags) >= 0)
        return;
    mm_diags_soften(&c->cli.diags, &mark, true);
    mm_note(&c->cli.diags, MM_RULE_IO_OPEN, "this peer is not announced any more");
    mm_quic_watch(mm_h3_quic(mm_peer_server_h3(c->server)), fd, NULL, NULL, &c->cli.diags);
    cli_report(&c->cli);
}

/* Adds ADDRESS, unless nobody else can reach it, or it has another port than those before: one port is announced. */
static void describe(struct mm_lan_announcement *what, const union mm_udp_address *address)
{
    bool is_ipv6 = address->any.sa_family == AF_INET6;
    uint16_t port = ntohs(is_ipv6 ? address->v6.sin6_port : address->v4.sin_port);
    const unsigned char *bytes = is_ipv6 ? address->v6.sin6_addr.s6_addr : (const unsigned char *)&address->v4.sin_addr;
    static const unsigned char any[16];
    if (what->port && what->port != port)
        return;
    if (memcmp(bytes, any, is_ipv6 ? 16 : 4) == 0) {
        *(is_ipv6 ? &what->ipv6 : &what->ipv4) = true;
    } else if (is_ipv6 ? !IN6_IS_ADDR_LOOPBACK(&address->v6.sin6_addr) : bytes[0] != 127) {
        what->addresses[what->count].is_ipv6 = is_ipv6;
        memcpy(what->addresses[what->count++].bytes, bytes, is_ipv6 ? 16 : 4);
    } else {
        return;
    }
    what->port = port;
}

int cli_serve_announce(struct cli_serve *c)
{
    struct mm_lan_announcement what = {0};
    union mm_udp_address address;
    struct mm_quic *quic = mm_h3_quic(mm_peer_server_h3(c->server));
    if (!c->announce)
        return 0;
    memcpy(what.key, mm_peer_identity_key(c->identity), sizeof what.key);
    for (size_t i = 0; mm_quic_address(quic, i, &address) && what.count < MM_LAN_ADDRESSES; i++)
        describe(&what, &address);
    if (what.ipv4 || what.ipv6)
        what.count = 0; /* they are among all */
    if (what.port == 0)
        return mm_diag(&c->cli.diags, MM_RULE_IO_OPEN,
                       "expected an address that others can reach, found loopback alone");
    return mm_lan_announce(&c->lan, &what, &c->cli.diags) < 0
               ? -1
               : mm_quic_watch(quic, c->lan.fd, on_lan, c, &c->cli.diags);
}
