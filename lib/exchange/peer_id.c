#include "exchange/peer_id.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/number.h"
#include "trust/minisign.h"

_Static_assert(MM_PEER_KEY_BYTES == MM_PUBLIC_KEY_BYTES, "a peer's key is an Ed25519 key");

#define LABEL_MAX 63 /* of a DNS name */

static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz234567";

/* ---- ids ---- */

const char *mm_peer_id_write(char out[static MM_PEER_ID_TEXT], const unsigned char key[static MM_PEER_KEY_BYTES])
{
    for (unsigned i = 0; i < MM_PEER_ID_LENGTH; i++) {
        unsigned bit = i * 5, byte = bit / 8, next = byte + 1 < MM_PEER_KEY_BYTES ? key[byte + 1] : 0;
        out[i] = alphabet[((unsigned)key[byte] << 8 | next) >> (11 - bit % 8) & 31];
    }
    out[MM_PEER_ID_LENGTH] = '\0';
    return out;
}

bool mm_peer_id_read(const char *text, size_t length, unsigned char key[static MM_PEER_KEY_BYTES])
{
    unsigned held = 0, bits = 0;
    size_t done = 0;
    if (length != MM_PEER_ID_LENGTH)
        return false;
    for (size_t i = 0; i < length; i++) {
        const char *at = text[i] ? strchr(alphabet, text[i]) : NULL;
        if (!at)
            return false;
        held = held << 5 | (unsigned)(at - alphabet);
        bits += 5;
        if (bits >= 8) {
            bits -= 8;
            key[done++] = (unsigned char)(held >> bits);
            held &= (1u << bits) - 1;
        }
    }
    return held == 0 && mm_public_key_is_sound(key);
}

/* ---- addresses ---- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_label_character(char c)
{
    return (c >= 'a' && c <= 'z') || is_digit(c) || c == '-';
}

/* A DNS name in lower case: labels of letters, digits and inner hyphens, the last one not of digits alone, which would be a number. */
static bool is_name(const char *host, size_t length)
{
    size_t label = 0;
    bool digits = true; /* of the label at hand alone */
    for (size_t i = 0; i <= length; i++) {
        if (i < length && host[i] != '.') {
            if (!is_label_character(host[i]) || (host[i] == '-' && label == 0) || label == LABEL_MAX)
                return false;
            digits = digits && is_digit(host[i]);
            label++;
        } else {
            if (label == 0 || host[i - 1] == '-' || (i == length && digits))
                return false;
            label = 0;
            digits = true;
        }
    }
    return true;
}

/* Takes HOST[0..LENGTH) into ADDRESS. */
static bool take_host(struct mm_peer_address *address, const char *host, size_t length)
{
    unsigned char ignored[16];
    if (length == 0 || length > MM_PEER_HOST_MAX || memchr(host, '\0', length))
        return false;
    memcpy(address->host, host, length);
    address->host[length] = '\0';
    if (address->is_ipv6)
        return inet_pton(AF_INET6, address->host, ignored) == 1;
    return inet_pton(AF_INET, address->host, ignored) == 1 || is_name(host, length);
}

/* What is wrong with TEXT as an address, or NULL. */
static const char *parse(struct mm_peer_address *address, const char *text, size_t length)
{
    const size_t scheme = strlen(MM_PEER_SCHEME);
    uint64_t port;
    if (length < scheme || memcmp(text, MM_PEER_SCHEME, scheme) != 0)
        return "h3:// in front";
    const char *host = text + scheme, *end = text + length, *sharp = memchr(host, '#', (size_t)(end - host));
    if (!sharp)
        return "#PEERID behind the port";
    address->is_ipv6 = host < sharp && *host == '[';
    const char *close = address->is_ipv6 ? memchr(host, ']', (size_t)(sharp - host)) : NULL;
    const char *colon = address->is_ipv6 ? (close ? close + 1 : sharp) : memchr(host, ':', (size_t)(sharp - host));
    if (!colon || colon >= sharp || *colon != ':')
        return "HOST:PORT, an IPv6 address in brackets";
    if (!mm_number(colon + 1, (size_t)(sharp - colon - 1), 65535, &port) || port == 0)
        return "a port from 1 to 65535";
    address->port = (uint16_t)port;
    if (!(address->is_ipv6 ? take_host(address, host + 1, (size_t)(close - host - 1))
                           : take_host(address, host, (size_t)(colon - host))))
        return "a host name in lower case or an IP address";
    if (!mm_peer_id_read(sharp + 1, (size_t)(end - sharp - 1), address->key))
        return "a peer id, the base32 of a sound Ed25519 key: 52 of a-z and 2-7";
    return NULL;
}

int mm_peer_address_read(struct mm_peer_address *address, const char *text, size_t length, struct mm_diags *diags)
{
    char shown[MM_SHOWN];
    *address = (struct mm_peer_address){0};
    const char *expected = parse(address, text, length);
    if (!expected)
        return 0;
    return mm_diag(diags, MM_RULE_PEER_ADDRESS, "expected h3://HOST:PORT#PEERID with %s, found '%s'", expected,
                   mm_show(shown, text, length));
}

void mm_peer_address_write(const struct mm_peer_address *address, struct mm_buf *out)
{
    char id[MM_PEER_ID_TEXT];
    mm_buf_printf(out, MM_PEER_SCHEME "%s%s%s:%u#%s", address->is_ipv6 ? "[" : "", address->host,
                  address->is_ipv6 ? "]" : "", address->port, mm_peer_id_write(id, address->key));
}
