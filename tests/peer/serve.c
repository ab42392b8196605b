/* Serves the files of a folder over HTTP/3: a server for clients that others wrote, and for measurements.
 * Usage: serve PORT FOLDER [cubic] [retry] [demand] [small] [anywhere]   (port 0: any; the port is printed, and the raw key in hex) */
#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/number.h"
#include "key.h"
#include "peer/h3.h"

struct serving {
    int folder;
    struct mm_h3 *h3;
    bool stopped;
};

static void close_file(void *context, uint64_t sent)
{
    (void)sent;
    close((int)(intptr_t)context);
}

/* "bytes=A-B" with both numbers. */
static bool read_range(const char *text, uint64_t size, uint64_t *from, uint64_t *to)
{
    size_t digits;
    if (strncmp(text, "bytes=", 6) != 0)
        return false;
    text += 6;
    digits = strspn(text, "0123456789");
    if (text[digits] != '-' || !mm_number(text, digits, MM_NUMBER_MAX, from))
        return false;
    text += digits + 1;
    return mm_number(text, strlen(text), MM_NUMBER_MAX, to) && *from <= *to && *to < size;
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
    if (request->range && read_range(request->range, (uint64_t)info.st_size, &from, &to)) {
        response->status = 206;
        response->offset = from;
        response->length = to - from + 1;
    }
    response->done = close_file;
    response->context = (void *)(intptr_t)fd;
}

static void on_signal(void *context)
{
    struct serving *serving = context;
    serving->stopped = true;
    mm_h3_stop(serving->h3);
}

int main(int count, char **words)
{
    struct mm_peer_identity *identity = key_make(1);
    const unsigned char *key = mm_peer_identity_key(identity);
    struct serving serving = {0};
    struct mm_diags diags;
    union mm_udp_address local = {.v4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)}};
    uint64_t port = 0;
    sigset_t signals;
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
    serving.h3 = mm_h3_new(&settings, &server, &diags);
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    int signal_fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK), result = 3;
    if (serving.folder >= 0 && serving.h3 && mm_quic_listen(mm_h3_quic(serving.h3), &local, &diags) == 0 &&
        mm_quic_watch(mm_h3_quic(serving.h3), signal_fd, on_signal, &serving, &diags) == 0) {
        mm_quic_address(mm_h3_quic(serving.h3), 0, &local);
        printf("%u ", ntohs(local.v4.sin_port));
        for (size_t i = 0; i < MM_PEER_KEY_BYTES; i++)
            printf("%02x", key[i]);
        printf("\n");
        fflush(stdout);
        result = 0;
        while (!mm_h3_drained(serving.h3) && result == 0)
            result = mm_h3_run(serving.h3, -1, &diags) < 0 ? 3 : 0;
    }
    for (size_t i = 0; i < diags.count; i++)
        fprintf(stderr, "%s\n", diags.items[i].text);
    mm_h3_free(serving.h3);
    mm_peer_identity_free(identity);
    mm_diags_release(&diags);
    return result;
}
