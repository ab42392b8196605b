/* Serves the files of a folder over HTTP/3: a server for clients that others wrote, and for measurements.
 * Usage: serve PORT FOLDER [cubic] [retry] [demand] [small] [anywhere]   (port 0: any; the port is printed, and the raw key in hex) */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/number.h"
#include "key.h"
#include "serving.h"

struct serving {
    int folder;
};

static void close_file(void *context, uint64_t sent)
{
    (void)sent;
    close((int)(intptr_t)context);
}

static void list(struct serving *serving, struct mm_h3_response *response)
{
    static char text[65536];
    DIR *folder = fdopendir(openat(serving->folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    size_t length = 0;
    for (struct dirent *entry; folder && (entry = readdir(folder)) && length + sizeof entry->d_name + 2 < sizeof text;)
        if (entry->d_name[0] != '.')
            length += (size_t)sprintf(text + length, "%s\n", entry->d_name);
    if (folder)
        closedir(folder);
    response->status = 200;
    response->bytes = (unsigned char *)text;
    response->length = length;
}

static void answer(void *context, struct mm_h3_connection *connection, const struct mm_h3_request *request,
                   struct mm_h3_response *response)
{
    static const struct mm_h3_header fields[] = {{"accept-ranges", "bytes"}, {"cache-control", "no-store"}};
    struct serving *serving = context;
    struct stat info;
    uint64_t from, to;
    (void)connection;
    response->headers = fields;
    response->header_count = 2;
    response->status = 404;
    if (strcmp(request->path, "/") == 0) {
        list(serving, response);
        return;
    }
    int fd = strchr(request->path + 1, '/') || request->path[1] == '.'
                 ? -1
                 : openat(serving->folder, request->path + 1, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return;
    if (fstat(fd, &info) < 0 || !S_ISREG(info.st_mode)) {
        close(fd);
        return;
    }
    response->status = 200;
    response->fd = fd;
    response->length = (uint64_t)info.st_size;
    if (request->range && asked_range(request->range, (uint64_t)info.st_size, &from, &to)) {
        response->status = 206;
        response->offset = from;
        response->length = to - from + 1;
    }
    response->done = close_file;
    response->context = (void *)(intptr_t)fd;
}

static void tell(const struct mm_peer_identity *identity, unsigned port)
{
    const unsigned char *key = mm_peer_identity_key(identity);
    printf("%u ", port);
    for (size_t i = 0; i < MM_PEER_KEY_BYTES; i++)
        printf("%02x", key[i]);
    printf("\n");
}

int main(int count, char **words)
{
    struct mm_peer_identity *identity = key_make(1);
    struct serving serving = {0};
    struct mm_diags diags;
    union mm_udp_address local = {.v4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)}};
    uint64_t port = 0;
    mm_diags_init(&diags);
    if (count < 3 || !mm_number(words[1], strlen(words[1]), 65535, &port)) {
        fprintf(stderr, "usage: serve PORT FOLDER [cubic] [retry] [demand] [small] [anywhere]\n");
        return 2;
    }
    struct mm_h3_settings settings = {.quic = {.identity = identity}};
    for (int i = 3; i < count; i++) {
        if (strcmp(words[i], "cubic") == 0)
            settings.quic.congestion = MM_QUIC_CUBIC;
        else if (strcmp(words[i], "retry") == 0)
            settings.quic.handshakes = 1;
        else if (strcmp(words[i], "anywhere") == 0)
            local.v4.sin_addr.s_addr = htonl(INADDR_ANY);
        else if (strcmp(words[i], "small") == 0)
            settings.quic.datagram = 1452;
        else if (strcmp(words[i], "demand") == 0)
            settings.quic.client_key = MM_QUIC_KEY_DEMAND;
    }
    struct mm_h3_server server = {.context = &serving, .answer = answer};
    local.v4.sin_port = htons((uint16_t)port);
    serving.folder = open(words[2], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct mm_h3 *h3 = serving.folder >= 0 ? mm_h3_new(&settings, &server, &diags) : NULL;
    return serve_until_told(h3, &local, tell, identity, &diags);
}
