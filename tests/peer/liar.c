/* Serves the files beneath a folder over HTTP/3 by their paths, and lies the first time that it is asked for one: a peer whose answers to what
 * was asked ahead cannot be used. Usage: liar FOLDER LIE, LIE one of absent, wrong, long, short, moved, coded; the address is printed. */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "exchange/peer_id.h"
#include "key.h"
#include "serving.h"

#define PATHS 64
#define PATH_BYTES 200
#define MORE 70000 /* bytes behind the end of an answer that is too long */

struct lying {
    int folder;
    const char *lie;
    char told[PATHS][PATH_BYTES]; /* what was lied about once */
    size_t told_count;
    char range[80];
    struct mm_h3_header part; /* what RANGE says, until the answer to its request was made */
};

static void free_text(void *context, uint64_t sent)
{
    (void)sent;
    free(context);
}

/* The file at PATH, with MORE bytes of room behind it. NULL: none. */
static unsigned char *take_file(int folder, const char *path, size_t *size)
{
    struct stat info;
    int fd = strstr(path, "..") ? -1 : openat(folder, path + 1, O_RDONLY | O_CLOEXEC);
    unsigned char *text =
        fd >= 0 && fstat(fd, &info) == 0 && S_ISREG(info.st_mode) ? calloc(1, (size_t)info.st_size + MORE) : NULL;
    *size = text ? (size_t)info.st_size : 0;
    if (text && read(fd, text, *size) != (ssize_t)*size) {
        free(text);
        text = NULL;
    }
    if (fd >= 0)
        close(fd);
    return text;
}

static bool is_first(struct lying *lying, const char *path)
{
    for (size_t i = 0; i < lying->told_count; i++)
        if (strcmp(lying->told[i], path) == 0)
            return false;
    if (lying->told_count == PATHS)
        return false;
    snprintf(lying->told[lying->told_count++], PATH_BYTES, "%s", path);
    return true;
}

static void lie(const char *what, struct mm_h3_response *response, unsigned char *text)
{
    static const struct mm_h3_header moved = {"location", "/elsewhere"}, coded = {"content-encoding", "gzip"};
    if (strcmp(what, "absent") == 0) {
        response->status = 404;
        response->length = 0;
    } else if (strcmp(what, "wrong") == 0 && response->length > 0) {
        text[response->length / 2] ^= 1;
    } else if (strcmp(what, "long") == 0) {
        response->length += MORE;
    } else if (strcmp(what, "short") == 0) {
        response->length /= 2;
    } else if (strcmp(what, "moved") == 0) {
        response->status = 302;
        response->headers = &moved;
        response->header_count = 1;
    } else if (strcmp(what, "coded") == 0) {
        response->headers = &coded;
        response->header_count = 1;
    }
}

/* A part is never lied about: it is not asked for ahead. */
static void answer(void *context, struct mm_h3_connection *connection, const struct mm_h3_request *request,
                   struct mm_h3_response *response)
{
    struct lying *lying = context;
    uint64_t from, to;
    size_t size;
    (void)connection;
    response->status = 404;
    unsigned char *text = take_file(lying->folder, request->path, &size);
    if (!text)
        return;
    response->status = 200;
    response->bytes = text;
    response->length = size;
    response->done = free_text;
    response->context = text;
    if (request->range && asked_range(request->range, size, &from, &to)) {
        response->status = 206;
        response->bytes = text + from;
        response->length = to - from + 1;
        snprintf(lying->range, sizeof lying->range, "bytes %" PRIu64 "-%" PRIu64 "/%zu", from, to, size);
        lying->part = (struct mm_h3_header){"content-range", lying->range};
        response->headers = &lying->part;
        response->header_count = 1;
    } else if (!request->range && is_first(lying, request->path)) {
        lie(lying->lie, response, text);
    }
}

static void tell(const struct mm_peer_identity *identity, unsigned port)
{
    char id[MM_PEER_ID_TEXT];
    printf("h3://127.0.0.1:%u#%s\n", port, mm_peer_id_write(id, mm_peer_identity_key(identity)));
}

int main(int count, char **words)
{
    struct mm_peer_identity *identity = key_make(1);
    struct lying lying = {0};
    struct mm_diags diags;
    union mm_udp_address local = {.v4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)}};
    if (count != 3) {
        fprintf(stderr, "usage: liar FOLDER LIE\n");
        return 2;
    }
    mm_diags_init(&diags);
    lying.folder = open(words[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    lying.lie = words[2];
    struct mm_h3_settings settings = {.quic = {.identity = identity}};
    struct mm_h3_server server = {.context = &lying, .answer = answer};
    struct mm_h3 *h3 = lying.folder >= 0 ? mm_h3_new(&settings, &server, &diags) : NULL;
    return serve_until_told(h3, &local, tell, identity, &diags);
}
